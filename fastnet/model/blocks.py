"""How many examples a kernel call takes, and data cut into as many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset, Piece

__all__ = [
    "CALL_ROWS",
    "TRAINING_ROWS",
    "call_rows",
    "gradient_rows",
    "parts",
    "pieces",
    "prediction_rows",
    "prediction_threads",
    "products",
    "stack_threads",
    "thread_rows",
    "trainings_at_once",
]

#: Examples a kernel call at the most and the least, for a gradient at the least, and how many
#: multiplications take about 20 ms: between two calls Ctrl-C is answered.
CALL_ROWS = 2048
LEAST_ROWS = 32
GRADIENT_ROWS = 256
CALL_PRODUCTS = 1 << 26
#: Examples that prediction takes at a time: enough that bringing weights closer costs little. Fewer
#: of them where a row is long, so that these bytes stay in the second-level cache.
PREDICTION_ROWS = 128
LEAST_PREDICTION_ROWS = 32
PREDICTION_BYTES = 1 << 20
#: Multiplications that take a millisecond or more: ten times as long as a thread to begin.
PRODUCTS_PER_THREAD = 1 << 22
#: Of small networks, where activations and the way from one to the next take longer than products,
#: a quarter of a millisecond or more.
SMALL_PRODUCTS_PER_THREAD = 1 << 20
#: Multiplications of an epoch's ways forward below which Python takes most of the time of training,
#: and threads that train one network each would wait for each other.
EPOCH_PRODUCTS = 1 << 20
#: Examples that training takes at a time at most, so that a full batch is no copy of the data.
TRAINING_ROWS = 256


def products(sizes: Sequence[int]) -> int:
    """Return how many multiplications one example takes on its way forward.

    Examples
    --------
    >>> products([784, 30, 10])
    23820
    """
    return sum(n_in * n_out for n_in, n_out in pairwise(sizes))


def call_rows(sizes: Sequence[int]) -> int:
    """Return how many examples a kernel call should take, which sizes alone decide.

    Not the clock: costs are summed call by call, and must come out the same every time.

    Examples
    --------
    >>> call_rows([784, 30, 10]), call_rows([784, 256, 256, 10]), call_rows([10**4, 10**4])
    (2048, 128, 32)
    """
    rows = CALL_ROWS
    while rows > LEAST_ROWS and rows * products(sizes) > CALL_PRODUCTS:
        rows //= 2
    return rows


def prediction_rows(sizes: Sequence[int], itemsize: int) -> int:
    """Return how many examples of numbers of `itemsize` bytes prediction should take at a time.

    Examples
    --------
    >>> prediction_rows([784, 30, 10], 8), prediction_rows([784, 2048, 10], 8)
    (128, 64)
    """
    fitting = PREDICTION_BYTES // (max(sizes) * itemsize)
    return min(PREDICTION_ROWS, max(LEAST_PREDICTION_ROWS, fitting))


def prediction_threads(sizes: Sequence[int], n: int, most: int) -> int:
    """Return how many threads, of `most`, n examples are enough for.

    Examples
    --------
    >>> [prediction_threads([784, 30, 10], n, most=4) for n in (100, 500, 10_000)]
    [1, 2, 4]
    """
    return max(1, min(most, n * products(sizes) // PRODUCTS_PER_THREAD))


def stack_threads(sizes: Sequence[int], k: int, n: int, most: int) -> int:
    """Return how many threads, of `most`, are worth it for n examples of each of k networks.

    Examples
    --------
    >>> [stack_threads([4, 32, 4], k, 10, most=4) for k in (100, 1000, 10_000)]
    [1, 2, 4]
    """
    return max(1, min(most, k, k * n * products(sizes) // SMALL_PRODUCTS_PER_THREAD))


def thread_rows(sizes: Sequence[int]) -> int:
    """Return the most examples whose prediction is not enough for two threads; at least 1.

    Examples
    --------
    >>> thread_rows([784, 30, 10]), thread_rows([4000, 4000])
    (352, 1)
    """
    return max(1, (2 * PRODUCTS_PER_THREAD - 1) // products(sizes))


def trainings_at_once(sizes: Sequence[int], n: int, most: int) -> int:
    """Return how many networks, of `most`, to train at a time on n examples.

    Examples
    --------
    >>> trainings_at_once([4, 16, 2], 300, most=4), trainings_at_once([20, 32, 2], 5000, most=4)
    (1, 4)
    """
    return most if n * products(sizes) >= EPOCH_PRODUCTS else 1


def gradient_rows(sizes: Sequence[int]) -> int:
    """Return how many examples a kernel call should take for a gradient: a multiple of 256.

    Examples
    --------
    >>> gradient_rows([784, 30, 10]), gradient_rows([784, 1024, 1024, 10])
    (2048, 256)
    """
    return max(GRADIENT_ROWS, call_rows(sizes))


def parts(n: int, piece: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut n examples into pieces, and each piece into parts of at most `most`.

    Where `most` is a multiple of what a kernel takes at a time, sums over all of the parts are made
    in the same order as over whole pieces.

    Examples
    --------
    >>> list(parts(7, 5, 2))
    [(0, 2), (2, 4), (4, 5), (5, 7)]
    """
    for start in range(0, n, piece):
        end = min(n, start + piece)
        for first in range(start, end, most):
            yield first, min(end, first + most)


def pieces(data: Dataset, most: int) -> Iterator[Piece]:
    """Yield what kernels take to walk all of the data, at most so many examples at a time."""
    order = np.arange(data.n, dtype=np.intp)
    step = min(data.piece_limit, most)
    for start in range(0, data.n, step):
        yield data.piece(order, start, min(data.n, start + step))
