"""What the options of several commands have in common: how a word is read, where a file goes."""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = [
    "amount",
    "count",
    "initializers",
    "seed",
    "with_default",
    "writable",
    "write_atomically",
]

Number = TypeVar("Number", int, float)


def with_default(what: str, default: object) -> str:
    """Return an option's explanation with its default.

    Examples
    --------
    >>> with_default("hidden neurons", 30)
    'hidden neurons (default: 30)'
    """
    return f"{what} (default: {default})"


def count(text: str) -> int:
    """Read a whole number of at least 1.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none; argparse puts the option's name before the sentence and exits with 2.

    Examples
    --------
    >>> count("10")
    10
    """
    return _number(text, int, 1, "a whole number, 1 or more,")


def seed(text: str) -> int:
    """Read a whole number of at least 0; errors as `count`."""
    return _number(text, int, 0, "a whole number, 0 or more,")


def amount(text: str) -> float:
    """Read a finite number of at least 0; errors as `count`."""
    return _number(text, float, 0.0, "a finite number, 0 or more,")


def initializers(text: str) -> list[str]:
    """Read names of initializers with commas between them; errors as `count`.

    Examples
    --------
    >>> initializers("large, default")
    ['large', 'default']
    """
    from fastnet.initializers import INITIALIZERS

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in INITIALIZERS:
            known = ", ".join(INITIALIZERS)
            raise argparse.ArgumentTypeError(f"got {name!r}; the initializers are {known}")
        if names.count(name) > 1:
            raise argparse.ArgumentTypeError(f"got {name!r} twice; once is enough")
    return names


def _number(text: str, kind: Callable[[str], Number], least: Number, expected: str) -> Number:
    """Read a finite number of at least `least`."""
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number < math.inf:
        raise argparse.ArgumentTypeError(f"got {text}; {expected} is expected")
    return number


def writable(folder: str | Path) -> Path:
    """Make `folder` if it is missing; find out before the work whether it can be written.

    Raises
    ------
    OSError
        It cannot.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there: nobody ever finds half of it.

    Raises
    ------
    OSError
        It cannot be written; what was there is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
