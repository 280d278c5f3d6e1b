"""How exact the compiled functions are, against mpmath: sigmoid and tanh, through a 1-1 network."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet

from ..strategies import DTYPES

#: Beyond these the exact value is below the smallest normal number.
UNDERFLOW = {np.float64: -708.39, np.float32: -87.33}
MAX_ULP = 3


def identity_network(dtype):
    """Return a network whose output is sigmoid of its input: one weight of 1, no bias."""
    network = fastnet.Network([1, 1], dtype=dtype)
    network.weights, network.biases = [[[1.0]]], [[[0.0]]]
    return network


def sigmoid(z):
    return identity_network(z.dtype).feedforward(z[:, np.newaxis])[:, 0]


def ulps_off(got, z, function):
    """Return how many units in the last place of the exact value each result is off."""
    digits = np.finfo(z.dtype).nmant + 1
    off = np.empty(len(z))
    with mpmath.workprec(200):
        for i, (value, x) in enumerate(zip(got.tolist(), z.tolist(), strict=True)):
            exact = function(mpmath.mpf(x))
            # The exponent e of exact = m 2**e with 1/2 <= m < 1.
            unit = mpmath.ldexp(1, mpmath.frexp(exact)[1] - digits)
            off[i] = abs(mpmath.mpf(value) - exact) / unit
    return off


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def samples(dtype):
    """Return numbers over the whole range: even, tiny, near multiples of ln 2, and at its ends."""
    rng = np.random.default_rng(0)
    low = UNDERFLOW[dtype]
    k = np.arange(int(low / np.log(2)), 60)
    edges = (k + 0.5) * np.log(2)  # where the argument's reduction changes its multiple
    return np.concatenate(
        [
            np.linspace(low, -low, 1501),
            rng.uniform(-40, 40, 1500),
            rng.uniform(-1, 1, 500),
            10.0 ** rng.uniform(-300 if dtype is np.float64 else -37, 0, 200),
            edges[edges > low],
            np.nextafter(edges[edges > low], 0),
            [0.0, -0.0, low, np.finfo(dtype).max],
        ]
    ).astype(dtype)


def test_the_measure_itself():
    """An error of one unit in the last place counts as one, above and below."""
    z = np.zeros(3)
    got = np.array([0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0)])
    np.testing.assert_allclose(ulps_off(got, z, exact_sigmoid), [0, 1, 0.5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_over_the_whole_range(dtype):
    z = samples(dtype)
    got = sigmoid(z)
    assert got.dtype == dtype
    off = ulps_off(got, z, exact_sigmoid)
    worst = off.argmax()
    assert off[worst] <= MAX_ULP, f"{off[worst]} ulp at {z[worst]!r}"
    # The measure is alive: no function of rounded operations is exact everywhere.
    assert off[worst] > 0.5


@pytest.mark.parametrize("dtype", DTYPES)
@given(z=st.floats(-700, 1e6))
@settings(max_examples=300)
def test_sigmoid_wherever_it_is_drawn(dtype, z):
    z = np.array([max(z, UNDERFLOW[dtype])], dtype=dtype)
    assert ulps_off(sigmoid(z), z, exact_sigmoid)[0] <= MAX_ULP


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_far_out(dtype):
    """0 and 1 exactly in the end, nothing negative or above 1 on the way, no step back."""
    largest = np.finfo(dtype).max
    z = np.concatenate([[-largest, -1e30, -1e4], np.linspace(-760, 760, 4001), [1e4, largest]])
    a = sigmoid(z.astype(dtype))
    assert (a[0], a[-1]) == (0.0, 1.0)
    assert a.min() == 0.0
    assert a.max() == 1.0
    assert (np.diff(a) >= 0).all()
    # Where the exact value is no normal number any more, neither is the result.
    small = z < UNDERFLOW[dtype] - 0.01
    assert a[small].max() < np.finfo(dtype).tiny
    assert (a[~small] > 0).all()
    assert (a[z > 40] == 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_of_minus_z_completes_it_to_one(dtype):
    z = np.random.default_rng(1).uniform(0, 40, 2000).astype(dtype)
    np.testing.assert_allclose(sigmoid(z) + sigmoid(-z), 1.0, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_lane_computes_alike(dtype):
    """A value's result does not depend on its unit: widths on both sides of every vector length."""
    z = np.linspace(-30, 30, 41).astype(dtype)
    expected = sigmoid(z)
    for width in range(1, len(z) + 1):
        network = fastnet.Network([1, width], dtype=dtype)
        network.weights, network.biases = [np.zeros((width, 1))], [z[-width:, np.newaxis]]
        np.testing.assert_array_equal(network.feedforward([0.0]), expected[-width:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_sigmoid_for_users_agrees(dtype):
    from fastnet.activations import sigmoid as in_numpy
    from fastnet.activations import sigmoid_prime

    z = samples(dtype)
    assert in_numpy(z).dtype == dtype
    assert ulps_off(in_numpy(z), z, exact_sigmoid).max() <= MAX_ULP
    z = z[z < -UNDERFLOW[dtype]]
    slope = ulps_off(sigmoid_prime(z), z, lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2)
    assert slope.max() <= 2 * MAX_ULP


def tanh(z):
    network = fastnet.Network([1, 1], "quadratic", output="tanh", dtype=z.dtype)
    network.weights, network.biases = [[[1.0]]], [[[0.0]]]
    return network.feedforward(z[:, np.newaxis])[:, 0]


def samples_of_tanh(dtype):
    """Return numbers over the whole range, and close to where the formula changes."""
    rng = np.random.default_rng(0)
    k = np.arange(1, 60)
    edges = (k + 0.5) * np.log(2) / 2  # where the argument's reduction changes its multiple
    split = np.array([0.55], dtype=dtype)
    z = np.concatenate(
        [
            np.linspace(0, 40, 1501),
            rng.uniform(0, 1, 1500),
            rng.uniform(0.5, 0.6, 500),
            10.0 ** rng.uniform(-300 if dtype is np.float64 else -37, 0, 200),
            edges,
            np.nextafter(edges, 0),
            split,
            np.nextafter(split, dtype(0)),
            np.nextafter(split, dtype(1)),
            [0.0, np.finfo(dtype).tiny, np.finfo(dtype).max],
        ]
    ).astype(dtype)
    return np.concatenate([z, -z])


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_over_the_whole_range(dtype):
    z = samples_of_tanh(dtype)
    got = tanh(z)
    assert got.dtype == dtype
    off = ulps_off(got, z, mpmath.tanh)
    worst = off.argmax()
    assert off[worst] <= MAX_ULP, f"{off[worst]} ulp at {z[worst]!r}"
    assert off[worst] > 0.5


@pytest.mark.parametrize("dtype", DTYPES)
@given(z=st.floats(-1e6, 1e6))
@settings(max_examples=300)
def test_tanh_wherever_it_is_drawn(dtype, z):
    z = np.array([z], dtype=dtype)
    assert ulps_off(tanh(z), z, mpmath.tanh)[0] <= MAX_ULP


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_far_out(dtype):
    """Odd, -1 and 1 exactly in the end, nothing beyond, no step back by more than a rounding."""
    largest = np.finfo(dtype).max
    z = np.concatenate([np.linspace(0, 25, 40_001), [30, 50, 1e4, 1e30, largest]]).astype(dtype)
    a = tanh(z)
    np.testing.assert_array_equal(tanh(-z), -a)
    assert a.max() == 1.0
    assert (a[z > 22] == 1).all()
    assert (np.diff(a) >= -MAX_ULP * np.finfo(dtype).eps).all()
