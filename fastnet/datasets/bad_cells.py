"""`BadCells`: collects the cells of a table that are not numbers, for one message."""

from __future__ import annotations

import re
import reprlib
from array import array
from collections.abc import Sequence

from fastnet.common.arguments import in_one_line
from fastnet.datasets.labels import as_number, has_decimal_comma
from fastnet.datasets.records import MISSING

__all__ = ["MOST_ROWS", "BadCells", "as_word"]

#: The most cells, and the most columns with cells, that a message shows.
MOST_CELLS = 10
#: The most characters of a cell that it shows.
LONGEST_CELL = 30
#: The most names of further columns that it shows.
MOST_NAMES = 20
#: The reader stops after this many rows with bad cells: by then a column of words is evident.
MOST_ROWS = 1000


class BadCells:
    """The cells that are missing or not finite numbers: counts, and the first of each column."""

    def __init__(self, width: int) -> None:
        self._counts = array("q", bytes(8 * width))
        self._first: dict[int, list[tuple[int, str]]] = {}

    def add(self, column: int, line: int, text: str) -> None:
        """Add one cell, which stands in a line of the file."""
        self._counts[column] += 1
        if self._counts[column] <= MOST_CELLS and (
            column in self._first or len(self._first) < MOST_CELLS
        ):
            self._first.setdefault(column, []).append((line, text[: LONGEST_CELL + 1]))

    def __bool__(self) -> bool:
        return bool(self._first)

    def message(self, header: Sequence[str], n_rows: int, *, all_read: bool) -> str:
        """Return a message: the columns with bad cells, up to ten of the cells, and what to do.

        Parameters
        ----------
        header : sequence of str
            The names of the columns.
        n_rows : int
            How many rows were read.
        all_read : bool, keyword only
            Whether the table was read to its end.
        """
        columns = [i for i, count in enumerate(self._counts) if count]
        if sum(self._counts) == 1:
            ((line, text),) = self._first[columns[0]]
            where = f"line {line}, column {reprlib.repr(header[columns[0]])}"
            if _is_missing(text):
                marker = f" ({text!r})" if text else ""
                return f"{where}: the value is missing{marker}; fill it in or leave the row out"
            found = f"{where} has {_shown(text)}, which is not a finite number"
            return f"{found}; {self._advice(header, n_rows)}"
        found = "; ".join(self._column(header[i], i, all_read) for i in self._first)
        others = [reprlib.repr(header[i]) for i in columns if i not in self._first]
        if others:
            more = len(others) - MOST_NAMES
            tail = f" and {more} more columns" if more > 0 else ""
            found += f"; and in {', '.join(others[:MOST_NAMES])}{tail}"
        have = "column has" if len(columns) == 1 else "columns have"
        return (
            f"{len(columns)} {have} cells that are missing or not finite numbers: {found}. To do: "
            f"{self._advice(header, n_rows)}"
        )

    def _column(self, name: str, column: int, all_read: bool) -> str:
        """Return some of a column's cells: the ten are shared evenly among columns."""
        first = self._first[column][: MOST_CELLS // len(self._first)]
        shown = [f"{_shown(text)} in line {line}" for line, text in first]
        more = self._counts[column] - len(shown)
        tail = f" and {more if all_read else 'many'} more" if more else ""
        return f"{reprlib.repr(name)} ({', '.join(shown)}{tail})"

    def _advice(self, header: Sequence[str], n_rows: int) -> str:
        """Return advice on the bad cells."""
        kinds = {i: {_kind(text) for _, text in found} for i, found in self._first.items()}
        found = set().union(*kinds.values())
        words = [
            as_word(header[i])
            for i, count in enumerate(self._counts)
            if count == n_rows and kinds.get(i, {"word"}) == {"word"}
        ]
        advice = []
        if "comma" in found:
            advice.append("write decimal commas as points (1.5, not 1,5)")
        if words:
            tail = " ..." if len(words) > MOST_NAMES else ""
            advice.append(
                f"leave columns of words out (--ignore {' '.join(words[:MOST_NAMES])}{tail})"
            )
        if "missing" in found:
            advice.append("fill in missing values or leave those rows out")
        return "; ".join(advice or ["correct the cells, or leave the column out (--ignore)"])


def _kind(text: str) -> str:
    if _is_missing(text):
        return "missing"
    if has_decimal_comma(text):
        return "comma"
    return "word" if as_number(text) is None else "number"


def _is_missing(text: str) -> bool:
    return text.lower() in MISSING


def _shown(text: str) -> str:
    """Return a cell, quoted and shortened for a message."""
    if _is_missing(text):
        return f"missing ({text!r})" if text else "missing"
    return repr(in_one_line(text, LONGEST_CELL))


def as_word(name: str) -> str:
    """Return a name as a word of a command line, shortened, and quoted if needed."""
    return in_one_line(name, 40) if re.fullmatch(r"[\w.-]+", name) else repr(in_one_line(name, 40))
