"""`Before`: how everything was before a training that is refused."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnet.network import Network
    from fastnet.training.plan import Plan

__all__ = ["Before"]

#: What a network keeps to be faster; it says nothing about it.
CACHES = ("_predictors", "_differentiators", "_trainer", "_crew")


class Before:
    """The network, the callbacks and the schedule as they are when training is asked for.

    A training may be refused after callbacks have begun, by one of them, by the file that it is to
    go on from, or by a function that is asked before the first step. What they have done to the
    network, and what they have forgotten of earlier trainings, is undone by `restore`.

    Parameters
    ----------
    network : Network
    plan : Plan
    """

    def __init__(self, network: Network, plan: Plan) -> None:
        self._network = network
        self._attributes = {k: v for k, v in vars(network).items() if k not in CACHES}
        self._history = list(network.history)
        # A step by itself has nobody to change parameters before it is taken.
        self._parameters = network.parameters.copy() if plan.recorded else None
        self._states: list[tuple[Any, Any]] = [
            (owner, state)
            for owner in (plan.schedule, *plan.callbacks)
            if (state := _state_of(owner)) is not None
        ]

    def restore(self) -> None:
        """Put everything back."""
        network = self._network
        if network._architecture is not self._attributes["_architecture"]:
            network._predictors, network._differentiators = [], []
        for name in [name for name in vars(network) if name not in CACHES]:
            if name not in self._attributes:
                del vars(network)[name]
        vars(network).update(self._attributes)
        network.history[:] = self._history
        if self._parameters is not None:
            with network._guard:
                network.parameters[:] = self._parameters
        for owner, state in self._states:
            with suppress(Exception):  # a hook of the user's own; the refusal is what matters
                owner.set_state(state)


def _state_of(owner: Any) -> Any:
    """A copy of an owner's state; None if it has no state before it begins."""
    try:
        return copy.deepcopy(owner.get_state())
    except Exception:
        return None
