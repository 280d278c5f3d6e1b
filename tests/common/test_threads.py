"""One network, many threads: what may run together, what is refused, and that nothing is torn."""

import contextlib
import copy
import pickle
import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest

import fastnet
from fastnet import network2
from fastnet.kernels.rwlock import Guard
from fastnet.model.blocks import CALL_ROWS

from ..hammer import LARGE, QUESTIONS, SMALL, Hammer

DATA = np.random.default_rng(8).random((20, 4)), np.arange(20) % 3
#: Seconds after which something hangs, on a machine that has other things to do.
PATIENCE = 300
X = np.random.default_rng(9).random((CALL_ROWS + 5, 4))  # two kernel calls


def new(sizes=(4, 5, 3), **options):
    return fastnet.Network(list(sizes), **({"rng": 1} | options))


def in_thread(work, *args):
    """Run work in another thread; return what it returns, or raise what it raises."""
    found = {}

    def run():
        try:
            found["result"] = work(*args)
        except BaseException as error:
            found["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the thread hangs"
    if "error" in found:
        raise found["error"]
    return found["result"]


class Inside(fastnet.Callback):
    """Does something in the middle of a training, in the thread that trains."""

    def __init__(self, do, interval=0):
        self.do = do
        self.interval = interval
        self.found = []

    def on_epoch_end(self, network, record):
        self.found.append(self.do(network))

    def on_interval(self, network, epoch, mini_batch):
        self.found.append(self.do(network))


class Until(fastnet.Callback):
    """Ends a training after the first epoch for which it is asked to."""

    def __init__(self, do):
        self.on_epoch_end = lambda network, record: do(network)


# --- predictions while another thread trains --------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "questions", "work"), [(SMALL, tuple(QUESTIONS), 150), (LARGE, ("one example",), 30)]
)
def test_sixteen_threads_see_nothing_torn(sizes, questions, work):
    """A little; `python -m tests.hammer --minutes 3` does it for minutes."""
    hammer = Hammer(PATIENCE, 16, sizes, questions, work=work).run()
    print(hammer.report())
    assert not hammer.failures
    assert not hammer.torn
    assert hammer.book.stores >= work
    assert sum(hammer.counts[question] for question in questions) >= work


def test_a_network_is_seen_as_it_was_when_the_last_epoch_ended():
    """Predictions in the middle of an epoch know nothing of the mini-batches since."""
    net, twin = new(), new()
    seen = []

    def look(done, total):  # progress runs between two kernel calls
        seen.append(in_thread(net.feedforward, DATA[0]).tobytes())

    net.SGD(DATA, 1, 2, 0.5, progress=look)
    assert len(seen) > 1
    assert set(seen) == {twin.feedforward(DATA[0]).tobytes()}
    assert net.feedforward(DATA[0]).tobytes() not in seen


#: What takes several kernel calls, or a kernel call and a look at the weights.
LONG = {
    "feedforward": lambda net: net.feedforward(X),
    "accuracy": lambda net: net.accuracy((X, np.arange(len(X)) % 2)),
    "total_cost": lambda net: net.total_cost((X[:9], np.arange(9) % 3), 0.5),
    "layer_statistics": lambda net: net.layer_statistics(X[:9], np.arange(9) % 3),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LONG)
def test_a_store_between_two_kernel_calls_is_noticed(name, dtype, monkeypatch):
    """All is computed once more, from what was stored, not half and half."""
    ask = LONG[name]
    net, twin = new(dtype=dtype), new(dtype=dtype, rng=4)
    assert repr(ask(net)) != repr(ask(twin))
    stores = []

    class Storing:
        """An engine; right after its first call somebody stores."""

        def __init__(self, engine):
            self.engine = engine

        def __getattr__(self, name):
            method = getattr(self.engine, name)
            if name not in ("predict", "evaluate", "statistics"):
                return method

            def call(*args):
                result = method(*args)
                if not stores:
                    stores.append(in_thread(setattr, net, "parameters", twin.parameters))
                return result

            return call

    make = net._prediction_engine
    net._predictors.clear()
    monkeypatch.setattr(net, "_prediction_engine", lambda rows: Storing(make(rows)))
    found = ask(net)
    assert len(stores) == 1
    expected = ask(twin)
    assert np.array_equal(found, expected) if name == "feedforward" else found == expected
    # ... and the next one reads the network itself again.
    net.parameters = new(rng=7, dtype=dtype).parameters
    assert net.feedforward(X[0]).tobytes() == new(rng=7, dtype=dtype).feedforward(X[0]).tobytes()


@pytest.fixture
def large(monkeypatch):
    """Return a network of which one kernel call takes a while, and rows for it."""
    monkeypatch.setattr("fastnet.model.blocks.CALL_PRODUCTS", 2**62)
    return new((500, 500, 500, 2)), np.random.default_rng(0).random((CALL_ROWS, 500))


def while_it_predicts(net, rows, do):
    """Do something while a thread is in a long kernel call; return what it returned, and answers.

    On a machine that is busy the call may be over before: then once more.
    """
    for _ in range(1000):
        answers = []
        thread = threading.Thread(
            target=lambda answers=answers: answers.append(net.feedforward(rows))
        )
        thread.start()
        while not net._guard.readers and thread.is_alive():
            time.sleep(0.0001)
        found = do()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the prediction hangs"
        if found is not None:
            return found, answers[0]
    raise AssertionError("never was there time for anything while a kernel call ran")


def test_who_writes_waits_for_who_reads(large):
    net, rows = large
    wanted = copy.deepcopy(net).feedforward(rows)

    def write():
        twin = copy.deepcopy(net)  # reads too, and waits for nobody
        if not net._guard.readers:
            return None
        net.weights[0] = np.zeros_like(net.weights[0])  # this waits ...
        left = net._guard.readers
        net.weights[0] = twin.weights[0]
        return left

    for _ in range(5):
        left, answer = while_it_predicts(net, rows, write)
        assert left == 0
        np.testing.assert_array_equal(answer, wanted)  # ... so that nothing of it is seen


def test_a_writer_that_is_interrupted_leaves_the_network_open(large, monkeypatch):
    net, rows = large
    before = net.parameters.copy()

    def interrupt(seconds):
        raise KeyboardInterrupt

    def write():
        try:
            with monkeypatch.context() as patch:
                patch.setattr(time, "sleep", interrupt)
                net.weights = [w + 1 for w in net.weights]
        except KeyboardInterrupt:
            return net.parameters.tobytes()
        net.parameters = before
        return None

    found, _ = while_it_predicts(net, rows, write)
    assert found == before.tobytes()
    assert in_thread(net.feedforward, rows[0]).shape == (2,)
    in_thread(setattr, net, "weights", [w + 1 for w in net.weights])
    assert net.parameters.tobytes() != before.tobytes()


# --- what is refused ---------------------------------------------------------------------------


def assign_item(net):
    net.weights[0] = net.weights[0] + 1


CHANGES = {
    "weights": lambda net: setattr(net, "weights", [w + 1 for w in net.weights]),
    "weights[0]": assign_item,
    "biases": lambda net: setattr(net, "biases", [b + 1 for b in net.biases]),
    "parameters": lambda net: setattr(net, "parameters", net.parameters + 1),
    "cost": lambda net: setattr(net, "cost", "quadratic"),
    "initialize": lambda net: net.initialize(),
    "large": lambda net: net.large_weight_initializer(),
    "SGD": lambda net: net.SGD(DATA, 1, 3, 0.5),
    "partial_fit": lambda net: net.partial_fit(DATA),
    "update_mini_batch": lambda net: net.update_mini_batch(DATA, 0.5, 0.0, 20),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_by_another_thread_are_refused_while_one_trains(name):
    net, twin = new(), new()
    change = CHANGES[name]
    states = []

    def try_it(network):
        before = pickle.dumps(network)
        with pytest.raises(RuntimeError, match=r"being trained.* copy\.deepcopy of it"):
            in_thread(change, network)
        states.append(before == pickle.dumps(network))

    net.train(DATA, 2, 5, callbacks=Inside(try_it))
    twin.train(DATA, 2, 5)
    assert states == [True, True]
    assert net.parameters.tobytes() == twin.parameters.tobytes()
    change(net)  # and afterwards it goes


def test_network2_refuses_too_and_loses_nothing(monkeypatch):
    """Its changes move the parameters; one that is refused must not take a store with it."""
    pairs = [(x.reshape(4, 1), np.eye(3)[:, [k]]) for x, k in zip(*DATA, strict=True)]
    net = network2.Network([4, 3])
    stored, seen, over = [], [], threading.Event()

    def change():
        while not over.is_set():
            before = len(stored)
            for name in ("weights", "initialize", "partial_fit"):
                with contextlib.suppress(RuntimeError):
                    CHANGES[name](net)
            if before:  # all of them in the middle of the training: its numbers are there
                seen.append((net.parameters.tobytes(), len(stored)))

    def epoch_end(report, net, record):
        stored.append(net.parameters.tobytes())
        if not thread.ident:
            thread.start()
        return len(seen) > 20 or time.monotonic() > end

    thread = threading.Thread(target=change)
    end = time.monotonic() + PATIENCE
    monkeypatch.setattr("fastnet.network2._Report.on_epoch_end", epoch_end)
    net.SGD(pairs, 10**9, 5, 0.5)
    last = net.parameters.tobytes()
    over.set()
    thread.join(PATIENCE)
    assert last == stored[-1]
    assert len(seen) > 20
    assert len(set(stored)) == len(stored)
    for parameters, count in seen[:20]:
        assert parameters in stored[: count + 2]


def test_callbacks_may_do_all_but_train():
    """The thread that trains predicts, copies, saves and changes without waiting for itself."""
    net = new()

    def everything(network):
        network.feedforward(X[0])
        network.feedforward(X)
        network.total_cost(DATA, 0.1)
        network.layer_statistics(*DATA)
        copy.deepcopy(network)
        network.weights = [w * 0.5 for w in network.weights]
        network.feedforward(X)
        with pytest.raises(RuntimeError, match="being trained already"):
            network.partial_fit(DATA)
        return network.parameters.tobytes()

    inside = Inside(everything, interval=2)
    in_thread(lambda: net.train(DATA, 2, 5, callbacks=inside, evaluation_data=DATA))
    assert len(inside.found) == 2 * 3
    assert net.parameters.tobytes() == inside.found[-1]  # a change at an epoch's end stays


def test_writing_is_reentrant():
    """What a signal handler does in the middle of a store finds the lock its own."""
    net = new()
    with net._guard:
        net.feedforward(X[0])
        net.accuracy(DATA)
        net.parameters = net.parameters + 1
        net.partial_fit(DATA)
    assert in_thread(net.feedforward, X[0]).shape == (3,)


def test_a_change_that_fails_leaves_the_network_open():
    net = new()
    with pytest.raises(ZeroDivisionError), net._guard:
        raise ZeroDivisionError
    assert in_thread(net.feedforward, X[0]).shape == (3,)
    in_thread(net.partial_fit, DATA)


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="signal.setitimer is missing: Windows has none"
)
def test_signal_handlers_may_predict_and_change_while_their_thread_trains():
    net = new((4, 60, 3))
    rang = []

    def ring(*_):
        rang.append(net.feedforward(X[0]).shape)
        net.total_cost(DATA, 0.1)
        net.biases = [b * 0.999 for b in net.biases]

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + PATIENCE
        while len(rang) < 100 and time.monotonic() < end:
            net.partial_fit(DATA)
            net.train(DATA, 1, 1, callbacks=Inside(lambda _: None, interval=1))
            net.feedforward(X)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(rang) >= 100


# --- copies ------------------------------------------------------------------------------------


def test_a_copy_holds_what_was_stored_together():
    """Parameters and the optimizer's state of one epoch, whenever the copy is made."""
    net = new((4, 40, 3))
    stored, copies = {}, []
    stop = threading.Event()

    end = time.monotonic() + PATIENCE

    def remember(network):
        twin = copy.deepcopy(network)
        stored[twin.parameters.tobytes()] = (
            twin._state.step,
            [vector.tobytes() for vector in twin._state.vectors],
        )
        return len(stored) > 200 and (len(copies) > 20 or time.monotonic() > end)

    def take():
        while not stop.is_set():
            twin = pickle.loads(pickle.dumps(net))
            if twin._state is not None and twin._state.step:
                copies.append(twin)

    net.partial_fit(DATA, optimizer="adam")
    remember(net)
    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    net.train(DATA, 10**9, 5, optimizer="adam", callbacks=Until(remember))
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(copies) > 20
    for twin in copies:
        step, vectors = stored[twin.parameters.tobytes()]
        assert twin._state.step == step
        assert [vector.tobytes() for vector in twin._state.vectors] == vectors


def test_copies_and_views_have_guards_of_their_own():
    net = new()
    twin, views = copy.deepcopy(net), copy.deepcopy(net.weights)
    with net._guard:  # would block another thread
        in_thread(twin.partial_fit, DATA)
        in_thread(views.__setitem__, 0, np.zeros((5, 4)))
    assert not views[0].any()
    assert net.weights[0].any()


# --- the guard ---------------------------------------------------------------------------------


def test_versions_count_what_was_written():
    guard = Guard()
    first = guard.version
    with guard, guard:
        pass
    assert guard.version == first + 2  # the two were one
    assert guard.readers == 0


def test_a_version_is_not_given_out_in_the_middle_of_a_write():
    guard = Guard()
    seen = []
    with guard:
        thread = threading.Thread(target=lambda: seen.append(guard.version))
        thread.start()
        time.sleep(0.05)
        assert not seen
    thread.join(PATIENCE)
    assert seen == [guard.version]


def test_guards_go_with_their_networks():
    """The list of all guards, which a fork goes through, keeps none alive."""
    new()
    tracemalloc.start()
    try:
        for _ in range(20):
            new()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            new()
        assert tracemalloc.get_traced_memory()[0] - before < 200 * 100
    finally:
        tracemalloc.stop()
