"""What a refusal is: the right kind of error, words that help, and nothing changed."""

import re

import numpy as np
import pytest

import fastnet

N = 5
X = np.random.default_rng(1).random((N, 3))
Y = np.array([0, 1, 1, 0, 1])
GOOD = X, Y
PAIRS = [(x[:, np.newaxis], y) for x, y in zip(X, Y, strict=True)]


def new(**options):
    return fastnet.Network([3, 4, 2], **({"rng": 6} | options))


def fingerprint(network):
    """Return everything that a refusal must leave as it is."""
    rng = network.rng
    legacy = isinstance(rng, np.random.RandomState)
    state = rng.get_state(legacy=False) if legacy else rng.bit_generator.state
    return network.parameters.tobytes(), repr(network), repr(state)


def assert_refused(network, call, error, words):
    before = fingerprint(network)
    with pytest.raises(error) as caught:
        call(network)
    message = str(caught.value)
    assert re.search(words, message), message
    assert "\n" not in message
    assert len(message) < 300
    assert fingerprint(network) == before
    # It still works.
    network.SGD(GOOD, 1, 2, 0.1)


def spoilt(array, index, value):
    array = np.array(array, dtype=np.result_type(array, type(value)))
    array[index] = value
    return array
