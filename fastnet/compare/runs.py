"""`compare`: a sweep over initializers and seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, fields
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from fastnet.callbacks import Callback, RecordStatistics
from fastnet.common.arguments import as_items, call, shown
from fastnet.common.errors import DivergenceError
from fastnet.common.progress import ProgressCallback
from fastnet.compare.data import Data
from fastnet.compare.result import NEW, OLD, Comparison, Run
from fastnet.compare.settings import Settings
from fastnet.initializers import INITIALIZERS, Initializer, name_of, read_initializer
from fastnet.network import Network
from fastnet.sweeps import Outcome, report, stream

__all__ = ["OnEpoch", "Progress", "compare", "comparison", "sizes_of", "train"]

#: Called with the numbers of mini-batches done and in total, of all trainings together.
Progress = ProgressCallback
OnEpoch = Callable[[str, int, int, int], object]

#: Saturation is measured after each epoch on this many evaluation examples, the first ones.
WATCHED = 2000


def compare(
    data: Data,
    settings: Settings | None = None,
    *,
    initializers: Sequence[Initializer] | Mapping[str, Initializer] = (OLD, NEW),
    seeds: int = 1,
    threads: int | None = None,
    executor: Any = None,
    progress: Progress | None = None,
    on_run: Callable[[Run], object] | None = None,
    on_epoch: OnEpoch | None = None,
    **options: Any,
) -> Comparison:
    """Train the same network with several initializers, each with the same seeds.

    Each seed is split in two: one part draws the starting weights, the other the order of the
    examples. With one seed, the old and the new start differ only in the scale of the weights, and
    all networks see the same examples in the same order.

    Parameters
    ----------
    data : Data
        Training and evaluation examples.
    settings : Settings, optional
        Network and training; by default those of the published curves.
    initializers : sequence or mapping, keyword only, default ("large", "default")
        Names from `fastnet.initializers.INITIALIZERS`, or anything else that a network accepts as
        its initializer; results name them with `fastnet.initializers.name_of`, or by the keys of a
        mapping. By default the old and the new start.
    seeds : int, keyword only, default 1
        Repetitions per initializer, each with its own seed; the first ones do not depend on how
        many follow.
    threads : int, keyword only, optional
        Networks trained at a time, by default one per core. Results do not depend on it.
    executor : object, keyword only, optional
        Train on its workers instead of in threads here; as for `fastnet.sweep`.
    progress : callable, keyword only, optional
        Called as ``progress(done, total)`` several times a second, counting the mini-batches of all
        trainings together.
    on_run : callable, keyword only, optional
        Called with each `Run` as it finishes, in any order, so that an interrupt does not lose it.
    on_epoch : callable, keyword only, optional
        Called as ``on_epoch(initializer, repetition, epoch, correct)`` after each epoch of each
        training, in its thread: the initializer's name, the number of the seed from 0, the epoch
        from 1, and the number of evaluation examples classified correctly. Not called with an
        `executor`.
    **options
        The parameters of `Settings`, instead of `settings`: ``compare(data, hidden=(100, 100),
        activation="tanh", optimizer="adam")``.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError, TypeError
        `Settings` or the network refuses an option or the data; the message says which and why.
    DivergenceError
        In one of the trainings numbers became infinite; a smaller learning rate helps.

    Notes
    -----
    The seeds are ``SeedSequence(settings.seed).spawn(seeds)``, and the two parts of each are its
    ``spawn(2)``: ``Network(sizes, initializer=name, rng=weights)`` draws from the first, and after
    ``net.rng = order`` training shuffles with the second.

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
    >>> deep = compare(data, hidden=(8, 8), activation="tanh", optimizer="adam", epochs=5)
    >>> deep.sizes, deep.settings.eta
    ((4, 8, 8, 4), 0.001)
    """
    settings = _read_settings(settings, options)
    chosen = _checked(initializers)
    n = len(data.training[1])
    steps = -(-n // (settings.mini_batch_size or n)) * settings.epochs
    finished: list[Run] = []
    outcomes = stream(
        partial(_train_from, settings=settings, on_epoch=on_epoch if executor is None else None),
        [{"initializer": initializer, "name": name} for name, initializer in chosen.items()],
        data if executor is None or data.loader is None else data.loader,
        executor=executor,
        threads=threads,
        seeds=seeds,
        seed=settings.seed,
        progress=None
        if progress is None
        else lambda done, total: progress(round(done * steps), total * steps),
    )
    # Closed at once, whatever happens; otherwise the other networks would go on training.
    with closing(outcomes):
        for outcome in outcomes:
            if outcome.error:
                raise _failure(outcome, seeds)
            found: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in outcome.measures.items()
            }
            finished.append(Run(**found | {"repetition": outcome.repetition}))
            if on_run is not None:
                call(on_run, "on_run", finished[-1])
    return comparison(data, settings, finished, tuple(chosen))


def _failure(outcome: Outcome, seeds: int) -> BaseException:
    """Return the error of a training; if it diverged, the message says which training it was."""
    error = outcome.exception
    if isinstance(error, DivergenceError):
        name = outcome.configuration["name"]
        error.tell(f"was drawn by {name}, seed {outcome.repetition + 1} of {seeds}")
    return error or RuntimeError(outcome.error)


def _train_from(
    data: Data,
    rng: np.random.Generator,
    *,
    initializer: Initializer,
    name: str,
    settings: Settings,
    on_epoch: OnEpoch | None,
) -> dict[str, Any]:
    """Train with one initializer and one seed; called by a worker of the sweep."""
    (repetition,) = rng.bit_generator.seed_seq.spawn_key  # type: ignore[attr-defined]
    weights, order = rng.spawn(2)
    net = Network(
        list(sizes_of(data, settings)),
        activation=settings.activations,
        dtype=settings.dtype,
        rng=weights,
        initializer=initializer,
    )
    net._initialize_pending(data.training[0])
    net.rng = order
    watch = on_epoch and partial(call, on_epoch, "on_epoch", name, repetition)
    return asdict(train(net, name, data, settings, progress=report, on_epoch=watch))


def train(
    net: Network,
    initializer: str,
    data: Data,
    settings: Settings,
    *,
    shuffle: bool | Callable[[list[int]], object] = True,
    progress: Progress | None = None,
    on_epoch: Callable[[int, int], object] | None = None,
) -> Run:
    """Train `net` from its current weights, and return the results.

    `on_epoch` is called with the epoch, from 1, and the number of correct evaluation examples.
    """
    begin = perf_counter()
    statistics = RecordStatistics(data.evaluation[0][:WATCHED])
    watches = [] if on_epoch is None else [_CallOnEpoch(on_epoch, len(data.evaluation[1]))]
    history = net.train(
        data.training,
        settings.epochs,
        settings.mini_batch_size,
        optimizer=settings.optimizer,
        l2=settings.lmbda,
        evaluation_data=data.evaluation,
        metrics=["evaluation_accuracy"],
        callbacks=[statistics, *watches],
        shuffle=shuffle,
        progress=progress,
    )
    saturated = tuple(_saturated(record["layers"], settings) for record in statistics.records)
    shares = history.column("evaluation_accuracy")
    correct = tuple(round(share * len(data.evaluation[1])) for share in shares)
    return Run(initializer, correct, perf_counter() - begin, saturated)


class _CallOnEpoch(Callback):
    """Calls `on_epoch` with the epoch and the number of correct evaluation examples."""

    def __init__(self, on_epoch: Callable[[int, int], object], n: int) -> None:
        self._on_epoch = on_epoch
        self._n = n
        self._epoch = 0

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> None:
        """Call `on_epoch`; epochs are counted here, as the network may have been trained before."""
        self._epoch += 1
        self._on_epoch(self._epoch, round(record["evaluation_accuracy"] * self._n))


def comparison(
    data: Data, settings: Settings, runs: Iterable[Run], names: Sequence[str], *, missing: int = 0
) -> Comparison:
    """Return a comparison of runs, in the order of the names and seeds.

    Parameters
    ----------
    data : Data
    settings : Settings
    runs : iterable of Run
        In any order.
    names : sequence of str
        The names of the initializers.
    missing : int, keyword only, default 0
        Number of trainings that are not finished.
    """
    ordered = sorted(runs, key=lambda run: (names.index(run.initializer), run.repetition))
    return Comparison(
        data.name,
        data.evaluation_name,
        len(data.training[1]),
        len(data.evaluation[1]),
        sizes_of(data, settings),
        settings,
        tuple(ordered),
        min(WATCHED, len(data.evaluation[1])),
        missing > 0,
    )


def sizes_of(data: Data, settings: Settings) -> tuple[int, ...]:
    """Return the width of each layer."""
    return data.training[0].shape[1], *settings.hidden_sizes, data.n_classes


def _saturated(layers: list[dict[str, float]], settings: Settings) -> float:
    """Return the share of saturated units in all hidden layers together."""
    sizes = settings.hidden_sizes
    return sum(n / sum(sizes) * layer["saturated"] for n, layer in zip(sizes, layers, strict=False))


def _read_settings(settings: Settings | None, options: dict[str, Any]) -> Settings:
    """Return the settings, given as one object or as options."""
    known = [field.name for field in fields(Settings)]
    for name in options:
        if name not in known:
            raise TypeError(f"{name!r} is not a setting; the settings are {', '.join(known)}.")
    if settings is None:
        return Settings(**options)
    if not isinstance(settings, Settings):
        raise TypeError(f"settings is {shown(settings)}; expected Settings.")
    if options:
        raise ValueError(
            f"settings and {', '.join(options)} are both given; put {', '.join(options)} into "
            "settings."
        )
    return settings


def _checked(
    initializers: Sequence[Initializer] | Mapping[str, Initializer],
) -> dict[str, Initializer]:
    """Return the initializers by name; refuse other objects, and names that repeat."""
    if isinstance(initializers, Mapping) and initializers:
        for name in initializers:
            if not isinstance(name, str):
                raise TypeError(f"initializers has the key {shown(name)}; give names as keys.")
        return {name: read_initializer(item, "initializers") for name, item in initializers.items()}
    items = as_items(initializers, "initializers")
    if items is None:
        raise TypeError(f"initializers is {shown(initializers)}; give a list of names.")
    if not items:
        raise ValueError(f"initializers is empty; give one or more of {', '.join(INITIALIZERS)}.")
    chosen: dict[str, Initializer] = {}
    for item in items:
        initializer = read_initializer(item, "initializers")
        name = name_of(initializer)
        if name in chosen:
            raise ValueError(
                f"initializers contains {shown(name)} twice; give each once, and functions with "
                "different names."
            )
        chosen[name] = initializer
    return chosen
