"""The drop-in's names, random numbers, methods, arrays and files, against the plain twin."""

import contextlib
import copy
import inspect
import io
import itertools
import json
import pickle
import random
import re
import runpy

import numpy as np
import pytest

import fastnet
from fastnet import network2

from ..plain_network2 import (
    COSTS,
    PlainNetwork,
    assert_same_parameters,
    blobs,
    global_states,
    seed_both,
    sigma,
    twins,
    unit_column,
)
from ..plain_network2 import load as plain_load

MONITORS = [
    "monitor_evaluation_cost",
    "monitor_evaluation_accuracy",
    "monitor_training_cost",
    "monitor_training_accuracy",
]


def test_signatures_are_the_books():
    empty = inspect.Parameter.empty
    expected = {
        network2.Network: [("sizes", empty), ("cost", network2.CrossEntropyCost)],
        network2.Network.default_weight_initializer: [("self", empty)],
        network2.Network.large_weight_initializer: [("self", empty)],
        network2.Network.feedforward: [("self", empty), ("a", empty)],
        network2.Network.SGD: [
            *((name, empty) for name in ("self", "training_data", "epochs")),
            *((name, empty) for name in ("mini_batch_size", "eta")),
            *[("lmbda", 0.0), ("evaluation_data", None)],
            *((name, False) for name in MONITORS),
            ("early_stopping_n", 0),
        ],
        network2.Network.update_mini_batch: [
            (name, empty) for name in ("self", "mini_batch", "eta", "lmbda", "n")
        ],
        network2.Network.backprop: [(name, empty) for name in ("self", "x", "y")],
        network2.Network.accuracy: [("self", empty), ("data", empty), ("convert", False)],
        network2.Network.total_cost: [
            *((name, empty) for name in ("self", "data", "lmbda")),
            ("convert", False),
        ],
        network2.Network.save: [("self", empty), ("filename", empty)],
        network2.load: [("filename", empty)],
        network2.vectorized_result: [("j", empty)],
        network2.sigmoid: [("z", empty)],
        network2.sigmoid_prime: [("z", empty)],
    }
    for function, parameters in expected.items():
        found = inspect.signature(function).parameters.values()
        assert [(p.name, p.default) for p in found] == parameters, function


def test_star_import_brings_what_the_original_leaks(tmp_path):
    (tmp_path / "script.py").write_text("from fastnet.network2 import *\n")
    namespace = runpy.run_path(str(tmp_path / "script.py"))
    brought = {name for name in namespace if not name.startswith("_")}
    assert brought == {
        *("Network", "QuadraticCost", "CrossEntropyCost", "load"),
        *("vectorized_result", "sigmoid", "sigmoid_prime"),
        *("np", "json", "random", "sys"),
    }
    assert namespace["np"] is np and namespace["random"] is random
    assert namespace["CrossEntropyCost"] is fastnet.CrossEntropyCost


def test_small_functions():
    assert network2.vectorized_result(3).shape == (10, 1)
    np.testing.assert_array_equal(network2.vectorized_result(3), unit_column(10, 3))
    z = np.linspace(-30, 30, 61).reshape(61, 1)
    np.testing.assert_allclose(network2.sigmoid(z), sigma(z), rtol=1e-15)
    np.testing.assert_allclose(network2.sigmoid_prime(z), sigma(z) * sigma(-z), rtol=1e-15)
    assert network2.sigmoid(0) == 0.5 and network2.sigmoid_prime(0.0) == 0.25
    assert isinstance(network2.sigmoid(1), float) and isinstance(network2.sigmoid_prime(1), float)
    # Far out, where exp(-z) overflows: the warning would fail this test.
    assert network2.sigmoid(-800.0) == 0.0 and network2.sigmoid_prime(800.0) == 0.0


# --------------------------------------------------------------------------- random numbers


@pytest.mark.parametrize("sizes", [[784, 30, 10], [3, 1, 1, 2], (1, 1)])
def test_starting_weights_are_those_of_the_global_generator(sizes):
    plain, fast = twins(sizes)
    assert_same_parameters(fast, plain, atol=0)
    seed_both(5)
    np.random.randn()  # an odd number of draws leaves one in RandomState's pocket
    plain.start_large()
    plain.start_small()
    np.random.randn(3)
    plain.start_large()
    states = global_states()
    seed_both(5)
    np.random.randn()
    fast.large_weight_initializer()
    fast.default_weight_initializer()
    np.random.randn(3)
    fast.large_weight_initializer()
    assert_same_parameters(fast, plain, atol=0)
    assert global_states() == states


def test_copies_draw_from_the_global_generator_too():
    _, fast = twins([4, 3, 2])
    for clone in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert type(clone) is network2.Network
        assert_same_parameters(clone, fast, atol=0)
        seed_both(6)
        clone.large_weight_initializer()
        seed_both(6)
        plain = PlainNetwork([4, 3, 2])
        seed_both(6)
        plain.start_large()
        assert_same_parameters(clone, plain, atol=0)


# --------------------------------------------------------------------------- one network's methods


@pytest.mark.parametrize("cost", COSTS)
def test_methods_agree(cost):
    training, evaluation = blobs()
    plain, fast = twins([5, 4, 6, 3], cost)
    x, y = training[0]
    np.testing.assert_allclose(fast.feedforward(x), plain.output(x), rtol=0, atol=1e-14)
    assert fast.feedforward(x).shape == (3, 1)
    for ours, theirs in zip(fast.backprop(x, y), plain.gradient(x, y), strict=True):
        assert type(ours) is list
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)
    assert fast.accuracy(evaluation) == plain.hits(evaluation, False)
    assert fast.accuracy(training, convert=True) == plain.hits(training, True)
    for data, convert in ((training, False), (evaluation, True)):
        expected = plain.mean_cost(data, 2.0, not convert)
        assert fast.total_cost(data, 2.0, convert) == pytest.approx(expected, rel=1e-12)
        assert fast.total_cost(iter(data), 2.0, convert=convert) == pytest.approx(expected)
    assert fast.accuracy(zip(*zip(*evaluation, strict=True), strict=True)) == plain.hits(
        evaluation, False
    )
    fast.update_mini_batch(training[:7], 0.5, 2.0, 47)
    fast.update_mini_batch(iter(training[7:9]), 0.5, 2.0, 47)
    plain.step(training[:7], 0.5, 2.0, 47)
    plain.step(training[7:9], 0.5, 2.0, 47)
    assert_same_parameters(fast, plain, atol=1e-12)


@pytest.mark.parametrize("columns_given", [1, 3, 5, 8])
def test_feedforward_takes_a_matrix_of_columns(columns_given):
    """As the original does, since w.x + b broadcasts; also where the matrix is square."""
    plain, fast = twins([5, 4, 3])
    a = np.random.default_rng(1).random((5, columns_given))
    got = fast.feedforward(a)
    assert got.shape == (3, columns_given)
    np.testing.assert_allclose(got, plain.output(a), rtol=0, atol=1e-14)


def test_a_cost_may_be_an_instance_and_may_be_changed(capsys):
    """The book's own figure scripts write cost=CrossEntropyCost(), with brackets."""
    pairs, _ = blobs()
    plain, _ = twins([5, 4, 3], "QuadraticCost")
    seed_both()
    fast = network2.Network([5, 4, 3], cost=network2.QuadraticCost())
    changed = twins([5, 4, 3])[1]
    changed.cost = network2.QuadraticCost
    for run in (plain.train, fast.SGD, changed.SGD):
        seed_both()
        run(list(pairs), 2, 10, 0.5)
    assert_same_parameters(fast, plain)
    assert_same_parameters(changed, plain)
    z, a, y = np.array([[0.3]]), sigma(np.array([[0.3]])), np.array([[1.0]])
    np.testing.assert_allclose(fast.cost.delta(z, a, y), (a - y) * a * (1 - a))


def test_weights_behave_as_lists(capsys):
    training, _ = blobs()
    plain, fast = twins([5, 4, 3])
    assert len(fast.weights) == len(fast.biases) == 2 and fast.num_layers == 3
    assert [w.shape for w in fast.weights] == [(4, 5), (3, 4)]
    assert [np.zeros(b.shape).shape for b in fast.biases] == [(4, 1), (3, 1)]
    for b, w in zip(fast.biases, fast.weights, strict=True):
        assert b.shape[0] == w.shape[0]
    for net in (plain, fast):
        net.weights[0][1, 2] = 7.0
        net.biases[-1] = np.full((3, 1), 0.25)
        net.weights = [w - 0.1 for w in net.weights]
        net.weights[1] += 1.0
    assert_same_parameters(fast, plain, atol=0)
    assert np.array_equal(fast.weights[-1], plain.weights[-1])
    kept = copy.deepcopy(fast.weights)
    kept[0][0, 0] = 99.0
    assert fast.weights[0][0, 0] != 99.0
    for run in (plain.train, fast.SGD):
        seed_both()
        run(list(training), 2, 10, 0.5)
    assert_same_parameters(fast, plain)


def test_arrays_taken_before_training_stay_as_they_were(capsys):
    """The original makes new arrays at every step, so scripts keep old ones without a copy."""
    training, _ = blobs()
    plain, fast = twins([5, 4, 3])
    steps = [
        lambda: fast.SGD(list(training), 1, 10, 0.5),
        lambda: fast.update_mini_batch(training[:5], 0.5, 0.0, 47),
        fast.large_weight_initializer,
        fast.default_weight_initializer,
        lambda: setattr(fast, "weights", [w + 1 for w in fast.weights]),
    ]
    for step in steps:
        kept_list, kept_arrays = fast.weights, list(fast.weights)
        before = [w.copy() for w in fast.weights]
        step()
        for held in (kept_list, kept_arrays):
            assert all(np.array_equal(a, b) for a, b in zip(held, before, strict=True))
        assert not np.array_equal(fast.weights[0], before[0])
        fast.weights[0][0, 0] = 3.5  # and the new ones are the network's
        x = training[0][0]
        plain.weights, plain.biases = list(fast.weights), list(fast.biases)
        np.testing.assert_allclose(fast.feedforward(x), plain.output(x), rtol=0, atol=1e-14)
    kept, before = fast.biases, [b.copy() for b in fast.biases]
    fast.biases = [b + 1 for b in before]
    assert all(np.array_equal(a, b) for a, b in zip(kept, before, strict=True))
    best = fast.weights, fast.biases
    score = fast.total_cost(training, 0.0)
    fast.SGD(list(training), 2, 10, 0.5)
    fast.weights, fast.biases = best
    assert fast.total_cost(training, 0.0) == score


def test_arrays_taken_before_a_refusal_are_still_the_networks():
    training, _ = blobs()
    _, fast = twins([5, 4, 3])
    kept, parameters = fast.weights[0], fast.parameters.copy()
    with pytest.raises(ValueError, match="eta"):
        fast.update_mini_batch(training[:5], -1.0, 0.0, 47)
    with pytest.raises(ValueError, match="shape"):
        fast.weights = [np.zeros((4, 5)), np.zeros((3, 5))]
    with pytest.raises(ValueError, match="biases"):
        fast.biases = [np.zeros((4, 2))]
    with pytest.raises(ValueError, match="shape"):
        fast.weights[0] = np.zeros(5)
    assert np.array_equal(fast.parameters, parameters)
    kept[0, 0] = 12.5
    assert fast.weights[0][0, 0] == 12.5


def test_a_subclass_that_replaces_a_training_method_is_refused():
    class Momentum(network2.Network):
        def update_mini_batch(self, mini_batch, eta, lmbda, n):
            raise NotImplementedError

    class Zeros(network2.Network):
        def default_weight_initializer(self):
            self.biases = [np.zeros((n, 1)) for n in self.sizes[1:]]
            self.weights = [
                np.zeros((n, m)) for n, m in zip(self.sizes[1:], self.sizes, strict=False)
            ]

    training, _ = blobs()
    with pytest.raises(TypeError, match=r"Momentum.*update_mini_batch"):
        Momentum([5, 4, 3]).SGD(training, 1, 10, 0.5)
    zeros = Zeros([5, 4, 3])
    assert not any(w.any() for w in zeros.weights)


def layers(sizes, seed=0):
    """Return biases and weights for a network of these sizes."""
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.standard_normal((n_out, n_in)) for n_in, n_out in pairs]
    return [rng.standard_normal((n, 1)) for n in sizes[1:]], weights


def appended(net, biases, weights):
    net.weights, net.biases = [], []
    for w, b in zip(weights, biases, strict=True):
        net.weights.append(w)
        net.biases.append(b)


def assigned(net, biases, weights):
    net.weights = weights
    net.biases = biases


def held(net, biases, weights):
    """The lists themselves are kept and changed, as a script's own names for them are."""
    ws, bs = net.weights, net.biases
    ws.clear()
    del bs[:]
    ws.extend(weights[1:])
    ws.insert(0, weights[0])
    bs += biases
    assert net.weights is ws and net.biases is bs


def by_items(net, biases, weights):
    net.biases = [*biases, np.zeros((1, 1))]
    net.biases.pop()
    net.weights = weights[:1]
    net.weights += [np.zeros(w.shape) for w in weights[1:]]
    for layer in range(1, len(weights)):
        net.weights[layer] = weights[layer]


@pytest.mark.parametrize("change", [appended, assigned, held, by_items])
@pytest.mark.parametrize("sizes", [[5, 4, 3], [5, 6, 4, 3], [5, 3]])
def test_lists_of_other_layers_make_another_network(change, sizes, capsys):
    training, _ = blobs()
    plain, fast = twins([5, 4, 3])
    plain.biases, plain.weights = layers(sizes)
    plain.num_layers, plain.sizes = len(sizes), sizes
    change(fast, *layers(sizes))
    assert fast.weights == plain.weights and fast.biases == plain.biases
    x = training[0][0]
    np.testing.assert_allclose(fast.feedforward(x), plain.output(x), rtol=0, atol=1e-14)
    assert fast.sizes == sizes and fast.num_layers == len(sizes)
    for run in (plain.train, fast.SGD):
        seed_both()
        run(list(training), 2, 10, 0.5)
    assert_same_parameters(fast, plain)
    fast.weights[0][0, 0] = 7.0  # the arrays are the network's again
    assert fast.weights[0][0, 0] == fast.parameters[fast.biases[0].size] == 7.0
    assert pickle.loads(pickle.dumps(fast)).weights == fast.weights


def test_lists_that_make_no_network_are_refused_when_it_is_used():
    _, fast = twins([5, 4, 3])
    fast.weights.append(np.zeros((2, 3)))
    for use in (
        lambda: fast.feedforward(np.zeros((5, 1))),
        lambda: fast.parameters,
        lambda: fast.SGD([(np.zeros((5, 1)), np.zeros((3, 1)))], 1, 1, 0.1),
        lambda: pickle.dumps(fast),
    ):
        with pytest.raises(ValueError, match=r"weights have shapes .* do not match"):
            use()
    assert fast.sizes == [5, 4, 3] and len(fast.weights) == 3
    fast.biases.append(np.full((2, 1), 0.5))
    assert fast.feedforward(np.zeros((5, 1))).shape == (2, 1)
    fast.biases.clear()
    fast.default_weight_initializer()
    assert fast.sizes == [5, 4, 3, 2] and [b.shape[0] for b in fast.biases] == [4, 3, 2]


def test_an_initializer_may_append():
    class Small(network2.Network):
        def default_weight_initializer(self):
            self.biases, self.weights = [], []
            for layer in range(1, self.num_layers):
                self.weights.append(np.full((self.sizes[layer], self.sizes[layer - 1]), 0.1))
                self.biases.append(np.zeros((self.sizes[layer], 1)))

    net = Small([3, 2, 2])
    assert net.sizes == [3, 2, 2] and net.parameters.tolist().count(0.1) == 10
    assert net.feedforward(np.zeros((3, 1))).shape == (2, 1)


#: What SGD of the book's network2.py calls, by itself or through another of these.
CALLED_IN_THE_ORIGINAL = ["update_mini_batch", "backprop", "feedforward", "accuracy", "total_cost"]


@pytest.mark.parametrize("name", CALLED_IN_THE_ORIGINAL)
@pytest.mark.parametrize("where", ["subclass", "mixin", "instance"])
def test_every_replaced_method_that_training_would_not_call_is_refused(where, name):
    def mine(self, *args, **options):
        raise AssertionError("called after all")

    bases = (network2.Network,)
    if where == "mixin":
        bases = (type("Mixin", (), {name: mine}), network2.Network)
    Mine = type("Mine", bases, {name: mine} if where == "subclass" else {})  # noqa: N806
    seed_both()
    net = Mine([5, 4, 3])
    if where == "instance":
        setattr(net, name, lambda *args, **options: mine(net))
    training, _ = blobs()
    before, states = net.parameters.copy(), global_states()
    with pytest.raises(TypeError, match=f"Mine replaces {name}"):
        net.SGD(training, 1, 10, 0.5)
    assert np.array_equal(net.parameters, before) and global_states() == states


def test_a_method_that_training_does_not_need_may_be_replaced():
    class Talking(network2.Network):
        def save(self, filename):
            raise AssertionError

        def own(self):
            return 1

    training, _ = blobs()
    seed_both()
    talking = Talking([5, 4, 3])
    with contextlib.redirect_stdout(io.StringIO()):
        assert talking.SGD(training, 1, 10, 0.5) == ([], [], [], [])


# --------------------------------------------------------------------------- files


def test_keys_that_are_not_known_are_passed_over(tmp_path):
    path = tmp_path / "net.json"
    plain, _ = twins([5, 4, 3])
    plain.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"epoch": 3, "eta": 0.5}))
    assert_same_parameters(network2.load(path), plain_load(path), atol=0)
    with pytest.raises(ValueError, match="key 'epoch'"):
        fastnet.load(path)


@pytest.mark.parametrize("cost", COSTS)
def test_files_of_either_side_load_in_the_other(cost, tmp_path):
    plain, fast = twins([5, 4, 3], cost)
    plain.save(tmp_path / "plain.json")
    fast.save(str(tmp_path / "fast.json"))
    both = [json.loads((tmp_path / f"{side}.json").read_text()) for side in ("plain", "fast")]
    assert both[0] == both[1]

    seed_both()
    theirs = plain_load(tmp_path / "fast.json")
    states = global_states()
    seed_both()
    ours = network2.load(str(tmp_path / "plain.json"))
    assert global_states() == states  # building the network draws, as in the original
    assert type(ours) is network2.Network and ours.cost is getattr(network2, cost)
    assert ours.sizes == theirs.sizes == [5, 4, 3]
    assert_same_parameters(ours, theirs, atol=0)
    assert_same_parameters(fastnet.load(tmp_path / "fast.json"), plain, atol=0)


def test_a_bad_file_is_refused(tmp_path):
    path = tmp_path / "net.json"
    _, fast = twins([2, 1])
    fast.save(path)
    good = json.loads(path.read_text())
    for change in ({"cost": "HingeCost"}, {"weights": [[[1.0]]]}, {"sizes": [2, 10**9]}):
        path.write_text(json.dumps(good | change))
        states = global_states()
        with pytest.raises(ValueError, match=re.escape(path.name)):
            network2.load(path)
        assert global_states() == states
