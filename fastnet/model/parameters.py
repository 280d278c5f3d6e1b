"""The flat parameter vector of a network, and the lists of views that users see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_items
from fastnet.data.rows import as_real_array
from fastnet.kernels.rwlock import Guard

__all__ = ["Views", "allocate", "layer_views"]

Array = NDArray[Any]
#: Kernels read whole SIMD vectors, and so up to this many bytes after the last parameter.
SLACK_BYTES = 64


def allocate(sizes: Sequence[int], dtype: np.dtype[Any], *, times: int = 1) -> Array:
    """Return a zero vector for all parameters of `times` networks, aligned to 64 bytes.

    The networks follow each other. Behind the vector there is readable memory, `SLACK_BYTES`.

    Raises
    ------
    MemoryError
        The parameters do not fit into memory.
    """
    count = times * sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    what = f"sizes {list(sizes)}" if times == 1 else f"{times} networks of sizes {list(sizes)}"
    size = count * dtype.itemsize + SLACK_BYTES + 64
    if size > 2**60:
        raise MemoryError(
            f"{what} have {count} parameters, which do not fit into memory; use smaller layers."
        )
    try:
        memory = np.zeros(size, dtype=np.uint8)
    except MemoryError:
        raise MemoryError(
            f"{what} have {count} parameters, and {size} bytes of memory are not available; use "
            "smaller layers."
        ) from None
    start = -memory.ctypes.data % 64
    return memory[start : start + count * dtype.itemsize].view(dtype)


def layer_views(parameters: Array, sizes: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """Return views of `parameters`: biases, (n_out, 1), and weights, (n_out, n_in), of each layer.

    Layer by layer the vector contains b_u and then w_iu, one row per input, so that the weights of
    one input are adjacent and an input of zero can be skipped.
    """
    biases, weights = [], []
    at = 0
    for n_in, n_out in pairwise(sizes):
        biases.append(parameters[at : at + n_out].reshape(n_out, 1))
        at += n_out
        weights.append(parameters[at : at + n_in * n_out].reshape(n_in, n_out).T)
        at += n_in * n_out
    return biases, weights


def _changing(name: str) -> Callable[..., Any]:
    """Return a method that refuses, in place of a method of list that changes length or order."""

    def change(self: Views, *arguments: Any, **options: Any) -> Any:
        return self._change(name, *arguments, **options)

    return change


class Views(list[Array]):
    """A list of views of a network's parameters, one per layer; assigning an item copies into it.

    Length and order are fixed: `append`, `del`, `sort` and the like are refused. `+`, `*`, `copy`,
    slices, pickles and copies give plain lists. `==`, `in`, `index` and `count` compare shapes and
    numbers, where a plain list of arrays would raise an error. Because assigning copies, swap two
    layers of the same shape by assigning both at once: `net.weights[1:] = net.weights[:0:-1]`.

    Parameters
    ----------
    name : str
        "weights" or "biases", for messages.
    arrays : list of ndarray
    guard : Guard
        The network's guard.

    Examples
    --------
    >>> import fastnet
    >>> net = fastnet.Network([2, 1])
    >>> net.weights[0] = [[1.0, 2.0]]
    >>> net.weights[0]
    array([[1., 2.]])
    >>> net.weights == [np.array([[1.0, 2.0]])], len(net.weights + net.biases)
    (True, 2)
    """

    def __init__(self, name: str, arrays: list[Array], guard: Guard) -> None:
        super().__init__(arrays)
        self._name = name
        self._guard = guard

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self.assign(value, range(len(self))[index])
        else:
            self.assign([value], [range(len(self))[index]])

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (list(self),)

    # ---- comparison

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list):
            return NotImplemented
        return len(self) == len(other) and all(map(_same, self, other))

    def __ne__(self, other: object) -> bool:
        return NotImplemented if not isinstance(other, list) else not self == other

    __hash__ = None  # as every list

    def __contains__(self, value: object) -> bool:
        return any(_same(array, value) for array in self)

    def count(self, value: Any) -> int:
        """Return how many of the arrays equal `value`."""
        return sum(_same(array, value) for array in self)

    def index(self, value: Any, start: Any = 0, stop: Any = sys.maxsize) -> int:
        """Return the first layer, from 0, whose array equals `value`.

        Raises
        ------
        ValueError
            No array equals `value`.
        """
        for layer in range(len(self))[start:stop]:
            if _same(self[layer], value):
                return layer
        raise ValueError(f"value is not in {self._name}; expected one of its arrays.")

    # ---- one array for each layer

    def __iadd__(self, other: Iterable[Any]) -> Any:  # type: ignore[misc]  # a plain list
        return [*self, *other]

    def __imul__(self, times: Any) -> Any:  # type: ignore[misc]
        return list(self) * times

    def _change(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Raise TypeError for a method of list, by name, that changes length or order."""
        what = name.strip("_").replace("delitem", "del")
        raise TypeError(
            f"{self._name} has one array for each of {len(self)} layers, so {what} is not "
            f"possible; assign arrays to {self._name}, or use list({self._name})."
        )

    __delitem__ = _changing("__delitem__")
    append = _changing("append")
    extend = _changing("extend")
    insert = _changing("insert")
    pop = _changing("pop")
    clear = _changing("clear")
    reverse = _changing("reverse")
    sort = _changing("sort")

    def remove(self, value: Any) -> None:  # noqa: D102
        self._change("__delitem__", self.index(value))

    # ---- assignment

    def assign(self, values: Iterable[Any], layers: Sequence[int] | None = None) -> None:
        """Copy one array into each of all or some layers; check all before changing the first.

        Raises
        ------
        ValueError
            The number of arrays or a shape is wrong.
        TypeError
            An array does not contain real numbers.
        RuntimeError
            Another thread is training this network.
        """
        layers = range(len(self)) if layers is None else layers
        checked = self.read(values, layers)
        with self._guard:
            for layer, value in zip(layers, checked, strict=True):
                np.copyto(self[layer], value, casting="same_kind")

    def read(self, values: Iterable[Any], layers: Sequence[int] | None = None) -> list[Array]:
        """Return checked copies of the arrays for `assign`; raise as it does, change nothing."""
        layers = range(len(self)) if layers is None else layers
        items = as_items(values, self._name)
        if items is None:
            raise TypeError(
                f"{self._name} is of type {type(values).__name__}; expected {len(layers)} arrays."
            )
        if len(items) != len(layers):
            raise ValueError(f"{self._name} has {len(items)} arrays; expected {len(layers)}.")
        return [self._checked(layer, value) for layer, value in zip(layers, items, strict=True)]

    def _checked(self, layer: int, value: Any) -> Array:
        wanted, array = self[layer], as_real_array(value, f"{self._name}[{layer}]")
        if array.shape != wanted.shape:
            raise ValueError(
                f"{self._name}[{layer}] has shape {array.shape}; expected {wanted.shape}."
            )
        # A copy in the network's dtype: `net.weights = [w.T for ...]` may read what it overwrites.
        return np.array(array, dtype=wanted.dtype)


def _same(array: Array, other: Any) -> bool:
    return array is other or np.array_equal(array, other)
