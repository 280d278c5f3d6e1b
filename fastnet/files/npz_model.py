"""Model files in the library's own format: an .npz archive that `numpy.load` opens, too.

Its members are the arrays of `saved_model`, and ``header``, uint8, which is JSON in UTF-8. Nothing
is pickled, and reading takes at most a small multiple of the file's size in memory: compressed
members are refused, and declared sizes are compared with the bytes that are present.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import memory_for
from fastnet.files.atomic import replace_file
from fastnet.files.checks import refuse
from fastnet.files.npz import NpzFile, write_arrays
from fastnet.files.saved_model import (
    SavedModel,
    arrays_of,
    header_of,
    read_header,
    read_model,
)

__all__ = ["Archive", "read_npz", "read_npz_header", "write_npz"]

Array = NDArray[Any]


def write_npz(
    path: str | os.PathLike[str],
    model: SavedModel,
    *,
    before: Callable[[], object] | None = None,
) -> None:
    """Save a model in the library's own format; `before` is passed to `replace_file`.

    Raises
    ------
    ValueError
        A parameter is not finite, the preprocessing does not fit the network, or the history
        contains values that JSON cannot express. Nothing is written.
    TypeError
        `model.preprocessing` is not a `Preprocessing`.
    OSError, MemoryError
        The file cannot be written. An older file is unchanged.
    """
    with memory_for(f"saving {os.fsdecode(path)!r}"):
        members = arrays_of(model, os.fsdecode(path))
        members["header"] = np.frombuffer(header_of(model), dtype=np.uint8)
        replace_file(path, partial(write_arrays, arrays=members), before=before)


def read_npz(path: str | os.PathLike[str]) -> SavedModel:
    """Return the model that `write_npz` wrote, in this version of the format or an earlier one.

    Everything is checked except the names of activations, cost and initializers.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not such a file, is damaged, declares more data than it has, or has a later version of
        the format.
    """
    with memory_for(f"loading {os.fsdecode(path)!r}"), Archive(path) as archive:
        return read_model(read_header(archive.header(), archive.source), archive)


def read_npz_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a model file, without reading the parameters.

    Raises
    ------
    OSError, ValueError
        As for `read_npz`, for errors in the header.
    """
    with Archive(path) as archive:
        return read_header(archive.header(), archive.source)


class Archive(NpzFile):
    """An open model file."""

    def member(self, key: str) -> Array:
        """Return a member, whatever its shape."""
        info = self.members.get(f"{key}.npy")
        if info is None:
            refuse(self.source, f"it has no member {key}.npy; it holds {self.listed}")
        if info.compress_type != 0:
            # A small compressed header could unpack to lists that fill the memory.
            refuse(self.source, f"its {key} is compressed; a model file stores its members")
        return self.read(key)

    def header(self) -> bytes:
        """Return the bytes of the header."""
        header = self.member("header")
        if header.dtype != np.uint8 or header.ndim != 1:
            refuse(
                self.source,
                f"its header has shape {header.shape} and dtype {header.dtype}; expected bytes",
            )
        return header.tobytes()

    def checked(self, key: str, shape: tuple[int, ...], dtype: str) -> Array:
        """Return a member, which must be finite and of this shape and dtype."""
        array = self.member(key)
        if array.shape != shape or array.dtype != np.dtype(dtype):
            refuse(
                self.source,
                f"its {key} has shape {array.shape} and dtype {array.dtype}; its header asks for "
                f"{shape} and {dtype}",
            )
        if not np.isfinite(array).all():
            refuse(self.source, f"its {key} holds a number that is not finite")
        return array
