"""Measurements of `propagation`: compiled passes forward and backward, Jacobians of a few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet import kernels, reference
from fastnet.data.dataset import Dataset
from fastnet.data.rows import InputRows, block_rows
from fastnet.kernels.codes import GIVEN_ERRORS
from fastnet.model.architecture import Architecture
from fastnet.model.blocks import TRAINING_ROWS, gradient_rows, parts
from fastnet.model.norms import norm
from fastnet.model.parameters import layer_views

__all__ = ["MEASURES", "Passes", "mean_squares"]

Array = NDArray[Any]

#: The statistics of each layer.
MEASURES = (
    "mean_z",
    "var_z",
    "mean_a",
    "var_a",
    "mean_delta",
    "var_delta",
    "gradient_norm",
    "saturated",
    "dead",
    "mean_singular",
    "max_singular",
)
#: Rows whose Jacobians are computed; only the first in a layer with more than FEW_UNITS units and
#: inputs, where singular values take longer and vary less from row to row.
JACOBIAN_ROWS = 4
FEW_UNITS = 128


class Passes:
    """Measures networks of one architecture on the same rows.

    Parameters
    ----------
    architecture : Architecture
    data : Dataset
    errors_are_given : bool
        Whether the targets are the errors of the last layer themselves.
    singular_values : bool
        Whether to measure singular values of Jacobians; otherwise they are NaN.
    """

    def __init__(
        self,
        architecture: Architecture,
        data: Dataset,
        errors_are_given: bool,
        singular_values: bool,
    ) -> None:
        self._architecture, self._data = architecture, data
        self._with_singular_values = singular_values
        activations, cost = architecture.codes
        self._engine = kernels.training_engine(architecture.dtype)(
            architecture.sizes,
            activations,
            GIVEN_ERRORS if errors_are_given else cost,
            min(data.n, TRAINING_ROWS),
            cost_numbers=() if errors_are_given else architecture.cost._numbers,
        )
        rows = np.arange(min(data.n, JACOBIAN_ROWS))
        self._first_rows = data.X.take(rows, np.dtype(np.float64))

    def measure(self, parameters: Array) -> dict[str, Array]:
        """Return a dict of `MEASURES`, each an array of shape (layers,)."""
        sizes, n = self._architecture.sizes, self._data.n
        sums, saturated = np.zeros((len(sizes) - 1, 14)), np.zeros(sum(sizes[1:]))
        gradient = np.empty_like(parameters)
        self._engine.load(parameters)
        order = np.arange(n, dtype=np.intp)
        for start, stop in parts(n, self._data.piece_limit, gradient_rows(sizes)):
            piece = self._data.piece(order, start, stop)
            self._engine.propagate(*piece, gradient, start > 0, sums, saturated)
        units = np.split(saturated, np.cumsum(sizes[1:-1]))
        singular = self._singular_values(parameters)
        with np.errstate(over="ignore", invalid="ignore"):
            return {
                "mean_z": sums[:, 1] + sums[:, 2],
                "var_z": sums[:, 3] ** 2,
                "mean_a": sums[:, 7] + sums[:, 8],
                "var_a": sums[:, 9] ** 2,
                "mean_delta": sums[:, 11] + sums[:, 12],
                "var_delta": sums[:, 13] ** 2,
                "gradient_norm": np.array(
                    [norm(*pair) / n for pair in zip(*layer_views(gradient, sizes), strict=True)]
                ),
                "saturated": sums[:, 5] / sums[:, 0],
                "dead": np.array([np.mean(layer == n) for layer in units]),
                "mean_singular": singular[:, 0],
                "max_singular": singular[:, 1],
            }

    def _singular_values(self, parameters: Array) -> Array:
        """Return mean and largest singular value of each layer's Jacobian, averaged over rows."""
        if not self._with_singular_values:
            return np.full((len(self._architecture.sizes) - 1, 2), np.nan)
        a, found = self._first_rows, []
        biases, weights = layer_views(parameters, self._architecture.sizes)
        with np.errstate(all="ignore"):
            for name, b, w in zip(self._architecture.activations, biases, weights, strict=True):
                w = w.astype(np.float64)
                z = a @ w.T + b.T
                rows = len(z) if min(w.shape) <= FEW_UNITS else 1
                values = [_spectrum(_jacobian(name, row, w), min(w.shape)) for row in z[:rows]]
                found.append(np.mean(values, axis=0))
                if name in reference.ACTIVATIONS:
                    a = reference.ACTIVATIONS[name].fn(z)
        return np.array(found)


def _jacobian(activation: str, z: Array, w: Array) -> Array:
    """Return the derivatives of a layer's activations with respect to its inputs, for one row."""
    if activation == "softmax":
        a = np.exp(z - z.max())
        a /= a.sum()
        return np.asarray(a[:, np.newaxis] * (w - a @ w))
    slope = reference.ACTIVATIONS[activation].prime(z)
    alive = slope != 0  # rows of zeros add zeros to the singular values
    return np.asarray(slope[alive, np.newaxis] * w[alive])


def _spectrum(jacobian: Array, count: int) -> tuple[float, float]:
    """Return the mean of `count` singular values, and the largest.

    NaN if the Jacobian is not finite. It may lack rows of zeros.
    """
    if not np.isfinite(jacobian).all():
        return np.nan, np.nan
    if not jacobian.size:
        return 0.0, 0.0
    values = np.linalg.svd(jacobian, compute_uv=False)
    return float(values.sum() / count), float(values[0])


def mean_squares(X: InputRows) -> Array:
    """Return the mean square of each row."""
    dtype, found = np.dtype(np.float64), np.empty(X.n)
    step = block_rows(X.n_in, dtype)
    for start in range(0, X.n, step):
        rows = X.take(np.arange(start, min(X.n, start + step)), dtype)
        with np.errstate(over="ignore"):
            found[start : start + step] = np.mean(rows * rows, axis=1)
    return found
