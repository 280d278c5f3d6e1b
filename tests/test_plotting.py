"""The pictures: what they draw is what they were given, and nothing hides anything else."""

import io
import subprocess
import sys

import pytest

from fastnet import plotting
from fastnet.compare import Comparison, Run, Settings, published

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text


def book(old=None, new=None, data="MNIST"):
    """Return the published comparison, or one with other counts."""
    old, new = old or published()["large"], new or published()["default"]
    runs = (Run("large", tuple(old), 1.0), Run("default", tuple(new), 1.0))
    settings = Settings(epochs=len(old))
    return Comparison(data, "validation", 50_000, 10_000, (784, 30, 10), settings, runs)


def drawn(result):
    """Return the figure of a comparison, drawn, and its Axes."""
    figure = plotting.comparison_figure(result)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    return figure, ax


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


@pytest.mark.parametrize("curves", [{}, {"a": []}, {"a": [1.0], "b": []}])
def test_nothing_to_draw_is_refused(curves):
    with pytest.raises(ValueError, match="nothing to draw"):
        plotting.learning_curves(Figure().add_subplot(), curves, "cost")


def test_comparison_draws_both_accuracies_in_percent():
    ax = Figure().add_subplot()
    assert plotting.comparison(ax, book()) is ax
    old, new = curves_of(ax)
    assert list(old.get_ydata()) == [n / 100 for n in published()["large"]]
    assert list(new.get_ydata()) == [n / 100 for n in published()["default"]]
    assert old.get_label().startswith("old start")
    assert new.get_label().startswith("new start")
    assert ax.get_ylabel() == "validation examples classified right, in %"
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


COUNTS = {
    "published": (None, None),
    "one epoch": ([8643], [9270]),
    "equal": ([9500] * 5, [9500] * 5),
    "all right": ([10_000] * 3, [10_000] * 3),
    "nearly equal": ([5005, 5003], [5000, 5010]),
    "old one ahead": ([9000, 9100], [1000, 900]),
    "100 epochs": ([8643] * 100, [9270] * 100),
    "none right": ([0, 0], [0, 9999]),
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
def test_no_text_hides_a_curve_or_another_text(counts):
    figure, ax = drawn(book(*counts))
    frame = ax.get_window_extent()
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= frame.y1 - 1  # above the axes
    title = ax.get_title(loc="left")
    texts = [*ax.texts, *ax.findobj(lambda a: isinstance(a, Text) and a.get_text() == title)]
    boxes = [legend, *(text.get_window_extent() for text in texts)]
    assert len(boxes) >= 4  # legend, title, settings, and a value or two
    page = figure.bbox
    for position, box in enumerate(boxes):
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
        assert not any(box.shrunk(0.99, 0.8).overlaps(other) for other in boxes[position + 1 :])
    for curve in curves_of(ax):
        points = ax.transData.transform(list(zip(*curve.get_data(), strict=True)))
        assert all(frame.contains(x, y) for x, y in points)
        assert not any(box.contains(x, y) for box in boxes for x, y in points)


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


def test_import_leaves_matplotlib_alone_and_drawing_leaves_pyplot_alone(tmp_path):
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
        "try: p.comparison_figure(None)\n"
        "except ImportError as error: print(error)"
    )
    printed = python(code, tmp_path)
    assert "pip install 'fastnet-mlp[plot]'" in printed
    assert printed.count("\n") == 1
