"""Schedules of the learning rate, and the choice of the monitored metric.

Training asks a schedule for `factor(epoch)`, with epochs counted from 0, in fractions of an epoch
if `every_mini_batch` is true. After each epoch the schedule receives the epoch's record, and may
end the training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fastnet.common.arguments import as_choice, as_count, as_rate, call, is_function, shown
from fastnet.common.hints import did_you_mean, same_name

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "Function",
    "HalveOnPlateau",
    "InverseScaling",
    "Schedule",
    "Step",
    "WarmUp",
    "read_schedule",
]


class Resumable:
    """Base class of schedules and callbacks, whose state is saved in checkpoints.

    Attributes
    ----------
    changing : tuple of str
        Attributes that change from epoch to epoch.
    """

    changing: ClassVar[tuple[str, ...]] = ()

    def get_state(self) -> dict[str, Any]:
        """Return the attributes in `changing`, by name."""
        return {name: getattr(self, name) for name in self.changing}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        for name in self.changing:
            setattr(self, name, state[name])


class Schedule(Resumable):
    """Base class of all schedules; its own factor is always 1.

    A schedule of your own overrides `factor`, and `after_epoch` if it depends on what was measured.
    List the attributes that change from epoch to epoch, plain numbers, in `changing`, so that
    checkpoints save them. If `every_mini_batch` is true, `factor` is called for every mini-batch.

    Examples
    --------
    >>> class Triangle(Schedule):
    ...     def factor(self, epoch):
    ...         return 1 - abs(epoch % 10 - 5) / 5
    >>> [Triangle().factor(epoch) for epoch in (0, 5, 10)]
    [0.0, 1.0, 0.0]
    """

    every_mini_batch: ClassVar[bool] = False

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return 1.0

    def after_epoch(self, record: dict[str, Any]) -> bool:
        """Read an epoch's record; return True to end the training."""
        return False

    def reset(self) -> None:
        """Return to the initial state, at the beginning of a training."""


@dataclass
class Constant(Schedule):
    """Always 1.

    Examples
    --------
    >>> Constant().factor(10)
    1.0
    """


@dataclass
class HalveOnPlateau(Schedule):
    """The book's schedule: halve after `patience` epochs without improvement; stop at `stop_at`.

    Chapter 3, "How to choose a neural network's hyper-parameters": the rate is halved until it is
    1/128 of the first one.

    Parameters
    ----------
    patience : int, default 10
    monitor : str, optional
        The metric to monitor: by default the accuracy on the evaluation data or, if the network
        predicts numbers, the cost on them.
    stop_at : float, default 1/128
        Training ends when the factor has reached this.
    better : {"high", "low"}, optional
        Whether high or low values are better; by default the name of the metric decides
        (...accuracy, ...score: high; ...cost, ...loss, ...error: low).

    Raises
    ------
    ValueError, TypeError
        A number is out of range or not a number, or `better` is another word; in training:
        `monitor` is not recorded, or its name does not show which values are better.

    Examples
    --------
    >>> schedule = HalveOnPlateau(patience=1)
    >>> [schedule.after_epoch({"evaluation_accuracy": 0.9}) for _ in range(3)]
    [False, False, False]
    >>> schedule.factor(3)
    0.25
    """

    patience: int = 10
    monitor: str | None = None
    stop_at: float = 1 / 128
    better: str | None = None
    current: float = field(default=1.0, init=False)
    best: float = field(default=-math.inf, init=False)
    waited: int = field(default=0, init=False)
    changing: ClassVar[tuple[str, ...]] = ("current", "best", "waited")

    def __post_init__(self) -> None:
        self.patience = as_count(self.patience, "patience", at_least=1)
        self.stop_at = as_rate(self.stop_at, "stop_at")
        self.monitor, self.better = read_monitor(self.monitor, self.better)

    def reset(self) -> None:
        """Return to the initial state, at the beginning of a training."""
        self.current, self.best, self.waited = 1.0, -math.inf, 0

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned.

        Raises
        ------
        ValueError
            The factor is not between 0 and 1.
        """
        if not 0 <= state["current"] <= 1:
            raise ValueError(f"the factor is {shown(state['current'])}; expected 0 to 1")
        super().set_state(state)

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return self.current

    def after_epoch(self, record: dict[str, Any]) -> bool:
        """Read an epoch's record; return True to end the training."""
        score, _ = score_of(record, self.monitor, self.better)
        self.best, self.waited = since_best(score, self.best, self.waited)
        if self.waited == 0:
            return False
        if self.waited >= self.patience:
            self.current, self.waited = self.current / 2, 0
        return self.current <= self.stop_at


@dataclass
class Step(Schedule):
    """Multiply by `drop` after every `every` epochs.

    Parameters
    ----------
    every : int, default 10
    drop : float, default 0.1

    Raises
    ------
    ValueError, TypeError
        `every` is not an integer of 1 or more, or `drop` not a finite number of 0 or more.

    Examples
    --------
    >>> [Step(every=2, drop=0.5).factor(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int = 10
    drop: float = 0.1

    def __post_init__(self) -> None:
        self.every = as_count(self.every, "every", at_least=1)
        self.drop = as_rate(self.drop, "drop")

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return float(self.drop ** (int(epoch) // self.every))


@dataclass
class Exponential(Schedule):
    """Multiply by `decay` after every epoch.

    Parameters
    ----------
    decay : float, default 0.95

    Raises
    ------
    ValueError, TypeError
        `decay` is not a finite number of 0 or more.

    Examples
    --------
    >>> Exponential(0.5).factor(3)
    0.125
    """

    decay: float = 0.95

    def __post_init__(self) -> None:
        self.decay = as_rate(self.decay, "decay")

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return float(self.decay**epoch)


@dataclass
class InverseScaling(Schedule):
    """1 / (epoch + 1)^power: scikit-learn's "invscaling", but by epoch.

    Parameters
    ----------
    power : float, default 0.5

    Raises
    ------
    ValueError, TypeError
        `power` is not a finite number of 0 or more.

    Examples
    --------
    >>> InverseScaling(power=1.0).factor(3)
    0.25
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        self.power = as_rate(self.power, "power")

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        return float((epoch + 1) ** -self.power)


@dataclass
class Cosine(Schedule):
    """Half a cosine from 1 down to `floor` over `epochs`, changed at every mini-batch.

    Loshchilov and Hutter 2017, without restarts.

    Parameters
    ----------
    epochs : int
    floor : float, default 0
        The last factor, kept after `epochs`.

    Raises
    ------
    ValueError, TypeError
        `epochs` is not an integer of 1 or more, or `floor` not a finite number of 0 or more.

    Examples
    --------
    >>> schedule = Cosine(epochs=10)
    >>> schedule.factor(0), schedule.factor(5), schedule.factor(10)
    (1.0, 0.5, 0.0)
    """

    epochs: int
    floor: float = 0.0
    every_mini_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.epochs = as_count(self.epochs, "epochs", at_least=1)
        self.floor = as_rate(self.floor, "floor")

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        done = min(epoch / self.epochs, 1.0)
        share = 0.5 + 0.5 * round(math.cos(math.pi * done), 15)
        return self.floor + (1 - self.floor) * share


@dataclass
class WarmUp(Schedule):
    """Rise linearly from 0 to 1 over `epochs`, at every mini-batch; then follow `then`.

    Parameters
    ----------
    epochs : float
    then : Schedule, str or function of the epoch, default Constant()
        Its epochs are counted from the end of the rise.

    Raises
    ------
    ValueError, TypeError
        `epochs` is not a positive finite number, or `then` is not a schedule.

    Examples
    --------
    >>> schedule = WarmUp(epochs=2, then=Exponential(0.5))
    >>> schedule.factor(0.5), schedule.factor(2), schedule.factor(3)
    (0.25, 1.0, 0.5)
    """

    epochs: float = 5
    then: Schedule = field(default_factory=Constant)
    every_mini_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.epochs = as_rate(self.epochs, "epochs")
        if self.epochs == 0:
            raise ValueError("epochs is 0; expected a positive number.")
        self.then = read_schedule(self.then)

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`."""
        if epoch < self.epochs:
            return epoch / self.epochs
        after = epoch - self.epochs
        return self.then.factor(after if self.then.every_mini_batch else math.floor(after))

    def after_epoch(self, record: dict[str, Any]) -> bool:
        """Read an epoch's record; return True to end the training."""
        return self.then.after_epoch(record)

    def reset(self) -> None:
        """Return to the initial state, at the beginning of a training."""
        self.then.reset()

    def get_state(self) -> dict[str, Any]:
        """Return the state of `then`."""
        return self.then.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.then.set_state(state)


@dataclass
class Function(Schedule):
    """The values of a function of the epoch.

    Parameters
    ----------
    function : function of the epoch, from 0
        Returns the factor, a finite number of 0 or more.

    Examples
    --------
    >>> Function(lambda epoch: 1 / (1 + epoch)).factor(1)
    0.5
    """

    function: Callable[[float], float]

    def factor(self, epoch: float) -> float:
        """Return the factor of eta at `epoch`.

        Raises
        ------
        ValueError, TypeError
            The function's value is not a finite number of 0 or more.
        """
        return as_rate(call(self.function, "schedule", epoch), "the schedule's factor")


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "halve": HalveOnPlateau,
    "step": Step,
    "exponential": Exponential,
    "inverse_scaling": InverseScaling,
    "cosine": Cosine,
    "warm_up": WarmUp,
}


#: Names of schedules in other libraries.
_WORDS = {"plateau": "halve", "adaptive": "halve", "reducelronplateau": "halve"}
_WORDS |= {"halveonplateau": "halve", "invscaling": "inverse_scaling", "steplr": "step"}
_WORDS |= dict.fromkeys(("cosineannealing", "cosineannealinglr", "cosinedecay"), "cosine")
_WORDS |= dict.fromkeys(("linear", "linearwarmup"), "warm_up")


def read_schedule(schedule: object, epochs: int = 1) -> Schedule:
    """Return a schedule for None (constant), a name, a schedule, or a function of the epoch.

    Parameters
    ----------
    schedule : None, str, Schedule or callable
        A name from SCHEDULES means the class with its defaults; "cosine" runs over all epochs.
    epochs : int
        Number of epochs of the training.

    Raises
    ------
    TypeError
        `schedule` is of another type.
    ValueError
        The name is unknown.

    Examples
    --------
    >>> read_schedule(None), read_schedule("cosine", epochs=30)
    (Constant(), Cosine(epochs=30, floor=0.0))
    """
    if schedule is None:
        return Constant()
    if isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, str):
        name = same_name(schedule, SCHEDULES)
        if name == "cosine":
            return Cosine(max(1, epochs))
        if name is not None:
            return SCHEDULES[name]()
        raise ValueError(
            f"schedule is {shown(schedule)}; the schedules are {', '.join(SCHEDULES)}."
            f"{did_you_mean(schedule, SCHEDULES, _WORDS)}"
        )
    if is_function(schedule):
        return Function(schedule)
    raise TypeError(f"schedule is {shown(schedule)}; give a schedule or a function of the epoch.")


#: Monitored by default: the first of these that is recorded. Accuracies are recorded only for
#: classes and labels.
USUAL_MONITORS = ("evaluation_accuracy", "evaluation_cost", "validation_score", "validation_loss")
#: Last words of the names of metrics: those for which low values are better, and high ones.
LOW = ("cost", "loss", "error", "deviance", "mse", "rmse", "mae", "perplexity")
HIGH = ("accuracy", "score", "r2", "auc", "f1", "precision", "recall")


def monitored(recorded: Iterable[str], monitor: str | None, better: str | None) -> tuple[str, bool]:
    """Return the monitored entry of a record, and whether high values of it are better.

    Parameters
    ----------
    recorded : iterable of str
        The record, or the names of its entries.
    monitor : str or None
        None: the first of `USUAL_MONITORS`.
    better : {"high", "low"} or None
        None: the name decides.

    Raises
    ------
    ValueError
        The entry is missing, or its name does not show which values are better.

    Examples
    --------
    >>> monitored(["epoch", "evaluation_cost"], None, None)
    ('evaluation_cost', False)
    >>> monitored(["epoch", "beauty"], "beauty", "high")
    ('beauty', True)
    """
    names = list(recorded)
    if monitor is None:
        found = [name for name in USUAL_MONITORS if name in names]
        if not found:
            raise ValueError(f"nothing to monitor is recorded, only {_listed(names)}")
        monitor = found[0]
    elif monitor not in names:
        raise ValueError(f"{monitor!r} is not recorded, only {_listed(names)}")
    if better is not None:
        return monitor, better == "high"
    word = monitor.lower().rpartition("_")[2]
    if word not in LOW and word not in HIGH:
        raise ValueError(
            f"{monitor!r} does not show whether high or low values are better; give better='high' "
            "or better='low'"
        )
    return monitor, word in HIGH


def _listed(names: list[str]) -> str:
    return ", ".join(name for name in names if name not in ("epoch", "eta")) or "the epoch"


def score_of(
    record: dict[str, Any], monitor: str | None, better: str | None = None
) -> tuple[float, bool]:
    """Return the monitored entry, negated if low values are better, and whether high ones are.

    Raises
    ------
    ValueError
        As for `monitored`, or the number is too large.
    TypeError
        The entry is not a number.

    Examples
    --------
    >>> score_of({"evaluation_cost": 0.5}, None)
    (-0.5, False)
    """
    name, high = monitored(record, monitor, better)
    value = record[name]
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        raise TypeError(f"the monitored {name} is {shown(value)}; expected a number.")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"the monitored {name} is {shown(value)}, too large.") from None
    return number if high else -number, high


def since_best(score: float, best: float, waited: int, min_delta: float = 0.0) -> tuple[float, int]:
    """Return the best score including this epoch's, and the number of epochs since then.

    Only a score that is better by more than `min_delta` counts as an improvement.

    Examples
    --------
    >>> since_best(0.5, best=0.75, waited=2), since_best(0.8, best=0.75, waited=2)
    ((0.75, 3), (0.8, 0))
    """
    return (score, 0) if score > best + min_delta else (best, waited + 1)


def read_monitor(monitor: Any, better: Any) -> tuple[str | None, str | None]:
    """Return the checked arguments: a metric's name or None, and "high", "low" or None."""
    if monitor is not None and not isinstance(monitor, str):
        raise TypeError(f"monitor is {shown(monitor)}; expected the name of a metric, or None.")
    return monitor, None if better is None else as_choice(better, "better", ("high", "low"))
