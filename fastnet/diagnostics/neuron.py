"""Saturation before any training: the distribution of a neuron's weighted input.

The experiment is chapter 3's (M. Nielsen, *Neural Networks and Deep Learning*, "Weight
initialization"): a neuron has 1000 inputs, 500 of them 1 and 500 of them 0, so that its weighted
input z = sum_j w_j x_j + b is a sum of 500 weights and a bias. `weighted_input` draws it many times
with an initializer, and `theory` returns the expected Gaussian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_count, is_function, memory_for
from fastnet.common.generators import Seed
from fastnet.common.progress import Progress, ProgressReport
from fastnet.diagnostics.expected import Spread
from fastnet.initializers import Initializer, Moments, moments, name_of, read_initializer
from fastnet.initializers.drawing import per_layer, read_biases
from fastnet.network import Network

__all__ = ["SATURATED_Z", "Gaussian", "WeightedInput", "theory", "weighted_input"]

Array = NDArray[Any]

#: A sigmoid neuron counts as saturated where z is farther from 0 than this: sigma(z) is then within
#: 0.01 of 0 or 1 (ln 99, rounded), and sigma'(z) below 0.01.
SATURATED_Z = 4.595
#: A sum of at least this many weights that are not Gaussian counts as Gaussian.
MANY = 30
#: How many weights are drawn with a user's function to measure its variance, and the most layers.
MEASURED, MOST_LAYERS = 1_000_000, 1000


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution.

    Attributes
    ----------
    mean : float
    std : float
        Standard deviation, more than 0.

    Examples
    --------
    >>> z = Gaussian(0.0, math.sqrt(1.5))
    >>> round(z.peak, 4), round(100 * z.share_beyond(1.0), 1)
    (0.3257, 41.4)
    """

    mean: float
    std: float

    @property
    def peak(self) -> float:
        """The density at the mean, its maximum."""
        return 1 / (self.std * math.sqrt(2 * math.pi))

    @property
    def saturated(self) -> float:
        """The probability that the absolute value is larger than `SATURATED_Z`."""
        return self.share_beyond(SATURATED_Z)

    def share_beyond(self, z: float) -> float:
        """Return the probability that the absolute value is larger than `z`."""
        scale = self.std * math.sqrt(2)
        above, below = (z - self.mean) / scale, (z + self.mean) / scale
        return (math.erfc(above) + math.erfc(below)) / 2

    def density(self, z: ArrayLike) -> Any:
        """Return the probability density at `z`, in the shape of `z`."""
        units = (np.asarray(z) - self.mean) / self.std
        return self.peak * np.exp(-0.5 * units * units)


@dataclass(frozen=True, eq=False)
class WeightedInput:
    """Many draws of one neuron's weighted input, and their distribution in theory.

    Attributes
    ----------
    initializer : str
        Name of the initializer of the weights.
    n_inputs, active : int
        Inputs of the neuron, and how many of them are 1; the others are 0.
    z : ndarray of float64, shape (draws,)
        The weighted inputs.
    theory : Gaussian or None
        Their expected distribution, exact or, for a sum of many weights, approximate; None if it
        is not Gaussian or not known.

    Examples
    --------
    >>> found = weighted_input(1000, 500, "large", draws=2000, rng=0)
    >>> found.initializer, found.z.shape, round(found.theory.std, 3)
    ('large', (2000,), 22.383)
    """

    initializer: str
    n_inputs: int
    active: int
    z: Array
    theory: Gaussian | None

    @property
    def mean(self) -> float:
        """The mean of z."""
        return float(self.z.mean())

    @property
    def std(self) -> float:
        """The standard deviation of z."""
        return float(self.z.std())

    @property
    def peak(self) -> float:
        """The measured density of z within a tenth of a standard deviation of its mean.

        Infinite if every z is the same.
        """
        if self.std == 0:
            return math.inf
        near = float(np.mean(np.abs(self.z - self.mean) <= 0.1 * self.std))
        return near / (0.2 * self.std)

    @property
    def saturated(self) -> float:
        """The share of draws whose absolute value is larger than `SATURATED_Z`."""
        return self.share_beyond(SATURATED_Z)

    def share_beyond(self, z: float) -> float:
        """Return the share of draws whose absolute value is larger than `z`."""
        return float(np.mean(np.abs(self.z) > z))

    def density(self, z: ArrayLike) -> Any:
        """Return the theoretical density at `z`, in the shape of `z`.

        Raises
        ------
        ValueError
            `theory` is None.
        """
        if self.theory is None:
            raise ValueError(
                f"the density of z is not known for {self.initializer!r}; use the draws in z."
            )
        return self.theory.density(z)


def weighted_input(
    n_inputs: int = 1000,
    active: int = 500,
    initializer: Initializer = "default",
    draws: int = 10_000,
    rng: Seed = None,
    *,
    bias_initializer: Initializer | None = None,
    units: int = 100,
    progress: Progress = None,
) -> WeightedInput:
    """Draw the weighted input of a neuron many times, with new weights and a new bias each time.

    Parameters
    ----------
    n_inputs : int, default 1000
        Number of inputs of the neuron.
    active : int, default 500
        How many of the inputs are 1; the others are 0.
    initializer : str, float or callable, default "default"
        As for `Network`; "lsuv" scales the layer on these inputs.
    draws : int, default 10,000
        Number of draws.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState
    bias_initializer : str, float or callable, keyword only, optional
        As for `Network`: by default N(0, 1) with the book's initializers, else 0.
    units : int, keyword only, default 100
        Number of neurons in the layer, which is drawn as a whole. It matters only for initializers
        that depend on n_out, such as Glorot's and the orthogonal one.
    progress : None, bool or callable, keyword only
        As for `Network.train`, counted in draws.

    Returns
    -------
    WeightedInput

    Raises
    ------
    ValueError, TypeError
        A number is not an integer or is too small, `active` is more than `n_inputs`, or as for
        `Network`.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Weight initialization".

    Examples
    --------
    >>> large = weighted_input(initializer="large", rng=0)
    >>> round(large.theory.std, 3), bool(abs(large.std - 22.383) < 0.5)
    (22.383, True)
    >>> default = weighted_input(rng=0)
    >>> round(100 * large.saturated), round(100 * default.saturated)
    (84, 0)
    """
    n_inputs = as_count(n_inputs, "n_inputs", at_least=1)
    active = as_count(active, "active", at_least=0)
    draws = as_count(draws, "draws", at_least=1)
    units = as_count(units, "units", at_least=1)
    if active > n_inputs:
        raise ValueError(f"active is {active}; expected at most n_inputs, which is {n_inputs}.")
    net = Network(
        [n_inputs, units], rng=rng, initializer=initializer, bias_initializer=bias_initializer
    )
    inputs = np.repeat([1.0, 0.0], [active, n_inputs - active])
    net._initialize_pending(inputs)
    with memory_for("draws"):
        z = np.empty(draws)
    with ProgressReport(progress, draws, "drawing", "neurons") as report:
        for start in range(0, draws, units):
            if start:
                net.initialize(inputs)
            with np.errstate(over="ignore", invalid="ignore"):
                layer = net.weights[0][:, :active].sum(axis=1) + net.biases[0][:, 0]
            z[start : start + units] = layer[: draws - start]
            report(min(units, draws - start))
    if not np.isfinite(z).all():
        raise ValueError(
            "initializer and bias_initializer give weighted inputs that are not finite; "
            "give smaller weights and biases."
        )
    expected = theory(
        n_inputs, active, initializer, bias_initializer=net._bias_initializer, units=units
    )
    return WeightedInput(name_of(initializer), n_inputs, active, z, expected)


def theory(
    n_inputs: int = 1000,
    active: int = 500,
    initializer: Initializer = "default",
    *,
    bias_initializer: Initializer = "normal",
    units: int = 100,
) -> Gaussian | None:
    """Return the distribution of the weighted input if it is Gaussian, at least approximately.

    The variance is active var(w) + var(b). By the central limit theorem, a sum of 30 or more
    weights counts as Gaussian, whatever their distribution. The weights of a user's function are
    assumed to be independent, with the mean and variance measured on a million draws; a mean within
    five standard errors of 0 counts as 0.

    Parameters
    ----------
    n_inputs, active, initializer, bias_initializer, units
        As for `weighted_input`.

    Returns
    -------
    Gaussian or None
        None if z is constant or far from Gaussian, or if the bias is not Gaussian or comes from a
        function that does not always return the same number.

    Raises
    ------
    ValueError, TypeError
        As for `weighted_input`.

    Examples
    --------
    >>> round(theory(initializer="large").std ** 2), round(theory().std ** 2, 9)
    (501, 1.5)
    >>> def flat(rng, shape):
    ...     return rng.uniform(-1, 1, shape)
    >>> round(theory(initializer=flat, bias_initializer="zeros").std ** 2 / (500 / 3), 2)
    1.0
    """
    n_inputs = as_count(n_inputs, "n_inputs", at_least=1)
    active = as_count(active, "active", at_least=0)
    if active > n_inputs:
        raise ValueError(f"active is {active}; expected at most n_inputs, which is {n_inputs}.")
    units = as_count(units, "units", at_least=1)
    weight = _moments(initializer, n_inputs, units, max(active, 1))
    bias_initializer = read_biases(bias_initializer, 1)
    if is_function(per_layer(bias_initializer, 1)[0]):  # so that errors name bias_initializer
        Network([1, units], rng=0, initializer="zeros", bias_initializer=bias_initializer)
    bias = _moments(bias_initializer, 1, units, 1)
    if weight is None or bias is None:
        return None
    mean, variance = active * weight.mean + bias.mean, active * weight.variance + bias.variance
    gaussian = bias.is_gaussian and (weight.is_gaussian or active == 0 or active >= MANY)
    return Gaussian(mean, math.sqrt(variance)) if gaussian and variance > 0 else None


def _moments(initializer: Initializer, n_in: int, units: int, summands: int) -> Moments | None:
    """Return the distribution of a weight; for a user's function it is measured on draws."""
    known = moments(initializer, n_in, units)
    (one,) = per_layer(read_initializer(initializer, "initializer", 1), 1)
    if known is not None or not is_function(one):
        return known
    net = Network([n_in, units], rng=0, initializer=one, bias_initializer="zeros")
    spread = Spread(net.sizes)
    spread.add(net.parameters)
    layers = math.ceil(MEASURED / (n_in * units)) if summands >= MANY else 10
    for _ in range(min(layers, MOST_LAYERS) - 1):
        net.initialize()
        spread.add(net.parameters)
    found = spread.measured(0)
    return found._replace(is_gaussian=found.variance == 0)
