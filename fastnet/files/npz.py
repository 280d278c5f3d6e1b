"""NumPy's .npz archives, written without a copy and read without trusting what they declare.

NumPy's own loader allocates whatever size a member declares, and its writer closes the archive
when something stops it: what that raises takes the place of a MemoryError or a KeyboardInterrupt.
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

#: NumPy writes fewer than 400 bytes. Its parser of literals is recursive: what is much longer, or
#: has many brackets, could exhaust its memory, or the stack of a thread.
LONGEST_HEADER = 512
MOST_ATTEMPTS = 1000
#: The L of Python 2's long integers, other letters behind digits, escapes, letters beyond ASCII: no
#: header needs them, and Python or NumPy would print a warning or import a module over them.
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
        archive.fp = None  # else it would be closed, and written to, when it is collected


class NpzFile:
    """An open archive, every error of which names it.

    Attributes
    ----------
    source : str
        What messages call it.
    n_bytes : int
        How large it is.
    members : dict of str to zipfile.ZipInfo
        By the names of the members, which end in ".npy".
    """

    def __init__(self, path: str | os.PathLike[str], source: str | None = None) -> None:
        import zipfile

        self.source = source or repr(os.fsdecode(path))
        # Closed by `__exit__`, or here where there is nothing to come back to.
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
        """Return how the archive spells the key, which may be in small letters, or None."""
        return next((name for name in (key, key.lower()) if f"{name}.npy" in self.members), None)

    def read(self, key: str, *, strings: bool = False) -> Array:
        """Return an array that is there, allocating no more than its bytes.

        Parameters
        ----------
        key : str
        strings : bool, keyword only
            Whether an array of strings is taken, too.

        Raises
        ------
        ValueError
            It is damaged, or declares what is not there; or it holds anything but real numbers.
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
            # A byte other than 0 and 1 is no valid bool inside NumPy.
            stored = np.dtype(np.uint8) if dtype.kind == "b" else dtype
            packed_bytes = min(info.compress_size, self.n_bytes)
            array = read_array(read, shape, stored, source, packed_bytes)
        if dtype.kind == "b":
            array = array != 0
        elif dtype.kind == "U" and array.size and array.view(np.uint32).max() > 0x10FFFF:
            raise ValueError(f"{source} holds what is no text; save it again with numpy.savez")
        return array.reshape(shape, order="F" if fortran_order else "C")


@contextmanager
def _zip_errors_named(source: str) -> Iterator[None]:
    """Turn what zipfile raises for damaged archives into a ValueError that names the file."""
    import zipfile
    import zlib

    # ValueError and OSError are names that are no text and seeks to impossible places,
    # RuntimeError is encryption.
    damage = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError)
    try:
        yield
    except damage as error:
        raise ValueError(
            f"{source} is not a sound .npz file ({in_one_line(str(error))}); fetch or save it again"
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
    header = read(length).strip()  # NumPy would warn of blanks in a last line
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

    CPython 3.11's parser may raise SystemError where other threads parse meanwhile: then again.
    """
    text = len(header).to_bytes(4, "little") + header
    for _ in range(MOST_ATTEMPTS):
        with suppress(SystemError):
            return read_array_header_2_0(io.BytesIO(text), LONGEST_HEADER)
    return read_array_header_2_0(io.BytesIO(text), LONGEST_HEADER)
