"""95 % confidence intervals of means, after Student's t."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_count

__all__ = ["intervals", "student_t"]

Array = NDArray[Any]

#: The two-sided 95 % quantile of the normal distribution.
NORMAL = 1.959963984540054
#: Up to so many degrees of freedom the exact sums are used.
MOST_SUMMED = 1000


def intervals(samples: Array) -> tuple[Array, Array]:
    """Return the means of floats over the first axis, and half the width of their intervals.

    Half the width is NaN if there is a single sample.

    Examples
    --------
    >>> mean, margin = intervals(np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0]]))
    >>> mean.tolist(), margin.round(3).tolist()
    ([3.0, 5.0], [4.968, 0.0])
    """
    n = len(samples)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = samples.mean(axis=0)
        if n == 1:
            return mean, np.full_like(mean, math.nan)
        return mean, student_t(n - 1) * samples.std(axis=0, ddof=1) / math.sqrt(n)


def student_t(degrees: int) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution.

    Parameters
    ----------
    degrees : int
        Degrees of freedom, 1 or more.

    References
    ----------
    M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4; for many
    degrees, where those sums are long, 26.7.5.

    Examples
    --------
    >>> [round(student_t(n), 3) for n in (1, 4, 9, 1000)]
    [12.706, 2.776, 2.262, 1.962]
    """
    degrees = as_count(degrees, "degrees", at_least=1)
    if degrees > MOST_SUMMED:
        x, n = NORMAL, degrees
        return (
            x
            + (x**3 + x) / (4 * n)
            + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * n**2)
            + (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * n**3)
        )
    low, high = 1.0, 16.0
    for _ in range(60):
        t = (low + high) / 2
        low, high = (t, high) if _share_within(t, degrees) < 0.95 else (low, t)
    return low


def _share_within(t: float, degrees: int) -> float:
    """Return the probability that Student's t stays within +-t."""
    theta = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = degrees % 2
    term = total = (cosine if odd else 1.0) * (degrees > 1)
    for k in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return (theta + sine * total) * 2 / math.pi if odd else sine * total
