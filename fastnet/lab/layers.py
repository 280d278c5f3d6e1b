"""The panel "Many layers": variances of signal and error in each layer of a deep network."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from fastnet.diagnostics import propagation
from fastnet.lab import panel as ui

__all__ = ["LayersPanel"]

ROWS = 100
#: By field of `Propagation`, the title and the y-axis of its plot.
_PLOTS = {
    "var_z": ("Forward: the signal", "variance of z"),
    "var_delta": ("Backward: the error", "variance of the error"),
}


class LayersPanel(ui.Panel):
    """Variances in each layer, measured in one network and expected for infinite width."""

    title = "Many layers"
    about = (
        "The signal passes forward through every layer, and the error backward. If the variance "
        "shrinks from layer to layer, they vanish; if it grows, they explode. The scale is "
        "logarithmic. Points are measured in one network; the grey line is mean field theory."
    )

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.depth = ui.slider("Layers", 2, 50, 20)
        self.width = ui.slider("Units per layer", 10, 150, 100, 10)
        self.activation = ui.select("Activation", ui.ACTIVATION_NAMES, "relu")
        self.initializer = ui.select("Initializer", ui.INITIALIZER_NAMES, "glorot_normal")
        self.curves = {name: ColumnDataSource() for name in _PLOTS}
        self._glyphs: list[Any] = []
        self._ranges = {name: Range1d(0.1, 10) for name in _PLOTS}
        self.follow(self.depth, self.width, self.activation, self.initializer)
        self.redraw()

    def contents(self) -> list[Any]:
        """Return sliders and the two plots."""
        plots = []
        for name, (title, y) in _PLOTS.items():
            scale: dict[str, Any] = {"y_axis_type": "log", "y_range": self._ranges[name]}
            plot, source = ui.new_figure(title, "layer", y, **scale), self.curves[name]
            plot.line("layer", "theory", source=source, color="#999999", line_width=4)
            look = ui.look_of(self.initializer.value)
            self._glyphs.append(plot.line("layer", "measured", source=source, **look).glyph)
            plot.scatter("layer", "measured", source=source, size=6, color="#333333")
            plots.append(plot)
        return [
            ui.wrapped(self.depth, self.width),
            ui.wrapped(self.activation, self.initializer),
            ui.wrapped(*plots),
        ]

    def draw(self) -> None:
        """Measure the chosen network."""
        sizes, activation, initializer = self._settings()
        X = np.random.default_rng(0).standard_normal((ROWS, sizes[0]))
        given = {"initializer": initializer, "activation": activation}
        found = propagation(sizes, X, seeds=1, rng=0, singular_values=False, **given)
        if not (found.mean("var_z").any() and found.mean("var_delta").any()):
            raise ValueError(
                "The variances are 0, which a logarithmic scale cannot show; choose another "
                "initializer or activation."
            )
        for name, source in self.curves.items():
            both = {"measured": found.mean(name), "theory": found.theory(name)}
            curves = {label: _drawable(values) for label, values in both.items()}
            self._ranges[name].update(**_limits(list(curves.values())))
            source.data = {"layer": found.layers, **curves}
        for glyph in self._glyphs:
            glyph.update(**ui.look_of(initializer))

    def code(self) -> str:
        """Return Python code that measures the same network."""
        sizes, activation, initializer = self._settings()
        return (
            "import numpy as np\n"
            "from fastnet.diagnostics import propagation\n"
            "\n"
            f"X = np.random.default_rng(0).standard_normal(({ROWS}, {sizes[0]}))\n"
            f"found = propagation([{sizes[0]}] * {len(sizes)}, X, initializer={initializer!r},\n"
            f"                    activation={activation!r}, seeds=1, rng=0)\n"
            'print(found.mean("var_z"), found.mean("var_delta"))\n'
        )

    def _settings(self) -> tuple[list[int], str, str]:
        sizes = [ui.value_of(self.width)] * (ui.value_of(self.depth) + 1)
        return sizes, ui.value_of(self.activation), ui.value_of(self.initializer)


def _limits(curves: Any) -> dict[str, float]:
    """Return the ends of a logarithmic axis: powers of ten, slightly over two decades apart."""
    low, high = float(np.nanmin(curves)) / 4, float(np.nanmax(curves)) * 4
    start, end = 10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high))
    return {"start": start, "end": 1.01 * end}  # over less, Bokeh's ticks are not logarithmic


def _drawable(values: Any) -> Any:
    """Return the values with NaN, which is not drawn, in place of 0 and infinity."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
