"""The problem of a workload: its data in a fixed order, and the starting parameters."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from fastnet import reference

from workloads import Workload

Array = npt.NDArray[Any]
HELD_OUT = 10_000
#: The random_state that estimators are given.
SEED = 0


@dataclass
class Problem:
    """Rows X, targets Y, class numbers y, held-out rows, starting parameters, orders of epochs.

    y and y_test are None for regression and for one output; orders is None if rows are used in
    their own order.
    """

    workload: Workload
    X: Array
    Y: Array
    y: Array | None
    X_test: Array
    y_test: Array | None
    biases: list[Array]
    weights: list[Array]
    orders: list[Array] | None = None

    @property
    def x(self) -> Array:
        """The input of a prediction: all rows, or the only one as a vector."""
        return self.X[0] if self.workload.as_vector else self.X


def pack(biases: list[Array], weights: list[Array]) -> Array:
    """Return parameters (or gradients) as one float64 vector: w, b of each layer in turn."""
    pairs = zip(weights, biases, strict=True)
    return np.concatenate([np.asarray(p, np.float64).ravel() for pair in pairs for p in pair])


def make_problem(workload: Workload) -> Problem:
    """Return the problem, which is the same in every process."""
    dtype = np.dtype(workload.dtype)
    rng = np.random.default_rng(20240229)
    X, y, X_test, y_test = _DATA[workload.data](workload, rng)
    X, X_test = np.ascontiguousarray(X, dtype), np.ascontiguousarray(X_test, dtype)
    start: tuple[Any, ...] = reference.initialize(workload.sizes, rng, dtype=dtype)
    if workload.estimator == "fit":
        start = _drawn_as_by_scikit_learn(workload)
    if y.ndim == 2:
        Y = np.ascontiguousarray(y, dtype)
        return Problem(workload, X, Y, None, X_test, None, *start)
    Y = reference.one_hot(y, workload.sizes[-1], dtype)
    return Problem(workload, X, Y, y, X_test, y_test, *start)


def _drawn_as_by_scikit_learn(workload: Workload) -> tuple[list[Array], list[Array], list[Array]]:
    """Return the biases, weights and orders that `fit` draws from the random_state SEED.

    Weights and biases are uniform within Glorot's bound, layer after layer; each epoch permutes
    the previous order.
    """
    rng = np.random.RandomState(SEED)
    biases, weights, orders = [], [], []
    for n_in, n_out in pairwise(workload.sizes):
        bound = math.sqrt(6 / (n_in + n_out))
        weights.append(rng.uniform(-bound, bound, (n_in, n_out)).T.astype(workload.dtype))
        biases.append(rng.uniform(-bound, bound, n_out)[:, np.newaxis].astype(workload.dtype))
    order = np.arange(workload.rows)
    for _ in range(workload.epochs):
        permutation = np.arange(workload.rows)
        rng.shuffle(permutation)
        order = order[permutation]
        orders.append(order)
    return biases, weights, orders


def _mnist(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    from fastnet.datasets import load_mnist

    train, validation, _ = load_mnist(dtype=workload.dtype)
    return train.X[: workload.rows], train.y[: workload.rows], validation.X, validation.y


def _dense(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """Return uniform inputs, which are never zero, and their classes from a linear map."""
    n_in, n_out = workload.sizes[0], workload.sizes[-1]
    X = rng.random((workload.rows + HELD_OUT, n_in))
    y = ((X - 0.5) @ rng.standard_normal((n_in, n_out))).argmax(axis=1)
    return X[:-HELD_OUT], y[:-HELD_OUT], X[-HELD_OUT:], y[-HELD_OUT:]


def _table(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """Return standardised columns, and a noisy smooth function of them, whose sign is the class.

    With one output y is a column: the function for regression, else zeros and ones.
    """
    n = workload.rows + HELD_OUT
    X = rng.standard_normal((n, workload.sizes[0]), dtype=np.float32)
    hidden = np.tanh(X @ rng.standard_normal((workload.sizes[0], 8)) / 5)
    value = hidden @ rng.standard_normal(8) + 0.3 * rng.standard_normal(n)
    y = value if workload.output == "linear" else (value > 0).astype(np.int64)
    if workload.sizes[-1] == 1:
        y = y[:, np.newaxis]
    return X[:-HELD_OUT], y[:-HELD_OUT], X[-HELD_OUT:], y[-HELD_OUT:]


def _matrix_exponentials(workload: Workload, rng: np.random.Generator) -> tuple[Array, ...]:
    """Return 2 x 2 matrices and their exponentials, from the power series."""
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
