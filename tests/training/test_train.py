"""`Network.train` and `partial_fit`: going on, measuring, diverging, and what is refused."""

import contextlib
import copy
import pickle

import numpy as np
import pytest

import fastnet
from fastnet import SGD, Adam, Callback, DivergenceError, Momentum, Rprop
from fastnet.metrics import METRICS
from fastnet.training import calls as timing

from ..formulas import Plain, problem

OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "RMSprop", "Adam", "AdamW", "Rprop"]


class Nothing(Callback):
    """Interrupts an epoch every so often, and does nothing."""

    def __init__(self, interval):
        self.interval = interval


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_twice_is_training_longer(optimizer, shuffle):
    """Order, masks and state all go on: every bit, through a copy and a pickle as well."""
    net, X, labels, _ = problem(np.float64, 0.3, rows=50)
    options = {
        "optimizer": optimizer, "shuffle": shuffle, "dropout": [0.2, 0.4], "l2": 1.0, "l1": 0.1,
        "metrics": ["running_cost", "training_cost"],
    }  # fmt: skip
    whole = copy.deepcopy(net)
    whole.train((X, labels), 7, 8, **options)
    net.train((X, labels), 3, 8, **options)
    net = pickle.loads(pickle.dumps(copy.deepcopy(net)))
    net.train((X, labels), 4, 8, **options)
    np.testing.assert_array_equal(net.parameters, whole.parameters)
    assert net.history == whole.history
    assert net.rng.random() == whole.rng.random()


def test_the_same_seed_is_the_same_training():
    runs = []
    for _ in range(2):
        net, X, labels, _ = problem(np.float64, rows=50)
        net.train((X, labels), 5, 8, optimizer="adam", dropout=0.3)
        runs.append(net.parameters)
    np.testing.assert_array_equal(*runs)


@pytest.mark.parametrize("n", [1, 20, 300, 700])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_partial_fit_is_a_full_batch_step(optimizer, n):
    net, X, labels, _ = problem(np.float64, rows=n)
    twin = copy.deepcopy(net)
    options = {"optimizer": optimizer, "l2": 2.0, "clip_norm": 0.5, "max_norm": 1.5}
    for _ in range(3):
        assert net.partial_fit((X, labels), **options) is None
    twin.train((X, labels), 3, None, shuffle=False, **options)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-14)
    assert net.history == []
    assert len(twin.history) == 3


def test_partial_fit_over_batches_is_an_epoch():
    """Batches from outside, one by one, are the mini-batches of a training."""
    net, X, labels, _ = problem(np.float64, rows=50)
    twin = copy.deepcopy(net)
    for _ in range(2):
        for at in range(0, 50, 8):
            net.partial_fit((X[at : at + 8], labels[at : at + 8]), optimizer=Adam(0.02))
    twin.train((X, labels), 2, 8, optimizer=Adam(0.02), shuffle=False)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-11, atol=1e-13)


def test_partial_fit_and_train_share_the_state():
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    net.partial_fit((X, labels), optimizer=Momentum(0.1))
    net.train((X, labels), 2, None, shuffle=False)
    twin.train((X, labels), 3, None, optimizer=Momentum(0.1), shuffle=False)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-14)


def test_partial_fit_works_where_the_step_before_did(monkeypatch):
    net, X, labels, _ = problem(np.float64, rows=50)
    made, make = [], type(net)._training_engine

    def count(self, *arguments, **options):
        made.append(arguments)
        return make(self, *arguments, **options)

    monkeypatch.setattr(type(net), "_training_engine", count)
    for at in range(0, 50, 8):
        net.partial_fit((X[at : at + 8], labels[at : at + 8]))
        net.update_mini_batch((X[at : at + 8], labels[at : at + 8]), 0.1, 0.0, 50)
    assert len(made) == 1


STEPS = [
    {"optimizer": Momentum(0.3)},
    {"optimizer": Momentum(0.3), "rows": 3},
    {"optimizer": Adam(0.02), "l2": 3.0},
    {"optimizer": Adam(0.02), "dropout": 0.5},
    {"optimizer": Adam(0.02), "rows": 300},
    {"optimizer": SGD(1e300), "l2": 1e10},  # diverges
    {"optimizer": SGD(0.1), "max_norm": 0.5, "l2": 1.0},
    {"cost": fastnet.QuadraticCost, "optimizer": SGD(0.1)},
    {"optimizer": "LBFGS"},
    {"optimizer": SGD(0.1), "clip_norm": 0.1},
]


def test_partial_fit_takes_nothing_over_from_the_step_before():
    """A copy has no workspace yet, and takes each step in one of its own."""
    net, X, labels, _ = problem(np.float64, rows=300)
    twin = copy.deepcopy(net)
    for number, step in enumerate(STEPS * 2):
        if step.get("optimizer") == "LBFGS":
            pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
        options = {**step}
        twin = copy.deepcopy(twin)
        rows = options.pop("rows", 20)
        cost = options.pop("cost", fastnet.CrossEntropyCost)
        for network in (net, twin):
            network.cost = cost
            with contextlib.suppress(DivergenceError):
                network.partial_fit((X[:rows], labels[:rows]), **options)
        np.testing.assert_array_equal(net.parameters, twin.parameters, err_msg=f"step {number}")


@pytest.mark.parametrize("size", [20, 21, 10**9, None])
def test_a_mini_batch_of_all_examples(size):
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    net.train((X, labels), 2, size, shuffle=False)
    twin.train((X, labels), 2, 20, shuffle=False)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def test_no_epochs_change_nothing():
    net, X, labels, _ = problem(np.float64)
    before, rng = net.parameters.copy(), copy.deepcopy(net.rng)
    history = net.train((X, labels), 0, 5, dropout=0.5, metrics="training_cost")
    assert history == net.history == []
    np.testing.assert_array_equal(net.parameters, before)
    assert net.rng.random() == rng.random()


@pytest.mark.parametrize("callback", [None, Nothing(1), Nothing(3)], ids=["none", "1", "3"])
@pytest.mark.parametrize("seconds", [0.0, 1e-5, 1e9])
@pytest.mark.parametrize(
    ("batch", "options"),
    [
        (1, {}),
        (7, {"l2": 1.0}),
        (7, {"optimizer": "adam", "dropout": [0.3, 0.3]}),
        (64, {"optimizer": "momentum", "l1": 1.0, "clip_norm": 0.1}),
        (300, {"optimizer": "nesterov", "dropout": 0.5}),
        (600, {"optimizer": "rmsprop", "l2": 1.0, "max_norm": 1.0}),
        (None, {"optimizer": Rprop(), "l2": 1.0}),
        (None, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["dense", "sparse", "float16"])
def test_how_an_epoch_is_cut_changes_no_bit(kind, batch, options, seconds, callback, monkeypatch):
    """Calls into the kernel end where the clock says so; results must not know of it."""
    net, X, labels, _ = problem(np.float64, 0.2 if kind == "sparse" else 1.0, rows=650)
    X = X.astype(np.float16) if kind == "float16" else X
    twin = copy.deepcopy(net)
    weight = np.linspace(0, 2, 650)
    options = {**options, "sample_weight": weight, "metrics": ["running_cost", "running_accuracy"]}
    net.train((X, labels), 2, batch, **options)
    monkeypatch.setattr(timing, "SECONDS_PER_CALL", seconds)
    twin.train((X, labels), 2, batch, callbacks=callback, **options)
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert net.history.column("running_accuracy") == twin.history.column("running_accuracy")
    assert net.history.column("running_cost") == pytest.approx(twin.history.column("running_cost"))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
@pytest.mark.parametrize("batch", [1, 7, 300, 650, 1000])
def test_progress_counts_every_mini_batch(batch, seconds, monkeypatch):
    monkeypatch.setattr(timing, "SECONDS_PER_CALL", seconds)
    net, X, labels, _ = problem(np.float64, rows=650)
    calls = []
    net.train((X, labels), 3, batch, progress=lambda done, total: calls.append((done, total)))
    total = 3 * -(-650 // batch)
    counts = [done for done, _ in calls]
    assert {of for _, of in calls} == {total}
    assert counts == sorted(set(counts)) and counts[-1] == total
    if seconds == 0 and batch <= 256:
        assert len(counts) > 3


# --- what is measured ----------------------------------------------------------------------------


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (1.0, 2.0)])
def test_every_metric(l1, l2):
    """After each epoch; the running ones see each example with the parameters of its step."""
    net, X, labels, Y = problem(np.float64, rows=30)
    evaluation = X[:9] * 0.5, labels[:9]
    twin = copy.deepcopy(net)
    costs, hits = 0.0, 0
    for at in range(0, 30, 8):
        plain, rows = Plain.of(twin), slice(at, at + 8)
        costs += plain.costs(X[rows], Y[rows]).sum()
        hits += (plain.forward(X[rows])[1][-1].argmax(axis=1) == labels[rows]).sum()
        n = len(X[rows])
        twin.partial_fit((X[rows], labels[rows]), l1=l1 * n / 30, l2=l2 * n / 30)
    history = net.train(
        (X, labels), 1, 8, l1=l1, l2=l2, shuffle=False, evaluation_data=evaluation, metrics=METRICS
    )
    plain = Plain.of(net)

    def penalty(n):
        squares = sum((w**2).sum() for w in plain.weights)
        return (l1 * sum(np.abs(w).sum() for w in plain.weights) + l2 / 2 * squares) / n

    expected = {
        "training_cost": plain.costs(X, Y).mean() + penalty(30),
        "training_accuracy": (plain.forward(X)[1][-1].argmax(axis=1) == labels).mean(),
        "evaluation_cost": plain.costs(evaluation[0], Y[:9]).mean() + penalty(9),
        "evaluation_accuracy": (
            plain.forward(evaluation[0])[1][-1].argmax(axis=1) == labels[:9]
        ).mean(),
        "running_cost": costs / 30 + penalty(30),
        "running_accuracy": hits / 30,
    }
    assert list(history[0]) == ["epoch", "eta", *METRICS]
    for name, value in expected.items():
        assert history[0][name] == pytest.approx(value, rel=1e-9), name
        assert type(history[0][name]) is float


def test_metrics_in_the_order_asked_for_and_functions_of_the_network():
    def norm(network):
        return float(np.linalg.norm(network.weights[0]))

    class Depth:
        def __call__(self, network):
            return network.num_layers

    net, X, labels, _ = problem(np.float64)
    names = ["running_accuracy", "training_cost"]
    history = net.train((X, labels), 2, 5, metrics=[norm, *names, Depth()])
    assert list(history[-1]) == ["epoch", "eta", *names, "norm", "Depth"]
    assert history[-1]["norm"] == norm(net) and history[-1]["Depth"] == 3


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, []),
        ({"evaluation": True}, ["evaluation_cost", "evaluation_accuracy"]),
        ({"evaluation": True, "metrics": []}, []),
        ({"evaluation": True, "metrics": "evaluation_accuracy"}, ["evaluation_accuracy"]),
        ({"metrics": "training_cost"}, ["training_cost"]),
        ({"metrics": ("training_cost", "training_cost")}, ["training_cost"]),
    ],
)
def test_which_metrics(options, names):
    net, X, labels, _ = problem(np.float64)
    options = dict(options)
    evaluation = (X, labels) if options.pop("evaluation", False) else None
    history = net.train((X, labels), 1, 5, evaluation_data=evaluation, **options)
    assert list(history[0]) == ["epoch", "eta", *names]


def test_measuring_changes_nothing():
    net, X, labels, _ = problem(np.float64, 0.3)
    twin = copy.deepcopy(net)
    net.train((X, labels), 3, 4, dropout=0.3)
    twin.train((X, labels), 3, 4, dropout=0.3, evaluation_data=(X, labels), metrics=METRICS)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


# --- divergence ----------------------------------------------------------------------------------


def diverging(dtype=np.float64):
    """A linear network, and data on which a rate of 1e30 soon overflows."""
    rng = np.random.default_rng(0)
    net = fastnet.Network([4, 5, 2], "quadratic", activation="identity", output="identity",
                          dtype=dtype, rng=0)  # fmt: skip
    return net, (rng.random((40, 4)), rng.random((40, 2)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch", [4, None])
@pytest.mark.parametrize("optimizer", [SGD(1e30), Momentum(1e30)])
def test_divergence_gives_the_last_epoch_back(optimizer, batch, dtype):
    net, data = diverging(dtype)
    net.train(data, 2, batch, optimizer=type(optimizer)(0.01), shuffle=False)
    before, history = net.parameters.copy(), list(net.history)
    with pytest.raises(DivergenceError) as caught:
        net.train(data, 20, batch, optimizer=optimizer, shuffle=False)
    error = caught.value
    assert error.layer in (1, 2)
    assert f"diverged in epoch {error.epoch}: layer {error.layer}" in str(error)
    assert np.isfinite(net.parameters).all()
    if error.epoch == 2:
        np.testing.assert_array_equal(net.parameters, before)
    assert net.history[:2] == history and len(net.history) == error.epoch
    again = pickle.loads(pickle.dumps(error))
    assert (again.epoch, again.layer, str(again)) == (error.epoch, error.layer, str(error))


def test_after_divergence_a_smaller_rate_goes_on():
    net, data = diverging()
    twin = copy.deepcopy(net)
    for network in (net, twin):
        network.train(data, 2, 4, optimizer=Momentum(0.01), shuffle=False)
    with pytest.raises(DivergenceError):
        net.train(data, 5, 4, optimizer=Momentum(1e200), shuffle=False)
    for network in (net, twin):
        network.train(data, 2, 4, optimizer=Momentum(0.01), shuffle=False)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def test_divergence_ends_a_training_for_its_callbacks():
    ends = []

    class End(Callback):
        def on_train_end(self, network):
            ends.append(np.isfinite(network.parameters).all())

    net, data = diverging()
    with pytest.raises(DivergenceError):
        net.train(data, 20, 4, optimizer=SGD(1e30), callbacks=End())
    assert ends == [True]


def test_partial_fit_diverges_alike():
    net, data = diverging()
    net.partial_fit(data, optimizer=SGD(1e200))
    before = net.parameters.copy()
    with pytest.raises(DivergenceError):
        net.partial_fit(data, optimizer=SGD(1e200))
    np.testing.assert_array_equal(net.parameters, before)


# --- what is refused -----------------------------------------------------------------------------


def refused(name):
    """Arguments that are wrong, by the name that the message must have."""
    return {
        "epochs": [-1, 2.5, "3", None, True],
        "mini_batch_size": [0, -5, 2.5, "4", False],
        "optimizer": ["sdg", 3, Callback()],
        "schedule": ["steps", 0.5, Callback()],
        "metrics": ["accuracy", ["training_cost", "cost"], 3, [3], [None]],
        "callbacks": ["stop", [3], Adam()],
        "shuffle": ["yes", 1, None],
        "progress": ["yes", 3],
        "data": [None, 3, "mnist", np.ones((3, 9)), (np.ones((3, 9)), [0, 1]), []],
        "evaluation_data": [3, (np.ones((3, 8)), [0, 1, 2]), (np.ones((3, 9)), [0, 1, 3])],
    }[name]


NAMES = [
    "epochs", "mini_batch_size", "optimizer", "schedule", "metrics", "callbacks", "shuffle",
    "progress", "data", "evaluation_data",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given"),
    [(name, given) for name in NAMES for given in refused(name)],
    ids=lambda value: str(value).partition(" at 0x")[0],
)
def test_bad_arguments_are_refused_by_name(name, given):
    """And nothing has changed: parameters, generator, history, the optimizer that is in use."""
    net, X, labels, _ = problem(np.float64)
    net.train((X, labels), 1, 5, optimizer=Adam(0.02))
    before, state = net.parameters.copy(), copy.deepcopy(net.rng.bit_generator.state)
    arguments = {"data": (X, labels), "epochs": 1, "mini_batch_size": 5, "optimizer": "sgd"}
    arguments["schedule"] = "constant"
    with pytest.raises((TypeError, ValueError)) as caught:
        net.train(**{**arguments, name: given})
    assert name in str(caught.value)
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)
    assert net.rng.bit_generator.state == state
    assert len(net.history) == 1
    assert net.train((X, labels), 1, 5)[0]["eta"] == 0.02


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metrics": "evaluation_cost"}, "evaluation_cost, but evaluation_data is None"),
        ({"schedule": "halve"}, "HalveOnPlateau: nothing to monitor is recorded"),
    ],
)
def test_evaluation_data_is_asked_for_before_anything_changes(options, said):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    with pytest.raises(ValueError) as caught:
        net.train((X, labels), 3, 5, **options)
    assert said in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("name", ["lambda_", "epoch", "name", "plan"])
def test_an_unknown_option_is_refused_by_name(name):
    net, X, labels, _ = problem(np.float64)
    for call in (
        lambda **o: net.train((X, labels), 1, 5, **o),
        lambda **o: net.partial_fit((X, labels), **o),
    ):
        with pytest.raises(TypeError) as caught:
            call(**{name: 1})
        assert f"'{name}'" in str(caught.value)
        assert "Plan" not in str(caught.value)


@pytest.mark.parametrize("name", ["epochs", "mini_batch_size", "shuffle", "schedule", "metrics"])
def test_partial_fit_takes_no_options_of_an_epoch(name):
    """One step has no epochs; what is given for them would be passed over in silence."""
    net, X, labels, _ = problem(np.float64)
    with pytest.raises(TypeError) as caught:
        net.partial_fit((X, labels), **{name: None})
    assert name in str(caught.value)
    assert "Plan" not in str(caught.value)
