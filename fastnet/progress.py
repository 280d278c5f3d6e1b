"""Progress: mini-batches counted for whoever wants to see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Progress", "ProgressReport"]

ProgressCallback = Callable[[int, int], object]
Progress = bool | ProgressCallback | None


class ProgressReport:
    """A context manager that is called with each lot of mini-batches that is done.

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
            raise TypeError(
                f"progress is {progress!r}; give True, False, None or a callable of (done, total)."
            )

    def __enter__(self) -> ProgressReport:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, batches: int) -> None:
        """Count `batches` more."""
        if batches == 0:
            return
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
