# Every engine_* module is compiled from engine.pyx; this stub stands for all of them.
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnet.kernels.examples import Rows, Targets

@disjoint_base
class Engine:
    def __new__(
        cls,
        sizes: Sequence[int],
        activations: Sequence[int],
        cost: int,
        capacity: int,
        training: bool,
    ) -> Engine: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def capacity(self) -> int: ...
    @property
    def training(self) -> bool: ...
    @property
    def n_parameters(self) -> int: ...
    def load(self, flat: NDArray[Any]) -> None: ...
    def store(self, flat: NDArray[Any]) -> None: ...
    def attach(self, flat: NDArray[Any]) -> None: ...
    def predict(
        self, rows: Rows, order: NDArray[Any], start: int, stop: int, out: NDArray[Any]
    ) -> None: ...
    def evaluate(
        self, rows: Rows, targets: Targets, order: NDArray[Any], start: int, stop: int
    ) -> tuple[float, int]: ...
    def train(
        self,
        rows: Rows,
        targets: Targets,
        order: NDArray[Any],
        start: int,
        stop: int,
        mini_batch_size: int,
        eta: float,
        decay: float,
    ) -> None: ...
    def gradient(
        self,
        rows: Rows,
        targets: Targets,
        order: NDArray[Any],
        start: int,
        stop: int,
        flat: NDArray[Any],
    ) -> None: ...
