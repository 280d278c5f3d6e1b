"""Readers of gzipped files, which refuse a small file that unpacks to fill the memory."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastnet.datasets.sources import source_name

__all__ = ["gzip_errors_named", "open_text"]

#: Text may unpack to this many bytes, or to this many times its size. Numbers take at most four
#: times the memory of their text, so they stay within the limit of SECURITY.md for compressed
#: arrays; a line with a field for each character takes fifty times.
FREE_BYTES = 2**20
MOST_EXPANSION = 25


def open_text(path: str | os.PathLike[str]) -> io.TextIOWrapper:
    """Open a file of text in UTF-8; gzipped text, recognized by its content, is unpacked.

    Raises
    ------
    OSError
        It cannot be opened.
    ValueError
        While the text is read: it is damaged, or unpacks to more than 1 MiB and more than 25 times
        its size.
    """
    file = open(path, "rb")  # noqa: SIM115, the wrapper closes it
    try:
        raw: Any = file
        if file.peek(2)[:2] == b"\x1f\x8b":
            raw = io.BufferedReader(_Unpacked(file, source_name(path)))
        return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    except BaseException:
        file.close()
        raise


@contextmanager
def gzip_errors_named(source: str) -> Iterator[None]:
    """Raise gzip's errors for damaged files as a ValueError that names the file."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{source} is not a valid gzip file ({error}); fetch it again") from error


class _Unpacked(io.RawIOBase):
    """The content of a gzipped file, up to a limit in proportion to the file's size."""

    def __init__(self, file: io.BufferedReader, source: str) -> None:
        self._file = file
        self._source = source
        self._packed = os.fstat(file.fileno()).st_size
        self._stream = gzip.GzipFile(fileobj=file, mode="rb")
        self._done = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; return how many."""
        with gzip_errors_named(self._source):
            piece = self._stream.read1(len(buffer))
        self._done += len(piece)
        if self._done > max(FREE_BYTES, MOST_EXPANSION * self._packed):
            raise ValueError(
                f"{self._source} unpacks to more than {MOST_EXPANSION} times its size; if you "
                "trust the file, unpack it with gunzip first"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close the file, too."""
        self._stream.close()
        self._file.close()
        super().close()
