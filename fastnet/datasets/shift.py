"""The book's expanded MNIST: each image and four copies shifted by one pixel."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnet.common.arguments import as_count, shown
from fastnet.data.rows import as_real_array
from fastnet.kernels import shift_images as kernel
from fastnet.kernels.rows import Rows

__all__ = ["ShiftedImages", "shift_images"]

Array = NDArray[Any]

#: Shift of each copy, down and to the right; the originals come first.
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


class ShiftedImages:
    """Images and their shifted copies, in rows of pixels that are computed when they are indexed.

    Row k n + i is image i, unchanged for k = 0, shifted down, up, right, left for k = 1 .. 4. Index
    it like an array for rows; `numpy.asarray` computes all of them at once.

    Parameters
    ----------
    originals : ndarray, shape (n, height * width)
        Kept as it is, not copied.
    shape : (int, int)
        Height and width of an image.

    Attributes
    ----------
    shape : (int, int)
        (5 n, height * width).
    dtype : numpy.dtype
        The originals' type.

    Examples
    --------
    >>> import numpy as np
    >>> images = ShiftedImages(np.array([[1, 2, 3, 4]]), (2, 2))
    >>> images.shape
    (5, 4)
    >>> images[1].reshape(2, 2)  # moved down
    array([[0, 0],
           [1, 2]])
    """

    ndim = 2

    def __init__(self, originals: Array, shape: tuple[int, int]) -> None:
        self.originals = originals
        self.height, self.width = shape
        self._moves = np.array([down * self.width + right for down, right in SHIFTS], np.intp)
        # A pixel stays in the image if its new place was not vacated.
        stays = np.zeros((len(SHIFTS), *shape), np.uint8)
        for k, (down, right) in enumerate(SHIFTS):
            stays[k, _between(-down), _between(-right)] = 1
        self._stays = stays.reshape(len(SHIFTS), -1)

    @property
    def shape(self) -> tuple[int, int]:
        """(5 n, height * width)."""
        return len(self), int(self.originals.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The originals' type."""
        return self.originals.dtype

    def __len__(self) -> int:
        return len(SHIFTS) * len(self.originals)

    def __repr__(self) -> str:
        size = f"{self.height} x {self.width}"
        return f"ShiftedImages({len(self)} images of {size}, out of {len(self.originals)})"

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("copy is False, but shifted images are computed; give None or True.")
        return np.asarray(self[:], dtype)

    def __getitem__(self, rows: Any) -> Array:
        """Return one row, or an array of rows for a slice, an array of numbers or a mask."""
        if isinstance(rows, slice):
            return self._block(np.arange(*rows.indices(len(self)), dtype=np.intp))
        numbers = np.asarray(rows)
        if numbers.dtype.kind == "b" and numbers.shape == (len(self),):
            return self._block(np.flatnonzero(numbers))
        if numbers.ndim == 1 and (numbers.dtype.kind in "iu" or not numbers.size):
            return self._block(numbers.astype(np.intp, copy=False))
        row: Array = self._block(np.array([operator.index(rows)], np.intp))[0]
        return row

    def _block(self, numbers: Array) -> Array:
        """Return the rows with these numbers, which may be negative."""
        outside = (numbers < -len(self)) | (numbers >= len(self))
        if outside.any():
            number = int(numbers[outside.argmax()])
            raise IndexError(f"image {number} does not exist; there are {len(self)} images.")
        numbers = numbers % len(self)
        images = self.originals[numbers % len(self.originals)]
        images = images.reshape(-1, self.height, self.width)
        moved = np.zeros_like(images, order="C")
        which = numbers // len(self.originals)
        for k, (down, right) in enumerate(SHIFTS):
            chosen = which == k
            target = moved[:, _between(down), _between(right)]
            target[chosen] = images[chosen, _between(-down), _between(-right)]
        rows: Array = moved.reshape(len(numbers), self.height * self.width)
        return rows

    def nonzeros(self, originals: Rows, chosen: Array) -> Rows:
        """Return rows for the kernels, computed from the originals' non-zeros.

        Parameters
        ----------
        originals : Rows
            The originals, as `kernels.rows.compress` returns them.
        chosen : ndarray of intp
        """
        return kernel.shifted(originals, chosen, self._moves, self._stays)


def _between(shift: int) -> slice:
    """Return the slice that pixels shifted by `shift` go to; for -shift, where they come from."""
    return slice(max(shift, 0), shift if shift < 0 else None)


def shift_images(
    X: ArrayLike, y: ArrayLike, shape: tuple[int, int] = (28, 28)
) -> tuple[ShiftedImages, Array]:
    """Return five times as many examples: each image also moved by one pixel in four directions.

    Vacated pixels become 0. This is how the book expands its training data artificially (chapter 3,
    "Other techniques for regularization"). Images are shifted when training asks for them, a few
    hundred at a time.

    Parameters
    ----------
    X : array_like, shape (n, height * width) or (n, height, width)
        Images in rows; an array is not copied.
    y : array_like, shape (n, ...)
        Class numbers or targets.
    shape : (int, int), default (28, 28)
        Height and width of an image.

    Returns
    -------
    X : ShiftedImages, shape (5 n, height * width)
        Not an array, but accepted as X wherever a network takes data.
    y : ndarray, shape (5 n, ...)

    Raises
    ------
    ValueError, TypeError
        X does not contain images of that shape, or y has another length.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> from fastnet.datasets import shift_images
    >>> X, y = np.eye(4), [0, 1, 1, 0]
    >>> net = fastnet.Network([4, 2], rng=0)
    >>> history = net.train(shift_images(X, y, shape=(2, 2)), epochs=3)
    >>> shift_images(X, y, shape=(2, 2))[1].shape
    (20,)
    """
    height, width = _read_shape(shape)
    images, targets = as_real_array(X, "X"), as_real_array(y, "y")
    if images.ndim == 3 and images.shape[1:] == (height, width):
        images = images.reshape(len(images), -1)
    if images.ndim != 2 or images.shape[1] != height * width:
        raise ValueError(
            f"X has shape {images.shape}; for images of {height} x {width} pixels expected "
            f"(n, {height * width}) or (n, {height}, {width})."
        )
    if targets.ndim == 0 or len(targets) != len(images):
        raise ValueError(
            f"y has shape {targets.shape}; expected one row for each of the {len(images)} images."
        )
    return ShiftedImages(images, (height, width)), np.concatenate([targets] * len(SHIFTS))


def _read_shape(shape: Any) -> tuple[int, int]:
    try:
        height, width = shape
    except (TypeError, ValueError):
        raise TypeError(f"shape is {shown(shape)}; expected (height, width).") from None
    return as_count(height, "shape[0]", at_least=1), as_count(width, "shape[1]", at_least=1)
