"""`Network`: what a model does: feedforward, backpropagation, training, accuracy, cost, files."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import kernels, persistence
from fastnet.architecture import read_architecture
from fastnet.arguments import as_count, as_rate
from fastnet.callbacks import Callback
from fastnet.data import Dataset, as_rows, check_finite, read_dataset
from fastnet.history import History
from fastnet.model import Model
from fastnet.optimizers import SGD
from fastnet.parameters import layer_views
from fastnet.planning import read_plan
from fastnet.progress import Progress
from fastnet.training import TRAINING_ROWS, Shuffle, Training

__all__ = ["Network", "load"]

Array = NDArray[Any]
Lists = tuple[list[float], list[int], list[float], list[int]]

#: Examples that prediction takes at a time: their activations fit the first-level cache.
PREDICTION_ROWS = 32
MONITORS = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")


class Network(Model):
    """A feedforward network, trained by mini-batches in compiled code.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer: inputs, hidden layers, outputs. Two or more, each positive.
    cost : class or str, default CrossEntropyCost
        `CrossEntropyCost` (sigmoid outputs), `LogLikelihoodCost` (softmax) or `QuadraticCost`.
    dtype : {numpy.float64, numpy.float32}, keyword only
        What parameters are kept in and everything is computed in.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState, keyword only
        Where starting weights, shuffles and dropout are drawn from. A generator is shared, not
        copied.
    activation : str or sequence of str, keyword only, default "sigmoid"
        Of the hidden layers, one name or one a layer: "sigmoid", "tanh", "relu", "leaky_relu"
        (slope 0.01), "identity".
    output : str, keyword only, optional
        Of the last layer: one of those, or "softmax". By default what the cost goes with.
    initializer : str, float or callable, keyword only, default "default"
        How weights start: a name out of `fastnet.initializers.INITIALIZERS`, a number, or a
        function of (rng, shape).
    bias_initializer : str, float or callable, keyword only, optional
        How biases start: by default "normal" where `initializer` is one of the book's two, else
        "zeros".

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
    activations : list of str
    cost : class
    dtype : numpy.dtype
    rng : Generator or RandomState
    history : History
        Of all trainings since the weights were last drawn.

    Raises
    ------
    ValueError, TypeError
        An argument is not of the kind described.
    MemoryError
        So many parameters do not fit into memory.

    Notes
    -----
    The model and the training are those of M. Nielsen, *Neural Networks and Deep Learning*,
    chapters 1 to 3.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([2, 3, 1], rng=1)
    >>> net.feedforward(np.array([0.0, 1.0])).shape
    (1,)
    >>> net
    Network([2, 3, 1], cost=CrossEntropyCost, dtype=float64)
      layer 1: 2 -> 3         sigmoid            9 parameters
      layer 2: 3 -> 1         sigmoid            4 parameters
                                               13 in all
      start: weights 'default', biases 'normal'
    """

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
        n_in = self._architecture.sizes[0]
        if a.ndim == 1:
            return self._predict(as_rows(a[np.newaxis], n_in, "a"))[0]
        if a.ndim == 2 and a.shape[1] == 1 and a.shape[0] == n_in and n_in != 1:
            return self._predict(as_rows(a.T, n_in, "a")).T
        return self._predict(as_rows(a, n_in, "a"))

    def _predict(self, X: Array) -> Array:
        check_finite(X, self.dtype, "a")
        out = np.empty((X.shape[0], self._architecture.sizes[-1]), dtype=self.dtype)
        if X.dtype.char not in "dfB" or not X.dtype.isnative:
            X = X.astype(self.dtype)
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
        data = self._read_batch(x, y)
        flat = np.empty_like(self._parameters)
        engine = self._make_engine(min(data.n, TRAINING_ROWS), training=True)
        engine.load(self._parameters)
        engine.gradient(*data.piece(np.arange(data.n, dtype=np.intp), 0, data.n), flat)
        return layer_views(flat, self._architecture.sizes)

    def _read_batch(self, x: Any, y: Any) -> Dataset:
        """One example or a batch of them, as `backprop` takes them."""
        x, y = np.asarray(x), np.asarray(y)
        n_in, n_out = self._architecture.sizes[0], self._architecture.sizes[-1]
        # With one input a column is a batch, unless it is a single number that has one target.
        one_column = x.shape == (n_in, 1) and (n_in != 1 or y.ndim == 0 or y.shape == (n_out, 1))
        if x.ndim == 1 or one_column:
            x = x.reshape(1, -1)
            y = y.reshape(1) if y.ndim == 0 else y.reshape(1, -1)
        return self._read((x, y), "backprop")

    def _summed_cost(self, x: Any, y: Any) -> float:
        """The cost that `backprop` gives the gradient of."""
        return self._evaluate(self._read_batch(x, y))[0]

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
        # The rule divides by the size of the data that it is given; here that is the mini-batch.
        plan = read_plan(
            self, data, None, 1, data.n, optimizer=SGD(eta), l2=lmbda * data.n / n, shuffle=False
        )
        plan.recorded = False
        Training(self, data, plan).run()

    def SGD(
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
        asked = (
            monitor_evaluation_cost,
            monitor_evaluation_accuracy,
            monitor_training_cost,
            monitor_training_accuracy,
        )
        metrics = [name for name, wanted in zip(MONITORS, asked, strict=True) if wanted]
        history = self._train(
            training_data,
            epochs,
            mini_batch_size,
            evaluation_data=evaluation_data,
            optimizer=SGD(as_rate(eta, "eta")),
            l2=as_rate(lmbda, "lmbda"),
            metrics=metrics,
            callbacks=[_EpochEnd()],
            shuffle=shuffle,
            progress=progress,
        )
        lists = [history.column(name) if name in metrics else [] for name in MONITORS]
        return lists[0], lists[1], lists[2], lists[3]

    def train(
        self,
        data: Any,
        epochs: int,
        mini_batch_size: int | None = 32,
        *,
        optimizer: Any = None,
        schedule: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: Any = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        evaluation_data: Any = None,
        metrics: Any = None,
        callbacks: Any = (),
        shuffle: Shuffle = True,
        progress: Progress = None,
    ) -> History:
        """Train: the general verb, of which `SGD` is the book's special case.

        Called again it goes on: parameters, `history` and, for an optimizer of the same class, its
        state are kept until the weights are drawn anew.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`.
        epochs : int
        mini_batch_size : int or None, default 32
            None: all of the data at once.
        optimizer : Optimizer, class or str, optional
            Out of `fastnet.optimizers`; by default the one used last, at first SGD(0.1).
        schedule : Schedule, str or function of the epoch, optional
            Out of `fastnet.schedules`: what multiplies the learning rate.
        l1, l2 : float, default 0
            The book's lambda: the cost gets l1/n sum |w| + l2/(2n) sum w^2 over all weights, n being
            the number of examples.
        dropout : float or sequence of float, default 0
            The share of hidden units that is dropped; or one share a layer but the last, the inputs
            first. What is kept is scaled up in training, so that evaluation needs nothing.
        max_norm : float, optional
            The most that the norm of the weights into a unit may be.
        clip_norm : float, optional
            The most that the norm of a mini-batch's mean gradient, regularization left out, may be.
        sample_weight : array_like, shape (n,), optional
        class_weight : dict, sequence or "balanced", optional
            What each example's cost is multiplied by; a mini-batch still divides by its number.
        evaluation_data : like `data`, optional
        metrics : list of str or function, optional
            Names out of `fastnet.metrics.METRICS`, or functions of the network. By default both
            evaluation metrics where there is evaluation data.
        callbacks : Callback or list of Callback
        shuffle, progress
            As for `SGD`.

        Returns
        -------
        History
            An entry an epoch of this call; `network.history` has those of earlier calls too.

        Raises
        ------
        ValueError, TypeError
            Something about the arguments is wrong; the network has not changed.
        DivergenceError
            Parameters stopped being finite; the network is back where the epoch began.
        RuntimeError
            Another thread is training this network.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 8, 2], "log_likelihood", activation="tanh", rng=1)
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> history = net.train((X, y), 200, 4, optimizer=fastnet.Adam(0.05), metrics=["training_accuracy"])
        >>> history[-1]["training_accuracy"]
        4
        """
        return self._train(
            data,
            epochs,
            mini_batch_size,
            optimizer=optimizer,
            schedule=schedule,
            l1=l1,
            l2=l2,
            dropout=dropout,
            max_norm=max_norm,
            clip_norm=clip_norm,
            sample_weight=sample_weight,
            class_weight=class_weight,
            evaluation_data=evaluation_data,
            metrics=metrics,
            callbacks=callbacks,
            shuffle=shuffle,
            progress=progress,
            name="data",
        )

    def _train(
        self,
        data: Any,
        epochs: int,
        mini_batch_size: int | None,
        *,
        evaluation_data: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        name: str = "training_data",
        **options: Any,
    ) -> History:
        training = self._read(data, name, repeated=True)
        training = training.weighted(sample_weight, class_weight, self._architecture.sizes[-1])
        evaluation = None
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
        plan = read_plan(self, training, evaluation, epochs, mini_batch_size, **options)
        return Training(self, training, plan).run()

    def partial_fit(self, data: Any, *, optimizer: Any = None, **options: Any) -> None:
        """Take one step of the optimizer on one batch, its state kept from call to call.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            The batch; l1 and l2 are divided by its number of examples.
        optimizer : Optimizer, class or str, optional
            As for `train`.
        **options
            l1, l2, dropout, max_norm, clip_norm, sample_weight and class_weight as for `train`.

        Raises
        ------
        ValueError, TypeError
            As for `train`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> for _ in range(100):
        ...     net.partial_fit((np.eye(2), [0, 1]), optimizer=fastnet.Adam(0.1))
        >>> net.accuracy((np.eye(2), [0, 1]))
        2
        """
        batch = self._read(data, "data")
        weights = {name: options.pop(name, None) for name in ("sample_weight", "class_weight")}
        batch = batch.weighted(
            weights["sample_weight"], weights["class_weight"], self._architecture.sizes[-1]
        )
        plan = read_plan(self, batch, None, 1, None, optimizer=optimizer, shuffle=False, **options)
        plan.recorded = False
        Training(self, batch, plan).run()

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

    def _regularized(self, cost: float, n: int, l2: float, l1: float = 0.0) -> float:
        cost /= n
        if l2:
            squares = math.fsum(
                float(np.sum(np.square(w, dtype=np.float64))) for w in self._weights
            )
            cost += 0.5 * (l2 / n) * squares
        if l1:
            cost += (
                l1
                / n
                * math.fsum(float(np.sum(np.abs(w), dtype=np.float64)) for w in self._weights)
            )
        return cost

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
            data,
            self._architecture.sizes[0],
            self._architecture.sizes[-1],
            self.dtype,
            name=name,
            repeated=repeated,
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
        y_known = (
            np.zeros(np.shape(X)[0] if np.ndim(X) else 0, np.int64)
            if y is None and sizes[-1] > 1
            else y
        )
        if y_known is None:
            y_known = np.zeros((np.shape(X)[0], 1))
        data = self._read((X, y_known), "layer_statistics")
        order = np.arange(data.n, dtype=np.intp)
        sums = np.zeros((len(sizes) - 1, 4))
        engine = self._borrow_predictor()
        step = min(data.piece_limit, PREDICTION_ROWS * 64)
        for start in range(0, data.n, step):
            rows, _, order_, first, last = data.piece(order, start, min(data.n, start + step))
            engine.statistics(rows, order_, first, last, sums)
        self._predictors.append(engine)
        nabla = None if y is None else self.backprop(X, y)
        return [_statistics(sums[l], data.n, l, sizes[l + 1], nabla) for l in range(len(sizes) - 1)]

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
            sizes=self.sizes,
            weights=list(self._weights),
            biases=list(self._biases),
            cost=self.cost.__name__,
            dtype=self.dtype.name,
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
        architecture = read_architecture(
            model["sizes"], "sigmoid", "sigmoid", model["cost"], model["dtype"]
        )
    except ValueError as error:
        raise ValueError(f"{os.fspath(filename)}: {error}") from None
    network: Network = cls._from_parameters(architecture, model["biases"], model["weights"])
    return network


class _EpochEnd(Callback):
    """Tells a face of `Network` what was monitored; True stops the training."""

    def __init__(self) -> None:
        self._epoch = 0

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> bool:
        monitored = {name: record[name] for name in MONITORS if name in record}
        self._epoch += 1
        return network._epoch_end(self._epoch - 1, monitored)


def _statistics(sums: Array, n: int, layer: int, units: int, nabla: Any) -> dict[str, float]:
    mean, square, derivative, saturated = (sums / (n * units)).tolist()
    found = {
        "mean_z": mean,
        "std_z": math.sqrt(max(square - mean * mean, 0.0)),
        "mean_derivative": derivative,
        "saturated": saturated,
    }
    if nabla is not None:
        parts = [float(np.sum(np.square(part[layer], dtype=np.float64))) for part in nabla]
        found["gradient_norm"] = math.sqrt(sum(parts)) / n
    return found
