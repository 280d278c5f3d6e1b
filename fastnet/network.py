"""`Network`, a feedforward network with all its methods; `load` reads one from a file."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_count, as_rate
from fastnet.common.hints import answers_to
from fastnet.history import History
from fastnet.model import answers, input_derivatives, prediction, words
from fastnet.model.model import Model
from fastnet.training import train

if TYPE_CHECKING:  # imported at run time only by the methods that need them
    from fastnet.common.progress import Progress
    from fastnet.data.dataset import Dataset
    from fastnet.data.order import Shuffle

__all__ = ["Network", "load"]

Array = NDArray[Any]
Lists = tuple[list[float], list[int], list[float], list[int]]
#: What `SGD` can monitor, in the order of the lists that it returns.
MONITORS = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")


class Network(Model):
    """A feedforward network, trained by mini-batches in compiled code.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer: inputs, hidden layers, outputs. Two or more, each positive.
    cost : class, instance or str, default CrossEntropyCost
        `CrossEntropyCost` (sigmoid outputs), `LogLikelihoodCost` (softmax), `PoissonCost`
        (exponential) or `QuadraticCost` (any). For numbers also `HuberCost(delta)`, `AbsoluteCost`
        (any), `QuantileCost(0.05, 0.95)` (one output per quantile) and `GaussianCost` (identity;
        mean and log variance).
    dtype : {numpy.float64, numpy.float32}, keyword only
        Type of the parameters and of every computation.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState, keyword only
        Source of starting weights, shuffles and dropout. A generator is shared, not copied.
    activation : str or sequence of str, keyword only, default "sigmoid"
        Activation of the hidden layers, one name for all or one per layer, from
        `fastnet.activations.ACTIVATIONS`; a leaky ReLU has slope 0.01.
    output : str, keyword only, optional
        Activation of the last layer: one of those, "softmax" or "exponential". By default the one
        that matches the cost: "sigmoid" for the quadratic and cross-entropy costs, "softmax" for
        the log-likelihood, "exponential" for Poisson, "identity" for the others.
    initializer : str, float, Scheme, callable or list of them, keyword only, default "default"
        Initializer of the weights: a name in `fastnet.initializers.INITIALIZERS`, a number, a
        scheme such as ``fastnet.initializers.he_normal(gain=1.5)``, or a function of (rng, shape)
        or (rng, shape, layer), where layer is a `fastnet.initializers.LayerInfo`. A list gives one
        per layer. With "lsuv" the network has no weights until ``net.initialize(data=X)``.
    bias_initializer : like `initializer`, keyword only, optional
        Initializer of the biases: by default "normal" in layers whose `initializer` is one of the
        book's two, else "zeros".

    Attributes
    ----------
    sizes : list of int
    num_layers : int
        Number of layers, including the inputs.
    weights : list of ndarray, shapes (n_out, n_in)
    biases : list of ndarray, shapes (n_out, 1)
        Views of `parameters`: writing into them, or assigning to them, changes the network.
    parameters : ndarray, shape (n_parameters,)
        All parameters, layer by layer: biases, then weights with one row per input.
    activations : list of str
    cost : class, or an instance of a cost with parameters
    dtype : numpy.dtype
    rng : Generator or RandomState
    history : History
        Records of all trainings since the weights were last drawn.
    kind : {"classes", "labels", "numbers"} or None
        What the targets are; set by the first training, or by hand.
    preprocessing : Preprocessing or None
        How the data were transformed before training, and the names of classes and columns. Saved
        in model files; apply it to data before predicting.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong value or type.
    MemoryError
        The parameters do not fit into memory.

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
                                               13 in total
      initializers: weights 'default', biases 'normal'
    """

    # ---- prediction, cost and gradients

    def feedforward(self, a: ArrayLike) -> Array:
        """Return the network's output for input `a`.

        Parameters
        ----------
        a : array_like, shape (n_0, 1), (n_0,) or (n, n_0)
            One column, one vector, or a batch of rows. If n_0 is 1, a column is a batch. A SciPy
            sparse matrix is always a batch.

        Returns
        -------
        ndarray of the network's dtype, shape (n_L, 1), (n_L,) or (n, n_L)
            In the orientation of `a`.

        Raises
        ------
        ValueError, TypeError
            The shape is wrong, or an element is NaN, infinite or not a real number.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2])
        >>> [net.feedforward(np.zeros(shape)).shape for shape in [(3, 1), (3,), (5, 3)]]
        [(2, 1), (2,), (5, 2)]
        """
        return prediction.feedforward(self, a)

    def __call__(self, a: ArrayLike) -> Array:
        """Return the network's output for input `a`, as `feedforward` does."""
        return self.feedforward(a)

    def predict(self, X: ArrayLike) -> Any:
        """Return the predicted class, labels or numbers for each row of raw features.

        Parameters
        ----------
        X : array_like, shape (n, n_0), or (n_0,) or (n_0, 1) for one example
            Features before preprocessing: if the network has `preprocessing`, it is applied. The
            columns of a pandas, polars or Arrow table are matched by name if `preprocessing` has
            column names. A sparse matrix is accepted if preprocessing does not change the inputs.

        Returns
        -------
        ndarray
            `kind` decides. Classes: shape (n,), class numbers or their names in `preprocessing`;
            the largest output wins, and a single output is compared with the midpoint of its two
            targets. Several labels per row: shape (n, n_L), 0 or 1. Numbers: shape (n,) or, with
            several outputs, (n, n_L), in the units of the targets. For one example, the same
            without the first axis.

        Raises
        ------
        ValueError, TypeError
            As for `feedforward`; or a table lacks a column, or X is sparse and preprocessing
            changes the inputs.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 3], rng=0)
        >>> net.weights, net.biases = [[[1, 0], [0, 1], [-1, -1]]], [np.zeros((3, 1))]
        >>> net.predict([[5.0, 1.0], [1.0, 5.0], [-4.0, -4.0]])
        array([0, 1, 2])
        >>> net.preprocessing = fastnet.Preprocessing(labels=["left", "right", "neither"])
        >>> str(net.predict([1.0, 5.0]))
        'right'
        """
        return answers.predict(self, X)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, or of each label, for rows of raw features.

        Parameters
        ----------
        X : as for `predict`

        Returns
        -------
        ndarray of the network's dtype
            Classes: shape (n, n_classes), and each row sums to 1; a single output gives two
            columns, and several sigmoid outputs are divided by their sum. Several labels per row:
            shape (n, n_L), independent probabilities. For one example, the same without the first
            axis.

        Raises
        ------
        ValueError
            The network predicts numbers, or its outputs are not bounded.
        ValueError, TypeError
            As for `predict`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([1, 1])
        >>> net.weights, net.biases = [[[1.0]]], [[[0.0]]]
        >>> net.predict_proba([[0.0], [800.0]])
        array([[0.5, 0.5],
               [0. , 1. ]])
        """
        return answers.predict_proba(self, X)

    def score(self, X: ArrayLike, y: Any) -> float:
        """Return the accuracy, from 0 to 1, or R squared if the network predicts numbers.

        Parameters
        ----------
        X : as for `predict`
        y : array_like
            Classes: their names in `preprocessing`, or as for `train`. Several labels per row: as
            for `train`. Numbers: in the units of the targets. If the targets were -1 and 1, then 0
            and 1 are accepted too.

        Returns
        -------
        float
            R squared is 1 minus the sum of squared errors divided by the sum of squared deviations
            from the mean, averaged over the outputs.

        Raises
        ------
        ValueError
            `y` has an unknown name or a wrong shape, or its numbers do not vary, so that R squared
            is undefined.
        ValueError, TypeError
            As for `predict` and `accuracy`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> net.weights, net.biases = [np.eye(2)], [np.zeros((2, 1))]
        >>> net.score(np.eye(2), [0, 0])
        0.5
        """
        return answers.score(self, X, y)

    def backprop(self, x: ArrayLike, y: ArrayLike) -> tuple[list[Array], list[Array]]:
        """Return the gradient of the cost, for one example or summed over a batch.

        Parameters
        ----------
        x : array_like, shape (n_0, 1), (n_0,) or (n, n_0)
        y : array_like
            For one example, a class number or n_L targets, (n_L, 1) or (n_L,); for a batch, class
            numbers (n,) or targets (n, n_L).

        Returns
        -------
        nabla_b : list of ndarray, shapes (n_out, 1)
        nabla_w : list of ndarray, shapes (n_out, n_in)
            Equations (BP1) to (BP4) of the book, without regularization.

        Raises
        ------
        ValueError, TypeError
            The shapes do not match, or an element is NaN, infinite or not a real number.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> nabla_b, nabla_w = net.backprop(np.array([[1.0], [0.0], [0.0]]), [[1.0], [0.0]])
        >>> bool(np.allclose(nabla_w[0][:, :1], nabla_b[0])), nabla_w[0][:, 1:].any()
        (True, np.False_)
        """
        return prediction.backprop(self, x, y)

    def input_gradient(self, X: ArrayLike, y: ArrayLike) -> Array:
        """Return the gradient of each row's cost with respect to that row.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_0), (n_0,) or (n_0, 1)
            A batch of rows, or one example, as for `feedforward`.
        y : array_like
            Class numbers (n,) or targets (n, n_L); for one example, a class number or n_L targets.

        Returns
        -------
        ndarray of the network's dtype and the shape of X
            Row i is the gradient of example i's cost, not divided by n and without regularization.
            It is dense even if X is sparse.

        Raises
        ------
        ValueError, TypeError
            The shapes do not match, or an element is NaN, infinite or not a real number.

        Notes
        -----
        Backpropagation (BP1, BP2) and one more step: the gradient with respect to the inputs is the
        first layer's error times its weights. At kinks the derivative is the one that training
        uses: 0 for a ReLU at z = 0, 0.01 for a leaky ReLU. X is the network's own input, as for
        `feedforward`: if the network has `preprocessing`, apply that first.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2], "quadratic", output="identity", rng=0)
        >>> x, y = np.array([1.0, 0.0, -1.0]), np.array([0.5, 2.0])
        >>> bool(np.allclose(net.input_gradient(x, y), (net.feedforward(x) - y) @ net.weights[0]))
        True
        >>> net.input_gradient(np.zeros((5, 3)), [0, 1, 1, 0, 0]).shape
        (5, 3)
        """
        return input_derivatives.input_gradient(self, X, y)

    def jacobian(self, X: ArrayLike) -> Array:
        """Return the derivatives of the outputs with respect to the inputs, for each row.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_0), (n_0,) or (n_0, 1)
            A batch of rows, or one example, as for `feedforward`.

        Returns
        -------
        ndarray of the network's dtype, shape (n, n_L, n_0), or (n_L, n_0) for one example
            Element [i, k, j] is the derivative of output k for row i with respect to its input j,
            after the output activation (for softmax: the derivative of the probability).

        Raises
        ------
        ValueError, TypeError
            The shape is wrong, or an element is NaN, infinite or not a real number.
        MemoryError
            The result does not fit into memory.

        Notes
        -----
        Reverse-mode differentiation: one forward pass and n_L backward passes for each row. See
        `input_gradient` for kinks and `preprocessing`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 2], "quadratic", output="identity", rng=0)
        >>> bool(np.allclose(net.jacobian([1.0, 0.0, -1.0]), net.weights[0]))
        True
        >>> net.jacobian(np.zeros((5, 3))).shape
        (5, 2, 3)
        """
        return input_derivatives.jacobian(self, X)

    def vjp(self, X: ArrayLike, v: ArrayLike) -> Array:
        """Return, for each row, the product of a vector with the row's Jacobian.

        That is the gradient, with respect to the row, of any cost whose gradient with respect to
        the outputs is v. It takes one backward pass, however many outputs there are.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_0), (n_0,) or (n_0, 1)
            A batch of rows, or one example, as for `feedforward`.
        v : array_like, shape (n, n_L), or (n_L,) or (n_L, 1) for one example
            A vector for each row; with one output also (n,).

        Returns
        -------
        ndarray of the network's dtype and the shape of X
            Row i is ``v[i] @ net.jacobian(X[i])``. It is dense even if X is sparse.

        Raises
        ------
        ValueError, TypeError
            The shapes do not match, or an element is NaN, infinite or not a real number.

        Notes
        -----
        Reverse-mode differentiation: A. Griewank and A. Walther, *Evaluating Derivatives*, SIAM
        2008. See `input_gradient` for kinks and `preprocessing`.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 4, 2], rng=0)
        >>> x, v = np.array([1.0, 0.0, -1.0]), np.array([2.0, -1.0])
        >>> bool(np.allclose(net.vjp(x, v), v @ net.jacobian(x)))
        True
        """
        return input_derivatives.vjp(self, X, v)

    def accuracy(self, data: Any, convert: bool = False) -> int:
        """Return the number of examples that are classified correctly.

        With several outputs, the largest output must be that of the largest target. A single output
        must be on the same side of 0.5 as its target (of 0, for a tanh unit trained on -1 and 1).
        With several labels per row, every label must be right.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`. `kind` says what the targets are; if it is None, y decides.
        convert : bool
            The book's switch between targets and class numbers. Ignored: y shows which they are.

        Returns
        -------
        int

        Raises
        ------
        ValueError, TypeError
            As for `SGD`; or the network predicts numbers, which have no accuracy.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 2], rng=0)
        >>> net.weights = [np.eye(2)]
        >>> net.biases = [np.zeros((2, 1))]
        >>> net.accuracy((np.eye(2), [0, 1]))
        2
        """
        return prediction.accuracy(self, self._read(data, "data"))

    def total_cost(self, data: Any, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over the data plus lmbda / (2 n) times the sum of squared weights.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`; n examples.
        lmbda : float
            L2 regularization.
        convert : bool
            The book's switch between class numbers and targets. Ignored: y shows which they are.

        Returns
        -------
        float
            Computed from the last layer's weighted inputs, so that it is accurate for saturated
            outputs too.

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
        return prediction.total_cost(self, self._read(data, "data"), lmbda)

    def layer_statistics(self, X: ArrayLike, y: Any = None) -> list[dict[str, float]]:
        """Return statistics of each layer's weighted inputs, and the share of saturated units.

        Parameters
        ----------
        X : array_like, shape (n, n_0)
        y : array_like, optional
            Class numbers or targets, for the gradient's norm.

        Returns
        -------
        list of dict, one per layer
            "mean_z" and "std_z", over examples and units; "mean_derivative", the mean of sigma'(z);
            "saturated", the share where abs(sigma'(z)) is below 4 % of its largest value (for the
            sigmoid: sigma'(z) < 0.01, as in the book's argument); and, if y is given,
            "gradient_norm", the norm of the mean cost's gradient in the layer's parameters.

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
        return prediction.layer_statistics(self, X, y)

    def prepare(self, data: Any) -> Dataset:
        """Return the data checked and ready for many calls, which would each check it again.

        The checks and the search for non-zeros take about as long as half an epoch of a small
        network. The result can be given as data to every method of this network and of others with
        the same numbers of inputs and outputs and the same dtype, from several threads at once.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`. Do not change the arrays afterwards: they are not checked again, and
            changes of X may not be seen.

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
        from fastnet.data.batches import Batches

        if isinstance(data, Batches):
            raise TypeError(
                "data is Batches, whose blocks are checked as they are read; prepare takes arrays. "
                "Give the Batches to `train` directly."
            )
        return self._read(data, "data", repeated=True)

    # ---- training

    def update_mini_batch(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:
        """Take one step of gradient descent on one mini-batch.

        w <- (1 - eta lmbda / n) w - (eta / m) sum of nabla_w; b <- b - (eta / m) sum of nabla_b.

        Parameters
        ----------
        mini_batch : (X, y) or list of (x, y)
            m examples, as for `SGD`.
        eta, lmbda : float
            Learning rate and L2 regularization.
        n : int
            Number of examples in the whole training set.

        Raises
        ------
        ValueError, TypeError, RuntimeError, DivergenceError
            As for `SGD`; no parameter has changed.

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
        from fastnet.training.plan import Plan
        from fastnet.training.step import sgd, take_step

        eta, lmbda = as_rate(eta, "eta"), as_rate(lmbda, "lmbda")
        n = as_count(n, "n", at_least=1, at_most=sys.maxsize)
        optimizer = sgd(eta)
        if take_step(self, mini_batch, optimizer, l2=lmbda, n=n):
            return
        data = self._read(mini_batch, "mini_batch")
        # The plan divides l2 by the number of examples it gets, here those of the mini-batch.
        l2 = lmbda * data.n / n
        if not math.isfinite(l2):
            raise ValueError(
                f"lmbda is {lmbda}, which overflows when multiplied by {data.n} / {n}; give a "
                "smaller one."
            )
        once = {"shuffle": False, "recorded": False, "keeps_state": False}
        train(self, data, Plan(self, data, None, 1, data.n, optimizer, l2=l2, **once))

    @answers_to("SGD", words.SGD, words.SGD_TAKES)
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
            X: shape (n, n_0), any real dtype, strides and byte order, also read-only or
            memory-mapped. It is not copied; if most of it is zero, its non-zeros are, in at most
            128 MB. A SciPy sparse matrix stays sparse. y: class numbers (n,) or targets (n, n_L);
            with one output unit, y of shape (n,) are targets. Or the book's list of pairs: x
            (n_0, 1), y a class number or (n_L, 1).
        epochs : int
            Passes over the data, 0 or more.
        mini_batch_size : int
            Examples per step, 1 or more; the last mini-batch of an epoch may be short.
        eta : float
            Learning rate.
        lmbda : float, default 0
            L2 regularization: each step multiplies the weights, not the biases, by
            1 - eta lmbda / n.
        evaluation_data : like `training_data`, optional
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
        monitor_training_cost, monitor_training_accuracy : bool
            What to compute after every epoch.
        shuffle : bool or callable, keyword only
            True: a permutation from `rng` each epoch. False: the order given. A callable gets the
            list of row numbers in the order of the previous epoch (at first 0 .. n-1), and
            permutes it in place.
        progress : None, bool or callable, keyword only
            True: a progress bar (if rich is installed), or plain lines if standard error is
            not a terminal. A callable is called with (done, total) in mini-batches.

        Returns
        -------
        evaluation_cost : list of float
        evaluation_accuracy : list of int
        training_cost : list of float
        training_accuracy : list of int
            One entry per epoch if monitored, else empty. Costs are those of `total_cost`.
            Accuracies are those of `accuracy`, numbers of examples (in `history`: from 0 to 1).

        Raises
        ------
        ValueError, TypeError
            An argument is wrong; the network has not changed.
        DivergenceError
            Parameters became NaN or infinite; the network is back at the start of the epoch.
        RuntimeError
            Another thread is training this network.

        Notes
        -----
        After Ctrl-C the network is at the end of a mini-batch. The same seed and data give the same
        result, to the last bit. Source: the book, chapters 1 and 3.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 8, 2], rng=1)
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> lists = net.SGD((X, y), 500, 4, 3.0, monitor_training_accuracy=True)
        >>> lists[3][-1]
        4
        """
        monitored = (
            monitor_evaluation_cost,
            monitor_evaluation_accuracy,
            monitor_training_cost,
            monitor_training_accuracy,
        )
        options = {"shuffle": shuffle, "progress": progress}
        data = training_data, evaluation_data
        return self._sgd(data, epochs, mini_batch_size, eta, lmbda, monitored, **options)

    def _sgd(
        self,
        data: tuple[Any, Any],
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float,
        monitored: tuple[Any, Any, Any, Any],
        **options: Any,
    ) -> Lists:
        from fastnet.optimizers import SGD

        metrics = [name for name, wanted in zip(MONITORS, monitored, strict=True) if wanted]
        training_data, evaluation_data = data
        training = self._read(training_data, "training_data", repeated=True)
        evaluation = None
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
        history = self._train(
            training,
            epochs,
            as_count(mini_batch_size, "mini_batch_size", at_least=1, at_most=None),
            evaluation_data=evaluation,
            optimizer=SGD(as_rate(eta, "eta")),
            l2=as_rate(lmbda, "lmbda"),
            metrics=metrics,
            **options,
        )
        lists: list[list[Any]] = [
            [record[name] for record in history] if name in metrics else [] for name in MONITORS
        ]
        if evaluation is not None:
            lists[1] = [round(evaluation.n * share) for share in lists[1]]
        lists[3] = [round(training.n * share) for share in lists[3]]
        return lists[0], lists[1], lists[2], lists[3]

    @answers_to("train", words.TRAIN, words.TRAIN_TAKES)
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
        resume: Any = None,
    ) -> History:
        """Train with any optimizer, schedule and regularization; `SGD` is the book's special case.

        Another call continues the training: parameters, `history` and, for an optimizer of the same
        class, its state are kept until the weights are drawn again.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            As for `SGD`.
        epochs : int
        mini_batch_size : int or None, default 32
            None: all data in one step.
        optimizer : Optimizer, class or str, optional
            One of `fastnet.optimizers`; by default the one used last, at first SGD(0.1).
        schedule : Schedule, str or function of the epoch, optional
            One of `fastnet.schedules`, which multiplies the learning rate. A name means the
            schedule with its defaults.
        l1, l2 : float, default 0
            The book's lambda: ``l1/n sum |w| + l2/(2n) sum w^2`` over all weights is added to the
            cost; n is the number of examples.
        dropout : float or sequence of float, default 0
            The share of hidden units to drop; or one share for each layer but the last, inputs
            first. The remaining units are scaled up in training, not in evaluation.
        max_norm : float, optional
            Upper limit for the norm of each unit's incoming weights.
        clip_norm : float, optional
            Upper limit for the norm of a mini-batch's mean gradient, without regularization.
        sample_weight : array_like, shape (n,), optional
        class_weight : dict, sequence or "balanced", optional
            Factors for each example's cost; the sum over a mini-batch is still divided by its
            number of examples. Class weights need class numbers as y (0 and 1 for one output).
        evaluation_data : like `data`, optional
        metrics : list of str or function, optional
            Names in `fastnet.metrics.METRICS`, or functions of the network. By default, cost and
            accuracy on the evaluation data, if given; "running_cost" is the cheapest and needs no
            evaluation data. Accuracies go from 0 to 1, and need targets that are not numbers.
        callbacks : Callback or list of Callback
        shuffle, progress
            As for `SGD`.
        resume : path or True, optional
            A file that `Checkpoint` wrote in the same training, which continues from there with the
            same bits. True: the file of the Checkpoint in `callbacks`; if it does not exist yet,
            training starts at the beginning.

        Returns
        -------
        History
            A record for each epoch of this call; `network.history` has those of earlier calls too.

        Raises
        ------
        ValueError, TypeError
            An argument is wrong, or the checkpoint is not from this training; the network has not
            changed.
        OSError
            The checkpoint cannot be read.
        DivergenceError
            Parameters or a cost became NaN or infinite; the network is back at the start of the
            epoch.
        RuntimeError
            Another thread is training this network.
        ImportError
            `LBFGS` needs SciPy.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 8, 2], "log_likelihood", activation="tanh", rng=1)
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> adam = fastnet.Adam(0.05)
        >>> history = net.train((X, y), 200, optimizer=adam, metrics="training_accuracy")
        >>> history[-1]["training_accuracy"]
        1.0
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
            resume=resume,
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
        recorded: bool = True,
        **options: Any,
    ) -> History:
        from fastnet.training.plan import Plan

        training = self._read(data, "data", repeated=recorded)
        training = training.weighted(sample_weight, class_weight, self._architecture.sizes[-1])
        evaluation = None
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
        options |= {"recorded": recorded}
        plan = Plan(self, training, evaluation, epochs, mini_batch_size, **options)
        return train(self, training, plan)

    def partial_fit(
        self,
        data: Any,
        *,
        optimizer: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: Any = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        """Take one step of the optimizer on one batch; its state is kept from call to call.

        Parameters
        ----------
        data : (X, y) or list of (x, y)
            The batch; l1 and l2 are divided by its number of examples.
        optimizer : Optimizer, class or str, optional
            As for `train`.
        l1, l2, dropout, max_norm, clip_norm, sample_weight, class_weight
            As for `train`.

        Raises
        ------
        ValueError, TypeError, DivergenceError, RuntimeError, ImportError
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
        from fastnet.training.step import take_step

        options = {"l1": l1, "l2": l2, "dropout": dropout}
        options |= {"max_norm": max_norm, "clip_norm": clip_norm}
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        if sample_weight is class_weight is None and take_step(self, data, optimizer, **options):
            return
        once = {"shuffle": False, "recorded": False}
        self._train(data, 1, None, optimizer=optimizer, **options, **weights, **once)

    # ---- files

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the network to a file: npz, safetensors, or the book's JSON.

        Parameters
        ----------
        filename : path
            If it ends in ``.npz`` or ``.safetensors``, the file contains parameters, activations,
            cost, dtype, `history` and `preprocessing`, all exact. With any other name it is the
            book's JSON, for sigmoid networks with the book's costs: without history, and of
            `preprocessing` only the names and one scale for all inputs. The file is written under
            another name and then renamed, so that an old file stays intact until the new one is
            complete.

        Raises
        ------
        OSError
            The file cannot be written.
        ValueError
            The format cannot store this network, or a parameter is not finite; an existing file is
            unchanged.
        ImportError
            ``.safetensors`` needs safetensors.

        Notes
        -----
        The generator and the optimizer's state are not saved: a loaded network predicts the same,
        but its next training starts afresh. `Checkpoint` saves both.

        Examples
        --------
        >>> import tempfile, pathlib, fastnet
        >>> net = fastnet.Network([3, 2], "log_likelihood", rng=0)
        >>> net.preprocessing = fastnet.Preprocessing(labels=["cat", "dog"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(pathlib.Path(folder) / "net.npz")
        ...     again = fastnet.load(pathlib.Path(folder) / "net.npz")
        >>> bool((again.parameters == net.parameters).all()), again.preprocessing.labels
        (True, ('cat', 'dog'))
        """
        from fastnet.files import networks

        networks.save(self, filename)

    # ---- export to and import from other libraries

    def to_onnx(self, path: str | os.PathLike[str], *, preprocessing: bool = True) -> None:
        """Write the network as an ONNX model, for any runtime that reads the format.

        Its input, "inputs", and its output, "outputs", have the network's dtype and the shapes
        (batch, n_0) and (batch, n_L), for any batch. The names of labels and columns are in the
        model's metadata, as JSON.

        Parameters
        ----------
        path : path
            Written as by `save`.
        preprocessing : bool, keyword only, default True
            Whether the model includes the network's `preprocessing`, here p: then it takes raw
            features, and its output is ``p.outputs(net.feedforward(p.inputs(X)))``, in the units of
            the target. Otherwise the output is that of `feedforward`.

        Raises
        ------
        ValueError
            An activation has no operator in ONNX, a parameter is not finite, or the preprocessing
            does not fit this network; nothing is written.
        TypeError
            This network's `preprocessing` is not a `Preprocessing`.
        ImportError
            onnx is missing.

        Notes
        -----
        Operator set 17. The model passes the full check of ``onnx.checker``. Activations without
        an operator there, or without one for float64 in onnxruntime, are written as formulas; the
        error function in GELU is computed in float32.

        Examples
        --------
        >>> import pathlib, tempfile, onnx, fastnet
        >>> net = fastnet.Network([3, 2], rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_onnx(pathlib.Path(folder) / "net.onnx")
        ...     model = onnx.load(pathlib.Path(folder) / "net.onnx")
        >>> [node.op_type for node in model.graph.node]
        ['Gemm', 'Sigmoid']
        """
        from fastnet.interchange.onnx import to_onnx

        to_onnx(self, path, preprocessing=preprocessing)

    def to_c(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        preprocessing: bool | None = None,
        labels: bool = False,
    ) -> None:
        """Write the network as a C99 header that needs nothing but ``math.h``.

        It contains the parameters and, for a file "digits.h", one function: ``static void
        digits_feedforward(const float x[784], float a[10])``, with ``double`` for a float64
        network. The function allocates nothing and has no state. `x` and `a` may be the same array.
        Several files of one program may include the header.

        Parameters
        ----------
        path : path
            Written as by `save`.
        name : str, keyword only, optional
            Prefix of the names in the header, a C identifier; by default the file's name without
            its extension.
        preprocessing : bool, keyword only, optional
            True: the function takes raw features, standardizes them in double, and returns numbers
            in the units of the target. False: it computes `feedforward`. By default like False, but
            with a warning if the network has `preprocessing` that scales.
        labels : bool, keyword only, default False
            Whether to add ``static int digits_predict(const float x[784])``, which returns the
            class number, and ``digits_labels``, the names of the classes as UTF-8 strings. If
            `kind` is "labels", the function is ``static void digits_predict(const float x[784],
            int y[10])``.

        Raises
        ------
        ValueError
            The name is not a C identifier, a parameter is not finite, the preprocessing does not
            fit this network, `labels` is true for a network that predicts numbers, or a label
            contains a null character; nothing is written.
        TypeError
            An argument has a wrong type, or this network's `preprocessing` is not a
            `Preprocessing`.
        OSError
            The file cannot be written.

        Warns
        -----
        UserWarning
            `preprocessing` is not given, and the network's `preprocessing` scales the data.

        Notes
        -----
        Parameters are written as hexadecimal floating constants (C99, 6.4.4.2; C++17), which every
        compiler reads back exactly. Compile with at least ``-O2``, and link with ``-lm``. The
        function keeps the layers' values on the stack.

        Examples
        --------
        >>> import pathlib, tempfile, fastnet
        >>> net = fastnet.Network([3, 2], rng=0, dtype="float32")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_c(pathlib.Path(folder) / "tiny.h")
        ...     text = (pathlib.Path(folder) / "tiny.h").read_text()
        >>> "static void tiny_feedforward(const float x[3], float a[2])" in text
        True
        """
        from fastnet.interchange.c import to_c

        to_c(self, path, name=name, preprocessing=preprocessing, labels=labels)

    def to_torch(self) -> Any:
        """Return a copy as PyTorch's ``nn.Sequential``: a Linear and an activation per layer.

        Returns
        -------
        torch.nn.Sequential
            With the network's dtype, on the CPU. Its output is that of `feedforward`; if the
            network has `preprocessing` that scales, a warning says that the module does not.
            `labels`, `columns` and `target` become attributes of the module, which `from_torch`
            reads. PyTorch has no sine module, so fastnet brings one.

        Raises
        ------
        ImportError
            torch is missing.

        Examples
        --------
        >>> import fastnet
        >>> fastnet.Network([3, 5, 2], activation="relu").to_torch()  # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=3, out_features=5, bias=True)
          (1): ReLU()
          (2): Linear(in_features=5, out_features=2, bias=True)
          (3): Sigmoid()
        )
        """
        from fastnet.interchange.torch import to_torch

        return to_torch(self)

    @classmethod
    def from_torch(cls, module: Any, *, cost: Any = None, output: str | None = None) -> Self:
        """Return a network with the layers, parameters and dtype of a PyTorch module; a copy.

        Parameters
        ----------
        module : torch.nn.Module
            A Linear, or a Sequential, possibly nested, of Linear, Sigmoid, Tanh, ReLU,
            LeakyReLU(0.01), ELU, SELU, GELU, SiLU, Softplus, Softsign, Identity and, at the end,
            Softmax. Dropout layers and a leading Flatten are left out.
        cost : class, instance or str, keyword only, optional
            Cost for further training: by default the one that matches the output, or quadratic.
        output : str, keyword only, optional
            Output activation for a module that ends in a Linear: "softmax" if it was trained with
            ``CrossEntropyLoss``, "sigmoid" with ``BCEWithLogitsLoss``. By default "identity", which
            gives the module's own output.

        Raises
        ------
        TypeError
            `module` is not a ``torch.nn.Module``.
        ValueError
            It is not a plain multilayer perceptron (the message names the reason), its dtype is
            neither float32 nor float64, or a parameter is not finite.
        ImportError
            torch is missing.

        Examples
        --------
        >>> import torch, fastnet  # doctest: +SKIP
        >>> module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())  # doctest: +SKIP
        >>> fastnet.Network.from_torch(module).activations  # doctest: +SKIP
        ['tanh']
        """
        from fastnet.interchange.torch import from_torch

        return from_torch(cls, module, cost=cost, output=output)

    def to_sklearn(self, *, multilabel: bool | None = None) -> Any:
        """Return a copy as scikit-learn's MLPClassifier or MLPRegressor, fitted.

        Parameters
        ----------
        multilabel : bool, keyword only, optional
            Whether several sigmoid outputs are independent labels. If False, the largest output is
            the class. By default `kind` decides.

        Returns
        -------
        MLPClassifier or MLPRegressor
            A regressor if the output is the identity. ``predict_proba`` and the regressor's
            ``predict`` return what `feedforward` does, with columns in the order of ``classes_``:
            the names in ``preprocessing.labels``, sorted, or else class numbers. A softmax of two
            units becomes one logistic unit. ``partial_fit`` continues the training. If the network
            has `preprocessing` that scales, a warning says that the estimator does not.

        Raises
        ------
        ValueError
            The network has hidden layers with different activations, or activations that
            scikit-learn does not have.
        ImportError
            scikit-learn is missing.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([3, 5, 2], "log_likelihood", activation="tanh", rng=0)
        >>> estimator = net.to_sklearn()
        >>> estimator.predict_proba(np.zeros((4, 3))).shape
        (4, 2)
        """
        from fastnet.interchange.sklearn import to_sklearn

        return to_sklearn(self, multilabel=multilabel)

    @classmethod
    def from_sklearn(cls, estimator: Any, *, cost: Any = None) -> Self:
        """Return a network with the parameters and dtype of a fitted scikit-learn estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted. Two classes become one sigmoid unit, more become a softmax, and several labels
            per row become one sigmoid unit each.
        cost : class, instance or str, keyword only, optional
            Cost for further training: by default the one that matches the output, or quadratic.

        Returns
        -------
        Network
            `feedforward` returns what ``predict_proba`` (for two classes: its second column) or the
            regressor's ``predict`` does. `preprocessing` has the classes, with their type, and the
            names of the features.

        Raises
        ------
        TypeError
            `estimator` is neither of the two.
        ValueError
            It is not fitted, or has an activation that fastnet does not have.
        ImportError
            scikit-learn is missing.

        Examples
        --------
        >>> import fastnet
        >>> from sklearn.neural_network import MLPRegressor
        >>> fitted = MLPRegressor(hidden_layer_sizes=[3], solver="lbfgs")
        >>> _ = fitted.fit([[0.0], [1.0]], [1, 0])
        >>> fastnet.Network.from_sklearn(fitted).sizes
        [1, 3, 1]
        """
        from fastnet.interchange.sklearn import from_sklearn

        return from_sklearn(cls, estimator, cost=cost)


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network that `Network.save` (or the book's own program) wrote.

    Parameters
    ----------
    filename : path
        A file in any format of `Network.save`, which is recognized by its content, not its name.
        Nothing in the file is executed.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not a model file, or is damaged or of a later version, or names an activation, cost
        or initializer that fastnet does not have.
    ImportError
        A safetensors file needs safetensors.

    Examples
    --------
    >>> import pathlib, tempfile, fastnet
    >>> net = fastnet.Network([3, 2], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(pathlib.Path(folder) / "net.json")
    ...     bool((fastnet.load(pathlib.Path(folder) / "net.json").biases[0] == net.biases[0]).all())
    True
    """
    from fastnet.files import networks

    return networks.load(Network, filename)
