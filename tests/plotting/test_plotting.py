"""Pictures: they draw the data that they are given, and nothing overlaps."""

import io
import subprocess
import sys

import numpy as np
import pytest

from fastnet import plotting
from fastnet.compare import Comparison, Run, Settings, published
from fastnet.initializers import INITIALIZERS

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text


def book(old=None, new=None, data="MNIST", saturated=False):
    """Return the published comparison, or one with other counts."""
    old, new = old or published()["large"], new or published()["default"]
    shares = (0.6, *[0.5] * len(old)), (0.0, *[0.4] * len(new))
    if not saturated:
        shares = (), ()
    runs = (Run("large", tuple(old), 1.0, shares[0]), Run("default", tuple(new), 1.0, shares[1]))
    settings = Settings(epochs=len(old))
    watched = 2000 * saturated
    sizes = (784, 30, 10)
    return Comparison(data, "validation", 50_000, 10_000, sizes, settings, runs, watched)


def repeated(names, n_seeds=3, n_epochs=30):
    """Return a comparison of several initializers and seeds, with saturation."""
    rng = np.random.default_rng(2)
    runs = tuple(
        Run(
            name,
            tuple(rng.integers(9000, 9800, n_epochs).tolist()),
            1.0,
            tuple(rng.uniform(0, 0.8, n_epochs + 1).tolist()),
            repetition,
        )
        for name in names
        for repetition in range(n_seeds)
    )
    settings = Settings(epochs=n_epochs)
    return Comparison("MNIST", "test", 50_000, 10_000, (784, 30, 10), settings, runs, 2000)


def drawn(result):
    """Return the figure of a comparison, drawn, and its first Axes."""
    figure = plotting.comparison_figure(result)
    figure.draw_without_rendering()
    return figure, figure.axes[0]


def curves_of(ax):
    """Return the curves that the legend names."""
    return [line for line in ax.get_lines() if not line.get_label().startswith("_")]


def test_learning_curves_draws_each_curve_from_epoch_1_and_returns_the_axes():
    ax = Figure().add_subplot()
    assert plotting.learning_curves(ax, {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0]}, "cost") is ax
    a, b = curves_of(ax)
    assert (list(a.get_xdata()), list(a.get_ydata())) == ([1, 2, 3], [1.0, 2.0, 3.0])
    assert (list(b.get_xdata()), list(b.get_ydata())) == ([1, 2], [4.0, 5.0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "cost")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert list(ax.get_xticks()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("curves", "sentence"),
    [
        ({}, "curves is empty; give one or more"),
        ({"a": []}, "curve 'a' has no values; give one per epoch"),
        ({"a": [1.0], "b": []}, "curve 'b' has no values"),
    ],
)
def test_curves_without_values_are_refused(curves, sentence):
    with pytest.raises(ValueError, match=sentence):
        plotting.learning_curves(Figure().add_subplot(), curves, "cost")


def test_comparison_draws_both_accuracies_in_percent():
    ax = Figure().add_subplot()
    assert plotting.comparison(ax, book()) is ax
    old, new = curves_of(ax)
    assert list(old.get_ydata()) == [n / 100 for n in published()["large"]]
    assert list(new.get_ydata()) == [n / 100 for n in published()["default"]]
    assert old.get_label().startswith("old start")
    assert new.get_label().startswith("new start")
    assert ax.get_ylabel() == "validation accuracy (%)"
    left, right = ax.get_xlim()
    assert left < 1
    assert right > 30
    assert 1 in ax.get_xticks()


def test_curves_are_told_apart_in_grey():
    ax = plotting.comparison(Figure().add_subplot(), book())
    old, new = curves_of(ax)
    assert old.get_linestyle() != new.get_linestyle()
    assert old.get_marker() != new.get_marker()
    lightness = [
        0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (to_rgb(c.get_color()) for c in (old, new))
    ]
    assert abs(lightness[0] - lightness[1]) > 0.15
    assert max(lightness) < 0.6  # dark enough on white


CASES = {
    "published": book(),
    "two panels": book(saturated=True),
    "one epoch": book([8643], [9270], saturated=True),
    "three epochs": book([8643, 8900, 9000], [9270, 9280, 9290], saturated=True),
    "equal": book([9500] * 5, [9500] * 5),
    "all right": book([10_000] * 3, [10_000] * 3),
    "nearly equal": book([5005, 5003], [5000, 5010], saturated=True),
    "old one ahead": book([9000, 9100], [1000, 900]),
    "100 epochs": book([8643] * 100, [9270] * 100, saturated=True),
    "none right": book([0, 0], [0, 9999]),
    "five seeds": repeated(["large", "default"], 5),
    "eight starts": repeated(list(INITIALIZERS)[3:11]),
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_hides_a_curve_or_another_text(case):
    figure, ax = drawn(CASES[case])
    frames = [a.get_window_extent() for a in figure.axes]
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= frames[0].y1 - 1  # above the axes
    title = ax.get_title(loc="left")
    texts = [*ax.texts, *ax.findobj(lambda a: isinstance(a, Text) and a.get_text() == title)]
    texts += [text for other in figure.axes[1:] for text in other.texts]
    labels = [label for a in figure.axes for label in (a.xaxis.label, a.yaxis.label)]
    texts += [label for label in labels if label.get_text()]
    ticks = [tick for a in figure.axes for tick in (*a.get_xticklabels(), *a.get_yticklabels())]
    boxes = [legend, *(text.get_window_extent() for text in texts)]
    assert len(boxes) >= 6  # legend, title, settings, labels, and a value or two
    page = figure.bbox
    for position, box in enumerate(boxes):
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
        assert not any(box.shrunk(0.99, 0.8).overlaps(other) for other in boxes[position + 1 :])
        assert not any(box.shrunk(0.9, 0.8).overlaps(t.get_window_extent()) for t in ticks)
    for axes, frame in zip(figure.axes, frames, strict=True):
        assert frame.width > 0.7 * page.width  # no text has pushed it aside
        for curve in curves_of(axes):
            points = axes.transData.transform(list(zip(*curve.get_data(), strict=True)))
            assert all(frame.contains(x, y) for x, y in points)
            assert not any(box.contains(x, y) for box in boxes for x, y in points)


def test_both_panels_share_their_epochs_and_show_what_was_measured():
    result = repeated(["large", "default"])
    figure, ax = drawn(result)
    above, below = figure.axes
    assert above is ax
    assert above.get_xlim() == below.get_xlim()
    for axes, read in ((above, result.accuracy), (below, result.saturation)):
        lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
        assert len(lines) == 2
        for line, name in zip(lines, ("large", "default"), strict=True):
            assert list(line.get_ydata()) == pytest.approx(read(name))
            start = 1 if axes is above else 0
            assert list(line.get_xdata()) == list(range(start, 31))
    assert "hidden units saturated (%),\n$\\sigma'(z) < 0.01$" in below.get_ylabel()
    assert [text.get_text()[:9] for text in above.get_legend().get_texts()] == [
        "old start",
        "new start",
    ]
    assert below.get_legend() is None


def test_bands_reach_from_mean_minus_margin_to_mean_plus_margin():
    result = repeated(["large", "default"])
    figure, _ = drawn(result)
    panels = (
        (result.accuracy, result.accuracy_margin),
        (result.saturation, result.saturation_margin),
    )
    for axes, (read, margin_of) in zip(figure.axes, panels, strict=True):
        for band, name in zip(axes.collections, ("large", "default"), strict=True):
            mean, margin = np.array(read(name)), np.array(margin_of(name))
            vertices = band.get_paths()[0].vertices
            for x, m, w in zip(sorted(set(vertices[:, 0])), mean, margin, strict=True):
                y = vertices[vertices[:, 0] == x, 1]
                assert y.min() == pytest.approx(m - w)
                assert y.max() == pytest.approx(m + w)


def test_the_title_names_network_data_and_settings_and_a_dollar_is_no_formula():
    _, ax = drawn(book(data="cost_$in$_%"))
    title = ax.get_title(loc="left")
    assert "784-30-10" in title
    assert r"cost_\$in\$_%" in title
    settings = " ".join(text.get_text() for text in ax.texts)
    for part in ("cross-entropy", "learning rate 0.1", "= 5", "mini-batches of 10", "seed 0"):
        assert part in settings


def test_png_is_a_picture_of_1600_by_1000_with_both_colours():
    content = plotting.png(plotting.comparison_figure(book()))
    pixels = imread(io.BytesIO(content))
    assert pixels.shape[:2] == (1000, 1600)
    for colour in ("#c2571a", "#0b3c6f"):
        near = abs(pixels[..., :3] - to_rgb(colour)).max(axis=2) < 0.02
        assert near.sum() > 500


def test_a_name_that_the_font_lacks_is_drawn_without_a_warning():
    assert plotting.png(plotting.comparison_figure(book(data="数字"))).startswith(b"\x89PNG")


def python(code, folder):
    """Run code in a fresh interpreter, away from the checkout, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_does_not_load_matplotlib_and_drawing_does_not_load_pyplot(tmp_path):
    code = (
        "import sys, fastnet.plotting as p\n"
        "print('matplotlib' in sys.modules)\n"
        "from fastnet.compare import Comparison, Run, Settings\n"
        "runs = Run('large', (1,), 1.0), Run('default', (2,), 1.0)\n"
        "p.png(p.comparison_figure(Comparison('d', 'test', 1, 4, (1, 1), Settings(), runs)))\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert python(code, tmp_path).split() == ["False", "False"]


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['matplotlib.figure'] = None\n"
        "import fastnet.plotting as p\n"
        "from fastnet.compare import Comparison, Run, Settings\n"
        "from fastnet.diagnostics import weighted_input\n"
        "runs = Run('large', (1,), 1.0), Run('default', (2,), 1.0)\n"
        "result = Comparison('d', 'test', 1, 4, (1, 1), Settings(), runs)\n"
        "try: p.comparison_figure(result)\n"
        "except ImportError as error: print(error)\n"
        "try: p.saturation_figure([weighted_input(2, 1, draws=3)])\n"
        "except ImportError as error: print(error)"
    )
    printed = python(code, tmp_path)
    assert printed.count("pip install 'fastnet-mlp[plot]'") == 2
    assert printed.count("\n") == 2
