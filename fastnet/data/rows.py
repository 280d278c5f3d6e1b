"""`as_rows`: a user's X, checked once, as rows that kernels can read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fastnet import kernels
from fastnet.common.arguments import memory_for
from fastnet.common.frames import unframed
from fastnet.common.threads import get_num_threads
from fastnet.data import sparse
from fastnet.kernels import rows as kernel_rows

__all__ = [
    "NUMBER_CLASSES",
    "DenseRows",
    "Derived",
    "InputRows",
    "as_batch",
    "as_real_array",
    "as_rows",
    "as_stacked",
    "block_rows",
]

Array = NDArray[Any]

#: The bytes of rows that are converted at a time.
BLOCK_BYTES = 1 << 22
#: For training, non-zeros are kept beside X up to this share of X and this many bytes.
SPARSE_SHARE = 0.4
SPARSE_BYTES = 128 << 20
#: Kernels number columns in 16 bits; wider sparse rows are made dense a few at a time.
MOST_COLUMNS = 1 << 16


@runtime_checkable
class Derived(Protocol):
    """Rows that are computed from other rows on demand, such as those of `datasets.shift_images`.

    If `originals`, an array of shape (m, n_in), is finite, they must be finite, too.
    """

    originals: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n_in)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of the rows."""
        ...

    def __getitem__(self, rows: Any, /) -> Array:
        """Return the rows with these numbers."""
        ...

    def nonzeros(self, originals: kernel_rows.Rows, chosen: Array) -> kernel_rows.Rows:
        """Return the non-zeros of the chosen rows, computed from those of the originals."""
        ...


class InputRows:
    """The rows of X; each subclass stores them in its own way.

    Attributes
    ----------
    n, n_in : int
        Rows and columns.
    dtype : dtype
        The type of the elements as given.
    name : str
        What messages call X.
    rows : Rows or None
        All rows for the kernels; None if kernels cannot read them in place.
    checked : dtype or None
        The type for which they have been checked and prepared for repeated reading.
    """

    n: int
    n_in: int
    dtype: np.dtype[Any]
    name: str
    rows: kernel_rows.Rows | None = None
    checked: np.dtype[Any] | None = None

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse NaN, infinity, and numbers that would become infinite in `dtype`.

        Parameters
        ----------
        dtype : dtype
        repeated : bool
            Whether the rows will be read more than once. If they are mostly zeros, kernels then
            get only the non-zeros.

        Raises
        ------
        ValueError
            The message names the row.
        """
        raise NotImplementedError

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of the chosen rows, C-contiguous, in `dtype`.

        Raises
        ------
        ValueError, TypeError
            Rows computed by the user's code have another shape or type than requested.
        """
        raise NotImplementedError

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return a copy of the chosen rows, stored in the same way; errors as for `take`."""
        return DenseRows(self.take(chosen, dtype), self.name)

    def wrap(self, chosen: Array, dtype: np.dtype[Any]) -> kernel_rows.Rows:
        """Return the chosen rows for the kernels; errors as for `take`."""
        return kernel_rows.Rows(self.take(chosen, dtype))

    def blocks(self, dtype: np.dtype[Any]) -> Iterator[tuple[int, kernel_rows.Rows]]:
        """Yield each block of rows for the kernels, with the number of its first row.

        All rows are one block unless they have to be converted. Kernels find numbers that are not
        finite in dense rows that they read in place; other rows are checked here.
        """
        if self.rows is None or self.is_sparse:
            self.check(dtype)
        if self.rows is not None:
            yield 0, self.rows
            return
        step = block_rows(self.n_in, dtype)
        for start in range(0, self.n, step):
            yield start, self.wrap(np.arange(start, min(self.n, start + step)), dtype)

    @property
    def is_sparse(self) -> bool:
        """Whether kernels get only the non-zeros."""
        return self.rows is not None and self.rows.is_sparse

    def sample(self, most_bytes: int) -> bytes:
        """Return the bytes of evenly spread rows, the first and the last among them."""
        most = max(1, most_bytes // max(1, self.n_in * self.dtype.itemsize))
        chosen = np.linspace(0, self.n - 1, min(self.n, most)).astype(np.intp)
        return self.take(chosen, self.dtype).tobytes()


class DenseRows(InputRows):
    """The rows of an array of any real type and strides, not copied.

    The array object must not be shared: nobody else may change its shape or type.
    """

    def __init__(self, array: Array, name: str) -> None:
        self.array, self.name, self.dtype = array, name, array.dtype
        self.n, self.n_in = array.shape
        self.rows = kernel_rows.Rows(array) if kernels.can_read(array) else None

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse NaN, infinity, and numbers that would become infinite; see `InputRows`."""
        limit = float(np.finfo(dtype).max)
        if self.rows is None:
            bad_row, kept = self._first_beyond(limit), None
        else:
            bad_row, kept = -1, None
            if repeated and self.n_in <= MOST_COLUMNS:
                bad_row, kept = kernel_rows.compress(
                    self.array, limit, SPARSE_SHARE, SPARSE_BYTES, get_num_threads()
                )
            if bad_row < 0 and kept is None:
                bad_row = kernel_rows.scan(self.array, limit)
        if bad_row >= 0:
            self._refuse(bad_row, limit, dtype)
        if kept is not None:
            self.rows = kept

    def _first_beyond(self, limit: float) -> int:
        """Return the first row with an element beyond +-limit, or -1, for types not in kernels."""
        if self.dtype.kind == "f":
            step = block_rows(self.n_in, np.promote_types(self.dtype, np.float64))
            for start in range(0, self.n, step):
                bad = np.flatnonzero(~_fits(self.array[start : start + step], limit).all(axis=1))
                if bad.size:
                    return start + int(bad[0])
        return -1

    def _refuse(self, row: int, limit: float, dtype: np.dtype[Any]) -> None:
        values = np.array(self.array[row])  # a copy, which other threads cannot change
        bad = np.flatnonzero(~_fits(values, limit))
        if not bad.size:
            raise ValueError(
                f"{self.name} was changed while row {row} was checked; do not change it meanwhile."
            )
        col = int(bad[0])
        what = "is not finite" if not np.isfinite(values[col]) else f"is too large for {dtype}"
        raise ValueError(
            f"{self.name} holds {values[col]} in row {row}, column {col}, which {what}; fix or "
            "drop that row."
        )

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of the chosen rows."""
        return np.require(self.array[chosen], dtype, ["C", "ALIGNED"])

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return a copy of the chosen rows, in their own type."""
        return DenseRows(self.array[chosen], self.name)


class SparseRows(InputRows):
    """The rows of a SciPy sparse matrix, as their non-zeros.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format; never changed. If it is canonical CSR already, its values are used in place;
        column numbers, 2 bytes each, and row starts are copied.
    name : str

    Raises
    ------
    ValueError, TypeError
        As for `sparse.as_csr`.
    """

    def __init__(self, X: Any, name: str) -> None:
        # The owner of X may still write into `csr`: only NumPy, which checks indices, uses them.
        self.csr, self.rows = _read_canonical(X) or (sparse.as_csr(X, name), None)
        self.name, self.dtype = name, self.csr.dtype
        self.n, self.n_in = self.csr.shape
        if self.rows is None and self.n_in <= MOST_COLUMNS:
            self.rows = _nonzeros(self.csr.indptr, self.csr.indices, self.csr.data, self.n_in)

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse entries that are NaN or infinite, or would be infinite in `dtype`."""
        values = np.require(self.csr.data[: self.csr.indptr[-1]], None, ["ALIGNED"])
        limit = float(np.finfo(dtype).max)
        if not values.size or kernel_rows.scan(values[np.newaxis], limit) < 0:
            return
        values = values.copy()
        bad = np.flatnonzero(~_fits(values, limit))
        if not bad.size:
            raise ValueError(
                f"{self.name} was changed while it was checked; do not change it then."
            )
        place = int(bad[0])
        row = int(np.searchsorted(self.csr.indptr, place, side="right")) - 1
        what = "is too large for" if np.isfinite(values[place]) else "is not finite in"
        raise ValueError(
            f"{self.name} holds {values[place]} in row {row}, column {self.csr.indices[place]}, "
            f"which {what} {dtype}; fix or drop that row."
        )

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return the chosen rows as a dense array."""
        counts, places = self._entries(chosen)
        rows = np.repeat(np.arange(len(chosen)), counts)
        block = np.zeros((len(chosen), self.n_in), dtype)
        block[rows, self.csr.indices[places]] = self.csr.data[places]
        return block

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return the chosen rows, as their non-zeros."""
        counts, places = self._entries(chosen)
        starts = np.concatenate([[0], np.cumsum(counts)])
        parts = self.csr.data[places], self.csr.indices[places], starts
        shape = len(chosen), self.n_in
        return SparseRows(sparse.scipy_sparse().csr_array(parts, shape=shape), self.name)

    def _entries(self, chosen: Array) -> tuple[Array, Array]:
        """Return the number of entries in each of these rows, and the positions of all entries."""
        csr = self.csr
        first, last = csr.indptr[chosen], csr.indptr[chosen + 1]
        counts = last - first
        if counts.min() < 0 or first.min() < 0 or last.max() > min(len(csr.data), len(csr.indices)):
            raise ValueError(
                "the row starts of X were changed after they were checked; do not change X."
            )
        places = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        return counts, places


def _read_canonical(X: Any) -> tuple[Any, kernel_rows.Rows] | None:
    """Fast path for canonical CSR, in one pass; None if it does not apply."""
    if X.format != "csr" or len(X.shape) != 2 or X.shape[1] > MOST_COLUMNS:
        return None
    (n, n_in), starts, cols, values = X.shape, X.indptr, X.indices, X.data
    try:
        rows = _nonzeros(starts, cols, values, n_in)
        csr = sparse.scipy_sparse().csr_array((values, cols, starts), shape=(n, n_in))
    except (TypeError, ValueError):  # also for entries out of order, which as_csr sorts
        return None
    return (csr, rows) if rows.n == n else None


def _nonzeros(starts: Any, cols: Any, values: Any, n_in: int) -> kernel_rows.Rows:
    starts, cols, values = (
        np.require(part, None, ["C", "ALIGNED"]) for part in (starts, cols, values)
    )
    return kernel_rows.from_csr(starts, cols, values, n_in)


class LazyRows(InputRows):
    """Rows that are computed from others when kernels need them.

    The `originals`, from which they are computed, are checked and compressed in their place.
    """

    def __init__(self, source: Derived, originals: InputRows, name: str) -> None:
        self.source, self.originals, self.name = source, originals, name
        self.n, self.n_in, self.dtype = int(source.shape[0]), originals.n_in, originals.dtype

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse originals that are not finite: if they are finite, so are these rows."""
        self.originals.check(dtype, repeated=repeated)

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return the chosen rows, computed from the originals."""
        given: Any = self.source[chosen.copy()]
        if sparse.is_sparse(given):
            given = SparseRows(given, "X")
            given = given.take(np.arange(given.n), dtype)
        rows = as_real_array(given, "X")
        self._check_shape(rows.shape, len(chosen))
        return np.require(rows, dtype, ["C", "ALIGNED"])

    def wrap(self, chosen: Array, dtype: np.dtype[Any]) -> kernel_rows.Rows:
        """Return the chosen rows, computed from non-zeros if the originals are sparse."""
        originals = self.originals.rows
        if originals is None or not originals.is_sparse:
            return super().wrap(chosen, dtype)
        rows = self.source.nonzeros(originals, chosen.copy())
        if not isinstance(rows, kernel_rows.Rows):
            raise TypeError(
                f"X: nonzeros returned an object of type {type(rows).__name__}; expected Rows, as "
                "from fastnet.datasets.shift_images."
            )
        self._check_shape((rows.n, rows.n_in), len(chosen))
        return rows

    def _check_shape(self, shape: tuple[int, ...], count: int) -> None:
        if shape != (count, self.n_in):
            raise ValueError(
                f"X returned rows of shape {shape} for {count} row numbers; expected "
                f"{(count, self.n_in)}."
            )

    @property
    def is_sparse(self) -> bool:
        """Whether kernels get only the non-zeros."""
        return self.originals.is_sparse


def as_rows(X: Any, n_in: int, name: str, *, data: str = "") -> InputRows:
    """Return the rows of X, not copied if X is an array; the elements are not checked.

    Parameters
    ----------
    X : array_like, table, SciPy sparse matrix, Derived or InputRows
        Of shape (n, n_in), or (n, n_in, 1) as in the book.
    n_in : int
    name : str
        What messages call X.
    data : str
        What messages call data that must not be empty; if left out, they may be empty.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        The shape is wrong, or indices of a sparse matrix lie outside of it.

    Examples
    --------
    >>> rows = as_rows([[1, 2], [3, 4], [5, 6]], 2, "X")
    >>> rows.n, rows.take(np.array([2, 0]), np.dtype(float)).tolist()
    (3, [[5.0, 6.0], [1.0, 2.0]])
    """
    if type(X) is not np.ndarray:
        if isinstance(X, InputRows):
            _check_shape((X.n, X.n_in), n_in, name, data)
            return X
        if sparse.is_sparse(X):
            _check_shape(X.shape, n_in, name, data)
            return SparseRows(X, name)
        if _is_derived(X):
            return LazyRows(X, as_rows(X.originals, n_in, name, data=data), name)
    return _dense(as_real_array(X, name), n_in, name, data)


def as_batch(a: Any, n_in: int, name: str) -> tuple[InputRows, Callable[[Array], Array]]:
    """Return one example or many as rows, and a function that shapes outputs like `a`.

    Parameters
    ----------
    a : as for `as_rows`, or array_like of shape (n_in,) or (n_in, 1)
        If n_in is 1, a column is a batch.

    Raises
    ------
    ValueError, TypeError
        As for `as_rows`.

    Examples
    --------
    >>> rows, turn = as_batch([[1], [2], [3]], 3, "a")
    >>> rows.n, turn(np.array([[7.0, 8.0]])).tolist()
    (1, [[7.0], [8.0]])
    """
    if type(a) is not np.ndarray and (
        sparse.is_sparse(a) or isinstance(a, InputRows) or _is_derived(a)
    ):
        return as_rows(a, n_in, name), np.asarray
    array = as_real_array(a, name)
    if array.ndim == 1:
        return _dense(array[np.newaxis], n_in, name), np.ravel
    if array.shape == (n_in, 1) and n_in != 1:
        return _dense(array.T, n_in, name), np.transpose
    return _dense(array, n_in, name), np.asarray


def as_stacked(X: Any, k: int, n_in: int, name: str) -> Array | InputRows:
    """Return rows for k networks: the same for all, (n, n_in), or for each, (k, n, n_in).

    A sparse matrix has rows for all networks and is returned as `InputRows`.

    Raises
    ------
    ValueError, TypeError
        As for `as_rows`.

    Examples
    --------
    >>> as_stacked([[[1], [2]], [[3], [4]]], 2, 1, "X").shape
    (2, 2, 1)
    """
    if type(X) is not np.ndarray and (
        sparse.is_sparse(X) or isinstance(X, InputRows) or _is_derived(X)
    ):
        return as_rows(X, n_in, name)
    array = as_real_array(X, name).view()  # its shape and type cannot be changed through X
    fits = array.ndim == 2 or (array.ndim == 3 and len(array) == k)
    if not fits or array.shape[-1] != n_in:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (n, {n_in}), the same rows for all "
            f"networks, or ({k}, n, {n_in}), rows for each network."
        )
    return array


def _is_derived(X: Any) -> bool:
    # The check of a protocol takes longer than a small gradient.
    return hasattr(X, "originals") and isinstance(X, Derived)


def _dense(array: Array, n_in: int, name: str, data: str = "") -> DenseRows:
    array = array.view()  # its shape and type cannot be changed through X
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    _check_shape(array.shape, n_in, name, data)
    return DenseRows(array, name)


def _check_shape(shape: tuple[int, ...], n_in: int, name: str, data: str) -> None:
    if data and shape[:1] == (0,):
        raise ValueError(f"{data} is empty; give at least one example.")
    how = _how_to_flatten(shape, n_in)
    if len(shape) != 2:
        raise ValueError(
            f"{name} has shape {shape}; expected two dimensions, (examples, {n_in}){how}."
        )
    if shape[1] != n_in:
        raise ValueError(f"{name} has {shape[1]} columns; this network takes {n_in}{how}.")


def _how_to_flatten(shape: tuple[int, ...], n_in: int) -> str:
    """Return the end of a message for images that are not flattened yet."""
    if len(shape) > 2 and math.prod(shape[1:]) == n_in:
        return f"; to flatten each example, use reshape(-1, {n_in})"
    if len(shape) > 1 and shape[1] > 1 and math.prod(shape) == n_in:
        return "; to flatten one example, use ravel()"
    return ""


#: Added to an error about `y` that contains text.
NUMBER_CLASSES = " Number class names with `names, y = numpy.unique(y, return_inverse=True)`."


def as_real_array(values: Any, name: str, advice: str = "") -> Array:
    """Return an array of real numbers of any type and shape, not copied if it is one already.

    Tables of pandas, polars and Arrow, and their columns, are accepted, too. If the elements are
    text, the error ends with `advice`.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        Rows of unequal lengths, or a table with missing values.
    """
    array = values if type(values) is np.ndarray else _as_array(values, name)
    if array.dtype.kind not in "biuf":
        is_text = array.dtype.kind == "U" or (array.size and isinstance(array.flat[0], str))
        advice = advice if is_text else ""
        raise TypeError(f"{name} is of dtype {array.dtype}; expected real numbers.{advice}")
    return array


def _as_array(values: Any, name: str) -> Array:
    if sparse.is_sparse(values):
        raise TypeError(f"{name} is a sparse matrix; expected an array, so use its .toarray().")
    values = unframed(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked elements; fill them in, or leave their rows out.")
    try:
        with memory_for(name):
            return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged; every row must have the same length.") from None


def block_rows(n_in: int, dtype: np.dtype[Any]) -> int:
    """Return how many rows to convert at a time."""
    return max(1, BLOCK_BYTES // (max(1, n_in) * dtype.itemsize))


def _fits(values: Array, limit: float) -> Array:
    """Return where values are finite and within +-limit, compared in a type wide enough."""
    wide = values.astype(np.promote_types(values.dtype, np.float64), copy=False)
    fits: Array = np.abs(wide) <= limit
    return fits
