"""A step on plain arrays by the fast path: the same bits and refusals as by the general way."""

import copy
import itertools
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import SGD, Adam, AdamW, Momentum, Nesterov, RMSprop, Rprop
from fastnet.common.errors import DivergenceError
from fastnet.training import step

PATIENCE = 60


@pytest.fixture
def taken(monkeypatch):
    """Collects what the fast path answers: True where it has taken the step."""
    answers, take = [], step.KeptStep.take

    def collect(self, *arguments, **options):
        answers.append(take(self, *arguments, **options))
        return answers[-1]

    monkeypatch.setattr(step.KeptStep, "take", collect)
    return answers


def rows_for(net, n=10, seed=0):
    return np.random.default_rng(seed).random((n, net.sizes[0])).astype(net.dtype)


def generally(call, net, *arguments, **options):
    """Call a method of the network's that finds nothing kept from the step before."""
    net._trainer.clear()
    return getattr(net, call)(*arguments, **options)


def contents(net):
    """What a step may change, as something that compares."""
    state = net._state and (net._state.step, [v.tobytes() for v in net._state.vectors])
    return net.parameters.tobytes(), state, net._optimizer, net.kind, net._low, net.history


def assert_same(net, twin):
    assert contents(net) == contents(twin)


NETWORKS = {
    "book": ({"sizes": [5, 9, 3]}, "classes"),
    "shallow": ({"sizes": [7, 4], "cost": "log_likelihood"}, "classes"),
    "softmax": ({"sizes": [6, 5, 8, 3], "cost": "log_likelihood", "activation": "relu"}, "shares"),
    "labels": ({"sizes": [5, 4, 3]}, "labels"),
    "one": ({"sizes": [3, 40, 1]}, "halves"),
    "numbers": ({"sizes": [4, 17, 2], "cost": "quadratic", "output": "identity"}, "numbers"),
    "signs": ({"sizes": [4, 3, 2], "cost": "quadratic", "output": "tanh"}, "signs"),
    "counts": ({"sizes": [4, 3, 2], "cost": "poisson", "activation": "leaky_relu"}, "counts"),
    "wide": ({"sizes": [90, 33, 10]}, "classes"),
}
OPTIMIZERS = [SGD(0.3), Momentum(0.1), Nesterov(0.1), RMSprop(), Adam(0.02), AdamW(0.02), Rprop()]


def targets_for(kind, n, n_out, rng):
    classes = rng.integers(n_out, size=n)
    return {
        "classes": classes,
        "shares": ((np.eye(n_out) + 0.25) / (1 + n_out / 4))[classes],
        "labels": rng.integers(2, size=(n, n_out)).astype(float),
        "halves": rng.random((n, n_out)).round(),
        "numbers": rng.standard_normal((n, n_out)) * 5,
        "signs": rng.choice([-1.0, 1.0], size=(n, n_out)),
        "counts": rng.poisson(3.0, size=(n, n_out)).astype(float),
    }[kind]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_steps_are_those_of_the_general_way(name, dtype, optimizer, taken):
    arguments, kind = NETWORKS[name]
    net, twin = (fastnet.Network(**arguments, dtype=dtype, rng=1) for _ in range(2))
    rng = np.random.default_rng(2)
    options = [{}, {"l2": 0.1}, {"l1": 1e-3, "l2": 0.1}]
    norms = [{}, {"max_norm": 0.9}, {"clip_norm": 0.2}]
    for norm, decay, n in itertools.product(norms, options, (12, 1, 7)):
        X = rng.random((n, net.sizes[0])).astype(dtype)
        y = targets_for(kind, n, net.sizes[-1], rng)
        if y.shape[1:]:
            y = y.astype(dtype)
        asked = {"optimizer": optimizer} | decay | norm
        net.partial_fit((X, y), **asked)
        generally("partial_fit", twin, (X, y), **asked)
        assert_same(net, twin)
    assert taken.count(True) >= 20
    assert net.parameters.any()
    assert np.isfinite(net.parameters).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NETWORKS)
def test_mini_batches_are_those_of_the_general_way(name, dtype, taken):
    arguments, kind = NETWORKS[name]
    net, twin = (fastnet.Network(**arguments, dtype=dtype, rng=1) for _ in range(2))
    rng = np.random.default_rng(2)
    y = targets_for(kind, 30, net.sizes[-1], rng)
    X = rng.random((30, net.sizes[0]))
    for number in range(20):
        n = 30 if number == 0 else 1 + number
        eta, lmbda, of = 0.01 / (1 + number % 3), number % 4 / 4, 30 + number
        net.update_mini_batch((X[:n], y[:n]), eta, lmbda, of)
        generally("update_mini_batch", twin, (X[:n], y[:n]), eta, lmbda, of)
        assert_same(net, twin)
    assert taken == [True] * 19


FORMS = {
    "float64": lambda X: X.astype(np.float64),
    "float32": lambda X: X.astype(np.float32),
    "bytes": lambda X: (X * 255).astype(np.uint8),
    "columns first": np.asfortranarray,
    "every other": lambda X: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "backwards": lambda X: X[::-1, ::-1],
    "one row many times": lambda X: np.broadcast_to(X[0], X.shape),
    "transposed": lambda X: X.T.copy().T,
}
TARGETS = {
    "int64": lambda y: y,
    "int32": lambda y: y.astype(np.int32),
    "uint8": lambda y: y.astype(np.uint8),
    "uint64": lambda y: y.astype(np.uint64),
    "swapped": lambda y: y.astype(">i8"),
    "every other": lambda y: np.repeat(y, 2)[::2],
    "float64": lambda y: np.eye(3)[y],
    "float32": lambda y: np.eye(3, dtype=np.float32)[y],
    "whole": lambda y: np.eye(3, dtype=np.int64)[y],
    "bools": lambda y: np.eye(3)[y].astype(bool),
    "columns first": lambda y: np.asfortranarray(np.eye(3)[y]),
}
OTHERS = {
    "halves": lambda X: X.astype(np.float16),
    "whole": lambda X: (X * 9).astype(np.int64),
    "swapped": lambda X: X.astype(">f8"),
    "subclass": lambda X: X.view(np.matrix),
    "list": lambda X: X.tolist(),
    "books": lambda X: X[:, :, np.newaxis],
}
OTHER_TARGETS = {
    "floats": lambda y: y.astype(float),
    "list": lambda y: y.tolist(),
    "books": lambda y: np.eye(3)[y][:, :, np.newaxis],
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("read_only", [False, True])
def test_arrays_of_all_kinds(dtype, read_only, taken):
    net, twin = (fastnet.Network([4, 6, 3], dtype=dtype, rng=1) for _ in range(2))
    X, y = np.random.default_rng(0).random((9, 4)), np.arange(9) % 3
    net.partial_fit((X, y), optimizer=Adam(0.1))
    generally("partial_fit", twin, (X, y), optimizer=Adam(0.1))
    every = itertools.product((FORMS | OTHERS).items(), (TARGETS | OTHER_TARGETS).items())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # np.matrix
        for (rows, form), (targets, turn) in every:
            data = form(X.astype(dtype)), turn(y)
            for array in data:
                if read_only and isinstance(array, np.ndarray) and array.flags.owndata:
                    array.flags.writeable = False
            del taken[:]
            net.partial_fit(data, optimizer=Adam(0.1))
            generally("partial_fit", twin, data, optimizer=Adam(0.1))
            assert_same(net, twin)
            plain = rows in FORMS and targets in TARGETS
            assert (taken == [True]) == plain, (rows, targets, taken)


def swap(net):
    net.weights[0][...] = net.weights[0] * 0.5  # by the guard
    net.weights[-1].T[...] -= 0.125  # past it
    net.biases = [b + 0.25 for b in net.biases]


def assign(net):
    net.parameters = net.parameters * 0.75


def give_kind(net):
    net.kind = "labels"


def take_kind(net):
    net.kind = None


def save_and_load(net, tmp_path):
    net.save(tmp_path / "net.npz")
    return fastnet.load(tmp_path / "net.npz")


CHANGES = {
    "weights": swap,
    "parameters": assign,
    "initialize": lambda net: net.initialize(),
    "large": lambda net: net.large_weight_initializer(),
    "cost": lambda net: setattr(net, "cost", "quadratic"),
    "cost again": lambda net: setattr(net, "cost", "cross_entropy"),
    "kind": give_kind,
    "no kind": take_kind,
    "copy": copy.deepcopy,
    "shallow copy": copy.copy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "train": lambda net: (
        net.train((rows_for(net), np.arange(10) % 3), 2, 4, optimizer="adam") and None
    ),
    "another training": lambda net: net.train((rows_for(net), np.arange(10) % 3), 1) and None,
    "predict": lambda net: net.feedforward(rows_for(net)) is None,
    "book": lambda net: net.update_mini_batch((rows_for(net), np.arange(10) % 3), 0.1, 0.1, 50),
    "seed": lambda net: setattr(net, "rng", 7),
}
ASKED = [
    {"optimizer": Adam(0.02)},
    {"optimizer": Adam(0.01)},
    {"optimizer": "adam", "l2": 0.3},
    {"optimizer": Adam},
    {},
    {"optimizer": AdamW(0.1), "l1": 0.01},
    {"optimizer": Adam(0.02), "dropout": 0.2},
    {"optimizer": SGD(0.1), "max_norm": 0.5},
    {"optimizer": Momentum(0.1)},
    {"optimizer": Nesterov(0.1)},
    {"l1": 0, "l2": 1, "max_norm": 2, "clip_norm": 0.5},
    {"optimizer": Adam(0.02), "sample_weight": np.arange(10.0)},
]


@pytest.mark.parametrize("seed", range(6))
def test_changes_between_steps(seed, tmp_path, taken):
    """Whatever happens in between, both ways go on alike."""
    draw = np.random.default_rng(seed)
    net, twin = (fastnet.Network([4, 6, 3], rng=1) for _ in range(2))
    y = np.arange(10) % 3
    for _ in range(60):
        if draw.random() < 0.5:
            name = draw.choice([*CHANGES, "file"])
            change = CHANGES.get(name, lambda net: save_and_load(net, tmp_path))
            before = contents(net)
            net, twin = (change(each) or each for each in (net, twin))
            if name == "file":  # the generator is not saved
                net.rng, twin.rng = 3, 3
            assert (
                name in ("predict", "copy", "pickle", "shallow copy", "seed", "cost", "cost again")
                or before != contents(net)
                or name.endswith("kind")
            )
            assert_same(net, twin)
        asked = ASKED[draw.integers(len(ASKED))]
        X = draw.random((10, 4))
        times = draw.integers(1, 4)
        for _ in range(times):
            net.partial_fit((X, y), **asked)
            generally("partial_fit", twin, (X, y), **asked)
            assert_same(net, twin)
    assert taken.count(True) > 20


def said(call, net):
    """Why a call was refused; None where it was not."""
    try:
        call(net)
    except ValueError as error:
        return str(error)


def test_targets_that_change_the_kind_go_the_general_way():
    """A network's kind and the target of the negative class depend on all that it has seen."""
    for output, cost in (
        ("sigmoid", "cross_entropy"),
        ("tanh", "quadratic"),
        ("identity", "quadratic"),
    ):
        batches = [
            np.array([[0.0, 1.0], [1.0, 0.0]]),
            np.array([[0.0, 1.0], [1.0, 1.0]]),
            np.array([[0.5, 0.25], [0.0, 1.0]]),
            np.array([[-1.0, 1.0], [1.0, -1.0]]),
            np.array([[-1.0, 1.0], [-1.0, -1.0]]),
            np.array([[5.0, 1.0], [1.0, -7.0]]),
            np.array([0, 1]),
        ]
        for order in itertools.permutations(batches, 3):
            net, twin = (fastnet.Network([2, 3, 2], cost, output=output, rng=1) for _ in range(2))
            for y in order:
                for _ in range(2):
                    outcomes = [
                        said(lambda net, y=y: net.partial_fit((np.eye(2), y)), net),
                        said(lambda net, y=y: generally("partial_fit", net, (np.eye(2), y)), twin),
                    ]
                    assert outcomes[0] == outcomes[1]
                    assert_same(net, twin)


def spoilt(kind):
    """Yield data that must be refused, each with the words that say why."""
    X, y = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    Y = np.eye(3)[y]
    for bad in (np.nan, np.inf, -np.inf):
        for at in ((0, 0), (5, 3), (2, 1)):
            rows = X.copy()
            rows[at] = bad
            yield (rows, y), "not finite"
            yield (rows[:, ::-1], y), "not finite"
            if at[1] < 3:
                targets = Y.copy()
                targets[at] = bad
                yield (X, targets), "not finite"
    yield (X * 1e300, y), "too large" if kind == np.float32 else None
    yield (
        (X * 0 + np.nextafter(float(np.finfo(np.float32).max), np.inf), y),
        ("too large" if kind == np.float32 else None),
    )
    yield (X, y - 1), "class numbers"
    yield (X, y + 1), "class numbers"
    yield (X, y + 2**32), "class numbers"
    yield (X, y.astype(np.uint64) + np.uint64(2**63)), "class numbers"
    yield (X, Y * 1.5), "targets"
    yield (X, Y - 0.5), "targets"
    yield (X, Y[:, :2]), "shape"
    yield (X[:, :3], y), "columns"
    yield (X[:5], y), "expected the same number"
    yield (X, y[:5]), "expected the same number"
    yield (X[0], y[:1]), "shape"
    yield (X[:0], y[:0]), "empty"
    yield (X.astype(complex), y), "real numbers"
    yield (X.astype(str), y), "real numbers"
    yield (X, y.astype(str)), "real numbers"
    yield (X, y + 0.5), "class numbers"
    yield (X, Y.sum()), "shape"
    yield (X,), "pair"
    yield X, "pair"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_refused_changes_nothing(dtype, taken):
    net = fastnet.Network([4, 6, 3], dtype=dtype, rng=1)
    good = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    for call in (
        lambda data: net.partial_fit(data, optimizer=Adam(0.1)),
        lambda data: net.update_mini_batch(data, 0.1, 0.1, 10),
    ):
        for data, words in spoilt(dtype):
            if words is None:
                continue
            call(good)
            call(good)
            before, said = contents(net), []
            for general in (False, True):
                if general:
                    net._trainer.clear()
                with pytest.raises((ValueError, TypeError), match=words) as refusal:
                    call(data)
                said.append(str(refusal.value))
                assert contents(net) == before
            assert said[0] == said[1]
    assert True not in taken[-2:] or taken.count(True) > 50


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"l1": True}, "l1"),
        ({"l2": -1.0}, "l2"),
        ({"l2": np.nan}, "l2"),
        ({"l1": "0"}, "l1"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout": [0.0, 0.0, 0.0]}, "dropout"),
        ({"dropout": False}, "dropout"),
        ({"max_norm": 0}, "max_norm"),
        ({"max_norm": True}, "max_norm"),
        ({"clip_norm": -1}, "clip_norm"),
        ({"optimizer": 3}, "optimizer"),
        ({"optimizer": "adan"}, "optimizer"),
        ({"l1": 1e-320}, "l1"),
        ({"sample_weight": [1.0]}, "sample_weight"),
        ({"class_weight": {7: 1.0}}, "class_weight"),
    ],
)
def test_arguments_are_refused_after_a_step_like_before_it(options, words):
    net = fastnet.Network([4, 6, 3], rng=1)
    data = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    usual = (
        {"optimizer": Adam(0.1), "l1": 1.0, "l2": 1.0}
        if "max_norm" not in options
        else {"optimizer": Adam(0.1), "max_norm": 1.0}
    )
    net.partial_fit(data, **usual)
    net.partial_fit(data, **usual)
    before = contents(net)
    with pytest.raises((ValueError, TypeError), match=words):
        net.partial_fit(data, **(usual | options))
    assert contents(net) == before


def test_rates_that_the_dtype_cannot_hold_are_refused():
    net = fastnet.Network([4, 3], dtype=np.float32, rng=1)
    data = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    for _ in range(2):
        net.update_mini_batch(data, 0.5, 0.0, 10)
        before = contents(net)
        for eta in (1e-50, 1e50, -1.0, np.nan, True, "1"):
            with pytest.raises((ValueError, TypeError), match="eta"):
                net.update_mini_batch(data, eta, 0.0, 10)
        assert contents(net) == before


@pytest.mark.parametrize("optimizer", [SGD(1e300), Momentum(1e300)], ids=lambda o: o.name)
def test_a_step_that_diverges_is_taken_back(optimizer):
    net = fastnet.Network([4, 6, 2], "quadratic", output="identity", rng=1)
    X, y = np.random.default_rng(0).random((6, 4)), np.random.default_rng(1).random((6, 2))
    small = type(optimizer)(0.1)
    for _ in range(3):
        net.partial_fit((X, y), optimizer=small)
    parameters, state = contents(net)[:2]
    with pytest.raises(DivergenceError):
        net.partial_fit((X, y * 1e10), optimizer=optimizer)
    assert contents(net)[:2] == (parameters, state)
    twin = copy.deepcopy(net)
    net.partial_fit((X, y), optimizer=small)
    generally("partial_fit", twin, (X, y), optimizer=small)
    assert_same(net, twin)


# ---- threads and signals


def test_a_step_is_refused_while_another_thread_trains(taken):
    net = fastnet.Network([4, 6, 3], rng=1)
    data = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    net.partial_fit(data, optimizer=Adam(0.1))
    before = contents(net)
    thread = threading.Thread(target=net._guard.begin_training)
    thread.start()
    thread.join(PATIENCE)
    with pytest.raises(RuntimeError, match="being trained already"):
        net.partial_fit(data, optimizer=Adam(0.2))
    assert contents(net) == before
    net._guard.end_training()
    net.partial_fit(data, optimizer=Adam(0.1))
    assert taken == [True]
    assert contents(net) != before


def test_a_step_waits_for_whoever_writes():
    """What another thread is in the middle of assigning is part of the step."""
    net = fastnet.Network([4, 6, 3], rng=1)
    data = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    net.partial_fit(data)
    begun, go_on = threading.Event(), threading.Event()

    def write():
        with net._guard:
            begun.set()
            go_on.wait(PATIENCE)
            net.parameters[:] = 0.5

    twin = copy.deepcopy(net)
    twin.parameters[:] = 0.5
    twin.partial_fit(data)
    threads = [
        threading.Thread(target=write),
        threading.Thread(target=net.partial_fit, args=(data,)),
    ]
    threads[0].start()
    begun.wait(PATIENCE)
    threads[1].start()
    time.sleep(0.05)
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert net.parameters.tobytes() == twin.parameters.tobytes()


def trail(net, data, steps, optimizer):
    """Parameters and the number of steps, before each of so many steps and after the last."""
    seen = [(net.parameters.tobytes(), net._state.step)]
    for _ in range(steps):
        net.partial_fit(data, optimizer=optimizer)
        seen.append((net.parameters.tobytes(), net._state.step))
    return seen


def test_others_see_whole_steps():
    """Predictions and copies of other threads are those of parameters between two steps."""
    net = fastnet.Network([4, 30, 3], rng=1)
    data = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    adam = Adam(0.01)
    net.partial_fit(data, optimizer=adam)
    twin = copy.deepcopy(net)
    expected = set(trail(twin, data, 500, adam))
    twin = copy.deepcopy(net)
    outputs = {twin.feedforward(data[0][0]).tobytes()}
    for _ in range(500):
        twin.partial_fit(data, optimizer=adam)
        outputs.add(twin.feedforward(data[0][0]).tobytes())
    over, copies, answers = threading.Event(), [], []

    def take_copies():
        while not over.is_set():
            copies.append(copy.deepcopy(net))

    def predict():
        while not over.is_set():
            answers.append(net.feedforward(data[0][0]).tobytes())

    threads = [threading.Thread(target=target) for target in (take_copies, predict, predict)]
    for thread in threads:
        thread.start()
    for _ in range(500):
        net.partial_fit(data, optimizer=adam)
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert {(c.parameters.tobytes(), c._state.step) for c in copies} <= expected
    assert set(answers) <= outputs


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="signal.setitimer is missing: Windows has none"
)
def test_ctrl_c_comes_before_or_after_a_step():
    net = fastnet.Network([40, 30, 3], rng=1)
    data = np.random.default_rng(0).random((20, 40)), np.arange(20) % 3
    adam = Adam(0.001)
    net.partial_fit(data, optimizer=adam)
    expected = set(trail(copy.deepcopy(net), data, 1500, adam))

    def take_steps():
        # A function, since Python 3.13 may raise at the end of `while condition` past the `try`
        # around it (python/cpython#130279).
        nonlocal steps
        signal.setitimer(signal.ITIMER_REAL, after)
        while net._state.step < 1400:
            net.partial_fit(data, optimizer=adam)
            steps += 1

    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    interrupted = steps = 0
    after, end = 0.0002, time.monotonic() + PATIENCE
    try:
        while net._state.step < 1400 and time.monotonic() < end:
            already = steps
            try:  # around `finally`, too: the alarm may come there
                try:
                    take_steps()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            # On a machine so slow that no step comes to its end, there is more time for the next.
            after = 0.0002 if steps > already else 1.5 * after
            assert (net.parameters.tobytes(), net._state.step) in expected
            assert net._guard.readers == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 20
    assert steps > 20


def test_a_full_batch_goes_the_general_way(taken):
    """More rows than a workspace takes at a time, of which Python is entered in between."""
    net, twin = (fastnet.Network([4, 6, 3], rng=1) for _ in range(2))
    X, y = np.random.default_rng(0).random((700, 4)), np.arange(700) % 3
    for n in (700, 256, 257, 255, 700):
        net.partial_fit((X[:n], y[:n]), optimizer=Adam(0.1))
        generally("partial_fit", twin, (X[:n], y[:n]), optimizer=Adam(0.1))
        assert_same(net, twin)
    assert taken == [True, False, True, False]


def test_large_steps_are_shared_out_among_threads(taken):
    net, twin = (fastnet.Network([400, 300, 3], rng=1) for _ in range(2))
    X, y = np.random.default_rng(0).random((100, 400)), np.arange(100) % 3
    fastnet.set_num_threads(2)
    try:
        for n in (100, 100, 1, 100):
            net.partial_fit((X[:n], y[:n]))
    finally:
        fastnet.set_num_threads(None)
    assert taken == [False, True, False]
    for n in (100, 100, 1, 100):
        twin.partial_fit((X[:n], y[:n]))
    assert_same(net, twin)


@pytest.mark.parametrize("turn", [lambda y: np.eye(3)[:, [y]], lambda y: y, lambda y: np.eye(3)[y]])
def test_the_books_pairs(turn, taken):
    net, twin = (fastnet.Network([4, 6, 3], rng=1) for _ in range(2))
    draw = np.random.default_rng(0)
    for n in (12, 1, 2, 5):
        pairs = [(draw.random((4, 1)), turn(row % 3)) for row in range(n)]
        net.update_mini_batch(pairs, 0.5, 0.1, 40)
        generally("update_mini_batch", twin, pairs, 0.5, 0.1, 40)
        net.partial_fit(pairs)
        generally("partial_fit", twin, pairs)
        assert_same(net, twin)
    assert taken == [False] + [True] * 6  # at first there is no optimizer's state
    for bad in ([(np.ones((4, 1)), 0), (np.ones((3, 1)), 0)], [(np.ones((4, 1)), 0), 3], [], [1]):
        said = []
        for network in (net, twin):
            twin._trainer.clear()
            with pytest.raises((ValueError, TypeError)) as refusal:
                network.update_mini_batch(bad, 0.5, 0.1, 40)
            said.append(str(refusal.value))
        assert said[0] == said[1]


def test_a_number_that_would_be_rounded_to_the_largest_is_refused():
    """Weights of 0 hide it from the weighted inputs, which are looked at instead of X."""
    net = fastnet.Network([4, 3], dtype=np.float32, rng=1)
    X, y = np.random.default_rng(0).random((6, 4)), np.arange(6) % 3
    net.update_mini_batch((X, y), 0.1, 0.0, 10)
    net.weights = [np.zeros((3, 4))]
    X[2, 1] = np.nextafter(float(np.finfo(np.float32).max), np.inf)
    before = contents(net)
    with pytest.raises(ValueError, match="too large for float32"):
        net.update_mini_batch((X, y), 1e-6, 0.0, 10)
    assert contents(net) == before
