"""Measurements of networks at initialization: weighted inputs, and how signals propagate."""

from __future__ import annotations

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
    "Propagation",
    "WeightedInput",
    "propagation",
    "theory",
    "weighted_input",
]
