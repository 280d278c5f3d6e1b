"""Arrays read from streams that may declare more than they hold."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import shown

__all__ = ["read_array"]

# Deflate packs up to about 1032 to 1, so a file of a few megabytes can unpack to more than the
# machine has. Below FREE_BYTES any ratio is harmless; above it, no real data set has been seen to
# come near MOST_EXPANSION.
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
    """Return the elements of an array, in the machine's byte order, that a stream ends with.

    Parameters
    ----------
    read : function of an int
        Returns at most so many bytes.
    shape : tuple of int
        What a header declares; only the number of elements matters here.
    stored : dtype
        What they are stored as.
    source : str
        What messages call the stream.
    packed_bytes : int, optional
        How many bytes of a file hold the stream, where it is compressed.

    Returns
    -------
    ndarray, shape (n,)
        Writable.

    Raises
    ------
    ValueError
        The stream holds fewer bytes or more, no array can have the shape, or the data are out of
        all proportion to the packed bytes.
    """
    # NumPy multiplies the lengths other than 0 even where another is 0, and so must this.
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
    """Return all that follows, which must be `n_bytes`; the buffer grows with what arrives."""
    data = bytearray()
    # One byte more is asked for: it shows what follows, and at the end it makes gzip compare its
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
