"""The MNIST digits, which are part of the package (authors and licence: mnist/README.md)."""

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet.common.arguments import shown
from fastnet.datasets.folders import load_idx_folder

# The book trains on the first 50,000 and validates on the last 10,000 of the 60,000.
_N_TRAIN = 50_000


class Split(NamedTuple):
    """One part of MNIST: images and their digits.

    Attributes
    ----------
    X : ndarray, shape (n, 784)
        float64 or float32, each pixel its byte / 256; or the bytes, uint8.
    y : ndarray of int64, shape (n,)
        The digits, 0 to 9.

    Examples
    --------
    >>> from fastnet.datasets import load_mnist
    >>> X, y = load_mnist(raw=True).test
    >>> X.shape, y[:5].tolist()
    ((10000, 784), [7, 2, 1, 0, 4])
    """

    X: NDArray[Any]
    y: NDArray[np.int64]


class MNIST(NamedTuple):
    """MNIST in three parts, as `load_mnist` returns it.

    Attributes
    ----------
    train, validation, test : Split
        50,000, 10,000 and 10,000 examples.

    Examples
    --------
    >>> from fastnet.datasets import load_mnist
    >>> train, validation, test = load_mnist(raw=True)
    >>> len(train.y), len(validation.y), len(test.y)
    (50000, 10000, 10000)
    """

    train: Split
    validation: Split
    test: Split

    def _repr_html_(self) -> str:
        from fastnet.common.html import table

        rows = [
            (name, len(part.y), str(part.X.shape), str(part.X.dtype), str(part.y[:10].tolist()))
            for name, part in self._asdict().items()
        ]
        columns = ("part", "examples", "X", "dtype", "first digits in y")
        return table("MNIST", columns, rows, ["handwritten digits, 28 x 28 pixels a row of X"])


def load_mnist(*, dtype: DTypeLike = np.float64, raw: bool = False) -> MNIST:
    """Load the embedded MNIST digits.

    Parameters
    ----------
    dtype : data-type, optional
        float64 (the default) or float32: the type of ``X``. Ignored with ``raw``.
    raw : bool, optional
        If true, ``X`` contains the files' bytes 0..255 as uint8.

    Returns
    -------
    MNIST
        ``train`` (50,000 examples), ``validation`` (10,000) and ``test`` (10,000), each a `Split`
        of ``X``, shape (n, 784), and ``y``, shape (n,), int64. A pixel is its byte / 256, so it
        lies in [0, 1) and is exact in either type: 0 is paper, larger values are ink.

    Raises
    ------
    TypeError
        If ``dtype`` is not a data type.
    ValueError
        If ``dtype`` is another type, or if an installed data file is damaged.

    Notes
    -----
    The MNIST database of handwritten digits, Yann LeCun and Corinna Cortes, CC BY-SA 3.0. As in M.
    Nielsen, *Neural Networks and Deep Learning*, the last 10,000 of the 60,000 training images are
    the validation part. The images take 439 MB in float64, 220 MB in float32 and 55 MB raw.

    Examples
    --------
    >>> from fastnet.datasets import load_mnist
    >>> mnist = load_mnist(raw=True)
    >>> mnist.train.X.shape, mnist.validation.X.shape, mnist.test.X.shape
    ((50000, 784), (10000, 784), (10000, 784))
    >>> mnist.train.y[:10].tolist()
    [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    """
    kind = _float_type(dtype)
    X, y, X_test, y_test = load_idx_folder(os.path.join(os.path.dirname(__file__), "mnist"))
    return MNIST(
        *(
            Split(images if raw else _scaled(images, kind), labels.astype(np.int64))
            for images, labels in (
                (X[:_N_TRAIN], y[:_N_TRAIN]),
                (X[_N_TRAIN:], y[_N_TRAIN:]),
                (X_test, y_test),
            )
        )
    )


def _float_type(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        kind = np.dtype(dtype)
    except Exception as error:  # its repr may be broken
        raise TypeError(
            f"dtype is {shown(dtype)}, which is not a data type; expected float64 or float32"
        ) from error
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype is {kind}; expected float64 or float32 (raw=True gives the bytes)")
    return kind


def _scaled(images: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    # 1/256 is a power of two: multiplying by it gives the same bits as the division, faster.
    scaled: NDArray[Any] = np.multiply(images, kind.type(1 / 256), dtype=kind)
    return scaled
