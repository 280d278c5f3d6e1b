"""`Network`: what learns; prediction is in `Predictor`, ways in and out are in `Portable`."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

from fastnet.callbacks import Callback
from fastnet.common.arguments import as_count, as_rate
from fastnet.common.progress import Progress
from fastnet.data.order import Shuffle
from fastnet.files import networks
from fastnet.history import History
from fastnet.optimizers import SGD
from fastnet.portable import Portable
from fastnet.training import train
from fastnet.training.plan import read_plan

__all__ = ["Network", "load"]

Lists = tuple[list[float], list[int], list[float], list[int]]
#: What `SGD` can monitor, in the order of the lists that it returns.
MONITORS = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")


class Network(Portable):
    """A feedforward network, trained by mini-batches in compiled code.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer: inputs, hidden layers, outputs. Two or more, each positive.
    cost : class or str, default CrossEntropyCost
        `CrossEntropyCost` (sigmoid outputs), `LogLikelihoodCost` (softmax), `PoissonCost`
        (exponential) or `QuadraticCost` (any).
    dtype : {numpy.float64, numpy.float32}, keyword only
        What parameters are kept in and everything is computed in.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState, keyword only
        Where starting weights, shuffles and dropout are drawn from. A generator is shared, not
        copied.
    activation : str or sequence of str, keyword only, default "sigmoid"
        Of the hidden layers, one name or one a layer: "sigmoid", "tanh", "relu", "leaky_relu"
        (slope 0.01), "identity".
    output : str, keyword only, optional
        Of the last layer: one of those, "softmax" or "exponential". By default what the cost goes
        with.
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
    weights : list of ndarray, shapes (n_out, n_in)
    biases : list of ndarray, shapes (n_out, 1)
        Views of `parameters`: writing into them, or assigning to them, changes the network.
    parameters : ndarray, shape (n_parameters,)
        Every parameter, layer after layer: biases, then weights with the inputs as rows.
    activations : list of str
    cost : class
    dtype : numpy.dtype
    rng : Generator or RandomState
    history : History
        Of all trainings since the weights were last drawn.
    kind : {"classes", "labels", "numbers"} or None
        What the targets are; set by the first training, or by hand.
    preprocessing : Preprocessing or None
        What was done to the data before the network saw them, and the names of classes and
        columns: kept in model files, and for whoever predicts to apply.

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
            How many examples the whole training set has.

        Raises
        ------
        ValueError, TypeError, RuntimeError, DivergenceError
            As for `SGD`; no parameter has changed then.

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
        n = as_count(n, "n", at_least=1, at_most=sys.maxsize)
        data = self._read(mini_batch, "mini_batch")
        # The rule divides by the size of the data that it is given; here that is the mini-batch.
        l2 = lmbda * data.n / n
        if not math.isfinite(l2):
            raise ValueError(f"lmbda is {lmbda}, too large for {data.n} examples of {n}.")
        plan = read_plan(self, data, None, 1, data.n, optimizer=SGD(eta), l2=l2, shuffle=False)
        plan.recorded = plan.keeps_state = False
        train(self, data, plan)

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
            noted beside it, in at most 128 MB); or a sparse matrix of SciPy's, whose zeros are not
            written out. y: class numbers (n,), or targets (n, n_L). Or the book's pairs:
            x (n_0, 1), y a class number or (n_L, 1). A network with one output unit takes y of
            shape (n,) as targets.
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
            True: a bar (by tqdm where it is installed), or plain lines where standard error is no
            terminal. A callable is given (done, total) in mini-batches.

        Returns
        -------
        evaluation_cost : list of float
        evaluation_accuracy : list of int
        training_cost : list of float
        training_accuracy : list of int
            An entry an epoch where monitored, else empty. Costs as `total_cost`, accuracies as
            `accuracy`, which counts (records in `history` have shares).

        Raises
        ------
        ValueError, TypeError
            Something about the arguments is wrong; the network has not changed.
        DivergenceError
            Parameters stopped being finite; the network is back where the epoch began.
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
        >>> lists = net.SGD((X, y), 500, 4, 3.0, monitor_training_accuracy=True)
        >>> lists[3][-1]
        4
        """
        asked = (
            monitor_evaluation_cost,
            monitor_evaluation_accuracy,
            monitor_training_cost,
            monitor_training_accuracy,
        )
        metrics = [name for name, wanted in zip(MONITORS, asked, strict=True) if wanted]
        training = self._read(training_data, "training_data", repeated=True)
        evaluation, counts = None, {"training": training.n}
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
            counts["evaluation"] = evaluation.n
        history = self._train(
            training,
            epochs,
            as_count(mini_batch_size, "mini_batch_size", at_least=1, at_most=None),
            evaluation_data=evaluation,
            optimizer=SGD(as_rate(eta, "eta")),
            l2=as_rate(lmbda, "lmbda"),
            metrics=metrics,
            callbacks=[_EpochEnd(counts)],
            shuffle=shuffle,
            progress=progress,
            name="training_data",
        )
        records = [_counted(record, counts) for record in history]
        lists: list[list[Any]] = [
            [record[name] for record in records] if name in metrics else [] for name in MONITORS
        ]
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
        resume: Any = None,
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
            Out of `fastnet.schedules`: what multiplies the learning rate. A name stands for the
            schedule with its defaults.
        l1, l2 : float, default 0
            The book's lambda: the cost gets ``l1/n sum |w| + l2/(2n) sum w^2`` over all weights, n
            being the number of examples.
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
            Class weights need class numbers for y; of a single output they are 0 and 1.
        evaluation_data : like `data`, optional
        metrics : list of str or function, optional
            Names out of `fastnet.metrics.METRICS`, or functions of the network. By default, where
            there is evaluation data, the cost on them and the accuracy (a share from 0 to 1), which
            numbers do not have.
        callbacks : Callback or list of Callback
        shuffle, progress
            As for `SGD`.
        resume : path or True, optional
            Go on from a file that `Checkpoint` wrote in the same training, to the same bits. True:
            from that of the Checkpoint among the callbacks, or anew if there is none yet.

        Returns
        -------
        History
            An entry an epoch of this call; `network.history` has those of earlier calls too.

        Raises
        ------
        ValueError, TypeError
            Something about the arguments is wrong, or the checkpoint is not one of this training;
            the network has not changed.
        OSError
            The checkpoint cannot be read.
        DivergenceError
            Parameters or a cost stopped being finite; the network is back where the epoch began.
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
        name: str = "data",
        recorded: bool = True,
        **options: Any,
    ) -> History:
        training = self._read(data, name, repeated=recorded)
        training = training.weighted(sample_weight, class_weight, self._architecture.sizes[-1])
        evaluation = None
        if evaluation_data is not None:
            evaluation = self._read(evaluation_data, "evaluation_data", repeated=True)
        plan = read_plan(self, training, evaluation, epochs, mini_batch_size, **options)
        plan.recorded = recorded
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
        """Take one step of the optimizer on one batch, its state kept from call to call.

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
        self._train(
            data,
            1,
            None,
            optimizer=optimizer,
            l1=l1,
            l2=l2,
            dropout=dropout,
            max_norm=max_norm,
            clip_norm=clip_norm,
            sample_weight=sample_weight,
            class_weight=class_weight,
            shuffle=False,
            recorded=False,
        )

    def _epoch_end(self, epoch: int, record: dict[str, float]) -> bool:
        """Hook for faces of this class: told what was monitored; True stops the training."""
        return False


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network that `Network.save` (or the book's own program) wrote.

    Parameters
    ----------
    filename : path
        A file of any form, whatever its name: the content tells. Nothing in it is executed.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no such file, or it is damaged, or of a later version, or it names an activation,
        cost or initializer that fastnet does not have.
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
    return networks.load(Network, filename)


class _EpochEnd(Callback):
    """Tells a face of `Network` what was monitored; True stops the training."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts
        self._epoch = -1

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> bool:
        self._epoch += 1
        return network._epoch_end(self._epoch, _counted(record, self._counts))


def _counted(record: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    """What is monitored of a record, with accuracies as numbers of examples."""
    found = {name: record[name] for name in MONITORS if name in record}
    for part, n in counts.items():
        if f"{part}_accuracy" in found:
            found[f"{part}_accuracy"] = round(n * found[f"{part}_accuracy"])
    return found
