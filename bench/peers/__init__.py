"""The peers, in one module each.

Each module has:

why_not(workload, variant, threads)
    Returns None, or the reason why this cannot be measured.  (Importing the module imports the
    peer.)
prepare(problem, variant, threads)
    Returns a Job with everything built, which is not part of the measured time.

The table below has what must be known before a peer is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Peer(NamedTuple):
    """The packages that a peer needs, its variants (the plain one is ""), and if it has threads."""

    packages: tuple[str, ...] = ("numpy",)
    variants: tuple[str, ...] = ("",)
    threaded: bool = False


#: In the order of the report's rows.
PEERS = {
    "limit": Peer(("numpy", "threadpoolctl"), threaded=True),
    "fastnet": Peer(("fastnet-mlp", "numpy"), ("", "arrays", "train", "shuffled"), threaded=True),
    "kernel": Peer(("fastnet-mlp", "numpy"), ("", "copied")),
    "numpy": Peer(),
    "reference": Peer(("fastnet-mlp", "numpy")),
    "book_loop": Peer(),
    "sklearn": Peer(("scikit-learn", "numpy")),
    "torch": Peer(("torch",), ("", "foreach", "fused"), threaded=True),
    "torch_compile": Peer(("torch",)),
    "jax": Peer(("jax", "jaxlib"), threaded=True),
    "onnxruntime": Peer(("onnxruntime", "onnx"), ("", "io-binding"), threaded=True),
    "keras": Peer(("keras", "jax", "jaxlib")),
    "kann": Peer(("cynn",)),
    "fann": Peer(("cynn",)),
}


def nothing() -> None:
    """Do nothing: the reset of a job that changes nothing."""


@dataclass
class Job:
    """A job that the worker measures.

    run() runs the workload once and is timed; reset() restores the start, untimed.  outcome()
    returns the vector that must agree with the oracle's.  A peer whose start, order or update
    cannot be set has accuracy() instead, on the held-out rows, and says why in note.  Measured
    times are multiplied by scale.  tolerance replaces the worker's; note must then give the reason.
    """

    run: Callable[[], object]
    reset: Callable[[], None] = nothing
    outcome: Callable[[], Array] | None = None
    accuracy: Callable[[], float] | None = None
    note: str = ""
    scale: float = 1.0
    tolerance: float | None = None
    details: dict[str, Any] = field(default_factory=dict)


def hits(outputs: Array, y: Array | None) -> float:
    """Return the accuracy: the fraction of rows whose largest output is that of their class."""
    return float((np.asarray(outputs).argmax(axis=1) == y).mean())
