"""Sparse matrices of SciPy's give what their dense twins give, and are never written out."""

import tracemalloc

import numpy as np
import pytest

import fastnet
from fastnet.data import rows, sparse
from fastnet.data.dataset import read_dataset

scipy_sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")

#: Sums in another order, over five epochs of parameters around 1.
CLOSE = {np.float64: {"rtol": 1e-12, "atol": 1e-14}, np.float32: {"rtol": 1e-5, "atol": 1e-6}}

FORMATS = ["csr", "csc", "coo", "lil", "dok"]


def problem(n=60, n_in=23, density=0.2, dtype=np.float64, seed=0):
    """Return a dense X that is mostly zeros, and class numbers."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_in)) * (rng.random((n, n_in)) < density)
    X[7] = 0  # a row with nothing in it
    return X.astype(dtype), rng.integers(0, 3, n)


def network(n_in=23, dtype=np.float64):
    return fastnet.Network([n_in, 9, 3], "log_likelihood", rng=5, dtype=dtype)


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"dropout": [0.2, 0.3]}, {"optimizer": "adam"}])
def test_training_on_a_sparse_matrix_is_training_on_its_dense_twin(layout, dtype, options):
    X, y = problem(dtype=dtype)
    dense, thin = network(dtype=dtype), network(dtype=dtype)
    dense.train((X, y), 5, 8, **options)
    thin.train((scipy_sparse.csr_array(X).asformat(layout), y), 5, 8, **options)
    np.testing.assert_allclose(thin.parameters, dense.parameters, **CLOSE[dtype])
    assert not np.array_equal(dense.parameters, network(dtype=dtype).parameters)


def test_every_verb_takes_a_sparse_matrix():
    X, y = problem()
    X_s, net = scipy_sparse.csr_matrix(X), network()
    lists = net.SGD(
        (X_s, y), 3, 10, 0.5, evaluation_data=(X_s, y), monitor_evaluation_accuracy=True
    )
    assert lists[1][-1] == net.accuracy((X_s, y)) == net.accuracy((X, y))
    np.testing.assert_allclose(net.feedforward(X_s), net.feedforward(X), rtol=1e-12)
    assert net.total_cost((X_s, y), 0.1) == pytest.approx(net.total_cost((X, y), 0.1), rel=1e-12)
    thin, dense = net.layer_statistics(X_s, y), net.layer_statistics(X, y)
    for here, there in zip(thin, dense, strict=True):
        assert here == pytest.approx(there, rel=1e-9)
    before = net.parameters.copy()
    net.partial_fit((X_s, y))
    assert not np.array_equal(before, net.parameters)


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.int64, np.longdouble])
def test_other_numbers_are_converted_entry_by_entry(kind):
    X = (np.arange(12).reshape(4, 3) % 4).astype(kind)
    rows = sparse.as_csr(scipy_sparse.csc_array(X), "X")
    assert rows.dtype in (np.float32, np.float64)
    assert np.array_equal(rows.toarray(), X.astype(np.float64))


def test_entries_that_stand_twice_are_added_and_the_matrix_is_left_alone():
    data, cols, starts = np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3])
    X_s = scipy_sparse.csr_array((data, cols, starts), shape=(1, 3))
    assert sparse.as_csr(X_s, "X").toarray().tolist() == [[2.0, 0.0, 5.0]]
    assert X_s.data.tolist() == [1.0, 2.0, 4.0] and X_s.indices.tolist() == [2, 0, 2]
    net = fastnet.Network([3, 2], rng=0)
    assert np.allclose(net.feedforward(X_s), net.feedforward(np.array([[2.0, 0.0, 5.0]])))


def test_the_values_are_used_where_they_lie():
    X_s = scipy_sparse.random_array(
        (50, 40), density=0.1, random_state=np.random.default_rng(0), format="csr"
    )
    assert np.shares_memory(sparse.as_csr(X_s, "X").data, X_s.data)
    rows = read_dataset((X_s, np.zeros(50, int)), 40, 2, np.dtype(float)).X.rows
    assert rows.is_sparse and rows.n == 50 and rows.n_in == 40


@pytest.mark.parametrize("verb", ["train", "feedforward", "accuracy"])
def test_nothing_is_written_out(verb):
    """As an array X has 640 MB; 25 MB are allowed for the network, its workspace and the copies."""
    n, n_in = 20_000, 4_000
    X_s = scipy_sparse.random_array(
        (n, n_in), density=0.002, random_state=np.random.default_rng(0), format="csr"
    )
    y = np.arange(n) % 2
    net = fastnet.Network([n_in, 4, 2], rng=0)
    tracemalloc.start()
    try:
        {
            "train": lambda: net.train((X_s, y), 1, 100),
            "feedforward": lambda: net.feedforward(X_s),
            "accuracy": lambda: net.accuracy((X_s, y)),
        }[verb]()
        assert tracemalloc.get_traced_memory()[1] < 25e6
    finally:
        tracemalloc.stop()


def test_more_columns_than_the_kernels_number():
    n_in = rows.MOST_COLUMNS + 10
    X_s = scipy_sparse.random_array(
        (30, n_in), density=1e-4, random_state=np.random.default_rng(0), format="csr"
    )
    X_s = scipy_sparse.csr_array(scipy_sparse.hstack([X_s[:, :-1], np.ones((30, 1))]))
    y = np.arange(30) % 2
    thin, dense = (fastnet.Network([n_in, 2, 2], rng=0) for _ in range(2))
    thin.train((X_s, y), 2, 10)
    dense.train((X_s.toarray(), y), 2, 10)
    np.testing.assert_allclose(thin.parameters, dense.parameters, **CLOSE[np.float64])
    outputs = thin.feedforward(X_s), dense.feedforward(X_s.toarray())
    np.testing.assert_allclose(*outputs, rtol=1e-12)
    assert thin.accuracy((X_s, y)) == dense.accuracy((X_s.toarray(), y))


def broken(**changes):
    X_s = scipy_sparse.csr_array(np.eye(4))
    for name, value in changes.items():
        setattr(X_s, name, np.asarray(value))
    return X_s


@pytest.mark.parametrize(
    ("X_s", "error", "said"),
    [
        (scipy_sparse.csr_array(np.diag([1, np.nan])), ValueError, "nan in row 1, column 1"),
        (scipy_sparse.csr_array(np.diag([1, np.inf])), ValueError, "is not finite in float64"),
        (scipy_sparse.csr_array(np.eye(2) * 1j), TypeError, "is of dtype complex128"),
        (scipy_sparse.csr_array((2, 3)), ValueError, "has 3 columns; this network takes 2"),
        (scipy_sparse.coo_array([1.0, 2.0]), ValueError, "expected two dimensions"),
    ],
)
def test_what_is_refused(X_s, error, said):
    net = fastnet.Network([2, 2], rng=0)
    before = net.parameters.copy()
    for verb in (
        lambda: net.train((X_s, np.zeros(X_s.shape[0], int)), 1),
        lambda: net.feedforward(X_s),
    ):
        with pytest.raises(error) as caught:
            verb()
        assert said in str(caught.value)
    assert np.array_equal(before, net.parameters)


@pytest.mark.parametrize(
    "X_s",
    [
        broken(indices=[0, 1, 2, 4]),
        broken(indices=[0, 1, 2, -1]),
        broken(indptr=[0, 1, 2, 3, 5]),
        broken(indptr=[0, 3, 1, 3, 4]),
        broken(indptr=[1, 1, 2, 3, 4]),
    ],
)
def test_indices_that_lead_outside_are_refused(X_s):
    net = fastnet.Network([4, 2], rng=0)
    with pytest.raises(ValueError) as caught:
        net.feedforward(X_s)
    assert "indices lie outside" in str(caught.value)


def test_too_large_for_float32():
    net = fastnet.Network([2, 2], rng=0, dtype=np.float32)
    with pytest.raises(ValueError) as caught:
        net.feedforward(scipy_sparse.csr_array(np.diag([1.0, 1e300])))
    assert "row 1, column 1, which is too large for float32" in str(caught.value)


def test_where_rows_are_not_meant_a_sparse_matrix_is_named():
    net = fastnet.Network([2, 2], rng=0)
    with pytest.raises(TypeError) as caught:
        net.backprop(scipy_sparse.csr_array(np.eye(2)), [0, 1])
    assert "is a sparse matrix" in str(caught.value)
