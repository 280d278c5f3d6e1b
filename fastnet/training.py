"""The epoch loop: draws each epoch's order, hands the kernel many mini-batches at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.arguments import as_rate
from fastnet.callbacks import Callback
from fastnet.data import Dataset
from fastnet.errors import DivergenceError
from fastnet.history import History
from fastnet.initializers import RNG
from fastnet.metrics import Metrics
from fastnet.optimizers import LBFGS, Optimizer
from fastnet.progress import Progress, ProgressReport
from fastnet.schedules import Schedule

if TYPE_CHECKING:
    from fastnet.kernels.engine_f64_baseline import Engine
    from fastnet.network import Network

__all__ = ["Orders", "Plan", "Shuffle", "Training"]

Array = NDArray[Any]
Shuffle = bool | Callable[[list[int]], object]

#: Python is entered about this often, for Ctrl-C and progress.
SECONDS_PER_CALL = 0.02
#: Examples that training takes at a time at most, so that a full batch is no copy of the data.
TRAINING_ROWS = 256


@dataclass
class Plan:
    """How to train; every argument has been checked.

    Attributes
    ----------
    l1, l2 : float
        The book's lambda, for either norm.
    dropout : list of float
        The share dropped of each layer but the last; empty for none.
    max_norm, clip_norm : float
        0 for none.
    recorded : bool
        Whether epochs are counted and go into the History.
    keeps_state : bool
        Whether the optimizer goes on from the training before, and its state is kept.
    """

    epochs: int
    mini_batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    l1: float
    l2: float
    dropout: Sequence[float]
    max_norm: float
    clip_norm: float
    shuffle: Shuffle
    metrics: Metrics
    callbacks: list[Callback]
    progress: Progress
    recorded: bool = True
    keeps_state: bool = True


class Orders:
    """The order of the examples, epoch after epoch.

    Parameters
    ----------
    n : int
        How many examples there are.
    shuffle : bool or callable
        True: a fresh permutation from `rng` each time. False: 0 .. n-1 always. A callable gets the
        list of row numbers in the order of the epoch before, and permutes it in place.
    rng : Generator or RandomState
    """

    def __init__(self, n: int, shuffle: Shuffle, rng: RNG) -> None:
        if not isinstance(shuffle, (bool, np.bool_)) and not callable(shuffle):
            raise TypeError(
                f"shuffle is {shuffle!r}; give True, False or a callable that permutes a list."
            )
        self._n = n
        self._shuffle = shuffle
        self._rng = rng
        self._rows: list[Any] = list(range(n)) if callable(shuffle) else []

    def draw(self) -> Array:
        """Return the next epoch's row numbers, an intp array of shape (n,).

        Raises
        ------
        ValueError
            The callable did not leave a permutation.
        """
        if callable(self._shuffle):
            self._shuffle(self._rows)
            return self._checked()
        if self._shuffle:
            return self._rng.permutation(self._n).astype(np.intp, copy=False)
        return np.arange(self._n, dtype=np.intp)

    def _checked(self) -> Array:
        good = len(self._rows) == self._n and all(
            isinstance(row, (int, np.integer)) and 0 <= row < self._n for row in self._rows
        )
        order = np.array(self._rows if good else [], dtype=np.intp)
        if not good or not np.all(np.bincount(order, minlength=self._n) == 1):
            raise ValueError(
                f"shuffle left no permutation of the {self._n} row numbers; "
                "it must reorder the list in place."
            )
        return order


class Training:
    """One call of `Network.train`.

    Parameters
    ----------
    network : Network
    data : Dataset
    plan : Plan

    Attributes
    ----------
    size : int
        Examples in a mini-batch that is not the last.
    batches : int
        Mini-batches in an epoch.
    history : History
        Of this call alone.
    seen : int
        Examples that the last epoch went through: all, unless it was stopped.
    stopped : bool
        Whether a callback or the schedule has had enough.

    Raises
    ------
    TypeError
        The plan's `shuffle` is neither a bool nor a callable.
    """

    def __init__(self, network: Network, data: Dataset, plan: Plan) -> None:
        self.network = network
        self.data = data
        self.plan = plan
        self.size = min(plan.mini_batch_size, data.n)
        self.batches = -(-data.n // self.size)
        self.orders = Orders(data.n, plan.shuffle, network.rng)
        self.history = History()
        self.stopped = False
        self.seen = data.n

    def run(self) -> History:
        """Train; return what was recorded.

        Raises
        ------
        RuntimeError
            Another thread is training this network.
        DivergenceError
            Parameters stopped being finite.
        ImportError
            A progress bar, or LBFGS, needs a package that is missing.
        """
        plan = self.plan
        with (
            _exclusive(self.network),
            ProgressReport(plan.progress, plan.epochs * self.batches) as report,
        ):
            self.report = report
            plan.schedule.reset()
            try:
                self._ask(callback.on_train_begin(self.network) for callback in plan.callbacks)
                self._prepare()
                if isinstance(plan.optimizer, LBFGS):
                    from fastnet.lbfgs import run_lbfgs

                    run_lbfgs(self)
                    return self.history
                for _ in range(plan.epochs):
                    if self.stopped:
                        break
                    self._run_epoch()
                if not plan.recorded:  # steps come one after another, each for a workspace
                    self.network._trainer = self.kind, self.engine
            finally:
                self._end()
        return self.history

    def _end(self) -> None:
        """Tell every callback that training ends, and only then raise what the first raised."""
        errors: list[BaseException] = []
        for callback in self.plan.callbacks:
            try:
                callback.on_train_end(self.network)
            except BaseException as error:
                errors.append(error)
        for other in errors[1:]:
            errors[0].add_note(f"and another callback's on_train_end raised {other!r}")
        if errors:
            raise errors[0]

    def _prepare(self) -> None:
        """Size the workspace, and set the rule that all steps follow."""
        plan, network = self.plan, self.network
        if plan.recorded or plan.keeps_state:
            self.state = network._optimizer_state(plan.optimizer)
        else:
            self.state = plan.optimizer.start(network.parameters.size, network.dtype)
        self.engine = self._workspace()
        if isinstance(plan.optimizer, LBFGS):
            return
        self.engine.set_rule(
            plan.optimizer.kind,
            **plan.optimizer.coefficients(),
            l1=plan.l1 / self.data.n,
            l2=plan.l2 / self.data.n,
            max_norm=plan.max_norm,
            clip_norm=plan.clip_norm,
            t=self.state.step,
        )
        for which, vector in enumerate(self.state.vectors):
            self.engine.load_state(which, vector)

    def _workspace(self) -> Engine:
        """The one that the step before has left, if it is large enough; or a new one."""
        plan, network = self.plan, self.network
        capacity = min(self.size, TRAINING_ROWS)
        self.kind = network._architecture, tuple(plan.dropout), plan.optimizer.n_states
        kept, network._trainer = network._trainer, None
        if kept is not None and kept[0] == self.kind and kept[1].capacity >= capacity:
            return kept[1]
        return network._make_engine(
            capacity,
            training=True,
            dropout=plan.dropout,
            n_states=plan.optimizer.n_states,
        )

    def _ask(self, answers: Iterator[object]) -> None:
        """Let every callback speak; any True stops the training."""
        for answer in answers:
            # Not every true value: a hook may well return something that it has made.
            if isinstance(answer, (bool, np.bool_)) and answer:
                self.stopped = True

    def _run_epoch(self) -> None:
        epoch = len(self.network.history)
        order = self._draw_order()
        etas = self._rates(len(self.history))
        self._ask(callback.on_epoch_begin(self.network, epoch) for callback in self.plan.callbacks)
        before = self.network.parameters.copy()
        self.engine.load(self.network.parameters)
        self.engine.begin_epoch(self._dropout_key(), self.plan.metrics.running)
        try:
            self._run_mini_batches(order, etas, epoch)
        finally:
            self._store(epoch, before)
        self.finish_epoch(epoch, float(etas[-1]))

    def finish_epoch(self, epoch: int, eta: float) -> None:
        """Measure, record, and let schedule and callbacks decide whether to go on."""
        record: dict[str, Any] = {"epoch": epoch, "eta": eta}
        record.update(self.plan.metrics.measure(self.network, self.engine.measured, self.seen))
        self._ask(callback.on_epoch_end(self.network, record) for callback in self.plan.callbacks)
        if self.plan.recorded:
            self.history.append(record)
            self.network.history.append(record)
        if self.plan.schedule.after_epoch(record):
            self.stopped = True

    def _rates(self, epoch: int) -> Array:
        """The learning rate of each of the epoch's mini-batches."""
        schedule, eta = self.plan.schedule, self.plan.optimizer.eta
        if not schedule.every_mini_batch:
            times: list[float] = [epoch]
        else:
            times = [epoch + b / self.batches for b in range(self.batches)]
        rates = [eta * as_rate(schedule.factor(at), "the schedule's factor") for at in times]
        return np.array(rates * (self.batches // len(rates)))

    def _draw_order(self) -> Array:
        if callable(self.plan.shuffle):  # whose author knows nothing of our locks
            return self.orders.draw()
        # A fork waits for whoever has the guard's lock: the child's generator would stay locked.
        with self.network._guard.still:
            return self.orders.draw()

    def _dropout_key(self) -> int:
        """A fresh key an epoch, drawn only where there is dropout."""
        if not any(self.plan.dropout):
            return 0
        rng = self.network.rng
        with self.network._guard.still:
            if isinstance(rng, np.random.RandomState):
                return int(rng.randint(0, 2**64, dtype=np.uint64))
            return int(rng.integers(0, 2**64, dtype=np.uint64))

    def _run_mini_batches(self, order: Array, etas: Array, epoch: int) -> None:
        """Train one epoch, in as few kernel calls as let Python answer in time.

        How the epoch is cut into calls changes no bit of the result: between mini-batches, or, in
        mini-batches larger than the workspace, between the parts that it takes.
        """
        start, rows = 0, min(self.size, TRAINING_ROWS)
        stops = {
            callback.interval * self.size for callback in self.plan.callbacks if callback.interval
        }
        while start < self.data.n and not self.stopped:
            stop = self._cut(start, rows, stops)
            began = time.perf_counter()
            piece = self.data.piece(order, start, stop)
            self.engine.train(*piece, start, self.data.n, self.size, etas)
            seconds = time.perf_counter() - began
            if not self.engine.is_finite:
                return  # _store, which comes next, says so
            self.report(stop // self.size - start // self.size)
            self._call_intervals(epoch, stop)
            wanted = (stop - start) * SECONDS_PER_CALL / max(seconds, 1e-9)
            rows = max(1, min(int(wanted), 4 * rows, self.data.piece_limit))
            self.seen = start = stop
        self.report(self.batches - self.data.n // self.size if start == self.data.n else 0)

    def _cut(self, start: int, rows: int, stops: set[int]) -> int:
        """Where the call that begins at `start` should end, with about `rows` examples."""
        if self.size <= TRAINING_ROWS:
            stop = start + max(1, rows // self.size) * self.size
        else:
            batch_end = (start // self.size + 1) * self.size
            stop = min(batch_end, start + max(1, rows // TRAINING_ROWS) * TRAINING_ROWS)
        for every in stops:
            stop = min(stop, (start // every + 1) * every)
        return min(stop, self.data.n)

    def _call_intervals(self, epoch: int, stop: int) -> None:
        due = [
            callback
            for callback in self.plan.callbacks
            if callback.interval and stop % (callback.interval * self.size) == 0
        ]
        if due:
            with self.network._guard:
                self.engine.store(self.network.parameters)
            self._ask(
                callback.on_interval(self.network, epoch, stop // self.size) for callback in due
            )

    def _store(self, epoch: int, before: Array) -> None:
        """Bring parameters and the optimizer's state back, unless they are not finite."""
        with self.network._guard:
            parameters = self.network.parameters
            self.engine.store(parameters)
            if not np.isfinite(parameters).all():
                layer = self.network._first_bad_layer()
                parameters[:] = before
                raise DivergenceError(epoch, layer)
            for which, vector in enumerate(self.state.vectors):
                self.engine.store_state(which, vector)
            self.state.step = self.engine.steps


@contextmanager
def _exclusive(network: Network) -> Iterator[None]:
    """Let no other training of the network begin, and no other thread change it."""
    network._guard.begin_training()
    try:
        yield
    finally:
        network._guard.end_training()
