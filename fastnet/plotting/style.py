"""The style of curves and axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GREY", "LEGEND_ROW", "style", "style_axes"]

#: The colour of reference lines and notes.
GREY = "#555555"
#: The height of a row of the legend, in points.
LEGEND_ROW = 16.0

# They differ in line, marker and lightness, so that they differ in grey too. Where two curves
# coincide, the large hollow squares show around the small circles.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#c2571a", "linestyle": "--", "marker": "s", "mfc": "white", "markersize": 6},
    {"color": "#0b3c6f", "linestyle": "-", "marker": "o", "markersize": 4.5},
    {"color": "#5b8c3e", "linestyle": "-.", "marker": "^", "mfc": "white", "markersize": 6},
    {"color": "#222222", "linestyle": ":", "marker": "D", "markersize": 4},
    {"color": "#8e5aa8", "linestyle": (0, (7, 2)), "marker": "v", "markersize": 5},
    {"color": "#1b6e6e", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "X", "markersize": 5},
    {"color": "#a3790a", "linestyle": (0, (1, 1)), "marker": "P", "mfc": "white", "markersize": 6},
    {"color": "#6b1f2a", "linestyle": (0, (9, 2, 2, 2)), "marker": "*", "markersize": 7},
)


def style(position: int, n_points: int) -> dict[str, Any]:
    """Return the style of the curve at `position`, counted from 0; without markers if crowded."""
    chosen = _STYLES[position % len(_STYLES)]
    return chosen | {"markersize": 0} if n_points > 60 else chosen


def style_axes(ax: Axes, n_epochs: int, first: int = 1) -> None:
    """Set ticks at whole epochs from `first` on, a grid, and room left of the first point."""
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n_epochs <= 10 * s), n_epochs)
    ax.set_xticks(sorted({first, *range(step, n_epochs + 1, step)}))
    # The first values are written left of the first point.
    span = max(n_epochs - first, 1)
    left, right = (0.12, 0.03) if n_epochs > first else (0.5, 0.5)
    ax.set_xlim(first - left * span, n_epochs + right * span)
    ax.set_xlabel("epoch")
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
