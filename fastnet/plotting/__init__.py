"""Pictures. Each function draws into an Axes that it is given, returns it, and shows nothing.

The functions that end in `_figure` make a whole figure, which pyplot does not know: nothing has to
be closed. Matplotlib is imported when something is drawn, not before; ``import fastnet.plotting``
works without.

Legends stand above the Axes, where no curve comes. A title of your own goes over them with
``figure.suptitle``, or with ``ax.set_title(..., pad=30)``.
"""

from fastnet.plotting.curves import learning_curves, saturation_over_time
from fastnet.plotting.figures import comparison, comparison_figure, png, saturation_figure
from fastnet.plotting.histograms import weighted_input_histogram
from fastnet.plotting.images import confusion_matrix, first_layer_weights

__all__ = [
    "comparison",
    "comparison_figure",
    "confusion_matrix",
    "first_layer_weights",
    "learning_curves",
    "png",
    "saturation_figure",
    "saturation_over_time",
    "weighted_input_histogram",
]
