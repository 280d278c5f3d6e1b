"""`compare`: a sweep over initializers and seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from fastnet.callbacks import RecordStatistics
from fastnet.common.arguments import shown
from fastnet.common.progress import ProgressCallback
from fastnet.compare.data import Data
from fastnet.compare.result import NEW, OLD, Comparison, Run, Settings
from fastnet.initializers import INITIALIZERS, read_initializer
from fastnet.network import Network
from fastnet.optimizers import SGD
from fastnet.sweeps import report, stream

__all__ = ["Progress", "compare", "comparison", "sizes_of", "train"]

#: Called with the mini-batches done and to do, of all trainings together.
Progress = ProgressCallback

#: Saturation is measured after each epoch on so many evaluation examples, the first ones.
WATCHED = 2000


def compare(
    data: Data,
    settings: Settings | None = None,
    *,
    initializers: Sequence[str] = (OLD, NEW),
    seeds: int = 1,
    threads: int | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Comparison:
    """Train the same network from several initializers, each from the same seeds.

    Each seed is split in two: one half draws the starting weights, the other the order of the
    examples. The old start and the new then differ in the scale of the weights only, and every
    network sees the same examples in the same order.

    Parameters
    ----------
    data : Data
        Training and evaluation examples.
    settings : Settings, optional
        Network and training; by default those of the published curves.
    initializers : sequence of str, keyword only, default ("large", "default")
        Names out of `fastnet.initializers.INITIALIZERS`: the old start and the new.
    seeds : int, keyword only, default 1
        Trainings from each initializer; the first ones do not depend on how many follow.
    threads : int, keyword only, optional
        Networks trained at a time, by default one a core. No result depends on it.
    executor : object, keyword only, optional
        Train on its workers instead of in threads here; as for `fastnet.sweep`.
    progress : callable, keyword only, optional
        Called as ``progress(done, total)`` several times a second, counting the mini-batches of all
        trainings together.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError, TypeError
        The network refuses the data or a setting; the message says which and why.
    DivergenceError
        In one of the trainings numbers became infinite; a smaller learning rate helps.

    Notes
    -----
    The seeds are ``SeedSequence(settings.seed).spawn(seeds)``, and the halves of each its
    ``spawn(2)``: ``Network(sizes, initializer=name, rng=weights)`` starts, and
    its ``net.rng = order`` shuffles.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Weight initialization".

    Examples
    --------
    >>> import numpy as np
    >>> from fastnet.compare import Data, Settings, compare
    >>> X = np.eye(4)
    >>> data = Data("four corners", (X, np.arange(4)), (X, np.arange(4)))
    >>> settings = Settings(hidden=8, epochs=200, eta=2.0, lmbda=0.0, mini_batch_size=1)
    >>> result = compare(data, settings, seeds=2)
    >>> result.sizes, result.initializers, result.n_seeds
    ((4, 8, 4), ('large', 'default'), 2)
    >>> result.accuracy("default")[-1]
    100.0
    """
    settings = settings or Settings()
    names = _checked_names(initializers)
    steps = -(-len(data.training[1]) // settings.mini_batch_size) * settings.epochs
    runs: dict[int, Run] = {}
    for outcome in stream(
        partial(_train_from, settings=settings),
        [{"initializer": name} for name in names],
        data if executor is None or data.loader is None else data.loader,
        executor=executor,
        threads=threads,
        seeds=seeds,
        seed=settings.seed,
        progress=None
        if progress is None
        else lambda done, total: progress(round(done * steps), total * steps),
    ):
        if outcome.error:
            raise outcome.exception or RuntimeError(outcome.error)
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in outcome.measures.items()
        }
        runs[outcome.index] = Run(**found | {"repetition": outcome.repetition})
    return comparison(data, settings, tuple(runs[index] for index in sorted(runs)))


def _train_from(
    data: Data, rng: np.random.Generator, *, initializer: str, settings: Settings
) -> dict[str, Any]:
    """Train from one initializer and one seed; called by a worker of the sweep."""
    weights, order = rng.spawn(2)
    net = Network(
        list(sizes_of(data, settings)), dtype=settings.dtype, rng=weights, initializer=initializer
    )
    net.rng = order
    return asdict(train(net, initializer, data, settings, progress=report))


def train(
    net: Network,
    initializer: str,
    data: Data,
    settings: Settings,
    *,
    shuffle: bool | Callable[[list[int]], object] = True,
    progress: Progress | None = None,
) -> Run:
    """Train `net` from its present weights, and return how it went."""
    begin = perf_counter()
    statistics = RecordStatistics(data.evaluation[0][:WATCHED])
    history = net.train(
        data.training,
        settings.epochs,
        settings.mini_batch_size,
        optimizer=SGD(settings.eta),
        l2=settings.lmbda,
        evaluation_data=data.evaluation,
        metrics=["evaluation_accuracy"],
        callbacks=[statistics],
        shuffle=shuffle,
        progress=progress,
    )
    saturated = tuple(record["layers"][0]["saturated"] for record in statistics.records)
    shares = history.column("evaluation_accuracy")
    correct = tuple(round(share * len(data.evaluation[1])) for share in shares)
    return Run(initializer, correct, perf_counter() - begin, saturated)


def comparison(data: Data, settings: Settings, runs: tuple[Run, ...]) -> Comparison:
    """Return the runs together with their data and settings."""
    return Comparison(
        data.name,
        data.evaluation_name,
        len(data.training[1]),
        len(data.evaluation[1]),
        sizes_of(data, settings),
        settings,
        runs,
        min(WATCHED, len(data.evaluation[1])),
    )


def sizes_of(data: Data, settings: Settings) -> tuple[int, int, int]:
    """Return the width of each layer."""
    return data.training[0].shape[1], settings.hidden, data.n_classes


def _checked_names(initializers: Sequence[str]) -> tuple[str, ...]:
    """Return the names; refuse what is not the name of an initializer, or is named twice."""
    if isinstance(initializers, str):
        raise TypeError(f"initializers is {shown(initializers)}; give a list of names.")
    names = tuple(initializers)
    if not names:
        raise ValueError(f"initializers is empty; give names out of {', '.join(INITIALIZERS)}.")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"initializers holds {shown(name)}; expected names.")
        read_initializer(name, "initializers")
        if names.count(name) > 1:
            raise ValueError(f"initializers names {shown(name)} twice; once is enough.")
    return names
