"""`layer_statistics` beside plain NumPy on all activations at once."""

import copy
import math
import statistics

import numpy as np
import pytest

import fastnet

from ..formulas import ACTIVATIONS, HIDDEN, STEEPEST, Plain, problem, sigmoid
from ..strategies import DTYPES, draw_numbers


def expected_statistics(net, X, Y=None):
    """The same dicts, from the whole arrays of weighted inputs."""
    plain = Plain.of(net)
    zs, activations = plain.forward(X)
    nabla = None if Y is None else plain.gradient(X, Y)
    found = []
    for layer, z in enumerate(zs):
        name = net.activations[layer]
        if name == "softmax":
            a = activations[layer + 1]
            derivative = a * (1 - a)
        else:
            derivative = ACTIVATIONS[name][1](z)
        found.append(
            {
                "mean_z": z.mean(),
                "std_z": z.std(),
                "mean_derivative": derivative.mean(),
                "saturated": (np.abs(derivative) < 0.04 * STEEPEST.get(name, 1.0)).mean(),
            }
        )
        if nabla is not None:
            squares = (nabla[0][layer] ** 2).sum() + (nabla[1][layer] ** 2).sum()
            found[-1]["gradient_norm"] = np.sqrt(squares)
    return found


def assert_alike(got, expected, rtol):
    assert len(got) == len(expected)
    for ours, plain in zip(got, expected, strict=True):
        assert list(ours) == list(plain)
        assert all(type(value) is float for value in ours.values())
        for name, value in plain.items():
            assert ours[name] == pytest.approx(value, rel=rtol, abs=rtol), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_statistics_are_the_formulas(hidden, output, dtype):
    net = fastnet.Network(
        [11, 40, 23, 4], "quadratic", activation=hidden, output=output, dtype=dtype, rng=2,
        initializer="large",
    )  # fmt: skip
    X = np.random.default_rng(0).standard_normal((700, 11)).astype(dtype)
    labels = np.random.default_rng(1).integers(0, 4, 700)
    tolerance = 1e-9 if dtype == np.float64 else 1e-3
    Y = np.eye(4)[labels]
    assert_alike(net.layer_statistics(X), expected_statistics(net, X), tolerance)
    assert_alike(net.layer_statistics(X, labels), expected_statistics(net, X, Y), tolerance)
    assert_alike(net.layer_statistics(X, Y), expected_statistics(net, X, Y), tolerance)


@pytest.mark.parametrize("kind", ["float16", "bytes", "sparse", "strided"])
def test_any_kind_of_rows(kind):
    rng = np.random.default_rng(5)
    X = draw_numbers(rng, 300, 9, 0.2 if kind == "sparse" else 1.0, exact=True)
    given = {
        "float16": X.astype(np.float16),
        "bytes": (X * 256).astype(np.uint8),
        "sparse": X,
        "strided": np.asfortranarray(X),
    }[kind]
    net = fastnet.Network([9, 7, 3], rng=1)
    assert_alike(net.layer_statistics(given), expected_statistics(net, given), 1e-10)


def test_one_output_needs_no_targets():
    net = fastnet.Network([3, 5, 1], rng=0)
    X = np.random.default_rng(0).random((20, 3))
    y = np.random.default_rng(1).random(20)
    assert_alike(net.layer_statistics(X), expected_statistics(net, X), 1e-12)
    assert_alike(net.layer_statistics(X, y), expected_statistics(net, X, y[:, np.newaxis]), 1e-12)


def test_saturation_is_the_books():
    """sigma'(z) < 0.01 is |z| > 4.585: counted one by one."""
    edge = np.log((1 + np.sqrt(0.96)) / (1 - np.sqrt(0.96)))
    assert sigmoid(edge) * sigmoid(-edge) == pytest.approx(0.01)
    net = fastnet.Network([1, 1], rng=0)
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    z = np.array([-9.0, -edge - 1e-9, -edge + 1e-9, 0.0, 2.0, edge - 1e-9, edge + 1e-9, 1e3])
    found = net.layer_statistics(z[:, np.newaxis])[0]
    assert found["saturated"] == 0.5
    assert found["mean_z"] == pytest.approx(z.mean())


def test_the_book_says_how_many_are_saturated():
    """500 of 1000 inputs on: 83.7 % of the units by the old way, 0.0176 % by the better one."""
    X = np.repeat([[1.0, 0.0]], 500, axis=1).reshape(1, 1000)
    for name, share, spread in [("large", 0.837, 0.03), ("default", 0.000176, 0.001)]:
        net = fastnet.Network([1000, 5000], rng=4, initializer=name)
        assert net.layer_statistics(X)[0]["saturated"] == pytest.approx(share, abs=spread)


def straight(dtype):
    """A network whose weighted input is its input."""
    net = fastnet.Network([1, 1], "quadratic", output="identity", dtype=dtype)
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    return net


def far_from_zero(kind, n, dtype):
    """Numbers with a mean of which their deviation is a small part, or that come in bad order."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(n) * (1000 if dtype == np.float32 else 1)
    z = {
        "mean 1e8": 1e8 + z,
        "mean -1e8": z - 1e8,
        "mean 1e12": 1e12 + z,
        "sorted": np.sort(1e8 + z),
        "two clusters": np.where(np.arange(n) < n // 2, 1e8, 1e8 + 4) + z,
        "zero first": np.where(np.arange(n) < 1, 0.0, 1e8) + z,
        "alike": np.full(n, 1e8 + 1 / 3),
        "one apart": np.where(np.arange(n) == n - 1, 1e8 + 8, 1e8),
    }[kind]
    return z.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 129, 1000, 7001])
@pytest.mark.parametrize(
    "kind",
    ["mean 1e8", "mean -1e8", "mean 1e12", "sorted", "two clusters", "zero first", "alike",
     "one apart"],
)  # fmt: skip
def test_a_mean_far_from_zero_leaves_the_deviation_right(kind, n, dtype):
    """As the exact sums of fractions have it, over rows that the kernels take in many parts."""
    z = far_from_zero(kind, n, dtype)
    found = straight(dtype).layer_statistics(z[:, np.newaxis])[0]
    z = z.astype(np.float64)
    assert found["std_z"] == pytest.approx(statistics.pstdev(z.tolist()), rel=1e-9, abs=1e-12)
    assert found["mean_z"] == pytest.approx(math.fsum(z) / n, rel=1e-15)
    if kind == "mean 1e8":
        assert found["std_z"] == pytest.approx(z.std(), rel=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_deviation_of_several_units_and_layers(dtype):
    """Of all examples and units together, behind large biases, beside the same z in float64."""
    net = fastnet.Network([3, 17, 2], "quadratic", activation="identity", output="identity",
                          rng=0, dtype=dtype)  # fmt: skip
    net.biases = [np.full((17, 1), 1e8), np.zeros((2, 1))]
    X = (1e4 * np.random.default_rng(1).standard_normal((3000, 3))).astype(dtype)
    layer = fastnet.Network([3, 17], "quadratic", output="identity", dtype=dtype)
    layer.weights, layer.biases = [net.weights[0]], [net.biases[0]]
    z = layer.feedforward(X).astype(np.float64), net.feedforward(X).astype(np.float64)
    found = net.layer_statistics(X)
    for ours, numbers in zip(found, z, strict=True):
        assert ours["std_z"] == pytest.approx(numbers.std(), rel=1e-9)
        assert ours["mean_z"] == pytest.approx(numbers.mean(), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-200, 1e-160, 1e154, 1e200, 1e300, 1e308])
@pytest.mark.parametrize("n", [3, 5000])
def test_squares_neither_overflow_nor_vanish(scale, n):
    """Deviation and gradient of numbers whose squares are no float, or zero."""
    units = np.random.default_rng(2).integers(-9, 10, n) / 9
    z = units * scale
    found = straight(np.float64).layer_statistics(z[:, np.newaxis])[0]
    assert found["std_z"] == pytest.approx((z / scale).std() * scale, rel=1e-9)
    if 1e-307 < scale < 1e150:  # with y = 0 the bias has the gradient z, the weight z^2
        norm = straight(np.float64).layer_statistics(z[:, np.newaxis], np.zeros((n, 1)))[0]
        assert norm["gradient_norm"] == pytest.approx(abs(units.mean()) * scale, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e200])
def test_a_gradient_has_a_norm_of_any_size(scale):
    net = fastnet.Network([2, 2], "quadratic", output="identity")
    net.weights, net.biases = [np.zeros((2, 2))], [np.zeros((2, 1))]
    y = np.array([[3.0, -4.0]]) * scale
    found = net.layer_statistics(np.array([[2.0, 0.0]]), y)[0]
    # The bias has -y, the first input's weights have -2 y.
    assert found["gradient_norm"] == pytest.approx(5 * np.sqrt(5) * scale, rel=1e-14)


def test_nothing_changes_by_looking():
    net, X, labels, _ = problem(np.float64)
    before, rng = net.parameters.copy(), copy.deepcopy(net.rng)
    assert net.layer_statistics(X, labels) == net.layer_statistics(X, labels)
    np.testing.assert_array_equal(net.parameters, before)
    assert net.rng.random() == rng.random()


def test_the_old_start_crawls_out_of_saturation():
    """What the callback is for: the share of saturated units falls as the network learns."""
    rng = np.random.default_rng(0)
    X = rng.random((500, 200))
    y = (X[:, :100].sum(axis=1) > X[:, 100:].sum(axis=1)).astype(int)
    watch = fastnet.RecordStatistics(X, y)
    net = fastnet.Network([200, 20, 2], rng=0, initializer="large")
    net.train((X, y), 40, 10, optimizer=fastnet.SGD(0.5), l2=5.0, callbacks=watch)
    shares = [record["layers"][0]["saturated"] for record in watch.records]
    assert len(shares) == 41
    assert shares[0] > 0.4 > 0.2 > shares[-1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((np.ones((3, 4)),), "4 columns"),
        ((np.ones((3, 9)), [0, 1]), "X has 3 rows and y has 2"),
        ((np.ones((3, 9)), [0, 1, 7]), "holds 7"),
        ((np.full((3, 9), np.nan),), "holds nan"),
        ((np.ones((0, 9)),), "is empty"),
        ((np.ones(9),), "has shape (9,)"),
        ((None,), "of dtype object"),
        (("text",), "of dtype <U4"),
        ((3.0,), "has shape ()"),
    ],
)
def test_bad_examples_are_refused(given, said):
    net, *_ = problem(np.float64)
    with pytest.raises((TypeError, ValueError)) as caught:
        net.layer_statistics(*given)
    assert said in str(caught.value)
