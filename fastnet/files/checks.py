"""Checks shared by the readers of model files, and the wording of their errors."""

import reprlib
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.common.plain import MOST_DEPTH
from fastnet.preprocessing import Preprocessing

__all__ = [
    "check_depth",
    "check_keys",
    "check_parameters",
    "described",
    "make_preprocessing",
    "parse_json",
    "read_names",
    "refuse",
]

_DTYPES = ("float64", "float32")


def parse_json(data: bytes, source: str) -> Any:
    """Return the value of JSON text in UTF-8.

    Parameters
    ----------
    data : bytes
    source : str
        What messages call the file.

    Raises
    ------
    ValueError
        It is not JSON, or an object has the same key twice.

    Examples
    --------
    >>> parse_json(b'{"cost": "quadratic"}', "'a.json'")
    {'cost': 'quadratic'}
    """
    import json

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unambiguous)
    except json.JSONDecodeError as error:
        refuse(
            source,
            f"it is not valid JSON ({error.msg} at character {error.pos} of {len(error.doc)})",
            error,
        )
    except UnicodeDecodeError as error:
        refuse(source, f"it is not text in UTF-8 (byte {error.start} of {len(data)})", error)
    except RecursionError as error:
        refuse(source, "its lists are nested too deeply", error)
    except ValueError as error:
        refuse(source, f"it cannot be read as JSON ({error})", error)


def check_keys(
    model: Any, source: str, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return `model` if it is a dict with every required key, and no others but the optional ones.

    Raises
    ------
    ValueError
        It is not a dict, lacks a key, or has an unknown one.

    Examples
    --------
    >>> check_keys({"cost": "quadratic"}, "'a.json'", ["cost"])
    {'cost': 'quadratic'}
    """
    expected = f"expected an object with {', '.join(required or optional)}"
    if not isinstance(model, dict):
        refuse(source, f"it holds {reprlib.repr(model)}; {expected}")
    missing = [key for key in required if key not in model]
    if missing:
        refuse(source, f"it has no {missing[0]}; {expected}")
    # A key that this version does not know may change what the network computes.
    unknown = [key for key in model if key not in (*required, *optional)]
    if unknown:
        refuse(
            source, f"it has the key {reprlib.repr(unknown[0])}, which this version does not know"
        )
    return model


def read_names(model: dict[str, Any], source: str) -> tuple[list[int], str, str]:
    """Return a model's sizes, the name of its cost, and the name of its dtype.

    Raises
    ------
    ValueError
        One of them has another type or value.

    Examples
    --------
    >>> read_names({"sizes": [2, 1], "cost": "quadratic", "dtype": "float32"}, "'a.npz'")
    ([2, 1], 'quadratic', 'float32')
    """
    sizes, cost, dtype = model["sizes"], model["cost"], model["dtype"]
    # type() and not isinstance(): a bool is an int.
    whole = isinstance(sizes, list) and all(type(n) is int and n > 0 for n in sizes)
    if not whole or len(sizes) < 2:
        expected = "a list of two or more positive whole numbers"
        refuse(source, f"its sizes are {described(sizes)}; expected {expected}")
    if not isinstance(cost, str):
        refuse(source, f"its cost is {described(cost)}; expected a name")
    if dtype not in _DTYPES:
        refuse(source, f"its dtype is {described(dtype)}; expected {' or '.join(_DTYPES)}")
    return sizes, cost, dtype


def check_depth(value: Any, source: str) -> None:
    """Refuse lists and objects that are nested more deeply than fastnet writes them.

    Raises
    ------
    ValueError
        They are nested too deeply.
    """
    level = [value]
    for _ in range(MOST_DEPTH + 1):  # one more for the enclosing object
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, list | dict)]
        if not level:
            return
    refuse(source, f"its lists are nested more than {MOST_DEPTH} deep")


def check_parameters(
    biases: Sequence[NDArray[Any]], weights: Sequence[NDArray[Any]], path: str
) -> None:
    """Refuse to write parameters that are not finite.

    Raises
    ------
    ValueError
        A weight or a bias is not finite.
    """
    for key, arrays in (("biases", biases), ("weights", weights)):
        for layer, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{key}[{layer}] holds numbers that are not finite; {path!r} was not written. "
                    "Has the training diverged?"
                )


def make_preprocessing(known: dict[str, Any], sizes: Sequence[int], source: str) -> Preprocessing:
    """Return the preprocessing that a file describes, checked against the network's sizes.

    Raises
    ------
    ValueError
        Names or arrays are wrong, or do not fit a network of these sizes.
    """
    for key, kinds in (("labels", (str, int, float, bool)), ("columns", (str,))):
        names = known.get(key)
        if names is not None and not (isinstance(names, list) and {*map(type, names)} <= {*kinds}):
            refuse(source, f"its {key} are {described(names)}; expected a list of names")
    try:
        preprocessing = Preprocessing(**known)
        preprocessing.check(sizes)
    except (ValueError, TypeError, OverflowError) as error:
        refuse(source, str(error).rstrip("."), error)
    return preprocessing


def described(value: Any) -> str:
    """Return a value, shortened, for a message: [1, 2] as "[1, 2] (a list of 2)"."""
    short = reprlib.repr(value)
    return f"{short} (a list of {len(value)})" if isinstance(value, list) else short


def refuse(
    source: str,
    cause: str,
    error: Exception | None = None,
    *,
    verdict: str = "is not a saved network",
    advice: str = "save it again or choose another file",
) -> NoReturn:
    """Raise a ValueError that says what is wrong with a file, why, and what to do.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(f"{source} {verdict}: {in_one_line(cause)}; {advice}") from error


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found
