"""`rollback`: restores network and callbacks if a training is refused."""

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
    """Restore network, callbacks and schedule if the training is refused.

    A training may still be refused after callbacks have begun: by one of them, by the checkpoint,
    or by a function called before the first step. Their changes to the network and to themselves
    are undone. Parameters are restored only if `with_parameters`; before a single step nothing can
    change them.
    """
    attributes = {k: v for k, v in vars(network).items() if k not in CACHES}
    history = list(network.history)
    parameters = network.parameters.copy() if with_parameters else None
    states: list[tuple[Any, Any]] = []
    for hook in hooks:
        with suppress(Exception):  # a hook may have no state before it begins
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
            with suppress(Exception):  # a user's hook may fail; the refusal matters more
                hook.set_state(state)
        raise
