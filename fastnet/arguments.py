"""Checks of single arguments, with one wording for all of them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

__all__ = ["as_count", "as_rate"]


def as_count(value: Any, name: str, *, at_least: int, at_most: int | None = None) -> int:
    """Return a whole number.

    Raises
    ------
    TypeError
        Not an integer (a bool and 3.0 are none).
    ValueError
        Below `at_least` or above `at_most`.

    Examples
    --------
    >>> as_count(3, "epochs", at_least=1)
    3
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} is {value!r}, of type {type(value).__name__}; expected an integer."
        ) from None
    if number < at_least:
        raise ValueError(f"{name} is {number}; expected at least {at_least}.")
    if at_most is not None and number > at_most:
        raise ValueError(f"{name} is too large; expected at most {at_most}.")
    return number


def as_rate(value: Any, name: str) -> float:
    """Return a finite number that is not negative.

    Raises
    ------
    TypeError
        Not a real number.
    ValueError
        Negative, infinite or NaN.

    Examples
    --------
    >>> as_rate(1, "eta")
    1.0
    """
    try:
        if isinstance(value, (str, bytes, bool, np.bool_, complex, np.complexfloating)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} is {value!r}, of type {type(value).__name__}; expected a number."
        ) from None
    except OverflowError:
        raise ValueError(f"{name} is too large; expected a finite number.") from None
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} is {number}; expected a finite number that is not negative.")
    return number
