"""`Rollback`: puts everything back where a training is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from fastnet.model.model import CACHES, Model

__all__ = ["Rollback"]


class Rollback:
    """The network, the callbacks and the schedule as they are when training is asked for.

    A training may be refused after callbacks have begun, by one of them, by the file that it is to
    go on from, or by a function that is asked before the first step. What they have done to the
    network, and what they have forgotten of earlier trainings, is undone by `restore`.

    Parameters
    ----------
    network : Model
    hooks : iterable of Schedule and Callback
    with_parameters : bool
        Not for a step by itself, before which nobody can change parameters.
    """

    def __init__(self, network: Model, hooks: Iterable[Any], with_parameters: bool) -> None:
        self._network = network
        self._attributes = {k: v for k, v in vars(network).items() if k not in CACHES}
        self._history = list(network.history)
        self._parameters = network.parameters.copy() if with_parameters else None
        self._states: list[tuple[Any, Any]] = []
        for hook in hooks:
            with suppress(Exception):  # one without a state before it begins
                self._states.append((hook, copy.deepcopy(hook.get_state())))

    def restore(self) -> None:
        """Put everything back."""
        network = self._network
        if network._architecture is not self._attributes["_architecture"]:
            network._empty_caches()
        for name in [name for name in vars(network) if name not in CACHES]:
            if name not in self._attributes:
                del vars(network)[name]
        vars(network).update(self._attributes)
        network.history[:] = self._history
        if self._parameters is not None:
            with network._guard:
                network.parameters[:] = self._parameters
        for hook, state in self._states:
            with suppress(Exception):  # a hook of the user's own; the refusal is what matters
                hook.set_state(state)
