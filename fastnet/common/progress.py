"""Progress on standard error: a bar, or a plain line every few seconds.

The bar is drawn by rich in a terminal, and in a notebook with ipywidgets. A log file or a pipe gets
plain lines, and so does a terminal without rich.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Self

from fastnet.common.arguments import call, is_function, shown
from fastnet.common.console import bar_columns, write_err

if TYPE_CHECKING:
    from fastnet.common.bars import Bars

__all__ = [
    "Progress",
    "ProgressLine",
    "ProgressReport",
    "clock",
    "find_bars",
    "part_of",
    "time_left",
]

ProgressCallback = Callable[[int, int], object]
Progress = bool | ProgressCallback | None

#: Seconds from one plain line to the next.
INTERVAL = 5.0
#: Seconds from one drawing of a bar to the next.
FRAME = 0.1


class ProgressReport:
    """Reports the progress of a training; called with the number of mini-batches just done.

    Parameters
    ----------
    progress : None, bool or callable
        True: a `ProgressLine`. A callable is called with (done, total).
    total : int
        Mini-batches in the whole training.
    label, unit : str
        As for `ProgressLine`.

    Raises
    ------
    TypeError
        `progress` is something else.

    Examples
    --------
    >>> with ProgressReport(lambda done, total: print(done, "of", total), 5) as report:
    ...     report(2)
    ...     report(3)
    2 of 5
    5 of 5
    """

    def __init__(
        self,
        progress: Progress,
        total: int,
        label: str = "training",
        unit: str = "mini-batches",
    ) -> None:
        self._total = total
        self._done = 0
        self._line: ProgressLine | None = None
        self._callback: ProgressCallback | None = None
        if progress is True:
            self._callback = self._line = ProgressLine(label, unit)
        elif is_function(progress):
            self._callback = progress
        elif progress is not None and progress is not False:
            raise TypeError(
                f"progress is {shown(progress)}; give True, False, None or a callable of "
                "(done, total)."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.close()

    def __call__(self, batches: int) -> None:
        """Count `batches` more."""
        if batches == 0:
            return
        self._done += batches
        if self._callback is not None:
            call(self._callback, "progress", self._done, self._total)


class ProgressLine:
    """The progress of a task on standard error: a bar or plain lines (see the module).

    Parameters
    ----------
    label : str, default "training"
        The name of the task.
    unit : str, default "mini-batches"
        The unit that is counted.
    delay : float, keyword only, default 0
        Seconds before anything is shown.
    leave : bool, keyword only, default True
        Whether the bar stays visible after `close`.
    moving : bool, keyword only, default True
        Whether it may be a bar instead of plain lines.

    Examples
    --------
    >>> with ProgressLine() as line:
    ...     line(1, 10)
    ...     line(10, 10)
    """

    def __init__(
        self,
        label: str = "training",
        unit: str = "mini-batches",
        *,
        delay: float = 0.0,
        leave: bool = True,
        moving: bool = True,
    ) -> None:
        self._label = label
        self._unit = unit
        self._leave = leave
        self._begin = monotonic()
        self._end: float | None = None
        self._next = self._begin + delay
        self._new_bars = find_bars() if moving else None
        self._bars: Bars | None = None
        self._latest = (0, 0)
        self._written = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` units are done."""
        self._latest = (done, total)
        if monotonic() >= self._next:
            self._next = monotonic() + (INTERVAL if self._new_bars is None else FRAME)
            self._write()

    @property
    def seconds(self) -> float:
        """The seconds from the creation of the line to now, or to `close`."""
        return (monotonic() if self._end is None else self._end) - self._begin

    def close(self) -> None:
        """Write the last state and end the line."""
        if self._end is not None:
            return
        self._end = monotonic()
        if self._leave and self._latest != self._written:
            self._write()
        if self._bars is not None:
            self._bars.close()

    def _write(self) -> None:
        done, total = self._written = self._latest
        if self._new_bars is None:
            text = f"{done} of {total} {self._unit}, {self.seconds:.0f} s"
            write_err(f"{self._label}: {text}{time_left(done, total, self.seconds)}")
            return
        if self._bars is None:
            self._bars = self._new_bars(not self._leave)
        share = done / total if total else 1.0
        percent = f"{100 * share:3.0f} %"
        time = f", {clock(self.seconds)}" if done >= total else time_left(done, total, self.seconds)
        text = f"{percent}  {done} of {total} {self._unit}{time}"
        self._bars.show(None, self._label, share, text, percent)
        self._bars.refresh()


def time_left(done: float, total: float, seconds: float) -> str:
    """Return ", ... left" with the estimated time of the rest; empty in the first second.

    Examples
    --------
    >>> time_left(1, 4, 20.0), time_left(4, 4, 20.0)
    (', 1:00 left', '')
    """
    if seconds < 1 or not 0 < done < total:
        return ""
    return f", {clock(seconds * (total - done) / done)} left"


def clock(seconds: float) -> str:
    """Return seconds as hours, minutes and seconds.

    Examples
    --------
    >>> clock(9.6), clock(3725)
    ('0:10', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def part_of(progress: ProgressCallback, position: int, n_parts: int) -> ProgressCallback:
    """Return a callback for one of several equal parts of a task, the first at position 0.

    Examples
    --------
    >>> part_of(lambda done, total: print(done, "of", total), 1, 3)(2, 10)
    12 of 30
    """
    return lambda done, total: progress(position * total + done, n_parts * total)


def find_bars() -> Callable[[bool], Bars] | None:
    """Return `Bars`, or None without rich or without a place to show bars."""
    if not bar_columns() and not (_in_notebook() and find_spec("ipywidgets")):
        return None
    try:
        from fastnet.common.bars import Bars
    except ImportError:
        return None
    return Bars


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a Jupyter notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config
