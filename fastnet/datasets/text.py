"""`read_csv`: the reader of tables of text, such as .csv files, plain or gzipped."""

from __future__ import annotations

import math
import os
import reprlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.datasets.bad_cells import MOST_ROWS, BadCells, as_word
from fastnet.datasets.labels import as_number
from fastnet.datasets.records import BLANK, Reader
from fastnet.datasets.table import Table, display_name

__all__ = ["read_csv", "read_header"]

Array = NDArray[Any]

#: Markers of a missing label, none of which is likely to be the name of a class.
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
        UTF-8, with or without a byte order mark. Fields may be quoted, and are separated by commas,
        semicolons, tabs or bars, whichever divides the first two lines into the same and the
        largest number of fields; by blanks if none of these does. Empty lines are skipped, and so
        are comments: lines that begin with ``#``. Gzipped text is recognized by its content.
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
        default it does, and a first line that looks like data is refused unless a comment above it
        names as many columns.

    Returns
    -------
    Table
        X of float64; y of strings without surrounding blanks, or None.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The text is not such a table, a column is missing, or values are missing or not numbers;
        the message names all columns with such values, and up to ten of the values.

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
    with Reader(path, header) as reader:
        reader.check_header((*(columns or ()), *ignore, *([] if label is None else [label])))
        inputs, target = _choose(reader, label, columns, ignore, labelled)
        X, y = _read_rows(reader, inputs, target)
        names = tuple(reader.header[i] for i in inputs)
        target_name = None if target is None else reader.header[target]
        known = {*names, *ignore, label, target_name}
        unused = tuple(name for name in reader.header if name not in known)
        if reader.n_comments:
            unused += (_comments(reader),)
        return Table(display_name(path), X, y, names, target_name, unused)


def read_header(path: str | os.PathLike[str], header: bool | None = None) -> list[str]:
    """Return the names of a table's columns; see `read_csv`."""
    with Reader(path, header) as reader:
        reader.check_header(())
        return reader.header


def last_or_named(names: Iterable[str]) -> str:
    """Return the column that contains the labels by default: the last one.

    Raises
    ------
    ValueError
        Another column has a common name for labels, so the user must choose.

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
            f"{reprlib.repr(other)}; say which (--label {as_word(other)} or --label "
            f"{as_word(last)})"
        )
    return last


def _choose(
    reader: Reader,
    label: str | None,
    columns: Sequence[str] | None,
    ignore: Sequence[str],
    labelled: bool,
) -> tuple[list[int], int | None]:
    """Return the indices of the input columns, and of the column with the labels."""
    header = reader.header
    # No search of the whole header per column: a header may have a million names.
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
        reader.refuse(
            f"it has {_counted(len(header), 'column')}; none of them is left for the inputs"
        )
    nameless = next((i for i in (*inputs, target) if i is not None and not header[i]), None)
    if nameless is not None:
        reader.refuse(
            f"column {nameless + 1} has no name; name it, or leave it out if it numbers the rows "
            "(--ignore '')"
        )
    return inputs, target


def _read_rows(
    reader: Reader, inputs: Sequence[int], target: int | None
) -> tuple[Array, Array | None]:
    """Return the inputs and the labels of all rows."""
    width = len(reader.header)
    pick = _picker(inputs)
    numbers, labels = array("d"), []
    known: dict[str, str] = {}  # equal labels share one string
    bad, n_bad, n_rows = BadCells(width), 0, 0
    for record in reader.records():
        n_rows += 1
        if len(record) != width:
            _refuse_length(reader, len(record))
        cells = pick(record)
        try:
            values = [*map(float, cells)]
        except ValueError:
            values = [math.nan]
        sound = True
        # The sum is a fast test for infinity and NaN; if it only overflowed, `_check_cells` finds
        # no bad cell.
        if not math.isfinite(sum(values)) or reader.underscore:
            sound = _check_cells(bad, reader.line, cells, inputs)
        if target is not None:
            text = record[target].strip()
            if text.lower() in UNLABELLED:
                bad.add(target, reader.line, text)
                sound = False
            labels.append(known.setdefault(text, text))
        numbers.extend(values)
        n_bad += not sound
        if n_bad == MOST_ROWS:
            break
    if bad:
        reader.refuse(bad.message(reader.header, n_rows, all_read=n_bad < MOST_ROWS), most=1000)
    if not numbers:
        comments = f" and {_comments(reader)}" if reader.n_comments else ""
        reader.refuse(f"it has no rows, only names of columns{comments}")
    X = np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(inputs))
    y = None
    if target is not None:
        y = np.empty(len(labels), dtype=object)
        y[:] = labels
    return X, y


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _comments(reader: Reader) -> str:
    return f"{_counted(reader.n_comments, 'comment line')} (#)"


def _picker(inputs: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    """Return a fast function that selects the input fields of a record."""
    first, last = inputs[0], inputs[-1]
    if list(inputs) == list(range(first, last + 1)):
        return itemgetter(slice(first, last + 1))
    return itemgetter(*inputs)


def _refuse_length(reader: Reader, n: int) -> NoReturn:
    width = len(reader.header)
    hint = ""
    if n > width and reader.separator == ",":
        hint = "; a field with a comma in it needs quotes, and a decimal comma must be a point"
    elif n > width and reader.separator == BLANK:
        hint = "; a field with a blank in it needs quotes"
    reader.refuse(
        f"line {reader.line} has {n} fields, and the first line names {width} columns{hint}"
    )


def _check_cells(bad: BadCells, line: int, cells: Sequence[str], inputs: Sequence[int]) -> bool:
    """Add the cells of a row that are not finite numbers; return whether all are."""
    sound = True
    for cell, i in zip(cells, inputs, strict=True):
        number = as_number(cell)
        if number is None or not math.isfinite(number):
            bad.add(i, line, cell.strip())
            sound = False
    return sound
