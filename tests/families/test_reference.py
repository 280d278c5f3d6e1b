"""The NumPy twin against hand calculation, finite differences and the book's published curve."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet import reference

COSTS = sorted(reference.COSTS)
LOGISTIC_1 = 1 / (1 + np.exp(-1.0))


def python2_shuffle(items: list[int], uniform: Callable[[], float]) -> None:
    """Shuffle in place as Python 2 did, which Python 3's random.shuffle no longer does."""
    for i in range(len(items) - 1, 0, -1):
        j = int(uniform() * (i + 1))
        items[i], items[j] = items[j], items[i]


def joined(pair):
    first, second = pair
    return [*first, *second]


def random_problem(sizes, rows, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    biases, weights = reference.initialize(sizes, rng, dtype=dtype)
    X = rng.random((rows, sizes[0])).astype(dtype)
    Y = rng.random((rows, sizes[-1])).astype(dtype)
    return biases, weights, X, Y


def summed_cost(biases, weights, X, Y, cost):
    return len(X) * reference.total_cost(biases, weights, X, Y, lmbda=0.0, cost=cost)


def central_difference(parameters, evaluate, h=1e-5):
    """Return d evaluate() / d parameters, nudging one entry at a time."""
    slope = np.empty_like(parameters)
    for index in np.ndindex(parameters.shape):
        kept = parameters[index]
        parameters[index] = kept + h
        above = evaluate()
        parameters[index] = kept - h
        slope[index] = (above - evaluate()) / (2 * h)
        parameters[index] = kept
    return slope


@pytest.mark.parametrize("cost", COSTS)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_gradient_is_the_slope_of_the_cost(cost, sizes, rows, seed):
    biases, weights, X, Y = random_problem(sizes, rows, seed=seed)
    nabla_b, nabla_w = reference.backprop(biases, weights, X, Y, cost)
    assert len(nabla_b) == len(nabla_w) == len(sizes) - 1
    for parameters, nabla in zip(biases + weights, nabla_b + nabla_w, strict=True):
        slope = central_difference(parameters, lambda: summed_cost(biases, weights, X, Y, cost))
        # Two gradients that are both nothing but rounding would agree and prove nothing.
        assert np.abs(slope).max() > 1e-7
        assert nabla.shape == parameters.shape
        np.testing.assert_allclose(nabla, slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("cost", COSTS)
def test_one_neuron_by_hand(cost):
    # z = 2 * 0.5 - 1 * 1 + 1 = 1 and a = 0.7311; the target is 0.
    biases, weights = [np.array([[1.0]])], [np.array([[2.0, -1.0]])]
    x, y = np.array([[0.5, 1.0]]), np.array([[0.0]])
    a = LOGISTIC_1
    delta = {"quadratic": a * a * (1 - a), "cross_entropy": a}[cost]
    value = {"quadratic": a * a / 2, "cross_entropy": -np.log(1 - a)}[cost]

    np.testing.assert_allclose(reference.feedforward(biases, weights, x), [[a]], rtol=1e-15)
    (nabla_b,), (nabla_w,) = reference.backprop(biases, weights, x, y, cost)
    np.testing.assert_allclose(nabla_b, [[delta]], rtol=1e-14)
    np.testing.assert_allclose(nabla_w, [[0.5 * delta, delta]], rtol=1e-14)

    decayed = 0.5 * 3.0 * (2.0**2 + 1.0**2)
    total = reference.total_cost(biases, weights, x, y, lmbda=3.0, cost=cost)
    assert total == pytest.approx(value + decayed, rel=1e-14)

    reference.update(biases, weights, x, y, eta=0.1, lmbda=3.0, n=6, cost=cost)
    np.testing.assert_allclose(biases[0], [[1 - 0.1 * delta]], rtol=1e-14)
    expected = [[0.95 * 2 - 0.05 * delta, -0.95 - 0.1 * delta]]
    np.testing.assert_allclose(weights[0], expected, rtol=1e-14)


def test_two_layers_by_hand():
    # 1-1-1: hidden z = 0, a = 1/2; output z = 2 * 1/2 = 1; target 1.
    biases = [np.array([[-3.0]]), np.array([[0.0]])]
    weights = [np.array([[1.0]]), np.array([[2.0]])]
    nabla_b, nabla_w = reference.backprop(
        biases, weights, np.array([[3.0]]), np.array([[1.0]]), "cross_entropy"
    )
    delta = LOGISTIC_1 - 1
    hidden = delta * 2 * 0.25
    got = [nabla_b[0].item(), nabla_w[0].item(), nabla_b[1].item(), nabla_w[1].item()]
    np.testing.assert_allclose(got, [hidden, 3 * hidden, delta, delta / 2], rtol=1e-14)


@pytest.mark.parametrize("make_rng", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("large", [False, True])
def test_initialize_draws_biases_then_weights(make_rng, large):
    rng, twin = make_rng(7), make_rng(7)
    biases, weights = reference.initialize([4, 3, 2], rng, large=large)
    expected_b = [twin.standard_normal((n, 1)) for n in (3, 2)]
    expected_w = [twin.standard_normal(shape) for shape in ((3, 4), (2, 3))]
    if not large:
        expected_w = [expected_w[0] / 2.0, expected_w[1] / np.sqrt(3.0)]
    for got, expected in zip(biases + weights, expected_b + expected_w, strict=True):
        np.testing.assert_array_equal(got, expected, strict=True)
    assert rng.standard_normal() == twin.standard_normal()


def test_initialize_draws_the_same_numbers_for_float32():
    double = reference.initialize([4, 3, 2], np.random.default_rng(3))
    single = reference.initialize([4, 3, 2], np.random.default_rng(3), dtype=np.float32)
    for d, s in zip(joined(double), joined(single), strict=True):
        np.testing.assert_array_equal(s, d.astype(np.float32), strict=True)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("rows", [1, 3, 7])
def test_batch_gradient_is_the_sum_over_its_rows(cost, rows):
    biases, weights, X, Y = random_problem([5, 4, 3], rows)
    whole = joined(reference.backprop(biases, weights, X, Y, cost))
    parts = [joined(reference.backprop(biases, weights, X[[i]], Y[[i]], cost)) for i in range(rows)]
    for together, *single in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(together, sum(single), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("cost", COSTS)
def test_epoch_is_its_updates_with_a_short_last_batch(cost):
    biases, weights, X, Y = random_problem([5, 4, 3], 7)
    order = [6, 2, 0, 5, 1, 3, 4]
    by_hand = [p.copy() for p in biases], [p.copy() for p in weights]
    options = {"eta": 0.5, "lmbda": 0.7, "cost": cost}
    reference.train_epoch(biases, weights, X, Y, order, mini_batch_size=3, **options)
    for rows in ([6, 2, 0], [5, 1, 3], [4]):
        reference.update(*by_hand, X[rows], Y[rows], n=7, **options)
    for got, expected in zip(biases + weights, joined(by_hand), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("cost", COSTS)
def test_float32_stays_float32_and_follows_float64(cost):
    single = random_problem([6, 5, 3], 20, np.float32)
    double = [
        [p.astype(np.float64) for p in part] if isinstance(part, list) else part.astype(np.float64)
        for part in single
    ]
    # A float64 scalar for eta is what would lift a careless update.
    options = {"mini_batch_size": 4, "eta": np.float64(0.5), "lmbda": 0.1, "cost": cost}
    reference.train_epoch(*single, range(20), **options)
    reference.train_epoch(*double, range(20), **options)
    gradients = joined(reference.backprop(*single, cost))
    outputs = [reference.feedforward(*single[:3])]
    assert {a.dtype for a in single[0] + single[1] + gradients + outputs} == {np.dtype("f4")}
    for got, expected in zip(single[0] + single[1], double[0] + double[1], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_cross_entropy_is_right(dtype):
    z = np.array([[800.0, -800.0, 800.0, -800.0]], dtype=dtype)
    y = np.array([[1.0, 0.0, 0.0, 1.0]], dtype=dtype)
    biases, weights, x = [z.T.copy()], [np.zeros((4, 1), dtype)], np.zeros((1, 1), dtype)
    cost = reference.total_cost(biases, weights, x, y, lmbda=0.0, cost="cross_entropy")
    assert cost == 1600.0
    (nabla_b,), _ = reference.backprop(biases, weights, x, y, "cross_entropy")
    np.testing.assert_array_equal(nabla_b, [[0.0], [0.0], [1.0], [-1.0]])


def test_small_cross_entropy_keeps_its_digits():
    # log(1 + e^-40) is e^-40 to 17 digits, and 1 - a has none left at z = 40.
    biases, weights, x = [np.array([[40.0]])], [np.zeros((1, 1))], np.zeros((1, 1))
    cost = reference.total_cost(
        biases, weights, x, np.ones((1, 1)), lmbda=0.0, cost="cross_entropy"
    )
    assert cost == pytest.approx(np.exp(-40.0), rel=1e-14)


def test_accuracy_takes_class_numbers_and_rows():
    biases = [np.zeros((3, 1))]
    weights = [np.eye(3)]
    X = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [0.0, 1.0, 2.0]])
    y = np.array([0, 1, 1])
    assert reference.accuracy(biases, weights, X, y) == 2
    assert reference.accuracy(biases, weights, X, reference.one_hot(y, 3)) == 2


def test_two_epochs_of_the_published_run():
    """The book's own curve begins 9270, 9414; equality, since rounding has not moved it."""
    from fastnet.datasets import load_mnist

    train, validation, _ = load_mnist()
    Y = reference.one_hot(train.y, 10)
    uniform = random.Random(12345678).random
    biases, weights = reference.initialize([784, 30, 10], np.random.RandomState(12345678))
    order = list(range(50_000))
    curve = []
    for _ in range(2):
        python2_shuffle(order, uniform)
        reference.train_epoch(
            biases, weights, train.X, Y, order,
            mini_batch_size=10, eta=0.1, lmbda=5.0, cost="cross_entropy",
        )  # fmt: skip
        curve.append(reference.accuracy(biases, weights, validation.X, validation.y))
    assert curve == [9270, 9414]


@pytest.mark.parametrize("cost", sorted(reference.COSTS))
@pytest.mark.parametrize("z", [-30.0, -2.0, 0.0, 0.7, 5.0, 30.0])
@pytest.mark.parametrize("y", [-1.0, 0.0, 0.3, 1.0, 4.0])
def test_delta_is_the_derivative_of_fn(cost, z, y):
    """To fifty digits; what is left of 1 - a where a is nearly 1 has the digits of a."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath is missing")
    fn, delta = reference.COSTS[cost]

    def at(value):
        a = 1 / (1 + mpmath.exp(-value))
        if cost == "quadratic":
            return (a - y) ** 2 / 2
        return -y * mpmath.log(a) - (1 - y) * mpmath.log(1 - a)

    with mpmath.workdps(50):
        wanted_cost, wanted = float(at(mpmath.mpf(z))), float(mpmath.diff(at, z))
    z = np.array([[z]])
    a, y = reference.sigmoid(z), np.array([[y]])
    np.testing.assert_allclose(fn(z, a, y), wanted_cost, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(delta(z, a, y), wanted, rtol=1e-12, atol=1e-15)


def exact_activations(mp):
    """Each activation in mpmath, by its definition."""
    alpha, scale = selu_constants(mp)

    def elu(z, alpha=1):
        return z if z > 0 else alpha * (mp.exp(z) - 1)

    return {
        "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
        "tanh": lambda z: (mp.exp(z) - mp.exp(-z)) / (mp.exp(z) + mp.exp(-z)),
        "relu": lambda z: max(z, mp.mpf(0)),
        "leaky_relu": lambda z: z if z > 0 else z / 100,
        "identity": lambda z: z,
        "exponential": mp.exp,
        "elu": elu,
        "selu": lambda z: scale * elu(z, alpha),
        "gelu": lambda z: z * mp.erfc(-z / mp.sqrt(2)) / 2,
        "silu": lambda z: z / (1 + mp.exp(-z)),
        "softplus": lambda z: mp.log(1 + mp.exp(z)),
        "softsign": lambda z: z / (1 + abs(z)),
        "sine": mp.sin,
    }


def selu_constants(mp):
    """Equation 14 of Klambauer et al. 2017: with them N(0, 1) keeps mean 0 and variance 1."""
    a, b = mp.erfc(1 / mp.sqrt(2)), mp.erfc(mp.sqrt(2))
    alpha = -mp.sqrt(2 / mp.pi) / (a * mp.sqrt(mp.e) - 1)
    lower = a * mp.sqrt(mp.e) * 2 - b * mp.e**2 - 1
    return alpha, 1 / mp.sqrt(mp.mpf(1) / 2 - alpha**2 * lower / 2)


@pytest.mark.parametrize("name", reference.ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 4e-15), (np.float32, 5e-7)])
def test_activations_and_their_derivatives_have_all_their_digits(name, dtype, tolerance):
    """Over [-20, 20] by mpmath: relative error, or absolute where terms of size 1 cancel."""
    mpmath = pytest.importorskip("mpmath", reason="mpmath is missing")
    points = [-20, -7.5, -3, -1.25, -0.75, -1e-3, -1e-9, 1e-9, 1e-3, 0.3, 1, 2.5, 9, 20]
    z = np.array(points, dtype=dtype)
    activation = reference.ACTIVATIONS[name]
    with mpmath.workdps(60):
        exact = exact_activations(mpmath)[name]
        values = [float(exact(mpmath.mpf(float(x)))) for x in z]
        slopes = [float(mpmath.diff(exact, mpmath.mpf(float(x)), h=1e-20)) for x in z]
    if name == "gelu" and dtype == np.float64:
        tolerance = 1e-13  # e^(-z^2 / 2) has z^2 times the relative error of z
    sums = {"gelu": "prime", "silu": "prime", "sine": "fn prime"}.get(name, "")
    for part, wanted in (("fn", values), ("prime", slopes)):
        found = getattr(activation, part)(z)
        assert found.dtype == dtype and found.shape == z.shape
        absolute = tolerance if part in sums else 0
        np.testing.assert_allclose(found, np.array(wanted, dtype), rtol=tolerance, atol=absolute)


@pytest.mark.parametrize("name", [n for n in reference.ACTIVATIONS if n != "exponential"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_of_large_arguments_do_not_overflow(name, dtype):
    z = np.array([[-1e30, -1e4, -700, 0], [700, 1e4, 1e30, 1]], dtype=dtype)
    for function in reference.ACTIVATIONS[name]:
        found = function(z)
        assert found.dtype == dtype and found.shape == z.shape
        assert np.isfinite(found).all()


def test_derivatives_at_kinks_are_those_from_the_left():
    at_zero = {
        name: activation.prime(np.zeros(1)).item()
        for name, activation in reference.ACTIVATIONS.items()
        if name in ("relu", "leaky_relu", "elu", "selu")
    }
    scale, alpha = 1.0507009873554804934, 1.6732632423543772848
    assert at_zero == {"relu": 0, "leaky_relu": 0.01, "elu": 1, "selu": scale * alpha}
