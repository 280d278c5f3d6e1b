"""One module a peer, of the peer's name.

Each offers:

why_not(workload, variant, threads)
    None, or the reason why this cannot be measured.  (Importing the module imports the peer.)
prepare(problem, variant, threads)
    A Job with everything built, nothing of which is in the measured time.

What must be known before a peer is imported is in the table below.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Peer(NamedTuple):
    """The distributions a peer needs, its variants (the plain one is ""), if it uses threads."""

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
    """Do nothing: the reset of a job that leaves no trace."""


@dataclass
class Job:
    """What the worker measures.

    run() does the workload once and is what is timed; reset() goes back to the start, untimed.
    outcome() returns the vector that must agree with the oracle's.  A peer that cannot be given
    the start, the order or the update gives accuracy(), a fraction of the held-out rows, instead,
    and says why in note.  A measured time is multiplied by scale.  tolerance replaces the worker's,
    which note must then account for.
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
    """Return the fraction of rows whose largest output is at the right class."""
    return float((np.asarray(outputs).argmax(axis=1) == y).mean())
