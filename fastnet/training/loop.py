"""`Training`: the loop over epochs, in which each kernel call trains many mini-batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.callbacks import Callback
from fastnet.common.arguments import as_rate, check_held
from fastnet.common.errors import DivergenceError
from fastnet.common.progress import ProgressReport
from fastnet.common.threads import get_num_threads
from fastnet.costs import restored
from fastnet.data.dataset import Dataset, Piece
from fastnet.files import SavedModel, networks
from fastnet.history import History
from fastnet.model.blocks import TRAINING_ROWS
from fastnet.model.guard import BY_PROGRESS
from fastnet.model.model import Model
from fastnet.model.parameters import layer_views
from fastnet.optimizers import State
from fastnet.training.calls import EpochCalls, ThreadChoice
from fastnet.training.checkpoint import (
    Checkpoint,
    find_checkpoint,
    read_checkpoint,
    refuse_checkpoint,
)
from fastnet.training.divergence import FiniteCheck, owner_of_parameters
from fastnet.training.interrupts import Interrupts
from fastnet.training.plan import Plan
from fastnet.training.rollback import rollback
from fastnet.training.state import Setting, TrainingState
from fastnet.training.step import KeptStep

if TYPE_CHECKING:
    from fastnet.kernels.engine import TrainingEngine

__all__ = ["Training"]

Array = NDArray[Any]


class Training:
    """One call of `Network.train`.

    Attributes
    ----------
    size : int
        Examples in a mini-batch, except the last.
    batches : int
        Mini-batches in an epoch.
    history : History
        Records of this call only.
    earlier : list of dict
        The network's records from before this call.
    state : TrainingState
        Position of the training; the states of hooks and generators are from the last capture.
    optimizer_state : State
        The network's optimizer state.
    stopped : bool
        Whether a callback or the schedule has ended the training.

    Raises
    ------
    TypeError
        The plan's `shuffle` is neither a bool nor a callable.
    ValueError, OSError
        The checkpoint is of another training or cannot be read, or this training has state that a
        checkpoint cannot save.
    """

    def __init__(self, network: Model, data: Dataset, plan: Plan) -> None:
        self.network = network
        self.data = data
        self.plan = plan
        self.check_plan()
        self.size: int = min(plan.mini_batch_size, data.n)
        self.batches = -(-data.n // self.size)
        self.sampler = data.sampler(plan.shuffle)
        self.history = History()
        self.earlier: list[dict[str, Any]] = []
        self.state = TrainingState()
        self.stopped = self.stepped = False
        self.diverged: DivergenceError | None = None
        self._is_back = self._running = False
        self._begun: list[Callback] = []
        self.checkpoints = [c for c in plan.callbacks if isinstance(c, Checkpoint)]
        self._resumed: tuple[str, TrainingState, SavedModel] | None = None
        if self.checkpoints or (plan.resume is not None and plan.resume is not False):
            self.check_resumable()
            self._read_checkpoint()

    def check_plan(self) -> None:
        """Refuse coefficients whose meaning changes when they are rounded to the dtype."""
        for name, decay in (("l1", self.plan.l1), ("l2 (lmbda)", self.plan.l2)):
            check_held(decay, name, self.network.dtype, per=self.data.n)

    def check_resumable(self) -> None:
        """Refuse a training that a checkpoint cannot save, before it begins.

        Raises
        ------
        ValueError
            `shuffle` is a function of unknown state.
        """
        if self.sampler.is_custom and self.sampler.source is None:
            raise ValueError(
                "shuffle is a function whose state a checkpoint cannot save; give True, or the "
                "shuffle method of a random.Random or a NumPy generator."
            )

    def _read_checkpoint(self) -> None:
        plan, network = self.plan, self.network
        callbacks = [c for c in plan.callbacks if not isinstance(c, Checkpoint)]
        self._description = plan.describe(network.cost, self.data, self.sampler, callbacks)
        hooks = [plan.schedule, self.sampler, *callbacks]
        self._setting = Setting(network, hooks, plan, self.data.n)
        paths = [path for checkpoint in self.checkpoints for path in checkpoint.paths]
        path = find_checkpoint(plan.resume, paths, self._description)
        if path is not None:
            self._resumed = (path, *read_checkpoint(path, self._setting, self._description))

    # ---- from beginning to end

    def run(self) -> History:
        """Train, and return the records.

        Raises
        ------
        RuntimeError
            Another thread is training this network.
        DivergenceError
            Parameters or a cost became NaN or infinite.
        ImportError
            A progress bar needs a package that is missing.
        """
        plan, guard = self.plan, self.network._guard
        hooks = [plan.schedule, *plan.callbacks]
        with (
            Interrupts(terminating=bool(self.checkpoints)) as self.interrupts,
            _exclusive(self.network),
            ProgressReport(plan.progress, plan.epochs * self.batches) as self.report,
            rollback(self.network, hooks, plan.recorded, self._is_refused),
        ):
            try:
                self._begin()
                self.run_epochs()
                if not plan.recorded:  # single steps follow each other: keep the workspace
                    kept = KeptStep(self._key, self.engine, self.network, plan)
                    self.network._trainer[:] = [kept]
            finally:
                guard.begun, guard.fixed = False, ""
                self._end()
        return self.history

    def _begin(self) -> None:
        self.plan.schedule.reset()
        for callback in self.plan.callbacks:
            with self.interrupts.opened():
                self._ask([callback.on_train_begin(self.network)])
                self._begun.append(callback)
        if self._resumed is not None:
            self._restore(*self._resumed)
        self.earlier = self.network.history[: len(self.network.history) - len(self.history)]
        self._records = self.network.history
        self._prepare()
        for checkpoint in self.checkpoints:
            checkpoint.begin()
        self.network._guard.begun = self._running = True

    def _restore(self, path: str, state: TrainingState, model: SavedModel) -> None:
        """Restore network, generators, schedule and callbacks from the checkpoint."""
        network, plan = self.network, self.plan
        try:
            state.restore(self._setting)
        except ValueError as error:
            refuse_checkpoint(path, error)
        self._load_parameters(model)
        network.cost = restored(model.cost, model.cost_numbers)
        network._optimizer, network._state = plan.optimizer, State(state.state, state.step)
        network.history = History(model.history)
        if model.kind is not None:
            plan.kind, plan.low = model.kind, float(model.low)
        self.history = History(model.history[len(model.history) - state.epochs :])
        self.stopped = self.stopped or state.stopped
        self.state = state

    def _load_parameters(self, model: SavedModel) -> None:
        views = *self.network.biases, *self.network.weights
        with self.network._guard:
            for view, array in zip(views, (*model.biases, *model.weights), strict=True):
                view[...] = array

    def _is_refused(self, error: BaseException) -> bool:
        """Return whether the error came before the first step, and was not a signal."""
        return not self.stepped and (isinstance(error, Exception) or not self._running)

    def run_epochs(self) -> None:
        """Run the rest of a resumed epoch, if any, and all later epochs."""
        try:
            resumed, self._resumed = self._resumed, None
            if resumed is not None:
                self._say_done(len(self.history) * self.batches)
                if self.state.order is not None:
                    self._finish_resumed(resumed[2])
            self._capture()
            for _ in range(self.plan.epochs - len(self.history)):
                if self.stopped:
                    break
                self._run_epoch()
        except BaseException as error:
            if self.diverged is None and not self._is_refused(error):
                self._write_last()
            raise
        self._write_last()

    def _end(self) -> None:
        """Call `on_train_end` of every callback that has begun; then raise the first error."""
        errors: list[BaseException] = []
        for callback in self._begun:
            left = self.network.parameters.copy()
            try:
                with self.interrupts.opened():
                    callback.on_train_end(self.network)
            except BaseException as error:
                errors.append(error)
            if self.diverged and not np.array_equal(left, self.network.parameters, equal_nan=True):
                self.diverged.tell(owner_of_parameters(callback))
        for other in errors[1:]:
            errors[0].add_note(f"and another callback's on_train_end raised {other!r}")
        if errors:
            raise errors[0]

    # ---- the workspace

    def _prepare(self) -> None:
        """Make the workspace, and set the update rule of all steps."""
        plan, network = self.plan, self.network
        if not network._kind_is_given:
            network._kind = plan.kind
        network._low = plan.low
        if plan.recorded or plan.keeps_state:
            self.optimizer_state = network._optimizer_state(plan.optimizer)
        else:
            self.optimizer_state = plan.optimizer.start(network.parameters.size, network.dtype)
        # A training without records is a single step, which never needs to be undone.
        vectors = self.optimizer_state.vectors
        self._spare = [np.empty_like(v) for v in vectors] if plan.recorded else vectors
        intervals = [callback.interval for callback in plan.callbacks]
        self._calls = EpochCalls(self.data.n, self.size, intervals, self.data.piece_limit)
        self._finite = FiniteCheck()
        self._make_engine()

    def _make_engine(self) -> None:
        """Make the workspace for the network's present cost, with the update rule and its state."""
        self.engine = self._workspace()
        self.engine.count_hits(*self.network._hit_rule(self.data.facts))
        self._threads = self._known_threads()
        self.set_rule()

    def set_rule(self) -> None:
        """Set the engine's update rule."""
        plan, state = self.plan, self.optimizer_state
        self.engine.set_rule(
            plan.optimizer.kind,
            **plan.optimizer.coefficients(),
            l1=plan.l1 / self.data.n,
            l2=plan.l2 / self.data.n,
            max_norm=plan.max_norm,
            clip_norm=plan.clip_norm,
            t=state.step,
        )
        for which, vector in enumerate(state.vectors):
            self.engine.load_state(which, vector)

    def _workspace(self) -> TrainingEngine:
        """Return the workspace of the previous step, if it is large enough, or a new one."""
        plan, network = self.plan, self.network
        capacity = min(self.size, TRAINING_ROWS)
        n_threads = get_num_threads()
        self._key = network._architecture, tuple(plan.dropout), plan.optimizer.n_states, n_threads
        try:
            kept: KeptStep = network._trainer.pop()
        except IndexError:
            pass
        else:
            if kept.key == self._key and kept.engine.capacity >= capacity:
                return kept.engine
        return network._training_engine(
            capacity,
            dropout=plan.dropout,
            n_states=plan.optimizer.n_states,
            n_threads=n_threads,
        )

    def _known_threads(self) -> ThreadChoice:
        """Return the thread choice of the previous training, if it was alike, or a new one."""
        network, key = self.network, (*self._key, self.size)
        if network._thread_choice is None or network._thread_choice[0] != key:
            network._thread_choice = key, ThreadChoice(get_num_threads())
        return network._thread_choice[1]

    def _ask(self, answers: Iterable[object]) -> None:
        """Read the return values of hooks; any True stops the training."""
        for answer in answers:
            # Only bools count, because a hook may return any other value.
            if isinstance(answer, (bool, np.bool_)) and answer:
                self.stopped = True

    # ---- an epoch

    @property
    def epoch(self) -> int:
        """The number of the current epoch, counted over all trainings of the network."""
        return len(self.earlier) + len(self.history)

    def _run_epoch(self) -> None:
        with self.interrupts.opened():
            etas = self._rates()
            self._ask(c.on_epoch_begin(self.network, self.epoch) for c in self.plan.callbacks)
        # Only now, so that hooks may assign before, and an error before draws no random number.
        order = self.sampler.draw(self.network.rng)
        self.note_start()
        dropout_key = self._draw_dropout_key()
        if self._key[0].cost != self.network.cost:
            if self.data.facts is not None:
                self.network._check_targets(self.data.facts, "data: y")
            self._make_engine()
        self.engine.load(self.network.parameters)
        self.engine.begin_epoch(dropout_key, self.plan.metrics.running)
        self._capture(
            order=order, dropout_key=dropout_key, position=0, cost_sum=0.0, hits=0, asking=False
        )
        self._finish(etas)

    def _finish_resumed(self, model: SavedModel) -> None:
        """Finish the epoch in which a checkpoint was written."""
        state = self.state
        with self.interrupts.opened():
            etas = self._rates()
        self._load_parameters(model)
        self.note_start("is back where it was resumed within that epoch")
        held = self.network.parameters if state.unscaled is None else state.unscaled
        self.engine.load(held, state.scale)
        self.engine.begin_epoch(state.dropout_key, self.plan.metrics.running, *state.measured)
        self._capture()
        self._say_done(self._batches_done())
        self._finish(etas)

    def note_start(self, there: str = "is back where that epoch began") -> None:
        """Keep the state to restore if the epoch diverges; its vectors are not overwritten."""
        now = self.optimizer_state
        self._start = self.network.parameters.copy(), now.vectors, now.step
        self._there = there

    def _finish(self, etas: Array) -> None:
        guard, state = self.network._guard, self.state
        guard.within_epoch = True
        try:
            if state.asking:
                self._call_intervals()
            self._run_mini_batches(etas)
        finally:
            guard.within_epoch = False
            self._store()
        self.finish_epoch(float(etas[-1]), state.measured, state.position)
        self._capture(order=None, position=0)
        self._write_due()

    def finish_epoch(self, eta: float, measured: tuple[float, int], n: int) -> None:
        """Measure, record, and let schedule and callbacks end the training.

        `measured` are the sum of the costs and the hits over `n` examples of the epoch.
        """
        record: dict[str, Any] = {"epoch": self.epoch, "eta": eta}
        with self.interrupts.closed():
            with self.interrupts.opened():
                record.update(self.plan.metrics.measure(self.network, measured, n))
                for name in self.plan.metrics.names:
                    if name.endswith("cost") and not math.isfinite(record[name]):
                        raise self.go_back_diverged(f"{name} is {record[name]}")
                self._ask(c.on_epoch_end(self.network, record) for c in self.plan.callbacks)
                stopped = self.plan.schedule.after_epoch(record)
            self.stopped = bool(self.stopped or stopped)
            if self.plan.recorded:
                self.history.append(record)
                self._records.append(record)
                self._check_history()

    def _check_history(self) -> None:
        """Restore the network's history if a callback has changed it, and raise an error."""
        network, expected = self.network, [*self.earlier, *self.history]
        if network.history is self._records and len(self._records) == len(expected):
            return
        network.history = self._records = History(expected)
        raise RuntimeError(
            "a callback has changed network.history during the training; change it in "
            "on_train_end or outside the training, or let the callback keep a copy."
        )

    def _rates(self) -> Array:
        """Return the learning rate of each mini-batch of the epoch."""
        schedule, eta, epoch = self.plan.schedule, self.plan.optimizer.eta, len(self.history)
        if not schedule.every_mini_batch:
            times: list[float] = [epoch]
        else:
            times = [epoch + b / self.batches for b in range(self.batches)]
        rates = [eta * as_rate(schedule.factor(at), "the schedule's factor") for at in times]
        return np.array(rates * (self.batches // len(rates)))

    def _draw_dropout_key(self) -> int:
        """Return a new key for the epoch, drawn only if there is dropout."""
        if not any(self.plan.dropout):
            return 0
        rng = self.network.rng
        if isinstance(rng, np.random.RandomState):
            return int(rng.randint(0, 2**64, dtype=np.uint64))
        return int(rng.integers(0, 2**64, dtype=np.uint64))

    # ---- mini-batches

    def _run_mini_batches(self, etas: Array) -> None:
        """Train to the end of the epoch, in kernel calls short enough for Ctrl-C."""
        state, start = self.state, self.state.position
        while start < self.data.n and not self.stopped:
            self.interrupts.check()
            stop = self._calls.stop(start, self._next_checkpoint(start))
            began = time.perf_counter()
            piece = self._piece(start, stop)
            n_threads, called = self._threads.size, time.perf_counter()
            self.stepped = True
            self.engine.train(*piece, start, self.data.n, self.size, etas, n_threads)
            ended = time.perf_counter()
            self._threads.note(n_threads, stop - start, ended - called)
            self._calls.note(stop - start, ended - began)
            found = self._finite.look(self.engine)
            if found is not None:
                raise self.diverged_in_engine(found)
            if stop % self.size == 0 or stop == self.data.n:
                state.position, state.asking = stop, True
                state.cost_sum, state.hits = self.engine.measured
                self._say_done(self._batches_done() - start // self.size)
                self._call_intervals()
                if stop < self.data.n:
                    self._write_due()
            start = stop

    def _next_checkpoint(self, start: int) -> int | None:
        """Return the position in the epoch at which the next checkpoint is due, if any."""
        before = len(self.history) * self.batches
        done = before + start // self.size
        every = [int(c.every) for c in self.checkpoints if c.unit == "mini_batches"]
        due = min(((done // n + 1) * n for n in every), default=None)
        return None if due is None else (due - before) * self.size

    def _piece(self, start: int, stop: int) -> Piece:
        """Return the next examples; if they cannot be read, go back to the epoch's start."""
        assert self.state.order is not None
        try:
            with self.interrupts.opened():
                return self.data.piece(self.state.order, start, stop)
        except Exception:
            self.go_back()
            raise

    def _batches_done(self) -> int:
        position = self.state.position
        return self.batches if position == self.data.n else position // self.size

    def _say_done(self, batches: int) -> None:
        if callable(self.plan.progress):
            self.network._guard.fixed = BY_PROGRESS
        try:
            with self.interrupts.opened():
                self.report(batches)
        finally:
            self.network._guard.fixed = ""

    def _call_intervals(self) -> None:
        """Call `on_interval` of the callbacks whose interval ends here."""
        position = self.state.position
        due = [
            callback
            for callback in self.plan.callbacks
            if callback.interval and position % (callback.interval * self.size) == 0
        ]
        if due:
            with self.storing() as parameters:
                self.engine.store(parameters)
                shown = parameters.copy()
            done = position // self.size
            with self.interrupts.opened():
                self._ask(callback.on_interval(self.network, self.epoch, done) for callback in due)
            if not np.array_equal(shown, self.network.parameters, equal_nan=True):
                self.engine.load(self.network.parameters)
            self._capture()
        self.state.asking = False

    # ---- writing into the network, and going back

    @contextmanager
    def storing(self) -> Iterator[Array]:
        """Let this training write into the network's parameters."""
        guard = self.network._guard
        fixed, guard.fixed = guard.fixed, ""
        try:
            with guard:
                yield self.network.parameters
        finally:
            guard.fixed = fixed

    def go_back(self) -> None:
        """Restore the network's state at the start of the epoch."""
        now = self.optimizer_state
        with self.storing():
            self.network.parameters[:], now.vectors, now.step = self._start
        self._is_back = True

    def diverged_in_engine(self, cost: str) -> DivergenceError:
        """As `go_back_diverged`, for a cost computed from the engine's parameters."""
        if cost:
            with self.storing() as parameters:
                self.engine.store(parameters)
        return self.go_back_diverged(cost)

    def go_back_diverged(self, cost: str = "") -> DivergenceError:
        """Go back to the start of the epoch; return the error to raise.

        `cost` says which cost is not finite; without it, a parameter is not.
        """
        layer = self.engine.first_bad_layer()
        if layer:
            cost = ""
        else:
            layer = self.network._first_overflow(self.data)
        self.go_back()
        self.diverged = DivergenceError(self.epoch, layer, cost, self._there)
        return self.diverged

    def _engine_state(self) -> tuple[list[Array], int]:
        """Return the optimizer's vectors from the engine, and its number of steps."""
        for which, vector in enumerate(self._spare):
            self.engine.store_state(which, vector)
        return self._spare, self.engine.steps

    def _store(self) -> None:
        """Copy parameters and optimizer state from the engine, if they are finite."""
        if self._is_back:
            return
        if self.engine.first_bad_layer():
            raise self.go_back_diverged()
        with self.storing():
            self.engine.store(self.network.parameters)
            vectors, step = self._engine_state()
            now = self.optimizer_state
            self._spare, now.vectors, now.step = now.vectors, vectors, step

    # ---- checkpoints

    def _capture(self, **changes: Any) -> None:
        """Update the state, including what callbacks and generators have just changed."""
        if self.checkpoints:
            captured = TrainingState.captured(self._setting)
            changes |= captured | {"epochs": len(self.history), "stopped": self.stopped}
            between = changes.get("order", self.state.order) is None
            parameters = self.network.parameters.copy() if between else None
            self._kept = parameters, self.network.cost
        vars(self.state).update(changes)

    def _write_due(self, *, ends: bool = False) -> None:
        """Write the checkpoints that are due at this position; all of them at the end."""
        state = self.state
        where = state.epochs, state.position, state.order is not None
        batches = state.epochs * self.batches + state.position // self.size
        for checkpoint in self.checkpoints:
            if ends or checkpoint.is_due(state.epochs, batches, epoch_ends=state.order is None):
                checkpoint._write_once(self._saved, where)

    def _write_last(self) -> None:
        """Write all checkpoints as training ends for any reason, unless it has diverged."""
        if self.state.order is None or not self.engine.first_bad_layer():
            self._write_due(ends=True)

    def _saved(self) -> SavedModel:
        """Return the contents of a checkpoint at the present position."""
        network, state, now = self.network, self.state, self.optimizer_state
        parameters, cost = self._kept
        state.state, state.step, state.scale, state.unscaled = now.vectors, now.step, 1.0, None
        if parameters is None:
            parameters = network.parameters.copy()
            self.engine.store(parameters)
            state.state, state.step = self._engine_state()
            state.scale = self.engine.scale
        if state.scale != 1:
            state.unscaled = np.empty_like(parameters)
            self.engine.store(state.unscaled, False)
        model = networks.describe(network, *layer_views(parameters, network.sizes))
        model.cost, model.cost_numbers = cost.name, cost._numbers
        model.history = [*self.earlier, *self.history[: state.epochs]]
        model.training = state.write(self._description)
        return model


@contextmanager
def _exclusive(network: Model) -> Iterator[None]:
    """Let no other training of the network begin, and no other thread change it meanwhile."""
    network._guard.begin_training()
    try:
        yield
    finally:
        network._guard.end_training()
