"""95 % confidence intervals of means, by Student's t."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_count, as_number

__all__ = ["intervals", "student_t"]

Array = NDArray[Any]

#: The two-sided 95 % quantile of the normal distribution.
NORMAL = 1.959963984540054
#: The exact sums are used up to this many degrees of freedom.
MOST_SUMMED = 1000
#: The range of confidences for which quantiles have ten correct digits or more.
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.99999


def intervals(samples: Array) -> tuple[Array, Array]:
    """Return means over the first axis, and the margins of their 95 % confidence intervals.

    A margin is half the width of an interval; for a single sample it is NaN.

    Parameters
    ----------
    samples : ndarray of floats, shape (n, ...)

    Returns
    -------
    mean, margin : ndarray, shape (...)

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


def student_t(degrees: int, confidence: float = 0.95) -> float:
    """Return the two-sided quantile of Student's t distribution.

    Parameters
    ----------
    degrees : int
        Degrees of freedom, 1 or more.
    confidence : float, default 0.95
        The probability that Student's t stays within the quantile and its negative; from 0.5 to
        0.99999.

    Raises
    ------
    ValueError, TypeError
        An argument is not a number or out of range.

    References
    ----------
    M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4; for many
    degrees, where those sums are long, 26.7.5.

    Examples
    --------
    >>> [round(student_t(n), 3) for n in (1, 4, 9, 1000)]
    [12.706, 2.776, 2.262, 1.962]
    >>> round(student_t(4, 0.99), 3)
    4.604
    """
    degrees = as_count(degrees, "degrees", at_least=1)
    confidence = as_number(confidence, "confidence")
    if not LEAST_CONFIDENCE <= confidence <= MOST_CONFIDENCE:
        raise ValueError(
            f"confidence is {confidence}; expected {LEAST_CONFIDENCE} to {MOST_CONFIDENCE}."
        )
    if degrees > MOST_SUMMED:
        x = NORMAL if confidence == 0.95 else NormalDist().inv_cdf((1 + confidence) / 2)
        n = degrees
        return (
            x
            + (x**3 + x) / (4 * n)
            + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * n**2)
            + (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * n**3)
        )
    low, high = 1.0, 16.0
    if _share_within(low, degrees) > confidence:
        low = 0.0
    while _share_within(high, degrees) < confidence:
        high *= 2
    for _ in range(60):
        t = (low + high) / 2
        low, high = (t, high) if _share_within(t, degrees) < confidence else (low, t)
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
