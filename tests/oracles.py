"""How results are laid beside those of the plain NumPy twin."""

from itertools import chain

import numpy as np


def flat(biases, weights):
    """Lay parameters or gradients out as one vector, in the layers' usual order."""
    return np.concatenate([np.ravel(p) for p in [*biases, *weights]])


def assert_close(got, expected, dtype, *, factor):
    """Compare arrays to `factor` roundings of the largest number that is expected."""
    tolerance = factor * float(np.finfo(dtype).eps)
    scale = max(float(np.abs(expected).max()), 1e-3)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * scale)


def assert_trained_alike(network, twin, *, factor=2000):
    """Compare a network's parameters with the twin's, (biases, weights, ...), array by array."""
    parameters = [*network.biases, *network.weights]
    for got, expected in zip(parameters, chain(*twin[:2]), strict=True):
        assert_close(got, expected, network.dtype, factor=factor)
