"""`sweep` and `stream`, which train many networks on an executor."""

from __future__ import annotations

import os
import queue
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from fastnet.common.arguments import as_count, shown
from fastnet.common.progress import Progress, ProgressLine
from fastnet.common.threads import usable_cores
from fastnet.sweeps.executors import Adapter, open_adapter, read_executor
from fastnet.sweeps.results import Outcome, SweepResult
from fastnet.sweeps.stores import Store
from fastnet.sweeps.trials import Trial, read_trials

__all__ = ["stream", "sweep"]

#: Seconds between two reports of progress.
PAUSE = 0.05
#: How many times a trial is submitted if its worker, or the data there, are lost.
TRIES = 5

_Future = Future[Outcome | Exception]


def sweep(
    build: Callable[..., Any],
    configurations: Any,
    data: Any = None,
    *,
    executor: Any = None,
    threads: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
    scratch: str | os.PathLike[str] | None = None,
    progress: Progress = None,
    on_outcome: Callable[[Outcome], object] | None = None,
) -> SweepResult:
    """Train many networks, in threads here or on the workers of an executor.

    Parameters
    ----------
    build : callable
        ``build(data, rng, **configuration)`` makes a network, trains it and returns it. If the
        network is not needed, it returns its History or a dict of measures instead. It may also
        return a pair of a network or History and a dict of measures. Use only `rng`, a Generator,
        for randomness.
    configurations : iterable of dict
        Keyword arguments of `build`, one dict per configuration; see `fastnet.sweeps.grid`.
    data : object, optional
        The first argument of `build`: arrays, also in tuples or dicts. Or a function without
        arguments that returns it, which each worker calls once. Arrays arrive read-only.
    executor : object, keyword only, optional
        Any object with the interface of `concurrent.futures.Executor`: ``ProcessPoolExecutor()``,
        ``dask.distributed.Client(...).get_executor()``, ``mpi4py.futures.MPIPoolExecutor()``. By
        default networks are trained in threads of this process.
    threads : int, keyword only, optional
        Number of networks trained at a time without an executor; by default one for each core that
        this process may use.
    seeds : int, keyword only, default 1
        Repetitions of each configuration. Repetition r of every configuration draws from
        ``SeedSequence(seed).spawn(seeds)[r]``: configurations are compared on the same random
        numbers, and the first repetitions do not depend on how many follow.
    seed : int, keyword only, default 0
        Seed of the whole sweep.
    store : path, keyword only, optional
        A folder for outcomes. A sweep of the same function, data and seed skips outcomes that are
        stored; the folder of any other sweep is refused. A function is identified by its name and
        code, including the functions and classes of your own modules that it uses. If a value
        changes that it reads from a closure, default or global variable (except lists and dicts
        that it writes to), networks are trained again. Another version of Python compiles different
        code, which is another function. An outcome that cannot be written during the sweep gives a
        RuntimeWarning.
    scratch : path, keyword only, optional
        A folder that all workers can read, for executors on several machines (dask does not need
        one). The data are in a file there during the sweep. By default the system's folder for
        temporary files.
    progress : None, bool or callable, keyword only
        True shows a bar or plain lines. A callable is called several times a second with (done,
        total), counted in trainings; running ones count with the share that they `report`, in
        threads.
    on_outcome : callable, keyword only, optional
        Called with each outcome as it arrives.

    Returns
    -------
    SweepResult
        In the order of configurations and seeds. Except for seconds and names of workers it is the
        same on every executor, to the last bit, if all workers have the same kernel variant (see
        ``FASTNET_KERNEL``).

    Raises
    ------
    ValueError, TypeError
        An argument is wrong; nothing has been trained. An error in a training is reported in its
        outcome, and the others continue.
    OSError
        The store cannot be made, or workers cannot read the scratch folder.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> def build(data, rng, hidden):
    ...     net = fastnet.Network([2, hidden, 2], rng=rng)
    ...     net.train(data, 200, 4, optimizer=fastnet.SGD(3.0), metrics="training_accuracy")
    ...     return net
    >>> data = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> result = fastnet.sweep(build, [{"hidden": 0}, {"hidden": 8}], data, seeds=2)
    >>> result
    SweepResult(4 trainings, 2 failed)
    >>> result[0].configuration, result[0].error.split(";")[0]
    ({'hidden': 0}, 'ValueError: sizes[1] is 0')
    >>> result[3].measures["training_accuracy"], result[3].network.sizes
    (1.0, [2, 8, 2])
    """
    outcomes = []
    for outcome in stream(
        build,
        configurations,
        data,
        executor=executor,
        threads=threads,
        seeds=seeds,
        seed=seed,
        store=store,
        scratch=scratch,
        progress=progress,
    ):
        outcomes.append(outcome)
        if on_outcome is not None:
            on_outcome(outcome)
    return SweepResult(outcomes)


def stream(
    build: Callable[..., Any],
    configurations: Any,
    data: Any = None,
    *,
    executor: Any = None,
    threads: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    store: str | os.PathLike[str] | None = None,
    scratch: str | os.PathLike[str] | None = None,
    progress: Progress = None,
) -> Generator[Outcome, None, None]:
    """Train as `sweep` does, and yield each outcome as it arrives; those in the store come first.

    Closing the iterator, or leaving a loop over it, cancels the trainings that have not begun.

    Parameters
    ----------
    build, configurations, data, executor, threads, seeds, seed, store, scratch, progress
        As for `sweep`.

    Yields
    ------
    Outcome

    Raises
    ------
    ValueError, TypeError, OSError
        As for `sweep`; wrong arguments are refused at once, before the first outcome is requested.

    Examples
    --------
    >>> import fastnet
    >>> from fastnet.sweeps import stream
    >>> def build(data, rng, x):
    ...     return {"square": x * x}
    >>> sorted(outcome.measures["square"] for outcome in stream(build, [{"x": 2}, {"x": 3}]))
    [4, 9]
    """
    if not callable(build):
        raise TypeError(
            f"build is {shown(build)}; give a function of (data, rng, **configuration)."
        )
    if executor is not None and threads is not None:
        raise ValueError(
            "threads and executor are both given; leave threads out: the executor has its own "
            "workers."
        )
    if progress not in (None, False, True) and not callable(progress):
        raise TypeError(
            f"progress is {shown(progress)}; give True, False, None or a callable of (done, total)."
        )
    executor = read_executor(executor)
    threads = usable_cores() if threads is None else as_count(threads, "threads", at_least=1)
    seeds = as_count(seeds, "seeds", at_least=1)
    seed = as_count(seed, "seed", at_least=0, at_most=None)
    trials = read_trials(configurations, seeds, seed)
    run = _Run(trials, None if store is None else Store(store, build, data, seed), progress)
    return run.outcomes(partial(open_adapter, build, data, executor, threads, scratch))


class _Run:
    """One run of a sweep.

    Parameters
    ----------
    trials : list of Trial
    store : Store or None
    progress
        As for `sweep`.
    """

    def __init__(self, trials: list[Trial], store: Store | None, progress: Progress) -> None:
        self._trials = trials
        self._store = store
        self._keys = {} if store is None else {trial.index: store.key(trial) for trial in trials}
        self._progress = progress
        self._line: ProgressLine | None = None
        self._done = 0
        self._failures: Counter[int] = Counter()
        self._pending: dict[_Future, Trial] = {}
        self._finished: queue.SimpleQueue[_Future] = queue.SimpleQueue()

    def outcomes(self, connect: Callable[[], Adapter]) -> Generator[Outcome, None, None]:
        """Yield the outcomes; `connect` is called if something is left to train."""
        if self._progress is True:
            self._line = ProgressLine("training", "networks")
        with self._line or nullcontext():
            to_train = []
            for trial in self._trials:
                found = self._store and self._store.read(trial, self._keys[trial.index])
                if found:
                    self._done += 1
                    yield found
                else:
                    to_train.append(trial)
            if to_train:
                with closing(connect()) as adapter:
                    yield from self._train(adapter, to_train)

    def _train(self, adapter: Adapter, trials: list[Trial]) -> Generator[Outcome, None, None]:
        try:
            # Seed by seed, so that after an interrupt configurations have the same seeds.
            for trial in sorted(trials, key=lambda trial: trial.repetition):
                self._submit(adapter, trial)
            yield from self._collect(adapter)
            self._show_progress(adapter)
        finally:
            for future in self._pending:
                future.cancel()

    def _collect(self, adapter: Adapter) -> Generator[Outcome, None, None]:
        """Yield outcomes as they arrive, until nothing is pending.

        The loop is not within `try`: Python 3.13 may raise KeyboardInterrupt at the end of `while
        condition` outside of it (python/cpython#130279).
        """
        while self._pending:
            self._show_progress(adapter)
            try:
                # With a timeout: on some systems only a thread that wakes up handles Ctrl-C.
                future = self._finished.get(timeout=PAUSE)
            except queue.Empty:
                continue
            trial = self._pending.pop(future)
            outcome = self._outcome(adapter, future, trial)
            if outcome is None:
                continue
            if adapter.monitor is not None:
                adapter.monitor.remove(trial.index)
            self._done += 1
            self._write(outcome)
            yield outcome

    def _submit(self, adapter: Adapter, trial: Trial) -> None:
        try:
            future = adapter.submit(trial)
        except Exception as error:  # the pool is broken, or an argument cannot be pickled
            future = Future()
            future.set_exception(error)
        self._pending[future] = trial
        future.add_done_callback(self._finished.put)

    def _outcome(self, adapter: Adapter, future: _Future, trial: Trial) -> Outcome | None:
        """Return the outcome of a trial, or None if it is submitted again.

        Raises
        ------
        Exception
            A worker could not load the payload; no other worker could either.
        """
        error = None if future.cancelled() else future.exception()
        if not future.cancelled() and error is None:
            outcome = future.result()
            if isinstance(outcome, BaseException):
                raise outcome
            return replace(outcome, configuration=trial.configuration)
        self._failures[trial.index] += 1
        if self._failures[trial.index] < TRIES and adapter.can_retry(error):
            self._submit(adapter, trial)
            return None
        said = "cancelled by its executor" if error is None else f"{type(error).__name__}: {error}"
        return Outcome(
            trial.index,
            trial.configuration,
            trial.repetition,
            error=said,
            trace=said,
            exception=error,
        )

    def _write(self, outcome: Outcome) -> None:
        """Write an outcome to the store; a failure is a warning, so that other outcomes are kept.

        The disk may be full, or the network may have diverged: files contain only finite numbers.
        """
        if self._store is None or outcome.error:
            return
        try:
            self._store.write(outcome, self._keys[outcome.index])
        except Exception as error:
            warnings.warn(
                f"outcome {outcome.index} was not written to the store "
                f"({str(error) or repr(error)}); this sweep continues and returns it, and a later "
                "sweep with this store trains it again.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _show_progress(self, adapter: Adapter) -> None:
        if self._line is not None:
            self._line(self._done, len(self._trials))
        elif callable(self._progress):
            running = 0.0 if adapter.monitor is None else adapter.monitor.done
            self._progress(self._done + running, len(self._trials))  # type: ignore[arg-type]
