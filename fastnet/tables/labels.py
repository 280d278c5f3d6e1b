"""Labels: from what stands in a user's column to class numbers or quantities."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_names", "class_numbers", "quantities"]

Array = NDArray[Any]

_WHOLE = re.compile(r"([+-]?[0-9]+)\.0*")
#: Up to this many classes are taken whatever their share of the examples.
FEW_CLASSES = 20


def class_names(*labels: Array) -> tuple[str, ...]:
    """Return the names of the classes among the labels, in their natural order.

    Parameters
    ----------
    *labels : ndarray, shapes (n,)
        Numbers or strings. A whole number is written without a point, "1.0" becomes "1".

    Returns
    -------
    tuple of str
        Numbers in their order, and anything else in that of the alphabet.

    Raises
    ------
    ValueError
        There is one class only; or the labels are quantities: numbers of which some are not whole,
        or nearly as many different ones as there are examples.

    Examples
    --------
    >>> class_names(np.array([10.0, 9.0, 10.0]))
    ('9', '10')
    >>> class_names(np.array(["no", "yes"]), np.array(["maybe"]))
    ('maybe', 'no', 'yes')
    """
    found = sorted({name for part in labels for name in _names(part)[0]})
    n = sum(len(part) for part in labels)
    numbers = _numbers(found)
    if numbers is not None:
        found = [name for _, name in sorted(zip(numbers, found, strict=True))]
        broken = next((v for v in sorted(numbers) if not float(v).is_integer()), None)
        if broken is not None:
            raise ValueError(
                f"the labels hold {broken:g}, which is no class number; to predict numbers, ask "
                "for regression"
            )
    enough = 2 if numbers is None else 5  # examples a class; quantities often are whole numbers
    if len(found) > max(FEW_CLASSES, n // enough):
        raise ValueError(
            f"the labels are {len(found)} different ones on {n} examples, too many for classes; "
            "choose another column, or regression to predict numbers"
        )
    if len(found) < 2:
        raise ValueError(f"all labels are {found[0]!r}; two or more classes are needed")
    return tuple(found)


def class_numbers(labels: Array, names: Sequence[str], source: str) -> NDArray[np.int64]:
    """Return each label's place among the names.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Numbers or strings, read as by `class_names`.
    names : sequence of str
    source : str
        What messages call the data.

    Raises
    ------
    ValueError
        A label is none of the names.

    Examples
    --------
    >>> class_numbers(np.array(["b", "a", "b"]), ["a", "b"], "flowers")
    array([1, 0, 1])
    """
    place = {name: number for number, name in enumerate(names)}
    unique, inverse = _names(labels)
    for i, name in enumerate(unique):
        if name not in place:
            row = int(np.argmax(inverse == i)) + 1
            raise ValueError(
                f"{source}: row {row} has the label {reprlib.repr(name)}; the classes are "
                f"{_listed(names)}"
            )
    table = np.array([place[name] for name in unique], dtype=np.int64)
    numbers: NDArray[np.int64] = table[inverse]
    return numbers


def quantities(labels: Array, source: str) -> NDArray[np.float64]:
    """Return labels that are finite numbers as such.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    source : str
        What messages call the data.

    Raises
    ------
    ValueError
        One is none.

    Examples
    --------
    >>> quantities(np.array(["1.5", "-2"]), "prices")
    array([ 1.5, -2. ])
    """
    numbers = np.empty(len(labels))
    for row, label in enumerate(labels.tolist()):
        value = as_number(label) if isinstance(label, str) else float(label)
        if value is None or not np.isfinite(value):
            raise ValueError(
                f"{source}: row {row + 1} has the label {reprlib.repr(label)}; expected a finite "
                "number"
            )
        numbers[row] = value
    return numbers


def as_number(text: str) -> float | None:
    """Return the number that a text is, or None.

    Examples
    --------
    >>> as_number(" 1e3"), as_number("1_000"), as_number("red")
    (1000.0, None, None)
    """
    if "_" in text:  # Python's own notation, nobody else's
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _names(labels: Array) -> tuple[list[str], Array]:
    """The different labels as text, and which of them each label is."""
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.argmin(np.isfinite(labels))) + 1
        raise ValueError(f"row {row} has the label {labels[row - 1]}; expected a finite number")
    unique, inverse = np.unique(labels, return_inverse=True)
    if unique.dtype.kind == "b":
        unique = unique.astype(np.int8)
    texts = [_written(value) for value in unique.tolist()]
    return texts, inverse.reshape(-1)


def _written(value: Any) -> str:
    if isinstance(value, str):
        value = value.strip()
        whole = _WHOLE.fullmatch(value)
        return whole[1] if whole else value
    return str(int(value)) if float(value).is_integer() else repr(value)


def _numbers(names: Sequence[str]) -> list[float] | None:
    """The names as numbers, if all of them are finite ones."""
    numbers = [as_number(name) for name in names]
    if any(number is None or not np.isfinite(number) for number in numbers):
        return None
    return [number for number in numbers if number is not None]


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(map(reprlib.repr, names[:8]))
    return few if len(names) <= 8 else f"{few} and {len(names) - 8} more"
