"""`read_array`: reads an array from a stream that may declare more data than it has."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import shown

__all__ = ["read_array"]

# Deflate compresses up to about 1032 to 1, so a file of a few megabytes can unpack to more than the
# machine's memory. Below FREE_BYTES any ratio is harmless; above it, no known data set comes near
# MOST_EXPANSION.
FREE_BYTES = 64 * 2**20
MOST_EXPANSION = 100

_PIECE_BYTES = 2**20


def read_array(
    read: Callable[[int], bytes],
    shape: tuple[int, ...],
    stored: np.dtype[Any],
    source: str,
    packed_bytes: int | None = None,
) -> NDArray[Any]:
    """Return the rest of a stream as elements of an array, in the machine's byte order.

    Parameters
    ----------
    read : function of an int
        Returns at most that many bytes.
    shape : tuple of int
        The shape that a header declares; only the number of elements matters here.
    stored : dtype
        The type of the elements in the stream.
    source : str
        What messages call the stream.
    packed_bytes : int, optional
        The compressed size of the stream, if it is compressed.

    Returns
    -------
    ndarray, shape (n,)
        Writable.

    Raises
    ------
    ValueError
        The stream has fewer or more bytes, no array can have the shape, or the data expand more
        than allowed.
    """
    # Like NumPy, multiply the lengths other than 0 even if one of them is 0.
    elements = math.prod(max(n, 1) for n in shape)
    if len(shape) > 32 or elements * stored.itemsize > np.iinfo(np.intp).max:
        lengths = " x ".join(map(shown, shape[:4])) + (" x ..." if len(shape) > 4 else "")
        raise ValueError(
            f"{source} declares {lengths} elements, more than an array can hold; fetch it again"
        )
    n_bytes = math.prod(shape) * stored.itemsize
    if packed_bytes is not None and n_bytes > max(FREE_BYTES, MOST_EXPANSION * packed_bytes):
        raise ValueError(
            f"{source} declares {n_bytes} bytes of data in {packed_bytes} compressed bytes, more "
            f"than {MOST_EXPANSION} times as many; if you trust the file, store it uncompressed"
        )
    array: NDArray[Any] = np.frombuffer(_read_bytes(read, n_bytes, source), dtype=stored)
    if stored.isnative:
        return array
    return array.byteswap(inplace=True).view(stored.newbyteorder("="))


def _read_bytes(read: Callable[[int], bytes], n_bytes: int, source: str) -> bytearray:
    """Return the rest of a stream, which must have `n_bytes`; memory grows with what arrives."""
    data = bytearray()
    # One byte more is read: it detects further data, and at the end it makes gzip compare its
    # checksum.
    while piece := read(min(_PIECE_BYTES, n_bytes + 1 - len(data))):
        data += piece
        if len(data) > n_bytes:
            raise ValueError(
                f"{source} goes on after the {n_bytes} bytes of data that its header declares; "
                "fetch it again"
            )
    if len(data) < n_bytes:
        raise ValueError(
            f"{source} is truncated: its header declares {n_bytes} bytes of data, and {len(data)} "
            "follow; fetch it again"
        )
    return data
