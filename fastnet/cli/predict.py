"""``fastnet predict``: write a trained network's predictions as a .csv file."""

from __future__ import annotations

import argparse
import csv
import io
from typing import Any

from numpy.typing import NDArray

from fastnet.cli import user_data
from fastnet.cli.options import add_model_and_data, check_outputs
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import counted
from fastnet.common.console import write_err, write_out
from fastnet.files import replace_file
from fastnet.model import answers
from fastnet.network import Network


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet predict`` to `parser`."""
    parser.description = (
        "Write one line per example: the predicted label and the probability of each class (the "
        "network's outputs), or the predicted number. DATA needs no labels."
    )
    parser.add_argument("-o", "--out", metavar="FILE", default="-", help=_OUT)
    add_model_and_data(parser, _MORE, _LABEL)
    add_examples(
        parser,
        "fastnet predict model.npz new.csv",
        "fastnet predict model.npz digit.png",
    )


_OUT = (
    "file for the predictions; - is standard output, where control characters in names are escaped "
    "(default: -)"
)
_MORE = "a picture of one digit (PNG, JPEG, ...) for a network trained on MNIST; "
_LABEL = (
    "a .csv column that is not an input, if the saved network does not name its inputs (default: "
    "the last column if the table has one too many)"
)


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet predict`` and return the exit code."""
    out = None if arguments.out == "-" else arguments.out
    check_outputs({"--out": out}, [arguments.model, arguments.data])
    network = user_data.load_network(arguments)
    table, X = user_data.read_for(network, arguments, labelled=False)
    outputs = network.feedforward(X)
    predicted = answers.predictions(network, outputs)
    text = _as_csv(network, predicted, answers.scaled(network, outputs))
    if out is None:
        write_out(text, end="")
    else:
        replace_file(out, text.encode())
        write_err(f"{out} written: {counted(table.n, 'prediction')}")
    for note in user_data.notes(network, table, arguments.model):
        write_err(note)
    return 0


def _as_csv(network: Network, predicted: NDArray[Any], outputs: NDArray[Any]) -> str:
    """Return the predictions as CSV, with enough digits to read back the same floats."""
    kept, names = network.preprocessing, answers.class_labels(network)
    target = kept.target if kept is not None else None
    stream = io.StringIO()
    default = "prediction" if names is None else "label"
    head = [target or default, *(f"p_{name}" for name in names or ())]
    if predicted.ndim == 2:  # several numbers, or several labels, an example
        columns = names or range(predicted.shape[1])
        head[:1] = [f"{target or default}_{name}" for name in columns]
    # The writer does not quote carriage returns by itself, and readers end a line at one.
    returns = "\r" in "".join(head)
    writer = csv.writer(
        stream, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    )
    writer.writerow(head)
    columns_of: list[Any] = [map(str, column) for column in predicted.reshape(len(predicted), -1).T]
    if names is not None:
        if answers.kind_of_model(network) == "classes":
            columns_of = [[names[number] for number in predicted.tolist()]]
        columns_of += [map(str, column) for column in outputs.T[: len(names)]]
    writer.writerows(zip(*columns_of, strict=True))
    return stream.getvalue()
