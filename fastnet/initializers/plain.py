"""Initializers as JSON holds them, for model files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastnet.common.arguments import shown
from fastnet.initializers import schemes
from fastnet.initializers.drawing import Initializer, read_initializer
from fastnet.initializers.schemes import Scheme

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
    if isinstance(initializer, Scheme):
        return {"scheme": type(initializer).__name__, **asdict(initializer)}  # type: ignore[call-overload]
    return None if callable(initializer) else initializer


def from_plain(plain: Any, function: Initializer) -> Initializer:
    """Return the initializer that `to_plain` wrote; `function` for None.

    Raises
    ------
    ValueError
        It is not what `to_plain` writes.

    Examples
    --------
    >>> from_plain({"scheme": "Orthogonal", "gain": 2.0}, 0.0)
    Orthogonal(2.0)
    """
    if plain is None:
        return function
    try:
        if not isinstance(plain, dict):
            return read_initializer(plain, "initializer")
        arguments = dict(plain)
        kind = arguments.pop("scheme", None)
        if not isinstance(kind, str) or kind not in _SCHEMES:
            raise ValueError(f"initializer's scheme is {shown(kind)}; expected a scheme's name.")
        scheme: Scheme = _SCHEMES[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"initializer is {shown(plain)}: {error}") from None
    return scheme
