"""Whatever a user trains on becomes one `Dataset`: checked once, wrapped, not copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet import kernels
from fastnet.common.arguments import as_rate, memory_for, shown
from fastnet.common.frames import is_frame, unframed
from fastnet.common.generators import RNG
from fastnet.data import sparse
from fastnet.data.lazy_rows import Derived
from fastnet.data.order import Orders, Shuffle
from fastnet.data.targets import Check, TargetFacts, facts_of
from fastnet.kernels import examples

__all__ = [
    "Dataset",
    "Derived",
    "Piece",
    "as_real_array",
    "as_rows",
    "check_finite",
    "read_dataset",
]

Array = NDArray[Any]
#: What a kernel takes: rows, targets, order, and the first and last place in order to walk.
Piece = tuple[examples.Rows, examples.Targets, Array, int, int]

#: Rows converted at a time for a check, in bytes.
BLOCK_BYTES = 1 << 22
#: At most this share of non-zeros, and this many bytes of them, is kept beside X for training.
SPARSE_SHARE = 0.4
SPARSE_BYTES = 128 << 20
#: Bytes of rows, and targets, that are read to tell one data set from another.
DIGEST_BYTES = 1 << 20
DIGEST_TARGETS = 1 << 16


@dataclass(frozen=True)
class Dataset:
    """Examples for a network, in the form that kernels take.

    Attributes
    ----------
    X : ndarray or sparse CSR, shape (n, n_in)
        A view of the caller's own array; or what `derived` is worked out of, which has fewer rows.
    rows : Rows or None
        X, or its non-zeros, for the kernels; None where X's element type, or the number of a sparse
        matrix's columns, is not theirs.
    labels : ndarray of int32, shape (n,), or None
        Read-only.
    y : ndarray of the network's dtype, shape (n, n_out), or None
    targets : Targets
        Labels or y, and sample weights, for the kernels.
    dtype : dtype
        The network's.
    sample_weight : ndarray of the network's dtype, shape (n,), or None
    derived : Derived or None
        The examples, where they are worked out when asked for.
    facts : TargetFacts or None
        What y hold; None of class numbers.
    """

    X: Any
    rows: examples.Rows | None
    labels: Array | None
    y: Array | None
    targets: examples.Targets
    dtype: np.dtype[Any]
    sample_weight: Array | None = None
    derived: Derived | None = None
    facts: TargetFacts | None = None

    @property
    def n(self) -> int:
        """How many examples there are."""
        return int((self.X if self.derived is None else self.derived).shape[0])

    def piece(self, order: Array, start: int, stop: int) -> Piece:
        """Return what a kernel takes to walk examples order[start:stop].

        Returns
        -------
        rows, targets, order, start, stop
        """
        if self.rows is not None and self.derived is None:
            return self.rows, self.targets, order, start, stop
        chosen = order[start:stop]
        if self.derived is None or self.rows is None or not self.rows.is_sparse:
            rows = examples.Rows(self.converted(chosen))
        else:
            rows = self.derived.nonzeros(self.rows, chosen.copy())
            if not isinstance(rows, examples.Rows):
                raise TypeError(
                    f"X: nonzeros gave an object of type {type(rows).__name__}; expected Rows, as "
                    "fastnet.datasets.shift_images gives them."
                )
            self._check_shape((rows.n, rows.n_in), len(chosen))
        targets = examples.Targets(
            None if self.labels is None else self.labels[chosen],
            None if self.y is None else self.y[chosen],
            None if self.sample_weight is None else self.sample_weight[chosen],
        )
        return rows, targets, np.arange(len(chosen), dtype=np.intp), 0, len(chosen)

    def converted(self, chosen: Array) -> Array:
        """Return a copy of the examples of these numbers, of the network's dtype.

        Raises
        ------
        ValueError, TypeError
            What works the examples out gives something else.
        """
        if self.derived is not None:
            rows = _read_derived(self.derived[chosen.copy()])
        elif sparse.is_sparse(self.X):
            rows = sparse.written_out(self.X, chosen)
        else:
            rows = self.X[chosen]
        self._check_shape(rows.shape, len(chosen))
        block: Array = np.require(rows, self.dtype, ["C", "ALIGNED"])
        return block

    def _check_shape(self, shape: tuple[int, ...], count: int) -> None:
        """Refuse what a Derived of the user's gives, unless it is what was asked for."""
        if shape != (count, self.X.shape[1]):
            raise ValueError(
                f"X gave rows of shape {shape} when asked for {count}; expected "
                f"{(count, self.X.shape[1])}."
            )

    def orders(self, shuffle: Shuffle, rng: RNG) -> Orders:
        """Return what draws the order of each epoch.

        Raises
        ------
        TypeError
            `shuffle` is neither a bool nor a callable.
        """
        return Orders(self.n, shuffle, rng)

    def weighted(self, sample_weight: Any, class_weight: Any, n_out: int) -> Dataset:
        """Return the same examples with a weight each, the product of the two that are given.

        Parameters
        ----------
        sample_weight : array_like, shape (n,), or None
        class_weight : dict, sequence of a number for each class, "balanced", or None
            By class number, 0 and 1 for a single output; a class that a dict leaves out weighs 1.
            "balanced": n / (the number of classes times the examples of the class).

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
                f"a sample's weight is {weights[lost[0]]}, which is 0 in {self.dtype}; "
                "expected larger ones, or 0, in sample_weight and class_weight."
            )
        weights = rounded
        targets = examples.Targets(self.labels, self.y, weights)
        return replace(self, targets=targets, sample_weight=weights)

    def _class_numbers(self) -> Array:
        """The class of each example; with a single output, y itself where it is 0 or 1."""
        if self.labels is not None:
            return self.labels
        assert self.y is not None
        bad = np.flatnonzero((self.y[:, 0] != 0) & (self.y[:, 0] != 1))
        if self.y.shape[1] > 1 or bad.size:
            single = self.y.shape[1] == 1
            came = f"y holds {self.y[bad[0], 0]} in row {bad[0]}" if single else "y are targets"
            raise ValueError(
                f"class_weight needs class numbers for y; here {came}. Give class numbers (0 or 1 "
                "for a single output), or sample_weight."
            )
        return self.y[:, 0].astype(np.intp)

    def describe(self) -> dict[str, Any]:
        """Return shape, number type and a digest of some rows, spread evenly, and of targets."""
        digest = blake2b(digest_size=8)
        most = max(1, DIGEST_BYTES // max(1, self.X.shape[1] * self.X.dtype.itemsize))
        digest.update(_sample(self.X, most))
        for targets in (self.labels, self.y, self.sample_weight):
            digest.update(b"|" if targets is None else _sample(targets, DIGEST_TARGETS))
        return {
            "shape": [self.n, int(self.X.shape[1])],
            "dtype": self.X.dtype.str,
            "digest": digest.hexdigest(),
        }

    def check_fit(self, n_in: int, n_out: int, dtype: np.dtype[Any]) -> None:
        """Refuse a network that this was not prepared for.

        Raises
        ------
        ValueError
            With what differs.
        """
        if self.y is not None:
            outputs = self.y.shape[1]
        else:
            outputs = n_out if 0 < self.targets.n_classes <= n_out else -1
        if (self.X.shape[1], outputs, self.dtype) != (n_in, n_out, dtype):
            targets = "class numbers" if self.y is None else f"{outputs} targets"
            raise ValueError(
                f"data was prepared with {self.X.shape[1]} inputs and {targets} in {self.dtype}; "
                f"this network has {n_in} inputs and {n_out} outputs in {dtype}: prepare it with "
                "this one."
            )

    @property
    def piece_limit(self) -> int:
        """How many examples a piece should have at most, so that a conversion stays small."""
        if self.rows is not None and self.derived is None:
            return self.n
        return int(max(1, BLOCK_BYTES // (self.X.shape[1] * self.dtype.itemsize)))


def _sample(values: Any, most: int) -> bytes:
    """The bytes of at most so many rows, the first and the last among them."""
    n = values.shape[0]
    chosen = np.linspace(0, n - 1, min(n, most)).astype(np.intp)
    if sparse.is_sparse(values):
        return b"".join(part.tobytes() for part in sparse.entries(values, chosen))
    return np.ascontiguousarray(values[chosen]).tobytes()


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
    """Check everything about `data` and wrap it.

    Parameters
    ----------
    data : (X, y) or iterable of (x, y)
        X of shape (n, n_in), any real dtype, strides and byte order, or a sparse matrix of SciPy's,
        or Derived. y: class numbers, shape (n,), or targets, shape (n, n_out). Or the book's pairs:
        x of shape (n_in, 1) or (n_in,), y a class number or a column of n_out targets.
    n_in, n_out : int
        Units of the network's first and last layer.
    dtype : dtype
        The network's.
    name : str
        What messages call the data.
    repeated : bool
        The data will be walked more than once, so that preparing its non-zeros pays.
    check : function of (TargetFacts, name), optional
        Refuses targets that the network's cost has no meaning for.

    Raises
    ------
    TypeError
        A type that holds no real numbers, or a shape of container that is not understood.
    ValueError
        Anything else that is wrong: the message names what came and what was expected.
    MemoryError
        What has to be made beside the data does not fit.
    """
    with memory_for(name):
        return _read_dataset(data, n_in, n_out, dtype, name, repeated, check)


def _read_dataset(
    data: Any,
    n_in: int,
    n_out: int,
    dtype: np.dtype[Any],
    name: str,
    repeated: bool,
    check: Check | None,
) -> Dataset:
    X, y = _split(data, name)
    # Whether something follows a protocol takes longer to find out than a small gradient.
    derived = X if type(X) is not np.ndarray and isinstance(X, Derived) else None
    X = X if derived is None else derived.originals
    if not sparse.is_sparse(X):
        X = as_real_array(X, f"{name}: X")
    if X.shape[:1] == (0,):
        raise ValueError(f"{name} is empty; give at least one example.")
    X = as_rows(X, n_in, f"{name}: X")
    labels, targets, facts = _read_targets(y, n_out, dtype, f"{name}: y")
    found = len(labels) if labels is not None else len(targets)
    n = (X if derived is None else derived).shape[0]
    if found != n:
        raise ValueError(f"{name}: X has {n} rows and y has {found}; they must be equally many.")
    if facts is not None and check is not None:
        check(facts, f"{name}: y")
    wrapped = examples.Targets(labels, None if labels is not None else targets)
    X, rows = _wrap(X, dtype, f"{name}: X", repeated)
    return Dataset(
        X=X,
        rows=rows,
        labels=wrapped.class_numbers,
        y=None if labels is not None else targets,
        targets=wrapped,
        dtype=dtype,
        derived=derived,
        facts=facts,
    )


def as_rows(X: Any, n_in: int, name: str) -> Any:
    """Return X as an array of shape (n, n_in) of real numbers, without a copy where it is one.

    A sparse matrix is returned as it is; of that, only the shape has been looked at.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        The shape is wrong.
    """
    # A view, for whoever has X may give X another shape or type.
    rows: Any = X if sparse.is_sparse(X) else as_real_array(X, name).view()
    if rows.ndim == 3 and rows.shape[2] == 1:
        rows = rows[:, :, 0]
    if rows.ndim != 2:
        raise ValueError(
            f"{name} has shape {rows.shape}; expected two dimensions, (examples, {n_in})."
        )
    if rows.shape[1] != n_in:
        raise ValueError(f"{name} has {rows.shape[1]} columns; this network takes {n_in}.")
    return rows


def check_finite(X: Any, dtype: np.dtype[Any], name: str) -> None:
    """Refuse NaN, infinity, and what would become infinite in `dtype`.

    Raises
    ------
    ValueError
        With the row.
    """
    if sparse.is_sparse(X):
        sparse.check_values(X, dtype, name)
        return
    limit = float(np.finfo(dtype).max)
    if kernels.can_read(X):
        row = examples.scan(X, limit)
        if row >= 0:
            _refuse_row(X[row], row, limit, dtype, name)
    elif X.dtype.kind == "f":
        step = max(1, BLOCK_BYTES // (X.shape[1] * max(8, X.dtype.itemsize)))  # see _fits
        for start in range(0, X.shape[0], step):
            block = X[start : start + step]
            bad = np.flatnonzero(~_fits(block, limit).all(axis=1))
            if bad.size:
                row = start + int(bad[0])
                _refuse_row(X[row], row, limit, dtype, name)


def _wrap(
    X: Any, dtype: np.dtype[Any], name: str, repeated: bool
) -> tuple[Any, examples.Rows | None]:
    """X, checked, as rows for the kernels; None where they cannot read it as it lies."""
    if sparse.is_sparse(X):
        X, rows = sparse.wrap(X, name)
        sparse.check_values(X, dtype, name)
        return X, rows
    if not kernels.can_read(X):
        check_finite(X, dtype, name)
        return X, None
    if repeated and 0 < X.shape[1] <= sparse.MOST_COLUMNS:
        limit = float(np.finfo(dtype).max)
        bad_row, rows = examples.compress(X, limit, SPARSE_SHARE, SPARSE_BYTES)
        if bad_row >= 0:
            _refuse_row(X[bad_row], bad_row, limit, dtype, name)
        if rows is not None:
            return X, rows
    check_finite(X, dtype, name)
    return X, examples.Rows(X)


def _split(data: Any, name: str) -> tuple[Any, Any]:
    """Tell a pair of arrays from the book's list of pairs."""
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
    """One array from the x (or y) of the book's pairs, a row each."""
    if not columns:
        return np.empty((0, 0))
    try:
        return _stacked(columns, name)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{name} is ragged in a pair; expected a column of numbers.") from None


def _stacked(columns: list[Any], name: str) -> Array:
    shape = np.shape(columns[0])
    for row, column in enumerate(columns):
        if np.shape(column) != shape:
            raise ValueError(
                f"{name} of pair {row} has shape {np.shape(column)}, that of pair 0 has {shape}; "
                "they must agree."
            )
    if len(shape) == 2 and shape[1] == 1 and isinstance(columns[0], np.ndarray):
        return np.concatenate(columns, axis=1).T
    return np.asarray(columns)


def as_real_array(values: Any, name: str) -> Array:
    """Return an array of real numbers of any type and shape, without a copy where it is one.

    Tables of pandas, polars and Arrow, and columns of theirs, are taken too.

    Raises
    ------
    TypeError
        The elements are not real numbers.
    ValueError
        Rows of unequal lengths, or a table with missing values.
    """
    if sparse.is_sparse(values):
        raise TypeError(f"{name} is a sparse matrix; give an array here, as .toarray() makes it.")
    values = unframed(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked elements; fill them, or leave their rows out.")
    try:
        with memory_for(name):
            array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged; every row must have the same length.") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of dtype {array.dtype}; expected real numbers.")
    return array


def _read_targets(
    y: Any, n_out: int, dtype: np.dtype[Any], name: str
) -> tuple[Array | None, Array, TargetFacts | None]:
    """Class numbers as int32, or None, the targets as (n, n_out) of `dtype`, and what they hold."""
    y = as_real_array(y, name)
    if y.ndim == 3 and y.shape[2] == 1:
        y = y[:, :, 0]
    if y.ndim == 1 and n_out == 1:
        y = y[:, np.newaxis]
    if y.ndim == 1:
        return _read_labels(y, n_out, name), y, None
    if y.ndim != 2 or y.shape[1] != n_out:
        raise ValueError(
            f"{name} has shape {y.shape}; expected class numbers (n,) or targets (n, {n_out})."
        )
    with np.errstate(over="ignore"):
        targets = np.require(y, dtype, ["C", "ALIGNED"])  # a copy only where it must be
    facts, bad = facts_of(targets)
    if bad >= 0:
        raise ValueError(
            f"{name} has a target that is not finite in row {bad}; remove or mend that row."
        )
    return None, targets, facts


def _read_labels(y: Array, n_out: int, name: str) -> Array:
    y = y.copy()  # first: whoever has y may change it after the check
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


def _fits(values: Array, limit: float) -> Array:
    """Where values are finite and no larger than limit, compared in a type that holds both."""
    wide = values.astype(np.promote_types(values.dtype, np.float64), copy=False)
    fits: Array = np.abs(wide) <= limit
    return fits


def _refuse_row(values: Array, row: int, limit: float, dtype: np.dtype[Any], name: str) -> None:
    values = np.array(values)  # no other thread changes this between check and message
    bad = np.flatnonzero(~_fits(values, limit))
    if not bad.size:
        raise ValueError(f"{name} has changed while row {row} was looked at; leave it as it is.")
    col = int(bad[0])
    what = "is not finite" if not np.isfinite(values[col]) else f"is too large for {dtype}"
    raise ValueError(
        f"{name} holds {values[col]} in row {row}, column {col}, which {what}; mend that row."
    )


def _read_derived(values: Any) -> Array:
    """What a Derived gives for rows, as an array."""
    if not sparse.is_sparse(values):
        return as_real_array(values, "X")
    rows = sparse.as_csr(values, "X")
    return sparse.written_out(rows, np.arange(rows.shape[0]))


def _read_weights(values: Any, n: int, name: str) -> Array:
    weights = as_real_array(values, name)
    if weights.shape != (n,):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({n},).")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            f"{name} holds a number that is negative or not finite; weights must be neither."
        )
    return weights


def _read_class_weight(class_weight: Any, labels: Array, n_classes: int) -> Array:
    if isinstance(class_weight, str):
        if class_weight != "balanced":
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
