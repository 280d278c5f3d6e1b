"""Mean field theory of `propagation`: expected statistics of each layer, for infinite width.

Weights and biases are independent, with mean 0. Then weighted inputs are Gaussian (Poole et al.
2016), and the error that reaches a layer is independent of that layer's slopes (Schoenholz et al.
2017). Values are NaN where the theory does not apply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.diagnostics.integrals import integrals_of
from fastnet.diagnostics.passes import MEASURES
from fastnet.initializers import (
    Identity,
    Moments,
    Normal,
    Orthogonal,
    VarianceScaling,
    moments,
)
from fastnet.initializers.drawing import scheme_of
from fastnet.model.parameters import layer_views
from fastnet.reference import ACTIVATIONS

__all__ = ["Errors", "Spread", "Start", "expected_measures", "grouped"]

Array = NDArray[Any]

#: Most groups of rows of similar length; the theory is computed for each group.
GROUPS = 32
#: A measured mean within this many standard errors of 0 counts as 0.
STANDARD_ERRORS = 5


class Start(NamedTuple):
    """The distributions that layers are drawn from.

    Attributes
    ----------
    weights, biases : ndarray, shape (layers,)
        Variances; NaN where the mean is not 0, or elements are not independent.
    singular : list of {"independent", "orthogonal", ""}
        What is known about each matrix's singular values.
    """

    weights: Array
    biases: Array
    singular: list[str]


class Errors(NamedTuple):
    """The errors of the last layer.

    Attributes
    ----------
    mean, variance : float
        The measured ones.
    independent : bool
        Whether errors of different rows are independent, with mean 0.
    """

    mean: float
    variance: float
    independent: bool


class Spread:
    """Mean and variance of each layer's weights and biases, over the networks added.

    Parameters
    ----------
    sizes : list of int
    """

    def __init__(self, sizes: list[int]) -> None:
        self._sizes = sizes
        self._sums = np.zeros((2, len(sizes) - 1, 3))  # of 1, w and w^2; biases, then weights

    def add(self, parameters: Array) -> None:
        """Add a network's parameters."""
        with np.errstate(over="ignore", invalid="ignore"):
            for sums, arrays in zip(self._sums, layer_views(parameters, self._sizes), strict=True):
                for total, w in zip(sums, arrays, strict=True):
                    w = w.astype(np.float64, copy=False)
                    total += w.size, w.sum(), np.vdot(w, w)

    def measured(self, layer: int) -> Moments:
        """Return the mean and variance of a layer's weights."""
        return Moments(*_measured(*self._sums[1, layer]), is_gaussian=False)

    def start(self, initializer: Any = None, bias_initializer: Any = None) -> Start:
        """Return the distributions that layers were drawn from.

        A variance is that of the initializer, one for all layers or a list with one for each; if
        it has no formula, the measured one.
        """
        weights = _each(initializer, self._sizes)
        fans = [(1, n_out) for n_out in self._sizes[1:]]
        return Start(
            _variances(self._sums[1], weights, pairwise(self._sizes)),
            _variances(self._sums[0], _each(bias_initializer, self._sizes), fans),
            [_singular(one) for one in weights],
        )


def _each(initializer: Any, sizes: list[int]) -> list[Any]:
    """Return the scheme, name or function of each layer."""
    if isinstance(initializer, (list, tuple)):
        return list(initializer)
    return [initializer] * (len(sizes) - 1)


def _scheme(initializer: Any) -> Any:
    return None if initializer is None else scheme_of(initializer)


def _variances(sums: Array, initializers: Sequence[Any], fans: Any) -> Array:
    found = []
    for total, one, shape in zip(sums, initializers, fans, strict=True):
        known = None if one is None else moments(one, *shape)
        mean, variance = _measured(*total) if known is None else known[:2]
        lacks = mean != 0 or isinstance(_scheme(one), Identity)
        found.append(np.nan if lacks else variance)
    return np.array(found)


def _singular(initializer: Any) -> str:
    scheme = _scheme(initializer)
    if isinstance(scheme, (VarianceScaling, Normal)):
        return "independent"
    return "orthogonal" if isinstance(scheme, Orthogonal) else ""


def _measured(count: float, total: float, squares: float) -> tuple[float, float]:
    """Return mean and variance; a mean within five standard errors of 0 counts as 0."""
    mean, square = total / count, squares / count
    variance = square - mean * mean
    if mean * mean * count <= STANDARD_ERRORS**2 * variance:
        return 0.0, square
    return mean, variance if not variance <= 1e-12 * square else 0.0  # rounding alone


def grouped(squares: Array) -> tuple[Array, Array]:
    """Return the mean of each of at most `GROUPS` groups, and each group's share.

    Examples
    --------
    >>> grouped(np.array([3.0, 1.0]))
    (array([1., 3.]), array([0.5, 0.5]))
    """
    groups = np.array_split(np.sort(squares), min(GROUPS, len(squares)))
    sizes = np.array([len(group) for group in groups])
    return np.array([group.mean() for group in groups]), sizes / sizes.sum()


def expected_measures(
    sizes: Sequence[int],
    activations: Sequence[str],
    squares: Array,
    start: Start,
    errors: Errors,
) -> dict[str, Array]:
    """Return a dict of `MEASURES` in mean field theory, each an array of shape (layers,).

    Parameters
    ----------
    sizes, activations
        Those of the network.
    squares : ndarray
        Mean square of each row of inputs.
    start : Start
    errors : Errors
    """
    found = {name: np.full(len(activations), np.nan) for name in MEASURES}
    square, share = grouped(squares)
    below, slopes = [], []  # mean squares of inputs, and of slopes, of each group
    with np.errstate(all="ignore"):
        for layer, name in enumerate(activations):
            q = sizes[layer] * start.weights[layer] * square + start.biases[layer]
            below.append(square)
            found["mean_z"][layer], found["var_z"][layer] = 0 * (share @ q), share @ q
            found["mean_singular"][layer], found["max_singular"][layer] = _spectrum(
                name, q, start.weights[layer], start.singular[layer], sizes[layer : layer + 2]
            )
            if name not in ACTIVATIONS:  # softmax, the last one
                break
            of = integrals_of(name)
            mean, square, slope = of.mean(q), of.square(q), of.squared_slope(q)
            slopes.append(np.where(q == 0, of.prime(np.zeros(1)) ** 2, slope))
            found["mean_a"][layer] = share @ mean
            found["var_a"][layer] = share @ square - (share @ mean) ** 2
            found["saturated"][layer] = share @ of.saturated(q)
        _add_errors(found, sizes, start, errors, (share, below, slopes, len(squares)))
    return found


def _add_errors(
    found: dict[str, Array], sizes: Sequence[int], start: Start, errors: Errors, rows: Any
) -> None:
    """Add errors and gradients, from the last layer down.

    Independent errors of different rows stay uncorrelated in the layers below. The squared norm of
    the mean gradient is then the mean squared norm of the rows' gradients over the number of rows.
    """
    share, below, slopes, n = rows
    delta = np.full(len(share), errors.variance + errors.mean**2)
    for layer in range(len(sizes) - 2, -1, -1):
        if errors.independent:
            of_rows = sizes[layer + 1] * delta * (1 + sizes[layer] * below[layer])
            found["gradient_norm"][layer] = math.sqrt(share @ of_rows / n)
        found["mean_delta"][layer], found["var_delta"][layer] = 0 * (share @ delta), share @ delta
        if layer:
            delta = delta * sizes[layer + 1] * start.weights[layer] * slopes[layer - 1]
    if not errors.independent:
        found["mean_delta"][-1], found["var_delta"][-1] = errors.mean, errors.variance


def _spectrum(
    activation: str, q: Array, variance: float, singular: str, fans: Sequence[int]
) -> tuple[float, float]:
    """Return mean and largest singular value of diag(slopes) W.

    They are known if all slopes are equal, or if half of the slopes are 0 and the others 1.
    """
    n_in, n_out = fans
    if activation == "identity" or (activation in ACTIVATIONS and not q.any()):
        slope = abs(float(ACTIVATIONS[activation].prime(np.zeros(1))[0]))
        if singular == "orthogonal":
            gain = slope * math.sqrt(variance * max(fans))
            return gain, gain
        alive = float(n_out)
    elif activation == "relu" and (q > 0).all():
        slope, alive = 1.0, n_out / 2
    else:
        return np.nan, np.nan
    if singular != "independent":
        return np.nan, np.nan
    scale = slope * math.sqrt(variance)
    mean = mean_singular_value(alive, n_in) * min(alive, n_in) / min(fans)
    return scale * mean, scale * (math.sqrt(alive) + math.sqrt(n_in))


def mean_singular_value(n_out: float, n_in: float) -> float:
    """Return the mean singular value of a large matrix of independent elements of variance 1.

    References
    ----------
    V. Marchenko and L. Pastur, 1967.

    Examples
    --------
    >>> round(mean_singular_value(100, 100) / 10, 5), round(8 / (3 * math.pi), 5)
    (0.84883, 0.84883)
    """
    root = math.sqrt(min(n_out, n_in) / max(n_out, n_in))
    angles = (np.arange(200) + 0.5) * (math.pi / 200)
    s = 1 + root * np.cos(angles)
    inside = np.sin(angles) ** 2 * np.sqrt((1 + root + s) * (s - root + 1))
    return float(math.sqrt(max(n_out, n_in)) * inside.mean())
