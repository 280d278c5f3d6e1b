"""`sweep` and `stream`: many trainings handed to an engine, and what comes back, as it comes."""

from __future__ import annotations

import os
import queue
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from fastnet.common.arguments import as_count, shown
from fastnet.common.progress import Progress, ProgressLine
from fastnet.common.threads import usable_cores
from fastnet.history import History
from fastnet.sweeps.executors import Engine, open_engine, read_executor
from fastnet.sweeps.results import Outcome, SweepResult
from fastnet.sweeps.stores import Store
from fastnet.sweeps.trials import Reply, Task, read_tasks

__all__ = ["stream", "sweep"]

#: Seconds between two looks at how far the trainings are.
PAUSE = 0.05
#: How often a task is tried again whose worker, or the data there, were lost.
TRIES = 5


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
    """Train many networks, in threads here or on the workers of another engine.

    Parameters
    ----------
    build : callable
        ``build(data, rng, **configuration)`` makes a network, trains it and returns it; or returns
        its History, or a dict of measures, where the network is not wanted back; or a pair of one
        of the first two and a dict of measures. All its chance should come from `rng`, a Generator.
    configurations : iterable of dict
        Keyword arguments for `build`, one dict a configuration; see `fastnet.sweeps.grid`.
    data : object, optional
        What `build` is given: arrays in tuples, dicts and such. Or a function without arguments
        that returns it, which each worker calls once. Arrays arrive read-only.
    executor : object, keyword only, optional
        Anything with the protocol of `concurrent.futures.Executor`: ``ProcessPoolExecutor()``,
        ``dask.distributed.Client(...).get_executor()``, ``mpi4py.futures.MPIPoolExecutor()``. By
        default threads here.
    threads : int, keyword only, optional
        How many networks are trained at a time, where there is no executor; by default one a core.
    seeds : int, keyword only, default 1
        How often each configuration is trained. Repetition r of every configuration draws from
        ``SeedSequence(seed).spawn(seeds)[r]``: configurations are compared on the same numbers, and
        what is drawn first does not depend on how many seeds follow.
    seed : int, keyword only, default 0
        Where the random numbers start.
    store : path, keyword only, optional
        A folder for what is done. A sweep of the same function, data and seed skips what is there;
        one of another is refused. A function counts by its name and its code, with the functions
        and classes of your own modules that it uses; and where the values have changed that it
        reads from closures, defaults or global variables (lists and dicts that it writes to left
        out), it trains anew. A new version of Python compiles other code. What cannot be written
        once the sweep has begun is a RuntimeWarning.
    scratch : path, keyword only, optional
        A folder that all workers see, for engines on several machines but dask: the data lie there
        in a file while the sweep lasts. By default the system's for temporary files.
    progress : None, bool or callable, keyword only
        True: a bar or plain lines. A callable is given (done, total) in trainings, several times a
        second; what runs in threads here counts by the part that `fastnet.sweeps.report` tells.
    on_outcome : callable, keyword only, optional
        Given each outcome as it comes.

    Returns
    -------
    SweepResult
        In the order of configurations and seeds, whatever the order in which they ended. But for
        seconds and names of workers it does not depend on the executor, to the last bit, where all
        workers have the same kernel variant (``FASTNET_KERNEL`` can see to that).

    Raises
    ------
    ValueError, TypeError
        Something about the arguments is wrong; nothing has been trained. What goes wrong in a
        training is reported in its outcome, while the others go on.
    OSError
        The store cannot be made, or workers don't see the scratch folder.

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
) -> Iterator[Outcome]:
    """Train as `sweep` does, and yield each outcome as it comes; those in the store come first.

    Closing the iterator, or leaving a loop over it, drops what has not begun.

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
        As for `sweep`; wrong arguments at once, not only when the first outcome is asked for.

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
        raise ValueError("threads and executor are both given; the executor has its own workers.")
    if progress not in (None, False, True) and not callable(progress):
        raise TypeError(
            f"progress is {shown(progress)}; give True, False, None or a callable of (done, total)."
        )
    executor = read_executor(executor)
    threads = usable_cores() if threads is None else as_count(threads, "threads", at_least=1)
    seeds, seed = (
        as_count(seeds, "seeds", at_least=1),
        as_count(seed, "seed", at_least=0, at_most=None),
    )
    tasks = read_tasks(configurations, seeds, seed)
    run = _Run(tasks, None if store is None else Store(store, build, data, seed))
    return run.outcomes(
        lambda n: open_engine(build, data, executor, min(threads, n), scratch), progress
    )


class _Run:
    """One sweep on its way.

    Parameters
    ----------
    tasks : list of Task
    store : Store or None
    """

    def __init__(self, tasks: list[Task], store: Store | None) -> None:
        self._tasks = tasks
        self._store = store
        self._keys = {} if store is None else {task.index: store.key(task) for task in tasks}
        self._tries: dict[int, int] = {}
        self._waiting: dict[Future[Reply], Task] = {}
        self._ended: queue.SimpleQueue[Future[Reply]] = queue.SimpleQueue()

    def outcomes(self, opened: Callable[[int], Engine], progress: Progress) -> Iterator[Outcome]:
        """Yield the outcomes, on the engine that `opened` gives for a number of tasks."""
        with _Meter(progress, len(self._tasks)) as meter:
            to_do = []
            for task in self._tasks:
                found = self._store and self._store.find(task, self._keys[task.index])
                if not found:
                    to_do.append(task)
                    continue
                meter.count()
                yield found
            if to_do:
                yield from self._train(opened(len(to_do)), to_do, meter)

    def _train(self, engine: Engine, tasks: list[Task], meter: _Meter) -> Iterator[Outcome]:
        try:
            for task in tasks:
                self._submit(engine, task)
            while self._waiting:
                meter.show(engine)
                try:
                    # Not for ever: on some systems only a thread that wakes up sees Ctrl-C.
                    future = self._ended.get(timeout=PAUSE)
                except queue.Empty:
                    continue
                task = self._waiting.pop(future)
                outcome = self._settle(engine, future, task)
                if outcome is None:
                    continue
                if engine.monitor is not None:
                    engine.monitor.forget(task.index)
                meter.count()
                self._keep(outcome)
                yield outcome
            meter.show(engine)
        finally:
            for future in self._waiting:
                future.cancel()
            engine.close()

    def _keep(self, outcome: Outcome) -> None:
        """Put what came of a training into the store; where that fails, nothing else is lost.

        A full disk is one reason, a network that has diverged another: no file holds NaN.
        """
        if self._store is None or outcome.error:
            return
        try:
            self._store.keep(outcome, self._keys[outcome.index])
        except Exception as error:
            warnings.warn(
                f"outcome {outcome.index} was not written to the store "
                f"({str(error) or repr(error)}); the sweep goes on and gives it back, and a later "
                "sweep with this store trains it again.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _submit(self, engine: Engine, task: Task) -> None:
        try:
            future = engine.submit(task)
        except Exception as error:  # a pool that has lost its workers, an argument without pickle
            future = Future()
            future.set_exception(error)
        self._waiting[future] = task
        future.add_done_callback(self._ended.put)

    def _settle(self, engine: Engine, future: Future[Reply], task: Task) -> Outcome | None:
        """Return what became of a task, or None where it is tried again."""
        error = None if future.cancelled() else future.exception()
        if not future.cancelled() and error is None:
            return self._outcome(future.result(), task)
        self._tries[task.index] = tries = self._tries.get(task.index, 0) + 1
        if tries < TRIES and engine.mend(error):
            self._submit(engine, task)
            return None
        told = "cancelled by its executor" if error is None else f"{type(error).__name__}: {error}"
        return Outcome(
            task.index, task.configuration, task.repetition, error=told, trace=told, exception=error
        )

    @staticmethod
    def _outcome(reply: Reply, task: Task) -> Outcome:
        if reply.fatal:
            raise reply.exception or RuntimeError(reply.error)
        return Outcome(
            task.index,
            task.configuration,
            task.repetition,
            reply.measures,
            History(reply.history),
            reply.error,
            reply.trace,
            reply.exception,
            reply.seconds,
            reply.worker,
            reply.kernel,
            model=reply.model,
        )


class _Meter:
    """Shows how far a sweep is."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._total = total
        self._done = 0
        self._line = ProgressLine(f"training {total} networks") if progress is True else None
        self._tell = progress if callable(progress) else None

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.close()

    def count(self) -> None:
        """Count one more."""
        self._done += 1

    def show(self, engine: Engine) -> None:
        """Tell whoever wants to know."""
        if self._line is not None:
            self._line(self._done, self._total)
        if self._tell is not None:
            parts = 0.0 if engine.monitor is None else engine.monitor.parts
            self._tell(self._done + parts, self._total)  # type: ignore[arg-type]
