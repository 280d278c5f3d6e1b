"""How deep a network can be trained: Schoenholz et al. 2017 (arXiv 1611.01232), figure 5.

A tanh network of width 300 sees 200 mini-batches of 256 MNIST digits. Its training accuracy is
measured over a grid of depths and of variances of the weights.
"""

import math
import os
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from fastnet import SGD, Network, datasets, sweep
from fastnet.cli.text_table import render
from fastnet.diagnostics import critical_sigma_w, mean_field
from fastnet.initializers import Normal, VarianceScaling
from fastnet.sweeps import grid
from numpy.typing import NDArray

from figures import Figure, row

Array = NDArray[Any]

SCHOENHOLZ = "Schoenholz et al. 2017, arXiv 1611.01232"
WIDTH, STEPS, MINI_BATCH = 300, 200, 256
BIAS_VARIANCE = 0.05
#: A network with a higher training accuracy than this has learned.
LEARNED = 0.2


class Experiment(NamedTuple):
    """A grid of trainings.

    Attributes
    ----------
    mode : str
        "fan_in": weights have the variance sigma_w^2 / n_in, as in the theory; "fan_out":
        sigma_w^2 / n_out.
    depths : tuple of int
        Numbers of layers of weights, the output's included.
    variances : tuple of float
        sigma_w^2.
    """

    mode: str
    depths: tuple[int, ...]
    variances: tuple[float, ...]


PAPER = Experiment(
    "fan_in",
    (10, 20, 30, 50, 70, 100),
    (1.0, 1.24, 1.44, 1.64, 1.76, 1.876, 2.04, 2.21, 2.5, 2.96, 3.5, 4.0),
)
#: With the weights of the public replication of the figure.
REPLICATION = Experiment("fan_out", (10, 20, 30, 50, 100), (1.24, 1.44, 1.64, 1.876, 2.21, 2.96))

#: By depth, the least and the largest sigma_w^2 from which the replication's networks learned.
REPLICATION_LEARNED = {50: (1.24, 2.96), 100: (1.44, 2.21)}


def digits() -> tuple[Array, Array]:
    """Return the digits of all steps, scaled to [-0.5, 0.5]."""
    mnist = datasets.load_mnist()
    X = np.concatenate([mnist.train.X, mnist.validation.X]).astype(np.float32)
    y = np.concatenate([mnist.train.y, mnist.validation.y])
    return X[: STEPS * MINI_BATCH] - np.float32(0.5), y[: STEPS * MINI_BATCH]


def train(
    data: tuple[Array, Array], rng: np.random.Generator, *, depth: int, variance: float, mode: str
) -> dict[str, float]:
    """Train one network for one epoch, with eta 0.001, and return its training accuracy."""
    net = Network(
        [data[0].shape[1], *[WIDTH] * (depth - 1), 10],
        "log_likelihood",
        activation="tanh",
        initializer=VarianceScaling(variance, mode),
        bias_initializer=Normal(math.sqrt(BIAS_VARIANCE)),
        rng=rng,
        dtype=np.float32,
    )
    history = net.train(data, 1, MINI_BATCH, optimizer=SGD(0.001), metrics="training_accuracy")
    return {"accuracy": history[-1]["training_accuracy"]}


def accuracies(
    experiment: Experiment, *, store: str | os.PathLike[str] | None = None, progress: bool = False
) -> Array:
    """Return the training accuracies, shape (depths, variances).

    With a store, an interrupted run continues where it stopped.
    """
    mode, depths, variances = experiment
    cells = grid(depth=depths, variance=variances, mode=[mode])
    result = sweep(train, cells, digits, store=store, progress=progress)
    for outcome in result.failed:
        raise RuntimeError(f"{outcome.configuration}: {outcome.error}")
    return np.array([outcome.measures["accuracy"] for outcome in result]).reshape(len(depths), -1)


def depth_scale(variance: float) -> float:
    """Return xi_c, the depth scale on which the correlation of two inputs converges."""
    return mean_field("tanh", math.sqrt(variance), math.sqrt(BIAS_VARIANCE)).xi_c


def learned(accuracy: Array, variances: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and the largest variance with which a depth has learned."""
    found = np.array(variances)[accuracy > LEARNED]
    return (float(found.min()), float(found.max())) if found.size else (math.nan, math.nan)


def multiples(table: Array, experiment: Experiment) -> dict[float, float]:
    """Return, by variance, depth / xi_c where the accuracy falls through `LEARNED` with depth."""
    depths, found = experiment.depths, {}
    for variance, accuracy in zip(experiment.variances, table.T, strict=True):
        below = np.flatnonzero(accuracy <= LEARNED)
        if below.size and below[0] > 0:
            i = below[0]
            share = (accuracy[i - 1] - LEARNED) / (accuracy[i - 1] - accuracy[i])
            depth = depths[i - 1] + share * (depths[i] - depths[i - 1])
            found[variance] = float(depth / depth_scale(variance))
    return found


def as_text(table: Array, experiment: Experiment) -> str:
    """Return the accuracies in %, a row for each depth."""
    headings = ["depth", *(f"{variance:g}" for variance in experiment.variances)]
    rows = [
        [str(depth), *(f"{100 * share:.1f}" for share in accuracy)]
        for depth, accuracy in zip(experiment.depths, table, strict=True)
    ]
    return render(headings, rows, markdown=True)


def draw(table: Array, experiment: Experiment, path: str) -> None:
    """Write a picture of the accuracies, with multiples of xi_c and the replication's limits."""
    from matplotlib import figure as pictures

    _, depths, variances = experiment
    figure = pictures.Figure(figsize=(7.2, 4.8), layout="constrained", dpi=110)
    ax = figure.add_subplot()
    levels = np.arange(0, 91, 10)
    mesh = ax.contourf(variances, depths, 100 * table, levels, cmap="viridis")
    ax.plot(*np.meshgrid(variances, depths), ".", color="white", ms=3, clip_on=False)
    critical = critical_sigma_w("tanh", math.sqrt(BIAS_VARIANCE)) ** 2
    for side, end in ((-1, critical - variances[0]), (1, variances[-1] - critical)):
        fine = critical + side * np.geomspace(0.005, end, 50)
        scales = np.array([depth_scale(variance) for variance in fine])
        for times, dashes in ((1, ":"), (4.5, "--"), (6, "-")):
            label = rf"{times:g} $\xi_c$" if side > 0 else None
            ax.plot(fine, times * scales, color="white", lw=3.5)
            ax.plot(fine, times * scales, dashes, color="black", lw=1.5, label=label)
    ax.axvline(critical, color="black", lw=0.8, label=r"$\chi_1 = 1$")
    ends = [(limit, depth) for depth, limits in REPLICATION_LEARNED.items() for limit in limits]
    look: dict[str, Any] = {"mfc": "white", "mec": "black", "ms": 8, "clip_on": False, "zorder": 5}
    ax.plot(*zip(*ends, strict=True), "D", **look, label="replication: 20 %")
    ax.set(xlabel=r"$\sigma_w^2$", ylabel="layers of weights")
    ax.set(xlim=(variances[0], variances[-1]), ylim=(depths[0], depths[-1]))
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.97), framealpha=1)
    figure.colorbar(mesh, label="training accuracy after 200 steps (%)")
    figure.savefig(path)


# ---- the rows of bench/initialization.py

#: Rows that take about half an hour; `all` leaves them out.
TRAINED = {"trainable-depth": PAPER, "replication": REPLICATION}


@cache
def trained(experiment: Experiment, store: str | None) -> Array:
    """Return the accuracies of an experiment."""
    return accuracies(experiment, store=store, progress=True)


def compared(experiment: Experiment, store: str | None, boundary: float) -> list[Figure]:
    """Return figures of an experiment beside those of the replication's data.

    `boundary` is the published multiple of xi_c beyond which networks do not learn.
    """
    table = trained(experiment, store).round(4)
    found = [Figure("best accuracy of all", 0.848, float(table.max()))]
    for depth, best in ((50, 0.794), (100, 0.585)):
        least, most = REPLICATION_LEARNED[depth]
        accuracy = table[experiment.depths.index(depth)]
        ours = learned(accuracy, experiment.variances)
        found.append(Figure(f"depth {depth}, best accuracy", best, float(accuracy.max())))
        found.append(Figure(f"depth {depth}, above 0.2 from sigma_w²", least, ours[0]))
        found.append(Figure(f"depth {depth}, above 0.2 up to sigma_w²", most, ours[1]))
    ratios = list(multiples(table, experiment).values())
    if ratios:
        what = "depth / xi_c where accuracy falls to 0.2, median"
        found.append(Figure(what, boundary, round(float(np.median(ratios)), 2)))
    return found


@row("trainable-depth", "training accuracy over depth and sigma_w², figure 5", SCHOENHOLZ)
def trainable_depth(store: str | None = None) -> list[Figure]:
    """Train from weights of variance sigma_w² / n_in, beside the replication's figures."""
    return compared(PAPER, store, boundary=6.0)


@row("replication", "the same from sigma_w² / n_out, as ghliu/mean-field-fcdnn", SCHOENHOLZ)
def replication(store: str | None = None) -> list[Figure]:
    """Train from the weights of the replication, on the part of its grid that it reports."""
    return compared(REPLICATION, store, boundary=4.5)
