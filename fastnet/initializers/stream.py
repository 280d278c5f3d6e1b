"""`Stream`: random numbers for several arrays, drawn under one lock in one call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.generators import RNG
from fastnet.kernels import initializers as kernel

__all__ = ["Stream"]

Array = NDArray[Any]


class Stream:
    """Random numbers for several arrays: requested array by array, then drawn in one call."""

    def __init__(self, rng: RNG) -> None:
        self._rng = rng
        self._requests: list[tuple[int, Array, Callable[[Array], Array]]] = []

    def normal(self, w: Array, factor: float = 1.0, divisor: float = 1.0) -> None:
        """Request standard_normal(w.shape) * factor / divisor."""
        self._requests.append((_NORMAL, w, lambda z: z * factor / divisor))

    def truncated_normal(self, w: Array, factor: float) -> None:
        """Request standard normals, each drawn again until it is from -2 to 2, times factor."""
        self._requests.append((_TRUNCATED, w, lambda z: z * factor))

    def uniform(self, w: Array, r: float) -> None:
        """Request uniform(-r, r, w.shape)."""
        self._requests.append((_UNIFORM, w, lambda u: -r + 2 * r * u))

    def orthogonal(self, w: Array, factor: float = 1.0) -> None:
        """Request factor times orthonormal rows or columns of w, whichever are fewer."""
        self._requests.append((_NORMAL, w, lambda z: factor * _orthonormal(z)))

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
        with np.errstate(over="ignore"):  # the caller refuses infinite numbers
            for (_, w, transform), part in zip(requests, parts, strict=True):
                w[...] = transform(part.reshape(w.shape))


#: The codes of these distributions in `kernel.fill`.
_NORMAL, _TRUNCATED, _UNIFORM = 1, 2, 3
_NUMPYS_OWN = {
    getattr(np.random, name) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
}


def _is_known(rng: RNG) -> bool:
    """Whether the generator's whole state can be read while its lock is held."""
    return not isinstance(rng, np.random.RandomState) or type(rng._bit_generator) in _NUMPYS_OWN


def _fill_by_calls(rng: Any, out: Array, counts: Array, kinds: Array) -> None:
    """Fill `out` as `kernel.fill` does, with one call of NumPy for each run of one kind."""
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
    """Return random orthonormal rows or columns, uniformly distributed (Haar measure).

    They are the Q of a QR decomposition of `normals` whose R has a positive diagonal (Mezzadri
    2007), transposed if there are more columns than rows.
    """
    rows, columns = normals.shape
    q, r = np.linalg.qr(normals.reshape(max(rows, columns), min(rows, columns)))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T
