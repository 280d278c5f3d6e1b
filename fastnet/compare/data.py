"""What a comparison trains on: the embedded digits, or a user's own examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet.preprocessing import byte_scale

__all__ = ["Data", "mnist", "read_data"]


class Data(NamedTuple):
    """What a comparison trains on and is judged by.

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
    """

    name: str
    training: tuple[NDArray[Any], NDArray[Any]]
    evaluation: tuple[NDArray[Any], NDArray[Any]]
    evaluation_name: str = "test"
    loader: Callable[[], Any] | None = None

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
        Judged by the test part.

    Raises
    ------
    OSError
        Nothing can be read there.
    ValueError
        The files or arrays are not what is described above; the message says where.
    """
    from fastnet.datasets import load_idx_folder, load_npz_arrays

    path = Path(path)
    if path.is_dir():
        arrays = load_idx_folder(path)
    elif not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; give a folder of IDX files or an .npz file"
        )
    elif path.suffix == ".npz":
        arrays = load_npz_arrays(path)
    else:
        raise ValueError(f"{path} is neither a folder of IDX files nor an .npz file")
    try:
        return _checked(_name(path), arrays, dtype)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _name(path: Path) -> str:
    """Return what to call a user's data: the file's or folder's own name, fit to be printed."""
    path = path.resolve()
    name = path.name if path.is_dir() else path.stem
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return name if len(name) <= 40 else f"{name[:39]}…"


def _checked(name: str, arrays: tuple[NDArray[Any], ...], dtype: DTypeLike) -> Data:
    """Make data of four arrays, bytes divided by 256, or say which does not fit."""
    X_train, y_train, X_test, y_test = arrays
    for part, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
        if X.size == 0:
            raise ValueError(f"X_{part} has shape {X.shape}; it must hold one example or more")
        if y.min() < 0:
            raise ValueError(f"y_{part} holds {y.min()}; class numbers 0, 1, 2, ... are expected")
    highest = max(int(y_train.max()), int(y_test.max()))
    if highest == 0:
        raise ValueError("all labels are 0; two or more classes are needed")
    if highest >= max(1000, len(y_train)):
        # One output neuron a class: numbers that are no class numbers would ask for all memory.
        raise ValueError(
            f"the highest label is {highest}, with {len(y_train)} training examples; class numbers "
            "0, 1, 2, ... are expected"
        )
    scale = byte_scale(X_train)
    if scale == 1:
        return Data(name, (X_train, y_train), (X_test, y_test))
    X_train, X_test = (np.true_divide(X, scale, dtype=dtype) for X in (X_train, X_test))
    return Data(name, (X_train, y_train), (X_test, y_test))
