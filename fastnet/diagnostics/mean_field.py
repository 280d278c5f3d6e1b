"""Mean-field theory of random networks: variance and correlation of signals, size of gradients.

Weights are N(0, sigma_w^2 / n_in), biases N(0, sigma_b^2), and layers are wide, so that weighted
inputs are Gaussian. From layer to layer their variance q follows `length_map`, the correlation c of
two inputs follows `correlation_map`, and the variance of the backpropagated error is multiplied by
`slope`. All integrals are sums over fixed nodes, split where activations have a kink.

References
----------
B. Poole et al., "Exponential expressivity in deep neural networks through transient chaos", 2016,
arXiv 1606.05340. S. Schoenholz et al., "Deep information propagation", 2017, arXiv 1611.01232.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_choice, as_rate
from fastnet.diagnostics.integrals import Integrals, integrals_of
from fastnet.reference import ACTIVATIONS

__all__ = [
    "MeanField",
    "correlation_map",
    "critical_sigma_w",
    "length_map",
    "mean_field",
    "slope",
    "squared_activation",
]

Array = NDArray[Any]

#: A slope this close to 1 counts as critical; the quadrature's error is well below it.
CRITICAL = 1e-9
#: Larger standard deviations are refused: the nodes resolve sqrt(q) to 1e8.
LARGEST_SIGMA = 1e6


class MeanField(NamedTuple):
    """Fixed points of a deep random network, and how fast its layers approach them.

    Attributes
    ----------
    q_star : float
        The variance of weighted inputs that the length map reaches from q = 1: 0 where signals
        vanish, inf where they grow without bound.
    c_star : float
        The correlation that two inputs reach if it begins just below 1: 1 where chi_1 is at most
        1, less in chaos. If q_star is 0, its limit for sigma_b to 0, which is 1; nan if q_star is
        inf.
    chi_1 : float
        The slope of the correlation map at 1, and the factor by which each layer multiplies the
        variance of the backpropagated error. Below 1 is order, where gradients vanish; above 1 is
        chaos, where they explode. If q_star is inf, its limit for large q.
    xi_q, xi_c : float
        Depth scales, in layers: q and c approach their fixed points as exp(-layer / xi). inf where
        the map's slope there is 1 (to 1e-9), as xi_c is on the critical line; nan if q_star is inf.

    Examples
    --------
    >>> found = mean_field("tanh", sigma_w=1.3, sigma_b=0.3)
    >>> found.c_star, round(found.q_star, 6), round(found.chi_1, 6)
    (1.0, 0.607047, 0.939807)
    """

    q_star: float
    c_star: float
    chi_1: float
    xi_q: float
    xi_c: float


def mean_field(activation: str, sigma_w: float, sigma_b: float) -> MeanField:
    """Return the fixed points and depth scales of a deep random network.

    The length map of gelu, silu and exponential may have several fixed points. q_star is the one
    reached from q = 1: as the map never decreases, the next one above if the first step goes up,
    else the next one below. Below 1 the correlation map, a power series without negative
    coefficients, has at most one stable fixed point, and only if chi_1 is above 1.

    Parameters
    ----------
    activation : str
        Activation of the hidden layers: any but softmax, which combines the units of a row.
    sigma_w, sigma_b : float
        Weights have the variance sigma_w^2 / n_in, biases sigma_b^2. Both are from 0 to 1e6; up to
        100 the results have an error below 1e-6.

    Returns
    -------
    MeanField
        A named tuple (q_star, c_star, chi_1, xi_q, xi_c).

    Raises
    ------
    ValueError, TypeError
        The activation is unknown, or a standard deviation is not a number from 0 to 1e6.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340, equations 3 to 7; Schoenholz et al. 2017, arXiv 1611.01232,
    equations 2 to 9.

    Examples
    --------
    tanh in chaos, as in Poole's figures 1 and 2, and relu as He's initializer starts it:

    >>> chaos = mean_field("tanh", sigma_w=2.5, sigma_b=0.3)
    >>> [round(value, 6) for value in chaos[:3]]
    [4.079124, 0.122104, 1.585225]
    >>> mean_field("relu", math.sqrt(2), 0.0).xi_c
    inf
    """
    integrals, w, b = _checked(activation, sigma_w, sigma_b)
    q = _fixed_point(integrals, w, b)
    chi = w * float(integrals.squared_slope(q))
    if math.isinf(q):
        return MeanField(q, math.nan, chi, math.nan, math.nan)
    c = _correlation(integrals, q, w, chi)
    rate = chi if c == 1 else w * integrals.product_of_slopes(q, c)
    return MeanField(q, c, chi, _depth(w * float(integrals.growth(q))), _depth(rate))


def critical_sigma_w(activation: str, sigma_b: float) -> float:
    """Return the standard deviation sigma_w at which chi_1 of `mean_field` is 1.

    It is the border between order and chaos, where gradients keep their size and depth scales are
    infinite. For relu, leaky_relu and identity it is the same for every sigma_b; if sigma_b is more
    than 0, q_star is inf there, as it is for softplus.

    Parameters
    ----------
    activation, sigma_b
        As for `mean_field`.

    Returns
    -------
    float
        The standard deviation, not its square; the smallest if there are several. nan if chi_1 is
        never 1: it jumps from below to above for gelu and silu if sigma_b is small, and for
        exponential always.

    Raises
    ------
    ValueError, TypeError
        As for `mean_field`.

    Examples
    --------
    >>> round(critical_sigma_w("tanh", math.sqrt(0.05)) ** 2, 6)
    1.760955
    >>> round(critical_sigma_w("relu", 0.0) ** 2, 6)
    2.0
    """
    integrals, _, b = _checked(activation, 1.0, sigma_b)
    table = _table(integrals)
    if np.isinf(table.squared_slope[-1]):
        return math.nan
    if np.ptp(table.squared_slope) < 1e-12:
        return 1 / math.sqrt(table.squared_slope[0])

    def excess(q: float) -> float:
        """Return the bias variance for which q is a fixed point with chi_1 = 1, minus b."""
        return float(q - integrals.square(q) / integrals.squared_slope(q)) - b

    found = table.q - table.square / table.squared_slope - b
    crossings = np.flatnonzero(np.sign(found[:-1]) != np.sign(found[1:]))
    points = [_root(excess, *table.q[i : i + 2], *found[i : i + 2]) for i in crossings]
    slopes = integrals.squared_slope(np.array([0.0, *points, math.inf]))
    candidates = sorted(1 / slopes[(slopes > 1e-4) & np.isfinite(slopes)])
    for w in candidates:
        chi = w * integrals.squared_slope(_fixed_point(integrals, w, b))
        if abs(chi - 1) < 1e-6:
            return math.sqrt(w)
    return math.nan


def length_map(activation: str, q: Any, sigma_w: float, sigma_b: float) -> Any:
    """Return the variance of the next layer's weighted inputs; q is a float or an array.

    Examples
    --------
    >>> float(length_map("relu", 3.0, 1.0, 0.5))
    1.75
    """
    integrals, w, b = _checked(activation, sigma_w, sigma_b)
    return w * integrals.square(q) + b


def correlation_map(activation: str, c: float, q: float, sigma_w: float, sigma_b: float) -> float:
    """Return the correlation of two inputs' weighted inputs in the next layer.

    In this layer it is c, from -1 to 1. Both have the variance q, more than 0, in this layer and
    that of `length_map` in the next.

    Examples
    --------
    >>> round(correlation_map("relu", 0.0, 1.0, 1.0, 0.0), 6), round(1 / math.pi, 6)
    (0.31831, 0.31831)
    """
    integrals, w, b = _checked(activation, sigma_w, sigma_b)
    return 1 - w * integrals.gap(q, c) / (w * float(integrals.square(q)) + b)


def slope(activation: str, q: Any, sigma_w: float) -> Any:
    """Return chi at q, a float or an array: sigma_w^2 times the mean squared derivative.

    Backpropagation multiplies the variance of the error by it, and by n_out / n_in of the weights
    if widths differ.

    Examples
    --------
    >>> round(float(slope("relu", 3.0, 1.0)), 12)
    0.5
    """
    integrals, w, _ = _checked(activation, sigma_w, 0.0)
    return w * integrals.squared_slope(q)


def squared_activation(activation: str, q: Any) -> Any:
    """Return the mean of the squared activation where z is N(0, q), q a float or an array.

    Examples
    --------
    >>> round(float(squared_activation("relu", 3.0)), 12)
    1.5
    """
    return _checked(activation, 1.0, 0.0)[0].square(q)


def _checked(activation: str, sigma_w: float, sigma_b: float) -> tuple[Integrals, float, float]:
    """Return the activation's integrals, and the two variances."""
    integrals = integrals_of(as_choice(activation, "activation", ACTIVATIONS))
    return integrals, _variance(sigma_w, "sigma_w"), _variance(sigma_b, "sigma_b")


def _variance(sigma: float, name: str) -> float:
    number = as_rate(sigma, name)
    if number > LARGEST_SIGMA:
        raise ValueError(f"{name} is {number}; expected at most {LARGEST_SIGMA:g}.")
    return number * number


class _Table(NamedTuple):
    """Integrals of an activation at many q."""

    q: Array
    square: Array
    squared_slope: Array
    growth: Array


#: The q of the tables, six to a factor of ten; `_ONE` is the index of 1.
_Q, _ONE = 10.0 ** (np.arange(-72, 121) / 6), 72


@cache
def _table(integrals: Integrals) -> _Table:
    return _Table(_Q, integrals.square(_Q), integrals.squared_slope(_Q), integrals.growth(_Q))


def _fixed_point(integrals: Integrals, w: float, b: float) -> float:
    """Return the limit of q -> w square(q) + b from 1, or inf if q grows without bound.

    The map never decreases, so that the limit is the next fixed point in the first step's
    direction.
    """
    table = _table(integrals)

    def step(q: float) -> float:
        return w * float(integrals.square(q)) + b - q

    with np.errstate(over="ignore"):
        steps = w * table.square + b - table.q
    if abs(steps[_ONE]) <= 1e-14 * max(1.0, w):
        return 1.0
    up = bool(steps[_ONE] > 0)
    sign = 1 if up else -1
    beyond = np.flatnonzero(sign * steps[_ONE:] <= 0) if up else np.flatnonzero(steps[:_ONE] >= 0)
    last = _ONE + beyond[0] if up and beyond.size else beyond[-1] if beyond.size else None
    near = _turning_point(integrals, w, up, last, step)
    if near is not None:
        return near
    if last is not None:
        low, high = (last - 1, last) if up else (last, last + 1)
        q = _root(step, _Q[low], _Q[high], steps[low], steps[high])
        # A map parallel to the diagonal meets it only by rounding.
        parallel = up and abs(w * float(integrals.growth(q)) - 1) < 1e-12
        return math.inf if parallel else q
    if up:
        return math.inf
    lowest = w * float(integrals.square(0.0)) + b  # nothing is below the image of 0
    return _root(step, lowest, _Q[0], step(lowest), steps[0]) if lowest > 0 else 0.0


def _turning_point(
    integrals: Integrals, w: float, up: bool, last: int | None, step: Callable[[float], float]
) -> float | None:
    """Return the first of two fixed points between the same points of the table, before `last`."""
    first, end = (_ONE, len(_Q) - 1 if last is None else last - 1) if up else (last or 0, _ONE)
    sign = 1 if up else -1

    def rate(q: float) -> float:
        return sign * (w * float(integrals.growth(q)) - 1)

    with np.errstate(over="ignore"):
        rates = sign * (w * _table(integrals).growth - 1)
    turns = [i for i in range(first, end) if rates[i] < 0 < rates[i + 1]]
    for i in turns if up else reversed(turns):
        q = _root(rate, _Q[i], _Q[i + 1], rates[i], rates[i + 1])
        if sign * step(q) <= 0:
            near = _Q[i] if up else _Q[i + 1]
            low, high = sorted((near, q))
            return _root(step, low, high, step(low), step(high))
    return None


def _correlation(integrals: Integrals, q: float, w: float, chi: float) -> float:
    """Return the stable fixed point of the correlation map."""
    if q == 0 or chi <= 1 + CRITICAL:
        return 1.0

    def excess(c: float) -> float:
        """Return the slope of the chord from c to 1, minus 1; it increases with c, up to chi."""
        return w * integrals.gap(q, c) / (q * (1 - c)) - 1

    at_zero = excess(0.0)
    return 0.0 if at_zero > -1e-12 else _root(excess, 0.0, 1.0, at_zero, chi - 1)


def _depth(rate: float) -> float:
    """Return in how many layers a distance falls to 1 / e if each multiplies it by `rate`."""
    if rate <= 0:
        return 0.0
    return math.inf if rate >= 1 - CRITICAL else -1 / math.log(rate)


def _root(
    function: Callable[[float], float], low: float, high: float, at_low: float, at_high: float
) -> float:
    """Return a zero between low and high, where the function has different signs.

    The Illinois variant of false position, which halves the value at an end that stays.
    """
    x, kept = math.nan, 0
    for _ in range(100):
        before, x = x, float(low + (high - low) * (at_low / (at_low - at_high)))
        if abs(x - before) <= 4e-16 * abs(x) or not low < x < high:
            break
        value = function(x)
        if value == 0:
            break
        if (value > 0) == (at_low > 0):
            low, at_low = x, value
            at_high, kept = (at_high / 2 if kept == 1 else at_high), 1
        else:
            high, at_high = x, value
            at_low, kept = (at_low / 2 if kept == -1 else at_low), -1
    return x
