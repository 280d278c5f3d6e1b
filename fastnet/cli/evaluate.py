"""``fastnet evaluate``: how good a trained network is on labelled data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.console import complain, say, visible

if TYPE_CHECKING:
    from fastnet.datasets.tables import Table
    from fastnet.network import Network
    from fastnet.preprocessing import Label

#: Up to so many classes, the table of what was taken for what is shown whole.
WIDEST_TABLE = 20
#: And of more, only so many of the commonest mistakes.
MISTAKES = 10


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Describe ``fastnet evaluate``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="say how good a trained network is on labelled data",
        description=(
            "Print accuracy, cost, and which class was taken for which; for a network that "
            "predicts numbers, how far it is off."
        ),
    )
    parser.add_argument("model", metavar="MODEL", help="a file that fastnet train or save wrote")
    parser.add_argument("data", metavar="DATA", help=DATA)
    parser.add_argument("--label", metavar="COLUMN", help=LABEL)
    parser.add_argument("--header", action=argparse.BooleanOptionalAction, help=HEADER)
    return parser


DATA = (
    "a .csv file, gzipped or not, whose first line names the columns (those that the network was "
    "trained with are found by name), an .npz file with X and y or X_test and y_test, or a folder "
    "of IDX files, whose test part is read"
)
LABEL = "the .csv column with the labels (default: the one it was trained with, or the last one)"
HEADER = (
    "whether the first line of a .csv file names the columns; without a header they are called 1, "
    "2, ... (default: it does, and a first line that looks like data is refused)"
)


def run(arguments: argparse.Namespace) -> int:
    """Do ``fastnet evaluate``."""
    from fastnet.cli import user_data
    from fastnet.network import load

    network = load(arguments.model)
    table, X = user_data.read_for(
        network, arguments.data, label=arguments.label, labelled=True, header=arguments.header
    )
    wanted = user_data.targets(network, table)
    cost = network.total_cost((X, wanted), 0.0)
    predicted, _ = user_data.answers(network, X)
    names = user_data.class_labels(network)
    model = visible(arguments.model, lines=False)
    column = user_data.label_column(table)
    lines = [f"{model} on {table.name}, {table.n} examples{', labels in ' * bool(column)}{column}"]
    if names is None:
        lines.append(_quantities(network, table, predicted))
    else:
        right = network.accuracy((X, wanted))
        lines.append(f"right: {right} of {table.n} ({100 * right / table.n:.2f} %)")
    lines.append(f"cost: {cost:.6g} an example ({network.cost.__name__})")
    if names is not None:
        # Of a single unit, what is not the case is 0, or -1.
        numbers = wanted if network.sizes[-1] > 1 else wanted > network._low
        counts = _confusion(numbers, predicted, len(names))
        show = _table if len(names) <= WIDEST_TABLE else _mistakes
        lines += ["", show(counts, names)]
    say("\n".join(lines))
    for note in user_data.notes(network, table, arguments.model):
        complain(note)
    return 0


def _quantities(network: Network, table: Table, predicted: NDArray[Any]) -> str:
    from fastnet.cli.user_data import describe_quantities
    from fastnet.datasets.tables import quantities

    assert table.y is not None
    return describe_quantities(predicted, quantities(table.y, table.name))


def _confusion(wanted: NDArray[Any], predicted: NDArray[Any], n: int) -> NDArray[np.intp]:
    """How often each class, a row, was taken for each class, a column; shape (n, n)."""
    pairs = wanted.astype(np.intp) * n + predicted
    return np.bincount(pairs, minlength=n * n).reshape(n, n)


def _table(counts: NDArray[np.intp], names: Sequence[Label]) -> str:
    from fastnet.cli.user_data import aligned

    rows = [["", *map(_short, names), "right"]]
    for i, name in enumerate(names):
        total = int(counts[i].sum())
        share = f"{100 * counts[i, i] / total:.1f} %" if total else "-"
        rows.append([_short(name), *map(str, counts[i].tolist()), share])
    return f"a row for each class, a column for what it was taken for\n{aligned(rows)}"


def _mistakes(counts: NDArray[np.intp], names: Sequence[Label]) -> str:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    n = len(names)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES].tolist()
    lines = [
        f"{wrong.flat[at]:6d} x  {_short(names[at // n])} taken for {_short(names[at % n])}"
        for at in order
        if wrong.flat[at]
    ]
    if not lines:
        return f"no mistakes among {n} classes"
    return "\n".join([f"the commonest mistakes among {n} classes", *lines])


def _short(label: Label) -> str:
    """Return a class's name, fit for a table."""
    name = visible(str(label), lines=False)
    return name if len(name) <= 16 else f"{name[:15]}…"
