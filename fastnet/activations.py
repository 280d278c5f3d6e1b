"""Activations: a table of all activations, and the sigmoid and its derivative in NumPy.

Networks use the compiled functions in `kernels/activations.pxd`, which has all formulas.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import memory_for
from fastnet.data.rows import as_real_array

__all__ = ["ACTIVATIONS", "Activation", "sigmoid", "sigmoid_prime"]

Array = NDArray[Any]


class Activation(NamedTuple):
    """Properties of an activation, without its formula.

    Attributes
    ----------
    torch, onnx, sklearn : str or None
        The class in `torch.nn`, the operator in ONNX, and scikit-learn's name; None if it does not
        exist there. `fastnet.interchange` then composes it of other operators, if it can.
    lowest, highest : float
        The range of its values, and so of the targets of an output.
    output_only : bool
        Whether only the last layer can have it.

    Examples
    --------
    >>> ACTIVATIONS["tanh"].onnx, ACTIVATIONS["tanh"].lowest, ACTIVATIONS["softmax"].output_only
    ('Tanh', -1.0, True)
    """

    torch: str | None
    onnx: str | None
    sklearn: str | None
    lowest: float = -math.inf
    highest: float = math.inf
    output_only: bool = False

    @property
    def has_signs(self) -> bool:
        """Whether its values range from -1 to 1, so that their signs can encode two classes."""
        return (self.lowest, self.highest) == (-1.0, 1.0)


#: All activations by name, in the order of their numbers in the kernels (`kernels/codes.pyx`).
ACTIVATIONS = {
    "sigmoid": Activation("Sigmoid", "Sigmoid", "logistic", 0.0, 1.0),
    "tanh": Activation("Tanh", "Tanh", "tanh", -1.0, 1.0),
    "relu": Activation("ReLU", "Relu", "relu", 0.0),
    "leaky_relu": Activation("LeakyReLU", "LeakyRelu", None),
    "identity": Activation("Identity", "Identity", "identity"),
    "softmax": Activation("Softmax", "Softmax", "softmax", 0.0, 1.0, output_only=True),
    "exponential": Activation(None, "Exp", "exp", 0.0, output_only=True),
    "elu": Activation("ELU", "Elu", None, -1.0),
    "selu": Activation("SELU", "Selu", None, -1.7580993408473769),
    "gelu": Activation("GELU", None, None, -0.16997120747990367),
    "silu": Activation("SiLU", None, None, -0.27846454276107380),
    "softplus": Activation("Softplus", "Softplus", None, 0.0),
    "softsign": Activation("Softsign", "Softsign", None, -1.0, 1.0),
    "sine": Activation(None, "Sin", None, -1.0, 1.0),
}


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
        Of the dtype of `z` if that is a float type, else float64. It never overflows.

    Raises
    ------
    TypeError
        `z` does not contain real numbers.

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
        With full relative precision in both tails; the dtype is as for `sigmoid`.

    Raises
    ------
    TypeError
        `z` does not contain real numbers.

    Examples
    --------
    >>> sigmoid_prime([-1.0, 0.0]).round(6)
    array([0.196612, 0.25    ])
    """
    small = np.exp(-np.abs(_real(z)))
    result: Array = small / (1 + small) ** 2
    return result[()]
