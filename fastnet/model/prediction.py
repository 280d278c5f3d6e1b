"""`Predictor`: what a model answers: feedforward, backpropagation, accuracy, cost, saturation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import kernels
from fastnet.common.arguments import as_rate, memory_for
from fastnet.common.threads import get_num_threads, run_together
from fastnet.data import sparse
from fastnet.data.batches import Batches
from fastnet.data.dataset import (
    BLOCK_BYTES,
    Dataset,
    as_real_array,
    as_rows,
    check_finite,
    read_dataset,
)
from fastnet.model.blocks import (
    TRAINING_ROWS,
    call_rows,
    gradient_rows,
    parts,
    prediction_rows,
    prediction_threads,
)
from fastnet.model.model import Model
from fastnet.model.norms import norm, price
from fastnet.model.parameters import layer_views

if TYPE_CHECKING:
    from fastnet.kernels.engine_f64_baseline import PredictionEngine, TrainingEngine

__all__ = ["Predictor"]

Array = NDArray[Any]
Found = TypeVar("Found")

#: Workspaces kept for the next prediction; while more threads predict at once, there are more.
KEPT_WORKSPACES = 16


class Predictor(Model):
    """What a network answers without learning; `Network` adds training and files. See there."""

    # ---- forward and backward

    def feedforward(self, a: ArrayLike) -> Array:
        """Return the network's output for input `a`.

        Parameters
        ----------
        a : array_like, shape (n_0, 1), (n_0,) or (n, n_0)
            One column, one vector, or a batch of rows. Where n_0 = 1 a column is a batch. A sparse
            matrix of SciPy's is always a batch.

        Returns
        -------
        ndarray of the network's dtype, shape (n_L, 1), (n_L,) or (n, n_L)
            In the orientation of `a`.

        Raises
        ------
        ValueError, TypeError
            Another shape, NaN or infinity, or no real numbers.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2])
        >>> [net.feedforward(np.zeros(shape)).shape for shape in [(3, 1), (3,), (5, 3)]]
        [(2, 1), (2,), (5, 2)]
        """
        if type(a) is np.ndarray:
            answer = self._answer(a)
            if answer is not None:
                return answer
        n_in = self._architecture.sizes[0]
        if sparse.is_sparse(a):
            return self._predict_sparse(as_rows(a, n_in, "a"))
        a = as_real_array(a, "a")
        if a.ndim == 1:
            return self._predict(as_rows(a[np.newaxis], n_in, "a")).ravel()
        if a.ndim == 2 and a.shape[1] == 1 and a.shape[0] == n_in and n_in != 1:
            return self._predict(as_rows(a.T, n_in, "a")).T
        return self._predict(as_rows(a, n_in, "a"))

    def _answer(self, a: Array) -> Array | None:
        """The shortest way for one plain example; None where it does not lead there."""
        kept = self._predictors
        try:
            engine = kept.pop()
        except IndexError:
            return None
        answer = engine.answer(a, self._parameters)
        kept.append(engine)
        return answer

    def _predict_sparse(self, X: Any) -> Array:
        X, rows = sparse.wrap(X, "a")
        check_finite(X, self.dtype, "a")
        if rows is not None:
            return self._predict_rows(rows, X)
        step = max(1, BLOCK_BYTES // (X.shape[1] * X.dtype.itemsize))
        cuts = (np.arange(at, min(at + step, X.shape[0])) for at in range(0, X.shape[0], step))
        blocks = (sparse.written_out(X, cut) for cut in cuts)
        return np.concatenate([self._predict(block) for block in blocks])

    def _predict(self, X: Array) -> Array:
        with memory_for("a"), np.errstate(over="ignore"):
            rows = kernels.examples.Rows(X if kernels.can_read(X) else X.astype(self.dtype))
        return self._predict_rows(rows, X)

    def _predict_rows(self, rows: kernels.examples.Rows, X: Any) -> Array:
        """The outputs for rows, which are those of X: there a number that is refused is found."""
        with memory_for("a"):
            out = np.empty((X.shape[0], self._architecture.sizes[-1]), dtype=self.dtype)
            order = np.arange(X.shape[0], dtype=np.intp)

        step = call_rows(self._architecture.sizes)

        def answer(
            engine: PredictionEngine, start: int, stop: int, errors: Sequence[BaseException]
        ) -> None:
            for at in range(start, stop, step):
                if errors:
                    break
                if not engine.predict(rows, order, at, min(stop, at + step), out):
                    check_finite(X, self.dtype, "a")

        n_threads = prediction_threads(self._architecture.sizes, X.shape[0], get_num_threads())
        self._steadily(
            lambda *lent: self._in_parts(answer, X.shape[0], n_threads, *lent),
            one_call=X.shape[0] <= step and n_threads == 1,
        )
        return out

    def _in_parts(
        self,
        work: Callable[..., None],
        n: int,
        n_threads: int,
        engine: PredictionEngine,
        parameters: Array,
    ) -> None:
        """Have `work` done with n rows, each of so many threads with a part of them."""

        def apart(start: int, stop: int, errors: Sequence[BaseException]) -> None:
            with self._workspace() as own:
                own.attach(parameters)
                work(own, start, stop, errors)

        first, *others = pairwise(n * k // n_threads for k in range(n_threads + 1))
        run_together([partial(work, engine, *first), *(partial(apart, *cut) for cut in others)])

    def _steadily(
        self, work: Callable[[PredictionEngine, Array], Found], *, one_call: bool = False
    ) -> Found:
        """Return what `work` finds, all of it from the parameters of one moment.

        It gets a workspace, and the vector of parameters that this reads. A kernel call by itself
        sees no store of another thread; where one came between two calls, all is done once more on
        a copy. Not where there is but `one_call`.
        """
        with self._workspace() as engine:
            parameters = self._parameters  # once: a face of Network may move them
            engine.attach(parameters)
            version = self._guard.version
            found = work(engine, parameters)
            if not one_call and self._guard.version != version:
                copy = self._copied_parameters()
                engine.attach(copy)
                found = work(engine, copy)
                engine.attach(self._parameters)  # not to keep the copy alive
        return found

    @contextmanager
    def _workspace(self) -> Iterator[PredictionEngine]:
        """Lend a workspace for prediction that no other thread has."""
        kept = self._predictors  # which a change of the cost replaces by a new list
        try:
            engine = kept.pop()
        except IndexError:
            rows = prediction_rows(self._architecture.sizes, self.dtype.itemsize)
            engine = self._prediction_engine(rows)
        try:
            yield engine
        finally:
            if len(kept) < KEPT_WORKSPACES:
                kept.append(engine)

    def backprop(self, x: ArrayLike, y: ArrayLike) -> tuple[list[Array], list[Array]]:
        """Return the gradient of the cost, for one example or summed over a batch.

        Parameters
        ----------
        x : array_like, shape (n_0, 1), (n_0,) or (n, n_0)
        y : array_like
            For one example a class number or n_L targets, (n_L, 1) or (n_L,); for a batch class
            numbers (n,) or targets (n, n_L).

        Returns
        -------
        nabla_b : list of ndarray, shapes (n_out, 1)
        nabla_w : list of ndarray, shapes (n_out, n_in)
            Equations (BP1) to (BP4) of the book, without regularization.

        Raises
        ------
        ValueError, TypeError
            The shapes don't fit, or there is NaN, infinity, or what is no real number.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> nabla_b, nabla_w = net.backprop(np.array([[1.0], [0.0], [0.0]]), [[1.0], [0.0]])
        >>> bool(np.allclose(nabla_w[0][:, :1], nabla_b[0])), nabla_w[0][:, 1:].any()
        (True, np.False_)
        """
        if type(x) is np.ndarray and type(y) is np.ndarray:
            flat = self._differentiate(x, y)
            if flat is not None:
                return layer_views(flat, self._architecture.sizes)
        return self._gradient(self._read_batch(x, y), self._parameters)

    def _differentiate(self, x: Array, y: Array) -> Array | None:
        """The shortest way for a few plain rows; None where it does not lead there."""
        kept = self._differentiators
        try:
            engine = kept.pop()
        except IndexError:
            return None
        flat = engine.differentiate(x, y, self._parameters)
        if not kept:
            kept.append(engine)
        return flat

    def _gradient(self, data: Dataset, parameters: Array) -> tuple[list[Array], list[Array]]:
        """The summed gradient of the cost, by layers."""
        flat = np.empty_like(self._parameters)
        capacity = min(data.n, TRAINING_ROWS)
        kept = self._differentiators
        try:
            engine = kept.pop()
        except IndexError:
            engine = self._differentiator(capacity)
        if engine.capacity < capacity:
            engine = self._differentiator(capacity)
        with self._guard.still:
            engine.load(parameters)
        order = np.arange(data.n, dtype=np.intp)
        for start, stop in parts(data.n, data.piece_limit, gradient_rows(self._architecture.sizes)):
            engine.gradient(*data.piece(order, start, stop), flat, start > 0)
        if not kept:
            kept.append(engine)
        return layer_views(flat, self._architecture.sizes)

    def _differentiator(self, capacity: int) -> TrainingEngine:
        engine = self._training_engine(capacity, guard=self._guard)
        engine.expect(*self._target_limits())
        return engine

    def _read_batch(self, x: Any, y: Any) -> Dataset:
        """One example or a batch of them, as `backprop` takes them."""
        x, y = as_real_array(x, "backprop: X"), as_real_array(y, "backprop: y")
        n_in, n_out = self._architecture.sizes[0], self._architecture.sizes[-1]
        # With one input a (1, 1) may be a batch of one as well; then y decides.
        column = x.shape == (n_in, 1)
        if x.ndim == 1 or (column and (n_in > 1 or y.shape in [(), (n_out,), (n_out, 1)])):
            x = x.reshape(1, -1)
            y = y.reshape(1) if y.ndim == 0 else y.reshape(1, -1)
        return self._read((x, y), "backprop")

    def _summed_cost(self, x: Any, y: Any) -> float:
        """The cost that `backprop` gives the gradient of."""
        return self._evaluate(self._read_batch(x, y))[0]

    # ---- how good it is

    def accuracy(self, data: Any, convert: bool = False) -> int:
        """Return how many examples are classified right.

        Of classes, the largest output is the class, and the largest target. A single output is
        right on the same side of 0.5 as its target (of 0, where a unit of tanh was trained on -1
        and 1). Of several labels a row, all must be right in that way.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`. What they are follows from `kind`; while that is None, from y.
        convert : bool
            The book's switch for targets against class numbers; here y itself tells.

        Returns
        -------
        int

        Raises
        ------
        ValueError, TypeError
            As for `SGD`; or the network predicts numbers, of which none is right or wrong.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> net.weights = [np.eye(2)]
        >>> net.biases = [np.zeros((2, 1))]
        >>> net.accuracy((np.eye(2), [0, 1]))
        2
        """
        read = self._read(data, "data")
        if not self._hit_rule(read.facts)[0]:
            raise ValueError(
                "accuracy is of classes and labels, and this network predicts numbers; use "
                "total_cost, or set its kind to 'classes' or 'labels'."
            )
        return self._evaluate(read)[1]

    def total_cost(self, data: Any, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over the data, and lmbda / (2 n) times the sum of squared weights.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`; n examples.
        lmbda : float
            L2 regularization.
        convert : bool
            The book's switch for class numbers against targets; here y itself tells.

        Returns
        -------
        float
            Worked out from the weighted outputs, so that a saturated output costs what it should.

        Raises
        ------
        ValueError, TypeError
            As for `SGD`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([1, 1])
        >>> net.weights, net.biases = [[[1.0]]], [[[0.0]]]
        >>> net.total_cost((np.array([[800.0]]), np.array([0.0])), lmbda=0.0)
        800.0
        """
        lmbda = as_rate(lmbda, "lmbda")
        data = self._read(data, "data")

        def work(engine: PredictionEngine, parameters: Array) -> float:
            weights = layer_views(parameters, self._architecture.sizes)[1]
            engine.count_hits(0, 0.0)
            return _regularized(
                _mean_cost(engine, data, self._architecture.sizes), 1, weights, lmbda / data.n
            )

        return self._steadily(work)

    def _regularized(self, cost: float, n: int, l2: float, l1: float = 0.0) -> float:
        """The mean of a `cost` summed over n examples, with the price of the weights."""
        return _regularized(cost, n, self._weights, l2, l1)

    def _evaluate(self, data: Dataset) -> tuple[float, int]:
        """Sum of the examples' costs, and how many are classified right (of numbers: 0)."""
        rule = self._hit_rule(data.facts)

        def work(engine: PredictionEngine, _: Array) -> tuple[float, int]:
            engine.count_hits(*rule)
            return _evaluate(engine, data, self._architecture.sizes)

        return self._steadily(work)

    def _first_overflow(self, data: Dataset) -> int:
        """The first layer, from 1, with weighted inputs that are not finite; else the last."""
        sums = np.zeros((self.num_layers - 1, 6))
        order = np.arange(data.n, dtype=np.intp)
        with self._workspace() as engine:
            engine.attach(self._parameters)  # a new one has read none yet
            for cut in _cut(data, call_rows(self._architecture.sizes)):
                rows, _, places, start, stop = data.piece(order, *cut)
                engine.statistics(rows, places, start, stop, sums)
                bad = np.flatnonzero(~np.isfinite(sums).all(axis=1))
                if bad.size:
                    return int(bad[0]) + 1
        return self.num_layers - 1

    def prepare(self, data: Any) -> Dataset:
        """Check data once, for many calls that would each check it again.

        Checking and noting the non-zeros takes about as long as half an epoch of a small network.
        What comes back is taken as data by every method of this network, and of others with the
        same numbers of inputs and outputs and the same dtype, in any number of threads at once.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`. Leave the arrays as they are from now on: what was checked is not checked
            again, and where non-zeros were noted, changes of X are not seen.

        Returns
        -------
        fastnet.data.dataset.Dataset

        Raises
        ------
        ValueError, TypeError
            As for `SGD`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> data = net.prepare((np.eye(2), [0, 1]))
        >>> for _ in range(100):
        ...     _ = net.SGD(data, epochs=1, mini_batch_size=2, eta=1.0)
        >>> net.accuracy(data)
        2
        """
        if isinstance(data, Batches):
            raise TypeError(
                "data is Batches, whose blocks are checked when they come; give it as it is."
            )
        return self._read(data, "data", repeated=True)

    def _read(
        self, data: Any, name: str, *, repeated: bool = False, trained: bool = True
    ) -> Dataset:
        """Return data checked and wrapped; not `trained`: their targets stand for none."""
        n_in, n_out = self._architecture.sizes[0], self._architecture.sizes[-1]
        check = self._check_targets if trained else None
        if isinstance(data, Dataset):
            data.check_fit(n_in, n_out, self.dtype)
            if check is not None and data.facts is not None:
                check(data.facts, f"{name}: y")
            return data
        if isinstance(data, Batches):
            return data.read(n_in, n_out, self.dtype, name, repeated=repeated, check=check)
        return read_dataset(
            data, n_in, n_out, self.dtype, name=name, repeated=repeated, check=check
        )

    def layer_statistics(self, X: ArrayLike, y: Any = None) -> list[dict[str, float]]:
        """Return how the weighted inputs of each layer lie, and how far units are saturated.

        Parameters
        ----------
        X : array_like, shape (n, n_0)
        y : array_like, optional
            Class numbers or targets, for the gradient's norm.

        Returns
        -------
        list of dict, one a layer
            "mean_z", "std_z" over examples and units; "mean_derivative", the mean of sigma'(z);
            "saturated", the share where sigma'(z) is below 4 % of its largest value (for the
            sigmoid sigma'(z) < 0.01, as in the book's argument); with y "gradient_norm", of the
            layer's weights and biases, for the mean cost.

        Raises
        ------
        ValueError, TypeError
            As for `SGD`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([1000, 100], rng=0, initializer="large")
        >>> X = np.repeat([[1.0, 0.0]], 500, axis=1).reshape(1, 1000)
        >>> net.layer_statistics(X)[0]["saturated"] > 0.7
        True
        """
        sizes = self._architecture.sizes
        rows = as_rows(X, sizes[0], "layer_statistics: X")
        # The weighted inputs don't depend on y; zeros are class numbers, or targets of one unit.
        with memory_for("layer_statistics: X"):
            targets = np.zeros(rows.shape[0]) if y is None else y
        data = self._read((rows, targets), "layer_statistics", trained=y is not None)
        order = np.arange(data.n, dtype=np.intp)

        def work(engine: PredictionEngine, parameters: Array) -> list[dict[str, float]]:
            sums = np.zeros((len(sizes) - 1, 6))
            for cut in _cut(data, call_rows(sizes)):
                rows, _, places, start, stop = data.piece(order, *cut)
                engine.statistics(rows, places, start, stop, sums)
            nabla = None if y is None else self._gradient(data, parameters)
            return [
                _statistics(sums[layer], data.n, layer, nabla) for layer in range(len(sizes) - 1)
            ]

        return self._steadily(work)


def _evaluate(engine: PredictionEngine, data: Dataset, sizes: Sequence[int]) -> tuple[float, int]:
    """Sum of the examples' costs, and how many are classified right."""
    order = np.arange(data.n, dtype=np.intp)
    cost, hits = 0.0, 0
    for start, stop in _cut(data, call_rows(sizes)):
        more = engine.evaluate(*data.piece(order, start, stop))
        cost, hits = cost + more[0], hits + more[1]
    return cost, hits


def _mean_cost(engine: PredictionEngine, data: Dataset, sizes: Sequence[int]) -> float:
    """The mean of the examples' costs, also where their sum is more than a float can hold."""
    cost = _evaluate(engine, data, sizes)[0]
    if cost < math.inf:
        return cost / data.n
    order = np.arange(data.n, dtype=np.intp)
    return sum(
        engine.evaluate(*data.piece(order, row, row + 1))[0] / data.n for row in range(data.n)
    )


def _regularized(
    cost: float, n: int, weights: Iterable[Array], l2: float, l1: float = 0.0
) -> float:
    """The mean of a `cost` summed over n examples, with the price of the weights."""
    weights = list(weights)
    cost /= n
    cost += price(weights, l2=l2 / n)
    cost += price(weights, l2=0.0, l1=l1 / n)
    return cost


def _cut(data: Dataset, most: int) -> Iterator[tuple[int, int]]:
    """Where pieces of `most` examples or fewer begin and end."""
    step = min(data.piece_limit, most)
    for start in range(0, data.n, step):
        yield start, min(data.n, start + step)


def _statistics(sums: Array, n: int, layer: int, nabla: Any) -> dict[str, float]:
    count, mean, rest, deviation, derivative, saturated = sums.tolist()
    found = {
        "mean_z": mean + rest,
        "std_z": deviation,
        "mean_derivative": derivative / count,
        "saturated": saturated / count,
    }
    if nabla is not None:
        found["gradient_norm"] = norm(*(part[layer] for part in nabla)) / n
    return found
