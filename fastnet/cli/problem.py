"""What ``fastnet train`` trains on: a user's data, parted and prepared."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.cli import user_data
from fastnet.datasets.tables import Table, class_names, quantities, read_tables
from fastnet.preprocessing import Preprocessing, standardization

if TYPE_CHECKING:
    from fastnet.network import Network

__all__ = ["Problem"]

#: Which stream of the seed chooses the examples to validate with; the network draws from another.
VALIDATION_STREAM = 1
#: Inputs beyond this are said to be large.
LARGE = 10


class Problem:
    """The user's data, parted and prepared.

    Attributes
    ----------
    training : Table
    evaluation : Table or None
        What each epoch is judged by: examples put aside, or the test part of the data.
    evaluation_name : str
    preprocessing : Preprocessing
    data : dict of str
        Once prepared, the parts as the network takes them: pairs (X, y) by name.
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
        self.training, validation = _put_aside(found.training, arguments)
        self.evaluation = validation or self.test
        self.evaluation_name = "validation" if validation is not None else "test"
        parts = [part for part in (self.training, validation, self.test) if part is not None]
        self.labels = [part.y for part in parts if part.y is not None]
        self.regression: bool = arguments.regression
        meaning: dict[str, Any] = {}
        if not self.regression:
            meaning["labels"] = _classes(self.labels, self.training)
        elif arguments.standardize:
            y = quantities(self.labels[0], user_data.label_source(self.training))
            mean, scale = standardization(y.reshape(-1, 1))
            meaning |= {"target_mean": float(mean[0]), "target_scale": float(scale[0])}
        X = self.training.X
        self.preprocessing = Preprocessing(
            *(
                standardization(X)
                if arguments.standardize
                else user_data.scaled_bytes(self.training)
            ),
            columns=self.training.columns,
            target=self.training.target,
            **meaning,
        )

    @property
    def n_outputs(self) -> int:
        """How many output units it takes."""
        return 1 if self.preprocessing.labels is None else len(self.preprocessing.labels)

    def prepare(self, network: Network) -> None:
        """Make what the network takes of every part, once."""
        for name, part in self.parts():
            X, y = user_data.inputs(network, part), user_data.targets(network, part)
            self.data[name] = X, y

    def parts(self) -> list[tuple[str, Table]]:
        """Return all parts with their names."""
        named = [("training", self.training), (self.evaluation_name, self.evaluation)]
        if self.evaluation is not self.test:
            named.append(("test", self.test))
        return [(name, part) for name, part in named if part is not None]

    def describe(self, network: Network, arguments: argparse.Namespace) -> str:
        """Return what is trained, on what and how."""
        counts = ", ".join(f"{part.n} {name}" for name, part in self.parts())
        layers = "-".join(map(str, network.sizes))
        names = list(dict.fromkeys(network.activations))
        size = arguments.mini_batch_size or self.training.n
        return (
            f"{layers} on {self.training.name}: {counts} examples\n"
            f"{', '.join(names)}; {network.cost.__name__}, {network.dtype}; "
            f"{arguments.optimizer}, mini-batches of {size}, seed {arguments.seed}\n"
            + "".join(f"{line}\n" for line in self._about_data(arguments))
        )

    def _about_data(self, arguments: argparse.Namespace) -> list[str]:
        """Return what was found in the data: where the labels are, and what was done to inputs."""
        lines = []
        if self.training.target is not None:
            lines.append(f"labels: {user_data.label_column(self.training)}")
        kept, top = self.preprocessing, float(np.abs(_extremes(self.training.X)).max())
        if arguments.standardize:
            lines.append("inputs: standardized")
        elif kept.changes_inputs and kept.scale is not None:
            lines.append(f"inputs: bytes, divided by {kept.scale[0]:g}")
        elif top > LARGE:
            lines.append(
                f"inputs: up to {top:g}, taken as they are; large inputs saturate units, try "
                "--standardize"
            )
        return lines + user_data.not_used(self.training)

    def judge(self, network: Network) -> str:
        """Return how good the network is on every part."""
        lines = []
        for name, part in self.parts():
            X, y = self.data[name]
            if self.regression:
                predicted, _ = user_data.answers(network, X)
                wanted = self.preprocessing.outputs(y)
                lines.append(f"{name}: {user_data.describe_quantities(predicted, wanted)}")
            else:
                right = network.accuracy((X, y))
                lines.append(
                    f"right: {right} of {part.n} {name} examples ({100 * right / part.n:.2f} %)"
                )
        return "\n".join(lines)


def _classes(labels: list[Any], table: Table) -> tuple[Any, ...]:
    """Return the classes, or raise an error that says where they were looked for."""
    try:
        return class_names(*labels)
    except ValueError as error:
        if table.target is None:
            raise
        column = user_data.label_column(table)
        raise ValueError(
            f"{error} ({column} was taken for the labels; --label names another)"
        ) from None


def _extremes(X: Any) -> Any:
    return np.array([X.min(), X.max()], dtype=np.float64)


def _put_aside(table: Table, arguments: argparse.Namespace) -> tuple[Table, Table | None]:
    """Part the examples at random, as --validation says."""
    share = arguments.validation
    if not share:
        return table, None
    n = round(share * table.n)
    if not 0 < n < table.n:
        raise ValueError(
            f"--validation {share:g} of {table.n} examples is {n}; at least one must be on either "
            "side"
        )
    order = np.random.default_rng([arguments.seed, VALIDATION_STREAM]).permutation(table.n)
    return table.rows(np.sort(order[n:])), table.rows(np.sort(order[:n]))
