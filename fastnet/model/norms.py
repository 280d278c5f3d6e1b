"""Norms and regularization terms, also of numbers whose squares overflow or underflow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["norm", "price", "regularized", "scaled_squares"]

Array = NDArray[Any]

#: Sums of squares within these bounds have neither overflowed nor lost digits.
LEAST_SQUARES, MOST_SQUARES = 1e-280, 1e280
#: A power of 2, which changes no digit; any number times it has a finite square.
SHRINK = 2.0**-600


def scaled_squares(arrays: Iterable[Array]) -> tuple[float, float]:
    """Return the sum of the squares of all numbers, each multiplied by a scale, and the scale.

    The scale is 1 unless the sum would overflow or underflow.

    Examples
    --------
    >>> scaled_squares([np.array([3.0, 4.0])])
    (25.0, 1.0)
    >>> squares, scale = scaled_squares([np.array([3e200, 4e200])])
    >>> round(math.sqrt(squares) / scale / 1e200, 9)
    5.0
    """
    arrays = list(arrays)
    squares = _squares(arrays, 1.0)
    if squares < LEAST_SQUARES and any(array.any() for array in arrays):
        return _squares(arrays, 1 / SHRINK), 1 / SHRINK
    if squares > MOST_SQUARES:
        return _squares(arrays, SHRINK), SHRINK
    return squares, 1.0


def norm(*arrays: Array) -> float:
    """Return the Euclidean norm of all numbers.

    Examples
    --------
    >>> norm(np.array([3e-200]), np.array([4e-200])) * 1e200
    5.0
    """
    squares, scale = scaled_squares(arrays)
    return math.sqrt(squares) / scale


def price(weights: Iterable[Array], l2: float, l1: float = 0.0) -> float:
    """Return l2 / 2 times the sum of squared weights plus l1 times the sum of absolute weights.

    It is infinite only if the result itself is too large for a float.

    Examples
    --------
    >>> price([np.array([1.0, -2.0])], l2=1.0, l1=0.1)
    2.8
    >>> price([np.full(4, 1e200)], l2=1e-300)
    2e+100
    """
    weights = list(weights)
    total = 0.0
    if l2:
        squares, scale = scaled_squares(weights)
        # Divided twice, because the square of the scale overflows or underflows.
        total += 0.5 * l2 * squares if scale == 1 else 0.5 * l2 / scale * squares / scale
    if l1:
        absolutes = _sum(np.abs, weights, 1.0)
        far = not absolutes < MOST_SQUARES
        total += l1 * _sum(np.abs, weights, SHRINK) / SHRINK if far else l1 * absolutes
    return total


def regularized(cost: float, n: int, weights: Iterable[Array], l2: float, l1: float = 0.0) -> float:
    """Return the mean of a cost that was summed over n examples, plus the regularization term.

    Examples
    --------
    >>> regularized(6.0, 2, [np.array([1.0, -2.0])], l2=2.0, l1=1.0)
    7.0
    """
    weights = list(weights)
    cost /= n
    cost += price(weights, l2=l2 / n)
    cost += price(weights, l2=0.0, l1=l1 / n)
    return cost


def _squares(arrays: list[Array], scale: float) -> float:
    return _sum(partial(np.square, dtype=np.float64), arrays, scale)


def _sum(function: Callable[[Array], Array], arrays: list[Array], scale: float) -> float:
    """Return the sum of a function of all scaled numbers; infinity if it is too large."""
    with np.errstate(over="ignore", under="ignore"):
        if scale != 1:
            arrays = [scale * array.astype(np.float64) for array in arrays]
        try:
            return math.fsum(float(np.sum(function(a), dtype=np.float64)) for a in arrays)
        except OverflowError:
            return math.inf
