"""Pictures with Matplotlib. Each function draws into a given Axes and returns it; none shows it.

Functions whose names end in `_figure` return a whole figure, which is not registered with pyplot
and need not be closed. ``import fastnet.plotting`` works without Matplotlib, which is imported when
something is drawn.

Legends are above the Axes, below its title, and shrink if there is little room. An initializer has
the same colour, line and marker in every picture.
"""

from fastnet.plotting.curves import learning_curves, saturation_over_time
from fastnet.plotting.figures import (
    comparison,
    comparison_figure,
    digit_figure,
    png,
    saturation_figure,
)
from fastnet.plotting.histograms import weighted_input_histogram
from fastnet.plotting.images import confusion_matrix, first_layer_weights
from fastnet.plotting.signals import phase_diagram, propagation, propagation_figure

__all__ = [
    "comparison",
    "comparison_figure",
    "confusion_matrix",
    "digit_figure",
    "first_layer_weights",
    "learning_curves",
    "phase_diagram",
    "png",
    "propagation",
    "propagation_figure",
    "saturation_figure",
    "saturation_over_time",
    "weighted_input_histogram",
]
