"""Cost functions: what a network's outputs cost, and the error that is sent back.

Training itself uses the compiled functions in `kernels/activations.pxd`, which start from the
weighted input and so need no guard against saturation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.activations import sigmoid_prime
from fastnet.common.arguments import memory_for, shown
from fastnet.common.hints import did_you_mean, same_name
from fastnet.data.rows import as_real_array

__all__ = [
    "COSTS",
    "Cost",
    "CrossEntropyCost",
    "LogLikelihoodCost",
    "PoissonCost",
    "QuadraticCost",
    "find_cost",
]

Array = NDArray[Any]


class Cost:
    """The base of the costs, in the book's form; each is used as a class, without instances.

    Attributes
    ----------
    name : str
    """

    name: str

    @classmethod
    def fn(cls, a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted.

        An output whose logarithm would be infinite, because it was rounded to 0 or 1, is taken for
        the nearest number of its type inside. (The cost that a network reports is computed from z
        and needs no such rule.)

        Parameters
        ----------
        a, y : array_like of float, of one shape

        Returns
        -------
        float
            The sum over all elements.

        Raises
        ------
        ValueError, TypeError
            The shapes differ, or the elements are not finite real numbers.

        Examples
        --------
        >>> QuadraticCost.fn([1.0, 0.0], [0.0, 0.0])
        0.5
        >>> round(CrossEntropyCost.fn([0.5], [1.0]), 6)
        0.693147
        """
        a, y = _read(a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            return float(cls._sum(a, y))

    @classmethod
    def delta(cls, z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of the output layer, dC/dz, for the output that the cost goes with.

        Parameters
        ----------
        z, a, y : array_like of float, of one shape
            Weighted inputs, activations, targets.

        Returns
        -------
        ndarray of that shape

        Raises
        ------
        ValueError, TypeError
            As for `fn`.

        Examples
        --------
        >>> QuadraticCost.delta([0.0], [0.5], [0.0])
        array([0.125])
        >>> CrossEntropyCost.delta([0.0], [0.5], [0.0])
        array([0.5])
        """
        z, a, y = _read(z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            return cls._error(z, a, y)

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        raise NotImplementedError

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        """Return a - y: the output's derivative has cancelled."""
        error: Array = a - y
        return error


class QuadraticCost(Cost):
    """C = sum of (a - y)^2 / 2, equation (6) of the book for one example.

    The error is that of sigmoid outputs, (a - y) sigma'(z) (BP1).

    Examples
    --------
    >>> QuadraticCost.fn([1.0, 0.0], [0.0, 0.0])
    0.5
    """

    name = "quadratic"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        return np.sum((a - y) ** 2) / 2

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        return Cost._error(z, a, y) * sigmoid_prime(z)


class CrossEntropyCost(Cost):
    """C = -sum of y ln a + (1 - y) ln(1 - a), equation (57) of the book for one example.

    For sigmoid outputs. A target of 0 or 1 that is met exactly costs nothing.

    Examples
    --------
    >>> CrossEntropyCost.fn([1.0, 0.0], [1.0, 0.0])
    0.0
    """

    name = "cross_entropy"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        log_rest = np.log1p(-np.minimum(a, np.nextafter(a.dtype.type(1), a.dtype.type(0))))
        # Outside (0, 1) a target that is met exactly costs nothing; inside, it has an entropy.
        met = (a == y) & ((a == 0) | (a == 1))
        return np.sum(np.where(met, 0.0, -y * _log(a) - (1 - y) * log_rest))


class LogLikelihoodCost(Cost):
    """C = -sum of y ln a, equation (80) of the book; for softmax outputs.

    The error is a - y, equation (82); where an example's targets do not sum to 1, a is multiplied
    by their sum. Examples are columns; or rows, where `a` sums to 1 in rows only.

    Examples
    --------
    >>> LogLikelihoodCost.delta([0.0, 0.0], [0.5, 0.5], [1.0, 0.0])
    array([-0.5,  0.5])
    """

    name = "log_likelihood"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        return np.sum(-y * _log(a))

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        return Cost._error(z, y.sum(axis=_example_axis(a), keepdims=True) * a, y)


class PoissonCost(Cost):
    """C = sum of y ln(y / a) - y + a, half the Poisson deviance; for exponential outputs.

    The cost of counts y where a is the expected number (McCullagh and Nelder, *Generalized Linear
    Models*, 1989, section 6.2). 0 where a is y.

    Examples
    --------
    >>> PoissonCost.fn([2.0, 1.0], [2.0, 0.0])
    1.0
    """

    name = "poisson"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        log_y = np.log(np.where(y > 0, y, 1))
        return np.sum(y * (log_y - _log(a)) - y + a)


COSTS: dict[str, type[Cost]] = {
    cost.name: cost for cost in (QuadraticCost, CrossEntropyCost, LogLikelihoodCost, PoissonCost)
}


def _log(a: Array) -> Array:
    """Return ln a, with 0 taken for the smallest positive number."""
    log: Array = np.log(np.maximum(a, np.nextafter(a.dtype.type(0), a.dtype.type(1))))
    return log


def _example_axis(a: Array) -> int:
    """Return the axis along which the outputs of one softmax lie: 0 if it can be either."""
    if a.ndim < 2 or np.allclose(a.sum(axis=0), 1, atol=1e-2):
        return 0
    return -1 if np.allclose(a.sum(axis=-1), 1, atol=1e-2) else 0


def _read(**given: ArrayLike) -> list[Array]:
    """Return the arguments as arrays of floating-point numbers, all of one shape.

    A bool or a byte would wrap around in a difference, and an array of another shape would be
    broadcast to the first.
    """
    arrays: list[Array] = []
    for name, value in given.items():
        array = as_real_array(value, name)
        with memory_for(name):  # a copy, so that what does not fit is found for this argument
            arrays.append(array.astype(array.dtype if array.dtype.kind == "f" else np.float64))
        if not np.isfinite(arrays[-1]).all():
            raise ValueError(f"{name} holds NaN or infinity; give finite numbers.")
        if array.shape != arrays[0].shape:
            first = next(iter(given))
            raise ValueError(
                f"{name} has shape {array.shape} and {first} has {arrays[0].shape}; "
                "give both in one shape."
            )
    return arrays


#: What other libraries call the costs.
_WORDS = {
    "mse": "quadratic",
    "l2": "quadratic",
    "squarederror": "quadratic",
    "meansquarederror": "quadratic",
    "bce": "cross_entropy",
    "logloss": "cross_entropy",
    "crossentropyloss": "log_likelihood",
    "binarycrossentropy": "cross_entropy",
    "categoricalcrossentropy": "log_likelihood",
    "sparsecategoricalcrossentropy": "log_likelihood",
    "nll": "log_likelihood",
    "nllloss": "log_likelihood",
    "negativeloglikelihood": "log_likelihood",
    "mseloss": "quadratic",
    "rmse": "quadratic",
    "sse": "quadratic",
    "bceloss": "cross_entropy",
    "bcewithlogitsloss": "cross_entropy",
    "poissonnllloss": "poisson",
}


def find_cost(cost: object) -> type[Cost]:
    """Return the cost class for a class, its name, or its class name.

    Raises
    ------
    TypeError
        `cost` is neither a cost class nor a string.
    ValueError
        No cost has that name.

    Examples
    --------
    >>> find_cost("QuadraticCost").__name__, find_cost("quadratic").__name__
    ('QuadraticCost', 'QuadraticCost')
    """
    known = ", ".join(member.__name__ for member in COSTS.values())
    if isinstance(cost, str):
        names = {
            name: member for member in COSTS.values() for name in (member.name, member.__name__)
        }
        found = same_name(cost, names)
        if found is not None:
            return names[found]
        hint = did_you_mean(cost, COSTS, _WORDS)
        raise ValueError(f"cost is {shown(cost)}; the costs are {known}.{hint}")
    if isinstance(cost, type) and cost in COSTS.values():
        return cost
    raise TypeError(f"cost is {shown(cost)}; give one of the classes {known}.")
