"""Tables in columns for a terminal or in Markdown, lists of names, and counted nouns."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["counted", "listed", "render"]


def render(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    markdown: bool = False,
    least_width: int = 10,
) -> str:
    """Return a table under its title, if it has one, its cells aligned to the right.

    The first column is aligned to the left if it holds words or has no heading; the others have
    `least_width`, unless in Markdown.

    Examples
    --------
    >>> print(render(["epoch", "right"], [["1", "86.43"], ["2", "89.01"]]))
    epoch       right
        1       86.43
        2       89.01
    >>> print(render(["start", "right"], [["old", "86.43"]], markdown=True))
    | start | right |
    |:------|------:|
    | old   | 86.43 |
    """
    table = [headings, *rows]
    if markdown:  # a bar in a cell would end it
        table = [[cell.replace("|", r"\|") for cell in row] for row in table]
        least_width = 1
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths = [widths[0], *(max(width, least_width) for width in widths[1:])]
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


def listed(names: Sequence[str], most: int) -> str:
    """Return the first `most` of the names, and how many more there are.

    Examples
    --------
    >>> listed(["red", "green", "blue"], 2)
    'red, green and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'s' * (number != 1)}"
