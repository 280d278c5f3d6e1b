"""`Architecture`: the layer sizes, activations, cost and dtype of a network, and their checks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_count, as_items, memory_for, shown
from fastnet.common.hints import did_you_mean, same_name
from fastnet.costs import AnyCost, described, find_cost
from fastnet.kernels import codes

__all__ = ["Architecture", "check_change", "read_architecture", "read_dtype", "read_sizes"]

#: The largest number of layers of weights that a workspace has room for.
MAX_DEPTH = 128
#: The output whose derivative each of these costs cancels; the quadratic cost goes with any.
OUTPUTS = {"cross_entropy": "sigmoid", "log_likelihood": "softmax", "poisson": "exponential"}
#: The only possible output of some costs, and the default output; the identity for the others.
_ONLY_OUTPUTS = OUTPUTS | {"gaussian": "identity"}
_USUAL_OUTPUTS = _ONLY_OUTPUTS | {"quadratic": "sigmoid"}
#: Names of activations in other libraries.
_WORDS = {"logistic": "sigmoid", "linear": "identity", "none": "identity", "exp": "exponential"}
_WORDS |= {"lrelu": "leaky_relu", "rectifier": "relu", "expit": "sigmoid", "swish": "silu"}
_WORDS |= {"sin": "sine", "siren": "sine", "prelu": "leaky_relu", "relu6": "relu"}


class Architecture(NamedTuple):
    """The layer sizes, activations, cost and dtype of a network.

    Attributes
    ----------
    sizes : tuple of int
        Units per layer, the inputs first.
    activations : tuple of str
        Activation of each layer but the inputs.
    cost : class or instance
    dtype : dtype
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: AnyCost
    dtype: np.dtype[Any]

    @property
    def codes(self) -> tuple[list[int], int]:
        """The numbers of activations and cost in the kernels."""
        return [codes.ACTIVATIONS[name] for name in self.activations], codes.COSTS[self.cost.name]

    @property
    def n_targets(self) -> int:
        """Number of targets per example: that of the outputs, unless a target has several."""
        return self.sizes[-1] // self.cost._outputs_per_target()

    @property
    def layers(self) -> list[tuple[int, int, str, int]]:
        """Inputs, units, activation and number of parameters of each layer."""
        return [
            (n_in, n_out, name, (n_in + 1) * n_out)
            for (n_in, n_out), name in zip(pairwise(self.sizes), self.activations, strict=True)
        ]

    def describe(self) -> list[str]:
        """Return one line per layer, and the total number of parameters."""
        lines = [
            f"  layer {layer}: {f'{n_in} -> {n_out}':<14} {name:<10} {count:>9} parameters"
            for layer, (n_in, n_out, name, count) in enumerate(self.layers, 1)
        ]
        return [*lines, f"{sum(count for *_, count in self.layers):>45} in total"]


def read_architecture(
    sizes: Any, activation: Any, output: Any, cost: Any, dtype: DTypeLike
) -> Architecture:
    """Return the architecture for the arguments of `Network`, checked.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong value or type, or cost and output activation do not match.

    Examples
    --------
    >>> read_architecture([4, 3, 2], "tanh", "softmax", "log_likelihood", float).activations
    ('tanh', 'softmax')
    """
    read = read_sizes(sizes)
    found = find_cost(cost)
    activations = _read_activations(activation, output, found, len(read) - 1)
    number = read_dtype(dtype)
    check_cost(found, activations[-1], read[-1], number)
    return Architecture(tuple(read), tuple(activations), found, number)


def check_cost(cost: AnyCost, output: str, n_out: int, dtype: np.dtype[Any]) -> None:
    """Refuse a cost that does not match the outputs, or whose parameters do not fit into `dtype`.

    Raises
    ------
    ValueError
        The cost needs another output activation or number of outputs, or a parameter of the cost
        would become 0 or infinite.
    """
    wanted = _ONLY_OUTPUTS.get(cost.name)
    if wanted is not None and output != wanted:
        raise ValueError(
            f"cost {described(cost)} goes with output={wanted!r}, not {output!r}; "
            "softmax goes with LogLikelihoodCost, sigmoid with CrossEntropyCost, "
            "exponential with PoissonCost, anything with QuadraticCost."
        )
    if cost._of_numbers and output == "softmax":
        raise ValueError(
            f"cost {described(cost)} is for numbers, and output='softmax' gives probabilities; use "
            "output='identity'."
        )
    count = cost._outputs_per_target()
    if n_out % count:
        raise ValueError(
            f"cost {described(cost)} needs {count} outputs for each target, and the last layer has "
            f"{n_out} units; give it {count} for one target, {2 * count} for two."
        )
    cost._check_held(dtype)


def check_change(architecture: Architecture, cost: AnyCost) -> None:
    """Refuse a new cost for a network as `check_cost` does, or if it needs other targets.

    Raises
    ------
    ValueError
        As for `check_cost`, or its number of outputs for each target differs.
    """
    check_cost(cost, architecture.activations[-1], architecture.sizes[-1], architecture.dtype)
    before, after = architecture.cost._outputs_per_target(), cost._outputs_per_target()
    if before != after:
        raise ValueError(
            f"cost {described(cost)} needs {after} outputs for each target; this network was made "
            f"for {described(architecture.cost)}, with {before}. Make a new network."
        )


def read_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float64 or float32.

    Raises
    ------
    TypeError
        `dtype` is not a dtype.
    ValueError
        It is another dtype.
    """
    try:
        with memory_for("dtype"):
            read = np.dtype(dtype)
    except MemoryError:
        raise
    except Exception as error:  # NumPy asks the object for its repr, which may be broken
        raise TypeError(f"dtype is {shown(dtype)}; expected float64 or float32.") from error
    if read not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype is {read}; a network computes in float64 or float32.")
    return read.newbyteorder("=")


def read_sizes(sizes: Any) -> list[int]:
    """Return the units per layer, inputs first.

    Raises
    ------
    TypeError
        `sizes` is not a collection of integers.
    ValueError
        There are fewer than two sizes, too many, or one is not positive.
    """
    items = as_items(sizes, "sizes")
    if items is None:
        raise TypeError(f"sizes is {shown(sizes)}; give one list of two or more positive integers.")
    read = [as_count(n, f"sizes[{layer}]", at_least=1) for layer, n in enumerate(items)]
    if len(read) < 2:
        raise ValueError(f"sizes is {read}; give two or more positive integers.")
    if len(read) > MAX_DEPTH + 1:
        raise ValueError(f"sizes has {len(read)} layers; give {MAX_DEPTH + 1} at most.")
    return read


def _read_activations(activation: Any, output: Any, cost: AnyCost, depth: int) -> list[str]:
    names: list[Any] | None
    if isinstance(activation, str):
        names = [activation] * (depth - 1)
    else:
        names = as_items(activation, "activation")
    if names is None:
        raise TypeError(f"activation is {shown(activation)}; give a name, or one name per layer.")
    if len(names) == depth and output is None:
        names, output = names[:-1], names[-1]
    if len(names) != depth - 1:
        raise ValueError(
            f"activation has {len(names)} names; this network has {depth - 1} hidden layers."
        )
    if output is None:
        output = _USUAL_OUTPUTS.get(cost.name, "identity")
    read = [
        _read_activation(name, "activation" if layer < depth else "output activation")
        for layer, name in enumerate((*names, output), 1)
    ]
    for name in read[:-1]:
        if ACTIVATIONS[name].output_only:
            raise ValueError(f"activation is {name!r} in a hidden layer; it is for output= only.")
    return read


def _read_activation(given: Any, where: str) -> str:
    """Return the name in `ACTIVATIONS` for one in upper or lower case."""
    found = same_name(given, ACTIVATIONS) if isinstance(given, str) else None
    if found is None:
        hint = did_you_mean(given, ACTIVATIONS, _WORDS) if isinstance(given, str) else ""
        raise ValueError(
            f"{where} is {shown(given)}; the activations are {', '.join(ACTIVATIONS)}.{hint}"
        )
    return found
