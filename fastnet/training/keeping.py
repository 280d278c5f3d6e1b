"""What writes checkpoints while a network trains, and changes no bit of the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.optimizers import LBFGS
from fastnet.training.checkpoint import Checkpoint
from fastnet.training.plan_description import describe_plan
from fastnet.training.state import Moment

if TYPE_CHECKING:
    from fastnet.training.loop import Training

__all__ = ["Keeper"]


class Keeper:
    """Follows a training from one moment that it can go on from to the next.

    Without a `Checkpoint` among the callbacks it does nothing.

    Parameters
    ----------
    training : Training

    Raises
    ------
    ValueError
        A checkpoint cannot hold what this training depends on.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self.checkpoints = [c for c in training.plan.callbacks if isinstance(c, Checkpoint)]
        self._moment: Moment | None = None
        self._written: dict[Checkpoint, tuple[int, int, bool]] = {}
        if self.checkpoints:
            check_keepable(training)
            self._plan = describe_plan(training)

    def begin(self) -> None:
        """Training begins, or goes on."""
        for checkpoint in self.checkpoints:
            checkpoint.begin()

    def capture(self, *, begun: bool) -> None:
        """Note what callbacks and generators have just changed."""
        if self.checkpoints:
            self._moment = Moment.of(self._training, begun=begun)

    def move(self, *, asking: bool) -> None:
        """Some mini-batches more are done, and nothing else has changed."""
        if self._moment is not None:
            self._moment.position = self._training.position
            self._moment.measured = self._training.measured
            self._moment.asking = asking

    def next_stop(self, start: int) -> int | None:
        """Where in the epoch a kernel call that begins at `start` must end, at the latest."""
        training = self._training
        done = start // training.size
        before = len(training.history) * training.batches
        stops = [
            ((before + done) // int(checkpoint.every) + 1) * int(checkpoint.every) - before
            for checkpoint in self.checkpoints
            if checkpoint.unit == "mini_batches"
        ]
        return min(stops) * training.size if stops else None

    def between(self) -> None:
        """Write what is due in the middle of an epoch."""
        training = self._training
        if self.checkpoints and training.position < training.data.n:
            self._write_due(training.position // training.size, epoch_ends=False)

    def after_epoch(self) -> None:
        """Write what is due after an epoch."""
        if self.checkpoints:
            self.capture(begun=False)
            self._write_due(0, epoch_ends=True)

    def _write_due(self, done: int, *, epoch_ends: bool) -> None:
        epochs = len(self._training.history)
        batches = epochs * self._training.batches + done
        due = [c for c in self.checkpoints if c.is_due(epochs, batches, epoch_ends=epoch_ends)]
        self._write(due)

    def write_last(self) -> None:
        """Training ends, for whatever reason: write where it stands, unless that has been."""
        moment = self._moment
        if moment is None:
            return
        if moment.parameters is None and self._training.engine.first_bad_layer():
            return
        now = moment.epochs, moment.position, moment.parameters is None
        self._write([c for c in self.checkpoints if self._written.get(c) != now])

    def _write(self, due: list[Checkpoint]) -> None:
        moment = self._moment
        if not due or moment is None:
            return
        try:
            model = moment.save(self._training, self._plan)
        except MemoryError as error:
            for checkpoint in due:
                checkpoint.note_failure(error)
            return
        for checkpoint in due:
            checkpoint.write(model)
            if checkpoint.error is None:
                now = moment.epochs, moment.position, moment.parameters is None
                self._written[checkpoint] = now


def check_keepable(training: Training) -> None:
    """Refuse what no file can hold, before a night is spent on it.

    Raises
    ------
    ValueError
        The optimizer is LBFGS, or a function of unknown state orders the examples.
    """
    if isinstance(training.plan.optimizer, LBFGS):
        raise ValueError(
            "optimizer is LBFGS, whose memory lies inside SciPy where no checkpoint reaches it; "
            "leave Checkpoint and resume out, or take another optimizer."
        )
    if training.orders.is_custom and training.orders.source is None:
        raise ValueError(
            "shuffle is a function whose state no checkpoint can hold; give True, or the shuffle "
            "method of a random.Random or a NumPy generator."
        )
