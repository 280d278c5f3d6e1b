"""Activation functions, in NumPy, for users and for the formulas in `costs.py`.

Networks apply the compiled twins in `kernels/layers.pxd`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import memory_for
from fastnet.data.dataset import as_real_array

__all__ = ["sigmoid", "sigmoid_prime"]

Array = NDArray[Any]


def _real(z: ArrayLike) -> Array:
    z = as_real_array(z, "z")
    with memory_for("z"):
        return z if z.dtype.kind == "f" else z.astype(np.float64)


def sigmoid(z: ArrayLike) -> Array:
    """Return the logistic function 1 / (1 + exp(-z)), equation (3) of the book.

    Parameters
    ----------
    z : array_like of float, any shape

    Returns
    -------
    ndarray or scalar of that shape
        Without overflow: 0 and 1 far out.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    z = _real(z)
    small = np.exp(-np.abs(z))
    result: Array = np.where(z >= 0, 1.0, small).astype(z.dtype) / (1 + small)
    return result[()]


def sigmoid_prime(z: ArrayLike) -> Array:
    """Return the derivative of the logistic function, ``exp(-|z|) / (1 + exp(-|z|))^2``.

    Parameters
    ----------
    z : array_like of float, any shape

    Returns
    -------
    ndarray or scalar of that shape
        To full relative precision in both tails.

    Examples
    --------
    >>> sigmoid_prime([-1.0, 0.0]).round(6)
    array([0.196612, 0.25    ])
    """
    small = np.exp(-np.abs(_real(z)))
    result: Array = small / (1 + small) ** 2
    return result[()]
