"""Paths that can be read more than once: `reopenable` copies standard input and pipes to a file."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["STANDARD_INPUT", "original_name", "reopenable", "source_name"]

#: The path that stands for standard input; a file of this name is "./-".
STANDARD_INPUT = "-"
#: Bytes of a pipe that are copied, at most: one that never ends must not fill the disk.
MOST_BYTES = 4 << 30
_PIECE_BYTES = 1 << 20


class _Copy(os.PathLike[str]):
    """The path of a copy, which messages call by the name of the original."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self.name = name

    def __fspath__(self) -> str:
        return self._path


@contextmanager
def reopenable(path: str | os.PathLike[str]) -> Iterator[str | os.PathLike[str]]:
    """Yield a path that can be read more than once.

    It is `path` itself, or for standard input ("-") and named pipes a copy in a temporary folder.

    Raises
    ------
    OSError
        The input cannot be read or copied.
    ValueError
        Standard input is a terminal or closed, or more than 4 GiB come through the pipe.
    """
    standard = os.fspath(path) == STANDARD_INPUT
    if not standard and not _is_pipe(path):
        yield path
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fastnet-") as folder:
        copy = os.path.join(folder, "data")
        with open(copy, "wb") as file:
            if standard:
                _copy(_standard_input(), file, path)
            else:
                with open(path, "rb") as pipe:
                    _copy(pipe, file, path)
        yield _Copy(copy, os.fsdecode(path))


def _copy(pipe: BinaryIO, file: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Copy a pipe to its end, or refuse it if more than `MOST_BYTES` come."""
    n_bytes = 0
    while piece := pipe.read(_PIECE_BYTES):
        n_bytes += len(piece)
        if n_bytes > MOST_BYTES:
            raise ValueError(
                f"{source_name(path)} has more than {MOST_BYTES >> 30} GiB; write the data to a "
                "file and give its name"
            )
        file.write(piece)


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
    except (OSError, ValueError):  # the error comes when it is opened
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
