"""`Table`: examples and labels, whatever they were read from, and what they are checked for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line

__all__ = [
    "FourArrays",
    "Table",
    "Tables",
    "as_rows",
    "check_examples",
    "check_widths",
    "display_name",
    "four_arrays",
]

Array = NDArray[Any]
FourArrays = tuple[Array, Array, Array, Array]


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


def four_arrays(arrays: Sequence[Array], names: Sequence[str], source: str) -> FourArrays:
    """Return images as rows and class numbers, for training and testing, that belong together.

    Raises
    ------
    ValueError
        They do not.
    """
    X_train, y_train, X_test, y_test = arrays
    X_train = as_rows(X_train, y_train, names[:2], source)
    X_test = as_rows(X_test, y_test, names[2:], source)
    for y, name in ((y_train, names[1]), (y_test, names[3])):
        if y.dtype.kind not in "iu":
            raise ValueError(
                f"{source}: {name} has type {y.dtype}; expected one whole number an example"
            )
    check_widths(X_train, X_test, names[::2], source)
    return X_train, y_train, X_test, y_test


def as_rows(X: Array, y: Array | None, names: Sequence[str], source: str) -> Array:
    """Return examples as rows, images being laid out as such, once there is a label for each.

    Raises
    ------
    ValueError
        X has one dimension or none, or y is not as long.
    """
    if X.ndim < 2:
        raise ValueError(
            f"{source}: {names[0]} has shape {X.shape}; expected one row or image an example"
        )
    if y is not None and y.shape != X.shape[:1]:
        raise ValueError(
            f"{source}: {names[1]} has shape {y.shape}, and {names[0]} has {len(X)} rows; expected "
            "one label a row"
        )
    return X.reshape(len(X), math.prod(X.shape[1:]))


def check_widths(X_train: Array, X_test: Array, names: Sequence[str], source: str) -> None:
    """Refuse training and test examples of different widths."""
    if X_train.shape[1] != X_test.shape[1]:
        raise ValueError(
            f"{source}: a row of {names[0]} has {X_train.shape[1]} values and a row of {names[1]} "
            f"has {X_test.shape[1]}; they must have the same number"
        )


def check_examples(X: Array, source: str) -> None:
    """Refuse examples of which there are none, or that hold nothing."""
    if X.size == 0:
        raise ValueError(f"{source} has examples of shape {X.shape}; expected one or more numbers")


def display_name(path: str | os.PathLike[str]) -> str:
    """Return what to call a user's data: the file's or folder's own name, fit to be printed.

    Examples
    --------
    >>> display_name("/data/iris.csv")
    'iris.csv'
    """
    return in_one_line(os.path.basename(os.path.abspath(os.fsdecode(path))), 40)
