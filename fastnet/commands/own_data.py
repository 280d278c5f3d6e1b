"""What the commands for people's own data share: from a file to what a network takes and means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.preprocessing import Preprocessing
from fastnet.tables import Table, class_numbers, kind_of, quantities, read_tables
from fastnet.tables.table import display_name
from fastnet.tables.text import read_header

if TYPE_CHECKING:
    from fastnet.network import Network

__all__ = [
    "aligned",
    "answers",
    "class_labels",
    "describe_quantities",
    "inputs",
    "read_for",
    "scaled_bytes",
    "targets",
]

Array = NDArray[Any]


def class_labels(network: Network) -> tuple[str, ...] | None:
    """Return the names of the classes that a network tells apart; None if it predicts a number.

    Where its file names none, classes are called "0", "1" and so on. A single output unit tells
    two classes apart if it is a sigmoid, and is a number otherwise.

    Examples
    --------
    >>> import fastnet
    >>> class_labels(fastnet.Network([4, 3]))
    ('0', '1', '2')
    """
    kept = network.preprocessing
    if kept is not None and kept.labels is not None:
        return kept.labels
    n_out = network.sizes[-1]
    if n_out == 1 and network.activations[-1] != "sigmoid":
        return None
    return tuple(map(str, range(max(n_out, 2))))


def read_for(
    network: Network, path: str | Path, *, label: str | None, labelled: bool
) -> tuple[Table, Array]:
    """Read data for a network that is trained.

    Parameters
    ----------
    network : Network
        Where its file names the columns of its inputs, those are read, whatever their order and
        whatever stands beside them.
    path : str or Path
        As for `read_tables`; of data in two parts the test part is read.
    label : str or None
        The column with the labels; by default the one it was trained with.
    labelled : bool
        Whether labels must be there.

    Returns
    -------
    table : Table
        With the values as in the file.
    X : ndarray, shape (n, n_0)
        What the network takes.

    Raises
    ------
    OSError, ValueError
        As `read_tables`, or the examples are not as large as the network's inputs.
    """
    kept = network.preprocessing
    columns = None if kept is None else kept.columns
    ignore: Sequence[str] = ()
    if kind_of(path) == "text":
        if kept is None or columns is None:
            ignore = _no_inputs(network, path, label, labelled)
        elif label is None and labelled:
            label = kept.target
    table = read_tables(path, label=label, columns=columns, ignore=ignore, labelled=labelled).judged
    _check_width(network, table.name, table.X.shape[1])
    return table, inputs(network, table)


def _no_inputs(
    network: Network, path: str | Path, label: str | None, labelled: bool
) -> Sequence[str]:
    """Return the last column of a .csv file if it is one too many and not wanted."""
    header = read_header(path)
    left = [name for name in header if name != label]
    if labelled and label is None:
        left.pop()
    ignore: Sequence[str] = ()
    if not labelled and label is None and len(header) == network.sizes[0] + 1:
        ignore = [left.pop()]
    _check_width(network, display_name(path), len(left))
    return ignore


def _check_width(network: Network, name: str, width: int) -> None:
    if width != network.sizes[0]:
        raise ValueError(
            f"{name} has {width} inputs an example, and the network takes {network.sizes[0]}"
        )


def inputs(network: Network, table: Table) -> Array:
    """Return a table's examples as the network takes them.

    Standardized as its file says; where that says nothing, bytes are divided by 256.

    Examples
    --------
    >>> import fastnet
    >>> inputs(fastnet.Network([2, 2]), Table("bytes", np.array([[0, 128]], dtype=np.uint8)))
    array([[0. , 0.5]])
    """
    kept = network.preprocessing
    if kept is None or kept.mean is None:
        kept = Preprocessing(*scaled_bytes(table.X))
    return kept.inputs(table.X, network.dtype)


def scaled_bytes(X: Array) -> tuple[Array, Array]:
    """Return the mean and scale that divide bytes by 256 and leave other numbers as they are.

    Examples
    --------
    >>> scaled_bytes(np.zeros((3, 2)))
    (array([0., 0.]), array([1., 1.]))
    """
    n_inputs = X.shape[1]
    return np.zeros(n_inputs), np.full(n_inputs, 256.0 if X.dtype == np.uint8 else 1.0)


def targets(network: Network, table: Table) -> Array:
    """Return a table's labels as the network takes them: class numbers, or scaled quantities.

    Raises
    ------
    ValueError
        A label is no class of the network, or no number where it predicts one.

    Examples
    --------
    >>> import fastnet
    >>> targets(fastnet.Network([2, 3]), Table("t", np.eye(2), np.array(["2", "0"])))
    array([2, 0])
    """
    assert table.y is not None
    names = class_labels(network)
    if names is None:
        kept = network.preprocessing or Preprocessing()
        return (quantities(table.y, table.name) - kept.target_mean) / kept.target_scale
    numbers = class_numbers(table.y, names, table.name)
    return numbers.astype(np.float64) if network.sizes[-1] == 1 else numbers


def answers(network: Network, X: Array) -> tuple[Array, Array]:
    """Return what a network says about each example.

    Parameters
    ----------
    network : Network
    X : ndarray, shape (n, n_0)
        What it takes.

    Returns
    -------
    predicted : ndarray, shape (n,)
        Class numbers, or quantities in the units of the target.
    outputs : ndarray, shape (n, n_L) or (n, 2)
        The network's outputs; for a single sigmoid unit those of both classes.

    Examples
    --------
    >>> import fastnet
    >>> net = fastnet.Network([2, 2])
    >>> net.weights, net.biases = [np.eye(2)], [np.zeros((2, 1))]
    >>> answers(net, np.array([[0.0, 1.0]]))[0]
    array([1])
    """
    outputs = network.feedforward(X)
    if class_labels(network) is None:
        kept = network.preprocessing or Preprocessing()
        return kept.outputs(outputs[:, 0]), outputs
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs])
        return (outputs[:, 1] > 0.5).astype(np.intp), outputs
    return outputs.argmax(axis=1), outputs


def describe_quantities(predicted: Array, wanted: Array) -> str:
    """Return how far predicted quantities are off, in one line.

    Parameters
    ----------
    predicted, wanted : ndarray, shape (n,)

    Examples
    --------
    >>> describe_quantities(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    'off by 0.7071 (root mean square), 0.5 (mean absolute), R^2 -1.0000'
    """
    off = predicted - wanted
    square, spread = float(np.mean(off**2)), float(np.var(wanted))
    share = f", R^2 {1 - square / spread:.4f}" if spread > 0 else ""
    return (
        f"off by {square**0.5:.4g} (root mean square), {np.mean(np.abs(off)):.4g} (mean absolute)"
        f"{share}"
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells, the first column aligned to the left, the others to the right.

    Examples
    --------
    >>> print(aligned([["", "cat", "dog"], ["cat", "10", "2"]]))
         cat  dog
    cat   10    2
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
