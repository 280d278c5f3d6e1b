"""Computations with a model that do not change it: outputs, cost, accuracy, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import kernels
from fastnet.common.arguments import memory_for
from fastnet.common.html import Records
from fastnet.common.threads import get_num_threads, run_together
from fastnet.data.rows import NUMBER_CLASSES, InputRows, as_batch, as_real_array, as_rows
from fastnet.model.blocks import (
    TRAINING_ROWS,
    call_rows,
    gradient_rows,
    parts,
    pieces,
    prediction_threads,
)
from fastnet.model.model import KEPT_WORKSPACES, Model
from fastnet.model.norms import norm, regularized
from fastnet.model.parameters import layer_views

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset
    from fastnet.kernels.engine import PredictionEngine

__all__ = [
    "accuracy",
    "backprop",
    "evaluate",
    "feedforward",
    "for_all_rows",
    "layer_statistics",
    "outputs_for",
    "read_batch",
    "total_cost",
]

Array = NDArray[Any]
Engine = TypeVar("Engine", bound="PredictionEngine")
Compute = Callable[[Engine, kernels.rows.Rows, int, Array, int, int], bool]


# ---- outputs


def feedforward(model: Model, a: ArrayLike, name: str = "a") -> Array:
    """Return the outputs for `a`; see `Network.feedforward`."""
    if type(a) is np.ndarray:
        kept = model._predictors
        try:
            engine = kept.pop()
        except IndexError:
            pass
        else:  # fast path for plain arrays
            output = None
            if a.size <= engine.most_elements or get_num_threads() == 1:
                output = engine.answer(a, model._parameters)
            if len(kept) < KEPT_WORKSPACES:
                kept.append(engine)
            if output is not None:
                return output
    X, turn = as_batch(a, model._architecture.sizes[0], name)
    return turn(outputs_for(model, X))


def outputs_for(model: Model, X: InputRows) -> Array:
    """Return the outputs for rows that have the network's number of inputs."""
    with memory_for(X.name):
        out = np.empty((X.n, model._architecture.sizes[-1]), dtype=model.dtype)

    def predict(
        engine: PredictionEngine,
        rows: kernels.rows.Rows,
        first: int,
        order: Array,
        start: int,
        stop: int,
    ) -> bool:
        return engine.predict(rows, order, start, stop, out[first:])

    for_all_rows(model, X, X.name, model._workspace, predict)
    return out


def for_all_rows(
    model: Model,
    X: InputRows,
    name: str,
    lend: Callable[[Array], AbstractContextManager[Engine]],
    compute: Compute[Engine],
    passes: int = 1,
) -> None:
    """Make kernel calls over all rows, in as many threads as they keep busy.

    Parameters
    ----------
    model : Model
    X : InputRows
    name : str
        What messages call X.
    lend : function of parameters
        Lends an engine.
    compute : function of (engine, rows, first, order, start, stop)
        Makes one kernel call on the rows order[start:stop] of a block that begins with row `first`
        of X; returns False if a number is not finite.
    passes : int
        Work per row, in multiples of its prediction.
    """
    sizes = model._architecture.sizes
    n_threads = prediction_threads(sizes, X.n * passes, get_num_threads())
    step = max(1, call_rows(sizes) // passes)

    def walk(
        rows: kernels.rows.Rows,
        first: int,
        parameters: Array,
        start: int,
        stop: int,
        errors: Sequence[BaseException],
    ) -> None:
        with lend(parameters) as engine:
            for at in range(start, stop, step):
                if errors:
                    break
                if not compute(engine, rows, first, order, at, min(stop, at + step)):
                    X.check(model.dtype)  # raises an error that names the number

    one_call = X.rows is not None and X.n <= step and n_threads == 1
    with memory_for(name), np.errstate(over="ignore"):
        order = np.arange(X.n, dtype=np.intp)
        for parameters in _unchanged(model, one_call=one_call):
            for first, rows in X.blocks(model.dtype):
                cuts = pairwise(rows.n * k // n_threads for k in range(n_threads + 1))
                block = partial(walk, rows, first, parameters)
                run_together([partial(block, *cut) for cut in cuts])


def _unchanged(model: Model, *, one_call: bool = False) -> Iterator[Array]:
    """Yield the parameters to use; then a copy, if another thread has changed them meanwhile.

    So the last result belongs to one state of the parameters. No other thread can change them
    during a kernel call: with only `one_call`, the first result is good.
    """
    parameters = model._parameters
    version = model._guard.version
    yield parameters
    if not one_call and model._guard.version != version:
        yield model._copied_parameters()


# ---- cost and accuracy


def accuracy(model: Model, data: Dataset) -> int:
    """Return how many examples are classified correctly; see `Network.accuracy`."""
    if not model._hit_rule(data.facts)[0]:
        raise ValueError(
            "this network predicts numbers, and accuracy is for classes and labels; use "
            "total_cost, or set its kind to 'classes' or 'labels'."
        )
    return evaluate(model, data)[1]


def total_cost(model: Model, data: Dataset, lmbda: float) -> float:
    """Return the mean cost with the regularization term; see `Network.total_cost`."""
    sizes = model._architecture.sizes
    for parameters in _unchanged(model):
        with model._workspace(parameters) as engine:
            engine.count_hits(0, 0.0)
            cost = _summed(engine, data, call_rows(sizes))[0] / data.n
            if not cost < math.inf:  # the sum may overflow where the mean does not
                steps = pieces(data, 1)
                cost = sum(engine.evaluate(*piece)[0] / data.n for piece in steps)
        weights = layer_views(parameters, sizes)[1]
        found = regularized(cost, 1, weights, lmbda / data.n)
    return found


def evaluate(model: Model, data: Dataset) -> tuple[float, int]:
    """Return the sum of the costs, and the number of correct examples (0 for numbers)."""
    rule, rows = model._hit_rule(data.facts), call_rows(model._architecture.sizes)
    for parameters in _unchanged(model):
        with model._workspace(parameters) as engine:
            engine.count_hits(*rule)
            found = _summed(engine, data, rows)
    return found


def _summed(engine: PredictionEngine, data: Dataset, rows: int) -> tuple[float, int]:
    cost, hits = 0.0, 0
    for piece in pieces(data, rows):
        more = engine.evaluate(*piece)
        cost, hits = cost + more[0], hits + more[1]
    return cost, hits


# ---- statistics


def layer_statistics(model: Model, X: ArrayLike, y: Any) -> list[dict[str, float]]:
    """Return statistics of each layer's weighted inputs; see `Network.layer_statistics`."""
    sizes = model._architecture.sizes
    inputs = as_rows(X, sizes[0], "layer_statistics: X")
    # The weighted inputs do not depend on y. 1 is a class, or a target that every cost allows.
    shape = (inputs.n, model._architecture.n_targets)
    with memory_for("layer_statistics: X"):
        targets = np.ones(shape[: 1 + model.cost._of_numbers]) if y is None else y
    data = model._read((inputs, targets), "layer_statistics")
    for parameters in _unchanged(model):
        with model._workspace(parameters) as engine:
            sums = np.zeros((len(sizes) - 1, 6))
            for rows, _, order, start, stop in pieces(data, call_rows(sizes)):
                engine.statistics(rows, order, start, stop, sums)
        nabla = None if y is None else _gradient(model, data, parameters)
        found = [_statistics(sums[layer], data.n, layer, nabla) for layer in range(len(sums))]
    return LayerStatistics(found)


class LayerStatistics(Records):
    """A dict for each layer; see `Network.layer_statistics`."""

    _counted = "layer"


def _statistics(sums: Array, n: int, layer: int, nabla: Any) -> dict[str, float]:
    count, mean, rest, deviation, derivative, saturated = sums.tolist()
    found = {
        "mean_z": mean + rest,
        "std_z": deviation,
        "mean_derivative": derivative / count,
        "saturated": saturated / count,
    }
    if nabla is not None:
        found["gradient_norm"] = norm(*(part[layer] for part in nabla)) / n
    return found


# ---- gradients


def backprop(model: Model, x: ArrayLike, y: ArrayLike) -> tuple[list[Array], list[Array]]:
    """Return the gradient of the cost, summed over a batch; see `Network.backprop`."""
    if type(x) is np.ndarray and type(y) is np.ndarray:
        kept = model._differentiators
        try:
            engine = kept.pop()
        except IndexError:
            pass
        else:  # fast path for a few plain rows
            flat = engine.differentiate(x, y, model._parameters)
            if not kept:
                kept.append(engine)
            if flat is not None:
                return layer_views(flat, model._architecture.sizes)
    return _gradient(model, read_batch(model, x, y), model._parameters)


def read_batch(model: Model, x: Any, y: Any) -> Dataset:
    """Return one example, or a batch of them, as `Network.backprop` takes them."""
    x = as_real_array(x, "backprop: X")
    y = as_real_array(y, "backprop: y", NUMBER_CLASSES)
    n_in, n_out = model._architecture.sizes[0], model._architecture.n_targets
    # With one input, shape (1, 1) may also be a batch of one; then y decides.
    column = x.shape == (n_in, 1)
    if x.ndim == 1 or (column and (n_in > 1 or y.shape in [(), (n_out,), (n_out, 1)])):
        x = x.reshape(1, -1)
        y = y.reshape(1) if y.ndim == 0 else y.reshape(1, -1)
    return model._read((x, y), "backprop")


def _gradient(model: Model, data: Dataset, parameters: Array) -> tuple[list[Array], list[Array]]:
    """Return the summed gradient of the cost, by layers."""
    sizes, flat = model._architecture.sizes, np.empty_like(parameters)
    kept = model._differentiators
    try:
        engine = kept.pop()
    except IndexError:
        engine = None
    capacity = min(data.n, TRAINING_ROWS)
    if engine is None or engine.capacity < capacity:
        engine = model._training_engine(capacity, guard=model._guard)
        engine.expect(*model._target_limits())
    with model._guard.still:
        engine.load(parameters)
    order = np.arange(data.n, dtype=np.intp)
    for start, stop in parts(data.n, data.piece_limit, gradient_rows(sizes)):
        engine.gradient(*data.piece(order, start, stop), flat, start > 0)
    if not kept:
        kept.append(engine)
    return layer_views(flat, sizes)
