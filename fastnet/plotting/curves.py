"""Curves over the epochs: `learning_curves` of metrics, and `saturation_over_time`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastnet.callbacks import RecordStatistics
from fastnet.common.arguments import shown
from fastnet.drawing.looks import looks
from fastnet.drawing.style import draw_band, style_epochs
from fastnet.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learning_curves", "saturation_over_time"]

_KINDS = {"accuracy": "accuracy (%)", "cost": "cost (mean per example)"}


def learning_curves(
    ax: Axes,
    curves: Any,
    ylabel: str | None = None,
    *,
    metrics: str | Sequence[str] | None = None,
    margins: Mapping[str, Sequence[float]] | None = None,
) -> Axes:
    """Draw learning curves over the epochs, which are counted from 1.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    curves : History, sequence of float, or mapping of str to either
        One value per epoch. The keys of a mapping are the names in the legend.
    ylabel : str, optional
        The label of the y-axis, with the unit; by default that of `metrics`.
    metrics : str or sequence of str, keyword only, optional
        Which metrics of a History to draw, all accuracies or all costs; by default the first that
        it has of "evaluation_accuracy", "training_accuracy" and the other names in
        `fastnet.metrics.METRICS`.
    margins : mapping of str to sequence of float, keyword only, optional
        For a curve's name, half the width of the band to draw around it at each epoch.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        `curves` is empty, a curve has no values, or a History lacks a metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> learning_curves(ax, {"a": [50.0, 75.0], "b": [80.0, 90.0]}, "accuracy (%)") is ax
    True

    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> history = net.train((np.eye(2), [0, 1]), epochs=3, metrics=["training_cost"])
    >>> learning_curves(Figure().add_subplot(), history).get_ylabel()
    'training cost (mean per example)'
    """
    from fastnet.drawing.legend import write_legend

    lines, found = _lines(curves, metrics)
    points = {name: (range(1, len(values) + 1), values) for name, values in lines.items()}
    style_epochs(ax, _draw(ax, points, margins or {}))
    ax.set_ylabel(_ylabel(found) if ylabel is None else ylabel)
    if list(lines) != [""]:
        write_legend(ax)
    return ax


def saturation_over_time(
    ax: Axes,
    curves: Any,
    *,
    layer: int = 1,
    mini_batches: int | None = None,
    margins: Mapping[str, Sequence[float]] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw the share of a layer's units that are saturated over the epochs; 0 is before training.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    curves : RecordStatistics, sequence of float, or mapping of str to either
        The callback that recorded a training; or shares from 0 to 1, one before training and one
        after each epoch. The keys of a mapping are the names in the legend.
    layer : int, keyword only, default 1
        Which recorded layer to draw; 1 is the first hidden layer.
    mini_batches : int, keyword only, optional
        Number of mini-batches in an epoch; required if records were taken within the epochs.
    margins : mapping of str to sequence of float, keyword only, optional
        For a curve's name, half the width of the band to draw around its shares.
    legend : bool, keyword only, default True
        Whether to draw a legend above the Axes.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        `curves` is empty, a curve has no values, the layer was not recorded, or `mini_batches` is
        missing.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> from matplotlib.figure import Figure
    >>> watch = fastnet.RecordStatistics(np.eye(2))
    >>> net = fastnet.Network([2, 3, 2], rng=0, initializer="large")
    >>> _ = net.train((np.eye(2), [0, 1]), epochs=3, callbacks=[watch])
    >>> saturation_over_time(Figure().add_subplot(), {"old start": watch}).get_ylabel()
    'saturated units of layer 1 (%)'
    """
    from fastnet.drawing.legend import write_legend

    named = curves if isinstance(curves, Mapping) else {"": curves}
    points = {name: _saturation(curve, layer, mini_batches) for name, curve in named.items()}
    percent = {name: [100 * width for width in margin] for name, margin in (margins or {}).items()}
    style_epochs(ax, max(1, _draw(ax, points, percent)), first=0)
    high = min(max(ax.get_ylim()[1], 1.0), 103.0)  # without room above 100 %
    ax.set_ylim(-0.03 * high, high)
    ax.set_ylabel(f"saturated units of layer {layer} (%)")
    if legend and list(points) != [""]:
        write_legend(ax)
    return ax


def _draw(
    ax: Axes,
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    margins: Mapping[str, Sequence[float]],
) -> int:
    """Draw the curves of epochs and values, with their bands, and return the last epoch."""
    if not points:
        raise ValueError("curves is empty; give one or more.")
    for label, (_, values) in points.items():
        if not len(values):
            of = f"curve {label!r}" if label else "the curve"
            raise ValueError(f"{of} has no values; give one per epoch.")
    most = max(len(values) for _, values in points.values())
    found = looks(points, most)
    for label, (epochs, values) in points.items():
        ax.plot(epochs, values, label=label or None, **found[label])
        margin = margins.get(label, ())
        if len(margin):
            low = [value - width for value, width in zip(values, margin, strict=True)]
            high = [value + width for value, width in zip(values, margin, strict=True)]
            draw_band(ax, epochs, low, high, found[label], len(margins))
    return round(max(max(epochs) for epochs, _ in points.values()))


def _lines(curves: Any, metrics: Any) -> tuple[dict[str, Sequence[float]], list[str]]:
    """Return the values to draw by name, and the metrics among them."""
    if isinstance(curves, Mapping):
        lines: dict[str, Sequence[float]] = {}
        found: list[str] = []
        for name, curve in curves.items():
            parts, metrics_here = _lines(curve, metrics)
            found += [metric for metric in metrics_here if metric not in found]
            for part, values in parts.items():
                lines[f"{name}, {part}" if part else name] = values
        return lines, found
    if not len(curves) or not isinstance(curves[0], Mapping):
        return {"": curves}, []
    wanted = [metrics] if isinstance(metrics, str) else metrics or _default_metrics(curves[0])
    columns = {metric: _column(curves, metric) for metric in wanted}
    for metric, column in columns.items():
        if not column:
            raise ValueError(
                f"metrics names {shown(metric)}; this history has {', '.join(curves[0])}."
            )
    if len({metric.rpartition("_")[2] for metric in columns}) > 1:
        raise ValueError(f"metrics is {shown(wanted)}; draw accuracies and costs in separate Axes.")
    if len(columns) == 1:
        return {"": next(iter(columns.values()))}, list(columns)
    return {metric.replace("_", " "): column for metric, column in columns.items()}, list(columns)


def _column(history: Any, metric: str) -> list[float]:
    """Return the values of one metric, accuracies in per cent."""
    scale = 100 if metric in METRICS and metric.endswith("accuracy") else 1
    return [scale * record[metric] for record in history if metric in record]


def _default_metrics(record: Mapping[str, Any]) -> list[str]:
    """Return the metric to draw by default: an accuracy if the record has one, else a cost."""
    order = sorted(METRICS, key=lambda name: (not name.endswith("accuracy"), name))
    found = [metric for metric in order if metric in record]
    if not found:
        raise ValueError(
            "this history has no metrics to draw; train with evaluation_data, or with "
            'metrics="running_cost".'
        )
    return found[:1]


def _ylabel(metrics: Sequence[str]) -> str:
    """Return the label of the y-axis, with the unit."""
    if not metrics:
        return "value"
    part, _, kind = metrics[0].rpartition("_")
    label = _KINDS.get(kind, metrics[0])
    return f"{part} {label}" if len(metrics) == 1 and kind in _KINDS else label


def _saturation(
    curve: Any, layer: int, mini_batches: int | None
) -> tuple[Sequence[float], Sequence[float]]:
    """Return the epochs of one curve, and the shares of saturated units in per cent."""
    records: Any = curve.records if isinstance(curve, RecordStatistics) else curve
    if not len(records) or not isinstance(records[0], Mapping):
        return range(len(records)), [100 * share for share in records]
    n_layers = len(records[0]["layers"])
    if not 1 <= layer <= n_layers:
        raise ValueError(f"layer is {layer}; this network has layers 1 to {n_layers}.")
    if mini_batches is None and any(record["mini_batch"] for record in records):
        raise ValueError(
            "records were taken within the epochs; give mini_batches, the number in an epoch."
        )
    epochs = [record["epoch"] + record["mini_batch"] / (mini_batches or 1) for record in records]
    return epochs, [100 * record["layers"][layer - 1]["saturated"] for record in records]
