"""`TrainingGuard`: a lock that refuses changes which a running training would overwrite."""

from __future__ import annotations

from threading import get_ident

from fastnet.kernels.rwlock import Guard

__all__ = ["BY_LBFGS", "BY_PROGRESS", "TrainingGuard"]

#: Messages: why parameters and cost cannot be assigned at the moment.
BY_PROGRESS = (
    "progress assigns parameters, which the end of the epoch would overwrite; assign them in a "
    "callback's on_interval, on_epoch_begin or on_epoch_end."
)
BY_LBFGS = (
    "L-BFGS is training this network, and its next iteration would overwrite the assigned values; "
    "assign parameters and cost before the training, in on_train_begin, or in on_train_end."
)


class TrainingGuard(Guard):
    """A lock between a training and other readers and writers of the network; see `Guard`.

    Attributes
    ----------
    fixed : str
        Why neither parameters nor cost can be assigned; empty if they can.
    within_epoch : bool
        Whether an epoch's mini-batches are running, which must all have the same cost.
    begun : bool
        Whether a training has begun to write history and optimizer's state.
    """

    # On the class, because a fork may find guards that another thread has not finished making.
    fixed = ""
    begun = within_epoch = False
    _thread = 0

    def _clear(self) -> None:
        self.fixed = ""
        self.begun = self.within_epoch = False

    def check(self) -> None:
        """Raise RuntimeError if another thread is training, or training would undo a change."""
        super().check()
        if self.fixed:
            raise RuntimeError(self.fixed)

    def check_cost(self) -> None:
        """Raise RuntimeError if the cost cannot be assigned, as in the middle of an epoch."""
        self.check()
        if self.within_epoch:
            raise RuntimeError(
                "an epoch of this network's training is running, and its cost cannot change before "
                "its metrics are computed; assign cost in on_epoch_begin or on_epoch_end."
            )

    def check_idle(self) -> None:
        """Raise RuntimeError if a training is running."""
        self.check()
        if self.begun:
            raise RuntimeError(
                "this network is being trained, and drawing its weights again would lose the "
                "training's history and optimizer state; assign weights and biases, or draw them "
                "in on_train_begin, in on_train_end or outside the training."
            )

    def begin_training(self) -> None:
        """Let only this thread train and write until `end_training`."""
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
