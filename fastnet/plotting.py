"""Pictures. Each function draws into an Axes that it is given, returns it, and shows nothing.

Matplotlib is imported when a figure is made, not before; ``import fastnet.plotting`` works without.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastnet.compare import NEW, OLD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastnet.compare import Comparison

# Told apart by line, marker and lightness, so that they stay apart in grey. Where two curves
# coincide, the large hollow squares look out from under the small circles.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#c2571a", "linestyle": "--", "marker": "s", "mfc": "white", "markersize": 6},
    {"color": "#0b3c6f", "linestyle": "-", "marker": "o", "markersize": 4.5},
    {"color": "#5b8c3e", "linestyle": "-.", "marker": "^", "mfc": "white", "markersize": 6},
    {"color": "#222222", "linestyle": ":", "marker": "D", "markersize": 4},
)
_LABELS = {
    OLD: r"old start: weights $\mathcal{N}(0, 1)$",
    NEW: r"new start: weights $\mathcal{N}(0, 1) / \sqrt{n}$",
}


def learning_curves(ax: Axes, curves: Mapping[str, Sequence[float]], ylabel: str) -> Axes:
    """Draw one curve over the epochs for each entry, the first epoch being 1.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    curves : mapping of str to sequence of float
        One value an epoch, under the name that the legend shows.
    ylabel : str
        What the values are, with their unit.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        There is no curve, or a curve without a value.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> learning_curves(ax, {"a": [50.0, 75.0], "b": [80.0, 90.0]}, "images right in %") is ax
    True
    """
    if not curves or not all(len(values) for values in curves.values()):
        raise ValueError("there is nothing to draw: every curve needs a value, and one is needed")
    n_epochs = max(len(values) for values in curves.values())
    for position, (label, values) in enumerate(curves.items()):
        style = _STYLES[position % len(_STYLES)]
        if n_epochs > 60:
            style = style | {"markersize": 0}
        ax.plot(range(1, len(values) + 1), values, label=label, **style)
    _style_axes(ax, n_epochs)
    ax.set_xlabel("epoch")
    ax.set_ylabel(ylabel)
    # Above the axes, so that it hides nothing whatever way the curves run.
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        frameon=False,
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=3.2,
    )
    return ax


def comparison(ax: Axes, result: Comparison) -> Axes:
    """Draw the accuracy of each training of a comparison over its epochs.

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
    """
    names = [run.initializer for run in result.runs]
    curves = {_LABELS.get(name, name): result.accuracy(name) for name in names}
    learning_curves(ax, curves, f"{result.evaluation} examples classified right, in %")
    low, high = _percent_limits(*ax.get_ylim())
    ax.set_ylim(low, high)
    if low < 95 < high:
        ax.axhline(95, color="#777777", linewidth=0.8, zorder=1)
        beside = ax.get_yaxis_transform()
        ax.text(1.005, 95, "95 %", transform=beside, va="center", color="#555555")
    _write_first_values(ax, list(curves.values()))
    return ax


def comparison_figure(result: Comparison) -> Figure:
    """Return a figure of a comparison, titled with the network and its settings.

    Parameters
    ----------
    result : Comparison
        From `fastnet.compare.compare` or `fastnet.compare.replay_book`.

    Returns
    -------
    matplotlib Figure
        Not known to pyplot: nothing has to be closed.

    Raises
    ------
    ImportError
        Matplotlib is missing; the message says how to get it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"a picture needs matplotlib ({error}): pip install 'fastnet-mlp[plot]'"
        ) from error
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    ax = comparison(figure.add_subplot(), result)
    sizes = "-".join(str(size) for size in result.sizes)
    settings = result.settings
    name = result.data.replace("$", r"\$")  # a pair of them would begin a formula
    ax.set_title(
        f"A {sizes} network learns {name} from two starts",
        loc="left",
        pad=50,
        fontsize=13,
        fontweight="bold",
    )
    ax.text(
        0.0,
        1.11,
        f"sigmoid, cross-entropy, learning rate {settings.eta:g}, $\\lambda$ = {settings.lmbda:g}, "
        f"mini-batches of {settings.mini_batch_size}, seed {settings.seed}, {settings.dtype}",
        transform=ax.transAxes,
        color="#444444",
    )
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, 200 dots an inch."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The name of a user's data may have letters that matplotlib's font lacks: a box is drawn.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def _style_axes(ax: Axes, n_epochs: int) -> None:
    """Set ticks and grid: whole epochs, the first among them, and room around the first point."""
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n_epochs <= 10 * s), n_epochs)
    ax.set_xticks(sorted({1, *range(step, n_epochs + 1, step)}))
    # Left of the first point stand the first values; no curve comes there.
    left, right = (0.12, 0.03) if n_epochs > 1 else (0.5, 0.5)
    span = max(n_epochs - 1, 1)
    ax.set_xlim(1 - left * span, n_epochs + right * span)
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _percent_limits(low: float, high: float) -> tuple[float, float]:
    """Return limits that show two points of difference or more, and no room above 100 %."""
    missing = max(0.0, 2.0 - (high - low)) / 2
    low, high = low - missing, high + missing
    above = max(0.0, high - 100.0)
    # A little of it stays, for the markers of points at 100 %.
    return low - above, high - above + (0.05 * (high - low) if above else 0.0)


def _write_first_values(ax: Axes, curves: Sequence[Sequence[float]]) -> None:
    """Write the highest and the lowest first value to the left of their points."""
    first = sorted(values[0] for values in curves)
    low, high = ax.get_ylim()
    places = {first[0]: "top", first[-1]: "bottom"}
    apart = len(places) == 1 or first[-1] - first[0] > 0.06 * (high - low)
    for value, align in places.items():
        ax.annotate(
            f"{value:.1f} %",
            (1, value),
            (-7, 0),
            textcoords="offset points",
            ha="right",
            va="center" if apart else align,
        )
