"""Adapters for each kind of executor, which send the payload once and then trial after trial."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from fastnet.sweeps.payload import Build, LocalPayload, pack, write_payload
from fastnet.sweeps.results import Outcome
from fastnet.sweeps.trials import Monitor, Trial, run

__all__ = ["Adapter", "open_adapter", "read_executor"]


class Adapter:
    """Runs trials on an executor.

    Attributes
    ----------
    monitor : Monitor or None
        The progress of trials that run in this process.
    """

    monitor: Monitor | None = None
    _executor: Any
    _payload: Any

    def submit(self, trial: Trial) -> Future[Outcome | Exception]:
        """Submit a trial, and return the future of its outcome; see `run`."""
        future: Future[Outcome | Exception]
        future = self._executor.submit(run, trial, self._payload, self.monitor)
        return future

    def can_retry(self, error: BaseException | None) -> bool:
        """Return whether a trial lost to `error` (None: cancelled) may be submitted again."""
        return False

    def close(self) -> None:
        """Release the resources of the sweep."""


def open_adapter(
    build: Build, data: Any, executor: Any, threads: int, scratch: str | os.PathLike[str] | None
) -> Adapter:
    """Return the adapter for an executor that `read_executor` has returned.

    Raises
    ------
    TypeError
        `build` or `data` cannot be pickled.
    OSError
        The scratch folder cannot be written to.
    """
    if executor is None or isinstance(executor, ThreadPoolExecutor):
        return _ThreadAdapter(build, data, executor, threads)
    # By name, so that dask need not be imported.
    if any(kind.__name__ == "ClientExecutor" for kind in type(executor).__mro__):
        return _DaskAdapter(build, data, executor)
    return _ProcessAdapter(build, data, executor, scratch)


def read_executor(executor: Any) -> Any:
    """Return an object with the `submit` of an executor, or None.

    Raises
    ------
    TypeError
        `executor` has no `submit`, or is a class.
    """
    if executor is not None and not isinstance(executor, type):
        if callable(getattr(executor, "get_executor", None)):  # a dask Client
            executor = executor.get_executor()
        if not callable(getattr(executor, "submit", None)):
            executor = type(executor)
    if isinstance(executor, type):
        raise TypeError(
            f"executor is {executor.__name__}, or of that type; give None for threads here, or an "
            "object with the submit method of concurrent.futures.Executor, such as "
            "ProcessPoolExecutor(), Client(...).get_executor() or MPIPoolExecutor()."
        )
    return executor


class _ThreadAdapter(Adapter):
    """Threads of this process: kernels release the GIL, and data are not copied."""

    def __init__(self, build: Build, data: Any, executor: Any, threads: int) -> None:
        self._payload = LocalPayload(build, data)
        self._stop = Event()
        self.monitor = Monitor(self._stop)
        self._own = executor is None
        self._executor = executor or ThreadPoolExecutor(threads, "fastnet-sweep")

    def close(self) -> None:
        self._stop.set()
        if self._own:
            self._executor.shutdown(cancel_futures=True)


class _ProcessAdapter(Adapter):
    """Any other executor: its workers map a file, so that workers on one machine share memory."""

    def __init__(
        self, build: Build, data: Any, executor: Any, scratch: str | os.PathLike[str] | None
    ) -> None:
        self._executor = executor
        payload = pack(build, data)
        self._folder = tempfile.mkdtemp(prefix="fastnet-sweep-", dir=scratch)
        try:
            self._payload = write_payload(payload, Path(self._folder) / "payload")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        # Windows cannot remove an open file; the system removes it with other temporary files.
        shutil.rmtree(self._folder, ignore_errors=True)


class _DaskAdapter(Adapter):
    """Workers of dask.distributed: the payload is scattered, then passed from worker to worker.

    Trials are submitted to the executor's client: a future of the executor itself is never done if
    a worker dies between finishing a trial and returning its result.
    """

    def __init__(self, build: Build, data: Any, executor: Any) -> None:
        self._client: Any = executor._client
        self._options = {**executor._kwargs, "pure": False}
        self._packed = pack(build, data, by_value=True)
        self._payload = self._scatter()

    def _scatter(self) -> Any:
        while True:
            # Without a timeout, as is usual in dask: workers may still wait in a cluster's queue.
            self._client.wait_for_workers(1)
            with suppress(TimeoutError):  # the only worker is gone
                return self._client.scatter(self._packed, broadcast=True, hash=False)

    def submit(self, trial: Trial) -> Future[Outcome | Exception]:
        future = self._client.submit(run, trial, self._payload, **self._options)
        here: Future[Outcome | Exception] = Future()
        here.add_done_callback(lambda here: future.cancel() if here.cancelled() else None)
        self._client.loop.add_callback(_copy_result, future, here)
        return here

    def can_retry(self, error: BaseException | None) -> bool:
        # Dask itself repeats the trials of a dead worker. It cancels trials only if all workers
        # that had the payload have died, since it cannot compute the payload again.
        if error is not None and not isinstance(error, CancelledError):
            return False
        if self._payload.status != "finished":
            self._payload = self._scatter()
        return True

    def close(self) -> None:
        self._payload.release()


async def _copy_result(future: Any, here: Future[Outcome | Exception]) -> None:
    """Copy the result or error of a dask future to `here`; runs on the client's event loop."""
    outcome, failure = None, None
    try:
        outcome = await future
    except BaseException as error:  # also a cancellation, which is not an Exception
        failure = error
    if not here.set_running_or_notify_cancel():
        return
    if outcome is not None:
        here.set_result(outcome)
    else:
        here.set_exception(failure or CancelledError())
