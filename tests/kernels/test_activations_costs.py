"""Every activation under every cost: outputs, gradients, and what saturation does to both."""

import math

import mpmath
import numpy as np
import pytest

import fastnet
from fastnet import (
    CrossEntropyCost,
    LogLikelihoodCost,
    PoissonCost,
    QuadraticCost,
    activations,
    costs,
)
from fastnet.kernels import codes

from ..formulas import ACTIVATIONS, HIDDEN, OUTPUTS, Plain, cost_of, flattened
from ..strategies import DTYPES

COMBINATIONS = [(hidden, cost, output) for hidden in HIDDEN for cost, output in OUTPUTS]


def build(hidden, cost, output, dtype=np.float64, sizes=(5, 7, 4, 3), rng=3):
    """A network whose weighted inputs are of the order of 1."""
    return fastnet.Network(
        list(sizes), cost, dtype=dtype, rng=rng, activation=hidden, output=output,
        bias_initializer="normal",
    )  # fmt: skip


def draw_data(n_in, n_out, n=6, seed=0):
    """Inputs and targets; targets of a row sum up to 1, as softmax's do."""
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_out)) + 0.1
    return rng.standard_normal((n, n_in)), Y / Y.sum(axis=1, keepdims=True)


def test_all_names_are_covered():
    """A new activation or cost must come into these tests."""
    assert list(ACTIVATIONS) == list(activations.ACTIVATIONS) == list(codes.ACTIVATIONS)
    assert [name for name in ACTIVATIONS if not activations.ACTIVATIONS[name].output_only] == HIDDEN
    assert set(costs.COSTS) == set(codes.COSTS)
    of_several_outputs = {"quantile", "gaussian"}  # see test_losses.py
    assert {cost for cost, _ in OUTPUTS} == set(costs.COSTS) - of_several_outputs


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_outputs_come_near_both_ends_of_their_range(name):
    """What targets are held against; an end that is infinite in the table is exceeded."""
    z = np.concatenate([np.linspace(-400, 400, 81), np.linspace(-2, 2, 81)])
    a = ACTIVATIONS[name][0](np.stack([z, np.zeros_like(z)], axis=1))[:, 0]
    known = activations.ACTIVATIONS[name]
    for end, most in ((known.lowest, a.min()), (known.highest, a.max())):
        assert most == pytest.approx(end, abs=0.03) if math.isfinite(end) else abs(most) > 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("hidden", "cost", "output"), COMBINATIONS)
def test_outputs_costs_and_gradients_are_the_formulas(hidden, cost, output, dtype):
    net = build(hidden, cost, output, dtype)
    X, Y = draw_data(5, 3)
    X, Y = X.astype(dtype), Y.astype(dtype)
    plain = Plain.of(net)
    tolerance = 2000 * float(np.finfo(dtype).eps)
    expected = plain.forward(X)[1][-1]
    np.testing.assert_allclose(net.feedforward(X), expected, rtol=tolerance, atol=tolerance)
    mean = plain.costs(X, Y).mean()
    assert net.total_cost((X, Y), 0.0) == pytest.approx(mean, rel=tolerance)
    wanted = flattened(*plain.gradient(X, Y)) * len(X)
    np.testing.assert_allclose(
        flattened(*net.backprop(X, Y)), wanted, rtol=0, atol=tolerance * np.abs(wanted).max()
    )


@pytest.mark.parametrize(("hidden", "cost", "output"), COMBINATIONS)
def test_gradients_are_finite_differences(hidden, cost, output):
    """Of the plain cost, which knows no backpropagation; and no layer's gradient is all zero."""
    net = build(hidden, cost, output)
    X, Y = draw_data(5, 3)
    plain = Plain.of(net)
    assert min(np.abs(z).min() for z in plain.forward(X)[0]) > 1e-4, "too near to a kink"
    gradient = flattened(*net.backprop(X, Y))
    for part in (*net.backprop(X, Y)[0], *net.backprop(X, Y)[1]):
        assert np.abs(part).max() > 1e-3, "a zero gradient proves nothing"
    start, step = plain.flat, 1e-6
    for j in range(start.size):
        costs = []
        for sign in (1, -1):
            moved = start.copy()
            moved[j] += sign * step
            plain.flat = moved
            costs.append(plain.costs(X, Y).sum())
        difference = (costs[0] - costs[1]) / (2 * step)
        # The rounding of a cost is divided by the step, and squared exponentials cost much.
        rounding = np.finfo(float).eps * costs[0] / step if output == "exponential" else 0
        assert gradient[j] == pytest.approx(difference, rel=1e-6, abs=2e-8 + rounding)


@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
def test_class_numbers_are_rows_with_a_one(cost, output):
    net = build("tanh", cost, output)
    X, _ = draw_data(5, 3)
    labels = np.array([0, 1, 2, 2, 1, 0])
    Y = np.eye(3)[labels]
    np.testing.assert_array_equal(
        flattened(*net.backprop(X, labels)), flattened(*net.backprop(X, Y))
    )
    assert net.total_cost((X, labels), 0.0) == net.total_cost((X, Y), 0.0)


def test_log_likelihood_of_targets_that_nearly_sum_up_to_one():
    """C = -sum y ln a with any y: its gradient is a sum(y) - y."""
    net = build("sigmoid", "log_likelihood", "softmax", sizes=(4, 3))
    X, Y = draw_data(4, 3)
    Y = np.eye(3)[Y.argmax(axis=1)] * np.linspace(0.9991, 1.0009, len(Y))[:, np.newaxis]
    wanted = flattened(*Plain.of(net).gradient(X, Y)) * len(X)
    np.testing.assert_allclose(flattened(*net.backprop(X, Y)), wanted, rtol=1e-12, atol=1e-14)


def test_a_name_a_layer():
    names = ["tanh", "relu", "identity"]
    net = fastnet.Network([4, 6, 5, 4, 3], "quadratic", activation=names, output="leaky_relu")
    assert net.activations == [*names, "leaky_relu"]
    X, _ = draw_data(4, 3)
    np.testing.assert_allclose(net.feedforward(X), Plain.of(net).forward(X)[1][-1], rtol=1e-12)
    for name in (*names, "leaky_relu"):
        assert name in repr(net)


@pytest.mark.parametrize(
    ("cost", "output"),
    [
        ("cross_entropy", "sigmoid"),
        ("quadratic", "sigmoid"),
        ("log_likelihood", "softmax"),
        ("poisson", "exponential"),
    ],
)
def test_the_output_activation_that_a_cost_goes_with(cost, output):
    assert fastnet.Network([2, 2, 2], cost, activation="tanh").activations == ["tanh", output]


# --- saturation ----------------------------------------------------------------------------------


def straight(output, cost, n, dtype):
    """A network whose weighted outputs are its inputs."""
    net = fastnet.Network([n, n], cost, output=output, dtype=dtype)
    net.weights, net.biases = [np.eye(n)], [np.zeros((n, 1))]
    return net


def exact_cost(cost, output, z, y):
    """The cost of one example, in 1500 digits: enough for 1 - sigma(1000) to be no zero."""
    with mpmath.workdps(1500):
        z, y = [mpmath.mpf(float(v)) for v in z], [mpmath.mpf(float(v)) for v in y]
        if output == "softmax":
            total = mpmath.fsum(mpmath.exp(v) for v in z)
            a = [mpmath.exp(v) / total for v in z]
        else:
            a = [1 / (1 + mpmath.exp(-v)) for v in z]
        if cost == "quadratic":
            terms = [(p - q) ** 2 / 2 for p, q in zip(a, y, strict=True)]
        elif cost == "cross_entropy":
            terms = [
                -q * mpmath.log(p) - (1 - q) * mpmath.log(1 - p) for p, q in zip(a, y, strict=True)
            ]
        else:
            terms = [-q * mpmath.log(p) for p, q in zip(a, y, strict=True)]
        return float(mpmath.fsum(terms))


FAR = [-1e3, -710.0, -50.0, -20.0, -1.0, 0.0, 1.0, 20.0, 50.0, 710.0, 1e3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_a_saturated_sigmoid_costs_what_it_should(cost, target, dtype):
    net = straight("sigmoid", cost, 1, dtype)
    eps = float(np.finfo(dtype).eps)
    for z in FAR:
        got = net.total_cost((np.array([[z]]), np.array([target])), 0.0)
        expected = exact_cost(cost, "sigmoid", [z], [target])
        # The quadratic cost sees the output as it is rounded, and (a - y)^2 / 2 moves with that.
        rounded = eps * np.sqrt(2 * expected) + eps**2 if cost == "quadratic" else 0
        assert got == pytest.approx(expected, rel=8 * eps, abs=rounded)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("z", [[1e3, 0, -1e3], [-1e3, -1e3, -1e3], [1e3, 1e3, 1e3 - 1], [0, 30, 2]])
@pytest.mark.parametrize("cost", ["log_likelihood", "quadratic"])
def test_a_saturated_softmax_costs_what_it_should(cost, z, dtype):
    net = straight("softmax", cost, 3, dtype)
    eps = float(np.finfo(dtype).eps)
    for y in (*np.eye(3), np.array([0.25, 0.5, 0.25])):
        got = net.total_cost((np.array([z], dtype), y[np.newaxis]), 0.0)
        assert got == pytest.approx(exact_cost(cost, "softmax", z, y), rel=8 * eps, abs=2 * eps)
    np.testing.assert_allclose(net.feedforward(np.array([z], dtype)).sum(), 1, rtol=4 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cost", "output"), [pair for pair in OUTPUTS if pair[1] != "exponential"])
def test_saturated_gradients_are_finite_and_right(cost, output, dtype):
    """At z = +-1000 cross-entropy and log-likelihood still learn; nothing becomes NaN."""
    net = straight(output, cost, 3, dtype)
    X = np.array([[1e3, -1e3, 0.0], [-1e3, 1e3, 1e3], [1e3, 1e3, 1e3]], dtype)
    Y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype)
    wanted = Plain.of(net).gradient(X, Y)[0][0] * len(X)
    got = net.backprop(X, Y)[0][0].ravel()
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    if cost != "quadratic":
        assert np.abs(got).max() > 0.3, "a saturated output must still learn"
    before = net.parameters.copy()
    net.train((X, Y), 3, 2, optimizer=fastnet.SGD(1e-4), metrics=["training_cost"])
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.history.column("training_cost")).all()
    if cost != "quadratic":
        assert np.abs(net.parameters - before).max() > 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_exponential_that_is_far_too_small_learns_and_one_that_is_too_large_says_so(dtype):
    """exp(1000) is more than either dtype holds: no cost can be right there, and none is given."""
    net = straight("exponential", "poisson", 1, dtype)
    y = np.array([[3.0]], dtype)
    assert net.backprop(np.array([[-1e3]], dtype), y)[0][0].item() == -3
    assert net.total_cost((np.array([[1e3]], dtype), y), 0.0) == np.inf
    before = net.parameters.copy()
    with pytest.raises(fastnet.DivergenceError):
        net.train((np.array([[1e3]], dtype), y), 1, 1, optimizer=fastnet.SGD(1e-4))
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", HIDDEN)
def test_activations_everywhere(output, dtype):
    """Over and far beyond what is finite in between: exp(1000) must not be met on the way."""
    far = np.concatenate([np.logspace(-300, 3.5, 700), [1e30]]).astype(dtype)
    z = np.concatenate([-far[::-1], [0.0], far]).astype(dtype)
    net = straight(output, "quadratic", 1, dtype)
    got = net.feedforward(z[:, np.newaxis]).ravel()
    tiny = np.finfo(dtype).tiny
    with np.errstate(under="ignore"):
        expected = ACTIVATIONS[output][0](z.astype(np.float64))
    rtol = 8 * np.finfo(dtype).eps
    if output == "gelu":  # the formula's erfc has z^2 times the relative error of z
        rtol = max(rtol, 1e-13)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=float(tiny))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_saturated_hidden_layers_give_no_nan(hidden, dtype):
    net = fastnet.Network([2, 3, 2], dtype=dtype, activation=hidden, rng=0)
    net.weights[0] = np.array([[1e3, 0], [0, -1e3], [1e3, 2e3]])
    X = np.array([[1.0, 1.0], [-1.0, 1.0], [0.5, -1.0]])
    wanted = flattened(*Plain.of(net).gradient(X, np.eye(2)[[0, 1, 1]])) * 3
    got = flattened(*net.backprop(X, [0, 1, 1]))
    # In float32 a bias beside a weighted input of 1000 has but four digits left.
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
    assert np.abs(wanted).max() > 0.01


# --- the classes, as users call them -------------------------------------------------------------


#: Each class, and the output whose error its `delta` is.
CLASSES = [
    (QuadraticCost, "sigmoid"),
    (CrossEntropyCost, "sigmoid"),
    (LogLikelihoodCost, "softmax"),
    (PoissonCost, "exponential"),
]


@pytest.mark.parametrize(("cost", "output"), CLASSES)
def test_cost_classes_are_the_formulas(cost, output):
    rng = np.random.default_rng(5)
    z = rng.standard_normal((4, 3))
    y = np.eye(3)[[0, 1, 2, 1]]
    a = ACTIVATIONS[output][0](z)
    assert cost.fn(a, y) == pytest.approx(cost_of(cost.name, z, a, y).sum(), rel=1e-13)
    plain = Plain([], [], [output], cost.name)
    np.testing.assert_allclose(cost.delta(z, a, y), plain._output_error(z, a, y), rtol=1e-12)


#: What each class's `a` is made of z by, an example a column.
OUTPUT_OF = {
    QuadraticCost: ACTIVATIONS["sigmoid"][0],
    CrossEntropyCost: ACTIVATIONS["sigmoid"][0],
    LogLikelihoodCost: lambda z: ACTIVATIONS["softmax"][0](z.T).T,
    PoissonCost: np.exp,
}
TARGETS = {
    "one-hot": lambda rng, shape: np.eye(shape[0])[rng.integers(0, shape[0], shape[1])].T,
    "several labels": lambda rng, shape: rng.integers(0, 2, shape),
    "soft": lambda rng, shape: rng.dirichlet(np.ones(shape[0]), shape[1]).T,
    "any": lambda rng, shape: rng.normal(size=shape),
    "large": lambda rng, shape: 100 * rng.random(shape),
    "zeros": lambda rng, shape: np.zeros(shape),
}


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 4), (3, 2), (4, 5)])
@pytest.mark.parametrize("cost", OUTPUT_OF)
def test_delta_is_the_derivative_of_fn(cost, shape, targets):
    """By central differences of `fn`, for one example and several, whatever the targets."""
    rng = np.random.default_rng(3)
    output = OUTPUT_OF[cost]
    z, y = 2 * rng.normal(size=shape), TARGETS[targets](rng, shape)
    differences, h = np.empty(shape), 1e-5
    for place in np.ndindex(shape):
        step = np.zeros(shape)
        step[place] = h
        differences[place] = (cost.fn(output(z + step), y) - cost.fn(output(z - step), y)) / 2 / h
    got = cost.delta(z, output(z), y)
    scale = 1 + np.abs(y).max() + output(z).max()
    np.testing.assert_allclose(got, differences, rtol=1e-6, atol=1e-7 * scale)
    if shape[1] == 1:
        column = cost.delta(z.ravel(), output(z).ravel(), y.ravel())
        np.testing.assert_array_equal(column, got.ravel())


@pytest.mark.parametrize("cost", OUTPUT_OF)
@pytest.mark.parametrize("far", [-700.0, -40.0, 40.0, 300.0])
def test_delta_is_the_derivative_far_out(cost, far):
    """Where a is all but 0 or 1: the derivative to fifty digits, of what `fn` says it is."""
    z, y = np.array([far, 0.0]), np.array([0.3, 0.9])
    with mpmath.workdps(400):
        one, zs, ys = mpmath.mpf(1), [mpmath.mpf(v) for v in z], [mpmath.mpf(v) for v in y]

        def cost_at(first, second):
            e = [mpmath.exp(first), mpmath.exp(second)]
            if cost is LogLikelihoodCost:
                a = [v / sum(e) for v in e]
                return -sum(t * mpmath.log(v) for v, t in zip(a, ys, strict=True))
            if cost is PoissonCost:
                return sum(v - t * mpmath.log(v) for v, t in zip(e, ys, strict=True))
            a = [v / (one + v) for v in e]
            if cost is QuadraticCost:
                return sum((v - t) ** 2 for v, t in zip(a, ys, strict=True)) / 2
            return -sum(
                t * mpmath.log(v) + (one - t) * mpmath.log(one - v)
                for v, t in zip(a, ys, strict=True)
            )

        wanted = [float(mpmath.diff(cost_at, zs, n)) for n in [(1, 0), (0, 1)]]
    got = cost.delta(z, OUTPUT_OF[cost](z[:, np.newaxis]).ravel(), y)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("cost", OUTPUT_OF)
@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.int8, np.float32])
def test_cost_classes_take_any_real_numbers(cost, kind):
    """Bytes and booleans are numbers here: 1 - 0 is 1, and -1 is not 255."""
    z = np.array([[0.5], [-1.0]])
    a, y = OUTPUT_OF[cost](z), np.array([[0], [1]])
    assert cost.fn(a, y.astype(kind)) == pytest.approx(cost.fn(a, y.astype(float)), rel=1e-15)
    np.testing.assert_array_equal(cost.delta(z, a, y.astype(kind)), cost.delta(z, a, y * 1.0))
    assert cost.fn(np.array([1], kind), np.array([1], kind)) == 0


@pytest.mark.parametrize("cost", OUTPUT_OF)
@pytest.mark.parametrize(
    ("a", "y", "said"),
    [
        ([0.5, 0.5], [[0.0], [1.0]], "y has shape (2, 1) and a has (2,)"),
        ([0.5, 0.5], 1.0, "y has shape ()"),
        (["x"], [1.0], "a is of dtype <U1"),
        ([0.5], [1j], "y is of dtype complex128"),
        ([0.5], [None], "y is of dtype object"),
    ],
)
def test_cost_classes_refuse_what_does_not_fit(cost, a, y, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        cost.fn(a, y)
    assert said in str(caught.value)


@pytest.mark.parametrize(("cost", "output"), CLASSES)
@pytest.mark.parametrize("a", [0.0, 1.0])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.5])
def test_cost_classes_are_finite_at_the_ends(cost, output, a, y):
    got = cost.fn(np.array([a]), np.array([y]))
    assert np.isfinite(got) and got >= 0
    assert (got == 0) == (a == y or (cost is LogLikelihoodCost and (y == 0 or a == 1)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("y", [0.0, 3.0])
@pytest.mark.parametrize("z", [-1e3, -3.0, 0.5, 80.0])
def test_a_saturated_exponential_costs_what_it_should(z, y, dtype):
    """Where a has been rounded to 0 too, y z has not."""
    net = straight("exponential", "poisson", 1, dtype)
    with mpmath.workdps(50):
        a = mpmath.exp(mpmath.mpf(z))
        wanted = float(a - y + (y * (mpmath.log(y) - z) if y else 0))
    got = net.total_cost((np.array([[z]]), np.array([[y]])), 0.0)
    eps = float(np.finfo(dtype).eps)
    assert got == pytest.approx(wanted, rel=8 * eps, abs=8 * eps)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"activation": "swish"}, "activation is 'swish'"),
        ({"activation": "softmax"}, "'softmax' in a hidden layer"),
        ({"activation": "exponential"}, "'exponential' in a hidden layer"),
        ({"output": "identity", "cost": "poisson"}, "PoissonCost goes with output='exponential'"),
        ({"activation": ["tanh"]}, "activation has 1 names; this network has 2 hidden"),
        ({"activation": ["tanh"] * 4}, "activation has 4 names"),
        ({"activation": 3}, "activation is 3"),
        ({"activation": ["tanh", None]}, "activation is None"),
        ({"output": "sofmax"}, "output activation is 'sofmax'"),
        ({"output": "tanh"}, "CrossEntropyCost goes with output='sigmoid', not 'tanh'"),
        ({"output": "softmax"}, "CrossEntropyCost goes with output='sigmoid'"),
        (
            {"cost": "log_likelihood", "output": "sigmoid"},
            "LogLikelihoodCost goes with output='softmax'",
        ),
        ({"cost": "hinge"}, "cost is 'hinge'"),
        ({"cost": 1}, "cost is 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(options, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        fastnet.Network([3, 4, 4, 2], **options)
    assert said in str(caught.value)


def test_another_cost_must_fit_the_output():
    net = fastnet.Network([2, 2])
    with pytest.raises(ValueError) as caught:
        net.cost = LogLikelihoodCost
    assert "goes with output='softmax'" in str(caught.value)
    assert net.cost is CrossEntropyCost
    net.cost = "quadratic"
    assert net.cost is QuadraticCost
    assert net.total_cost((np.eye(2), np.eye(2)), 0.0) == pytest.approx(
        Plain.of(net).costs(np.eye(2), np.eye(2)).mean()
    )
