"""Conversion of labels to class numbers or to quantities."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.preprocessing import Label

__all__ = ["class_names", "class_numbers", "quantities"]

Array = NDArray[Any]

_WHOLE = re.compile(r"([+-]?[0-9]{1,300})(?:\.0*)?")
#: Up to this many classes are accepted, however few examples there are.
FEW_CLASSES = 20


def class_names(*labels: Array) -> tuple[Label, ...]:
    """Return the names of the classes among the labels, sorted.

    Parameters
    ----------
    *labels : ndarray, shapes (n,)
        Numbers, bools or strings. Strings that are all numbers are compared as numbers: "1", "1.0"
        and "01" are one class.

    Returns
    -------
    tuple of int, bool or str
        Numbers in numeric order, as ints, or as strings if any has leading zeros, as codes do.
        Other labels in alphabetical order.

    Raises
    ------
    ValueError
        There is only one class, or the labels look like quantities: some are not whole numbers, or
        there are too many different ones for the number of examples.

    Examples
    --------
    >>> class_names(np.array([10.0, 9.0, 10.0])), class_names(np.array(["10", "9", "9.0"]))
    ((9, 10), (9, 10))
    >>> class_names(np.array(["no", "yes"]), np.array(["maybe"]))
    ('maybe', 'no', 'yes')
    """
    found = {value for part in labels for value in _distinct(part)[0]}
    keys = {as_key(value) for value in found}
    n = sum(len(part) for part in labels)
    words = any(isinstance(key, str) for key in keys)
    if words:
        keys = {as_text(value) for value in found}
    else:
        broken = next((v for v in sorted(keys) if v != v // 1 or abs(v) >= 2**63), None)
        if broken is not None:
            raise ValueError(
                f"the labels contain {broken:g}, which is not a class number; to predict numbers, "
                "ask for regression"
            )
    enough = 2 if words else 5  # examples per class: quantities are often whole numbers, too
    if len(keys) > max(FEW_CLASSES, n // enough):
        raise ValueError(
            f"the {n} examples have {len(keys)} different labels, too many for classes; choose "
            "another column, or regression to predict numbers"
        )
    names = sorted(keys) if words else _numbered(found)
    if len(names) < 2:
        raise ValueError(f"all labels are {reprlib.repr(names[0])}; two or more classes are needed")
    return tuple(names)


def class_numbers(labels: Array, names: Sequence[Label], source: str) -> NDArray[np.int64]:
    """Return the class number of each label: its index among the names.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Numbers, bools or strings. A label belongs to the class that is spelled the same, or else
        to the one that is the same number; "true" and "false" are 1 and 0 if the classes are.
    names : sequence of str, int, float or bool
    source : str
        What messages call the data.

    Raises
    ------
    ValueError
        A label is not among the names.

    Examples
    --------
    >>> class_numbers(np.array(["b", "a", "b"]), ["a", "b"], "flowers")
    array([1, 0, 1])
    >>> class_numbers(np.array(["2.0", "01"]), [1, 2], "wines")
    array([1, 0])
    """
    bools = {as_key(name, bools=True) for name in names} == {0, 1}
    words = not bools and any(isinstance(as_key(name), str) for name in names)
    exact = {name: place for place, name in enumerate(names) if isinstance(name, str)}
    alike: dict[Any, int] = {}
    for place, name in enumerate(names):
        key = as_text(name) if words else as_key(name, bools=bools)
        alike[key] = -1 if key in alike else place  # names of one number need the same spelling
    unique, inverse = _distinct(labels)
    table = np.empty(len(unique), dtype=np.int64)
    for i, value in enumerate(unique):
        found = exact.get(value, -1) if isinstance(value, str) else -1
        if found < 0:
            key = as_text(value) if words else as_key(value, bools=bools)
            found = alike.get(key, -1)
        if found < 0:
            row = int(np.argmax(inverse == i)) + 1
            raise ValueError(
                f"{source}: row {row} has the label {reprlib.repr(value)}; the classes are "
                f"{_listed(names)}"
            )
        table[i] = found
    numbers: NDArray[np.int64] = table[inverse]
    return numbers


def quantities(labels: Array, source: str) -> NDArray[np.float64]:
    """Return labels as float64.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    source : str
        What messages call the data.

    Raises
    ------
    ValueError
        A label is not a finite number.

    Examples
    --------
    >>> quantities(np.array(["1.5", "-2"]), "prices")
    array([ 1.5, -2. ])
    """
    numbers = np.empty(len(labels))
    for row, label in enumerate(labels.tolist()):
        value = as_number(label) if isinstance(label, str) else float(label)
        if value is None or not np.isfinite(value):
            hint = ""
            if isinstance(label, str) and has_decimal_comma(label):
                hint = ", with a point instead of the decimal comma"
            raise ValueError(
                f"{source}: row {row + 1} has the label {reprlib.repr(label)}; expected a finite "
                f"number{hint}"
            )
        numbers[row] = value
    return numbers


def as_number(text: str) -> float | None:
    """Return a text as a number, or None if it is not one.

    Examples
    --------
    >>> as_number(" 1e3"), as_number("1_000"), as_number("red")
    (1000.0, None, None)
    """
    if "_" in text:  # 1_000 is a number in Python only
        return None
    try:
        return float(text)
    except ValueError:
        return None


def has_decimal_comma(text: str) -> bool:
    """Return whether a text is a number with a decimal comma.

    Examples
    --------
    >>> has_decimal_comma("-1,5e3"), has_decimal_comma("1,000,000"), has_decimal_comma("1.5")
    (True, False, False)
    """
    return text.count(",") == 1 and as_number(text.replace(",", ".")) is not None


def as_key(value: Any, *, bools: bool = False) -> Any:
    """Return the key for comparing labels: a number, however it is spelled, or text.

    Parameters
    ----------
    value : str, int, float or bool
    bools : bool, keyword only, default False
        Whether "true" and "false" are numbers, too.

    Examples
    --------
    >>> as_key("01"), as_key("1.5"), as_key(" red"), as_key(True), as_key("True", bools=True)
    (1, 1.5, 'red', 1, 1)
    """
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    text = value.strip()
    whole = _WHOLE.fullmatch(text)
    if whole:
        return int(whole[1])
    if bools and text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    number = as_number(text)
    return text if number is None or not math.isfinite(number) else number


def as_text(value: Any) -> str:
    """Return the key for comparing labels of which some are words; "1.0" and 1 become "1".

    Examples
    --------
    >>> as_text(" red"), as_text("1.0"), as_text(1.0), as_text("01")
    ('red', '1', '1', '01')
    """
    if isinstance(value, str):
        whole = _WHOLE.fullmatch(value.strip())
        return whole[1] if whole else value.strip()
    return str(int(value)) if value == value // 1 else repr(value)


def _numbered(found: set[Any]) -> list[Any]:
    """Return whole-number classes as bools or ints, or as text if any has leading zeros."""
    if all(isinstance(value, bool) for value in found):
        return sorted(found)
    codes: dict[Any, str] = {}
    plain = {as_key(value) for value in found if as_text(value).lstrip("+-") == _digits(value)}
    for value in found:
        key = as_key(value)
        text = as_text(value)
        if key not in plain and text.lstrip("+-").startswith("0"):
            codes[key] = min(codes.get(key, text), text, key=lambda one: (len(one), one))
    keys = sorted({as_key(value) for value in found})
    return [codes.get(key, str(int(key))) if codes else int(key) for key in keys]


def _digits(value: Any) -> str:
    """Return a whole number without sign and leading zeros."""
    return str(abs(int(as_key(value))))


def _distinct(labels: Array) -> tuple[list[Any], Array]:
    """Return the distinct labels as Python objects, and the index of each label among them."""
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.argmin(np.isfinite(labels))) + 1
        raise ValueError(f"row {row} has the label {labels[row - 1]}; expected a finite number")
    unique, inverse = np.unique(labels, return_inverse=True)
    return unique.tolist(), inverse.reshape(-1)


def _listed(names: Sequence[Label]) -> str:
    few = ", ".join(map(reprlib.repr, names[:8]))
    return few if len(names) <= 8 else f"{few} and {len(names) - 8} more"
