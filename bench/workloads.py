"""What is measured: one table of workloads, each a network, its data and a task."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

#: The cost that belongs to each output layer; with each of them the output error is a - y.
COST_OF_OUTPUT = {
    "sigmoid": "cross-entropy",
    "softmax": "log-likelihood",
    "linear": "quadratic",
}

ONE, ALL = "one", "all"


@dataclass(frozen=True)
class Workload:
    """One row of the bench.

    task is "train" (epochs from a given start), "gradient" (one call), "predict" (one call) or
    "ensemble" (several networks trained at once).

    goals maps a peer to the least factor by which fastnet should be faster, "limit" to the largest
    multiple of the dense limit that it may take, and "threads" to how many times faster all threads
    should be than one.  They are printed beside what was measured and decide nothing.

    checked_rows is how many rows the check of parity uses, where rounding has grown beyond all use
    by the epoch's end.
    """

    key: str
    sizes: tuple[int, ...]
    task: str = "train"
    activation: str = "sigmoid"
    output: str = "sigmoid"
    optimizer: str = "sgd"
    eta: float = 0.1
    lmbda: float = 0.0
    mini_batch_size: int = 10
    epochs: int = 1
    networks: int = 1
    dtype: str = "float64"
    data: str = "mnist"
    rows: int = 50_000
    checked_rows: int | None = None
    threads: tuple[str, ...] = (ONE,)
    goals: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def title(self) -> str:
        """One line that says everything the numbers depend on."""
        net = f"{'-'.join(map(str, self.sizes))} {self.activation}/{self.output}"
        rows = f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} of {self.data}"
        if self.task == "predict":
            return f"feedforward, {net}, {self.dtype}, {rows}"
        cost = COST_OF_OUTPUT[self.output]
        if self.task == "gradient":
            return f"gradient, {net}, {cost}, {self.dtype}, {rows}"
        count = f"{self.networks} networks, " if self.networks > 1 else ""
        decay = ", L2" if self.lmbda else ""
        epochs = "an epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        return (
            f"{count}{net}, {cost}{decay}, {self.optimizer}, mini-batch {self.mini_batch_size:,}, "
            f"{self.dtype}, {epochs} of {rows}"
        )

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the whole task, done dense and without the parameters' update."""
        layers = [m * n for m, n in pairwise(self.sizes)]
        forward = sum(layers)
        # Backwards, every layer forms its weights' gradient and all but the first pass on delta.
        backward = 0 if self.task == "predict" else forward + sum(layers[1:])
        return (forward + backward) * self.rows * self.epochs * self.networks

    def checked(self) -> "Workload":
        """Return the workload that the check of parity is made on: one network, maybe fewer rows.

        Networks of an ensemble that start alike must end alike, so one is the answer for all.
        """
        return replace(self, networks=1, rows=min(self.rows, self.checked_rows or self.rows))

    def quick(self) -> "Workload":
        """Return the same workload cut to a fraction of a second for most peers."""
        return replace(
            self,
            rows=min(self.rows, 5_000),
            epochs=min(self.epochs, 10),
            networks=min(self.networks, 4),
        )


_DIGITS = Workload("W1", (784, 30, 10), lmbda=5.0, threads=(ONE, ALL))
_DENSE = replace(_DIGITS, data="dense", threads=(ONE,), goals={"limit": 1.4})

_TABLE = (
    replace(
        _DIGITS,
        goals={
            "book_loop": 80, "reference": 20, "sklearn": 50, "torch": 50, "jax": 6, "limit": 0.70,
            "threads": 1.5,
        },
    ),
    replace(_DIGITS, key="W1f", dtype="float32",
            goals={"torch": 80, "jax": 8, "kann": 8, "limit": 0.85}),
    replace(_DENSE, key="W1d64"),
    replace(_DENSE, key="W1d32", dtype="float32"),
    replace(_DIGITS, key="W2", sizes=(784, 100, 10),
            goals={"jax": 5, "limit": 0.60, "threads": 1.5}),
    Workload("W3", (784, 512, 512, 10), activation="relu", output="softmax", optimizer="adam",
             eta=1e-3, mini_batch_size=128, dtype="float32", checked_rows=5_000, threads=(ONE, ALL),
             goals={"torch": 1.3, "limit": 1.25}),
    Workload("W4", (4, 32, 16, 4), activation="tanh", output="linear", optimizer="adam", eta=1e-3,
             mini_batch_size=10_000, epochs=100, dtype="float32", data="matrix exponentials",
             rows=10_000, threads=(ONE, ALL), goals={"torch": 10, "jax": 3}),
    Workload("W5", (24, 8, 2), task="gradient", activation="tanh", output="linear", data="noise",
             rows=200, goals={}),
    Workload("W6", (784, 30, 10), task="predict", rows=1, goals={"torch": 8, "sklearn": 40}),
    Workload("W6b", (784, 30, 10), task="predict", rows=10_000, threads=(ONE, ALL),
             goals={"limit": 1 / 0.70}),
    Workload("W7", (100, 100, 2), activation="relu", output="softmax", optimizer="adam", eta=1e-3,
             mini_batch_size=200, dtype="float32", data="a table", rows=100_000,
             threads=(ONE, ALL), goals={"sklearn": 8, "torch": 4}),
    replace(_DIGITS, key="W8", task="ensemble", networks=32, goals={"threads": 1.85}),
)  # fmt: skip

WORKLOADS = {workload.key: workload for workload in _TABLE}


def select(names: str | None) -> list[Workload]:
    """Return the workloads that a comma-separated list names; W1d stands for both its dtypes.

    Raises
    ------
    ValueError
        If a name is neither a workload nor W1d.
    """
    if names is None:
        return list(WORKLOADS.values())
    chosen = []
    for name in names.split(","):
        keys = [name] if name in WORKLOADS else [f"{name}64", f"{name}32"]
        if not set(keys) <= set(WORKLOADS):
            raise ValueError(f"workload {name!r} is not known; there are {', '.join(WORKLOADS)}")
        chosen += [WORKLOADS[key] for key in keys]
    return chosen
