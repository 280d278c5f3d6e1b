"""Same seed, same data, same machine: the same bits, however the work is cut, run and watched."""

import copy
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import fastnet
from fastnet import kernels

RNG = np.random.default_rng(4)
X = RNG.standard_normal((600, 23)) * (RNG.random((600, 23)) < 0.4)
Y = np.arange(600) % 7
EVALUATION = RNG.standard_normal((9, 23)), np.arange(9) % 7

#: What is trained: every kind of step, input, and mini-batch (a full one is more than a workspace).
CASES = {
    "the book": {"mini_batch_size": 10, "l2": 5.0},
    "float32": {"mini_batch_size": 10, "dtype": "float32", "optimizer": "momentum"},
    "full batches": {"mini_batch_size": None, "optimizer": "rprop"},
    "large batches": {"mini_batch_size": 290, "optimizer": "adam", "l1": 0.1},
    "dropout": {"mini_batch_size": 7, "optimizer": "adamw", "dropout": [0.2, 0.5], "max_norm": 2.0},
    "a schedule": {"mini_batch_size": 32, "schedule": "cosine", "clip_norm": 0.5},
    "one by one": {"mini_batch_size": 1, "optimizer": "rmsprop"},
}
EPOCHS = 2


def train(mini_batch_size, dtype="float64", setup=lambda network: None, **options):
    """Train a network anew; return every bit that must not change."""
    if options.get("schedule") == "cosine":
        options["schedule"] = fastnet.schedules.Cosine(EPOCHS)
    network = fastnet.Network([23, 40, 7], rng=5, dtype=dtype)
    setup(network)
    network.train((X, Y), EPOCHS, mini_batch_size, **options)
    return bits(network)


def bits(network):
    state = network._state
    return (
        network.parameters.tobytes(),
        state.step,
        [vector.tobytes() for vector in state.vectors],
        network.feedforward(X).tobytes(),
        network.rng.random(),
    )


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Return a training, and what becomes of it undisturbed."""
    options = CASES[request.param]
    return options, train(**options)


def test_a_training_is_repeated(case):
    options, expected = case
    assert train(**options) == expected
    assert train(**options, setup=lambda network: setattr(network, "rng", 6)) != expected


@pytest.mark.parametrize("seconds", [0.0, 1e-5, 100.0])
def test_how_an_epoch_is_cut_into_kernel_calls(case, seconds, monkeypatch):
    options, expected = case
    monkeypatch.setattr("fastnet.training.calls.SECONDS_PER_CALL", seconds)
    assert train(**options) == expected


@pytest.mark.parametrize("rows", [1, 97])
def test_how_large_the_pieces_of_converted_data_are(case, rows, monkeypatch):
    options, expected = case
    monkeypatch.setattr("fastnet.data.rows.BLOCK_BYTES", rows * X.shape[1] * 8)
    assert train(**options) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_how_many_threads_work_on_it(case, count):
    options, expected = case
    before = fastnet.get_num_threads()
    fastnet.set_num_threads(count)
    try:
        assert train(**options) == expected
    finally:
        fastnet.set_num_threads(before)


class Watch(fastnet.Callback):
    """Looks at the network every few mini-batches and after each epoch."""

    def __init__(self, interval):
        self.interval = interval
        self.looks = 0

    def on_interval(self, network, epoch, mini_batch):
        network.total_cost(EVALUATION, 1.0)
        if self.looks % 20 == 0:
            network.layer_statistics(*EVALUATION)
            copy.deepcopy(network).partial_fit(EVALUATION)
        self.looks += 1

    def on_epoch_end(self, network, record):
        self.on_interval(network, 0, 0)


WATCHES = {
    "evaluation data": {"evaluation_data": EVALUATION},
    "every metric": {"evaluation_data": EVALUATION, "metrics": fastnet.metrics.METRICS},
    "running cost": {"metrics": ["running_cost", "running_accuracy"]},
    "a function": {"metrics": lambda network: network.accuracy(EVALUATION)},
    "progress": {"progress": lambda done, total: None},
    "statistics": {"callbacks": lambda: fastnet.RecordStatistics(*EVALUATION, interval=1)},
    "a look every 2": {"callbacks": lambda: Watch(2)},
    "a look every 1 and 3": {"callbacks": lambda: [Watch(1), Watch(3)]},
    "early stopping": {
        "evaluation_data": EVALUATION,
        "callbacks": lambda: fastnet.EarlyStopping(patience=99, restore_best=False),
    },
}


@pytest.mark.parametrize("name", WATCHES)
def test_who_watches(case, name):
    options, expected = case
    watch = dict(WATCHES[name])
    if "callbacks" in watch:
        watch["callbacks"] = watch["callbacks"]()
    assert train(**options, **watch) == expected


@pytest.mark.parametrize("every", [1, 2])
def test_how_often_a_checkpoint_is_written(case, every, tmp_path):
    options, expected = case
    checkpoint = fastnet.Checkpoint(tmp_path / "net.npz", every=every)
    assert train(**options, callbacks=checkpoint) == expected
    assert list(tmp_path.iterdir())


def test_who_trains(case):
    """In a thread, in four at once, in another process: forked here, spawned in test_processes."""
    options, expected = case
    with ThreadPoolExecutor(4) as pool:
        assert all(done == expected for done in pool.map(lambda _: train(**options), range(4)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is missing: Windows has none")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_trains_to_the_same_bits():
    expected = [train(**options) for options in CASES.values()]
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert list(pool.map(train_case, CASES)) == expected


def train_case(name):
    return train(**CASES[name])


def test_who_predicts_meanwhile(case):
    options, expected = case
    over = threading.Event()
    networks, failures = [], []

    def predict():
        while not over.is_set():
            try:
                for network in networks:
                    network.feedforward(X[0])
                    network.accuracy((X, Y))
            except BaseException as error:
                failures.append(error)
                raise

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert train(**options, setup=networks.append) == expected
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not failures


# --- across kernel variants ----------------------------------------------------------------------


#: One epoch of the book's network on all of its digits.
EPOCH = """
import sys
import numpy as np
import fastnet
from fastnet.datasets import load_mnist

network = fastnet.Network([784, 30, 10], rng=0)
network.SGD(load_mnist().train, 1, 10, 0.1, 5.0)
np.save(sys.argv[1], network.parameters)
"""


@pytest.mark.skipif(
    len(kernels.variants()) == 1,
    reason="a second kernel variant is missing: this processor or build has only one",
)
def test_variants_agree_after_an_epoch_of_the_books_network(tmp_path):
    """To 1e-12, of the largest parameter and of the norm; rounding moves one near zero by more."""
    found = {}
    for variant in kernels.variants():
        path = tmp_path / f"{variant}.npy"
        done = subprocess.run(
            [sys.executable, "-P", "-W", "error", "-c", EPOCH, str(path)],
            env=os.environ | {"FASTNET_KERNEL": variant},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found[variant] = np.load(path)
    expected = found.pop("baseline")
    scale = np.abs(expected).max()
    for parameters in found.values():
        assert not np.array_equal(parameters, expected)  # different code ran
        assert np.abs(parameters - expected).max() < 1e-12 * scale
        assert np.linalg.norm(parameters - expected) < 1e-12 * np.linalg.norm(expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shuffle", [False, True])
def test_how_rows_lie_changes_no_bit(dtype, shuffle):
    """Rows that lie one behind another are used where they lie, all others are copied first."""
    whole = np.random.default_rng(4).standard_normal((130, 40)).astype(dtype)
    room = np.full((131, 53), np.nan, dtype)
    room[1:, 5:45] = whole
    layouts = {
        "contiguous": whole,
        "within wider rows": room[1:, 5:45],
        "every second": np.repeat(whole, 2, axis=0)[::2],
        "backwards": whole[::-1].copy()[::-1],
        "columns": np.asfortranarray(whole),
        "read-only": np.frombuffer(whole.tobytes(), dtype).reshape(whole.shape),
        "the other byte order": whole.astype(whole.dtype.newbyteorder()),
    }
    y, found = np.arange(130) % 3, {}
    for name, X in layouts.items():
        before = X.copy()
        net = fastnet.Network([40, 12, 3], activation="tanh", dtype=dtype, rng=1)
        net.train((X, y), epochs=2, mini_batch_size=12, shuffle=shuffle)
        nabla = np.concatenate([n.ravel() for nablas in net.backprop(X, y) for n in nablas])
        found[name] = (
            net.parameters.copy(),
            nabla,
            net.feedforward(X),
            net.total_cost((X, y), 0.0),
        )
        np.testing.assert_array_equal(X, before)
    for parts in found.values():
        for part, expected in zip(parts, found["contiguous"], strict=True):
            np.testing.assert_array_equal(part, expected)
