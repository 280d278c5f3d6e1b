"""Starting weights by name, drawn by compiled code from a NumPy generator's own stream.

In the book's order: every bias, layer by layer, then every weight matrix, layer by layer, each in
C order of its shape. `n_in` and `n_out` are the units below and above a weight matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.arguments import call, check_held, is_function, shown
from fastnet.kernels import initial

__all__ = [
    "INITIALIZERS",
    "RNG",
    "Initializer",
    "Seed",
    "as_rng",
    "draw",
    "name_of",
    "read_initializer",
]

RNG = np.random.Generator | np.random.RandomState
Seed = int | np.random.SeedSequence | np.random.BitGenerator | RNG | None
Array = NDArray[Any]
#: A name from INITIALIZERS, a number (every element), or f(rng, shape) -> array of that shape.
Initializer = str | float | Callable[[RNG, tuple[int, int]], Any]
Fill = Callable[[initial.Stream, Array], None]


def as_rng(seed: Seed) -> RNG:
    """Return the generator that `seed` is or stands for.

    Parameters
    ----------
    seed : None, int, SeedSequence, BitGenerator, Generator or RandomState
        A generator is used as it is, not copied.

    Raises
    ------
    TypeError
        `seed` is none of these.
    ValueError
        `seed` is a negative number.

    Examples
    --------
    >>> as_rng(7).random() == np.random.default_rng(7).random()
    True
    """
    if isinstance(seed, (np.random.Generator, np.random.RandomState)):
        return seed
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if seed < 0:
            raise ValueError(f"rng is {shown(seed)}; a seed must not be negative.")
        return np.random.default_rng(int(seed))
    if seed is None or isinstance(seed, (np.random.SeedSequence, np.random.BitGenerator)):
        return np.random.default_rng(seed)
    raise TypeError(
        f"rng is of type {type(seed).__name__}; give None, an int, a SeedSequence, "
        "a BitGenerator, a Generator or a RandomState."
    )


def default(stream: initial.Stream, w: Array) -> None:
    """N(0, 1) / sqrt(n_in): the book's better way (chapter 3); LeCun et al. 1998."""
    stream.normal(w, divisor=math.sqrt(w.shape[1]))


def large(stream: initial.Stream, w: Array) -> None:
    """N(0, 1): the book's old way, by which units saturate."""
    stream.normal(w)


def glorot_normal(stream: initial.Stream, w: Array) -> None:
    """N(0, 1) * sqrt(2 / (n_in + n_out)): Glorot and Bengio 2010."""
    stream.normal(w, factor=math.sqrt(2 / sum(w.shape)))


def he_normal(stream: initial.Stream, w: Array) -> None:
    """N(0, 1) * sqrt(2 / n_in): He et al. 2015, for ReLU."""
    stream.normal(w, factor=math.sqrt(2 / w.shape[1]))


def lecun_uniform(stream: initial.Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(3 / n_in): the variance of `default`."""
    _uniform(stream, w, math.sqrt(3 / w.shape[1]))


def glorot_uniform(stream: initial.Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(6 / (n_in + n_out)): the variance of `glorot_normal`."""
    _uniform(stream, w, math.sqrt(6 / sum(w.shape)))


def he_uniform(stream: initial.Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(6 / n_in): the variance of `he_normal`."""
    _uniform(stream, w, math.sqrt(6 / w.shape[1]))


def uniform(stream: initial.Stream, w: Array) -> None:
    """U(-r, r), r = 1 / sqrt(n_in)."""
    _uniform(stream, w, 1 / math.sqrt(w.shape[1]))


def truncated_normal(stream: initial.Stream, w: Array) -> None:
    """N(0, 1) / sqrt(n_in), each drawn again until it lies within two standard deviations."""
    stream.truncated_normal(w, 1 / math.sqrt(w.shape[1]), 2.0)


def orthogonal(stream: initial.Stream, w: Array) -> None:
    """Orthonormal rows or columns, whichever are fewer: Saxe et al. 2014."""
    stream.orthogonal(w, 1.0, np.empty((max(w.shape), min(w.shape))))


def zeros(stream: initial.Stream, w: Array) -> None:
    """Every element 0."""
    w[...] = 0


def ones(stream: initial.Stream, w: Array) -> None:
    """Every element 1; any other constant is written as a number."""
    w[...] = 1


def _uniform(stream: initial.Stream, w: Array, r: float) -> None:
    stream.uniform(w, -r, r)


INITIALIZERS: dict[str, Fill] = {
    "default": default,
    "lecun_normal": default,
    "large": large,
    "normal": large,
    "lecun_uniform": lecun_uniform,
    "glorot_normal": glorot_normal,
    "xavier_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "xavier_uniform": glorot_uniform,
    "he_normal": he_normal,
    "kaiming_normal": he_normal,
    "he_uniform": he_uniform,
    "kaiming_uniform": he_uniform,
    "orthogonal": orthogonal,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
    "zeros": zeros,
    "constant": ones,
}


def read_initializer(initializer: object, name: str) -> Initializer:
    """Return `initializer` if it is one.

    Raises
    ------
    ValueError
        An unknown name, or a number that is not finite.
    TypeError
        Something else.

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
    if isinstance(initializer, (int, float)) and not isinstance(initializer, bool):
        try:
            finite = math.isfinite(initializer)
        except OverflowError:  # a whole number beyond float64
            finite = False
        if not finite:
            raise ValueError(f"{name} is {shown(initializer)}; expected a finite number.")
        return initializer
    if is_function(initializer):
        return initializer
    raise TypeError(
        f"{name} is {shown(initializer)}; give a name, a number, or a callable of (rng, shape)."
    )


def name_of(initializer: Initializer) -> str:
    """Return what `repr` of a network calls it."""
    if callable(initializer):
        return str(getattr(initializer, "__name__", type(initializer).__name__))
    return str(initializer)


def draw(
    rng: RNG,
    biases: Sequence[Array],
    weights: Sequence[Array],
    bias_initializer: Initializer = "normal",
    initializer: Initializer = "default",
    writing: AbstractContextManager[object] | None = None,
) -> None:
    """Draw every bias, then every weight matrix, in place.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
    weights : sequence of ndarray, shapes (n_out, n_in)
    bias_initializer, initializer : str, float or callable
    writing : context manager, optional
        Held while the arrays change, which is when all is drawn.

    Raises
    ------
    ValueError, TypeError
        A callable gave something of another shape, or not finite, or no numbers; nothing has
        changed but the generator.

    Examples
    --------
    >>> b, w = [np.empty((3, 1))], [np.empty((3, 4))]
    >>> draw(np.random.default_rng(1), b, w)
    >>> rng = np.random.default_rng(1)
    >>> bool(np.all(b[0] == rng.standard_normal((3, 1))))
    True
    >>> bool(np.all(w[0] == rng.standard_normal((3, 4)) / np.sqrt(4)))
    True
    """
    drawn = [np.empty(array.shape, array.dtype) for array in (*biases, *weights)]
    chosen = [("bias_initializer", bias_initializer)] * len(biases)
    chosen += [("initializer", initializer)] * len(weights)
    # One hold of the lock for all of it: a RandomState keeps half of a pair of normals outside its
    # bit generator, and another thread must not come between the two.
    source = rng._bit_generator if isinstance(rng, np.random.RandomState) else rng.bit_generator
    with source.lock:
        for array, (name, choice) in zip(drawn, chosen, strict=True):
            _draw_one(rng, array, choice, name)
    with writing or nullcontext():
        for array, values in zip((*biases, *weights), drawn, strict=True):
            array[...] = values


def _draw_one(rng: RNG, array: Array, choice: Initializer, name: str) -> None:
    if isinstance(choice, str):
        stream = initial.Stream(rng)
        INITIALIZERS[choice](stream, array)
        stream.close()
        return
    # float(): a whole number may be larger than any of NumPy's.
    given = call(choice, name, rng, array.shape) if callable(choice) else float(choice)
    values = np.asarray(given)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} gave dtype {values.dtype}; expected real numbers.")
    if callable(choice) and values.shape != array.shape:
        raise ValueError(f"{name} gave shape {values.shape}; expected {array.shape}.")
    with np.errstate(over="ignore"):
        cast = values.astype(array.dtype)
    if not np.isfinite(cast).all():
        what = "weights" if name == "initializer" else "biases"
        raise ValueError(
            f"{name} gave a number that is not finite in {array.dtype}; starting {what} must be."
        )
    if not callable(choice):
        check_held(abs(float(choice)), name, array.dtype)
    array[...] = cast
