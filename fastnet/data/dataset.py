"""`Dataset`: a user's X and y, checked once and wrapped without a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_rate, memory_for, shown
from fastnet.common.frames import is_frame
from fastnet.data.order import Sampler, Shuffle
from fastnet.data.rows import NUMBER_CLASSES, InputRows, as_real_array, as_rows, block_rows
from fastnet.data.targets import Check, TargetFacts, facts_of
from fastnet.kernels import rows as kernel_rows

__all__ = ["Dataset", "Piece", "read_dataset", "split"]

Array = NDArray[Any]
#: The arguments of a kernel call: rows, targets, order, and the range of `order` to process.
Piece = tuple[kernel_rows.Rows, kernel_rows.Targets, Array, int, int]

#: The bytes of rows, and the number of targets, in the digest that identifies a data set.
DIGEST_BYTES = 1 << 20
DIGEST_TARGETS = 1 << 16


@dataclass(frozen=True)
class Dataset:
    """Examples for a network, in the form that kernels read.

    Attributes
    ----------
    X : InputRows
        Checked; a view of the caller's array.
    labels : ndarray of int32, shape (n,), or None
        Read-only.
    y : ndarray of the network's dtype, shape (n, n_out), or None
    targets : Targets
        Labels or y, and sample weights, for the kernels.
    dtype : dtype
        The network's number type.
    sample_weight : ndarray of the network's dtype, shape (n,), or None
    facts : TargetFacts or None
        What y contains; None for class numbers.
    """

    X: InputRows
    labels: Array | None
    y: Array | None
    targets: kernel_rows.Targets
    dtype: np.dtype[Any]
    sample_weight: Array | None = None
    facts: TargetFacts | None = None

    @property
    def n(self) -> int:
        """The number of examples."""
        return self.X.n

    def piece(self, order: Array, start: int, stop: int) -> Piece:
        """Return the arguments of a kernel call for the examples order[start:stop].

        Raises
        ------
        ValueError, TypeError
            Rows computed by the user's code have another shape or type than requested.
        """
        if self.X.rows is not None:
            return self.X.rows, self.targets, order, start, stop
        chosen = order[start:stop]
        targets = kernel_rows.Targets(
            None if self.labels is None else self.labels[chosen],
            None if self.y is None else self.y[chosen],
            None if self.sample_weight is None else self.sample_weight[chosen],
        )
        rows = self.X.wrap(chosen, self.dtype)
        return rows, targets, np.arange(len(chosen), dtype=np.intp), 0, len(chosen)

    @property
    def piece_limit(self) -> int:
        """The most examples that a piece should have, so that a conversion stays small."""
        return self.n if self.X.rows is not None else block_rows(self.X.n_in, self.dtype)

    def sampler(self, shuffle: Shuffle) -> Sampler:
        """Return a `Sampler`, which draws the order of each epoch.

        Raises
        ------
        TypeError
            `shuffle` is neither a bool nor a callable.
        """
        return Sampler(self.n, shuffle)

    def weighted(self, sample_weight: Any, class_weight: Any, n_out: int) -> Dataset:
        """Return the same examples with a weight each: sample weight times class weight.

        Parameters
        ----------
        sample_weight : array_like, shape (n,), or None
        class_weight : dict, sequence of a number for each class, "balanced", or None
            By class number, 0 and 1 for a single output; a class missing from a dict has weight 1.
            "balanced": n / (number of classes * examples of the class).

        Raises
        ------
        ValueError, TypeError
            Weights of another length, negative or not finite; class weights without class numbers.
        """
        if sample_weight is None and class_weight is None:
            return self
        weights = np.ones(self.n)
        if sample_weight is not None:
            weights *= _read_weights(sample_weight, self.n, "sample_weight")
        if class_weight is not None:
            labels = self._class_numbers()
            with np.errstate(over="ignore"):
                weights *= _read_class_weight(class_weight, labels, max(n_out, 2))[labels]
        if weights.max() > np.finfo(self.dtype).max:
            raise ValueError(f"a sample's weight is {weights.max()}, too large for {self.dtype}.")
        rounded = weights.astype(self.dtype, copy=False)
        lost = np.flatnonzero((rounded == 0) & (weights != 0))
        if lost.size:
            raise ValueError(
                f"a sample's weight is {weights[lost[0]]}, which rounds to 0 in {self.dtype}; "
                "expected 0 or larger numbers in sample_weight and class_weight."
            )
        weights = rounded
        targets = kernel_rows.Targets(self.labels, self.y, weights)
        return replace(self, targets=targets, sample_weight=weights)

    def drawn(self, chosen: Array) -> Dataset:
        """Return a copy of the chosen examples; a number may be chosen more than once."""
        labels, y, weights = (
            None if part is None else part[chosen]
            for part in (self.labels, self.y, self.sample_weight)
        )
        rows = self.X.drawn(chosen, self.dtype)
        rows.check(self.dtype, repeated=True)
        targets = kernel_rows.Targets(labels, y, weights)
        return Dataset(rows, targets.class_numbers, y, targets, self.dtype, weights, self.facts)

    def _class_numbers(self) -> Array:
        """Return the class of each example; with a single output, y itself if all are 0 or 1."""
        if self.labels is not None:
            return self.labels
        assert self.y is not None
        bad = np.flatnonzero((self.y[:, 0] != 0) & (self.y[:, 0] != 1))
        if self.y.shape[1] > 1 or bad.size:
            single = self.y.shape[1] == 1
            came = f"y holds {self.y[bad[0], 0]} in row {bad[0]}" if single else "y has targets"
            raise ValueError(
                f"class_weight needs class numbers for y; here {came}. Give class numbers (0 or 1 "
                "for a single output), or sample_weight."
            )
        return self.y[:, 0].astype(np.intp)

    def parts(self) -> Iterator[Dataset]:
        """Yield data sets in memory that make up this one, in order: here, only itself."""
        yield self

    def describe(self) -> dict[str, Any]:
        """Return shape, number type, and a digest of evenly spread rows and targets."""
        digest = blake2b(digest_size=8)
        digest.update(self.X.sample(DIGEST_BYTES))
        for targets in (self.labels, self.y, self.sample_weight):
            digest.update(b"|" if targets is None else _sample(targets))
        return {
            "shape": [self.n, self.X.n_in],
            "dtype": self.X.dtype.str,
            "digest": digest.hexdigest(),
        }

    def check_fit(self, n_in: int, n_out: int, dtype: np.dtype[Any]) -> None:
        """Refuse a network for which the data were not prepared.

        Raises
        ------
        ValueError
            The numbers of inputs or outputs, or the number types, differ.
        """
        if self.y is not None:
            outputs = self.y.shape[1]
        else:
            outputs = n_out if 0 < self.targets.n_classes <= n_out else -1
        if (self.X.n_in, outputs, self.dtype) != (n_in, n_out, dtype):
            targets = "class numbers" if self.y is None else f"{outputs} targets"
            raise ValueError(
                f"data was prepared with {self.X.n_in} inputs and {targets} in {self.dtype}; "
                f"this network has {n_in} inputs and {n_out} outputs in {dtype}. Prepare the data "
                "with this network."
            )


def _sample(targets: Array) -> bytes:
    """Return the bytes of at most DIGEST_TARGETS targets, the first and the last among them."""
    n = len(targets)
    return targets[np.linspace(0, n - 1, min(n, DIGEST_TARGETS)).astype(np.intp)].tobytes()


def read_dataset(
    data: Any,
    n_in: int,
    n_out: int,
    dtype: np.dtype[Any],
    *,
    name: str = "data",
    repeated: bool = False,
    check: Check | None = None,
) -> Dataset:
    """Return `data`, checked and wrapped as a `Dataset`.

    Parameters
    ----------
    data : (X, y) or iterable of (x, y)
        X of shape (n, n_in): an array of any real dtype, strides and byte order, a SciPy sparse
        matrix, Derived, or InputRows, which are not checked twice. y: class numbers, shape (n,), or
        targets, shape (n, n_out). Or the book's pairs: x of shape (n_in, 1) or (n_in,), y a class
        number or a column of n_out targets.
    n_in, n_out : int
        Units of the network's first and last layer.
    dtype : dtype
        The network's number type.
    name : str
        What messages call the data.
    repeated : bool
        Whether the data will be read more than once, so that extracting non-zeros pays off.
    check : function of (TargetFacts, name), optional
        Raises ValueError for targets that the network's cost is not defined for.

    Raises
    ------
    TypeError
        The elements are not real numbers, or `data` is neither of the two forms.
    ValueError
        A shape, a length or a value is wrong; the message says what came and what is expected.
    MemoryError
        The arrays needed beside the data do not fit into memory.
    """
    with memory_for(name):
        X, y = split(data, name)
        rows = as_rows(X, n_in, f"{name}: X", data=name)
    with memory_for(f"{name}: y"):
        labels, targets, facts = _read_targets(y, n_out, dtype, f"{name}: y")
        wrapped = kernel_rows.Targets(labels, targets)
    if wrapped.n != rows.n:
        raise ValueError(
            f"{name}: X has {rows.n} rows and y has {wrapped.n}; expected the same number."
        )
    if facts is not None and check is not None:
        check(facts, f"{name}: y")
    with memory_for(name):
        if rows.checked is None or rows.checked != dtype:  # float64 equals None
            rows.check(dtype, repeated=repeated)
        return Dataset(rows, wrapped.class_numbers, targets, wrapped, dtype, facts=facts)


def split(data: Any, name: str) -> tuple[Any, Any]:
    """Return X and y from a pair of arrays or the book's list of pairs.

    Raises
    ------
    TypeError, ValueError
        As for `read_dataset`.
    """
    if is_frame(data):
        raise TypeError(f"{name} is one {type(data).__name__}; give the pair (X, y).")
    if isinstance(data, (str, bytes, dict)) or not isinstance(data, Iterable):
        raise TypeError(
            f"{name} is of type {type(data).__name__}; give (X, y) or a list of (x, y) pairs."
        )
    if isinstance(data, np.ndarray):
        raise TypeError(f"{name} is one array of shape {data.shape}; give the pair (X, y).")
    items: Sequence[Any] = data if isinstance(data, (list, tuple)) else list(data)
    arrays = len(items) == 2 and not all(_is_pair(item) for item in items)
    if isinstance(items, list) and arrays:
        arrays = all(isinstance(item, np.ndarray) or is_frame(item) for item in items)
    if arrays or (isinstance(items, tuple) and len(items) == 2 and not isinstance(items[0], tuple)):
        return items[0], items[1]
    for row, item in enumerate(items):
        if not _is_pair(item):
            raise TypeError(
                f"{name}: item {row} is of type {type(item).__name__}; expected a pair (x, y)."
            )
    return _stack([item[0] for item in items], f"{name}: x"), _stack(
        [item[1] for item in items], f"{name}: y"
    )


def _is_pair(item: Any) -> bool:
    return isinstance(item, (tuple, list)) and len(item) == 2


def _stack(columns: list[Any], name: str) -> Array:
    """Return the x (or y) of the book's pairs as the rows of one array."""
    if not columns:
        return np.empty((0, 0))
    try:
        shapes = [np.shape(column) for column in columns]
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{name} of a pair is ragged; expected a column of numbers.") from None
    first = shapes[0]
    for row, shape in enumerate(shapes):
        if shape != first:
            raise ValueError(
                f"{name} of pair {row} has shape {shape}, and that of pair 0 has {first}; expected "
                "the same shape."
            )
    if len(first) == 2 and first[1] == 1 and isinstance(columns[0], np.ndarray):
        return np.concatenate(columns, axis=1).T
    return np.asarray(columns)


def _read_targets(
    y: Any, n_out: int, dtype: np.dtype[Any], name: str
) -> tuple[Array | None, Array | None, TargetFacts | None]:
    """Return class numbers as int32; or targets, (n, n_out) in `dtype`, and facts about them."""
    y = as_real_array(y, name, NUMBER_CLASSES)
    if y.ndim == 3 and y.shape[2] == 1:
        y = y[:, :, 0]
    if y.ndim == 1 and n_out == 1:
        y = y[:, np.newaxis]
    if y.ndim == 1:
        return _read_labels(y, n_out, name), None, None
    if y.ndim != 2 or y.shape[1] != n_out:
        raise ValueError(
            f"{name} has shape {y.shape}; expected class numbers (n,) or targets (n, {n_out})."
        )
    with np.errstate(over="ignore"):
        targets = np.require(y, dtype, ["C", "ALIGNED"])  # copies only if needed
    facts, bad = facts_of(targets)
    if bad >= 0:
        raise ValueError(
            f"{name} has a target that is not finite in row {bad}; fix or drop that row."
        )
    return None, targets, facts


def _read_labels(y: Array, n_out: int, name: str) -> Array:
    y = y.copy()  # before the check: other threads may change y after it
    with np.errstate(invalid="ignore"):
        good = (y >= 0) & (y <= n_out - 1)
        if y.dtype.kind == "f":
            good &= y == np.floor(y)
    bad = np.flatnonzero(~good)
    if bad.size:
        raise ValueError(
            f"{name} holds {y[bad[0]]} in row {bad[0]}; "
            f"class numbers of this network are whole numbers from 0 to {n_out - 1}."
        )
    return y.astype(np.int32)


def _read_weights(values: Any, n: int, name: str) -> Array:
    weights = as_real_array(values, name)
    if weights.shape != (n,):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({n},).")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            f"{name} holds a number that is negative or not finite; expected finite weights, 0 or "
            "more."
        )
    return weights


def _read_class_weight(class_weight: Any, labels: Array, n_classes: int) -> Array:
    if isinstance(class_weight, str):
        if class_weight.lower() != "balanced":
            raise ValueError(
                f"class_weight is {shown(class_weight)}; expected 'balanced', a dict or a sequence."
            )
        counts = np.bincount(labels, minlength=n_classes)
        return len(labels) / (n_classes * np.maximum(counts, 1))
    if isinstance(class_weight, dict):
        weights = np.ones(n_classes)
        for label, weight in class_weight.items():
            if not isinstance(label, (int, float, np.number)) or label not in range(n_classes):
                raise ValueError(
                    f"class_weight names class {shown(label)}; classes are 0 to {n_classes - 1}."
                )
            weights[int(label)] = as_rate(weight, f"class_weight[{shown(label)}]")
        class_weight = weights
    return _read_weights(class_weight, n_classes, "class_weight")
