"""Starting parameters: `draw` returns them, `check` refuses a network that still needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fastnet import initializers
from fastnet.data.rows import InputRows, as_batch
from fastnet.initializers.drawing import described, of_data

if TYPE_CHECKING:
    from fastnet.model.model import Model

__all__ = ["check", "draw"]


def draw(model: Model, data: Any) -> list[NDArray[Any]]:
    """Return new biases, then weights; see `Model.initialize`."""
    architecture = model._architecture
    scaled = of_data(model._initializer, len(architecture.activations))
    if scaled and data is None:
        raise ValueError(
            f"initializer is {described(model._initializer)}, which scales weights by data; give "
            "rows of inputs: net.initialize(data=X)."
        )
    rows = None if data is None else _read(model, data)
    drawn = initializers.draw(
        model._rng,
        model._biases,
        model._weights,
        model._bias_initializer,
        model._initializer,
        architecture.activations,
    )
    if scaled and rows is not None:
        from fastnet.model.unit_variance import scale  # it imports Model

        scale(architecture, drawn, scaled, rows)
    return drawn


def _read(model: Model, data: Any) -> InputRows:
    """Return one or several rows of inputs, checked."""
    rows, _ = as_batch(data, model._architecture.sizes[0], "data")
    if not rows.n:
        raise ValueError("data has no rows; give one or more.")
    rows.check(model.dtype)
    return rows


def check(model: Model) -> None:
    """Refuse a network whose weights are still to be drawn, with data."""
    if model._is_pending:
        raise ValueError(
            f"this network has no weights yet: its initializer, {described(model._initializer)}, "
            "scales them by data; call net.initialize(data=X) first, with rows of inputs."
        )
