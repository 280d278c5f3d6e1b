"""Tables out of text: .csv files, whose first line names the columns."""

from __future__ import annotations

import csv
import io
import math
import os
import reprlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from fastnet.arguments import in_one_line
from fastnet.tables.labels import as_number
from fastnet.tables.table import Table, display_name

__all__ = ["read_csv", "read_header"]

Array = NDArray[Any]

#: A record may have this many characters. Python takes up to fifty bytes for a field of one.
LONGEST_RECORD = 1 << 22
#: What people write where they have no value.
MISSING = {"", "-", "?", "na", "n/a", "nan", "nil", "none", "null", "missing"}
#: And of these, what no class is likely to be called.
UNLABELLED = {"", "?", "na", "n/a", "nan", "null"}


def read_csv(
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    labelled: bool = True,
) -> Table:
    r"""Read a table of text whose first line names the columns.

    Parameters
    ----------
    path : str or os.PathLike
        UTF-8, with or without a byte order mark. Fields are separated by commas, or by semicolons
        or tabs where that gives the first line more fields, and may be quoted. Empty lines are
        passed over.
    label : str, optional
        The column with the labels; by default the last one that is not in `columns` or `ignore`.
    columns : sequence of str, optional
        The columns that are inputs, in the order wanted; by default all others.
    ignore : sequence of str
        Columns to leave out.
    labelled : bool, default True
        Whether labels are read. If not, the column `label` is left out if it is there.

    Returns
    -------
    Table
        X of float64; y of strings without the blanks around them, or None.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The text is not such a table, a column is missing, or a value is missing or no number; the
        message names line and column.

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
    with _Reader(path) as reader:
        inputs, target = _choose(reader, label, columns, ignore, labelled)
        X, y = _read_rows(reader, inputs, target)
        names = tuple(reader.header[i] for i in inputs)
        target_name = None if target is None else reader.header[target]
        return Table(display_name(path), X, y, names, target_name)


def read_header(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of a table's columns.

    Parameters
    ----------
    path : str or os.PathLike

    Raises
    ------
    OSError, ValueError
        As `read_csv`.
    """
    with _Reader(path) as reader:
        return reader.header


class _Lines:
    """The lines of a file, as long as a record does not become too long."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._length = 0
        #: Whether the record so far has what `float` reads as nobody else does.
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
        """Forget what was counted: a record is complete."""
        self._length = 0
        self.underscore = False


class _Reader:
    """An open table of text, every error of which names it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.source = repr(os.fsdecode(path))
        # Closed by `__exit__`, or here where there is nothing to come back to.
        self._file = open(path, encoding="utf-8-sig", newline="")  # noqa: SIM115
        try:
            self.lines = _Lines(self._file)
            self._read = csv.reader(self.lines, delimiter=self._delimiter(), strict=True)
            self.header = [name.strip() for name in next(self.records(), [])]
            self.lines.new_record()
            self._check_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[list[str]]:
        """Yield the fields of each line that is not blank."""
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
                return
            if len(record) > 1 or (record and record[0].strip()):
                yield record
            self.lines.new_record()

    def refuse(self, cause: str, error: Exception | None = None) -> NoReturn:
        """Raise the ValueError that says why this is no table of numbers."""
        raise ValueError(f"{self.source}: {in_one_line(cause)}") from error

    @property
    def here(self) -> str:
        """Where the record that was read last is."""
        return f"line {self._read.line_num}"

    def _delimiter(self) -> str:
        """Return what gives the first line the most fields, in doubt a comma."""
        try:
            first = self._file.readline(LONGEST_RECORD)
            self._file.seek(0)
        except UnicodeDecodeError as error:
            self.refuse("it is no text in UTF-8", error)

        def fields(mark: str) -> int:
            try:
                return len(next(csv.reader([first], delimiter=mark), []))
            except csv.Error:  # a long line is too long for a single field
                return 0

        return max(",;\t", key=fields)

    def _check_header(self) -> None:
        names = self.header
        if not names:
            self.refuse("it is empty; expected a first line that names the columns")
        if all(as_number(name) is not None for name in names):
            self.refuse("its first line holds numbers only; expected the names of the columns")
        seen: set[str] = set()
        for name in names:
            if name and name in seen:
                self.refuse(
                    f"two columns are named {reprlib.repr(name)}; give each a name of its own"
                )
            seen.add(name)


def _choose(
    reader: _Reader,
    label: str | None,
    columns: Sequence[str] | None,
    ignore: Sequence[str],
    labelled: bool,
) -> tuple[list[int], int | None]:
    """Return the numbers of the columns that are inputs, and of the one with the labels."""
    header = reader.header
    # Nothing here may look through the header once a column: a line can name a million.
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
        target = next((i for i in reversed(left) if header[i] not in wanted), None)
        if target is None:
            reader.refuse("it has no column left for the labels")
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
    """Return all rows: numbers, and labels."""
    width = len(reader.header)
    pick = _picker(inputs)
    numbers, labels = array("d"), []
    known: dict[str, str] = {}  # a label is kept once, however often it comes
    for record in reader.records():
        if len(record) != width:
            reader.refuse(
                f"{reader.here} has {len(record)} fields, and the first line names {width} columns"
            )
        cells = pick(record)
        try:
            values = [*map(float, cells)]
        except ValueError:
            _refuse_cell(reader, cells, inputs)
        # A sum finds infinity and NaN at the speed of C, at the price of a second look where
        # large numbers overflow.
        if not math.isfinite(sum(values)) or reader.lines.underscore:
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
    """Return the fastest way to take some fields of a record."""
    first, last = inputs[0], inputs[-1]
    if list(inputs) == list(range(first, last + 1)):
        return itemgetter(slice(first, last + 1))
    return itemgetter(*inputs)


def _check_cells(reader: _Reader, cells: Sequence[str], inputs: Sequence[int]) -> None:
    for cell in cells:
        number = as_number(cell)
        if number is None or not math.isfinite(number):
            _refuse_cell(reader, cells, inputs)


def _refuse_cell(reader: _Reader, cells: Sequence[str], inputs: Sequence[int]) -> NoReturn:
    for cell, i in zip(cells, inputs, strict=True):
        number = as_number(cell)
        if number is None or not math.isfinite(number):
            _refuse_value(reader, cell.strip(), i)
    raise AssertionError(cells)


def _refuse_value(reader: _Reader, text: str, column: int) -> NoReturn:
    where = f"{reader.here}, column {reprlib.repr(reader.header[column])}"
    if text.lower() in MISSING:
        found = f" ({text!r})" if text else ""
        reader.refuse(f"{where}: the value is missing{found}; fill it in or leave the row out")
    reader.refuse(
        f"{where} holds {reprlib.repr(text)}, which is no finite number; leave the column out "
        "(--ignore) or make numbers of it"
    )
