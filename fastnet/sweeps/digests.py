"""Digests of values and functions, with which a store recognizes them in other processes."""

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
from fastnet.common.values import Value
from fastnet.sweeps.functions import FunctionReader
from fastnet.sweeps.payload import place_in_file

__all__ = ["digest_function", "digest_value"]


def digest_value(value: Any, name: str, *, strict: bool = True) -> str:
    """Return a digest that is equal for equal values, in this and in other processes.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, sequences, mappings, dataclasses, functions, also nested. A
        `numpy.memmap` is identified by its file's name, size and time, a function by its name, its
        code and the values that it reads.
    name : str
        Its name in messages.
    strict : bool, keyword only
        Refuse anything else; otherwise it is identified by its pickle.

    Raises
    ------
    TypeError
        A part of the value cannot be identified.

    Examples
    --------
    >>> digest_value({"eta": 0.5, "n": 30}, "x") == digest_value({"n": 30, "eta": 0.5}, "x")
    True
    """
    hasher = hashlib.sha256()
    _feed(hasher, value, name, strict)
    return hasher.hexdigest()


def _feed(hasher: Any, value: Any, name: str, strict: bool) -> None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.memmap) and (place := place_in_file(value)) is not None:
        path, offset = place
        about = os.stat(path)
        where = (path, about.st_size, about.st_mtime_ns, offset)
        _update(hasher, "memmap", *where, value.dtype.str, value.shape, value.strides)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        _update(hasher, "array", value.dtype.str, value.dtype.descr, value.shape)
        hasher.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        _update(hasher, "value", value)
    elif isinstance(value, Mapping):
        _update(hasher, "mapping", len(value))
        for key in sorted(value, key=repr):
            _feed(hasher, key, name, strict)
            _feed(hasher, value[key], f"{name}[{key!r}]", strict)
    elif isinstance(value, (tuple, list)):
        _update(hasher, "sequence", len(value))
        for i, item in enumerate(value):
            _feed(hasher, item, f"{name}[{i}]", strict)
    elif isinstance(value, Value):
        _update(hasher, "scheme", type(value).__module__, type(value).__qualname__)
        _feed(hasher, vars(value), name, strict)
    elif is_dataclass(value) and not isinstance(value, type):
        _update(hasher, "dataclass", type(value).__module__, type(value).__qualname__)
        for field in fields(value):
            _feed(hasher, getattr(value, field.name), f"{name}.{field.name}", strict)
    elif isinstance(value, partial):
        _update(hasher, "partial")
        for part in (value.func, value.args, value.keywords):
            _feed(hasher, part, name, strict)
    elif callable(value) and "<" not in getattr(value, "__qualname__", "<"):
        code, values = digest_function(value)
        _update(hasher, "callable", value.__module__, value.__qualname__, code, values)
    elif not strict:
        try:
            _update(hasher, "pickle", pickle.dumps(value, protocol=5))
        except (pickle.PicklingError, TypeError, AttributeError):
            _refuse(value, name)
    else:
        _refuse(value, name)


def digest_function(function: Any) -> tuple[str, str]:
    """Return a digest of a function's code, and one of the values that it reads.

    Both include the user's own modules: see `FunctionReader`.

    Examples
    --------
    >>> def by(factor):
    ...     def build(data, rng):
    ...         return {"x": factor * rng.random()}
    ...     return build
    >>> one, two = (digest_function(by(factor)) for factor in (1, 2))
    >>> one[0] == two[0], one[1] == two[1]
    (True, False)
    """
    code, values = hashlib.sha256(), hashlib.sha256()

    def update_values(name: str, value: Any) -> None:
        _update(values, name)
        _feed(values, value, name, strict=True)

    FunctionReader(function, lambda *words: _update(code, *words), update_values)
    return code.hexdigest(), values.hexdigest()


def _update(hasher: Any, *words: object) -> None:
    hasher.update(repr(words).encode())


def _refuse(value: Any, name: str) -> None:
    raise TypeError(
        f"{name} is {shown(value)}, which a store cannot recognize in another process; give "
        "numbers, strings, lists, arrays, initializers, dataclasses or functions of a module."
    ) from None
