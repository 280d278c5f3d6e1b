"""The reader of IDX files, the format of MNIST and of data sets like it."""

import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.files.limits import read_array

# The third byte of a file names the type of its elements; all are stored with the most significant
# byte first.
_ELEMENT_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the array in an IDX file, plain or gzipped, which is recognized by its content.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    numpy.ndarray
        Writable, in the file's shape and the machine's byte order: uint8, int8, int16, int32,
        float32 or float64.

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


def _read_idx(
    read: Callable[[int], bytes], source: str, packed_bytes: int | None = None
) -> NDArray[Any]:
    magic = read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _ELEMENT_TYPES or not magic[3]:
        raise ValueError(
            f"{source} is not an IDX file: it begins with the bytes {magic.hex(' ') or '(none)'}; "
            "expected 00 00, an element type (08, 09, 0b, 0c, 0d or 0e) and a number of "
            "dimensions. Is it the right file?"
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
