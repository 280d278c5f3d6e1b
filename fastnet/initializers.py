"""Starting weights, drawn by compiled code from a NumPy generator's own stream.

In the book's order: every bias, layer by layer, then every weight matrix, layer by layer, each in
C order of its shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.kernels import initial

__all__ = ["RNG", "Seed", "as_rng", "default", "large"]

RNG = np.random.Generator | np.random.RandomState
Seed = int | np.random.SeedSequence | np.random.BitGenerator | RNG | None
Arrays = Sequence[NDArray[Any]]


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
            raise ValueError(f"rng is {seed}; a seed must not be negative.")
        return np.random.default_rng(int(seed))
    if seed is None or isinstance(seed, (np.random.SeedSequence, np.random.BitGenerator)):
        return np.random.default_rng(seed)
    raise TypeError(
        f"rng is of type {type(seed).__name__}; give None, an int, a SeedSequence, "
        "a BitGenerator, a Generator or a RandomState."
    )


def default(rng: RNG, biases: Arrays, weights: Arrays) -> None:
    """Draw biases from N(0, 1) and weights from N(0, 1) / sqrt(n_in), in place.

    The book's better way ("weight initialization", chapter 3); elsewhere called LeCun normal.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
    weights : sequence of ndarray, shapes (n_out, n_in)

    Examples
    --------
    >>> b, w = [np.empty((3, 1))], [np.empty((3, 4))]
    >>> default(np.random.default_rng(1), b, w)
    >>> rng = np.random.default_rng(1)
    >>> bool(np.all(b[0] == rng.standard_normal((3, 1))))
    True
    >>> bool(np.all(w[0] == rng.standard_normal((3, 4)) / np.sqrt(4)))
    True
    """
    _draw(rng, [*biases, *weights], [1.0] * len(biases) + [math.sqrt(w.shape[1]) for w in weights])


def large(rng: RNG, biases: Arrays, weights: Arrays) -> None:
    """Draw biases and weights from N(0, 1), in place: the book's old way, which saturates.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
    weights : sequence of ndarray, shapes (n_out, n_in)

    Examples
    --------
    >>> b, w = [np.empty((3, 1))], [np.empty((3, 4))]
    >>> large(np.random.default_rng(1), b, w)
    >>> bool(b[0][0, 0] == np.random.default_rng(1).standard_normal())
    True
    """
    _draw(rng, [*biases, *weights], [1.0] * (len(biases) + len(weights)))


def _draw(rng: RNG, arrays: Arrays, divisors: Sequence[float]) -> None:
    if isinstance(rng, np.random.Generator):
        for array, divisor in zip(arrays, divisors, strict=True):
            initial.fill_normal(rng.bit_generator, array, divisor)
        return
    # A RandomState keeps half of a pair of normals outside its bit generator.
    state = rng.get_state(legacy=False)
    spare: tuple[bool, float] = bool(state["has_gauss"]), float(state["gauss"])
    for array, divisor in zip(arrays, divisors, strict=True):
        spare = initial.fill_legacy_normal(rng._bit_generator, array, divisor, *spare)
    state = rng.get_state(legacy=False)
    state["has_gauss"], state["gauss"] = int(spare[0]), spare[1]
    rng.set_state(state)
