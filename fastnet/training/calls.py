"""How much a kernel is given at a time: as much as lets Python answer in time."""

from __future__ import annotations

from collections import deque

__all__ = ["Crew", "Pace"]

#: Python is entered about this often, for Ctrl-C and progress.
SECONDS_PER_CALL = 0.02
#: How often one thread and all threads are each tried before one of the two is preferred; after how
#: many calls the other is tried again, twice as many each time that it was in vain, up to a most.
TRIALS = 3
CALLS_PER_TRIAL = 25
MOST_CALLS_PER_TRIAL = 400


class Pace:
    """The number of examples that a kernel gets through in about 20 ms, found while it works.

    Parameters
    ----------
    rows : int
        To begin with.
    most : int
        Never more than this.

    Examples
    --------
    >>> pace = Pace(rows=100, most=1000)
    >>> pace.note(rows=100, seconds=0.01)
    >>> pace.rows
    200
    >>> pace.note(rows=200, seconds=0.2)
    >>> pace.rows
    20
    """

    def __init__(self, rows: int, most: int) -> None:
        self._most = most
        self.rows = max(1, min(rows, most))

    def note(self, rows: int, seconds: float) -> None:
        """Take note of how long a call took."""
        wanted = int(rows * SECONDS_PER_CALL / max(seconds, 1e-9))
        self.rows = max(1, min(wanted, 4 * self.rows, self._most))


class Crew:
    """Whether all threads work on a network or one does: whichever has been the faster.

    Nothing that could be counted beforehand decides that: how long processors take to hand each
    other what they have written, and whether something else runs on them. The number of threads
    changes no bit of any result.

    Parameters
    ----------
    most : int
        How many threads there are.

    Examples
    --------
    >>> crew = Crew(4)
    >>> for _ in range(6):  # four threads are slower here
    ...     crew.note(crew.size, rows=100, seconds=0.02 if crew.size == 4 else 0.01)
    >>> crew.size
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
        """Take note of how long a call with so many threads took."""
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
        """The numbers of threads, the fastest first."""
        return sorted(self._seen, key=lambda n: min(self._seen[n]))
