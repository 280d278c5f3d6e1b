"""The table of workloads, each with a network, data and a task."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

#: The cost for each output layer; with these costs the output error is a - y.
COST_OF_OUTPUT = {
    "sigmoid": "cross-entropy",
    "softmax": "log-likelihood",
    "linear": "quadratic",
}

#: The penalty of scikit-learn's estimators, which it divides by the size of the mini-batch.
DEFAULT_ALPHA = 1e-4

ONE, ALL = "one", "all"


@dataclass(frozen=True)
class Published:
    """The published time of a library that cannot be measured here."""

    library: str
    seconds: float
    machine: str
    source: str


@dataclass(frozen=True)
class Workload:
    """One row of the bench.

    task is "train" (epochs from given parameters), "step" (one step on plain arrays), "gradient"
    (one call), "input gradient" (of each row's cost with respect to the row, one call), "predict"
    (one call) or "ensemble" (several networks trained at once).

    estimator is the method of scikit-learn's interface that is called, for "train" or "predict";
    "fit" uses the defaults.  as_vector passes a single row as a vector.

    goals maps a peer to the smallest factor by which fastnet should be faster, and
    "limit" to the largest multiple of the dense limit that fastnet may take,
    "above kernel" to the most seconds that it may take beyond the bare compiled call,
    "arrays" to the largest multiple of prepared data's time that plain arrays may take on one
    thread ("arrays threads": on all), and
    "threads" to the smallest speedup of all threads over one.
    Goals are printed beside the results; they do not affect the exit status.

    peers are the peers to measure; all if empty.  checked_rows is the number of rows for the check
    of parity, where rounding errors would be too large at the end of the epoch.
    """

    key: str
    sizes: tuple[int, ...]
    task: str = "train"
    estimator: str = ""
    as_vector: bool = False
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
    peers: tuple[str, ...] = ()
    goals: Mapping[str, float] = field(default_factory=dict, compare=False)
    published: tuple[Published, ...] = ()

    @property
    def title(self) -> str:
        """One line that says everything the numbers depend on."""
        net = f"{'-'.join(map(str, self.sizes))} {self.activation}/{self.output}"
        rows = f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} of {self.data}"
        if self.estimator:
            kind = "MLPRegressor" if self.output == "linear" else "MLPClassifier"
            net = f"{kind}.{self.estimator}, {net}"
        elif self.task == "predict":
            net = f"feedforward, {net}"
        if self.task == "predict":
            return f"{net}, {self.dtype}, {rows}{' as a vector' if self.as_vector else ''}"
        cost = COST_OF_OUTPUT[self.output]
        if self.task in ("gradient", "input gradient"):
            return f"{self.task}, {net}, {cost}, {self.dtype}, {rows}"
        if self.task == "step":
            return f"one step on arrays, {net}, {cost}, {self.optimizer}, {self.dtype}, {rows}"
        count = f"{self.networks} networks, " if self.networks > 1 else ""
        decay = ", L2" if self.decay else ""
        epochs = "an epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        return (
            f"{count}{net}, {cost}{decay}, {self.optimizer}, mini-batch {self.mini_batch_size:,}, "
            f"{self.dtype}, {epochs} of {rows}"
        )

    @property
    def repeats(self) -> bool:
        """Whether runs are so short that many are timed together."""
        return self.task in ("gradient", "input gradient", "predict", "step")

    @property
    def decay(self) -> float:
        """The share of each weight that is added to the mean gradient of a mini-batch."""
        if self.estimator == "fit":
            return DEFAULT_ALPHA / self.mini_batch_size
        return self.lmbda / self.rows

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the whole task on dense inputs, without the update of parameters."""
        layers = [m * n for m, n in pairwise(self.sizes)]
        forward = sum(layers)
        # Backward, every layer computes its gradient, and all but the first propagate delta.
        backward = 0 if self.task == "predict" else forward + sum(layers[1:])
        if self.task == "input gradient":  # every layer propagates delta, without gradients
            backward = forward
        return (forward + backward) * self.rows * self.epochs * self.networks

    def checked(self) -> "Workload":
        """Return the workload for the check of parity: one network, possibly on fewer rows.

        Networks of an ensemble that start equal must end equal, so one answer is enough.
        """
        return replace(self, networks=1, rows=min(self.rows, self.checked_rows or self.rows))

    def quick(self) -> "Workload":
        """Return the workload reduced to a fraction of a second for most peers."""
        return replace(
            self,
            rows=min(self.rows, 5_000),
            epochs=min(self.epochs, 10),
            networks=min(self.networks, 4),
        )


_DIGITS = Workload("W1", (784, 30, 10), lmbda=5.0, threads=(ONE, ALL))
_DENSE = replace(_DIGITS, data="dense", threads=(ONE,), goals={"limit": 1.4})

_BLOG = "https://julialang.org/blog/2022/04/simple-chains"
_SIMPLE_CHAINS = (
    Published("SimpleChains.jl", 100 * 41e-6, "Intel i9-10980XE, 18 cores, AVX-512", _BLOG),
    Published("SimpleChains.jl", 100 * 72e-6, "AMD EPYC 7513, 32 cores, AVX2", _BLOG),
)
_SIMPLE_CHAINS_GRADIENT = Published(
    "SimpleChains.jl (with dropout, without biases in the last layer)", 5.66e-6,
    "machine not named", "https://github.com/PumasAI/SimpleChains.jl",
)  # fmt: skip

_ARRAYS = {"arrays": 1.5, "arrays threads": 1.3}

_INPUTS = Workload("W5i-200", (24, 8, 2), task="input gradient", activation="tanh", output="linear",
                   data="noise", rows=200, peers=("fastnet", "numpy", "torch"))  # fmt: skip

#: Whole trainings and predictions, with all peers.
_WHOLE = (
    replace(
        _DIGITS,
        goals={
            "book_loop": 80, "reference": 20, "sklearn": 50, "torch": 50, "jax": 6, "limit": 0.70,
            "threads": 1.5, **_ARRAYS,
        },
    ),
    replace(_DIGITS, key="W1f", dtype="float32",
            goals={"torch": 80, "jax": 8, "kann": 8, "limit": 0.70, **_ARRAYS}),
    replace(_DENSE, key="W1d64"),
    replace(_DENSE, key="W1d32", dtype="float32"),
    replace(_DIGITS, key="W2", sizes=(784, 100, 10),
            goals={"jax": 5, "limit": 0.60, "threads": 1.5, **_ARRAYS}),
    Workload("W3", (784, 512, 512, 10), activation="relu", output="softmax", optimizer="adam",
             eta=1e-3, mini_batch_size=128, dtype="float32", checked_rows=5_000, threads=(ONE, ALL),
             goals={"torch": 1.3, "limit": 1.25, "threads": 1.5}),
    Workload("W4", (4, 32, 16, 4), activation="tanh", output="linear", optimizer="adam", eta=1e-3,
             mini_batch_size=10_000, epochs=100, dtype="float32", data="matrix exponentials",
             rows=10_000, threads=(ONE, ALL), goals={"torch": 10, "jax": 2, "threads": 1.5},
             published=_SIMPLE_CHAINS),
    Workload("W5", (24, 8, 2), task="gradient", activation="tanh", output="linear", data="noise",
             rows=200, published=(_SIMPLE_CHAINS_GRADIENT,)),
    _INPUTS,
    replace(_INPUTS, key="W5i-1", rows=1, as_vector=True),
    replace(_INPUTS, key="W5i-digit", sizes=(784, 30, 10), activation="sigmoid", output="sigmoid",
            rows=1, as_vector=True, data="mnist"),
    Workload("W6", (784, 30, 10), task="predict", rows=1, as_vector=True,
             goals={"torch": 8, "sklearn": 40}),
    Workload("W6b", (784, 30, 10), task="predict", rows=10_000, threads=(ONE, ALL),
             goals={"limit": 1.2}),
    Workload("W7", (100, 100, 2), activation="relu", output="softmax", optimizer="adam", eta=1e-3,
             mini_batch_size=200, dtype="float32", data="a table", rows=100_000,
             threads=(ONE, ALL), goals={"sklearn": 8, "torch": 4, "limit": 1.3, "threads": 1.5}),
    replace(_DIGITS, key="W8", task="ensemble", networks=32, peers=("limit", "fastnet", "jax"),
            goals={"threads": 1.85}),
)  # fmt: skip

#: Predictions of few and of many rows, of digits and of dense inputs.
_CALLS = ("limit", "fastnet", "kernel", "numpy", "onnxruntime", "torch", "jax")
_PREDICTORS = (
    Workload("S1a", (784, 30, 10), dtype="float32"),
    Workload("S1b", (784, 100, 10)),
    Workload("S1c", (100, 100, 2), activation="relu", output="softmax", dtype="float32",
             data="a table"),
    Workload("S1d", (4, 32, 16, 4), activation="tanh", output="linear", dtype="float32",
             data="matrix exponentials"),
    Workload("S1e", (4, 32, 16, 4), activation="relu", output="linear", dtype="float32",
             data="matrix exponentials"),
)  # fmt: skip


def _predictions(network: Workload, rows: int) -> tuple[Workload, ...]:
    numpy = onnxruntime = 1.3 if rows <= 64 else 1.0
    if network.activation == "tanh" and rows > 64:
        onnxruntime = 1 / 1.25  # its tanh is less accurate
    goals = {"numpy": numpy, "onnxruntime": onnxruntime, "above kernel": 5e-6}
    one = replace(network, key=f"{network.key}-{rows}", task="predict", rows=rows, peers=_CALLS,
                  goals=goals)  # fmt: skip
    if one.data != "mnist":
        return (one,)
    return one, replace(one, key=f"{one.key}-dense", data="dense")


#: One step on a mini-batch of plain arrays: SGD (update_mini_batch) and Adam (partial_fit).
_STEPPERS = (
    Workload("S2a", (10, 32, 1), data="a table"),
    Workload("S2b", (784, 30, 10)),
)


def _steps(network: Workload, rows: int) -> tuple[Workload, ...]:
    sgd = replace(
        network, key=f"{network.key}-{rows}", task="step", rows=rows, mini_batch_size=rows,
        peers=("fastnet", "kernel", "numpy", "sklearn", "torch", "jax"),
        goals={"numpy": 2, "above kernel": 10e-6},
    )  # fmt: skip
    return sgd, replace(sgd, key=f"{sgd.key}-adam", optimizer="adam", eta=1e-3)


#: scikit-learn's interface, as its users get it after changing the import line.
_FIT = Workload("S4a-fit", (20, 100, 1), estimator="fit", activation="relu", optimizer="adam",
                eta=1e-3, mini_batch_size=200, epochs=5, data="a table", rows=1_000,
                peers=("limit", "fastnet", "sklearn"), goals={"sklearn": 5})  # fmt: skip
_DIGITS_FIT = replace(
    _FIT, key="S4d-fit", sizes=(784, 100, 10), output="softmax", data="mnist", rows=10_000,
    threads=(ONE, ALL), goals={"sklearn": 4, "threads": 1.5},
)  # fmt: skip
_ESTIMATORS = (
    _FIT,
    replace(_FIT, key="S4b-fit", rows=10_000, goals={"sklearn": 7}),
    replace(_FIT, key="S4c-fit", sizes=(100, 100, 1), output="linear", rows=20_000,
            threads=(ONE, ALL), goals={"sklearn": 3, "threads": 1.5}),
    _DIGITS_FIT,
    replace(_DIGITS_FIT, key="S4e-fit", dtype="float32", goals={"sklearn": 4.5, "threads": 1.5}),
    *(
        replace(fit, key=f"{fit.key[:3]}-{method}", task="predict", estimator=method, rows=1,
                mini_batch_size=1, epochs=1, threads=(ONE,), peers=("fastnet", "sklearn"),
                goals={"sklearn": 8})
        for fit in (_FIT, _DIGITS_FIT)
        for method in ("predict", "predict_proba")
    ),
)  # fmt: skip

#: Larger mini-batches of digits, and tables with few columns.
_TRAINERS = ("limit", "fastnet", "numpy", "sklearn", "torch", "jax")
_RELU = Workload("S7", (784, 100, 10), activation="relu", output="softmax", dtype="float32",
                 checked_rows=5_000, peers=_TRAINERS)  # fmt: skip
_COLUMNS = replace(
    _WHOLE[-2], key="S8-20", sizes=(20, 100, 2), peers=_TRAINERS, goals={"limit": 1.6}
)
_LARGER = (
    *(
        replace(_RELU, key=f"S7-{size}{suffix}", mini_batch_size=size, dtype=dtype,
                goals={"limit": goal})
        for size in (10, 50, 200, 1_000)
        for suffix, dtype, goal in (("", "float32", 0.60), ("-f64", "float64", 0.58))
    ),
    _COLUMNS,
    replace(_COLUMNS, key="S8-20-f64", dtype="float64"),
    replace(_COLUMNS, key="S8-100-f64", sizes=(100, 100, 2), dtype="float64", goals={"limit": 1.3}),
)  # fmt: skip

_TABLE = (
    *_WHOLE,
    *(w for network in _PREDICTORS for rows in (1, 16, 64, 256, 4_096)
      for w in _predictions(network, rows)),
    *(w for network in _STEPPERS for rows in (1, 10, 100) for w in _steps(network, rows)),
    *_ESTIMATORS,
    *_LARGER,
)  # fmt: skip

WORKLOADS = {workload.key: workload for workload in _TABLE}


def select(names: str | None) -> list[Workload]:
    """Return the workloads in a comma-separated list of keys or beginnings of keys.

    >>> [workload.key for workload in select("W1,W1d,S4a-f")]
    ['W1', 'W1d64', 'W1d32', 'S4a-fit']

    Raises
    ------
    ValueError
        No workload's key begins with a name.
    """
    if names is None:
        return list(WORKLOADS.values())
    chosen = []
    for name in names.split(","):
        keys = [name] if name in WORKLOADS else [key for key in WORKLOADS if key.startswith(name)]
        if not name or not keys:
            raise ValueError(
                f"workload {name!r} is unknown; the workloads are {', '.join(WORKLOADS)}"
            )
        chosen += [WORKLOADS[key] for key in keys]
    return chosen
