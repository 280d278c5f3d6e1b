"""The drop-in against a plain re-implementation: numbers, prints, random states, side effects."""

import copy
import inspect
import io
import json
import pickle
import random
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import network2, reference
from fastnet.datasets import load_mnist

from .plain_network2 import PlainNetwork, sigma, unit_column
from .plain_network2 import load as plain_load

SEED = 12345678
COSTS = ["CrossEntropyCost", "QuadraticCost"]
MONITORS = [
    "monitor_evaluation_cost",
    "monitor_evaluation_accuracy",
    "monitor_training_cost",
    "monitor_training_accuracy",
]
ALL_MONITORS = dict.fromkeys(MONITORS, True)
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


def columns(split, count, start=0):
    """The book's two kinds of pairs from rows: targets as columns, and classes as numbers."""
    X, y = split.X[start : start + count], split.y[start : start + count]
    training = [(x[:, None], unit_column(10, j)) for x, j in zip(X, y, strict=True)]
    return training, [(x[:, None], j) for x, j in zip(X, y, strict=True)]


@pytest.fixture(scope="module")
def digits():
    """304 training pairs (so that batches of 10 end with a short one) and 100 evaluation pairs."""
    validation = load_mnist().validation
    return columns(validation, 304)[0], columns(validation, 100, start=304)[1]


def blobs(n_in=5, classes=3, count=47, seed=4):
    """A small learnable problem: training pairs, evaluation pairs."""
    rng = np.random.default_rng(seed)
    centres = rng.random((classes, n_in))
    labels = rng.integers(0, classes, count)
    xs = [centres[j][:, None] + rng.normal(0, 0.3, (n_in, 1)) for j in labels]
    training = [(x, unit_column(classes, j)) for x, j in zip(xs, labels, strict=True)]
    return training, list(zip(xs, labels, strict=True))


def seed_both(seed=SEED):
    random.seed(seed)
    np.random.seed(seed)


def global_states():
    name, keys, *rest = np.random.get_state()
    return random.getstate(), (name, keys.tolist(), *rest)


def twins(sizes, cost="CrossEntropyCost", seed=SEED):
    """The same network twice, plain and fast; the generators stand as after building one."""
    seed_both(seed)
    plain = PlainNetwork(sizes, cost)
    states = global_states()
    seed_both(seed)
    fast = network2.Network(sizes, cost=getattr(network2, cost))
    assert global_states() == states
    return plain, fast


def assert_same_parameters(fast, plain, atol=1e-9):
    for kind in ("weights", "biases"):
        ours, theirs = getattr(fast, kind), getattr(plain, kind)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def assert_same_text(ours, theirs):
    """Equal but for the last digits of decimal numbers."""
    assert DECIMAL.sub("#", ours) == DECIMAL.sub("#", theirs)
    np.testing.assert_allclose(
        [float(x) for x in DECIMAL.findall(ours)],
        [float(x) for x in DECIMAL.findall(theirs)],
        rtol=1e-9,
    )


def assert_same_lists(ours, theirs):
    assert type(ours) is tuple and len(ours) == 4
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is list
        np.testing.assert_allclose(a, b, rtol=1e-9)


def same_objects(ours, theirs):
    return len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))


# ------------------------------------------------------------------------------- the oracle


@pytest.mark.parametrize("cost", COSTS)
def test_plain_twin_agrees_with_the_batched_reference(cost):
    pairs, _ = blobs()
    seed_both()
    plain = PlainNetwork([5, 4, 6, 3], cost)
    biases, weights = copy.deepcopy(plain.biases), copy.deepcopy(plain.weights)
    X, Y = (np.hstack(part).T for part in zip(*pairs, strict=True))
    plain.step(pairs, 0.7, 2.0, 90)
    name = {"CrossEntropyCost": "cross_entropy", "QuadraticCost": "quadratic"}[cost]
    reference.update(biases, weights, X, Y, eta=0.7, lmbda=2.0, n=90, cost=name)
    for ours, theirs in zip(plain.weights + plain.biases, weights + biases, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)
    expected = reference.total_cost(biases, weights, X, Y, lmbda=2.0, cost=name)
    assert plain.mean_cost(pairs, 2.0, True) == pytest.approx(expected, rel=1e-12)
    assert plain.hits(pairs, True) == reference.accuracy(biases, weights, X, Y)


# --------------------------------------------------------------------------- names, signatures


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


# --------------------------------------------------------------------------- training


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("lmbda", [0.0, 5.0])
def test_training_on_digits(digits, cost, lmbda, capsys):
    training, evaluation = digits
    theirs, ours = list(training), list(training)
    plain, fast = twins([784, 30, 10], cost)
    expected = plain.train(theirs, 3, 10, 0.5, lmbda, evaluation, True, True, True, True)
    expected_text, expected_states = capsys.readouterr().out, global_states()

    seed_both()
    fast.default_weight_initializer()
    got = fast.SGD(ours, 3, 10, 0.5, lmbda, evaluation, True, True, True, True)
    assert_same_text(capsys.readouterr().out, expected_text)
    assert_same_lists(got, expected)
    assert_same_parameters(fast, plain)
    assert same_objects(ours, theirs) and not same_objects(ours, training)
    assert global_states() == expected_states
    assert json.loads(json.dumps(got)) == [list(part) for part in got]
    assert all(type(hits) is int for hits in got[1] + got[3])


def test_the_published_run_begins_as_published(monkeypatch, capsys):
    """Python 2 shuffled otherwise; with its shuffle in place the book's own numbers come."""

    def python2_shuffle(items):
        for i in range(len(items) - 1, 0, -1):
            j = int(random.random() * (i + 1))
            items[i], items[j] = items[j], items[i]

    monkeypatch.setattr(random, "shuffle", python2_shuffle)
    mnist = load_mnist()
    training, evaluation = columns(mnist.train, 50_000)[0], columns(mnist.validation, 10_000)[1]
    seed_both()
    net = network2.Network([784, 30, 10], cost=network2.CrossEntropyCost)
    _, hits, _, _ = net.SGD(
        training, 2, 10, 0.1, lmbda=5.0, evaluation_data=evaluation,
        monitor_evaluation_accuracy=True,
    )  # fmt: skip
    assert hits == [9270, 9414]
    assert capsys.readouterr().out == (
        "Epoch 0 training complete\nAccuracy on evaluation data: 9270 / 10000\n\n"
        "Epoch 1 training complete\nAccuracy on evaluation data: 9414 / 10000\n\n"
    )


@pytest.mark.parametrize("monitors", [{}, *({name: True} for name in MONITORS)])
def test_each_monitor_alone(monitors, capsys):
    training, evaluation = blobs()
    plain, fast = twins([5, 4, 3])
    arguments = dict(epochs=2, mini_batch_size=6, eta=0.3, lmbda=0.1, **monitors)
    seed_both()
    expected = plain.train(list(training), evaluation_data=evaluation, **arguments)
    expected_text = capsys.readouterr().out
    seed_both()
    assert_same_lists(fast.SGD(training, evaluation_data=evaluation, **arguments), expected)
    assert_same_text(capsys.readouterr().out, expected_text)


def test_iterators_are_taken_once(capsys):
    training, evaluation = blobs()
    plain, fast = twins([5, 4, 3])
    seed_both()
    expected = plain.train(list(training), 3, 10, 0.5, 1.0, evaluation, **ALL_MONITORS)
    seed_both()
    xs, ys = zip(*training, strict=True)
    given = zip(xs, ys, strict=True), (pair for pair in evaluation)
    got = fast.SGD(given[0], 3, 10, 0.5, 1.0, evaluation_data=given[1], **ALL_MONITORS)
    assert_same_lists(got, expected)
    assert_same_parameters(fast, plain)
    text = capsys.readouterr().out
    assert text.count(" / 47\n") == 12  # two programs, three epochs, two accuracies


def test_a_second_run_starts_from_the_order_that_the_first_left(capsys):
    training, _ = blobs()
    theirs, ours = list(training), list(training)
    plain, fast = twins([5, 4, 3])
    for net_train, pairs in ((plain.train, theirs), (fast.SGD, ours)):
        seed_both(9)
        net_train(pairs, 2, 7, 0.4)
        net_train(pairs, 1, 100, 0.4)  # one batch of everything
    assert same_objects(ours, theirs)
    assert_same_parameters(fast, plain)


def test_plain_inputs_of_other_types(capsys):
    """The book's pickled digits are float32; their classes are NumPy integers."""
    training, evaluation = blobs()
    training = [(x.astype(np.float32), y) for x, y in training]
    evaluation = [(x.astype(np.float32), int(j)) for x, j in evaluation]
    plain, fast = twins([5, 4, 3])
    seed_both()
    expected = plain.train(list(training), 2, 10, 0.5, 0.0, evaluation, **ALL_MONITORS)
    seed_both()
    got = fast.SGD(training, 2, 10, 0.5, 0.0, evaluation, **ALL_MONITORS)
    assert_same_lists(got, expected)
    assert_same_parameters(fast, plain)


@pytest.mark.parametrize("kind", [tuple, list])
def test_arrays_are_taken_too(kind, capsys):
    """As fastnet.Network takes them; their rows stay where they are."""
    training, evaluation = blobs()
    X, Y = (np.hstack(part).T for part in zip(*training, strict=True))
    data = kind([X, Y])
    before = X.copy(), Y.copy()
    plain, fast = twins([5, 4, 3])
    seed_both()
    expected = plain.train(list(training), 2, 10, 0.5, 0.0, evaluation, **ALL_MONITORS)
    expected_text = capsys.readouterr().out
    seed_both()
    classes = np.array([j for _, j in evaluation])
    assert_same_lists(fast.SGD(data, 2, 10, 0.5, 0.0, (X, classes), **ALL_MONITORS), expected)
    assert_same_text(capsys.readouterr().out, expected_text)
    assert_same_parameters(fast, plain)
    assert data[0] is X and data[1] is Y
    assert np.array_equal(X, before[0]) and np.array_equal(Y, before[1])


def test_no_epochs_leave_everything_as_it_was(capsys):
    training, _ = blobs()
    ours = list(training)
    plain, fast = twins([5, 4, 3])
    states = global_states()
    assert fast.SGD(ours, 0, 10, 0.5) == ([], [], [], [])
    assert same_objects(ours, training) and global_states() == states
    assert_same_parameters(fast, plain, atol=0)
    assert capsys.readouterr().out == ""


class Recorder(io.StringIO):
    """A stdout that notes the network's first bias each time that an epoch's line comes."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def write(self, text):
        if text.startswith("Epoch"):
            self.seen.append(float(self.net.biases[0][0, 0]))
        return super().write(text)


def test_lines_come_as_the_epochs_end(monkeypatch):
    training, _ = blobs()
    _, fast = twins([5, 4, 3])
    recorder = Recorder(fast)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", recorder)
        fast.SGD(training, 4, 10, 0.5)
    assert len(set(recorder.seen)) == 4
    assert recorder.seen[-1] == fast.biases[0][0, 0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", ["print", "shuffle"])
def test_an_interruption_leaves_the_list_as_the_original_does(error, where, monkeypatch):
    training, _ = blobs()
    theirs, ours = list(training), list(training)
    plain, fast = twins([5, 4, 3])

    def interrupted(function, calls_before):
        left = [calls_before]

        def wrapper(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise error
            return function(*args, **kwargs)

        return wrapper

    for run, pairs in ((plain.train, theirs), (fast.SGD, ours)):
        seed_both()
        with monkeypatch.context() as patch:
            if where == "print":
                patch.setattr("builtins.print", interrupted(print, 3))
            else:
                patch.setattr(random, "shuffle", interrupted(random.shuffle, 2))
            with pytest.raises(error):
                run(pairs, 5, 10, 0.5)
    assert same_objects(ours, theirs) and not same_objects(ours, training)
    assert_same_parameters(fast, plain)
    # The network is whole: it trains on.
    for run, pairs in ((plain.train, theirs), (fast.SGD, ours)):
        seed_both()
        run(pairs, 1, 10, 0.5)
    assert same_objects(ours, theirs)
    assert_same_parameters(fast, plain)


# --------------------------------------------------------------------------- early stopping


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("monitor", ["monitor_evaluation_accuracy", "monitor_training_accuracy"])
def test_early_stopping(n, monitor, capsys):
    training, evaluation = blobs(count=60)
    evaluation = evaluation[:12]  # few, so that accuracy stands still often
    if monitor == "monitor_training_accuracy":
        evaluation = None
    plain, fast = twins([5, 4, 3])
    results = []
    for run in (plain.train, fast.SGD):
        seed_both()
        results.append(
            run(list(training), 40, 10, 0.5, 0.0, evaluation, early_stopping_n=n, **{monitor: True})
        )
    assert_same_lists(results[1], results[0])
    epochs = len(results[1][1] or results[1][3])
    assert n < epochs < 40
    assert capsys.readouterr().out.count("training complete") == 2 * epochs
    assert_same_parameters(fast, plain)


def test_early_stopping_watches_the_evaluation_data_unmonitored(capsys):
    training, evaluation = blobs(count=60)
    wrong = [(x, (j + 1) % 3) for x, j in evaluation[:12]]  # hits fall here as they rise there
    plain, fast = twins([5, 4, 3])
    _, quiet = twins([5, 4, 3])
    lists, texts = [], []
    for run, monitored in ((plain.train, True), (fast.SGD, True), (quiet.SGD, False)):
        seed_both()
        lists.append(
            run(
                list(training), 40, 10, 1.0, 0.0, wrong,
                monitor_evaluation_accuracy=monitored, monitor_training_accuracy=True,
                early_stopping_n=2,
            )
        )  # fmt: skip
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and lists[0] == lists[1]
    assert lists[2] == ([], [], [], lists[0][3]) and len(lists[0][3]) < 40
    # Training accuracy would have stopped it elsewhere, so it was not that which was watched.
    best = np.maximum.accumulate([0, *lists[0][3]])
    assert np.diff(best)[-2:].any()
    shown = [line for line in texts[0].splitlines(True) if "evaluation" not in line]
    assert texts[2] == "".join(shown)
    assert_same_parameters(quiet, fast, atol=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"early_stopping_n": 2}, ValueError, "early_stopping_n is 2, .* no accuracy"),
        ({"early_stopping_n": 1.5}, TypeError, "early_stopping_n is 1.5"),
        ({"early_stopping_n": "3"}, TypeError, "early_stopping_n is '3'"),
        ({"eta": -1.0}, ValueError, "eta"),
        ({"eta": float("nan")}, ValueError, "eta"),
        ({"mini_batch_size": 0}, ValueError, "mini_batch_size"),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"training_data": []}, ValueError, "training_data"),
        ({"training_data": 3}, TypeError, "training_data is of type int"),
        ({"evaluation_data": 3, "monitor_evaluation_cost": True}, TypeError, "evaluation_data"),
        ({"monitor_evaluation_accuracy": True}, ValueError, "evaluation_data"),
        ({"evaluation_data": [], "monitor_evaluation_cost": True}, ValueError, "evaluation"),
    ],
)
def test_refusals_come_before_anything_changes(arguments, error, message, capsys):
    training, _ = blobs()
    ours = list(training)
    plain, fast = twins([5, 4, 3])
    states = global_states()
    call = {"training_data": ours, "epochs": 2, "mini_batch_size": 10, "eta": 0.5, **arguments}
    with pytest.raises(error, match=message):
        fast.SGD(**call)
    assert global_states() == states
    assert same_objects(ours, training)
    assert_same_parameters(fast, plain, atol=0)
    assert capsys.readouterr().out == ""


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
        fast.weights = [np.zeros((4, 4)), np.zeros((3, 4))]
    with pytest.raises(ValueError, match="biases"):
        fast.biases = [np.zeros((4, 1))]
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


# --------------------------------------------------------------------------- files


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


# --------------------------------------------------------------------------- a whole script


def test_a_script_in_the_ports_manner(tmp_path, monkeypatch, capsys):
    """What such scripts do from the first line to the last, run as a program of its own."""
    training, evaluation = blobs(n_in=6, classes=10, count=80)
    monkeypatch.chdir(tmp_path)
    script = """
from fastnet.network2 import *
random.seed(1); np.random.seed(1)
net = Network([6, 8, 10], cost=CrossEntropyCost)
net.large_weight_initializer()
vc, va, tc, ta = net.SGD(training, 3, 10, 0.5,
    lmbda = 0.1, evaluation_data=evaluation, monitor_evaluation_cost=True,
    monitor_evaluation_accuracy=True, monitor_training_cost=True,
    monitor_training_accuracy=True, early_stopping_n=10)
with open("curves.json", "w") as f:
    json.dump([vc, va, tc, ta], f)
net.save("net.json")
again = load("net.json")
guesses = [int(np.argmax(again.feedforward(x))) for x, y in evaluation]
hits = sum(int(np.argmax(sigmoid(np.dot(net.weights[-1], sigmoid(
    np.dot(net.weights[0], x) + net.biases[0])) + net.biases[-1])) == y) for x, y in evaluation)
"""
    Path("script.py").write_text(script)
    data = {"training": zip(*zip(*training, strict=True), strict=True), "evaluation": evaluation}
    namespace = runpy.run_path("script.py", data)
    text = capsys.readouterr().out

    random.seed(1)
    np.random.seed(1)
    plain = PlainNetwork([6, 8, 10])
    plain.start_large()
    expected = plain.train(training, 3, 10, 0.5, 0.1, evaluation, **ALL_MONITORS)
    assert_same_text(text, capsys.readouterr().out)
    assert_same_lists(tuple(json.loads(Path("curves.json").read_text())), expected)
    assert namespace["guesses"] == [int(np.argmax(plain.output(x))) for x, _ in evaluation]
    assert namespace["hits"] == expected[1][-1]
