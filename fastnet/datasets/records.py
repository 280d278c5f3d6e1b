"""`Reader`: the records of a table of text, its separator, header and comments."""

from __future__ import annotations

import csv
import io
import os
import reprlib
from collections.abc import Iterator, Sequence
from typing import NoReturn, Self

from fastnet.common.arguments import in_one_line
from fastnet.datasets.labels import as_number, has_decimal_comma
from fastnet.datasets.sources import source_name
from fastnet.datasets.unpacking import open_text

__all__ = ["BLANK", "LONGEST_RECORD", "MISSING", "Reader"]

#: The most characters of a record. Python needs up to fifty bytes for a field of one character.
LONGEST_RECORD = 1 << 22
#: Common markers of a missing value.
MISSING = {"", "-", "?", "na", "n/a", "nan", "nil", "none", "null", "missing"}
#: Characters that separate fields; if none of these does, blanks do.
SEPARATORS = ",;\t|"
BLANK = " "


class Reader:
    """An open table of text; its errors name the table.

    Attributes
    ----------
    source : str
        What messages call the table.
    header : list of str
        The names of the columns.
    separator : str
    n_comments : int
        How many comments below the first line of the table have been skipped so far.
    underscore : bool
        Whether the last record contains an underscore, which only Python accepts in numbers.
    """

    def __init__(self, path: str | os.PathLike[str], header: bool | None = None) -> None:
        self.source = source_name(path)
        self._has_header = header
        self.underscore = False
        self.line = 0
        self._ahead: list[tuple[list[str], int, bool]] = []
        # Closed by `__exit__`, or below if this constructor fails.
        self._file = open_text(path)
        try:
            self._lines = _Lines(self._file)
            try:
                first, second = self._lines.look_ahead()
            except UnicodeDecodeError as error:
                self._refuse_encoding(error)
            except csv.Error as error:
                self.refuse(f"line {self._lines.number + 1}: {error}", error)
            self.separator = _separator(first, second)
            self._lines.blanks = self.separator == BLANK
            self._read = _parse(self._lines, self.separator)
            record = self._next()
            if record is None:
                only = " except for lines that begin with #" if self._lines.comment_above else ""
                self.refuse(f"it is empty{only}; expected a first line that names the columns")
            if header is False:
                self.header = [str(place + 1) for place in range(len(record[0]))]
                self._ahead = [record]
            else:
                self.header = [name.strip() for name in record[0]]
                self._place = record[1:]
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[list[str]]:
        """Yield the fields of each line that is not blank."""
        while (found := self._ahead.pop(0) if self._ahead else self._next()) is not None:
            record, self.line, self.underscore = found
            yield record

    def _next(self) -> tuple[list[str], int, bool] | None:
        """Return the next record, its line, and whether it has an underscore; None at the end."""
        while True:
            try:
                record = next(self._read, None)
            except csv.Error as error:
                self.refuse(f"line {self._lines.number}: {error}", error)
            except UnicodeDecodeError as error:
                self._refuse_encoding(error)
            if record is None:
                return None
            found = record, self._lines.number, self._lines.underscore
            self._lines.new_record()
            if len(record) > 1 or (record and record[0].strip()):
                return found

    @property
    def n_comments(self) -> int:
        """The number of comments below the first line of the table, so far."""
        return self._lines.n_comments

    def _refuse_encoding(self, error: UnicodeDecodeError) -> NoReturn:
        line = self._lines.number
        where = f"after line {line} it" if line else "it"
        self.refuse(f"{where} is not text in UTF-8; save it as CSV in UTF-8", error)

    def refuse(self, cause: str, error: Exception | None = None, most: int = 400) -> NoReturn:
        """Raise a ValueError that names the file."""
        raise ValueError(f"{self.source}: {in_one_line(cause, most)}") from error

    def check_header(self, wanted: Sequence[str]) -> None:
        """Refuse a first line that looks like data, and duplicate names.

        A first line that contains a word among the `wanted` names is a header. If the first line
        looks like data, a comment above it with as many fields names the columns.
        """
        if self._has_header is False:
            return
        names = set(self.header)
        known = any(name in names and as_number(name) is None for name in wanted)
        if self._has_header is None and not known:
            self._check_no_data()
        seen: set[str] = set()
        for name in self.header:
            if name and name in seen:
                self.refuse(
                    f"two columns are named {reprlib.repr(name)}; rename one, or give --no-header "
                    "if the first line is data"
                )
            seen.add(name)

    def _check_no_data(self) -> None:
        cause = self._like_data()
        if not cause:
            return
        comment = self._lines.comment_above.lstrip("#").strip()
        names = [name.strip() for name in _fields(comment, self.separator)]
        if len(names) == len(self.header) and not any(map(_may_be_number, names)):
            self._ahead.insert(0, (self.header, *self._place))
            self.header = names
            return
        self.refuse(
            f"{cause}; if it is data, give --no-header, and columns are named 1, 2, ...; if it "
            "names the columns, give --header"
        )

    def _like_data(self) -> str:
        """Return why the first line looks like data, or an empty string."""
        numbers = sum(map(_is_number, self.header))
        if numbers == len(self.header):
            return "its first line has only numbers"
        if not numbers:
            return ""
        below = self._next()
        if below is not None:
            self._ahead.append(below)
        cells = below[0] if below is not None else self.header
        for place, (name, cell) in enumerate(zip(self.header, cells, strict=False), 1):
            if _is_number(name) and _may_be_number(cell):
                return (
                    f"its first line looks like data: column {place} is named "
                    f"{reprlib.repr(name)} and contains numbers"
                )
        return ""


class _Lines:
    """The lines of a file without its comments; refuses records that are too long."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._length = 0
        self._kept: list[tuple[str, int]] = []
        self._read = 0
        #: The number of the last line.
        self.number = 0
        #: Whether the record so far has an underscore.
        self.underscore = False
        #: Whether runs of blanks and tabs separate the fields.
        self.blanks = False
        #: How many comments were skipped.
        self.n_comments = 0
        #: The last comment above the first line of the table.
        self.comment_above = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self.number = self._kept.pop(0) if self._kept else self._next()
        if line[:1] == "#" and not self._length:
            while _is_comment(line):
                self.n_comments += 1
                line, self.number = self._next()
        if not line:
            raise StopIteration
        self._length += len(line)
        if self._length >= LONGEST_RECORD:
            raise csv.Error(f"it has {LONGEST_RECORD} characters or more")
        self.underscore = self.underscore or "_" in line
        return f"{line.replace(chr(9), BLANK).rstrip()}\n" if self.blanks else line

    def _next(self) -> tuple[str, int]:
        """Return the next line, empty at the end, and its number."""
        line = self._stream.readline(LONGEST_RECORD)
        self._read += 1
        return line, self._read

    def new_record(self) -> None:
        """Reset the counters after a complete record."""
        self._length = 0
        self.underscore = False

    def look_ahead(self) -> tuple[str, str]:
        """Return the first two lines of the table without consuming them; empty at the end."""
        line, number = self._next_full(above=True)
        self._kept.append((line, number))
        second = ""
        if line and line.count('"') % 2 == 0:  # else the first record continues
            second, number = self._next_full(above=False)
            self._kept.append((second, number))
        self.number = 0
        return line, second

    def _next_full(self, *, above: bool) -> tuple[str, int]:
        """Return the next line that is neither blank nor a comment."""
        while True:
            line, number = self._next()
            if len(line) >= LONGEST_RECORD:
                raise csv.Error(f"it has {LONGEST_RECORD} characters or more")
            if _is_comment(line):
                self.comment_above = line if above else self.comment_above
                self.n_comments += not above
            elif not line or not line.isspace():
                return line, number
            self.number = number


def _is_comment(line: str) -> bool:
    """Return whether a line is a comment, rather than data whose first field is "#"."""
    return line.startswith("#") and line[1:2] not in tuple(SEPARATORS)


def _parse(lines: Iterator[str], separator: str, *, strict: bool = True) -> Iterator[list[str]]:
    return csv.reader(
        lines, delimiter=separator, skipinitialspace=separator == BLANK, strict=strict
    )


def _fields(line: str, separator: str) -> list[str]:
    if separator == BLANK:
        line = line.replace("\t", BLANK).rstrip()
    try:
        return next(_parse(iter([line]), separator, strict=False), [])
    except csv.Error:  # a long line is too long for a single field
        return []


def _separator(first: str, second: str) -> str:
    """Return the character that separates the fields of a table with these first lines.

    Separators that divide both lines into the same number of fields are preferred, then those that
    give more fields in the first line, then the comma. Blanks are chosen only if nothing else
    divides both lines. If another separator leaves numbers with decimal commas, it precedes the
    comma.

    Examples
    --------
    >>> [_separator(first, "") for first in ("a,b;c", "a;b;c,d", "a b", "1,5;2,5;x")]
    [',', ';', ',', ';']
    >>> _separator("a b c", "1  2   3"), _separator("long name,kind", "1,two words")
    (' ', ',')
    """
    counts: dict[str, tuple[bool, int]] = {}
    for mark in SEPARATORS + BLANK:
        # Only one list at a time is kept: a line may have millions of fields.
        n, n_first = len(_fields(second or first, mark)), len(_fields(first, mark))
        counts[mark] = (n == n_first > 1, n_first)
        if mark != "," and n == n_first > 1:
            commas = [cell for cell in _fields(second or first, mark) if "," in cell]
            if commas and all(map(has_decimal_comma, commas)):
                return mark
    best = max(SEPARATORS, key=lambda mark: counts[mark])
    return BLANK if second and counts[BLANK][0] and not counts[best][0] else best


def _is_number(text: str) -> bool:
    return as_number(text) is not None


def _may_be_number(cell: str) -> bool:
    return _is_number(cell) or cell.strip().lower() in MISSING
