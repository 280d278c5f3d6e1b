"""`Layer`: the common form of a layer, between networks and models of other libraries."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.errors import missing_extra
from fastnet.model.architecture import OUTPUTS, read_architecture
from fastnet.model.model import AnyModel, Model
from fastnet.model.parameters import layer_views
from fastnet.preprocessing import Preprocessing

__all__ = [
    "Layer",
    "assemble",
    "known_preprocessing",
    "layers_of",
    "layers_to_write",
    "required",
]


#: The default cost for each output activation.
USUAL_COSTS = {output: cost for cost, output in OUTPUTS.items()}


@dataclass
class Layer:
    """One layer of a model: weights of shape (n_out, n_in), biases (n_out,); `name` for messages.

    The activation is None until it is known.
    """

    weight: NDArray[Any]
    bias: NDArray[Any]
    activation: str | None
    name: str


def assemble(
    cls: type[AnyModel], layers: Sequence[Layer], *, cost: Any, output: str | None, name: str
) -> AnyModel:
    """Return a network of class `cls` from copies of the layers, in their dtype.

    `output` is the last activation if the layers do not have one; the cost is by default the one
    that goes with it. `name` is what messages call the other library's model.

    Raises
    ------
    ValueError
        There are no layers, their widths do not match, a number is not finite, or the last
        activation is given twice.
    """
    if not layers:
        raise ValueError(f"{name} has no Linear layer; expected one or more.")
    for below, above in pairwise(layers):
        if len(below.weight) != above.weight.shape[1]:
            raise ValueError(
                f"{above.name} takes {above.weight.shape[1]} inputs, and the layer before it has "
                f"{len(below.weight)} units; expected the same number."
            )
    for layer in layers:
        if not (np.isfinite(layer.weight).all() and np.isfinite(layer.bias).all()):
            raise ValueError(
                f"{layer.name} holds numbers that are not finite; expected finite ones."
            )
    last = layers[-1].activation
    if output is not None and last is not None:
        raise ValueError(f"output is {output!r}, but {name} ends in {last!r}; leave output out.")
    last = last or output or "identity"
    architecture = read_architecture(
        [layers[0].weight.shape[1], *(len(layer.weight) for layer in layers)],
        [layer.activation or "identity" for layer in layers[:-1]],
        last,
        cost or USUAL_COSTS.get(last, "quadratic"),
        layers[0].weight.dtype,
    )
    return cls._from_parameters(
        architecture,
        [layer.bias[:, np.newaxis] for layer in layers],
        [layer.weight for layer in layers],
    )


def layers_of(network: Model) -> list[Layer]:
    """Return copies of a network's layers, all of one step if another thread trains it."""
    biases, weights = layer_views(network._copied_parameters(), network.sizes)
    return [
        Layer(weight, bias[:, 0], activation, f"layer {number}")
        for number, (weight, bias, activation) in enumerate(
            zip(weights, biases, network.activations, strict=True), 1
        )
    ]


def layers_to_write(
    network: Model, path: str | os.PathLike[str], form: str
) -> tuple[list[Layer], Preprocessing]:
    """Return copies of a network's layers and its preprocessing, to be written in another format.

    Raises
    ------
    TypeError
        The preprocessing is not a `Preprocessing`.
    ValueError
        It does not fit the network, or a parameter is not finite.
    """
    known = network.preprocessing
    if known is not None and not isinstance(known, Preprocessing):
        raise TypeError(
            f"preprocessing is {known!r}, which {form} cannot express; expected a "
            "fastnet.Preprocessing, or None."
        )
    known = known or Preprocessing()
    known.check(network.sizes)
    layers = layers_of(network)
    if not all(np.isfinite(part).all() for each in layers for part in (each.weight, each.bias)):
        raise ValueError(
            f"the network has parameters that are not finite; {os.fsdecode(path)!r} was not "
            "written. Has the training diverged?"
        )
    return layers, known


def required(module: str, what: str, extra: str) -> Any:
    """Return another library's module, or raise the ImportError that `what` needs the extra."""
    try:
        return import_module(module)
    except ImportError:
        raise missing_extra(what, extra) from None


def known_preprocessing(network: Model, what: str) -> Preprocessing:
    """Return a network's preprocessing, and warn if it scales, which `what` does not do.

    Without a `Preprocessing`, return one that changes nothing.
    """
    known = network.preprocessing
    if not isinstance(known, Preprocessing):
        return Preprocessing()
    parts = []
    if known.changes_inputs:
        parts.append("it takes net.preprocessing.inputs(X), not X")
    if (known.target_mean, known.target_scale) != (0.0, 1.0):
        parts.append("net.preprocessing.outputs(...) returns predictions in units of the target")
    if parts:
        warnings.warn(
            f"this network has preprocessing that {what} does not do: {'; '.join(parts)}",
            UserWarning,
            stacklevel=4,
        )
    return known
