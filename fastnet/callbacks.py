"""Callbacks: hooks that training calls, early stopping, and a recorder of layer statistics."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from fastnet.common.arguments import as_count, as_flag, as_items, as_rate, shown
from fastnet.schedules import (
    Resumable,
    read_monitor,
    score_of,
    since_best,
)

__all__ = ["Callback", "EarlyStopping", "RecordStatistics", "read_callbacks"]


class Callback(Resumable):
    """Base class with hooks to override; a hook that returns True stops the training.

    `network` is the `fastnet.Network` in training.

    Attributes
    ----------
    interval : int
        Call `on_interval` after every `interval` mini-batches of an epoch; 0, the default, never.
    changing : tuple of str
        Attributes that change from epoch to epoch, for checkpoints: plain numbers, strings, lists.
    adds : tuple of str
        Entries that `on_epoch_end` adds to the record, so that they can be monitored.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> class StopAtTwo(fastnet.Callback):
    ...     def on_epoch_end(self, network, record):
    ...         return record["epoch"] == 1
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> len(net.train((np.eye(2), [0, 1]), epochs=10, callbacks=[StopAtTwo()]))
    2
    """

    interval: int = 0
    adds: tuple[str, ...] = ()

    def on_train_begin(self, network: Any) -> bool | None:
        """Called when training begins, after all arguments are checked."""

    def on_epoch_begin(self, network: Any, epoch: int) -> bool | None:
        """Called when an epoch begins; `epoch` counts from 0 over all trainings of the network."""

    def on_interval(self, network: Any, epoch: int, mini_batch: int) -> bool | None:
        """Called after every `interval` mini-batches; `mini_batch` counts those of this epoch.

        Parameters assigned here take effect with the next mini-batch; the optimizer's state is
        kept. Assigning the cost raises RuntimeError.
        """

    def on_epoch_end(self, network: Any, record: dict[str, Any]) -> bool | None:
        """Called when an epoch is over; entries added to `record` appear in the History."""

    def on_train_end(self, network: Any) -> None:
        """Called when training ends for any reason, if `on_train_begin` has returned."""


class EarlyStopping(Callback):
    """Stop after `patience` epochs without improvement, and restore the best parameters.

    Parameters
    ----------
    patience : int, default 10
    monitor : str, optional
        The metric to monitor: by default the accuracy on the evaluation data or, if the network
        predicts numbers, the cost on them; in an estimator, its validation score.
    min_delta : float, default 0
        An improvement must be greater than this. Accuracies go from 0 to 1.
    restore_best : bool, default True
        Whether to restore the parameters of the best epoch at the end.
    better : {"high", "low"}, optional
        Whether high or low values are better; by default the name of the metric decides
        (...accuracy, ...score: high; ...cost, ...loss, ...error: low).

    Attributes
    ----------
    best_epoch : int
        -1 before the first epoch.
    best : float
        The metric in that epoch.

    Raises
    ------
    ValueError, TypeError
        A number is negative, or `patience` is 0; in training: `monitor` is not measured, is not a
        number, or its name does not show whether high or low values are better.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> from fastnet import SGD
    >>> data = np.eye(2), [0, 1]
    >>> stop = EarlyStopping(patience=3, monitor="evaluation_cost")
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> history = net.train(data, 50, optimizer=SGD(0.0), evaluation_data=data, callbacks=stop)
    >>> len(history), stop.best_epoch
    (4, 0)
    """

    changing: ClassVar[tuple[str, ...]] = (
        "best_epoch",
        "best_goodness",
        "high_is_better",
        "waited",
        "best_parameters",
    )

    def __init__(
        self,
        patience: int = 10,
        monitor: str | None = None,
        min_delta: float = 0.0,
        restore_best: bool = True,
        better: str | None = None,
    ) -> None:
        self.patience = as_count(patience, "patience", at_least=1)
        self.monitor, self.better = read_monitor(monitor, better)
        self.min_delta = as_rate(min_delta, "min_delta")
        self.restore_best = as_flag(restore_best, "restore_best")
        self._forget()

    def _forget(self) -> None:
        self.best_epoch = -1
        self.best_goodness = -math.inf
        self.high_is_better = True
        self.waited = 0
        self.best_parameters: Any = None

    @property
    def best(self) -> float:
        """The metric in the best epoch."""
        return self.best_goodness if self.high_is_better else -self.best_goodness

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned.

        Raises
        ------
        ValueError
            The best parameters are not a vector of finite numbers.
        """
        best = state["best_parameters"]
        if best is not None and not (
            isinstance(best, np.ndarray) and best.ndim == 1 and np.isfinite(best).all()
        ):
            raise ValueError("best_parameters are not a vector of finite numbers")
        super().set_state(state)

    def on_train_begin(self, network: Any) -> None:
        """Forget earlier trainings."""
        self._forget()

    def on_epoch_end(self, network: Any, record: dict[str, Any]) -> bool:
        """Compare with the best epoch so far; keep the parameters if this one is better."""
        found, self.high_is_better = score_of(record, self.monitor, self.better)
        self.best_goodness, self.waited = since_best(
            found, self.best_goodness, self.waited, self.min_delta
        )
        if self.waited == 0:
            self.best_epoch = record["epoch"]
            if self.restore_best:
                self.best_parameters = network.parameters.copy()
        return self.waited >= self.patience

    def on_train_end(self, network: Any) -> None:
        """Restore the best parameters."""
        if self.restore_best and self.best_parameters is not None:
            network.parameters = self.best_parameters


class RecordStatistics(Callback):
    """Record `network.layer_statistics(X)` every epoch, or every `interval` mini-batches too.

    Parameters
    ----------
    X : array_like, shape (n, n_0)
    y : array_like, optional
        Class numbers or targets; if given, the norm of the gradient is recorded too.
    interval : int, default 0
        Record after every `interval` mini-batches too; 0: only after each epoch, which is always
        recorded and also in the History as "layers".

    Attributes
    ----------
    records : list of dict
        "epoch" and "mini_batch", the numbers completed so far; and "layers", the statistics.

    Raises
    ------
    ValueError, TypeError
        `interval` is not a count; when training begins, X or y do not fit the network.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> X, y = np.eye(2), [0, 1]
    >>> statistics = RecordStatistics(X)
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> history = net.train((X, y), epochs=1, callbacks=[statistics])
    >>> sorted(history[0]["layers"][0])
    ['mean_derivative', 'mean_z', 'saturated', 'std_z']
    """

    changing: ClassVar[tuple[str, ...]] = ("records",)
    adds = ("layers",)

    def __init__(self, X: Any, y: Any = None, interval: int = 0) -> None:
        self.X = X
        self.y = y
        self.interval = as_count(interval, "interval", at_least=0)
        self.records: list[dict[str, Any]] = []

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned.

        Raises
        ------
        ValueError
            The records are not a list.
        """
        if not isinstance(state["records"], list):
            raise ValueError(f"records is {shown(state['records'])}; expected a list")
        super().set_state(state)

    def on_train_begin(self, network: Any) -> None:
        """Record the statistics before the first step."""
        self._record(network, len(network.history), 0)

    def on_interval(self, network: Any, epoch: int, mini_batch: int) -> None:
        """Record the statistics within an epoch."""
        self._record(network, epoch, mini_batch)

    def on_epoch_end(self, network: Any, record: dict[str, Any]) -> None:
        """Record the statistics at the end of an epoch."""
        record["layers"] = self._record(network, record["epoch"] + 1, 0)

    def _record(self, network: Any, epoch: int, mini_batch: int) -> list[dict[str, float]]:
        layers: list[dict[str, float]] = network.layer_statistics(self.X, self.y)
        self.records.append({"epoch": epoch, "mini_batch": mini_batch, "layers": layers})
        return layers


def read_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks as a list, for None, one callback or several.

    Raises
    ------
    TypeError
        One of them is not a Callback, its interval is not a whole number, or its `adds` is not a
        tuple of names.
    ValueError
        Its interval is negative.

    Examples
    --------
    >>> read_callbacks(None)
    []
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        callbacks = [callbacks]
    found = as_items(callbacks, "callbacks")
    if found is None:
        raise TypeError(
            f"callbacks is {shown(callbacks)}; give a list of fastnet.Callback objects."
        )
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks contains {shown(callback)}; expected fastnet.Callback objects."
            )
        as_count(callback.interval, "a callback's interval", at_least=0)
        adds: Any = callback.adds
        if not isinstance(adds, (tuple, list)) or not all(isinstance(name, str) for name in adds):
            raise TypeError(f"a callback's adds is {shown(adds)}; expected a tuple of names.")
    return found
