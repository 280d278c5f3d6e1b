"""`Model`: the base of `Network`, with architecture, parameters, workspaces, copies and repr."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnet import kernels
from fastnet.common.generators import RNG, Seed, as_rng
from fastnet.common.hints import answers_to
from fastnet.costs import AnyCost, CrossEntropyCost, find_cost
from fastnet.costs import described as described_cost
from fastnet.history import History
from fastnet.initializers import Initializer, read_initializer
from fastnet.initializers.drawing import default_biases, described, of_data, read_biases
from fastnet.model import starting, words
from fastnet.model.architecture import Architecture, check_change, read_architecture
from fastnet.model.blocks import call_rows, pieces, prediction_rows, thread_rows
from fastnet.model.guard import TrainingGuard
from fastnet.model.parameters import Views, allocate, layer_views
from fastnet.model.targets import (
    check_targets,
    kind_of,
    kind_of_output,
    limits,
    low_of,
    read_kind,
)

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset
    from fastnet.data.targets import TargetFacts
    from fastnet.kernels.engine import InputEngine, PredictionEngine, TrainingEngine
    from fastnet.optimizers import Optimizer, State
    from fastnet.preprocessing import Preprocessing

__all__ = ["AnyModel", "Model"]

AnyModel = TypeVar("AnyModel", bound="Model")
Array = NDArray[Any]
Made = TypeVar("Made")
Lent = TypeVar("Lent", bound="PredictionEngine")
#: Version of pickles; raise it when `__getstate__` changes.
LAYOUT = 2
#: Attributes that only make the next call faster.
CACHES = ("_predictors", "_input_engines", "_differentiators", "_trainer", "_thread_choice")
#: Workspaces kept for later predictions; there are more while more threads predict at once.
KEPT_WORKSPACES = 16


class Model:
    """Architecture, parameters and state of a network; see `Network`, which adds the methods."""

    preprocessing: Preprocessing | None = None
    _is_pending = False  # whether the weights are still to be drawn, with data
    _lists = Views  # class of `biases` and `weights`

    @answers_to("Network", words.NETWORK, words.NETWORK_TAKES)
    def __init__(
        self,
        sizes: Sequence[int],
        cost: AnyCost | str = CrossEntropyCost,
        *,
        dtype: DTypeLike = np.float64,
        rng: Seed = None,
        activation: str | Sequence[str] = "sigmoid",
        output: str | None = None,
        initializer: Initializer = "default",
        bias_initializer: Initializer | None = None,
    ) -> None:
        architecture = read_architecture(sizes, activation, output, cost, dtype)
        n_layers = len(architecture.activations)
        self._initializer = read_initializer(initializer, "initializer", n_layers)
        if bias_initializer is None:
            bias_initializer = default_biases(self._initializer)
        self._bias_initializer = read_biases(bias_initializer, n_layers)
        rng = as_rng(rng)
        self._build(architecture, rng)
        if of_data(self._initializer, n_layers):
            self._is_pending = True
        else:
            self.initialize()

    def _build(self, architecture: Architecture, rng: RNG) -> None:
        """Set all attributes; the parameters stay zero."""
        self._architecture = architecture
        self._rng = rng
        self._guard = TrainingGuard()
        self._guard.rng = rng
        self._lie_in(allocate(architecture.sizes, architecture.dtype))
        self._kind: str | None = None
        self._kind_is_given = False
        self._low = 0.0  # the negative target: 0, or -1 for tanh
        self._begin_anew()

    def _lie_in(self, parameters: Array) -> None:
        """Use this vector as the parameters; kernels read whole SIMD vectors past its end."""
        self._parameters = parameters
        biases, weights = layer_views(parameters, self._architecture.sizes)
        self._biases = self._lists("biases", biases, self._guard)
        self._weights = self._lists("weights", weights, self._guard)
        self._empty_caches()

    def _empty_caches(self) -> None:
        """Empty the caches."""
        self._predictors: list[PredictionEngine] = []
        self._input_engines: list[InputEngine] = []
        self._differentiators: list[TrainingEngine] = []
        self._trainer: list[Any] = []  # at most one `KeptStep`, for the thread that trains
        self._thread_choice: tuple[Any, Any] | None = (
            None  # the best number of threads found so far
        )

    def _begin_anew(self) -> None:
        """Reset everything that training has set, except the parameters."""
        if not self._kind_is_given:
            self._kind, self._low = None, 0.0
        self.history = History()
        self._optimizer: Optimizer | str = "SGD"
        self._state: State | None = None

    @classmethod
    def _from_parameters(
        cls, architecture: Architecture, biases: Iterable[ArrayLike], weights: Iterable[ArrayLike]
    ) -> Self:
        """Return a model with given parameters and a new generator."""
        model = cls.__new__(cls)
        model._initializer, model._bias_initializer = "default", "normal"
        model._build(architecture, as_rng(None))
        model._kind = kind_of_output(architecture.activations[-1])
        model.biases = biases
        model.weights = weights
        return model

    # ---- attributes

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first; a copy."""
        return list(self._architecture.sizes)

    @property
    def num_layers(self) -> int:
        """Number of layers, including the inputs."""
        return len(self._architecture.sizes)

    @property
    def activations(self) -> list[str]:
        """Activation of each layer but the inputs; a copy."""
        return list(self._architecture.activations)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self._architecture.dtype

    @property
    def cost(self) -> AnyCost:
        """Cost class, or an instance with its parameters; it must match the outputs."""
        return self._architecture.cost

    @cost.setter
    def cost(self, cost: AnyCost | str) -> None:
        found, old = find_cost(cost), self._architecture
        check_change(old, found)
        self._guard.check_cost()
        with self._guard:
            self._architecture = old._replace(cost=found)
            self._empty_caches()

    @property
    def kind(self) -> str | None:
        """What the targets are: "classes", "labels" (several per row), "numbers", or None: unknown.

        Accuracy, early stopping and predictions depend on it. The first training sets it: class
        numbers, and targets with a single 1 in each row, are classes; other rows of 0 and 1 are
        labels; anything else is numbers. (For tanh outputs, -1 counts as 0; exponential outputs
        are always numbers.) Set it if that is wrong, or set it to None to let the next training
        decide. If a file does not contain it, sigmoid and softmax outputs are classes, all others
        numbers.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([2, 1], "quadratic", output="identity", rng=0)
        >>> _ = net.train((np.eye(2), np.array([0.5, 3.0])), epochs=1)
        >>> net.kind
        'numbers'
        """
        return self._kind

    @kind.setter
    def kind(self, kind: str | None) -> None:
        architecture = self._architecture
        of_numbers = architecture.cost._of_numbers
        self._kind = read_kind(kind, architecture.activations[-1], of_numbers=of_numbers)
        self._kind_is_given = kind is not None

    @property
    def rng(self) -> RNG:
        """Source of starting weights, shuffles and dropout."""
        return self._rng

    @rng.setter
    def rng(self, rng: Seed) -> None:
        self._rng = self._guard.rng = as_rng(rng)

    @property
    def parameters(self) -> Array:
        """All parameters in one vector; writing into it changes the network."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: ArrayLike) -> None:
        Views("parameters", [self._parameters], self._guard)[0] = values
        self._is_pending = False

    @property
    def weights(self) -> Views:
        """Weight matrices (n_out, n_in), views of `parameters`."""
        return self._weights

    @weights.setter
    def weights(self, values: Iterable[ArrayLike]) -> None:
        self._weights.assign(values)
        self._is_pending = False

    @property
    def biases(self) -> Views:
        """Bias columns (n_out, 1), views of `parameters`."""
        return self._biases

    @biases.setter
    def biases(self, values: Iterable[ArrayLike]) -> None:
        self._biases.assign(values)

    def __repr__(self) -> str:
        start = (
            f"weights {described(self._initializer)}, biases {described(self._bias_initializer)}"
        )
        cost = described_cost(self.cost)
        head = f"{type(self).__name__}({self.sizes}, cost={cost}, dtype={self.dtype})"
        return "\n".join([head, *self._architecture.describe(), f"  initializers: {start}"])

    def _repr_html_(self) -> str:
        from fastnet.common.html import table

        epochs = len(self.history)
        facts = (
            described_cost(self.cost),
            str(self.dtype),
            f"weights from {described(self._initializer)}",
            f"biases from {described(self._bias_initializer)}",
            f"{epochs} epoch{'s' if epochs > 1 else ''} of training" if epochs else "not trained",
        )
        layers = self._architecture.layers
        return table(
            type(self).__name__,
            ("layer", "inputs", "units", "activation", "parameters"),
            [(layer, *row) for layer, row in enumerate(layers, 1)],
            facts,
            foot=("total", "", "", "", sum(count for *_, count in layers)),
        )

    def __getstate__(self) -> dict[str, Any]:
        # A training in another thread cannot change anything between these copies.
        with self._guard.still:
            state = self.__dict__.copy()
            state["_parameters"] = self._parameters.copy()
            state["history"] = History(self.history)  # copy.copy copies nothing by itself
            if self._state is not None:
                state["_state"] = self._state.copy()
        for name in ("_biases", "_weights", *CACHES, "_guard"):
            del state[name]
        return state | {"_layout": LAYOUT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state.get("_layout") != LAYOUT:
            raise ValueError(
                "this network was pickled by another version of fastnet, and pickles load only in "
                "the version that wrote them; use save and load to pass networks on."
            )
        self._build(state["_architecture"], state["_rng"])
        self._parameters[:] = state["_parameters"]
        for name, value in state.items():
            if name not in ("_parameters", "_layout"):
                self.__dict__[name] = value

    # ---- starting weights

    def initialize(self, data: ArrayLike | None = None) -> None:
        """Draw biases and weights again, with the network's initializers.

        The optimizer's state and the history are reset.

        Parameters
        ----------
        data : array_like or sparse matrix, shape (n, n_0), optional
            Inputs, as for `feedforward`. The initializer "lsuv" scales weights with them, and its
            networks have no weights before. All other initializers only check them, so that the
            same code works with every initializer.

        Raises
        ------
        ValueError, TypeError
            A callable did not return a finite array of the shape, or `data` is not an array of
            finite numbers of this width. With "lsuv": `data` is missing, or does not vary in some
            layer, or the biases allow no weights that give variance 1. Only the generator has
            changed.
        RuntimeError
            This network is being trained.

        Examples
        --------
        >>> import fastnet
        >>> net = fastnet.Network([2, 2], rng=0, initializer="he_normal")
        >>> before = net.weights[0].copy()
        >>> net.initialize()
        >>> bool((net.weights[0] != before).all())
        True
        """
        self._guard.check_idle()
        self._start_from(starting.draw(self, data))

    def _initialize_pending(self, X: Any) -> None:
        """Draw the weights if they are still to be drawn, with the data X."""
        if self._is_pending:
            self.initialize(data=X)

    def _start_from(self, drawn: Sequence[Array]) -> None:
        """Set biases, then weights, and reset everything that training has set."""
        with self._guard:
            for array, values in zip((*self._biases, *self._weights), drawn, strict=True):
                array[...] = values
            self._is_pending = False
            self._begin_anew()

    def default_weight_initializer(self) -> None:
        """Draw biases from N(0, 1) and weights from N(0, 1) / sqrt(n_in), for n_in inputs.

        The numbers are those of `rng.standard_normal` (or `randn` of a RandomState), all biases
        first, and the generator is left in the same state. The book, chapter 3.

        Raises
        ------
        RuntimeError
            This network is being trained.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net, twin = fastnet.Network([9, 2], rng=3), np.random.default_rng(3)
        >>> bool(np.all(net.biases[0] == twin.standard_normal((2, 1))))
        True
        >>> bool(np.all(net.weights[0] == twin.standard_normal((2, 9)) / np.sqrt(9)))
        True
        """
        self._guard.check_idle()
        self._initializer, self._bias_initializer = "default", "normal"
        self.initialize()

    def large_weight_initializer(self) -> None:
        """Draw biases and weights from N(0, 1), the book's first initializer: many units saturate.

        Raises
        ------
        RuntimeError
            This network is being trained.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> net = fastnet.Network([1000, 500], rng=0)
        >>> net.large_weight_initializer()
        >>> round(float(net.weights[0].std()), 2)
        1.0
        """
        self._guard.check_idle()
        self._initializer, self._bias_initializer = "large", "normal"
        self.initialize()

    # ---- data and targets

    def _read(self, data: Any, name: str, *, repeated: bool = False) -> Dataset:
        """Return data checked and wrapped; `name` is their name in messages."""
        from fastnet.data.batches import read_data

        architecture = self._architecture
        shape = architecture.sizes[0], architecture.n_targets, self.dtype
        read = read_data(data, *shape, name, repeated=repeated, check=self._check_targets)
        if architecture.cost._of_numbers and read.labels is not None:
            raise ValueError(
                f"{name}: y are class numbers, but {described_cost(self.cost)} is for numbers; "
                f"give targets of shape (n, {architecture.n_targets})."
            )
        return read

    def _check_targets(self, facts: TargetFacts, name: str) -> None:
        """Raise ValueError for targets that this network's cost is not defined for."""
        check_targets(facts, name, self._architecture.activations[-1])

    def _target_limits(self) -> tuple[float, float, bool]:
        """Return the lowest and highest allowed target, and whether rows must sum to 1."""
        return limits(self._architecture.activations[-1])

    def _kind_for(self, facts: TargetFacts | None) -> tuple[str, float]:
        """Return the kind of a network trained on these targets, and its negative target.

        The kind of an earlier training is kept unless these targets contradict it.
        """
        output = self._architecture.activations[-1]
        if self._architecture.cost._of_numbers:
            return "numbers", 0.0
        found, low = kind_of(facts, output), low_of(facts, output)
        if self._kind is None:
            return found, low
        if facts is None or self._kind_is_given:
            return self._kind, min(low, self._low)
        beyond = not -1 <= facts.lowest[0] <= facts.highest[0] <= 1
        if (self._kind == "classes" and found == "labels") or beyond:
            return found, low
        return self._kind, min(low, self._low)

    def _hit_rule(self, facts: TargetFacts | None) -> tuple[int, float]:
        """Return how kernels should count correct outputs; see `Engine.count_hits`."""
        output = self._architecture.activations[-1]
        kind = self._kind or kind_of(facts, output)
        if kind == "numbers" or self._architecture.cost._of_numbers:
            return 0, 0.0
        if kind == "classes" and self._architecture.sizes[-1] > 1:
            return 1, 0.0
        low = min(self._low, low_of(facts, output))
        return 2, 0.5 * (1.0 + low)

    # ---- for training and prediction

    def _copied_parameters(self) -> Array:
        """Return a copy of the parameters, made between two changes and aligned for kernels."""
        starting.check(self)
        copy = allocate(self._architecture.sizes, self.dtype)
        with self._guard.still:
            copy[:] = self._parameters
        return copy

    def _workspace(self, parameters: Array) -> AbstractContextManager[PredictionEngine]:
        """Lend a workspace for prediction with these parameters, for this thread alone."""
        return self._lent(self._predictors, self._prediction_engine, parameters)

    def _input_workspace(self, parameters: Array) -> AbstractContextManager[InputEngine]:
        """Lend a workspace for derivatives with respect to inputs, as `_workspace` does."""
        return self._lent(self._input_engines, self._input_engine, parameters)

    @contextmanager
    def _lent(
        self, kept: list[Lent], make: Callable[[int], Lent], parameters: Array
    ) -> Iterator[Lent]:
        # A change of the cost replaces `kept` by a new list.
        try:
            engine = kept.pop()
        except IndexError:
            engine = make(prediction_rows(self._architecture.sizes, self.dtype.itemsize))
        try:
            engine.attach(parameters)
            yield engine
            if parameters is not self._parameters:
                engine.attach(self._parameters)  # releases the copy
        finally:
            if len(kept) < KEPT_WORKSPACES:
                kept.append(engine)

    def _new_predictor(self) -> PredictionEngine:
        sizes = self._architecture.sizes
        return self._prediction_engine(prediction_rows(sizes, self.dtype.itemsize))

    def _prediction_engine(self, capacity: int) -> PredictionEngine:
        return self._limited(kernels.prediction_engine(self.dtype), capacity)

    def _input_engine(self, capacity: int) -> InputEngine:
        engine = self._limited(kernels.input_engine(self.dtype), capacity)
        engine.expect(*self._target_limits())
        return engine

    def _limited(self, engine_class: Callable[..., Lent], capacity: int) -> Lent:
        engine = self._made(engine_class, capacity, guard=self._guard)
        sizes = self._architecture.sizes
        engine.set_limits(call_rows(sizes), thread_rows(sizes))
        return engine

    def _training_engine(self, capacity: int, **options: Any) -> TrainingEngine:
        return self._made(kernels.training_engine(self.dtype), capacity, **options)

    def _made(self, engine: Callable[..., Made], capacity: int, **options: Any) -> Made:
        starting.check(self)
        activations, cost = self._architecture.codes
        options["cost_numbers"] = self._architecture.cost._numbers
        try:
            return engine(self._architecture.sizes, activations, cost, capacity, **options)
        except MemoryError:
            raise MemoryError(
                f"there is not enough memory for a network of sizes {self.sizes} and {capacity} "
                "examples at a time; use smaller layers or mini-batches."
            ) from None

    def _optimizer_state(self, optimizer: Optimizer) -> State:
        """Return the optimizer's state: the last training's, if its optimizer had this class."""
        if self._state is None or type(optimizer) is not type(self._optimizer):
            self._state = optimizer.start(self._parameters.size, self.dtype)
        self._optimizer = optimizer
        return self._state

    def _is_weight(self) -> Array:
        """Return a mask of the parameters that are weights."""
        mask = np.zeros(self._parameters.size, dtype=bool)
        for weights in layer_views(mask, self._architecture.sizes)[1]:
            weights[...] = True
        return mask

    def _first_overflow(self, data: Dataset) -> int:
        """Return the first layer, from 1, whose weighted inputs overflow; otherwise the last."""
        sizes = self._architecture.sizes
        sums = np.zeros((len(sizes) - 1, 6))
        with self._workspace(self._parameters) as engine:
            for rows, _, order, start, stop in pieces(data, call_rows(sizes)):
                engine.statistics(rows, order, start, stop, sums)
                bad = np.flatnonzero(~np.isfinite(sums).all(axis=1))
                if bad.size:
                    return int(bad[0]) + 1
        return len(sizes) - 1
