"""Integrals of activations over Gaussian weighted inputs: sums over fixed nodes, split at kinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.reference import ACTIVATIONS

__all__ = ["Integrals", "integrals_of"]

Array = NDArray[Any]

#: Used in place of q = 0 and q = inf where a ratio has a limit there.
_LEAST, _MOST = 1e-200, 1e200
#: A slope below this share of the largest is saturated, as in `Network.layer_statistics`.
SATURATED_SLOPE = 0.04
_erfc = np.vectorize(math.erfc, otypes=[float])


def _half_line(step: float, first: float, last: float, power: int) -> tuple[Array, Array]:
    """Return nodes z and weights for the integral of f(z) z^power exp(-z^2 / 2) from 0 to inf.

    This is the trapezoidal rule in t, where z = log(1 + exp(t)). Nodes are spaced geometrically
    near 0, which resolves steps of any width there, and evenly far from 0. The rule converges
    exponentially for functions without singularities right of 0, as activations are.
    """
    t = np.arange(first, last, step)
    z = np.logaddexp(0, t)
    w = step * z**power * np.exp(-0.5 * z * z) / (1 + np.exp(-t))
    w[0] /= -math.expm1(-(power + 1) * step)  # for all the nodes before it, where f is constant
    return z, w


class Integrals:
    """Integrals of an activation over Gaussian weighted inputs, of variance q and correlation c.

    q may be an array except in `gap` and `product_of_slopes`. `squared_slope` and `growth` return
    limits if q is 0 or inf.
    """

    #: The largest slope, for `saturated`; None to search for it.
    _steepest: float | None = None

    _z, _w = _half_line(0.2, -18, 12, 0)
    _z, _w = np.append(-_z, _z), np.append(_w, _w) / (2 * _w.sum())

    def __init__(self, fn: Callable[[Array], Array], prime: Callable[[Array], Array]) -> None:
        self.fn, self.prime = fn, prime

    def mean(self, q: Any) -> Any:
        """Return the mean of phi(z)."""
        with np.errstate(over="ignore"):
            return self.fn(np.multiply.outer(np.sqrt(q), self._z)) @ self._w

    def square(self, q: Any) -> Any:
        """Return the mean of phi(z)^2."""
        with np.errstate(over="ignore"):
            return self.fn(np.multiply.outer(np.sqrt(q), self._z)) ** 2 @ self._w

    def squared_slope(self, q: Any) -> Any:
        """Return the mean of phi'(z)^2."""
        z = np.multiply.outer(np.sqrt(np.clip(q, _LEAST, _MOST)), self._z)
        with np.errstate(over="ignore"):
            return self.prime(z) ** 2 @ self._w

    def growth(self, q: Any) -> Any:
        """Return the derivative of `square` by q."""
        root = np.sqrt(np.clip(q, _LEAST, _MOST))
        z = np.multiply.outer(root, self._z)
        with np.errstate(over="ignore"):
            return self.fn(z) * self.prime(z) @ (self._w * self._z) / root

    def saturated(self, q: Any) -> Any:
        """Return the probability that the absolute slope is below 4 % of its maximum."""
        ends, changes, before = self._ends
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = _erfc(np.divide.outer(ends, np.sqrt(2 * np.asarray(q)))) / 2
        at_zero = before + changes[ends < 0].sum()
        return np.where(np.equal(q, 0), at_zero, np.maximum(before + changes @ beyond, 0))

    @cached_property
    def _ends(self) -> tuple[Array, Array, float]:
        """The z where saturation ends (-1) or begins (1), and whether the lowest z is saturated."""
        z = np.arange(-60, 60, 2**-9)
        sizes = np.abs(self.prime(z))
        least = SATURATED_SLOPE * (self._steepest or sizes.max())
        flat = sizes < least
        at = np.flatnonzero(flat[1:] != flat[:-1])
        low, high = z[at], z[at + 1]
        for _ in range(60):
            middle = (low + high) / 2
            same = (np.abs(self.prime(middle)) < least) == flat[at]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return high, np.where(flat[at], -1.0, 1.0), float(flat[0])

    def gap(self, q: float, c: float) -> float:
        """Return half the mean of (phi(z1) - phi(z2))^2, without cancellation for c near 1."""
        z1, z2, w = _pairs(q, c)
        difference = self.fn(z1) - self.fn(z2)
        return float(np.vdot(difference * difference, w)) / 2

    def product_of_slopes(self, q: float, c: float) -> float:
        """Return the mean of phi'(z1) phi'(z2)."""
        z1, z2, w = _pairs(q, c)
        return float(np.vdot(self.prime(z1) * self.prime(z2), w))


class _Sine(Integrals):
    """Integrals of sine in closed form: nodes do not resolve many periods."""

    def mean(self, q: Any) -> Any:
        return np.zeros_like(q, float)[()]

    def saturated(self, q: Any) -> Any:
        # Over many periods the phase of z is practically uniform.
        return np.where(
            np.less(q, 50), super().saturated(q), 2 / np.pi * np.arcsin(SATURATED_SLOPE)
        )

    def square(self, q: Any) -> Any:
        return -np.expm1(-2 * np.asarray(q))[()] / 2

    def squared_slope(self, q: Any) -> Any:
        return (1 + np.exp(-2 * np.asarray(q))) / 2

    def growth(self, q: Any) -> Any:
        return np.exp(-2 * np.asarray(q))

    def gap(self, q: float, c: float) -> float:
        return -math.expm1(-q * (1 - c)) * (1 + math.exp(-q * (1 + c))) / 2

    def product_of_slopes(self, q: float, c: float) -> float:
        return (math.exp(-q * (1 - c)) + math.exp(-q * (1 + c))) / 2


class _Exponential(Integrals):
    """Integrals of exp in closed form: the integrands are largest far from 0."""

    _steepest = 1.0  # the slope at 0, as slopes are unbounded

    def mean(self, q: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp(np.asarray(q) / 2)

    def square(self, q: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp(2 * np.asarray(q))

    def squared_slope(self, q: Any) -> Any:
        return self.square(q)

    def growth(self, q: Any) -> Any:
        return 2 * self.square(q)

    def gap(self, q: float, c: float) -> float:
        return float(-self.square(q) * math.expm1(-q * (1 - c)))

    def product_of_slopes(self, q: float, c: float) -> float:
        return float(self.square(q * (1 + c) / 2))


_IN_CLOSED_FORM = {"sine": _Sine, "exponential": _Exponential}


@cache
def integrals_of(activation: str) -> Integrals:
    """Return the integrals of a name in `reference.ACTIVATIONS`, the same object each time."""
    return _IN_CLOSED_FORM.get(activation, Integrals)(*ACTIVATIONS[activation])


def _half_segment(step: float, first: float) -> tuple[Array, Array]:
    """Return nodes and weights of the lower half of (0, 1): 1 / (1 + exp(-t)), t evenly spaced."""
    t = np.arange(-step / 2, first, -step)[::-1]
    x = 1 / (1 + np.exp(-t))
    w = step * x * (1 - x)
    w[0] /= -math.expm1(-step)  # as in `_half_line`
    return x, w


_RADII = _half_line(0.25, -9, 12, 1)
_ANGLES = _half_segment(0.4, -16)


def _pairs(q: float, c: float) -> tuple[Array, Array, Array]:
    """Return nodes z1 and z2 of variance q and correlation c, and weights, for symmetric functions.

    In polar coordinates signs of z1 and z2 depend only on the angle, and every activation is smooth
    between their changes. Half of the angles are enough: exchanging z1 with z2 gives the others.
    """
    alpha = math.acos(c)
    x, w = _ANGLES
    same, opposite = (math.pi - alpha) * x, alpha * x
    first = np.append(np.sin(same), np.sin(opposite))
    second = np.append(np.sin(same + alpha), -np.sin(alpha - opposite))
    weight = np.append((math.pi - alpha) * w, alpha * w) / math.pi
    radii = math.sqrt(q) * _RADII[0]
    z1, z2 = np.multiply.outer(first, radii), np.multiply.outer(second, radii)
    weights = np.multiply.outer(weight, _RADII[1])
    return np.stack([z1, -z1]), np.stack([z2, -z2]), np.stack([weights, weights])
