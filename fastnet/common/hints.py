"""Answers to words of other libraries: which name or argument means the same here."""

from __future__ import annotations

# At once: reading a file that names what is unknown imports nothing.
import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

__all__ = ["answers_to", "did_you_mean", "same_name"]

F = TypeVar("F", bound=Callable[..., Any])


def same_name(value: str, names: Iterable[str]) -> str | None:
    """Return the name that is `value` in any case, or None.

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
    """Return a sentence, behind a blank, that names what was probably meant; "" if nothing is near.

    Parameters
    ----------
    value : str
        What is not among the names.
    names : iterable of str
    words : mapping of str to str
        What other libraries call them, in lower case without hyphens and underscores.

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
    """Decorate a function to say what to use instead of arguments that it does not have.

    Parameters
    ----------
    name : str
        What messages call the function.
    words : mapping of str to str
        Arguments that it does not have, and what to use instead of each.
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
    """Return the message for arguments that a function does not take, None to leave Python's."""
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
