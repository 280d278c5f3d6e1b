"""The page: three panels in tabs."""

from __future__ import annotations

from typing import Any

from bokeh.models import Div, TabPanel, Tabs

from fastnet.lab.layers import LayersPanel
from fastnet.lab.learning import LearningPanel
from fastnet.lab.neuron import NeuronPanel
from fastnet.lab.panel import Panel

__all__ = ["Page", "write_notice"]

_TEMPLATE = """
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  html body { margin: 0 auto; padding: 8px 14px; max-width: 1240px; height: auto; }
</style>
{% endblock %}
"""
#: Bokeh keeps room for hidden panels; the page should be as long as the visible one.
_HIDDEN = "[style*='visibility: hidden'] { display: none !important; }"
_HEAD = (
    "<h1 style='font: 600 20px sans-serif; margin: 4px 0'>fastnet lab</h1>"
    "<p style='font: 14px sans-serif; margin: 0 0 4px; color: #444'>How starting weights decide "
    "what a network can learn.</p>"
)


class Page:
    """The contents of one document, that is, of one browser tab.

    Parameters
    ----------
    document : bokeh Document
    """

    def __init__(self, document: Any) -> None:
        _prepare(document)
        kinds = NeuronPanel, LayersPanel, LearningPanel
        self.panels: list[Panel] = [kind(document) for kind in kinds]
        tabs = [TabPanel(child=panel.layout(), title=panel.title) for panel in self.panels]
        document.add_root(Div(text=_HEAD, sizing_mode="stretch_width"))
        document.add_root(Tabs(tabs=tabs, sizing_mode="stretch_width", stylesheets=[_HIDDEN]))

    def close(self) -> None:
        """Stop trainings, and release data and networks."""
        for panel in self.panels:
            panel.close()


def write_notice(document: Any, text: str) -> None:
    """Write a sentence in place of the page."""
    _prepare(document)
    document.add_root(Div(text=text, sizing_mode="stretch_width"))


def _prepare(document: Any) -> None:
    document.title = "fastnet lab"
    document.template = _TEMPLATE
