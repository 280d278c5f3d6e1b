"""`TrainingState`: everything that the later steps of a training depend on, in one table.

Each field has a kind beside its type, which says how its value is copied from the training's
objects, written to a checkpoint, checked when it is read, and put back.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from fastnet.callbacks import Callback, EarlyStopping
from fastnet.common import generators
from fastnet.files import SavedTraining
from fastnet.files.checks import described
from fastnet.model.model import Model

__all__ = ["Setting", "TrainingState"]

Array = NDArray[Any]
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Setting:
    """What a state belongs to: a training's objects, and the numbers that bound its fields.

    Attributes
    ----------
    network : Model
    hooks : list
        The schedule, what orders the examples, and the callbacks but for checkpoints: objects with
        `get_state` and `set_state`.
    n : int
        Examples.
    mini_batch_size : int
    epochs : int
        To be done.
    n_states : int
        Vectors of the optimizer.
    """

    network: Model
    hooks: list[Any]
    n: int
    mini_batch_size: int
    epochs: int
    n_states: int


class _Kind:
    """How a field is captured, written, read and put back; here, not captured and any value.

    `read` takes what it uses out of the file's values and arrays, so that foreign ones are left.
    """

    captured = False

    def capture(self, setting: Setting) -> Any:
        raise NotImplementedError

    def write(self, name: str, value: Any, saved: SavedTraining) -> None:
        saved.told[name] = value

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        return saved.told.pop(name)

    def restore(self, value: Any, setting: Setting) -> None:
        """Put the value back where it was captured."""


class _Number(_Kind):
    """A number of exactly this type, within bounds; "n" is the number of examples."""

    def __init__(self, kind: type, least: float = 0, most: Any = 1) -> None:
        self._kind, self._least, self._most = kind, least, most

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        value: Any = saved.told.pop(name)
        most = setting.n if self._most == "n" else self._most
        of_kind = type(value) is self._kind  # not isinstance(): a bool is an int
        if not of_kind or not self._least <= value <= most:
            raise ValueError(f"its {name} is {described(value)}")
        return value


class _Order(_Kind):
    """The order of an epoch's examples; None between epochs."""

    def write(self, name: str, value: Any, saved: SavedTraining) -> None:
        if value is not None:
            saved.arrays[name] = value.astype(_row_type(len(value)))

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        if name not in saved.arrays:
            return None
        n = setting.n
        rows = _take(name, saved, n, _row_type(n)).astype(np.int64)
        if not ((rows >= 0) & (rows < n)).all() or not (np.bincount(rows, minlength=n) == 1).all():
            raise ValueError(f"its {name} is no permutation of the {n} row numbers")
        return rows.astype(np.intp)


def _row_type(n: int) -> np.dtype[Any]:
    return np.dtype(np.uint32 if n <= 2**32 else np.uint64)


def _take(name: str, saved: SavedTraining, n: int, dtype: np.dtype[Any]) -> Array:
    array = saved.arrays.pop(name, None)
    if array is None or array.shape != (n,) or array.dtype != dtype:
        found = "missing" if array is None else f"of shape {array.shape}, {array.dtype}"
        raise ValueError(f"its array {name} is {found}; expected shape ({n},), {dtype}")
    return array.copy()  # arrays read from a file are read-only


class _Vector(_Kind):
    """An array laid out as the parameters; None if there is none."""

    def write(self, name: str, value: Any, saved: SavedTraining) -> None:
        if value is not None:
            saved.arrays[name] = value

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        if name not in saved.arrays:
            return None
        parameters = setting.network.parameters
        vector = _take(name, saved, parameters.size, parameters.dtype)
        if not np.isfinite(vector).all():
            raise ValueError(f"its array {name} holds a number that is not finite")
        return vector


class _Vectors(_Kind):
    """As many arrays laid out as the parameters as the optimizer has."""

    def write(self, name: str, value: Any, saved: SavedTraining) -> None:
        saved.arrays.update({f"{name}_{which}": vector for which, vector in enumerate(value)})

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        parameters = setting.network.parameters
        names = [f"{name}_{which}" for which in range(setting.n_states)]
        vectors = [_take(key, saved, parameters.size, parameters.dtype) for key in names]
        for key, vector in zip(names, vectors, strict=True):
            # Infinity may be: the square of a large gradient, after which nothing moves any more.
            if np.isnan(vector).any():
                raise ValueError(f"its array {key} holds NaN")
        return vectors


class _NetworkGenerator(_Kind):
    """The state of the network's generator, as plain values."""

    captured = True

    def capture(self, setting: Setting) -> Any:
        return generators.get_state(setting.network.rng)

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        plain, begins = saved.told.pop(name), Callback.on_train_begin
        # A callback may yet give the network another generator when training begins.
        if all(getattr(type(h), "on_train_begin", begins) is begins for h in setting.hooks):
            self._native(plain, setting)
        return plain

    def restore(self, value: Any, setting: Setting) -> None:
        generators.set_state(setting.network.rng, self._native(value, setting))

    def _native(self, plain: Any, setting: Setting) -> Any:
        try:
            return generators.read_state(plain, setting.network.rng)
        except ValueError as error:
            raise ValueError(f"its rng: {error}") from error


class _Hooks(_Kind):
    """What each of the hooks has changed since the training began."""

    captured = True

    def capture(self, setting: Setting) -> Any:
        return [copy.deepcopy(hook.get_state()) for hook in setting.hooks]

    def write(self, name: str, value: Any, saved: SavedTraining) -> None:
        saved.told[name] = [
            {
                key: _marked(item, f"hook_{place}_{number}", saved)
                for number, (key, item) in enumerate(state.items())
            }
            for place, state in enumerate(value)
        ]

    def read(self, name: str, saved: SavedTraining, setting: Setting) -> Any:
        states = saved.told.pop(name)
        if not isinstance(states, list) or len(states) != len(setting.hooks):
            raise ValueError(f"its {name} are {described(states)}")
        return [
            _read_hook(state, hook, saved, setting.network.parameters)
            for state, hook in zip(states, setting.hooks, strict=True)
        ]

    def restore(self, value: Any, setting: Setting) -> None:
        for hook, state in zip(setting.hooks, value, strict=True):
            hook.set_state(state)


def _marked(value: Any, name: str, saved: SavedTraining) -> dict[str, Any]:
    """A plain value, or the name of an array that is put among the file's arrays."""
    if not isinstance(value, np.ndarray):
        return {"value": value}
    saved.arrays[name] = value
    return {"array": name}


def _read_hook(marked: Any, hook: Any, saved: SavedTraining, parameters: Array) -> dict[str, Any]:
    """A hook's state, with values of the types that its present ones have."""
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
        raise ValueError("its best_parameters of EarlyStopping are not those of such a network")
    # Tried on, and put off again: a copy may share parts, as WarmUp's does the schedule in it.
    try:
        hook.set_state(copy.deepcopy(state))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"its state of {what}: {error}") from error
    finally:
        hook.set_state(now)
    return state


def _is_alike(value: Any, now: Any) -> bool:
    """Whether a value may stand where `now` stands."""
    if isinstance(now, (bool, np.bool_)):
        return isinstance(value, bool)
    if isinstance(now, (int, float, np.number)):
        # A larger int is one that no sum with a float can be made of.
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    if now is None or value is None:
        return True
    return isinstance(value, list if isinstance(now, tuple) else type(now))


@dataclass
class TrainingState:
    """Where a training is, and what its hooks and generators will do next.

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
        Of the epoch under way; None between epochs.
    dropout_key : int
        Of that epoch.
    position : int
        Examples of that epoch that are done, to the end of a whole mini-batch.
    cost_sum, hits : float, int
        Over these examples.
    asking : bool
        Whether the callbacks are yet to be asked what is due at this position.
    step : int
        Steps that the optimizer has taken.
    state : list of ndarray, shapes (n_parameters,)
        The optimizer's vectors.
    scale : float
        The weight decay that is not yet applied to `unscaled`.
    unscaled : ndarray, shape (n_parameters,), or None
        The parameters as the engine holds them, where `scale` is not 1.
    """

    rng: Annotated[Any, _NetworkGenerator()] = None
    hooks: Annotated[list[dict[str, Any]], _Hooks()] = field(default_factory=list)
    epochs: Annotated[int, _Number(int, most=2**62)] = 0
    stopped: Annotated[bool, _Number(bool)] = False
    order: Annotated[Array | None, _Order()] = None
    dropout_key: Annotated[int, _Number(int, most=2**64 - 1)] = 0
    position: Annotated[int, _Number(int, most="n")] = 0
    cost_sum: Annotated[float, _Number(float, -_LARGEST, _LARGEST)] = 0.0
    hits: Annotated[int, _Number(int, most="n")] = 0
    asking: Annotated[bool, _Number(bool)] = False
    step: Annotated[int, _Number(int, most=2**62)] = 0
    state: Annotated[list[Array], _Vectors()] = field(default_factory=list)
    scale: Annotated[float, _Number(float, 0.5)] = 1.0
    unscaled: Annotated[Array | None, _Vector()] = None

    @property
    def measured(self) -> tuple[float, int]:
        """Sum of costs, and hits, over the examples that are done."""
        return self.cost_sum, self.hits

    @staticmethod
    def captured(setting: Setting) -> dict[str, Any]:
        """Return a copy of what hooks and generators may change."""
        return {n: kind.capture(setting) for n, kind in _KINDS.items() if kind.captured}

    def write(self, plan: dict[str, Any]) -> SavedTraining:
        """Return what a checkpoint holds of a training so described."""
        saved = SavedTraining({"plan": plan}, {})
        for name, kind in _KINDS.items():
            kind.write(name, getattr(self, name), saved)
        return saved

    @classmethod
    def read(cls, saved: SavedTraining, setting: Setting, n_records: int) -> TrainingState:
        """Return the state in a checkpoint that has so many records of epochs.

        Raises
        ------
        ValueError
            It is not the state of such a training; nothing has changed.
        """
        left = SavedTraining(dict(saved.told), dict(saved.arrays))
        state = cls(**{name: kind.read(name, left, setting) for name, kind in _KINDS.items()})
        if left.arrays:
            raise ValueError(
                f"it has an array {min(left.arrays)}, which this training does not have"
            )
        begun = state.order is not None
        ends = state.position % setting.mini_batch_size == 0 or state.position == setting.n
        if not ends or (state.position and not begun):
            raise ValueError(f"its position is {state.position}, which is no end of a mini-batch")
        if (state.scale != 1) != (state.unscaled is not None):
            raise ValueError(
                f"its scale is {state.scale}, and its array unscaled does not go with it"
            )
        if state.epochs > n_records:
            raise ValueError(f"its epochs is {state.epochs}, and it has {n_records} records")
        if state.epochs + begun > setting.epochs:
            part = " and part of another" if begun else ""
            raise ValueError(
                f"it has done {state.epochs} epochs{part}, and epochs is {setting.epochs}"
            )
        return state

    def restore(self, setting: Setting) -> None:
        """Put generators and hooks where they were.

        Raises
        ------
        ValueError
            The network has been given a generator of another kind; nothing has changed.
        """
        for name, kind in _KINDS.items():  # the generator first, which may be refused
            kind.restore(getattr(self, name), setting)


_KINDS: dict[str, _Kind] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(TrainingState, include_extras=True).items()
}
#: What stands in a checkpoint's header; the rest are arrays.
HEADER = tuple(
    name for name, kind in _KINDS.items() if not isinstance(kind, (_Order, _Vector, _Vectors))
)
