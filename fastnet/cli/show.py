"""``fastnet show``: print the contents of a saved network."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fastnet.cli.options import MODEL
from fastnet.cli.output import TextTable, show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import counted, fitted, listed, terminal_width
from fastnet.cli.user_data import load_model
from fastnet.common.console import escaped, write_out
from fastnet.files import format_of
from fastnet.metrics import METRICS
from fastnet.network import Network

#: The names of the formats of model files.
FORMS = {"npz": "fastnet's own format", "safetensors": "safetensors", "json": "the book's JSON"}


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet show`` to `parser`."""
    parser.description = (
        "Print a saved network's layers, statistics of its weights, inputs, classes and training."
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    add_examples(parser, "fastnet show model.npz", "fastnet show network.json")


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet show`` and return the exit code."""
    network = load_model(arguments.model)
    form = FORMS[format_of(arguments.model)]
    size = Path(arguments.model).stat().st_size
    name = escaped(arguments.model, lines=False)
    show(f"{name}: {form}, {size:,} bytes\n{network!r}", _statistics(network))
    for line in (*_preprocessing(network), *_history(network)):
        write_out(fitted(line))
    return 0


def _statistics(network: Network) -> TextTable:
    """Return a table with statistics of each layer's weights and biases."""
    rows = []
    for layer, parts in enumerate(zip(network.weights, network.biases, strict=True), 1):
        for kind, array in zip(("weights", "biases"), parts, strict=True):
            wide = np.asarray(array, dtype=np.float64)
            figures = (wide.mean(), wide.std(), wide.min(), wide.max())
            cells = [f"{figure:.4f}" for figure in figures]
            rows.append([f"layer {layer} {kind}", *cells, f"{100 * np.mean(wide == 0):.1f} %"])
    headings = ["", "mean", "std", "smallest", "largest", "zero"]
    return TextTable(headings, rows, least_width=0, width=terminal_width())


def _preprocessing(network: Network) -> list[str]:
    """Return lines on the inputs, their scaling, and the target and classes."""
    kept = network.preprocessing
    if kept is None:
        return []
    lines = []
    if kept.columns is not None:
        lines.append(f"inputs: {_names(kept.columns)}")
    if kept.mean is not None and kept.scale is not None and kept.changes_inputs:
        same = np.ptp(kept.mean) == 0 and np.ptp(kept.scale) == 0
        how = f"(x - {kept.mean[0]:g}) / {kept.scale[0]:g}" if same else "each standardized"
        lines.append(f"scaling: {how}")
    if kept.target is not None:
        lines.append(f"predicts: {escaped(kept.target, lines=False)}")
    if kept.labels is not None:
        lines.append(f"classes: {_names(kept.labels)}")
    return ["", *lines] if lines else []


def _history(network: Network) -> list[str]:
    """Return a line with the number of epochs and the metrics after the last one."""
    if not network.history:
        return []
    last = ", ".join(
        f"{escaped(name.replace('_', ' '), lines=False)} {_with_unit(name, value)}"
        for name, value in network.history[-1].items()
        if isinstance(value, int | float) and name not in ("epoch", "eta")
    )
    epochs = f"trained for {counted(len(network.history), 'epoch')}"
    return [f"{epochs}; after the last: {last}" if last else epochs]


def _with_unit(metric: str, value: float) -> str:
    """Return a metric's value as text, an accuracy in per cent."""
    if metric in METRICS and metric.endswith("_accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:g}"


def _names(names: tuple[object, ...]) -> str:
    """Return the first twelve names of inputs or classes in one line."""
    return listed([escaped(str(name), lines=False) for name in names], 12)
