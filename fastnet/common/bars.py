"""`Bars`: live progress bars in a terminal or a notebook, drawn with rich."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from fastnet.common.console import bar_columns, is_terminal

__all__ = ["Bars"]

#: The fewest columns of a bar; a narrower terminal shows text only.
LEAST = 10


class Bars:
    """Live lines of progress on standard error.

    Other output appears above them. No thread draws them, so that the process can be forked.

    Parameters
    ----------
    transient : bool
        Whether `close` removes the lines.
    """

    def __init__(self, transient: bool) -> None:
        self._size = bar_columns()
        # Without columns it is a notebook, where rich draws in a widget. With soft_wrap rich leaves
        # the lines that are printed above as they are.
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
        if self._size:  # a killed process must not leave the cursor hidden
            console.show_cursor(True)

    def show(self, key: Hashable, label: str, share: float, text: str, short: str) -> None:
        """Set the line of a key, which `refresh` draws; a new key adds a line.

        A narrow terminal shows the `short` text.
        """
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(label, total=1.0, text="")
        self._progress.update(self._tasks[key], completed=share, description=label)
        self._texts[key] = text, short

    def remove(self, key: Hashable) -> None:
        """Remove the line of a key."""
        if key in self._tasks:
            self._progress.remove_task(self._tasks.pop(key))
            del self._texts[key]

    def refresh(self) -> None:
        """Draw the lines."""
        self._fit()
        self._progress.refresh()

    def close(self) -> None:
        """Draw the lines for the last time, or remove them if they are transient."""
        self._progress.stop()

    def _fit(self) -> None:
        """Fit the lines to the terminal's width, which may have changed."""
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
