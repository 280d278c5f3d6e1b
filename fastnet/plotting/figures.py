"""Figures of a comparison of initializers, of weighted inputs and of a digit, and `png`."""

from __future__ import annotations

import io
import os
import textwrap
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from fastnet.compare.result import NEW, OLD, STARTS
from fastnet.datasets.digits import as_grey, read_digit
from fastnet.drawing.style import GREY, LEGEND_ROW, new_figure
from fastnet.plotting.curves import learning_curves, saturation_over_time
from fastnet.plotting.histograms import weighted_input_histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastnet.compare import Comparison
    from fastnet.diagnostics import WeightedInput

__all__ = ["comparison", "comparison_figure", "digit_figure", "png", "saturation_figure"]

#: Letters in a line of the settings; a full line is as wide as the figure.
LETTERS = 110
_LAWS = {OLD: r"weights $\mathcal{N}(0, 1)$", NEW: r"weights $\mathcal{N}(0, 1) / \sqrt{n}$"}


def comparison(ax: Axes, result: Comparison) -> Axes:
    """Draw the accuracy with each initializer of a comparison over the epochs.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    result : Comparison
        From `fastnet.compare.compare` or `fastnet.compare.replay_book`.

    Returns
    -------
    Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from fastnet.compare import Comparison, Run, Settings
    >>> runs = Run("large", (50, 75), 1.0), Run("default", (80, 90), 1.0)
    >>> result = Comparison("digits", "test", 500, 100, (784, 30, 10), Settings(), runs)
    >>> comparison(Figure().add_subplot(), result).get_ylabel()
    'test accuracy (%)'
    """
    labels = _labels(result)
    curves = {label: result.accuracy(name) for name, label in labels.items()}
    margins = {label: result.accuracy_margin(name) for name, label in labels.items()}
    learning_curves(ax, curves, f"{result.evaluation} accuracy (%)", margins=margins)
    low, high = _percent_limits(*ax.get_ylim())
    ax.set_ylim(low, high)
    target = result.settings.target
    if low < target < high:
        ax.axhline(target, color="#777777", linewidth=0.8, zorder=1)
        beside = ax.get_yaxis_transform()
        ax.text(1.005, target, f"{target:g} %", transform=beside, va="center", color=GREY)
    _write_first_values(ax, list(curves.values()), 1)
    return ax


def comparison_figure(result: Comparison) -> Figure:
    """Return a figure of a comparison: accuracy and, if it was measured, saturation below.

    Parameters
    ----------
    result : Comparison
        From `fastnet.compare.compare` or `fastnet.compare.replay_book`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Matplotlib is missing; the message says how to install it.

    Examples
    --------
    >>> from fastnet.compare import Comparison, Run, Settings
    >>> runs = Run("large", (50, 75), 1.0), Run("default", (80, 90), 1.0)
    >>> result = Comparison("digits", "test", 500, 100, (784, 30, 10), Settings(), runs)
    >>> [ax.get_xlabel() for ax in comparison_figure(result).axes]
    ['epoch']
    """
    watched = result.n_watched > 0
    figure = new_figure(8.0, 7.6 if watched else 5.0)
    heights = [1.7, 1.0] if watched else [1.0]
    panels = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    ax = comparison(panels[0], result)
    _write_head(ax, result)
    if watched:
        _draw_saturation(panels[1], result)
        ax.set_xlim(panels[1].get_xlim())
        ax.set_xlabel("")
    return figure


def saturation_figure(results: Sequence[WeightedInput]) -> Figure:
    """Return a figure of weighted inputs, with a panel for each result on one scale of z.

    Parameters
    ----------
    results : sequence of WeightedInput
        From `fastnet.diagnostics.weighted_input`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Matplotlib is missing; the message says how to install it.
    ValueError
        `results` is empty.

    Examples
    --------
    >>> from fastnet.diagnostics import weighted_input
    >>> len(saturation_figure([weighted_input(draws=1000, rng=0)]).axes)
    1
    """
    if not results:
        raise ValueError("results is empty; give one or more.")
    figure = new_figure(8.0, 0.9 + 2.4 * len(results))
    reach = max(12.0, *(1.35 * result.std + abs(result.mean) for result in results))
    panels = figure.subplots(len(results), squeeze=False, sharex=True)[:, 0]
    for ax, result in zip(panels, results, strict=True):
        weighted_input_histogram(ax, result, limits=(-reach, reach), bins=100, legend_columns=3)
        ax.set_title(_law(result.initializer), loc="left", fontsize=11)
        if ax is not panels[-1]:
            ax.set_xlabel("")
    first = results[0]
    figure.suptitle(
        f"Weighted input of a neuron with {first.n_inputs:,} inputs, {first.active:,} of them 1",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )
    return figure


def digit_figure(picture: str | os.PathLike[str] | ArrayLike) -> Figure:
    """Return a figure of a picture of a digit beside the image that `read_digit` makes of it.

    Parameters
    ----------
    picture : path or array_like
        As for `fastnet.datasets.read_digit`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Matplotlib or Pillow is missing; the message says how to install it.
    ValueError, OSError, TypeError
        As for `read_digit`.

    Examples
    --------
    >>> import numpy as np
    >>> paper = np.ones((60, 60))
    >>> paper[10:50, 28:34] = 0
    >>> [ax.get_title() for ax in digit_figure(paper).axes]
    ['the picture', 'what a network sees']
    """
    figure = new_figure(6.0, 3.3)
    before, after = figure.subplots(1, 2)
    before.imshow(as_grey(picture), cmap="gray", vmin=0, vmax=1)
    before.set_title("the picture")
    image = read_digit(picture).reshape(28, 28)
    after.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    after.set_title("what a network sees")
    for ax in (before, after):
        ax.set_axis_off()
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, at 200 dots per inch.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> png(Figure())[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A data set's name may have letters that Matplotlib's font lacks; it draws boxes for them.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def _labels(result: Comparison) -> dict[str, str]:
    """Return the name of each initializer in the legend."""
    if set(result.initializers) == {OLD, NEW}:
        return {name: f"{STARTS[name]}: {_LAWS[name]}" for name in result.initializers}
    return {name: _law(name) for name in result.initializers}


def _law(initializer: str) -> str:
    """Return an initializer's name, and for the book's two the distribution."""
    return f"{initializer}: {_LAWS[initializer]}" if initializer in _LAWS else initializer


def _write_head(ax: Axes, result: Comparison) -> None:
    """Write the title and the settings above the legend."""
    sizes = "-".join(map(str, result.sizes))
    s = result.settings
    name = result.data.replace("$", r"\$")  # a pair of them would begin a formula
    n = len(result.initializers)
    starts = set(result.initializers) == {OLD, NEW}
    how = "from two starts" if starts else f"with {n} initializer{'s' * (n > 1)}"
    size = s.mini_batch_size
    batches = "full batches" if size is None else f"mini-batches of {size}"
    settings = textwrap.fill(
        f"{', '.join(dict.fromkeys(s.activations))}, cross-entropy, {s.optimizer.name}, learning "
        f"rate {s.eta:g}, $\\lambda$ = {s.lmbda:g}, {batches}, {s.dtype}, seed {s.seed}",
        LETTERS,
    )
    above = 10 + LEGEND_ROW * -(-n // 2)  # the legend has two columns
    if result.n_seeds > 1:
        networks = "the finished" if result.partial else f"{result.n_seeds}"
        settings += f"\nmeans of {networks} networks per initializer, with 95 % confidence bands"
    if result.partial:
        settings += "\npartial: some trainings are missing"
    ax.set_title(
        f"A {sizes} network learns {name} {how}",
        loc="left",
        pad=above + 4 + 14 * (settings.count("\n") + 1),
        fontsize=13,
        fontweight="bold",
    )
    ax.annotate(
        settings,
        (0.0, 1.0),
        (0.0, above),
        xycoords="axes fraction",
        textcoords="offset points",
        color="#444444",
    )


def _draw_saturation(ax: Axes, result: Comparison) -> None:
    """Draw the panel of saturation, which shares the legend of the panel above."""
    curves, margins = {}, {}
    for name, label in _labels(result).items():
        curves[label] = [share / 100 for share in result.saturation(name)]
        margins[label] = [share / 100 for share in result.saturation_margin(name)]
    saturation_over_time(ax, curves, margins=margins, legend=False)
    sigmoids = set(result.settings.activations) == {"sigmoid"}
    law = "$\\sigma'(z) < 0.01$" if sigmoids else "slope below 4 % of its maximum"
    ax.set_ylabel(f"hidden units saturated (%),\n{law}")
    _write_first_values(ax, [result.saturation(name) for name in result.initializers], 0)


def _percent_limits(low: float, high: float) -> tuple[float, float]:
    """Return limits at least two points apart, with little room above 100 %."""
    missing = max(0.0, 2.0 - (high - low)) / 2
    low, high = low - missing, high + missing
    above = max(0.0, high - 100.0)
    # The markers of points at 100 % need some room.
    return low - above, high - above + (0.05 * (high - low) if above else 0.0)


def _write_first_values(ax: Axes, curves: Sequence[Sequence[float]], epoch: int) -> None:
    """Write the highest and the lowest first value to the left of their points."""
    first = sorted(values[0] for values in curves)
    low, high = ax.get_ylim()
    places = {first[0]: "top", first[-1]: "bottom"}
    line = 14 / 72 * ax.figure.dpi  # of text, in dots
    near = line / ax.bbox.height * (high - low)
    apart = len(places) == 1 or first[-1] - first[0] > near
    for value, align in places.items():
        ax.annotate(
            f"{value:.1f} %",
            (epoch, value),
            (-7, 0),
            textcoords="offset points",
            ha="right",
            va="center" if apart else align,
        )
