"""Dropout: the masks are read off the steps that were taken with them.

After a step on a single example the change of a layer's weights is -eta times its error times the
activations below, and the change of its biases is -eta times the error: their quotient shows which
activations were dropped, and what the others were multiplied by.
"""

import copy
from itertools import pairwise

import numpy as np
import pytest

import fastnet
from fastnet import SGD, Adam, Callback

from ..formulas import HIDDEN, Plain, flattened, problem
from ..strategies import DTYPES

SIZES = [12, 33, 17, 4]
SHARES = [0.2, 0.5, 0.7]
ETA = 0.01


class Snapshots(Callback):
    """The parameters before each mini-batch, and after the last."""

    interval = 1

    def __init__(self):
        self.parameters = []

    def on_epoch_begin(self, network, epoch):
        self.parameters.append(Plain.of(network))

    def on_interval(self, network, epoch, mini_batch):
        self.parameters.append(Plain.of(network))


def build(activation="tanh", dtype=np.float64, rng=7, sizes=SIZES):
    """A network with biases that keep activations away from zero."""
    return fastnet.Network(
        sizes, "quadratic", activation=activation, output="identity", dtype=dtype, rng=rng,
        bias_initializer="normal",
    )  # fmt: skip


def draw_data(n, n_in=SIZES[0], n_out=SIZES[-1], seed=3):
    """Inputs without a zero, and targets that are not met."""
    rng = np.random.default_rng(seed)
    return rng.random((n, n_in)) + 0.5, rng.standard_normal((n, n_out)) * 3


def read_masks(before, after, x):
    """The masks of the layers but the last, from one step on the example x."""
    masks = []
    for layer in range(len(before.weights)):
        error = after.biases[layer] - before.biases[layer]
        unit = np.abs(error).argmax()
        change = after.weights[layer][unit] - before.weights[layer][unit]
        plain = Plain(before.biases, before.weights, before.activations, before.cost, masks)
        activation = plain.forward(x[np.newaxis])[1][layer][0]
        with np.errstate(invalid="ignore", divide="ignore"):
            masks.append(change / error[unit] / activation)
    return masks


def masks_of_an_epoch(net, X, Y, shares, **options):
    """Train an epoch of single examples; return the masks of each layer, an example a row."""
    snapshots = Snapshots()
    net.train(
        (X, Y), 1, 1, optimizer=SGD(ETA), dropout=shares, shuffle=False, callbacks=snapshots,
        **options,
    )  # fmt: skip
    seen = snapshots.parameters
    masks = [read_masks(*step, x) for step, x in zip(pairwise(seen), X, strict=True)]
    return [np.array(layer) for layer in zip(*masks, strict=True)]


def rounded(masks, shares):
    """Masks with their two values exactly; fails where a value is neither."""
    exact = []
    for mask, share in zip(masks, shares, strict=True):
        kept = mask > 0.5
        np.testing.assert_allclose(mask, np.where(kept, 1 / (1 - share), 0), atol=1e-5)
        exact.append(np.where(kept, 1 / (1 - share), 0.0))
    return exact


# --- what is dropped -----------------------------------------------------------------------------


def test_shares_scale_and_independence():
    """Zeros in their share, the others scaled up by 1 / keep so that the mean stays 1."""
    n = 600
    X, Y = draw_data(n)
    masks = masks_of_an_epoch(build(), X, Y, SHARES)
    for mask, share in zip(rounded(masks, SHARES), SHARES, strict=True):
        dropped = mask == 0
        spread = np.sqrt(share * (1 - share))
        assert abs(dropped.mean() - share) < 4 * spread / np.sqrt(mask.size)
        assert abs(mask.mean() - 1) < 4 * spread / (1 - share) / np.sqrt(mask.size)
        # No unit and no example has another share than the others.
        for axis in (0, 1):
            off = (dropped.mean(axis=axis) - share) * np.sqrt(mask.shape[axis]) / spread
            assert np.abs(off).max() < 4.5
            assert 0.6 < off.std() < 1.4
        # Neighbours, in units and in examples, know nothing of one another.
        z = (dropped - share) / spread
        for a, b in [(z[:, 1:], z[:, :-1]), (z[1:], z[:-1])]:
            assert abs((a * b).mean()) < 4 / np.sqrt(a.size)


def test_layers_do_not_share_their_masks():
    X, Y = draw_data(400, n_in=20)
    shares = [0.5, 0.5, 0.5]
    masks = masks_of_an_epoch(build(sizes=[20, 20, 20, 4]), X, Y, shares)
    z = [np.sign(mask - 0.5) for mask in rounded(masks, shares)]
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        assert abs((z[one] * z[other]).mean()) < 4 / np.sqrt(z[one].size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", HIDDEN)
def test_a_step_with_a_mask_is_the_formula(activation, dtype):
    """Forward and backward go through the thinned network.

    Masks are read off a tanh network in float64 whose generator stands alike: they do not depend
    on what the network computes.
    """
    X, Y = draw_data(25)
    masks = rounded(masks_of_an_epoch(build(), X, Y, SHARES), SHARES)
    net, snapshots, eta = build(activation, dtype), Snapshots(), 0.001
    net.train((X, Y), 1, 1, optimizer=SGD(eta), dropout=SHARES, shuffle=False, callbacks=snapshots)
    for row, (before, after) in enumerate(pairwise(snapshots.parameters)):
        before.masks = [mask[row] for mask in masks]
        nabla = flattened(*before.gradient(X[row : row + 1], Y[row : row + 1]))
        assert 0 < np.count_nonzero(nabla) < nabla.size / 2
        tolerance = 1e-13 if dtype == np.float64 else 1e-6
        np.testing.assert_allclose(
            after.flat, before.flat - eta * nabla, rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("batch", [7, 64, 300, None])
@pytest.mark.parametrize("dtype", DTYPES)
def test_masks_go_by_example_whatever_the_mini_batch(batch, dtype):
    """So that one run of single examples tells what any other mini-batch must do."""
    X, Y = draw_data(320)
    masks = rounded(masks_of_an_epoch(build(), X, Y, SHARES), SHARES)
    net = build(dtype=dtype)
    plain = Plain.of(net)
    net.train((X, Y), 1, batch, optimizer=SGD(ETA), dropout=SHARES, shuffle=False)
    for at in range(0, 320, batch or 320):
        rows = slice(at, at + (batch or 320))
        plain.masks = [mask[rows] for mask in masks]
        plain.flat = plain.flat - ETA * flattened(*plain.gradient(X[rows], Y[rows]))
    tolerance = 1e-12 if dtype == np.float64 else 3e-5
    np.testing.assert_allclose(net.parameters, plain.flat, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shares", [[0.4, 0.5], [0.0, 0.5], [0.4, 0.0]], ids=str)
def test_zeros_that_are_skipped_drop_alike(shares):
    """Rows kept as non-zeros, dense rows and converted rows: the same masks, the same numbers."""
    net, X, labels, _ = problem(np.float64, 0.2, rows=50)
    # In float16 these bytes / 256 are exact; X of that type is never kept as non-zeros.
    trained = []
    for values in (X, X.astype(np.float16), np.where(X == 0, 1e-300, X)):
        twin = copy.deepcopy(net)
        twin.train((values, labels), 3, 7, dropout=shares)
        trained.append(twin.parameters)
    assert np.abs(trained[0] - net.parameters).max() > 0.01
    np.testing.assert_allclose(trained[1], trained[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(trained[2], trained[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shares", [0.5, [0.0, 0.5, 0.5]], ids=str)
def test_one_number_is_for_the_hidden_layers(shares):
    X, Y = draw_data(200)
    masks = masks_of_an_epoch(build(), X, Y, shares)
    masks = rounded(masks, [0.0, 0.5, 0.5])
    assert (masks[0] == 1).all()
    for mask in masks[1:]:
        assert abs((mask == 0).mean() - 0.5) < 0.04


# --- the generator -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_the_same_seed_drops_the_same(make):
    X, Y = draw_data(30)
    first, same, other = (masks_of_an_epoch(seeded(make, seed), X, Y, SHARES) for seed in (1, 1, 2))
    for layer, share in enumerate(SHARES):
        np.testing.assert_array_equal(first[layer], same[layer])
        differing = ((first[layer] > 0.5) != (other[layer] > 0.5)).mean()
        assert abs(differing - 2 * share * (1 - share)) < 0.1


def seeded(make, seed):
    """The same network always, with a generator of its own from here on."""
    net = build(rng=0)
    net.rng = make(seed)
    return net


def test_every_epoch_drops_anew():
    X, Y = draw_data(40)
    net = build()
    first, second = (rounded(masks_of_an_epoch(net, X, Y, SHARES), SHARES) for _ in range(2))
    for one, other, share in zip(first, second, SHARES, strict=True):
        assert abs(((one > 0) != (other > 0)).mean() - 2 * share * (1 - share)) < 0.1


def test_without_dropout_nothing_is_drawn():
    net, X, labels, _ = problem(np.float64)
    state = copy.deepcopy(net.rng.bit_generator.state)
    net.train((X, labels), 3, 5, shuffle=False, dropout=0.0)
    net.train((X, labels), 3, 5, shuffle=False, dropout=[0.0, 0.0])
    assert net.rng.bit_generator.state == state


# --- off in evaluation ---------------------------------------------------------------------------


def test_evaluation_knows_nothing_of_dropout():
    """At a learning rate of 0 all but what is measured while training stays the same."""
    net, X, labels, _ = problem(np.float64, sizes=(9, 40, 3))
    outputs, cost = net.feedforward(X), net.total_cost((X, labels), 0.0)
    history = net.train(
        (X, labels), 5, 4, optimizer=SGD(0.0), dropout=[0.3, 0.6],
        evaluation_data=(X, labels),
        metrics=["training_cost", "evaluation_cost", "running_cost"],
    )  # fmt: skip
    np.testing.assert_array_equal(net.feedforward(X), outputs)
    assert history.column("training_cost") == history.column("evaluation_cost") == [cost] * 5
    assert len({*history.column("running_cost"), cost}) == 6


def test_the_scaling_keeps_the_mean_input_of_the_next_layer():
    """With one linear layer above, costs measured in training scatter around the undropped ones."""
    X, _ = draw_data(4000, n_in=50)
    net = fastnet.Network([50, 1], "quadratic", output="identity", rng=1)
    net.weights[0] = np.full((1, 50), 0.02)
    target = net.feedforward(X)
    history = net.train(
        (X, target), 1, 100, optimizer=SGD(0.0), dropout=[0.5], metrics=["running_cost"]
    )
    # The variance of sum w x m is sum (w x)^2 p / (1 - p), and p is a half; the cost is half of it.
    expected = 0.5 * ((0.02 * X) ** 2).sum(axis=1).mean()
    assert history[0]["running_cost"] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("optimizer", [SGD(0.5), Adam(0.05)])
def test_a_layer_may_be_dropped_whole(optimizer):
    net, X, labels, _ = problem(np.float64, sizes=(9, 2, 3))
    net.train((X, labels), 20, 3, optimizer=optimizer, dropout=0.999)
    assert np.isfinite(net.parameters).all()


def test_partial_fit_drops_too():
    X, Y = draw_data(1)
    net = build()
    before = Plain.of(net)
    net.partial_fit((X, Y), optimizer=SGD(ETA), dropout=SHARES)
    masks = rounded(read_masks(before, Plain.of(net), X[0]), SHARES)
    assert 0 < sum((mask == 0).sum() for mask in masks) < sum(SIZES[:-1])


@pytest.mark.parametrize(
    ("dropout", "said"),
    [
        (1.0, "dropout is 1.0"),
        (-0.1, "dropout is -0.1"),
        (np.nan, "dropout is nan"),
        ("0.5", "dropout is '0.5'"),
        (True, "dropout is True"),
        (None, "dropout is None"),
        ([0.5], "dropout has 1 shares; expected 3"),
        ([0.5] * 4, "dropout has 4 shares; expected 3"),
        ([0.1, 1.5, 0.1], "dropout is 1.5"),
        ([0.1, "a", 0.1], "dropout is 'a'"),
    ],
)
def test_bad_shares_are_refused(dropout, said):
    net = build()
    before = net.parameters.copy()
    with pytest.raises((TypeError, ValueError)) as caught:
        net.train(draw_data(5), 1, 5, dropout=dropout)
    assert said in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)
