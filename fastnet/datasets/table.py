"""`Table`: examples and labels from a file of any format, and the checks that formats share."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import in_one_line
from fastnet.common.console import escaped
from fastnet.datasets.sources import original_name

__all__ = [
    "FourArrays",
    "Table",
    "Tables",
    "check_examples",
    "check_widths",
    "display_name",
    "four_arrays",
    "image_rows",
]

#: The stream of a seed that chooses the validation examples; networks draw from another.
VALIDATION_STREAM = 1

Array = NDArray[Any]
FourArrays = tuple[Array, Array, Array, Array]


@dataclass(frozen=True)
class Table:
    """Examples in rows, with labels and names.

    Attributes
    ----------
    name : str
        Used in messages and titles.
    X : ndarray of real numbers, shape (n, k)
    y : ndarray, shape (n,), or None
        A label for each example: numbers, or strings (as objects or fixed-width).
    columns : tuple of str, or None
        The names of the k inputs, where they have names.
    target : str or None
        The name of the column with the labels.
    unused : tuple of str
        Names of the columns, arrays or files that were not read.

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
        """Number of examples."""
        return len(self.X)

    @property
    def label_column(self) -> str:
        """The column with the labels, for messages; empty if columns have no names."""
        return "" if self.target is None else f"column {escaped(self.target, lines=False)!r}"

    def rows(self, chosen: Array) -> Table:
        """Return a table of some of the rows, copied.

        Parameters
        ----------
        chosen : ndarray of int
            Row numbers, from 0.
        """
        return replace(self, X=self.X[chosen], y=None if self.y is None else self.y[chosen])

    def split(self, share: float, seed: int) -> tuple[Table, Table]:
        """Return the rows for training and those for validation, drawn at random.

        Parameters
        ----------
        share : float
            The fraction of the rows for validation, between 0 and 1.
        seed : int

        Raises
        ------
        ValueError
            One of the two parts would be empty.

        Examples
        --------
        >>> training, validation = Table("points", np.eye(10)).split(0.3, seed=0)
        >>> training.n, validation.n
        (7, 3)
        """
        n = round(share * self.n)
        if not 0 < n < self.n:
            raise ValueError(
                f"validation {share:g} of {self.n} examples is {n}; training and validation need "
                "at least one each"
            )
        order = np.random.default_rng([seed, VALIDATION_STREAM]).permutation(self.n)
        return self.rows(np.sort(order[n:])), self.rows(np.sort(order[:n]))


class Tables(NamedTuple):
    """The training and test examples of a file or folder; one of the two may be missing."""

    training: Table | None
    test: Table | None

    @property
    def to_evaluate(self) -> Table:
        """The examples to evaluate or predict: the test part, or else the only part.

        Raises
        ------
        ValueError
            Both are missing.
        """
        found = self.test or self.training
        if found is None:
            raise ValueError("there are no examples; give data with one row or more")
        return found


def four_arrays(arrays: Sequence[Array], names: Sequence[str], source: str) -> FourArrays:
    """Return the four arrays, checked, with images as rows.

    Raises
    ------
    ValueError
        They do not match, or labels are not whole numbers.
    """
    X_train, y_train, X_test, y_test = arrays
    X_train = image_rows(X_train, y_train, names[:2], source)
    X_test = image_rows(X_test, y_test, names[2:], source)
    for y, name in ((y_train, names[1]), (y_test, names[3])):
        if y.dtype.kind not in "iu":
            raise ValueError(
                f"{source}: {name} has type {y.dtype}; expected one whole number per example"
            )
    check_widths(X_train, X_test, names[::2], source)
    return X_train, y_train, X_test, y_test


def image_rows(X: Array, y: Array | None, names: Sequence[str], source: str) -> Array:
    """Return examples as rows, with images flattened, after a check of the shapes.

    Raises
    ------
    ValueError
        X has one dimension or none, or y has another length.
    """
    if X.ndim < 2:
        raise ValueError(
            f"{source}: {names[0]} has shape {X.shape}; expected one row or image per example"
        )
    if y is not None and y.shape != X.shape[:1]:
        raise ValueError(
            f"{source}: {names[1]} has shape {y.shape}, and {names[0]} has {len(X)} rows; expected "
            "one label per row"
        )
    return X.reshape(len(X), math.prod(X.shape[1:]))


def check_widths(X_train: Array, X_test: Array, names: Sequence[str], source: str) -> None:
    """Refuse training and test examples of different widths."""
    if X_train.shape[1] != X_test.shape[1]:
        raise ValueError(
            f"{source}: a row of {names[0]} has {X_train.shape[1]} values and a row of {names[1]} "
            f"has {X_test.shape[1]}; expected the same number"
        )


def check_examples(X: Array, source: str) -> None:
    """Refuse an array of examples that has no rows or no columns."""
    if X.size == 0:
        raise ValueError(f"{source} has examples of shape {X.shape}; expected at least one number")


def display_name(path: str | os.PathLike[str]) -> str:
    """Return the name of a file or folder, shortened and printable.

    Examples
    --------
    >>> display_name("/data/iris.csv")
    'iris.csv'
    """
    name = original_name(path)
    return in_one_line(os.path.basename(os.path.abspath(name)) if name else "standard input", 40)
