"""Tables in HTML, which notebooks show instead of an object's repr."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

__all__ = ["Records", "records_table", "table"]

#: Styles of cells with text, of cells with numbers, and of the notes; colours are the notebook's.
LEFT = ' style="text-align: left; padding: 0.1em 0.8em"'
RIGHT = ' style="text-align: right; padding: 0.1em 0.8em"'
SMALL = ' style="font-size: smaller; opacity: 0.8"'
#: A long table shows this many rows at the beginning and at the end.
ENDS = 10


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Iterable[str] = (),
    *,
    foot: Sequence[Any] = (),
) -> str:
    """Return a table with notes below it as HTML; all text is escaped.

    Columns of numbers and None are right-aligned, and rows in the middle of a long table are left
    out.

    Examples
    --------
    >>> table("Layers", ["layer", "units"], [[1, 30], [2, 10]]).count("<tr>")
    3
    """
    from html import escape

    styles = [
        RIGHT if all(_is_number(row[place]) for row in rows) else LEFT
        for place in range(len(columns))
    ]
    gap = len(rows) - 2 * ENDS
    shown = [*rows[:ENDS], *rows[-ENDS:]] if gap > 0 else rows
    lines = [_row("td", row, styles) for row in shown]
    if gap > 0:
        lines.insert(ENDS, _row("td", ["…", *[""] * (len(columns) - 1)], styles))
        notes = [*notes, f"{gap} rows in the middle are not shown"]
    head = _row("th", columns, styles)
    tail = f"<tfoot>{_row('td', foot, styles)}</tfoot>" if foot else ""
    below = escape(" · ".join(notes))
    return (
        f"<div><strong>{escape(title)}</strong>"
        f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody>{tail}</table>"
        f"<div{SMALL}>{below}</div></div>"
    )


def records_table(
    title: str, records: Sequence[Mapping[str, Any]], notes: Iterable[str] = ()
) -> str:
    """Return a table of dicts as HTML, a row for each dict and a column for each scalar entry.

    Examples
    --------
    >>> html = records_table("History", [{"epoch": 0, "cost": 0.5}, {"epoch": 1}])
    >>> html.count("<td"), html.count("<th ")
    (4, 2)
    """
    names = dict.fromkeys(name for record in records for name in record)
    columns = [
        name
        for name in names
        if not any(isinstance(r.get(name), (list, tuple, dict)) for r in records)
    ]
    rows = [[record.get(name) for name in columns] for record in records]
    return table(title, list(map(str, columns)), rows, notes)


class Records(list[dict[str, Any]]):
    """A list of dicts that a notebook shows as a table."""

    #: The name of a column that numbers the dicts from 1.
    _counted: ClassVar[str | None] = None

    def _repr_html_(self) -> str:
        counted = self._counted
        rows = [{counted: k, **one} for k, one in enumerate(self, 1)] if counted else self
        return records_table(type(self).__name__, rows)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (value is None or isinstance(value, numbers.Real))


def _row(tag: str, cells: Sequence[Any], styles: Sequence[str]) -> str:
    """Return a row of the table as HTML."""
    from html import escape

    pairs = zip(styles, map(_text, cells), strict=True)
    return f"<tr>{''.join(f'<{tag}{style}>{escape(text)}</{tag}>' for style, text in pairs)}</tr>"


def _text(cell: Any) -> str:
    """Return a cell's text: numbers have six digits, integers have thousands separators."""
    if cell is None:
        return ""
    if _is_number(cell):
        return f"{int(cell):,}" if isinstance(cell, numbers.Integral) else f"{float(cell):.6g}"
    text = str(cell)
    return text if len(text) <= 100 else f"{text[:99]}…"
