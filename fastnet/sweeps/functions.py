"""`FunctionReader`: reads a function's code and the outside values that it uses, for its digest."""

from __future__ import annotations

import dis
import os
import pickle
import sys
import sysconfig
from collections.abc import (
    Callable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Set,
)
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, partial
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

__all__ = ["FunctionReader"]

#: Methods that change a container: if the function calls one, the container is not a setting.
CHANGES = {
    *("append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove"),
    *("discard", "clear", "put", "sort", "reverse", "appendleft"),
}
#: Attributes in which wrappers (`functools.cache`, `numpy.vectorize`) keep the function.
_WRAPPED = ("__wrapped__", "func", "pyfunc", "py_func")
_WRITABLE = (MutableMapping, MutableSequence, MutableSet, np.ndarray)
_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"}


class FunctionReader:
    """Reads a function, and the user's own functions, classes and values that it uses.

    Functions and classes in the user's own modules are read; those in other packages are identified
    by name. Values come from closures, defaults, `partial` and global variables.

    Parameters
    ----------
    function : callable
    add_code : callable
        Called with words that identify code.
    add_value : callable
        Called with the name of a value and the value: a number, string, array or pickle.

    Examples
    --------
    >>> scale = 3
    >>> def build(data, rng, *, power=2):
    ...     return scale ** power
    >>> values = []
    >>> _ = FunctionReader(build, lambda *words: None, lambda *value: values.append(value))
    >>> values
    [('build.power', 2), ('build.scale', 3)]
    """

    def __init__(
        self,
        function: Any,
        add_code: Callable[..., object],
        add_value: Callable[[str, Any], object],
    ) -> None:
        self._add_code, self._add_value = add_code, add_value
        self._seen: dict[int, Any] = {}  # keeps the values, so that no id is used twice
        self._read(function, getattr(function, "__name__", "build"))

    def _read(self, value: Any, where: str) -> None:
        plain = value is None or isinstance(value, (bool, int, float, complex, str, bytes))
        if plain or isinstance(value, (np.ndarray, np.generic)):
            self._add_value(where, value)
            return
        if id(value) in self._seen:
            self._add_value(where, f"is {self._seen[id(value)][0]}")
            return
        self._seen[id(value)] = where, value
        if isinstance(value, FunctionType):
            self._read_function(value, where)
        elif isinstance(value, (MethodType, staticmethod, classmethod)):
            self._read(value.__func__, where)
            if isinstance(value, MethodType):
                self._read(value.__self__, f"{where}.self")
        elif isinstance(value, partial):
            self._add_code(where, "partial")
            for name in ("func", "args", "keywords"):
                self._read(getattr(value, name), f"{where}.{name}")
        elif isinstance(value, type):
            self._read_class(value, where)
        elif isinstance(value, property):
            for function in (value.fget, value.fset):
                self._read(function, where)
        elif isinstance(value, ModuleType):
            self._add_code(where, "module", value.__name__)
        elif isinstance(value, (Mapping, list, tuple, Set)):
            self._read_container(value, where)
        else:
            self._read_object(value, where)

    def _read_function(self, function: FunctionType, where: str) -> None:
        self._add_code(where, function.__module__, function.__qualname__)
        if _is_installed(function.__code__.co_filename):
            return
        self._add_code(*_words_of(function.__code__, function.__doc__))
        arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
        defaults = function.__defaults__ or ()
        given = dict(zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True))
        given |= function.__kwdefaults__ or {}
        names = _Names(function.__code__)
        given |= names.found_in(dict(_cells_of(function)))
        given |= names.found_in(function.__globals__)
        for name in sorted(given):
            self._read(given[name], f"{where}.{name}")

    def _read_class(self, kind: type, where: str) -> None:
        self._add_code(where, kind.__module__, kind.__qualname__)
        if not _is_users(kind.__module__):
            return
        for base in kind.__bases__:
            self._read(base, where)
        for name, member in sorted(vars(kind).items()):
            if not (name.startswith("__") and name.endswith("__")) or callable(member):
                self._read(member, f"{where}.{name}")

    def _read_container(self, value: Any, where: str) -> None:
        self._add_value(where, f"{len(value)} in a {type(value).__name__}")
        if isinstance(value, Mapping):
            for key in sorted(value, key=repr):
                self._read(value[key], f"{where}[{key!r}]")
        else:
            items = sorted(value, key=repr) if isinstance(value, Set) else value
            for place, item in enumerate(items):
                self._read(item, f"{where}[{place}]")

    def _read_object(self, value: Any, where: str) -> None:
        kind = type(value)
        self._read(kind, f"{where}.class")
        for name in _WRAPPED:
            if isinstance(inner := getattr(value, name, None), FunctionType):
                self._read(inner, f"{where}.{name}")
        if is_dataclass(value):
            for field in fields(value):
                self._read(getattr(value, field.name, None), f"{where}.{field.name}")
        elif _is_users(kind.__module__):
            members = dict(getattr(value, "__dict__", {}))
            for name, member in vars(kind).items():
                if isinstance(member, MemberDescriptorType) and hasattr(value, name):  # of slots
                    members[name] = getattr(value, name)
            for name, member in sorted(members.items()):
                self._read(member, f"{where}.{name}")
        elif callable(value) and hasattr(value, "__name__"):
            self._add_code(where, getattr(value, "__module__", ""), value.__name__)
        else:
            try:
                self._add_value(where, pickle.dumps(value, protocol=5))
            except Exception:  # a lock, a file, a pool: results do not depend on it
                self._add_code(where, kind.__module__, kind.__qualname__)


def _words_of(code: CodeType, doc: str | None = None) -> Iterator[object]:
    """Yield everything that identifies code, except its location and its docstring."""
    yield from (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)
    yield from (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    yield code.co_exceptiontable
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _words_of(constant)
        elif isinstance(constant, frozenset):
            yield sorted(map(repr, constant))
        elif not (place == 0 and doc is not None and constant == doc):
            yield constant


def _cells_of(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a function's closure; skip variables without a value yet."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):
            yield name, cell.cell_contents


class _Names:
    """Names that code loads from outside, and how it uses them.

    Attributes
    ----------
    loaded : dict of set
        By name, the attributes that are loaded from its value.
    rebound, changed : set
        Names that are assigned; names whose values may be modified.
    """

    def __init__(self, code: CodeType) -> None:
        self.loaded: dict[str, set[str]] = {}
        self.rebound: set[str] = set()
        self.changed: set[str] = set()
        self._walk(code)

    def _walk(self, code: CodeType) -> None:
        last = [""] * 4
        for step in dis.get_instructions(code):
            loads = step.opname in _LOADS
            if loads:
                self.loaded.setdefault(step.argval, set())
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and last[-1]:
                self.loaded[last[-1]].add(step.argval)
                if step.argval in CHANGES:
                    self.changed.add(last[-1])
            elif step.opname in ("STORE_GLOBAL", "STORE_DEREF"):
                self.rebound.add(step.argval)
            elif step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR"):
                self.changed.update(name for name in last if name)
            last = [*last[1:], step.argval if loads else ""]
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._walk(constant)

    def found_in(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that are loaded from `names`, and from the user's modules in it."""
        found = {}
        for name, attributes in self.loaded.items():
            if name not in names or name in self.rebound:
                continue
            value = names[name]
            if name in self.changed and isinstance(value, _WRITABLE):
                continue
            found[name] = value
            if isinstance(value, ModuleType) and _is_users(value.__name__):
                for attribute in attributes & set(vars(value)):
                    found[f"{name}.{attribute}"] = vars(value)[attribute]
        return found


@cache
def _places() -> tuple[str, ...]:
    """Return the folders of Python, of installed packages, and of fastnet."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = [path for name in names if (path := sysconfig.get_path(name))]
    paths.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple(os.path.join(os.path.realpath(path), "") for path in paths)


def _is_users(name: str | None) -> bool:
    """Return whether a module is the user's own: not Python's, not fastnet's, not installed."""
    root = (name or "").partition(".")[0]
    if root in sys.builtin_module_names or root in sys.stdlib_module_names or root == "fastnet":
        return root == "__main__"
    path = getattr(sys.modules.get(name or ""), "__file__", None)
    return path is None or not _is_installed(path)


def _is_installed(path: str) -> bool:
    return os.path.realpath(path).startswith(_places())
