"""`as_rows` returns rows that answer alike, whatever X was."""

from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet.data.dataset import read_dataset
from fastnet.data.rows import DenseRows, LazyRows, SparseRows, as_batch, as_rows
from fastnet.datasets import shift_images

N, N_IN = 12, 9
DOUBLE = np.dtype(float)


def sparse_of(X):
    return pytest.importorskip("scipy.sparse", reason="SciPy is missing").csc_array(X)


KINDS = {
    "array": (lambda X: X, DenseRows),
    "list": (lambda X: X.tolist(), DenseRows),
    "columns": (lambda X: X[:, :, np.newaxis], DenseRows),
    "float16": (lambda X: X.astype(np.float16), DenseRows),
    "fortran": (np.asfortranarray, DenseRows),
    "sparse": (sparse_of, SparseRows),
    "shifted": (lambda X: shift_images(X, np.zeros(N), (3, 3))[0], LazyRows),
}


def made(share=0.3):
    rng = np.random.default_rng(0)
    return rng.integers(1, 9, (N, N_IN)) / 8 * (rng.random((N, N_IN)) < share)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("repeated", [False, True])
def test_rows_of_every_kind_answer_alike(kind, repeated):
    X = made()
    make, cls = KINDS[kind]
    rows = as_rows(make(X), N_IN, "X")
    assert type(rows) is cls and rows.n_in == N_IN
    assert rows.n == (5 * N if kind == "shifted" else N)
    rows.check(DOUBLE, repeated=repeated)
    chosen = np.array([7, 0, 7])
    assert np.array_equal(rows.take(chosen, DOUBLE), X[chosen])
    wrapped = rows.wrap(chosen, DOUBLE)
    assert (wrapped.n, wrapped.n_in) == (3, N_IN)
    blocks = list(rows.blocks(DOUBLE))
    assert blocks[0][0] == 0 and sum(block.n for _, block in blocks) == rows.n
    assert len(rows.sample(1)) <= len(rows.sample(1 << 20))
    net = fastnet.Network([N_IN, 4, 2], rng=0)
    outputs = net.feedforward(make(X))
    np.testing.assert_allclose(outputs[:N], net.feedforward(X), rtol=1e-12)


def test_what_has_been_inspected_is_returned_as_it_is():
    rows = as_rows(made(), N_IN, "X")
    assert as_rows(rows, N_IN, "X") is rows
    with pytest.raises(ValueError, match="X has 9 columns; this network takes 4"):
        as_rows(rows, 4, "X")


def test_an_array_is_not_copied_and_keeps_its_shape():
    X = made()
    rows = as_rows(X, N_IN, "X")
    assert np.shares_memory(rows.array, X) and rows.array is not X


def test_non_zeros_are_kept_of_rows_that_are_read_again_and_mostly_zeros():
    for share, repeated, kept in ((0.3, True, True), (0.3, False, False), (0.9, True, False)):
        rows = as_rows(made(share), N_IN, "X")
        rows.check(DOUBLE, repeated=repeated)
        assert rows.is_sparse == kept


@pytest.mark.parametrize(
    ("shape", "rows", "turned"),
    [((3,), 1, (2,)), ((3, 1), 1, (2, 1)), ((4, 3), 4, (4, 2)), ((4, 3, 1), 4, (4, 2))],
)
def test_an_answer_lies_as_the_example_does(shape, rows, turned):
    batch, turn = as_batch(np.zeros(shape), 3, "a")
    assert batch.n == rows and turn(np.zeros((rows, 2))).shape == turned


def test_where_there_is_one_input_a_column_is_a_batch():
    assert as_batch(np.zeros((5, 1)), 1, "a")[0].n == 5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_are_checked_for_each_type_that_they_are_read_for(dtype):
    """NumPy holds that float64 equals None, which stands for rows that have not been checked."""
    dtype = np.dtype(dtype)
    X = np.full((4, 3), 1e60)
    holed = np.where(X > 0, np.nan, X)
    with pytest.raises(ValueError, match="X holds nan in row 0"):
        read_dataset((as_rows(holed, 3, "X"), np.zeros(4, int)), 3, 2, dtype)
    rows = as_rows(X, 3, "X")
    rows.check(DOUBLE, repeated=True)
    rows.checked = DOUBLE
    if dtype == DOUBLE:
        assert read_dataset((rows, np.zeros(4, int)), 3, 2, dtype).n == 4
    else:
        with pytest.raises(ValueError, match="too large for float32"):
            read_dataset((rows, np.zeros(4, int)), 3, 2, dtype)


def test_only_this_room_asks_what_is_sparse():
    package = Path(fastnet.__file__).parent
    words = ("issparse", "is_sparse", "tocsr", "toarray")
    asking = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert asking == {"data"}
