"""A workload made concrete: its data in their fixed order, and the parameters to start from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from fastnet import reference

from workloads import Workload

Array = npt.NDArray[Any]
HELD_OUT = 10_000


@dataclass
class Problem:
    """Rows X, target rows Y, class numbers y (None for regression), held-out rows, the start."""

    workload: Workload
    X: Array
    Y: Array
    y: Array | None
    X_test: Array
    y_test: Array | None
    biases: list[Array]
    weights: list[Array]


def pack(biases: list[Array], weights: list[Array]) -> Array:
    """Return parameters (or gradients) as one float64 vector: w, b of each layer in turn."""
    pairs = zip(weights, biases, strict=True)
    return np.concatenate([np.asarray(p, np.float64).ravel() for pair in pairs for p in pair])


def make_problem(workload: Workload) -> Problem:
    """Return the problem, the same for every process that asks."""
    dtype = np.dtype(workload.dtype)
    rng = np.random.default_rng(20240229)
    X, y, X_test, y_test = _DATA[workload.data](workload, rng)
    X, X_test = np.ascontiguousarray(X, dtype), np.ascontiguousarray(X_test, dtype)
    biases, weights = reference.initialize(workload.sizes, rng, dtype=dtype)
    if y.ndim == 2:
        Y = np.ascontiguousarray(y, dtype)
        return Problem(workload, X, Y, None, X_test, None, biases, weights)
    Y = reference.one_hot(y, workload.sizes[-1], dtype)
    return Problem(workload, X, Y, y, X_test, y_test, biases, weights)


def _mnist(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    from fastnet.datasets import load_mnist

    train, validation, _ = load_mnist(dtype=workload.dtype)
    return train.X[: workload.rows], train.y[: workload.rows], validation.X, validation.y


def _dense(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """Uniform inputs, none of them zero, and classes that a linear map gives them."""
    n_in, n_out = workload.sizes[0], workload.sizes[-1]
    X = rng.random((workload.rows + HELD_OUT, n_in))
    y = ((X - 0.5) @ rng.standard_normal((n_in, n_out))).argmax(axis=1)
    return X[:-HELD_OUT], y[:-HELD_OUT], X[-HELD_OUT:], y[-HELD_OUT:]


def _table(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """Standardised columns; the class is the sign of a smooth function of them, plus noise."""
    n = workload.rows + HELD_OUT
    X = rng.standard_normal((n, workload.sizes[0]), dtype=np.float32)
    hidden = np.tanh(X @ rng.standard_normal((workload.sizes[0], 8)) / 5)
    y = (hidden @ rng.standard_normal(8) + 0.3 * rng.standard_normal(n) > 0).astype(np.int64)
    return X[:-HELD_OUT], y[:-HELD_OUT], X[-HELD_OUT:], y[-HELD_OUT:]


def _matrix_exponentials(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """2 x 2 matrices and their exponentials, by the power series."""
    matrices = rng.standard_normal((workload.rows, 2, 2))
    term = total = np.broadcast_to(np.eye(2), matrices.shape)
    for k in range(1, 30):
        term = term @ matrices / k
        total = total + term
    X = matrices.reshape(-1, 4)
    return X, total.reshape(-1, 4), X, total.reshape(-1, 4)


def _noise(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    X = rng.standard_normal((workload.rows, workload.sizes[0]))
    Y = rng.standard_normal((workload.rows, workload.sizes[-1]))
    return X, Y, X, Y


_DATA = {
    "mnist": _mnist,
    "dense": _dense,
    "a table": _table,
    "matrix exponentials": _matrix_exponentials,
    "noise": _noise,
}
