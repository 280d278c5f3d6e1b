"""Initializers: distributions of starting weights and biases, drawn from a NumPy generator.

In the book's order: every bias, layer by layer, then every weight matrix, layer by layer, each in
C order of its shape. `n_in` and `n_out` are the units below and above a weight matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_number, call, check_held, is_function, shown
from fastnet.common.generators import RNG
from fastnet.data.rows import as_real_array
from fastnet.kernels import initializers as kernel

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "draw",
    "name_of",
    "read_initializer",
]

Array = NDArray[Any]
#: A name from INITIALIZERS, a number (every element), or f(rng, shape) -> array of that shape.
Initializer = str | float | Callable[[RNG, tuple[int, int]], Any]


class Stream:
    """Random numbers for several arrays: requested array by array, then drawn in one call."""

    def __init__(self, rng: RNG) -> None:
        self._rng = rng
        self._requests: list[tuple[int, Array, Callable[[Array], Array]]] = []

    def normal(self, w: Array, factor: float = 1.0, divisor: float = 1.0) -> None:
        """Request standard_normal(w.shape) * factor / divisor."""
        self._requests.append((_NORMAL, w, lambda z: z * factor / divisor))

    def truncated_normal(self, w: Array, factor: float) -> None:
        """Request standard normals * factor, each drawn again until it lies within two."""
        self._requests.append((_TRUNCATED, w, lambda z: z * factor))

    def uniform(self, w: Array, r: float) -> None:
        """Request uniform(-r, r, w.shape)."""
        self._requests.append((_UNIFORM, w, lambda u: -r + 2 * r * u))

    def orthogonal(self, w: Array) -> None:
        """Request the Q of normals whose R has a positive diagonal, transposed where w is wide."""
        self._requests.append((_NORMAL, w, _orthonormal))

    def draw(self) -> None:
        """Draw all requests since the last call, in order, under one lock; then fill the arrays."""
        requests, self._requests = self._requests, []
        if not requests:
            return
        kinds = np.array([kind for kind, _, _ in requests], np.int64)
        counts = np.array([w.size for _, w, _ in requests], np.int64)
        numbers = np.empty(counts.sum())
        fill = kernel.fill if _is_known(self._rng) else _fill_by_calls
        fill(self._rng, numbers, counts, kinds)
        parts = np.split(numbers, counts.cumsum()[:-1])
        for (_, w, transform), part in zip(requests, parts, strict=True):
            w[...] = transform(part.reshape(w.shape))


#: The numbers that `kernel.fill` has for them.
_NORMAL, _TRUNCATED, _UNIFORM = 1, 2, 3
_NUMPYS_OWN = {
    getattr(np.random, name) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
}


def _is_known(rng: RNG) -> bool:
    """Whether the generator's whole state can be read while its lock is held."""
    return not isinstance(rng, np.random.RandomState) or type(rng._bit_generator) in _NUMPYS_OWN


def _fill_by_calls(rng: Any, out: Array, counts: Array, kinds: Array) -> None:
    """Do what `kernel.fill` does by NumPy's methods, one call for each run of one kind."""
    for kind, parts in groupby(zip(kinds, counts, strict=True), key=lambda part: part[0]):
        n = int(sum(count for _, count in parts))
        if kind == _UNIFORM:
            out[:n] = rng.random_sample(n)
        elif kind == _NORMAL:
            out[:n] = rng.standard_normal(n)
        else:
            done = 0
            while done < n:
                z = rng.standard_normal(n - done)
                z = z[~(np.abs(z) > 2)]
                out[done : done + z.size] = z
                done += z.size
        out = out[n:]


def _orthonormal(normals: Array) -> Array:
    """Return orthonormal rows or columns, uniform over all (Haar; Mezzadri 2007 on the signs)."""
    rows, columns = normals.shape
    q, r = np.linalg.qr(normals.reshape(max(rows, columns), min(rows, columns)))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T


def default(stream: Stream, w: Array) -> None:
    """N(0, 1) / sqrt(n_in): the book's improved initializer (chapter 3); LeCun et al. 1998."""
    stream.normal(w, divisor=math.sqrt(w.shape[1]))


def large(stream: Stream, w: Array) -> None:
    """N(0, 1): the book's first initializer, with which units saturate."""
    stream.normal(w)


def glorot_normal(stream: Stream, w: Array) -> None:
    """N(0, 1) * sqrt(2 / (n_in + n_out)): Glorot and Bengio 2010."""
    stream.normal(w, factor=math.sqrt(2 / sum(w.shape)))


def he_normal(stream: Stream, w: Array) -> None:
    """N(0, 1) * sqrt(2 / n_in): He et al. 2015, for ReLU."""
    stream.normal(w, factor=math.sqrt(2 / w.shape[1]))


def lecun_uniform(stream: Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(3 / n_in): the variance of `default`."""
    stream.uniform(w, math.sqrt(3 / w.shape[1]))


def glorot_uniform(stream: Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(6 / (n_in + n_out)): the variance of `glorot_normal`."""
    stream.uniform(w, math.sqrt(6 / sum(w.shape)))


def he_uniform(stream: Stream, w: Array) -> None:
    """U(-r, r), r = sqrt(6 / n_in): the variance of `he_normal`."""
    stream.uniform(w, math.sqrt(6 / w.shape[1]))


def uniform(stream: Stream, w: Array) -> None:
    """U(-r, r), r = 1 / sqrt(n_in)."""
    stream.uniform(w, 1 / math.sqrt(w.shape[1]))


def truncated_normal(stream: Stream, w: Array) -> None:
    """N(0, 1) / sqrt(n_in), each drawn again until it lies within two standard deviations."""
    stream.truncated_normal(w, 1 / math.sqrt(w.shape[1]))


def orthogonal(stream: Stream, w: Array) -> None:
    """Orthonormal rows or columns, whichever are fewer: Saxe et al. 2014."""
    stream.orthogonal(w)


def zeros(stream: Stream, w: Array) -> None:
    """Every element 0."""
    w[...] = 0


def ones(stream: Stream, w: Array) -> None:
    """Every element 1; for other constants give a number instead of a name."""
    w[...] = 1


INITIALIZERS: dict[str, Callable[[Stream, Array], None]] = {
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
    """Return `initializer`, or refuse it.

    Raises
    ------
    ValueError
        The name is unknown, or the number is not finite.
    TypeError
        It is not a name, a number or a callable.

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
        as_number(initializer, name)
        return initializer
    if is_function(initializer):
        return initializer
    raise TypeError(
        f"{name} is {shown(initializer)}; give a name, a number, or a callable of (rng, shape)."
    )


def name_of(initializer: Initializer) -> str:
    """Return the name that `repr` of a network shows."""
    if callable(initializer):
        return str(getattr(initializer, "__name__", type(initializer).__name__))
    return str(initializer)


def draw(
    rng: RNG,
    biases: Sequence[Array],
    weights: Sequence[Array],
    bias_initializer: Initializer = "normal",
    initializer: Initializer = "default",
) -> list[Array]:
    """Return new values for every bias, then for every weight matrix.

    A user's function is called with no lock held. All that is drawn by name before, between and
    after such calls is drawn in one call each.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
        Give the shapes and dtypes; they are not changed.
    weights : sequence of ndarray, shapes (n_out, n_in)
    bias_initializer, initializer : str, float or callable

    Raises
    ------
    ValueError, TypeError
        A callable returned another shape, or anything but finite real numbers; only the generator
        has changed.

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
    chosen = [("bias_initializer", bias_initializer)] * len(biases)
    chosen += [("initializer", initializer)] * len(weights)
    stream = Stream(rng)
    for array, (name, choice) in zip(drawn, chosen, strict=True):
        if isinstance(choice, str):
            INITIALIZERS[choice](stream, array)
        elif callable(choice):
            stream.draw()  # the requests before it
            _set(array, call(choice, name, rng, array.shape), name, array.shape)
        else:
            # float(): a whole number may be larger than any of NumPy's.
            _set(array, float(choice), name, ())
    stream.draw()
    return drawn


def _set(array: Array, given: Any, name: str, shape: tuple[int, ...]) -> None:
    values = as_real_array(given, f"{name}'s array")
    if values.shape != shape:
        raise ValueError(f"{name} gave shape {values.shape}; expected {shape}.")
    with np.errstate(over="ignore"):
        cast = values.astype(array.dtype)
    if not np.isfinite(cast).all():
        what = "weights" if name == "initializer" else "biases"
        raise ValueError(
            f"{name} gave a number that is not finite in {array.dtype}; starting {what} must be."
        )
    if shape == ():  # one number for all
        check_held(abs(float(given)), name, array.dtype)
    array[...] = cast
