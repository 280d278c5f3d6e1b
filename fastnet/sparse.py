"""SciPy's sparse matrices as rows for the kernels, their zeros never written out.

SciPy is not imported here: who has a sparse matrix has imported it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.kernels import examples

__all__ = ["MOST_COLUMNS", "as_csr", "check_values", "is_sparse", "wrap"]

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
        Of any format; where it is canonical CSR already it is not copied, and it is never changed.
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
    rows = X.tocsr()
    _check_indices(rows, name)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    if rows.dtype.char not in "df" or not rows.dtype.isnative:
        narrow = rows.dtype.itemsize <= 2
        with np.errstate(over="ignore"):
            rows = rows.astype(np.float32 if narrow else np.float64)
    return rows


def _check_indices(rows: Any, name: str) -> None:
    """What must hold for a kernel to stay inside its arrays."""
    n, n_in = rows.shape
    starts, cols, entries = rows.indptr, rows.indices, len(rows.data)
    good = (
        len(starts) == n + 1
        and starts[0] == 0
        and starts[-1] <= min(len(cols), entries)
        and bool((starts[1:] >= starts[:-1]).all())
    )
    used = cols[: starts[-1]] if good else cols
    if not good or (used.size and not (used.min() >= 0 and used.max() < n_in)):
        raise ValueError(f"{name} is a sparse matrix whose indices lead outside of it.")


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


def wrap(rows: Any) -> examples.Rows | None:
    """Return the non-zeros for the kernels; None where there are more columns than they number.

    Parameters
    ----------
    rows : CSR matrix of float64 or float32, as `as_csr` gives it
        Its values are used where they lie; the column numbers are copied, 2 bytes each.

    Returns
    -------
    Rows or None

    Examples
    --------
    >>> import scipy.sparse
    >>> wrap(scipy.sparse.eye(3, format="csr")).is_sparse
    True
    """
    if rows.shape[1] > MOST_COLUMNS:
        return None
    return examples.from_csr(
        np.require(rows.indptr, np.int64, ["C", "ALIGNED"]),
        np.require(rows.indices, np.uint16, ["C", "ALIGNED"]),
        np.require(rows.data, None, ["C", "ALIGNED"]),
        rows.shape[1],
    )
