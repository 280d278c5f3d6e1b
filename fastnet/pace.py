"""How much a kernel is given at a time: as much as lets Python answer in time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

__all__ = [
    "CALL_ROWS",
    "Crew",
    "Pace",
    "call_rows",
    "gradient_rows",
    "parts",
    "prediction_rows",
    "prediction_threads",
    "products",
]

#: Python is entered about this often, for Ctrl-C and progress.
SECONDS_PER_CALL = 0.02
#: Examples a kernel call at the most and the least, for a gradient at the least, and how many
#: multiplications take about 20 ms: between two calls Ctrl-C is answered.
CALL_ROWS = 2048
LEAST_ROWS = 32
GRADIENT_ROWS = 256
CALL_PRODUCTS = 1 << 26
#: Examples that prediction takes at a time: enough that bringing weights closer costs little. Fewer
#: of them where a row is long, so that these bytes stay in the second-level cache.
PREDICTION_ROWS = 128
LEAST_PREDICTION_ROWS = 32
PREDICTION_BYTES = 1 << 20
#: Multiplications that take a millisecond or more: ten times as long as a thread to begin.
PRODUCTS_PER_THREAD = 1 << 22
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


def products(sizes: Sequence[int]) -> int:
    """Return how many multiplications one example takes on its way forward.

    Examples
    --------
    >>> products([784, 30, 10])
    23820
    """
    return sum(n_in * n_out for n_in, n_out in pairwise(sizes))


def call_rows(sizes: Sequence[int]) -> int:
    """Return how many examples a kernel call should take, which sizes alone decide.

    Not the clock: costs are summed call by call, and must come out the same every time.

    Examples
    --------
    >>> call_rows([784, 30, 10]), call_rows([784, 256, 256, 10]), call_rows([10**4, 10**4])
    (2048, 128, 32)
    """
    rows = CALL_ROWS
    while rows > LEAST_ROWS and rows * products(sizes) > CALL_PRODUCTS:
        rows //= 2
    return rows


def prediction_rows(sizes: Sequence[int], itemsize: int) -> int:
    """Return how many examples of numbers of `itemsize` bytes prediction should take at a time.

    Examples
    --------
    >>> prediction_rows([784, 30, 10], 8), prediction_rows([784, 2048, 10], 8)
    (128, 64)
    """
    fitting = PREDICTION_BYTES // (max(sizes) * itemsize)
    return min(PREDICTION_ROWS, max(LEAST_PREDICTION_ROWS, fitting))


def prediction_threads(sizes: Sequence[int], n: int, most: int) -> int:
    """Return how many threads, of `most`, n examples are enough for.

    Examples
    --------
    >>> [prediction_threads([784, 30, 10], n, most=4) for n in (100, 500, 10_000)]
    [1, 2, 4]
    """
    return max(1, min(most, n * products(sizes) // PRODUCTS_PER_THREAD))


def gradient_rows(sizes: Sequence[int]) -> int:
    """Return how many examples a kernel call should take for a gradient: a multiple of 256.

    Examples
    --------
    >>> gradient_rows([784, 30, 10]), gradient_rows([784, 1024, 1024, 10])
    (2048, 256)
    """
    return max(GRADIENT_ROWS, call_rows(sizes))


def parts(n: int, piece: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut n examples into pieces, and each piece into parts of at most `most`.

    Where `most` is a multiple of what a kernel takes at a time, sums over all of the parts are made
    in the same order as over whole pieces.

    Examples
    --------
    >>> list(parts(7, 5, 2))
    [(0, 2), (2, 4), (4, 5), (5, 7)]
    """
    for start in range(0, n, piece):
        end = min(n, start + piece)
        for first in range(start, end, most):
            yield first, min(end, first + most)
