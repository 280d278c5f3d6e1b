"""Data larger than memory: blocks of examples, of which two are in memory at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_count, shown
from fastnet.common.generators import RNG
from fastnet.data.dataset import Dataset, Piece, read_dataset
from fastnet.data.order import Sampler, Shuffle, drawn_permutation
from fastnet.data.rows import DenseRows, block_rows
from fastnet.data.targets import Check, TargetFacts
from fastnet.kernels import rows as kernel_rows

__all__ = ["Batches", "Blocks", "read_data"]

Array = NDArray[Any]
Block = tuple[Any, Any]

#: Rows of a block that a file is cut into, in bytes, where nothing else is said.
BLOCK_BYTES = 32 << 20
#: Examples kept to tell by, in a checkpoint, one training's data from another's.
KEPT_ROWS = 64


class Batches:
    """Examples that come in blocks: what a network takes as data where they don't fit in memory.

    Parameters
    ----------
    source : callable, or iterable that can be walked again
        Gives the blocks, (X, y) each, in the same order every time: a function without arguments
        that returns a fresh iterator, or what begins anew with each `iter`. A block is what `train`
        takes as data, of any number of examples.

    Notes
    -----
    Mini-batches are cut anew across the blocks: with ``shuffle=False`` every result has the bits
    that the same examples in one array give. (Where most of an array is zero, sums are taken over
    the rest; here the first block tells whether that is so, for all of them.)

    With ``shuffle=True`` an epoch draws the order within each block, and of the blocks where
    `from_arrays` made them; examples of different blocks don't mix, so blocks should be large, and
    each alike in classes. What is kept of an epoch's order takes 8 bytes an example.

    The examples are counted in a first pass over the source, once. Each block is checked when it
    arrives; where one is bad or missing, or comes beyond those counted, the network goes back to
    where the epoch began. `sample_weight`, `class_weight` and a callable `shuffle` cannot go with
    blocks.

    Raises
    ------
    TypeError
        The source is neither; or an iterator that can be walked only once.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> def batches():
    ...     for part in range(3):
    ...         yield np.eye(4) + part, [0, 1, 0, 1]
    >>> net = fastnet.Network([4, 2], rng=0)
    >>> data = fastnet.Batches(batches)
    >>> len(net.train(data, epochs=2, mini_batch_size=5, metrics="training_cost"))
    2
    >>> len(data)
    12
    """

    def __init__(self, source: Callable[[], Iterable[Block]] | Iterable[Block]) -> None:
        if not callable(source):
            _check_walkable(source)
        self._source: Any = source
        self._sizes: list[int] | None = None
        self._facts: TargetFacts | None = None

    @staticmethod
    def from_arrays(X: Any, y: Any, *, rows: int | None = None) -> Batches:
        """Return blocks of two arrays that are longer than memory, read when they are needed.

        Parameters
        ----------
        X, y : Dask arrays, numpy.memmap, or whatever has a shape and gives rows for a slice
            Examples in rows, and class numbers (n,) or targets (n, n_out), as `train` takes them.
            Pages of a memory-mapped file are given back after use.
        rows : int, optional
            Examples in a block; by default the chunks of a Dask array, else 32 MB of X.

        Raises
        ------
        TypeError
            X or y has no shape.
        ValueError
            X and y are of different lengths, empty, or Dask arrays of unknown chunks.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> data = fastnet.Batches.from_arrays(np.eye(4), np.array([0, 1, 0, 1]), rows=3)
        >>> fastnet.Network([4, 2], rng=0).accuracy(data) <= len(data)
        True
        """
        for name, array in (("X", X), ("y", y)):
            if not getattr(array, "shape", ()):
                raise TypeError(
                    f"{name} is of type {type(array).__name__}; give an array, which has a shape."
                )
            if math.isnan(array.shape[0]):
                raise ValueError(
                    f"{name} is a Dask array of unknown length; call its compute_chunk_sizes()."
                )
        if X.shape[0] != y.shape[0]:
            raise ValueError(
                f"X has {X.shape[0]} rows and y has {y.shape[0]}; they must be equally many."
            )
        batches = Batches(_Slices(X, y, _read_sizes(X, rows)))
        batches._sizes = batches._source.sizes
        return batches

    def __len__(self) -> int:
        """How many examples there are, once they have been counted."""
        if self._sizes is None:
            raise TypeError("the examples have not been counted yet; the first training does.")
        return sum(self._sizes)

    def __repr__(self) -> str:
        if self._sizes is None:
            return "Batches(not counted yet)"
        return f"Batches({len(self)} examples in {len(self._sizes)} blocks)"

    def read(
        self,
        n_in: int,
        n_out: int,
        dtype: np.dtype[Any],
        name: str,
        *,
        repeated: bool,
        check: Check | None = None,
    ) -> Dataset:
        """Return the examples as a network takes them, counted, and the first block checked.

        Raises
        ------
        ValueError, TypeError
            As for `data.read_dataset`, with the number of the block.
        """
        source = self._source
        reader = _Reader(
            source if isinstance(source, _Slices) else _Stream(source, name),
            partial(read_dataset, n_in=n_in, n_out=n_out, dtype=dtype, check=check),
            name,
        )
        if self._sizes is None:
            self._sizes, self._facts = reader.count()
        elif self._facts is not None and check is not None:
            check(self._facts, f"{name}: y")
        reader.set_sizes(self._sizes)
        first = reader.block(0)
        if repeated:  # whether the non-zeros alone are taken, as they would be of one array
            first.X.check(dtype, repeated=True)
        rows = np.arange(min(first.n, KEPT_ROWS))
        labels = None if first.labels is None else first.labels[rows]
        y = None if first.y is None else first.y[rows]
        return Blocks(
            X=DenseRows(first.X.take(rows, dtype), name),
            labels=labels,
            y=y,
            targets=kernel_rows.Targets(labels, y),
            dtype=dtype,
            facts=first.facts if self._facts is None else self._facts,
            reader=reader,
            is_sparse=first.X.is_sparse,
        )


def read_data(
    data: Any,
    n_in: int,
    n_out: int,
    dtype: np.dtype[Any],
    name: str,
    *,
    repeated: bool,
    check: Check,
) -> Dataset:
    """Return whatever a network takes as data, `Batches` and prepared data included.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `data.read_dataset`; or the data were prepared for another network.
    """
    if isinstance(data, Dataset):
        data.check_fit(n_in, n_out, dtype)
        if data.facts is not None:
            check(data.facts, f"{name}: y")
        return data
    if isinstance(data, Batches):
        return data.read(n_in, n_out, dtype, name, repeated=repeated, check=check)
    return read_dataset(data, n_in, n_out, dtype, name=name, repeated=repeated, check=check)


class _Slices:
    """Blocks of two arrays, in any order."""

    def __init__(self, X: Any, y: Any, sizes: list[int]) -> None:
        self._X, self._y, self.sizes = X, y, sizes
        self._ends = np.cumsum(sizes)

    def __iter__(self) -> Iterator[Block]:
        return (self._slice(number) for number in range(len(self.sizes)))

    def _slice(self, number: int) -> Block:
        stop = int(self._ends[number])
        rows = slice(stop - self.sizes[number], stop)
        return _sliced(self._X, rows), _sliced(self._y, rows)

    def take(self, number: int, count: int) -> Block:
        """Return a block; the pages of files that were read before it are given back."""
        for array in (self._X, self._y):
            _give_back(array)
        return self._slice(number)


class _Stream:
    """Blocks of a function or an iterable, always in the same order."""

    def __init__(self, source: Any, name: str) -> None:
        self._source, self._name = source, name
        self._blocks: Iterator[Any] = iter(())
        self._next = -1  # the block that comes next; -1: none does

    def __iter__(self) -> Iterator[Any]:
        source = self._source() if callable(self._source) else self._source
        if not isinstance(source, Iterable):
            raise TypeError(
                f"{self._name}: the function gave an object of type {type(source).__name__}; "
                "expected an iterator of blocks (X, y)."
            )
        return iter(source)

    def take(self, number: int, count: int) -> Any:
        """Return a block, of as many as were counted; the source begins anew if it has passed.

        Raises
        ------
        ValueError
            There are fewer blocks, or more.
        """
        if not 0 <= self._next <= number:
            self._blocks, self._next = iter(self), 0
        skipped = number - self._next
        self._next = -1  # what raises meanwhile leaves no stream to go on with
        try:
            block = next(islice(self._blocks, skipped, None))
        except StopIteration:
            raise ValueError(
                f"{self._name}: block {number} is missing; there were {count} when they were "
                "counted, and the source must give the same blocks each time."
            ) from None
        if number + 1 < count:
            self._next = number + 1
        else:
            for _ in self._blocks:
                raise ValueError(
                    f"{self._name}: block {count} came, and there were {count} when they were "
                    "counted; the source must give the same blocks each time."
                )
        return block


class _Reader:
    """Has one block in memory, the one that was asked for last."""

    def __init__(self, source: _Slices | _Stream, read: Callable[..., Dataset], name: str) -> None:
        self.source = source
        self._read_dataset = read  # `read_dataset`, for the network
        self._name = name
        self._number = -1
        self._block: Dataset | None = None
        self._has_labels: bool | None = None

    def count(self) -> tuple[list[int], TargetFacts | None]:
        """Return the sizes of all blocks, and the facts of their targets, checking each block."""
        sizes: list[int] = []
        facts: TargetFacts | None = None
        for number, given in enumerate(self.source):
            block = self._read(number, given)
            if block.facts is not None:
                facts = block.facts if facts is None else facts.joined(block.facts, sum(sizes))
            sizes.append(block.n)
        if not sizes:
            raise ValueError(f"{self._name} gave no block; give at least one example.")
        return sizes, facts

    def set_sizes(self, sizes: list[int]) -> None:
        """Tell how many examples each block has."""
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes)])

    def block(self, number: int) -> Dataset:
        """Return a block, checked.

        Raises
        ------
        ValueError, TypeError
            It is bad, missing, or of another size than when the blocks were counted.
        """
        if self._block is None or self._number != number:
            self._block = None  # before the next one comes: one is enough
            block = self._read(number, self.source.take(number, len(self.sizes)))
            if block.n != self.sizes[number]:
                raise ValueError(
                    f"{self._name}: block {number} has {block.n} examples, and had "
                    f"{self.sizes[number]} when they were counted; the source must give the same "
                    "blocks each time."
                )
            self._block, self._number = block, number
        return self._block

    def _read(self, number: int, given: Any) -> Dataset:
        name = f"{self._name}: block {number}"
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise TypeError(f"{name} is of type {type(given).__name__}; expected a pair (X, y).")
        block = self._read_dataset(tuple(given), name=name)
        if self._has_labels is None:
            self._has_labels = block.labels is not None
        if self._has_labels != (block.labels is not None):
            kinds = ("targets", "class numbers")
            raise ValueError(
                f"{name} has {kinds[not self._has_labels]} for y, and the first block has "
                f"{kinds[self._has_labels]}; all must be of one kind."
            )
        return block


@dataclass(frozen=True)
class Blocks(Dataset):
    """The examples of all blocks, for kernels.

    Attributes
    ----------
    X, labels, y, targets
        Of the first examples alone: what a checkpoint tells the data by.
    reader : _Reader
    is_sparse : bool
        Whether kernels get the non-zeros alone.
    """

    reader: Any = None
    is_sparse: bool = False

    @property
    def n(self) -> int:
        """How many examples there are."""
        return int(self.reader.starts[-1])

    def parts(self) -> Iterator[Dataset]:
        """Yield each block."""
        for number in range(len(self.reader.sizes)):
            yield self.reader.block(number)

    def piece(self, order: Array, start: int, stop: int) -> Piece:
        """Return what a kernel takes to walk examples order[start:stop].

        Raises
        ------
        ValueError, TypeError
            A block that is read for them is bad.
        """
        chosen = order[start:stop]
        numbers = np.searchsorted(self.reader.starts, chosen, side="right") - 1
        cuts = np.flatnonzero(np.diff(numbers)) + 1
        if not (cuts.size or self.is_sparse):
            block, places = self._find(int(numbers[0]), chosen)
            return block.piece(places, 0, len(places))
        X, y, begin = np.empty((len(chosen), self.X.n_in), self.dtype), [], 0
        for rows in np.split(chosen, cuts):
            block, places = self._find(int(numbers[begin]), rows)
            X[begin : begin + len(rows)] = block.X.take(places, self.dtype)
            given: Any = block.y if block.labels is None else block.labels
            y.append(given[places])
            begin += len(rows)
        targets = np.concatenate(y)
        labels, wanted = (None, targets) if self.labels is None else (targets, None)
        places = np.arange(len(chosen), dtype=np.intp)
        return self._rows(X), kernel_rows.Targets(labels, wanted), places, 0, len(chosen)

    def _rows(self, X: Array) -> kernel_rows.Rows:
        """Rows for the kernels, by their non-zeros for all pieces of a training or for none."""
        if not self.is_sparse:
            return kernel_rows.Rows(X)
        bad_row, rows = kernel_rows.compress(X, float(np.finfo(self.dtype).max), 1.0, sys.maxsize)
        if rows is None:  # the block was checked; it has been changed, or works its rows out
            raise ValueError(f"data: a row of a block is no longer finite: {X[bad_row]}.")
        return rows

    def _find(self, number: int, rows: Array) -> tuple[Dataset, Array]:
        """A block, and the places in it of rows counted from the first block on."""
        return self.reader.block(number), rows - self.reader.starts[number]

    def weighted(self, sample_weight: Any, class_weight: Any, n_out: int) -> Dataset:
        """Refuse weights; without any, return the same examples."""
        for name, given in (("sample_weight", sample_weight), ("class_weight", class_weight)):
            if given is not None:
                raise ValueError(f"{name} cannot go with Batches; leave it out.")
        return self

    @property
    def piece_limit(self) -> int:
        """How many examples a piece should have at most."""
        return block_rows(self.X.n_in, self.dtype)

    def sampler(self, shuffle: Shuffle) -> Sampler:
        """Return what draws the order of each epoch, block by block; `shuffle` is a bool."""
        return _BlockSampler(self.reader, shuffle)


class _BlockSampler(Sampler):
    """Shuffles within blocks, and the blocks where they may come in any order."""

    def __init__(self, reader: _Reader, shuffle: Shuffle) -> None:
        if callable(shuffle):
            raise TypeError(
                f"shuffle is {shown(shuffle)}; with Batches give True or False: a callable would "
                "mix examples of all blocks."
            )
        super().__init__(int(reader.starts[-1]), shuffle)
        self._starts, self._is_free = reader.starts, isinstance(reader.source, _Slices)

    def draw(self, rng: RNG) -> Array:
        """Return the next epoch's row numbers."""
        if not self._shuffle:
            return super().draw(rng)
        blocks = np.arange(len(self._starts) - 1)
        if self._is_free:
            blocks = drawn_permutation(rng, len(blocks))
        order = np.empty(self._n, np.intp)
        sizes = np.diff(self._starts)[blocks]
        for block, part in zip(blocks, np.split(order, sizes.cumsum()[:-1]), strict=True):
            part[:] = self._starts[block] + drawn_permutation(rng, len(part))
        return order


def _check_walkable(source: Any) -> None:
    if isinstance(source, (str, bytes, dict, np.ndarray)) or not isinstance(source, Iterable):
        raise TypeError(
            f"Batches: the source is of type {type(source).__name__}; give a function that returns "
            "a fresh iterator of blocks (X, y), or a list of them."
        )
    if isinstance(source, Iterator):
        raise TypeError(
            f"Batches: the source is of type {type(source).__name__}, which can be walked only "
            "once; give a function that returns a fresh one for each epoch."
        )
    if isinstance(source, tuple) and not all(isinstance(item, (tuple, list)) for item in source):
        raise TypeError(
            "Batches: the source is a tuple, but not of blocks (X, y); for two arrays call "
            "Batches.from_arrays(X, y)."
        )


def _read_sizes(X: Any, rows: int | None) -> list[int]:
    n = int(X.shape[0])
    if n == 0:
        raise ValueError("X is empty; give at least one example.")
    if rows is None:
        if hasattr(X, "compute"):  # a chunk may be empty, as a filter leaves it
            return [int(size) for size in X.chunks[0] if size]
        bytes_a_row = np.dtype(X.dtype).itemsize * math.prod(X.shape[1:])
        rows = max(1, BLOCK_BYTES // max(1, bytes_a_row))
    rows = as_count(rows, "rows", at_least=1)
    return [min(rows, n - start) for start in range(0, n, rows)]


def _sliced(array: Any, rows: slice) -> Any:
    part = array[rows]
    return part.compute() if hasattr(part, "compute") else part


def _give_back(array: Any) -> None:
    """Let go of the pages of a file that is mapped, and shared: nothing written to it is lost."""
    if not isinstance(array, np.memmap) or array.mode == "c":
        return
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    import mmap

    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
