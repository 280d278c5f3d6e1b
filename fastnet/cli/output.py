"""Text and tables on standard output, in colour if it is a terminal and rich is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from fastnet.cli.text_table import flowed, render, terminal_width, wrapped
from fastnet.common.console import is_terminal, printable, write_out

__all__ = ["TextTable", "show", "show_words"]

#: The style of headings.
HEADINGS = "bold cyan"


class TextTable(NamedTuple):
    """A table for `show`; the fields are the arguments of `render`."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    markdown: bool = False
    least_width: int = 10
    width: int | None = None

    def __str__(self) -> str:
        return render(
            self.headings,
            self.rows,
            title=self.title,
            markdown=self.markdown,
            least_width=self.least_width,
            width=self.width,
        )


def show(*parts: str | TextTable) -> None:
    """Write parts with an empty line between them, and headings of tables in colour."""
    lines = [("", False)]
    for part in parts:
        lines += [*_lines(part), ("", False)]
    _write(lines[1:-1])


def show_words(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table of words, fitted to a terminal; elsewhere each row is one line."""
    text = flowed(headings, rows, terminal_width()).split("\n")
    first = text[0].split() == " ".join(headings).split()
    _write([(line, first and not i) for i, line in enumerate(text)])


def _write(lines: Sequence[tuple[str, bool]]) -> None:
    """Write pairs of a line and whether it is a heading."""
    console = _console()
    if console is None:
        write_out("\n".join(line for line, _ in lines))
        return
    from rich.text import Text

    styled = (Text(printable(line), HEADINGS if heading else "") for line, heading in lines)
    # Printed directly, rich would bypass the progress bar's proxy of standard output.
    with console.capture() as captured:
        console.print(Text("\n").join(styled), soft_wrap=True)
    write_out(captured.get(), end="", is_printable=True)


def _lines(part: str | TextTable) -> list[tuple[str, bool]]:
    """Return the lines of a part, each with whether it is a heading."""
    lines = str(part).split("\n")
    if isinstance(part, str) or part.markdown:
        return [(line, False) for line in lines]
    title = part.title if part.width is None else wrapped(part.title, part.width)
    first = title.count("\n") + 1 if title else 0
    # A table too wide for a line is split: headings follow the title and each empty line.
    return [(line, i == first or (i > 0 and not lines[i - 1])) for i, line in enumerate(lines)]


def _console() -> Any:
    """Return rich's console on standard output; None without rich or without a terminal."""
    if not is_terminal(sys.stdout) or os.environ.get("TERM") in ("dumb", "unknown"):
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(force_terminal=True, highlight=False)
    return None if console.legacy_windows else console
