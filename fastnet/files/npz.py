"""NumPy's .npz archives, read without trusting what they declare.

NumPy's own loader allocates whatever size a member declares, so it is not used here.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.files.limits import Readable, array_bytes, check_expansion, read_declared

if TYPE_CHECKING:
    import zipfile

__all__ = ["listed", "read_member", "zip_errors_named"]

_REAL_TYPES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


# A .npy header is the text of a Python dict. These few forms are all that numeric arrays need, so
# nothing is evaluated.
_LONGEST_HEADER = 4096


_HEADER_ITEM = re.compile(
    r" *(?:'descr' *: *'(?P<descr>[<>=|][A-Za-z0-9]+)'"
    r"|'fortran_order' *: *(?P<fortran_order>True|False)"
    r"|'shape' *: *\((?P<shape>(?: *[0-9]+ *(?:,|(?=\))))* *)\)) *(?:,|$)"
)


@contextmanager
def zip_errors_named(source: str) -> Iterator[None]:
    """Turn what zipfile raises for damaged archives into a ValueError that names the file.

    Raises
    ------
    ValueError
        Where reading the archive fails.
    """
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


class _Member:
    """A member's stream, every error of which names the file."""

    def __init__(self, archive: "zipfile.ZipFile", info: "zipfile.ZipInfo", source: str) -> None:
        self._source = source
        with zip_errors_named(source):
            self._stream = archive.open(info)

    def read(self, size: int, /) -> bytes:
        with zip_errors_named(self._source):
            return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()


def listed(members: Iterable[str]) -> str:
    """Return the names of an archive's members, a few of them, fit for one line.

    Examples
    --------
    >>> listed(["y.npy", "X.npy"])
    'X.npy, y.npy'
    """
    names = ", ".join(sorted(members)[:8])[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in names) or "nothing"


def read_member(
    archive: "zipfile.ZipFile",
    info: "zipfile.ZipInfo",
    file_bytes: int,
    source: str,
    *,
    strings: bool = False,
) -> NDArray[Any]:
    """Read one array of an open archive, allocating no more than the bytes that are there.

    Parameters
    ----------
    archive : zipfile.ZipFile
    info : zipfile.ZipInfo
        Of the member.
    file_bytes : int
        How large the whole archive is.
    source : str
        What messages call the member.
    strings : bool, keyword only
        Whether an array of strings is taken, too.

    Raises
    ------
    ValueError
        As for `load_npz_arrays`.
    """
    if info.compress_type not in (0, 8):
        raise ValueError(
            f"{source} is compressed by method {info.compress_type}; expected a stored or deflated "
            "member, as numpy.savez and numpy.savez_compressed write it"
        )
    with closing(_Member(archive, info, source)) as stream:
        shape, stored, fortran_order = _read_header(stream, source, strings)
        n_bytes = array_bytes(shape, stored.itemsize, source)
        check_expansion(n_bytes, min(info.compress_size, file_bytes), source)
        data = read_declared(stream, n_bytes, source)
    if stored.kind == "b":
        # A byte other than 0 and 1 is no valid bool inside NumPy.
        array: NDArray[Any] = np.frombuffer(data, dtype=np.uint8) != 0
    else:
        array = np.frombuffer(data, dtype=stored)
    if not stored.isnative:
        array = array.byteswap(inplace=True).view(stored.newbyteorder("="))
    if stored.kind == "U" and array.size and array.view(np.uint32).max() > 0x10FFFF:
        raise ValueError(f"{source} holds what is no text; save it again with numpy.savez")
    return array.reshape(shape, order="F" if fortran_order else "C")


def _read_header(
    stream: Readable, source: str, strings: bool
) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    start = stream.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ValueError(
            f"{source} is not a .npy array: it begins with the bytes "
            f"{start.hex(' ') or '(none)'}; save it again with numpy.savez"
        )
    length = int.from_bytes(stream.read(2 if start[6] == 1 else 4), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(
            f"{source} has a header of {length} bytes; expected at most {_LONGEST_HEADER}, "
            "save it again with numpy.savez"
        )
    header = stream.read(length).decode("latin-1").strip()
    fields = _header_fields(header)
    descr = fields.get("descr", "")
    text = strings and re.fullmatch(r"[<>=]U[1-9][0-9]{0,5}", descr)
    if len(fields) < 3 or not (text or descr[1:] in _REAL_TYPES):
        raise ValueError(
            f"{source} has the header {header[:120]!r}; expected an array of real numbers "
            "(no objects, no records), saved with numpy.savez"
        )
    shape = tuple(int(n) for n in fields["shape"].split(",") if n.strip())
    return shape, np.dtype(descr), fields["fortran_order"] == "True"


def _header_fields(header: str) -> dict[str, str]:
    """Return the dict's three items as text, or fewer where the header has any other form."""
    fields: dict[str, str] = {}
    inside = header[1:-1].strip() if header[:1] + header[-1:] == "{}" else ""
    at = 0
    while at < len(inside):
        item = _HEADER_ITEM.match(inside, at)
        if item is None or item.lastgroup is None or item.lastgroup in fields:
            return {}
        fields[item.lastgroup] = item[item.lastgroup]
        at = item.end()
    return fields
