"""Networks in other processes: forked, spawned, pooled and pickled."""

import contextlib
import copy
import os
import pickle
import subprocess
import sys
import threading
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet.model.guard import TrainingGuard
from fastnet.model.model import LAYOUT

from ..forking import fork, in_child

DATA = np.random.default_rng(8).random((20, 4)), np.arange(20) % 3
FORK_SCRIPT = Path(__file__).parents[1] / "fork_script.py"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is missing: Windows has none")


def new(sizes=(4, 5, 3), **options):
    return fastnet.Network(list(sizes), **({"rng": 1} | options))


@pytest.fixture(autouse=True)
def _two_threads():
    """What works on one network works with its internal threads up and running."""
    if not hasattr(fastnet, "set_num_threads"):
        yield
        return
    before = fastnet.get_num_threads()
    fastnet.set_num_threads(2)
    yield
    fastnet.set_num_threads(before)


def everything(network):
    """Predict, measure, train, save; return all the bits of it."""
    outputs = network.feedforward(DATA[0]).tobytes()
    cost = network.total_cost(DATA, 0.1)
    history = network.train(DATA, 3, 3, optimizer="adam", metrics="training_cost")
    return outputs, cost, history.column("training_cost"), network.parameters.tobytes()


# --- fork ----------------------------------------------------------------------------------------


@forks
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_child_goes_on_as_its_parent_would(dtype):
    network = new((4, 200, 3), dtype=dtype)
    network.train(DATA, 2, 3, optimizer="adam")
    twin = copy.deepcopy(network)
    expected = everything(twin)
    assert in_child(lambda: everything(network)) == expected
    assert in_child(lambda: in_child(lambda: everything(network))) == expected  # a grandchild
    assert everything(network) == expected  # of which the parent has noticed nothing


@forks
def test_children_of_a_process_that_trains_in_another_thread():
    """They get the parameters of a store, whole, and may train what was being trained."""
    network = new((4, 300, 3))
    stored = {network.parameters.tobytes()}
    over = threading.Event()

    class Remember(fastnet.Callback):
        interval = 1

        def on_interval(self, network, epoch, mini_batch):
            stored.add(network.parameters.tobytes())
            return over.is_set()

        def on_epoch_end(self, network, record):
            return self.on_interval(network, 0, 0)

    def ask():
        while not over.is_set():
            network.feedforward(DATA[0][0])

    def child():
        parameters = network.parameters.tobytes()
        network.feedforward(DATA[0])
        network.weights = [w * 1.0 for w in network.weights]
        network.train(DATA, 1, 10)
        return parameters

    threads = [
        threading.Thread(
            target=network.train, args=(DATA, 10**6, 5), kwargs={"callbacks": Remember()}
        ),
        *(threading.Thread(target=ask) for _ in range(3)),
    ]
    for thread in threads:
        thread.start()
    try:
        found = [in_child(child) for _ in range(25)]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert set(found) <= stored
    assert len(set(found)) > 1
    network.train(DATA, 1, 10)  # the parent's locks are free


@forks
def test_a_network_that_is_only_begun_keeps_no_child_from_training():
    """Another thread may be in the middle of making one when this one forks."""
    begun = [TrainingGuard.__new__(TrainingGuard)]
    networks = [new() for _ in range(5)]  # found before and after it, whatever the order
    begun.append(TrainingGuard.__new__(TrainingGuard))
    train, over = threading.Barrier(6), threading.Event()

    class Wait(fastnet.Callback):
        def on_train_begin(self, network):
            train.wait(60)
            over.wait(60)

    threads = [
        threading.Thread(target=net.train, args=(DATA, 1, 5), kwargs={"callbacks": Wait()})
        for net in networks
    ]
    for thread in threads:
        thread.start()
    train.wait(60)
    try:
        assert in_child(lambda: [len(net.train(DATA, 1, 5)) for net in networks]) == [1] * 5
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@forks
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_children_get_no_generator_that_is_locked_for_good(dropout):
    """NumPy locks a generator while it draws; a fork in the middle of that would keep it so."""
    network, busy = new(), new()
    data = np.ones((3000, 4)), np.zeros(3000, dtype=int)
    over = threading.Event()

    def train():
        while not over.is_set():
            with contextlib.suppress(RuntimeError):
                network.train(data, 5, 3000, dropout=dropout)

    def ask():
        while not over.is_set():
            busy.feedforward(DATA[0][0])

    threads = [threading.Thread(target=work) for work in (train, train, ask)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(25):
            assert in_child(lambda: len(network.train(data, 1, 3000, dropout=dropout))) == 1
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@forks
def test_a_child_forked_by_a_callback_may_finish_the_training():
    """There the thread that trains is in the child too: it goes on, and trains nothing else."""
    pipes, children = [], []

    class Fork(fastnet.Callback):
        child = False

        def on_epoch_end(self, network, record):
            if record["epoch"] != 1:
                return
            with pytest.raises(RuntimeError, match="being trained already"):
                network.partial_fit(DATA)
            pipes.append(os.pipe())
            pid = fork()
            self.child = pid == 0
            children.append(pid)
            if self.child:
                with pytest.raises(RuntimeError, match="being trained already"):
                    network.partial_fit(DATA)

    fork_once, network = Fork(), new()
    try:
        network.train(DATA, 4, 5, callbacks=fork_once)
        network.partial_fit(DATA)
        if fork_once.child:
            os.write(pipes[0][1], network.parameters.tobytes())
    finally:
        if fork_once.child:
            os._exit(0)
    os.close(pipes[0][1])
    with open(pipes[0][0], "rb") as pipe:
        found = pipe.read()
    os.waitpid(children[0], 0)
    twin = new()
    twin.train(DATA, 4, 5)
    twin.partial_fit(DATA)
    assert found == network.parameters.tobytes() == twin.parameters.tobytes()


#: What a user's code may be, in tests/fork_script.py.
KINDS = [
    *("initializer", "shuffle", "metric", "callback", "generator", "labels", "progress", "weights"),
    *("the book's weights", "the book's mini-batch", "reading", "writing", "drawing", "forking"),
]


@forks
@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_and_a_users_code_never_wait_for_one_another(kind):
    assert run_code(FORK_SCRIPT.read_text(), kind) == "done\n"


#: A user's thread draws from the generator of a network that the main thread's children use.
DRAWING = """
import os, signal, sys, threading, warnings
import numpy as np
import fastnet

warnings.simplefilter("ignore", DeprecationWarning)
rng = getattr(np.random, sys.argv[1])(3)
net, over, begun = fastnet.Network([3, 3], rng=rng), threading.Event(), threading.Event()

def draw():
    while not over.is_set():
        begun.set()
        rng.normal(size=10**6)  # with the generator's lock, and without the GIL

thread = threading.Thread(target=draw)
thread.start()
begun.wait()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        net.initialize(), net.train((np.ones((9, 3)), np.arange(9) % 3), 1), rng.normal()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "a child hung or died"
over.set()
thread.join()
print("done")
"""


@forks
@pytest.mark.parametrize("make", ["default_rng", "RandomState"])
def test_children_may_draw_though_a_users_thread_was_drawing(make):
    assert run_code(DRAWING, make) == "done\n"


def run_code(code, *arguments):
    """Run code in a process of its own; return what it printed, or say that it hangs."""
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs")
    assert run.returncode == 0, run.stderr
    return run.stdout


# --- generators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_copies_draw_what_the_original_draws_and_share_nothing(copied, make):
    network = new(rng=make(3))
    twin = copied(network)
    drawn = twin.rng.permutation(100)
    assert (network.rng.permutation(100) == drawn).all()
    twin.rng.permutation(7)
    assert network.rng.permutation(100).tolist() != twin.rng.permutation(100).tolist()


def test_networks_share_a_generator_only_where_they_were_given_one():
    rng = np.random.default_rng(3)
    together = [new(rng=rng), new(rng=rng)]
    assert together[0].rng is together[1].rng is rng
    assert together[0].parameters.tobytes() != together[1].parameters.tobytes()
    apart = copy.deepcopy(together)  # in one go: they share one still, and it is another
    assert apart[0].rng is apart[1].rng is not rng
    one_by_one = [copy.deepcopy(network) for network in together]
    assert one_by_one[0].rng is not one_by_one[1].rng


@forks
def test_children_draw_the_same_numbers_unless_they_are_seeded_anew():
    network = new()

    def train(seed=None):
        if seed is not None:
            network.rng = seed
        network.train(DATA, 1, 3)
        return network.parameters.tobytes()

    assert in_child(train) == in_child(train)
    seeds = np.random.SeedSequence(1).spawn(2)
    first, second = (in_child(lambda seed=seed: train(seed)) for seed in seeds)
    assert first != second
    assert train(np.random.SeedSequence(1).spawn(2)[1]) == second


# --- pools ---------------------------------------------------------------------------------------


def methods(*wanted):
    """Return the ways of starting a process that this system has, of those wanted."""
    return [name for name in wanted if name in get_all_start_methods()]


@pytest.mark.parametrize("method", methods("fork", "spawn", "forkserver"))
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_networks_go_to_pools_and_come_back(method):
    network, twin = new((4, 50, 3)), new((4, 50, 3))
    with get_context(method).Pool(1) as pool:
        assert pool.apply(network.accuracy, (DATA,)) == twin.accuracy(DATA)
        # A bound method takes its network along; what it learns there stays there.
        history = pool.apply(network.train, (DATA, 2, 3), {"metrics": "training_cost"})
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    expected = twin.train(DATA, 2, 3, metrics="training_cost")
    assert history == expected


#: A program as a user has it: networks trained in processes of a pool, and returned.
PROGRAM = """
import sys
import numpy as np
import fastnet

X, y = np.random.default_rng(8).random((60, 4)), np.arange(60) % 3

def train(network):
    if hasattr(fastnet, "set_num_threads"):
        fastnet.set_num_threads(2)
    network.train((X, y), 3, 5, optimizer="adam")
    return network

def networks():
    return [fastnet.Network([4, 50, 3], rng=seed) for seed in range(4)]

def main():
    expected = [train(network).parameters.tobytes() for network in networks()]
    found = pool(train, networks())
    assert [network.parameters.tobytes() for network in found] == expected
    assert len({network.parameters.tobytes() for network in found}) == 4
    print("equal")
"""
SPAWN = """
def pool(work, items):
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        return list(executor.map(work, items))
"""
LOKY = """
def pool(work, items):
    from joblib import Parallel, delayed
    return Parallel(n_jobs=2, backend="loky")(delayed(work)(item) for item in items)
"""


def run_program(pool, folder):
    path = folder / "program.py"
    path.write_text(f"{PROGRAM}\n{pool}\nif __name__ == '__main__':\n    main()\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr


def test_a_program_that_spawns(tmp_path):
    run_program(SPAWN, tmp_path)


def test_a_program_that_uses_loky(tmp_path):
    pytest.importorskip("joblib", reason="joblib is missing")
    run_program(LOKY, tmp_path)


# --- pickles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [{}, {"_layout": LAYOUT - 1}, {"_layout": LAYOUT + 1}])
def test_a_pickle_of_another_version_is_refused_in_words(layout):
    state = new().__getstate__()
    del state["_layout"]
    with pytest.raises(ValueError, match=r"pickled by another version .* use save and load"):
        fastnet.Network.__new__(fastnet.Network).__setstate__(state | layout)


def test_a_pickle_holds_no_engines_and_no_locks():
    network = new()
    network.kind = "classes"
    before = len(pickle.dumps(network))
    network.feedforward(DATA[0])
    network.backprop(*DATA)
    network.update_mini_batch(DATA, 0.5, 0.0, 20)
    assert len(pickle.dumps(network)) == before
    made_anew = {"_guard", "_predictors", "_differentiators", "_trainer", "_weights", "_biases"}
    assert not set(network.__getstate__()) & made_anew
