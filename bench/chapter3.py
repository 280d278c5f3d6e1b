"""Repeat the trainings of chapter 3 of the book with several seeds, beside the book's figures.

Run it as: python bench/chapter3.py            (which lists the rows)
           python bench/chapter3.py overfitting overfitting-l2 --seeds 5
           python bench/chapter3.py all --seeds 5

The book is Michael Nielsen's *Neural Networks and Deep Learning*; docs/chapter3.md has the table.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from fastnet import SGD as GradientDescent
from fastnet import Callback, CrossEntropyCost, Momentum, Network, QuadraticCost, datasets
from fastnet.cli.text_table import render
from fastnet.compare import mean_and_margin
from fastnet.schedules import Cosine

import machine

#: The book's weights before its section on weight initialization: N(0, 1).
OLD = {"initializer": "large"}
#: For the larger networks, which would take hours in the book's steps of ten images.
HIDDEN = 300
WIDE = {"cost": "log_likelihood", "activation": "relu", "initializer": "he_normal"}


@dataclass(frozen=True)
class Experiment:
    """One row of the table.

    Attributes
    ----------
    book : str
        The book's result, in %.
    report : str
        Which accuracy that is: on the evaluation data in the "best" or the "first" epoch, or
        "chosen": on the test data in the epoch that is best on the validation data.
    network, training : dict
        Options of `Network` and of `Network.train`.
    images : int
        How many of the training images are used.
    shifted : bool
        Whether copies shifted by one pixel in four directions are added.
    sinking : bool
        Whether the learning rate falls to 0, along half a cosine.
    """

    what: str
    book: str
    hidden: int
    epochs: int
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: str = "test"
    report: str = "best"
    images: int = 50_000
    shifted: bool = False
    mini_batch_size: int = 10
    sinking: bool = False


def book(
    what: str, figure: str, hidden: int, epochs: int, eta: float, **options: Any
) -> Experiment:
    """Return an experiment as in the book: its network, cross-entropy and plain SGD."""
    network = {"cost": options.pop("cost", CrossEntropyCost), **options.pop("network", OLD)}
    training = {"optimizer": GradientDescent(eta), "l2": options.pop("lmbda", 0.0)}
    return Experiment(what, figure, hidden, epochs, network, training, **options)


def wide(what: str, figure: str, epochs: int, dropout: Any = 0.0, **options: Any) -> Experiment:
    """Return an experiment with more hidden units."""
    options = {"mini_batch_size": 100, "sinking": True, **options}
    training = {"optimizer": Momentum(0.05), "dropout": dropout}
    return Experiment(what, figure, HIDDEN, epochs, WIDE, training, **options)


EXPERIMENTS = {
    "quadratic-30": book(
        "784-30-10, quadratic cost (chapter 1)", "95.42", 30, 30, 3.0, cost=QuadraticCost
    ),
    "cross-entropy-30": book("784-30-10, cross-entropy", "95.49", 30, 30, 0.5),
    "quadratic-100": book(
        "784-100-10, quadratic cost (chapter 1)", "96.59", 100, 30, 3.0, cost=QuadraticCost
    ),
    "cross-entropy-100": book("784-100-10, cross-entropy", "96.82", 100, 30, 0.5),
    "overfitting": book("784-30-10 on 1,000 images", "82.27", 30, 400, 0.5, images=1000),
    "overfitting-l2": book(
        "784-30-10 on 1,000 images, L2 (lambda 0.1)", "87.1", 30, 400, 0.5, images=1000, lmbda=0.1
    ),
    "l2-30": book("784-30-10 with lambda 5", "96.49", 30, 30, 0.5, lmbda=5.0),
    "l2-100": book(
        "784-100-10 with lambda 5", "97.92", 100, 30, 0.5, lmbda=5.0, evaluation="validation"
    ),
    "l2-100-slow": book(
        "the same, eta 0.1 for 60 epochs", "98.04", 100, 60, 0.1, lmbda=5.0, evaluation="validation"
    ),
    "start-large": book(
        "784-30-10 from N(0, 1)", "under 87", 30, 30, 0.1, lmbda=5.0, evaluation="validation",
        report="first",
    ),
    "start-default": book(
        "784-30-10 from N(0, 1) / sqrt(n)", "almost 93", 30, 30, 0.1, lmbda=5.0,
        evaluation="validation", report="first", network={},
    ),
    "softmax": book(
        "784-100-10, softmax and log-likelihood (chapter 6)", "97.80", 100, 60, 0.1,
        cost="log_likelihood", network={}, evaluation="validation", report="chosen",
    ),
    "wide": wide("784-300-10, ReLU and softmax", "98.4 (800 units)", 10),
    "dropout": wide("the same with dropout", "about 98.7", 20, dropout=0.3),
    "expanded": wide("the same on moved images", "98.9 (800 units)", 3, shifted=True),
    "expanded-dropout": wide("on moved images with dropout", "none", 3, dropout=0.2, shifted=True),
}  # fmt: skip


class Outcome(NamedTuple):
    """Accuracies in %: the reported one, that of every epoch, and that on the training images."""

    reported: float
    curve: list[float]
    training: float


@cache
def digits() -> datasets.MNIST:
    """Return the MNIST digits, read once."""
    return datasets.load_mnist()


class Chosen(Callback):
    """Keeps the test accuracy of the epoch with the best validation accuracy."""

    best, accuracy = -1, float("nan")

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> None:
        """Measure the test accuracy if the validation accuracy is the best so far."""
        if record["evaluation_accuracy"] > self.best:
            self.best = record["evaluation_accuracy"]
            self.accuracy = network.accuracy(digits().test) / 100


def train(name: str, seed: int, epochs: int | None = None) -> Outcome:
    """Train a row's network with one seed, by default for the row's epochs."""
    row = EXPERIMENTS[name]
    epochs = epochs or row.epochs
    X, y = digits().train.X[: row.images], digits().train.y[: row.images]
    net = Network([784, row.hidden, 10], rng=seed, dtype=np.float32, **row.network)
    chosen = Chosen()
    history = net.train(
        datasets.shift_images(X, y) if row.shifted else (X, y),
        epochs,
        row.mini_batch_size,
        evaluation_data=getattr(digits(), row.evaluation),
        metrics="evaluation_accuracy",
        schedule=Cosine(epochs) if row.sinking else None,
        callbacks=[chosen] if row.report == "chosen" else [],
        **row.training,
    )
    curve = [100 * share for share in history.column("evaluation_accuracy")]
    reported = {"best": max(curve), "first": curve[0], "chosen": chosen.accuracy}[row.report]
    return Outcome(reported, curve, 100 * net.accuracy((X, y)) / len(y))


#: The book's neuron learns the output 0 for the input 1, from two starts (w, b), at these rates.
STARTS = {"good": (0.6, 0.9), "bad": (2.0, 2.0)}
RATES = {QuadraticCost: 0.15, CrossEntropyCost: 0.005}
NEURON_EPOCHS = 300


class Course(NamedTuple):
    """The neuron's output and its cost, before training and after every epoch."""

    outputs: list[float]
    costs: list[float]

    @property
    def first_step(self) -> float:
        """The fall of the cost in the first epoch, as a share of the largest in any epoch."""
        falls = -np.diff(self.costs)
        return float(falls[0] / falls.max())


def neuron(cost: Any, start: str, epochs: int = NEURON_EPOCHS) -> Course:
    """Train the book's single neuron."""
    net = Network([1, 1], cost, output="sigmoid", rng=0)
    net.weights, net.biases = ([[[value]]] for value in STARTS[start])
    data = [[1.0]], [0.0]

    def output(net: Network) -> float:
        return net.feedforward(np.ones(1)).item()

    outputs, costs = [output(net)], [net.total_cost(data, 0.0)]
    rate = GradientDescent(RATES[cost])
    history = net.train(data, epochs, 1, optimizer=rate, metrics=[output, "training_cost"])
    return Course(outputs + history.column("output"), costs + history.column("training_cost"))


def train_all(names: Sequence[str], seeds: int) -> dict[str, list[Outcome]]:
    """Train every row's networks, one per core at a time."""
    digits()
    with ThreadPoolExecutor(machine.usable_cores()) as pool:
        jobs = {name: [pool.submit(train, name, seed) for seed in range(seeds)] for name in names}
        outcomes: dict[str, list[Outcome]] = {}
        for name, futures in jobs.items():
            outcomes[name] = []
            for seed, future in enumerate(futures):
                outcomes[name].append(future.result())
                print(f"{name}, seed {seed}: {future.result().reported:.2f}", file=sys.stderr)
    return outcomes


def table(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    """Return a table of the rows' accuracies in %, means over the seeds with 95 % confidence."""
    headings = ["row", "what", "the book", "fastnet", "last epoch", "training images", "seeds"]
    rows = [
        [
            f"`{name}`",
            EXPERIMENTS[name].what,
            EXPERIMENTS[name].book,
            with_margin([outcome.reported for outcome in found]),
            with_margin([outcome.curve[-1] for outcome in found]),
            with_margin([outcome.training for outcome in found]),
            str(len(found)),
        ]
        for name, found in outcomes.items()
    ]
    return render(headings, rows, markdown=True)


def with_margin(values: Sequence[float]) -> str:
    """Return the mean as text, with its margin if there are several values."""
    mean, margin = mean_and_margin(values)
    return f"{mean:.2f}" if len(values) == 1 else f"{mean:.2f} ± {margin:.2f}"


def neuron_table() -> str:
    """Return a table of the neuron's output during training."""
    headings = ["cost", "start", "eta", *map(str, range(0, NEURON_EPOCHS + 1, 50)), "first step"]
    rows = [
        [cost.name, start, str(eta), *(f"{output:.2f}" for output in course.outputs[::50]),
         f"{100 * course.first_step:.1f} %"]
        for cost, eta in RATES.items()
        for start in STARTS
        for course in [neuron(cost, start)]
    ]  # fmt: skip
    return render(headings, rows, markdown=True)


def draw(outcomes: Mapping[str, Sequence[Outcome]], path: str) -> None:
    """Write a picture of the rows' learning curves, or without rows of the neuron's costs."""
    from fastnet import plotting
    from matplotlib.figure import Figure

    curves: dict[str, list[float]] = {}
    margins: dict[str, list[float]] = {}
    for name, found in outcomes.items():
        mean, margin = mean_and_margin([outcome.curve for outcome in found])
        curves[EXPERIMENTS[name].what] = mean.tolist()
        margins[EXPERIMENTS[name].what] = np.nan_to_num(margin).tolist()
    if outcomes:
        label = f"{EXPERIMENTS[name].evaluation} accuracy (%)"
    else:
        label = "cost (% of the cost before training)"
        for cost in RATES:
            for start in STARTS:
                first, *costs = neuron(cost, start).costs
                curves[f"{cost.name.replace('_', '-')}, {start} start"] = [
                    100 * value / first for value in costs
                ]
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=150)
    ax = plotting.learning_curves(figure.add_subplot(), curves, label, margins=margins)
    ax.set_xlim(left=0)
    if outcomes:  # accuracies of the first epochs are far below
        ax.set_ylim(bottom=min(curve[len(curve) // 40] for curve in curves.values()) - 1)
    figure.savefig(path)


def main() -> int:
    """Run the rows that the command line names."""
    parser = argparse.ArgumentParser(description="Repeat the results of chapter 3 of the book.")
    rows = ", ".join(["neuron", *EXPERIMENTS])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"from {rows}; or all")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per row (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write every epoch's accuracy to this file")
    parser.add_argument("--chart", metavar="FILE", help="draw the learning curves to this file")
    args = parser.parse_args()
    names = ["neuron", *EXPERIMENTS] if args.rows == ["all"] else args.rows
    unknown = [name for name in names if name not in ("neuron", *EXPERIMENTS)]
    if unknown:
        parser.error(f"row {unknown[0]!r} is unknown; the rows are {rows}.")
    if args.seeds < 1:
        parser.error(f"--seeds is {args.seeds}; expected 1 or more.")
    if not names:
        print("\n".join(f"{name:<18}{row.what}" for name, row in EXPERIMENTS.items()))
        print(f"{'neuron':<18}a single neuron, from a good start and from a bad one")
        return 0
    if "neuron" in names:
        print(neuron_table())
    outcomes = train_all([name for name in names if name != "neuron"], args.seeds)
    if outcomes:
        print(table(outcomes))
    if args.json:
        record = {name: [o._asdict() for o in found] for name, found in outcomes.items()}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({**machine.describe(["numpy"]), "rows": record}, file, indent=1)
    if args.chart:
        draw(outcomes, args.chart)
    return 0


if __name__ == "__main__":
    sys.exit(main())
