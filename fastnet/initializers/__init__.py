"""Initializers: distributions of starting weights and biases, drawn from a NumPy generator.

Numbers are drawn in the book's order: all biases, layer by layer, then all weight matrices, layer
by layer, each in C order. `n_in` and `n_out` are the numbers of units below and above a weight
matrix.

A network takes an initializer by name (`INITIALIZERS` has all names), as a number for every weight,
as a scheme such as `VarianceScaling(2.0, "fan_in", "normal")` or `he_normal(gain=1.5)`, as a
function of your own, or as a list with one of these for each layer.
"""

from fastnet.initializers.drawing import (
    Initializer,
    LayerInfo,
    Moments,
    draw,
    moments,
    name_of,
    read_initializer,
)
from fastnet.initializers.named import (
    INITIALIZERS,
    constant,
    default,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    identity,
    kaiming_normal,
    kaiming_uniform,
    large,
    lecun_normal,
    lecun_uniform,
    lsuv,
    normal,
    orthogonal,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from fastnet.initializers.schemes import (
    LSUV,
    Constant,
    Identity,
    Normal,
    Orthogonal,
    Scheme,
    VarianceScaling,
)

__all__ = [
    "INITIALIZERS",
    "LSUV",
    "Constant",
    "Identity",
    "Initializer",
    "LayerInfo",
    "Moments",
    "Normal",
    "Orthogonal",
    "Scheme",
    "VarianceScaling",
    "constant",
    "default",
    "draw",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "large",
    "lecun_normal",
    "lecun_uniform",
    "lsuv",
    "moments",
    "name_of",
    "normal",
    "orthogonal",
    "read_initializer",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
