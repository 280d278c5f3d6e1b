"""The trainings of a comparison, as many at a time as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from time import perf_counter

import numpy as np

from fastnet.arguments import as_count
from fastnet.callbacks import RecordStatistics
from fastnet.compare.data import Data
from fastnet.compare.result import NEW, OLD, Comparison, Run, Settings
from fastnet.initializers import INITIALIZERS, read_initializer
from fastnet.network import Network
from fastnet.optimizers import SGD

__all__ = ["Progress", "Shuffle", "compare", "comparison", "sizes_of", "train"]

#: Called with the mini-batches done and to do, of all trainings together.
Progress = Callable[[int, int], object]
Shuffle = bool | Callable[[list[int]], object]

#: Over so many evaluation examples, the first ones, saturation is measured after each epoch.
WATCHED = 2000
#: Seconds between two looks at how far the trainings are.
PAUSE = 0.05


def compare(
    data: Data,
    settings: Settings | None = None,
    *,
    initializers: Sequence[str] = (OLD, NEW),
    seeds: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Train the same network from several starts, from the same seeds each.

    Of each seed, one half draws the starting weights and the other the order of the examples: the
    old start and the new then differ in the scale of the weights alone, and every start is taught
    the same examples in the same order.

    Parameters
    ----------
    data : Data
        Training and evaluation examples.
    settings : Settings, optional
        Network and training; by default those of the published curves.
    initializers : sequence of str, keyword only, default ("large", "default")
        Names out of `fastnet.initializers.INITIALIZERS`: the old start and the new.
    seeds : int, keyword only, default 1
        How often each start is drawn and trained; what is drawn first does not depend on it.
    threads : int, keyword only, optional
        How many networks are trained at a time, by default one a core. No number depends on it.
    progress : callable, keyword only, optional
        Called as ``progress(done, total)`` several times a second, counting the mini-batches of all
        trainings together.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError, TypeError
        The network refuses the data or a setting; the message says which and why.
    DivergenceError
        In one of the trainings numbers became infinite; a smaller learning rate helps.

    Notes
    -----
    The seeds are ``SeedSequence(settings.seed).spawn(seeds)``, and the halves of each its
    ``spawn(2)``: ``Network(sizes, initializer=name, rng=weights)`` starts, and
    its ``net.rng = order`` shuffles.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Weight initialization".

    Examples
    --------
    >>> import numpy as np
    >>> from fastnet.compare import Data, Settings, compare
    >>> X = np.eye(4)
    >>> data = Data("four corners", (X, np.arange(4)), (X, np.arange(4)))
    >>> settings = Settings(hidden=8, epochs=200, eta=2.0, lmbda=0.0, mini_batch_size=1)
    >>> result = compare(data, settings, seeds=2)
    >>> result.sizes, result.initializers, result.n_seeds
    ((4, 8, 4), ('large', 'default'), 2)
    >>> result.accuracy("default")[-1]
    100.0
    """
    settings = settings or Settings()
    names = _checked_names(initializers)
    seeds = as_count(seeds, "seeds", at_least=1)
    threads = _n_cores() if threads is None else as_count(threads, "threads", at_least=1)
    jobs = [
        _Job(name, repetition, seed, data, settings)
        for name in names
        for repetition, seed in enumerate(np.random.SeedSequence(settings.seed).spawn(seeds))
    ]
    return comparison(data, settings, _run_all(jobs, threads, progress))


def train(
    net: Network,
    initializer: str,
    data: Data,
    settings: Settings,
    *,
    shuffle: Shuffle = True,
    repetition: int = 0,
    progress: Progress | None = None,
) -> Run:
    """Train `net` from its present weights, and return what came of it."""
    begin = perf_counter()
    watch = RecordStatistics(data.evaluation[0][:WATCHED])
    history = net.train(
        data.training,
        settings.epochs,
        settings.mini_batch_size,
        optimizer=SGD(settings.eta),
        l2=settings.lmbda,
        evaluation_data=data.evaluation,
        metrics=["evaluation_accuracy"],
        callbacks=[watch],
        shuffle=shuffle,
        progress=progress,
    )
    saturated = tuple(record["layers"][0]["saturated"] for record in watch.records)
    correct = tuple(history.column("evaluation_accuracy"))
    return Run(initializer, correct, perf_counter() - begin, saturated, repetition)


@dataclass
class _Job:
    """One training that any thread may do; `done` counts its mini-batches."""

    initializer: str
    repetition: int
    seed: np.random.SeedSequence
    data: Data
    settings: Settings
    done: int = 0

    @property
    def total(self) -> int:
        """Mini-batches in all its epochs."""
        n = len(self.data.training[1])
        return -(-n // self.settings.mini_batch_size) * self.settings.epochs

    def run(self, stop: Event) -> Run:
        """Make the network and train it, or give up when `stop` is set."""

        def report(done: int, _: int) -> None:
            self.done = done
            if stop.is_set():
                raise _Stopped

        weights, order = (np.random.default_rng(half) for half in self.seed.spawn(2))
        net = Network(
            list(sizes_of(self.data, self.settings)),
            dtype=self.settings.dtype,
            rng=weights,
            initializer=self.initializer,
        )
        net.rng = order
        return train(
            net,
            self.initializer,
            self.data,
            self.settings,
            repetition=self.repetition,
            progress=report,
        )


class _Stopped(Exception):  # noqa: N818 (it is no error, and nobody outside sees it)
    """Another training has failed, or the user has had enough."""


def _run_all(jobs: Sequence[_Job], threads: int, progress: Progress | None) -> tuple[Run, ...]:
    """Do all of them, `threads` at a time, and return their runs in their order."""
    stop, total = Event(), sum(job.total for job in jobs)
    with ThreadPoolExecutor(min(threads, len(jobs)), "fastnet-compare") as pool:
        futures = [pool.submit(job.run, stop) for job in jobs]
        try:
            while not _settled(futures):
                if progress is not None:
                    progress(sum(job.done for job in jobs), total)
            for future in futures:
                if future.done():
                    future.result()  # raises, if this is the one that has failed
            if progress is not None:
                progress(total, total)
            return tuple(future.result() for future in futures)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _settled(futures: Sequence[Future[Run]]) -> bool:
    """Wait a little; return whether all have ended or one has failed."""
    # Not for ever: on some systems only a thread that wakes up sees Ctrl-C.
    wait(futures, PAUSE, FIRST_EXCEPTION)
    if any(future.done() and future.exception() is not None for future in futures):
        return True
    return all(future.done() for future in futures)


def comparison(data: Data, settings: Settings, runs: tuple[Run, ...]) -> Comparison:
    """Put the runs and what they were made from together."""
    return Comparison(
        data.name,
        data.evaluation_name,
        len(data.training[1]),
        len(data.evaluation[1]),
        sizes_of(data, settings),
        settings,
        runs,
        min(WATCHED, len(data.evaluation[1])),
    )


def sizes_of(data: Data, settings: Settings) -> tuple[int, int, int]:
    """Return the width of each layer."""
    return data.training[0].shape[1], settings.hidden, data.n_classes


def _checked_names(initializers: Sequence[str]) -> tuple[str, ...]:
    """Return the names, or say which is none."""
    if isinstance(initializers, str):
        raise TypeError(f"initializers is {initializers!r}; give a list of names.")
    names = tuple(initializers)
    if not names:
        raise ValueError(f"initializers is empty; give names out of {', '.join(INITIALIZERS)}.")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"initializers holds {name!r}; expected names.")
        read_initializer(name, "initializers")
        if names.count(name) > 1:
            raise ValueError(f"initializers names {name!r} twice; once is enough.")
    return names


def _n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
