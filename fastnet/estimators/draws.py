"""Starting weights, orders of the examples and learning rates as in scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.schedules import Schedule

__all__ = ["Rate", "SklearnRandomState", "draw_weights"]

Array = NDArray[Any]


def draw_weights(
    sizes: Sequence[int], activation: str, rng: np.random.RandomState
) -> list[tuple[Array, Array]]:
    """Draw weights and biases from U(-r, r), layer after layer, as scikit-learn does.

    r is sqrt(6 / (n_in + n_out)), or sqrt(2 / (n_in + n_out)) with the logistic function (Glorot
    and Bengio 2010). Weights have shape (n_in, n_out), biases (n_out,), all in float64.

    Examples
    --------
    >>> weights, biases = draw_weights([2, 1], "relu", np.random.RandomState(0))[0]
    >>> weights.shape, biases.shape
    ((2, 1), (1,))
    """
    drawn = []
    for n_in, n_out in pairwise(sizes):
        r = math.sqrt((2.0 if activation in ("logistic", "sigmoid") else 6.0) / (n_in + n_out))
        weights = rng.uniform(-r, r, (n_in, n_out))
        drawn.append((weights, rng.uniform(-r, r, n_out)))
    return drawn


class SklearnRandomState(np.random.RandomState):
    """A generator whose permutations are those of scikit-learn's epochs.

    scikit-learn permutes the order of the epoch before, not 0 .. n-1; from the same state this
    generator gives `fastnet.training.loop` the same orders. It draws from `rng` without copying it.

    Examples
    --------
    >>> import sklearn.utils
    >>> rows, rng = np.arange(9), np.random.RandomState(1)
    >>> ours = SklearnRandomState(np.random.RandomState(1))
    >>> for _ in range(3):
    ...     rows = sklearn.utils.shuffle(rows, random_state=rng)
    ...     assert rows.tolist() == ours.permutation(9).tolist()
    """

    def __init__(self, rng: np.random.RandomState) -> None:
        super().__init__(rng._bit_generator)
        self._rows: Array | None = None

    def permutation(self, x: Any) -> Any:
        """Return the previous permutation, at first 0 .. x-1, permuted again."""
        drawn = super().permutation(x)
        if self._rows is None or len(self._rows) != x:
            self._rows = np.arange(x)
        self._rows = self._rows[drawn]
        return self._rows


class Rate(Schedule):
    """The factor of `learning_rate_init` for the estimators' own named learning rates.

    `StoppingRules` sets `current`.
    """

    changing = ("current",)

    def __init__(self) -> None:
        self.current = 1.0

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return self.current
