"""Conversion of SciPy's sparse matrices of every format to CSR with checked indices.

SciPy is not imported here: a user with a sparse matrix has imported it.
"""

from __future__ import annotations

import sys
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line

__all__ = ["as_csr", "as_dense", "is_sparse", "scipy_sparse", "with_checked_indices"]

Array = NDArray[Any]


def is_sparse(X: Any) -> bool:
    """Return whether X is a SciPy sparse matrix or array."""
    return "scipy.sparse" in sys.modules and bool(scipy_sparse().issparse(X))


def scipy_sparse() -> Any:
    """Return the module scipy.sparse, which must have been imported."""
    return sys.modules["scipy.sparse"]


def as_dense(values: Any) -> Array:
    """Return a sparse matrix as a dense array, and anything else as an array."""
    return np.asarray(values.toarray() if is_sparse(values) else values)


def as_csr(X: Any, name: str) -> Any:
    """Return a sparse matrix as CSR in canonical form: sorted, without duplicate entries.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format; never changed. If it is canonical CSR already, only the index arrays are
        copied.
    name : str
        What messages call it.

    Returns
    -------
    scipy.sparse CSR array of float64 or float32
        Other types of numbers are converted, entry by entry.

    Raises
    ------
    TypeError
        The entries are not real numbers.
    ValueError
        X does not have two dimensions, or indices lie outside of the matrix.
    """
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of dtype {X.dtype}; expected real numbers.")
    if len(X.shape) != 2:
        raise ValueError(f"{name} has shape {X.shape}; expected two dimensions.")
    rows = with_checked_indices(X, name)
    # SciPy checks this again: the flags of X may no longer be true of its indices.
    if not rows.has_canonical_format:
        rows.data = np.array(rows.data)
        rows.sum_duplicates()
    if rows.dtype.char not in "df" or not rows.dtype.isnative:
        narrow = rows.dtype.itemsize <= 2
        with np.errstate(over="ignore"):
            rows = rows.astype(np.float32 if narrow else np.float64)
    return rows


def with_checked_indices(X: Any, name: str) -> Any:
    """Return a new CSR matrix from checked copies of a sparse matrix's index arrays.

    SciPy's conversions do not check indices and write outside of arrays: call no method of X before
    this function.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format and type of numbers. Anything else is returned as it is.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        Indices lie outside of the matrix, or X is damaged in another way.
    """
    if not is_sparse(X) or len(X.shape) != 2:
        return X
    try:
        return _READERS.get(X.format, _read_other)(X)
    except _BadIndicesError:
        raise ValueError(
            f"{name} is a sparse matrix whose indices lie outside of it; make it again from valid "
            "row and column numbers."
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} is a sparse matrix that cannot be read: {in_one_line(str(error))}"
        ) from error


class _BadIndicesError(Exception):
    """An index array is damaged: not integers, or indices outside of the matrix."""


def _copied(given: Any, least: int, end: int) -> Array:
    """Return a copy of an index array, checked to contain only numbers in [least, end)."""
    try:
        numbers = np.array(given)
    except (TypeError, ValueError):
        raise _BadIndicesError from None
    if numbers.shape == (0,):
        return numbers.astype(np.intp)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise _BadIndicesError
    if numbers.min() < least or numbers.max() >= end:
        raise _BadIndicesError
    return numbers


def _compressed(values: Array, X: Any, major: int, minor: int) -> tuple[Array, Array, Array]:
    """Return the arrays of CSR, CSC (major: columns) or BSR (blocks), with checked indices."""
    starts = _copied(X.indptr, 0, len(values) + 1)
    rising = len(starts) == major + 1 and starts[0] == 0 and (starts[1:] >= starts[:-1]).all()
    if not rising:
        raise _BadIndicesError
    used = int(starts[-1])
    numbers = _copied(np.asarray(X.indices)[:used], 0, minor)
    if len(numbers) != used:
        raise _BadIndicesError
    return values if len(values) == used else values[:used], numbers, starts


def _values(X: Any, ndim: int) -> Array:
    """Return the matrix's values, not copied."""
    values = np.asarray(X.data)
    if values.ndim != ndim:
        raise _BadIndicesError
    return values


def _read_csr(X: Any) -> Any:
    n, n_in = X.shape
    return scipy_sparse().csr_array(_compressed(_values(X, 1), X, n, n_in), shape=(n, n_in))


def _read_csc(X: Any) -> Any:
    n, n_in = X.shape
    return scipy_sparse().csc_array(_compressed(_values(X, 1), X, n_in, n), shape=(n, n_in)).tocsr()


def _read_bsr(X: Any) -> Any:
    n, n_in = X.shape
    values = _values(X, 3)
    _, high, wide = values.shape
    if not high or not wide or n % high or n_in % wide:
        raise _BadIndicesError
    parts = _compressed(values, X, n // high, n_in // wide)
    return scipy_sparse().bsr_array(parts, shape=(n, n_in)).tocsr()


def _from_places(values: Any, rows: Any, cols: Any, shape: tuple[int, int]) -> Any:
    """Return CSR from values with their rows and columns; duplicates are added."""
    values = np.asarray(values)
    places = _copied(rows, 0, shape[0]), _copied(cols, 0, shape[1])
    if not values.ndim == 1 or not len(values) == len(places[0]) == len(places[1]):
        raise _BadIndicesError
    return scipy_sparse().coo_array((values, places), shape=shape).tocsr()


def _read_coo(X: Any) -> Any:
    return _from_places(X.data, X.row, X.col, X.shape)


def _read_dia(X: Any) -> Any:
    n, n_in = X.shape
    values = _values(X, 2)
    offsets = _copied(X.offsets, -sys.maxsize, sys.maxsize).astype(np.int64)[:, np.newaxis]
    if len(values) != len(offsets):
        raise _BadIndicesError
    offsets = offsets.clip(-n, n_in)  # beyond these, a whole diagonal is outside
    cols = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    used = (cols >= offsets) & (cols < offsets + n) & (cols < n_in) & (values != 0)
    return _from_places(values[used], (cols - offsets)[used], cols[used], (n, n_in))


def _read_lil(X: Any) -> Any:
    numbers, values = ([list(row) for row in rows] for rows in (X.rows, X.data))
    counts = [len(row) for row in numbers]
    if len(counts) != X.shape[0] or counts != [len(row) for row in values]:
        raise _BadIndicesError
    rows = np.repeat(np.arange(len(counts)), counts)
    flat = np.array([*chain.from_iterable(values)], X.dtype)
    return _from_places(flat, rows, [*chain.from_iterable(numbers)], X.shape)


def _read_dok(X: Any) -> Any:
    items = list(X.items())
    values = np.array([value for _, value in items], X.dtype)
    rows, cols = ([place[axis] for place, _ in items] for axis in range(2))
    return _from_places(values, rows, cols, X.shape)


def _read_other(X: Any) -> Any:
    """Read a format that SciPy did not have when this was written."""
    return _read_csr(X.tocsr())


_READERS = {
    "csr": _read_csr,
    "csc": _read_csc,
    "bsr": _read_bsr,
    "coo": _read_coo,
    "dia": _read_dia,
    "lil": _read_lil,
    "dok": _read_dok,
}
