"""`check_gradient`: small where backpropagation is right, large where it is not."""

import copy

import numpy as np
import pytest

import fastnet
from fastnet import check_gradient

from ..formulas import HIDDEN, OUTPUTS, problem
from ..strategies import DTYPES


class Wrong(fastnet.Network):
    """A network whose gradient is spoilt by `spoil`, a function of nabla_b and nabla_w."""

    spoil = None

    def backprop(self, x, y):
        nabla = super().backprop(x, y)
        if self.spoil is not None:
            type(self).spoil(*nabla)
        return nabla


def built(cls=fastnet.Network, hidden="tanh", cost="cross_entropy", output="sigmoid", **options):
    """A network and a batch for it."""
    net = cls([5, 6, 3], cost, activation=hidden, output=output, rng=1, **options)
    rng = np.random.default_rng(2)
    return net, rng.standard_normal((4, 5)), np.eye(3)[[0, 2, 1, 0]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cost", "output"), OUTPUTS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_gradient_is_right(hidden, cost, output, dtype):
    net, X, Y = built(hidden=hidden, cost=cost, output=output, dtype=dtype)
    assert 0 < check_gradient(net, X, Y) < 1e-6
    assert 0 < check_gradient(net, X[0], Y[0]) < 1e-6
    assert 0 < check_gradient(net, X[:1].T, Y[:1].T) < 1e-6
    assert 0 < check_gradient(net, X, Y.argmax(axis=1), sample=7) < 1e-6


def negated(nabla_b, nabla_w):
    for part in (*nabla_b, *nabla_w):
        part *= -1


def doubled(nabla_b, nabla_w):
    nabla_w[0][...] *= 2


def with_a_hole(nabla_b, nabla_w):
    nabla_w[0][2, 3] = 0


@pytest.mark.parametrize(
    ("spoil", "least"), [(negated, 0.999), (doubled, 0.1), (with_a_hole, 1e-3)]
)
def test_a_wrong_sign_a_factor_and_a_hole_are_seen(spoil, least, monkeypatch):
    net, X, Y = built(Wrong)
    assert check_gradient(net, X, Y) < 1e-6
    monkeypatch.setattr(Wrong, "spoil", staticmethod(spoil))
    assert least < check_gradient(net, X, Y) <= 1 + 1e-15  # norms are rounded


def test_two_zero_gradients_prove_nothing():
    """With zero inputs, zero weights and outputs that are met there is no slope anywhere."""
    net = fastnet.Network([2, 2], "quadratic", output="relu", initializer=0.0)
    net.biases = [[[-1.0], [-1.0]]]
    assert np.isnan(check_gradient(net, np.zeros(2), np.zeros(2)))


def test_the_network_stays_as_it_was():
    net, X, Y = built(dtype=np.float32)
    before, rng = net.parameters.copy(), copy.deepcopy(net.rng)
    check_gradient(net, X, Y)
    np.testing.assert_array_equal(net.parameters, before)
    assert net.parameters.dtype == np.float32
    assert net.rng.random() == rng.random()
    assert net.history == []


def without_the_last_layer(nabla_b, nabla_w):
    nabla_w[-1][...] = 0


def test_a_sample_is_spread_over_all_layers(monkeypatch):
    """A hole in the last layer is seen by a sample that is much smaller than the network."""
    net = Wrong([50, 40, 30, 20], rng=0)
    x = np.random.default_rng(0).random(50)
    assert check_gradient(net, x, 3, sample=60) < 1e-6
    monkeypatch.setattr(Wrong, "spoil", staticmethod(without_the_last_layer))
    assert check_gradient(net, x, 3, sample=60) > 0.1


def test_a_saturated_network_is_checked_by_its_cost():
    """At z = +-1000 the cross-entropy has a slope, and the differences see it."""
    net = fastnet.Network([1, 1], rng=0)
    net.weights, net.biases = [[[1000.0]]], [[[0.0]]]
    assert check_gradient(net, np.array([1.0]), np.array([0.0]), epsilon=1e-3) < 1e-6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epsilon": 0}, "epsilon is 0"),
        ({"epsilon": -1e-5}, "epsilon is -1e-05"),
        ({"epsilon": np.nan}, "epsilon is nan"),
        ({"epsilon": "small"}, "epsilon is 'small'"),
        ({"sample": 0}, "sample is 0"),
        ({"sample": 2.5}, "sample is 2.5"),
        ({"sample": -1}, "sample is -1"),
    ],
)
def test_bad_arguments_are_refused(options, said):
    net, X, Y = built()
    with pytest.raises((TypeError, ValueError)) as caught:
        check_gradient(net, X, Y, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.ones(8), 0, "8 columns"),
        (np.ones(9), 5, "holds 5"),
        (np.ones((2, 9)), [0], "X has 2 rows and y has 1"),
        (np.full(9, np.inf), 0, "holds inf"),
        ("x", 0, "of dtype"),
    ],
)
def test_bad_examples_are_refused(x, y, said):
    net, *_ = problem(np.float64)
    with pytest.raises((TypeError, ValueError)) as caught:
        check_gradient(net, x, y)
    assert said in str(caught.value)
