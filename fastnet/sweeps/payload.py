"""What all tasks of a sweep have in common: packed once, sent once a worker, unpacked once there.

The build function and the data are pickled by protocol 5, which leaves the arrays' memory where it
is. From there

* threads here get read-only views of the very same memory (`Held`);
* workers of dask get it by ``Client.scatter`` and unpack it in place (`Parcel`);
* processes of other engines get the name of a file, which each maps into its memory: those of one
  machine share one copy of the data (`Mapped`). What is unpickled of it must have the digest that
  came with the name, by the executor's own way: the file alone can make nobody execute anything.

A `numpy.memmap`, and what is a view of one, goes by the name of its file and never through memory.
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
from collections import ChainMap, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Held", "Mapped", "Parcel", "mapped_file", "pack", "spill"]

Build = Callable[..., Any]
#: Where buffers begin in a spilled file: on a cache line, as kernels like their rows.
ALIGNMENT = 64


class Held:
    """What threads are given: the build function as it is, the data to be read only.

    Parameters
    ----------
    build, data
        As for `pack`. Data that no pickle can hold are given as they are.
    """

    def __init__(self, build: Build, data: Any) -> None:
        if callable(data):
            data = data()
        with suppress(TypeError):
            # So that no training can spoil another's, as none can where workers are processes.
            parcel = _pack(data, by_value=False)
            # The pickle is of the line before and has never left this process.
            data = pickle.loads(parcel.head, buffers=parcel.views())
        self._opened = build, data

    def open(self) -> tuple[Build, Any]:
        """Return the build function and the data, whose arrays are read-only."""
        return self._opened


class Parcel:
    """A pickle and the memory that it refers to.

    Parameters
    ----------
    head : bytes
    buffers : list of ndarray of uint8
    """

    def __init__(self, head: bytes, buffers: list[NDArray[np.uint8]]) -> None:
        self.head = head
        self.buffers = buffers
        self._lock = threading.Lock()
        self._opened: tuple[Build, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self.head, self.buffers)

    def __sizeof__(self) -> int:
        # By this dask knows how full a worker's memory is.
        return len(self.head) + self.nbytes

    @property
    def nbytes(self) -> int:
        """How much memory the buffers have."""
        return sum(buffer.nbytes for buffer in self.buffers)

    def views(self) -> list[memoryview]:
        """Return the memory, to be read only."""
        return [buffer.data.toreadonly() for buffer in self.buffers]

    def open(self) -> tuple[Build, Any]:
        """Return the build function and the data, whose arrays are read-only."""
        with self._lock:
            if self._opened is None:
                # From the executor, which unpickles all it brings; or, by `Mapped`, from a file
                # whose digest has been held against the one that the executor brought.
                build, data = pickle.loads(self.head, buffers=self.views())
                self._opened = pickle.loads(build), data() if callable(data) else data
            return self._opened


def pack(build: Build, data: Any, *, by_value: bool = False) -> Parcel:
    """Pack a build function and data.

    Parameters
    ----------
    build : callable
    data : object
        Or a function without arguments that returns it, which each worker calls once.
    by_value : bool, keyword only
        Send what the user's script defines along (by cloudpickle), for workers that know nothing
        of it.

    Raises
    ------
    TypeError
        Something in them cannot be sent.
    """
    return _pack((_pickle_build(build, by_value), data), by_value)


def _pack(things: Any, by_value: bool) -> Parcel:
    buffers: list[pickle.PickleBuffer] = []
    head = io.BytesIO()
    pickler = _pickler(by_value)(head, protocol=5, buffer_callback=buffers.append)
    known = getattr(pickler, "dispatch_table", copyreg.dispatch_table)
    pickler.dispatch_table = ChainMap({np.ndarray: _reduce, np.memmap: _reduce}, known)
    try:
        pickler.dump(things)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"data cannot be sent to workers ({error}); give arrays in tuples or dicts, or a "
            "function that each worker loads them by."
        ) from error
    return Parcel(head.getvalue(), [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers])


def _pickler(by_value: bool) -> Any:
    if not by_value:
        return pickle.Pickler
    import cloudpickle

    return cloudpickle.Pickler


def _pickle_build(build: Build, by_value: bool) -> bytes:
    """Pickle by reference where that is enough, else by value."""
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


# ---- arrays that lie in files


def _reduce(array: NDArray[Any]) -> Any:
    """Pickle an array; one that lies in a file by where it lies."""
    base: Any = array
    while isinstance(base, np.ndarray) and not _is_map(base):
        base = base.base
    forward = all(stride >= 0 for stride in array.strides)
    if not _is_map(base) or not forward or array.size == 0 or array.dtype.hasobject:
        return array.__reduce_ex__(5)
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    span = array.dtype.itemsize + sum(
        (n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)
    )
    where = (os.path.abspath(base.filename), base.offset + start, span)
    return mapped_file, (*where, array.dtype, array.shape, array.strides)


def _is_map(array: Any) -> bool:
    """Whether this is the memmap that others are views of."""
    return (
        isinstance(array, np.memmap)
        and getattr(array, "filename", None) is not None
        and not isinstance(array.base, np.ndarray)
    )


def mapped_file(
    path: str, offset: int, span: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]
) -> NDArray[Any]:
    """Return an array that lies in a file, to be read where it lies."""
    raw = np.memmap(path, np.uint8, "r", offset, (span,))
    return np.ndarray(shape, dtype, raw, strides=strides)


# ---- through a file


def spill(parcel: Parcel, path: Path) -> Mapped:
    """Write a parcel to a file, for other processes to map."""
    sizes = [len(parcel.head), *(buffer.nbytes for buffer in parcel.buffers)]
    places, end = [], 0
    for size in sizes:
        places.append(end)
        end += -(-size // ALIGNMENT) * ALIGNMENT
    with path.open("xb") as file:
        pieces = [memoryview(parcel.head), *parcel.views()]
        for place, piece in zip(places, pieces, strict=True):
            file.seek(place)
            file.write(piece)
        file.truncate(max(end, 1))
        index = json.dumps([places, sizes]).encode()
        file.seek(end)
        file.write(index)
    return Mapped(str(path), end, _digest(parcel.head, index))


def _digest(head: bytes, index: bytes) -> str:
    return hashlib.sha256(len(index).to_bytes(8, "little") + index + head).hexdigest()


@dataclass(frozen=True)
class Mapped:
    """A parcel in a file that every worker sees.

    Attributes
    ----------
    path : str
    index : int
        Where in it the index begins.
    digest : str
        SHA-256 of what is read or unpickled before anything else.
    """

    path: str
    index: int
    digest: str

    def open(self) -> tuple[Build, Any]:
        """Return the build function and the data, mapped into this process's memory.

        Raises
        ------
        OSError
            The file is not there.
        ValueError
            The file is not as it was written.
        """
        with _lock:
            parcel = _mapped.get(self.path)
            if parcel is None:
                parcel = _mapped[self.path] = self._map()
                if len(_mapped) > KEPT:
                    _mapped.popitem(last=False)
        return parcel.open()

    def _map(self) -> Parcel:
        try:
            whole = np.memmap(self.path, np.uint8, "r")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"the worker on {socket.gethostname()} does not see {self.path}; give sweep a "
                "scratch= folder that all workers see, or data as a function that loads them."
            ) from None
        index = whole[self.index :].tobytes()
        try:
            pieces = [whole[at : at + size] for at, size in zip(*json.loads(index), strict=True)]
            head = pieces[0].tobytes()
        except (ValueError, TypeError, IndexError):
            head = b""
        if _digest(head, index) != self.digest:
            raise ValueError(f"{self.path} was changed since the sweep wrote it; start it again.")
        return Parcel(head, pieces[1:])


#: Sweeps whose data a process keeps open: the present one, and one that is about to end.
KEPT = 2
_lock = threading.Lock()
_mapped: OrderedDict[str, Parcel] = OrderedDict()
