"""What sweeps ask of an executor, and how each kind is given what all tasks have in common."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from fastnet.sweeps.payload import Build, Held, pack, spill
from fastnet.sweeps.trials import Luggage, Monitor, Reply, Task, run

__all__ = ["Engine", "open_engine"]


class Engine(Protocol):
    """Runs tasks.

    Attributes
    ----------
    monitor : Monitor or None
        Where the trainings run in this process, how far they are.
    """

    monitor: Monitor | None

    def submit(self, task: Task) -> Future[Reply]:
        """Have a task run."""
        ...

    def mend(self, error: BaseException | None) -> bool:
        """Return whether a task that was lost by `error` (None: cancelled) may be tried again."""
        ...

    def close(self) -> None:
        """Let go of everything that the sweep has brought."""
        ...


def open_engine(
    build: Build, data: Any, executor: Any, threads: int, scratch: str | os.PathLike[str] | None
) -> Engine:
    """Return the engine that runs on an executor.

    Raises
    ------
    TypeError
        The executor is none, or build or data cannot be sent to it.
    OSError
        Nothing can be written to the scratch folder.
    """
    executor = read_executor(executor)
    if executor is None or isinstance(executor, ThreadPoolExecutor):
        return _Threads(build, data, executor, threads)
    if _is_dask(executor):
        return _Dask(build, data, executor)
    return _Processes(build, data, executor, scratch)


def read_executor(executor: Any) -> Any:
    """Return an executor, or None.

    Raises
    ------
    TypeError
        It is none.
    """
    if executor is not None and not isinstance(executor, type):
        if callable(getattr(executor, "get_executor", None)):  # a dask Client
            executor = executor.get_executor()
        if not callable(getattr(executor, "submit", None)):
            executor = type(executor)
    if isinstance(executor, type):
        raise TypeError(
            f"executor is {executor.__name__}, or of that type; give None for threads here, or an "
            "object with the submit of concurrent.futures.Executor, such as "
            "ProcessPoolExecutor(), Client(...).get_executor() or MPIPoolExecutor()."
        )
    return executor


def _is_dask(executor: Any) -> bool:
    # By name: nothing of dask is imported for those who have none of it.
    return any(kind.__name__ == "ClientExecutor" for kind in type(executor).__mro__)


class _Threads:
    """Threads of this process: kernels release the GIL, and the data stay where they are."""

    def __init__(self, build: Build, data: Any, executor: Any, threads: int) -> None:
        self._luggage: Luggage = Held(build, data)
        self._stop = Event()
        self.monitor: Monitor | None = Monitor(self._stop)
        self._own = executor is None
        self._executor = executor or ThreadPoolExecutor(threads, "fastnet-sweep")

    def submit(self, task: Task) -> Future[Reply]:
        future: Future[Reply] = self._executor.submit(run, task, self._luggage, self.monitor)
        return future

    def mend(self, error: BaseException | None) -> bool:
        return False

    def close(self) -> None:
        self._stop.set()
        if self._own:
            self._executor.shutdown(cancel_futures=True)


class _Processes:
    """Any other executor: its workers map a file, which those of one machine share."""

    monitor: Monitor | None = None

    def __init__(
        self, build: Build, data: Any, executor: Any, scratch: str | os.PathLike[str] | None
    ) -> None:
        self._executor = executor
        parcel = pack(build, data)
        self._folder = tempfile.mkdtemp(prefix="fastnet-sweep-", dir=scratch)
        try:
            self._luggage: Luggage = spill(parcel, Path(self._folder) / "parcel")
        except BaseException:
            self.close()
            raise

    def submit(self, task: Task) -> Future[Reply]:
        future: Future[Reply] = self._executor.submit(run, task, self._luggage)
        return future

    def mend(self, error: BaseException | None) -> bool:
        return False

    def close(self) -> None:
        # Where an open file cannot be removed, it goes with the system's other temporary files.
        shutil.rmtree(self._folder, ignore_errors=True)


class _Dask:
    """Workers of dask.distributed: the parcel is scattered, and passed on from worker to worker.

    Tasks go to the executor's client: a future of the executor itself is never done where a worker
    died between finishing a task and handing its result over.
    """

    monitor: Monitor | None = None

    def __init__(self, build: Build, data: Any, executor: Any) -> None:
        self._client: Any = executor._client
        self._options = {**executor._kwargs, "pure": False}
        self._parcel = pack(build, data, by_value=True)
        self._luggage = self._send()

    def _send(self) -> Any:
        while True:
            # As long as it takes, as dask has it: workers may yet stand in a cluster's queue.
            self._client.wait_for_workers(1)
            with suppress(TimeoutError):  # the one worker that there was has gone
                return self._client.scatter(self._parcel, broadcast=True, hash=False)

    def submit(self, task: Task) -> Future[Reply]:
        future = self._client.submit(run, task, self._luggage, **self._options)
        here: Future[Reply] = Future()
        here.add_done_callback(lambda here: future.cancel() if here.cancelled() else None)
        self._client.loop.add_callback(_deliver, future, here)
        return here

    def mend(self, error: BaseException | None) -> bool:
        # Dask itself repeats what a dead worker was at. Only where all workers that held the data
        # have died does it give up their tasks, for want of a way to make the data anew.
        if error is not None and not isinstance(error, CancelledError):
            return False
        if self._luggage.status != "finished":
            self._luggage = self._send()
        return True

    def close(self) -> None:
        self._luggage.release()


async def _deliver(future: Any, here: Future[Reply]) -> None:
    """Bring what a worker has done here, or why it could not; on the client's event loop."""
    reply, failure = None, None
    try:
        reply = await future
    except BaseException as error:  # also a cancellation, which is no Exception
        failure = error
    if not here.set_running_or_notify_cancel():
        return
    if reply is not None:
        here.set_result(reply)
    else:
        here.set_exception(failure or CancelledError())
