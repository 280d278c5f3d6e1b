"""What a network is made of: layer sizes, an activation each, a cost that fits the last one."""

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

#: As many layers of weights as a workspace has room for.
MAX_DEPTH = 128
#: The output whose derivative each of these costs cancels; the quadratic cost goes with any.
OUTPUTS = {"cross_entropy": "sigmoid", "log_likelihood": "softmax", "poisson": "exponential"}
#: The only output of each of these costs, and the usual one of others; the identity of the rest.
_ONLY_OUTPUTS = OUTPUTS | {"gaussian": "identity"}
_USUAL_OUTPUTS = _ONLY_OUTPUTS | {"quadratic": "sigmoid"}
#: What other libraries call activations.
_WORDS = {"logistic": "sigmoid", "linear": "identity", "none": "identity", "exp": "exponential"}
_WORDS |= {"lrelu": "leaky_relu", "rectifier": "relu", "expit": "sigmoid", "swish": "silu"}
_WORDS |= {"sin": "sine", "siren": "sine", "prelu": "leaky_relu", "relu6": "relu"}


class Architecture(NamedTuple):
    """The shape of a network.

    Attributes
    ----------
    sizes : tuple of int
        Units per layer, the inputs first.
    activations : tuple of str
        Of each layer but the first.
    cost : class or instance
    dtype : dtype
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: AnyCost
    dtype: np.dtype[Any]

    @property
    def codes(self) -> tuple[list[int], int]:
        """The kernels' numbers for activations and cost."""
        return [codes.ACTIVATIONS[name] for name in self.activations], codes.COSTS[self.cost.name]

    @property
    def n_targets(self) -> int:
        """Targets of an example: as many as outputs, but for costs with several a target."""
        return self.sizes[-1] // self.cost._outputs_per_target()

    @property
    def layers(self) -> list[tuple[int, int, str, int]]:
        """Inputs, units, activation and number of parameters of each layer."""
        return [
            (n_in, n_out, name, (n_in + 1) * n_out)
            for (n_in, n_out), name in zip(pairwise(self.sizes), self.activations, strict=True)
        ]

    def describe(self) -> list[str]:
        """Return a line a layer, and the number of parameters."""
        lines = [
            f"  layer {layer}: {f'{n_in} -> {n_out}':<14} {name:<10} {count:>9} parameters"
            for layer, (n_in, n_out, name, count) in enumerate(self.layers, 1)
        ]
        return [*lines, f"{sum(count for *_, count in self.layers):>45} in all"]


def read_architecture(
    sizes: Any, activation: Any, output: Any, cost: Any, dtype: DTypeLike
) -> Architecture:
    """Check the arguments of `Network` that shape it.

    Raises
    ------
    ValueError, TypeError
        One is not of its kind, or cost and output activation don't go together.

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
    """Refuse a cost that does not go with the outputs, or whose parameters `dtype` cannot hold.

    Raises
    ------
    ValueError
        A cost without its output activation; outputs that are not as many for each target; or a
        parameter that would become 0 or infinite.
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
            f"cost {described(cost)} is of numbers, and output='softmax' gives shares of 1; use "
            "output='identity'."
        )
    count = cost._outputs_per_target()
    if n_out % count:
        raise ValueError(
            f"cost {described(cost)} has {count} outputs for each target, and the last layer of "
            f"sizes has {n_out} units; give it {count} for one target, {2 * count} for two."
        )
    cost._check_held(dtype)


def check_change(architecture: Architecture, cost: AnyCost) -> None:
    """Refuse another cost for a network, as `check_cost`, or if it wants other targets.

    Raises
    ------
    ValueError
        It has another number of outputs for each target.
    """
    check_cost(cost, architecture.activations[-1], architecture.sizes[-1], architecture.dtype)
    before, after = architecture.cost._outputs_per_target(), cost._outputs_per_target()
    if before != after:
        raise ValueError(
            f"cost {described(cost)} has {after} outputs for each target, and "
            f"{described(architecture.cost)}, the cost before, {before}; make a new network."
        )


def read_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float64 or float32.

    Raises
    ------
    TypeError
        Not a dtype.
    ValueError
        Another one.
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
        Not a collection of integers.
    ValueError
        Fewer than two, more than a workspace has room for, or one that is not positive.
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
        raise TypeError(f"activation is {shown(activation)}; give a name, or a name a layer.")
    if len(names) == depth and output is None:
        names, output = names[:-1], names[-1]
    if len(names) != depth - 1:
        raise ValueError(
            f"activation names {len(names)} layers; this network has {depth - 1} hidden ones."
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
    """Return the name in `ACTIVATIONS` of one that is spelled in any case."""
    found = same_name(given, ACTIVATIONS) if isinstance(given, str) else None
    if found is None:
        hint = did_you_mean(given, ACTIVATIONS, _WORDS) if isinstance(given, str) else ""
        raise ValueError(
            f"{where} {shown(given)} is unknown; there are {', '.join(ACTIVATIONS)}.{hint}"
        )
    return found
