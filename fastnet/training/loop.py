"""The epoch loop: draws each epoch's order, hands the kernel many mini-batches at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.callbacks import Callback
from fastnet.common.arguments import as_rate
from fastnet.common.errors import DivergenceError
from fastnet.common.progress import ProgressReport
from fastnet.common.threads import get_num_threads
from fastnet.data.dataset import Dataset, Piece
from fastnet.history import History
from fastnet.model.blocks import TRAINING_ROWS
from fastnet.model.guard import BY_PROGRESS
from fastnet.optimizers import LBFGS
from fastnet.training.calls import Crew, Pace
from fastnet.training.checkpoint import Checkpoint
from fastnet.training.divergence import Watch, holder_of
from fastnet.training.interrupts import Interrupts
from fastnet.training.keeping import Keeper, check_keepable
from fastnet.training.plan import Plan
from fastnet.training.refusals import Before
from fastnet.training.state import Resumption, find_checkpoint

if TYPE_CHECKING:
    from fastnet.kernels.engine_f64_baseline import TrainingEngine
    from fastnet.network import Network

__all__ = ["Training"]

Array = NDArray[Any]


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
    earlier : list of dict
        The network's records from before this call.
    position : int
        Examples of the epoch that are done, to the end of a whole mini-batch.
    measured : (float, int)
        Sum of costs, and hits, of these.
    stopped : bool
        Whether a callback or the schedule has had enough.

    Raises
    ------
    TypeError
        The plan's `shuffle` is neither a bool nor a callable.
    ValueError, OSError
        The checkpoint to go on from is not one of this training, or cannot be read; or this
        training depends on what no checkpoint can hold.
    """

    def __init__(self, network: Network, data: Dataset, plan: Plan) -> None:
        self.network = network
        self.data = data
        self.plan = plan
        self.size = min(plan.mini_batch_size, data.n)
        self.batches = -(-data.n // self.size)
        self.orders = data.orders(plan.shuffle, network.rng)
        self.watchers = [c for c in plan.callbacks if not isinstance(c, Checkpoint)]
        self.history = History()
        self.earlier: list[dict[str, Any]] = []
        self.stopped = False
        self.position = data.n
        self.measured: tuple[float, int] = (0.0, 0)
        self.dropout_key = 0
        self.diverged: DivergenceError | None = None
        self._is_back = False
        self._running = self.stepped = False
        self._begun: list[Callback] = []
        self.keeper = Keeper(self)
        self._resumption = self._find_resumption()

    def _find_resumption(self) -> Resumption | None:
        paths = [path for checkpoint in self.keeper.checkpoints for path in checkpoint.paths]
        path = find_checkpoint(self.plan.resume, paths, self)
        if path is None:
            return None
        check_keepable(self)
        return Resumption(self, path)

    def run(self) -> History:
        """Train; return what was recorded.

        Raises
        ------
        RuntimeError
            Another thread is training this network.
        DivergenceError
            Parameters, or the cost, stopped being finite.
        ImportError
            A progress bar, or LBFGS, needs a package that is missing.
        """
        plan = self.plan
        with (
            Interrupts(terminating=bool(self.keeper.checkpoints)) as self.interrupts,
            _exclusive(self.network),
            ProgressReport(plan.progress, plan.epochs * self.batches) as self.report,
        ):
            before = Before(self.network, plan)
            try:
                try:
                    self._begin()
                    self._run()
                finally:
                    self.network._guard.begun, self.network._guard.fixed = False, ""
                    self._end()
            except BaseException as error:
                if self._is_refused(error):
                    before.restore()
                raise
        return self.history

    def _begin(self) -> None:
        self.plan.schedule.reset()
        for callback in self.plan.callbacks:
            with self.interrupts.opened():
                self._ask([callback.on_train_begin(self.network)])
                self._begun.append(callback)
        if self._resumption is not None:
            self._resumption.apply()
        self.earlier = self.network.history[: len(self.network.history) - len(self.history)]
        self._records = self.network.history
        self._prepare()
        self.keeper.begin()
        self.network._guard.begun = self._running = True

    def _run(self) -> None:
        if self.by_lbfgs:
            from fastnet.training.lbfgs import run_lbfgs

            with self.interrupts.opened():
                run_lbfgs(self)
        else:
            self._run_epochs()
        if not self.plan.recorded:  # steps come one after another, each for a workspace
            self.network._trainer = self.kind, self.engine

    def _is_refused(self, error: BaseException) -> bool:
        """Whether this ended the training before a step, and was no signal to a training."""
        return not self.stepped and (isinstance(error, Exception) or not self._running)

    def _run_epochs(self) -> None:
        try:
            resumption, self._resumption = self._resumption, None
            if resumption is not None:
                self._say_done(len(self.history) * self.batches)
                if resumption.order is not None:
                    self._go_on(resumption)
            self.keeper.capture(begun=False)
            for _ in range(self.plan.epochs - len(self.history)):
                if self.stopped:
                    break
                self._run_epoch()
        except BaseException as error:
            if self.diverged is None and not self._is_refused(error):
                self.keeper.write_last()
            raise
        self.keeper.write_last()

    def _end(self) -> None:
        """Tell every callback that was told of the beginning, then raise what the first raised."""
        errors: list[BaseException] = []
        for callback in self._begun:
            left = self.network.parameters.copy()
            try:
                with self.interrupts.opened():
                    callback.on_train_end(self.network)
            except BaseException as error:
                errors.append(error)
            if self.diverged and not np.array_equal(left, self.network.parameters, equal_nan=True):
                self.diverged.tell(holder_of(callback))
        for other in errors[1:]:
            errors[0].add_note(f"and another callback's on_train_end raised {other!r}")
        if errors:
            raise errors[0]

    def _prepare(self) -> None:
        """Size the workspace, and set the rule that all steps follow."""
        plan, network = self.plan, self.network
        if not network._kind_is_given:
            network._kind = plan.kind
        network._low = plan.low
        if plan.recorded or plan.keeps_state:
            self.state = network._optimizer_state(plan.optimizer)
        else:
            self.state = plan.optimizer.start(network.parameters.size, network.dtype)
        # What is not recorded is one step, which is stored or not, and never taken back.
        vectors = self.state.vectors
        self._spare = [np.empty_like(v) for v in vectors] if plan.recorded else vectors
        self._pace = Pace(min(self.size, TRAINING_ROWS), self.data.piece_limit)
        self.watch = Watch(self)
        self._make_engine()

    def _make_engine(self) -> None:
        """Make the workspace for the network's present cost, with the rule and its state."""
        plan = self.plan
        self.engine = self._workspace()
        self.engine.count_hits(*self.network._hit_rule(self.data.facts))
        self._crew = self._known_crew()
        if self.by_lbfgs:
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

    def _workspace(self) -> TrainingEngine:
        """The one that the step before has left, if it is large enough; or a new one."""
        plan, network = self.plan, self.network
        capacity = min(self.size, TRAINING_ROWS)
        n_threads = get_num_threads()
        self.kind = network._architecture, tuple(plan.dropout), plan.optimizer.n_states, n_threads
        kept, network._trainer = network._trainer, None
        if kept is not None and kept[0] == self.kind and kept[1].capacity >= capacity:
            return kept[1]
        return network._training_engine(
            capacity,
            dropout=plan.dropout,
            n_states=plan.optimizer.n_states,
            n_threads=n_threads,
        )

    def _known_crew(self) -> Crew:
        """The one that the training before has found out about, if it was of the same kind."""
        network, key = self.network, (*self.kind, self.size)
        if network._crew is None or network._crew[0] != key:
            network._crew = key, Crew(get_num_threads())
        return network._crew[1]

    def _ask(self, answers: Iterable[object]) -> None:
        """Let every callback speak; any True stops the training."""
        for answer in answers:
            # Not every true value: a hook may well return something that it has made.
            if isinstance(answer, (bool, np.bool_)) and answer:
                self.stopped = True

    # ---- an epoch

    @property
    def epoch(self) -> int:
        """The number of the epoch that runs, counted over all trainings of the network."""
        return len(self.earlier) + len(self.history)

    def _run_epoch(self) -> None:
        epoch = self.epoch
        with self.interrupts.opened():
            etas = self._rates(len(self.history))
            self._ask(
                callback.on_epoch_begin(self.network, epoch) for callback in self.plan.callbacks
            )
        # Only now: what was assigned so far counts, and what refused so far has drawn nothing.
        self.orders._rng = self.network.rng  # which a callback may have replaced
        self.order = self.orders.draw()
        self.note_before()
        self.position, self.measured = 0, (0.0, 0)
        self.dropout_key = self._draw_dropout_key()
        if self.kind[0].cost is not self.network.cost:
            if self.data.facts is not None:
                self.network._check_targets(self.data.facts, "data: y")
            self._make_engine()
        self.engine.load(self.network.parameters)
        self.engine.begin_epoch(self.dropout_key, self.plan.metrics.running)
        self.keeper.capture(begun=True)
        self._finish(etas, epoch)

    def _go_on(self, resumption: Resumption) -> None:
        """Finish the epoch in which a checkpoint was written."""
        epoch = self.epoch
        assert resumption.order is not None
        self.order = resumption.order
        with self.interrupts.opened():
            etas = self._rates(len(self.history))
        resumption.load_parameters()
        self.note_before("is back where it was resumed within that epoch")
        resumption.load_engine()
        self.keeper.capture(begun=True)
        self.keeper.move(asking=resumption.asking)
        self._say_done(self._batches_to(self.position))
        self._finish(etas, epoch, asking=resumption.asking)

    def note_before(self, there: str = "is back where that epoch began") -> None:
        """Keep what a diverging epoch goes back to; its vectors are not overwritten meanwhile."""
        self._before = self.network.parameters.copy(), self.state.vectors, self.state.step
        self.there = there

    def _finish(self, etas: Array, epoch: int, asking: bool = False) -> None:
        guard = self.network._guard
        guard.within_epoch = True
        try:
            if asking:
                self._call_intervals(epoch)
            self._run_mini_batches(etas, epoch)
        finally:
            guard.within_epoch = False
            self._store(epoch)
        self.finish_epoch(epoch, float(etas[-1]))
        self.keeper.after_epoch()

    def finish_epoch(self, epoch: int, eta: float) -> None:
        """Measure, record, and let schedule and callbacks decide whether to go on."""
        record: dict[str, Any] = {"epoch": epoch, "eta": eta}
        measured = self.engine.measured if self.by_lbfgs else self.measured
        with self.interrupts.closed():
            with self.interrupts.opened():
                record.update(self.plan.metrics.measure(self.network, measured, self.position))
                self.watch.check_costs(record)
                self._ask(c.on_epoch_end(self.network, record) for c in self.plan.callbacks)
                stopped = self.plan.schedule.after_epoch(record)
            self.stopped = bool(self.stopped or stopped)
            if self.plan.recorded:
                self.history.append(record)
                self._records.append(record)
                self._check_history()

    def _check_history(self) -> None:
        """Refuse that a callback has taken the network's history away, and put it back."""
        network, expected = self.network, [*self.earlier, *self.history]
        if network.history is self._records and len(self._records) == len(expected):
            return
        network.history = self._records = History(expected)
        raise RuntimeError(
            "a callback has changed network.history, which this training writes; change it in "
            "on_train_end or outside of the training, or let the callback keep a copy."
        )

    @property
    def by_lbfgs(self) -> bool:
        """Whether SciPy chooses the steps, and there is no epoch to go back to."""
        return isinstance(self.plan.optimizer, LBFGS)

    def _rates(self, epoch: int) -> Array:
        """The learning rate of each of the epoch's mini-batches."""
        schedule, eta = self.plan.schedule, self.plan.optimizer.eta
        if not schedule.every_mini_batch:
            times: list[float] = [epoch]
        else:
            times = [epoch + b / self.batches for b in range(self.batches)]
        rates = [eta * as_rate(schedule.factor(at), "the schedule's factor") for at in times]
        return np.array(rates * (self.batches // len(rates)))

    def _draw_dropout_key(self) -> int:
        """A fresh key an epoch, drawn only where there is dropout."""
        if not any(self.plan.dropout):
            return 0
        rng = self.network.rng
        if isinstance(rng, np.random.RandomState):
            return int(rng.randint(0, 2**64, dtype=np.uint64))
        return int(rng.integers(0, 2**64, dtype=np.uint64))

    def _run_mini_batches(self, etas: Array, epoch: int) -> None:
        """Train one epoch, in as few kernel calls as let Python answer in time.

        How the epoch is cut into calls changes no bit of the result: between mini-batches, or, in
        mini-batches larger than the workspace, between the parts that it takes.
        """
        start = self.position
        while start < self.data.n and not self.stopped:
            self.interrupts.check()
            stop = self._cut(start, self._pace.rows)
            began = time.perf_counter()
            piece = self._piece(start, stop)
            n_threads, called = self._crew.size, time.perf_counter()
            self.stepped = True
            self.engine.train(*piece, start, self.data.n, self.size, etas, n_threads)
            ended = time.perf_counter()
            self._crew.note(n_threads, stop - start, ended - called)
            self._pace.note(stop - start, ended - began)
            self.watch.look(epoch)
            if stop % self.size == 0 or stop == self.data.n:
                self.position, self.measured = stop, self.engine.measured
                self.keeper.move(asking=True)
                self._say_done(self._batches_to(stop) - start // self.size)
                self._call_intervals(epoch)
                self.keeper.between()
            start = stop

    def _piece(self, start: int, stop: int) -> Piece:
        """The next examples; where none can be had, the network goes back to the epoch's start."""
        try:
            with self.interrupts.opened():
                return self.data.piece(self.order, start, stop)
        except Exception:
            self.go_back()
            raise

    def _batches_to(self, position: int) -> int:
        return self.batches if position == self.data.n else position // self.size

    def _say_done(self, batches: int) -> None:
        if callable(self.plan.progress):
            self.network._guard.fixed = BY_PROGRESS
        try:
            with self.interrupts.opened():
                self.report(batches)
        finally:
            self.network._guard.fixed = ""

    def _cut(self, start: int, rows: int) -> int:
        """Where the call that begins at `start` should end, with about `rows` examples."""
        if self.size <= TRAINING_ROWS:
            stop = start + max(1, rows // self.size) * self.size
        else:
            batch_end = (start // self.size + 1) * self.size
            stop = min(batch_end, start + max(1, rows // TRAINING_ROWS) * TRAINING_ROWS)
        for every in {c.interval * self.size for c in self.plan.callbacks if c.interval}:
            stop = min(stop, (start // every + 1) * every)
        last = self.keeper.next_stop(start)
        return min(stop, self.data.n) if last is None else min(stop, self.data.n, last)

    def _call_intervals(self, epoch: int) -> None:
        """Ask the callbacks whose interval ends here."""
        due = [
            callback
            for callback in self.plan.callbacks
            if callback.interval and self.position % (callback.interval * self.size) == 0
        ]
        if due:
            with self.storing() as parameters:
                self.engine.store(parameters)
                shown = parameters.copy()
            done = self.position // self.size
            with self.interrupts.opened():
                self._ask(callback.on_interval(self.network, epoch, done) for callback in due)
            if not np.array_equal(shown, self.network.parameters, equal_nan=True):
                self.engine.load(self.network.parameters)
            self.keeper.capture(begun=True)
        self.keeper.move(asking=False)

    @contextmanager
    def storing(self) -> Iterator[Array]:
        """Let this training itself write into the network's parameters."""
        guard = self.network._guard
        fixed, guard.fixed = guard.fixed, ""
        try:
            with guard:
                yield self.network.parameters
        finally:
            guard.fixed = fixed

    def go_back(self) -> None:
        """Put the network back where the epoch began."""
        with self.storing():
            self.network.parameters[:], self.state.vectors, self.state.step = self._before
        self._is_back = True

    def engine_state(self) -> tuple[list[Array], int]:
        """Return the optimizer's vectors as the engine has them, and its steps."""
        vectors = self._spare
        for which, vector in enumerate(vectors):
            self.engine.store_state(which, vector)
        return vectors, self.engine.steps

    def _store(self, epoch: int) -> None:
        """Bring parameters and the optimizer's state back, unless they are not finite."""
        if self._is_back:
            return
        self.watch.look_at_all(epoch)
        with self.storing():
            self.engine.store(self.network.parameters)
            vectors, step = self.engine_state()
            self._spare, self.state.vectors, self.state.step = self.state.vectors, vectors, step


@contextmanager
def _exclusive(network: Network) -> Iterator[None]:
    """Let no other training of the network begin, and no other thread change it."""
    network._guard.begin_training()
    try:
        yield
    finally:
        network._guard.end_training()
