"""Words to the user: to standard output, or beside it, whoever reads there and however little."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TextIO

__all__ = ["complain", "say", "sentence", "share_text", "visible"]

#: What a terminal obeys instead of showing it: control characters but for tab and line feed (C0,
#: DEL, C1), and what changes the direction of text or ends a line unseen.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def say(text: str, end: str = "\n") -> None:
    """Write to standard output, at once; a reader who has gone away is no error.

    Control characters are escaped, see `visible`: text may come from a stranger's file.

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
        text = _fit(visible(text), encoding).encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except OSError as error:
        # Python would try once more at its end, and complain.
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def complain(text: str) -> None:
    """Write a line to standard error, escaped as by `say`, if there is one that is read."""
    if sys.stderr is None or sys.stderr.closed:
        return
    try:
        sys.stderr.write(f"{visible(text, lines=False)}\n")
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


def visible(text: str, *, lines: bool = True) -> str:
    r"""Return text with what a terminal would obey written as escapes.

    Parameters
    ----------
    text : str
    lines : bool, keyword only, default True
        Whether ends of lines stay; a name out of a file must not begin a line of its own.

    Examples
    --------
    >>> print(visible("a\x1b[2J\nb", lines=False))
    a\x1b[2J\nb
    """
    text = _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return text if lines else text.replace("\n", "\\n")


def share_text(share: float) -> str:
    """Return a share in per cent, three digits of it where it is small.

    Examples
    --------
    >>> share_text(0.8374), share_text(0.0001756), share_text(0.0)
    ('83.7 %', '0.0176 %', '0 %')
    """
    percent = 100 * share
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.3g} %"


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
