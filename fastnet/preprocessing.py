"""`Preprocessing`: standardization of inputs and targets, with names, kept with a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnet.common.arguments import as_items, as_number, memory_for, shown
from fastnet.common.frames import unframed
from fastnet.data.rows import as_real_array, block_rows

__all__ = ["Preprocessing", "byte_scale", "standardization"]

Array = NDArray[Any]
#: Types of the name of a class.
Label = str | int | float | bool


@dataclass(frozen=True, eq=False, init=False)
class Preprocessing:
    """Standardization of a network's inputs and targets, and the names of classes and columns.

    The network's inputs are ``(X - mean) / scale``.

    `Network.predict`, `predict_proba` and `score` apply it, and so do the commands ``fastnet
    evaluate`` and ``fastnet predict``. `Network.feedforward` does not.

    Parameters
    ----------
    mean, scale : array_like, shape (n_0,), optional
        Both or neither; `scale` is positive.
    labels : sequence of str, int, float or bool, optional
        The name of each class, in the order of the output units; all of the same type, which is
        kept. With a single output unit, an output above 0.5 means the second class.
    columns : sequence of str, optional
        The name of each input, in order.
    target : str, optional
        The name of the target.
    target_mean, target_scale : float
        For a network that predicts a number: it was trained on
        ``(y - target_mean) / target_scale``.

    Raises
    ------
    ValueError, TypeError
        A number is not finite, a scale is not positive, lengths differ, a name is given twice, or a
        name has a wrong type.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> X = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> net = fastnet.Network([2, 2], rng=0)
    >>> net.preprocessing = Preprocessing(*standardization(X), labels=["cat", "dog"])
    >>> net.preprocessing.inputs(X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    mean: Array | None = None
    scale: Array | None = None
    labels: tuple[Label, ...] | None = None
    columns: tuple[str, ...] | None = None
    target: str | None = None
    target_mean: float = 0.0
    target_scale: float = 1.0

    # Not the dataclass's own, because it accepts more types than it keeps.
    def __init__(
        self,
        mean: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        labels: Sequence[Label] | None = None,
        columns: Sequence[str] | None = None,
        target: str | None = None,
        target_mean: float = 0.0,
        target_scale: float = 1.0,
    ) -> None:
        if (mean is None) != (scale is None):
            raise ValueError("mean and scale go together; give both or neither.")
        means, scales = _vector(mean, "mean"), _vector(scale, "scale")
        if means is not None and scales is not None and means.size != scales.size:
            raise ValueError(
                f"mean has {means.size} numbers and scale has {scales.size}; give one of each per "
                "input."
            )
        target_mean = as_number(target_mean, "target_mean")
        target_scale = as_number(target_scale, "target_scale")
        if target_scale <= 0 or (scales is not None and not (scales > 0).all()):
            raise ValueError("scale and target_scale must be positive; use 1 for a constant.")
        if target is not None and not isinstance(target, str):
            raise TypeError(f"target is {shown(target)}; expected a name.")
        read = {
            "mean": means,
            "scale": scales,
            "target": target,
            "labels": _labels(labels),
            "columns": _names(columns, "columns"),
            "target_mean": target_mean,
            "target_scale": target_scale,
        }
        for name, value in read.items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Preprocessing):
            return NotImplemented
        # True equals 1, but is a different label.
        kinds, others = ([type(name) for name in p.labels or ()] for p in (self, other))
        return kinds == others and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def changes_inputs(self) -> bool:
        """Whether `inputs` changes what it is given."""
        if self.mean is None or self.scale is None:
            return False
        return bool(self.mean.any() or (self.scale != 1).any())

    def inputs(self, X: ArrayLike, dtype: DTypeLike = np.float64) -> Array:
        """Return ``(X - mean) / scale``, or X itself if that changes nothing.

        Parameters
        ----------
        X : array_like, shape (n, n_0)
        dtype : data-type, default float64
            Type of the result.

        Returns
        -------
        ndarray, shape (n, n_0)

        Raises
        ------
        ValueError
            X has a wrong number of columns.
        TypeError
            X does not contain real numbers.

        Examples
        --------
        >>> bytes_to_shares = Preprocessing([0, 0], [256, 256])
        >>> bytes_to_shares.inputs(np.array([[64, 128]], dtype=np.uint8))
        array([[0.25, 0.5 ]])
        """
        if self.mean is None or self.scale is None or not self.changes_inputs:
            return np.asarray(unframed(X, "X"))
        X = as_real_array(X, "X")
        if X.ndim != 2 or X.shape[1] != self.mean.size:
            raise ValueError(f"X has shape {X.shape}; expected (examples, {self.mean.size}).")
        with memory_for("X"):
            out = np.empty(X.shape, dtype)
        # Numbers that are too large become infinite; the network then names their row and column.
        with np.errstate(over="ignore", invalid="ignore"):
            for block in _blocks(X):
                out[block] = (X[block] - self.mean) / self.scale
        return out

    def outputs(self, predicted: ArrayLike) -> Array:
        """Return predicted numbers in the units of the target.

        Parameters
        ----------
        predicted : array_like of float

        Returns
        -------
        ndarray of float, shape of `predicted`

        Raises
        ------
        TypeError
            `predicted` does not contain real numbers.

        Examples
        --------
        >>> Preprocessing(target_mean=100.0, target_scale=10.0).outputs([0.5, -1.0])
        array([105.,  90.])
        """
        values = as_real_array(predicted, "predicted")
        with memory_for("predicted"), np.errstate(over="ignore"):
            restored: Array = values * self.target_scale + self.target_mean
        return restored

    def check(self, sizes: Sequence[int]) -> None:
        """Refuse a preprocessing that does not fit a network of these sizes.

        Raises
        ------
        ValueError
            The number of means, columns or labels is not that of the network's inputs or classes.

        Examples
        --------
        >>> Preprocessing(columns=["width", "height"]).check([2, 5, 3])
        """
        for name, units, what in (
            ("mean", sizes[0], "inputs"),
            ("columns", sizes[0], "inputs"),
            ("labels", max(sizes[-1], 2), "classes"),  # one output unit stands for two classes
        ):
            value = getattr(self, name)
            if name == "labels" and value is not None and len(value) == sizes[-1] == 1:
                continue  # an estimator's only class
            if value is not None and len(value) != units:
                raise ValueError(
                    f"preprocessing.{name} has {len(value)} entries; this network has {units} "
                    f"{what}."
                )


def standardization(X: ArrayLike) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of each column; the latter is 1 for a constant.

    Parameters
    ----------
    X : array_like of real numbers, shape (n, n_0)
        n at least 1.

    Returns
    -------
    mean, scale : ndarray of float64, shapes (n_0,)
        `scale` divides the sum of squares by n.

    Raises
    ------
    ValueError
        There are no rows, or the numbers of a column are too large to be squared and added.

    Examples
    --------
    >>> standardization([[1.0, 7.0], [3.0, 7.0]])
    (array([2., 7.]), array([1., 1.]))
    """
    X = as_real_array(X, "X")
    if X.ndim != 2 or not len(X):
        raise ValueError(f"X has shape {X.shape}; expected (examples, inputs), one or more.")
    mean, scale = _moments(X)
    most, least = X.max(axis=0), X.min(axis=0)
    with np.errstate(over="ignore"):
        size = np.maximum(np.abs(most, dtype=np.float64), np.abs(least, dtype=np.float64))
    far = (size > 0) & (size < 1e-140)
    if far.any():  # squares underflow
        factor = np.ldexp(1.0, np.clip(-np.frexp(size[far])[1], -1000, 1000))
        with memory_for("X"):
            scaled = X[:, far] * factor
        mean[far], scale[far] = (moment / factor for moment in _moments(scaled))
    # The mean of equal numbers may differ from them by rounding, and dividing the difference by an
    # equally small deviation would make it large.
    constant = most == least
    mean, scale = np.where(constant, X[0], mean), np.where(constant | (scale == 0), 1.0, scale)
    bad = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(scale)))
    if bad.size:
        raise ValueError(
            f"X: column {bad[0]} contains numbers that are too large to standardize, or not "
            "finite; scale it down or leave it out."
        )
    return mean, scale


def _blocks(X: Array) -> list[slice]:
    """Return slices of rows, small enough to be converted to float64 one at a time."""
    step = block_rows(X.shape[1], np.dtype(np.float64))
    return [slice(start, start + step) for start in range(0, len(X), step)]


def _moments(X: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column, in float64."""
    blocks = _blocks(X)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(X[block].sum(axis=0, dtype=np.float64) for block in blocks) / len(X)
        squares = sum(np.square(X[block] - mean).sum(axis=0) for block in blocks)
        return np.asarray(mean), np.asarray(np.sqrt(squares / len(X)), np.float64)


#: Names of columns in tables of images: "pixel0", "28x28".
_PIXEL = re.compile(r"(?:pixel|px)[ _.-]?[0-9]+|[0-9]+x[0-9]+", re.IGNORECASE)


def byte_scale(X: Array, columns: Sequence[str] | None = None) -> float:
    """Return the divisor for inputs: 256 if they are bytes, such as grey levels, else 1.

    Bytes are: uint8; other integers from 0 to 255, the largest above 127; and such whole numbers of
    any type if all columns are named like pixels.

    Parameters
    ----------
    X : ndarray of real numbers, shape (n, n_0)
    columns : sequence of str, optional

    Examples
    --------
    >>> byte_scale(np.array([[0, 255]])), byte_scale(np.array([[18, 99]]))
    (256.0, 1.0)
    """
    if X.dtype == np.uint8:
        return 256.0
    pixels = columns is not None and all(map(_PIXEL.fullmatch, columns))
    if not X.size or not (X.dtype.kind in "iu" or pixels) or not 127 < X.max() <= 255:
        return 1.0
    whole = X.dtype.kind in "iu" or all((X[b] == np.floor(X[b])).all() for b in _blocks(X))
    return 256.0 if whole and X.min() >= 0 else 1.0


def _vector(values: Any, name: str) -> Array | None:
    """Return a read-only copy in float64."""
    if values is None:
        return None
    given = as_real_array(values, name)
    if given.ndim != 1:
        raise TypeError(f"{name} has shape {given.shape}; expected one number per input.")
    with memory_for(name), np.errstate(over="ignore"):
        array = given.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains a number that is not finite.")
    array.flags.writeable = False
    return array


def _labels(values: Any) -> tuple[Label, ...] | None:
    """Return the names of classes as Python strings, bools, ints or floats."""
    if values is None:
        return None
    items = as_items(values, "labels")
    read = [item.item() if isinstance(item, np.generic) else item for item in items or ()]
    # bool before int, because a bool is an int.
    kinds = {
        next((kind for kind in (bool, str, int, float) if isinstance(item, kind)), None)
        for item in read
    }
    if items is None or None in kinds or not (len(kinds) <= 1 or kinds == {int, float}):
        raise TypeError(
            f"labels is {shown(values)}; expected a list of strings, numbers or bools, all of the "
            "same type."
        )
    named: tuple[Label, ...] = tuple(read)
    if kinds <= {int, float}:
        try:
            numbers = np.array(read, np.float64 if float in kinds else np.int64)
        except OverflowError:
            raise ValueError(
                "labels contains a number that is too large; give strings instead."
            ) from None
        if not np.isfinite(numbers).all():
            raise ValueError("labels contains a number that is not finite.")
        named = tuple(numbers.tolist())
    _check_different(named, "labels")
    return named


def _names(values: Any, name: str) -> tuple[str, ...] | None:
    if values is None:
        return None
    items = as_items(values, name)
    if items is None or not all(isinstance(value, str) for value in items):
        raise TypeError(f"{name} is {shown(values)}; expected a list of names.")
    # str() converts NumPy's strings to Python's.
    read = tuple(str(value) for value in items)
    _check_different(read, name)
    return read


def _check_different(names: Sequence[Any], name: str) -> None:
    for value, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{name} contains {value!r} twice; names must differ.")
