"""`Bars`: lines of progress that move at the bottom of a terminal or in a notebook, by rich."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from fastnet.common.console import bar_columns, is_terminal

__all__ = ["Bars"]

#: A terminal with fewer columns gets no bar, a narrower one than that no more than a percentage.
WIDE, NARROW = 70, 50


class Bars:
    """Lines of progress on standard error.

    What is printed meanwhile appears above them. Nothing is drawn by a thread of its own: a process
    that draws can be forked.

    Parameters
    ----------
    transient : bool
        Whether the lines vanish when they are closed.
    """

    def __init__(self, transient: bool) -> None:
        self._size = bar_columns()
        # A notebook has no columns: there rich draws in a widget.
        console = Console(file=sys.stderr, force_terminal=self._size > 0 or None, highlight=False)
        kept = {"no_wrap": True, "overflow": "crop"}
        parts = [
            TextColumn("{task.description}", markup=False, table_column=Column(**kept)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column(**kept)),
        ]
        if 0 < self._size < WIDE:
            del parts[1]
        self._progress = Progress(
            *parts,
            console=console,
            auto_refresh=False,
            transient=transient,
            expand=self._size == 0 or self._size >= WIDE,
            redirect_stdout=is_terminal(sys.stdout),
        )
        self._tasks: dict[Hashable, Any] = {}
        self._fit()
        self._progress.start()
        if self._size:  # a process that is killed must not leave a terminal without its cursor
            console.show_cursor(True)

    @property
    def narrow(self) -> bool:
        """Whether there is room for a label and a percentage only."""
        return 0 < self._size < NARROW

    def show(self, key: Hashable, label: str, share: float, text: str) -> None:
        """Set one line, a new one where the key is new; it is drawn by `refresh`."""
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(label, total=1.0, text="")
        self._progress.update(self._tasks[key], completed=share, description=label, text=text)

    def remove(self, key: Hashable) -> None:
        """Take one line away."""
        if key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))

    def refresh(self) -> None:
        """Draw the lines."""
        self._fit()
        self._progress.refresh()

    def close(self) -> None:
        """Draw the lines for the last time, or take them away."""
        self._progress.stop()

    def _fit(self) -> None:
        """Use the width that the terminal has now: the window may have been resized."""
        self._size = bar_columns()
        if self._size:
            self._progress.console.width = self._size
