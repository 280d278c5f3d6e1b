"""`check_gradient`: backpropagation compared with finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnet.common.arguments import as_count, as_rate
from fastnet.model.model import Model
from fastnet.model.norms import norm
from fastnet.model.parameters import layer_views
from fastnet.model.prediction import evaluate, read_batch

__all__ = ["check_gradient"]


def check_gradient(
    net: Model, x: ArrayLike, y: ArrayLike, *, epsilon: float = 1e-5, sample: int = 200
) -> float:
    """Return the relative difference between backpropagation and central differences of the cost.

    Parameters
    ----------
    net : Network
        Not changed; the check uses a float64 copy.
    x, y : array_like
        One example or a batch, as for `Network.backprop`.
    epsilon : float, default 1e-5
        Half the distance between the two points of a difference.
    sample : int, default 200
        Maximum number of parameters to check, spread evenly over all.

    Returns
    -------
    float
        The norm of the difference divided by the sum of both norms: a correct gradient gives less
        than 1e-6, a wrong one a value near 1. NaN if both gradients are zero, which proves nothing.
        A ReLU whose weighted input lies within epsilon of its kink may give a larger value.

    Raises
    ------
    ValueError, TypeError
        As for `Network.backprop`; or `epsilon` or `sample` is not positive.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> net = fastnet.Network([3, 4, 2], rng=0)
    >>> fastnet.check_gradient(net, np.ones(3), np.array([1.0, 0.0])) < 1e-7
    True
    """
    epsilon, sample = as_rate(epsilon, "epsilon"), as_count(sample, "sample", at_least=1)
    if epsilon == 0:
        raise ValueError("epsilon is 0; expected a positive number.")
    old = net._architecture
    twin: Any = type(net)._from_parameters(  # a Network, whose backprop may be overridden
        old._replace(dtype=np.dtype(np.float64)),
        *layer_views(net._copied_parameters(), old.sizes),
    )
    flat = np.empty_like(twin.parameters)
    views = layer_views(flat, old.sizes)
    for targets, sources in zip(views, twin.backprop(x, y), strict=True):
        for target, source in zip(targets, sources, strict=True):
            target[...] = source
    chosen = np.unique(np.linspace(0, flat.size - 1, min(sample, flat.size)).astype(int))
    differences = np.array([_difference(twin, x, y, int(j), epsilon) for j in chosen])
    size = norm(differences) + norm(flat[chosen])
    return norm(differences - flat[chosen]) / size if size else float("nan")


def _difference(net: Model, x: ArrayLike, y: ArrayLike, j: int, epsilon: float) -> float:
    """Return (C(w + epsilon) - C(w - epsilon)) / 2 epsilon for parameter j, C summed over rows."""
    kept = net.parameters[j]
    costs = []
    for w in (kept + epsilon, kept - epsilon):
        net.parameters[j] = w
        costs.append(evaluate(net, read_batch(net, x, y))[0])
    net.parameters[j] = kept
    return float((costs[0] - costs[1]) / (2 * epsilon))
