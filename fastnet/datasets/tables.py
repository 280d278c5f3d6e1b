"""Readers of a user's data as tables: .csv, .npz, a folder of IDX files, a picture of a digit."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fastnet.datasets.digits import is_picture, read_digit
from fastnet.datasets.folders import names_set, read_idx_folder
from fastnet.datasets.labels import class_names, class_numbers, quantities
from fastnet.datasets.npz import read_npz
from fastnet.datasets.sources import reopenable, source_name
from fastnet.datasets.table import Table, Tables, display_name
from fastnet.preprocessing import Label

__all__ = [
    "Table",
    "Tables",
    "class_names",
    "class_numbers",
    "classes_of",
    "kind_of",
    "quantities",
    "read_tables",
]


def read_tables(
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    labelled: bool = True,
    header: bool | None = None,
) -> Tables:
    """Return the data in a .csv file, an .npz file, a folder of IDX files or a picture as tables.

    Parameters
    ----------
    path : str or os.PathLike
        A folder of images and labels, as `fastnet.datasets.load_idx_folder` reads it; an .npz
        archive (recognized by its content) with ``X`` and ``y``, or ``X_train``, ``y_train``,
        ``X_test``, ``y_test``; a picture, which is one example, see `fastnet.datasets.read_digit`;
        or else text, see `fastnet.datasets.text.read_csv`. "-" is standard input.
    label, columns, ignore, header
        As for `read_csv`; only text has named columns, and `columns` is ignored elsewhere.
    labelled : bool, default True
        Whether labels are read; if not, they may be missing.

    Raises
    ------
    OSError
        The path cannot be read.
    ValueError
        It is not as described above; the message says where.
    """
    with reopenable(path) as again:
        return _read(again, label, columns, ignore, labelled, header)


def _read(
    path: str | os.PathLike[str],
    label: str | None,
    columns: Sequence[str] | None,
    ignore: Sequence[str],
    labelled: bool,
    header: bool | None,
) -> Tables:
    """Return the tables at a path that can be read twice."""
    kind = kind_of(path)
    if kind == "text":
        from fastnet.datasets.text import read_csv

        table = read_csv(
            path, label=label, columns=columns, ignore=ignore, labelled=labelled, header=header
        )
        return Tables(table, None)
    if label is not None or ignore or header is not None:
        raise ValueError(
            f"{source_name(path)} has no named columns; label, ignore, header and no-header are "
            "only for .csv files"
        )
    if kind == "picture":
        return _read_picture(path, labelled)
    return read_idx_folder(path) if kind == "folder" else read_npz(path, labelled=labelled)


def _read_picture(path: str | os.PathLike[str], labelled: bool) -> Tables:
    """Return a picture of a digit as a table of one row of bytes."""
    if labelled:
        raise ValueError(
            f"{source_name(path)} is a picture of one digit, without a label; use fastnet predict "
            "or fastnet.datasets.read_digit"
        )
    return Tables(None, Table(display_name(path), read_digit(path, raw=True).reshape(1, -1)))


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the kind of data: "folder"; by its content, "npz" or "picture"; or else "text".

    Raises
    ------
    OSError
        The path cannot be read.
    """
    if os.path.isdir(path) or names_set(path):
        return "folder"
    with open(path, "rb") as file:
        if file.read(2) == b"PK":
            return "npz"
    return "picture" if is_picture(path) else "text"


def classes_of(*tables: Table) -> tuple[Label, ...]:
    """Return the classes among the labels of tables, as `class_names` does.

    Raises
    ------
    ValueError
        As for `class_names`; the message names the column that the labels were read from.
    """
    try:
        return class_names(*[table.y for table in tables if table.y is not None])
    except ValueError as error:
        if tables[0].target is None:
            raise
        raise ValueError(
            f"{error} (labels were read from {tables[0].label_column}; --label names another)"
        ) from None
