"""The number of threads per network, the usable cores, and running tasks in threads.

The number of threads changes no bit of any result: threads divide a layer's units in training and
the rows in prediction, and every sum is added in the same order, whichever thread adds it. Small
tasks use one thread, and so does training that turns out to be slower on several.

The default is one thread. Small networks gain more from several trainings side by side, and threads
that synchronize twice per mini-batch gain nothing on a busy processor.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fastnet.common.arguments import as_count, shown

__all__ = [
    "free_cores",
    "get_num_threads",
    "run_together",
    "set_num_threads",
    "single_threaded",
    "usable_cores",
]

#: The environment variable with a process's initial number of threads, or "all".
VARIABLE = "FASTNET_NUM_THREADS"
#: The root of the file system with Linux's control groups, which limit processor time.
ROOT = "/"

#: The most threads; each needs a buffer that is allocated before the first one starts.
MOST_THREADS = 1024

_chosen: list[int] = []  # the number that set_num_threads was given, if any
_here = threading.local()


def usable_cores() -> int:
    """Return the number of cores for this process, by its affinity and its container's quota.

    Examples
    --------
    >>> import fastnet.common.threads
    >>> fastnet.common.threads.usable_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, quota(ROOT))))


def free_cores() -> int:
    """Return the number of cores for a task of this thread: 1 within `single_threaded`."""
    return 1 if getattr(_here, "single", False) else usable_cores()


def quota(root: str) -> float:
    """Return the processors that the control groups of this process allow, or infinity.

    Version 2 has "quota period" in one file, version 1 has two files; "max" and -1 mean no limit.
    The limit of a group also applies to the groups within it.
    """
    try:
        groups = _read(root, "proc/self/cgroup").splitlines()
    except OSError:
        return math.inf
    least = math.inf
    for line in groups:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = os.path.join(root, "sys/fs/cgroup", controllers)
        # Inside a container the path may be the host's and not exist; then only the root counts.
        names = [name for name in group.split("/") if name]
        for depth in range(len(names) + 1):
            least = min(least, _share(os.path.join(mount, *names[:depth]), controllers != ""))
    return least


def _share(folder: str, is_version_1: bool) -> float:
    try:
        if is_version_1:
            allowed, period = _read(folder, "cpu.cfs_quota_us"), _read(folder, "cpu.cfs_period_us")
        else:
            allowed, period = _read(folder, "cpu.max").split()
        share = int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # not there, or "max"
        return math.inf
    return share if share > 0 else math.inf


def _read(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def set_num_threads(n: int | None) -> None:
    """Set the number of threads that a training or a prediction in this process may use.

    Parameters
    ----------
    n : int or None
        1 to 1024; None: FASTNET_NUM_THREADS, a number or "all", or 1 if that is not set.

    Raises
    ------
    ValueError, TypeError
        `n` is not a whole number from 1 to 1024.

    Examples
    --------
    >>> import fastnet
    >>> fastnet.set_num_threads(1)
    >>> fastnet.get_num_threads()
    1
    >>> fastnet.set_num_threads(None)
    """
    if n is not None:
        n = as_count(n, "set_num_threads: n", at_least=1, at_most=MOST_THREADS)
    _chosen[:] = [] if n is None else [n]


def get_num_threads() -> int:
    """Return the number of threads that a training or prediction of this thread may use.

    Raises
    ------
    ValueError
        FASTNET_NUM_THREADS is neither a whole number from 1 to 1024 nor "all".

    Examples
    --------
    >>> import fastnet
    >>> with fastnet.common.threads.single_threaded():
    ...     fastnet.get_num_threads()
    1
    """
    if getattr(_here, "single", False):
        return 1
    if _chosen:
        return _chosen[-1]
    text = os.environ.get(VARIABLE, "")
    if not text:
        return 1
    if text == "all":
        return min(usable_cores(), MOST_THREADS)
    n = int(text) if text.isdecimal() and len(text) < 20 else 0  # int() refuses 5000 digits
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(
            f"{VARIABLE} is {shown(text)}; set it to a whole number from 1 to {MOST_THREADS}, "
            "or to 'all'."
        )
    return n


@contextmanager
def single_threaded() -> Iterator[None]:
    """Use a single thread for trainings and predictions that this thread starts in the context.

    Examples
    --------
    >>> import fastnet.common.threads
    >>> with fastnet.common.threads.single_threaded():
    ...     fastnet.common.threads.get_num_threads()
    1
    """
    before = getattr(_here, "single", False)
    _here.single = True
    try:
        yield
    finally:
        _here.single = before


def run_together(tasks: Sequence[Callable[[list[BaseException]], object]]) -> None:
    """Run the first task in this thread and each other task in its own, until all have ended.

    If the system allows no more threads, this thread runs the remaining tasks.

    Parameters
    ----------
    tasks : sequence of callable
        Each is called with the list of errors: if it is not empty, another task has failed, and
        the task can stop.

    Raises
    ------
    BaseException
        The first error.

    Examples
    --------
    >>> done = []
    >>> run_together([lambda errors: done.append(1), lambda errors: done.append(2)])
    >>> sorted(done)
    [1, 2]
    """
    errors: list[BaseException] = []

    def run(task: Callable[[list[BaseException]], object]) -> None:
        try:
            task(errors)
        except BaseException as error:
            errors.append(error)

    here, threads = [tasks[0]], []
    for task in tasks[1:]:
        thread = threading.Thread(target=run, args=(task,))
        try:
            thread.start()
        except RuntimeError:  # the system allows no more
            here.append(task)
        except BaseException as error:  # Ctrl-C; the thread may have started
            errors.append(error)
            threads.append(thread)
            break
        else:
            threads.append(thread)
    for task in here:
        run(task)
    for thread in threads:
        try:
            thread.join()
        except RuntimeError:  # Ctrl-C came before the thread started; it sees the error and ends
            continue
        except BaseException as error:  # Ctrl-C, which only the main thread receives
            errors.append(error)
            thread.join()
    if errors:
        raise errors[0]
