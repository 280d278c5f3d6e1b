"""Ctrl-C and SIGTERM: answered soon, at the end of a whole mini-batch, with everything whole."""

import ast
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import Checkpoint
from fastnet.training.interrupts import Interrupts

SLOW = pytest.mark.slow
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="POSIX signals to a process are missing on Windows"
)


def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def problem(n=600, n_in=20):
    rng = np.random.default_rng(0)
    return rng.random((n, n_in)), rng.integers(0, 3, n)


def test_waiting_and_answering():
    """Closed: nothing comes out; opened: at once; nested as one would think; handlers restored."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupts:
        strike()
        reached = True
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with pytest.raises(KeyboardInterrupt), interrupts.opened():  # noqa: PT012
            strike()
            reached = False
        with interrupts.opened(), pytest.raises(KeyboardInterrupt):  # noqa: PT012
            with interrupts.closed():
                strike()
            reached = False
    assert reached
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(KeyboardInterrupt), Interrupts():
        strike()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_handler_of_ones_own_is_the_one_that_answers():
    seen = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with Interrupts(terminating=True) as interrupts:
            strike(signal.SIGTERM)
            assert seen == []
            interrupts.check()
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, old)


def test_a_handler_set_meanwhile_stays():
    old = signal.getsignal(signal.SIGINT)
    mine = lambda number, frame: None  # noqa: E731
    try:
        with Interrupts():
            signal.signal(signal.SIGINT, mine)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, old)


def test_training_leaves_the_handlers_alone(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    net = fastnet.Network([20, 5, 3], rng=0)
    net.train(problem(), 2, callbacks=Checkpoint(tmp_path / "run.npz"))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    threads = [threading.Thread(target=net.train, args=(problem(), 1))]
    threads[0].start()
    threads[0].join()
    assert len(net.history) == 3


# --- what only C knows ---------------------------------------------------------------------------

#: What a program has set up by `setup` is there during a training and after it: `strike` says so.
IN_C = """
import ctypes, faulthandler, os, signal, sys, tempfile, threading, time
import numpy as np
import fastnet

def strike(number):
    os.kill(os.getpid(), number)
    sys.stdout.flush()

def reads_on(number):
    # A system call goes on after a signal only where SA_RESTART is set.
    here, (out, into) = threading.main_thread().ident, os.pipe()

    def disturb():
        time.sleep(0.2)
        signal.pthread_kill(here, number)
        time.sleep(0.2)
        os.write(into, b"x")

    thread = threading.Thread(target=disturb)
    thread.start()
    found = ctypes.CDLL(None).read(out, ctypes.create_string_buffer(1), 1)
    thread.join()
    return found == 1

class Strike(fastnet.Callback):
    def on_epoch_end(self, network, record):
        {strike}

{setup}
{strike}
with tempfile.TemporaryDirectory() as folder:
    net = fastnet.Network([2, 2], rng=0)
    keeper = fastnet.Checkpoint(folder + "/c.npz")
    net.train((np.zeros((9, 2)), np.zeros(9, int)), 1, callbacks=[Strike(), keeper])
{strike}
print("end", signal.getsignal(signal.SIGTERM))
"""
IGNORING = "signal.signal(signal.SIGINT, lambda *_: None); signal.siginterrupt(signal.SIGINT, {})"
DUMPS = "faulthandler.register(signal.SIGTERM, file=sys.stdout)"
DUMPS_AND_CALLS = """
signal.signal(signal.SIGTERM, lambda *_: print("called", flush=True))
faulthandler.register(signal.SIGTERM, file=sys.stdout, chain=True)
"""


@pytest.mark.parametrize(
    ("setup", "strike", "said", "times"),
    [
        (IGNORING.format(False), "print('goes on', reads_on(signal.SIGINT))", "goes on True", 3),
        (IGNORING.format(True), "print('goes on', reads_on(signal.SIGINT))", "goes on False", 3),
        (DUMPS, "strike(signal.SIGTERM)", "most recent call first", 3),
        (DUMPS_AND_CALLS, "strike(signal.SIGTERM)", "most recent call first", 3),
        (DUMPS_AND_CALLS, "strike(signal.SIGTERM)", "called", 3),
    ],
)
def test_flags_and_handlers_in_c_stay(setup, strike, said, times):
    code = IN_C.replace("{setup}", setup).replace("{strike}", strike)
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(said) == times, run.stdout


def test_a_handler_in_c_that_a_hook_sets_stays():
    code = IN_C.replace("{setup}", "").replace("{strike}", "pass", 1)
    code = code.replace("        pass", f"        {DUMPS}").replace("{strike}", "pass", 1)
    code = code.replace("{strike}", "strike(signal.SIGTERM)")
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "most recent call first" in run.stdout and "end 0" in run.stdout


def test_the_default_action_comes_back():
    """With a Checkpoint, SIGTERM has a handler while a network trains; then it ends the process."""
    code = IN_C.replace("{setup}", "").replace("{strike}", "pass", 2)
    code = code.replace("{strike}", "strike(signal.SIGTERM)")
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGTERM, run.stdout + run.stderr


def test_a_subinterpreter_trains():
    """There the main thread is one, and Python lets it set no handler."""
    pytest.importorskip(
        "_xxsubinterpreters", reason="_xxsubinterpreters is missing: Python 3.13 renamed it"
    )
    if sys.version_info >= (3, 12):
        pytest.skip("NumPy is missing in subinterpreters: from Python 3.12 on it refuses them")
    work = """
import warnings
warnings.simplefilter("ignore")  # NumPy says that it may not work here
import numpy as np, fastnet
net = fastnet.Network([2, 2], rng=0)
data = np.eye(2), np.arange(2)
net.train(data, 500, optimizer=fastnet.SGD(1.0))
print("trained", net.feedforward(np.eye(2)).argmax(axis=1), flush=True)
"""
    code = f"import _xxsubinterpreters as s; s.run_string(s.create(), {work!r})"
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "trained [0 1]" in run.stdout, run.stdout + run.stderr


def test_no_record_is_lost_between_the_last_callback_and_the_history(tmp_path):
    """The signal lands while records are appended: both histories have it, and the file too."""
    path = tmp_path / "run.npz"

    class Late(fastnet.schedules.Schedule):
        def after_epoch(self, record):
            training = sys._getframe(1).f_locals["self"]
            if record["epoch"] == 2:
                training.interrupts._open = False  # as it is a moment later
                strike()
            return False

    net = fastnet.Network([20, 5, 3], rng=0)
    keeper = Checkpoint(path)
    with pytest.raises(KeyboardInterrupt):
        net.train(problem(), 9, schedule=Late(), callbacks=keeper)
    assert net.history.column("epoch") == [0, 1, 2]
    assert len(fastnet.load(path).history) == 3
    assert net.train(problem(), 1)[0]["epoch"] == 3


CHILD = """
import os, sys, threading, time
import numpy as np, fastnet
from fastnet import Callback, Checkpoint

kind, path, number = sys.argv[1:]
rng = np.random.default_rng(0)
sizes, batch, n = {
    "book": ([784, 30, 10], 10, 60000),
    "large": ([784, 256, 256, 10], 200, 20000),
    "full batch": ([784, 100, 10], None, 60000),
    "memmap": ([784, 30, 10], 10, 60000),
    "float16": ([784, 30, 10], 100, 60000),
}[kind]
X = rng.integers(0, 255, (n, 784), dtype=np.uint8) * (rng.random((n, 784), np.float32) < 0.2)
if kind == "memmap":
    np.save(path + ".npy", X.astype(np.uint8))
    X = np.load(path + ".npy", mmap_mode="r")
elif kind == "float16":
    X = (X / 255).astype(np.float16)
y = rng.integers(0, 10, n)

class Ready(Callback):
    def on_epoch_begin(self, network, epoch):
        if epoch == 0:  # later a signal could come in the middle of the line
            print("ready", flush=True)
            if int(number):
                threading.Thread(target=interrupt).start()

def interrupt():
    global began
    time.sleep(0.15)
    began = time.process_time()
    os.kill(os.getpid(), int(number))

net = fastnet.Network(sizes, rng=0)
keeper = Checkpoint(path, every=10**6)
caught = None
try:
    net.train((X, y), 10**6, batch, callbacks=[Ready(), keeper], optimizer=fastnet.SGD(0.01))
except (KeyboardInterrupt, SystemExit) as error:
    caught = error
worked = time.process_time() - began if int(number) else 0.0
whole = bool(np.isfinite(net.parameters).all()) and keeper.written == 1
print(worked, type(caught).__name__, getattr(caught, "code", None), whole, len(net.history))
"""


def answer_time(kind, number, folder):
    """Return how long a training of that kind works on after a signal, and what it said.

    In processor time, of which a busy machine takes no more.
    """
    path = os.path.join(folder, "run.npz")
    command = [sys.executable, "-P", "-c", CHILD, kind, path, str(int(number))]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, timeout=600
    )
    said = done.stdout.split("\n")[-2].split()
    return float(said[0]), said[1:]


@pytest.mark.parametrize(
    "kind",
    [
        "book",
        "large",
        *(pytest.param(kind, marks=SLOW) for kind in ("full batch", "memmap", "float16")),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_answered_soon_and_all_is_whole(kind, number, tmp_path):
    """The limit is generous, and in processor time; docs/ has the figures."""
    seconds, said = answer_time(kind, number, tmp_path)
    expected = ["KeyboardInterrupt", "None"] if number == signal.SIGINT else ["SystemExit", "143"]
    assert said[:2] == expected and said[2] == "True"
    assert seconds < 0.5


def test_without_a_checkpoint_sigterm_is_what_it_was():
    code = CHILD.replace("callbacks=[Ready(), keeper]", "callbacks=[Ready()]")
    command = [sys.executable, "-P", "-c", code, "book", "unused", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def conditional_loops(node, within=False):
    """Yield the lines of `while condition` within `try` or `with` of the same function."""
    for child in ast.iter_child_nodes(node):
        if within and isinstance(child, ast.While) and not isinstance(child.test, ast.Constant):
            yield child.lineno
        inner = within or isinstance(child, (ast.Try, ast.With))
        yield from conditional_loops(child, inner and not isinstance(child, ast.FunctionDef))


def test_no_loop_lets_ctrl_c_past_the_try_around_it():
    """Python 3.13 does so at the end of `while condition` (python/cpython#130279)."""
    found = {
        f"{path.name}:{line}"
        for path in Path(fastnet.__file__).parent.rglob("*.py")
        for line in conditional_loops(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()
