"""Text layout: tables for a terminal or in Markdown, wrapped lines, lists of names."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from fastnet.common.console import is_terminal

__all__ = [
    "counted",
    "fitted",
    "flowed",
    "line_width",
    "listed",
    "render",
    "terminal_width",
    "wrapped",
]


def render(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    markdown: bool = False,
    least_width: int = 10,
    width: int | None = None,
) -> str:
    """Return a table with right-aligned cells, below its title if it has one.

    The first column is left-aligned if it contains words or has no heading; the others are at least
    `least_width` wide. If a line would have more than `width` characters, the title is wrapped, and
    the table is split into several, one below the other, each with the first column. Tables in
    Markdown ignore both widths.

    Examples
    --------
    >>> print(render(["epoch", "accuracy"], [["1", "86.43"], ["2", "89.01"]]))
    epoch    accuracy
        1       86.43
        2       89.01
    >>> print(render(["start", "accuracy"], [["old", "86.43"]], markdown=True))
    | start | accuracy |
    |:------|---------:|
    | old   |    86.43 |
    """
    table = [headings, *rows]
    if markdown:  # an unescaped bar would end the cell
        table = [[cell.replace("|", r"\|") for cell in row] for row in table]
        least_width = 1
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths = [widths[0], *(max(needed, least_width) for needed in widths[1:])]
    if width is not None and not markdown:
        title = wrapped(title, width)
        last = _last_that_fits(widths, width)
        if last < len(widths):
            first, rest = (
                render(*_columns(headings, rows, chosen), least_width=least_width, width=width)
                for chosen in (range(last), [0, *range(last, len(widths))])
            )
            return "\n".join(filter(None, [title, f"{first}\n\n{rest}"]))
    left = not headings[0] or any(not row[0].isdigit() for row in rows)
    lines = [[cell.rjust(w) for cell, w in zip(row, widths, strict=True)] for row in table]
    if left:
        for line, row in zip(lines, table, strict=True):
            line[0] = row[0].ljust(widths[0])
    if not markdown:
        text = "\n".join("  ".join(line).rstrip() for line in lines)
        return f"{title}\n{text}" if title else text
    rules = ["-" * (width + 1) + ":" for width in widths]
    if left:
        rules[0] = rules[0][::-1]
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    text = "\n".join([head, f"|{'|'.join(rules)}|", *body])
    return f"{title}\n\n{text}" if title else text


def _last_that_fits(widths: Sequence[int], width: int) -> int:
    """Return how many columns fit into `width`, at least two."""
    n, used = 1, widths[0]
    while n < len(widths) and (n == 1 or used + 2 + widths[n] <= width):
        used += 2 + widths[n]
        n += 1
    return n


def _columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], chosen: Sequence[int]
) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of some columns."""
    return [headings[i] for i in chosen], [[row[i] for i in chosen] for row in rows]


def flowed(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return a table of text with left-aligned cells.

    If a line would have more than `width` characters, the cells of the widest columns are wrapped;
    if words are too long for that, each cell gets its own line. No-break spaces are printed as
    spaces. (rich's tables break words in narrow columns.)

    Examples
    --------
    >>> print(flowed(["name", "use"], [["zeros", "biases"], ["large", "to see it fail"]], 16))
    name   use
    zeros  biases
    large  to see it
           fail
    """
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in cell.split(" ")) for column in columns]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        spare = [i for i, needed in enumerate(least) if widths[i] > needed]
        if not spare:
            return "\n\n".join(wrapped("\n".join(row), width) for row in rows)
        widths[max(spare, key=lambda i: widths[i])] -= 1
    lines = []
    for row in (headings, *rows):
        cells = [wrapped(cell, w).split("\n") for cell, w in zip(row, widths, strict=True)]
        for line in zip_longest(*cells, fillvalue=""):
            text = "  ".join(part.ljust(w) for part, w in zip(line, widths, strict=True))
            lines.append(text.rstrip())
    return "\n".join(lines)


def terminal_width() -> int | None:
    """Return the width of the terminal on standard output, or None if it is not a terminal."""
    return line_width() if is_terminal(sys.stdout) else None


def fitted(text: str) -> str:
    """Return text wrapped for the terminal, or unchanged if standard output is not a terminal."""
    width = terminal_width()
    return text if width is None else wrapped(text, width)


def line_width() -> int:
    """Return how many characters a line of output may have: 80 if it is not a terminal."""
    return shutil.get_terminal_size().columns


def wrapped(text: str, width: int) -> str:
    """Return text with each of its lines wrapped to at most `width` characters.

    A number is kept on one line with its margin or its per cent sign.

    Examples
    --------
    >>> print(wrapped("one two three", 8))
    one two
    three
    """
    for sign in (" ± ", " %"):
        text = text.replace(sign, sign.replace(" ", "\u00a0"))
    filled = [
        textwrap.fill(line, max(width, 1), break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    ]
    return "\n".join(filled).replace("\u00a0", " ")


def listed(names: Sequence[str], most: int) -> str:
    """Return the first `most` names in one line, and how many more there are.

    Examples
    --------
    >>> listed(["red", "green", "blue"], 2)
    'red, green and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Examples
    --------
    >>> counted(1, "epoch"), counted(30, "epoch")
    ('1 epoch', '30 epochs')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
