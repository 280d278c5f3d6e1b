"""One training of a sweep: the `Trial` that a worker gets, and `run`, which returns its outcome."""

from __future__ import annotations

import os
import pickle
import socket
import threading
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np

from fastnet import kernels
from fastnet.common.arguments import shown
from fastnet.common.plain import as_plain
from fastnet.common.threads import single_threaded
from fastnet.files import networks
from fastnet.history import History
from fastnet.model.parameters import layer_views
from fastnet.network import Network
from fastnet.sweeps.payload import LocalPayload, MappedPayload, Payload
from fastnet.sweeps.results import Outcome

__all__ = ["Monitor", "Stopped", "Trial", "grid", "read_trials", "report", "run"]

Configuration = dict[str, Any]


def grid(**axes: Iterable[Any]) -> list[Configuration]:
    """Return every combination of the given values, as configurations for `sweep`.

    Parameters
    ----------
    **axes : iterable
        The values of each name; the last name changes fastest.

    Returns
    -------
    list of dict

    Raises
    ------
    TypeError
        The values of a name are a string or not iterable.

    Examples
    --------
    >>> grid(hidden=[10, 30], eta=[0.5])
    [{'hidden': 10, 'eta': 0.5}, {'hidden': 30, 'eta': 0.5}]
    """
    for name, values in axes.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise TypeError(f"{name} is {shown(values)}; give a list of its values.")
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


@dataclass(frozen=True)
class Trial:
    """One training of a sweep as it is sent to a worker, in a few hundred bytes.

    Attributes
    ----------
    index : int
        Position in the sweep.
    configuration : dict
        Keyword arguments of the build function.
    repetition : int
        Number of the seed, counted from 0.
    seed : int
        The seed of the sweep.
    """

    index: int
    configuration: Configuration
    repetition: int
    seed: int

    def rng(self) -> np.random.Generator:
        """Return a new generator from ``SeedSequence(seed).spawn(...)[repetition]``."""
        child = np.random.SeedSequence(self.seed, spawn_key=(self.repetition,))
        return np.random.default_rng(child)


class Stopped(BaseException):
    """Ends a training when the sweep is over; build functions do not catch a BaseException."""


class Monitor:
    """The progress of the trials that run in this process; it can stop them.

    Parameters
    ----------
    stop : threading.Event
        Set when the sweep is over: running trials end at their next report.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._shares: dict[int, float] = {}

    @property
    def done(self) -> float:
        """The sum of the finished shares of the running trials."""
        return sum(self._shares.copy().values())

    def report(self, index: int, share: float) -> None:
        """Record the finished share of a trial."""
        self._shares[index] = share
        if self._stop.is_set():
            raise Stopped

    def remove(self, index: int) -> None:
        """Forget a trial that has ended; the sweep counts it from now on."""
        self._shares.pop(index, None)


_here = threading.local()


def report(done: int, total: int) -> None:
    """Report progress to the sweep: ``net.train(..., progress=fastnet.sweeps.report)``.

    A sweep in threads then shows its progress mini-batch by mini-batch, and stops at Ctrl-C
    immediately instead of at the end of the running trainings. On other executors, and outside of a
    sweep, this function does nothing.

    Parameters
    ----------
    done, total : int
        Mini-batches, or another unit of the training.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> _ = net.train((np.eye(2), [0, 1]), epochs=1, progress=report)
    """
    monitored = getattr(_here, "monitored", None)
    if monitored is not None:
        monitor, index = monitored
        monitor.report(index, done / total if total else 1.0)


def run(
    trial: Trial, payload: LocalPayload | Payload | MappedPayload, monitor: Monitor | None = None
) -> Outcome | Exception:
    """Train, and return the outcome, or the exception if the payload cannot be loaded.

    The outcome leaves out the configuration, and its exception can be pickled: unpickling it does
    not need the user's own classes.
    """
    began = perf_counter()
    try:
        build, data = payload.load()
    except Exception as error:  # every other trial would fail too
        return _as_sent(error) or RuntimeError(f"{type(error).__name__}: {error}")
    _here.monitored = None if monitor is None else (monitor, trial.index)
    try:
        report(0, 1)
        with single_threaded():  # the workers already use all cores
            result = _read_result(build(data, trial.rng(), **trial.configuration))
    except (Exception, SystemExit) as error:
        result = {
            "error": f"{type(error).__name__}: {error}",
            "trace": "".join(traceback.format_exception(error)),
            "exception": _as_sent(error),
        }
    finally:
        _here.monitored = None
    return Outcome(
        trial.index,
        {},
        trial.repetition,
        seconds=perf_counter() - began,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        kernel=kernels.variant,
        **result,
    )


def _as_sent(error: Any) -> Any:
    """Return an error as another process receives it, or None if it cannot be pickled."""
    try:
        arrived = pickle.loads(pickle.dumps(error))
    except Exception:
        return None
    return arrived if isinstance(arrived, BaseException) else None


def _read_result(result: Any) -> dict[str, Any]:
    """Return the measures, history and model of an `Outcome`, from the result of build."""
    given: Any = result
    measures: Mapping[str, Any] = {}
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):
        given, measures = result
    elif isinstance(result, Mapping):
        given, measures = History(), result
    model = None
    if isinstance(given, Network):
        # As in a model file, but without the history, which is a field of its own.
        biases, weights = layer_views(given._copied_parameters(), given.sizes)
        model = networks.describe(given, biases, weights)
        model.history = []
        given = given.history
    if not isinstance(given, History):
        raise TypeError(
            f"build returned an object of type {type(result).__name__}; expected a Network, its "
            "History, a dict of measures, or a pair of a Network or History and such a dict."
        )
    history = History(as_plain(list(given), "history"))
    last = history[-1] if history else {}
    return {
        "measures": {**last, **as_plain(dict(measures), "measures")},
        "history": history,
        "model": model,
    }


def read_trials(configurations: Any, seeds: int, seed: int) -> list[Trial]:
    """Return a trial for every configuration and repetition, those of one configuration together.

    Raises
    ------
    TypeError
        `configurations` is not a list of dicts whose keys are names.
    ValueError
        `configurations` is empty.
    """
    if isinstance(configurations, (str, bytes, Mapping)) or not isinstance(
        configurations, Iterable
    ):
        raise TypeError(
            f"configurations is of type {type(configurations).__name__}; give a list of dicts, "
            "which are the keyword arguments of build."
        )
    trials: list[Trial] = []
    for number, configuration in enumerate(configurations):
        if not isinstance(configuration, Mapping) or not all(
            isinstance(name, str) for name in configuration
        ):
            raise TypeError(
                f"configuration {number} is {shown(configuration)}; expected a dict of keyword "
                "arguments of build."
            )
        for repetition in range(seeds):
            trials.append(Trial(len(trials), dict(configuration), repetition, seed))
    if not trials:
        raise ValueError(
            "configurations is empty; give one or more, such as [{}] for one without arguments."
        )
    return trials
