"""`Training`: a few networks that learn MNIST at the same time, in threads that can be paused."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from fastnet.callbacks import Callback
from fastnet.common.console import error_text
from fastnet.datasets import MNIST, load_mnist
from fastnet.network import Network
from fastnet.optimizers import SGD

__all__ = ["MOST_NETWORKS", "Point", "Settings", "Training", "forget_digits"]

#: A point of the curves: "epoch"; "accuracy" and "saturated" in percent.
Point = dict[str, float]

MOST_NETWORKS = 3
MINI_BATCH_SIZE = 10
#: Mini-batches between two points of the curves: ten points per epoch.
INTERVAL = 500
#: Validation images on which saturation is measured.
WATCHED = 1000
_LOADING, _LOADED = threading.Lock(), list[MNIST]()
_CODE = """\
from fastnet import Network, RecordStatistics, SGD
from fastnet.datasets import load_mnist

mnist = load_mnist(dtype="float32")
for initializer in {names}:
    net = Network({sizes}, initializer=initializer, activation={activation!r},
                  dtype="float32", rng={seed})
    watch = RecordStatistics(mnist.validation.X[:{watched}], interval={interval})
    history = net.train(mnist.train, {epochs}, {size}, optimizer=SGD({eta:g}),
                        evaluation_data=mnist.validation, callbacks=watch)
    print(initializer, history.column("evaluation_accuracy"))
    print([round(record["layers"][0]["saturated"], 4) for record in watch.records])
"""


@dataclass(frozen=True)
class Settings:
    """Settings of a training: networks that differ only in their initializers."""

    initializers: tuple[str, ...]
    hidden: int
    layers: int
    activation: str
    eta: float
    epochs: int
    seed: int

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first."""
        return [784, *[self.hidden] * self.layers, 10]

    def code(self) -> str:
        """Return Python code that trains the same networks."""
        same = {"size": MINI_BATCH_SIZE, "watched": WATCHED, "interval": INTERVAL}
        names = list(self.initializers)
        return _CODE.format(names=names, sizes=self.sizes, **same, **vars(self))


class Training:
    """Networks that train, each in a thread of its own; `stop` ends them.

    Attributes
    ----------
    networks : dict of Network, by initializer
    points : deque of (initializer, Point)
        Appended while the networks train; the reader removes them.
    errors : list of str
        A message for each network that failed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        options: dict[str, Any] = {"activation": settings.activation, "rng": settings.seed}
        self.networks = {
            name: Network(settings.sizes, initializer=name, dtype="float32", **options)
            for name in settings.initializers
        }
        self.points: deque[tuple[str, Point]] = deque()
        self.errors: list[str] = []
        self._stopped, self._going = False, threading.Event()
        self._going.set()
        self._threads = [
            threading.Thread(target=self._train, args=pair, name="lab training", daemon=True)
            for pair in self.networks.items()
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Whether a network is training or paused."""
        return any(thread.is_alive() for thread in self._threads)

    def pause_or_continue(self) -> bool:
        """Pause all networks at their next point, or continue; return whether they are paused."""
        if self._going.is_set():
            self._going.clear()
        else:
            self._going.set()
        return not self._going.is_set()

    def stop(self) -> None:
        """Stop all networks at their next point, and wait for their threads."""
        self._stopped = True
        self._going.set()
        for thread in self._threads:
            thread.join()

    def _train(self, name: str, network: Network) -> None:
        epochs, optimizer = self.settings.epochs, SGD(self.settings.eta)
        try:
            mnist = _digits()
            points = _AddPoints(self, name, mnist)
            network.train(
                mnist.train, epochs, MINI_BATCH_SIZE, optimizer=optimizer, callbacks=points
            )
        except (ArithmeticError, MemoryError, ValueError, OSError) as error:
            self.errors.append(f"{name}: {error_text(error)}")


class _AddPoints(Callback):
    """Measures a network ten times an epoch, and waits or stops as the training says."""

    interval = INTERVAL

    def __init__(self, training: Training, name: str, mnist: MNIST) -> None:
        self.training, self.name, self.mnist = training, name, mnist
        self.validation: Any = mnist.validation

    def on_train_begin(self, network: Network) -> bool:
        self.validation = network.prepare(self.mnist.validation)
        return self.on_interval(network, 0, 0)

    def on_interval(self, network: Network, epoch: int, mini_batch: int) -> bool:
        train, validation = self.mnist.train, self.mnist.validation
        accuracy = network.accuracy(self.validation) / len(validation.y)
        saturated = network.layer_statistics(validation.X[:WATCHED])[0]["saturated"]
        done = epoch + mini_batch * MINI_BATCH_SIZE / len(train.y)
        point = {"epoch": done, "accuracy": 100 * accuracy, "saturated": 100 * saturated}
        self.training.points.append((self.name, point))
        self.training._going.wait()
        return self.training._stopped


def _digits() -> MNIST:
    """Return MNIST, which all trainings share."""
    with _LOADING:
        if not _LOADED:
            _LOADED.append(load_mnist(dtype="float32"))
        return _LOADED[0]


def forget_digits() -> None:
    """Free MNIST as soon as no training uses it."""
    with _LOADING:
        _LOADED.clear()
