"""Derivatives of a model's cost and outputs with respect to its inputs, row by row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import kernels
from fastnet.common.arguments import memory_for
from fastnet.common.threads import get_num_threads
from fastnet.data.rows import NUMBER_CLASSES, InputRows, as_batch, as_real_array
from fastnet.model.model import KEPT_WORKSPACES, Model
from fastnet.model.prediction import for_all_rows

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset
    from fastnet.kernels.engine import InputEngine

__all__ = ["input_gradient", "jacobian", "vjp"]

Array = NDArray[Any]
#: Passes of a gradient: one forward and one backward, which are the same work.
GRADIENT_PASSES = 2


def input_gradient(model: Model, X: ArrayLike, y: ArrayLike) -> Array:
    """Return the gradient of each row's cost; see `Network.input_gradient`."""
    found = _fast_path(model, X, y, of_cost=True, passes=GRADIENT_PASSES)
    if found is not None:
        return found
    name = "input_gradient"
    rows, turn = as_batch(X, model._architecture.sizes[0], f"{name}: X")
    y = as_real_array(y, f"{name}: y", NUMBER_CLASSES)
    if turn is not np.asarray:
        y = _as_row(y, model._architecture.sizes[-1])
    _check_length(rows, y, name, "y")
    if rows.n == 0:
        return turn(_empty(model, rows, 1))
    data = model._read((rows, y), name)
    return turn(_differentiated(model, data.X, name, partial(_targets, data), GRADIENT_PASSES))


def vjp(model: Model, X: ArrayLike, v: ArrayLike) -> Array:
    """Return the products of v with the Jacobians; see `Network.vjp`."""
    found = _fast_path(model, X, v, of_cost=False, passes=GRADIENT_PASSES)
    if found is not None:
        return found
    n_in, n_out = model._architecture.sizes[0], model._architecture.sizes[-1]
    rows, turn = as_batch(X, n_in, "vjp: X")
    v = as_real_array(v, "vjp: v")
    if turn is not np.asarray:
        v = _as_row(v, n_out)
    if v.ndim == 1 and n_out == 1:
        v = v[:, np.newaxis]
    _check_length(rows, v, "vjp", "v")
    if v.ndim != 2 or v.shape[1] != n_out:
        raise ValueError(
            f"vjp: v has shape {v.shape}; expected (n, {n_out}), one number per output."
        )
    with memory_for("vjp: v"), np.errstate(over="ignore"):
        errors = np.require(v, model.dtype, ["C", "ALIGNED"])
    bad = np.flatnonzero(~np.isfinite(errors).all(axis=1))
    if bad.size:
        raise ValueError(
            f"vjp: v contains a number in row {bad[0]} that is not finite in {model.dtype}; give "
            "finite numbers."
        )
    return turn(_differentiated(model, rows, "vjp", partial(_errors, errors), GRADIENT_PASSES))


def jacobian(model: Model, X: ArrayLike) -> Array:
    """Return the derivatives of each row's outputs; see `Network.jacobian`."""
    n_in, n_out = model._architecture.sizes[0], model._architecture.sizes[-1]
    found = _fast_path(model, X, None, of_cost=False, passes=1 + n_out)
    if found is not None:
        return found
    rows, turn = as_batch(X, n_in, "jacobian: X")
    flat = _differentiated(model, rows, "jacobian", lambda *_: (None, None), 1 + n_out)
    every = flat.reshape(rows.n, n_out, n_in)
    return every if turn is np.asarray else every[0]


def _fast_path(
    model: Model, X: ArrayLike, given: object, *, of_cost: bool, passes: int
) -> Array | None:
    """Fast path for few plain rows; returns None if it does not apply."""
    if type(X) is not np.ndarray:
        return None
    kept = model._input_engines
    try:
        engine = kept.pop()
    except IndexError:
        return None
    found = None
    if X.size * passes <= engine.most_elements or get_num_threads() == 1:
        found = engine.answer_derivatives(X, given, of_cost, model._parameters)
    if len(kept) < KEPT_WORKSPACES:
        kept.append(engine)
    return found


def _differentiated(
    model: Model,
    X: InputRows,
    name: str,
    given: Callable[[kernels.rows.Rows, int], tuple[kernels.rows.Targets | None, Array | None]],
    passes: int,
) -> Array:
    """Return derivatives with respect to the inputs: one row per row of X, or n_out per row.

    `given` returns the targets or the output errors for some rows, from their number in X on. If it
    returns None for both, the derivatives are those of each output.
    """
    each = passes - 1
    out = _empty(model, X, each)

    def compute(
        engine: InputEngine,
        rows: kernels.rows.Rows,
        first: int,
        order: Array,
        start: int,
        stop: int,
    ) -> bool:
        found = out[first * each :]
        return engine.differentiate(rows, *given(rows, first), order, start, stop, found)

    for_all_rows(model, X, f"{name}: X", model._input_workspace, compute, passes)
    return out


def _targets(
    data: Dataset, rows: kernels.rows.Rows, first: int
) -> tuple[kernels.rows.Targets, None]:
    if rows is data.X.rows:
        return data.targets, None
    block = slice(first, first + rows.n)
    labels = None if data.labels is None else data.labels[block]
    return kernels.rows.Targets(labels, None if data.y is None else data.y[block]), None


def _errors(v: Array, rows: kernels.rows.Rows, first: int) -> tuple[None, Array]:
    return None, v[first:]


def _empty(model: Model, X: InputRows, each: int) -> Array:
    with memory_for("X"):
        return np.empty((X.n * each, X.n_in), dtype=model.dtype)


def _as_row(values: Array, n_out: int) -> Array:
    """Return the values of a single example with the axis of rows added."""
    if values.ndim == 0:
        return values.reshape(1)
    return values.reshape(1, -1) if values.shape in [(n_out,), (n_out, 1)] else values


def _check_length(rows: InputRows, values: Array, name: str, which: str) -> None:
    n = len(values) if values.ndim else 1
    if n != rows.n:
        raise ValueError(f"{name}: X has {rows.n} rows and {which} has {n}; give the same number.")
