"""Model files: written atomically, and read without trusting what they declare.

There are three formats. The library's own (`write_npz`, `read_npz`) and safetensors, which other
libraries read (`write_safetensors`, `read_safetensors`), store any network with its preprocessing
and history; the book's JSON (`write_json`, `read_json`) stores sigmoid networks. `format_of` tells
them apart by content.
"""

import os

from fastnet.files.atomic import remove_leftovers, replace_file
from fastnet.files.book_json import fits_json, read_json, write_json
from fastnet.files.npz_model import read_npz, read_npz_header, write_npz
from fastnet.files.safetensors import (
    looks_like_safetensors,
    read_safetensors,
    write_safetensors,
)
from fastnet.files.saved_model import FORMAT_VERSION, SavedModel, SavedTraining

__all__ = [
    "FORMAT_VERSION",
    "SavedModel",
    "SavedTraining",
    "fits_json",
    "format_of",
    "read_json",
    "read_npz",
    "read_npz_header",
    "read_safetensors",
    "remove_leftovers",
    "replace_file",
    "write_json",
    "write_npz",
    "write_safetensors",
]


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format of a model file by its first bytes: "safetensors", "npz" or else "json".

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        start = file.read(9)
    # In this order: the length that begins a safetensors file may happen to read "PK".
    if looks_like_safetensors(start):
        return "safetensors"
    return "npz" if start[:2] == b"PK" else "json"
