"""`Table`: examples and labels, whatever they were read from."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Table", "Tables", "display_name"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Examples, a row each, and what is known about them.

    Attributes
    ----------
    name : str
        What messages and titles call it.
    X : ndarray of real numbers, shape (n, k)
    y : ndarray, shape (n,), or None
        A label an example: numbers, or strings (as objects or fixed-width).
    columns : tuple of str, or None
        The names of the k inputs, where they have names.
    target : str or None
        The name of the labels.
    unused : tuple of str
        The names of what else was there: columns, arrays or files.

    Examples
    --------
    >>> import numpy as np
    >>> table = Table("points", np.eye(3), np.array([4, 5, 6]))
    >>> table.n, table.rows(np.array([2, 0])).y.tolist()
    (3, [6, 4])
    """

    name: str
    X: Array
    y: Array | None = None
    columns: tuple[str, ...] | None = None
    target: str | None = None
    unused: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many examples there are."""
        return len(self.X)

    def rows(self, chosen: Array) -> Table:
        """Return a table of some of the rows, copied.

        Parameters
        ----------
        chosen : ndarray of int
            Row numbers, from 0.
        """
        return replace(self, X=self.X[chosen], y=None if self.y is None else self.y[chosen])


class Tables(NamedTuple):
    """What a file or folder holds: examples to train on, examples to test with, or both."""

    training: Table | None
    test: Table | None

    @property
    def judged(self) -> Table:
        """What a network is judged by or applied to: the test part, or else all there is.

        Raises
        ------
        ValueError
            There is neither.
        """
        found = self.test or self.training
        if found is None:
            raise ValueError("there are no examples; give data with one row or more")
        return found


def display_name(path: str | os.PathLike[str]) -> str:
    """Return what to call a user's data: the file's or folder's own name, fit to be printed.

    Examples
    --------
    >>> display_name("/data/iris.csv")
    'iris.csv'
    """
    name = os.path.basename(os.path.abspath(os.fsdecode(path)))
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return name if len(name) <= 40 else f"{name[:39]}…"
