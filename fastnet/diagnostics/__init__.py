"""What can be measured of a network at the start: the distribution of its weighted inputs."""

from __future__ import annotations

from fastnet.diagnostics.neuron import (
    SATURATED_Z,
    Gaussian,
    WeightedInput,
    theory,
    weighted_input,
)

__all__ = ["SATURATED_Z", "Gaussian", "WeightedInput", "theory", "weighted_input"]
