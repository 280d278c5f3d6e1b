"""``fastnet show``: what is in a model file."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.common.console import say, visible
from fastnet.metrics import METRICS

if TYPE_CHECKING:
    from fastnet.network import Network

#: What the forms of model files are called.
FORMS = {"npz": "fastnet's own form", "safetensors": "safetensors", "json": "the book's JSON"}


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Describe ``fastnet show``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "show",
        help="show what is in a model file",
        description="Print a network's layers, the statistics of its weights, and what it learned.",
    )
    parser.add_argument("model", metavar="MODEL", help="a file that fastnet train or save wrote")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do ``fastnet show``."""
    from fastnet.files import format_of
    from fastnet.network import load

    network = load(arguments.model)
    form = FORMS[format_of(arguments.model)]
    size = Path(arguments.model).stat().st_size
    name = visible(arguments.model, lines=False)
    say(f"{name}: {form}, {size:,} bytes\n{network!r}\n\n{_statistics(network)}")
    for line in (*_preprocessing(network), *_history(network)):
        say(line)
    return 0


def _statistics(network: Network) -> str:
    """Return a table of how the parameters of each layer lie."""
    from fastnet.cli.user_data import aligned

    rows = [["", "mean", "std", "smallest", "largest", "zero"]]
    for layer, _ in enumerate(pairwise(network.sizes)):
        for kind, array in (("weights", network.weights[layer]), ("biases", network.biases[layer])):
            wide = np.asarray(array, dtype=np.float64)
            figures = (wide.mean(), wide.std(), wide.min(), wide.max())
            share = 100 * float(np.mean(wide == 0))
            cells = [f"{figure:.4f}" for figure in figures]
            rows.append([f"layer {layer + 1} {kind}", *cells, f"{share:.1f} %"])
    return aligned(rows)


def _preprocessing(network: Network) -> list[str]:
    """Return what is known about inputs and outputs, a line each."""
    kept = network.preprocessing
    if kept is None:
        return []
    lines = []
    if kept.columns is not None:
        lines.append(f"inputs: {_listed(kept.columns)}")
    if kept.mean is not None and kept.scale is not None and kept.changes_inputs:
        same = np.ptp(kept.mean) == 0 and np.ptp(kept.scale) == 0
        how = f"(x - {kept.mean[0]:g}) / {kept.scale[0]:g}" if same else "each standardized"
        lines.append(f"what is done to them: {how}")
    if kept.target is not None:
        lines.append(f"predicts: {visible(kept.target, lines=False)}")
    if kept.labels is not None:
        lines.append(f"classes: {_listed(kept.labels)}")
    return ["", *lines] if lines else []


def _history(network: Network) -> list[str]:
    history = network.history
    if not history:
        return []
    last = ", ".join(
        f"{visible(name.replace('_', ' '), lines=False)} {_with_unit(name, value)}"
        for name, value in history[-1].items()
        if isinstance(value, int | float) and name not in ("epoch", "eta")
    )
    epochs = f"trained for {len(history)} epoch{'s' * (len(history) != 1)}"
    return [f"{epochs}; after the last: {last}" if last else epochs]


def _with_unit(metric: str, value: float) -> str:
    """Return a number as people read it: an accuracy in per cent."""
    if metric in METRICS and metric.endswith("_accuracy"):
        return f"{100 * value:.2f} %"
    return f"{value:g}"


def _listed(names: tuple[object, ...]) -> str:
    shown = ", ".join(visible(str(name), lines=False) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
