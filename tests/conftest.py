"""What many tests share: the digits, the published numbers, and how hypothesis searches."""

import faulthandler
import json
import os
import signal
import sys
from importlib.resources import files
from pathlib import PurePath

# Each worker of pytest has a core. More threads of OpenBLAS than cores wait for one another by
# counting, which took ten times the time of the numbers; nothing tested here depends on them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

import fastnet
from fastnet.datasets import load_mnist

from .own_data import TRAIN, flowers, run, write_csv

# The same examples on every run, so that a red test stays red; and no time limit an example,
# which on a busy machine would blame the code for its neighbours.
settings.register_profile("fastnet", derandomize=True, deadline=None)
settings.load_profile("fastnet")


#: Files whose tests start processes and threads, send signals or measure memory: one worker runs
#: them, one after another.
SERIAL = {
    "test_fast_prediction", "test_interrupted_files", "test_interrupts", "test_left_alone",
    "test_memory_safety", "test_processes", "test_soak", "test_sweep_executors", "test_threads",
    "test_threads_of_one_network",
}  # fmt: skip
#: Files whose tests share what takes long to make.
TOGETHER = {"test_chapter3", "test_packaging", "test_hostile_checkpoints"}

#: Files whose numbers come from the kernels, which are the same C for every Python, or whose pages
#: and pictures are the same: a run with another Python needs only a sample, FASTNET_TEST_SAMPLE=8.
SAMPLED = {
    "test_activations_costs", "test_bench", "test_check_gradient", "test_determinism", "test_docs",
    "test_functions", "test_gate", "test_gradients", "test_legend", "test_literature", "test_looks",
    "test_mean_field", "test_neuron", "test_onnx", "test_plotting", "test_plotting_parts",
    "test_propagation", "test_reference", "test_signals", "test_smooth_activations",
    "test_statistics", "test_variants",
}  # fmt: skip


def group_of(stem):
    """Return the name of the group that one worker runs, of a file's stem; None if any may."""
    return "serial" if stem in SERIAL else stem if stem in TOGETHER else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Group by file: marks do it by changing the names of tests, which pytest 9.2 does not take."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(PurePath(nodeid.partition("::")[0]).stem) or nodeid

    return ByFile(config, log)


def pytest_collection_modifyitems(config, items):
    """Keep one test in FASTNET_TEST_EVERY, and of SAMPLED files one in FASTNET_TEST_SAMPLE."""
    every, sample = (int(os.environ.get(f"FASTNET_TEST_{n}", "1")) for n in ("EVERY", "SAMPLE"))
    left_out = [
        item
        for k, item in enumerate(items)
        if k % every or (item.path.stem in SAMPLED and k % (every * sample))
    ]
    config.hook.pytest_deselected(items=left_out)
    dropped = set(left_out)
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture(scope="session")
def mnist():
    """Return the embedded digits: train, validation, test."""
    return load_mnist()


@pytest.fixture(scope="session")
def published():
    """Return the book's two curves, as the package carries them."""
    return json.loads((files("fastnet.compare") / "published-784-30-10.json").read_text())


@pytest.fixture(scope="session", autouse=True)
def _interruptible():
    """A shell that starts tests in the background has them ignore Ctrl-C, and so all they start.

    The tests of interruption need the handler that Python has in the foreground.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def _one_worker_a_group(request, tmp_path_factory):
    """A group that comes to a second worker is an error: what it guards against might go unseen."""
    group = group_of(request.path.stem)
    if group is None or not getattr(request.config.option, "loadgroup", False):
        return
    worker = request.config.workerinput["workerid"]
    note = tmp_path_factory.getbasetemp().parent / f"worker-of-{group}"
    try:
        with note.open("x") as file:
            file.write(worker)
    except FileExistsError:
        assert note.read_text() == worker


@pytest.fixture(autouse=True)
def _default_number_of_threads():
    """What one test sets is not what the next one finds."""
    yield
    fastnet.set_num_threads(None)


@pytest.fixture
def _nothing_hangs():
    """End the process with a traceback where what would take days is not stopped."""
    faulthandler.dump_traceback_later(900, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with flowers.csv."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "flowers.csv", *flowers())
    return tmp_path


@pytest.fixture
def model(here, capsys):
    """Return a network that `fastnet train` made of flowers.csv, in model.npz."""
    run(capsys, *TRAIN, "--out", "model.npz")
    return fastnet.load("model.npz")
