"""`Data` of a comparison: the embedded MNIST, or a user's own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet.preprocessing import Preprocessing, byte_scale, standardization

if TYPE_CHECKING:
    from fastnet.datasets.table import Table

__all__ = ["VALIDATION", "Data", "mnist", "read_data"]

#: The share of a .csv file to validate with.
VALIDATION = 0.2
_WANTED = "give X_train, y_train, X_test and y_test"


class Data(NamedTuple):
    """The training and evaluation examples of a comparison.

    Attributes
    ----------
    name : str
        Name of the data, for titles.
    training, evaluation : tuple of ndarray
        Pairs (X, y): X of shape (n, n_0), one example per row, and class numbers y, shape (n,).
    evaluation_name : str
        "validation" or "test".
    loader : callable, optional
        Returns the same data in another process, so that they need not be sent there.
    unused : tuple of str
        Names of columns, arrays or files that were found but not used.
    notes : tuple of str
        Lines to print: what was assumed about the data, and how they were changed.

    Examples
    --------
    >>> import numpy as np
    >>> data = Data("four corners", (np.eye(4), np.arange(4)), (np.eye(4), np.arange(4)))
    >>> data.n_classes, data.evaluation_name
    (4, 'test')
    """

    name: str
    training: tuple[NDArray[Any], NDArray[Any]]
    evaluation: tuple[NDArray[Any], NDArray[Any]]
    evaluation_name: str = "test"
    loader: Callable[[], Any] | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """The number of classes, and so of output neurons: the largest class number plus 1."""
        return 1 + max(int(self.training[1].max()), int(self.evaluation[1].max()))


def mnist(dtype: DTypeLike = np.float64) -> Data:
    """Return the embedded MNIST: 50,000 images to train on, and 10,000 to validate with.

    Parameters
    ----------
    dtype : dtype, default float64
        float64 or float32, of the inputs.

    Examples
    --------
    >>> digits = mnist(np.float32)
    >>> digits.training[0].shape, digits.evaluation_name
    ((50000, 784), 'validation')
    """
    from fastnet.datasets import load_mnist

    digits = load_mnist(dtype=dtype)
    return Data(
        "MNIST",
        (digits.train.X, digits.train.y),
        (digits.validation.X, digits.validation.y),
        "validation",
        partial(mnist, np.dtype(dtype).name),
    )


def read_data(
    path: str | Path,
    dtype: DTypeLike = np.float64,
    *,
    label: str | None = None,
    header: bool | None = None,
    ignore: Sequence[str] = (),
    standardize: bool = False,
    validation: float | None = None,
    seed: int = 0,
) -> Data:
    """Read a user's own examples, and return a training and an evaluation part.

    Parameters
    ----------
    path : str or Path
        A folder as `fastnet.datasets.load_idx_folder` reads it; an .npz file with the arrays
        X_train, y_train, X_test and y_test, whose labels are class numbers; or a .csv file. An
        example may have any shape; it becomes a row. Bytes are divided by 256, other numbers are
        used as they are; see `fastnet.preprocessing.byte_scale`, applied to the training part.
    dtype : dtype, optional
        float64 or float32, of inputs that are divided or standardized.
    label, header, ignore : optional
        For a .csv file: the column with the labels, whether its first line names the columns, and
        columns to leave out; see `fastnet.datasets.text.read_csv`.
    standardize : bool, default False
        Scale every input to mean 0 and standard deviation 1 over the training part.
    validation : float, optional
        The share of the training examples to evaluate on instead of the test part; 0.2 for a .csv
        file, which has no test part.
    seed : int, default 0
        Seed that chooses these examples.

    Returns
    -------
    Data

    Raises
    ------
    OSError
        The path cannot be read.
    ValueError
        The files or arrays are not as described above; the message says where.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "points.csv"
    ...     with path.open("w") as file:
    ...         print("x,y,label", *["0,1,a", "1,0,b"] * 10, sep=chr(10), file=file)
    ...     data = read_data(path, label="label")
    >>> data.training[0].shape, data.evaluation[0].shape, data.n_classes
    ((16, 2), (4, 2), 2)
    """
    # A comparison of arrays does not need these modules.
    from fastnet.datasets.sources import reopenable
    from fastnet.datasets.table import display_name
    from fastnet.datasets.tables import kind_of, read_tables

    path = Path(path)
    with reopenable(path) as again:
        kind = kind_of(again)
        training, test = read_tables(again, label=label, header=header, ignore=ignore)
    if training is None:
        raise ValueError(f"{path} has no training examples; {_WANTED}")
    if kind == "text" and validation is None:
        validation = VALIDATION
    unused, part = training.unused, "test"
    if validation is not None:
        if test is not None:
            unused = (*unused, "the test part")
        part = "validation"
        training, test = training.split(validation, seed)
    if test is None:
        raise ValueError(f"{path} has no test examples; {_WANTED}, or a share to validate with")
    if kind == "text":
        y_train, y_test = _read_classes(training, test)
    else:
        y_train, y_test = _class_numbers(path, training, test)
    X_train, X_test, note = _scaled(training, test, dtype, standardize)
    column = training.label_column
    notes = [column and f"labels: {column}", note]
    return Data(
        display_name(path if kind == "folder" else path.with_suffix("")),
        (X_train, y_train),
        (X_test, y_test),
        part,
        unused=unused,
        notes=tuple(filter(None, notes)),
    )


def _scaled(
    training: Table, test: Table, dtype: DTypeLike, standardize: bool
) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Return the inputs of both parts, scaled, and a note of how they were scaled."""
    if standardize:
        kept = Preprocessing(*standardization(training.X))
        return kept.inputs(training.X, dtype), kept.inputs(test.X, dtype), "inputs: standardized"
    scale = byte_scale(training.X, training.columns)
    if scale == 1:
        return training.X, test.X, ""
    X_train, X_test = (np.true_divide(X, scale, dtype=dtype) for X in (training.X, test.X))
    return X_train, X_test, f"inputs: bytes, divided by {scale:g}"


def _read_classes(training: Table, test: Table) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the class numbers of labels, which may be words."""
    from fastnet.datasets.tables import class_numbers, classes_of

    names = classes_of(training, test)
    found = [
        class_numbers(table.y, names, table.name)
        for table in (training, test)
        if table.y is not None
    ]
    return found[0], found[1]


def _class_numbers(path: Path, training: Table, test: Table) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return labels that are class numbers; refuse others."""
    y_train, y_test = (
        _whole(table, f"{path}: y_{part}") for part, table in (("train", training), ("test", test))
    )
    highest = max(y_train.max(), y_test.max())
    if highest == 0:
        raise ValueError(f"{path}: all labels are 0; two or more classes are needed")
    if highest >= max(1000, training.n):
        # With one output neuron per class, such labels would need too much memory.
        raise ValueError(
            f"{path}: the highest label is {highest}, with {training.n} training examples; class "
            "numbers 0, 1, 2, ... are expected"
        )
    return y_train, y_test


def _whole(table: Table, name: str) -> NDArray[Any]:
    """Return a table's labels; refuse any that are not integers of 0 or more."""
    y = table.y
    assert y is not None
    if y.dtype.kind not in "iu" or y.min() < 0:
        found = f"contains {y.min()}" if y.dtype.kind in "iu" else f"is of type {y.dtype}"
        raise ValueError(f"{name} {found}; class numbers 0, 1, 2, ... are expected")
    return y
