"""`Panel`: inputs, plots, and the Python lines that reproduce what the plots show."""

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

#: Activations of hidden layers, and the initializers.
ACTIVATION_NAMES = [name for name, known in ACTIVATIONS.items() if not known.output_only]
INITIALIZER_NAMES = list(TABLE)
#: Milliseconds from a change to the redrawing, in which further changes are taken along.
_DELAY = 20
TEXT = {"font": "14px/1.4 sans-serif"}
_LINES = (
    "pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: 12px/1.5 monospace; "
    "background: #f5f5f5 }"
)


class Panel:
    """A sentence, inputs, plots, a message for errors, and a button for the Python lines.

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
        self.button = Button(label="Show the Python lines")
        self.button.on_click(self._toggle_lines)
        self._scheduled = False

    def layout(self) -> Any:
        """Return the panel's model."""
        about = Div(text=self.about, styles=TEXT, sizing_mode="stretch_width")
        children = [about, *self.contents(), self.message, self.button, self.lines]
        return column(children, sizing_mode="stretch_width", styles={"min-width": "0"})

    def contents(self) -> list[Any]:
        """Return the models between the panel's sentence and its Python lines."""
        raise NotImplementedError

    def draw(self) -> None:
        """Read the inputs, and draw what belongs to them; raise if one is outside its limits."""

    def code(self) -> str:
        """Return the Python lines that reproduce what is drawn."""
        raise NotImplementedError

    def close(self) -> None:
        """End what runs."""

    def follow(self, *models: Any) -> None:
        """Redraw when the value of an input changes, once for all changes that come meanwhile."""
        for model in models:
            model.on_change("value", lambda attr, old, new: self._schedule())

    def attempt(self, action: Callable[[], None]) -> None:
        """Do it; an error becomes the panel's message."""
        self.message.text = ""
        try:
            action()
        except (ValueError, TypeError, ArithmeticError, MemoryError, ImportError) as error:
            self.message.text = escape(error_text(error))

    def redraw(self) -> None:
        """Draw, and write the Python lines anew if they are open."""
        self._scheduled = False
        self.attempt(self.draw)
        if not self.message.text:
            self.write_lines()

    def write_lines(self) -> None:
        """Write the Python lines if they are open."""
        if self.lines.visible:
            self.lines.text = ""
            self.attempt(lambda: self.lines.update(text=self.code()))

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.document.add_timeout_callback(self.redraw, _DELAY)

    def _toggle_lines(self) -> None:
        self.lines.visible = not self.lines.visible
        self.button.label = f"{'Hide' if self.lines.visible else 'Show'} the Python lines"
        self.write_lines()


def slider(title: str, start: float, end: float, value: float, step: float = 1) -> Any:
    """Return a slider that takes the width that it can get."""
    limits = {"start": start, "end": end, "value": value, "step": step}
    return Slider(title=title, sizing_mode="stretch_width", **limits)


def select(title: str, options: Iterable[str], value: str) -> Any:
    """Return a list to choose from."""
    return Select(title=title, options=list(options), value=value, sizing_mode="stretch_width")


def value_of(model: Any) -> Any:
    """Return the value of a slider or list, which a browser may have set outside its limits.

    Raises
    ------
    ValueError, TypeError
        It is outside them; of a slider with whole steps, also a number that is not whole.
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
    """Return models side by side, each `least` pixels wide or more; below each other on a phone."""
    for model in models:
        if model.sizing_mode != "fixed":
            model.styles = {**model.styles, "flex": f"1 1 {least}px", "min-width": "0"}
    styles = {"flex-wrap": "wrap", "gap": "4px 16px"}
    return Row(children=list(models), sizing_mode="stretch_width", styles=styles)
