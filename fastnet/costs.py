"""Cost functions: what a network's outputs are charged, and the error that is sent back.

Each is a class in the book's form, with static methods `fn` and `delta` on one example or many
(columns). Training itself uses the compiled twins in `kernels/layers.pxd`, which start from the
weighted input and so need no guard against saturation.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.activations import sigmoid_prime
from fastnet.common.arguments import memory_for, shown
from fastnet.data.dataset import as_real_array

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


class Cost(Protocol):
    """What the classes below have in common."""

    name: str

    @staticmethod
    def fn(a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted."""
        ...

    @staticmethod
    def delta(z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of the output layer."""
        ...


class QuadraticCost:
    """C = sum of (a - y)^2 / 2, equation (6) of the book for one example."""

    name = "quadratic"

    @staticmethod
    def fn(a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted.

        Parameters
        ----------
        a, y : array_like of float, of one shape

        Returns
        -------
        float
            The sum over all elements.

        Examples
        --------
        >>> QuadraticCost.fn([1.0, 0.0], [0.0, 0.0])
        0.5
        """
        a, y = _read(a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            difference = a - y
            return 0.5 * float(np.sum(difference * difference))

    @staticmethod
    def delta(z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of a sigmoid output layer, (a - y) sigma'(z) (BP1).

        Parameters
        ----------
        z, a, y : array_like of float, of one shape
            Weighted inputs, activations, targets.

        Returns
        -------
        ndarray of that shape

        Examples
        --------
        >>> QuadraticCost.delta([0.0], [0.5], [0.0])
        array([0.125])
        """
        z, a, y = _read(z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            result: Array = (a - y) * sigmoid_prime(z)
            return result


class CrossEntropyCost:
    """C = -sum of y ln a + (1 - y) ln(1 - a), equation (57) of the book for one example."""

    name = "cross_entropy"

    @staticmethod
    def fn(a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted.

        An output that has been rounded to 0 or 1 is taken for the nearest number inside (0, 1) of
        its type, so that the cost is finite, and 0 where the output is what was wanted. (The
        cost that a network reports is worked out from z and needs no such rule.)

        Parameters
        ----------
        a, y : array_like of float, of one shape

        Returns
        -------
        float
            The sum over all elements.

        Examples
        --------
        >>> CrossEntropyCost.fn([1.0, 0.0], [1.0, 0.0])
        0.0
        >>> round(CrossEntropyCost.fn([0.5], [1.0]), 6)
        0.693147
        """
        a, y = _read(a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            zero, one = a.dtype.type(0), a.dtype.type(1)
            log_a = np.log(np.maximum(a, np.nextafter(zero, one)))
            log_rest = np.log1p(-np.minimum(a, np.nextafter(one, zero)))
            # Outside (0, 1) a target that is met exactly costs nothing; inside, it has an entropy.
            met = (a == y) & ((a == 0) | (a == 1))
            return float(np.sum(np.where(met, 0.0, -y * log_a - (1 - y) * log_rest)))

    @staticmethod
    def delta(z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of a sigmoid output layer, a - y: the derivative has cancelled.

        Parameters
        ----------
        z, a, y : array_like of float, of one shape
            Weighted inputs (not used), activations, targets.

        Returns
        -------
        ndarray of that shape

        Examples
        --------
        >>> CrossEntropyCost.delta([0.0], [0.5], [0.0])
        array([0.5])
        """
        _, a, y = _read(z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            result: Array = a - y
            return result


class LogLikelihoodCost:
    """C = -sum of y ln a, equation (80) of the book; for softmax outputs."""

    name = "log_likelihood"

    @staticmethod
    def fn(a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted.

        An output that has been rounded to 0 is taken for the smallest positive number. (The cost
        that a network reports is worked out from z and needs no such rule.)

        Parameters
        ----------
        a, y : array_like of float, of one shape

        Returns
        -------
        float
            The sum over all elements.

        Examples
        --------
        >>> round(LogLikelihoodCost.fn([0.5, 0.5], [1.0, 0.0]), 6)
        0.693147
        """
        a, y = _read(a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            zero, one = a.dtype.type(0), a.dtype.type(1)
            return float(np.sum(-y * np.log(np.maximum(a, np.nextafter(zero, one)))))

    @staticmethod
    def delta(z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of a softmax output layer, a - y: equation (82) of the book.

        Where an example's targets do not sum to 1, a is multiplied by their sum.

        Parameters
        ----------
        z, a, y : array_like of float, shape (n_L,), (n_L, n) or (n, n_L)
            Weighted inputs (not used), activations, targets. Examples are columns; or rows, where
            it is in rows alone that `a` sums to 1, as softmax outputs do.

        Returns
        -------
        ndarray of that shape

        Examples
        --------
        >>> LogLikelihoodCost.delta([0.0, 0.0], [0.5, 0.5], [1.0, 0.0])
        array([-0.5,  0.5])
        """
        _, a, y = _read(z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            result: Array = y.sum(axis=_example_axis(a), keepdims=True) * a - y
            return result


class PoissonCost:
    """C = sum of y ln(y / a) - y + a, half the Poisson deviance; for exponential outputs.

    What counts are charged where a is the number expected (McCullagh and Nelder, *Generalized
    Linear Models*, 1989, section 6.2). 0 where a is y.
    """

    name = "poisson"

    @staticmethod
    def fn(a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` where `y` was wanted.

        An output that has been rounded to 0 is taken for the smallest positive number. (The cost
        that a network reports is worked out from z and needs no such rule.)

        Parameters
        ----------
        a, y : array_like of float, of one shape
            Numbers expected, and counts.

        Returns
        -------
        float
            The sum over all elements.

        Examples
        --------
        >>> PoissonCost.fn([2.0, 1.0], [2.0, 0.0])
        1.0
        """
        a, y = _read(a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            log_a = np.log(np.maximum(a, np.nextafter(a.dtype.type(0), a.dtype.type(1))))
            log_y = np.log(np.where(y > 0, y, 1))
            return float(np.sum(y * (log_y - log_a) - y + a))

    @staticmethod
    def delta(z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of an exponential output layer, a - y: the derivative has cancelled.

        Parameters
        ----------
        z, a, y : array_like of float, of one shape
            Weighted inputs (not used), activations, targets.

        Returns
        -------
        ndarray of that shape

        Examples
        --------
        >>> PoissonCost.delta([0.0], [1.0], [3.0])
        array([-2.])
        """
        _, a, y = _read(z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # then it is infinite
            result: Array = a - y
            return result


COSTS: dict[str, type[Cost]] = {
    cost.name: cost for cost in (QuadraticCost, CrossEntropyCost, LogLikelihoodCost, PoissonCost)
}


def _example_axis(a: Array) -> int:
    """Return the axis along which the outputs of one softmax lie: 0 where both may be it."""
    if a.ndim < 2 or np.allclose(a.sum(axis=0), 1, atol=1e-2):
        return 0
    return -1 if np.allclose(a.sum(axis=-1), 1, atol=1e-2) else 0


def _read(**given: ArrayLike) -> list[Array]:
    """Return what was given as arrays of floating-point numbers, all of one shape.

    A bool or a byte would wrap around in a difference, and an array of another shape would be
    spread over the first.
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
        for member in COSTS.values():
            if cost in (member.name, member.__name__):
                return member
        raise ValueError(f"cost is {shown(cost)}; the costs are {known}.")
    if isinstance(cost, type) and cost in COSTS.values():
        return cost
    raise TypeError(f"cost is {shown(cost)}; give one of the classes {known}.")
