"""Networks at initialization: weighted inputs, signal propagation, and the theory of both."""

from __future__ import annotations

from fastnet.diagnostics.mean_field import MeanField, critical_sigma_w, mean_field
from fastnet.diagnostics.neuron import (
    SATURATED_Z,
    Gaussian,
    WeightedInput,
    theory,
    weighted_input,
)
from fastnet.diagnostics.propagation import Propagation, propagation

__all__ = [
    "SATURATED_Z",
    "Gaussian",
    "MeanField",
    "Propagation",
    "WeightedInput",
    "critical_sigma_w",
    "mean_field",
    "propagation",
    "theory",
    "weighted_input",
]
