"""Tables of text: in columns for a terminal, or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["render", "share_text", "titled"]


def render(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool = False
) -> str:
    """Return a table, its first column aligned to the left if it holds words, the others right.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequence of str
        Each as many cells as there are headings.
    markdown : bool, keyword only, default False

    Returns
    -------
    str
        Without a line's end at its own end.

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
    if markdown:  # a bar in a cell would end it
        headings = [heading.replace("|", r"\|") for heading in headings]
        rows = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    least = 1 if markdown else 10
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    widths = [widths[0], *(max(width, least) for width in widths[1:])]
    left = any(not row[0].isdigit() for row in rows)
    lines = [
        [
            cell.ljust(w) if left and place == 0 else cell.rjust(w)
            for place, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (headings, *rows)
    ]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    rules = ["-" * (width + 1) + ":" for width in widths]
    if left:
        rules[0] = ":" + "-" * (widths[0] + 1)
    body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([body[0], f"|{'|'.join(rules)}|", *body[1:]])


def titled(title: str, table: str, *, markdown: bool = False) -> str:
    """Return a table under its title; Markdown wants an empty line between them."""
    between = "\n\n" if markdown else "\n"
    return f"{title}{between}{table}"


def share_text(share: float) -> str:
    """Return a share in per cent, three digits of it where it is small.

    Examples
    --------
    >>> share_text(0.8374), share_text(0.0001756), share_text(0.0)
    ('83.7 %', '0.0176 %', '0 %')
    """
    percent = 100 * share
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.3g} %"
