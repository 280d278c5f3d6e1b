"""Noticing, while a network trains, that numbers have stopped being finite."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from fastnet.callbacks import Callback, EarlyStopping

if TYPE_CHECKING:
    from fastnet.kernels.engine import TrainingEngine

__all__ = ["FiniteCheck", "owner_of_parameters"]

#: All parameters are looked at this often within an epoch, and for at most one part in so many of
#: the time: what is not finite may hide for long behind a unit that is saturated.
SECONDS_PER_LOOK = 0.25
SHARE_OF_LOOKS = 500


class FiniteCheck:
    """Notices within an epoch what has stopped being finite, at next to no cost."""

    def __init__(self) -> None:
        self._next_look = time.perf_counter() + SECONDS_PER_LOOK

    def look(self, engine: TrainingEngine) -> str | None:
        """Return which cost is not finite, "" where parameters are not, None if all is well.

        The last layer's biases and the running cost see at once most of what happens before them;
        now and then all parameters are looked at.
        """
        now = time.perf_counter()
        if not engine.is_finite:
            return ""
        if now >= self._next_look:
            if engine.first_bad_layer():
                return ""
            took = time.perf_counter() - now
            self._next_look = now + max(SECONDS_PER_LOOK, SHARE_OF_LOOKS * took)
        cost = engine.measured[0]
        return None if math.isfinite(cost) else f"the running cost is {cost}"


def owner_of_parameters(callback: Callback) -> str:
    """Return what a network has whose parameters a callback has assigned in its `on_train_end`.

    Examples
    --------
    >>> owner_of_parameters(Callback())
    'has the parameters that Callback.on_train_end has assigned'
    """
    if isinstance(callback, EarlyStopping):
        return (
            f"has the parameters of epoch {callback.best_epoch}, its best, back from EarlyStopping"
        )
    return f"has the parameters that {type(callback).__name__}.on_train_end has assigned"
