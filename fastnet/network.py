"""`Network`: sizes, parameters, feedforward, backpropagation, training, accuracy, cost."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnet import initializers, kernels, persistence
from fastnet.arguments import as_count, as_rate
from fastnet.costs import Cost, CrossEntropyCost, find_cost
from fastnet.data import Dataset, as_rows, check_finite, read_dataset
from fastnet.initializers import RNG, Seed
from fastnet.parameters import Views, allocate, layer_views
from fastnet.training import Orders, Progress, ProgressReport, Shuffle, run_epoch

__all__ = ["Network", "load"]

Array = NDArray[Any]
Lists = tuple[list[float], list[int], list[float], list[int]]

#: Codes that the kernels know, as in kernels/layers.pxd.
SIGMOID = 0
COST_CODES = {"quadratic": 0, "cross_entropy": 1}
#: Examples that prediction takes at a time: their activations fit the first-level cache.
PREDICTION_ROWS = 32
#: Examples that training takes at a time at most, so that a full batch is no copy of the data.
TRAINING_ROWS = 256


class Network:
    """A feedforward network of sigmoid units, trained by mini-batch gradient descent.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer: inputs, hidden layers, outputs. Two or more, each positive.
    cost : class or str, default CrossEntropyCost
        `CrossEntropyCost` or `QuadraticCost`.
    dtype : {numpy.float64, numpy.float32}, keyword only
        What parameters are kept in and everything is computed in.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState, keyword only
        Where starting weights and shuffles are drawn from. A generator is shared, not copied.

    Attributes
    ----------
    sizes : list of int
    num_layers : int
        How many layers, the inputs counted.
    weights : sequence of ndarray, shapes (n_out, n_in)
    biases : sequence of ndarray, shapes (n_out, 1)
        Views of `parameters`: writing into them, or assigning to them, changes the network.
    parameters : ndarray, shape (n_parameters,)
        Every parameter, layer after layer: biases, then weights with the inputs as rows.
    cost : class
    dtype : numpy.dtype
    rng : Generator or RandomState

    Raises
    ------
    ValueError, TypeError
        An argument is not of the kind described.
    MemoryError
        So many parameters do not fit into memory.

    Notes
    -----
    The model and the training are those of M. Nielsen, *Neural Networks and Deep Learning*,
    chapters 1 to 3; weights start as `default_weight_initializer` draws them. Training in one
    thread while another trains or predicts: see `SGD`.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([2, 3, 1], rng=1)
    >>> net.feedforward(np.array([0.0, 1.0])).shape
    (1,)
    >>> net
    Network([2, 3, 1], cost=CrossEntropyCost, dtype=float64)
      layer 1:    2 -> 3  sigmoid          9 parameters
      layer 2:    3 -> 1  sigmoid          4 parameters
                                          13 in all
    """

    def __init__(
        self,
        sizes: Sequence[int],
        cost: type[Cost] | str = CrossEntropyCost,
        *,
        dtype: DTypeLike = np.float64,
        rng: Seed = None,
    ) -> None:
        self._build(_read_sizes(sizes), find_cost(cost), _read_dtype(dtype))
        self._rng = initializers.as_rng(rng)
        self.default_weight_initializer()

    def _build(self, sizes: list[int], cost: type[Cost], dtype: np.dtype[Any]) -> None:
        self._sizes = sizes
        self._cost = cost
        self._dtype = dtype
        self._parameters = allocate(sizes, dtype)
        biases, weights = layer_views(self._parameters, sizes)
        self._biases = Views("biases", biases)
        self._weights = Views("weights", weights)
        self._predictors: list[Any] = []
        self._training = threading.Lock()

    # ---- what a network is

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first; a copy."""
        return list(self._sizes)

    @property
    def num_layers(self) -> int:
        """How many layers, the inputs counted."""
        return len(self._sizes)

    @property
    def cost(self) -> type[Cost]:
        """The cost class."""
        return self._cost

    @cost.setter
    def cost(self, cost: type[Cost] | str) -> None:
        self._cost = find_cost(cost)
        self._predictors = []

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self._dtype

    @property
    def rng(self) -> RNG:
        """Where starting weights and shuffles are drawn from."""
        return self._rng

    @rng.setter
    def rng(self, rng: Seed) -> None:
        self._rng = initializers.as_rng(rng)

    @property
    def parameters(self) -> Array:
        """Every parameter in one vector; writing into it changes the network."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: ArrayLike) -> None:
        Views("parameters", [self._parameters])[0] = values

    @property
    def weights(self) -> Views:
        """Weight matrices (n_out, n_in), views of `parameters`."""
        return self._weights

    @weights.setter
    def weights(self, values: Iterable[ArrayLike]) -> None:
        self._weights.assign(values)

    @property
    def biases(self) -> Views:
        """Bias columns (n_out, 1), views of `parameters`."""
        return self._biases

    @biases.setter
    def biases(self, values: Iterable[ArrayLike]) -> None:
        self._biases.assign(values)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}({self._sizes}, cost={self._cost.__name__}, dtype={self._dtype})"]
        for layer, (n_in, n_out) in enumerate(zip(self._sizes, self._sizes[1:]), 1):
            count = (n_in + 1) * n_out
            lines.append(f"  layer {layer}: {n_in:>4} -> {n_out}  sigmoid {count:>10} parameters")
        lines.append(f"{self._parameters.size:>44} in all")
        return "\n".join(lines)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "sizes": self._sizes,
            "cost": self._cost,
            "dtype": self._dtype.name,
            "parameters": self._parameters.copy(),
            "rng": self._rng,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._build(state["sizes"], state["cost"], np.dtype(state["dtype"]))
        self._parameters[:] = state["parameters"]
        self._rng = state["rng"]

    # ---- starting weights

    def default_weight_initializer(self) -> None:
        """Draw biases from N(0, 1) and weights from N(0, 1) / sqrt(n_in), n_in weights to a unit.

        Bit for bit what `rng.standard_normal` (or `randn` of a RandomState) gives, every bias
        first, and the generator is left where it would be. The book, chapter 3.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net, twin = fastnet.Network([9, 2], rng=3), np.random.default_rng(3)
        >>> bool(np.all(net.biases[0] == twin.standard_normal((2, 1))))
        True
        >>> bool(np.all(net.weights[0] == twin.standard_normal((2, 9)) / np.sqrt(9)))
        True
        """
        initializers.default(self._rng, self._biases, self._weights)

    def large_weight_initializer(self) -> None:
        """Draw biases and weights from N(0, 1): the book's old way, by which units saturate.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([1000, 500], rng=0)
        >>> net.large_weight_initializer()
        >>> round(float(net.weights[0].std()), 2)
        1.0
        """
        initializers.large(self._rng, self._biases, self._weights)

    # ---- forward and backward

    def feedforward(self, a: ArrayLike) -> Array:
        """Return the network's output for input `a`.

        Parameters
        ----------
        a : array_like, shape (n_0, 1), (n_0,) or (n, n_0)
            One column, one vector, or a batch of rows. Where n_0 = 1 a column is a batch.

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
        a = np.asarray(a)
        n_in = self._sizes[0]
        if a.ndim == 1:
            return self._predict(as_rows(a[np.newaxis], n_in, "a"))[0]
        if a.ndim == 2 and a.shape[1] == 1 and a.shape[0] == n_in and n_in != 1:
            return self._predict(as_rows(a.T, n_in, "a")).T
        return self._predict(as_rows(a, n_in, "a"))

    def _predict(self, X: Array) -> Array:
        check_finite(X, self._dtype, "a")
        out = np.empty((X.shape[0], self._sizes[-1]), dtype=self._dtype)
        if X.dtype.char not in "dfB" or not X.dtype.isnative:
            X = X.astype(self._dtype)
        order = np.arange(X.shape[0], dtype=np.intp)
        engine = self._borrow_predictor()
        if X.shape[0]:
            engine.predict(kernels.examples.Rows(X), order, 0, X.shape[0], out)
        self._predictors.append(engine)
        return out

    def _borrow_predictor(self) -> Any:
        """A workspace for prediction that no other thread has; it goes back to `_predictors`."""
        try:
            return self._predictors.pop()
        except IndexError:
            engine = self._make_engine(PREDICTION_ROWS, training=False)
            engine.attach(self._parameters)
            return engine

    def _make_engine(self, capacity: int, *, training: bool) -> Any:
        activations = [SIGMOID] * (len(self._sizes) - 1)
        code = COST_CODES[self._cost.name]
        return kernels.engine(self._dtype).Engine(self._sizes, activations, code, capacity, training)

    def _make_trainer(self, mini_batch_size: int) -> Any:
        """A workspace that holds a copy of the parameters; larger mini-batches go through in parts."""
        engine = self._make_engine(min(mini_batch_size, TRAINING_ROWS), training=True)
        engine.load(self._parameters)
        return engine

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
            As for `SGD`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> nabla_b, nabla_w = net.backprop(np.array([[1.0], [0.0], [0.0]]), [[1.0], [0.0]])
        >>> bool(np.allclose(nabla_w[0][:, :1], nabla_b[0])), nabla_w[0][:, 1:].any()
        (True, np.False_)
        """
        x = np.asarray(x)
        n_in, n_out = self._sizes[0], self._sizes[-1]
        one_column = x.ndim == 2 and x.shape == (n_in, 1) and n_in != 1
        if x.ndim == 1 or one_column or (n_in == 1 and np.ndim(y) == 0):
            x = x.reshape(1, -1)
            y = np.asarray(y)
            y = y.reshape(1) if y.ndim == 0 else y.reshape(1, -1)
        data = read_dataset((x, y), n_in, n_out, self._dtype, name="backprop")
        flat = np.empty_like(self._parameters)
        engine = self._make_trainer(data.n)
        engine.gradient(*data.piece(np.arange(data.n, dtype=np.intp), 0, data.n), flat)
        return layer_views(flat, self._sizes)

    # ---- training

    def update_mini_batch(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:
        """Take one step of gradient descent on one mini-batch.

        w <- (1 - eta lmbda / n) w - (eta / m) sum of nabla_w; b <- b - (eta / m) sum of nabla_b.

        Parameters
        ----------
        mini_batch : (X, y) or list of (x, y)
            m examples, as for `SGD`.
        eta : float
            Learning rate.
        lmbda : float
            L2 regularization.
        n : int
            How many examples the whole training set has.

        Raises
        ------
        ValueError, TypeError
            As for `SGD`; nothing has changed then.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> batch = (np.eye(2), np.array([0, 1]))
        >>> before = net.total_cost(batch, lmbda=0.0)
        >>> net.update_mini_batch(batch, eta=1.0, lmbda=0.0, n=2)
        >>> net.total_cost(batch, lmbda=0.0) < before
        True
        """
        eta, lmbda = as_rate(eta, "eta"), as_rate(lmbda, "lmbda")
        n = as_count(n, "n", at_least=1)
        data = self._read(mini_batch, "mini_batch")
        with _Exclusive(self._training):
            engine = self._make_trainer(data.n)
            piece = data.piece(np.arange(data.n, dtype=np.intp), 0, data.n)
            engine.train(*piece, data.n, eta, 1 - eta * lmbda / n)
            engine.store(self._parameters)

    def SGD(  # noqa: N802, PLR0913 - the book's name and parameters
        self,
        training_data: Any,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float = 0.0,
        evaluation_data: Any = None,
        monitor_evaluation_cost: bool = False,
        monitor_evaluation_accuracy: bool = False,
        monitor_training_cost: bool = False,
        monitor_training_accuracy: bool = False,
        *,
        shuffle: Shuffle = True,
        progress: Progress = None,
    ) -> Lists:
        """Train by mini-batch stochastic gradient descent.

        Parameters
        ----------
        training_data : (X, y) or list of (x, y)
            X of shape (n, n_0), of any real dtype, strides and byte order, read-only or
            memory-mapped too; it is not copied (where most of it is zero, its other elements are
            noted beside it, in at most 128 MB). y: class numbers (n,), or targets (n, n_L). Or the
            book's pairs: x (n_0, 1), y a class number or (n_L, 1). A network with one output unit
            takes y of shape (n,) as targets.
        epochs : int
            Passes over the data, 0 or more.
        mini_batch_size : int
            Examples a step, 1 or more; the last mini-batch of an epoch may be short.
        eta : float
            Learning rate.
        lmbda : float, default 0
            L2 regularization: weights decay by 1 - eta lmbda / n each step, biases don't.
        evaluation_data : like `training_data`, optional
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
        monitor_training_cost, monitor_training_accuracy : bool
            What to work out after every epoch.
        shuffle : bool or callable, keyword only
            True: a permutation from `rng` each epoch. False: the order given. A callable gets the
            list of row numbers in the order of the epoch before (at first 0 .. n-1), and
            permutes it in place.
        progress : None, bool or callable, keyword only
            True: a bar (needs tqdm). A callable is given (done, total) in mini-batches.

        Returns
        -------
        evaluation_cost : list of float
        evaluation_accuracy : list of int
        training_cost : list of float
        training_accuracy : list of int
            An entry an epoch where monitored, else empty. Costs as `total_cost`, accuracies as
            `accuracy`, which counts.

        Raises
        ------
        ValueError, TypeError
            Something about the arguments is wrong; the network has not changed.
        RuntimeError
            Another thread is training this network.

        Notes
        -----
        Stopped by Ctrl-C, the network stands at the end of a mini-batch. Same seed and data, same
        result, to the last bit. The book, chapters 1 and 3.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 8, 2], rng=1)
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> lists = net.SGD((X, y), 500, 4, 3.0, evaluation_data=(X, y), monitor_evaluation_accuracy=True)
        >>> lists[1][-1]
        4
        """
        epochs = as_count(epochs, "epochs", at_least=0)
        mini_batch_size = as_count(mini_batch_size, "mini_batch_size", at_least=1)
        eta, lmbda = as_rate(eta, "eta"), as_rate(lmbda, "lmbda")
        if evaluation_data is None and (monitor_evaluation_cost or monitor_evaluation_accuracy):
            raise ValueError("evaluation_data is None, and monitoring it was asked for; give evaluation_data.")
        training = self._read(training_data, "training_data", repeated=True)
        evaluation = None
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
        monitors = _Monitors(
            self, lmbda, training, evaluation, monitor_evaluation_cost, monitor_evaluation_accuracy,
            monitor_training_cost, monitor_training_accuracy,
        )
        orders = Orders(training.n, shuffle, self._rng)
        mini_batch_size = min(mini_batch_size, training.n)
        total = epochs * -(-training.n // mini_batch_size)
        with _Exclusive(self._training), ProgressReport(progress, total) as report:
            engine = self._make_trainer(mini_batch_size)
            for epoch in range(epochs):
                order = orders.draw()
                try:
                    run_epoch(engine, training, order, mini_batch_size, eta, 1 - eta * lmbda / training.n, report)
                finally:
                    engine.store(self._parameters)
                if self._epoch_end(epoch, monitors.record()):
                    break
                engine.load(self._parameters)
        return monitors.lists

    def _epoch_end(self, epoch: int, record: dict[str, float]) -> bool:
        """Hook for faces of this class: told what was monitored; True stops the training."""
        return False

    # ---- how good it is

    def accuracy(self, data: Any, convert: bool = False) -> int:
        """Return how many examples are classified right: the largest output is the class.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`. Where y are targets, the largest one is the class; with a single output
            unit, output and target are on the same side of 0.5.
        convert : bool
            The book's switch for targets against class numbers; here y itself tells.

        Returns
        -------
        int

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> net.weights = [np.eye(2)]
        >>> net.biases = [np.zeros((2, 1))]
        >>> net.accuracy((np.eye(2), [0, 1]))
        2
        """
        return self._evaluate(self._read(data, "data"))[1]

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
        return self._regularized(self._evaluate(data)[0], data.n, lmbda)

    def _regularized(self, cost: float, n: int, lmbda: float) -> float:
        squares = math.fsum(float(np.sum(np.square(w, dtype=np.float64))) for w in self._weights)
        return cost / n + 0.5 * (lmbda / n) * squares

    def _evaluate(self, data: Dataset) -> tuple[float, int]:
        """Sum of the examples' costs, and how many are classified right."""
        engine = self._borrow_predictor()
        order = np.arange(data.n, dtype=np.intp)
        cost, hits = 0.0, 0
        step = min(data.piece_limit, PREDICTION_ROWS * 64)
        for start in range(0, data.n, step):
            more = engine.evaluate(*data.piece(order, start, min(data.n, start + step)))
            cost, hits = cost + more[0], hits + more[1]
        self._predictors.append(engine)
        return cost, hits

    def _read(self, data: Any, name: str, *, repeated: bool = False) -> Dataset:
        return read_dataset(
            data, self._sizes[0], self._sizes[-1], self._dtype, name=name, repeated=repeated
        )

    # ---- files

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the network as the book's JSON: sizes, weights, biases, and the cost's name.

        Parameters
        ----------
        filename : path
            Written beside and renamed, so that an old file is whole until the new one is.

        Raises
        ------
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import tempfile, pathlib, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(pathlib.Path(folder) / "net.json")
        ...     again = fastnet.load(pathlib.Path(folder) / "net.json")
        >>> bool((again.parameters == net.parameters).all())
        True
        """
        persistence.write_json(
            filename,
            sizes=self._sizes,
            weights=list(self._weights),
            biases=list(self._biases),
            cost=self._cost.__name__,
            dtype=self._dtype.name,
        )


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network that `Network.save` (or the book's own program) wrote.

    Parameters
    ----------
    filename : path

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no such file, or it is damaged, or it names a cost that fastnet does not have.
    """
    return load_as(Network, filename)


def load_as(cls: type[Network], filename: str | os.PathLike[str]) -> Network:
    """`load`, into a subclass."""
    model = persistence.read_json(filename)
    try:
        cost = find_cost(model["cost"])
    except ValueError as error:
        raise ValueError(f"{os.fspath(filename)}: {error}") from None
    network = cls.__new__(cls)
    network._build(model["sizes"], cost, np.dtype(model["dtype"]))
    network._rng = initializers.as_rng(None)
    network.weights = model["weights"]
    network.biases = model["biases"]
    return network


class _Exclusive:
    """Holds a network's training lock; refuses where another thread has it."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("this network is being trained already; wait, or train a copy.deepcopy of it.")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Monitors:
    """The four lists that `SGD` returns."""

    def __init__(
        self, network: Network, lmbda: float, training: Dataset, evaluation: Dataset | None,
        evaluation_cost: bool, evaluation_accuracy: bool, training_cost: bool, training_accuracy: bool,
    ) -> None:
        self.lists: Lists = ([], [], [], [])
        self._network = network
        self._lmbda = lmbda
        self._wanted = [
            ("evaluation", evaluation, evaluation_cost, evaluation_accuracy),
            ("training", training, training_cost, training_accuracy),
        ]

    def record(self) -> dict[str, float]:
        """Work out what is monitored, add it to the lists, and return it by name."""
        record: dict[str, float] = {}
        for (name, data, want_cost, want_accuracy), costs, accuracies in zip(
            self._wanted, self.lists[::2], self.lists[1::2], strict=True
        ):
            if data is None or not (want_cost or want_accuracy):
                continue
            cost, hits = self._network._evaluate(data)
            if want_cost:
                record[f"{name}_cost"] = self._network._regularized(cost, data.n, self._lmbda)
                costs.append(record[f"{name}_cost"])
            if want_accuracy:
                record[f"{name}_accuracy"] = hits
                accuracies.append(hits)
        return record


def _read_sizes(sizes: Sequence[int]) -> list[int]:
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, Iterable):
        raise TypeError(f"sizes is {sizes!r}; give a list of two or more positive integers.")
    read = [as_count(n, f"sizes[{layer}]", at_least=1) for layer, n in enumerate(sizes)]
    if len(read) < 2:
        raise ValueError(f"sizes is {read}; give two or more layers.")
    return read


def _read_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    read = np.dtype(dtype)
    if read not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype is {read}; a network computes in float64 or float32.")
    return read
