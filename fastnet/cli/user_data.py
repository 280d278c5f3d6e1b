"""Conversion of a user's data files to a network's inputs and targets, and lines on results."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.cli.text_table import listed
from fastnet.common.arguments import in_one_line
from fastnet.datasets.sources import reopenable
from fastnet.datasets.table import display_name
from fastnet.datasets.tables import Table, class_numbers, kind_of, quantities, read_tables
from fastnet.datasets.text import last_or_named, read_header
from fastnet.files.npz import NpzFile
from fastnet.model.answers import class_labels, kind_of_model, r_squared, targets_of
from fastnet.network import Network, load
from fastnet.preprocessing import Preprocessing, byte_scale

__all__ = [
    "accuracy_text",
    "describe_quantities",
    "inputs",
    "is_network",
    "label_source",
    "load_model",
    "load_network",
    "not_used",
    "notes",
    "read_for",
    "scaled_bytes",
    "targets",
]

Array = NDArray[Any]


def load_network(arguments: argparse.Namespace) -> Network:
    """Return the network that a command applies; say so if MODEL and DATA are swapped.

    Raises
    ------
    OSError, ValueError
        As `fastnet.load`.
    """
    try:
        return load_model(arguments.model)
    except ValueError:
        if not is_network(arguments.data):
            raise
    raise ValueError(
        f"{arguments.data} is a saved network and {arguments.model} is not; give the model first, "
        "then the data"
    )


def load_model(path: str) -> Network:
    """Return a saved network; if the file is data instead, say which command reads it.

    Raises
    ------
    OSError, ValueError
        As `fastnet.load`.
    """
    try:
        return load(path)
    except ValueError:
        kind = _kind_of_data(path)
        if not kind:
            raise
    use = "fastnet predict MODEL DATA" if kind == "a picture" else "fastnet train DATA"
    raise ValueError(
        f"{path} is {kind}, not a network saved by fastnet train or Network.save; {use} reads "
        f"{kind}"
    )


def _kind_of_data(path: str) -> str:
    """Return in words what kind of data a file is; "" if it is not data."""
    try:
        kind = kind_of(path)
        if kind == "npz":
            with NpzFile(path) as archive:
                is_data = any(archive.find(key) for key in ("X", "X_train", "X_test"))
            return "an archive of examples" if is_data else ""
        if kind == "picture":
            return "a picture"
        with open(path, "rb") as file:
            if file.read(1) in (b"{", b"["):
                return ""
        return "a table" if len(read_header(path, header=False)) > 1 else ""
    except (ValueError, OSError):
        return ""


def is_network(path: str) -> bool:
    """Return whether a path is a saved network."""
    if not os.path.isfile(path):
        return False
    try:
        load(path)
    except (ValueError, OSError, ImportError):
        return False
    return True


def read_for(
    network: Network, arguments: argparse.Namespace, *, labelled: bool
) -> tuple[Table, Array]:
    """Return the data for a trained network as a table, and as inputs of the network.

    If the network names its input columns, those columns are read, in any order and among others.
    Of data with a training and a test part the test part is read. If `labelled`, there must be
    labels, by default in the column that the network was trained with.
    """
    kept = network.preprocessing or Preprocessing()
    label, header = arguments.label, arguments.header
    ignore: tuple[str, ...] = ()
    with reopenable(arguments.data) as path:
        kind = kind_of(path)
        if kind == "text":
            if kept.columns is None:
                ignore = _labels_to_ignore(network, path, arguments, labelled)
            elif label is None and labelled:
                label = kept.target
        tables = read_tables(
            path, label=label, columns=kept.columns, ignore=ignore, labelled=labelled, header=header
        )
    table = tables.to_evaluate
    if tables.training is not None and tables.test is not None:
        table = replace(table, unused=("the training part", *table.unused))
    elif kept.target in table.unused:  # labels that are not asked for
        table = replace(table, unused=tuple(n for n in table.unused if n != kept.target))
    elif ignore:
        table = replace(table, unused=ignore)
    _check_width(network, table.name, table.X.shape[1])
    scales = [array.max() for array in (kept.mean, kept.scale) if array is not None]
    # A network trained on numbers from 0 to 1 takes no bytes.
    if kind == "picture" and scales and max(scales) <= 1:
        table = replace(table, X=table.X / 256)
    return table, inputs(network, table)


def _labels_to_ignore(
    network: Network, data: str | os.PathLike[str], arguments: argparse.Namespace, labelled: bool
) -> tuple[str, ...]:
    """Return the columns to ignore: the one with the labels, if present and not needed."""
    names, path = read_header(data, arguments.header), display_name(data)
    left = [name for name in names if name != arguments.label]
    ignore: tuple[str, ...] = ()
    if arguments.label is None and (labelled or len(names) == network.sizes[0] + 1):
        try:
            target = last_or_named(names)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        left.remove(target)
        ignore = () if labelled else (target,)
    _check_width(network, path, len(left))
    return ignore


def _check_width(network: Network, name: str, width: int) -> None:
    if width != network.sizes[0]:
        raise ValueError(
            f"{name} has {width} inputs per example; the network takes {network.sizes[0]}"
        )


def inputs(network: Network, table: Table) -> Array:
    """Return a table's examples as inputs of the network.

    They are scaled as the saved network says; if it says nothing, bytes are divided by 256.
    """
    kept = network.preprocessing or Preprocessing()
    if kept.mean is None:
        kept = Preprocessing(*scaled_bytes(table))
    return kept.inputs(table.X, network.dtype)


def scaled_bytes(table: Table) -> tuple[Array, Array]:
    """Return the mean and scale that divide bytes by 256 and leave other numbers as they are."""
    n_inputs = table.X.shape[1]
    return np.zeros(n_inputs), np.full(n_inputs, byte_scale(table.X, table.columns))


def label_source(table: Table) -> str:
    """Return what messages call the labels: the data and the column."""
    return ", ".join(filter(None, [table.name, table.label_column]))


def not_used(name: str, unused: Sequence[str]) -> list[str]:
    """Return a line that lists up to eight unused parts of the data, if there are any."""
    if not unused:
        return []
    return [f"{name}: not used: {listed([in_one_line(part, 40) for part in unused], 8)}"]


def notes(network: Network, table: Table, model: str) -> list[str]:
    """Return notes on unused data, and on assumptions about the saved network `model`."""
    lines = not_used(table.name, table.unused)
    kept = network.preprocessing or Preprocessing()
    scale = byte_scale(table.X, table.columns) if kept.mean is None else 1
    if scale != 1:
        lines.append(f"{model} does not say how to scale inputs; bytes were divided by {scale:g}")
    names = class_labels(network)
    if names is not None and kept.labels is None:
        lines.append(f"{model} does not name classes; they are called {names[0]} to {names[-1]}")
    return lines


def targets(network: Network, table: Table) -> Array:
    """Return a table's labels as targets of the network: class numbers, or scaled quantities."""
    assert table.y is not None
    names = class_labels(network)
    source = label_source(table)
    kind = kind_of_model(network)
    if network.sizes[-1] > 1 and kind != "classes":
        raise ValueError(
            f"{table.name} has one label per example; the network predicts {network.sizes[-1]} "
            f"{kind} per example, so evaluate it in Python"
        )
    if names is None:
        kept = network.preprocessing or Preprocessing()
        return (quantities(table.y, source) - kept.target_mean) / kept.target_scale
    return targets_of(network, class_numbers(table.y, names, source))


def accuracy_text(right: int, n: int) -> str:
    """Return an accuracy in per cent with its counts.

    Examples
    --------
    >>> accuracy_text(141, 150)
    '94.00 % (141 of 150)'
    """
    return f"{100 * right / n:.2f} % ({right} of {n})"


def describe_quantities(predicted: Array, wanted: Array) -> str:
    """Return the errors of predicted quantities in one line: RMSE, MAE and R^2.

    Examples
    --------
    >>> describe_quantities(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    'RMSE 0.7071, MAE 0.5, R^2 -1.0000'
    """
    error, found = predicted - wanted, r_squared(predicted, wanted)
    share = f", R^2 {found:.4f}" if found is not None else ""
    return f"RMSE {np.mean(error**2) ** 0.5:.4g}, MAE {np.mean(np.abs(error)):.4g}{share}"
