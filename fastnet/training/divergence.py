"""What looks, while a network trains, for numbers that have stopped being finite."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from fastnet.callbacks import Callback, EarlyStopping
from fastnet.common.errors import DivergenceError

if TYPE_CHECKING:
    from fastnet.training.loop import Training

__all__ = ["Watch"]

#: All parameters are looked at this often within an epoch, and for at most one part in so many of
#: the time: what is not finite may hide for long behind a unit that is saturated.
SECONDS_PER_LOOK = 0.25
SHARE_OF_LOOKS = 500


class Watch:
    """Notices within the epoch what has stopped being finite, at next to no cost.

    What it raises, it raises when the network is back where the epoch began, or was resumed.

    Parameters
    ----------
    training : Training
        With its engine.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._next_look = time.perf_counter() + SECONDS_PER_LOOK

    def look(self, epoch: int) -> None:
        """Look at what tells of nearly everything, and now and then at all parameters.

        The last layer's biases and the running cost see at once most of what happens before them.

        Raises
        ------
        DivergenceError
            There is something.
        """
        training, now = self._training, time.perf_counter()
        engine = training.engine
        if not engine.is_finite:
            raise self._error(epoch)
        if now >= self._next_look:
            self.look_at_all(epoch)
            took = time.perf_counter() - now
            self._next_look = now + max(SECONDS_PER_LOOK, SHARE_OF_LOOKS * took)
        cost = engine.measured[0]
        if not math.isfinite(cost):
            raise self.cost_error(epoch, f"the running cost is {cost}")

    def look_at_all(self, epoch: int) -> None:
        """Look at every parameter.

        Raises
        ------
        DivergenceError
            One is not finite.
        """
        if self._training.engine.first_bad_layer():
            raise self._error(epoch)

    def check_costs(self, record: dict[str, Any]) -> None:
        """Look at the costs of an epoch's record.

        Raises
        ------
        DivergenceError
            One is not finite.
        """
        for name in self._training.plan.metrics.names:
            if name.endswith("cost") and not math.isfinite(record[name]):
                raise self._error(record["epoch"], f"{name} is {record[name]}")

    def cost_error(self, epoch: int, cost: str) -> DivergenceError:
        """Go back to the epoch's start; return the error of a cost under the engine's weights."""
        with self._training.storing() as parameters:
            self._training.engine.store(parameters)
        return self._error(epoch, cost)

    def _error(self, epoch: int, cost: str = "") -> DivergenceError:
        """Go back to the epoch's start, and return the error that says so."""
        training = self._training
        layer = training.engine.first_bad_layer()
        if not layer:
            layer = training.network._first_overflow(training.data)
        else:
            cost = ""
        training.go_back()
        training.diverged = DivergenceError(epoch, layer, cost, training.there)
        return training.diverged


def holder_of(callback: Callback) -> str:
    """Return what a network has whose parameters a callback has assigned in its `on_train_end`.

    Examples
    --------
    >>> from fastnet.callbacks import Callback
    >>> holder_of(Callback())
    'has the parameters that Callback.on_train_end has assigned'
    """
    if isinstance(callback, EarlyStopping):
        return (
            f"has the parameters of epoch {callback.best_epoch}, its best, back from EarlyStopping"
        )
    return f"has the parameters that {type(callback).__name__}.on_train_end has assigned"
