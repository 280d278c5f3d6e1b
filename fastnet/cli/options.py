"""What the options of several commands have in common: how a word is read, where a file goes."""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

__all__ = [
    "amount",
    "check_outputs",
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


def check_outputs(
    outputs: Mapping[str, str | Path | None], inputs: Sequence[str | Path | None]
) -> None:
    """Refuse outputs that would replace what is read, or one another, by whatever name.

    Parameters
    ----------
    outputs : mapping of str to path or None
        By what messages call them: the option's name. None is no output.
    inputs : sequence of path or None
        Files; or folders, whose IDX files are meant.

    Raises
    ------
    ValueError
        One is the same file as another: also through a symbolic or hard link, or another spelling.

    Examples
    --------
    >>> check_outputs({"--out": "model.npz", "--json": None}, ["flowers.csv"])
    """
    read = [file for path in inputs if path is not None for file in _files(path)]
    written: dict[str, str | Path] = {}
    for name, path in outputs.items():
        # A device or a pipe is written to, and nothing in it is lost.
        if path is None or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        for file in read:
            if _same_file(path, file):
                raise ValueError(
                    f"{name} {path} is the file {file} that is read; give another name, nothing "
                    "was written"
                )
        for other, before in written.items():
            if _same_file(path, before):
                raise ValueError(f"{name} {path} is the file of {other}; give each its own name")
        written[name] = path


def _files(path: str | Path) -> list[str | Path]:
    """Return a file, or those in a folder that may be data: IDX files bear that in their names."""
    if not os.path.isdir(path):
        return [path]
    return [os.path.join(path, name) for name in os.listdir(path) if "idx" in name.lower()]


def _same_file(one: str | Path, other: str | Path) -> bool:
    """Return whether two paths lead to one file, or would if it were there."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one is not there yet
        first, second = (os.path.normcase(os.path.realpath(path)) for path in (one, other))
        return first == second


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
