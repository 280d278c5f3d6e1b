"""The division of an epoch into kernel calls, short enough for Ctrl-C, and their threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from fastnet.model.blocks import TRAINING_ROWS

__all__ = ["EpochCalls", "ThreadChoice"]

#: Time of a kernel call; between two calls Python handles Ctrl-C and progress.
SECONDS_PER_CALL = 0.02
#: How often one thread and all threads are each tried before the faster is preferred; and after how
#: many calls the other is tried again, which doubles after each failure, up to a maximum.
TRIALS = 3
CALLS_PER_TRIAL = 25
MOST_CALLS_PER_TRIAL = 400


class EpochCalls:
    """Decides where each kernel call of an epoch ends.

    The division changes no bit of the result: calls end between mini-batches or, if mini-batches
    are larger than the workspace, between the parts of one.

    Parameters
    ----------
    n : int
        Examples in the epoch.
    size : int
        Examples in a mini-batch.
    intervals : iterable of int
        Calls end at the multiples of these numbers of mini-batches.
    most : int
        Maximum number of examples per call.

    Examples
    --------
    >>> calls = EpochCalls(n=1000, size=10, intervals=[7], most=1000)
    >>> calls.note(rows=10, seconds=0.001)  # larger ones, by up to four times
    >>> calls.stop(0), calls.stop(40), calls.stop(40, 50)
    (40, 70, 50)
    """

    def __init__(self, n: int, size: int, intervals: Iterable[int], most: int) -> None:
        self._n = n
        self._size = size
        self._unit = min(size, TRAINING_ROWS)
        self._every = {interval * size for interval in intervals if interval}
        self._most = most
        self._rows = max(1, min(self._unit, most))

    def stop(self, start: int, last: int | None = None) -> int:
        """Return where the call that begins at `start` ends, at `last` at the latest."""
        stop = start + max(1, self._rows // self._unit) * self._unit
        if self._size > self._unit:
            stop = min(stop, (start // self._size + 1) * self._size)
        for every in self._every:
            stop = min(stop, (start // every + 1) * every)
        return min(stop, self._n) if last is None else min(stop, self._n, last)

    def note(self, rows: int, seconds: float) -> None:
        """Adjust the next calls to SECONDS_PER_CALL, from the time that a call took."""
        wanted = int(rows * SECONDS_PER_CALL / max(seconds, 1e-9))
        self._rows = max(1, min(wanted, 4 * self._rows, self._most))


class ThreadChoice:
    """Chooses between one thread and all threads for a network, by which was faster.

    It must be measured: it depends on how long processors take to exchange data, and on what else
    runs on them. The number of threads changes no bit of any result.

    Parameters
    ----------
    most : int
        Number of available threads.

    Examples
    --------
    >>> choice = ThreadChoice(4)
    >>> for _ in range(6):  # four threads are slower here
    ...     choice.note(choice.size, rows=100, seconds=0.02 if choice.size == 4 else 0.01)
    >>> choice.size
    1
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._seen: dict[int, deque[float]] = {n: deque(maxlen=TRIALS) for n in (most, 1)}
        self._patience = self._left = CALLS_PER_TRIAL

    @property
    def size(self) -> int:
        """The number of threads for the next call."""
        for trial in range(1, TRIALS + 1):
            for n, seen in self._seen.items():
                if len(seen) < trial:
                    return n
        best, *others = self._ranking()
        return others[0] if others and self._left == 0 else best

    def note(self, size: int, rows: int, seconds: float) -> None:
        """Record the time that a call with `size` threads took."""
        trying = min(map(len, self._seen.values())) < TRIALS
        before = None if trying else self._ranking()[0]
        self._seen[size].append(seconds / rows)
        if trying:
            return
        if self._ranking()[0] != before:
            self._patience = self._left = CALLS_PER_TRIAL
        elif size != before:
            self._patience = min(2 * self._patience, MOST_CALLS_PER_TRIAL)
            self._left = self._patience
        else:
            self._left = max(self._left - 1, 0)

    def _ranking(self) -> list[int]:
        """Return the numbers of threads, the fastest first."""
        return sorted(self._seen, key=lambda n: min(self._seen[n]))
