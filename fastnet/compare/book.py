"""`replay_book`, which repeats the run that the book publishes, and `published`, its results."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from importlib import resources

import numpy as np

from fastnet.common.progress import part_of
from fastnet.compare.data import mnist
from fastnet.compare.result import NEW, OLD, Comparison, Run
from fastnet.compare.runs import OnEpoch, Progress, comparison, sizes_of, train
from fastnet.compare.settings import Settings
from fastnet.network import Network

__all__ = ["BOOK", "BookShuffle", "published", "replay_book"]

BOOK = Settings(seed=12345678)


def replay_book(
    *,
    progress: Progress | None = None,
    on_run: Callable[[Run], object] | None = None,
    on_epoch: OnEpoch | None = None,
) -> Comparison:
    """Repeat the run behind the published curves: the same draws, order and numbers.

    NumPy's legacy generator draws the weights, and Python's generator shuffles as in Python 2. The
    network is first trained with the initializer "default". Then, without reseeding, the same
    network is trained with "large", on the examples in the order that the first training left.

    Parameters
    ----------
    progress, on_run, on_epoch : callable, optional
        As for `compare`.

    Returns
    -------
    Comparison
        Its counts can be compared with `published`.
    """
    data = mnist(np.float64)
    shuffle = BookShuffle(BOOK.seed)
    rng = np.random.RandomState(BOOK.seed)
    net = Network(list(sizes_of(data, BOOK)), dtype=BOOK.dtype, rng=rng)
    halves = [progress and part_of(progress, place, 2) for place in range(2)]
    runs = []
    for name, half in zip((NEW, OLD), halves, strict=True):
        if name == OLD:
            net.large_weight_initializer()
        watch = on_epoch and partial(on_epoch, name, 0)
        runs.append(train(net, name, data, BOOK, shuffle=shuffle, progress=half, on_epoch=watch))
        if on_run is not None:
            on_run(runs[-1])
    return comparison(data, BOOK, runs, (OLD, NEW))


class BookShuffle:
    """Shuffles a list as Python 2's ``random.shuffle`` did, starting from the last call's order.

    If several trainings use it in turn, each starts with the order in which the one before ended,
    as if all of them had shuffled one list in place.

    Parameters
    ----------
    seed : int
        Seed of Python's generator.

    Examples
    --------
    >>> shuffle = BookShuffle(1)
    >>> rows = [0, 1, 2, 3]
    >>> shuffle(rows)
    >>> rows
    [3, 1, 2, 0]
    """

    def __init__(self, seed: int) -> None:
        self._uniform = random.Random(seed).random
        self._order: list[int] | None = None

    def __call__(self, rows: list[int]) -> None:
        """Permute `rows` in place."""
        if self._order is not None:
            rows[:] = self._order
        for i in reversed(range(1, len(rows))):
            j = int(self._uniform() * (i + 1))
            rows[i], rows[j] = rows[j], rows[i]
        self._order = list(rows)


def published() -> dict[str, tuple[int, ...]]:
    """Return the book's published counts of correct validation images after each epoch.

    Returns
    -------
    dict of tuple of int
        For the initializers "large" and "default", 30 counts out of 10,000.

    Examples
    --------
    >>> published()["default"][0], published()["large"][0]
    (9270, 8643)
    """
    file = resources.files("fastnet.compare") / "published-784-30-10.json"
    table = json.loads(file.read_text("utf-8"))
    return {name: tuple(table[f"{name}_weight_initializer"]) for name in (OLD, NEW)}
