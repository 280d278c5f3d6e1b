"""Measurements of networks at initialization: the distribution of a neuron's weighted input."""

from __future__ import annotations

from fastnet.diagnostics.neuron import (
    SATURATED_Z,
    Gaussian,
    WeightedInput,
    theory,
    weighted_input,
)

__all__ = ["SATURATED_Z", "Gaussian", "WeightedInput", "theory", "weighted_input"]
