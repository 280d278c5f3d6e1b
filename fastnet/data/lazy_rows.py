"""Examples that are worked out of others when they are asked for."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fastnet.kernels import examples

__all__ = ["Derived"]

Array = NDArray[Any]


@runtime_checkable
class Derived(Protocol):
    """Rows that are worked out of other rows when asked for, as `datasets.shift_images` has them.

    Attributes
    ----------
    originals : ndarray, shape (m, n_in)
        What they are worked out of; where this is finite, so are they.
    shape : (int, int)
        (n, n_in).
    dtype : dtype
    """

    originals: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n_in)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the rows."""
        ...

    def __getitem__(self, rows: Any, /) -> Array:
        """Return the rows of these numbers."""
        ...

    def nonzeros(self, originals: examples.Rows, chosen: Array) -> examples.Rows:
        """Return the chosen rows' non-zeros, from those of the originals."""
        ...
