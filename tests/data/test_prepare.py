"""Data that are checked once give what they give each time anew, and fit no other network."""

import numpy as np
import pytest

import fastnet


def example(share=1.0, n=50):
    rng = np.random.default_rng(2)
    return rng.random((n, 8)) * (rng.random((n, 8)) < share), rng.integers(0, 3, n)


def trained(data, **options):
    net = fastnet.Network([8, 5, 3], rng=1)
    net.train(data(net), 3, 7, l2=0.1, **options)
    return net


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_prepared_data_give_the_same_bits(share):
    X, y = example(share)
    plain = trained(lambda net: (X, y), evaluation_data=(X, y))
    held = plain.prepare((X, y))
    again = trained(lambda net: held, evaluation_data=held)
    np.testing.assert_array_equal(again.parameters, plain.parameters)
    assert again.history == plain.history
    assert again.accuracy(held) == plain.accuracy((X, y))
    assert again.total_cost(held, 0.3) == plain.total_cost((X, y), 0.3)


def test_weights_of_examples_go_with_prepared_data():
    X, y = example()
    weights = np.linspace(0, 2, len(X))
    plain = trained(lambda net: (X, y), sample_weight=weights)
    again = trained(lambda net: net.prepare((X, y)), sample_weight=weights)
    np.testing.assert_array_equal(again.parameters, plain.parameters)


@pytest.mark.parametrize(
    ("sizes", "dtype"),
    [([7, 3], np.float64), ([8, 3], np.float32), ([8, 2], np.float64)],
)
def test_another_network_is_refused(sizes, dtype):
    held = fastnet.Network([8, 3]).prepare(example())
    net = fastnet.Network(sizes, dtype=dtype, rng=0)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="data was prepared with 8 inputs and class numbers in"):
        net.SGD(held, 1, 10, 0.1)
    np.testing.assert_array_equal(net.parameters, before)


def test_targets_of_another_width_are_refused():
    X, _ = example()
    held = fastnet.Network([8, 3]).prepare((X, np.zeros((50, 3))))
    with pytest.raises(ValueError, match="3 targets in float64; this network has 8 inputs and 4"):
        fastnet.Network([8, 4]).accuracy(held)


def test_class_numbers_cannot_be_changed_after_their_check():
    X, y = example()
    net = fastnet.Network([8, 3], rng=0)
    held = net.prepare((X, y))
    y[:] = 99
    assert held.labels.max() < 3
    with pytest.raises(ValueError, match="read-only"):
        held.labels[0] = 99
