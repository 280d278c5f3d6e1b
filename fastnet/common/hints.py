"""Suggestions in messages: the nearest name, or the name that other libraries' words mean here."""

from __future__ import annotations

# Imported here, not on use: reading an untrusted file must import nothing.
import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

__all__ = ["answers_to", "did_you_mean", "same_name"]

F = TypeVar("F", bound=Callable[..., Any])


def same_name(value: str, names: Iterable[str]) -> str | None:
    """Return the name that equals `value`, if need be in another case, or None.

    Examples
    --------
    >>> same_name("ReLU", ["sigmoid", "relu"])
    'relu'
    """
    names = list(names)
    found = [name for name in names if name == value] or [
        name for name in names if name.lower() == value.lower()
    ]
    return found[0] if found else None


def did_you_mean(value: str, names: Iterable[str], words: Mapping[str, str] | None = None) -> str:
    """Return " Did you mean ...?" with the nearest name, or "" if none is near.

    Parameters
    ----------
    value : str
        The name that is not known.
    names : iterable of str
    words : mapping of str to str
        The names of other libraries, in lower case without hyphens and underscores.

    Examples
    --------
    >>> did_you_mean("relo", ["sigmoid", "relu"]), did_you_mean("MSE", [], {"mse": "quadratic"})
    (" Did you mean 'relu'?", " Did you mean 'quadratic'?")
    >>> did_you_mean("cubic", ["sigmoid", "relu"])
    ''
    """
    word, lower = value.lower(), {name.lower(): name for name in names}
    found = (words or {}).get(word.replace("-", "").replace("_", "").replace(" ", ""))
    if found is None:
        near = difflib.get_close_matches(word, lower, n=1)
        found = lower[near[0]] if near else None
    return "" if found is None else f" Did you mean {found!r}?"


def answers_to(name: str, words: Mapping[str, str], positions: str = "") -> Callable[[F], F]:
    """Return a decorator that names the replacement of arguments that a function lacks.

    Parameters
    ----------
    name : str
        What messages call the function.
    words : mapping of str to str
        Arguments that the function lacks, with what to use instead.
    positions : str
        What to use if there are too many positional arguments.

    Examples
    --------
    >>> @answers_to("train", {"lr": "give the optimizer its rate"})
    ... def train(data, *, epochs=1): ...
    >>> train([], lr=0.1)
    Traceback (most recent call last):
        ...
    TypeError: train has no argument 'lr': give the optimizer its rate.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            try:
                return function(*args, **options)
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise  # not from the call itself
                said = _answer(function, name, words, positions, options, str(error))
                if said is None:
                    raise
            raise TypeError(said)

        return wrapped  # type: ignore[return-value]

    return decorate


def _answer(
    function: Callable[..., Any],
    name: str,
    words: Mapping[str, str],
    positions: str,
    options: Mapping[str, Any],
    said: str,
) -> str | None:
    """Return the message for arguments that a function lacks; None to keep Python's."""
    import inspect

    parameters = [one for one in inspect.signature(function).parameters if one != "self"]
    for word in options:
        if word not in parameters:
            use = words.get(word)
            if use is None:
                hint = did_you_mean(word, parameters) or f" It takes {', '.join(parameters)}."
                return f"{name} has no argument {word!r}.{hint}"
            return f"{name} has no argument {word!r}: {use}."
    crowded = "positional argument" in said and " given" in said
    return positions if positions and (crowded or "multiple values" in said) else None
