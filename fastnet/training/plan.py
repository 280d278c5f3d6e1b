"""`Plan`: the checked arguments of a training."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np

from fastnet.callbacks import Callback, EarlyStopping, read_callbacks
from fastnet.common.arguments import as_count, as_items, as_rate, check_held, shown
from fastnet.common.progress import Progress
from fastnet.costs import AnyCost, described
from fastnet.data.dataset import Dataset
from fastnet.data.order import Sampler, Shuffle
from fastnet.metrics import METRICS, Metrics
from fastnet.model.model import Model
from fastnet.optimizers import read_optimizer
from fastnet.schedules import HalveOnPlateau, monitored, read_schedule

__all__ = ["Plan", "check_monitors"]

#: Names of the regularization options.
REGULARIZATION = ("l1", "l2", "dropout", "max_norm", "clip_norm")


@dataclass
class Plan:
    """The arguments of `Network.train`, checked when the plan is made.

    Attributes
    ----------
    optimizer : Optimizer
    schedule : Schedule
    l1, l2 : float
        The book's lambda, for each norm.
    dropout : list of float
        The share of units to drop, for each layer but the last; empty for no dropout.
    max_norm, clip_norm : float
        0 for no limit.
    metrics : Metrics
    callbacks : list of Callback
    resume : None, bool or path
        The checkpoint to continue from.
    recorded : bool
        Whether epochs are counted and recorded in the History.
    keeps_state : bool
        Whether the optimizer continues from, and updates, the network's optimizer state.
    kind : str
        What the network's targets are.
    low : float
        The negative target: 0, or -1 for tanh.

    Raises
    ------
    ValueError, TypeError
        The message names the argument; nothing has changed.
    """

    network: InitVar[Model]
    data: InitVar[Dataset]
    evaluation: InitVar[Dataset | None]
    epochs: int
    mini_batch_size: Any
    optimizer: Any = None
    schedule: Any = None
    l1: float = 0.0
    l2: float = 0.0
    dropout: Any = 0.0
    max_norm: Any = None
    clip_norm: Any = None
    shuffle: Shuffle = True
    metrics: Any = None
    callbacks: Any = ()
    progress: Progress = None
    resume: Any = None
    recorded: bool = True
    keeps_state: bool = True
    kind: str = field(init=False)
    low: float = field(init=False)

    def __post_init__(self, network: Model, data: Dataset, evaluation: Dataset | None) -> None:
        self.l1, self.l2 = as_rate(self.l1, "l1"), as_rate(self.l2, "l2")
        self.epochs = as_count(self.epochs, "epochs", at_least=0)
        size = data.n if self.mini_batch_size is None else self.mini_batch_size
        self.mini_batch_size = as_count(size, "mini_batch_size", at_least=1, at_most=None)
        self.kind, self.low = network._kind_for(data.facts)
        chosen = network._optimizer if self.optimizer is None else self.optimizer
        self.optimizer = read_optimizer(chosen)
        self.schedule = read_schedule(self.schedule, self.epochs)
        self.dropout = _read_dropout(self.dropout, network.num_layers - 1, network.dtype)
        self.max_norm = _read_norm(self.max_norm, "max_norm", network.dtype)
        self.clip_norm = _read_norm(self.clip_norm, "clip_norm", network.dtype)
        self.metrics = Metrics(self.metrics, data, evaluation, self.l1, self.l2, self.kind)
        self.callbacks = read_callbacks(self.callbacks)
        self.optimizer.check_held(network.dtype)
        recorded = (*self.metrics.names, *self.metrics.functions)
        check_monitors([self.schedule, *self.callbacks], recorded, self.callbacks)

    def describe(
        self, cost: AnyCost, data: Dataset, sampler: Sampler, callbacks: list[Callback]
    ) -> dict[str, Any]:
        """Return all that the steps of a training depend on, except `epochs`, as plain values.

        `cost` is the network's cost before the training, which a callback may replace; `callbacks`
        are those that may change the training.
        """
        shuffled_by = type(sampler.source).__name__ if sampler.is_custom else bool(self.shuffle)
        found = {
            "cost": described(cost) if cost._numbers else cost.name,
            "mini_batch_size": min(self.mini_batch_size, data.n),
            "optimizer": repr(self.optimizer),
            "schedule": _describe(self.schedule),
            **{name: getattr(self, name) for name in REGULARIZATION},
            "shuffle": shuffled_by,
            "metrics": [*self.metrics.names, *self.metrics.functions],
            "callbacks": [_describe(callback) for callback in callbacks],
        }
        for name, part in (("data", data), ("evaluation_data", self.metrics.data["evaluation"])):
            told = dict.fromkeys(("shape", "dtype", "digest")) if part is None else part.describe()
            found |= {f"{name}'s {key}": value for key, value in told.items()}
        return found


def _describe(value: Any) -> str:
    """Return the class of an object and the plain arguments it was made with, as in Python.

    Examples
    --------
    >>> _describe(EarlyStopping(patience=3, restore_best=False))
    'EarlyStopping(patience=3, monitor=None, min_delta=0.0, restore_best=False, better=None)'
    """
    told = []
    for name in list(inspect.signature(type(value).__init__).parameters)[1:]:
        item = getattr(value, name, value)
        if item is value or name in getattr(value, "changing", ()):
            continue
        if item is None or isinstance(item, (bool, int, float, str)):
            told.append(f"{name}={item!r}")
        elif dataclasses.is_dataclass(item):
            told.append(f"{name}={_describe(item)}")
    return f"{type(value).__name__}({', '.join(told)})"


def check_monitors(
    watchers: Iterable[Any],
    recorded: Sequence[str],
    callbacks: Iterable[Callback],
    remedy: str = "give evaluation_data, or name it in metrics",
) -> None:
    """Refuse a monitored entry that will not be recorded, before the first epoch.

    `watchers` are schedules and callbacks that may monitor an entry. It must be in `recorded`, or
    one of the `callbacks` must add it. `remedy` is the advice in messages.

    Raises
    ------
    ValueError
        A monitored entry is not recorded, or its name does not show which values are better.

    Examples
    --------
    >>> check_monitors([EarlyStopping()], ["evaluation_cost"], [])
    """
    callbacks = list(callbacks)
    names = [*recorded, "epoch", "eta", *(name for c in callbacks for name in c.adds)]
    # A user's callback may add any entry to the record.
    may_add = any(
        type(callback).on_epoch_end is not Callback.on_epoch_end
        and type(callback) is not EarlyStopping
        and not callback.adds
        for callback in callbacks
    )
    for watcher in watchers:
        for part in (watcher, getattr(watcher, "then", None)):
            monitor = getattr(part, "monitor", None)
            ours = isinstance(part, (EarlyStopping, HalveOnPlateau))
            if monitor is None and not ours:
                continue
            if may_add and monitor is not None and monitor not in (*METRICS, *names):
                continue
            try:
                monitored(names, monitor, getattr(part, "better", None) if ours else "high")
            except ValueError as error:
                raise ValueError(f"{type(part).__name__}: {error}; {remedy}.") from None


def _read_dropout(dropout: Any, depth: int, dtype: np.dtype[Any]) -> list[float]:
    """Return one share for the inputs and one for each hidden layer; [] if all are 0."""
    items = as_items(dropout, "dropout")
    if isinstance(dropout, (str, bytes)):
        raise TypeError(f"dropout is {shown(dropout)}; expected a number, or one per layer.")
    if items is not None:
        shares = [as_rate(share, "dropout") for share in items]
        if len(shares) != depth:
            raise ValueError(
                f"dropout has {len(shares)} shares; expected {depth}, for the inputs and every "
                "hidden layer."
            )
    else:
        shares = [0.0] + [as_rate(dropout, "dropout")] * (depth - 1)
    # Draws have 32 bits; the kept share is rounded to `dtype`.
    least = max(2.0**-32, float(np.finfo(dtype).epsneg))
    for share in shares:
        if share >= 1:
            raise ValueError(f"dropout is {share}; expected less than 1.")
        check_held(share, "dropout", dtype, least=least)
        if share > 1 - 2.0**-32:
            raise ValueError(f"dropout is {share!r}; expected at most 0.9999999997.")
    return shares if any(shares) else []


def _read_norm(norm: Any, name: str, dtype: np.dtype[Any]) -> float:
    if norm is None:
        return 0.0
    norm = as_rate(norm, name)
    if norm == 0:
        raise ValueError(f"{name} is 0; expected a positive number, or None for no limit.")
    check_held(min(norm, 1.0), name, dtype)  # the limit is float64, the limited values are not
    return float(norm)
