"""A legend between an Axes and its title that stays within the Axes' width and the figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea, PackerBase, TextArea
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

__all__ = ["FittingLegend", "LegendSpace", "write_legend"]

#: Letters shrink below this share of their size only if no other number of columns avoids it.
_READABLE = 0.65
#: The largest share of the height that a legend requests from a layout engine.
_PART = 0.45


class FittingLegend(Legend):
    """A legend that shrinks if there is not enough room above its Axes.

    The size of an Axes is known only after layout and changes with the window, so it is looked up
    whenever the legend is measured or drawn.
    """

    #: The current size as a share of the full size.
    share: float = 1.0

    def fit(self, *, laid_out: bool = False) -> float:
        """Shrink the legend until it fits, and return its size as a share of the full size.

        `laid_out` says whether a layout engine has already made room for it.
        """
        self._resize(1.0)
        width, height = self._room(laid_out)
        box, share = self.get_window_extent(), 1.0
        # Letters below one point would be drawn at one point.
        least = 1 / min(float(text.get_fontsize()) for text in self.get_texts())
        while (box.width > width or box.height > height) and share > least:
            # Letter sizes are rounded, so a share may be slightly too large.
            share = max(share * min(0.98, width / box.width, height / box.height), least)
            self._resize(share)
            box = self.get_window_extent()
        return share

    def _room(self, laid_out: bool) -> tuple[float, float]:
        """Return the width and height between the Axes and its title or the figure's edge."""
        frame, page, box = self.axes.get_window_extent(), self.figure.bbox, self.get_window_extent()
        width = max(min(frame.x1, page.x1) - max(box.x0, frame.x0), 1.0)
        height = page.y1 - box.y0
        if self.figure.get_layout_engine() is None:
            return width, max(height - _height_of_titles(self.axes), 1.0)
        place = self.axes.get_subplotspec()
        part = len(place.rowspan) / place.get_gridspec().nrows if place else 1.0
        asked = _PART * part * page.height
        return width, max(min(asked, height), 1.0) if laid_out else asked

    def _resize(self, share: float) -> None:
        """Set the size of letters, lines and gaps to a share of the full size."""
        _scale(self.get_children()[0], share / self.share)
        self.share = share

    def get_tightbbox(self, renderer: Any = None) -> Any:
        """Return the box of the legend as it will be drawn."""
        self.fit()
        return super().get_tightbbox(renderer)

    def draw(self, renderer: Any) -> None:
        """Draw the legend."""
        self.fit(laid_out=True)
        super().draw(renderer)


class LegendSpace:
    """A locator that places an invisible Axes over a legend.

    Matplotlib puts the title of an Axes above the Axes inside it, but ignores legends.
    """

    def __init__(self, axes: Axes) -> None:
        self._axes = axes

    def __call__(self, space: Any, renderer: Any) -> Bbox:
        """Return the legend's box in figure coordinates, of almost no height without a legend."""
        frame, legend = self._axes.get_window_extent(), self._axes.get_legend()
        box = Bbox.from_bounds(frame.x0, frame.y1, max(frame.width, 1.0), 1e-3)
        if isinstance(legend, FittingLegend) and legend.get_visible():
            legend.fit()
            box = Bbox.union([box, legend.get_window_extent()])
        return Bbox(self._axes.figure.transSubfigure.inverted().transform(box))


def write_legend(ax: Axes, columns: int = 2) -> None:
    """Write the legend between the Axes and its title.

    It has `columns` columns, or fewer if letters would become too small in a narrow Axes.
    """
    shares: dict[int, float] = {}
    for n in range(max(columns, 1), 0, -1):
        shares[n] = _write(ax, n).fit()
        if shares[n] >= _READABLE:
            break
    _write(ax, max(shares, key=lambda n: shares[n] if shares[n] < _READABLE else 1.0))
    if not any(isinstance(inner.get_axes_locator(), LegendSpace) for inner in ax.child_axes):
        space = ax.inset_axes((0.0, 1.0, 1.0, 1e-3))
        space.set_axes_locator(LegendSpace(ax))
        space.set_axis_off()
        space.set_in_layout(False)
        space.set_navigate(False)


def _write(ax: Axes, columns: int) -> FittingLegend:
    """Write the legend above the Axes with this number of columns."""
    line, gap = (3.2, 2.0) if columns < 3 else (2.0, 1.2)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0)}
    place |= {"frameon": False, "borderaxespad": 0.2, "borderpad": 0.2}
    legend: Any = ax.legend(**place, ncols=columns, handlelength=line, columnspacing=gap)
    # Axes.legend has no argument for the class.
    legend.__class__ = FittingLegend
    return legend  # type: ignore[no-any-return]


def _height_of_titles(ax: Axes) -> float:
    """Return the height of an Axes' titles above its legend, with gaps, in dots."""
    titles = {ax.get_title(loc) for loc in ("left", "center", "right")} - {""}
    texts = [child for child in ax.get_children() if isinstance(child, Text)]
    heights = [text.get_window_extent().height for text in texts if text.get_text() in titles]
    return max(heights) + 8 / 72 * ax.figure.dpi if heights else 0.0


def _scale(box: Any, factor: float) -> None:
    """Scale the gaps, letters, lines and patches in a box of a legend."""
    if isinstance(box, PackerBase):
        box.pad, box.sep = ((size or 0.0) * factor for size in (box.pad, box.sep))
        for part in box.get_children():
            _scale(part, factor)
    elif isinstance(box, TextArea):
        for text in box.get_children():
            assert isinstance(text, Text)
            text.set_fontsize(factor * float(text.get_fontsize()))
    elif isinstance(box, DrawingArea):
        for name in ("width", "height", "xdescent", "ydescent"):
            setattr(box, name, getattr(box, name) * factor)
        for handle in box.get_children():
            if isinstance(handle, Line2D):
                handle.set_data(*(factor * np.asarray(data) for data in handle.get_data()))
                handle.set_markersize(factor * handle.get_markersize())
            elif isinstance(handle, Rectangle):
                handle.set_bounds(*(factor * size for size in handle.get_bbox().bounds))
