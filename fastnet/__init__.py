"""Feedforward neural networks in Python, trained by typed Cython kernels on NumPy buffers.

Examples
--------
>>> import numpy as np, fastnet
>>> net = fastnet.Network([2, 3, 2], rng=0)
>>> X, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1])
>>> _ = net.SGD((X, y), epochs=200, mini_batch_size=2, eta=3.0)
>>> net.accuracy((X, y))
2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnet import kernels as kernels  # now, so that a variant that cannot run is refused
from fastnet._version import __version__

if TYPE_CHECKING:
    from fastnet import datasets as datasets
    from fastnet import diagnostics as diagnostics
    from fastnet import schedules as schedules
    from fastnet import sweeps as sweeps
    from fastnet.callbacks import Callback, EarlyStopping, RecordStatistics
    from fastnet.common.errors import DivergenceError
    from fastnet.common.threads import get_num_threads, set_num_threads
    from fastnet.costs import (
        AbsoluteCost,
        CrossEntropyCost,
        GaussianCost,
        HuberCost,
        LogLikelihoodCost,
        PoissonCost,
        QuadraticCost,
        QuantileCost,
    )
    from fastnet.data.batches import Batches
    from fastnet.ensemble import Ensemble
    from fastnet.history import History
    from fastnet.model.gradient_check import check_gradient
    from fastnet.network import Network, load
    from fastnet.optimizers import LBFGS, SGD, Adam, AdamW, Momentum, Nesterov, RMSprop, Rprop
    from fastnet.preprocessing import Preprocessing
    from fastnet.sweeps import sweep
    from fastnet.training.checkpoint import Checkpoint

__all__ = [
    "LBFGS",
    "SGD",
    "AbsoluteCost",
    "Adam",
    "AdamW",
    "Batches",
    "Callback",
    "Checkpoint",
    "CrossEntropyCost",
    "DivergenceError",
    "EarlyStopping",
    "Ensemble",
    "GaussianCost",
    "History",
    "HuberCost",
    "LogLikelihoodCost",
    "Momentum",
    "Nesterov",
    "Network",
    "PoissonCost",
    "Preprocessing",
    "QuadraticCost",
    "QuantileCost",
    "RMSprop",
    "RecordStatistics",
    "Rprop",
    "__version__",
    "check_gradient",
    "datasets",
    "diagnostics",
    "get_num_threads",
    "load",
    "schedules",
    "set_num_threads",
    "sweep",
    "sweeps",
]

#: The public modules, as in docs/api.rst. Like the names below they are imported on first use:
#: together they take as long as NumPy, and ``fastnet --help`` needs none of them.
_MODULES = (
    "activations", "callbacks", "compare", "costs", "datasets", "diagnostics", "estimators",
    "initializers", "lab", "metrics", "network2", "optimizers", "plotting", "preprocessing",
    "reference", "schedules", "sweeps",
)  # fmt: skip

_MODULE_OF = {
    name: module
    for module, names in {
        "callbacks": "Callback EarlyStopping RecordStatistics",
        "common.errors": "DivergenceError",
        "common.threads": "get_num_threads set_num_threads",
        "costs": "AbsoluteCost CrossEntropyCost GaussianCost HuberCost LogLikelihoodCost "
        "PoissonCost QuadraticCost QuantileCost",
        "data.batches": "Batches",
        "ensemble": "Ensemble",
        "history": "History",
        "model.gradient_check": "check_gradient",
        "network": "Network load",
        "optimizers": "LBFGS SGD Adam AdamW Momentum Nesterov RMSprop Rprop",
        "preprocessing": "Preprocessing",
        "sweeps": "sweep",
        "training.checkpoint": "Checkpoint",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"fastnet.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fastnet' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"fastnet.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
