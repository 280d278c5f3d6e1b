"""The non-zeros that are kept of an array are those that it has, whoever finds them."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import kernels
from fastnet.data.rows import as_rows
from fastnet.kernels import rows as kernel_rows

DTYPES = ("float64", "float32", "uint8")
VALUES = {
    "float64": [1.0, 0.1, -3.5, 5e-324, 1e-60, np.finfo(np.float64).max],
    "float32": [1.0, 0.1, -3.5, 1e-45, np.finfo(np.float32).max],
    "uint8": [1, 7, 255],
}


@pytest.fixture(params=kernels.variants(), scope="module")
def instructions(request):
    kernel_rows.use(request.param)
    yield request.param
    kernel_rows.use(kernels.variant)


def kept(X, dtype, n_threads=1):
    """What is kept of X, as the outputs of a network that answers what it is given."""
    bad_row, rows = kernel_rows.compress(X, float(np.finfo(dtype).max), 1.0, 1 << 40, n_threads)
    assert bad_row == -1 and rows.is_sparse and (rows.n, rows.n_in) == X.shape
    wrapped = as_rows(X, X.shape[1], "X")
    wrapped.rows = rows
    n = X.shape[1]
    net = fastnet.Network([n, n], output="identity", cost=fastnet.QuadraticCost, dtype=dtype, rng=0)
    net.weights, net.biases = [np.eye(n)], [np.zeros((n, 1))]
    return net.feedforward(wrapped)


def laid_out(X, layout):
    """X again, with other strides."""
    n, n_in = X.shape
    if layout == "columns":
        return np.asfortranarray(X)
    if layout == "backwards":
        return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    if layout == "every other":
        return np.repeat(X, 2, axis=1)[:, ::2]
    room = np.full((n, n_in + 3), 9, X.dtype)
    room[:, 1 : n_in + 1] = X
    return room[:, 1 : n_in + 1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_kept_is_what_was_there(instructions, dtype, data):
    n, n_in = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 90))
    share = data.draw(st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0]))
    some = data.draw(st.lists(st.sampled_from(VALUES[dtype]), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    X = rng.choice(np.array(some, dtype), (n, n_in)) * (rng.random((n, n_in)) < share)
    X = laid_out(
        X.astype(dtype), data.draw(st.sampled_from(["", "columns", "backwards", "every other"]))
    )
    assert np.array_equal(kept(X, np.float64), X)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_parts_are_put_together(instructions, dtype, n_threads):
    """The parts are as unlike as can be: the room that the sample promises does not do for them."""
    rng = np.random.default_rng(0)
    X = (rng.integers(1, 9, (8000, 200)) * (rng.random((8000, 200)) < 0.2)).astype(dtype)
    assert np.array_equal(kept(X, np.float32, n_threads), X)
    X[:6000] = 0
    X[7000:] = 3
    assert np.array_equal(kept(X, np.float32, n_threads), X)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES[:2])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_bad_row_is_named(instructions, n_threads, dtype, value):
    X = np.zeros((8000, 200), dtype)
    for row, col in ((7999, 199), (7000, 3), (6999, 160), (2666, 16), (2665, 0), (3, 198), (0, 7)):
        X[row, col] = value
        X[max(row - 1, 0), 190] = 0.1  # which is another number as a float32
        assert kernel_rows.compress(X, 1e300, 1.0, 1 << 40, n_threads) == (row, None)


@pytest.mark.parametrize("dtype", DTYPES[:2])
def test_every_column_is_looked_at(instructions, dtype):
    for col in range(40):
        X = np.zeros((3, 40), dtype)
        X[1, col] = 0.1
        assert np.array_equal(kept(X, np.float64), X)
        X[1, col] = np.nan
        assert kernel_rows.compress(X, 1e300, 1.0, 1 << 40) == (1, None)


def test_the_limit_is_the_largest_number_of_the_network(instructions):
    X = np.zeros((5, 40))
    X[3, 17], X[4, 0] = -3.5e38, 1e39
    assert kernel_rows.compress(X, float(np.finfo(np.float32).max), 1.0, 1 << 40) == (3, None)
    assert np.array_equal(kept(X, np.float64), X)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_no_more_is_kept_than_may_be(instructions, n_threads):
    X = np.zeros((8000, 200), np.float32)
    X[np.arange(8000) % 125 != 0, :100] = 1  # of no row in the sample
    X[:, 0] = 1
    there = np.count_nonzero(X)
    for most, is_kept in ((6 * there, True), (6 * there - 6, False)):
        bad_row, rows = kernel_rows.compress(X, 1e30, 1.0, most, n_threads)
        assert bad_row == -1 and (rows is not None) == is_kept


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90), st.integers(1, 60), st.integers(0, 99))
@example(784, 60, 0)
def test_training_is_that_on_a_sparse_matrix(n_in, n, seed):
    """The marks, where blocks of columns are cut, come from two functions."""
    scipy_sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    rng = np.random.default_rng(seed)
    X = rng.random((n, n_in)) * (rng.random((n, n_in)) < 0.2)
    y = rng.integers(0, 3, n)
    ends = []
    for given_as in (X, scipy_sparse.csr_array(X), np.asfortranarray(X)):
        net = fastnet.Network([n_in, 50, 3], rng=0)
        net.train((given_as, y), 2, 7)
        ends.append(net.parameters.tobytes())
    assert len(set(ends)) == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("units", [30, 52, 100, 104, 208])
@pytest.mark.parametrize("mini_batch_size", [10, 40])
def test_leaving_zeros_out_changes_no_bit(monkeypatch, dtype, units, mini_batch_size):
    """Of tiles of any width, and of columns in blocks or in one piece."""
    rng = np.random.default_rng(0)
    X = rng.random((100, 784)) * (rng.random((100, 784)) < 0.2)
    y = rng.integers(0, 3, 100)
    ends = []
    for share in (0.4, 0.0):
        monkeypatch.setattr("fastnet.data.rows.SPARSE_SHARE", share)
        net = fastnet.Network([784, units, 3], dtype=dtype, rng=0)
        net.train((X.astype(dtype), y), 2, mini_batch_size)
        ends.append(net.parameters.tobytes())
    assert ends[0] == ends[1]
