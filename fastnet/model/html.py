"""A network as a small HTML table, which notebooks show in place of its repr."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from fastnet.initializers import name_of

if TYPE_CHECKING:
    from fastnet.model.model import Model

__all__ = ["table"]

#: Of cells with text, with numbers, and of the line below; colours are the notebook's own.
LEFT = ' style="text-align: left; padding: 0.1em 0.8em"'
RIGHT = ' style="text-align: right; padding: 0.1em 0.8em"'
SMALL = ' style="font-size: smaller; opacity: 0.8"'
#: The heads of columns, and how those are set.
COLUMNS = {"layer": LEFT, "inputs": RIGHT, "units": RIGHT, "activation": LEFT, "parameters": RIGHT}


def table(model: Model) -> str:
    """Return a row a layer: units, activation, parameters; below it what else `repr` says.

    Parameters
    ----------
    model : Network

    Returns
    -------
    str
        HTML whose every name is escaped, without scripts or links.

    Examples
    --------
    >>> import fastnet
    >>> table(fastnet.Network([2, 3, 1])).count("<tr>")
    4
    """
    rows, total = [], 0
    for layer, ((n_in, n_out), name) in enumerate(
        zip(pairwise(model.sizes), model.activations, strict=True), 1
    ):
        count = (n_in + 1) * n_out
        total += count
        rows.append(_row("td", (str(layer), f"{n_in:,}", f"{n_out:,}", name, f"{count:,}")))
    epochs = len(model.history)
    facts = (
        model.cost.__name__,
        str(model.dtype),
        f"weights from {name_of(model._initializer)!r}",
        f"biases from {name_of(model._bias_initializer)!r}",
        f"{epochs} epoch{'s' if epochs > 1 else ''} of training" if epochs else "not trained",
    )
    head, foot = _row("th", tuple(COLUMNS)), _row("td", ("in all", "", "", "", f"{total:,}"))
    return (
        f"<div><strong>{escape(type(model).__name__)}</strong>"
        f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table>"
        f"<div{SMALL}>{escape(' · '.join(facts))}</div></div>"
    )


def _row(tag: str, texts: tuple[str, ...]) -> str:
    """Return a row of the table, a text a column."""
    cells = zip(COLUMNS.values(), texts, strict=True)
    return f"<tr>{''.join(f'<{tag}{style}>{escape(text)}</{tag}>' for style, text in cells)}</tr>"
