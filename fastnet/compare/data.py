"""The data of a comparison: the embedded MNIST, or a user's own files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet.preprocessing import byte_scale

if TYPE_CHECKING:
    from fastnet.datasets.table import Table

__all__ = ["Data", "mnist", "read_data"]


class Data(NamedTuple):
    """What a comparison trains on and evaluates.

    Attributes
    ----------
    name : str
        The data's name, for titles.
    training, evaluation : tuple of ndarray
        Each a pair (X, y): one example a row, and class numbers.
    evaluation_name : str
        "validation" or "test".
    loader : callable, optional
        Returns the same data elsewhere, so that they need not be sent there.
    unused : tuple of str
        The names of what else was found with them: arrays or files.
    """

    name: str
    training: tuple[NDArray[Any], NDArray[Any]]
    evaluation: tuple[NDArray[Any], NDArray[Any]]
    evaluation_name: str = "test"
    loader: Callable[[], Any] | None = None
    unused: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """The number of output neurons that the labels call for."""
        return 1 + max(int(self.training[1].max()), int(self.evaluation[1].max()))


def mnist(dtype: DTypeLike = np.float64) -> Data:
    """Return the embedded digits: 50,000 to train on, 10,000 to validate with."""
    from fastnet.datasets import load_mnist

    digits = load_mnist(dtype=dtype)
    return Data(
        "MNIST",
        (digits.train.X, digits.train.y),
        (digits.validation.X, digits.validation.y),
        "validation",
        partial(mnist, np.dtype(dtype).name),
    )


def read_data(path: str | Path, dtype: DTypeLike = np.float64) -> Data:
    """Read a user's own training and test examples.

    Parameters
    ----------
    path : str or Path
        A folder with the four IDX files under their usual names, or an .npz file with the arrays
        X_train, y_train, X_test and y_test. An example may have any shape; it becomes a row. A
        label is a class number. Bytes are divided by 256, other numbers taken as they are; see
        `fastnet.preprocessing.byte_scale`, which looks at the training part.
    dtype : dtype, optional
        float64 or float32, for the divided bytes.

    Returns
    -------
    Data
        Evaluated on the test part.

    Raises
    ------
    OSError
        Nothing can be read there.
    ValueError
        The files or arrays are not what is described above; the message says where.
    """
    # These modules are for files alone; a comparison of arrays does without them.
    from fastnet.datasets.table import display_name
    from fastnet.datasets.tables import kind_of, read_tables

    path = Path(path)
    kind = kind_of(path)
    if kind == "text":
        raise ValueError(f"{path} is neither a folder of IDX files nor an .npz file")
    training, test = read_tables(path)
    if training is None or test is None:
        missing = "training" if training is None else "test"
        raise ValueError(
            f"{path} has no {missing} examples; give X_train, y_train, X_test and y_test"
        )
    y_train, y_test = (
        _class_numbers(table, f"{path}: y_{part}")
        for part, table in (("train", training), ("test", test))
    )
    highest = max(y_train.max(), y_test.max())
    if highest == 0:
        raise ValueError(f"{path}: all labels are 0; two or more classes are needed")
    if highest >= max(1000, training.n):
        # One output neuron a class: numbers that are no class numbers would ask for all memory.
        raise ValueError(
            f"{path}: the highest label is {highest}, with {training.n} training examples; class "
            "numbers 0, 1, 2, ... are expected"
        )
    X_train, X_test = training.X, test.X
    scale = byte_scale(X_train)
    if scale != 1:
        X_train, X_test = (np.true_divide(X, scale, dtype=dtype) for X in (X_train, X_test))
    name = display_name(path if kind == "folder" else path.with_suffix(""))
    return Data(name, (X_train, y_train), (X_test, y_test), unused=training.unused)


def _class_numbers(table: Table, name: str) -> NDArray[Any]:
    """Return a table's labels; refuse what is not a whole number, 0 or more."""
    y = table.y
    assert y is not None
    if y.dtype.kind not in "iu" or y.min() < 0:
        found = f"holds {y.min()}" if y.dtype.kind in "iu" else f"is of type {y.dtype}"
        raise ValueError(f"{name} {found}; class numbers 0, 1, 2, ... are expected")
    return y
