"""`TrainingState`: everything that the later steps of a training depend on, in one table.

Each field's annotation has, beside the type, the function that reads and checks it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from fastnet.callbacks import Callback, EarlyStopping
from fastnet.common import generators
from fastnet.data.order import as_permutation, as_row_numbers
from fastnet.files import SavedTraining
from fastnet.files.checks import described
from fastnet.model.model import Model
from fastnet.training.plan import Plan

__all__ = ["Setting", "TrainingState"]

Array = NDArray[Any]
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Setting:
    """The objects of a training to which a state belongs.

    Attributes
    ----------
    network : Model
    hooks : list
        The schedule, the sampler and all callbacks except checkpoints: objects with `get_state` and
        `set_state`.
    plan : Plan
    n : int
        Number of examples.
    """

    network: Model
    hooks: list[Any]
    plan: Plan
    n: int


#: Returns a field's value, checked; removes its arrays, so that unknown ones remain.
Reader = Callable[[str, SavedTraining, Setting], Any]


def _number(kind: type, least: float = 0, most: float | None = 1) -> Reader:
    """Return a reader of numbers of exactly this type, within bounds; most=None: at most n."""

    def read(name: str, saved: SavedTraining, setting: Setting) -> Any:
        value: Any = saved.told[name]
        of_kind = type(value) is kind  # not isinstance(), because a bool is an int
        if not of_kind or not least <= value <= (setting.n if most is None else most):
            raise ValueError(f"its {name} is {described(value)}")
        return value

    return read


def _read_order(name: str, saved: SavedTraining, setting: Setting) -> Array | None:
    if name not in saved.arrays:
        return None
    order = as_permutation(saved.arrays.pop(name), setting.n)
    if order is None:
        raise ValueError(f"its {name} is not a permutation of the {setting.n} row numbers")
    return order


def _take_vector(name: str, saved: SavedTraining, setting: Setting, may_be: str = "") -> Array:
    """Return an array with the layout of the parameters."""
    vector, parameters = saved.arrays.pop(name, None), setting.network.parameters
    if vector is None or (vector.shape, vector.dtype) != (parameters.shape, parameters.dtype):
        found = "missing" if vector is None else f"of shape {vector.shape}, {vector.dtype}"
        expected = f"shape {parameters.shape}, {parameters.dtype}"
        raise ValueError(f"its array {name} is {found}; expected {expected}")
    for bad, what in ((np.isnan, "NaN"), (np.isinf, "infinity")):
        if what != may_be and bad(vector).any():
            raise ValueError(f"its array {name} contains {what}")
    return vector.copy()  # arrays read from a file are read-only


def _read_vector(name: str, saved: SavedTraining, setting: Setting) -> Array | None:
    return _take_vector(name, saved, setting) if name in saved.arrays else None


def _read_vectors(name: str, saved: SavedTraining, setting: Setting) -> list[Array]:
    # Infinity is allowed: the square of a large gradient, after which its parameter stays.
    names = [f"{name}_{which}" for which in range(setting.plan.optimizer.n_states)]
    return [_take_vector(key, saved, setting, "infinity") for key in names]


def _read_rng(name: str, saved: SavedTraining, setting: Setting) -> Any:
    begins = Callback.on_train_begin
    # Not checked if a callback may give the network another generator when training begins.
    if all(getattr(type(hook), "on_train_begin", begins) is begins for hook in setting.hooks):
        _native(saved.told[name], setting)
    return saved.told[name]


def _native(plain: Any, setting: Setting) -> Any:
    """Return the state of the network's generator in NumPy's form."""
    try:
        return generators.read_state(plain, setting.network.rng)
    except ValueError as error:
        raise ValueError(f"its rng: {error}") from error


def _read_hooks(name: str, saved: SavedTraining, setting: Setting) -> list[dict[str, Any]]:
    states = saved.told[name]
    if not isinstance(states, list) or len(states) != len(setting.hooks):
        raise ValueError(f"its {name} are {described(states)}")
    return [
        _read_hook(state, hook, saved, setting.network.parameters)
        for state, hook in zip(states, setting.hooks, strict=True)
    ]


def _read_hook(marked: Any, hook: Any, saved: SavedTraining, parameters: Array) -> dict[str, Any]:
    """Return a hook's state, with values of the same types as its present ones."""
    what, now = type(hook).__name__, hook.get_state()
    if not isinstance(marked, dict) or list(marked) != list(now):
        raise ValueError(f"its state of {what} is {described(marked)}")
    state: dict[str, Any] = {}
    for key, item in marked.items():
        if isinstance(item, dict) and list(item) == ["value"]:
            value = item["value"]
        elif isinstance(item, dict) and list(item) == ["array"]:
            value = saved.arrays.pop(str(item["array"]), None)
            value = None if value is None else value.copy()
        else:
            raise ValueError(f"its {key} of {what} is {described(item)}")
        if not _is_alike(value, now[key]):
            raise ValueError(f"its {key} of {what} is {described(value)}")
        state[key] = value
    best = state["best_parameters"] if isinstance(hook, EarlyStopping) else None
    layout = parameters.shape, parameters.dtype
    if best is not None and (getattr(best, "shape", None), getattr(best, "dtype", None)) != layout:
        raise ValueError("its best_parameters of EarlyStopping do not fit this network")
    # Set, and then reset: a copy of the hook might share parts with it, as WarmUp's would.
    try:
        hook.set_state(copy.deepcopy(state))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"its state of {what}: {error}") from error
    finally:
        hook.set_state(now)
    return state


def _is_alike(value: Any, now: Any) -> bool:
    """Return whether a value may replace `now`."""
    if isinstance(now, (bool, np.bool_)):
        return isinstance(value, bool)
    if isinstance(now, (int, float, np.number)):
        # A larger int cannot be added to a float.
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    if now is None or value is None:
        return True
    return isinstance(value, list if isinstance(now, tuple) else type(now))


@dataclass
class TrainingState:
    """Position of a training, and the states of its hooks and generators.

    Attributes
    ----------
    rng : object
        State of the network's generator.
    hooks : list of dict
        State of each hook: see `Setting`.
    epochs : int
        Epochs of this call that are recorded.
    stopped : bool
        Whether a callback or the schedule has ended the training.
    order : ndarray or None
        Order of the examples in the current epoch; None between epochs.
    dropout_key : int
        Key of that epoch.
    position : int
        Number of that epoch's examples that are done, at the end of a mini-batch.
    cost_sum, hits : float, int
        Sums over these examples.
    asking : bool
        Whether `on_interval` is still to be called at this position.
    step : int
        Steps that the optimizer has taken.
    state : list of ndarray, shapes (n_parameters,)
        The optimizer's vectors.
    scale : float
        The weight decay that is not yet applied to `unscaled`.
    unscaled : ndarray, shape (n_parameters,), or None
        The engine's parameters without that decay, if `scale` is not 1.
    """

    rng: Annotated[Any, _read_rng] = None
    hooks: Annotated[list[dict[str, Any]], _read_hooks] = field(default_factory=list)
    epochs: Annotated[int, _number(int, most=2**62)] = 0
    stopped: Annotated[bool, _number(bool)] = False
    order: Annotated[Array | None, _read_order] = None
    dropout_key: Annotated[int, _number(int, most=2**64 - 1)] = 0
    position: Annotated[int, _number(int, most=None)] = 0
    cost_sum: Annotated[float, _number(float, -_LARGEST, _LARGEST)] = 0.0
    hits: Annotated[int, _number(int, most=None)] = 0
    asking: Annotated[bool, _number(bool)] = False
    step: Annotated[int, _number(int, most=2**62)] = 0
    state: Annotated[list[Array], _read_vectors] = field(default_factory=list)
    scale: Annotated[float, _number(float, 0.5)] = 1.0
    unscaled: Annotated[Array | None, _read_vector] = None

    @property
    def measured(self) -> tuple[float, int]:
        """Sum of costs, and hits, over the examples that are done."""
        return self.cost_sum, self.hits

    @staticmethod
    def captured(setting: Setting) -> dict[str, Any]:
        """Return copies of the states of hooks and generators."""
        states = [copy.deepcopy(hook.get_state()) for hook in setting.hooks]
        return {"rng": generators.get_state(setting.network.rng), "hooks": states}

    def write(self, plan: dict[str, Any]) -> SavedTraining:
        """Return the contents of a checkpoint, for a training described by `plan`."""
        told = {"plan": plan} | {name: getattr(self, name) for name in HEADER}
        arrays = {f"state_{which}": vector for which, vector in enumerate(self.state)}
        if self.order is not None:
            arrays["order"] = as_row_numbers(self.order)
        if self.unscaled is not None:
            arrays["unscaled"] = self.unscaled
        states: list[dict[str, Any]] = [{} for _ in self.hooks]
        for place, state in enumerate(self.hooks):
            for number, (key, item) in enumerate(state.items()):
                states[place][key] = {"value": item}
                if isinstance(item, np.ndarray):
                    states[place][key] = {"array": f"hook_{place}_{number}"}
                    arrays[f"hook_{place}_{number}"] = item
        return SavedTraining(told | {"hooks": states}, arrays)

    @classmethod
    def read(cls, saved: SavedTraining, setting: Setting, n_records: int) -> TrainingState:
        """Return the state in a checkpoint that has `n_records` records of epochs.

        Raises
        ------
        ValueError
            It is not a state of this training; nothing has changed.
        """
        left = SavedTraining(saved.told, dict(saved.arrays))
        state = cls(**{name: read(name, left, setting) for name, read in _READERS.items()})
        if left.arrays:
            raise ValueError(
                f"it has an array {min(left.arrays)}, which this training does not have"
            )
        begun = state.order is not None
        ends = state.position % setting.plan.mini_batch_size == 0 or state.position == setting.n
        if not ends or (state.position and not begun):
            raise ValueError(f"its position is {state.position}, not the end of a mini-batch")
        if (state.scale != 1) != (state.unscaled is not None):
            raise ValueError(
                f"its scale is {state.scale}, and its array unscaled does not match that"
            )
        if state.epochs > n_records:
            raise ValueError(f"its epochs is {state.epochs}, and it has {n_records} records")
        if state.epochs + begun > setting.plan.epochs:
            part = " and part of another" if begun else ""
            raise ValueError(
                f"it has done {state.epochs} epochs{part}, and epochs is {setting.plan.epochs}"
            )
        return state

    def restore(self, setting: Setting) -> None:
        """Restore generators and hooks.

        Raises
        ------
        ValueError
            The network has been given a generator of another kind; nothing has changed.
        """
        generators.set_state(setting.network.rng, _native(self.rng, setting))
        for hook, state in zip(setting.hooks, self.hooks, strict=True):
            hook.set_state(state)


_READERS: dict[str, Reader] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(TrainingState, include_extras=True).items()
}
#: The fields in a checkpoint's header; the others are arrays.
HEADER = tuple(name for name in _READERS if name not in ("order", "state", "unscaled"))
