"""Rows of published figures and fastnet's, and the table of them."""

import math
from collections.abc import Callable
from typing import NamedTuple

from fastnet.cli.text_table import render
from fastnet.compare import mean_and_margin
from numpy.typing import ArrayLike


class Figure(NamedTuple):
    """One figure: its name, the published value, and fastnet's.

    Attributes
    ----------
    published : float
        NaN if the paper makes a statement without a number.
    margin : float
        Half the width of the 95 % confidence interval of a measured mean; 0 for computed figures.
    """

    what: str
    published: float
    ours: float
    margin: float = 0.0


class Row(NamedTuple):
    """One row of the table: a function that returns its figures, and the paper."""

    figures: Callable[..., list[Figure]]
    what: str
    source: str


ROWS: dict[str, Row] = {}
Figures = Callable[..., list[Figure]]


def row(name: str, what: str, source: str) -> Callable[[Figures], Figures]:
    """Return a decorator that adds a function to the table."""

    def enter(function: Figures) -> Figures:
        ROWS[name] = Row(function, what, source)
        return function

    return enter


def measured(what: str, published: float, samples: ArrayLike) -> Figure:
    """Return the figure of a mean over samples."""
    mean, margin = mean_and_margin(samples)
    return Figure(what, published, float(mean), float(margin))


def shown(figure: Figure) -> str:
    """Return fastnet's figure as text, with its margin if that is more than rounding."""
    if figure.margin < 1e-9:
        return f"{0 if abs(figure.ours) < 1e-12 else figure.ours:.8g}"
    digits = max(0, 1 - math.floor(math.log10(figure.margin)))
    return f"{figure.ours:.{digits}f} ± {figure.margin:.{digits}f}"


def table(found: dict[str, tuple[float, list[Figure]]]) -> str:
    """Return a table of the figures, with the CPU seconds and the source of each row."""
    headings = ["row", "figure", "published", "fastnet", "seconds", "source"]
    rows = [
        [
            "" if place else f"`{name}`",
            figure.what if place else f"{ROWS[name].what}: {figure.what}",
            "" if math.isnan(figure.published) else f"{figure.published:.8g}",
            shown(figure),
            "" if place else f"{seconds:.1f}",
            "" if place else ROWS[name].source,
        ]
        for name, (seconds, figures) in found.items()
        for place, figure in enumerate(figures)
    ]
    return render(headings, rows, markdown=True)
