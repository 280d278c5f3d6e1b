"""Words to the user: to standard output, or beside it, whoever reads there and however little."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

__all__ = ["complain", "say", "sentence"]


def say(text: str, end: str = "\n") -> None:
    """Write to standard output, at once; a reader who has gone away is no error.

    Parameters
    ----------
    text : str
    end : str, default a line's end

    Raises
    ------
    OSError
        It cannot be written for another reason: a full disk.

    Examples
    --------
    >>> say("1 of 2")
    1 of 2
    """
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        # A file's name may hold letters that the terminal does not know.
        text = _fit(text, encoding).encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except OSError as error:
        # Python would try once more at its end, and complain.
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def complain(text: str) -> None:
    """Write a line to standard error, if there is one and somebody reads it."""
    if sys.stderr is None or sys.stderr.closed:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def sentence(error: BaseException) -> str:
    """Return an error as one line.

    Examples
    --------
    >>> sentence(ValueError("so   it is"))
    'so it is'
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _fit(text: str, encoding: str) -> str:
    """Return `text` without the signs of our own that `encoding` lacks.

    Examples
    --------
    >>> _fit("1 ± 2", "ascii"), _fit("1 ± 2", "utf-8")
    ('1 +- 2', '1 ± 2')
    """
    try:
        "±".encode(encoding)
    except UnicodeEncodeError:
        return text.replace("±", "+-")
    return text


def _discard(stream: TextIO) -> None:
    """Send what else is written to `stream` nowhere."""
    with contextlib.suppress(OSError):  # a stream that is no file has nothing to send
        place = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, place)
        os.close(nowhere)
