"""The order of the examples, epoch after epoch."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.arguments import call, is_function, shown
from fastnet.initializers import RNG

__all__ = ["Orders", "Shuffle"]

Array = NDArray[Any]
Shuffle = bool | Callable[[list[int]], object]


class Orders:
    """Draws the order of the examples of each epoch.

    Parameters
    ----------
    n : int
        How many examples there are.
    shuffle : bool or callable
        True: a fresh permutation from `rng` each time. False: 0 .. n-1 always. A callable gets the
        list of row numbers in the order of the epoch before, and permutes it in place.
    rng : Generator or RandomState

    Raises
    ------
    TypeError
        `shuffle` is neither a bool nor a callable.
    """

    def __init__(self, n: int, shuffle: Shuffle, rng: RNG) -> None:
        if not isinstance(shuffle, (bool, np.bool_)) and not is_function(shuffle):
            raise TypeError(
                f"shuffle is {shown(shuffle)}; give True, False or a callable that permutes a list."
            )
        self._n = n
        self._shuffle = shuffle
        self._rng = rng
        self.rows: list[Any] = list(range(n)) if callable(shuffle) else []

    def draw(self) -> Array:
        """Return the next epoch's row numbers, an intp array of shape (n,).

        Raises
        ------
        ValueError
            The callable did not leave a permutation.
        """
        if callable(self._shuffle):
            call(self._shuffle, "shuffle", self.rows)
            return self._checked()
        if self._shuffle:
            return self._rng.permutation(self._n).astype(np.intp, copy=False)
        return np.arange(self._n, dtype=np.intp)

    def _checked(self) -> Array:
        good = len(self.rows) == self._n and all(
            isinstance(row, (int, np.integer)) and 0 <= row < self._n for row in self.rows
        )
        order = np.array(self.rows if good else [], dtype=np.intp)
        if not good or not np.all(np.bincount(order, minlength=self._n) == 1):
            raise ValueError(
                f"shuffle left no permutation of the {self._n} row numbers; "
                "it must reorder the list in place."
            )
        return order

    @property
    def source(self) -> random.Random | RNG | None:
        """The generator that a callable draws from, where it is a method of one."""
        owner = getattr(self._shuffle, "__self__", None)
        known = (random.Random, np.random.Generator, np.random.RandomState)
        return owner if isinstance(owner, known) else None

    @property
    def is_custom(self) -> bool:
        """Whether a callable orders the examples."""
        return callable(self._shuffle)
