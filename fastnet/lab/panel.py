"""`Panel`: inputs, plots, and Python code that reproduces what the plots show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from bokeh.layouts import column
from bokeh.models import Button, Div, PreText, Row, Select, Slider
from bokeh.plotting import figure

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_choice, as_number
from fastnet.common.console import error_text
from fastnet.drawing.looks import looks
from fastnet.initializers.named import TABLE

#: The choices of activations of hidden layers, and of initializers.
ACTIVATION_NAMES = [name for name, known in ACTIVATIONS.items() if not known.output_only]
INITIALIZER_NAMES = list(TABLE)
#: Milliseconds between a change and redrawing; changes in between are drawn together.
_DELAY = 20
TEXT = {"font": "14px/1.4 sans-serif"}
_LINES = (
    "pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: 12px/1.5 monospace; "
    "background: #f5f5f5 }"
)


class Panel:
    """A description, inputs, plots, a message for errors, and a button that shows Python code.

    Parameters
    ----------
    document : bokeh Document
    """

    title = ""
    about = ""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.message = Div(text="", styles=TEXT | {"color": "#a11"})
        self.lines = PreText(
            text="", visible=False, stylesheets=[_LINES], sizing_mode="stretch_width"
        )
        self.button = Button(label="Show the Python code")
        self.button.on_click(self._toggle_code)
        self._scheduled = False

    def layout(self) -> Any:
        """Return the panel's model."""
        about = Div(text=self.about, styles=TEXT, sizing_mode="stretch_width")
        children = [about, *self.contents(), self.message, self.button, self.lines]
        return column(children, sizing_mode="stretch_width", styles={"min-width": "0"})

    def contents(self) -> list[Any]:
        """Return the models between the panel's description and its Python code."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what the inputs say; raise an error if one is outside its limits."""

    def code(self) -> str:
        """Return Python code that reproduces what is drawn."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop what is running."""

    def follow(self, *models: Any) -> None:
        """Redraw when an input changes; quick changes are drawn together."""
        for model in models:
            model.on_change("value", lambda attr, old, new: self._schedule())

    def attempt(self, action: Callable[[], None]) -> None:
        """Run `action`; an error becomes the panel's message."""
        self.message.text = ""
        try:
            action()
        except (ValueError, TypeError, ArithmeticError, MemoryError, ImportError) as error:
            self.message.text = escape(error_text(error))

    def redraw(self) -> None:
        """Draw, and update the Python code if it is visible."""
        self._scheduled = False
        self.attempt(self.draw)
        if not self.message.text:
            self.update_code()

    def update_code(self) -> None:
        """Update the Python code if it is visible."""
        if self.lines.visible:
            self.lines.text = ""
            self.attempt(lambda: self.lines.update(text=self.code()))

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.document.add_timeout_callback(self.redraw, _DELAY)

    def _toggle_code(self) -> None:
        self.lines.visible = not self.lines.visible
        self.button.label = f"{'Hide' if self.lines.visible else 'Show'} the Python code"
        self.update_code()


def slider(title: str, start: float, end: float, value: float, step: float = 1) -> Any:
    """Return a slider that fills the available width."""
    limits = {"start": start, "end": end, "value": value, "step": step}
    return Slider(title=title, sizing_mode="stretch_width", **limits)


def select(title: str, options: Iterable[str], value: str) -> Any:
    """Return a drop-down list."""
    return Select(title=title, options=list(options), value=value, sizing_mode="stretch_width")


def value_of(model: Any) -> Any:
    """Return the value of a slider or list, which a browser may have set outside its limits.

    Raises
    ------
    ValueError, TypeError
        The value is outside its limits, or not an integer although the slider's steps are.
    """
    if isinstance(model, Select):
        return as_choice(model.value, model.title, model.options)
    value = round(as_number(model.value, model.title), 6)
    whole = float(model.step).is_integer()
    if not model.start <= value <= model.end or (whole and not value.is_integer()):
        raise ValueError(f"{model.title} is {value:g}; expected {model.start:g} to {model.end:g}.")
    return int(value) if whole else value


def new_figure(title: str, x: str = "", y: str = "", **options: Any) -> Any:
    """Return an empty plot without tools, so that a finger on it scrolls the page."""
    options = {"tools": "", "height": 280, "sizing_mode": "stretch_width"} | options
    plot = figure(title=title, toolbar_location=None, outline_line_color=None, **options)
    plot.xaxis.axis_label, plot.yaxis.axis_label = x, y
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.visible = plot.grid.visible = bool(x)
    return plot


def look_of(initializer: str) -> dict[str, Any]:
    """Return the colour and line of an initializer, the same as in fastnet's pictures."""
    look = looks([initializer])[initializer]
    line = look["linestyle"]
    plain = {"-": "solid", "--": "dashed", "-.": "dashdot", ":": "dotted"}
    dash = plain[line] if isinstance(line, str) else [3 * part for part in line[1]]
    return {"line_color": look["color"], "line_dash": dash, "line_width": 2}


def wrapped(*models: Any, least: int = 300) -> Any:
    """Return models side by side, at least `least` pixels wide; a narrow screen wraps them."""
    for model in models:
        if model.sizing_mode != "fixed":
            model.styles = {**model.styles, "flex": f"1 1 {least}px", "min-width": "0"}
    styles = {"flex-wrap": "wrap", "gap": "4px 16px"}
    return Row(children=list(models), sizing_mode="stretch_width", styles=styles)
