"""Where data come from: a path that can be opened again and again, also for what a pipe brings."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["STANDARD_INPUT", "original_name", "reopenable", "source_name"]

#: The path that stands for standard input; a file of this name is "./-".
STANDARD_INPUT = "-"


class _Copy(os.PathLike[str]):
    """The path of a copy; messages name the original."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self.name = name

    def __fspath__(self) -> str:
        return self._path


@contextmanager
def reopenable(path: str | os.PathLike[str]) -> Iterator[str | os.PathLike[str]]:
    """Yield a path that can be read more than once.

    It is `path` itself, or for standard input ("-") and for pipes a copy in a temporary folder.

    Raises
    ------
    OSError
        The input cannot be read or copied.
    ValueError
        Standard input is a terminal or closed.
    """
    standard = os.fspath(path) == STANDARD_INPUT
    if not standard and not _is_pipe(path):
        yield path
        return
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fastnet-") as folder:
        copy = os.path.join(folder, "data")
        with open(copy, "wb") as file:
            if standard:
                shutil.copyfileobj(_standard_input(), file)
            else:
                with open(path, "rb") as pipe:
                    shutil.copyfileobj(pipe, file)
        yield _Copy(copy, os.fsdecode(path))


def source_name(path: str | os.PathLike[str]) -> str:
    """Return what messages call a path.

    Examples
    --------
    >>> source_name("iris.csv"), source_name("-")
    ("'iris.csv'", 'standard input')
    """
    name = original_name(path)
    return "standard input" if name is None else repr(name)


def original_name(path: str | os.PathLike[str]) -> str | None:
    """Return a path as the user gave it; None for standard input."""
    name = path.name if isinstance(path, _Copy) else os.fsdecode(path)
    return None if name == STANDARD_INPUT else name


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):  # whoever opens it says why it cannot be read
        return False


def _standard_input() -> Any:
    if sys.stdin is None or sys.stdin.closed:
        raise ValueError("standard input is closed; give the name of a file instead of -")
    if sys.stdin.isatty():
        raise ValueError(
            "standard input (-) is a terminal; pipe a table into it, as in "
            "cat data.csv | fastnet train -"
        )
    return sys.stdin.buffer
