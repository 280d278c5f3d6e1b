"""Means of repetitions and their 95 % confidence intervals, from Student's t."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import memory_for
from fastnet.common.intervals import intervals, student_t
from fastnet.data.rows import as_real_array

__all__ = ["mean_and_margin", "student_t"]

Array = NDArray[Any]


def mean_and_margin(samples: ArrayLike) -> tuple[Array, Array]:
    """Return the means over the first axis, and half the width of their confidence intervals.

    Parameters
    ----------
    samples : array_like, shape (n, ...)
        n independent repetitions.

    Returns
    -------
    mean : ndarray of float64, shape (...)
    margin : ndarray of float64, shape (...)
        With normally distributed samples, mean +- margin is the 95 % confidence interval of the
        mean (Student's t with n - 1 degrees of freedom), separately for each element. NaN if n is
        1.

    Raises
    ------
    ValueError
        `samples` is empty.
    TypeError
        `samples` does not contain real numbers.

    Examples
    --------
    >>> mean, margin = mean_and_margin([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0]])
    >>> mean.tolist(), margin.round(3).tolist()
    ([3.0, 5.0], [4.968, 0.0])
    """
    samples = as_real_array(samples, "samples")
    if samples.ndim == 0 or len(samples) == 0:
        raise ValueError(f"samples has shape {samples.shape}; give one sample or more.")
    with memory_for("samples"), np.errstate(over="ignore"):  # longer floats may become infinite
        return intervals(samples.astype(np.float64, copy=False))
