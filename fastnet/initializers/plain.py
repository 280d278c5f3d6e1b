"""Conversion of initializers to and from JSON values, for model files."""

from __future__ import annotations

from typing import Any

from fastnet.common.arguments import shown
from fastnet.initializers import schemes
from fastnet.initializers.drawing import Function, Initializer, read_biases, read_initializer
from fastnet.initializers.schemes import LSUV, Scheme

__all__ = ["from_plain", "to_plain"]

_SCHEMES = {
    kind.__name__: kind
    for name in schemes.__all__
    if isinstance(kind := getattr(schemes, name), type) and kind is not Scheme
}


def to_plain(initializer: Initializer) -> Any:
    """Return an initializer as names, numbers and dicts; None for a function.

    Examples
    --------
    >>> to_plain("he_normal"), to_plain(schemes.Orthogonal(2.0))
    ('he_normal', {'scheme': 'Orthogonal', 'gain': 2.0})
    """
    if isinstance(initializer, (list, tuple)):
        return [to_plain(one) for one in initializer]
    if isinstance(initializer, LSUV):
        numbers = {"tolerance": initializer.tolerance, "max_iterations": initializer.max_iterations}
        return {"scheme": "LSUV", "of": to_plain(initializer.scheme), **numbers}
    if isinstance(initializer, Scheme):
        return {"scheme": type(initializer).__name__, **vars(initializer)}
    return None if callable(initializer) else initializer


def from_plain(plain: Any, name: str, function: Function, n_layers: int) -> Initializer:
    """Return the initializer that `to_plain` wrote.

    Parameters
    ----------
    plain : object
    name : {"initializer", "bias_initializer"}
    function : callable
        Returned for None, which `to_plain` writes in place of a function.
    n_layers : int
        Number of layers with weights.

    Raises
    ------
    ValueError
        `plain` is not a value that `to_plain` writes.

    Examples
    --------
    >>> from_plain({"scheme": "Orthogonal", "gain": 2.0}, "initializer", max, n_layers=1)
    Orthogonal(2.0)
    """
    try:
        several = isinstance(plain, list)
        found = [_one(item, name, function) for item in (plain if several else [plain])]
        given = found if several else found[0]
        if name == "bias_initializer":
            return read_biases(given, n_layers)
        return read_initializer(given, name, n_layers)
    except TypeError as error:
        raise ValueError(f"{name} is {shown(plain)}: {error}") from None


def _one(plain: Any, name: str, function: Function) -> Any:
    """Return a single initializer, names and numbers unchecked."""
    if plain is None:
        return function
    if not isinstance(plain, dict):
        return plain
    arguments = dict(plain)
    kind = arguments.pop("scheme", None)
    if not isinstance(kind, str) or kind not in _SCHEMES:
        raise ValueError(f"{name}'s scheme is {shown(kind)}; expected a scheme's name.")
    if kind == "LSUV":
        # Lists and other LSUVs are refused, so this does not recurse deeper.
        of = arguments.pop("of", None)
        if not isinstance(of, dict) or of.get("scheme") == "LSUV":
            raise ValueError(f"{name}'s LSUV is of {shown(of)}; expected another scheme.")
        arguments["scheme"] = _one(of, name, function)
    return _SCHEMES[kind](**arguments)
