"""`FiniteCheck`: detects NaN and infinity while a network trains."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from fastnet.callbacks import Callback, EarlyStopping

if TYPE_CHECKING:
    from fastnet.kernels.engine import TrainingEngine

__all__ = ["FiniteCheck", "owner_of_parameters"]

#: All parameters are checked at this interval within an epoch, or less often, so that checks take
#: at most 1 / 500 of the time. Behind a saturated unit a bad number may stay unnoticed for long.
SECONDS_PER_LOOK = 0.25
SHARE_OF_LOOKS = 500


class FiniteCheck:
    """Detects NaN and infinity within an epoch, at almost no cost."""

    def __init__(self) -> None:
        self._next_look = time.perf_counter() + SECONDS_PER_LOOK

    def look(self, engine: TrainingEngine) -> str | None:
        """Return which cost is not finite, "" if parameters are not, None if all are finite.

        Most bad numbers soon reach the last layer's biases and the running cost, which are checked
        every time; all parameters are checked now and then.
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
    """Return the words for a network whose parameters a callback's `on_train_end` assigned.

    Examples
    --------
    >>> owner_of_parameters(Callback())
    'has the parameters that Callback.on_train_end assigned'
    """
    if isinstance(callback, EarlyStopping):
        return (
            f"has the parameters of its best epoch, {callback.best_epoch}, restored by "
            "EarlyStopping"
        )
    return f"has the parameters that {type(callback).__name__}.on_train_end assigned"
