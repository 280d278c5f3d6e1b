"""Derivatives by the inputs, against formulas in NumPy, finite differences and PyTorch."""

import pickle

import numpy as np
import pytest

import fastnet
from fastnet.common.threads import single_threaded

from ..formulas import HIDDEN, OUTPUTS, Plain

DTYPES = ["float64", "float32"]
#: No hidden layer; single units; more outputs than a workspace has rows; several layers.
SHAPES = [[6, 4], [1, 1, 1], [3, 5, 200], [9, 40, 3, 30, 5], [79, 19, 3]]
CLOSE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 1e-3, "atol": 2e-5}}


def problem(sizes, cost="quadratic", output="identity", activation="tanh", dtype="float64", n=150):
    """Return a network, X, targets, and what outputs are multiplied with; 150 rows are two parts.

    Weights are small enough for each output and hidden activation to be where it bends.
    """
    net = fastnet.Network(sizes, cost, activation=activation, output=output, dtype=dtype, rng=4)
    draw = np.random.default_rng(5)
    X, v = draw.normal(size=(n, sizes[0])), draw.normal(size=(n, sizes[-1]))
    Y = draw.uniform(size=(n, sizes[-1]))
    if output == "softmax":
        Y /= Y.sum(axis=1, keepdims=True)
    return net, X.astype(dtype), Y.astype(dtype), v.astype(dtype)


def answers(net, X, Y, v):
    return net.input_gradient(X, Y), net.vjp(X, v), net.jacobian(X)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
def test_every_output_against_formulas(cost, output, dtype):
    for sizes in SHAPES[:3]:
        net, *data = problem(sizes, cost, output, dtype=dtype, n=3 if sizes[-1] > 9 else 150)
        X, Y, v = data
        plain = Plain.of(net)
        expected = plain.input_gradient(X, Y), plain.vjp(X, v), plain.jacobian(X)
        slow = answers(net, X.tolist(), Y, v)  # the general way, which makes a workspace
        for got, same, right in zip(answers(net, *data), slow, expected, strict=True):
            assert got.shape == right.shape and got.dtype == dtype
            np.testing.assert_allclose(got, right, **CLOSE[dtype])
            if dtype == "float64":
                assert got.tobytes() == same.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", HIDDEN)
def test_every_hidden_activation_against_formulas(activation, dtype):
    sizes = SHAPES[3]
    hidden = [activation, "tanh", activation]
    net, X, Y, v = problem(sizes, "log_likelihood", "softmax", hidden, dtype)
    plain = Plain.of(net)
    expected = plain.input_gradient(X, Y), plain.vjp(X, v), plain.jacobian(X)
    for got, right in zip(answers(net, X, Y, v), expected, strict=True):
        np.testing.assert_allclose(got, right, **CLOSE[dtype])


def differences(function, x, step=1e-5):
    """Return central differences of a function of one row, (..., n_in)."""
    steps = step * np.eye(x.size)
    found = [(function(x + each) - function(x - each)) / (2 * step) for each in steps]
    return np.stack(found, axis=-1)


@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
def test_outputs_against_finite_differences(cost, output):
    net, X, Y, v = problem([4, 5, 3], cost, output, "sigmoid", n=3)
    for x, y, each in zip(X, Y, v, strict=True):
        slope = differences(lambda x, y=y: net.total_cost((x[np.newaxis], y[np.newaxis]), 0.0), x)
        np.testing.assert_allclose(net.input_gradient(x, y), slope, rtol=1e-6, atol=1e-9)
        slopes = differences(net.feedforward, x)
        np.testing.assert_allclose(net.jacobian(x), slopes, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(net.vjp(x, each), each @ slopes, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("activation", HIDDEN)
def test_hidden_activations_against_finite_differences(activation):
    net, X, _, _ = problem([4, 5, 6, 2], activation=activation, n=3)
    for x in X:
        slopes = differences(net.feedforward, x)
        np.testing.assert_allclose(net.jacobian(x), slopes, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("output", [*HIDDEN, "softmax"])
def test_against_pytorch(output):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    net, X, Y, v = problem([4, 5, 6, 3], output=output, activation=["relu", "gelu"], n=4)
    module = net.to_torch()
    rows = torch.tensor(X, requires_grad=True)
    (right,) = torch.autograd.grad(module(rows), rows, torch.from_numpy(v))
    np.testing.assert_allclose(net.vjp(X, v), right, rtol=1e-9, atol=1e-12)
    cost = ((module(rows) - torch.from_numpy(Y)) ** 2).sum() / 2
    (right,) = torch.autograd.grad(cost, rows)
    np.testing.assert_allclose(net.input_gradient(X, Y), right, rtol=1e-9, atol=1e-12)
    right = [torch.autograd.functional.jacobian(module, row) for row in torch.from_numpy(X)]
    np.testing.assert_allclose(net.jacobian(X), torch.stack(right), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("leaky_relu", 0.01)])
def test_at_kinks_the_derivative_is_that_of_training(activation, slope):
    net = fastnet.Network([1, 1, 1], "quadratic", activation=activation, output="identity")
    net.weights, net.biases = [[[2.0]], [[3.0]]], [[[0.0]], [[1.0]]]
    assert net.jacobian([0.0]).item() == 6 * slope
    assert net.input_gradient([0.0], [0.0]).item() == 6 * slope
    assert net.backprop([0.0], [0.0])[0][0].item() == 3 * slope  # by the bias: dC/dz


def test_saturated_sigmoids_under_cross_entropy_have_a_gradient():
    """Cost and activation are one function: a - y where the sigmoid itself has no slope left."""
    net = fastnet.Network([1, 1])
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    assert net.input_gradient([800.0], [0.0]).item() == 1.0
    assert net.jacobian([800.0]).item() == 0.0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_one_row_and_part_of_a_batch_have_the_same_bits(sizes, dtype):
    net, X, Y, v = problem(sizes, dtype=dtype)
    whole = answers(net, X, Y, v)
    for start, stop in ((0, 1), (3, 12), (100, 150)):
        rows = slice(start, stop)
        for got, right in zip(answers(net, X[rows], Y[rows], v[rows]), whole, strict=True):
            assert got.tobytes() == right[rows].tobytes()
    for got, right in zip(answers(net, X[7], Y[7], v[7]), whole, strict=True):
        assert got.shape == right[7].shape
        assert got.tobytes() == right[7].tobytes()
    if sizes[0] > 1:
        columns = (a[7][:, np.newaxis] for a in (X, Y, v))
        gradient, product, jacobian = answers(net, *columns)
        assert gradient.shape == product.shape == (sizes[0], 1)
        assert gradient.tobytes() == whole[0][7].tobytes()
        assert product.tobytes() == whole[1][7].tobytes()
        assert np.array_equal(jacobian, whole[2][7])


def test_class_numbers_are_rows_with_a_single_one():
    net, X, _, _ = problem([4, 6, 3], "log_likelihood", "softmax")
    labels = np.arange(150) % 3
    expected = Plain.of(net).input_gradient(X, np.eye(3)[labels])
    for y in (labels, labels.astype("int8"), labels.tolist(), np.eye(3, dtype=int)[labels]):
        np.testing.assert_allclose(net.input_gradient(X, y), expected, rtol=1e-9, atol=1e-12)
    for y in (2, np.int64(2), np.array(2), [0, 0, 1], np.array([0, 0, 1])):
        np.testing.assert_allclose(net.input_gradient(X[5], y), expected[5], rtol=1e-9, atol=1e-12)


def test_one_output_takes_a_number_a_row():
    net, X, Y, v = problem([4, 6, 1])
    for way in range(2):  # by the general way, then by the shortest
        assert np.array_equal(net.input_gradient(X, Y[:, 0]), net.input_gradient(X, Y)), way
        assert np.array_equal(net.vjp(X, v[:, 0]), net.vjp(X, v)), way
        assert np.array_equal(net.input_gradient(X[0], Y[0, 0]), net.input_gradient(X, Y)[0]), way
        assert np.array_equal(net.vjp(X[0], 2), net.vjp(X[:1], [[2.0]])[0]), way


#: How else the same rows may come.
LAID = {
    "list": np.ndarray.tolist,
    "column by column": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "bytes the other way round": lambda a: a.astype(">f8"),
    "float32": lambda a: a.astype("float32"),
    "int64": lambda a: a.astype("int64"),
    "uint8": lambda a: a.astype("uint8"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAID)
def test_any_array_gives_the_same_bits(name, dtype):
    net, _, _, _ = problem([6, 5, 3], dtype=dtype)
    whole = np.random.default_rng(3).integers(0, 4, (150, 12)).astype(float)
    X, Y, v = whole[:, :6].copy(), whole[:, 6:9] / 4, whole[:, 9:].copy()
    expected = answers(net, X.astype(dtype), Y.astype(dtype), v.astype(dtype))
    lay = LAID[name]
    for _ in range(2):
        for got, right in zip(answers(net, lay(X), Y, lay(v)), expected, strict=True):
            assert got.tobytes() == right.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["csr_array", "coo_matrix"])
def test_sparse_rows(form, dtype):
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    net, X, Y, v = problem([30, 8, 3], dtype=dtype)
    X[np.random.default_rng(1).random(X.shape) < 0.9] = 0
    rows = getattr(sparse, form)(X)
    for got, right in zip(answers(net, rows, Y, v), answers(net, X, Y, v), strict=True):
        assert type(got) is np.ndarray
        assert got.tobytes() == right.tobytes()


def test_no_rows():
    net, X, Y, v = problem([4, 5, 3])
    for _ in range(2):
        shapes = [a.shape for a in answers(net, X[:0], Y[:0], v[:0])]
        assert shapes == [(0, 4), (0, 4), (0, 3, 4)]
        assert net.input_gradient(X[:0], []).shape == (0, 4)
        net.jacobian(X)


def test_what_is_transformed_is_left_to_the_user_as_by_feedforward():
    net, X, Y, v = problem([4, 5, 3])
    bare = answers(net, X, Y, v)
    net.preprocessing = fastnet.Preprocessing(mean=np.ones(4), scale=np.full(4, 2.0))
    for got, right in zip(answers(net, X, Y, v), bare, strict=True):
        assert np.array_equal(got, right)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_gives_the_same_bits(dtype):
    net, X, Y, v = problem([50, 600, 40], dtype=dtype, n=331)  # enough for threads
    with single_threaded():
        expected = answers(net, X, Y, v)
    for n_threads in (2, 5):
        fastnet.set_num_threads(n_threads)
        try:
            for _ in range(2):
                found = answers(net, X, Y, v)
                assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]
        finally:
            fastnet.set_num_threads(None)


def test_parameters_and_cost_that_change_are_seen():
    net, X, Y, v = problem([4, 5, 3], output="sigmoid")
    answers(net, X, Y, v)
    net.parameters = net.parameters * 2
    np.testing.assert_allclose(net.jacobian(X), Plain.of(net).jacobian(X), rtol=1e-9)
    net.weights[0][...] += 1
    np.testing.assert_allclose(net.vjp(X, v), Plain.of(net).vjp(X, v), rtol=1e-8, atol=1e-12)
    net.cost = "cross_entropy"
    expected = Plain.of(net).input_gradient(X, Y)
    np.testing.assert_allclose(net.input_gradient(X, Y), expected, rtol=1e-9, atol=1e-12)


def test_in_many_calls_and_blocks(monkeypatch):
    net, X, Y, v = problem([4, 5, 3])
    expected = answers(net, X, Y, v)
    monkeypatch.setattr("fastnet.model.prediction.call_rows", lambda sizes: 7)
    monkeypatch.setattr("fastnet.data.rows.BLOCK_BYTES", 4 * 8 * 11)
    rows = X.astype(np.longdouble)  # which is converted, eleven rows at a time
    for y in (Y, np.arange(150) % 3):
        found, right = net.input_gradient(rows, y), net.input_gradient(X, y)
        assert found.tobytes() == right.tobytes()
    for got, right in zip(answers(net, rows, Y, v), expected, strict=True):
        assert got.tobytes() == right.tobytes()


NAN = np.full((5, 3), np.nan)
X5, Y5, V5 = np.ones((5, 3)), np.zeros(5, int), np.ones((5, 2))


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net: net.input_gradient(X5[:, :2], Y5), ValueError, "input_gradient: X has 2 col"),
        (lambda net: net.input_gradient(X5, Y5[:4]), ValueError, "X has 5 rows and y has 4"),
        (lambda net: net.input_gradient(X5[:0], Y5), ValueError, "X has 0 rows and y has 5"),
        (lambda net: net.input_gradient(X5[0], Y5), ValueError, "X has 1 rows and y has 5"),
        (lambda net: net.input_gradient(X5[0], 2), ValueError, "y holds 2 in row 0"),
        (lambda net: net.input_gradient(X5[0], -1), ValueError, "y holds -1 in row 0"),
        (lambda net: net.input_gradient(X5, V5 * np.nan), ValueError, "y has a target that is not"),
        (lambda net: net.input_gradient(X5, V5 * 3), ValueError, "y contains 3.0 in row 0"),
        (lambda net: net.input_gradient(NAN, Y5), ValueError, "input_gradient: X holds nan"),
        (lambda net: net.input_gradient(X5, "abc"), TypeError, "input_gradient: y is of dtype"),
        (lambda net: net.jacobian(NAN), ValueError, "jacobian: X holds nan in row 0, column 0"),
        (lambda net: net.jacobian(NAN[0]), ValueError, "jacobian: X holds nan in row 0, column 0"),
        (lambda net: net.jacobian(X5[0, 0]), ValueError, "jacobian: X has shape"),
        (lambda net: net.jacobian(None), TypeError, "jacobian: X is of dtype object"),
        (lambda net: net.vjp(X5, V5[:, :1]), ValueError, r"vjp: v has shape \(5, 1\); expected"),
        (lambda net: net.vjp(X5, V5[:3]), ValueError, "vjp: X has 5 rows and v has 3"),
        (lambda net: net.vjp(X5, V5[:, 0]), ValueError, r"vjp: v has shape \(5,\); expected"),
        (lambda net: net.vjp(X5[0], [1.0, 2.0, 3.0]), ValueError, "vjp: X has 1 rows and v has 3"),
        (
            lambda net: net.vjp(X5, V5 / 0.0),
            ValueError,
            "vjp: v contains a number in row 0",
        ),
        (lambda net: net.vjp(X5, V5 + 0j), TypeError, "vjp: v is of dtype complex128"),
        (lambda net: net.vjp(NAN, V5), ValueError, "vjp: X holds nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_refused(call, error, words, fresh):
    net = fastnet.Network([3, 4, 2], rng=0)
    if not fresh:
        net.jacobian(X5)  # by the shortest way from now on
    before = net.parameters.tobytes()
    with pytest.raises(error, match=words):
        call(net)
    assert net.parameters.tobytes() == before


def test_too_large_for_the_network_is_refused():
    net = fastnet.Network([3, 4, 2], dtype="float32", rng=0)
    for _ in range(2):
        with pytest.raises(ValueError, match="vjp: v contains a number in row 0 that"):
            net.vjp(X5[0], [1e39, 0.0])
        with pytest.raises(ValueError, match="jacobian: X holds 1e\\+39 in row 0, column 0"):
            net.jacobian(np.full((5, 3), 1e39))
        net.jacobian(X5)


def test_a_network_without_weights_is_refused():
    net = fastnet.Network([3, 4, 2], initializer="lsuv", rng=0)
    with pytest.raises(ValueError, match="lsuv"):
        net.jacobian(X5)


def test_workspaces_are_not_copied_with_the_network():
    net, X, Y, v = problem([4, 5, 3])
    expected = answers(net, X, Y, v)
    again = pickle.loads(pickle.dumps(net))
    assert again._input_engines == []
    for got, right in zip(answers(again, X, Y, v), expected, strict=True):
        assert np.array_equal(got, right)
