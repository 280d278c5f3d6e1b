"""Compute and measure the figures that papers publish about starting weights, beside theirs.

Run it as: python bench/initialization.py               (which lists the rows)
           python bench/initialization.py born-dead deep-linear
           python bench/initialization.py all --json FILE
           python bench/initialization.py trainable-depth --store FOLDER --chart FILE

`all` leaves out the two rows that train on MNIST for half an hour. docs/initialization.md has the
table.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from fastnet import SGD, Network, reference
from fastnet.activations import sigmoid, sigmoid_prime
from fastnet.diagnostics import critical_sigma_w, mean_field
from fastnet.diagnostics.mean_field import correlation_map, length_map, slope
from fastnet.initializers import Normal, VarianceScaling
from numpy.typing import NDArray

import machine
from figures import ROWS, Figure, measured, row, table
from trainable_depth import PAPER, SCHOENHOLZ, TRAINED, as_text, draw, trained

Array = NDArray[Any]


# ---- networks at the start

QUADRATIC: dict[str, Any] = {"cost": "quadratic", "bias_initializer": "zeros"}


def drawn(sizes: list[int], networks: int, rng: Any = 0, **options: Any) -> Iterator[Network]:
    """Yield the same network again and again, each time with new weights."""
    net = Network(sizes, rng=rng, **QUADRATIC | options)
    yield net
    for _ in range(networks - 1):
        net.initialize()
        yield net


def relu_networks(sizes: list[int], networks: int, **options: Any) -> Iterator[Network]:
    """Yield networks of ReLU layers without biases; their output is the last hidden layer."""
    options = {"initializer": "he_normal", **options}
    return drawn(sizes, networks, activation="relu", output="relu", **options)


# ---- singular values


@row(
    "singular-values",
    "mean singular value of a square layer",
    "Glorot and Bengio 2010, section 4.2.1",
)
def singular_values(width: int = 1000, layers: int = 4) -> list[Figure]:
    """Draw square layers; the expected means are those of the quarter circle law."""
    kinds = {
        "normalized, variance 1/n (they: about 0.8)": ("default", 0.84883),  # 8 / (3 pi)
        "standard, uniform in ±1/√n (they: about 0.5)": ("uniform", 0.49007),  # 8 / (3 pi √3)
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
    """Return the expected mean fourth power of the singular values of a Gaussian product.

    With M from the layers below, E tr (W M W^T)^2 and E (tr W M W^T)^2 follow from Wick's theorem.
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

    The distance to the edge of the spectrum scales as width^(-2/3).
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


# ---- mean field theory


POOLE = "Poole et al. 2016, arXiv 1606.05340"


@row("critical", "critical variance of the weights, sigma_w², and q* there, tanh", SCHOENHOLZ)
def critical() -> list[Figure]:
    """Compute the border between order and chaos for three variances of the biases."""
    published = {
        0.05: (1.760955, 0.570048), 0.09: (1.947655, 0.763475), 2.01e-5: (1.049996, 0.025919),
    }  # fmt: skip
    found = []
    for variance, (weights, length) in published.items():
        sigma_w = critical_sigma_w("tanh", math.sqrt(variance))
        field = mean_field("tanh", sigma_w, math.sqrt(variance))
        found.append(Figure(f"sigma_b² = {variance:g}, sigma_w²", weights, sigma_w**2))
        found.append(Figure(f"sigma_b² = {variance:g}, q*", length, field.q_star))
    sigma_w = critical_sigma_w("relu", 0.0)
    found.append(Figure("relu, sigma_b = 0, sigma_w² (He et al. 2015)", 2.0, sigma_w**2))
    for q in (0.01, 100.0):
        what = f"relu, sigma_w² = 3, q = {q:g}, chi_1 = sigma_w² / 2"
        found.append(Figure(what, 1.5, slope("relu", q, math.sqrt(3))))
    return found


@row("order-chaos", "fixed points of length and correlation, and slope, tanh", POOLE)
def order_chaos() -> list[Figure]:
    """Compute the theory of Poole's figures 1 and 2: sigma_b = 0.3, in order and in chaos."""
    published = {
        1.3: (0.607047, 0.939807, 1.0),
        2.5: (4.079124, 1.585225, 0.122104),
        4.0: (12.604149, 2.367261, 0.029696),
    }
    found = []
    for sigma_w, figures in published.items():
        field = mean_field("tanh", sigma_w, 0.3)
        ours = field.q_star, field.chi_1, field.c_star
        for name, figure, value in zip(("q*", "chi_1", "c*"), figures, ours, strict=True):
            found.append(Figure(f"sigma_w = {sigma_w}, {name}", figure, value))
    return found


@row("depth-scale", "depth scale xi_c, tanh, sigma_b² = 0.05", SCHOENHOLZ)
def depth_scale() -> list[Figure]:
    """Compute the depth scale on both sides of the critical line."""
    published = {
        1: 3.6270, 1.25: 6.7998, 1.5: 15.7910, 1.7: 74.918,
        2: 25.2134, 2.5: 11.7956, 3: 9.0515, 4: 6.9803,
    }  # fmt: skip
    return [
        Figure(
            f"sigma_w² = {variance:g}", figure, mean_field("tanh", variance**0.5, 0.05**0.5).xi_c
        )
        for variance, figure in published.items()
    ]


def lengths_and_correlations(
    sigma_w: float, layers: int, networks: int, width: int = 1000
) -> tuple[list[float], list[float]]:
    """Return q and c of two inputs after a number of tanh layers, one value per network.

    The inputs have mean squares of 1 and a correlation of 0.5.
    """
    half = width // 2
    X = np.array([np.ones(2 * half), np.repeat([1.0, -1.0], half)]).T @ [[1, 0.5], [0, 0.75**0.5]]
    nets = drawn(
        [2 * half, *[width] * layers],
        networks,
        activation="tanh",
        output="identity",
        initializer=VarianceScaling(sigma_w**2),
        bias_initializer=Normal(0.3),
    )
    q, c = [], []
    for net in nets:
        z = net.feedforward(X.T)
        covariance = z @ z.T / width
        q.append(covariance.trace() / 2)
        c.append(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]))
    return q, c


@row("random-networks", "q and c of the weighted inputs in layer 5 of random networks", POOLE)
def random_networks(networks: int = 30, width: int = 1000) -> list[Figure]:
    """Draw networks of 1,000 tanh units, for Poole's figures 1 and 2, where sigma_b = 0.3."""
    found = []
    for sigma_w in (1.3, 2.5, 4.0):
        q, c = sigma_w**2 + 0.09, (0.5 * sigma_w**2 + 0.09) / (sigma_w**2 + 0.09)  # layer 1
        for _ in range(4):
            c = correlation_map("tanh", c, q, sigma_w, 0.3)
            q = length_map("tanh", q, sigma_w, 0.3)
        lengths, correlations = lengths_and_correlations(sigma_w, 5, networks, width)
        found.append(measured(f"sigma_w = {sigma_w}, q of theory and networks", q, lengths))
        found.append(measured(f"sigma_w = {sigma_w}, c of theory and networks", c, correlations))
    return found


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
    """Draw networks for an input with mean square 1; E[M] is then 1 in every layer."""
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
    """Compute the gain, and measure the gain that keeps the mean logarithm of the length."""
    found = []
    for n, published in {100: 1.43171, 300: 1.41993}.items():
        gain = math.sqrt(2) * math.exp(1.2 / (max(n, 6) - 2.4))
        found.append(Figure(f"N = {n}, formula", published, gain))
        x = np.ones(n)
        nets = relu_networks([n] * (depth + 1), networks, initializer=VarianceScaling(gain**2))
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


@row(
    "selu",
    "fixed point of mean and variance, SELU",
    "Klambauer et al. 2017, arXiv 1706.02515",
)
def selu() -> list[Figure]:
    """Integrate over inputs of mean 0 and variance 1, from weights of mean 0 and variance 1 / n.

    Then the means of the inputs do not matter, and the map's Jacobian has only the derivatives with
    respect to the variance.
    """
    x, w = np.polynomial.legendre.leggauss(100)
    z = np.concatenate([6 * x - 6, 6 * x + 6])  # a rule on each side of the kink
    w = np.tile(6 * w, 2) * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    a = reference.ACTIVATIONS["selu"].fn(z)
    by_variance = [0.5 * np.sum(w * (z * z - 1) * moment) for moment in (a, a * a)]
    return [
        Figure("mean", 0.0, float(np.sum(w * a))),
        Figure("variance", 1.0, float(np.sum(w * a * a) - np.sum(w * a) ** 2)),
        Figure("norm of the Jacobian of the map of both", 0.7877, float(np.hypot(*by_variance))),
    ]


@row("lsuv", "LSUV, 10 tanh layers, 500 rows", "Mishkin and Matas 2016, arXiv 1511.06422")
def lsuv(depth: int = 10, width: int = 100) -> list[Figure]:
    """Scale orthonormal weights on data of variance 9 until |variance - 1| < 0.1."""
    a = np.random.default_rng(0).normal(1.0, 3.0, (500, width))
    net = Network(
        [width] * (depth + 1),
        activation="tanh",
        output="identity",
        initializer="lsuv",
        rng=0,
        **QUADRATIC,
    )
    net.initialize(data=a)
    farthest, values = 0.0, []
    for w in net.weights:
        z = a @ w.T
        a = np.tanh(z)
        farthest = max(farthest, abs(float(z.var()) - 1))
        values.append(np.linalg.svd(w, compute_uv=False))
    ratio = max(float(s[0] / s[-1]) for s in values)
    return [
        Figure("largest |variance - 1| of a layer's weighted inputs, at most", 0.1, farthest),
        Figure("largest ratio of a layer's singular values", 1.0, ratio),
    ]


# ---- deep linear networks

#: Strengths of the modes, and of each at the start.
MODES = np.array([4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0])
FIRST = 0.001


class Course(NamedTuple):
    """The strength of every mode at each time, in fastnet and from the formula."""

    times: Array
    ours: Array
    formula: Array


def strength(times: Array) -> Array:
    """Return u(t) of every mode from Saxe's formula; times are in units of tau."""
    growth = np.exp(2 * times[:, None] * MODES)
    return np.asarray(MODES * growth / (growth - 1 + MODES / FIRST))


def linear_network(eta: float = 0.001, times: int = 60, end: float = 6.0) -> Course:
    """Train a linear network with one hidden layer, from balanced weights, on full batches.

    The inputs are white and have both signs, so that the biases stay 0; tau is 1 / eta steps.
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


def main() -> int:
    """Run the rows that the command line names."""
    parser = argparse.ArgumentParser(description="Published figures about starting weights.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"from {', '.join(ROWS)}; or all")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    parser.add_argument("--store", metavar="FOLDER", help="store trainings here, to continue later")
    parser.add_argument("--chart", metavar="FILE", help="draw the accuracies of trainable-depth")
    args = parser.parse_args()
    quick = [name for name in ROWS if name not in TRAINED]
    names = quick if args.rows == ["all"] else args.rows
    if args.chart and "trainable-depth" not in names:
        parser.error("--chart draws the row trainable-depth; add that row.")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"row {unknown[0]!r} is unknown; the rows are {', '.join(ROWS)}.")
    if not names:
        print("\n".join(f"{name:<18}{entry.what} ({entry.source})" for name, entry in ROWS.items()))
        return 0
    found = {}
    for name in names:
        start = time.process_time()
        figures = ROWS[name].figures(**({"store": args.store} if name in TRAINED else {}))
        found[name] = time.process_time() - start, figures
        print(f"{name}: {found[name][0]:.1f} CPU seconds", file=sys.stderr)
    print(table(found))
    for name in found.keys() & TRAINED.keys():
        print(f"\n{as_text(trained(TRAINED[name], args.store), TRAINED[name])}")
    if args.chart:
        draw(trained(PAPER, args.store), PAPER, args.chart)
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
