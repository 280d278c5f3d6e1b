"""Layer-sequential unit variance (LSUV): `scale` gives weighted inputs variance 1 on data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import memory_for
from fastnet.costs import QuadraticCost
from fastnet.data.rows import InputRows, as_rows
from fastnet.initializers import LSUV
from fastnet.model.architecture import Architecture
from fastnet.model.model import Model
from fastnet.model.prediction import layer_statistics, outputs_for

__all__ = ["scale"]

Array = NDArray[Any]
#: A standard deviation below this many units in the last place of the mean is only rounding.
ROUNDING = 64


def scale(
    architecture: Architecture, drawn: Sequence[Array], layers: Mapping[int, LSUV], rows: InputRows
) -> None:
    """Scale the weights of some layers, in place, until their weighted inputs have variance 1.

    Parameters
    ----------
    architecture : Architecture
    drawn : sequence of ndarray
        Every bias, then every weight matrix.
    layers : mapping of int to LSUV
        By the layer's index. Other layers do not change.
    rows : InputRows
        Inputs of the first layer. The outputs of one layer for all of them must fit into memory.

    Raises
    ------
    ValueError
        Weighted inputs do not vary, or are not finite, or cannot be scaled to variance 1.
    MemoryError

    References
    ----------
    D. Mishkin and J. Matas 2016, arXiv 1511.06422, algorithm 1.
    """
    depth, last = len(architecture.activations), max(layers)
    with memory_for("initialize: data"):
        for i in range(last + 1):
            biases, weights = drawn[i], drawn[depth + i]
            n_out, n_in = weights.shape
            # Only the weighted inputs of the last of these layers are needed.
            output = architecture.activations[i] if i < last else "identity"
            dtype = architecture.dtype
            layer = Model([n_in, n_out], QuadraticCost, dtype=dtype, output=output, initializer=0)
            layer.biases, layer.weights = [biases], [weights]
            if i in layers:
                _scale_layer(layer, rows, layers[i], i + 1)
                weights[...] = layer.weights[0]
            if i < last:
                name = f"initialize: the inputs of layer {i + 2}"
                rows = as_rows(outputs_for(layer, rows), n_out, name)


def _scale_layer(layer: Model, rows: Any, lsuv: LSUV, number: int) -> None:
    """Scale the weights of a network of one layer."""
    for iteration in range(lsuv.max_iterations + 1):
        found = layer_statistics(layer, rows, None)[0]
        mean, std = found["mean_z"], found["std_z"]
        variance = std * std
        if not ROUNDING * np.finfo(layer.dtype).eps * abs(mean) < std < np.inf:
            raise ValueError(
                f"the weighted inputs of layer {number} have mean {mean:.4g} and standard "
                f"deviation {std:.4g} over the rows and units of data, so that no scale of the "
                "weights gives them variance 1; give data that vary or, if the units of the layer "
                "before are dead or saturated, another scheme or activation."
            )
        if abs(variance - 1) < lsuv.tolerance:
            return
        if iteration < lsuv.max_iterations:
            with np.errstate(over="ignore"):
                layer.weights = [layer.weights[0] / std]
    raise ValueError(
        f"the weighted inputs of layer {number} have variance {variance:.4g} after "
        f"{lsuv.max_iterations} divisions of the weights; expected 1 within {lsuv.tolerance}. Give "
        "smaller biases (bias_initializer='zeros'), or a larger tolerance or max_iterations."
    )
