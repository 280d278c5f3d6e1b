"""Means of repetitions and their 95 % confidence intervals, after Student's t."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_count, memory_for
from fastnet.data.rows import as_real_array

__all__ = ["mean_and_margin", "student_t"]

Array = NDArray[Any]


#: The two-sided 95 % quantile of the normal distribution.
NORMAL = 1.959963984540054
#: Up to so many degrees of freedom the exact sums are used.
MOST_SUMMED = 1000


def mean_and_margin(samples: ArrayLike) -> tuple[Array, Array]:
    """Return the means over the first axis, and half the width of their confidence intervals.

    Parameters
    ----------
    samples : array_like, shape (n, ...)
        n independent repetitions.

    Returns
    -------
    mean : ndarray, shape (...)
    margin : ndarray, shape (...)
        With normally distributed samples, mean +- margin is the 95 % confidence interval of the
        mean (Student's t with n - 1 degrees of freedom), for each place by itself. NaN if n is 1.

    Raises
    ------
    ValueError
        There is no sample.

    Examples
    --------
    >>> mean, margin = mean_and_margin([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0]])
    >>> mean.tolist(), margin.round(3).tolist()
    ([3.0, 5.0], [4.968, 0.0])
    """
    samples = as_real_array(samples, "samples")
    if samples.ndim == 0 or len(samples) == 0:
        raise ValueError(f"samples has shape {samples.shape}: no samples; give one or more.")
    n = len(samples)
    with memory_for("samples"), np.errstate(over="ignore", invalid="ignore"):
        samples = samples.astype(np.float64, copy=False)
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
