"""`SweepResult.plot`: means over the repetitions, their bands, and what is refused."""

import sys

import numpy as np
import pytest

from fastnet.history import History
from fastnet.sweeps import Outcome, SweepResult

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.figure import Figure

from fastnet import plotting

DEPTHS, NAMES, SEEDS = (1, 2, 5), ("large", "he_normal"), 4


def value(depth, name, repetition):
    return depth * (1 + NAMES.index(name)) + 0.1 * repetition**2


def result(**more):
    """Return a sweep over depths and initializers, four repetitions of each."""
    cases = [(d, n, r) for n in NAMES for d in reversed(DEPTHS) for r in range(SEEDS)]
    return SweepResult(
        Outcome(
            i,
            {"depth": d, "initializer": n, **more},
            r,
            {"cost": value(d, n, r), "word": "a"},
            History([{"epoch": e, "cost": value(d, n, r) + e} for e in range(3)]),
        )
        for i, (d, n, r) in enumerate(cases)
    )


def drawn(ax):
    """Return x and y of each curve by its label."""
    return {li.get_label(): [list(map(float, v)) for v in li.get_data()] for li in ax.get_lines()}


def ends(band):
    """Return lower and upper ends of a band at each x."""
    vertices = band.get_paths()[0].vertices
    found = [vertices[vertices[:, 0] == x, 1] for x in sorted({*vertices[:, 0]})]
    return [(y.min(), y.max()) for y in found]


@pytest.mark.parametrize("band", ["95 %", "std", "minmax", None])
def test_each_hue_has_a_curve_with_a_band_over_its_repetitions(band):
    stats = pytest.importorskip("scipy.stats", reason="SciPy, the oracle, is missing")
    ax = result().plot("depth", "cost", "initializer", band=band)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("depth", "cost")
    curves = drawn(ax)
    assert list(curves) == list(NAMES)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(NAMES)
    assert len(ax.collections) == (0 if band is None else 2)
    for i, name in enumerate(NAMES):
        samples = np.array([[value(d, name, r) for d in DEPTHS] for r in range(SEEDS)])
        assert curves[name] == [[1, 2, 5], pytest.approx(samples.mean(axis=0))]
        if band is None:
            continue
        sem, std = stats.sem(samples, axis=0), samples.std(axis=0, ddof=1)
        expected = {
            "95 %": stats.t.interval(0.95, SEEDS - 1, samples.mean(axis=0), sem),
            "std": (samples.mean(axis=0) - std, samples.mean(axis=0) + std),
            "minmax": (samples.min(axis=0), samples.max(axis=0)),
        }[band]
        np.testing.assert_allclose(ends(ax.collections[i]), np.transpose(expected))


def test_epochs_are_counted_from_1_and_the_axes_may_be_given():
    one = SweepResult(o for o in result() if o.configuration["depth"] == 2)
    ax = Figure().add_subplot()
    assert one.plot("epoch", "cost", "initializer", ax=ax) is ax
    mean = 0.1 * np.mean([r**2 for r in range(SEEDS)])
    assert drawn(ax)["large"] == [[1, 2, 3], pytest.approx([2 + mean, 3 + mean, 4 + mean])]
    assert ax.get_xlabel() == "epoch"


def test_names_stand_side_by_side_and_an_initializer_keeps_its_colour():
    ax = result().plot("initializer", "cost", "depth")
    assert [label.get_text() for label in ax.get_xticklabels()] == list(NAMES)
    assert set(drawn(ax)) == {"1", "2", "5"}
    swept = result().plot("depth", "cost", "initializer").get_lines()
    other = plotting.learning_curves(Figure().add_subplot(), {"he_normal": [1], "large": [2]}, "y")
    colours = {line.get_label(): line.get_color() for line in other.get_lines()}
    assert {line.get_label(): line.get_color() for line in swept} == colours


def test_one_repetition_has_no_band_and_failures_are_left_out():
    outcomes = [Outcome(0, {"x": 1}, 0, {"cost": 2.0}), Outcome(1, {"x": 2}, 0, error="no")]
    ax = SweepResult(outcomes).plot("x", "cost")
    assert drawn(ax) == {ax.get_lines()[0].get_label(): [[1], [2]]}
    assert not ax.collections
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("width", "cost"), "x is 'width'; expected one of depth, initializer, epoch"),
        (("depth", "cost", "epoch"), "hue is 'epoch'; expected one of depth, initializer."),
        (("depth", "loss", "initializer"), "y is 'loss'; expected one of cost, word."),
        (("depth", "cost"), r"also differ in initializer \(large, he_normal\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        result().plot(*arguments)


def test_other_refusals():
    with pytest.raises(TypeError, match="y is 'word', which is 'a' in a training"):
        result().plot("depth", "word", "initializer")
    with pytest.raises(
        ValueError, match="band is '90 %'; the bands are 95 %, std, minmax, or None"
    ):
        result().plot("depth", "cost", "initializer", band="90 %")
    with pytest.raises(ValueError, match="no training has a result"):
        SweepResult([Outcome(0, {}, 0, error="no")]).plot("epoch", "cost")
    with pytest.raises(ValueError, match="no training has a history"):
        SweepResult([Outcome(0, {}, 0, {"cost": 1.0})]).plot("epoch", "cost")


def test_without_matplotlib_the_picture_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install 'fastnet-mlp"):
        result().plot("depth", "cost", "initializer")
