"""Legends stay within the figure, at any size, below the title."""

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.figure import Figure

from fastnet.drawing.legend import write_legend

NAMES = ["he_normal", "glorot_normal", "the old start, from N(0, 1)", "mine", "large"]


def axes(figure, n, *place, columns=2):
    """Return Axes with `n` curves, one of them with a band, and a legend."""
    ax = figure.add_subplot(*place)
    for name in NAMES[:n]:
        ax.plot([1, 2], [1, 2], marker="o", label=name)
    ax.fill_between([1, 2], [0, 1], [2, 3], label="a band")
    write_legend(ax, columns)
    return ax


def box_of_title(ax, text):
    return next(t for t in ax.findobj() if getattr(t, "get_text", str)() == text)


def check(ax, page):
    legend, frame = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert legend.width > 0
    assert page.x0 <= legend.x0
    assert legend.x1 <= min(page.x1, frame.x1)
    assert frame.y1 - 1 <= legend.y0
    assert legend.y1 <= page.y1 + 0.01
    return legend


SIZES = [(2.4, 2), (2, 4), (4, 1.5), (6.4, 4.8), (20, 15)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 3)])
@pytest.mark.parametrize("title", ["", "Two lines\nof title"])
@pytest.mark.parametrize("layout", ["constrained", "tight", None])
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # letters of the axes
@pytest.mark.filterwarnings("ignore:Tight layout not applied")  # are larger than the figure
def test_a_legend_stays_within_its_figure_and_under_the_title(size, n, columns, title, layout):
    figure = Figure(figsize=size, layout=layout)
    ax = axes(figure, n, columns=columns)
    ax.set_ylabel("variance")
    for loc in ("left", "center", "right")[: n if title else 0]:
        ax.set_title(title, loc=loc)
    for _ in range(2):  # the second time, from where the first has left things
        figure.draw_without_rendering()
        legend = check(ax, figure.bbox)
        for loc in ("left", "center", "right"):
            if ax.get_title(loc):
                above = box_of_title(ax, title).get_window_extent()
                assert above.y0 >= legend.y1 - 0.5
    if size == (20, 15):
        assert ax.get_legend().get_texts()[0].get_fontsize() == pytest.approx(10)


def test_a_title_moves_with_the_legend_and_back():
    figure = Figure(layout="constrained")
    ax = axes(figure, 3)
    ax.set_title("A title")
    figure.draw_without_rendering()
    title, legend = ax.title, ax.get_legend()
    assert title.get_window_extent().y0 > legend.get_window_extent().y1
    legend.remove()
    figure.draw_without_rendering()
    assert 0 < title.get_window_extent().y0 - ax.get_window_extent().y1 < 20
    assert len(figure.axes) == 1


def test_writing_a_legend_again_leaves_one():
    ax = axes(Figure(), 2)
    write_legend(ax)
    assert len(ax.child_axes) == 1


@pytest.mark.parametrize("columns", [2, 3])
def test_rows_of_panels_leave_each_other_s_legends_alone(columns):
    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = [axes(figure, 5, 2, 2, place + 1, columns=columns) for place in range(4)]
    for ax in panels:
        ax.set_title("A title")
        ax.set_xlabel("layer")
    figure.draw_without_rendering()
    boxes = [check(ax, figure.bbox) for ax in panels]
    boxes += [ax.get_window_extent() for ax in panels]
    boxes += [ax.title.get_window_extent() for ax in panels]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.shrunk(0.99, 0.98).overlaps(other)


def test_a_legend_of_a_subfigure_stays_within_it():
    figure = Figure(figsize=(6, 6))
    below = figure.subfigures(2)[1]
    ax = axes(below, 5)
    ax.set_title("A title")
    figure.draw_without_rendering()
    legend = check(ax, below.bbox)
    assert legend.y1 < ax.title.get_window_extent().y0
    assert ax.title.get_window_extent().y1 < below.bbox.y1


def test_lines_and_gaps_shrink_with_the_letters():
    figure = Figure(figsize=(8, 6))
    ax = axes(figure, 3)
    figure.draw_without_rendering()
    whole = ax.get_legend().get_window_extent().width
    line = ax.get_legend().legend_handles[0]
    length = np.ptp(line.get_xdata())
    figure.set_size_inches(8, 1)
    figure.draw_without_rendering()
    share = ax.get_legend().get_texts()[0].get_fontsize() / 10
    assert share < 0.6
    assert np.ptp(line.get_xdata()) == pytest.approx(share * length)
    assert ax.get_legend().get_window_extent().width == pytest.approx(share * whole, rel=0.15)
    figure.set_size_inches(8, 6)
    figure.draw_without_rendering()
    assert np.ptp(line.get_xdata()) == pytest.approx(length)
    assert ax.get_legend().get_window_extent().width == pytest.approx(whole)
