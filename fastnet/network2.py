"""The book's module ``network2`` on this library's kernels: a drop-in for existing scripts.

With ``import fastnet.network2 as network2``, or ``from fastnet.network2 import *``, scripts written
for the ``network2.py`` of Michael Nielsen's *Neural Networks and Deep Learning*, or for one of its
Python 3 ports, run unchanged. Names, parameters and printed lines are the same, and so are the
random numbers: weights come from the generator that ``numpy.random.seed`` seeds, the order of the
examples from ``random.shuffle``. Only the last digits may differ by rounding.

Data are iterables of pairs (x, y). x is a column, shape (n_0, 1); y is a target column, shape
(n_L, 1), in training data, and a class number in evaluation data.

It differs from the original in four ways, on purpose: wrong arguments are refused before anything
changes; the cross-entropy of a saturated output is finite; the number of classes is free; and a
single output is correct if it is on the same side of 0.5 as its target (the original counts every
example as correct).

Examples
--------
>>> import fastnet.network2 as network2
>>> network2.random.seed(1)
>>> network2.np.random.seed(1)
>>> net = network2.Network([2, 4, 2], cost=network2.CrossEntropyCost)
>>> xs = [network2.np.array([[a], [b]]) for a in (0.0, 1.0) for b in (0.0, 1.0)]
>>> pairs = [(x, network2.np.array([[1.0 - x.max()], [x.max()]])) for x in xs]
>>> lists = net.SGD(pairs, 200, 2, 0.5, monitor_training_accuracy=True)  # doctest: +ELLIPSIS
Epoch 0 training complete
Accuracy on training data: 1 / 4
<BLANKLINE>
...
Epoch 199 training complete
Accuracy on training data: 4 / 4
<BLANKLINE>
"""

from __future__ import annotations

# json and sys are here for scripts, which get them by `import *` from the original.
import json
import os
import random
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import network
from fastnet.activations import sigmoid, sigmoid_prime
from fastnet.callbacks import Callback
from fastnet.common.arguments import as_count, as_items
from fastnet.common.generators import RNG
from fastnet.costs import Cost, CrossEntropyCost, QuadraticCost
from fastnet.data.targets import TargetFacts
from fastnet.files import networks
from fastnet.kernels.rwlock import Guard
from fastnet.model.architecture import Architecture, read_architecture
from fastnet.model.parameters import Views, allocate, layer_views
from fastnet.schedules import since_best

__all__ = [
    "CrossEntropyCost",
    "Network",
    "QuadraticCost",
    "json",
    "load",
    "np",
    "random",
    "sigmoid",
    "sigmoid_prime",
    "sys",
    "vectorized_result",
]

Array = NDArray[Any]

#: Methods that the original's SGD calls but compiled training does not.
_NOT_CALLED = ("update_mini_batch", "backprop", "feedforward", "accuracy", "total_cost")


class _Lists(Views):
    """Views of a network's parameters until the network gets other layers; then a plain list.

    Parameters
    ----------
    name, arrays
        As for `Views`.
    network : Network
    """

    def __init__(self, name: str, arrays: list[Array], network: Network) -> None:
        super().__init__(name, arrays, network._guard)
        self._network = weakref.ref(network)

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._owner is not None:
            try:
                super().__setitem__(index, value)
                return
            except ValueError:
                if isinstance(index, slice) or np.ndim(value) != 2:
                    raise
        self._change("__setitem__", index, value)

    @property
    def _owner(self) -> Network | None:
        """The network with these parameters; None if it has others by now."""
        network = self._network()
        current = None if network is None else network.__dict__.get(f"_{self._name}")
        return network if current is self else None

    def _change(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self._owner is not None:
            self._owner._set_apart()
        return getattr(list, name)(self, *arguments, **options)

    def __iadd__(self, other: Iterable[Any]) -> Any:  # type: ignore[misc]
        return self._change("__iadd__", other)

    def __imul__(self, times: Any) -> Any:  # type: ignore[misc]
        return self._change("__imul__", times)

    def may_become(self, items: list[Any]) -> bool:
        """Return whether `items` may be the arrays of other layers than the present ones."""
        shapes: list[Any] = [x.shape if isinstance(x, np.ndarray) else () for x in items]
        if shapes == [array.shape for array in self] or any(len(shape) != 2 for shape in shapes):
            return False
        if self._name == "biases":
            return all(width == 1 for _, width in shapes)
        return all(left[0] == right[1] for left, right in pairwise(shapes))


def _read_sizes(biases: list[Any], weights: list[Any]) -> list[int]:
    """Return the units per layer of a network with these arrays.

    Raises
    ------
    ValueError
        Their shapes do not match.
    """
    shapes = [[np.shape(array) for array in arrays] for arrays in (biases, weights)]
    sizes = [shape[0] for shape in shapes[1] if len(shape) == 2]
    sizes = [n for shape in shapes[1][:1] for n in shape[1:]] + sizes
    wanted = [[(n, 1) for n in sizes[1:]], [(n_out, n_in) for n_in, n_out in pairwise(sizes)]]
    if len(sizes) < 2 or min(sizes) < 1 or shapes != wanted:
        raise ValueError(
            f"weights have shapes {shapes[1]} and biases {shapes[0]}, which do not match; give "
            "each layer weights (units, units of the layer before) and biases (units, 1)."
        )
    return sizes


class Network(network.Network):
    """`fastnet.Network` with the random numbers, printed lines and arrays of the book's class.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer: inputs, hidden layers, outputs.
    cost : class or instance, default CrossEntropyCost
        `CrossEntropyCost` or `QuadraticCost`.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong value or type.

    Notes
    -----
    `weights` and `biases` are float64. As in the original, every training, every initializer and
    every assignment of a whole list makes new arrays (and a new vector `parameters`): arrays that a
    script has kept do not change. Assigning one item writes into its array. If a script puts arrays
    of other shapes into the lists, the network has those layers from its next use on.

    Starting weights are drawn from NumPy's global generator, also by copies and unpickled networks.

    Examples
    --------
    >>> np.random.seed(0)
    >>> net = Network([784, 30, 10])
    >>> np.random.seed(0)
    >>> bool((net.biases[0] == np.random.randn(30, 1)).all())
    True
    """

    def __init__(self, sizes: Sequence[int], cost: type[Cost] | Cost = CrossEntropyCost) -> None:
        if isinstance(cost, (CrossEntropyCost, QuadraticCost)):
            cost = type(cost)  # scripts write cost=CrossEntropyCost() as well
        # Zeros draw no random numbers, so that a subclass may replace the initializer below.
        super().__init__(
            sizes,
            cost,
            rng=np.random.mtrand._rand,
            initializer=0.0,
            bias_initializer=0.0,
        )
        self.default_weight_initializer()

    def __getstate__(self) -> dict[str, Any]:
        self._read_lists()
        return super().__getstate__() | {"_rng": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state | {"_rng": np.random.mtrand._rand})

    # ---- targets: classes, as in the original, and any numbers for the quadratic cost

    def _build(self, architecture: Architecture, rng: RNG) -> None:
        super()._build(architecture, rng)
        self._kind, self._kind_is_given = "classes", True

    def _check_targets(self, facts: TargetFacts, name: str) -> None:
        if self.cost is not QuadraticCost:
            super()._check_targets(facts, name)

    def _target_limits(self) -> tuple[float, float, bool]:
        if self.cost is QuadraticCost:
            return -np.inf, np.inf, False
        return super()._target_limits()

    # ---- new arrays where the original makes new arrays

    def _new_arrays(self, sizes: Sequence[int]) -> dict[str, Any]:
        """Return a zero vector of parameters and its views, by the names of their attributes."""
        parameters = allocate(sizes, self._held["_architecture"].dtype)
        biases, weights = layer_views(parameters, sizes)
        return {
            "_parameters": parameters,
            "_biases": _Lists("biases", biases, self),
            "_weights": _Lists("weights", weights, self),
        }

    def _renew_arrays(self) -> None:
        """Move the parameters to new memory, so that arrays in users' hands do not change."""
        renewed = self._new_arrays(self._architecture.sizes)
        with self._guard.still:
            renewed["_parameters"][:] = self._parameters
            # One call, so that Ctrl-C cannot separate the vector from its views.
            self.__dict__.update(renewed)

    @contextmanager
    def _renewed_arrays(self) -> Iterator[None]:
        """Change the parameters in new memory; go back to the old if that fails."""
        with self._guard.still:  # a training in another thread must not store into the new memory
            held = {name: getattr(self, name) for name in ("_parameters", "_biases", "_weights")}
            self._renew_arrays()
            try:
                yield
            except BaseException:
                self.__dict__.update(held)
                raise

    @property
    def weights(self) -> _Lists:
        """Weight matrices, shapes (n_out, n_in); a list that may be assigned and changed."""
        weights: _Lists = self._held["_weights"]
        return weights

    @weights.setter
    def weights(self, values: Iterable[ArrayLike]) -> None:
        self._assign("_weights", values)

    @property
    def biases(self) -> _Lists:
        """Bias columns, shapes (n_out, 1); a list that may be assigned and changed."""
        biases: _Lists = self._held["_biases"]
        return biases

    @biases.setter
    def biases(self, values: Iterable[ArrayLike]) -> None:
        self._assign("_biases", values)

    def _assign(self, name: str, values: Any) -> None:
        """Copy arrays of the present shapes; keep others, from which the next use makes layers."""
        present = self._held[name]
        if values is present:  # as in net.weights += [...]
            return
        items = as_items(values, name[1:])
        if items is not None and (self._apart or present.may_become(items)):
            self._set_apart()
            self._held[name] = _Lists(name[1:], items, self)
            return
        # Read before taking a lock: reading a user's objects may run any code.
        read = present.read(values if items is None else items)
        with self._renewed_arrays():
            self._held[name].assign(read)

    # ---- other layers, after the lists were given other arrays

    #: Attributes that are set apart while a script changes the lists to other layers.
    _PARTS = ("_architecture", "_parameters", "_biases", "_weights")
    _apart: dict[str, Any] | None = None

    def _lists(self, name: str, arrays: list[Array], guard: Guard) -> _Lists:  # type: ignore[override]
        return _Lists(name, arrays, self)

    @property
    def _held(self) -> dict[str, Any]:
        """The dict that contains the parts."""
        return self._apart or self.__dict__

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first; a copy. New layers count after their first use."""
        return list(self._held["_architecture"].sizes)

    @property
    def num_layers(self) -> int:
        """Number of layers, including the inputs."""
        return len(self.sizes)

    def _set_apart(self) -> None:
        """Set the parts apart, so that `__getattr__` is called for them after lists change."""
        if self._apart is None:
            self._apart = {name: self.__dict__.pop(name) for name in self._PARTS}

    if not TYPE_CHECKING:  # so that type checkers still refuse attributes that do not exist

        def __getattr__(self, name: str) -> Any:
            if name in self._PARTS:
                self._read_lists()
            return object.__getattribute__(self, name)

    def _read_lists(self) -> None:
        """Make the layers that the lists describe, if the lists were changed."""
        held = self._apart
        if held is None:
            return
        old, sizes = held["_architecture"], _read_sizes(held["_biases"], held["_weights"])
        made = read_architecture(sizes, "sigmoid", "sigmoid", old.cost, old.dtype)
        arrays = self._new_arrays(sizes)
        for name in ("_biases", "_weights"):
            arrays[name].assign(held[name])
        self.__dict__.update(arrays, _architecture=made, _apart=None)
        self._empty_caches()
        if made != old:
            self._begin_anew()

    def initialize(self, data: Any = None) -> None:
        """Draw biases and weights again, with the initializer called last.

        Parameters
        ----------
        data : array_like, shape (n, n_0), optional
            Checked as in `fastnet.Network`; the initializers of this class do not need it.

        Raises
        ------
        ValueError, TypeError
            `data` is not an array of finite numbers of this width.
        RuntimeError
            This network is being trained.

        Examples
        --------
        >>> net = Network([2, 1])
        >>> net.large_weight_initializer()  # calls initialize()
        >>> net.initialize()
        """
        if self._apart is not None:  # drop the changed lists: the layers stay as they were
            architecture, self._apart = self._apart["_architecture"], None
            self._build(architecture, self._rng)
        super().initialize(data)

    def _start_from(self, drawn: Sequence[Array]) -> None:
        with self._renewed_arrays():
            super()._start_from(drawn)

    # ---- the original's methods, where they differ from fastnet.Network's

    def feedforward(self, a: ArrayLike) -> Array:
        """Return the network's output for `a`, whose columns are examples.

        Parameters
        ----------
        a : array_like, shape (n_0, n)
            One column, or several. Other shapes are handled as by `fastnet.Network`.

        Returns
        -------
        ndarray of float64, shape (n_L, n)

        Raises
        ------
        ValueError, TypeError
            The shape is wrong, or an element is NaN, infinite or not a real number.

        Examples
        --------
        >>> Network([3, 2]).feedforward(np.zeros((3, 5))).shape
        (2, 5)
        """
        a = np.asarray(a)
        if a.ndim == 2 and a.shape[0] == self._architecture.sizes[0]:
            return super().feedforward(a.T).T
        return super().feedforward(a)

    def update_mini_batch(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:
        """Take one step of gradient descent; see `fastnet.Network.update_mini_batch`.

        Parameters
        ----------
        mini_batch : iterable of (x, y)
        eta, lmbda : float
            Learning rate and L2 regularization.
        n : int
            Number of examples in the whole training set.

        Raises
        ------
        ValueError, TypeError
            As for `SGD`; nothing has changed.

        Examples
        --------
        >>> net = Network([1, 1])
        >>> net.weights, net.biases = [[[2.0]]], [[[0.0]]]
        >>> net.update_mini_batch([(np.zeros((1, 1)), np.ones((1, 1)))], 0.5, 1.0, 5)
        >>> net.weights[0], net.biases[0]
        (array([[1.8]]), array([[0.25]]))
        """
        data = self._read(mini_batch, "mini_batch")  # before taking a lock: may run users' code
        with self._renewed_arrays():
            super().update_mini_batch(data, eta, lmbda, n)

    def SGD(  # type: ignore[override]  # the ports' parameters
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
        early_stopping_n: int = 0,
    ) -> network.Lists:
        """Train by mini-batch stochastic gradient descent, and print what is monitored.

        Parameters
        ----------
        training_data : iterable of (x, y)
            Shapes (n_0, 1) and (n_L, 1). A list is shuffled in place, by `random.shuffle`, once per
            epoch, and keeps the order of the last epoch, even after an interruption.
        epochs, mini_batch_size : int
        eta : float
            Learning rate.
        lmbda : float, default 0
            L2 regularization.
        evaluation_data : iterable of (x, class number), optional
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
        monitor_training_cost, monitor_training_accuracy : bool
            What to compute and print after every epoch.
        early_stopping_n : int, default 0
            Stop when the accuracy has not risen for this many epochs; 0 never stops. As in the
            ports it is the monitored accuracy: on the evaluation data, else on the training data.
            If neither is monitored, the accuracy on the evaluation data is computed but not
            printed.

        Returns
        -------
        evaluation_cost : list of float
        evaluation_accuracy : list of int
        training_cost : list of float
        training_accuracy : list of int
            One entry per epoch if monitored, else empty.

        Raises
        ------
        ValueError
            An argument's value is wrong, or early stopping has no accuracy to measure. Nothing has
            changed, no random number is drawn and no line printed.
        TypeError
            An argument has a wrong type, or a subclass has replaced one of the methods that
            compiled training does not call.

        Examples
        --------
        >>> random.seed(2)
        >>> pairs = [(np.array([[float(i)]]), np.array([[0.0]])) for i in range(4)]
        >>> Network([1, 1]).SGD(iter(pairs), 2, 4, 0.5)
        Epoch 0 training complete
        <BLANKLINE>
        Epoch 1 training complete
        <BLANKLINE>
        ([], [], [], [])
        """
        self._refuse_replaced_methods()
        patience = as_count(early_stopping_n, "early_stopping_n", at_least=0)
        if patience and evaluation_data is None and not monitor_training_accuracy:
            raise ValueError(
                f"early_stopping_n is {patience}, but no accuracy is measured; "
                "give evaluation_data or set monitor_training_accuracy."
            )
        pairs = _as_list(training_data)
        training, evaluation = self._read(pairs, "training_data", repeated=True), None
        counts = {"training": training.n}
        if evaluation_data is not None:
            evaluation = _as_list(evaluation_data)
            evaluation = self._read(evaluation, "evaluation_data", repeated=True)
            counts["evaluation"] = evaluation.n
        report = _Report(counts, bool(monitor_evaluation_accuracy), patience)
        monitored = (
            monitor_evaluation_cost,
            monitor_evaluation_accuracy or (patience and not monitor_training_accuracy),
            monitor_training_cost,
            monitor_training_accuracy,
        )
        rows: list[int] = []

        def shuffle(order: list[int]) -> None:
            # Called at the start of each epoch, after all checks, by the only thread that trains.
            nonlocal rows
            rows = order
            self._renew_arrays()
            random.shuffle(order)

        try:
            options = {"callbacks": [report], "shuffle": shuffle}
            data = training, evaluation
            lists = self._sgd(data, epochs, mini_batch_size, eta, lmbda, monitored, **options)
        finally:
            if rows and isinstance(training_data, list) and pairs is not training_data:
                training_data[:] = [pairs[row] for row in rows]
        if not monitor_evaluation_accuracy:
            lists[1].clear()
        return lists

    def _refuse_replaced_methods(self) -> None:
        for name in _NOT_CALLED:
            if getattr(getattr(self, name), "__func__", None) is not getattr(Network, name):
                raise TypeError(
                    f"{type(self).__name__} replaces {name}, which compiled training does not "
                    "call; write the training loop around it in Python."
                )


class _Report(Callback):
    """Prints the lines of each epoch, and stops early.

    Parameters
    ----------
    counts : dict
        Number of examples, for "training" and "evaluation".
    show_evaluation_accuracy : bool
        False if it is computed only for early stopping.
    patience : int
        Epochs without a better accuracy after which to stop; 0 never stops.
    """

    def __init__(
        self, counts: dict[str, int], show_evaluation_accuracy: bool, patience: int
    ) -> None:
        self._epoch = 0
        self._counts = counts
        self._show_evaluation_accuracy = show_evaluation_accuracy
        self._patience = patience
        self._best = 0.0
        self._waited = 0

    def on_epoch_end(self, network: network.Network, record: dict[str, Any]) -> bool:
        """Print what was monitored; return True to stop early."""
        print(f"Epoch {self._epoch} training complete")
        self._epoch += 1
        for kind, n in self._counts.items():
            if f"{kind}_cost" in record:
                print(f"Cost on {kind} data: {record[f'{kind}_cost']}")
            if f"{kind}_accuracy" in record and (
                kind == "training" or self._show_evaluation_accuracy
            ):
                hits = round(n * record[f"{kind}_accuracy"])
                print(f"Accuracy on {kind} data: {hits} / {n}")
        print()
        if not self._patience:
            return False
        watched = "evaluation" if "evaluation_accuracy" in record else "training"
        accuracy = record[f"{watched}_accuracy"]
        self._best, self._waited = since_best(accuracy, self._best, self._waited)
        return self._waited >= self._patience


def _as_list(data: Any) -> Any:
    """Return pairs as a list, so that they can be read more than once.

    Anything else is returned unchanged: a pair of arrays, which fastnet.Network accepts, or
    something that it refuses.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2 and isinstance(data[0], np.ndarray):
        return data
    if isinstance(data, (str, bytes, dict, np.ndarray)) or not isinstance(data, Iterable):
        return data
    return list(data)


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network in a JSON file that `Network.save`, or the original's, has written.

    Parameters
    ----------
    filename : path
        Nothing in the file is executed.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is damaged, or is not a network of sigmoid layers with a cost that fastnet has.

    Notes
    -----
    As in the original, unknown keys are ignored, and starting weights are drawn from `numpy.random`
    before those of the file replace them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> net = Network([3, 2])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(pathlib.Path(folder) / "net.json")
    ...     again = load(pathlib.Path(folder) / "net.json")
    >>> bool((again.weights[0] == net.weights[0]).all())
    True
    """
    saved = networks.load(network.Network, filename, others=True)
    if set(saved.activations) != {"sigmoid"}:
        raise ValueError(
            f"{os.fsdecode(filename)!r} has layers of {', '.join(saved.activations)}; network2 has "
            "only sigmoid layers. Load it with fastnet.load."
        )
    net = Network(saved.sizes, cost=saved.cost)
    net.weights, net.biases = saved.weights, saved.biases
    return net


def vectorized_result(j: int) -> Array:
    """Return the target column of digit `j`: zeros, and 1.0 in row `j`.

    Parameters
    ----------
    j : int
        0 to 9.

    Returns
    -------
    ndarray of float64, shape (10, 1)

    Raises
    ------
    IndexError
        `j` is not a row of the column.

    Examples
    --------
    >>> vectorized_result(3).ravel()
    array([0., 0., 0., 1., 0., 0., 0., 0., 0., 0.])
    """
    column = np.zeros((10, 1))
    column[j] = 1.0
    return column
