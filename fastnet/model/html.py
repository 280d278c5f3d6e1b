"""A network as an HTML table, which notebooks show in place of its repr."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from fastnet.model.architecture import Architecture

__all__ = ["table"]

#: Of cells with text, with numbers, and of the line below; colours are the notebook's own.
LEFT = ' style="text-align: left; padding: 0.1em 0.8em"'
RIGHT = ' style="text-align: right; padding: 0.1em 0.8em"'
SMALL = ' style="font-size: smaller; opacity: 0.8"'
#: The heads of columns, and how those are set.
COLUMNS = {"layer": LEFT, "inputs": RIGHT, "units": RIGHT, "activation": LEFT, "parameters": RIGHT}


def table(name: str, architecture: Architecture, facts: Iterable[str]) -> str:
    """Return HTML with a row a layer, and the facts below; all text is escaped.

    Examples
    --------
    >>> import fastnet
    >>> fastnet.Network([2, 3, 1])._repr_html_().count("<tr>")
    4
    """
    rows = [
        _row("td", (str(layer), f"{n_in:,}", f"{n_out:,}", activation, f"{count:,}"))
        for layer, (n_in, n_out, activation, count) in enumerate(architecture.layers, 1)
    ]
    total = sum(count for *_, count in architecture.layers)
    head, foot = _row("th", tuple(COLUMNS)), _row("td", ("in all", "", "", "", f"{total:,}"))
    return (
        f"<div><strong>{escape(name)}</strong>"
        f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table>"
        f"<div{SMALL}>{escape(' · '.join(facts))}</div></div>"
    )


def _row(tag: str, texts: tuple[str, ...]) -> str:
    """Return a row of the table, a text a column."""
    cells = zip(COLUMNS.values(), texts, strict=True)
    return f"<tr>{''.join(f'<{tag}{style}>{escape(text)}</{tag}>' for style, text in cells)}</tr>"
