"""Published figures about starting weights, from the program that docs/initialization.md names.

Measured figures use fewer networks than the table of that page, with fixed seeds. They must agree
within three standard errors, their own and the published figure's combined.
"""

import importlib
import json
import math
import re
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special, stats

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def bench():
    """Return the program as a module; the programs of bench/ import one another by plain names."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module("initialization")
    finally:
        sys.path.remove(str(BENCH))


def assert_near(figure, expected, error=0.0):
    """Compare a measured figure with an expectation that has a standard error."""
    assert figure.margin > 0, figure
    assert abs(figure.ours - expected) <= 3 * math.hypot(figure.margin / 1.96, error), figure


def test_mean_singular_values_of_square_layers(bench):
    normalized, standard = bench.singular_values(width=300)
    quarter_circle = 8 / (3 * math.pi)
    assert normalized.published == pytest.approx(quarter_circle, abs=5e-6)
    assert standard.published == pytest.approx(quarter_circle / math.sqrt(3), abs=5e-6)
    for figure in (normalized, standard):
        assert_near(figure, figure.published, error=0.3 / 300)  # of order 1 / width
        assert figure.margin < 0.005


def largest_of_free_products(depth):
    """Return what the moments of the squared singular values grow by, c x^k k^(-3/2) for large k.

    The k-th moment of Gaussian layers of infinite width is a Fuss-Catalan number.
    """
    before, after = (Fraction(math.comb((depth + 1) * k, k), depth * k + 1) for k in (399, 400))
    return float(after / before) * (400 / 399) ** 1.5


def test_products_of_layers(bench):
    *limits, narrow, wide, extrapolated, squares, smallest, largest = bench.products(200, 20)
    for depth, figure in zip((10, 50, 100), limits, strict=True):
        assert figure.ours == pytest.approx(largest_of_free_products(depth), rel=1e-5)
        assert figure.ours == pytest.approx(figure.published, rel=1e-5)
    assert narrow.ours + narrow.margin < wide.ours < limits[0].published
    assert_near(extrapolated, 28.5312, error=1.0)  # of order width^(-4/3)
    assert_near(squares, bench.mean_square(10, 50))
    assert smallest.ours == pytest.approx(1, abs=1e-12)
    assert largest.ours == pytest.approx(1, abs=1e-12)


def test_the_mean_square_of_products_at_finite_width(bench):
    """One layer: 2 + 1/n; infinite width: the Fuss-Catalan number L + 1."""
    assert bench.mean_square(1, 7) == pytest.approx(2 + 1 / 7)
    assert bench.mean_square(10, 10**9) == pytest.approx(11)


#: The same experiment in NumPy alone, with a million networks for each.
BORN_DEAD = {
    "N = 2, L = 10": (0.91024, 0.00029),
    "N = 2, L = 5": (0.62137, 0.00049),
    "N = 3, L = 10": (0.63103, 0.00048),
    "N = 4, L = 10": (0.33661, 0.00047),
}


def test_relu_networks_that_are_born_dead(bench):
    figures = bench.born_dead(networks=3_000)
    assert [figure.what for figure in figures] == list(BORN_DEAD)
    for figure, (width, depth) in zip(figures, [(2, 10), (2, 5), (3, 10), (4, 10)], strict=True):
        share = figure.published
        assert figure.margin == pytest.approx(
            1.96 * math.sqrt(share * (1 - share) / 3_000), rel=0.1
        )
        assert_near(figure, share, error=0.003)
        assert_near(figure, *BORN_DEAD[figure.what])
        assert figure.ours <= 1 - (1 - 2.0**-width) ** (depth - 1)  # Lu et al.'s upper bound
    assert figures[0].ours > 0.9  # "over 90 %"


def test_the_fluctuation_of_the_mean_square_activation(bench):
    for figure in bench.fluctuation(networks=4_000):
        assert figure.margin < 0.1 * figure.ours
        assert_near(figure, figure.published)


def test_the_random_walk_gain(bench):
    """The formula is a fit; the length's mean logarithm is exact by the digamma function."""
    for n, computed, walked in zip((100, 300), *[iter(bench.random_walk(50, 20))] * 2, strict=True):
        assert round(computed.ours, 5) == computed.published
        k = np.arange(1, n + 1)  # units that are active
        logarithm = special.digamma(k / 2) + math.log(2 / n)
        exact = math.exp(-0.5 * np.sum(stats.binom.pmf(k, n, 0.5) * logarithm))
        assert exact == pytest.approx(computed.published, rel=1e-3)
        assert walked.margin < 0.02
        assert_near(walked, exact)


def test_the_start_of_sigmoid_layers(bench):
    (figure,) = bench.kumar()
    assert figure.ours == pytest.approx(math.sqrt(12.8), rel=1e-12)
    assert round(figure.ours, 4) == figure.published


def selu_moments(variance):
    """Return mean and variance after SELU of a Gaussian input; Klambauer's equations 4 and 5."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    once = math.exp(variance / 2) * special.erfc(math.sqrt(variance / 2))
    twice = math.exp(2 * variance) * special.erfc(math.sqrt(2 * variance))
    mean = scale / 2 * (math.sqrt(2 * variance / math.pi) + alpha * (once - 1))
    square = scale**2 / 2 * (alpha**2 * (twice - 2 * once + 1) + variance)
    return np.array([mean, square - mean**2])


def test_the_fixed_point_of_selu(bench):
    mean, variance, norm = bench.selu()
    assert (mean.ours, variance.ours) == (pytest.approx(0, abs=1e-9), pytest.approx(1, abs=1e-9))
    assert selu_moments(1.0) == pytest.approx([0, 1], abs=1e-9)
    by_variance = (selu_moments(1 + 1e-5) - selu_moments(1 - 1e-5)) / 2e-5
    assert norm.ours == pytest.approx(np.hypot(*by_variance), abs=1e-7)
    assert round(norm.ours, 4) == norm.published


def test_lsuv_scales_orthonormal_weights_to_unit_variance(bench):
    variance, ratio = bench.lsuv(depth=6, width=40)
    assert 0 < variance.ours < 0.1
    assert ratio.ours == pytest.approx(1, abs=1e-12)


def test_a_deep_linear_network_learns_its_modes_by_the_formula(bench):
    """Half the strength of a mode is reached after tau / (2 s) ln(s / u0 - 1); Saxe et al. 2014."""
    halves = np.log(bench.MODES / bench.FIRST - 1) / (2 * bench.MODES)
    assert np.diag(bench.strength(halves)) == pytest.approx(bench.MODES / 2, rel=1e-9)
    coarse, fine = (bench.deep_linear(eta)[-1].ours for eta in (0.004, 0.002))
    assert 0 < fine < 0.01
    assert coarse / fine == pytest.approx(2, rel=0.1)  # the difference is that of finite steps


# ---- mean field theory

#: Nodes and weights of a standard normal variable; the trapezoidal rule is exact for smooth ones.
Z = np.linspace(-9, 9, 601)
GAUSS = np.exp(-0.5 * Z * Z) / np.sqrt(2 * np.pi) * (Z[1] - Z[0])


def mean_of_product(f, q, c=1.0):
    """Return the mean of f(z1) f(z2) for weighted inputs of variance q and correlation c."""
    z1 = math.sqrt(q) * Z[:, None]
    z2 = math.sqrt(q) * (c * Z[:, None] + math.sqrt(1 - c * c) * Z)
    return GAUSS @ (f(z1) * f(z2)) @ GAUSS


@pytest.mark.parametrize(
    ("row", "figures"), [("critical", 9), ("order-chaos", 9), ("depth-scale", 8)]
)
def test_mean_field_figures(bench, row, figures):
    """To the digits of the papers' experiments, worked out again by other quadratures."""
    found = bench.ROWS[row].figures()
    assert len(found) == figures
    for figure in found:
        digits = {"critical": 1e-6, "order-chaos": 1e-6, "depth-scale": 1e-3}[row]
        assert figure.ours == pytest.approx(figure.published, abs=0.51 * digits), figure


def test_gauss_hermite_of_201_nodes_is_inexact_in_chaos(bench):
    """It has given 12.603360, 2.374917 and 0.029718 where docs/initialization.md has others."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    weights /= weights.sum()

    def next_length(q):
        return 16 * weights @ np.tanh(math.sqrt(q) * nodes) ** 2 + 0.09

    q = optimize.brentq(lambda q: next_length(q) - q, 1, 30)
    slope = 16 * weights @ np.cosh(math.sqrt(q) * nodes) ** -4.0
    assert (q, slope) == (pytest.approx(12.603360, abs=1e-6), pytest.approx(2.374917, abs=1e-6))
    length, chi, _ = bench.order_chaos()[-3:]
    assert [length.ours / q - 1, chi.ours / slope - 1] == pytest.approx([6.3e-5, -3.2e-3], rel=0.02)


def test_fixed_points_are_fixed_points(bench):
    figures = iter(bench.order_chaos())
    for sigma_w in (1.3, 2.5, 4.0):
        q, chi, c = (next(figures).ours for _ in range(3))
        assert sigma_w**2 * mean_of_product(np.tanh, q) + 0.09 == pytest.approx(q, rel=1e-9)
        assert (sigma_w**2 * mean_of_product(np.tanh, q, c) + 0.09) / q == pytest.approx(
            c, rel=1e-6
        )
        slope = sigma_w**2 * mean_of_product(lambda z: 1 / np.cosh(z) ** 2, q)
        assert slope == pytest.approx(chi, rel=1e-9)


def test_random_networks_lie_on_the_curves(bench):
    """Poole's figure 1: the first layers, each within the standard error of its networks."""
    q, c = 1.0, 0.5
    for layer in range(1, 5):
        f = np.tanh if layer > 1 else lambda z: z
        q, c = (6.25 * mean_of_product(f, q, r) + 0.09 for r in (1.0, c))
        c /= q
        lengths, correlations = bench.lengths_and_correlations(2.5, layer, 20, 300)
        for ours, expected in ((lengths, q), (correlations, c)):
            figure = bench.measured("", expected, ours)
            assert_near(figure, expected, error=expected / 300)  # of order 1 / width
            assert figure.margin < 0.1 * q


# ---- trainable depth


@pytest.fixture(scope="module")
def trainable_depth(bench):
    """Return the program's module of trainings, which it has imported."""
    return sys.modules["trainable_depth"]


def test_the_boundary_lies_where_the_accuracy_falls(trainable_depth):
    """Between 10 and 30 layers by a line; not where all depths have learned, or none."""
    experiment = trainable_depth.Experiment("fan_in", (10, 30, 50), (1.25, 2.0, 4.0))
    table = np.array([[0.4, 0.9, 0.1], [0.1, 0.8, 0.1], [0.3, 0.7, 0.1]])
    (found,) = trainable_depth.multiples(table, experiment).items()
    assert found == (1.25, pytest.approx((10 + 20 * 2 / 3) / 6.7998, rel=1e-5))
    assert trainable_depth.learned(table[0], experiment.variances) == (1.25, 2.0)
    assert np.isnan(trainable_depth.learned(table[0] - 0.8, experiment.variances)).all()
    text = trainable_depth.as_text(table, experiment)
    assert text.splitlines()[-1].replace(" ", "") == "|50|30.0|70.0|10.0|"


def test_digits_are_scaled_and_fill_200_mini_batches(trainable_depth):
    X, y = trainable_depth.digits()
    assert (X.shape, X.dtype, y.shape) == ((200 * 256, 784), np.float32, (200 * 256,))
    assert (X.min(), X.max()) == (-0.5, 0.49609375)  # 255 / 256, as the digits are stored


def test_accuracies_are_drawn_over_the_boundary(bench, trainable_depth, tmp_path):
    table = np.linspace(0, 1, 72).reshape(6, 12)
    trainable_depth.draw(table, bench.PAPER, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_networks_learn_on_one_side_of_the_boundary(trainable_depth, tmp_path):
    """The published boundary is at about 4.5 (the replication) or 6 (the paper) times xi_c."""
    experiment = trainable_depth.Experiment("fan_in", (10, 60), (1.24, 1.76, 4.0))
    table = trainable_depth.accuracies(experiment, store=tmp_path)
    for depth, accuracies in zip(experiment.depths, table, strict=True):
        for variance, accuracy in zip(experiment.variances, accuracies, strict=True):
            ratio = depth / trainable_depth.depth_scale(variance)
            assert ratio < 3 or ratio > 8
            assert accuracy > 0.4 if ratio < 3 else accuracy < 0.15, (depth, variance)


# ---- the program


def test_every_row_has_a_source_and_a_command(bench, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["initialization.py"])
    assert bench.main() == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(bench.ROWS)
    assert all(re.search(r"\d{4}", row.source) for row in bench.ROWS.values())


def cells(text):
    """Return the rows of a text's tables, each a tuple of its cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [tuple(map(str.strip, re.split(r"(?<!\\)\|", line)[1:-1])) for line in lines]


def test_the_page_has_every_row_and_what_the_program_computes(bench, capsys, monkeypatch):
    page = cells((BENCH.parent / "docs" / "initialization.md").read_text(encoding="utf-8"))
    assert {row[0].strip("`") for row in page if row[0].startswith("`")} == set(bench.ROWS)
    computed = ["critical", "order-chaos", "depth-scale", "kumar", "selu"]
    monkeypatch.setattr(sys, "argv", ["initialization.py", *computed])
    assert bench.main() == 0
    printed = {row[:4] for row in cells(capsys.readouterr().out)}
    assert len(printed) > 30
    assert printed <= {row[:4] for row in page}


def test_the_table_is_written_from_what_was_measured(bench, capsys, monkeypatch, tmp_path):
    record = tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["initialization.py", "kumar", "--json", str(record)])
    assert bench.main() == 0
    assert "| 3.5777 | 3.5777088 |" in re.sub(" +", " ", capsys.readouterr().out)
    rows = json.loads(record.read_text())["rows"]
    assert rows["kumar"]["figures"][0]["ours"] == pytest.approx(3.57771, abs=1e-5)
    monkeypatch.setattr(sys, "argv", ["initialization.py", "nothing"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "row 'nothing' is unknown" in capsys.readouterr().err
