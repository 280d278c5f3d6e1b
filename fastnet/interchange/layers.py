"""`Layer`: what other libraries' models are taken apart into, and networks are made of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.model.architecture import OUTPUTS, read_architecture
from fastnet.model.model import AnyModel, Model
from fastnet.model.parameters import layer_views
from fastnet.preprocessing import Preprocessing

__all__ = ["Layer", "assemble", "layers_of", "warn_of_scaling"]


#: What is learned by, where nobody says.
USUAL_COSTS = {output: cost for cost, output in OUTPUTS.items()}


@dataclass
class Layer:
    """One layer of somebody's model.

    Attributes
    ----------
    weight : ndarray, shape (n_out, n_in)
    bias : ndarray, shape (n_out,)
    activation : str or None
        None where none has been met.
    name : str
        What messages call it.
    """

    weight: NDArray[Any]
    bias: NDArray[Any]
    activation: str | None
    name: str


def assemble(
    cls: type[AnyModel], layers: Sequence[Layer], *, cost: Any, output: str | None, name: str
) -> AnyModel:
    """Return a network of class `cls` of copies of the layers, in their dtype.

    Parameters
    ----------
    cls : type
    layers : sequence of Layer
    cost : class, str or None
        By default the one that goes with the output.
    output : str or None
        The last activation, where the layers don't say.
    name : str
        What messages call the other library's model.

    Raises
    ------
    ValueError, TypeError
        There are no layers, they don't fit together or are not finite, or `output` is given twice.

    Examples
    --------
    >>> import fastnet
    >>> layer = Layer(np.eye(2), np.zeros(2), "tanh", "the only layer")
    >>> assemble(fastnet.Network, [layer], cost=None, output=None, name="model").sizes
    [2, 2]
    """
    if not layers:
        raise ValueError(f"{name} holds no Linear layer; expected one or more.")
    for below, above in pairwise(layers):
        if len(below.weight) != above.weight.shape[1]:
            raise ValueError(
                f"{above.name} takes {above.weight.shape[1]} inputs, and the layer before it has "
                f"{len(below.weight)} units; they must agree."
            )
    for layer in layers:
        if not (np.isfinite(layer.weight).all() and np.isfinite(layer.bias).all()):
            raise ValueError(f"{layer.name} holds numbers that are not finite.")
    last = layers[-1].activation
    if output is not None and last is not None:
        raise ValueError(f"output is {output!r}, and {name} ends in {last!r}; give one of them.")
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
    """Return copies of a network's layers between two stores of a training in another thread.

    Examples
    --------
    >>> import fastnet
    >>> [layer.activation for layer in layers_of(fastnet.Network([3, 2, 2], activation="tanh"))]
    ['tanh', 'sigmoid']
    """
    biases, weights = layer_views(network._copied_parameters(), network.sizes)
    return [
        Layer(weight, bias[:, 0], activation, f"layer {number}")
        for number, (weight, bias, activation) in enumerate(
            zip(weights, biases, network.activations, strict=True), 1
        )
    ]


def warn_of_scaling(network: Model, what: str) -> None:
    """Warn where a network's inputs or targets are scaled, and `what` does not scale them."""
    known = network.preprocessing
    if not isinstance(known, Preprocessing):
        return
    parts = []
    if known.changes_inputs:
        parts.append("it takes net.preprocessing.inputs(X), not X")
    if (known.target_mean, known.target_scale) != (0.0, 1.0):
        parts.append("net.preprocessing.outputs(...) gives its answers in the units of the target")
    if parts:
        warnings.warn(
            f"this network has preprocessing that {what} does not do: {'; '.join(parts)}",
            UserWarning,
            stacklevel=4,
        )
