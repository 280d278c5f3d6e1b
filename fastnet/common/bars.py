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

#: The least columns of a bar; where they are missing, there is text only.
LEAST = 10


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
        # Soft: what is printed above the lines has ends of lines of its own.
        console = Console(
            file=sys.stderr,
            force_terminal=self._size > 0 or None,
            highlight=False,
            soft_wrap=True,
        )
        kept = {"no_wrap": True, "overflow": "crop"}
        self._bar = BarColumn(bar_width=None, table_column=Column(ratio=1))
        self._label, self._text = (
            TextColumn(field, markup=False, table_column=Column(**kept))
            for field in ("{task.description}", "{task.fields[text]}")
        )
        self._progress = Progress(
            console=console,
            auto_refresh=False,
            transient=transient,
            redirect_stdout=is_terminal(sys.stdout),
        )
        self._tasks: dict[Hashable, Any] = {}
        self._texts: dict[Hashable, tuple[str, str]] = {}
        self._fit()
        self._progress.start()
        if self._size:  # a process that is killed must not leave a terminal without its cursor
            console.show_cursor(True)

    def show(self, key: Hashable, label: str, share: float, text: str, short: str) -> None:
        """Set one line, a new one where the key is new; it is drawn by `refresh`.

        A terminal that has no room for the text gets the `short` one.
        """
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(label, total=1.0, text="")
        self._progress.update(self._tasks[key], completed=share, description=label)
        self._texts[key] = text, short

    def remove(self, key: Hashable) -> None:
        """Take one line away."""
        if key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))
            del self._texts[key]

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
        widths = [len(task.description) + 1 for task in self._progress.tasks]
        room = self._size - max(widths, default=0)
        long = max((len(text) for text, _ in self._texts.values()), default=0)
        fits = not self._size or long <= room
        for key, (text, short) in self._texts.items():
            self._progress.update(self._tasks[key], text=text if fits else short)
        bar = [self._bar] * (not self._size or long + LEAST < room)
        self._progress.columns = (self._label, *bar, self._text)
        self._progress.expand = bool(bar)
