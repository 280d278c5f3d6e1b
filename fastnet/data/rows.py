"""X as a network takes it: `as_rows` looks at what a user gives, once, and returns its rows."""

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

#: Rows converted at a time, in bytes.
BLOCK_BYTES = 1 << 22
#: At most this share of non-zeros, and this many bytes of them, is kept beside X for training.
SPARSE_SHARE = 0.4
SPARSE_BYTES = 128 << 20
#: Kernels number columns in 16 bits; wider sparse rows are written out a few at a time.
MOST_COLUMNS = 1 << 16


@runtime_checkable
class Derived(Protocol):
    """Rows that are worked out of other rows when asked for, as `datasets.shift_images` has them.

    Where `originals`, an array of shape (m, n_in), is finite, so are they.
    """

    originals: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n_in)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the rows."""
        ...

    def __getitem__(self, rows: Any, /) -> Array:
        """Return the rows of these numbers."""
        ...

    def nonzeros(self, originals: kernel_rows.Rows, chosen: Array) -> kernel_rows.Rows:
        """Return the chosen rows' non-zeros, from those of the originals."""
        ...


class InputRows:
    """The rows of X; the classes below say how they lie in memory.

    Attributes
    ----------
    n, n_in : int
    dtype : dtype
        Of the elements, as they were given.
    name : str
        What messages call X.
    rows : Rows or None
        All of them for the kernels; None where kernels cannot read them as they lie.
    checked : dtype or None
        The type that they have been checked for, to be read repeatedly.
    """

    n: int
    n_in: int
    dtype: np.dtype[Any]
    name: str
    rows: kernel_rows.Rows | None = None
    checked: np.dtype[Any] | None = None

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse NaN, infinity, and what would become infinite in `dtype`.

        Parameters
        ----------
        dtype : dtype
        repeated : bool
            They will be read more than once: of rows that are mostly zeros, kernels get the
            non-zeros alone from now on.

        Raises
        ------
        ValueError
            With the row.
        """
        raise NotImplementedError

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of the rows of these numbers, C-contiguous, in `dtype`.

        Raises
        ------
        ValueError, TypeError
            Rows that are worked out are not what was asked for.
        """
        raise NotImplementedError

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return a copy of the rows of these numbers that lies as they do; errors as for `take`."""
        return DenseRows(self.take(chosen, dtype), self.name)

    def wrap(self, chosen: Array, dtype: np.dtype[Any]) -> kernel_rows.Rows:
        """Return the rows of these numbers for the kernels; errors as for `take`."""
        return kernel_rows.Rows(self.take(chosen, dtype))

    def blocks(self, dtype: np.dtype[Any]) -> Iterator[tuple[int, kernel_rows.Rows]]:
        """Yield the first number of each block of rows, and the block for the kernels.

        All rows are one block, unless they have to be converted. Kernels themselves find what is
        not finite in dense rows that they read where they lie; all else is checked here.
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
        """Whether kernels get the non-zeros alone."""
        return self.rows is not None and self.rows.is_sparse

    def sample(self, most_bytes: int) -> bytes:
        """Return the bytes of some rows, the first and the last among them, evenly spread."""
        most = max(1, most_bytes // max(1, self.n_in * self.dtype.itemsize))
        chosen = np.linspace(0, self.n - 1, min(self.n, most)).astype(np.intp)
        return self.take(chosen, self.dtype).tobytes()


class DenseRows(InputRows):
    """The rows of an array of any real type and strides, where they lie.

    Nobody else may give the array another shape or type.
    """

    def __init__(self, array: Array, name: str) -> None:
        self.array, self.name, self.dtype = array, name, array.dtype
        self.n, self.n_in = array.shape
        self.rows = kernel_rows.Rows(array) if kernels.can_read(array) else None

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse NaN, infinity, and what would become infinite; see `InputRows`."""
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
        """The first row with an element beyond +-limit, or -1, of a type that is not a kernel's."""
        if self.dtype.kind == "f":
            step = block_rows(self.n_in, np.promote_types(self.dtype, np.float64))
            for start in range(0, self.n, step):
                bad = np.flatnonzero(~_fits(self.array[start : start + step], limit).all(axis=1))
                if bad.size:
                    return start + int(bad[0])
        return -1

    def _refuse(self, row: int, limit: float, dtype: np.dtype[Any]) -> None:
        values = np.array(self.array[row])  # no other thread changes this until the message is made
        bad = np.flatnonzero(~_fits(values, limit))
        if not bad.size:
            raise ValueError(
                f"{self.name} has changed while row {row} was looked at; leave it as it is."
            )
        col = int(bad[0])
        what = "is not finite" if not np.isfinite(values[col]) else f"is too large for {dtype}"
        raise ValueError(
            f"{self.name} holds {values[col]} in row {row}, column {col}, which {what}; mend that "
            "row."
        )

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return a copy of the rows of these numbers."""
        return np.require(self.array[chosen], dtype, ["C", "ALIGNED"])

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return a copy of the rows of these numbers, in their own type."""
        return DenseRows(self.array[chosen], self.name)


class SparseRows(InputRows):
    """The rows of a sparse matrix of SciPy's, by their non-zeros.

    Parameters
    ----------
    X : scipy.sparse matrix or array, shape (n, n_in)
        Of any format; never changed. Of what is canonical CSR already the values are used where
        they lie; column numbers, 2 bytes each, and row starts are copied.
    name : str

    Raises
    ------
    ValueError, TypeError
        As for `sparse.as_csr`.
    """

    def __init__(self, X: Any, name: str) -> None:
        # Whoever has X may be able to write in `csr`: only NumPy, which checks, indexes by it.
        self.csr, self.rows = _read_canonical(X) or (sparse.as_csr(X, name), None)
        self.name, self.dtype = name, self.csr.dtype
        self.n, self.n_in = self.csr.shape
        if self.rows is None and self.n_in <= MOST_COLUMNS:
            self.rows = _nonzeros(self.csr.indptr, self.csr.indices, self.csr.data, self.n_in)

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse entries that are NaN or infinite, or would be in `dtype`."""
        values = np.require(self.csr.data[: self.csr.indptr[-1]], None, ["ALIGNED"])
        limit = float(np.finfo(dtype).max)
        if not values.size or kernel_rows.scan(values[np.newaxis], limit) < 0:
            return
        values = values.copy()
        bad = np.flatnonzero(~_fits(values, limit))
        if not bad.size:
            raise ValueError(f"{self.name} has changed while it was looked at; leave it as it is.")
        place = int(bad[0])
        row = int(np.searchsorted(self.csr.indptr, place, side="right")) - 1
        what = "is too large for" if np.isfinite(values[place]) else "is not finite in"
        raise ValueError(
            f"{self.name} holds {values[place]} in row {row}, column {self.csr.indices[place]}, "
            f"which {what} {dtype}; mend that row."
        )

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Return the rows of these numbers, zeros and all."""
        counts, places = self._entries(chosen)
        rows = np.repeat(np.arange(len(chosen)), counts)
        block = np.zeros((len(chosen), self.n_in), dtype)
        block[rows, self.csr.indices[places]] = self.csr.data[places]
        return block

    def drawn(self, chosen: Array, dtype: np.dtype[Any]) -> InputRows:
        """Return the non-zeros of the rows of these numbers."""
        counts, places = self._entries(chosen)
        starts = np.concatenate([[0], np.cumsum(counts)])
        parts = self.csr.data[places], self.csr.indices[places], starts
        shape = len(chosen), self.n_in
        return SparseRows(sparse.scipy_sparse().csr_array(parts, shape=shape), self.name)

    def _entries(self, chosen: Array) -> tuple[Array, Array]:
        """How many entries each of these rows has, and where they are, row after row."""
        csr = self.csr
        first, last = csr.indptr[chosen], csr.indptr[chosen + 1]
        counts = last - first
        if counts.min() < 0 or first.min() < 0 or last.max() > min(len(csr.data), len(csr.indices)):
            raise ValueError("X's row starts have been changed since they were checked.")
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
    except (TypeError, ValueError):  # also where they are not in order, which as_csr mends
        return None
    return (csr, rows) if rows.n == n else None


def _nonzeros(starts: Any, cols: Any, values: Any, n_in: int) -> kernel_rows.Rows:
    starts, cols, values = (
        np.require(part, None, ["C", "ALIGNED"]) for part in (starts, cols, values)
    )
    return kernel_rows.from_csr(starts, cols, values, n_in)


class LazyRows(InputRows):
    """Rows that are worked out of others when kernels need them.

    `originals`, which they are worked out of, are checked and compressed instead of them.
    """

    def __init__(self, source: Derived, originals: InputRows, name: str) -> None:
        self.source, self.originals, self.name = source, originals, name
        self.n, self.n_in, self.dtype = int(source.shape[0]), originals.n_in, originals.dtype

    def check(self, dtype: np.dtype[Any], *, repeated: bool = False) -> None:
        """Refuse originals that are not finite; where they are, so are these rows."""
        self.originals.check(dtype, repeated=repeated)

    def take(self, chosen: Array, dtype: np.dtype[Any]) -> Array:
        """Work out the rows of these numbers."""
        given: Any = self.source[chosen.copy()]
        if sparse.is_sparse(given):
            given = SparseRows(given, "X")
            given = given.take(np.arange(given.n), dtype)
        rows = as_real_array(given, "X")
        self._check_shape(rows.shape, len(chosen))
        return np.require(rows, dtype, ["C", "ALIGNED"])

    def wrap(self, chosen: Array, dtype: np.dtype[Any]) -> kernel_rows.Rows:
        """Work out the rows of these numbers, from non-zeros alone where the originals are such."""
        originals = self.originals.rows
        if originals is None or not originals.is_sparse:
            return super().wrap(chosen, dtype)
        rows = self.source.nonzeros(originals, chosen.copy())
        if not isinstance(rows, kernel_rows.Rows):
            raise TypeError(
                f"X: nonzeros gave an object of type {type(rows).__name__}; expected Rows, as "
                "fastnet.datasets.shift_images gives them."
            )
        self._check_shape((rows.n, rows.n_in), len(chosen))
        return rows

    def _check_shape(self, shape: tuple[int, ...], count: int) -> None:
        if shape != (count, self.n_in):
            raise ValueError(
                f"X gave rows of shape {shape} when asked for {count}; expected "
                f"{(count, self.n_in)}."
            )

    @property
    def is_sparse(self) -> bool:
        """Whether kernels get the non-zeros alone."""
        return self.originals.is_sparse


def as_rows(X: Any, n_in: int, name: str, *, data: str = "") -> InputRows:
    """Return the rows of X, without a copy where it is an array; the elements are not looked at.

    Parameters
    ----------
    X : array_like, table, sparse matrix of SciPy's, Derived or InputRows
        Of shape (n, n_in), or (n, n_in, 1) as the book has it.
    n_in : int
    name : str
        What messages call X.
    data : str
        What a message calls data that must not be empty; if left out, they may be.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        The shape is wrong, or indices of a sparse matrix lead outside.

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
    """Return one example or many as rows, and what turns the rows of an answer as `a` lies.

    Parameters
    ----------
    a : as for `as_rows`, or array_like of shape (n_in,) or (n_in, 1)
        Where n_in = 1 a column is a batch.

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
    """Return rows for k networks: an array for all, (n, n_in), or for each, (k, n, n_in).

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
    array = as_real_array(X, name).view()  # for whoever has X may give X another shape or type
    fits = array.ndim == 2 or (array.ndim == 3 and len(array) == k)
    if not fits or array.shape[-1] != n_in:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (n, {n_in}), rows for all networks, or "
            f"({k}, n, {n_in}), rows for each of them."
        )
    return array


def _is_derived(X: Any) -> bool:
    # Whether something follows a protocol takes longer to find out than a small gradient.
    return hasattr(X, "originals") and isinstance(X, Derived)


def _dense(array: Array, n_in: int, name: str, data: str = "") -> DenseRows:
    array = array.view()  # for whoever has X may give X another shape or type
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


def as_real_array(values: Any, name: str) -> Array:
    """Return an array of real numbers of any type and shape, without a copy where it is one.

    Tables of pandas, polars and Arrow, and columns of theirs, are taken too.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        Rows of unequal lengths, or a table with missing values.
    """
    array = values if type(values) is np.ndarray else _as_array(values, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of dtype {array.dtype}; expected real numbers.")
    return array


def _as_array(values: Any, name: str) -> Array:
    if sparse.is_sparse(values):
        raise TypeError(f"{name} is a sparse matrix; give an array here, as .toarray() makes it.")
    values = unframed(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked elements; fill them, or leave their rows out.")
    try:
        with memory_for(name):
            return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged; every row must have the same length.") from None


def block_rows(n_in: int, dtype: np.dtype[Any]) -> int:
    """Return how many rows to convert at a time."""
    return max(1, BLOCK_BYTES // (max(1, n_in) * dtype.itemsize))


def _fits(values: Array, limit: float) -> Array:
    """Where values are finite and no larger than limit, compared in a type that holds both."""
    wide = values.astype(np.promote_types(values.dtype, np.float64), copy=False)
    fits: Array = np.abs(wide) <= limit
    return fits
