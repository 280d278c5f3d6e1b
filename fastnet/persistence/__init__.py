"""Model files in and out, written so that no failure leaves half a file, and read with suspicion.

Two forms: the library's own (`write_npz`, `read_npz`), which holds any network and what belongs to
it, and the book's JSON (`write_json`, `read_json`), which holds sigmoid networks. `format_of` tells
them apart by content.

Knows nothing of `Network`: what goes in and comes out is sizes, arrays and names.
"""

import os

from fastnet.persistence.book_json import read_json, write_json
from fastnet.persistence.native import FORMAT_VERSION, SavedModel, read_npz, write_npz
from fastnet.persistence.replacing import replace_file

__all__ = [
    "FORMAT_VERSION",
    "SavedModel",
    "format_of",
    "read_json",
    "read_npz",
    "replace_file",
    "write_json",
    "write_npz",
]


def format_of(path: str | os.PathLike[str]) -> str:
    """Return "npz" where a file begins as a zip archive does, else "json".

    Parameters
    ----------
    path : str or os.PathLike

    Raises
    ------
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "named.npz")
    ...     replace_file(path, b'{"sizes": [2, 1]}')
    ...     format_of(path)
    'json'
    """
    with open(path, "rb") as file:
        return "npz" if file.read(2) == b"PK" else "json"
