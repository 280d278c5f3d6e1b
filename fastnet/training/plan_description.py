"""What a training's steps depend on, in words and numbers that two trainings can be compared by."""

from __future__ import annotations

import dataclasses
import inspect
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data import sparse
from fastnet.data.dataset import Dataset

if TYPE_CHECKING:
    from fastnet.training.loop import Training

__all__ = ["describe_data", "describe_plan"]

#: Bytes of rows that are looked at to tell one data set from another.
SAMPLE_BYTES = 1 << 20
SAMPLE_TARGETS = 1 << 16


def describe_plan(training: Training) -> dict[str, Any]:
    """Return everything but the number of epochs, which may be another when training goes on.

    The cost is the one that the network has before it trains; a callback may choose another.
    """
    plan = training.plan
    shuffle = plan.shuffle
    source = training.orders.source
    found = {
        "cost": training.network.cost.name,
        "mini_batch_size": training.size,
        "optimizer": repr(plan.optimizer),
        "schedule": describe_object(plan.schedule),
        "l1": float(plan.l1),
        "l2": float(plan.l2),
        "dropout": [float(share) for share in plan.dropout],
        "max_norm": float(plan.max_norm),
        "clip_norm": float(plan.clip_norm),
        "shuffle": type(source).__name__ if training.orders.is_custom else bool(shuffle),
        "metrics": [*plan.metrics.names, *plan.metrics.functions],
        "callbacks": [describe_object(watcher) for watcher in training.watchers],
    }
    evaluation = plan.metrics.data["evaluation"]
    for name, data in (("data", training.data), ("evaluation_data", evaluation)):
        found |= {f"{name}'s {key}": value for key, value in describe_data(data).items()}
    return found


def describe_object(value: Any) -> str:
    """Return the class and the plain values that it was made with, without what changes.

    Examples
    --------
    >>> from fastnet.callbacks import EarlyStopping
    >>> describe_object(EarlyStopping(patience=3, restore_best=False))
    'EarlyStopping(patience=3, monitor=None, min_delta=0.0, restore_best=False, better=None)'
    """
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.init]
    else:
        names = list(inspect.signature(type(value).__init__).parameters)[1:]
    told = []
    for name in names:
        if name in getattr(value, "changing", ()) or not hasattr(value, name):
            continue
        item = getattr(value, name)
        if item is None or isinstance(item, (bool, int, float, str)):
            told.append(f"{name}={item!r}")
        elif dataclasses.is_dataclass(item):
            told.append(f"{name}={describe_object(item)}")
    return f"{type(value).__name__}({', '.join(told)})"


def describe_data(data: Dataset | None) -> dict[str, Any]:
    """Return shape, number type and a digest of some rows, spread evenly, and of targets.

    Examples
    --------
    >>> describe_data(None)
    {'shape': None, 'dtype': None, 'digest': None}
    """
    if data is None:
        return {"shape": None, "dtype": None, "digest": None}
    digest = blake2b(digest_size=8)
    most = max(1, SAMPLE_BYTES // max(1, data.X.shape[1] * data.X.dtype.itemsize))
    digest.update(_sample(data.X, most))
    for targets in (data.labels, data.y, data.sample_weight):
        digest.update(b"|" if targets is None else _sample(targets, SAMPLE_TARGETS))
    return {
        "shape": [data.n, int(data.X.shape[1])],
        "dtype": data.X.dtype.str,
        "digest": digest.hexdigest(),
    }


def _sample(values: Any, most: int) -> bytes:
    """The bytes of at most so many rows, the first and the last among them."""
    n = values.shape[0]
    chosen = np.linspace(0, n - 1, min(n, most)).astype(np.intp)
    if sparse.is_sparse(values):
        return b"".join(part.tobytes() for part in sparse.entries(values, chosen))
    return np.ascontiguousarray(values[chosen]).tobytes()
