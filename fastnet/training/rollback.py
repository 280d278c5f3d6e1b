"""`rollback`: puts everything back where a training is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastnet.model.model import CACHES, Model

__all__ = ["rollback"]


@contextmanager
def rollback(
    network: Model,
    hooks: Iterable[Any],
    with_parameters: bool,
    is_refused: Callable[[BaseException], bool],
) -> Iterator[None]:
    """Put network, callbacks and schedule back where they were if the training is refused.

    A training may be refused after callbacks have begun, by one of them, by the file that it is to
    go on from, or by a function that is asked before the first step. What they have done to the
    network, and what they have forgotten of earlier trainings, is undone; but for the parameters,
    before a step by itself, before which nobody can change them.
    """
    attributes = {k: v for k, v in vars(network).items() if k not in CACHES}
    history = list(network.history)
    parameters = network.parameters.copy() if with_parameters else None
    states: list[tuple[Any, Any]] = []
    for hook in hooks:
        with suppress(Exception):  # one without a state before it begins
            states.append((hook, copy.deepcopy(hook.get_state())))
    try:
        yield
    except BaseException as error:
        if not is_refused(error):
            raise
        if network._architecture is not attributes["_architecture"]:
            network._empty_caches()
        for name in vars(network).keys() - attributes.keys() - set(CACHES):
            del vars(network)[name]
        vars(network).update(attributes)
        network.history[:] = history
        if parameters is not None:
            with network._guard:
                network.parameters[:] = parameters
        for hook, state in states:
            with suppress(Exception):  # a hook of the user's own; the refusal is what matters
                hook.set_state(state)
        raise
