"""Schemes: immutable objects that say how starting weights are drawn."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import (
    as_choice,
    as_count,
    as_number,
    as_positive,
    check_held,
    shown,
)
from fastnet.common.values import Value
from fastnet.initializers.stream import Stream

__all__ = [
    "DISTRIBUTIONS",
    "LSUV",
    "MODES",
    "TRUNCATED_VARIANCE",
    "Constant",
    "Identity",
    "Normal",
    "Orthogonal",
    "Scheme",
    "VarianceScaling",
]

Array = NDArray[Any]

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")
#: The variance of a standard normal variable that is cut off at two standard deviations.
TRUNCATED_VARIANCE = 1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))


class Scheme(Value):
    """Base class of all schemes: immutable, hashable, picklable, and compared by value.

    Examples
    --------
    >>> isinstance(Normal(2.0), Scheme), Normal(2.0) == Normal(2.0), Normal(2.0).mean
    (True, True, 0.0)
    """

    #: Whether biases can be drawn with it too.
    for_biases: ClassVar[bool] = True

    @property
    def mean(self) -> float:
        """The mean of a weight."""
        return 0.0

    @property
    def is_gaussian(self) -> bool:
        """Whether a weight is normally distributed; a constant counts as such."""
        return False

    def variance(self, n_in: int, n_out: int) -> float | None:
        """Return the variance of a weight between `n_in` and `n_out` units.

        None if the weights do not come from one distribution, or depend on data.

        Examples
        --------
        >>> VarianceScaling(2.0, "fan_avg").variance(30, 10), Identity().variance(30, 10)
        (0.1, None)
        """
        raise NotImplementedError

    def _request(self, stream: Stream, w: Array) -> None:
        """Request random values for `w`, shape (n_out, n_in); set `w` if they are not random."""
        raise NotImplementedError

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        """Refuse weights that would become 0 or infinite in `dtype`."""
        variance = self.variance(shape[1], shape[0])
        if variance is not None:
            check_held(math.sqrt(variance), f"{name}'s standard deviation", dtype)


class VarianceScaling(Scheme):
    """Weights of mean 0 and variance scale / fan.

    Parameters
    ----------
    scale : float, default 1.0
    mode : {"fan_in", "fan_out", "fan_avg"}, default "fan_in"
        The fan: n_in, n_out, or their mean.
    distribution : {"normal", "truncated_normal", "uniform"}, default "normal"
        The truncated normal is cut off at two standard deviations of the normal distribution
        before truncation; its variance after truncation is scale / fan.

    Raises
    ------
    ValueError, TypeError
        The scale is not a finite number above 0, or `mode` or `distribution` is unknown.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998 (scale 1, fan_in); X. Glorot and Y. Bengio, AISTATS
    2010 (scale 1, fan_avg); K. He et al., ICCV 2015, arXiv 1502.01852 (scale 2, fan_in or fan_out).

    Examples
    --------
    >>> import fastnet
    >>> he = VarianceScaling(2.0, "fan_in", "normal")
    >>> he == fastnet.initializers.he_normal(), he.variance(100, 30)
    (True, 0.02)
    >>> round(float(fastnet.Network([100, 30], rng=0, initializer=he).weights[0].std()), 2)
    0.14
    """

    scale: float
    mode: str
    distribution: str

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "normal"
    ) -> None:
        self._keep(
            scale=as_positive(scale, "scale"),
            mode=as_choice(mode, "mode", MODES),
            distribution=as_choice(distribution, "distribution", DISTRIBUTIONS),
        )

    @property
    def is_gaussian(self) -> bool:
        """Whether a weight is normally distributed."""
        return self.distribution == "normal"

    def variance(self, n_in: int, n_out: int) -> float:
        """Return scale / fan."""
        return self.scale / self._fan(n_in, n_out)

    def _fan(self, n_in: int, n_out: int) -> float:
        return {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[self.mode]

    def _request(self, stream: Stream, w: Array) -> None:
        n_out, n_in = w.shape
        fan = self._fan(n_in, n_out)
        if self.distribution == "normal":
            stream.normal(w, *_root(self.scale, fan, self.mode))
        elif self.distribution == "uniform":
            # U(-r, r) has the variance r^2 / 3.
            factor, divisor = _root(3 * self.scale, fan, self.mode)
            stream.uniform(w, factor / divisor)
        else:
            factor, divisor = _root(self.scale / TRUNCATED_VARIANCE, fan, self.mode)
            stream.truncated_normal(w, factor / divisor)


def _root(scale: float, fan: float, mode: str) -> tuple[float, float]:
    """Return a factor and a divisor whose quotient is sqrt(scale / fan).

    Multiplying and dividing differ in the last bit of a weight. The book divides by sqrt(n_in), and
    its published numbers depend on that.
    """
    if scale == 1 and mode == "fan_in":
        return 1.0, math.sqrt(fan)
    return math.sqrt(scale / fan), 1.0


class Normal(Scheme):
    """Weights from N(0, std^2), whatever the number of units.

    Parameters
    ----------
    std : float, default 1.0
        Standard deviation.

    Raises
    ------
    ValueError, TypeError
        The standard deviation is not a finite number above 0.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 1: the book's first initializer.

    Examples
    --------
    >>> Normal(0.5).variance(1000, 30)
    0.25
    """

    std: float

    def __init__(self, std: float = 1.0) -> None:
        self._keep(std=as_positive(std, "std"))

    @property
    def is_gaussian(self) -> bool:
        """True."""
        return True

    def variance(self, n_in: int, n_out: int) -> float:
        """Return std^2."""
        return self.std * self.std

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        check_held(self.std, f"{name}'s standard deviation", dtype)

    def _request(self, stream: Stream, w: Array) -> None:
        stream.normal(w, factor=self.std)


class Orthogonal(Scheme):
    """Random orthonormal rows or columns, whichever are fewer, times gain.

    The matrix is uniformly distributed over all such matrices (Haar measure).

    Parameters
    ----------
    gain : float, default 1.0

    Raises
    ------
    ValueError, TypeError
        The gain is not a finite number above 0.

    References
    ----------
    A. Saxe, J. McClelland and S. Ganguli, ICLR 2014, arXiv 1312.6120.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> w = fastnet.Network([4, 2], rng=0, initializer=Orthogonal(2.0)).weights[0]
    >>> bool(np.allclose(w @ w.T, 4 * np.eye(2)))
    True
    """

    gain: float

    def __init__(self, gain: float = 1.0) -> None:
        self._keep(gain=as_positive(gain, "gain"))

    def variance(self, n_in: int, n_out: int) -> float:
        """Return gain^2 / max(n_in, n_out)."""
        return self.gain * self.gain / max(n_in, n_out)

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        check_held(self.gain / math.sqrt(max(shape)), f"{name}'s standard deviation", dtype)

    def _request(self, stream: Stream, w: Array) -> None:
        stream.orthogonal(w, self.gain)


class Identity(Scheme):
    """gain on the diagonal and 0 elsewhere: unit i starts as input i times gain.

    In a matrix that is not square the diagonal begins at unit 0 and input 0. Surplus units have
    weights of 0, and surplus inputs are not used.

    Parameters
    ----------
    gain : float, default 1.0

    Raises
    ------
    ValueError, TypeError
        The gain is not a finite number above 0.

    References
    ----------
    Q. Le, N. Jaitly and G. Hinton, 2015, arXiv 1504.00941.

    Examples
    --------
    >>> import fastnet
    >>> fastnet.Network([2, 3], initializer=Identity()).weights[0]
    array([[1., 0.],
           [0., 1.],
           [0., 0.]])
    """

    gain: float
    for_biases: ClassVar[bool] = False

    def __init__(self, gain: float = 1.0) -> None:
        self._keep(gain=as_positive(gain, "gain"))

    def variance(self, n_in: int, n_out: int) -> None:
        """Return None: the weights are not draws from one distribution."""

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        check_held(self.gain, f"{name}'s gain", dtype)

    def _request(self, stream: Stream, w: Array) -> None:
        w[...] = 0
        np.fill_diagonal(w, self.gain)


class Constant(Scheme):
    """The same number everywhere, as with a plain number given as initializer.

    Parameters
    ----------
    value : float, default 1.0

    Raises
    ------
    ValueError, TypeError
        The value is not a finite number.

    Examples
    --------
    >>> Constant(0.1).mean, Constant(0.1).variance(30, 10)
    (0.1, 0.0)
    """

    value: float

    def __init__(self, value: float = 1.0) -> None:
        self._keep(value=as_number(value, "value"))

    @property
    def mean(self) -> float:
        """The number."""
        return self.value

    @property
    def is_gaussian(self) -> bool:
        """True: a constant counts as a normal distribution of variance 0."""
        return True

    def variance(self, n_in: int, n_out: int) -> float:
        """Return 0."""
        return 0.0

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        check_held(abs(self.value), name, dtype)

    def _request(self, stream: Stream, w: Array) -> None:
        w[...] = self.value


class LSUV(Scheme):
    """Layer-sequential unit variance: weights of a scheme, scaled layer by layer on a batch.

    The weights of a layer are divided by the standard deviation of its weighted inputs, over all
    rows and units, until their variance is within `tolerance` of 1; then comes the next layer. A
    network that is made with it has no weights before ``net.initialize(data=X)``.

    Parameters
    ----------
    scheme : Scheme, optional
        Draws the weights before they are scaled; by default Orthogonal().
    tolerance : float, default 0.1
        In the end the variance differs from 1 by less than this.
    max_iterations : int, default 10
        Maximum number of divisions in a layer; `Network.initialize` raises a ValueError if one
        needs more. With biases of 0 the first division is exact, up to rounding.

    Raises
    ------
    ValueError, TypeError
        `scheme` is not a Scheme or is an LSUV, `tolerance` is not a finite number above 0, or
        `max_iterations` is not an integer of 1 or more.

    References
    ----------
    D. Mishkin and J. Matas, All you need is a good init, ICLR 2016, arXiv 1511.06422.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> X = np.random.default_rng(0).random((100, 20))
    >>> net = fastnet.Network([20, 30, 30, 5], activation="relu", rng=0, initializer=LSUV())
    >>> net.initialize(data=X)
    >>> [round(layer["std_z"], 6) for layer in net.layer_statistics(X)]
    [1.0, 1.0, 1.0]
    """

    scheme: Scheme
    tolerance: float
    max_iterations: int
    for_biases: ClassVar[bool] = False

    def __init__(
        self, scheme: Scheme | None = None, tolerance: float = 0.1, max_iterations: int = 10
    ) -> None:
        given: Any = Orthogonal() if scheme is None else scheme
        if not isinstance(given, Scheme) or isinstance(given, LSUV):
            wrong = ValueError if isinstance(given, Scheme) else TypeError
            raise wrong(
                f"scheme is {shown(given)}; give the scheme that draws the weights before they are "
                "scaled, such as Orthogonal() or he_normal()."
            )
        self._keep(
            scheme=given,
            tolerance=as_positive(tolerance, "tolerance"),
            max_iterations=as_count(max_iterations, "max_iterations", at_least=1),
        )

    def variance(self, n_in: int, n_out: int) -> None:
        """Return None: the weights depend on data."""

    def _check_held(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.scheme._check_held(name, shape, dtype)

    def _request(self, stream: Stream, w: Array) -> None:
        self.scheme._request(stream, w)
