"""Compute and measure what papers print about starting weights, and set their figures beside.

Run it as: python bench/initialization.py               (which lists the rows)
           python bench/initialization.py born-dead deep-linear
           python bench/initialization.py all --json FILE

docs/initialization.md has the table.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from fastnet import SGD, Network
from fastnet.activations import sigmoid, sigmoid_prime
from fastnet.cli.text_table import render
from fastnet.compare import mean_and_margin
from numpy.typing import ArrayLike, NDArray

import machine

Array = NDArray[Any]


class Figure(NamedTuple):
    """One figure: what it is, as published, and from fastnet.

    Attributes
    ----------
    published : float
        NaN where the paper has a statement instead of a number.
    margin : float
        Half the width of the 95 % confidence interval of a measured mean; 0 for what is computed.
    """

    what: str
    published: float
    ours: float
    margin: float = 0.0


class Row(NamedTuple):
    """One row of the table: a function that returns its figures, and the paper."""

    figures: Callable[[], list[Figure]]
    what: str
    source: str


ROWS: dict[str, Row] = {}
Figures = Callable[..., list[Figure]]


def row(name: str, what: str, source: str) -> Callable[[Figures], Figures]:
    """Return a decorator that enters a function into the table."""

    def enter(function: Figures) -> Figures:
        ROWS[name] = Row(function, what, source)
        return function

    return enter


def measured(what: str, published: float, samples: ArrayLike) -> Figure:
    """Return the figure of a mean over samples."""
    mean, margin = mean_and_margin(samples)
    return Figure(what, published, float(mean), float(margin))


# ---- networks at the start

QUADRATIC: dict[str, Any] = {"cost": "quadratic", "bias_initializer": "zeros"}


def drawn(sizes: list[int], networks: int, rng: Any = 0, **options: Any) -> Iterator[Network]:
    """Yield a network again and again, each time with new weights."""
    net = Network(sizes, rng=rng, **QUADRATIC | options)
    yield net
    for _ in range(networks - 1):
        net.initialize()
        yield net


def relu_networks(sizes: list[int], networks: int, **options: Any) -> Iterator[Network]:
    """Yield networks of ReLU layers without biases; their output is the last hidden layer."""
    options = {"initializer": "he_normal", **options}
    return drawn(sizes, networks, activation="relu", output="relu", **options)


def normal(variance: float, over: int = 1) -> Callable[[Any, tuple[int, int]], Array]:
    """Return the initializer N(0, variance / n_in), or / n_out where `over` is 0."""

    def initializer(rng: Any, shape: tuple[int, int]) -> Array:
        return np.asarray(math.sqrt(variance / shape[over]) * rng.standard_normal(shape))

    return initializer


# ---- singular values


@row(
    "singular-values",
    "mean singular value of a square layer",
    "Glorot and Bengio 2010, section 4.2.1",
)
def singular_values(width: int = 1000, layers: int = 4) -> list[Figure]:
    """Draw square layers; the means are those of the quarter circle law."""
    quarter_circle = 8 / (3 * math.pi)
    kinds = {
        "normalized, variance 1/n (they: about 0.8)": ("default", quarter_circle),
        "standard, uniform in ±1/√n (they: about 0.5)": ("uniform", quarter_circle / math.sqrt(3)),
    }
    return [
        measured(
            what,
            expected,
            [
                np.linalg.svd(net.weights[0], compute_uv=False).mean()
                for net in drawn([width, width], layers, initializer=initializer)
            ],
        )
        for what, (initializer, expected) in kinds.items()
    ]


def spectra(depth: int, width: int, products: int, initializer: str) -> Array:
    """Return the squared singular values of products of square layers, the largest first."""
    sizes = [width] * (depth + 1)
    nets = drawn(sizes, products, activation="identity", initializer=initializer)
    return np.array(
        [np.linalg.svd(np.linalg.multi_dot(net.weights), compute_uv=False) ** 2 for net in nets]
    )


def mean_square(depth: int, width: int) -> float:
    """Return the expected mean of the fourth powers of a Gaussian product's singular values.

    With M of the layers below, E tr (W M W^T)^2 and E (tr W M W^T)^2 follow from Wick's theorem.
    """
    a = b = 1.0  # tr M^2 / n and (tr M / n)^2
    for _ in range(depth):
        a, b = (1 + 1 / width) * a + b, b + 2 * a / width**2
    return a


@row(
    "products",
    "largest squared singular value of a product of L layers",
    "Pennington et al. 2017, arXiv 1711.04735",
)
def products(width: int = 800, count: int = 10) -> list[Figure]:
    """Multiply layers, and extrapolate the Gaussian ones to infinite width.

    The edge of such a spectrum is approached with the width to the power of -2/3.
    """
    published = {10: 28.5312, 50: 137.271, 100: 273.186}
    found = [
        Figure(
            f"L = {L}, infinite width, (L + 1)^(L + 1) / L^L", figure, (L + 1) * (1 + 1 / L) ** L
        )
        for L, figure in published.items()
    ]
    widths = [width // 4, width]
    spectrum = [spectra(10, n, count, "default") for n in widths]
    found += [
        measured(f"L = 10, width {n}", published[10], s[:, 0])
        for n, s in zip(widths, spectrum, strict=True)
    ]
    narrow, wide = (n ** (-2 / 3) for n in widths)
    largest = (narrow * spectrum[1][:, 0] - wide * spectrum[0][:, 0]) / (narrow - wide)
    found.append(measured("L = 10, extrapolated to infinite width", published[10], largest))
    squares = (spectrum[0] ** 2).mean(axis=1)
    what = f"L = 10, width {widths[0]}, mean square (published: exact moment)"
    found.append(measured(what, mean_square(10, widths[0]), squares))
    orthogonal = spectra(10, widths[0], count, "orthogonal")
    found.append(measured("L = 10, orthogonal layers, smallest", 1.0, orthogonal[:, -1]))
    return [*found, measured("L = 10, orthogonal layers, largest", 1.0, orthogonal[:, 0])]


# ---- ReLU layers of finite width


@row(
    "born-dead",
    "share of ReLU networks that are born dead, L hidden layers of N units",
    "Lu et al. 2019, arXiv 1903.06733",
)
def born_dead(networks: int = 20_000) -> list[Figure]:
    """Draw networks whose last hidden layer is 0 for the inputs 1 and -1."""
    published = {(2, 10): 0.904, (2, 5): 0.622, (3, 10): 0.634, (4, 10): 0.335}
    inputs = np.array([[1.0], [-1.0]])
    found = []
    for (width, depth), figure in published.items():
        nets = relu_networks([1] + [width] * depth, networks)
        dead = [not net.feedforward(inputs).any() for net in nets]
        found.append(measured(f"N = {width}, L = {depth}", figure, np.array(dead, float)))
    return found


@row(
    "fluctuation",
    "E[M²] / E[M]² of the mean square activation M, ReLU, 5 hidden layers",
    "Hanin and Rolnick 2018, arXiv 1803.01719",
)
def fluctuation(networks: int = 20_000) -> list[Figure]:
    """Draw networks for one input whose mean square is 1, as E[M] then is in every layer."""
    found = []
    for widths in ([50] * 5, [20, 40, 60, 80, 100]):
        x = np.ones(10)
        nets = relu_networks([10, *widths], networks)
        squares = [np.mean(net.feedforward(x) ** 2) ** 2 for net in nets]
        expected = math.prod(1 + 5 / n for n in widths)
        what = f"widths {', '.join(map(str, widths))}"
        found.append(measured(what, expected, squares))
    return found


@row("random-walk", "random-walk gain for ReLU", "Sussillo and Abbott 2014, arXiv 1412.6558")
def random_walk(networks: int = 200, depth: int = 50) -> list[Figure]:
    """Compute the gain, and measure the one that keeps the mean logarithm of the length."""
    found = []
    for n, published in {100: 1.43171, 300: 1.41993}.items():
        gain = math.sqrt(2) * math.exp(1.2 / (max(n, 6) - 2.4))
        found.append(Figure(f"N = {n}, formula", published, gain))
        x = np.ones(n)
        nets = relu_networks([n] * (depth + 1), networks, initializer=normal(gain**2))
        lengths = [np.linalg.norm(net.feedforward(x)) / math.sqrt(n) for net in nets]
        needed = gain * np.exp(-np.log(lengths) / depth)
        found.append(measured(f"N = {n}, measured over {depth} layers", published, needed))
    return found


# ---- sigmoid, SELU


@row("kumar", "√N times the standard deviation for sigmoid layers", "Kumar 2017, arXiv 1704.08863")
def kumar() -> list[Figure]:
    """Keep the variance of activations to first order around a weighted input of 0."""
    ours = 1 / float(sigmoid_prime(0.0) * np.sqrt(1 + sigmoid(0.0) ** 2))
    return [Figure("from the sigmoid and its derivative at 0", 3.5777, ours)]


# ---- deep linear networks

#: Strengths of the modes, and of each at the start.
MODES = np.array([4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0])
FIRST = 0.001


class Course(NamedTuple):
    """The strength of every mode at each time, in fastnet and by the formula."""

    times: Array
    ours: Array
    formula: Array


def strength(times: Array) -> Array:
    """Return u(t) of every mode by Saxe's formula, in units of tau."""
    growth = np.exp(2 * times[:, None] * MODES)
    return np.asarray(MODES * growth / (growth - 1 + MODES / FIRST))


def linear_network(eta: float = 0.001, times: int = 60, end: float = 6.0) -> Course:
    """Train a linear network with one hidden layer, from a balanced start, by full batches.

    The inputs are white, and come with both signs, so that the biases stay 0; tau is 1 / eta steps.
    """
    n = len(MODES)
    squares = drawn([n, n], 3, activation="identity", initializer="orthogonal")
    left, middle, right = (net.weights[0].copy() for net in squares)
    net = Network([n, n, n], activation="identity", output="identity", **QUADRATIC)
    first = math.sqrt(FIRST)
    net.weights = [first * middle @ right.T, first * left @ middle.T]
    X = math.sqrt(n) * np.vstack([np.eye(n), -np.eye(n)])
    data = net.prepare((X, X @ (left * MODES @ right.T).T))
    steps = round(end / eta / times)
    ours = [np.full(n, FIRST)]
    for _ in range(times):
        net.train(data, steps, None, optimizer=SGD(eta), shuffle=False)
        ours.append(np.diag(left.T @ net.weights[1] @ net.weights[0] @ right).copy())
    t = eta * steps * np.arange(times + 1)
    return Course(t, np.array(ours), strength(t))


@row(
    "deep-linear",
    "strength of a mode in a linear network with one hidden layer",
    "Saxe et al. 2014, arXiv 1312.6120, figure 2 left",
)
def deep_linear(eta: float = 0.001) -> list[Figure]:
    """Compare a training with the formula, for small eta."""
    course = linear_network(eta)
    found = []
    for mode in (0, 2, 4, 6):  # where the formula gives about half of the strength
        place = int(np.argmin(np.abs(course.formula[:, mode] - MODES[mode] / 2)))
        what = f"s = {MODES[mode]:g}, t = {course.times[place]:.1f} τ"
        found.append(Figure(what, course.formula[place, mode], course.ours[place, mode]))
    farthest = float((np.abs(course.ours - course.formula) / MODES).max())
    return [*found, Figure("largest |difference| / s of 7 modes over 6 τ", 0.0, farthest)]


# ---- the program


def table(found: dict[str, tuple[float, list[Figure]]]) -> str:
    """Return the figures, with the time that each row took."""
    headings = ["row", "figure", "published", "fastnet", "seconds", "source"]
    rows = []
    for name, (seconds, figures) in found.items():
        for place, figure in enumerate(figures):
            first = place == 0
            rows.append(
                [
                    f"`{name}`",
                    figure.what,
                    f"{figure.published:.6g}",
                    f"{figure.ours:.6g}" + (f" ± {figure.margin:.2g}" if figure.margin else ""),
                    f"{seconds:.1f}" if first else "",
                    ROWS[name].source if first else "",
                ]
            )
    return render(headings, rows, markdown=True)


def main() -> int:
    """Run the rows that the command line names."""
    parser = argparse.ArgumentParser(description="What papers print about starting weights.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; or all")
    parser.add_argument("--json", metavar="FILE", help="write every figure here")
    args = parser.parse_args()
    names = list(ROWS) if args.rows == ["all"] else args.rows
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}.")
    if not names:
        print("\n".join(f"{name:<18}{entry.what} ({entry.source})" for name, entry in ROWS.items()))
        return 0
    found = {}
    for name in names:
        start = time.perf_counter()
        figures = ROWS[name].figures()
        found[name] = time.perf_counter() - start, figures
        print(f"{name}: {found[name][0]:.1f} s", file=sys.stderr)
    print(table(found))
    if args.json:
        record = {
            name: {"seconds": seconds, "figures": [figure._asdict() for figure in figures]}
            for name, (seconds, figures) in found.items()
        }
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({**machine.describe(["numpy"]), "rows": record}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
