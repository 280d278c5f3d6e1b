"""Hypothesis strategies that draw networks together with data of their shape.

Shapes are what hypothesis searches; numbers come from a seeded generator. Widths lie on both sides
of every vector and tile length of the kernels, and 1 is drawn more often than any other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import fastnet
from fastnet import reference

WIDTHS = [1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65]
COSTS = sorted(reference.COSTS)
DTYPES = [np.float64, np.float32]
#: Shares of X that are not zero. Below 0.4 training keeps the non-zeros alone.
DENSITIES = [1.0, 0.5, 0.3, 0.0]


@dataclass
class Problem:
    """A network and examples for it."""

    sizes: list[int]
    cost: str
    dtype: Any
    X: np.ndarray  # (n, n_0), float64 or float32
    labels: np.ndarray | None  # (n,), or None where the targets are no classes
    Y: np.ndarray  # (n, n_L), the targets in the network's dtype
    seed: int

    @property
    def n(self):
        """How many examples there are."""
        return len(self.X)

    @property
    def data(self):
        """The examples as `Network` takes them."""
        return self.X, self.Y if self.labels is None else self.labels

    def network(self):
        """Return the network; always the same one."""
        return fastnet.Network(self.sizes, self.cost, dtype=self.dtype, rng=self.seed)

    def plain(self, dtype=None):
        """Return (biases, weights, X, Y) of the same values for `fastnet.reference`."""
        dtype = dtype or self.dtype
        net = self.network()
        return (
            [np.array(b, dtype) for b in net.biases],
            [np.array(w, dtype, order="C") for w in net.weights],
            # What a network computes with is X rounded to its own type.
            self.X.astype(self.dtype).astype(dtype),
            self.Y.astype(dtype),
        )


def draw_numbers(rng, n, n_in, density, exact):
    """Return X (n, n_in) with about that share of non-zeros; `exact` ones are bytes / 256."""
    X = rng.integers(1, 256, (n, n_in)) / 256 if exact else rng.standard_normal((n, n_in))
    return X * (rng.random((n, n_in)) < density)


@st.composite
def problems(draw, max_rows=20, min_layers=2, max_layers=4, widths=WIDTHS, dtypes=DTYPES):
    """Draw a `Problem`."""
    sizes = draw(st.lists(st.sampled_from(widths), min_size=min_layers, max_size=max_layers))
    dtype = draw(st.sampled_from(dtypes))
    n = draw(st.integers(1, max_rows))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    X = draw_numbers(rng, n, sizes[0], draw(st.sampled_from(DENSITIES)), draw(st.booleans()))
    labels, Y = None, rng.random((n, sizes[-1]))
    # With one output a class number would be a target, so that classes need two.
    if sizes[-1] > 1 and draw(st.booleans()):
        labels = rng.integers(0, sizes[-1], n)
        Y = np.eye(sizes[-1])[labels]
    if draw(st.booleans()):
        X = X.astype(np.float32)
    return Problem(sizes, draw(st.sampled_from(COSTS)), dtype, X, labels, Y.astype(dtype), seed)
