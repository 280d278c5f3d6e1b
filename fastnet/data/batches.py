"""`Batches`: data larger than memory, in blocks of examples, two in memory at a time."""

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

#: The default size of a block of `Batches.from_arrays`, in bytes.
BLOCK_BYTES = 32 << 20
#: The examples by which a checkpoint identifies the data of its training.
KEPT_ROWS = 64


class Batches:
    """Training data in blocks, for data that do not fit into memory.

    Parameters
    ----------
    source : callable, or iterable that can be iterated again
        The blocks, (X, y) each, in the same order every time: a function without arguments that
        returns a new iterator, or an iterable such as a list. A block is data as for `train`, of
        any number of examples.

    Notes
    -----
    Mini-batches extend across blocks: with ``shuffle=False`` every result has the same bits as for
    the same examples in one array. (If most of an array is zero, sums skip the zeros; here the
    first block decides whether they do, for all blocks.)

    With ``shuffle=True`` each epoch shuffles the examples within each block, and with `from_arrays`
    the blocks, too. Examples of different blocks do not mix, so blocks should be large and have
    similar shares of each class. The order of an epoch takes 8 bytes per example.

    A first pass over the source counts the examples, once. Each block is checked when it is read;
    if one is bad or missing, or there are more than were counted, the network is restored to the
    beginning of the epoch. `sample_weight`, `class_weight` and a callable `shuffle` are not
    supported.

    Raises
    ------
    TypeError
        The source is neither, or it is an iterator, which can be iterated only once.

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
        """Return data in blocks from two arrays that are larger than memory.

        Parameters
        ----------
        X, y : Dask arrays, numpy.memmap, or objects with a shape that return rows for a slice
            Examples in rows, and class numbers (n,) or targets (n, n_out), as for `train`. A block
            is read when it is needed; pages of a memory-mapped file are released after use.
        rows : int, optional
            Examples per block; by default the chunks of a Dask array, else 32 MB of X.

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
                f"X has {X.shape[0]} rows and y has {y.shape[0]}; expected the same number."
            )
        batches = Batches(_Slices(X, y, _read_sizes(X, rows)))
        batches._sizes = batches._source.sizes
        return batches

    def __len__(self) -> int:
        """Return the number of examples; TypeError before they have been counted."""
        if self._sizes is None:
            raise TypeError(
                "the examples have not been counted yet; the first training counts them."
            )
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
        """Return the examples as a `Dataset`, counted, with the first block checked.

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
        if repeated:  # decides whether kernels get only the non-zeros, as for one array
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
    """Return any kind of data for a network as a `Dataset`: arrays, `Batches` or prepared data.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As for `read_dataset`; or the data were prepared for another network.
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
    """Blocks of two arrays, readable in any order."""

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
        """Return a block, after the pages of earlier blocks were released."""
        for array in (self._X, self._y):
            _give_back(array)
        return self._slice(number)


class _Stream:
    """Blocks from a function or an iterable, always in the same order."""

    def __init__(self, source: Any, name: str) -> None:
        self._source, self._name = source, name
        self._blocks: Iterator[Any] = iter(())
        self._next = -1  # the number of the next block; -1 if the iterator must be made again

    def __iter__(self) -> Iterator[Any]:
        source = self._source() if callable(self._source) else self._source
        if not isinstance(source, Iterable):
            raise TypeError(
                f"{self._name}: the function returned an object of type {type(source).__name__}; "
                "expected an iterator of blocks (X, y)."
            )
        return iter(source)

    def take(self, number: int, count: int) -> Any:
        """Return block `number` of `count`; iteration starts again if the block has passed.

        Raises
        ------
        ValueError
            There are fewer or more blocks than `count`.
        """
        if not 0 <= self._next <= number:
            self._blocks, self._next = iter(self), 0
        skipped = number - self._next
        self._next = -1  # after an error the iterator cannot be continued
        try:
            block = next(islice(self._blocks, skipped, None))
        except StopIteration:
            raise ValueError(
                f"{self._name}: block {number} is missing, and {count} blocks were counted; the "
                "source must give the same blocks each time."
            ) from None
        if number + 1 < count:
            self._next = number + 1
        else:
            for _ in self._blocks:
                raise ValueError(
                    f"{self._name}: there are more than the {count} blocks that were counted; the "
                    "source must give the same blocks each time."
                )
        return block


class _Reader:
    """Reads and checks blocks, and keeps the last one in memory."""

    def __init__(self, source: _Slices | _Stream, read: Callable[..., Dataset], name: str) -> None:
        self.source = source
        self._read_dataset = read  # `read_dataset` with the network's arguments
        self._name = name
        self._number = -1
        self._block: Dataset | None = None
        self._has_labels: bool | None = None

    def count(self) -> tuple[list[int], TargetFacts | None]:
        """Check all blocks; return their sizes and the facts about all targets."""
        sizes: list[int] = []
        facts: TargetFacts | None = None
        for number, given in enumerate(self.source):
            block = self._read(number, given)
            if block.facts is not None:
                facts = block.facts if facts is None else facts.joined(block.facts, sum(sizes))
            sizes.append(block.n)
        if not sizes:
            raise ValueError(f"{self._name} has no blocks; give at least one example.")
        return sizes, facts

    def set_sizes(self, sizes: list[int]) -> None:
        """Set the number of examples of each block."""
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes)])

    def block(self, number: int) -> Dataset:
        """Return a block, checked.

        Raises
        ------
        ValueError, TypeError
            It is bad or missing, or its size has changed since the blocks were counted.
        """
        if self._block is None or self._number != number:
            self._block = None  # freed before the next one is read
            block = self._read(number, self.source.take(number, len(self.sizes)))
            if block.n != self.sizes[number]:
                raise ValueError(
                    f"{self._name}: block {number} has {block.n} examples, and had "
                    f"{self.sizes[number]} when it was counted; the source must give the same "
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
                f"{kinds[self._has_labels]}; all blocks must have the same kind."
            )
        return block


@dataclass(frozen=True)
class Blocks(Dataset):
    """The examples of all blocks, in the form that kernels read.

    Attributes
    ----------
    X, labels, y, targets
        Of the first examples only, by which a checkpoint identifies the data.
    reader : _Reader
    is_sparse : bool
        Whether kernels get only the non-zeros.
    """

    reader: Any = None
    is_sparse: bool = False

    @property
    def n(self) -> int:
        """The number of examples."""
        return int(self.reader.starts[-1])

    def parts(self) -> Iterator[Dataset]:
        """Yield each block."""
        for number in range(len(self.reader.sizes)):
            yield self.reader.block(number)

    def piece(self, order: Array, start: int, stop: int) -> Piece:
        """Return the arguments of a kernel call for the examples order[start:stop].

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
        """Return rows for the kernels, sparse in all pieces of a training or in none."""
        if not self.is_sparse:
            return kernel_rows.Rows(X)
        bad_row, rows = kernel_rows.compress(X, float(np.finfo(self.dtype).max), 1.0, sys.maxsize)
        if rows is None:  # changed since the check, or computed by the user's code
            raise ValueError(f"data: a row of a block is no longer finite: {X[bad_row]}.")
        return rows

    def _find(self, number: int, rows: Array) -> tuple[Dataset, Array]:
        """Return a block, and the positions in it of rows that are numbered across blocks."""
        return self.reader.block(number), rows - self.reader.starts[number]

    def weighted(self, sample_weight: Any, class_weight: Any, n_out: int) -> Dataset:
        """Refuse weights; without any, return the same examples."""
        for name, given in (("sample_weight", sample_weight), ("class_weight", class_weight)):
            if given is not None:
                raise ValueError(f"{name} is not supported with Batches; leave it out.")
        return self

    @property
    def piece_limit(self) -> int:
        """The most examples that a piece should have."""
        return block_rows(self.X.n_in, self.dtype)

    def sampler(self, shuffle: Shuffle) -> Sampler:
        """Return a sampler that draws the order of each epoch block by block."""
        return _BlockSampler(self.reader, shuffle)


class _BlockSampler(Sampler):
    """Shuffles within blocks, and shuffles blocks that can be read in any order."""

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
            "a new iterator of blocks (X, y), or a list of blocks."
        )
    if isinstance(source, Iterator):
        raise TypeError(
            f"Batches: the source is of type {type(source).__name__}, which can be iterated only "
            "once; give a function that returns a new one for each epoch."
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
        if hasattr(X, "compute"):  # a chunk may be empty after a filter
            return [int(size) for size in X.chunks[0] if size]
        bytes_a_row = np.dtype(X.dtype).itemsize * math.prod(X.shape[1:])
        rows = max(1, BLOCK_BYTES // max(1, bytes_a_row))
    rows = as_count(rows, "rows", at_least=1)
    return [min(rows, n - start) for start in range(0, n, rows)]


def _sliced(array: Any, rows: slice) -> Any:
    part = array[rows]
    return part.compute() if hasattr(part, "compute") else part


def _give_back(array: Any) -> None:
    """Release the pages of a shared mapping of a file; nothing written to it is lost."""
    if not isinstance(array, np.memmap) or array.mode == "c":
        return
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    import mmap

    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
