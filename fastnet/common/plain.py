"""Values as JSON gives them back: None, bools, numbers, strings, lists and dicts of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnet.common.arguments import in_one_line, shown

__all__ = ["MOST_DEPTH", "as_plain"]

#: Lists in lists, deeper than this, are neither written nor read: copying them needs recursion.
MOST_DEPTH = 50


def as_plain(value: Any, where: str, depth: int = 0) -> Any:
    """Return a value as JSON gives it back; NumPy's numbers and arrays become Python's.

    Parameters
    ----------
    value : object
    where : str
        What messages call it.
    depth : int
        In how many lists and dicts it lies.

    Raises
    ------
    ValueError
        There is something that JSON cannot hold, or lists in lists, `MOST_DEPTH` of them.

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
        f"{where} is {shown(value)}, which JSON cannot hold; give numbers, strings, and lists and "
        "dicts of them, with names for keys."
    )
