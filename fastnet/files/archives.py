"""An .npz archive as pieces of bytes, its arrays where they lie.

`numpy.savez` closes the archive when something stops it, and what that raises on half an archive
takes the place of a MemoryError or a KeyboardInterrupt; it also needs the whole file in memory once
more. The members are stored without compression (APPNOTE.TXT 6.3.10, 4.3.7 to 4.3.16).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["npz_pieces"]

Array = NDArray[Any]

#: Sizes and offsets from here on stand in fields of eight bytes.
LARGE = 2**32 - 1
LARGE_COUNT = 2**16 - 1
#: 1 January 1980, as NumPy has it: equal models make equal files.
DATE = 0x21
#: Made on Unix by version 4.5; a regular file, for its owner to read and write.
MADE_BY = 3 << 8 | 45
ATTRIBUTES = 0o100600 << 16


def npz_pieces(members: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of an archive that `numpy.load` opens, piece after piece.

    Parameters
    ----------
    members : mapping of str to ndarray
        Names of ASCII letters, digits and underscores.

    Examples
    --------
    >>> import io
    >>> archive = io.BytesIO(b"".join(npz_pieces({"a": np.arange(3)})))
    >>> np.load(archive)["a"]
    array([0, 1, 2])
    """
    directory, at = [], 0
    for key, array in members.items():
        name = f"{key}.npy".encode("ascii")
        head, data = _npy(array)
        size = len(head) + data.nbytes
        # Version needed, flags, method, time, date, CRC.
        about = struct.pack("<5HL", 45, 0, 0, 0, DATE, zlib.crc32(data, zlib.crc32(head)))
        sizes, extra = _fields(size, size)
        local = struct.pack("<L", 0x04034B50) + about + sizes
        local += struct.pack("<2H", len(name), len(extra)) + name + extra
        yield from (local, head, data)
        sizes, extra = _fields(size, size, at)
        sizes, place = sizes[:8], sizes[8:]
        entry = struct.pack("<LH", 0x02014B50, MADE_BY) + about + sizes
        entry += struct.pack("<5HL", len(name), len(extra), 0, 0, 0, ATTRIBUTES) + place
        directory.append(entry + name + extra)
        at += len(local) + size
    yield from directory
    yield _end(len(directory), sum(map(len, directory)), at)


def _npy(array: Array) -> tuple[bytes, memoryview]:
    """The header of a .npy file, and the array's memory."""
    import io

    # Weights lie with their inputs as rows, which is Fortran's order of them.
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        array = np.ascontiguousarray(array)
    head = io.BytesIO()
    about = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(head, about)
    rows = array.T if about["fortran_order"] else array
    return head.getvalue(), rows.reshape(-1).view(np.uint8).data


def _fields(*numbers: int) -> tuple[bytes, bytes]:
    """Numbers in four bytes each, and those that need more in the extra field."""
    large = [number for number in numbers if number >= LARGE]
    if len(numbers) == 2 and large:  # a local header has both sizes there or none
        large = list(numbers)
    short = [0xFFFFFFFF if number in large else number for number in numbers]
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    return struct.pack(f"<{len(short)}L", *short), extra


def _end(count: int, size: int, at: int) -> bytes:
    """The end of the central directory, which lies at `at`."""
    end = b""
    if count >= LARGE_COUNT or size >= LARGE or at >= LARGE:
        end += struct.pack("<LQ2H2L4Q", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, at)
        end += struct.pack("<LLQL", 0x07064B50, 0, at + size, 1)
    count, size, at = min(count, LARGE_COUNT), min(size, LARGE), min(at, LARGE)
    return end + struct.pack("<L4H2LH", 0x06054B50, 0, 0, count, count, size, at, 0)
