"""A legend that is never wider than its Axes."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.legend import Legend

__all__ = ["FittingLegend", "write_legend"]

#: Below this share of their size letters are shrunk only if the legend has one column already.
_READABLE = 0.8
_LEAST = 0.1


class FittingLegend(Legend):
    """A legend whose letters shrink if the Axes is too narrow for them.

    The width of an Axes is known once the figure is laid out, and changes with the window; so it is
    looked up whenever the legend is measured or drawn.
    """

    #: Size of the letters if there is room, in points.
    letters: float

    def fit(self) -> float:
        """Set the letters' size, and return it as a share of the full one."""
        share, whole = 1.0, self._width_at(1.0)
        frame = self.axes.get_window_extent()
        room = frame.x1 - max(self.get_window_extent().x0, frame.x0)
        if whole > room:  # a width is a fixed part, the lines and gaps, and one that scales
            text = 2 * (whole - self._width_at(0.5))
            share = max((room - (whole - text)) / text, _LEAST)
            while self._width_at(share) > room and share > _LEAST:  # widths of letters are rounded
                share *= 0.98
        return share

    def _width_at(self, share: float) -> float:
        """Set the letters' size to a share of the full one, and return the legend's width."""
        for text in self.get_texts():
            text.set_fontsize(share * self.letters)
        return self.get_window_extent().width

    def get_tightbbox(self, renderer: Any = None) -> Any:
        """Return the box of the legend as it will be drawn."""
        self.fit()
        return super().get_tightbbox(renderer)

    def draw(self, renderer: Any) -> None:
        """Draw the legend."""
        self.fit()
        super().draw(renderer)


def write_legend(ax: Axes, columns: int = 2) -> None:
    """Write the legend above the Axes, in `columns` columns, or in fewer if the Axes is narrow."""
    line, gap = (3.2, 2.0) if columns < 3 else (2.0, 1.2)
    for n in range(max(columns, 1), 0, -1):
        legend = _write(ax, ncols=n, handlelength=line, columnspacing=gap)
        if legend.fit() >= _READABLE:
            return
    # Lines and gaps are measured in letters, and do not shrink once they are made.
    _write(ax, fontsize=_READABLE * legend.letters, handlelength=1.6, handletextpad=0.5)


def _write(ax: Axes, **options: Any) -> FittingLegend:
    """Write the legend above the Axes, with these options of `Axes.legend`."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0)}
    legend: Any = ax.legend(**place, frameon=False, borderaxespad=0.2, borderpad=0.2, **options)
    # Axes.legend chooses the class itself, and has no argument for another.
    legend.__class__ = FittingLegend
    legend.letters = legend.get_texts()[0].get_fontsize()
    return legend  # type: ignore[no-any-return]
