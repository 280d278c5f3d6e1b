"""Pictures of signal propagation, and the phase diagram of mean field theory."""

import math
import sys

import numpy as np
import pytest

from fastnet import plotting
from fastnet.diagnostics import propagation

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

SIZES, NAMES = [60] * 11, ("he_normal", "glorot_normal", "large")


@pytest.fixture(scope="module")
def results():
    return [propagation(SIZES, initializer=name, activation="relu", rng=0) for name in NAMES]


def _ones(rng, shape):
    return np.ones(shape)


def axes(size=(6.4, 4.8)):
    return Figure(figsize=size, layout="constrained").add_subplot()


def curves(ax):
    """Return measured curves by name, and those of theory."""
    lines = ax.get_lines()
    theory = [line for line in lines if line.get_color() == "black"]
    return {line.get_label(): line for line in lines if line not in theory}, theory


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def ends(band):
    """Return lower and upper ends of a band at each x."""
    vertices = band.get_paths()[0].vertices
    found = [vertices[vertices[:, 0] == x, 1] for x in sorted({*vertices[:, 0]})]
    return np.array([(y.min(), y.max()) for y in found])


@pytest.mark.parametrize("name", ["var_z", "var_a", "var_delta", "gradient_norm", "saturated"])
def test_each_initializer_has_a_curve_with_its_interval(results, name):
    stats = pytest.importorskip("scipy.stats", reason="SciPy, the oracle, is missing")
    ax = axes()
    assert plotting.propagation(ax, results, name) is ax
    found, theory = curves(ax)
    assert list(found) == list(NAMES)
    assert (ax.get_xlabel(), ax.get_yscale()) == (
        "layer",
        "linear" if name == "saturated" else "log",
    )
    low_end, high_end = ax.get_ylim()
    for result, line, band in zip(results, found.values(), ax.collections, strict=True):
        samples = result.records[name]
        mean, margin = samples.mean(axis=0), stats.t.ppf(0.975, 7) * stats.sem(samples, axis=0)
        x, y = line.get_data()
        assert x.tolist() == list(range(1, 11))
        np.testing.assert_allclose(y, mean)
        low, high = mean - margin, mean + margin
        drawn = ends(band)
        np.testing.assert_allclose(drawn[:, 1], high)
        above = (low > 0) | (name == "saturated")
        np.testing.assert_allclose(drawn[above, 0], low[above])
        assert (drawn[~above, 0] < low_end).all()  # and goes on below the picture
        assert low_end <= mean.min()
        assert mean.max() <= high_end
    expected = [result.theory(name) for result in results]
    known = [values for values in expected if np.isfinite(values).any()]
    assert len(theory) == len(known)
    assert len(known) == 3 or not name.startswith("var_")
    for line, values in zip(theory, known, strict=True):
        np.testing.assert_allclose(line.get_ydata(), values)
    assert names(ax) == [*NAMES, *(["theory"] if theory else [])]


def test_theory_is_dashed_beside_each_curve(results):
    # He et al. 2015: a ReLU layer of n units multiplies the variance by n var(w) / 2.
    factors = {"he_normal": 1.0, "glorot_normal": 0.5, "large": 30.0}
    for name, direction in (("var_z", 1), ("var_delta", -1)):
        _, theory = curves(plotting.propagation(axes(), results, name))
        for line, factor in zip(theory, factors.values(), strict=True):
            assert line.is_dashed()
            assert line.get_marker() == "None"
            y = line.get_ydata()[::direction]
            # That has biases of variance 1, too.
            bias = 1 if (name, factor) == ("var_z", 30.0) else 0
            np.testing.assert_allclose(y[1:], factor * y[:-1] + bias, rtol=1e-6)


def test_names_may_be_given_and_an_initializer_keeps_its_look(results):
    ax = plotting.propagation(axes(), {"he_normal": results[0], "mine": results[1]})
    assert names(ax) == ["he_normal", "mine", "theory"]
    other = plotting.learning_curves(axes(), {"he_normal": [1.0], "large": [2.0]}, "y")
    look = [(to_hex(line.get_color()), line.get_marker()) for line in ax.get_lines()[:1]]
    assert look == [(to_hex(li.get_color()), li.get_marker()) for li in other.get_lines()[:1]]
    assert names(plotting.propagation(axes(), results[2])) == ["large", "theory"]


def test_without_band_or_theory_where_they_are_unknown():
    one = propagation([8, 8, 8], initializer=_ones, activation="tanh", seeds=1, rng=0)
    ax = plotting.propagation(axes(), one)
    assert (len(ax.get_lines()), len(ax.collections)) == (1, 0)
    assert names(ax) == ["ones"]  # Matplotlib leaves labels with an underscore out


@pytest.mark.filterwarnings("error")
def test_values_that_a_logarithmic_scale_cannot_show_are_left_out(results):
    zeros = propagation(SIZES, initializer="zeros", activation="relu", rng=0)
    ax = plotting.propagation(axes(), [zeros, results[0]])
    ax.figure.draw_without_rendering()
    found, _ = curves(ax)
    assert np.isnan(found["zeros"].get_ydata()).all()
    assert 0.1 < ax.get_ylim()[0] < ax.get_ylim()[1] < 100
    plotting.propagation_figure(zeros).draw_without_rendering()
    # 600 layers of variance 1 leave the range of floats.
    huge = propagation([30] * 120, initializer=1e5, activation="identity", seeds=2, rng=0)
    figure = plotting.propagation_figure(huge)
    figure.draw_without_rendering()
    assert all(np.isfinite(ax.get_ylim()).all() for ax in figure.axes)


def test_the_figure_has_a_panel_for_each_direction(results):
    figure = plotting.propagation_figure(results)
    forward, backward = figure.axes
    assert figure.get_suptitle() == "Propagation, 11*60, relu, 8 seeds"
    assert forward.get_ylabel() == "variance of $z$"
    assert backward.get_ylabel() == r"variance of $\delta$"
    np.testing.assert_allclose(
        curves(backward)[0]["large"].get_ydata(), results[2].records["var_delta"].mean(axis=0)
    )
    assert names(forward) == [*NAMES, "theory"]
    assert backward.get_legend() is None
    mixed = propagation([4, 4, 3, 3, 2], initializer="default", activation="tanh", seeds=1, rng=0)
    alone = plotting.propagation_figure(mixed).get_suptitle()
    assert alone == "Propagation, 2*4-2*3-2, tanh, 1 seed"
    assert not plotting.propagation_figure([results[0], mixed]).get_suptitle()


@pytest.mark.parametrize("size", [(3, 2), (6.4, 4.8), (14, 10)])
@pytest.mark.parametrize("kind", ["propagation", "phases"])
def test_the_legend_stays_inside_and_under_the_title_at_any_size(results, size, kind):
    ax = axes(size)
    if kind == "propagation":
        plotting.propagation(ax, results)
    else:
        plotting.phase_diagram(ax, "tanh", [(1.0, 1.0)])
    ax.set_title("A title")
    ax.figure.draw_without_rendering()
    legend, page = ax.get_legend().get_window_extent(), ax.figure.bbox
    assert 0 <= legend.x0 < legend.x1 <= page.x1
    assert ax.get_window_extent().y1 - 1 <= legend.y0
    assert legend.y1 <= ax.title.get_window_extent().y0 + 0.5
    # The label fits beside the curves, which have a good part of the picture.
    assert ax.yaxis.label.get_window_extent().height <= page.height
    assert ax.get_window_extent().height > 0.35 * page.height


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ([], ValueError, "results is empty"),
        ({}, ValueError, "results is empty"),
        ([3], TypeError, "results contains 3; expected a Propagation"),
        (3, TypeError, "results is 3; expected a Propagation or several"),
    ],
)
def test_arguments_that_are_not_results_are_refused(given, error, sentence):
    with pytest.raises(error, match=sentence):
        plotting.propagation(axes(), given)
    with pytest.raises(error, match=sentence):
        plotting.propagation_figure(given)


def test_other_refusals(results):
    with pytest.raises(ValueError, match="two results have the initializer he_normal; give a dict"):
        plotting.propagation(axes(), results + results[:1])
    with pytest.raises(ValueError, match="name is 'var_y'"):
        plotting.propagation(axes(), results, "var_y")


def test_without_matplotlib_the_figure_says_what_to_install(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install 'fastnet-mlp"):
        plotting.propagation_figure(results)


# the phase diagram


def test_the_critical_line_of_tanh_is_schoenholz_s():
    # Critical sigma_w^2 at sigma_b^2 = 0.05 and 0.09, from an independent quadrature.
    between = (math.sqrt(0.05), math.sqrt(0.09))
    ax = plotting.phase_diagram(axes(), "tanh", sigma_b=between)
    (line,) = ax.get_lines()
    w, b = line.get_data()
    assert (b[0], b[-1]) == between
    assert (w[0] ** 2, w[-1] ** 2) == pytest.approx((1.760955, 1.947655), abs=1e-6)
    assert ax.get_ylim() == between
    assert names(ax) == [r"order, $\chi_1 < 1$", r"chaos, $\chi_1 > 1$", "critical line"]


def test_order_is_left_and_chaos_right():
    ax = plotting.phase_diagram(axes(), "tanh")
    order, chaos = (band.get_paths()[0] for band in ax.collections)
    # Poole et al. 2016, figure 1: sigma_b = 0.3 with these sigma_w has chi_1 0.94, 1.59 and 2.37.
    assert [order.contains_point((w, 0.3)) for w in (1.3, 2.5)] == [True, False]
    assert [chaos.contains_point((w, 0.3)) for w in (1.3, 2.5)] == [False, True]
    ax = plotting.phase_diagram(axes(), "relu", sigma_w=(0.5, 4))
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), math.sqrt(2))
    assert ax.get_xlim() == (0.5, 4)


def test_points_are_drawn_in_the_colours_of_their_values():
    ax = plotting.phase_diagram(
        axes(), "tanh", [(1.3, 0.3, 0.94), (2.5, 0.3, 1.59), (4.0, 2.5, 2.37)], label="chi"
    )
    points = ax.collections[-1]
    assert points.get_offsets().tolist() == [[1.3, 0.3], [2.5, 0.3], [4.0, 2.5]]
    assert points.get_array().tolist() == [0.94, 1.59, 2.37]
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == "chi"
    assert ax.get_xlim()[1] > 4
    assert ax.get_ylim()[1] > 2.5
    plain = plotting.phase_diagram(axes(), "relu", [(1, 1)], label="mine")
    assert names(plain)[-1] == "mine"
    assert len(plain.figure.axes) == 1


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"activation": "soft"}, ValueError, "activation is 'soft'"),
        ({"activation": "exponential"}, ValueError, "exponential has no critical sigma_w"),
        ({"sigma_b": (2, 1)}, ValueError, r"sigma_b is \(2, 1\); expected 0 or more, the smaller"),
        ({"sigma_w": (-1, 1)}, ValueError, r"sigma_w is \(-1, 1\)"),
        ({"sigma_w": 3}, TypeError, r"sigma_w is 3; expected \(lowest, highest\)"),
        ({"points": [1, 2]}, ValueError, r"points has shape \(2,\)"),
        ({"points": np.empty((0, 2))}, ValueError, r"points has shape \(0, 2\)"),
        ({"points": [(1, math.nan)]}, ValueError, "NaN, infinite or below 0"),
        ({"points": [(-1, 1)]}, ValueError, "NaN, infinite or below 0"),
    ],
)
def test_a_phase_diagram_refuses_what_it_cannot_draw(options, error, sentence):
    ax = axes()
    with pytest.raises(error, match=sentence):
        plotting.phase_diagram(ax, **{"activation": "tanh"} | options)
    assert not ax.has_data()
