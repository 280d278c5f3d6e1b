from typing import Any

from numpy.typing import NDArray
from typing_extensions import disjoint_base

@disjoint_base
class Rows:
    @property
    def n(self) -> int: ...
    @property
    def n_in(self) -> int: ...
    def __new__(cls, X: NDArray[Any]) -> Rows: ...
    @property
    def is_sparse(self) -> bool: ...

@disjoint_base
class Targets:
    @property
    def n(self) -> int: ...
    @property
    def n_out(self) -> int: ...
    @property
    def itemsize(self) -> int: ...
    def __new__(
        cls,
        labels: NDArray[Any] | None,
        y: NDArray[Any] | None,
        sample_weights: NDArray[Any] | None = None,
    ) -> Targets: ...

def scan(X: NDArray[Any], limit: float) -> int: ...
def survey(
    y: NDArray[Any],
) -> tuple[
    int, tuple[float, int], tuple[float, int], tuple[float, int], tuple[bool, bool, bool, bool]
]: ...
def compress(
    X: NDArray[Any], limit: float, share: float, most_bytes: int
) -> tuple[int, Rows | None]: ...
def from_csr(starts: NDArray[Any], cols: NDArray[Any], values: NDArray[Any], n_in: int) -> Rows: ...
