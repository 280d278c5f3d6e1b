import numpy as np
from numpy.typing import NDArray

def fill(
    rng: np.random.Generator | np.random.RandomState,
    out: NDArray[np.float64],
    counts: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> None: ...
