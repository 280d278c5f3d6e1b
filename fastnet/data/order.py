"""`Sampler`: the order of the examples in each epoch."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import call, is_function, shown
from fastnet.common.generators import RNG, get_state, read_state, set_state

__all__ = ["Sampler", "Shuffle", "as_permutation", "as_row_numbers", "drawn_permutation"]

Array = NDArray[Any]
Shuffle = bool | Callable[[list[int]], object]


class Sampler:
    """Draws the order of the examples of each epoch.

    Parameters
    ----------
    n : int
        The number of examples.
    shuffle : bool or callable
        True: a new permutation each time. False: always 0 .. n-1. A callable gets the list of row
        numbers in the order of the previous epoch, and permutes it in place.

    Raises
    ------
    TypeError
        `shuffle` is neither a bool nor a callable.
    """

    def __init__(self, n: int, shuffle: Shuffle) -> None:
        if not isinstance(shuffle, (bool, np.bool_)) and not is_function(shuffle):
            raise TypeError(
                f"shuffle is {shown(shuffle)}; give True, False or a callable that permutes a list."
            )
        self._n = n
        self._shuffle = shuffle
        self.rows: list[Any] = list(range(n)) if callable(shuffle) else []

    def draw(self, rng: RNG) -> Array:
        """Return the next epoch's row numbers, drawn from `rng`: intp, shape (n,).

        Raises
        ------
        ValueError
            The callable or the generator did not give a permutation.
        """
        if callable(self._shuffle):
            call(self._shuffle, "shuffle", self.rows)
            order = as_permutation(list(self.rows), self._n)
            if order is None:
                raise ValueError(
                    f"shuffle did not leave a permutation of the {self._n} row numbers; "
                    "it must reorder the list in place."
                )
            return order
        if self._shuffle:
            return drawn_permutation(rng, self._n)
        return np.arange(self._n, dtype=np.intp)

    @property
    def source(self) -> random.Random | RNG | None:
        """The generator that a callable draws from, if it is a method of a generator."""
        owner = getattr(self._shuffle, "__self__", None)
        known = (random.Random, np.random.Generator, np.random.RandomState)
        return owner if isinstance(owner, known) else None

    @property
    def is_custom(self) -> bool:
        """Whether a callable orders the examples."""
        return callable(self._shuffle)

    def get_state(self) -> dict[str, Any]:
        """Return the list that a callable permutes, and the state of its generator."""
        if not self.is_custom:
            return {}
        return {"rows": as_row_numbers(self.rows), "source": self.source and get_state(self.source)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a state that `get_state` returned.

        Raises
        ------
        ValueError
            The rows are not a permutation, or the generator is of another kind.
        """
        if self.is_custom:
            order = as_permutation(state["rows"], self._n)
            if order is None:
                raise ValueError(f"its rows are not a permutation of the {self._n} row numbers")
            if self.source is not None:
                set_state(self.source, read_state(state["source"], self.source))
            self.rows[:] = order.tolist()


def drawn_permutation(rng: RNG, n: int) -> Array:
    """Return the numbers below n in an order drawn from `rng`: intp, shape (n,).

    Raises
    ------
    ValueError
        The generator is of a user's class and returns something else.

    Examples
    --------
    >>> sorted(drawn_permutation(np.random.default_rng(0), 4).tolist())
    [0, 1, 2, 3]
    """
    order = as_permutation(rng.permutation(n), n)
    if order is None:
        raise ValueError(
            f"rng.permutation({n}) of a {type(rng).__name__} did not return a permutation of the "
            f"row numbers 0 to {n - 1}; use NumPy's generators, or shuffle=False."
        )
    return order


def as_row_numbers(rows: Any) -> Array:
    """Return row numbers as an array of the narrowest type that model files use for them."""
    return np.array(rows, dtype=np.uint32 if len(rows) <= 2**32 else np.uint64)


def as_permutation(given: Any, n: int) -> Array | None:
    """Return a copy as intp; None unless it contains each number below n once."""
    try:
        order = np.array(given)
    except (TypeError, ValueError, OverflowError):
        return None
    if order.shape != (n,) or order.dtype.kind not in "iu":
        return None
    if order.min() < 0 or order.max() >= n:
        return None
    order = order.astype(np.intp, copy=False)
    found = np.zeros(n, dtype=bool)
    found[order] = True
    return order if found.all() else None
