"""`train_members`: trains the networks of an ensemble, one per thread at a time."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnet.callbacks import read_callbacks
from fastnet.common.arguments import as_count, as_items, is_function, shown
from fastnet.common.progress import ProgressReport
from fastnet.common.threads import free_cores, run_together, single_threaded
from fastnet.data.batches import Batches, Blocks
from fastnet.data.dataset import Dataset
from fastnet.history import History
from fastnet.model import starting
from fastnet.model.blocks import trainings_at_once
from fastnet.model.model import Model
from fastnet.training import train, training_for
from fastnet.training.checkpoint import Checkpoint
from fastnet.training.plan import Plan

__all__ = ["train_members"]


def train_members(
    networks: Sequence[Model],
    data: Any,
    epochs: int,
    mini_batch_size: int | None,
    *,
    bootstrap: Any,
    threads: Any,
    sample_weight: Any,
    class_weight: Any,
    evaluation_data: Any,
    **options: Any,
) -> list[History]:
    """Train each network on the same data; see `fastnet.Ensemble.train`."""
    if not isinstance(bootstrap, (bool, np.bool_)):
        raise TypeError(f"bootstrap is {shown(bootstrap)}; give True or False.")
    if threads is not None:
        threads = as_count(threads, "threads", at_least=1)
    options["callbacks"] = read_callbacks(options["callbacks"])
    for name in ("metrics", "dropout"):  # each network reads them; an iterator works only once
        items = as_items(options[name], name)
        options[name] = options[name] if items is None else items
    _refuse_shared(networks, options)
    first = networks[0]
    for name, given in (("data", data), ("evaluation_data", evaluation_data)):
        if isinstance(given, (Batches, Blocks)):
            raise TypeError(
                f"{name} is Batches, whose blocks come one after another, but these networks train "
                "at the same time; give arrays, or train one network after another."
            )
    training = first._read(data, "data", repeated=True)
    training = training.weighted(sample_weight, class_weight, first._architecture.sizes[-1])
    evaluation = None
    if evaluation_data is not None:
        evaluation = first._read(evaluation_data, "evaluation_data", repeated=True)
    if threads is None:
        threads = trainings_at_once(first._architecture.sizes, training.n, free_cores())
    together = _Together(networks, training, evaluation, bool(bootstrap))
    return together.run((epochs, mini_batch_size), options, threads)


def _refuse_shared(networks: Sequence[Model], options: dict[str, Any]) -> None:
    """Refuse options and generators that several trainings cannot share."""
    resume = options.pop("resume")
    if resume is not None and resume is not False:
        raise ValueError(
            f"resume is {shown(resume)}, but a checkpoint is of one network; train the networks of "
            "an ensemble one after another to resume them."
        )
    if any(isinstance(callback, Checkpoint) for callback in options["callbacks"]):
        raise ValueError(
            "callbacks contains a Checkpoint, whose file is for one network; train the networks of "
            "an ensemble one after another to checkpoint them."
        )
    if is_function(options["shuffle"]):
        raise ValueError(
            "shuffle is a function, which networks that train at the same time cannot share; give "
            "True or False."
        )
    seen: dict[int, int] = {}
    for at, network in enumerate(networks):
        network._guard.check_idle()
        starting.check(network)
        source = getattr(network.rng, "bit_generator", None)
        source = source or getattr(network.rng, "_bit_generator", network.rng)
        other = seen.setdefault(id(source), at)
        if other != at:
            raise ValueError(
                f"networks {other} and {at} share one rng, so that results would not be "
                "reproducible; give each its own generator."
            )


class _Stopped(BaseException):
    """Ends a training after another thread failed; a BaseException, so no callback catches it."""


class _Together:
    """One call of `train_members`, with the data read."""

    def __init__(
        self, networks: Sequence[Model], data: Dataset, evaluation: Dataset | None, bootstrap: bool
    ) -> None:
        self._networks = networks
        self._data = data
        self._evaluation = evaluation
        self._bootstrap = bootstrap
        self._failures: dict[int, Exception] = {}
        self._interrupting: BaseException | None = None

    def run(self, given: Any, options: dict[str, Any], threads: int) -> list[History]:
        k = len(self._networks)
        progress = options.pop("progress")
        self._given, self._options = given, options
        for network in self._networks:  # wrong arguments are refused before the first is trained
            plan = Plan(network, self._data, self._evaluation, *given, **options)
            batches = -(-self._data.n // min(plan.mini_batch_size, self._data.n))
            training_for(network, self._data, plan)
        self._copies()
        self._histories = [History() for _ in range(k)]
        self._done = [0] * k
        self._reported, self._reporter = 0, threading.get_ident()
        self._left = deque(range(k))
        with ProgressReport(progress, k * plan.epochs * batches) as self._report:
            run_together([self._work] * min(threads, k))
        if self._failures:
            self._raise_first()
        return self._histories

    def _copies(self) -> dict[str, Any]:
        """Return the options with copies of callbacks and schedule for one network."""
        kept = {name: self._options[name] for name in ("callbacks", "schedule")}
        try:
            return self._options | copy.deepcopy(kept)
        except Exception as error:
            raise TypeError(
                f"callbacks or schedule cannot be copied for each network: {error}"
            ) from error

    def _work(self, errors: list[BaseException]) -> None:
        """Train networks until none is left, or another thread has been interrupted."""
        with single_threaded():  # the networks already use all cores
            while True:  # `while condition` may let Ctrl-C past `with` (python/cpython#130279)
                if errors:
                    return
                try:
                    at = self._left.popleft()
                except IndexError:
                    return
                try:
                    self._histories[at] = self._train(at, errors)
                except _Stopped:
                    return
                except Exception as error:
                    if error is self._interrupting:
                        raise
                    self._failures[at] = error

    def _train(self, at: int, errors: list[BaseException]) -> History:
        network, data = self._networks[at], self._data
        if self._bootstrap:
            data = data.drawn(drawn_rows(network, data.n))

        def progress(done: int, total: int) -> None:
            if errors:
                raise _Stopped
            self._done[at] = done
            if threading.get_ident() == self._reporter:
                self._say_done()

        options = self._copies() | {"progress": progress}
        plan = Plan(network, data, self._evaluation, *self._given, **options)
        return train(network, data, plan)

    def _say_done(self) -> None:
        done = sum(self._done)
        try:
            self._report(done - self._reported)
        except BaseException as error:  # ends all trainings, not only this network's
            self._interrupting = error
            raise
        self._reported = done

    def _raise_first(self) -> None:
        at = min(self._failures)
        error, failed = self._failures[at], len(self._failures)
        error.add_note(
            f"in network {at} of an ensemble of {len(self._networks)}, of which {failed} failed; "
            "the others were trained, and each has its history"
        )
        raise error


def drawn_rows(network: Model, n: int) -> Any:
    """Draw n of n row numbers, with replacement, from a network's generator."""
    rng = network.rng
    if isinstance(rng, np.random.RandomState):
        return rng.randint(n, size=n)
    return rng.integers(n, size=n)
