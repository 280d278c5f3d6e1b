"""Feedforward neural networks from Python, trained by typed Cython kernels on NumPy buffers.

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
from typing import Any

from fastnet._version import __version__
from fastnet.costs import CrossEntropyCost, QuadraticCost
from fastnet.network import Network, load

__all__ = ["CrossEntropyCost", "Network", "QuadraticCost", "__version__", "datasets", "load"]


def __getattr__(name: str) -> Any:
    # What few programs need is imported when it is first asked for.
    if name in ("datasets", "network2", "reference", "plotting"):
        return import_module(f"fastnet.{name}")
    raise AttributeError(f"module 'fastnet' has no attribute {name!r}")
