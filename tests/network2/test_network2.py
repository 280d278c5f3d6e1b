"""The drop-in's training against a plain re-implementation: numbers, prints, side effects."""

import copy
import io
import json
import random
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet import network2, reference
from fastnet.datasets import load_mnist

from ..plain_network2 import (
    COSTS,
    PlainNetwork,
    assert_same_lists,
    assert_same_parameters,
    assert_same_text,
    blobs,
    global_states,
    same_objects,
    seed_both,
    twins,
    unit_column,
)

MONITORS = [
    "monitor_evaluation_cost",
    "monitor_evaluation_accuracy",
    "monitor_training_cost",
    "monitor_training_accuracy",
]
ALL_MONITORS = dict.fromkeys(MONITORS, True)


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


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    count=st.integers(1, 7),
    mini_batch_size=st.integers(1, 9),
    lmbda=st.sampled_from([0.0, 0.3]),
    cost=st.sampled_from(sorted(COSTS)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_training_of_any_shape(sizes, count, mini_batch_size, lmbda, cost, seed):
    """Layers of width 1, one example, a short last batch, a batch larger than the data."""
    training, evaluation = blobs(sizes[0], sizes[-1], count, seed)
    theirs, ours = list(training), list(training)
    plain, fast = twins(sizes, cost, seed)
    # With one output the original's accuracy is no accuracy, and its classes are targets here.
    accuracy = sizes[-1] > 1
    results = []
    for run, pairs in ((plain.train, theirs), (fast.SGD, ours)):
        seed_both(seed)
        with redirect_stdout(io.StringIO()) as out:
            lists = run(
                pairs, 2, mini_batch_size, 0.5, lmbda, evaluation if accuracy else None,
                accuracy, accuracy, True, accuracy,
            )  # fmt: skip
        results.append((lists, out.getvalue(), global_states()))
    assert_same_lists(results[1][0], results[0][0])
    assert_same_text(results[1][1], results[0][1])
    assert results[1][2] == results[0][2]
    assert same_objects(ours, theirs)
    assert_same_parameters(fast, plain)


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
                monitor_evaluation_accuracy=monitored, early_stopping_n=2,
            )
        )  # fmt: skip
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and lists[0] == lists[1]
    assert lists[2] == ([], [], [], []) and len(lists[0][1]) < 40
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
