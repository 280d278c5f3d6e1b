"""The style of curves, bands and axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GREY", "LEGEND_ROW", "draw_band", "new_figure", "style_axes", "style_epochs"]

#: The colour of reference lines and notes.
GREY = "#555555"
#: The height of a row of the legend, in points.
LEGEND_ROW = 16.0


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches; an ImportError says how to get Matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"drawing needs matplotlib ({error}): pip install 'fastnet-mlp[plot]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def draw_band(
    ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, look: dict[str, Any], n_bands: int = 1
) -> None:
    """Fill the band of a curve between two thin edges; the more bands, the paler each is.

    The edges have the curve's line style, which tells overlapping bands apart.
    """
    colour = look["color"]
    ax.fill_between(
        x,
        low,
        high,
        facecolor=(colour, max(0.22 * (2 / max(n_bands, 2)) ** 0.5, 0.08)),
        edgecolor=(colour, 0.6),
        linestyle=look["linestyle"],
        linewidth=0.6,
        zorder=1,
    )


def style_axes(ax: Axes) -> None:
    """Draw horizontal grid lines behind the curves, and remove the frame at the top and right."""
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def style_epochs(ax: Axes, n_epochs: int, first: int = 1, name: str = "epoch") -> None:
    """Style axes with epochs or layers on x: integer ticks, and room left of the first point."""
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n_epochs <= 10 * s), n_epochs)
    ax.set_xticks(sorted({first, *range(step, n_epochs + 1, step)}))
    # The first values are written to the left of the first point.
    span = max(n_epochs - first, 1)
    left, right = (0.12, 0.03) if n_epochs > first else (0.5, 0.5)
    ax.set_xlim(first - left * span, n_epochs + right * span)
    ax.set_xlabel(name)
    style_axes(ax)
