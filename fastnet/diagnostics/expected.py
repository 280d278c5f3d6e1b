"""What mean field theory expects of `propagation`: variances, layer by layer, of wide networks.

Weights and biases are independent, with mean 0. Then a weighted input is Gaussian (Poole et al.
2016), and the error that comes to a layer is independent of that layer's slopes (Schoenholz et al.
2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet import reference
from fastnet.initializers import moments
from fastnet.model.parameters import layer_views

__all__ = ["Spread", "expected_variances", "grouped"]

Array = NDArray[Any]

#: Groups of rows of about the same length, each of which the theory follows by itself.
GROUPS = 32


class Spread:
    """The variances of weights and biases, layer by layer, over the networks that it is shown.

    Parameters
    ----------
    sizes : list of int
    """

    def __init__(self, sizes: list[int]) -> None:
        self._sizes = sizes
        self._sums = np.zeros((2, len(sizes) - 1, 3))  # of 1, w and w^2, of biases and weights

    def add(self, parameters: Array) -> None:
        """Take a network's parameters in."""
        with np.errstate(over="ignore", invalid="ignore"):
            for sums, arrays in zip(self._sums, layer_views(parameters, self._sizes), strict=True):
                for total, w in zip(sums, arrays, strict=True):
                    w = w.astype(np.float64, copy=False)
                    total += w.size, w.sum(), np.vdot(w, w)

    def variances(
        self, initializer: Any = None, bias_initializer: Any = None
    ) -> tuple[Array, Array] | None:
        """Return those of weights and of biases, shape (layers,); None if a mean is not 0.

        Those of an initializer (or a list of one for each layer) are used where they are known,
        else those measured, whose mean counts as 0 within five standard errors.
        """
        found = []
        for sums, choice, of_biases in (
            (self._sums[1], initializer, False),
            (self._sums[0], bias_initializer, True),
        ):
            layers = list(choice) if isinstance(choice, (list, tuple)) else [choice] * len(sums)
            variances = []
            for total, one, shape in zip(sums, layers, pairwise(self._sizes), strict=True):
                known = (
                    None if one is None else moments(one, 1 if of_biases else shape[0], shape[1])
                )
                mean, variance = _measured(*total) if known is None else known[:2]
                if mean != 0:
                    return None
                variances.append(variance)
            found.append(np.array(variances))
        return found[0], found[1]


def _measured(count: float, total: float, squares: float) -> tuple[float, float]:
    """Return mean and variance; a mean that is 0 within five standard errors is 0."""
    mean, square = total / count, squares / count
    if mean * mean * count <= 25 * (square - mean * mean):
        return 0.0, square
    return mean, square - mean * mean


def grouped(squares: Array) -> tuple[Array, Array]:
    """Return the mean in each of at most `GROUPS` groups, and the share of each.

    Examples
    --------
    >>> grouped(np.array([3.0, 1.0]))
    (array([1., 3.]), array([0.5, 0.5]))
    """
    groups = np.array_split(np.sort(squares), min(GROUPS, len(squares)))
    sizes = np.array([len(group) for group in groups])
    return np.array([group.mean() for group in groups]), sizes / sizes.sum()


def expected_variances(
    sizes: Sequence[int],
    activations: Sequence[str],
    squares: Array,
    weights: Array,
    biases: Array,
    error: float,
) -> dict[str, Array]:
    """Return the variances of z, a and delta that mean field theory gives each layer.

    Parameters
    ----------
    sizes, activations
        Of the network.
    squares : ndarray
        Mean square of each row of inputs.
    weights, biases : ndarray, shape (layers,)
        Variance of a layer's weights, and of its biases; their mean is 0.
    error : float
        Mean square of the last layer's error.
    """
    square, share = grouped(squares)
    var_z, var_a, slopes = [], [], []
    with np.errstate(all="ignore"):
        for layer, name in enumerate(activations):
            q = sizes[layer] * weights[layer] * square + biases[layer]
            mean, square, slope = _integrals(name, q)
            var_z.append(share @ q)
            var_a.append(share @ square - (share @ mean) ** 2)
            slopes.append(slope)
        var_delta = [error]
        delta = np.full(len(share), error)
        for layer in range(len(activations) - 1, 0, -1):
            delta = delta * sizes[layer + 1] * weights[layer] * slopes[layer - 1]
            var_delta.append(share @ delta)
    return {
        "var_z": np.array(var_z),
        "var_a": np.array(var_a),
        "var_delta": np.array(var_delta[::-1]),
    }


def _integrals(activation: str, q: Array) -> tuple[Array, Array, Array]:
    """Return E[phi], E[phi^2] and E[phi'^2] for a weighted input N(0, q); NaN of softmax."""
    if activation not in reference.ACTIVATIONS:
        nan = np.full_like(q, np.nan)
        return nan, nan, nan
    fn, prime = reference.ACTIVATIONS[activation]
    z = np.sqrt(q)[:, np.newaxis] * _NODES
    a, slope = fn(z), prime(z)
    return a @ _DENSITIES, (a * a) @ _DENSITIES, (slope * slope) @ _DENSITIES


def _half_line(points: int = 100, end: float = 12.0) -> tuple[Array, Array]:
    """Nodes and weights of N(0, 1) for functions with a kink at 0: Gauss-Legendre on each side."""
    at, weight = np.polynomial.legendre.leggauss(points)
    pieces = [(low, high) for low, high in pairwise((-end, -4.0, -1.0, 0.0, 1.0, 4.0, end))]
    nodes = np.concatenate([(low + high + (high - low) * at) / 2 for low, high in pieces])
    weights = np.concatenate([(high - low) / 2 * weight for low, high in pieces])
    return nodes, weights * np.exp(-nodes * nodes / 2) / np.sqrt(2 * np.pi)


_NODES, _DENSITIES = _half_line()
