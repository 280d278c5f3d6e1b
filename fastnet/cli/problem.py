"""`Problem`: a user's data as ``fastnet train`` uses them, split and prepared."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fastnet.cli import user_data
from fastnet.costs import described
from fastnet.datasets.tables import Table, classes_of, quantities, read_tables
from fastnet.model.answers import predictions
from fastnet.preprocessing import Preprocessing, standardization

if TYPE_CHECKING:
    from fastnet.network import Network

__all__ = ["Problem"]

#: The command says so if an input is larger.
LARGE = 10


class Problem:
    """The user's data, split and prepared.

    Each epoch is evaluated on `evaluation`: examples put aside, or the test part of the data.
    Once prepared, `data` has the parts as the network takes them, pairs (X, y) by name. `measure`
    is what improves as the network learns.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        found = read_tables(
            arguments.data,
            label=arguments.label,
            ignore=arguments.ignore,
            header=arguments.header,
        )
        if found.training is None:
            raise ValueError(f"{arguments.data} holds a test part only; give X_train and y_train")
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
        """Make of every part what the network takes, once."""
        for name, part in self.parts():
            self.data[name] = user_data.inputs(network, part), user_data.targets(network, part)

    def parts(self) -> list[tuple[str, Table]]:
        """Return all parts with their names."""
        named = [("training", self.training), (self.evaluation_name, self.evaluation)]
        if self.evaluation is not self.test:
            named.append(("test", self.test))
        return [(name, part) for name, part in named if part is not None]

    def describe(self, network: Network, arguments: argparse.Namespace) -> str:
        """Return the lines that are printed before the training."""
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
        """Return lines on the labels, on what was done to the inputs, and on what is not used."""
        lines = []
        if self.training.target is not None:
            lines.append(f"labels: {self.training.label_column}")
        kept, X = self.preprocessing, self.training.X
        largest = max(abs(float(X.min())), abs(float(X.max())))
        if arguments.standardize:
            lines.append("inputs: standardized")
        elif kept.changes_inputs and kept.scale is not None:
            lines.append(f"inputs: bytes, divided by {kept.scale[0]:g}")
        elif largest > LARGE:
            lines.append(
                f"inputs: up to {largest:g}, taken as they are; large inputs saturate units, try "
                "--standardize"
            )
        return lines + user_data.not_used(self.training.name, self.training.unused)

    def describe_results(self, network: Network) -> str:
        """Return how good the network is on every part."""
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
