"""Progress on standard error: a bar, or a plain line every few seconds.

In a terminal and in a notebook it is a bar by tqdm. In a log file or a pipe, and where tqdm is
missing, it is a plain line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Self

from fastnet.common.arguments import call, is_function, shown
from fastnet.common.console import write_err

__all__ = ["Progress", "ProgressLine", "ProgressReport", "part_of"]

ProgressCallback = Callable[[int, int], object]
Progress = bool | ProgressCallback | None

#: Seconds from one plain line to the next.
INTERVAL = 5.0
FORMAT = "{desc} {percentage:3.0f} % |{bar}| {n_fmt} of {total_fmt} steps, {elapsed}"


class ProgressReport:
    """A context manager that is called with the number of mini-batches just done.

    Parameters
    ----------
    progress : None, bool or callable
        True: a `ProgressLine`. A callable is given (done, total).
    total : int
        Mini-batches in the whole training.

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

    def __init__(self, progress: Progress, total: int) -> None:
        self._total = total
        self._done = 0
        self._line: ProgressLine | None = None
        self._callback: ProgressCallback | None = None
        if progress is True:
            self._callback = self._line = ProgressLine()
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

    Examples
    --------
    >>> with ProgressLine() as line:
    ...     line(1, 10)
    ...     line(10, 10)
    """

    def __init__(self, label: str = "training") -> None:
        self._label = label
        self._begin = monotonic()
        self._end: float | None = None
        self._next = self._begin
        self._bar: Any = None
        self._latest = (0, 0)
        self._written = (0, 0)
        self._new_bar = _find_bar()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are done."""
        self._latest = (done, total)
        if self._new_bar is not None:
            if self._bar is None:  # made now that the total is known
                self._bar = self._new_bar(total, self._label)
            columns = _columns()
            if columns:
                self._bar.ncols = columns  # the window may have been resized
            self._bar.update(done - self._bar.n)
        elif monotonic() >= self._next:
            self._next = monotonic() + INTERVAL
            self._write()

    @property
    def seconds(self) -> float:
        """Seconds since the line was made, until it was closed."""
        return (monotonic() if self._end is None else self._end) - self._begin

    def close(self) -> None:
        """Write the last state and end the line."""
        self._end = monotonic()
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._latest != self._written:
            self._write()

    def _write(self) -> None:
        done, total = self._written = self._latest
        write_err(f"{self._label}: {done} of {total} steps, {self.seconds:.0f} s")


def part_of(progress: ProgressCallback, position: int, n_parts: int) -> ProgressCallback:
    """Return the progress of one of several equal parts, the first at position 0.

    Examples
    --------
    >>> part_of(lambda done, total: print(done, "of", total), 1, 3)(2, 10)
    12 of 30
    """
    return lambda done, total: progress(position * total + done, n_parts * total)


def _find_bar() -> Callable[[int, str], Any] | None:
    """Return a function that makes a bar, or None where no bar can be shown."""
    columns, notebook = _columns(), _in_notebook()
    if not columns and not notebook:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    options: dict[str, Any] = {"bar_format": FORMAT, "miniters": 1}
    if not notebook:
        # tqdm shows nothing where a terminal gives its size as 0 x 0.
        options |= {"file": sys.stderr, "ncols": columns, "nrows": 24}
    return lambda total, label: tqdm(total=total, desc=label, **options)


def _columns() -> int:
    """Return the width for a bar on standard error; 0 if that is not a terminal."""
    try:
        if sys.stderr is None or not sys.stderr.isatty():
            return 0
        # One column stays free: some terminals begin a new line when the last is written to.
        return min(os.get_terminal_size(sys.stderr.fileno()).columns or 80, 101) - 1
    except (OSError, ValueError):  # a window of Python's own (IDLE), a closed stream
        return 0


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config
