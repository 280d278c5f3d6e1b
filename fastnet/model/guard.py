"""`TrainingGuard`: a lock that refuses changes which the training under way would overwrite."""

from __future__ import annotations

from threading import get_ident

from fastnet.kernels.rwlock import Guard

__all__ = ["BY_LBFGS", "BY_PROGRESS", "TrainingGuard"]

#: Why parameters and cost are fixed for a while.
BY_PROGRESS = (
    "the end of the epoch would overwrite the parameters that progress assigns; assign them in a "
    "callback's on_interval, on_epoch_begin or on_epoch_end."
)
BY_LBFGS = (
    "L-BFGS trains this network, and its next iteration would overwrite what is assigned; assign "
    "parameters and cost before the training, in on_train_begin, or in on_train_end."
)


class TrainingGuard(Guard):
    """A lock between a training and whatever else reads or changes the network; see `Guard`.

    Attributes
    ----------
    fixed : str
        Why neither parameters nor cost can be assigned; empty if they can.
    within_epoch : bool
        Whether mini-batches are under way, whose cost is that of all of the epoch.
    begun : bool
        Whether a training has begun to write history and optimizer's state.
    """

    # Of the class, since a fork meets guards that another thread is in the middle of making.
    fixed = ""
    begun = within_epoch = False
    _thread = 0

    def _clear(self) -> None:
        self.fixed = ""
        self.begun = self.within_epoch = False

    def check(self) -> None:
        """Raise RuntimeError where another thread trains, or this one would undo a change."""
        super().check()
        if self.fixed:
            raise RuntimeError(self.fixed)

    def check_cost(self) -> None:
        """Raise RuntimeError where the cost must stay, as in the middle of an epoch."""
        self.check()
        if self.within_epoch:
            raise RuntimeError(
                "an epoch of this network's training is under way, and has one cost from its first "
                "mini-batch to its metrics; assign cost in on_epoch_begin or on_epoch_end."
            )

    def check_idle(self) -> None:
        """Raise RuntimeError where a training is under way."""
        self.check()
        if self.begun:
            raise RuntimeError(
                "this network is being trained, and drawing its weights anew would lose the "
                "history and the optimizer's state of that; assign weights and biases, or draw "
                "them in on_train_begin, in on_train_end or outside of the training."
            )

    def begin_training(self) -> None:
        """Let this thread train, and no other write, until `end_training`."""
        super().begin_training()
        self._thread = get_ident()

    def end_training(self) -> None:
        """Let all threads write again."""
        self._clear()
        super().end_training()

    def begin_anew(self) -> None:
        """Forget the threads of this process's parent."""
        super().begin_anew()
        if self._thread != get_ident():
            self._clear()
