"""Checks of single arguments, with one wording for all messages."""

from __future__ import annotations

import math
import operator
import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import numpy as np

__all__ = [
    "as_choice",
    "as_count",
    "as_flag",
    "as_items",
    "as_number",
    "as_path",
    "as_positive",
    "as_rate",
    "call",
    "check_held",
    "in_one_line",
    "is_function",
    "memory_for",
    "shown",
]

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80


def as_count(value: Any, name: str, *, at_least: int, at_most: int | None = sys.maxsize) -> int:
    """Return a value as an int from `at_least` to `at_most`, by default at most sys.maxsize.

    Raises
    ------
    TypeError
        Not an integer; bool and 3.0 are rejected.
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
            f"{name} is {shown(value)}, of type {type(value).__name__}; expected an integer."
        ) from None
    if number < at_least:
        raise ValueError(f"{name} is {shown(number)}; expected at least {at_least}.")
    if at_most is not None and number > at_most:
        raise ValueError(f"{name} is {shown(number)}; expected at most {at_most}.")
    return number


def is_function(value: Any) -> TypeGuard[Callable[..., Any]]:
    """Return whether a value can be called and is not a class.

    Examples
    --------
    >>> is_function(len), is_function(int), is_function(3)
    (True, False, False)
    """
    return callable(value) and not isinstance(value, type)


def call(function: Callable[..., Any], name: str, *arguments: Any) -> Any:
    """Return the result of a user's function; if it does not accept the arguments, name it.

    Raises
    ------
    TypeError
        The function cannot be called with these arguments. Errors raised in it are not changed.

    Examples
    --------
    >>> call(max, "progress", 3, 5)
    5
    >>> try:
    ...     call(len, "progress", 3, 5)
    ... except TypeError as error:
    ...     print(error.__cause__, "progress" in str(error))
    len() takes exactly one argument (2 given) True
    """
    try:
        return function(*arguments)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise
        raise TypeError(
            f"{name} is {shown(function)}, which cannot be called with the required arguments: "
            f"{error}"
        ) from error


def as_rate(value: Any, name: str) -> float:
    """Return a finite number of 0 or more.

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
    number = as_number(value, name, " that is not negative")
    if number < 0:
        raise ValueError(f"{name} is {number}; expected a finite number that is not negative.")
    return number


def as_number(value: Any, name: str, wanted: str = "") -> float:
    """Return a finite number.

    Parameters
    ----------
    value : object
    name : str
    wanted : str
        A further condition, for the message.

    Raises
    ------
    TypeError
        Not a real number.
    ValueError
        Infinite or NaN.

    Examples
    --------
    >>> as_number(-1, "mean")
    -1.0
    """
    try:
        if isinstance(value, (str, bytes, bool, np.bool_, complex, np.complexfloating)):
            raise TypeError
        if isinstance(value, (np.ndarray, np.generic)) and (
            value.dtype.kind not in "iufO" or value.ndim or value is np.ma.masked
        ):
            raise TypeError  # float() would turn a date into a number
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError  # NumPy before 2.4 warns and uses the only element
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} is {shown(value)}, of type {type(value).__name__}; expected a number."
        ) from None
    except OverflowError:
        raise ValueError(f"{name} is too large; expected a finite number.") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; expected a finite number{wanted}.")
    return number


def as_flag(value: Any, name: str) -> bool:
    """Return True or False.

    Raises
    ------
    TypeError
        Any other value, such as "no" or an array, whose meaning is not clear.

    Examples
    --------
    >>> as_flag(np.True_, "labels")
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {shown(value)}; expected True or False.")
    return bool(value)


def as_positive(value: Any, name: str) -> float:
    """Return a finite number above 0.

    Raises
    ------
    TypeError
        Not a real number.
    ValueError
        0, negative, infinite or NaN.

    Examples
    --------
    >>> as_positive(2, "gain")
    2.0
    """
    number = as_number(value, name, " above 0")
    if number <= 0:
        raise ValueError(f"{name} is {number}; expected a finite number above 0.")
    return number


def as_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return a name, which must be among the choices.

    Raises
    ------
    TypeError
        Not a str: another object may compare equal to any name.
    ValueError
        The name is not among the choices.

    Examples
    --------
    >>> as_choice("epochs", "unit", ["epochs", "seconds"])
    'epochs'
    """
    choices = list(choices)
    if isinstance(value, str) and value in choices:
        return str(value)
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"{name} is {shown(value)}; expected one of {', '.join(choices)}.")


def check_held(
    value: float, name: str, dtype: np.dtype[Any], *, least: float | None = None, per: float = 1
) -> None:
    """Refuse a coefficient that would become 0 or infinite when it is stored in `dtype`.

    The coefficient is divided by `per` before it is stored. The result must be at least `least`, by
    default the smallest number that keeps all of its digits, or 0.

    Examples
    --------
    >>> check_held(1e-50, "eta", np.dtype(np.float32))
    Traceback (most recent call last):
        ...
    ValueError: eta is 1e-50, which float32 cannot hold; expected at least 1.2e-38.
    """
    info = np.finfo(dtype)
    least, most = per * (float(info.tiny) if least is None else least), per * float(info.max)
    if value == 0 or least <= value <= most:
        return
    limit = f"at least {_two_digits(least, 0.05)}"
    if value > most:
        limit = f"at most {_two_digits(most, -0.05)}"
    raise ValueError(f"{name} is {value}, which {dtype} cannot hold; expected {limit}.")


def _two_digits(number: float, by: float) -> str:
    """Return a number with two digits, rounded up if `by` is 0.05, or down if it is -0.05."""
    digits, exponent = f"{number:.15e}".split("e")
    return f"{float(digits) + by:.1f}e{exponent}"


def as_items(value: Any, name: str) -> list[Any] | None:
    """Return the items of a collection as a list, or None for other values.

    Text and arrays without dimensions are not collections here.

    Raises
    ------
    MemoryError
        The items do not fit into memory.

    Examples
    --------
    >>> as_items((1, 2), "sizes"), as_items("12", "sizes"), as_items(np.array(3), "sizes")
    ([1, 2], None, None)
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return None
    with memory_for(name):
        return list(value)


def shown(value: Any) -> str:
    """Return the `repr` of a value for a message, shortened, in one line.

    Examples
    --------
    >>> shown("sgd"), shown(range(2)), len(shown(10**5000)) < 100
    ("'sgd'", 'range(0, 2)', True)
    """
    try:
        text = _REPR.repr(value)
    except Exception:  # Python refuses to print more than 4300 digits, and a repr may raise
        text = f"of type {type(value).__name__}, which cannot be printed"
    return in_one_line(" ".join(text.split()), 200)


def in_one_line(text: str, most: int = 400) -> str:
    r"""Return untrusted text for a message, shortened and printable, in one line.

    Examples
    --------
    >>> in_one_line("no column 'a\x1b[2J'"), in_one_line("length", most=4)
    ("no column 'a?[2J'", 'len…')
    """
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def as_path(value: Any, name: str) -> str:
    """Return a path as a str; a number, which `open` treats as a file descriptor, is rejected.

    Raises
    ------
    TypeError
        Not a str, bytes or os.PathLike.
    ValueError
        The path has a null character.

    Examples
    --------
    >>> as_path(b"net.npz", "filename")
    'net.npz'
    """
    try:
        path = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{name} is of type {type(value).__name__}; expected a path.") from None
    if "\0" in path:
        raise ValueError(f"{name} is {in_one_line(repr(path))}; expected no null character.")
    return path


@contextmanager
def memory_for(name: str) -> Iterator[None]:
    """Add the name of an argument or an action to a MemoryError that is raised in the block."""
    try:
        yield
    except MemoryError as error:
        cause = str(error) or "there is not enough memory"
        raise MemoryError(f"{name}: {cause}") from None
