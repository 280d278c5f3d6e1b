"""`weighted_input_histogram`: the measured and the theoretical density of a weighted input."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_count
from fastnet.common.console import share_text
from fastnet.diagnostics import SATURATED_Z, WeightedInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["weighted_input_histogram"]

_BAR, _SATURATED, _LINE = "#bcd2e6", "#d98a54", "#0b3c6f"


def weighted_input_histogram(
    ax: Axes,
    result: WeightedInput,
    *,
    limits: tuple[float, float] | None = None,
    bins: int = 80,
    legend_columns: int = 2,
) -> Axes:
    """Draw a histogram of weighted inputs, with saturated ones marked, and the theory.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    result : WeightedInput
        From `fastnet.diagnostics.weighted_input`.
    limits : (float, float), keyword only, optional
        The range of z; by default four standard deviations, and at least 1.5 times
        `fastnet.diagnostics.SATURATED_Z`. Values outside count in the density but are not drawn.
    bins : int, keyword only, default 80
        Approximate number of bars between the limits.
    legend_columns : int, keyword only, default 2
        Columns of the legend above the Axes; a narrow Axes gets fewer, and smaller letters.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError, TypeError
        The limits are not in order, or `bins` is not an integer of 1 or more.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from fastnet.diagnostics import weighted_input
    >>> ax = Figure().add_subplot()
    >>> weighted_input_histogram(ax, weighted_input(draws=1000, rng=0)).get_ylabel()
    'density'
    """
    from fastnet.drawing.legend import write_legend

    reach = max(1.5 * SATURATED_Z, abs(result.mean) + 4 * result.std)
    low, high = limits or (-reach, reach)  # both tails and the saturated parts
    if not low < high:
        raise ValueError(f"limits are ({low}, {high}); expected the smaller number first.")
    _draw_bars(ax, result, _edges(low, high, as_count(bins, "bins", at_least=1)))
    if result.theory is not None:
        z = np.linspace(low, high, 801)
        mean, std = result.theory.mean, result.theory.std
        law = f"theory, $\\mathcal{{N}}({mean:.4g}, {std:.4g}^2)$"
        ax.plot(z, result.theory.density(z), color=_LINE, linewidth=1.8, label=law)
    ax.set_xlim(low, high)
    ax.set_ylim(0, None)
    _write_xlabel(ax, "weighted input z", f"(saturated where |z| > {SATURATED_Z})")
    ax.set_ylabel("density")
    ax.spines[["top", "right"]].set_visible(False)
    write_legend(ax, legend_columns)
    return ax


def _write_xlabel(ax: Axes, name: str, note: str) -> None:
    """Label the x-axis with a name and a note, on two lines if the Axes is narrow."""
    label = ax.xaxis.label
    label.set_text(f"{name} {note}")
    if label.get_window_extent().width > ax.get_window_extent().width:
        label.set_text(f"{name}\n{note}")


def _draw_bars(ax: Axes, result: WeightedInput, edges: NDArray[Any]) -> None:
    """Draw the histogram in two parts: unsaturated and saturated."""
    density = np.histogram(result.z, edges)[0] / (len(result.z) * (edges[1] - edges[0]))
    outside = np.abs(edges[:-1] + edges[1:]) / 2 > SATURATED_Z
    bars = partial(ax.stairs, edges=edges, fill=True, zorder=1)
    measured = f"measured, {len(result.z):,} draws"
    bars(np.where(outside, 0.0, density), color=_BAR, label=measured)
    saturated = f"saturated, {share_text(result.saturated)} of them"
    bars(
        np.where(outside, density, 0.0),
        facecolor=_SATURATED,
        edgecolor="white",
        hatch="////",  # so that the two parts differ in grey too
        linewidth=0,
        label=saturated,
    )


def _edges(low: float, high: float, bins: int) -> NDArray[Any]:
    """Return edges of bars that cover the limits; saturation begins at one of them."""
    width = SATURATED_Z / max(1, round(bins * SATURATED_Z / (high - low)))
    if not 0.05 / bins < width / (high - low) <= 1:  # the limits are far from the saturation
        width = (high - low) / bins
    return width * np.arange(math.floor(low / width), math.ceil(high / width) + 1)
