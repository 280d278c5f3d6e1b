"""Cost functions, and the output errors with which backpropagation starts.

Training uses the compiled functions in `kernels/activations.pxd`, which start from the weighted
input and so need no guard against saturation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.activations import sigmoid_prime
from fastnet.common.arguments import as_number, as_positive, check_held, memory_for, shown
from fastnet.common.hints import did_you_mean, same_name
from fastnet.common.values import Value
from fastnet.data.rows import as_real_array

__all__ = [
    "COSTS",
    "AbsoluteCost",
    "Cost",
    "CrossEntropyCost",
    "GaussianCost",
    "HuberCost",
    "LogLikelihoodCost",
    "PoissonCost",
    "QuadraticCost",
    "QuantileCost",
    "find_cost",
]

Array = NDArray[Any]

if TYPE_CHECKING:
    ClassOrInstanceMethod = classmethod
else:

    class ClassOrInstanceMethod(classmethod):
        """A class method that gets the instance, with its parameters, if it is called on one."""

        def __get__(self, instance: Any, owner: Any = None) -> MethodType:
            """Return the method of the instance, or of the class."""
            if instance is None:
                return super().__get__(None, owner)
            return MethodType(self.__func__, instance)


class Cost:
    """Base class of the costs, in the book's form; costs without parameters are used as classes.

    Attributes
    ----------
    name : str
    """

    name: str
    #: The parameters, as kernels and files take them.
    _numbers: tuple[float, ...] = ()
    #: Whether targets are always numbers, even if they look like classes.
    _of_numbers: ClassVar[bool] = False

    @ClassOrInstanceMethod
    def _outputs_per_target(cls) -> int:
        return 1

    @ClassOrInstanceMethod
    def _check_held(cls, dtype: np.dtype[Any]) -> None:
        """Refuse parameters whose meaning changes when they are rounded to `dtype`."""

    @ClassOrInstanceMethod
    def fn(cls, a: ArrayLike, y: ArrayLike) -> float:
        """Return the cost of outputs `a` for targets `y`.

        An output that was rounded to 0 or 1, so that its logarithm would be infinite, is replaced
        by the nearest number of its type between them. (A network computes its cost from z, without
        this rule.)

        Parameters
        ----------
        a, y : array_like of float, of the same shape
            `QuantileCost` and `GaussianCost`, with several outputs per target, describe their own.

        Returns
        -------
        float
            The sum over all elements.

        Raises
        ------
        ValueError, TypeError
            The shapes differ, or the elements are not finite real numbers.

        Examples
        --------
        >>> QuadraticCost.fn([1.0, 0.0], [0.0, 0.0])
        0.5
        >>> round(CrossEntropyCost.fn([0.5], [1.0]), 6)
        0.693147
        """
        a, y = _read(cls._outputs_per_target(), a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow gives infinity
            return float(cls._sum(a, y))

    @ClassOrInstanceMethod
    def delta(cls, z: ArrayLike, a: ArrayLike, y: ArrayLike) -> Array:
        """Return the error of the output layer, dC/dz, for the cost's own output activation.

        Parameters
        ----------
        z, a, y : array_like of float, of the same shape
            Weighted inputs, activations, targets.

        Returns
        -------
        ndarray of the shape of `a`

        Raises
        ------
        ValueError, TypeError
            As for `fn`.

        Examples
        --------
        >>> QuadraticCost.delta([0.0], [0.5], [0.0])
        array([0.125])
        >>> CrossEntropyCost.delta([0.0], [0.5], [0.0])
        array([0.5])
        """
        z, a, y = _read(cls._outputs_per_target(), z=z, a=a, y=y)
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow gives infinity
            return cls._error(z, a, y)

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        raise NotImplementedError

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        """Return a - y: the derivative of the output activation cancels."""
        error: Array = a - y
        return error


class QuadraticCost(Cost):
    """C = sum of (a - y)^2 / 2, equation (6) of the book for one example.

    The error is that of sigmoid outputs, (a - y) sigma'(z) (BP1).

    Examples
    --------
    >>> QuadraticCost.fn([1.0, 0.0], [0.0, 0.0])
    0.5
    """

    name = "quadratic"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        return np.sum((a - y) ** 2) / 2

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        return Cost._error(z, a, y) * sigmoid_prime(z)


class CrossEntropyCost(Cost):
    """C = -sum of y ln a + (1 - y) ln(1 - a), equation (57) of the book for one example.

    For sigmoid outputs. The cost is 0 where a target of 0 or 1 is met exactly.

    Examples
    --------
    >>> CrossEntropyCost.fn([1.0, 0.0], [1.0, 0.0])
    0.0
    """

    name = "cross_entropy"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        log_rest = np.log1p(-np.minimum(a, np.nextafter(a.dtype.type(1), a.dtype.type(0))))
        # A target of 0 or 1 that is met exactly costs 0; one between costs its own entropy.
        met = (a == y) & ((a == 0) | (a == 1))
        return np.sum(np.where(met, 0.0, -y * _log(a) - (1 - y) * log_rest))


class LogLikelihoodCost(Cost):
    """C = -sum of y ln a, equation (80) of the book; for softmax outputs.

    The error is a - y, equation (82); if an example's targets do not sum to 1, a is multiplied by
    their sum. Examples are columns, or rows if `a` sums to 1 in rows only.

    Examples
    --------
    >>> LogLikelihoodCost.delta([0.0, 0.0], [0.5, 0.5], [1.0, 0.0])
    array([-0.5,  0.5])
    """

    name = "log_likelihood"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        return np.sum(-y * _log(a))

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        return Cost._error(z, y.sum(axis=_example_axis(a), keepdims=True) * a, y)


class PoissonCost(Cost):
    """C = sum of y ln(y / a) - y + a, half the Poisson deviance; for exponential outputs.

    For counts y with expected number a (McCullagh and Nelder, *Generalized Linear Models*, 1989,
    section 6.2). The cost is 0 where a equals y.

    Examples
    --------
    >>> PoissonCost.fn([2.0, 1.0], [2.0, 0.0])
    1.0
    """

    name = "poisson"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        log_y = np.log(np.where(y > 0, y, 1))
        return np.sum(y * (log_y - _log(a)) - y + a)


class AbsoluteCost(Cost):
    """C = sum of abs(a - y), for which the best constant output is the median of the targets.

    The error is that of identity outputs: the sign of a - y, and 0 where a equals y.

    Examples
    --------
    >>> AbsoluteCost.fn([1.0, -2.0], [0.0, 0.0])
    3.0
    >>> AbsoluteCost.delta([1.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    array([-1.,  0.])
    """

    name = "absolute"

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        return np.sum(np.abs(a - y))

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        return np.sign(Cost._error(z, a, y))


class HuberCost(Value, Cost):
    """C = sum of r^2 / 2 where abs(r) is at most delta, else of delta (abs(r) - delta / 2).

    r is a - y, in the units of the targets as given to the network. The error is that of identity
    outputs, r clipped to the range from -delta to delta, so that outliers count less.

    Parameters
    ----------
    delta : float, default 1.0

    Attributes
    ----------
    threshold : float
        The parameter `delta`; the attribute ``delta`` is the method that returns the error.

    Raises
    ------
    ValueError, TypeError
        `delta` is not a finite number above 0.

    References
    ----------
    P. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35,
    1964.

    Examples
    --------
    >>> HuberCost(delta=2.0).fn([1.0, 10.0], [0.0, 0.0])
    18.5
    >>> HuberCost(2.0).delta([1.0, 10.0], [1.0, 10.0], [0.0, 0.0])
    array([1., 2.])
    """

    name = "huber"
    _numbers = (1.0,)

    def __init__(self, delta: float = 1.0) -> None:
        self._keep(_numbers=(as_positive(delta, "delta"),))

    @property
    def threshold(self) -> float:
        """Absolute error above which the cost is linear."""
        return self._numbers[0]

    def __repr__(self) -> str:
        return f"HuberCost(delta={self.threshold!r})"

    @ClassOrInstanceMethod
    def _check_held(cls, dtype: np.dtype[Any]) -> None:
        check_held(cls._numbers[0], "HuberCost's delta", dtype)

    @ClassOrInstanceMethod
    def _sum(cls, a: Array, y: Array) -> Any:
        size, delta = np.abs(a - y), cls._numbers[0]
        return np.sum(np.where(size > delta, delta * (size - delta / 2), size * size / 2))

    @ClassOrInstanceMethod
    def _error(cls, z: Array, a: Array, y: Array) -> Array:
        error: Array = np.clip(a - y, -cls._numbers[0], cls._numbers[0])
        return error


class QuantileCost(Value, Cost):
    """C = sum of q (y - a) where a is below y, else of (1 - q) (a - y): the pinball loss.

    The best constant output is the quantile q of the targets. Several quantiles have one output per
    target each: for m targets the first m outputs are the first quantile, the next m the second.
    The error is that of identity outputs: -q where a is below y, 1 - q above, and 0 where a equals
    y. In `fn` and `delta` the last axis of a contains the outputs, that of y the targets.

    Parameters
    ----------
    *quantiles : float
        Each between 0 and 1, no two equal; by default 0.5, half the absolute cost.

    Attributes
    ----------
    quantiles : tuple of float

    Raises
    ------
    ValueError, TypeError
        A quantile is not a number between 0 and 1, or is given twice.

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> QuantileCost(0.9).fn([0.0, 0.0], [1.0, -1.0])
    1.0
    >>> import fastnet
    >>> net = fastnet.Network([3, 8, 2], QuantileCost(0.05, 0.95), activation="tanh", rng=0)
    >>> net.activations[-1], net.total_cost(([[0.0, 1.0, 0.0]], [1.5]), lmbda=0.0) > 0
    ('identity', True)
    """

    name = "quantile"
    _numbers = (0.5,)
    _of_numbers = True

    def __init__(self, *quantiles: float) -> None:
        self._keep(_numbers=tuple(_as_quantile(q) for q in quantiles) or QuantileCost._numbers)
        if len(set(self._numbers)) < len(self._numbers):
            raise ValueError(f"quantiles are {self._numbers}; give each quantile once.")

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The quantiles, in the order of the outputs."""
        return self._numbers

    def __repr__(self) -> str:
        return f"QuantileCost({', '.join(map(repr, self._numbers))})"

    @ClassOrInstanceMethod
    def _outputs_per_target(cls) -> int:
        return len(cls._numbers)

    @ClassOrInstanceMethod
    def _check_held(cls, dtype: np.dtype[Any]) -> None:
        for q in cls._numbers:
            check_held(q, "a quantile", dtype)
            if 1 - dtype.type(q) == 0:
                raise ValueError(f"a quantile is {q!r}, which is 1 in {dtype}; give a lower one.")

    @ClassOrInstanceMethod
    def _sum(cls, a: Array, y: Array) -> Any:
        r, q = a - y, cls._levels(a)
        return np.sum(np.where(r > 0, (1 - q) * r, -q * r))

    @ClassOrInstanceMethod
    def _error(cls, z: Array, a: Array, y: Array) -> Array:
        r, q = a - y, cls._levels(a)
        return np.where(r > 0, 1 - q, np.where(r < 0, -q, 0)).astype(a.dtype, copy=False)

    @ClassOrInstanceMethod
    def _levels(cls, a: Array) -> Array:
        """Return the quantile of each output, along the last axis."""
        several = cls._outputs_per_target() > 1
        count = a.shape[-1] // cls._outputs_per_target() if several else 1
        return np.repeat(np.array(cls._numbers, a.dtype), count)


class GaussianCost(Cost):
    """C = sum of (s + (m - y)^2 exp(-s)) / 2, for normal targets with mean m and log variance s.

    That is -ln p(y) without the constant ln(2 pi) / 2. The network predicts m and s for each
    target: for k targets the first k outputs are the means, the next k the log variances, in the
    units of the targets as given to the network. Outputs are the identity. The cost has no lower
    bound if the network can fit targets exactly: regularize, or stop early. In `fn` and `delta` the
    last axis of a contains the outputs, that of y the targets.

    References
    ----------
    D. Nix and A. Weigend, "Estimating the mean and variance of the target probability
    distribution", ICNN 1994.

    Examples
    --------
    >>> GaussianCost.fn([[3.0, 0.0]], [1.0])
    2.0
    >>> GaussianCost.delta([[3.0, 0.0]], [[3.0, 0.0]], [1.0])
    array([[ 2. , -1.5]])
    """

    name = "gaussian"
    _of_numbers = True

    @ClassOrInstanceMethod
    def _outputs_per_target(cls) -> int:
        return 2

    @staticmethod
    def _sum(a: Array, y: Array) -> Any:
        r, s = _residual_and_log_variance(a, y)
        return np.sum(s + r * r * np.exp(-s)) / 2

    @staticmethod
    def _error(z: Array, a: Array, y: Array) -> Array:
        r, s = _residual_and_log_variance(a, y)
        scaled = r * np.exp(-s)
        return np.concatenate([scaled, 0.5 - scaled * r / 2], axis=-1)


#: A network's cost: a class, or an instance if it has parameters.
AnyCost = type[Cost] | Cost

COSTS: dict[str, type[Cost]] = {
    cost.name: cost
    for cost in (
        QuadraticCost,
        CrossEntropyCost,
        LogLikelihoodCost,
        PoissonCost,
        HuberCost,
        AbsoluteCost,
        QuantileCost,
        GaussianCost,
    )
}


def _as_quantile(value: Any) -> float:
    q = as_number(value, "quantile")
    if not 0 < q < 1:
        raise ValueError(f"quantile is {q}; expected a number between 0 and 1.")
    return q


def _residual_and_log_variance(a: Array, y: Array) -> tuple[Array, Array]:
    """Return m - y and s; y was repeated, once for each half of the outputs."""
    count = a.shape[-1] // 2
    return a[..., :count] - y[..., :count], a[..., count:]


def _log(a: Array) -> Array:
    """Return ln a, with the smallest positive number in place of 0."""
    log: Array = np.log(np.maximum(a, np.nextafter(a.dtype.type(0), a.dtype.type(1))))
    return log


def _example_axis(a: Array) -> int:
    """Return the axis along which softmax outputs sum to 1; 0 if it can be either."""
    if a.ndim < 2 or np.allclose(a.sum(axis=0), 1, atol=1e-2):
        return 0
    return -1 if np.allclose(a.sum(axis=-1), 1, atol=1e-2) else 0


def _read(per_target: int, **given: ArrayLike) -> list[Array]:
    """Return the arguments as arrays of floating-point numbers, all of the same shape.

    Differences of bools or bytes would wrap around, and an array of another shape would be
    broadcast. If a target has several outputs, y is repeated along its last axis.
    """
    arrays: list[Array] = []
    for name, value in given.items():
        array = as_real_array(value, name)
        with memory_for(name):  # a copy, so that a MemoryError names this argument
            arrays.append(array.astype(array.dtype if array.dtype.kind == "f" else np.float64))
        if not np.isfinite(arrays[-1]).all():
            raise ValueError(f"{name} contains NaN or infinity; give finite numbers.")
        first = next(iter(given))
        if name == "y" and per_target > 1:
            arrays[-1] = _repeated(arrays[-1], arrays[0].shape, per_target, first)
        elif array.shape != arrays[0].shape:
            raise ValueError(
                f"{name} has shape {array.shape} and {first} has {arrays[0].shape}; "
                "give both the same shape."
            )
    return arrays


def _repeated(y: Array, shape: tuple[int, ...], per_target: int, first: str) -> Array:
    """Return y repeated along its last axis, once for each output of a target."""
    if not shape or shape[-1] % per_target:
        raise ValueError(
            f"{first} has shape {shape}; this cost has {per_target} outputs per target along the "
            "last axis."
        )
    count = shape[-1] // per_target
    if count == 1 and y.shape == shape[:-1]:
        y = y[..., np.newaxis]
    if y.shape != (*shape[:-1], count):
        raise ValueError(
            f"y has shape {y.shape} and {first} has {shape}, {per_target} outputs per target; give "
            f"y the shape {(*shape[:-1], count)}."
        )
    return np.concatenate([y] * per_target, axis=-1)


def described(cost: AnyCost) -> str:
    """Return a cost as it is written in Python.

    Examples
    --------
    >>> described(QuadraticCost), described(HuberCost(2))
    ('QuadraticCost', 'HuberCost(delta=2.0)')
    """
    return cost.__name__ if isinstance(cost, type) else repr(cost)


def target_units(cost: AnyCost, n_out: int, mean: float, scale: float) -> tuple[Any, Any]:
    """Return the factor and the term that turn outputs into the units of the target.

    Parameters
    ----------
    cost : class or instance
    n_out : int
        Outputs.
    mean, scale : float
        The network was trained on ``(y - mean) / scale``.

    Returns
    -------
    factor, term : float, or ndarray of shape (n_out,)
        For log variances: factor 1, term 2 ln(scale).

    Examples
    --------
    >>> target_units(QuadraticCost, 2, 5.0, 10.0), target_units(GaussianCost, 2, 5.0, 1.0)
    ((10.0, 5.0), (array([1., 1.]), array([5., 0.])))
    """
    if cost is not GaussianCost:
        return scale, mean
    halves = [scale, 1.0], [mean, 2 * math.log(scale)]
    return np.repeat(halves[0], n_out // 2), np.repeat(halves[1], n_out // 2)


def restored(name: str, numbers: Sequence[float]) -> AnyCost:
    """Return the cost that a file describes by its name and parameters.

    Raises
    ------
    ValueError
        No cost has that name, or the numbers are not its parameters.

    Examples
    --------
    >>> restored("quantile", [0.05, 0.95])
    QuantileCost(0.05, 0.95)
    """
    found = find_cost(name)
    if not numbers:
        return found
    if isinstance(found, type) or (isinstance(found, HuberCost) and len(numbers) > 1):
        raise ValueError(f"cost {name} has wrong parameters: {shown(list(numbers))}.")
    return type(found)(*numbers)


#: Names of the costs in other libraries.
_WORDS = {
    "mse": "quadratic",
    "l2": "quadratic",
    "squarederror": "quadratic",
    "meansquarederror": "quadratic",
    "bce": "cross_entropy",
    "logloss": "cross_entropy",
    "crossentropyloss": "log_likelihood",
    "binarycrossentropy": "cross_entropy",
    "categoricalcrossentropy": "log_likelihood",
    "sparsecategoricalcrossentropy": "log_likelihood",
    "nll": "log_likelihood",
    "nllloss": "log_likelihood",
    "negativeloglikelihood": "log_likelihood",
    "mseloss": "quadratic",
    "rmse": "quadratic",
    "sse": "quadratic",
    "bceloss": "cross_entropy",
    "bcewithlogitsloss": "cross_entropy",
    "poissonnllloss": "poisson",
    "mae": "absolute",
    "l1": "absolute",
    "l1loss": "absolute",
    "absoluteerror": "absolute",
    "meanabsoluteerror": "absolute",
    "huberloss": "huber",
    "smoothl1": "huber",
    "smoothl1loss": "huber",
    "pinball": "quantile",
    "gaussiannllloss": "gaussian",
}


def find_cost(cost: object) -> AnyCost:
    """Return the cost for a class, an instance, a name or a class name.

    A cost with parameters is returned as an instance: the one given or, for its class or name, one
    with the default parameters.

    Raises
    ------
    TypeError
        `cost` is neither a cost nor a string.
    ValueError
        No cost has that name.

    Examples
    --------
    >>> find_cost("QuadraticCost").__name__, find_cost("quadratic").__name__
    ('QuadraticCost', 'QuadraticCost')
    >>> find_cost("huber"), find_cost(HuberCost(0.5))
    (HuberCost(delta=1.0), HuberCost(delta=0.5))
    """
    known = ", ".join(member.__name__ for member in COSTS.values())
    if isinstance(cost, str):
        names = {
            name: member for member in COSTS.values() for name in (member.name, member.__name__)
        }
        found = same_name(cost, names)
        if found is not None:
            member = names[found]
            return member() if member._numbers else member
        hint = did_you_mean(cost, COSTS, _WORDS)
        raise ValueError(f"cost is {shown(cost)}; the costs are {known}.{hint}")
    if isinstance(cost, (HuberCost, QuantileCost)):
        return cost
    for member in COSTS.values():
        if cost is member:
            return member() if member._numbers else member
    raise TypeError(f"cost is {shown(cost)}; give one of the classes {known}.")
