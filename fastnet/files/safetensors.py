"""Model files in the safetensors format, which other libraries read.

The tensors are the arrays of `saved_model`, named as PyTorch names those of an ``nn.Sequential`` of
linear layers with an activation after each (which is what `interchange.to_torch` returns):

==================  =========  ==============================================================
0.weight, ...       dtype      (n_out, n_in), of layer l as 2 l
0.bias, ...         dtype      (n_out,)
input_mean          float64    (n_0,), if inputs are standardized
input_scale         float64    (n_0,)
==================  =========  ==============================================================

The header of `saved_model` is in the metadata under `HEADER`. Files are written with the bytes that
the safetensors library would write, and read by that library. Before it returns anything, it checks
that the tensors fill the file from end to end, so nothing larger than the file is allocated.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import memory_for
from fastnet.common.errors import missing_extra
from fastnet.files.atomic import replace_file
from fastnet.files.checks import described, refuse
from fastnet.files.saved_model import SavedModel, arrays_of, header_of, read_header, read_model

__all__ = ["looks_like_safetensors", "read_safetensors", "write_safetensors"]

Array = NDArray[Any]

#: The key of the header in the metadata.
HEADER = "fastnet"
_DTYPES = {"F64": "float64", "F32": "float32"}
_PARTS = {"weights": "weight", "biases": "bias"}


def looks_like_safetensors(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a safetensors file.

    Parameters
    ----------
    start : bytes
        The first nine bytes: the length of a JSON object, little-endian, and its brace. The library
        accepts lengths below 100,000,000, so some of the eight bytes are zero, as in no text.

    Examples
    --------
    >>> looks_like_safetensors(bytes([2, 0, 0, 0, 0, 0, 0, 0]) + b"{}")
    True
    >>> looks_like_safetensors(b'{"sizes": [2, 1]}')
    False
    """
    return start[8:9] == b"{" and 0 in start[:8]


def write_safetensors(path: str | os.PathLike[str], model: SavedModel) -> None:
    """Save a model in the safetensors format.

    Raises
    ------
    ValueError, TypeError, OSError
        As for `write_npz`.
    ImportError
        The safetensors library is missing.
    """
    if importlib.util.find_spec("safetensors") is None:
        raise missing_extra("a .safetensors file", "safetensors")
    with memory_for(f"saving {os.fsdecode(path)!r}"):
        tensors = {}
        for key, array in arrays_of(model, os.fsdecode(path)).items():
            name = _name_of(key)
            tensors[name] = np.ascontiguousarray(array.ravel() if name.endswith("bias") else array)
        header = header_of(model).decode("ascii")
        replace_file(path, lambda file: file.writelines(_pieces(tensors, header)))


def _pieces(tensors: dict[str, Array], header: str) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file; the library itself ends the process when memory is short."""
    import json

    index: dict[str, Any] = {"__metadata__": {HEADER: header}}
    at = 0
    ordered = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    for name in ordered:
        tensor = tensors[name]
        end = at + tensor.nbytes
        dtype = {8: "F64", 4: "F32"}[tensor.itemsize]
        index[name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": [at, end]}
        at = end
    head = json.dumps(index, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % 8)
    yield len(head).to_bytes(8, "little") + head
    for name in ordered:
        yield tensors[name].reshape(-1).view(np.uint8).data


def read_safetensors(path: str | os.PathLike[str]) -> SavedModel:
    """Return the model that `write_safetensors` wrote, in this version of the format or an earlier.

    Everything is checked except the names of activations, cost and initializers.

    Raises
    ------
    OSError, ValueError
        As for `read_npz`.
    ImportError
        The safetensors library is missing.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise missing_extra(f"{os.fsdecode(path)!r}", "safetensors") from None
    source = repr(os.fsdecode(path))
    try:
        with memory_for(f"loading {source}"), safe_open(path, framework="numpy") as file:
            tensors = _Tensors(file, source, os.path.getsize(path))
            header = (file.metadata() or {}).get(HEADER)
            if header is None:
                names = ", ".join(tensors.names[:8])
                refuse(
                    source,
                    f"its metadata have no {HEADER!r}, so its architecture is unknown (its tensors "
                    f"are {described(names)})",
                )
            return read_model(read_header(header.encode("utf-8"), tensors.source), tensors)
    except SafetensorError as error:
        refuse(source, f"it is not a valid safetensors file ({str(error)[:120]})", error)


class _Tensors:
    """An open file, whose tensors are read by their keys in `saved_model`."""

    def __init__(self, file: Any, source: str, n_bytes: int) -> None:
        self.source = source
        self.n_bytes = n_bytes
        self.names: list[str] = list(file.keys())
        self._file = file

    def member(self, key: str) -> Array:
        """Refuse the key: this format does not store checkpoints."""
        refuse(self.source, f"it asks for {key!r}, which only checkpoints in .npz have")

    def checked(self, key: str, shape: tuple[int, ...], dtype: str) -> Array:
        """Return an array, which must be present, finite, and of this shape and dtype."""
        name = _name_of(key)
        if name not in self.names:
            refuse(self.source, f"it has no tensor {name}")
        wanted = shape[:1] if name.endswith("bias") else shape
        tensor = self._file.get_slice(name)
        found, stored = tuple(tensor.get_shape()), tensor.get_dtype()
        if found != wanted or _DTYPES.get(stored) != dtype:
            refuse(
                self.source,
                f"its {name} has shape {found} and dtype {stored}; its header asks for {wanted} "
                f"and {dtype}",
            )
        array: Array = self._file.get_tensor(name).reshape(shape)
        if not np.isfinite(array).all():
            refuse(self.source, f"its {name} holds a number that is not finite")
        return array


def _name_of(key: str) -> str:
    """Return the tensor's name: "6.weight" for "weights_3", "input_mean" for itself."""
    part, _, layer = key.partition("_")
    return f"{2 * int(layer)}.{_PARTS[part]}" if part in _PARTS else key
