"""Signal propagation: `propagation` over the layers, `phase_diagram` of mean field theory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_choice, as_items, as_number, shown
from fastnet.diagnostics import Propagation, critical_sigma_w
from fastnet.drawing.looks import looks
from fastnet.drawing.style import draw_band, new_figure, style_axes, style_epochs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["phase_diagram", "propagation", "propagation_figure"]

Array = NDArray[Any]

#: The label of the y-axis for each field of a Propagation's records.
_LABELS = {
    "mean_z": "mean of $z$",
    "var_z": "variance of $z$",
    "mean_a": "mean of $a$",
    "var_a": "variance of $a$",
    "mean_delta": r"mean of $\delta$",
    "var_delta": r"variance of $\delta$",
    "gradient_norm": "gradient norm",
    "saturated": "share of saturated units",
    "dead": "share of dead units",
    "mean_singular": "mean singular value",
    "max_singular": "largest singular value",
}
#: The fields with a linear scale.
_LINEAR = ("mean_z", "mean_a", "mean_delta", "saturated", "dead")
#: Values from this to its inverse are drawn on a logarithmic scale: its margins must be floats too.
_LEAST = 1e-270
_TITLES = "forward: weighted inputs $z$", r"backward: errors $\delta$"
_THEORY: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 4)), "linewidth": 1.0}
_ORDER, _CHAOS, _CRITICAL = "#e3edf6", "#f0c9a8", "#0b3c6f"
#: Number of values of sigma_b at which the critical line is computed.
_STEPS = 101


def propagation(ax: Axes, results: Any, name: str = "var_z", *, legend_columns: int = 2) -> Axes:
    """Draw a statistic of signal propagation over the layers, with confidence band and theory.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    results : Propagation, sequence of Propagation, or mapping of str to Propagation
        From `fastnet.diagnostics.propagation`. The legend shows their initializers, or the names
        of the mapping.
    name : str, default "var_z"
        A field of `Propagation.records`: "var_z" and "var_a" show the forward pass, "var_delta" the
        backward pass. Variances, norms and singular values have a logarithmic scale.
    legend_columns : int, keyword only, default 2
        Columns of the legend above the Axes; a narrow Axes gets fewer, and smaller letters.

    Returns
    -------
    Axes
        The same `ax`. A curve is the mean over the seeds, its band the 95 % confidence interval of
        that mean; theory is dashed and black.

    Raises
    ------
    ValueError
        No results were given, the field is unknown, or two results have the same initializer.
    TypeError
        A result is not a Propagation.

    Notes
    -----
    Values that the scale cannot show are left out: NaN and infinity, and on a logarithmic scale
    values outside 1e-270 to 1e270. There the band of an interval that contains 0 extends below the
    picture.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from fastnet import diagnostics
    >>> found = [
    ...     diagnostics.propagation([50] * 6, initializer=name, activation="relu", rng=0)
    ...     for name in ("he_normal", "glorot_normal")
    ... ]
    >>> propagation(Figure().add_subplot(), found).get_ylabel()
    'variance of $z$'
    """
    from fastnet.drawing.legend import write_legend

    named, name = _named(results), as_choice(name, "name", _LABELS)
    log, most = name not in _LINEAR, max(len(result.layers) for result in named.values())
    if log:
        ax.set_yscale("log")
    found, heights = looks(named, most), []
    for label, result in named.items():
        mean, margin, look = result.mean(name), result.margin(name), found[label]
        heights.append(mean)
        ax.plot(result.layers, _drawable(mean, log), label=label.lstrip("_"), **look)
        if np.isfinite(margin).any():
            _draw_interval(ax, result.layers, mean, margin, look, log, len(named))
            heights += [mean + margin, np.maximum(mean - margin, mean / 10)]
    heights += _draw_theory(ax, named.values(), name, log)
    style_epochs(ax, most, name="layer")
    ax.set_xlim(1 - 0.02 * most, most + 0.02 * most)
    if log:
        _set_log_limits(ax, np.concatenate(heights))
    ax.set_ylabel(_LABELS[name])
    write_legend(ax, legend_columns)
    return ax


def propagation_figure(results: Any) -> Figure:
    """Return a figure of signal propagation: the variances of z and of the errors in each layer.

    Parameters
    ----------
    results : Propagation, sequence of Propagation, or mapping of str to Propagation
        As for `propagation`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError, TypeError
        As for `propagation`.
    ImportError
        Matplotlib is missing; the message says how to install it.

    Examples
    --------
    >>> from fastnet import diagnostics
    >>> sizes = [50] * 6
    >>> he = diagnostics.propagation(sizes, initializer="he_normal", activation="relu", rng=0)
    >>> [ax.get_xlabel() for ax in propagation_figure(he).axes]
    ['', 'layer']
    """
    named = _named(results)
    figure = new_figure(8.0, 7.2)
    panels = figure.subplots(2, sharex=True)
    for ax, name in zip(panels, ("var_z", "var_delta"), strict=True):
        propagation(ax, named, name, legend_columns=4)
    panels[0].set_xlabel("")
    panels[1].get_legend().remove()  # it repeats that of the panel above
    for ax, title in zip(panels, _TITLES, strict=True):
        ax.set_title(title, loc="left", fontsize=11)
    networks = list(dict.fromkeys(map(_network, named.values())))
    if len(networks) == 1:
        figure.suptitle(networks[0], x=0.01, ha="left", fontsize=13, fontweight="bold")
    return figure


def phase_diagram(
    ax: Axes,
    activation: str,
    points: ArrayLike | None = None,
    *,
    sigma_w: tuple[float, float] | None = None,
    sigma_b: tuple[float, float] | None = None,
    label: str = "measured",
) -> Axes:
    """Draw the phases of deep networks, order and chaos, with the critical line between them.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    activation : str
        As for `fastnet.diagnostics.mean_field`.
    points : array_like, shape (n, 2) or (n, 3), optional
        Measured points (sigma_w, sigma_b), or (sigma_w, sigma_b, value): the value is shown as a
        colour, with a colour bar beside the Axes.
    sigma_w, sigma_b : (float, float), keyword only, optional
        The ranges to draw. By default sigma_b is from 0 to 2 and sigma_w from 0 to 1.6 times the
        largest critical value, or further if there are points.
    label : str, keyword only, default "measured"
        The name of the points in the legend, or of their values at the colour bar.

    Returns
    -------
    Axes
        The same `ax`. Weights have the variance sigma_w^2 / n_in and biases sigma_b^2.

    Raises
    ------
    ValueError, TypeError
        The activation is unknown, a range is not in order or goes below 0, the points have another
        shape, or no sigma_b in the range has a critical sigma_w.

    Notes
    -----
    Nothing is drawn at a sigma_b without a critical sigma_w, as near 0 for gelu and silu.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340, figure 1; Schoenholz et al. 2017, arXiv 1611.01232,
    figure 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = phase_diagram(Figure().add_subplot(), "tanh", [(1.3, 0.3, 0.94), (2.5, 0.3, 1.59)])
    >>> [text.get_text().split(",")[0] for text in ax.get_legend().get_texts()]
    ['order', 'chaos', 'critical line']
    """
    from fastnet.drawing.legend import write_legend

    spots = None if points is None else _points(points)
    reach = (0.0, 0.0) if spots is None else spots[:, :2].max(axis=0).tolist()
    low, high = _range(sigma_b, "sigma_b", max(2.0, 1.05 * reach[1]))
    b = np.linspace(low, high, _STEPS)
    w = np.array([critical_sigma_w(activation, float(value)) for value in b])
    if not np.isfinite(w).any():
        raise ValueError(
            f"{activation} has no critical sigma_w for sigma_b from {low:g} to {high:g}; give "
            "another range of sigma_b, or another activation."
        )
    left, right = _range(sigma_w, "sigma_w", max(1.6 * float(np.nanmax(w)), 1.05 * reach[0]))
    ax.fill_betweenx(b, left, w, facecolor=_ORDER, label=r"order, $\chi_1 < 1$")
    ax.fill_betweenx(
        b, w, max(right, float(np.nanmax(w))), facecolor=_CHAOS, label=r"chaos, $\chi_1 > 1$"
    )
    ax.plot(w, b, color=_CRITICAL, linewidth=2.0, label="critical line")
    if spots is not None:
        _draw_points(ax, spots, label)
    style_axes(ax)
    ax.grid(visible=False)
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
    ax.set_xlabel(r"$\sigma_w$ (weights)")
    ax.set_ylabel(r"$\sigma_b$ (biases)")
    write_legend(ax, 4)
    return ax


def _named(results: Any) -> dict[str, Propagation]:
    """Return the results by their names in the legend."""
    if isinstance(results, Propagation):
        results = [results]
    if isinstance(results, Mapping):
        named = {str(name): result for name, result in results.items()}
    else:
        items = as_items(results, "results")
        if items is None:
            raise TypeError(f"results is {shown(results)}; expected a Propagation or several.")
        named = {}
        for result in items:
            name = result.initializer if isinstance(result, Propagation) else ""
            if name in named:
                raise ValueError(
                    f"two results have the initializer {name}; give a dict of names to results."
                )
            named[name] = result
    for result in named.values():
        if not isinstance(result, Propagation):
            raise TypeError(
                f"results contains {shown(result)}; expected a Propagation, as returned by "
                "fastnet.diagnostics.propagation."
            )
    if not named:
        raise ValueError("results is empty; give one or more.")
    return named


def _network(result: Propagation) -> str:
    """Return a title: a network's sizes, n*size where one repeats, its activations, the seeds."""
    parts = [(size, len(list(equal))) for size, equal in groupby(result.sizes)]
    sizes = "-".join(f"{size}" if n == 1 else f"{n}*{size}" for size, n in parts)
    activations = ", ".join(dict.fromkeys(result.activations))
    return f"Propagation, {sizes}, {activations}, {result.seeds} seed{'s' * (result.seeds != 1)}"


def _drawable(values: Array, log: bool) -> Array:
    """Return the values, with NaN in place of those that the scale cannot show."""
    fits = (values > _LEAST) & (values < 1 / _LEAST) if log else np.isfinite(values)
    return np.where(fits, values, np.nan)


def _draw_interval(
    ax: Axes, x: Array, mean: Array, margin: Array, look: dict[str, Any], log: bool, n: int
) -> None:
    """Draw the band of a confidence interval; on a logarithmic scale it may go below every axis."""
    low = mean - margin
    if log:  # below every axis, and still a float
        low = np.where(low > 0, low, 1e-9 * mean)
    ends = _drawable(low, log), _drawable(mean + margin, log)
    draw_band(ax, x, *ends, look, n)


def _draw_theory(ax: Axes, results: Iterable[Propagation], name: str, log: bool) -> list[Array]:
    """Draw the theory over the curves where it applies; return its values."""
    drawn: list[Array] = []
    for result in results:
        expected = result.theory(name)
        if np.isfinite(expected).any():
            label = None if drawn else "theory"  # the legend names it once
            ax.plot(result.layers, _drawable(expected, log), label=label, zorder=3, **_THEORY)
            drawn.append(expected)
    return drawn


def _set_log_limits(ax: Axes, heights: Array) -> None:
    """Set limits around the values that can be shown, at least a factor of two apart."""
    exponents = np.log10(heights[(heights > _LEAST) & (heights < 1 / _LEAST)])
    if len(exponents):
        low, high = exponents.min(), exponents.max()
        room = max(0.04 * (high - low), 0.15)
        ax.set_ylim(10 ** (low - room), 10 ** (high + room))


def _range(given: Sequence[float] | None, name: str, default: float) -> tuple[float, float]:
    """Return a range of standard deviations; refuse others."""
    if given is None:
        return 0.0, default
    ends = as_items(given, name)
    if ends is None or len(ends) != 2:
        raise TypeError(f"{name} is {shown(given)}; expected (lowest, highest).")
    low, high = (as_number(end, name) for end in ends)
    if not 0 <= low < high < np.inf:
        raise ValueError(f"{name} is ({low:g}, {high:g}); expected 0 or more, the smaller first.")
    return low, high


def _points(points: ArrayLike) -> Array:
    """Return measured points as floats; refuse other shapes."""
    spots = np.asarray(points, dtype=np.float64)
    if spots.ndim != 2 or spots.shape[1] not in (2, 3) or not len(spots):
        raise ValueError(
            f"points has shape {spots.shape}; expected (n, 2) or (n, 3): sigma_w, sigma_b and, "
            "optionally, a value."
        )
    if not np.isfinite(spots[:, :2]).all() or spots[:, :2].min() < 0:
        raise ValueError(
            "points contains a sigma_w or sigma_b that is NaN, infinite or below 0; expected "
            "finite numbers of 0 or more."
        )
    return spots


def _draw_points(ax: Axes, spots: Array, label: str) -> None:
    """Draw points, coloured by their values if they have any."""
    place: dict[str, Any] = {"s": 36, "edgecolors": "black", "linewidths": 0.8, "zorder": 3}
    if spots.shape[1] == 2:
        ax.scatter(*spots.T, color="white", label=label, **place)
        return
    w, b, values = spots.T
    drawn = ax.scatter(w, b, c=values, cmap="viridis", **place)
    ax.figure.colorbar(drawn, ax=ax, fraction=0.046, pad=0.04).set_label(label)
