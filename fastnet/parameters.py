"""The flat parameter vector of a network, and the views of it that users see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from fastnet.arguments import as_items, memory_for
from fastnet.kernels.guard import Guard

__all__ = ["Views", "allocate", "layer_views"]

Array = NDArray[Any]
#: Kernels read whole vectors, and so up to this many bytes behind the last parameter.
SLACK_BYTES = 64


def allocate(sizes: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Return a zero vector for all parameters, aligned to 64 bytes, with slack behind it.

    Raises
    ------
    MemoryError
        So many parameters do not fit.
    """
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    size = count * dtype.itemsize + SLACK_BYTES + 64
    if size > 2**60:
        raise MemoryError(
            f"sizes {list(sizes)} mean {count} parameters, which do not fit into memory."
        )
    try:
        memory = np.zeros(size, dtype=np.uint8)
    except MemoryError:
        raise MemoryError(
            f"sizes {list(sizes)} mean {count} parameters, for which {size} bytes are not to be "
            "had; use smaller layers."
        ) from None
    start = -memory.ctypes.data % 64
    return memory[start : start + count * dtype.itemsize].view(dtype)


def layer_views(parameters: Array, sizes: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Return the biases, (n_out, 1), and weights, (n_out, n_in), that lie in `parameters`.

    Layer after layer it holds b_u and then w_iu: inputs as rows, so that the weights of one input
    lie together and an input of zero can be passed over.
    """
    biases, weights = [], []
    at = 0
    for n_in, n_out in pairwise(sizes):
        biases.append(parameters[at : at + n_out].reshape(n_out, 1))
        at += n_out
        weights.append(parameters[at : at + n_in * n_out].reshape(n_in, n_out).T)
        at += n_in * n_out
    return biases, weights


class Views(Sequence[Array]):
    """A list of arrays that are views of a network's parameters; assigning an item copies into it.

    Parameters
    ----------
    name : str
        "weights" or "biases", for messages.
    arrays : list of ndarray
    guard : Guard
        Of the network.

    Examples
    --------
    >>> import fastnet
    >>> net = fastnet.Network([2, 1])
    >>> net.weights[0] = [[1.0, 2.0]]
    >>> net.weights[0]
    array([[1., 2.]])
    """

    def __init__(self, name: str, arrays: list[Array], guard: Guard) -> None:
        self._name = name
        self._arrays = arrays
        self._guard = guard

    def __len__(self) -> int:
        return len(self._arrays)

    def __iter__(self) -> Iterator[Array]:
        return iter(self._arrays)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> list[Array]: ...
    def __getitem__(self, index: int | slice) -> Array | list[Array]:
        return self._arrays[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            self._assign(range(len(self))[index], value)
        else:
            self._assign([range(len(self))[index]], [value])

    def __repr__(self) -> str:
        return repr(self._arrays)

    def assign(self, values: Iterable[Any]) -> None:
        """Copy one array into each; all are checked before the first is changed.

        Raises
        ------
        ValueError
            Another number of arrays, or one of another shape.
        TypeError
            One that holds no real numbers.
        RuntimeError
            Another thread is training this network.
        """
        self._assign(range(len(self)), values)

    def _assign(self, layers: Sequence[int], values: Iterable[Any]) -> None:
        items = as_items(values, self._name)
        if items is None:
            raise TypeError(
                f"{self._name} is of type {type(values).__name__}; expected {len(layers)} arrays."
            )
        if len(items) != len(layers):
            raise ValueError(f"{self._name}: {len(items)} arrays came for {len(layers)} layers.")
        checked = [self._checked(layer, value) for layer, value in zip(layers, items, strict=True)]
        with self._guard:
            for layer, value in zip(layers, checked, strict=True):
                np.copyto(self._arrays[layer], value, casting="same_kind")

    def _checked(self, layer: int, value: Any) -> Array:
        wanted = self._arrays[layer]
        try:
            with memory_for(self._name):
                array = np.asarray(value)
        except ValueError:
            raise ValueError(
                f"{self._name}[{layer}] is ragged; expected shape {wanted.shape}."
            ) from None
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"{self._name}[{layer}] is of dtype {array.dtype}; expected real numbers."
            )
        if array.shape != wanted.shape:
            raise ValueError(
                f"{self._name}[{layer}] has shape {array.shape}; expected {wanted.shape}."
            )
        # A copy in the network's type: `net.weights = [w.T for ...]` may read what it overwrites.
        return np.array(array, dtype=wanted.dtype)
