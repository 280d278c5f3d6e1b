"""The payload of a sweep, build function and data: packed once, and sent to each worker once.

Both are pickled with protocol 5, which does not copy the memory of arrays.

* Threads of this process get read-only views of the same memory (`LocalPayload`).
* Dask's workers get it with ``Client.scatter`` and unpickle it in place (`Payload`).
* Workers of other executors get the name of a file, which each maps into its memory, so that
  workers on one machine share one copy of the data (`MappedPayload`). They unpickle it only if it
  has the digest that the executor sent: write access to the file is not enough to run code there.

A `numpy.memmap`, or a view of one, is sent as the name of its file, without its values.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import json
import os
import pickle
import socket
import threading
from collections import ChainMap
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LocalPayload",
    "MappedPayload",
    "Payload",
    "mapped_file",
    "pack",
    "place_in_file",
    "write_payload",
]

Build = Callable[..., Any]
#: Buffers in a file are aligned to cache lines, which kernels read fastest.
ALIGNMENT = 64
#: Payloads that a process keeps open: of the current sweep, and of one that is about to end.
KEPT = 2


class LocalPayload:
    """The payload of threads: the build function as it is, and read-only data.

    Parameters
    ----------
    build, data
        As for `pack`. Data that cannot be pickled are passed as they are.
    """

    def __init__(self, build: Build, data: Any) -> None:
        if callable(data):
            data = data()
        with suppress(TypeError):
            # Read-only, so that no training can change another's data.
            payload = _pack(data, by_value=False)
            # The pickle is from the line before and has never left this process.
            data = pickle.loads(payload.pickled, buffers=payload.views())
        self._loaded = build, data

    def load(self) -> tuple[Build, Any]:
        """Return the build function and the data, whose arrays are read-only."""
        return self._loaded


class Payload:
    """A pickle of build function and data, and the memory that it refers to.

    Parameters
    ----------
    pickled : bytes
    buffers : list of ndarray of uint8
    """

    def __init__(self, pickled: bytes, buffers: list[NDArray[np.uint8]]) -> None:
        self.pickled = pickled
        self.buffers = buffers
        self._lock = threading.Lock()
        self._loaded: tuple[Build, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Payload, (self.pickled, self.buffers)

    def __sizeof__(self) -> int:
        # Dask measures a worker's memory by this.
        return len(self.pickled) + self.nbytes

    @property
    def nbytes(self) -> int:
        """The size of the buffers, in bytes."""
        return sum(buffer.nbytes for buffer in self.buffers)

    def views(self) -> list[memoryview]:
        """Return read-only views of the buffers."""
        return [buffer.data.toreadonly() for buffer in self.buffers]

    def load(self) -> tuple[Build, Any]:
        """Return the build function and the data, whose arrays are read-only."""
        with self._lock:
            if self._loaded is None:
                # It came from the executor, which unpickles everything anyway, or from a file whose
                # digest was compared with the one that the executor sent (`MappedPayload`).
                build, data = pickle.loads(self.pickled, buffers=self.views())
                self._loaded = pickle.loads(build), data() if callable(data) else data
            return self._loaded


def pack(build: Build, data: Any, *, by_value: bool = False) -> Payload:
    """Return the payload of a build function and data.

    Parameters
    ----------
    build : callable
    data : object
        Or a function without arguments that returns it, which each worker calls once.
    by_value : bool, keyword only
        Pickle functions and classes of the user's script by value (with cloudpickle), for workers
        that cannot import it.

    Raises
    ------
    TypeError
        `build` or `data` cannot be pickled.
    """
    return _pack((_pickle_build(build, by_value), data), by_value)


def _pack(content: Any, by_value: bool) -> Payload:
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    pickler = _pickler(by_value)(file, protocol=5, buffer_callback=buffers.append)
    known = getattr(pickler, "dispatch_table", copyreg.dispatch_table)
    pickler.dispatch_table = ChainMap({np.ndarray: _reduce, np.memmap: _reduce}, known)
    try:
        pickler.dump(content)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"data cannot be sent to workers ({error}); give arrays in tuples or dicts, or a "
            "function with which each worker loads them."
        ) from error
    return Payload(file.getvalue(), [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers])


def _pickler(by_value: bool) -> Any:
    if not by_value:
        return pickle.Pickler
    import cloudpickle

    return cloudpickle.Pickler


def _pickle_build(build: Build, by_value: bool) -> bytes:
    """Return the pickle of a function, by reference if possible, else by value."""
    try:
        if not by_value:
            return pickle.dumps(build, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        pass
    try:
        import cloudpickle

        return bytes(cloudpickle.dumps(build, protocol=5))
    except (ImportError, pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"build is {build!r}, which cannot be sent to another process ({error}); define it "
            "with def at the top of a module, or install cloudpickle."
        ) from error


# ---- arrays in files


def place_in_file(array: NDArray[Any]) -> tuple[str, int] | None:
    """Return the path of the file that an array is mapped from, and its offset there in bytes.

    None if it is not a memory map or part of one, and for a copy-on-write map, whose changes are
    not in the file.
    """
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode == "c":
        return None
    start, root_start = (a.__array_interface__["data"][0] for a in (array, root))
    return os.path.abspath(root.filename), root.offset + start - root_start


def _reduce(array: NDArray[Any]) -> Any:
    """Pickle an array; if it is mapped from a file, only its place there."""
    place = place_in_file(array)
    forward = all(stride >= 0 for stride in array.strides)
    if place is None or not forward or array.size == 0 or array.dtype.hasobject:
        return array.__reduce_ex__(5)
    span = array.dtype.itemsize + sum(
        (n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)
    )
    return mapped_file, (*place, span, array.dtype, array.shape, array.strides)


def mapped_file(
    path: str, offset: int, span: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]
) -> NDArray[Any]:
    """Return a read-only array that is mapped from a file."""
    raw = np.memmap(path, np.uint8, "r", offset, (span,))
    return np.ndarray(shape, dtype, raw, strides=strides)


# ---- through a file


def write_payload(payload: Payload, path: Path) -> MappedPayload:
    """Write a payload to a new file for other processes to map, and return its description."""
    pieces = [memoryview(payload.pickled), *payload.views()]
    places = []
    with path.open("xb") as file:
        for piece in pieces:
            places.append(file.tell())
            file.write(piece)
            file.write(bytes(-piece.nbytes % ALIGNMENT))
        end = file.tell()
        index = json.dumps([places, [piece.nbytes for piece in pieces]]).encode()
        file.write(index)
    return MappedPayload(str(path), end, _digest(payload.pickled, index))


def _digest(pickled: bytes, index: bytes) -> str:
    return hashlib.sha256(len(index).to_bytes(8, "little") + index + pickled).hexdigest()


@dataclass(frozen=True)
class MappedPayload:
    """A payload in a file that every worker can read.

    Attributes
    ----------
    path : str
    index : int
        Offset of the index in the file, in bytes.
    digest : str
        SHA-256 of the index and the pickle.
    """

    path: str
    index: int
    digest: str

    def load(self) -> tuple[Build, Any]:
        """Return the build function and the data, mapped into this process's memory.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            The file was changed.
        """
        with _lock:
            payload = _map(self)
        return payload.load()


_lock = threading.Lock()


@lru_cache(KEPT)
def _map(mapped: MappedPayload) -> Payload:
    try:
        whole = np.memmap(mapped.path, np.uint8, "r")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"the worker on {socket.gethostname()} cannot find {mapped.path}; give sweep a "
            "scratch= folder that all workers can read, or data as a function that loads them."
        ) from None
    index = whole[mapped.index :].tobytes()
    try:
        pieces = [whole[at : at + size] for at, size in zip(*json.loads(index), strict=True)]
        pickled = pieces[0].tobytes()
    except (ValueError, TypeError, IndexError):
        pickled = b""
    if _digest(pickled, index) != mapped.digest:
        raise ValueError(
            f"{mapped.path} was changed after the sweep wrote it; start the sweep again."
        )
    return Payload(pickled, pieces[1:])
