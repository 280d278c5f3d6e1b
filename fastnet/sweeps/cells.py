"""`as_cell`: values of configurations as cells of tables and names of curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnet.common.arguments import shown

__all__ = ["as_cell"]


def as_cell(value: Any) -> Any:
    """Return any value as a number, string, bool or None.

    Sequences are joined with hyphens, functions and classes become their names, and other objects
    their repr in one line.

    Examples
    --------
    >>> as_cell((784, 30, 10)), as_cell(np.float64(0.5)), as_cell(len), as_cell("relu")
    ('784-30-10', 0.5, 'len', 'relu')
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return "-".join(str(as_cell(item)) for item in value)
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else shown(value)
