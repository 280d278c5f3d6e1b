"""SciPy's sparse matrices as rows for the kernels, their zeros never written out.

SciPy is not imported here: who has a sparse matrix has imported it.
"""

from __future__ import annotations

import sys
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.kernels import examples

__all__ = [
    "MOST_COLUMNS",
    "as_csr",
    "check_values",
    "checked",
    "entries",
    "is_sparse",
    "wrap",
    "written_out",
]

Array = NDArray[Any]

#: Kernels number columns in 16 bits; wider rows are written out a few at a time.
MOST_COLUMNS = 1 << 16


def is_sparse(X: Any) -> bool:
    """Return whether X is a sparse matrix or array of SciPy's.

    Examples
    --------
    >>> import numpy as np, scipy.sparse
    >>> is_sparse(scipy.sparse.eye(3)), is_sparse(np.eye(3))
    (True, False)
    """
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(X))


def as_csr(X: Any, name: str) -> Any:
    """Return a sparse matrix as CSR in canonical form (sorted, no entry twice).

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format; never changed. Of what is canonical CSR already the index arrays are copied,
        and the values are not.
    name : str
        What messages call it.

    Returns
    -------
    scipy.sparse CSR matrix or array of float64 or float32
        Other types of numbers are converted, entry by entry.

    Raises
    ------
    TypeError
        The entries are not real numbers.
    ValueError
        There are not two dimensions, or the index arrays lead outside.

    Examples
    --------
    >>> import scipy.sparse
    >>> as_csr(scipy.sparse.csc_array([[0, 2], [1, 0]]), "X").indices.tolist()
    [1, 0]
    """
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of dtype {X.dtype}; expected real numbers.")
    if len(X.shape) != 2:
        raise ValueError(f"{name} has shape {X.shape}; expected two dimensions.")
    rows = checked(X, name)
    # Found out by SciPy anew: what X says of itself need not be true of its indices any more.
    if not rows.has_canonical_format:
        rows.data = np.array(rows.data)
        rows.sum_duplicates()
    if rows.dtype.char not in "df" or not rows.dtype.isnative:
        narrow = rows.dtype.itemsize <= 2
        with np.errstate(over="ignore"):
            rows = rows.astype(np.float32 if narrow else np.float64)
    return rows


def checked(X: Any, name: str) -> Any:
    """Return a sparse matrix made anew as CSR, out of copies of its index arrays, checked.

    SciPy's conversions check no index and write wherever one leads: before this, no method of X may
    be called.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format and type of numbers.
    name : str
        What messages call it.

    Raises
    ------
    ValueError
        The index arrays lead outside, or something else about X is not as SciPy has it.

    Examples
    --------
    >>> import scipy.sparse
    >>> X = scipy.sparse.coo_array([[0, 2]])
    >>> X.col[:] = 3
    >>> try:
    ...     checked(X, "X")
    ... except ValueError as error:
    ...     print(str(error)[:54])
    X is a sparse matrix whose indices lead outside of it;
    """
    try:
        return _READERS.get(X.format, _read_other)(X)
    except _BadIndicesError:
        raise ValueError(
            f"{name} is a sparse matrix whose indices lead outside of it; make it anew, from row "
            "and column numbers that are inside."
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} is a sparse matrix that cannot be read: {in_one_line(str(error))}"
        ) from error


class _BadIndicesError(Exception):
    """An index array leads outside of the matrix, or is none."""


def _scipy() -> Any:
    return sys.modules["scipy.sparse"]


def _copied(given: Any, least: int, end: int) -> Array:
    """A copy of an index array, of numbers from `least` to below `end`."""
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
    """The arrays of CSR, CSC (major: columns) or BSR (in blocks), the index arrays checked."""
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
    """The numbers where they lie."""
    values = np.asarray(X.data)
    if values.ndim != ndim:
        raise _BadIndicesError
    return values


def _read_csr(X: Any) -> Any:
    n, n_in = X.shape
    return _scipy().csr_array(_compressed(_values(X, 1), X, n, n_in), shape=(n, n_in))


def _read_csc(X: Any) -> Any:
    n, n_in = X.shape
    return _scipy().csc_array(_compressed(_values(X, 1), X, n_in, n), shape=(n, n_in)).tocsr()


def _read_bsr(X: Any) -> Any:
    n, n_in = X.shape
    values = _values(X, 3)
    _, high, wide = values.shape
    if not high or not wide or n % high or n_in % wide:
        raise _BadIndicesError
    parts = _compressed(values, X, n // high, n_in // wide)
    return _scipy().bsr_array(parts, shape=(n, n_in)).tocsr()


def _from_places(values: Any, rows: Any, cols: Any, shape: tuple[int, int]) -> Any:
    """CSR out of numbers and where each of them stands; those that stand twice are added."""
    values = np.asarray(values)
    places = _copied(rows, 0, shape[0]), _copied(cols, 0, shape[1])
    if not values.ndim == 1 or not len(values) == len(places[0]) == len(places[1]):
        raise _BadIndicesError
    return _scipy().coo_array((values, places), shape=shape).tocsr()


def _read_coo(X: Any) -> Any:
    return _from_places(X.data, X.row, X.col, X.shape)


def _read_dia(X: Any) -> Any:
    n, n_in = X.shape
    values = _values(X, 2)
    offsets = _copied(X.offsets, -sys.maxsize, sys.maxsize).astype(np.int64)[:, np.newaxis]
    if len(values) != len(offsets):
        raise _BadIndicesError
    offsets = offsets.clip(-n, n_in)  # beyond, a diagonal is outside as a whole
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
    """A format that SciPy did not have when this was written."""
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


def entries(rows: Any, chosen: Array) -> tuple[Array, Array, Array]:
    """Return values, column numbers and row starts of some rows, as CSR has them.

    NumPy's indexing is checked where SciPy's is not, and whoever holds `rows` can write in it.

    Parameters
    ----------
    rows : CSR matrix
    chosen : ndarray of int, shape (m,)

    Raises
    ------
    ValueError, IndexError
        The index arrays were written to and lead outside.

    Examples
    --------
    >>> import scipy.sparse
    >>> [part.tolist() for part in entries(scipy.sparse.csr_array([[0, 5], [7, 0]]), np.array([1]))]
    [[7], [0], [0, 1]]
    """
    first, last = rows.indptr[chosen], rows.indptr[chosen + 1]
    counts = last - first
    if counts.min() < 0 or first.min() < 0 or last.max() > min(len(rows.data), len(rows.indices)):
        raise ValueError("X's row starts have been changed since they were checked.")
    starts = np.concatenate([[0], np.cumsum(counts)])
    places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)
    return rows.data[places], rows.indices[places], starts


def written_out(rows: Any, chosen: Array) -> Array:
    """Return some rows of a CSR matrix in canonical form as an array, zeros and all.

    Examples
    --------
    >>> import scipy.sparse
    >>> written_out(scipy.sparse.csr_array([[0, 5], [7, 0]]), np.array([1, 1])).tolist()
    [[7, 0], [7, 0]]
    """
    values, cols, starts = entries(rows, chosen)
    block = np.zeros((len(chosen), rows.shape[1]), rows.dtype)
    block[np.repeat(np.arange(len(chosen)), np.diff(starts)), cols] = values
    return block


def check_values(rows: Any, dtype: np.dtype[Any], name: str) -> None:
    """Refuse entries that are NaN or infinite, or would be in `dtype`.

    Parameters
    ----------
    rows : CSR matrix of float64 or float32, as `as_csr` gives it

    Raises
    ------
    ValueError
        With the row and the column.
    """
    values = np.require(rows.data[: rows.indptr[-1]], None, ["ALIGNED"])
    limit = float(np.finfo(dtype).max)
    if not values.size or examples.scan(values[np.newaxis], limit) < 0:
        return
    values = values.copy()
    bad = np.flatnonzero(~(np.abs(values.astype(np.float64)) <= limit))
    if not bad.size:
        raise ValueError(f"{name} has changed while it was looked at; leave it as it is.")
    place = int(bad[0])
    row = int(np.searchsorted(rows.indptr, place, side="right")) - 1
    what = "is too large for" if np.isfinite(values[place]) else "is not finite in"
    raise ValueError(
        f"{name} holds {values[place]} in row {row}, column {rows.indices[place]}, "
        f"which {what} {dtype}; mend that row."
    )


def wrap(X: Any, name: str) -> tuple[Any, examples.Rows | None]:
    """Return a sparse matrix as CSR in canonical form, and its non-zeros for the kernels.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format; never changed. Of what is canonical CSR already the values are used where
        they lie; column numbers, 2 bytes each, and row starts are copied.
    name : str
        What messages call it.

    Returns
    -------
    csr : scipy.sparse CSR array of float64 or float32
        Whoever has X may be able to write in it: read it by `entries` and `written_out`.
    rows : Rows or None
        None where there are more columns than kernels number.

    Raises
    ------
    ValueError, TypeError
        As for `as_csr`.

    Examples
    --------
    >>> import scipy.sparse
    >>> csr, rows = wrap(scipy.sparse.eye(3, format="csr"), "X")
    >>> rows.is_sparse
    True
    """
    found = _wrap_csr(X)
    if found is not None:
        return found
    csr = as_csr(X, name)
    if csr.shape[1] > MOST_COLUMNS:
        return csr, None
    return csr, _rows_of(csr.indptr, csr.indices, csr.data, csr.shape[1])


def _rows_of(starts: Any, cols: Any, values: Any, n_in: int) -> examples.Rows:
    starts, cols, values = (
        np.require(part, None, ["C", "ALIGNED"]) for part in (starts, cols, values)
    )
    return examples.from_csr(starts, cols, values, n_in)


def _wrap_csr(X: Any) -> tuple[Any, examples.Rows] | None:
    """Fast path for canonical CSR, in one pass; None if it does not apply."""
    if X.format != "csr" or len(X.shape) != 2 or X.shape[1] > MOST_COLUMNS:
        return None
    (n, n_in), starts, cols, values = X.shape, X.indptr, X.indices, X.data
    try:
        rows = _rows_of(starts, cols, values, n_in)
        csr = _scipy().csr_array((values, cols, starts), shape=(n, n_in))
    except (TypeError, ValueError):  # also where they are not in order, which the long way mends
        return None
    return (csr, rows) if rows.n == n else None
