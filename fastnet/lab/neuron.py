"""The panel "One neuron": the distribution of its weighted input before training."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from bokeh.models import BoxAnnotation, ColumnDataSource, Div

from fastnet.activations import sigmoid
from fastnet.common.console import share_text
from fastnet.diagnostics import SATURATED_Z, weighted_input
from fastnet.initializers.named import FUNCTIONS, TABLE
from fastnet.lab import panel as ui

__all__ = ["NeuronPanel"]

DRAWS = 4000
_BARS = 80
_NUMBER = (
    "<div style='font: 600 34px sans-serif; color: #a34a12'>{}</div>"
    "<div style='font: 14px sans-serif'>of the draws are saturated: |z| > {} ({}). Standard "
    "deviation of z: {:.3g}</div>"
)


class NeuronPanel(ui.Panel):
    """The weighted input of one neuron, as in chapter 3 of the book."""

    title = "One neuron"
    about = (
        "The weighted input z of a neuron is the sum of its bias and the weights of the inputs "
        "that are 1; the others are 0. Where |z| is large the sigmoid is flat: the neuron is "
        "<b>saturated</b> and learns slowly."
    )

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.n_inputs = ui.slider("Number of inputs", 10, 2000, 1000, 10)
        self.share = ui.slider("Share of inputs that are 1", 0, 1, 0.5, 0.05)
        self.initializer = ui.select("Initializer", ui.INITIALIZER_NAMES, "large")
        self.scale = ui.slider("Factor of the weights", 0.1, 10, 1, 0.1)
        self.bars, self.curve = ColumnDataSource(), ColumnDataSource()
        self.saturated = Div(text="")
        self.follow(self.n_inputs, self.share, self.initializer, self.scale)
        self.redraw()

    def contents(self) -> list[Any]:
        """Return sliders, the large number, and the two plots."""
        histogram = ui.new_figure(f"{DRAWS:,} draws and theory", "weighted input z", "density")
        look = {"color": "#bcd2e6", "line_color": "white"}
        histogram.quad("left", "right", "top", bottom=0, source=self.bars, **look)
        histogram.line("z", "density", source=self.curve, color="#0b3c6f", line_width=2)
        same = {"x_range": histogram.x_range}
        unit = ui.new_figure("The sigmoid", "weighted input z", "output", **same)
        unit.line("z", "sigmoid", source=self.curve, color="#222222", line_width=2)
        for plot in (histogram, unit):
            for side in ({"right": -SATURATED_Z}, {"left": SATURATED_Z}):
                plot.add_layout(BoxAnnotation(fill_color="#d98a54", fill_alpha=0.18, **side))
        return [
            ui.wrapped(self.n_inputs, self.share),
            ui.wrapped(self.initializer, self.scale),
            self.saturated,
            ui.wrapped(histogram, unit),
        ]

    def draw(self) -> None:
        """Draw the neuron's weights many times."""
        n_inputs, active, initializer, _ = self._settings()
        found = weighted_input(n_inputs, active, initializer, DRAWS, 0)
        reach = max(1.5 * SATURATED_Z, 4 * found.std, 2 * abs(found.mean))
        tops, edges = np.histogram(found.z, _BARS, (-reach, reach), density=True)
        self.bars.data = {"left": edges[:-1], "right": edges[1:], "top": tops}
        z = np.linspace(-reach, reach, 401)
        density, expected = np.full_like(z, np.nan), "no theory"
        if found.theory is not None:
            density = found.theory.density(z)
            expected = f"theory: {share_text(found.theory.saturated)}"
        self.curve.data = {"z": z, "density": density, "sigmoid": sigmoid(z)}
        share = share_text(found.saturated)
        self.saturated.text = _NUMBER.format(share, SATURATED_Z, expected, found.std)

    def code(self) -> str:
        """Return Python code that draws the same weighted inputs."""
        n_inputs, active, _, text = self._settings()
        name = text.partition("(")[0]
        imported = "" if name == text else f"from fastnet.initializers import {name}\n"
        return (
            f"from fastnet.diagnostics import weighted_input\n{imported}\n"
            f"z = weighted_input({n_inputs}, {active}, {text}, draws={DRAWS}, rng=0)\n"
            "print(z.saturated, z.std, z.theory)\n"
        )

    def _settings(self) -> tuple[int, int, Any, str]:
        """Return the number of inputs, how many are 1, the initializer, and its Python code."""
        n_inputs, share = ui.value_of(self.n_inputs), ui.value_of(self.share)
        name, scale = ui.value_of(self.initializer), ui.value_of(self.scale)
        function = dict(zip(TABLE, FUNCTIONS, strict=True))[name]
        first = next(iter(signature(function).parameters), "")
        if scale == 1 or first not in ("gain", "value"):  # zeros, for example, has no factor
            return n_inputs, round(share * n_inputs), name, repr(name)
        return n_inputs, round(share * n_inputs), function(scale), f"{name}({scale:g})"
