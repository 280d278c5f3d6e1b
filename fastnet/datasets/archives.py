"""Tables out of .npz archives and IDX files, whose columns have no names."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.datasets.table import Table, Tables, display_name

if TYPE_CHECKING:
    import zipfile

__all__ = ["read_idx_folder", "read_npz"]

Array = NDArray[Any]


def read_idx_folder(path: str | os.PathLike[str]) -> Tables:
    """Read the four IDX files of a folder; see `fastnet.datasets.load_idx_folder`.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    Tables
        With both parts, X as in the files: usually uint8.

    Raises
    ------
    OSError, ValueError
        As `load_idx_folder`; ValueError also where a part has no examples.
    """
    from fastnet.datasets import load_idx_folder

    name = display_name(path)
    X_train, y_train, X_test, y_test = load_idx_folder(path)
    for X in (X_train, X_test):
        _check_examples(X, repr(os.fsdecode(path)))
    unused = _other_files(path)
    training = Table(name, X_train, y_train, unused=unused)
    return Tables(training, Table(name, X_test, y_test, unused=unused))


def _other_files(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the files of a folder that look like data and are not read."""
    from fastnet.datasets.idx import file_names

    read = set(file_names(path))
    marks = ("idx", "ubyte", "images", "labels")
    return tuple(
        name
        for name in sorted(os.listdir(os.fsdecode(path)))
        if name not in read and any(mark in name.lower() for mark in marks)
    )


def read_npz(path: str | os.PathLike[str], *, labelled: bool = True) -> Tables:
    """Read the arrays of an .npz archive.

    Parameters
    ----------
    path : str or os.PathLike
        With ``X`` and ``y``, or ``X_train`` and ``y_train``, ``X_test`` and ``y_test``, or one of
        the two pairs; ``x`` for ``X`` will do. X holds real numbers, one example a row, images
        being laid out as rows; y numbers or strings, one an example.
    labelled : bool, default True
        Whether there must be labels.

    Returns
    -------
    Tables

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no such archive, or is damaged; see `fastnet.datasets.load_npz_arrays`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pictures.npz")
    ...     np.savez(path, X=np.zeros((5, 28, 28), np.uint8))
    ...     read_npz(path, labelled=False).judged.X.shape
    (5, 784)
    """
    import zipfile

    from fastnet.files.npz import zip_errors_named

    source = repr(os.fsdecode(path))
    with open(path, "rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        with zip_errors_named(source):
            archive = zipfile.ZipFile(file)
        with archive:
            members = {info.filename: info for info in archive.infolist()}
            used: set[str] = set()
            one, two = [("X", "y")], [("X_train", "y_train"), ("X_test", "y_test")]
            tables: list[Table | None] = []
            for X_key, y_key in one if _find(members, "X") else two:
                X_info, y_info = _find(members, X_key), _find(members, y_key)
                if X_info is None or (labelled and y_info is None):
                    tables.append(None)
                    continue
                used |= {info.filename for info in (X_info, y_info) if info is not None}
                X = _read(archive, X_info, n_bytes, X_key, source)
                y = _read(archive, y_info, n_bytes, y_key, source) if labelled else None
                tables.append(_table(path, X, y, X_key, y_key))
    _check_parts(tables, members, labelled, source)
    unused = tuple(name.removesuffix(".npy") for name in members if name not in used)
    first, *second = [table and replace(table, unused=unused) for table in tables]
    return Tables(first, second[0] if second else None)


def _check_parts(
    tables: list[Table | None], members: dict[str, Any], labelled: bool, source: str
) -> None:
    """Refuse an archive without examples, and parts that don't go together."""
    widths = [table.X.shape[1] for table in tables if table is not None]
    if not widths:
        from fastnet.files.npz import listed

        wanted = "X and y, or X_train and y_train" if labelled else "X, or X_test"
        raise ValueError(f"{source} holds {listed(members)}; expected the arrays {wanted}")
    if widths[0] != widths[-1]:
        raise ValueError(
            f"{source}: a row of X_train has {widths[0]} values and a row of X_test has "
            f"{widths[1]}; they must have the same number"
        )


def _find(members: dict[str, zipfile.ZipInfo], key: str) -> zipfile.ZipInfo | None:
    return members.get(f"{key}.npy") or members.get(f"{key.lower()}.npy")


def _read(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, n_bytes: int, key: str, source: str
) -> Array:
    from fastnet.files.npz import read_member

    assert info is not None
    source = f"{key} in {source}"
    return read_member(archive, info, n_bytes, source, strings=key.startswith("y"))


def _table(
    path: str | os.PathLike[str], X: Array, y: Array | None, X_key: str, y_key: str
) -> Table:
    source = repr(os.fsdecode(path))
    if X.ndim < 2:
        raise ValueError(
            f"{X_key} in {source} has shape {X.shape}; expected one row or image an example"
        )
    X = X.reshape(len(X), math.prod(X.shape[1:]))
    _check_examples(X, source)
    if X.dtype == bool:
        X = X.view(np.int8)
    if y is not None:
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.shape != (len(X),):
            raise ValueError(
                f"{y_key} in {source} has shape {y.shape}, and {X_key} has {len(X)} rows; expected "
                "one label a row"
            )
    return Table(display_name(path), X, y)


def _check_examples(X: Array, source: str) -> None:
    if X.size == 0:
        raise ValueError(f"{source} has examples of shape {X.shape}; expected one or more numbers")
