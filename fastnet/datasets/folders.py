"""Readers of folders of images and labels as published: MNIST and data sets like it."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.common.hints import did_you_mean
from fastnet.datasets.idx import load_idx
from fastnet.datasets.table import (
    FourArrays,
    Table,
    Tables,
    check_examples,
    display_name,
    four_arrays,
)
from fastnet.files.npz import NpzFile

__all__ = ["load_idx_folder", "names_set", "read_idx_folder", "read_names"]

Array = NDArray[Any]

#: A file's name: the set, such as "emnist-letters-", the part, images or labels, and the format.
_NAME = re.compile(
    r"((?:.*-)?)(train|t10k|test)-(images|imgs|labels)"
    r"(?:([-.])(idx[0-9])-(?:ubyte|int)(?:[.]gz)?|[.]npz)"
)
#: The four files in the order of the arrays.
_FOUR = [(part, what) for part in ("train", "test") for what in ("images", "labels")]


class _Files(NamedTuple):
    """The folder, the names of the four files, and the prefix of their set."""

    folder: str
    names: list[str]
    group: str


def load_idx_folder(path: str | os.PathLike[str]) -> FourArrays:
    """Return the images and labels in a folder of MNIST or of a data set like it.

    Parameters
    ----------
    path : str or os.PathLike
        The folder as published or unpacked, each IDX file with or without ``.gz``. If it contains
        several sets, as EMNIST's does, add the name of one to the path: ``gzip/emnist-letters``.

    Returns
    -------
    X_train, y_train, X_test, y_test : numpy.ndarray
        ``X`` has one example per row, shape (n, pixels); ``y`` has shape (n,) and contains whole
        numbers. Values are unscaled, and types are those of the files (usually uint8).

    Raises
    ------
    FileNotFoundError
        If the folder, the set or one of the four files is missing.
    ValueError
        If a file is damaged (see `load_idx`), if images and labels do not match, or if the folder
        contains several sets.

    Notes
    -----
    These are the names of the files, in which a dot may replace the hyphen before ``idx``. If a
    file is there both plain and gzipped, the plain one is read.

    MNIST, Fashion-MNIST, KMNIST
        ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``,
        ``t10k-labels-idx1-ubyte``.
    EMNIST
        ``emnist-letters-train-images-idx3-ubyte`` and so on. The files have each image transposed;
        it is returned upright. Labels of the letters begin at 1, so train on ``y - 1``.
    QMNIST
        ``qmnist-train-images-idx3-ubyte``, ``qmnist-train-labels-idx2-int``, and the same with
        ``test``. A label has eight numbers; the first, the digit, is returned.
    KMNIST, Kuzushiji-49
        ``kmnist-train-imgs.npz``, ``kmnist-train-labels.npz``, and the same with ``test``, or with
        ``k49``.

    Examples
    --------
    >>> import os
    >>> from fastnet import datasets
    >>> folder = os.path.join(os.path.dirname(datasets.__file__), "mnist")
    >>> X_train, y_train, X_test, y_test = load_idx_folder(folder)
    >>> X_train.shape, X_train.dtype, y_test[:5].tolist()
    ((60000, 784), dtype('uint8'), [7, 2, 1, 0, 4])
    """
    files = _find(path)
    arrays = [_load(os.path.join(files.folder, name)) for name in files.names]
    for i in (1, 3):
        if "idx2" in files.names[i] and arrays[i].ndim == 2 and arrays[i].shape[1]:
            arrays[i] = np.ascontiguousarray(arrays[i][:, 0])
    if files.group.startswith("emnist"):
        for i in (0, 2):
            if arrays[i].ndim == 3:
                arrays[i] = np.ascontiguousarray(arrays[i].swapaxes(1, 2))
    return four_arrays(arrays, files.names, repr(os.fsdecode(path)))


def _load(path: str) -> Array:
    if not path.endswith(".npz"):
        return load_idx(path)
    with NpzFile(path) as archive:
        if len(archive.keys) != 1:
            raise ValueError(f"{archive.source} contains {archive.listed}; expected one array")
        return archive.read(archive.keys[0])


def read_idx_folder(path: str | os.PathLike[str]) -> Tables:
    """Return the four files of a folder as tables; see `load_idx_folder`.

    Raises
    ------
    OSError, ValueError
        As for `load_idx_folder`; ValueError also if a part has no examples.
    """
    X_train, y_train, X_test, y_test = load_idx_folder(path)
    for X in (X_train, X_test):
        check_examples(X, repr(os.fsdecode(path)))
    name, unused = display_name(path), _other_files(path)
    return Tables(
        Table(name, X_train, y_train, unused=unused), Table(name, X_test, y_test, unused=unused)
    )


def _other_files(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of files in a folder that look like data but are not read."""
    files = _find(path)
    marks = ("idx", "ubyte", "images", "imgs", "labels")
    return tuple(
        name
        for name in sorted(os.listdir(files.folder))
        if name not in files.names
        and any(mark in name.lower() for mark in marks)
        and not (_NAME.fullmatch(name) and not os.path.isdir(path))  # another set was chosen
    )


def read_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the four files that `load_idx_folder` reads; errors as there."""
    files = _find(path)
    return [os.path.join(files.folder, name) for name in files.names]


def names_set(path: str | os.PathLike[str]) -> bool:
    """Return whether a path that does not exist lies in a folder of sets with names.

    It may be the name of one of them, or a misspelt name, which `load_idx_folder` refuses.
    """
    name = os.fsdecode(path)
    if os.path.lexists(name) or not os.path.basename(name):
        return False
    try:
        present = os.listdir(os.path.dirname(name) or os.curdir)
    except (OSError, ValueError):
        return False
    return any(_groups(present))


def _find(path: str | os.PathLike[str]) -> _Files:
    """Return the four files of a folder, or of one set in it.

    Raises
    ------
    FileNotFoundError
        The folder, the set or one of the four is missing.
    ValueError
        There are several sets.
    """
    folder, only = os.fsdecode(path), ""
    if names_set(folder):
        folder, only = os.path.dirname(folder) or os.curdir, f"{os.path.basename(folder)}-"
    groups = _groups(os.listdir(folder))
    if only and only not in groups:
        known = [name.rstrip("-") for name in groups if name]
        raise FileNotFoundError(
            f"{os.fsdecode(path)!r} does not exist; the sets in {folder!r} are {', '.join(known)}."
            f"{did_you_mean(only.rstrip('-'), known)}"
        )
    whole = [group for group, found in groups.items() if len(found) == len(_FOUR)]
    group = only if only or "" in whole or not whole else whole[0]
    if not only and group and len(whole) > 1:
        sets = ", ".join(sorted(name.rstrip("-") for name in whole)[:8])
        raise ValueError(
            f"{folder!r} contains several sets: {sets}; add the name of one to the path, as in "
            f"{os.path.join(folder, whole[0].rstrip('-'))!r}"
        )
    found = groups.get(group, {})
    for part, what in _FOUR:
        if (part, what) not in found:
            stem = f"{group}{part if group else part.replace('test', 't10k')}-{what}"
            kind = "idx3" if what == "images" else "idx1"
            names = ", ".join(
                f"{stem}{mark}{kind}-ubyte{end}" for end in ("", ".gz") for mark in "-."
            )
            raise FileNotFoundError(f"{folder!r} has no {stem} file; expected one of {names}")
    return _Files(folder, [found[key] for key in _FOUR], group)


def _groups(present: list[str]) -> dict[str, dict[tuple[str, str], str]]:
    """Return the files of each set, by the set's prefix, then by part and content."""
    groups: dict[str, dict[tuple[str, str], str]] = {}
    # The last file of a kind wins: plain before gzipped, a hyphen before a dot.
    for name in sorted(present, key=lambda name: (not name.endswith(".gz"), ".idx" not in name)):
        parts = _NAME.fullmatch(name)
        if parts:
            part = "train" if parts[2] == "train" else "test"
            what = "labels" if parts[3] == "labels" else "images"
            groups.setdefault(parts[1], {})[part, what] = name
    return dict(sorted(groups.items()))
