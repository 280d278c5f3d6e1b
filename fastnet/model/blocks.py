"""Numbers of examples per kernel call and of threads, and data cut accordingly."""

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

#: The most and the fewest examples per kernel call, the fewest for a gradient, and the number of
#: multiplications that take about 20 ms: Ctrl-C is handled between two calls.
CALL_ROWS = 2048
LEAST_ROWS = 32
GRADIENT_ROWS = 256
CALL_PRODUCTS = 1 << 26
#: Examples that prediction takes at a time: enough to make loading the weights cheap. Fewer if rows
#: are long, so that these bytes stay in the second-level cache.
PREDICTION_ROWS = 128
LEAST_PREDICTION_ROWS = 32
PREDICTION_BYTES = 1 << 20
#: Multiplications that take a millisecond or more: ten times as long as starting a thread.
PRODUCTS_PER_THREAD = 1 << 22
#: The same for stacks of small networks, where activations and the step from one network to the
#: next take longer than products: a quarter of a millisecond or more.
SMALL_PRODUCTS_PER_THREAD = 1 << 20
#: If an epoch's forward passes take fewer multiplications, training spends most of its time in
#: Python, and threads that train one network each would wait for each other.
EPOCH_PRODUCTS = 1 << 20
#: Maximum number of examples that training takes at a time, so that a full batch is not copied.
TRAINING_ROWS = 256


def products(sizes: Sequence[int]) -> int:
    """Return the number of multiplications of one example's forward pass.

    Examples
    --------
    >>> products([784, 30, 10])
    23820
    """
    return sum(n_in * n_out for n_in, n_out in pairwise(sizes))


def call_rows(sizes: Sequence[int]) -> int:
    """Return how many examples a kernel call should take.

    The sizes alone decide, not a clock: costs are summed call by call, and must be reproducible.

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
    """Return how many examples prediction should take at a time, with numbers of `itemsize` bytes.

    Examples
    --------
    >>> prediction_rows([784, 30, 10], 8), prediction_rows([784, 2048, 10], 8)
    (128, 64)
    """
    fitting = PREDICTION_BYTES // (max(sizes) * itemsize)
    return min(PREDICTION_ROWS, max(LEAST_PREDICTION_ROWS, fitting))


def prediction_threads(sizes: Sequence[int], n: int, most: int) -> int:
    """Return the number of threads, at most `most`, that n examples keep busy.

    Examples
    --------
    >>> [prediction_threads([784, 30, 10], n, most=4) for n in (100, 500, 10_000)]
    [1, 2, 4]
    """
    return max(1, min(most, n * products(sizes) // PRODUCTS_PER_THREAD))


def stack_threads(sizes: Sequence[int], k: int, n: int, most: int) -> int:
    """Return the number of threads, at most `most`, for n examples of each of k networks.

    Examples
    --------
    >>> [stack_threads([4, 32, 4], k, 10, most=4) for k in (100, 1000, 10_000)]
    [1, 2, 4]
    """
    return max(1, min(most, k, k * n * products(sizes) // SMALL_PRODUCTS_PER_THREAD))


def thread_rows(sizes: Sequence[int]) -> int:
    """Return the largest number of examples that one thread should predict alone; at least 1.

    Examples
    --------
    >>> thread_rows([784, 30, 10]), thread_rows([4000, 4000])
    (352, 1)
    """
    return max(1, (2 * PRODUCTS_PER_THREAD - 1) // products(sizes))


def trainings_at_once(sizes: Sequence[int], n: int, most: int) -> int:
    """Return how many networks, at most `most`, to train at a time on n examples.

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
    """Yield start and stop of parts: n examples cut into pieces, and these into at most `most`.

    If `most` is a multiple of what a kernel takes at a time, sums over the parts are made in the
    same order as over whole pieces.

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
    """Yield the arguments of kernel calls over all data, at most `most` examples at a time."""
    order = np.arange(data.n, dtype=np.intp)
    step = min(data.piece_limit, most)
    for start in range(0, data.n, step):
        yield data.piece(order, start, min(data.n, start + step))
