# The float64 engine; engine_f32 is compiled from the same source.
from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnet.kernels.rows import Rows, Targets
from fastnet.kernels.rwlock import Guard

def use(table: object) -> None: ...

@disjoint_base
class Engine:
    def __new__(
        cls,
        sizes: Sequence[int],
        activations: Sequence[int],
        cost: int,
        capacity: int,
        guard: Guard | None = None,
        *,
        dropout: Sequence[float] | None = None,
        n_states: int = 0,
        n_threads: int = 1,
        cost_numbers: Sequence[float] = (),
    ) -> Self: ...
    def count_hits(self, rule: int, middle: float) -> None: ...
    def expect(
        self, lowest: float, highest: float, sums_to_one: bool, one_class: bool = False
    ) -> None: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def n_threads(self) -> int: ...

@disjoint_base
class PredictionEngine(Engine):
    def attach(self, flat: NDArray[Any]) -> None: ...
    def predict(
        self, rows: Rows, order: NDArray[Any], start: int, stop: int, out: NDArray[Any]
    ) -> bool: ...
    @property
    def most_elements(self) -> int: ...
    def set_limits(self, call_rows: int, most_rows: int) -> None: ...
    def answer(self, a: NDArray[Any], parameters: NDArray[Any]) -> NDArray[Any] | None: ...
    def answer_each(
        self,
        X: NDArray[Any],
        parameters: NDArray[Any],
        guards: tuple[Guard, ...],
        out: NDArray[Any],
        start: int,
        stop: int,
    ) -> int: ...
    def evaluate(
        self, rows: Rows, targets: Targets, order: NDArray[Any], start: int, stop: int
    ) -> tuple[float, int]: ...
    def statistics(
        self, rows: Rows, order: NDArray[Any], start: int, stop: int, sums: NDArray[Any]
    ) -> None: ...

class InputEngine(PredictionEngine):
    def differentiate(
        self,
        rows: Rows,
        targets: Targets | None,
        v: NDArray[Any] | None,
        order: NDArray[Any],
        start: int,
        stop: int,
        out: NDArray[Any],
    ) -> bool: ...
    def answer_derivatives(
        self, a: NDArray[Any], given: object, of_cost: bool, parameters: NDArray[Any]
    ) -> NDArray[Any] | None: ...

@disjoint_base
class TrainingEngine(Engine):
    @property
    def steps(self) -> int: ...
    @property
    def is_finite(self) -> bool: ...
    @property
    def measured(self) -> tuple[float, int]: ...
    @property
    def scale(self) -> float: ...
    def load(self, flat: NDArray[Any], scale: float = 1.0) -> None: ...
    def store(self, flat: NDArray[Any], scaled: bool = True) -> None: ...
    def load_state(self, which: int, flat: NDArray[Any]) -> None: ...
    def store_state(self, which: int, flat: NDArray[Any]) -> None: ...
    def set_rule(
        self,
        kind: int,
        *,
        beta1: float = 0.0,
        beta2: float = 0.0,
        epsilon: float = 0.0,
        largest: float = 0.0,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float = 0.0,
        clip_norm: float = 0.0,
        t: int = 0,
    ) -> None: ...
    def begin_epoch(
        self, dropout_key: int, measuring: bool, cost_sum: float = 0.0, hits: int = 0
    ) -> None: ...
    def step(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        parameters: NDArray[Any],
        guard: Guard,
        version: int,
        state: Any,
        owner: Any,
        optimizer: Any,
        eta: float,
        l1: float,
        l2: float,
    ) -> bool: ...
    def first_bad_layer(self) -> int: ...
    def train(
        self,
        rows: Rows,
        targets: Targets,
        order: NDArray[Any],
        start: int,
        stop: int,
        position: int,
        total: int,
        mini_batch_size: int,
        etas: NDArray[Any],
        n_threads: int = 1,
    ) -> None: ...
    def differentiate(
        self, X: NDArray[Any], y: NDArray[Any], parameters: NDArray[Any]
    ) -> NDArray[Any] | None: ...
    def gradient(
        self,
        rows: Rows,
        targets: Targets,
        order: NDArray[Any],
        start: int,
        stop: int,
        flat: NDArray[Any],
        add: bool = False,
    ) -> None: ...
    def propagate(
        self,
        rows: Rows,
        targets: Targets,
        order: NDArray[Any],
        start: int,
        stop: int,
        flat: NDArray[Any],
        add: bool,
        sums: NDArray[Any],
        saturated: NDArray[Any],
    ) -> None: ...
