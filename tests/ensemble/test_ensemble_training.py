"""Ensembles are trained as their networks are one by one, to the last bit."""

import os
import signal
import threading
from collections import Counter

import numpy as np
import pytest

import fastnet
from fastnet import Batches, Callback, Checkpoint, EarlyStopping, Ensemble, Network
from fastnet.schedules import HalveOnPlateau

RNG = np.random.default_rng(4)
N, K, SEED = 90, 5, 11
SIZES = [6, 10, 3]
X = RNG.standard_normal((N, 6))
Y = (X[:, :3] + 0.3 * RNG.standard_normal((N, 3))).argmax(1)
HELD_OUT = X[:20], Y[:20]


def made(k=K, **options):
    return Ensemble(SIZES, k, "log_likelihood", **({"rng": SEED} | options))


def singles(k=K, **options):
    seeds = np.random.SeedSequence(SEED).spawn(k)
    return [Network(SIZES, "log_likelihood", rng=seed, **options) for seed in seeds]


WAYS = {
    "plain": {"epochs": 3},
    "dropout and a norm": {
        "epochs": 3,
        "dropout": 0.3,
        "max_norm": 1.0,
        "optimizer": "adam",
        "l2": 0.1,
    },
    "a schedule with a memory": {
        "epochs": 12,
        "schedule": HalveOnPlateau(1, "training_cost"),
        "metrics": ["training_cost"],
        "optimizer": fastnet.SGD(3.0),
    },
    "early stopping": {
        "epochs": 40,
        "evaluation_data": HELD_OUT,
        "callbacks": EarlyStopping(2),
        "optimizer": "rmsprop",
    },
    "weights": {
        "epochs": 2,
        "sample_weight": np.arange(N) / N,
        "class_weight": "balanced",
        "evaluation_data": HELD_OUT,
    },
    "its own order": {"epochs": 2, "shuffle": False, "mini_batch_size": None},
    "iterators": {
        "epochs": 2,
        "metrics": lambda: iter(["training_cost"]),
        "dropout": lambda: iter([0.0, 0.2]),
    },
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("threads", [1, 3])
def test_networks_end_as_those_that_are_trained_one_by_one(options, threads):
    given = {name: v() if callable(v) else v for name, v in options.items()}
    ensemble = made()
    histories = ensemble.train((X, Y), **given, threads=threads)
    for network, history, single in zip(ensemble, histories, singles(), strict=True):
        given = {name: v() if callable(v) else v for name, v in options.items()}
        wanted = single.train((X, Y), **given)
        assert history == wanted == network.history
        assert np.array_equal(network.parameters, single.parameters)
        assert network.rng.random() == single.rng.random()
    if "callbacks" in given:
        assert len({len(history) for history in histories}) > 1  # each stops by itself
    # Each goes on from its own optimizer's state.
    ensemble.train((X, Y), 2)
    single.train((X, Y), 2)
    assert np.array_equal(ensemble[-1].parameters, single.parameters)


def data_in_many_ways():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    few = X * (RNG.random(X.shape) < 0.2)
    return [X, X.astype("float32"), (9 * X).astype("int16"), few, sparse.csr_array(few)]


@pytest.mark.parametrize("which", range(5), ids=["f8", "f4", "i2", "mostly zeros", "sparse"])
def test_bootstrapped_networks_are_those_trained_on_these_rows(which):
    given, weight = data_in_many_ways()[which], np.arange(1, N + 1) / N
    ensemble = made(k=3)
    ensemble.train((given, Y), 2, sample_weight=weight, bootstrap=True, evaluation_data=HELD_OUT)
    for network, single in zip(ensemble, singles(k=3), strict=True):
        rows = single.rng.integers(N, size=N)
        wanted = single.train(
            (given[rows], Y[rows]), 2, sample_weight=weight[rows], evaluation_data=HELD_OUT
        )
        assert np.array_equal(network.parameters, single.parameters)
        assert network.history == wanted


def test_a_bootstrap_has_the_statistics_of_one():
    """One step of a linear unit on one-hot rows moves weight j by how often row j was drawn.

    Of n rows, 1 - (1 - 1/n)^n are expected in a sample, each as often as a Poisson variable.
    """
    n, k = 500, 40
    ensemble = Ensemble([n, 1], k, "quadratic", output="identity", initializer=0.0, rng=1)
    rows = np.eye(n), np.ones((n, 1))
    ensemble.train(rows, 1, None, optimizer=fastnet.SGD(1.0), bootstrap=True)
    counts = np.array([n * network.weights[0][0] for network in ensemble])
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    counts = np.rint(counts)
    assert (counts.sum(axis=1) == n).all()
    # Its variance is n (e - 2) / e^2; four standard errors of the mean of 40.
    share, expected = (counts > 0).mean(), 1 - (1 - 1 / n) ** n
    assert abs(share - expected) < 4 * np.sqrt((np.e - 2) / np.e**2 / n / k)
    assert abs(counts.var() - (1 - 1 / n)) < 0.05
    assert len({row.tobytes() for row in counts}) == k


def test_threads_share_the_work_and_each_network_uses_one():
    seen, lock = Counter(), threading.Lock()
    barrier = threading.Barrier(3, timeout=20)

    def note(network):
        with lock:
            seen[threading.get_ident()] += 1
        if sum(seen.values()) <= 3:
            barrier.wait()  # broken unless three are trained at the same time
        return fastnet.get_num_threads()

    fastnet.set_num_threads(4)
    try:
        histories = made().train((X, Y), 1, metrics=[note], threads=3)
    finally:
        fastnet.set_num_threads(None)
    assert len(seen) == 3 and threading.get_ident() in seen
    assert {history[0]["note"] for history in histories} == {1}


def test_progress_counts_mini_batches_of_all_networks():
    seen = []
    made().train((X, Y), 4, 10, progress=lambda *told: seen.append(told), threads=1)
    assert seen[-1] == (K * 4 * 9, K * 4 * 9)
    done = [told[0] for told in seen]
    assert done == sorted(set(done))


def test_one_that_diverges_goes_back_and_the_others_are_trained_to_the_end():
    ensemble, others = made(), singles()
    for network in (ensemble[1], others[1]):
        network.weights[0] = np.full((10, 6), 1e308)
    with pytest.raises(fastnet.DivergenceError) as caught:
        ensemble.train((X, Y), 2, optimizer=fastnet.SGD(1e5), l2=50.0)
    assert "in network 1 of an ensemble of 5, of which 1 failed" in caught.value.__notes__[0]
    for at, single in enumerate(others):
        if at == 1:
            with pytest.raises(fastnet.DivergenceError):
                single.train((X, Y), 2, optimizer=fastnet.SGD(1e5), l2=50.0)
        else:
            single.train((X, Y), 2, optimizer=fastnet.SGD(1e5), l2=50.0)
        assert np.array_equal(ensemble[at].parameters, single.parameters)
        assert ensemble[at].history == single.history


def state(ensemble):
    return [
        (net.parameters.tobytes(), repr(net.rng.bit_generator.state), list(net.history), net.kind)
        for net in ensemble
    ]


REFUSED = {
    "epochs": ({"epochs": -1}, "epochs is -1"),
    "data": ({"data": (X[:, :3], Y)}, "3 columns"),
    "Batches": ({"data": Batches.from_arrays(X, Y)}, "data is Batches"),
    "evaluation data": ({"evaluation_data": (X, Y + 5)}, "evaluation_data: y holds"),
    "Checkpoint": ({"callbacks": [Checkpoint("x.npz")]}, "a Checkpoint, whose file"),
    "resume": ({"resume": "x.npz"}, "resume is 'x.npz', but a checkpoint is of one"),
    "a function that shuffles": ({"shuffle": lambda rows: None}, "shuffle is a function"),
    "shuffle": ({"shuffle": "yes"}, "shuffle is 'yes'"),
    "bootstrap": ({"bootstrap": "yes"}, "bootstrap is 'yes'; give True or False"),
    "threads": ({"threads": 0}, "threads is 0"),
    "what L-BFGS does not take": ({"optimizer": "lbfgs"}, "mini_batch_size is 32"),
    "progress": ({"progress": "yes"}, "progress is 'yes'"),
    "a monitor": ({"callbacks": EarlyStopping(2)}, "EarlyStopping"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_are_refused_before_anything_changes(options, words):
    if options.get("optimizer") == "lbfgs":
        pytest.importorskip("scipy", reason="SciPy is missing")
    ensemble = made()
    before = state(ensemble)
    with pytest.raises((ValueError, TypeError)) as caught:
        ensemble.train(**({"data": (X, Y), "epochs": 1} | options))
    assert words in str(caught.value)
    assert state(ensemble) == before


def test_callbacks_that_cannot_be_copied_are_refused():
    callback = Callback()
    callback.lock = threading.Lock()
    with pytest.raises(TypeError, match="callbacks or schedule cannot be copied"):
        made().train((X, Y), 1, callbacks=callback)


def test_generators_that_are_shared_are_refused():
    ensemble = made()
    ensemble[3].rng = np.random.Generator(ensemble[1].rng.bit_generator)
    with pytest.raises(ValueError, match="networks 1 and 3 share one rng"):
        ensemble.train((X, Y), 1)


def test_a_network_that_is_being_trained_is_refused():
    ensemble = made()

    def nested(network):
        with pytest.raises(RuntimeError, match="being trained"):
            ensemble.train((X, Y), 1)
        return 0.0

    ensemble[2].train((X, Y), 1, metrics=[nested])
    assert [len(network.history) for network in ensemble] == [0, 0, 1, 0, 0]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals to a process are missing on Windows")
@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_leaves_each_network_at_the_end_of_a_mini_batch(threads):
    """Whatever a network has been through, a single one that stops there is the same."""
    ensemble, before = made(k=8), threading.active_count()

    def stop(done, total):
        if done > 400:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ensemble.train((X, Y), 10**5, 10, progress=stop, threads=threads)
    assert threading.active_count() == before
    trained = 0
    for network, single in zip(ensemble, singles(k=8), strict=True):
        steps = network._state.step if network._state is not None else 0
        trained += steps > 0
        epochs, rest = divmod(steps, 9)
        assert epochs - (rest == 0) <= len(network.history) <= epochs
        _stop_after(single, epochs, rest)
        assert np.array_equal(network.parameters, single.parameters)
    assert 1 <= trained <= threads


def _stop_after(network, epochs, rest):
    class Stop(Callback):
        interval = 1

        def on_interval(self, network, epoch, batches):
            return (epoch, batches) == (epochs, rest)

    if epochs or rest:
        network.train((X, Y), epochs + (rest > 0), 10, callbacks=Stop())


def test_an_error_of_progress_ends_all():
    def fail(done, total):
        raise ZeroDivisionError

    ensemble = made()
    with pytest.raises(ZeroDivisionError):
        ensemble.train((X, Y), 3, progress=fail, threads=1)
    assert [network._state is not None for network in ensemble] == [True] + [False] * 4
