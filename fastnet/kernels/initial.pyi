from typing import Any

from numpy.random import BitGenerator
from numpy.typing import NDArray

def fill_normal(bit_generator: BitGenerator, out: NDArray[Any], divisor: float) -> None: ...
def fill_legacy_normal(
    bit_generator: BitGenerator,
    out: NDArray[Any],
    divisor: float,
    has_spare: bool,
    spare: float,
) -> tuple[bool, float]: ...
