"""What a store knows things again by: a digest of their values, whatever object holds them."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import numpy as np

from fastnet.arguments import shown

__all__ = ["fingerprint"]


def fingerprint(value: Any, name: str, *, strict: bool = True) -> str:
    """Return a digest: equal for equal values, in this process and in another.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, sequences, mappings, dataclasses, functions (by name), and what
        is made of them. A `numpy.memmap` counts by its file's name, size and time.
    name : str
        What a message calls it.
    strict : bool, keyword only
        Refuse anything else; otherwise it counts by its pickle.

    Raises
    ------
    TypeError
        Something in it has nothing to be known again by.

    Examples
    --------
    >>> fingerprint({"eta": 0.5, "hidden": 30}, "x") == fingerprint({"hidden": 30, "eta": 0.5}, "x")
    True
    """
    hasher = hashlib.sha256()
    _feed(hasher, value, name, strict)
    return hasher.hexdigest()


def _feed(hasher: Any, value: Any, name: str, strict: bool) -> None:
    if isinstance(value, np.generic):
        value = value.item()
    path = getattr(value, "filename", None) if isinstance(value, np.memmap) else None
    if path is not None:
        about = os.stat(path)
        where = (os.path.abspath(path), about.st_size, about.st_mtime_ns)
        _tell(hasher, "memmap", *where, value.dtype.str, value.shape, value.strides)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        _tell(hasher, "array", value.dtype.str, value.shape)
        hasher.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        _tell(hasher, "value", value)
    elif isinstance(value, Mapping):
        _tell(hasher, "mapping", len(value))
        for key in sorted(value, key=repr):
            _feed(hasher, key, name, strict)
            _feed(hasher, value[key], f"{name}[{key!r}]", strict)
    elif isinstance(value, (tuple, list)):
        _tell(hasher, "sequence", len(value))
        for place, item in enumerate(value):
            _feed(hasher, item, f"{name}[{place}]", strict)
    elif is_dataclass(value) and not isinstance(value, type):
        _tell(hasher, "dataclass", type(value).__module__, type(value).__qualname__)
        for field in fields(value):
            _feed(hasher, getattr(value, field.name), f"{name}.{field.name}", strict)
    elif isinstance(value, partial):
        _tell(hasher, "partial")
        for part in (value.func, value.args, value.keywords):
            _feed(hasher, part, name, strict)
    elif callable(value) and "<" not in getattr(value, "__qualname__", "<"):
        _tell(hasher, "callable", value.__module__, value.__qualname__)
    elif not strict:
        try:
            _tell(hasher, "pickle", pickle.dumps(value, protocol=5))
        except (pickle.PicklingError, TypeError, AttributeError):
            _refuse(value, name)
    else:
        _refuse(value, name)


def _tell(hasher: Any, *words: object) -> None:
    hasher.update(repr(words).encode())


def _refuse(value: Any, name: str) -> None:
    raise TypeError(
        f"{name} is {shown(value)}, which a store would not know again; give numbers, strings, "
        "lists, arrays, dataclasses or functions of a module."
    ) from None
