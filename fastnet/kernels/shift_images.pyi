from typing import Any

from numpy.typing import NDArray

from fastnet.kernels.rows import Rows

def shifted(
    images: Rows, chosen: NDArray[Any], moves: NDArray[Any], stays: NDArray[Any]
) -> Rows: ...
