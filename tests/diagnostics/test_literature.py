"""What papers print about starting weights, by the program that docs/initialization.md names.

Measured figures take fewer networks than the table of that page. They must be within twice their
95 % confidence intervals, and the standard errors of the published figures, of those.
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
from scipy import special, stats

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
    assert abs(figure.ours - expected) <= 2 * math.hypot(figure.margin, 2 * error), figure


def test_mean_singular_values_of_square_layers(bench):
    normalized, standard = bench.singular_values(width=300)
    assert round(normalized.published, 5) == 0.84883
    assert round(standard.published, 5) == 0.49007
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


def test_a_deep_linear_network_learns_its_modes_by_the_formula(bench):
    """Half the strength of a mode is reached after tau / (2 s) ln(s / u0 - 1); Saxe et al. 2014."""
    halves = np.log(bench.MODES / bench.FIRST - 1) / (2 * bench.MODES)
    assert np.diag(bench.strength(halves)) == pytest.approx(bench.MODES / 2, rel=1e-9)
    coarse, fine = (bench.deep_linear(eta)[-1].ours for eta in (0.004, 0.002))
    assert 0 < fine < 0.01
    assert coarse / fine == pytest.approx(2, rel=0.1)  # the difference is that of finite steps


# ---- the program


def test_every_row_has_a_source_and_a_command(bench, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["initialization.py"])
    assert bench.main() == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(bench.ROWS)
    assert all(re.search(r"\d{4}", row.source) for row in bench.ROWS.values())


def test_the_table_is_written_from_what_was_measured(bench, capsys, monkeypatch, tmp_path):
    record = tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["initialization.py", "kumar", "--json", str(record)])
    assert bench.main() == 0
    assert "|    3.5777 | 3.57771 |" in capsys.readouterr().out
    rows = json.loads(record.read_text())["rows"]
    assert rows["kumar"]["figures"][0]["ours"] == pytest.approx(3.57771, abs=1e-5)
    monkeypatch.setattr(sys, "argv", ["initialization.py", "nothing"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "no row 'nothing'" in capsys.readouterr().err
