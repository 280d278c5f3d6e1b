"""Conversion of pandas, polars and Arrow tables to arrays, without importing those libraries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_frame", "unframed"]

Array = NDArray[Any]

#: The libraries whose objects are converted.
LIBRARIES = frozenset({"pandas", "polars", "pyarrow"})
#: Names of the numeric types of polars and Arrow.
NUMBERS = {
    "polars": re.compile(r"U?Int\d+|Float\d+|Boolean"),
    "pyarrow": re.compile(r"u?int\d+|halffloat|float|double|bool"),
}


def is_frame(values: Any) -> bool:
    """Return whether `values` are a table or a column of pandas, polars or Arrow.

    Examples
    --------
    >>> import pandas as pd
    >>> is_frame(pd.DataFrame({"a": [1]})), is_frame(np.eye(2))
    (True, False)
    """
    return _library(values) is not None


def unframed(values: Any, name: str) -> Any:
    """Return a table or column as an array, and anything else unchanged.

    Parameters
    ----------
    values : DataFrame, Series, Table, RecordBatch, Array, ... or anything
        The columns of a table become columns of the array in the same order, without names.
    name : str
        What messages call it.

    Returns
    -------
    ndarray, shape (n, k) of a table, (n,) of a column
        Columns of different types are converted to NumPy's common type. Not copied if the table's
        memory is already such an array.

    Raises
    ------
    TypeError
        A column contains other values than numbers; the message names it.
    ValueError
        A value is missing (NA, null); the message names column and row.

    Examples
    --------
    >>> import pandas as pd
    >>> unframed(pd.DataFrame({"width": [1, 2], "wet": [True, False]}), "X")
    array([[1, 1],
           [2, 0]])
    >>> unframed(pd.DataFrame({"width": [1, 2], "kind": ["a", "b"]}), "X")
    Traceback (most recent call last):
      ...
    TypeError: X, column 'kind', is of type str; expected numbers: encode it, or leave it out.
    """
    library = _library(values)
    if library is None:
        return values
    if hasattr(values, "collect"):
        raise TypeError(f"{name} is a {type(values).__name__}; call its collect() first.")
    if not hasattr(values, "__len__"):  # a single value
        return values
    columns = _columns(values, library)
    if columns is None:
        return _column(values, library, name)
    arrays = [_column(column, library, f"{name}, column {label!r},") for label, column in columns]
    types = {array.dtype for array in arrays}
    if library == "pandas" and len(types) == 1:
        whole = np.asarray(values)
        if whole.dtype in types and whole.flags.c_contiguous:
            return whole
    # One copy in C order, since every epoch reads row by row.
    rows = np.empty((len(values), len(arrays)), np.result_type(*types) if types else np.float64)
    for place, array in enumerate(arrays):
        rows[:, place] = array
    return rows


def _library(values: Any) -> str | None:
    """Return the library of an object's class or of one of its bases."""
    for kind in type(values).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in LIBRARIES:
            return library
    return None


def _columns(values: Any, library: str) -> Iterable[tuple[Any, Any]] | None:
    """Return the names and columns of a table, or None for a column."""
    if library == "pandas":
        return list(values.items()) if getattr(values, "ndim", 1) == 2 else None
    if library == "polars":
        if not hasattr(values, "get_columns"):
            return None
        return list(zip(values.columns, values.get_columns(), strict=True))
    if not hasattr(values, "column_names"):
        return None
    return list(zip(values.column_names, values.columns, strict=True))


def _column(column: Any, library: str, name: str) -> Array:
    """Return a column as an array of numbers, or raise an error that names it."""
    kind = getattr(column, "dtype", getattr(column, "type", None))
    if library == "pandas":
        good = getattr(kind, "kind", "O") in "biuf"
    else:
        good = NUMBERS[library].fullmatch(str(kind)) is not None
    if not good:
        raise TypeError(f"{name} is of type {kind}; expected numbers: encode it, or leave it out.")
    missing = _missing(column, library)
    if missing is not None:
        raise ValueError(f"{name} has no value in row {missing}; fill it in, or leave the row out.")
    return np.asarray(column)


def _missing(column: Any, library: str) -> int | None:
    """Return the number of the first row with a missing value, or None."""
    if library == "pandas":
        # NaN in a NumPy column is found later, with infinity.
        if isinstance(column.dtype, np.dtype):
            return None
        gaps = np.asarray(column.isna(), dtype=bool)
    elif not (column.null_count() if library == "polars" else column.null_count):
        return None
    else:
        gaps = np.asarray(column.is_null(), dtype=bool)
    places = np.flatnonzero(gaps)
    return int(places[0]) if places.size else None
