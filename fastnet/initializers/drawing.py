"""What a network may be given as an initializer, and `draw`, which starts a network by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_number, call, is_function, shown
from fastnet.common.generators import RNG
from fastnet.data.rows import as_real_array
from fastnet.initializers.named import INITIALIZERS
from fastnet.initializers.schemes import Constant, Scheme
from fastnet.initializers.stream import Stream

__all__ = [
    "Initializer",
    "Moments",
    "default_biases",
    "draw",
    "moments",
    "name_of",
    "read_initializer",
    "scheme_of",
]

Array = NDArray[Any]
#: A name from INITIALIZERS, a scheme, a number (every element), or f(rng, shape) -> array of that
#: shape.
Initializer = str | float | Scheme | Callable[[RNG, tuple[int, int]], Any]

#: The book's two, which draw biases too.
_BOOKS = (INITIALIZERS["default"], INITIALIZERS["large"])


class Moments(NamedTuple):
    """The distribution of a weight.

    Attributes
    ----------
    mean, variance : float
    is_gaussian : bool
        Whether it is normal; a constant counts as such.
    """

    mean: float
    variance: float
    is_gaussian: bool


def read_initializer(initializer: object, name: str) -> Initializer:
    """Return `initializer`, or refuse it.

    Raises
    ------
    ValueError
        The name is unknown, or the number is not finite.
    TypeError
        It is not a name, a scheme, a number or a callable.

    Examples
    --------
    >>> read_initializer("he_normal", "initializer")
    'he_normal'
    """
    if isinstance(initializer, str):
        if initializer not in INITIALIZERS:
            raise ValueError(
                f"{name} is {shown(initializer)}; the initializers are {', '.join(INITIALIZERS)}."
            )
        return initializer
    if isinstance(initializer, Scheme):
        return initializer
    if isinstance(initializer, (int, float)) and not isinstance(initializer, bool):
        as_number(initializer, name)
        return initializer
    if is_function(initializer):
        return initializer
    raise TypeError(
        f"{name} is {shown(initializer)}; give a name, a number, a scheme such as "
        "VarianceScaling(2.0), or a callable of (rng, shape)."
    )


def scheme_of(initializer: Initializer) -> Scheme | Callable[[RNG, tuple[int, int]], Any]:
    """Return the scheme of a name or number; a scheme, or a user's function, as it is."""
    if isinstance(initializer, str):
        return INITIALIZERS[initializer]
    if isinstance(initializer, Scheme) or callable(initializer):
        return initializer
    # float(): a whole number may be larger than any of NumPy's.
    return Constant(float(initializer))


def default_biases(initializer: Initializer) -> Initializer:
    """Return the initializer of biases that goes with that of the weights: the book's, or 0."""
    scheme = scheme_of(initializer)
    bookish = isinstance(scheme, Scheme) and scheme in _BOOKS
    return "normal" if bookish else "zeros"


def name_of(initializer: Initializer) -> str:
    """Return the name that `repr` of a network shows."""
    if isinstance(initializer, Scheme):
        return repr(initializer)
    if callable(initializer):
        return str(getattr(initializer, "__name__", type(initializer).__name__))
    return str(initializer)


def moments(initializer: Initializer, n_in: int, n_out: int) -> Moments | None:
    """Return the distribution of a weight between `n_in` and `n_out` units.

    Parameters
    ----------
    initializer : str, float, Scheme or callable
        As for `Network`.
    n_in, n_out : int

    Returns
    -------
    Moments or None
        None of a function, and where the weights are not draws from one distribution.

    Raises
    ------
    ValueError, TypeError
        As for `read_initializer`.

    Examples
    --------
    >>> moments("he_normal", 100, 30)
    Moments(mean=0.0, variance=0.02, is_gaussian=True)
    >>> moments(0.5, 100, 30)
    Moments(mean=0.5, variance=0.0, is_gaussian=True)
    """
    scheme = scheme_of(read_initializer(initializer, "initializer"))
    if not isinstance(scheme, Scheme):
        return None
    variance = scheme.variance(n_in, n_out)
    return None if variance is None else Moments(scheme.mean, variance, scheme.is_gaussian)


def draw(
    rng: RNG,
    biases: Sequence[Array],
    weights: Sequence[Array],
    bias_initializer: Initializer = "normal",
    initializer: Initializer = "default",
) -> list[Array]:
    """Return new values for every bias, then for every weight matrix.

    A user's function is called with no lock held. All that is drawn by a scheme before, between and
    after such calls is drawn in one call each.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
        Give the shapes and dtypes; they are not changed.
    weights : sequence of ndarray, shapes (n_out, n_in)
    bias_initializer, initializer : str, float, Scheme or callable

    Raises
    ------
    ValueError, TypeError
        A callable returned another shape, or anything but finite real numbers, or the dtype cannot
        hold the numbers; only the generator has changed.

    Examples
    --------
    >>> b, w = draw(np.random.default_rng(1), [np.empty((3, 1))], [np.empty((3, 4))])
    >>> rng = np.random.default_rng(1)
    >>> bool(np.all(b == rng.standard_normal((3, 1))))
    True
    >>> bool(np.all(w == rng.standard_normal((3, 4)) / np.sqrt(4)))
    True
    """
    drawn = [np.empty(array.shape, array.dtype) for array in (*biases, *weights)]
    names = ["bias_initializer"] * len(biases) + ["initializer"] * len(weights)
    chosen = [scheme_of(bias_initializer)] * len(biases) + [scheme_of(initializer)] * len(weights)
    for array, name, scheme in zip(drawn, names, chosen, strict=True):
        if isinstance(scheme, Scheme):
            scheme._check_held(name, array.shape, array.dtype)
    stream = Stream(rng)
    for array, name, scheme in zip(drawn, names, chosen, strict=True):
        if isinstance(scheme, Scheme):
            scheme._request(stream, array)
        else:
            stream.draw()  # the requests before it
            _set(array, call(scheme, name, rng, array.shape), name)
    stream.draw()
    for array, name in zip(drawn, names, strict=True):
        _check_finite(array, name)
    return drawn


def _set(array: Array, given: Any, name: str) -> None:
    """Copy what a user's function returned, or refuse it."""
    values = as_real_array(given, f"{name}'s array")
    if values.shape != array.shape:
        raise ValueError(f"{name} gave shape {values.shape}; expected {array.shape}.")
    with np.errstate(over="ignore"):
        array[...] = values
    _check_finite(array, name)


def _check_finite(array: Array, name: str) -> None:
    if not np.isfinite(array).all():
        what = "weights" if name == "initializer" else "biases"
        raise ValueError(
            f"{name} gave a number that is not finite in {array.dtype}; starting {what} must be."
        )
