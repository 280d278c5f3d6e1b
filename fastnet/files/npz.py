"""NumPy's .npz archives, written without a copy and read without trusting what they declare.

NumPy's own loader allocates whatever size a member declares. Its writer closes the archive after an
error, which may replace a MemoryError or a KeyboardInterrupt by another error.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.lib.format import read_array_header_2_0, write_array
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.files.limits import read_array

__all__ = ["NpzFile", "write_arrays"]

Array = NDArray[Any]

#: NumPy writes fewer than 400 bytes. Its parser of literals is recursive: a much longer header, or
#: one with many brackets, could exhaust memory or the stack of a thread.
LONGEST_HEADER = 512
MOST_ATTEMPTS = 1000
#: The L of Python 2's long integers, other letters after digits, escapes, letters beyond ASCII: no
#: header needs them, and they make Python or NumPy print a warning or import a module.
_UNUSUAL = re.compile(rb"L|[0-9][A-Za-z]|\\|[^\0-\x7f]")


def write_arrays(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write an archive that `numpy.load` opens; equal arrays make equal files.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> write_arrays(file, {"a": np.arange(3)})
    >>> np.load(io.BytesIO(file.getvalue()))["a"]
    array([0, 1, 2])
    """
    import zipfile

    archive = zipfile.ZipFile(file, "w")
    try:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_array(member, array)
        archive.close()
    finally:
        archive.fp = None  # else its destructor would close it and write to it


class NpzFile:
    """An open archive; its errors name it.

    Attributes
    ----------
    source : str
        What messages call the archive.
    n_bytes : int
        The size of the file.
    members : dict of str to zipfile.ZipInfo
        By the names of the members, which end in ".npy".
    """

    def __init__(self, path: str | os.PathLike[str], source: str | None = None) -> None:
        import zipfile

        self.source = source or repr(os.fsdecode(path))
        # Closed by `__exit__`, or below if this constructor fails.
        self._file = open(path, "rb")  # noqa: SIM115
        try:
            self.n_bytes = os.fstat(self._file.fileno()).st_size
            with _zip_errors_named(self.source):
                self._archive = zipfile.ZipFile(self._file)
            self.members = {info.filename: info for info in self._archive.infolist()}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    @property
    def keys(self) -> list[str]:
        """The names of the arrays."""
        return [name.removesuffix(".npy") for name in self.members]

    @property
    def listed(self) -> str:
        """The names of a few members, fit for one line."""
        return in_one_line(", ".join(sorted(self.members)[:8]), 200) or "nothing"

    def find(self, key: str) -> str | None:
        """Return the key as the archive has it, maybe in lower case, or None if it is missing."""
        return next((name for name in (key, key.lower()) if f"{name}.npy" in self.members), None)

    def read(self, key: str, *, strings: bool = False) -> Array:
        """Return one of the arrays, without allocating more memory than it has data.

        Parameters
        ----------
        key : str
        strings : bool, keyword only
            Whether an array of strings is accepted, too.

        Raises
        ------
        ValueError
            It is damaged, declares more data than it has, or contains anything but real numbers.
        """
        info, source = self.members[f"{key}.npy"], f"{key} in {self.source}"
        if info.compress_type not in (0, 8):
            raise ValueError(
                f"{source} is compressed by method {info.compress_type}; expected a stored or "
                "deflated member, as numpy.savez and numpy.savez_compressed write it"
            )
        with _zip_errors_named(source):
            member = self._archive.open(info)
        with member:
            read = _zip_errors_named(source)(member.read)
            shape, fortran_order, dtype = _read_header(read, source, strings)
            # NumPy relies on bools being 0 or 1, so read them as bytes.
            stored = np.dtype(np.uint8) if dtype.kind == "b" else dtype
            packed_bytes = min(info.compress_size, self.n_bytes)
            array = read_array(read, shape, stored, source, packed_bytes)
        if dtype.kind == "b":
            array = array != 0
        elif dtype.kind == "U" and array.size and array.view(np.uint32).max() > 0x10FFFF:
            raise ValueError(f"{source} contains invalid text; save it again with numpy.savez")
        return array.reshape(shape, order="F" if fortran_order else "C")


@contextmanager
def _zip_errors_named(source: str) -> Iterator[None]:
    """Raise zipfile's errors for damaged archives as a ValueError that names the file."""
    import zipfile
    import zlib

    # ValueError and OSError come from names that are not text and from impossible seeks,
    # RuntimeError from encryption.
    damage = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError)
    try:
        yield
    except damage as error:
        raise ValueError(
            f"{source} is not a valid .npz file ({in_one_line(str(error))}); fetch or save it again"
        ) from error


def _read_header(
    read: Callable[[int], bytes], source: str, strings: bool
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and dtype of a .npy array of real numbers, or of strings."""
    start = read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ValueError(
            f"{source} is not a .npy array: it begins with the bytes "
            f"{start.hex(' ') or '(none)'}; save it again with numpy.savez"
        )
    length = int.from_bytes(read(2 if start[6] == 1 else 4), "little")
    if length > LONGEST_HEADER:
        raise ValueError(
            f"{source} has a header of {length} bytes; expected at most {LONGEST_HEADER}, "
            "save it again with numpy.savez"
        )
    header = read(length).strip()  # NumPy warns of blanks in the last line
    shape: tuple[int, ...] = ()
    fortran_order, dtype = False, np.dtype(object)
    brackets = sum(map(header.count, (b"(", b"[", b"{")))
    if brackets == 2 and not _UNUSUAL.search(header):  # records have more brackets
        try:
            shape, fortran_order, dtype = _parse(header)
        except MemoryError:
            raise
        except Exception:  # of a dozen kinds: SyntaxError, TypeError, IndexError, TokenError, ...
            pass
    real = dtype.kind in "biuf" and dtype.itemsize <= 8
    words = strings and dtype.kind == "U" and dtype.itemsize > 0
    if not (real or words) or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(
            f"{source} has the header {header[:120].decode('latin-1')!r}; expected an array of "
            "real numbers (no objects, no records), saved with numpy.savez"
        )
    return shape, fortran_order, dtype


def _parse(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return what a header declares, read as one of version 2; the versions differ in its length.

    CPython 3.11's parser may raise SystemError while other threads parse: then it is tried again.
    """
    text = len(header).to_bytes(4, "little") + header
    for _ in range(MOST_ATTEMPTS):
        with suppress(SystemError):
            return read_array_header_2_0(io.BytesIO(text), LONGEST_HEADER)
    return read_array_header_2_0(io.BytesIO(text), LONGEST_HEADER)
