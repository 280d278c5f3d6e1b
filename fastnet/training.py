"""The epoch loop: draws each epoch's order, hands the kernel many mini-batches at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastnet.data import Dataset
from fastnet.initializers import RNG

__all__ = ["Orders", "Progress", "ProgressReport", "Shuffle", "run_epoch"]

Array = NDArray[Any]
Shuffle = bool | Callable[[list[int]], object]
ProgressCallback = Callable[[int, int], object]
Progress = bool | ProgressCallback | None

#: Python is entered about this often, for Ctrl-C and progress.
SECONDS_PER_CALL = 0.02


class Trainer(Protocol):
    """What `run_epoch` needs of a compiled engine."""

    def train(
        self, rows: Any, targets: Any, order: Array, start: int, stop: int,
        mini_batch_size: int, eta: float, decay: float,
    ) -> None:
        """Descend over rows order[start:stop]."""


class Orders:
    """The order of the examples, epoch after epoch.

    Parameters
    ----------
    n : int
        How many examples there are.
    shuffle : bool or callable
        True: a fresh permutation from `rng` each time. False: 0 .. n-1 always. A callable gets the
        list of row numbers in the order of the epoch before, and permutes it in place.
    rng : Generator or RandomState
    """

    def __init__(self, n: int, shuffle: Shuffle, rng: RNG) -> None:
        if not isinstance(shuffle, (bool, np.bool_)) and not callable(shuffle):
            raise TypeError(f"shuffle is {shuffle!r}; give True, False or a callable that permutes a list.")
        self._n = n
        self._shuffle = shuffle
        self._rng = rng
        self._rows = list(range(n)) if callable(shuffle) else []

    def draw(self) -> Array:
        """Return the next epoch's row numbers, an intp array of shape (n,).

        Raises
        ------
        ValueError
            The callable did not leave a permutation.
        """
        if callable(self._shuffle):
            self._shuffle(self._rows)
            return self._checked()
        if self._shuffle:
            return self._rng.permutation(self._n).astype(np.intp, copy=False)
        return np.arange(self._n, dtype=np.intp)

    def _checked(self) -> Array:
        try:
            order = np.array(self._rows, dtype=np.intp)
            good = order.shape == (self._n,) and 0 <= order.min() and order.max() < self._n
            good = good and bool(np.all(np.bincount(order, minlength=self._n) == 1))
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good:
            raise ValueError(
                f"shuffle left no permutation of the {self._n} row numbers; it must reorder the list in place."
            )
        return order


def run_epoch(
    engine: Trainer, dataset: Dataset, order: Array, mini_batch_size: int, eta: float, decay: float,
    report: Callable[[int], object],
) -> None:
    """Train one epoch, in as few kernel calls as let Python answer in time.

    Parameters
    ----------
    engine : Trainer
        Holds the parameters.
    report : callable
        Told after each call how many mini-batches it did.

    Notes
    -----
    How the epoch is cut into calls changes no bit of the result.
    """
    batches_per_call = 1
    most = max(1, dataset.piece_limit // mini_batch_size)
    start = 0
    while start < dataset.n:
        batches = min(batches_per_call, most)
        stop = min(dataset.n, start + batches * mini_batch_size)
        began = time.perf_counter()
        engine.train(*dataset.piece(order, start, stop), mini_batch_size, eta, decay)
        seconds = time.perf_counter() - began
        report(-(-(stop - start) // mini_batch_size))
        start = stop
        wanted = batches * SECONDS_PER_CALL / max(seconds, 1e-9)
        batches_per_call = max(1, min(int(wanted), 4 * batches_per_call))


class ProgressReport:
    """Counts mini-batches for whoever wants to see them: a context manager.

    Parameters
    ----------
    progress : None, bool or callable
        True: a bar by tqdm. A callable is given (done, total).
    total : int
        Mini-batches in the whole training.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self._total = total
        self._done = 0
        self._bar: Any = None
        self._callback: ProgressCallback | None = None
        if progress is True:
            self._bar = _make_bar(total)
        elif callable(progress):
            self._callback = progress
        elif progress not in (None, False):
            raise TypeError(f"progress is {progress!r}; give True, False, None or a callable of (done, total).")

    def __enter__(self) -> ProgressReport:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, batches: int) -> None:
        """Count `batches` more."""
        self._done += batches
        if self._bar is not None:
            self._bar.update(batches)
        elif self._callback is not None:
            self._callback(self._done, self._total)


def _make_bar(total: int) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "progress=True needs tqdm; install it with `pip install 'fastnet-mlp[plot]'`."
        ) from None
    return tqdm(total=total, unit=" mini-batches", unit_scale=True)
