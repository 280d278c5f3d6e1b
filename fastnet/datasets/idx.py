"""IDX files, the format of MNIST and of the data sets made in its likeness."""

import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.datasets.table import (
    FourArrays,
    Table,
    Tables,
    check_examples,
    display_name,
    four_arrays,
)
from fastnet.files.limits import read_array

# The third byte of a file names the type of its elements; all are stored with the most significant
# byte first.
_ELEMENT_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

_FOUR_FILES = (
    ("train-images", "idx3-ubyte"),
    ("train-labels", "idx1-ubyte"),
    ("t10k-images", "idx3-ubyte"),
    ("t10k-labels", "idx1-ubyte"),
)


def load_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, plain or gzipped, which is recognized by its content.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    numpy.ndarray
        The file's array, in its shape and in the machine's byte order: uint8, int8, int16, int32,
        float32 or float64, writable.

    Raises
    ------
    FileNotFoundError
        If there is no such file (and the other errors of `open`).
    ValueError
        If it is not an IDX file, is truncated or damaged, or has bytes after its data. A gzipped
        file that unpacks to more than 64 MiB and to more than a hundred times its size is refused
        too.

    Notes
    -----
    The format, described with the MNIST database (Y. LeCun and C. Cortes): two zero bytes, one byte
    for the type of the elements, one byte for the number of dimensions, each length as a 32-bit
    unsigned integer, the elements in C order; everything with the most significant byte first.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "three-labels")
    ...     with open(path, "wb") as file:
    ...         _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     load_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    name = os.fsdecode(path)
    with open(name, "rb") as file:
        if file.peek(2)[:2] != b"\x1f\x8b":
            return _read_idx(file.read, repr(name))
        import gzip

        from fastnet.datasets.unpacking import gzip_errors_named

        packed_bytes = os.fstat(file.fileno()).st_size
        with gzip_errors_named(repr(name)), gzip.GzipFile(fileobj=file, mode="rb") as stream:
            return _read_idx(stream.read, repr(name), packed_bytes)


def load_idx_folder(path: str | os.PathLike[str]) -> FourArrays:
    """Read a folder of four IDX files that are named as MNIST's are.

    The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each with or without ``.gz``; a dot
    may stand before ``idx``. Fashion-MNIST, KMNIST and EMNIST's MNIST split have these names. If a
    file is there twice, the plain one is read.

    Parameters
    ----------
    path : str or os.PathLike
        The folder.

    Returns
    -------
    X_train, y_train, X_test, y_test : numpy.ndarray
        ``X`` has one example per row, shape (n, pixels); ``y`` has shape (n,) and whole numbers.
        The values are those of the files, unscaled, in the files' types (usually uint8).

    Raises
    ------
    FileNotFoundError
        If the folder or one of the four files is missing.
    ValueError
        If a file is not sound (see `load_idx`), or if the four do not fit each other.

    Examples
    --------
    >>> import os
    >>> from fastnet import datasets
    >>> folder = os.path.join(os.path.dirname(datasets.__file__), "mnist")
    >>> X_train, y_train, X_test, y_test = load_idx_folder(folder)
    >>> X_train.shape, X_train.dtype, y_test[:5].tolist()
    ((60000, 784), dtype('uint8'), [7, 2, 1, 0, 4])
    """
    folder = os.fsdecode(path)
    names = file_names(folder)
    return four_arrays(
        [load_idx(os.path.join(folder, name)) for name in names], names, repr(folder)
    )


def read_idx_folder(path: str | os.PathLike[str]) -> Tables:
    """Return the four IDX files of a folder as tables; see `load_idx_folder`.

    Raises
    ------
    OSError, ValueError
        As `load_idx_folder`; ValueError also where a part has no examples.
    """
    X_train, y_train, X_test, y_test = load_idx_folder(path)
    for X in (X_train, X_test):
        check_examples(X, repr(os.fsdecode(path)))
    name, unused = display_name(path), _other_files(path)
    return Tables(
        Table(name, X_train, y_train, unused=unused), Table(name, X_test, y_test, unused=unused)
    )


def _other_files(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the files of a folder that look like data but are not read."""
    read = set(file_names(path))
    marks = ("idx", "ubyte", "images", "labels")
    return tuple(
        name
        for name in sorted(os.listdir(os.fsdecode(path)))
        if name not in read and any(mark in name.lower() for mark in marks)
    )


def file_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the four files that `load_idx_folder` reads.

    Raises
    ------
    FileNotFoundError
        The folder or one of the four is missing.
    """
    folder = os.fsdecode(path)
    present = set(os.listdir(folder))
    return [_find(folder, present, stem, kind) for stem, kind in _FOUR_FILES]


def _find(folder: str, present: set[str], stem: str, kind: str) -> str:
    candidates = [f"{stem}{mark}{kind}{end}" for end in ("", ".gz") for mark in "-."]
    for name in candidates:
        if name in present:
            return name
    raise FileNotFoundError(
        f"{folder!r} holds no {stem} file: expected one of {', '.join(candidates)}"
    )


def _read_idx(
    read: Callable[[int], bytes], source: str, packed_bytes: int | None = None
) -> NDArray[Any]:
    magic = read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _ELEMENT_TYPES or not magic[3]:
        raise ValueError(
            f"{source} is not an IDX file: it begins with the bytes {magic.hex(' ') or '(none)'}, "
            "expected 00 00, an element type (08, 09, 0b, 0c, 0d or 0e) and a number of "
            "dimensions; is it the right file?"
        )
    lengths = read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise ValueError(
            f"{source} is truncated: it ends within the lengths of its {magic[3]} dimensions; "
            "fetch it again"
        )
    shape = struct.unpack(f">{magic[3]}I", lengths)
    stored = np.dtype(_ELEMENT_TYPES[magic[2]])
    return read_array(read, shape, stored, source, packed_bytes).reshape(shape)
