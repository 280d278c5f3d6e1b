"""The named initializers: the functions that make them, and a table of them all."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastnet.common.arguments import as_positive
from fastnet.initializers.schemes import (
    LSUV,
    TRUNCATED_VARIANCE,
    Constant,
    Identity,
    Normal,
    Orthogonal,
    Scheme,
    VarianceScaling,
)

__all__ = [
    "ALIASES",
    "FUNCTIONS",
    "INITIALIZERS",
    "TABLE",
    "Known",
    "constant",
    "default",
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
    "normal",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def _scaled(scale: float, gain: Any, mode: str, distribution: str) -> VarianceScaling:
    """Return the scheme of variance scale / fan, with its weights multiplied by `gain`."""
    gain = as_positive(gain, "gain")
    if not 1e-150 < gain < 1e150:
        raise ValueError(
            f"gain is {gain}; it must be from 1e-150 to 1e150, so that its square is a float."
        )
    return VarianceScaling(scale * (gain * gain), mode, distribution)


def default(gain: float = 1.0) -> VarianceScaling:
    """Return gain N(0, 1) / sqrt(n_in): the book's improved initializer; LeCun et al. 1998.

    Parameters
    ----------
    gain : float, default 1.0
        Factor of every weight.

    Raises
    ------
    ValueError, TypeError
        The gain is not a number from 1e-150 to 1e150.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Weight initialization".

    Examples
    --------
    >>> default(), default(gain=3.0)
    (VarianceScaling(1.0, 'fan_in', 'normal'), VarianceScaling(9.0, 'fan_in', 'normal'))
    """
    return _scaled(1.0, gain, "fan_in", "normal")


def large(gain: float = 1.0) -> Normal:
    """Return gain N(0, 1): the book's first initializer, with which units saturate.

    `gain` is any finite number above 0.

    Examples
    --------
    >>> large(gain=2.0)
    Normal(2.0)
    """
    return Normal(as_positive(gain, "gain"))


def lecun_uniform(gain: float = 1.0) -> VarianceScaling:
    """Return gain U(-r, r), r = sqrt(3 / n_in): the variance of `default`; LeCun et al. 1998.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> lecun_uniform()
    VarianceScaling(1.0, 'fan_in', 'uniform')
    """
    return _scaled(1.0, gain, "fan_in", "uniform")


def glorot_normal(gain: float = 1.0) -> VarianceScaling:
    """Return gain N(0, 1) sqrt(2 / (n_in + n_out)): Glorot and Bengio 2010.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> glorot_normal()
    VarianceScaling(1.0, 'fan_avg', 'normal')
    """
    return _scaled(1.0, gain, "fan_avg", "normal")


def glorot_uniform(gain: float = 1.0) -> VarianceScaling:
    """Return gain U(-r, r), r = sqrt(6 / (n_in + n_out)): Glorot and Bengio 2010.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> glorot_uniform()
    VarianceScaling(1.0, 'fan_avg', 'uniform')
    """
    return _scaled(1.0, gain, "fan_avg", "uniform")


def he_normal(gain: float = 1.0) -> VarianceScaling:
    """Return gain N(0, 1) sqrt(2 / n_in): He et al. 2015, for ReLU.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> he_normal()
    VarianceScaling(2.0, 'fan_in', 'normal')
    """
    return _scaled(2.0, gain, "fan_in", "normal")


def he_uniform(gain: float = 1.0) -> VarianceScaling:
    """Return gain U(-r, r), r = sqrt(6 / n_in): the variance of `he_normal`; He et al. 2015.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> he_uniform()
    VarianceScaling(2.0, 'fan_in', 'uniform')
    """
    return _scaled(2.0, gain, "fan_in", "uniform")


def orthogonal(gain: float = 1.0) -> Orthogonal:
    """Return gain times orthonormal rows or columns, whichever are fewer: Saxe et al. 2014.

    `gain` is any finite number above 0.

    Examples
    --------
    >>> orthogonal(gain=2.0)
    Orthogonal(2.0)
    """
    return Orthogonal(gain)


def lsuv(tolerance: float = 0.1, max_iterations: int = 10) -> LSUV:
    """Return orthonormal weights, scaled by a batch to unit variance: Mishkin and Matas 2016.

    Parameters
    ----------
    tolerance : float, default 0.1
    max_iterations : int, default 10
        As for `LSUV`.

    Raises
    ------
    ValueError, TypeError
        As for `LSUV`.

    Examples
    --------
    >>> lsuv(0.01)
    LSUV(Orthogonal(1.0), 0.01, 10)
    """
    return LSUV(Orthogonal(), tolerance, max_iterations)


def identity(gain: float = 1.0) -> Identity:
    """Return gain on the diagonal and 0 elsewhere: Le, Jaitly and Hinton 2015.

    `gain` is any finite number above 0.

    Examples
    --------
    >>> identity()
    Identity(1.0)
    """
    return Identity(gain)


def truncated_normal(gain: float = 1.0) -> VarianceScaling:
    """Return gain N(0, 1) / sqrt(n_in), truncated at two standard deviations.

    Numbers beyond are drawn again, which lowers the variance by 23 %.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> round(truncated_normal().scale, 6)
    0.773741
    """
    return _scaled(TRUNCATED_VARIANCE, gain, "fan_in", "truncated_normal")


def uniform(gain: float = 1.0) -> VarianceScaling:
    """Return gain U(-r, r), r = 1 / sqrt(n_in): a third of the variance of `default`.

    Glorot and Bengio 2010 call it the standard initialization.

    Parameter and errors are those of `default`.

    Examples
    --------
    >>> round(uniform(gain=3**0.5).variance(100, 30), 9)
    0.01
    """
    return _scaled(1 / 3, gain, "fan_in", "uniform")


def zeros() -> Constant:
    """Return the initializer that sets every element to 0.

    Examples
    --------
    >>> zeros()
    Constant(0.0)
    """
    return Constant(0.0)


def constant(value: float = 1.0) -> Constant:
    """Return the initializer that sets every element to `value`; a plain number does the same.

    Parameters
    ----------
    value : float, default 1.0

    Raises
    ------
    ValueError, TypeError
        The value is not a finite number.

    Examples
    --------
    >>> constant(0.1)
    Constant(0.1)
    """
    return Constant(value)


lecun_normal = default
normal = large
xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
kaiming_normal, kaiming_uniform = he_normal, he_uniform


class Known(NamedTuple):
    """A named initializer.

    Attributes
    ----------
    scheme : Scheme
    formula, use, source : str
        For tables: the formula of a weight, when to use it, and where it was published.
    """

    scheme: Scheme
    formula: str
    use: str
    source: str


#: Each initializer by its main name.
TABLE = {
    "default": Known(
        default(),
        "N(0, 1) / sqrt(n_in)",
        "sigmoid, tanh; SELU",
        "Nielsen 2015, chapter 3; LeCun et al. 1998",
    ),
    "large": Known(
        large(),
        "N(0, 1)",
        "to see units saturate; biases",
        "Nielsen 2015, chapter 1",
    ),
    "lecun_uniform": Known(
        lecun_uniform(),
        "U(-r, r), r = sqrt(3 / n_in)",
        "as default, without outliers",
        "LeCun et al. 1998",
    ),
    "glorot_normal": Known(
        glorot_normal(),
        "N(0, 1) sqrt(2 / (n_in + n_out))",
        "tanh, linear layers; widths that differ",
        "Glorot and Bengio 2010",
    ),
    "glorot_uniform": Known(
        glorot_uniform(),
        "U(-r, r), r = sqrt(6 / (n_in + n_out))",
        "as glorot_normal, without outliers",
        "Glorot and Bengio 2010",
    ),
    "he_normal": Known(
        he_normal(),
        "N(0, 1) sqrt(2 / n_in)",
        "ReLU and its relatives",
        "He et al. 2015",
    ),
    "he_uniform": Known(
        he_uniform(),
        "U(-r, r), r = sqrt(6 / n_in)",
        "as he_normal, without outliers",
        "He et al. 2015",
    ),
    "orthogonal": Known(
        orthogonal(),
        "orthonormal rows or columns",
        "deep networks; ReLU with gain sqrt(2)",
        "Saxe et al. 2014",
    ),
    "lsuv": Known(
        lsuv(),
        "orthonormal / std of z on data",
        "deep networks, any activation; needs data",
        "Mishkin and Matas 2016",
    ),
    "identity": Known(
        identity(),
        "1 on the diagonal, else 0",
        "deep ReLU or linear layers of one width",
        "Le et al. 2015",
    ),
    "truncated_normal": Known(
        truncated_normal(),
        "N(0, 1) / sqrt(n_in), |N| <= 2",
        "as default, without outliers",
        "",
    ),
    "uniform": Known(
        uniform(),
        "U(-r, r), r = 1 / sqrt(n_in)",
        "to compare with older papers",
        "Glorot and Bengio 2010, equation 1",
    ),
    "zeros": Known(zeros(), "0", "biases", ""),
    "constant": Known(constant(), "1", "for another constant give the number", ""),
}
#: Other names of the same initializers.
ALIASES = {
    "default": ("lecun_normal",),
    "large": ("normal",),
    "glorot_normal": ("xavier_normal",),
    "glorot_uniform": ("xavier_uniform",),
    "he_normal": ("kaiming_normal",),
    "he_uniform": ("kaiming_uniform",),
}
#: The functions that make the initializers.
FUNCTIONS = tuple(globals()[name] for name in TABLE)
#: Each scheme by each of its names.
INITIALIZERS = {
    alias: known.scheme for name, known in TABLE.items() for alias in (name, *ALIASES.get(name, ()))
}
