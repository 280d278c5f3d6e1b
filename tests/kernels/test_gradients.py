"""Gradients, outputs and costs against finite differences, mpmath and the plain NumPy twin."""

from itertools import chain

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import reference

from ..oracles import assert_close, flat
from ..strategies import COSTS, DTYPES, Problem, problems


def plain_gradient(problem):
    """Return the twin's gradient, worked out in float64 from the network's own numbers."""
    return reference.backprop(*problem.plain(np.float64), problem.cost)


# --- central differences -------------------------------------------------------------------------


@pytest.mark.parametrize("lmbda", [0.0, 3.0])
@given(problem=problems(max_rows=5, widths=[1, 2, 3, 5], dtypes=[np.float64]))
@settings(max_examples=40)
def test_gradient_is_the_slope_of_the_cost(problem, lmbda):
    network, n, h = problem.network(), problem.n, 1e-5
    nabla_b, nabla_w = network.backprop(problem.X, problem.data[1])
    # What update_mini_batch descends along: the mean gradient and the decay of the weights.
    gradients = [nb / n for nb in nabla_b]
    gradients += [nw / n + lmbda / n * w for nw, w in zip(nabla_w, network.weights, strict=True)]
    slopes = []
    for parameters in [*network.biases, *network.weights]:
        slope = np.empty(parameters.shape)
        for index in np.ndindex(parameters.shape):
            kept = parameters[index]
            parameters[index] = kept + h
            above = network.total_cost(problem.data, lmbda)
            parameters[index] = kept - h
            slope[index] = (above - network.total_cost(problem.data, lmbda)) / (2 * h)
            parameters[index] = kept
        slopes.append(slope)
    # Two gradients that are nothing but rounding would agree and prove nothing.
    assert np.abs(slopes[len(network.biases) - 1]).max() > 1e-6
    for gradient, slope in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-9)


# --- the twin ------------------------------------------------------------------------------------


@given(problem=problems())
@settings(max_examples=200)
def test_backprop_is_the_twins(problem):
    network = problem.network()
    before = network.parameters.tobytes()
    gradients = network.backprop(problem.X, problem.data[1])
    expected = plain_gradient(problem)
    assert np.abs(flat(*expected)).max() > 1e-6
    for got, want in zip(chain(*gradients), chain(*expected), strict=True):
        assert got.dtype == problem.dtype
        assert got.shape == want.shape
        assert_close(got, want, problem.dtype, factor=20 * problem.n)
    assert network.parameters.tobytes() == before


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("n", [255, 256, 257, 512, 600])
def test_backprop_of_more_examples_than_are_taken_at_a_time(n, cost, dtype):
    rng = np.random.default_rng(n)
    problem = Problem([7, 5, 3], cost, dtype, rng.random((n, 7)), None, rng.random((n, 3)), 1)
    gradients = problem.network().backprop(problem.X, problem.Y)
    assert_close(flat(*gradients), flat(*plain_gradient(problem)), dtype, factor=4 * n)


@given(problem=problems(max_rows=12))
@settings(max_examples=60)
def test_backprop_of_a_batch_is_the_sum_over_its_examples(problem):
    network = problem.network()
    whole = flat(*network.backprop(problem.X, problem.data[1]))
    singles = [
        flat(*network.backprop(x, y)) for x, y in zip(problem.X, problem.Y.copy(), strict=True)
    ]
    assert_close(whole, np.sum(singles, axis=0), problem.dtype, factor=20 * problem.n)


@given(problem=problems())
@settings(max_examples=150)
def test_feedforward_cost_and_accuracy_are_the_twins(problem):
    network, (biases, weights, X, Y) = problem.network(), problem.plain(np.float64)
    a = reference.feedforward(biases, weights, X)
    assert_close(network.feedforward(problem.X), a, problem.dtype, factor=100)
    cost = reference.total_cost(biases, weights, X, Y, lmbda=2.5, cost=problem.cost)
    tolerance = 200 * float(np.finfo(problem.dtype).eps)
    assert network.total_cost(problem.data, 2.5) == pytest.approx(cost, rel=tolerance)
    network.kind = "classes"
    if problem.sizes[-1] == 1:
        expected = int(((a >= 0.5) == (Y >= 0.5)).sum())
        margin = np.abs(a - 0.5).min()
    else:
        expected = reference.accuracy(biases, weights, X, Y)
        margin = np.diff(np.sort(a, axis=1)[:, -2:]).min()
    # Two outputs that rounding cannot tell apart may be ordered either way.
    assume(margin > tolerance)
    got = network.accuracy(problem.data)
    assert got == expected
    assert type(got) is int


# --- saturation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_saturated_outputs_under_cross_entropy(dtype):
    """At z = +-800 the error is a - y to the last bit, and a wrong output costs |z| and no more."""
    network = fastnet.Network([1, 4], dtype=dtype)
    network.biases, network.weights = [[[800], [-800], [800], [-800]]], [np.zeros((4, 1))]
    x, y = np.ones((1, 1)), np.array([[1.0, 0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(network.feedforward(x), [[1, 0, 1, 0]])
    assert network.total_cost((x, y), 0.0) == 1600.0
    (nabla_b,), (nabla_w,) = network.backprop(x, y)
    np.testing.assert_array_equal(nabla_b[:, 0], [0, 0, 1, -1])
    np.testing.assert_array_equal(nabla_w[:, 0], [0, 0, 1, -1])
    network.update_mini_batch((x, y), 100.0, 0.0, 1)
    np.testing.assert_array_equal(network.biases[0][:, 0], [800, -800, 700, -700])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("z", [-800.0, 800.0])
def test_saturated_hidden_units_send_nothing_back(z, cost, dtype):
    network = fastnet.Network([2, 3, 2], cost, dtype=dtype, rng=0)
    network.biases[0] = np.full((3, 1), z)
    nabla_b, nabla_w = network.backprop(np.ones((4, 2)), np.array([0, 1, 1, 1]))
    assert not nabla_b[0].any()
    assert not nabla_w[0].any()
    assert np.abs(nabla_b[1]).min() > 1e-3
    np.testing.assert_array_equal(nabla_w[1], nabla_b[1] * (z > 0) * np.ones(3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_saturated_quadratic_cost_has_no_slope(dtype):
    network = fastnet.Network([1, 2], "quadratic", dtype=dtype)
    network.biases, network.weights = [[[800], [-800]]], [np.zeros((2, 1))]
    gradients = network.backprop(np.ones((1, 1)), np.array([[0.0, 1.0]]))
    assert not flat(*gradients).any()
    assert network.total_cost((np.ones((1, 1)), np.array([[0.0, 1.0]])), 0.0) == 1.0


@pytest.mark.parametrize("dtype", DTYPES)
@given(z=st.floats(-800, 800), y=st.sampled_from([0.0, 0.25, 1.0]))
@settings(max_examples=100)
def test_cost_of_one_output_wherever_it_stands(z, y, dtype):
    """-y ln a - (1 - y) ln(1 - a) by mpmath, which has digits enough to form 1 - a."""
    z = float(dtype(z))
    network = fastnet.Network([1, 1], dtype=dtype)
    network.weights, network.biases = [[[1.0]]], [[[0.0]]]
    with mpmath.workdps(400):
        a = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
        expected = float(-y * mpmath.log(a) - (1 - y) * mpmath.log(1 - a))
    got = network.total_cost((np.array([[z]]), np.array([y])), 0.0)
    assert got == pytest.approx(expected, rel=1e-14, abs=1e-300)
    (nabla_b,), _ = network.backprop(np.array([z]), np.array([y]))
    assert nabla_b.item() == network.feedforward([z]).item() - dtype(y)
