"""Readers of examples and labels in NumPy's .npz archives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fastnet.datasets.sources import source_name
from fastnet.datasets.table import (
    FourArrays,
    Table,
    Tables,
    check_examples,
    check_widths,
    display_name,
    four_arrays,
    image_rows,
)
from fastnet.files.npz import NpzFile

__all__ = ["load_npz_arrays", "read_npz"]

_NAMES = ["X_train", "y_train", "X_test", "y_test"]


def load_npz_arrays(path: str | os.PathLike[str]) -> FourArrays:
    """Return ``X_train``, ``y_train``, ``X_test`` and ``y_test`` from an .npz file.

    ``x_train`` and ``x_test``, Keras's names, are accepted too. Nothing is unpickled.

    Parameters
    ----------
    path : str or os.PathLike
        A file as `numpy.savez` or `numpy.savez_compressed` writes it.

    Returns
    -------
    X_train, y_train, X_test, y_test : numpy.ndarray
        ``X`` has one example per row, shape (n, features), with images flattened; ``y`` has shape
        (n,) and contains whole numbers. Values and types are those of the file, in the machine's
        byte order.

    Raises
    ------
    FileNotFoundError
        If there is no such file (and the other errors of `open`).
    ValueError
        If it is not an .npz file, is truncated or damaged, lacks one of the four arrays, contains
        anything but real numbers, or if the arrays do not match. A member that unpacks to more than
        64 MiB and to more than a hundred times its size is refused too.

    Notes
    -----
    The format is described in the documentation of `numpy.lib.format`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "points.npz")
    ...     np.savez(path, X_train=np.eye(3), y_train=[0, 1, 2], X_test=np.ones((1, 3)), y_test=[2])
    ...     X_train, y_train, X_test, y_test = load_npz_arrays(path)
    >>> X_train.shape, y_train.tolist(), X_test.tolist(), y_test.tolist()
    ((3, 3), [0, 1, 2], [[1.0, 1.0, 1.0]], [2])
    """
    arrays = []
    with NpzFile(path) as archive:
        for key in _NAMES:
            name = archive.find(key)
            if name is None:
                raise ValueError(
                    f"{archive.source} has no array {key}; it contains {archive.listed}, expected "
                    f"{', '.join(_NAMES)}"
                )
            arrays.append(archive.read(name))
    return four_arrays(arrays, _NAMES, archive.source)


def read_npz(path: str | os.PathLike[str], *, labelled: bool = True) -> Tables:
    """Return the arrays of an .npz archive as tables.

    Parameters
    ----------
    path : str or os.PathLike
        With ``X`` and ``y``, or ``X_train`` and ``y_train``, ``X_test`` and ``y_test``, or one of
        the two pairs; ``x`` is accepted for ``X``. X has real numbers, one row or image per
        example; y has one number or string per example.
    labelled : bool, default True
        Whether there must be labels.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not such an archive, or is damaged; see `load_npz_arrays`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pictures.npz")
    ...     np.savez(path, X=np.zeros((5, 28, 28), np.uint8))
    ...     read_npz(path, labelled=False).to_evaluate.X.shape
    (5, 784)
    """
    name = display_name(path)
    with NpzFile(path, source_name(path)) as archive:
        pairs = [_NAMES[:2], _NAMES[2:]] if archive.find("X") is None else [["X", "y"]]
        tables = [_read_table(archive, name, pair, labelled) for pair in pairs]
        read = {archive.find(key) for i, pair in enumerate(pairs) if tables[i] for key in pair}
        unused = tuple(key for key in archive.keys if key not in read)
        if not any(tables):
            wanted = "X and y, or X_train and y_train" if labelled else "X, or X_test"
            raise ValueError(
                f"{archive.source} contains {archive.listed}; expected the arrays {wanted}"
            )
    training, test = [table and replace(table, unused=unused) for table in (*tables, None)[:2]]
    if training and test:
        check_widths(training.X, test.X, _NAMES[::2], archive.source)
    return Tables(training, test)


def _read_table(archive: NpzFile, name: str, keys: Sequence[str], labelled: bool) -> Table | None:
    X_name, y_name = map(archive.find, keys)
    if X_name is None or (labelled and y_name is None):
        return None
    X, y = archive.read(X_name), None
    if labelled and y_name is not None:
        y = archive.read(y_name, strings=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
    X = image_rows(X, y, keys, archive.source)
    check_examples(X, archive.source)
    return Table(name, X.view(np.int8) if X.dtype == bool else X, y)
