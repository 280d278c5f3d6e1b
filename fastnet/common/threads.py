"""How many threads work on one network.

The number changes no bit of any result: in a training threads share out a layer's units, in a
prediction the rows, and every sum is added in the same order by whichever thread has it. Small work
stays on one thread, and training that turns out to be slower on several does so too (`pace.Crew`).

One thread is taken unless it is told otherwise. Networks that are small gain more from
several trainings side by side, and threads that must meet twice a mini-batch gain nothing on a
processor that others are using.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fastnet.common.arguments import as_count, shown

__all__ = [
    "get_num_threads",
    "run_together",
    "set_num_threads",
    "single_threaded",
    "usable_cores",
]

#: In the environment: the number that a process starts with, or "all".
VARIABLE = "FASTNET_NUM_THREADS"
#: Where Linux says which part of the processors' time a container may have: "quota period".
QUOTA = "/sys/fs/cgroup/cpu.max"

#: What each thread needs to begin with is allocated beforehand, so that there must be a limit.
MOST_THREADS = 1024

_chosen: list[int] = []  # what set_num_threads was given, if a number
_here = threading.local()


def usable_cores() -> int:
    """Return how many cores this process may use, by its affinity and its container's quota.

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
    try:
        with open(QUOTA, encoding="ascii") as file:
            quota, period = file.read().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return cores


def set_num_threads(n: int | None) -> None:
    """Set how many threads a training or a prediction may use, in this process.

    Parameters
    ----------
    n : int or None
        1 to 1024; None: what FASTNET_NUM_THREADS says, a number or "all", or else 1.

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
    """Return how many threads a training or prediction that begins here and now may use.

    Raises
    ------
    ValueError
        FASTNET_NUM_THREADS is set, but neither to a whole number from 1 to 1024 nor to "all".

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
    """Train on one thread inside, in this thread: for programs that train several networks at once.

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
    """Run the first task in this thread and each other in one of its own, until all have ended.

    Where the system allows no more threads, this one does what is left.

    Parameters
    ----------
    tasks : sequence of callable
        Each is given a list. While it works it may look there: where something is in, another task
        has failed, and it need not go on.

    Raises
    ------
    BaseException
        What went wrong first.

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
        except BaseException as error:  # Ctrl-C, maybe with the thread begun
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
        except RuntimeError:  # Ctrl-C came before the thread began: it ends at its first look
            continue
        except BaseException as error:  # Ctrl-C, which comes to the main thread alone
            errors.append(error)
            thread.join()
    if errors:
        raise errors[0]
