"""From a training to what a checkpoint holds, and back: everything that later steps depend on."""

from __future__ import annotations

import copy
import math
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnet import files
from fastnet.callbacks import Callback, EarlyStopping
from fastnet.common import generators
from fastnet.common.arguments import in_one_line, shown
from fastnet.costs import find_cost
from fastnet.files import networks
from fastnet.files.checks import check_keys, described
from fastnet.history import History
from fastnet.model.architecture import check_cost
from fastnet.model.parameters import layer_views
from fastnet.optimizers import State
from fastnet.training.plan_description import describe_plan

if TYPE_CHECKING:
    from fastnet.training.loop import Training

__all__ = ["Moment", "Resumption", "find_checkpoint"]

Array = NDArray[Any]

_KEYS = (
    "plan",
    "epochs",
    "position",
    "asking",
    "cost_sum",
    "hits",
    "stopped",
    "step",
    "scale",
    "dropout_key",
    "schedule",
    "callbacks",
    "rng",
    "shuffle_rng",
)


@dataclass
class Moment:
    """A state of a training that it can go on from, but for what the engine has.

    Attributes
    ----------
    schedule : dict
    callbacks : list of dict
        What each has in `changing`.
    rng, shuffle_rng : object
        States of the network's generator, and of that which orders the examples, if it is another.
    rows : list
        The order of the examples that a callable permutes.
    parameters : ndarray or None
        None where an epoch has begun; then the engine has them.
    cost : str
        The network's, which callbacks may change from epoch to epoch.
    epochs : int
        Records of this call.
    position : int
        Examples of the epoch that are done.
    asking : bool
        Whether the callbacks are yet to be asked what is due at this position.
    measured : (float, int)
        Sum of costs, and hits, in this epoch.
    """

    schedule: dict[str, Any]
    callbacks: list[dict[str, Any]]
    rng: Any
    shuffle_rng: Any
    rows: list[int]
    parameters: Array | None
    cost: str
    epochs: int
    position: int = 0
    asking: bool = False
    measured: tuple[float, int] = (0.0, 0)
    stopped: bool = False

    @classmethod
    def of(cls, training: Training, *, begun: bool) -> Moment:
        """Copy everything that hooks and generators may change."""
        source = training.orders.source
        return cls(
            schedule=copy.deepcopy(training.plan.schedule.get_state()),
            callbacks=[copy.deepcopy(callback.get_state()) for callback in training.watchers],
            rng=generators.get_state(training.network.rng),
            shuffle_rng=None if source is None else generators.get_state(source),
            rows=list(training.orders.rows),
            parameters=None if begun else training.network.parameters.copy(),
            cost=training.network.cost.name,
            epochs=len(training.history),
            position=training.position if begun else 0,
            measured=training.measured,
            stopped=training.stopped,
        )

    def save(self, training: Training, plan: dict[str, Any]) -> files.SavedModel:
        """Return what the file holds."""
        network = training.network
        parameters = network.parameters.copy() if self.parameters is None else self.parameters
        vectors, step, scale = training.state.vectors, training.state.step, 1.0
        arrays: dict[str, Array] = {}
        if self.parameters is None:
            training.engine.store(parameters)
            vectors, step = training.engine_state()
            scale = training.engine.scale
            arrays["order"] = _as_rows(training.order)
        if scale != 1:
            unscaled = np.empty_like(parameters)
            training.engine.store(unscaled, False)
            arrays["unscaled"] = unscaled
        arrays.update({f"state_{which}": vector for which, vector in enumerate(vectors)})
        if training.orders.is_custom:
            arrays["rows"] = _as_rows(self.rows)
        told = {
            "plan": plan,
            "epochs": self.epochs,
            "position": self.position,
            "asking": self.asking,
            "cost_sum": self.measured[0],
            "hits": self.measured[1],
            "stopped": self.stopped,
            "step": step,
            "scale": scale,
            "dropout_key": training.dropout_key,
            "schedule": _encoded(self.schedule, "schedule", arrays),
            "callbacks": [
                _encoded(state, f"callback_{place}", arrays)
                for place, state in enumerate(self.callbacks)
            ],
            "rng": self.rng,
            "shuffle_rng": self.shuffle_rng,
        }
        model = networks.describe(network, *layer_views(parameters, network.sizes))
        model.cost = self.cost
        model.history = [*training.earlier, *training.history[: self.epochs]]
        model.training = files.SavedTraining(told, arrays)
        return model


def _as_rows(order: Any) -> Array:
    rows = np.asarray(order)
    return rows.astype(np.uint32 if len(rows) <= 2**32 else np.uint64)


def _encoded(state: dict[str, Any], name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    """The state with its arrays put among the `arrays`, and plain values marked as such."""
    encoded: dict[str, Any] = {}
    for number, (key, value) in enumerate(state.items()):
        if isinstance(value, np.ndarray):
            arrays[f"{name}_{number}"] = value
            encoded[key] = {"array": f"{name}_{number}"}
        else:
            encoded[key] = {"value": value}
    return encoded


def find_checkpoint(resume: Any, paths: list[str], training: Training | None = None) -> str | None:
    """Return the file that `train`'s `resume` stands for, or None to begin anew.

    Parameters
    ----------
    resume : None, bool or path
        True: of the callbacks' files that are this training's, the one that is furthest, if there
        is one yet. One that cannot be read is passed over, with a RuntimeWarning, for one that can.
    paths : list of str
        Where the training's checkpoints are to be written.
    training : Training, optional
        The one that is to go on; without it all files that can be read are taken for its own.

    Raises
    ------
    TypeError
        `resume` is something else.
    ValueError
        True, and there is no checkpoint among the callbacks.

    Examples
    --------
    >>> find_checkpoint("run.npz", [])
    'run.npz'
    >>> find_checkpoint(True, ["not/there/yet.npz"])
    """
    if resume is None or resume is False:
        return None
    if resume is True:
        if not paths:
            raise ValueError(
                "resume is True, which is the file of the Checkpoint among the callbacks, and "
                "there is none; add one, or give resume the path."
            )
        found = [path for path in paths if os.path.exists(path)]
        if len(found) < 2:
            return found[0] if found else None
        return _furthest(found, None if training is None else describe_plan(training))
    if not isinstance(resume, (str, bytes, os.PathLike)):
        raise TypeError(f"resume is {shown(resume)}; give a path, True or None.")
    return os.fsdecode(resume)


def _furthest(paths: list[str], plan: dict[str, Any] | None) -> str:
    """Return the file of this training that has the most epochs and mini-batches done."""
    ranks: dict[str, tuple[Any, ...]] = {}
    damage = {}
    for path in paths:
        try:
            ranks[path] = _rank(path, plan)
        except (OSError, ValueError) as error:
            damage[path] = error
    if not ranks:
        return paths[0]
    best = max(ranks, key=ranks.__getitem__)
    for path, cause in damage.items():
        warnings.warn(
            f"the checkpoint {path!r} cannot be read ({in_one_line(str(cause))}); training goes "
            f"on from {best!r}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return best


def _rank(path: str, plan: dict[str, Any] | None) -> tuple[Any, ...]:
    """What is larger the further a checkpoint is: those of other trainings come before all."""
    told = files.read_npz_header(path).get("training")
    told = check_keys(told, repr(path), (*_KEYS, "arrays"))
    done = [told["epochs"], "order" in told["arrays"], told["position"], not told["asking"]]
    if not isinstance(told["arrays"], list) or any(type(n) not in (int, bool) for n in done):
        raise ValueError(f"{path!r} does not say how far it is")
    return plan is None or told["plan"] == plan, *done


class Resumption:
    """A checkpoint that has been read and found to be one of this training.

    Parameters
    ----------
    training : Training
        Which has not begun; nothing about it is changed.
    path : str

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no checkpoint, it is damaged, or it is one of another network, data or plan.
    """

    def __init__(self, training: Training, path: str) -> None:
        self._training = training
        self._path = path
        model = _read(path)
        assert model.training is not None
        self._arrays = model.training.arrays
        self._told = check_keys(model.training.told, repr(path), _KEYS)
        self._check_network(model)
        self._check_plan(self._told["plan"], describe_plan(training))
        self._history = model.history
        self._kind = model.kind, float(model.low)
        self._check_counts()
        self._check_engine()
        self._parameters = self._read_parameters(model)
        self._states = self._check_states()
        for name in set(self._arrays) - self._read_names:
            self._refuse(f"it has an array {name}, which this training does not have")

    # ---- checks

    def _refuse(self, cause: str) -> NoReturn:
        raise ValueError(
            f"{self._path!r} is not a checkpoint that this training can go on from: "
            f"{in_one_line(cause)}; give another file, or begin anew without resume."
        )

    def _check_network(self, model: files.SavedModel) -> None:
        network, plan = self._training.network, self._told["plan"]
        began = plan.get("cost") if isinstance(plan, dict) else None
        for name, found, here in (
            ("sizes", list(model.sizes), network.sizes),
            ("activations", list(model.activations), network.activations),
            ("cost", began if isinstance(began, str) else model.cost, network.cost.name),
            ("dtype", model.dtype, network.dtype.name),
        ):
            if found != here:
                self._refuse(
                    f"its network has the {name} {in_one_line(str(found))}, and this one has {here}"
                )
        try:
            self._cost = find_cost(model.cost)
            check_cost(self._cost, network.activations[-1])
        except ValueError as error:
            self._refuse(f"its network's {error}")

    def _check_plan(self, found: Any, here: dict[str, Any]) -> None:
        if not isinstance(found, dict) or list(found) != list(here):
            self._refuse(f"its plan is {described(found)}; expected {', '.join(here)}")
        for name, value in here.items():
            if found[name] != value:
                self._refuse(
                    f"its training has {name} {described(found[name])}, and this one {value!r}"
                )

    def _number(self, name: str, least: float, most: float, kind: type = int) -> Any:
        value: Any = self._told[name]
        # type() and not isinstance(): a bool is an int.
        of_kind = type(value) is kind
        if not of_kind or not least <= value <= most:
            self._refuse(f"its {name} is {described(value)}")
        return value

    def _check_counts(self) -> None:
        training, told = self._training, self._told
        epochs = self._number("epochs", 0, len(self._history))
        position = self._number("position", 0, training.data.n)
        begun = "order" in self._arrays
        if (position % training.size and position != training.data.n) or (position and not begun):
            self._refuse(f"its position is {position}, which is no end of a mini-batch")
        for name in ("asking", "stopped"):
            self._number(name, False, True, bool)
        self._number("hits", 0, training.data.n)
        if type(told["cost_sum"]) is not float or not math.isfinite(told["cost_sum"]):
            self._refuse(f"its cost_sum is {described(told['cost_sum'])}")
        if epochs + begun > training.plan.epochs:
            self._refuse(
                f"it has done {epochs} epochs{' and part of another' if begun else ''}, and "
                f"epochs is {training.plan.epochs}"
            )

    def _check_engine(self) -> None:
        self._read_names: set[str] = set()
        plan, network = self._training.plan, self._training.network
        self._number("dropout_key", 0, 2**64 - 1)
        step = self._number("step", 0, 2**62)
        scale = self._number("scale", 0.5, 1.0, float)
        if (scale != 1) != ("unscaled" in self._arrays):
            self._refuse(f"its scale is {scale}, and its array unscaled does not go with it")
        n = network.parameters.size
        names = [f"state_{which}" for which in range(plan.optimizer.n_states)]
        self._state = State([self._array(name, n, network.dtype) for name in names], step)
        for name, vector in zip(names, self._state.vectors, strict=True):
            # Infinity may be: the square of a large gradient, after which nothing moves any more.
            if np.isnan(vector).any():
                self._refuse(f"its array {name} holds NaN")

    def _array(self, name: str, n: int, dtype: np.dtype[Any]) -> Array:
        array = self._arrays.get(name)
        if array is None or array.shape != (n,) or array.dtype != dtype:
            found = "missing" if array is None else f"of shape {array.shape}, {array.dtype}"
            self._refuse(f"its array {name} is {found}; expected shape ({n},), {dtype}")
        self._read_names.add(name)
        return array.copy()  # what is read from a file cannot be written to

    def _read_parameters(self, model: files.SavedModel) -> Array:
        network = self._training.network
        parameters = np.empty_like(network.parameters)
        for views, arrays in zip(
            layer_views(parameters, network.sizes), (model.biases, model.weights), strict=True
        ):
            for view, array in zip(views, arrays, strict=True):
                view[...] = array
        self._unscaled = parameters
        if "unscaled" in self._arrays:
            self._unscaled = self._array("unscaled", parameters.size, network.dtype)
            if not np.isfinite(self._unscaled).all():
                self._refuse("its array unscaled holds a number that is not finite")
        self.order = self._permutation("order") if "order" in self._arrays else None
        return parameters

    def _permutation(self, name: str) -> Array:
        n = self._training.data.n
        stored = np.dtype(np.uint32 if n <= 2**32 else np.uint64)
        rows = self._array(name, n, stored).astype(np.int64)
        if not ((rows >= 0) & (rows < n)).all() or not (np.bincount(rows, minlength=n) == 1).all():
            self._refuse(f"its {name} is no permutation of the {n} row numbers")
        return rows.astype(np.intp)

    def _check_states(self) -> dict[str, Any]:
        training, told = self._training, self._told
        watchers = training.watchers
        if not isinstance(told["callbacks"], list) or len(told["callbacks"]) != len(watchers):
            self._refuse(f"its callbacks are {described(told['callbacks'])}")
        source = training.orders.source
        states = {
            "schedule": self._decoded(told["schedule"], training.plan.schedule, "schedule"),
            "callbacks": [
                self._decoded(state, watcher, f"callback {type(watcher).__name__}")
                for state, watcher in zip(told["callbacks"], watchers, strict=True)
            ],
            "rows": self._permutation("rows").tolist() if training.orders.is_custom else [],
        }
        if source is not None:
            states["shuffle_rng"] = self._generator_state("shuffle_rng", source)
        # A callback may yet give the network another generator when training begins.
        if not any(type(w).on_train_begin is not Callback.on_train_begin for w in watchers):
            self._generator_state("rng", training.network.rng)
        return states

    def _generator_state(self, name: str, generator: generators.Source) -> Any:
        try:
            return generators.read_state(self._told[name], generator)
        except ValueError as error:
            self._refuse(f"its {name}: {error}")

    def _decoded(self, state: Any, owner: Any, what: str) -> dict[str, Any]:
        """Values with their arrays, once they are of the kinds that the owner has now."""
        now = owner.get_state()
        if not isinstance(state, dict) or list(state) != list(now):
            self._refuse(f"its state of the {what} is {described(state)}")
        decoded: dict[str, Any] = {}
        for key, marked in state.items():
            if isinstance(marked, dict) and list(marked) == ["value"]:
                value = marked["value"]
            elif isinstance(marked, dict) and list(marked) == ["array"]:
                value = self._arrays.get(str(marked["array"]))
                self._read_names.add(str(marked["array"]))
                value = None if value is None else value.copy()
            else:
                self._refuse(f"its {key} of the {what} is {described(marked)}")
            if not _is_alike(value, now[key]):
                self._refuse(f"its {key} of the {what} is {described(value)}")
            decoded[key] = value
        if isinstance(owner, EarlyStopping):
            self._check_best(decoded["best_parameters"])
        # Tried on, and put off again: a copy may share parts, as WarmUp's does the schedule in it.
        try:
            owner.set_state(copy.deepcopy(decoded))
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            self._refuse(f"its state of the {what}: {error}")
        finally:
            owner.set_state(now)
        return decoded

    def _check_best(self, best: Any) -> None:
        """Refuse what the network would at the end, where it gets its best parameters back."""
        here = self._training.network.parameters
        if best is not None and (
            not isinstance(best, np.ndarray) or best.shape != here.shape or best.dtype != here.dtype
        ):
            self._refuse("its best_parameters of EarlyStopping are not those of such a network")

    # ---- the way back

    def apply(self) -> None:
        """Put network, generators, schedule and callbacks where they were."""
        training, told = self._training, self._told
        network, orders = training.network, training.orders
        rng = self._generator_state("rng", network.rng)
        self.load_parameters()
        network.cost = self._cost
        network._optimizer, network._state = training.plan.optimizer, self._state
        network.history = History(self._history)
        kind, low = self._kind
        if kind is not None:
            training.plan.kind, training.plan.low = kind, low
        epochs = told["epochs"]
        training.history = History(self._history[len(self._history) - epochs :])
        training.stopped = training.stopped or told["stopped"]
        training.measured = told["cost_sum"], told["hits"]
        training.position, training.dropout_key = told["position"], told["dropout_key"]
        orders.rows[:] = self._states["rows"]
        training.plan.schedule.set_state(self._states["schedule"])
        for watcher, state in zip(training.watchers, self._states["callbacks"], strict=True):
            watcher.set_state(state)
        if orders.source is not None:
            generators.set_state(orders.source, self._states["shuffle_rng"])
        generators.set_state(network.rng, rng)

    def load_parameters(self) -> None:
        """Give the network the parameters of the file."""
        network = self._training.network
        with network._guard:
            network.parameters[:] = self._parameters

    @property
    def asking(self) -> bool:
        """Whether the callbacks are yet to be asked what is due."""
        return bool(self._told["asking"])

    def load_engine(self) -> None:
        """Put an epoch's parameters into the engine, with the decay that is outstanding."""
        training = self._training
        training.engine.load(self._unscaled, self._told["scale"])
        training.engine.begin_epoch(
            training.dropout_key, training.plan.metrics.running, *training.measured
        )


def _read(path: str) -> files.SavedModel:
    model = files.read_npz(path) if files.format_of(path) == "npz" else None
    if model is None or model.training is None:
        raise ValueError(
            f"{path!r} is no checkpoint, which fastnet.Checkpoint writes while a network trains; "
            "a model file is read by fastnet.load."
        )
    return model


def _is_alike(value: Any, now: Any) -> bool:
    """Whether a value may stand where `now` stands."""
    if isinstance(now, (bool, np.bool_)):
        return isinstance(value, bool)
    if isinstance(now, (int, float, np.number)):
        # A larger int is one that no sum with a float can be made of.
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    if now is None or value is None:
        return True
    if isinstance(now, (list, tuple)):
        return isinstance(value, list)
    return isinstance(value, type(now))
