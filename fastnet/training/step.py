"""`take_step`: the fast path for single steps on plain arrays, with few checks per call."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.activations import ACTIVATIONS
from fastnet.common.threads import get_num_threads
from fastnet.data.dataset import split
from fastnet.model.blocks import PRODUCTS_PER_THREAD, products
from fastnet.model.model import Model
from fastnet.model.targets import limits
from fastnet.optimizers import LBFGS, SGD, Optimizer, read_optimizer

if TYPE_CHECKING:
    from fastnet.kernels.engine import TrainingEngine
    from fastnet.training.plan import Plan

__all__ = ["KeptStep", "sgd", "take_step"]

#: Plain numbers; bool is not accepted.
_NUMBERS = (float, int)


@lru_cache(maxsize=64)
def sgd(eta: float) -> SGD:
    """Return `SGD(eta)`, cached for recent rates."""
    return SGD(eta)


def take_step(
    network: Model,
    data: Any,
    optimizer: Any,
    *,
    l1: Any = 0.0,
    l2: Any = 0.0,
    dropout: Any = 0.0,
    max_norm: Any = None,
    clip_norm: Any = None,
    n: int | None = None,
) -> bool:
    """Take a step on two plain arrays, or the book's pairs, if it is like the previous one.

    Parameters
    ----------
    optimizer, l1, l2, dropout, max_norm, clip_norm
        As for `Network.partial_fit`.
    n : int, optional
        Number of examples in the training set, for a step of `Network.update_mini_batch`; `l2` is
        then its lmbda.

    Returns
    -------
    bool
        False, with nothing changed, if this fast path does not apply: `train` then takes the step,
        or refuses it.

    Raises
    ------
    RuntimeError
        The network is being trained already.
    TypeError, ValueError
        Pairs have different shapes, as for `train`.
    """
    place = network._trainer  # a change of the cost replaces it by a new list
    if not place or type(data) not in (tuple, list) or not data:
        return False
    is_plain = type(data) is tuple and len(data) == 2
    X, y = data if is_plain else split(data, "data" if n is None else "mini_batch")
    if type(X) is not np.ndarray or type(y) is not np.ndarray or X.ndim != 2:
        return False
    if n is not None:
        l2 = l2 * len(X) / n
    try:
        kept: KeptStep = place.pop()
    except IndexError:
        return False
    try:
        return kept.fits(l1, l2, dropout, max_norm, clip_norm) and kept.take(
            network, X, y, optimizer, l1, l2, keeps_state=n is None
        )
    finally:
        place.append(kept)


class KeptStep:
    """The arguments and the workspace of a single step, kept for the next one.

    Parameters
    ----------
    key : object
        Everything that the workspace depends on.
    engine : TrainingEngine
        Workspace with the plan's update rule.
    network : Model
    plan : Plan
    """

    def __init__(self, key: Any, engine: TrainingEngine, network: Model, plan: Plan) -> None:
        self.key, self.engine = key, engine
        self._architecture = network._architecture
        self._optimizer: Optimizer = plan.optimizer
        self._settings = dict(vars(plan.optimizer))
        self._norms = plan.max_norm, plan.clip_norm
        self._applies = not plan.dropout and not isinstance(plan.optimizer, LBFGS)
        self._kind: Any = None

    @cached_property
    def _most_rows(self) -> int:
        """The largest number of rows for one thread; more are divided among threads."""
        return PRODUCTS_PER_THREAD // products(self._architecture.sizes)

    @cached_property
    def _decays(self) -> tuple[float, float]:
        """The smallest and largest decay that `check_held` accepts for any number of rows."""
        info = np.finfo(self._architecture.dtype)
        return self.engine.capacity * float(info.tiny), float(info.max)

    def fits(self, l1: Any, l2: Any, dropout: Any, max_norm: Any, clip_norm: Any) -> bool:
        """Return whether a step with these arguments may follow; l1 and l2 may differ."""
        return (
            self._applies
            and type(dropout) in _NUMBERS
            and dropout == 0
            and self._is_held(l1)
            and self._is_held(l2)
            and _is_norm(max_norm, self._norms[0])
            and _is_norm(clip_norm, self._norms[1])
        )

    def _is_held(self, decay: float) -> bool:
        least, most = self._decays
        return type(decay) in _NUMBERS and (decay == 0 or least <= decay <= most)

    def take(
        self,
        network: Model,
        X: np.ndarray[Any, Any],
        y: np.ndarray[Any, Any],
        optimizer: Any,
        l1: float,
        l2: float,
        *,
        keeps_state: bool,
    ) -> bool:
        """Take a step that fits; see `take_step`."""
        guard, rows = network._guard, len(X)
        version = guard.version
        before = network._optimizer if keeps_state else self._optimizer
        chosen = before if optimizer is None else optimizer
        if (
            self._architecture is not network._architecture
            or not self._follow(chosen)
            or type(before) is not type(self._optimizer)
            or not self._expect(network)
            or not rows
            or (rows > self._most_rows and get_num_threads() > 1)
        ):
            return False
        state = owner = None
        if keeps_state:
            state = network._state
            if state is None:
                return False
            if before is not self._optimizer:
                owner = network
        if y.dtype.kind in "iub":
            y = y.astype(np.int64, copy=False)
        if not y.flags.c_contiguous:
            y = y.copy()
        return self.engine.step(
            *(X, y, network._parameters, guard, version, state, owner, self._optimizer),
            *(self._optimizer.eta, l1, l2),
        )

    def _follow(self, optimizer: Any) -> bool:
        """Set the rule of an optimizer; return False unless it has the previous one's class."""
        try:
            if not isinstance(optimizer, Optimizer):
                optimizer = read_optimizer(optimizer)
            if type(optimizer) is not type(self._optimizer):
                return False
            if vars(optimizer) != self._settings:
                optimizer.check_held(self._architecture.dtype)
                max_norm, clip_norm = self._norms
                coefficients: Any = optimizer.coefficients()
                self.engine.set_rule(
                    optimizer.kind,
                    **coefficients,
                    max_norm=max_norm,
                    clip_norm=clip_norm,
                )
                self._optimizer, self._settings = optimizer, dict(vars(optimizer))
        except (TypeError, ValueError):  # `train` raises them, in the right order
            return False
        return True

    def _expect(self, network: Model) -> bool:
        """Set the targets that keep the network's kind; return False if it has no kind yet."""
        kind = network._kind, network._kind_is_given, network._low
        if kind == self._kind:
            return True
        if network._kind is None:
            return False
        output = self._architecture.activations[-1]
        lowest, highest, sums_to_one = limits(output)
        if ACTIVATIONS[output].has_signs and network._low == 0:
            lowest = 0.0
        one_class = False
        if not network._kind_is_given and network._kind != "numbers":
            lowest, highest = max(lowest, -1.0), min(highest, 1.0)
            one_class = network._kind == "classes" and self._architecture.sizes[-1] > 1
        self.engine.expect(lowest, highest, sums_to_one, one_class)
        self._kind = kind
        return True


def _is_norm(norm: Any, kept: float) -> bool:
    """Return whether a limit equals the previous one, in which 0 means no limit."""
    if norm is None:
        return kept == 0
    return type(norm) in _NUMBERS and norm == kept != 0
