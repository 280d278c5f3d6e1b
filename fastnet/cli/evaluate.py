"""``fastnet evaluate``: accuracy, cost and confusion matrix of a network on labelled data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.cli import user_data
from fastnet.cli.options import add_model_and_data
from fastnet.cli.output import TextTable, show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import fitted, terminal_width
from fastnet.common.console import escaped, write_err
from fastnet.costs import described
from fastnet.datasets.tables import quantities
from fastnet.model.answers import class_labels, predictions
from fastnet.preprocessing import Label

#: With at most this many classes the whole confusion matrix is shown,
WIDEST_TABLE = 20
#: and with more, this many of the most frequent mistakes.
MISTAKES = 10


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet evaluate`` to `parser`."""
    parser.description = (
        "Print a trained network's accuracy, cost and confusion matrix on labelled data; for a "
        "network that predicts numbers, its RMSE, MAE and R^2."
    )
    label = (
        "the .csv column with the labels (default: the one the network was trained with, or the "
        "last one)"
    )
    add_model_and_data(parser, "", label)
    add_examples(
        parser,
        "fastnet evaluate model.npz test.csv",
        "fastnet evaluate model.npz test.csv --label species",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet evaluate`` and return the exit code."""
    network = user_data.load_network(arguments)
    table, X = user_data.read_for(network, arguments, labelled=True)
    assert table.y is not None
    wanted = user_data.targets(network, table)
    cost = network.total_cost((X, wanted), 0.0)
    predicted = predictions(network, network.feedforward(X))
    names = class_labels(network)
    model = escaped(arguments.model, lines=False)
    column = table.label_column
    lines = [
        f"{model} on {table.name}, {table.n} examples{', labels in ' * bool(column)}{column}",
        f"cost: {cost:.6g} per example ({described(network.cost)})",
    ]
    parts: list[str | TextTable] = []
    if names is None:
        true = quantities(table.y, table.name)
        lines.insert(1, user_data.describe_quantities(predicted, true))
    else:
        right = network.accuracy((X, wanted))
        lines.insert(1, f"accuracy: {user_data.accuracy_text(right, table.n)}")
        # A single unit's two targets are 0 and 1, or -1 and 1.
        numbers = wanted if network.sizes[-1] > 1 else wanted > network._low
        counts = _confusion(numbers, predicted, len(names))
        parts = [_table(counts, names) if len(names) <= WIDEST_TABLE else _mistakes(counts, names)]
    show("\n".join(map(fitted, lines)), *parts)
    for note in user_data.notes(network, table, arguments.model):
        write_err(note)
    return 0


def _confusion(true: NDArray[Any], predicted: NDArray[Any], n: int) -> NDArray[np.intp]:
    """Return the confusion matrix, shape (n, n); rows: true class, columns: predicted."""
    pairs = true.astype(np.intp) * n + predicted
    return np.bincount(pairs, minlength=n * n).reshape(n, n)


def _table(counts: NDArray[np.intp], names: Sequence[Label]) -> TextTable:
    """Return the confusion matrix as a table, with the recall of each class."""
    rows = []
    for i, name in enumerate(names):
        total = int(counts[i].sum())
        share = f"{100 * counts[i, i] / total:.1f} %" if total else "-"
        rows.append([_short(name), *map(str, counts[i].tolist()), share])
    title = "confusion matrix (rows: true class, columns: predicted)"
    headings = ["", *map(_short, names), "recall"]
    return TextTable(headings, rows, title, least_width=0, width=terminal_width())


def _mistakes(counts: NDArray[np.intp], names: Sequence[Label]) -> str:
    """Return the largest counts off the diagonal of a confusion matrix, one per line."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    n = len(names)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES].tolist()
    lines = [
        f"{wrong.flat[at]:6d} x  {_short(names[at // n])} predicted as {_short(names[at % n])}"
        for at in order
        if wrong.flat[at]
    ]
    if not lines:
        return f"no mistakes among {n} classes"
    return "\n".join([f"most frequent mistakes among {n} classes", *lines])


def _short(label: Label) -> str:
    """Return a class's name, shortened and escaped for a table."""
    name = escaped(str(label), lines=False)
    return name if len(name) <= 16 else f"{name[:15]}…"
