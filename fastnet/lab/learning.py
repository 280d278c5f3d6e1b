"""The panel "Learning": networks with different initializers learn MNIST at the same time."""

from __future__ import annotations

from base64 import b85encode
from collections.abc import Sequence
from typing import Any
from zlib import compress

import numpy as np
from bokeh.models import Button, ColumnDataSource, Div, FreehandDrawTool, LinearColorMapper
from numpy.typing import NDArray

from fastnet.datasets import read_digit
from fastnet.lab import panel as ui
from fastnet.lab.training import MOST_NETWORKS, Point, Settings, Training
from fastnet.network import Network
from fastnet.plotting.images import mosaic

__all__ = ["LearningPanel"]

#: Milliseconds between two updates of the plots.
_PERIOD = 250
_CURVES = {"accuracy": "Validation accuracy", "saturated": "Saturated units of layer 1"}
_ETAS = ("0.01", "0.03", "0.1", "0.3", "1", "3")
_SLIDERS: dict[str, tuple[Any, ...]] = {
    "hidden": ("Hidden units per layer", 10, 200, 30, 10),
    "layers": ("Hidden layers", 1, 5, 1),
    "epochs": ("Epochs", 1, 30, 5),
    "seed": ("Seed", 0, 20, 0),
}
_NONE = "none"
#: Neurons whose weights are shown, how many in a row, and the gap between them in pixels.
_NEURONS, _IN_A_ROW, _GAP = 24, 8, 2
#: The side of the drawing and the width of its lines, in pixels, and the most points.
_CANVAS, _PEN, _MOST_POINTS = 240, 16, 20_000
_BAR = 0.8 / MOST_NETWORKS
#: The code of a training with a digit; the last two lines belong to the training's loop.
_DIGIT_CODE = """\
from base64 import b85decode
from zlib import decompress

import numpy as np
{training}\
    digit = np.frombuffer(decompress(b85decode({digit!r})), np.uint8) / 256
    print("digit:", net.feedforward(digit.astype("float32")))
"""


class LearningPanel(ui.Panel):
    """One training at a time: curves, first-layer weights, and outputs for a drawn digit."""

    title = "Learning"
    about = (
        "The same network is trained from different starting weights on the 50,000 training "
        "images. Ten times an epoch it is tested on the 10,000 validation images. Draw a digit, "
        "and watch what each network answers while it learns."
    )

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.training: Training | None = None
        self.digit: NDArray[Any] | None = None
        self._callback: Any = None
        self._make_inputs()
        self._make_drawing()
        limits: dict[str, Any] = {"x_range": (0, 1), "y_range": (0, 100)}
        self.curve_plots = [
            ui.new_figure(title, "epoch", "%", **limits) for title in _CURVES.values()
        ]
        limits = {"x_range": (-0.5, 9.5), "y_range": (0, 1)}
        self.bars = ui.new_figure("Outputs", "digit", "output", **limits)
        self.bars.xaxis.ticker = list(range(10))
        self.shown = [_NetworkPlots(self.curve_plots, self.bars) for _ in range(MOST_NETWORKS)]
        self.status, self.answer = Div(text="", styles=ui.TEXT), Div(text="", styles=ui.TEXT)
        self._clear_plots(self._settings())

    def contents(self) -> list[Any]:
        """Return inputs, buttons, curves, weights and the drawing."""
        inputs = self.inputs
        return [
            ui.wrapped(*self.initializers, inputs["activation"], inputs["eta"], least=160),
            ui.wrapped(*(inputs[name] for name in _SLIDERS), least=200),
            ui.wrapped(self.go, self.hold, least=140),
            self.status,
            ui.wrapped(*self.curve_plots),
            ui.wrapped(*(plots.picture for plots in self.shown), least=260),
            ui.wrapped(self.clear, self.answer, least=200),
            ui.wrapped(self.canvas, self.view, self.bars, least=_CANVAS),
        ]

    def code(self) -> str:
        """Return Python code that trains the same networks, and feeds them the drawn digit."""
        code = (self.training.settings if self.training else self._settings()).code()
        if self.digit is None:
            return code
        digit = b85encode(compress(self.digit.tobytes(), 9)).decode()
        return _DIGIT_CODE.format(training=code, digit=digit)

    def close(self) -> None:
        """Stop the training, and release its networks."""
        if self.training is not None:
            self.training.stop()
        self.training = None

    def _make_inputs(self) -> None:
        names = ui.INITIALIZER_NAMES
        self.initializers = [
            ui.select("Initializer 1", names, "large"),
            ui.select("Initializer 2", [_NONE, *names], "default"),
            ui.select("Initializer 3", [_NONE, *names], _NONE),
        ]
        self.inputs: dict[str, Any] = {
            "activation": ui.select("Activation", ui.ACTIVATION_NAMES, "sigmoid"),
            "eta": ui.select("Learning rate", _ETAS, "0.1"),
            **{name: ui.slider(*given) for name, given in _SLIDERS.items()},
        }
        self.go = Button(label="Start", button_type="primary")
        self.hold = Button(label="Pause", disabled=True)
        self.go.on_click(lambda: self.attempt(self._start))
        self.hold.on_click(self._pause_or_continue)

    def _make_drawing(self) -> None:
        """Make the canvas to draw on, and the image that the networks see."""
        self.strokes, self.seen = _source("xs", "ys"), _source("image")
        self.strokes.on_change("data", lambda attr, old, new: self.attempt(self._read_digit))
        fixed: dict[str, Any] = {"sizing_mode": "fixed", "width": _CANVAS, "height": 31}
        self.clear = Button(label="Clear the drawing", **fixed)
        self.clear.on_click(lambda: _empty(self.strokes))
        fixed |= {"width": _CANVAS + 6, "height": _CANVAS + 30, "min_border": 3}
        fixed |= {"frame_width": _CANVAS, "frame_height": _CANVAS}
        self.canvas = _unit_plot("Draw a digit here", css_classes=["drawing"], **fixed)
        self.view = _unit_plot("What the networks see", **fixed)
        self.canvas.outline_line_color = self.view.outline_line_color = "#888888"
        _add_image(self.view, self.seen)
        look = {"line_width": _PEN, "line_cap": "round", "line_join": "round"}
        pen = self.canvas.multi_line("xs", "ys", source=self.strokes, color="black", **look)
        tool = FreehandDrawTool(renderers=[pen], num_objects=20)
        self.canvas.add_tools(tool)
        self.canvas.toolbar.active_drag = tool

    def _settings(self) -> Settings:
        chosen = [ui.value_of(model) for model in self.initializers]
        names = tuple(name for name in chosen if name != _NONE)
        if len(set(names)) < len(names):
            raise ValueError("An initializer is chosen twice; choose different ones.")
        values = {name: ui.value_of(model) for name, model in self.inputs.items()}
        values["eta"] = float(values["eta"])
        return Settings(names, **values)

    def _clear_plots(self, settings: Settings) -> None:
        """Clear the plots for a new training."""
        names = settings.initializers
        for k, plots in enumerate(self.shown):
            plots.clear(names[k] if k < len(names) else "")
        for plot in self.curve_plots:
            plot.x_range.end = settings.epochs
        self.status.text = _legend(dict.fromkeys(names, ""))

    def _start(self) -> None:
        """Stop an earlier training, and start a new one."""
        settings = self._settings()
        self.close()
        self._clear_plots(settings)
        self.training = Training(settings)
        self.go.label, self.hold.label, self.hold.disabled = "Restart", "Pause", False
        if self._callback is None:
            self._callback = self.document.add_periodic_callback(self._update_plots, _PERIOD)
        self.update_code()

    def _pause_or_continue(self) -> None:
        if self.training is not None:
            self.hold.label = "Continue" if self.training.pause_or_continue() else "Pause"

    def _update_plots(self) -> None:
        """Show the points that the training has added since the last update."""
        training = self.training
        if training is None:
            return
        running = training.running  # read before the points, so that the last ones are shown
        shown = dict(zip(training.networks, self.shown, strict=False))
        if training.points:
            while training.points:
                name, point = training.points.popleft()
                shown[name].add(point)
            for name, plots in shown.items():
                plots.show_weights(training.networks[name])
            self._show_answers()
            self.status.text = _legend({name: plots.progress for name, plots in shown.items()})
        if training.errors:
            self.message.text = " ".join(training.errors)
        if not running:
            self.hold.disabled = True
            self.document.remove_periodic_callback(self._callback)
            self._callback = None

    def _read_digit(self) -> None:
        """Turn the drawn strokes into an image, and show what the networks answer."""
        self.digit = None
        strokes = list(zip(self.strokes.data["xs"], self.strokes.data["ys"], strict=True))
        if sum(len(xs) for xs, _ in strokes) > _MOST_POINTS:
            raise ValueError("The drawing has too many points; clear it and draw one digit.")
        if strokes:
            self.digit = read_digit(_drawn(strokes), raw=True)
        self._show_answers()
        self.update_code()

    def _show_answers(self) -> None:
        """Show what each network answers to the digit."""
        if self.digit is None:
            for source in (self.seen, *(plots.outputs for plots in self.shown)):
                _empty(source)
            self.answer.text = ""
            return
        self.seen.data = {"image": [self.digit.reshape(28, 28)[::-1]]}
        networks, answers = self.training.networks if self.training else {}, {}
        for k, (name, net) in enumerate(networks.items()):
            outputs = net.feedforward((self.digit / 256).astype(net.dtype))
            x = np.arange(10) + (k - (len(networks) - 1) / 2) * _BAR
            self.shown[k].outputs.data = {"x": x, "output": outputs}
            answers[name] = f": <b>{outputs.argmax()}</b> (output {outputs.max():.2f})"
        self.answer.text = _legend(answers) or "Start a training to see answers."


class _NetworkPlots:
    """The plots of one network: its curves, its first weights, and its outputs."""

    def __init__(self, curve_plots: Sequence[Any], bars: Any) -> None:
        self.curves, self.weights = _source("epoch", *_CURVES), _source("image")
        self.outputs = _source("x", "output")
        self.picture = _unit_plot("", height=None, aspect_ratio=2.4)
        self._colours = _add_image(self.picture, self.weights)
        self._curves = [
            plot.line("epoch", name, source=self.curves).glyph
            for plot, name in zip(curve_plots, _CURVES, strict=True)
        ]
        self._bar = bars.vbar("x", _BAR, "output", source=self.outputs).glyph
        self.progress = ""

    def clear(self, initializer: str) -> None:
        """Clear the plots for a network with this initializer; hide the weights if it is empty."""
        for source in (self.curves, self.weights, self.outputs):
            _empty(source)
        self.picture.visible, self.progress = bool(initializer), ": reading MNIST"
        self.picture.title.text = f"{initializer}: weights of the first units"
        look = ui.look_of(initializer)
        for curve in self._curves:
            curve.update(**look)
        self._bar.update(fill_color=look["line_color"], line_color=look["line_color"])

    def add(self, point: Point) -> None:
        """Add a point to the curves."""
        self.curves.stream({name: [value] for name, value in point.items()})
        self.progress = f": {point['accuracy']:.2f} % after {point['epoch']:.1f} epochs"

    def show_weights(self, net: Network) -> None:
        """Show the weights of the first units as images."""
        weights = np.array(net.weights[0][:_NEURONS]).reshape(-1, 28, 28)
        image = mosaic(weights, min(_IN_A_ROW, len(weights)), _GAP)
        largest = float(np.abs(weights).max()) or 1.0
        self._colours.update(low=-largest, high=largest)
        self.weights.data = {"image": [image[::-1]]}


def _source(*names: str) -> Any:
    return ColumnDataSource({name: [] for name in names})


def _empty(source: Any) -> None:
    source.data = {name: [] for name in source.data}


def _unit_plot(title: str, **options: Any) -> Any:
    """Return an empty plot of the unit square, without axes."""
    return ui.new_figure(title, x_range=(0, 1), y_range=(0, 1), **options)


def _add_image(plot: Any, source: Any) -> Any:
    """Draw an image in grey, low values black and high ones white; return its color mapper."""
    colours = LinearColorMapper(palette="Greys256", low=0, high=255, nan_color="white")
    plot.image("image", x=0, y=0, dw=1, dh=1, source=source, color_mapper=colours)
    return colours


def _drawn(strokes: Sequence[Any]) -> NDArray[Any]:
    """Return strokes in the unit square as a picture, black on white."""
    from PIL import Image, ImageDraw

    page = Image.new("L", (_CANVAS, _CANVAS), 255)
    pen, half = ImageDraw.Draw(page), _PEN / 2
    for xs, ys in strokes:
        across = _CANVAS * np.clip(np.asarray(xs, float), -1, 2)
        down = _CANVAS * (1 - np.clip(np.asarray(ys, float), -1, 2))
        points = list(zip(across.tolist(), down.tolist(), strict=True))
        pen.line(points, fill=0, width=_PEN)
        for x, y in points:
            pen.ellipse((x - half, y - half, x + half, y + half), fill=0)
    return np.asarray(page)


def _legend(notes: dict[str, str]) -> str:
    """Return HTML: each initializer in its colour, with a note."""
    return "<br>".join(
        f"<span style='color: {ui.look_of(name)['line_color']}'>&#9632;</span> {name}{note}"
        for name, note in notes.items()
    )
