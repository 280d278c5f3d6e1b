"""`Problem`: the user's data, split and prepared for ``fastnet train``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.cli import user_data
from fastnet.cli.text_table import listed
from fastnet.common.arguments import in_one_line
from fastnet.costs import described
from fastnet.datasets.tables import Table, Tables, classes_of, quantities, read_tables
from fastnet.model.answers import predictions
from fastnet.preprocessing import Preprocessing, standardization

if TYPE_CHECKING:
    from fastnet.network import Network

__all__ = ["Problem"]

#: Columns with larger numbers are named with advice to scale: they saturate units.
LARGE = 10


class Problem:
    """The user's data, split and prepared.

    Each epoch is evaluated on `evaluation`: held-out examples, or the test part of the data. After
    `prepare`, `data` has the parts as pairs (X, y) by name, as the network takes them. `measure` is
    the metric that early stopping and schedules watch.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        found = _read(arguments)
        if found.training is None:
            raise ValueError(f"{arguments.data} has only a test part; add X_train and y_train")
        self.data: dict[str, tuple[Any, Any]] = {}
        self.test = found.test
        self.training, validation = found.training, None
        if arguments.validation:
            self.training, validation = self.training.split(arguments.validation, arguments.seed)
        self.evaluation = validation or self.test
        self.evaluation_name = "validation" if validation is not None else "test"
        self.regression: bool = arguments.regression
        self.measure = "cost" if self.regression else "accuracy"
        meaning: dict[str, Any] = {}
        if not self.regression:
            meaning["labels"] = classes_of(*[part for _, part in self.parts()])
        elif arguments.standardize:
            assert self.training.y is not None
            y = quantities(self.training.y, user_data.label_source(self.training))
            mean, scale = standardization(y.reshape(-1, 1))
            meaning |= {"target_mean": float(mean[0]), "target_scale": float(scale[0])}
        if arguments.standardize:
            mean, scale = standardization(self.training.X)
        else:
            mean, scale = user_data.scaled_bytes(self.training)
        columns, target = self.training.columns, self.training.target
        self.preprocessing = Preprocessing(mean, scale, columns=columns, target=target, **meaning)

    @property
    def n_outputs(self) -> int:
        """The number of output units."""
        return 1 if self.preprocessing.labels is None else len(self.preprocessing.labels)

    def prepare(self, network: Network) -> None:
        """Convert every part to inputs and targets of the network."""
        for name, part in self.parts():
            self.data[name] = user_data.inputs(network, part), user_data.targets(network, part)

    def parts(self) -> list[tuple[str, Table]]:
        """Return all parts with their names."""
        named = [("training", self.training), (self.evaluation_name, self.evaluation)]
        if self.evaluation is not self.test:
            named.append(("test", self.test))
        return [(name, part) for name, part in named if part is not None]

    def describe(self, network: Network, arguments: argparse.Namespace) -> str:
        """Return the lines printed before training: network, data and settings."""
        counts = ", ".join(f"{part.n} {name}" for name, part in self.parts())
        layers = "-".join(map(str, network.sizes))
        names = list(dict.fromkeys(network.activations))
        size = arguments.mini_batch_size or self.training.n
        return (
            f"{layers} on {self.training.name}: {counts} examples\n"
            f"{', '.join(names)}; {described(network.cost)}, {network.dtype}; "
            f"{arguments.optimizer}, mini-batches of {size}, seed {arguments.seed}\n"
            + "".join(f"{line}\n" for line in self._about_data(arguments))
        )

    def _about_data(self, arguments: argparse.Namespace) -> list[str]:
        """Return lines on the labels, the scaling of inputs, and data that are not used."""
        lines = []
        if self.training.target is not None:
            lines.append(f"labels: {self.training.label_column}")
        kept = self.preprocessing
        if arguments.standardize:
            lines.append("inputs: standardized")
        elif kept.changes_inputs and kept.scale is not None:
            lines.append(f"inputs: bytes, divided by {kept.scale[0]:g}")
        if not arguments.standardize and (large := self._large_columns()):
            lines.append(f"not scaled: {listed(large, 3)}; try --standardize")
        return lines + user_data.not_used(self.training.name, self.training.unused)

    def _large_columns(self) -> list[str]:
        """Return the columns with numbers above `LARGE`, the target first, with their largest."""
        table, kept = self.training, self.preprocessing
        large = []
        if not kept.changes_inputs:
            ends = [find(table.X, axis=0).astype(np.float64) for find in (np.min, np.max)]
            largest = np.abs(ends).max(axis=0)
            if table.columns is not None:
                over = np.flatnonzero(largest > LARGE).tolist()
                large = [
                    f"{in_one_line(table.columns[i], 24)} (up to {largest[i]:g})" for i in over
                ]
            elif largest.max() > LARGE:
                large = [f"inputs (up to {largest.max():g})"]
        if self.regression and table.y is not None:
            most = abs(quantities(table.y, user_data.label_source(table))).max()
            if most > LARGE:
                target = "target" if table.target is None else in_one_line(table.target, 24)
                large.insert(0, f"{target} (up to {most:g})")
        return large

    def describe_results(self, network: Network) -> str:
        """Return the results on every part, one line each."""
        lines = []
        for name, part in self.parts():
            X, y = self.data[name]
            if self.regression:
                predicted = predictions(network, network.feedforward(X))
                wanted = self.preprocessing.outputs(y)
                lines.append(f"{name}: {user_data.describe_quantities(predicted, wanted)}")
            else:
                right = network.accuracy((X, y))
                lines.append(f"{name} accuracy: {user_data.accuracy_text(right, part.n)}")
        return "\n".join(lines)


def _read(arguments: argparse.Namespace) -> Tables:
    """Return the data; refuse a saved network given in their place."""
    try:
        return read_tables(
            arguments.data,
            label=arguments.label,
            ignore=arguments.ignore,
            header=arguments.header,
        )
    except ValueError:
        if not user_data.is_network(arguments.data):
            raise
    raise ValueError(
        f"{arguments.data} is a saved network; give a table to train on, and --out for the network"
    )
