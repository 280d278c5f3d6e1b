"""`as_plain`: values for JSON, i.e. None, bools, numbers, strings, lists and dicts of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet.common.arguments import in_one_line, shown

__all__ = ["MOST_DEPTH", "as_plain"]

#: Lists nested more deeply are neither written nor read, since copying them needs recursion.
MOST_DEPTH = 50


def as_plain(value: Any, where: str, depth: int = 0) -> Any:
    """Return a value as JSON reads it back; NumPy numbers and arrays become Python's.

    Parameters
    ----------
    value : object
    where : str
        What messages call it.
    depth : int
        The number of lists and dicts around the value.

    Raises
    ------
    ValueError
        A value cannot be expressed in JSON, or is nested more than `MOST_DEPTH` deep.

    Examples
    --------
    >>> as_plain({"cost": np.float64(0.5), "sizes": (2, 1)}, "history")
    {'cost': 0.5, 'sizes': [2, 1]}
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, bool | int | float | str | None):
        return value
    if depth >= MOST_DEPTH:
        raise ValueError(f"{in_one_line(where)} is nested too deeply for JSON.")
    if isinstance(value, list | tuple):
        if {bool, int, float, str}.issuperset(map(type, value)):  # a generator's state is long
            return list(value)
        return [as_plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: as_plain(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    raise ValueError(
        f"{where} is {shown(value)}, which JSON cannot express; give numbers, strings, and lists "
        "and dicts of them, with strings as keys."
    )
