"""One training of a sweep: what a worker is told, what it does, and what it sends back."""

from __future__ import annotations

import os
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from fastnet import kernels
from fastnet.common.arguments import shown
from fastnet.common.threads import single_threaded
from fastnet.files import SavedModel, networks
from fastnet.history import History
from fastnet.model.parameters import layer_views
from fastnet.network import Network

__all__ = ["Luggage", "Monitor", "Reply", "Stopped", "Task", "grid", "read_tasks", "report", "run"]

Configuration = dict[str, Any]


def grid(**axes: Iterable[Any]) -> list[Configuration]:
    """Return every combination of the given values, as configurations for `sweep`.

    Parameters
    ----------
    **axes : iterable
        The values that each name takes; the last name changes fastest.

    Returns
    -------
    list of dict

    Raises
    ------
    TypeError
        The values of a name are a string, or cannot be walked.

    Examples
    --------
    >>> grid(hidden=[10, 30], eta=[0.5])
    [{'hidden': 10, 'eta': 0.5}, {'hidden': 30, 'eta': 0.5}]
    """
    for name, values in axes.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise TypeError(f"{name} is {shown(values)}; give a list of the values that it takes.")
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


@dataclass(frozen=True)
class Task:
    """What differs from training to training: a few hundred bytes.

    Attributes
    ----------
    index : int
        Its place in the sweep.
    configuration : dict
        Keyword arguments of the build function.
    repetition : int
        Which of the sweep's seeds it draws from, counted from 0.
    seed : int
        Of the sweep.
    """

    index: int
    configuration: Configuration
    repetition: int
    seed: int

    def rng(self) -> np.random.Generator:
        """Return the generator of ``SeedSequence(seed).spawn(...)[repetition]``, made anew."""
        child = np.random.SeedSequence(self.seed, spawn_key=(self.repetition,))
        return np.random.default_rng(child)


@dataclass(frozen=True)
class Reply:
    """What a worker sends back; nothing in it needs fastnet's user's own classes to be read.

    Attributes
    ----------
    index : int
        The task's.
    measures : dict
        Plain numbers, strings and lists by name.
    history : list of dict
        An entry an epoch, where a network or a History came back.
    model : SavedModel or None
        The network, where one came back.
    error, trace : str
        Empty where all went well.
    exception : Exception or None
        The error itself, where it survives a journey.
    seconds : float
    worker, kernel : str
        Host and process, and the kernel variant that trained.
    fatal : bool
        What went wrong is no fault of this task: others here would fare alike.
    """

    index: int
    measures: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    model: SavedModel | None = None
    error: str = ""
    trace: str = ""
    exception: BaseException | None = None
    seconds: float = 0.0
    worker: str = ""
    kernel: str = kernels.variant
    fatal: bool = False


class Luggage(Protocol):
    """What all tasks have in common, in a form that a worker unpacks once."""

    def open(self) -> tuple[Callable[..., Any], Any]:
        """Return the build function and the data."""
        ...


class Stopped(BaseException):
    """The sweep is over; no `except Exception` of a build function may hold this up."""


class Monitor:
    """How far the trainings in this process are, and whether they should go on.

    Parameters
    ----------
    stop : threading.Event
        Set when the sweep is over, whatever is still running.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._parts: dict[int, float] = {}

    @property
    def parts(self) -> float:
        """The parts done of those that have begun and not ended, added up."""
        return sum(self._parts.copy().values())

    def tell(self, index: int, part: float) -> None:
        """Note how much of a training is done."""
        self._parts[index] = part
        if self._stop.is_set():
            raise Stopped

    def forget(self, index: int) -> None:
        """Drop a training that has ended; whoever counts it whole does so now."""
        self._parts.pop(index, None)


_here = threading.local()


def report(done: int, total: int) -> None:
    """Tell the sweep how far this training is: ``net.train(..., progress=fastnet.sweeps.report)``.

    With it a sweep in threads shows its progress mini-batch by mini-batch, and answers Ctrl-C at
    once instead of at the end of the trainings that run. On other executors, and outside of a
    sweep, it does nothing.

    Parameters
    ----------
    done, total : int
        Mini-batches, or whatever else the training is counted in.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> _ = net.train((np.eye(2), [0, 1]), epochs=1, progress=report)
    """
    told = getattr(_here, "told", None)
    if told is not None:
        monitor, index = told
        monitor.tell(index, done / total if total else 1.0)


def run(task: Task, luggage: Luggage, monitor: Monitor | None = None) -> Reply:
    """Do one training, and return what came of it or what went wrong."""
    began = perf_counter()
    where = f"{socket.gethostname()}:{os.getpid()}"
    try:
        build, data = luggage.open()
    except Exception as error:
        return Reply(task.index, worker=where, fatal=True, **_failure(error))
    _here.told = None if monitor is None else (monitor, task.index)
    try:
        report(0, 1)
        with single_threaded():  # the workers have the cores already
            answer = build(data, task.rng(), **task.configuration)
        measures, history, model = _read_answer(answer)
        found: dict[str, Any] = {"measures": measures, "history": history, "model": model}
    except (Exception, SystemExit) as error:
        found = _failure(error)
    finally:
        _here.told = None
    return Reply(task.index, seconds=perf_counter() - began, worker=where, **found)


def _failure(error: BaseException) -> dict[str, Any]:
    """Return an error as a reply holds it."""
    return {
        "error": f"{type(error).__name__}: {error}",
        "trace": "".join(traceback.format_exception(error)),
        "exception": _sent(error),
    }


def _sent(error: BaseException) -> BaseException | None:
    """Return an error as it arrives elsewhere, or None where it would not."""
    try:
        arrived = pickle.loads(pickle.dumps(error))
    except Exception:
        return None
    return arrived if isinstance(arrived, BaseException) else None


def _read_answer(answer: Any) -> tuple[dict[str, Any], list[dict[str, Any]], SavedModel | None]:
    """Return measures, history and model of what a build function gave."""
    given: Any = answer
    measures: Mapping[str, Any] = {}
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], Mapping):
        given, measures = answer
    elif isinstance(answer, Mapping):
        given, measures = History(), answer
    model = None
    if isinstance(given, Network):
        model, given = _copied(given), given.history
    if not isinstance(given, History):
        raise TypeError(
            f"build gave an object of type {type(answer).__name__}; expected a Network, its "
            "History, a dict of measures, or a pair of one of the first two and such a dict."
        )
    history = [_plain(record, f"history[{epoch}]") for epoch, record in enumerate(given)]
    last = history[-1] if history else {}
    return {**last, **_plain(dict(measures), "measures")}, history, model


def _copied(network: Network) -> SavedModel:
    """Return what a model file would hold, but for the history, which goes beside it."""
    biases, weights = layer_views(network._copied_parameters(), network.sizes)
    model = networks.describe(network, biases, weights)
    model.history = []
    return model


def _plain(value: Any, where: str) -> Any:
    """Return what JSON gives back as it is, the same whichever way it will travel."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"{where} is of type {type(value).__name__}; a sweep brings back numbers, strings, and "
        "lists and dicts of them."
    )


def read_tasks(configurations: Any, seeds: int, seed: int) -> list[Task]:
    """Return a task for every configuration and seed, the seeds of one after each other.

    Raises
    ------
    TypeError
        They are no list of dicts with names for keys.
    ValueError
        There are none.
    """
    if isinstance(configurations, (str, bytes, Mapping)) or not isinstance(
        configurations, Iterable
    ):
        raise TypeError(
            f"configurations is of type {type(configurations).__name__}; give a list of dicts, "
            "which are the keyword arguments of build."
        )
    tasks: list[Task] = []
    for number, configuration in enumerate(configurations):
        if not isinstance(configuration, Mapping) or not all(
            isinstance(name, str) for name in configuration
        ):
            raise TypeError(
                f"configuration {number} is {shown(configuration)}; expected a dict with names for "
                "keys, which are the keyword arguments of build."
            )
        for repetition in range(seeds):
            tasks.append(Task(len(tasks), dict(configuration), repetition, seed))
    if not tasks:
        raise ValueError("configurations is empty; give one or more, [{}] for a single one.")
    return tasks
