"""A cost that stops being finite: an error, and a network that goes on as if nothing had been."""

import copy
import math

import numpy as np
import pytest

import fastnet
from fastnet import Adam, AdamW, Callback, DivergenceError, Momentum, RMSprop, Rprop

RNG = np.random.default_rng(3)
X, Y = RNG.random((40, 4)), RNG.random((40, 2))
#: Finite targets, whose squared distance from any output is not.
FAR = X, np.full((40, 2), 1e200)


def new(**options):
    options = {"activation": "tanh", "output": "identity", "rng": 0} | options
    return fastnet.Network([4, 5, 2], "quadratic", **options)


def everything(net):
    state = net._state
    return (
        net.parameters.tobytes(),
        [vector.tobytes() for vector in state.vectors],
        state.step,
        list(net.history),
    )


OPTIMIZERS = [Adam(0.02), AdamW(0.02), Momentum(0.1), RMSprop(0.01), Rprop()]


@pytest.mark.parametrize(
    "metrics", [None, ["evaluation_cost"], ["training_cost", "evaluation_cost"]]
)
def test_an_infinite_evaluation_cost_is_a_divergence(metrics):
    net = new()
    before = net.parameters.copy()
    with pytest.raises(DivergenceError, match="evaluation_cost is inf") as caught:
        net.train((X, Y), 3, 8, evaluation_data=FAR, metrics=metrics)
    assert caught.value.epoch == 0 and net.history == []
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("epochs", [0, 1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_after_a_divergence_in_the_evaluation_cost_training_goes_on_as_the_twins(optimizer, epochs):
    """Moments and the count of steps too: Adam's first steps are corrected by that count."""
    batch = None if isinstance(optimizer, Rprop) else 8
    net, twin = new(), new()
    options = {"optimizer": optimizer, "shuffle": False}
    for network in (net, twin):
        network.train((X, Y), epochs, batch, **options)
    with pytest.raises(DivergenceError, match="evaluation_cost"):
        net.train((X, Y), 2, batch, evaluation_data=FAR, **options)
    if epochs:
        assert everything(net) == everything(twin)
    else:
        np.testing.assert_array_equal(net.parameters, twin.parameters)
    for network in (net, twin):
        network.train((X, Y), 2, batch, **options)
    assert everything(net) == everything(twin)
    steps = (epochs + 2) * (1 if batch is None else 5)
    assert net._state.step in (0, steps)
    assert net._state.step == steps or not isinstance(optimizer, Adam)


def test_a_divergence_in_a_later_epoch_takes_that_epoch_back():
    """The evaluation data become far when two epochs are over: what those learnt stays."""

    class Fail(Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_end(self, network, record):
            self.seen.append(record["epoch"])

    def far(network):
        return len(network.history)

    targets = Y.copy()

    class MoveAway(Callback):
        def on_epoch_begin(self, network, epoch):
            if epoch == 2:
                targets[:] = 1e200

    net, twin, fail = new(), new(), Fail()
    options = {"optimizer": Adam(0.02), "shuffle": False}
    twin.train((X, Y), 2, 8, **options)
    with pytest.raises(DivergenceError) as caught:
        net.train((X, Y), 5, 8, evaluation_data=(X, targets), metrics=["evaluation_cost", far],
                  callbacks=[MoveAway(), fail], **options)  # fmt: skip
    assert caught.value.epoch == 2 and len(net.history) == 2
    assert everything(net)[:3] == everything(twin)[:3]
    assert all(math.isfinite(cost) for cost in net.history.column("evaluation_cost"))
    # A record that is refused is shown to no callback.
    assert fail.seen == [0, 1]


def test_partial_fit_goes_on_as_its_twin_after_a_divergence():
    net = new(activation="identity")
    net.partial_fit((X, Y), optimizer=Adam(0.02))
    twin = copy.deepcopy(net)
    with pytest.raises(DivergenceError):
        net.partial_fit((X * 1e200, Y * 1e200), optimizer=Adam(0.02))
    for network in (net, twin):
        network.partial_fit((X, Y), optimizer=Adam(0.02))
    assert everything(net) == everything(twin)
