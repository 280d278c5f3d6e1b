"""What the readers share: reading no more than was declared, and four arrays checked together."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FourArrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]

# Deflate packs up to about 1032 to 1, so a file of a few megabytes can unpack to more than the
# machine has. Below FREE_BYTES any ratio is harmless; above it, no real data set has been seen to
# come near MOST_EXPANSION.
FREE_BYTES = 64 * 2**20
MOST_EXPANSION = 100

_PIECE_BYTES = 2**20


class Readable(Protocol):
    """A binary stream, as far as the readers use one."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes."""


def check_expansion(n_bytes: int, packed_bytes: int, source: str) -> None:
    """Refuse ``n_bytes`` of data out of all proportion to the ``packed_bytes`` that hold them."""
    if n_bytes > max(FREE_BYTES, MOST_EXPANSION * packed_bytes):
        raise ValueError(
            f"{source} declares {n_bytes} bytes of data in {packed_bytes} compressed bytes, more "
            f"than {MOST_EXPANSION} times as many; if you trust the file, store it uncompressed"
        )


def read_declared(stream: Readable, n_bytes: int, source: str) -> bytearray:
    """Read the ``n_bytes`` that a header declared, and make sure that nothing follows them.

    The buffer grows with the bytes that arrive, so a header that declares more than its file holds
    costs nothing.
    """
    data = bytearray()
    # One byte more is asked for: it shows what follows, and at the end it makes gzip compare its
    # checksum.
    while piece := stream.read(min(_PIECE_BYTES, n_bytes + 1 - len(data))):
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


def array_bytes(shape: tuple[int, ...], itemsize: int, source: str) -> int:
    """Return the size of an array in bytes; refuse one that no array can have."""
    # NumPy multiplies the lengths other than 0 even where another is 0, and so must this.
    if len(shape) > 32 or math.prod(max(n, 1) for n in shape) * itemsize > np.iinfo(np.intp).max:
        lengths = " x ".join(map(str, shape[:4])) + (" x ..." if len(shape) > 4 else "")
        raise ValueError(
            f"{source} declares {lengths} elements, more than an array can hold; fetch it again"
        )
    return math.prod(shape) * itemsize


def four_arrays(arrays: list[NDArray[Any]], names: list[str], source: str) -> FourArrays:
    """Check images and labels for training and for testing against each other; make images rows."""
    X_train, y_train, X_test, y_test = (
        _labels(array, name, source) if i % 2 else _rows(array, name, source)
        for i, (array, name) in enumerate(zip(arrays, names, strict=True))
    )
    for X, y, i in ((X_train, y_train, 0), (X_test, y_test, 2)):
        if len(X) != len(y):
            raise ValueError(
                f"{source}: {names[i]} has {len(X)} rows and {names[i + 1]} has {len(y)} labels; "
                "there must be one label a row"
            )
    if X_train.shape[1] != X_test.shape[1]:
        raise ValueError(
            f"{source}: a row of {names[0]} has {X_train.shape[1]} values and a row of {names[2]} "
            f"has {X_test.shape[1]}; they must have the same number"
        )
    return X_train, y_train, X_test, y_test


def _rows(array: NDArray[Any], name: str, source: str) -> NDArray[Any]:
    if array.ndim < 2:
        raise ValueError(
            f"{source}: {name} has {array.ndim} dimensions; expected at least 2, one row or image "
            "an example"
        )
    return array.reshape(len(array), math.prod(array.shape[1:]))


def _labels(array: NDArray[Any], name: str, source: str) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{source}: {name} has shape {array.shape} and type {array.dtype}; expected one whole "
            "number an example"
        )
    return array
