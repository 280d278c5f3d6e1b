"""The reader of .csv files, plain or gzipped, with or without a line of column names."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import reprlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.datasets.labels import as_number
from fastnet.datasets.table import Table, display_name
from fastnet.datasets.unpacking import open_text

__all__ = ["read_csv", "read_header"]

Array = NDArray[Any]

#: Characters in a record, at most. Python takes up to fifty bytes for a field of one character.
LONGEST_RECORD = 1 << 22
#: Common markers of a missing value.
MISSING = {"", "-", "?", "na", "n/a", "nan", "nil", "none", "null", "missing"}
#: Those markers that are unlikely to be the name of a class.
UNLABELLED = {"", "?", "na", "n/a", "nan", "null"}
#: Common names of the column with the labels.
LABELS = {"label", "labels", "class", "target", "y"}


def read_csv(
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    labelled: bool = True,
    header: bool | None = None,
) -> Table:
    r"""Return the table in a file of text.

    Parameters
    ----------
    path : str or os.PathLike
        UTF-8, with or without a byte order mark. Fields are separated by commas, or by semicolons
        or tabs if that gives the first line more fields, and may be quoted. Empty lines are
        skipped. Gzipped text is recognized by its content.
    label : str, optional
        The column with the labels; by default the last one that is not in `columns` or `ignore`.
        Required if another is called "label", "class", "target" or "y".
    columns : sequence of str, optional
        The columns that are inputs, in this order; by default all others.
    ignore : sequence of str
        Columns to leave out.
    labelled : bool, default True
        Whether labels are read. If not, the column `label` is left out if it is there.
    header : bool, optional
        Whether the first line names the columns. If not, they are called "1", "2" and so on. By
        default it does, and a first line that looks like data is refused.

    Returns
    -------
    Table
        X of float64; y of strings without surrounding blanks, or None.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The text is not such a table, a column is missing, or a value is missing or not a number;
        the message names line and column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "flowers.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("length,width,kind\n5.1,3.5,setosa\n6.0,2.2,virginica\n")
    ...     table = read_csv(path)
    >>> table.X.tolist(), table.y.tolist(), table.columns, table.target
    ([[5.1, 3.5], [6.0, 2.2]], ['setosa', 'virginica'], ('length', 'width'), 'kind')
    """
    with _Reader(path, header) as reader:
        reader.check_header((*(columns or ()), *ignore, *([] if label is None else [label])))
        inputs, target = _choose(reader, label, columns, ignore, labelled)
        X, y = _read_rows(reader, inputs, target)
        names = tuple(reader.header[i] for i in inputs)
        target_name = None if target is None else reader.header[target]
        known = {*names, *ignore, label, target_name}
        unused = tuple(name for name in reader.header if name not in known)
        return Table(display_name(path), X, y, names, target_name, unused)


def read_header(path: str | os.PathLike[str], header: bool | None = None) -> list[str]:
    """Return the names of a table's columns; see `read_csv`."""
    with _Reader(path, header) as reader:
        reader.check_header(())
        return reader.header


def last_or_named(names: Iterable[str]) -> str:
    """Return the column that has the labels by default: the last one.

    Raises
    ------
    ValueError
        Another column has a common name of labels, so that the user has to choose.

    Examples
    --------
    >>> last_or_named(["x", "y", "kind"])
    'kind'
    """
    found, last = [], ""
    for name in names:  # there may be a million, so they are not copied
        if name.lower() in LABELS and (last.lower(), name.lower()) != ("x", "y"):  # coordinates
            found.append(name)
        last = name
    if found and found != [last]:
        other = found[0]
        raise ValueError(
            f"the labels may be in the last column, {reprlib.repr(last)}, or in "
            f"{reprlib.repr(other)}; say which (--label {_as_word(other)} or --label "
            f"{_as_word(last)})"
        )
    return last


def _as_word(name: str) -> str:
    return in_one_line(name, 40) if re.fullmatch(r"[\w.-]+", name) else repr(in_one_line(name, 40))


class _Lines:
    """The lines of a file; records that are too long are refused."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._length = 0
        #: Whether the record so far has an underscore, which only Python accepts in numbers.
        self.underscore = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_RECORD)
        if not line:
            raise StopIteration
        self._length += len(line)
        if self._length >= LONGEST_RECORD:
            raise csv.Error(f"it goes on for {LONGEST_RECORD} characters or more")
        self.underscore = self.underscore or "_" in line
        return line

    def new_record(self) -> None:
        """Start counting anew, after a record is complete."""
        self._length = 0
        self.underscore = False


class _Reader:
    """An open table of text, every error of which names it."""

    def __init__(self, path: str | os.PathLike[str], header: bool | None = None) -> None:
        self.source = repr(os.fsdecode(path))
        self._has_header = header
        #: Whether the last record has an underscore.
        self.underscore = False
        self._line = 0
        self._ahead: list[tuple[list[str], int, bool]] = []
        # Closed by `__exit__`, or here if an error leaves nothing to be closed later.
        self._file = open_text(path)
        try:
            self._lines = _Lines(self._file)
            try:
                line = next(self._lines, "")
            except UnicodeDecodeError as error:
                self.refuse("it is no text in UTF-8", error)
            except csv.Error as error:
                self.refuse(f"line 1: {error}", error)
            lines = chain([line], self._lines)
            self._read = csv.reader(lines, delimiter=_delimiter(line), strict=True)
            first = self._next()
            if first is None:
                self.refuse("it is empty; expected a first line that names the columns")
            if header is False:
                self.header = [str(place + 1) for place in range(len(first[0]))]
                self._ahead = [first]
            else:
                self.header = [name.strip() for name in first[0]]
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[list[str]]:
        """Yield the fields of each line that is not blank."""
        while (found := self._ahead.pop() if self._ahead else self._next()) is not None:
            record, self._line, self.underscore = found
            yield record

    def _next(self) -> tuple[list[str], int, bool] | None:
        """Return the next record, its line, and whether it has an underscore; None at the end."""
        while True:
            try:
                record = next(self._read, None)
            except csv.Error as error:
                self.refuse(f"line {self._read.line_num}: {error}", error)
            except UnicodeDecodeError as error:
                self.refuse(
                    f"after line {self._read.line_num} comes what is no text in UTF-8", error
                )
            if record is None:
                return None
            found = record, self._read.line_num, self._lines.underscore
            self._lines.new_record()
            if len(record) > 1 or (record and record[0].strip()):
                return found

    def refuse(self, cause: str, error: Exception | None = None) -> NoReturn:
        """Raise a ValueError that names the file."""
        raise ValueError(f"{self.source}: {in_one_line(cause)}") from error

    @property
    def here(self) -> str:
        """The place of the last record, for messages."""
        return f"line {self._line}"

    def check_header(self, wanted: Sequence[str]) -> None:
        """Refuse a first line that looks like data, and duplicate names.

        A first line that contains a word among the `wanted` names is a header.
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
                    f"two columns are named {reprlib.repr(name)}; give each a name of its own, or "
                    "say --no-header if the first line holds data"
                )
            seen.add(name)

    def _check_no_data(self) -> None:
        ways = (
            "if it holds data, say --no-header, and columns are called 1, 2, ...; if it names the "
            "columns, say --header"
        )
        numbers = sum(as_number(name) is not None for name in self.header)
        if numbers == len(self.header):
            self.refuse(f"its first line holds numbers only; {ways}")
        if not numbers:
            return
        below = self._next()
        if below is not None:
            self._ahead.append(below)
        cells = below[0] if below is not None else self.header
        for place, (name, cell) in enumerate(zip(self.header, cells, strict=False), 1):
            if as_number(name) is not None and _may_be_number(cell):
                self.refuse(
                    f"its first line looks like data: column {place} is called "
                    f"{reprlib.repr(name)} and holds numbers; {ways}"
                )


def _delimiter(line: str) -> str:
    """Return which separator gives the first line the most fields, in doubt a comma."""

    def fields(mark: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=mark), []))
        except csv.Error:  # a long line is too long for a single field
            return 0

    return max(",;\t", key=fields)


def _may_be_number(cell: str) -> bool:
    return as_number(cell) is not None or cell.strip().lower() in MISSING


def _choose(
    reader: _Reader,
    label: str | None,
    columns: Sequence[str] | None,
    ignore: Sequence[str],
    labelled: bool,
) -> tuple[list[int], int | None]:
    """Return the indices of the input columns, and of the column with the labels."""
    header = reader.header
    # Nothing here may search the header for each column: a line can name a million.
    place: dict[str, int] = {}
    for i, name in enumerate(header):
        place.setdefault(name, i)
    for name in (*([label] if label is not None and labelled else []), *(columns or ()), *ignore):
        if name not in place:
            few = in_one_line(", ".join(header[:8]), 200) + (", ..." if len(header) > 8 else "")
            reader.refuse(f"it has no column {reprlib.repr(name)}; its columns are {few}")
    left = [i for i, name in enumerate(header) if name not in ignore and name != label]
    target = None
    if labelled and label is not None:
        target = place[label]
    elif labelled:
        wanted = set(columns or ())
        if not any(header[i] not in wanted for i in left):
            reader.refuse("it has no column left for the labels")
        try:
            target = place[last_or_named(header[i] for i in left if header[i] not in wanted)]
        except ValueError as error:
            reader.refuse(str(error), error)
    if target is not None and target in left:
        left.remove(target)
    inputs = left
    if columns is not None:
        inputs = [place[name] for name in columns]
    if not inputs:
        reader.refuse(f"it has {len(header)} columns, and none is left for the inputs")
    nameless = next((i for i in (*inputs, target) if i is not None and not header[i]), None)
    if nameless is not None:
        reader.refuse(
            f"column {nameless + 1} has no name; if it numbers the rows, ignore it (--ignore ''), "
            "else name it"
        )
    return inputs, target


def _read_rows(
    reader: _Reader, inputs: Sequence[int], target: int | None
) -> tuple[Array, Array | None]:
    """Return the inputs and the labels of all rows."""
    width = len(reader.header)
    pick = _picker(inputs)
    numbers, labels = array("d"), []
    known: dict[str, str] = {}  # equal labels share one string
    for record in reader.records():
        if len(record) != width:
            reader.refuse(
                f"{reader.here} has {len(record)} fields, and the first line names {width} columns"
            )
        cells = pick(record)
        try:
            values = [*map(float, cells)]
        except ValueError:
            values = [math.nan]
        # A sum finds infinity and NaN at the speed of C; where large numbers overflow, the second
        # look finds nothing.
        if not math.isfinite(sum(values)) or reader.underscore:
            _check_cells(reader, cells, inputs)
        numbers.extend(values)
        if target is not None:
            text = record[target].strip()
            if text.lower() in UNLABELLED:
                _refuse_value(reader, text, target)
            labels.append(known.setdefault(text, text))
    if not numbers:
        reader.refuse("it has no rows, only names of columns")
    X = np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(inputs))
    y = None
    if target is not None:
        y = np.empty(len(labels), dtype=object)
        y[:] = labels
    return X, y


def _picker(inputs: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    """Return a function that takes the input fields of a record, fast."""
    first, last = inputs[0], inputs[-1]
    if list(inputs) == list(range(first, last + 1)):
        return itemgetter(slice(first, last + 1))
    return itemgetter(*inputs)


def _check_cells(reader: _Reader, cells: Sequence[str], inputs: Sequence[int]) -> None:
    for cell, i in zip(cells, inputs, strict=True):
        number = as_number(cell)
        if number is None or not math.isfinite(number):
            _refuse_value(reader, cell.strip(), i)


def _refuse_value(reader: _Reader, text: str, column: int) -> NoReturn:
    where = f"{reader.here}, column {reprlib.repr(reader.header[column])}"
    if text.lower() in MISSING:
        found = f" ({text!r})" if text else ""
        reader.refuse(f"{where}: the value is missing{found}; fill it in or leave the row out")
    reader.refuse(
        f"{where} holds {reprlib.repr(text)}, which is no finite number; leave the column out "
        "(--ignore) or make numbers of it"
    )
