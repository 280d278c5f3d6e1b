"""Writing to standard output and standard error, with control characters escaped."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TextIO

__all__ = [
    "bar_columns",
    "error_text",
    "escaped",
    "is_terminal",
    "printable",
    "share_text",
    "write_err",
    "write_out",
]

#: Control characters except tab and line feed (C0, DEL, C1), and characters that change the
#: direction of text or break a line invisibly.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def write_out(text: str, end: str = "\n", *, is_printable: bool = False) -> None:
    """Write to standard output and flush it; a closed pipe is not an error.

    Control characters are escaped, see `escaped`: text may come from an untrusted file. Text that
    `is_printable` is written as it is.

    Raises
    ------
    OSError
        The text cannot be written for another reason, such as a full disk.

    Examples
    --------
    >>> write_out("1 of 2")
    1 of 2
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write((text if is_printable else printable(text)) + end)
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more at exit, and would print a traceback.
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def printable(text: str) -> str:
    """Return text `escaped`, in characters that standard output can encode."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = escaped(text)
    if not "±".encode(encoding, "ignore"):
        text = text.replace("±", "+-")
    # A file's name may have letters that the encoding lacks.
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write_err(text: str) -> None:
    """Write a line to standard error, escaped as in `write_out`; a closed stream is not an error.

    In a terminal, the line is wrapped between words.
    """
    if sys.stderr is None or sys.stderr.closed:
        return
    try:
        sys.stderr.write(f"{_wrapped(escaped(text, lines=False))}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _wrapped(text: str) -> str:
    """Return text wrapped for the terminal on standard error, or unchanged without one."""
    if not is_terminal(sys.stderr):
        return text
    import textwrap

    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return text
    if columns < 20:  # 0 if the size is unknown
        return text
    return textwrap.fill(text, columns, break_long_words=False, break_on_hyphens=False)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether `stream` is a terminal.

    Examples
    --------
    >>> import io
    >>> is_terminal(None), is_terminal(io.StringIO())
    (False, False)
    """
    return stream is not None and stream.isatty()


def bar_columns() -> int:
    """Return the columns for a progress bar on standard error; 0 if it cannot show one."""
    try:
        if not is_terminal(sys.stderr) or os.environ.get("TERM") in ("dumb", "unknown"):
            return 0
        # Three columns stay free for ^C, and because some terminals begin a new line after a
        # character in the last column.
        return min(os.get_terminal_size(sys.stderr.fileno()).columns or 80, 103) - 3
    except (OSError, ValueError):  # IDLE's window, or a closed stream
        return 0


def error_text(error: BaseException) -> str:
    """Return an error's message in one line.

    Examples
    --------
    >>> error_text(ValueError("so   it is"))
    'so it is'
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def escaped(text: str, *, lines: bool = True) -> str:
    r"""Return text with control characters written as escapes.

    Parameters
    ----------
    text : str
    lines : bool, keyword only, default True
        Whether line feeds are kept; a name from a file must not begin a new line.

    Examples
    --------
    >>> print(escaped("a\x1b[2J\nb", lines=False))
    a\x1b[2J\nb
    """
    text = _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return text if lines else text.replace("\n", "\\n")


def share_text(share: float) -> str:
    """Return a share in per cent, with three significant digits if it is below 1 %.

    Examples
    --------
    >>> share_text(0.8374), share_text(0.0001756), share_text(0.0)
    ('83.7 %', '0.0176 %', '0 %')
    """
    percent = 100 * share
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.3g} %"


def _discard(stream: TextIO) -> None:
    """Redirect `stream` to the null device."""
    with contextlib.suppress(OSError):  # a stream without a file cannot be redirected
        place = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, place)
        os.close(nowhere)
