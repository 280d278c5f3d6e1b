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

from fastnet.common.arguments import shown
from fastnet.sweeps.functions import Reading

__all__ = ["fingerprint", "fingerprint_function"]


def fingerprint(value: Any, name: str, *, strict: bool = True) -> str:
    """Return a digest: equal for equal values, in this process and in another.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, sequences, mappings, dataclasses, functions, and what is made of
        them. A `numpy.memmap` counts by its file's name, size and time, a function by its name, its
        code and the values that it reads.
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
    # What is written into a copy-on-write map is not in the file.
    is_map = isinstance(value, np.memmap) and value.mode != "c"
    path = getattr(value, "filename", None) if is_map else None
    if path is not None:
        about = os.stat(path)
        start = value.__array_interface__["data"][0]
        where = (os.path.abspath(path), about.st_size, about.st_mtime_ns, start - _start_of(value))
        _tell(hasher, "memmap", *where, value.dtype.str, value.shape, value.strides)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        _tell(hasher, "array", value.dtype.str, value.dtype.descr, value.shape)
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
        code, values = fingerprint_function(value)
        _tell(hasher, "callable", value.__module__, value.__qualname__, code, values)
    elif not strict:
        try:
            _tell(hasher, "pickle", pickle.dumps(value, protocol=5))
        except (pickle.PicklingError, TypeError, AttributeError):
            _refuse(value, name)
    else:
        _refuse(value, name)


def fingerprint_function(function: Any) -> tuple[str, str]:
    """Return a digest of a function's code, and one of the values that it reads.

    Both reach as far as the user's own modules do: see `Reading`.

    Examples
    --------
    >>> def by(factor):
    ...     def build(data, rng):
    ...         return {"x": factor * rng.random()}
    ...     return build
    >>> one, two = (fingerprint_function(by(factor)) for factor in (1, 2))
    >>> one[0] == two[0], one[1] == two[1]
    (True, False)
    """
    code, values = hashlib.sha256(), hashlib.sha256()

    def tell_value(name: str, value: Any) -> None:
        _tell(values, name)
        _feed(values, value, name, strict=True)

    Reading(function, lambda *words: _tell(code, *words), tell_value)
    return code.hexdigest(), values.hexdigest()


def _start_of(array: Any) -> int:
    """Where the memory of the map begins that an array is part of."""
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    return int(base.__array_interface__["data"][0]) - int(getattr(base, "offset", 0))


def _tell(hasher: Any, *words: object) -> None:
    hasher.update(repr(words).encode())


def _refuse(value: Any, name: str) -> None:
    raise TypeError(
        f"{name} is {shown(value)}, which a store would not know again; give numbers, strings, "
        "lists, arrays, dataclasses or functions of a module."
    ) from None
