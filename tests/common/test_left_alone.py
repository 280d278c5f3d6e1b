"""What the process has of its own, and what fastnet leaves as it was; and that nothing leaks."""

import gc
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastnet

WATCH = """
import ctypes, logging, os, random, signal, sys, threading, warnings
import numpy as np

def environment():
    libm = ctypes.CDLL(None)
    tiny = np.float64(5e-324)
    single = np.full(8, 1e-45, np.float32)
    state = np.random.get_state()
    return {
        "rounding": libm.fegetround() if hasattr(libm, "fegetround") else None,
        # Where subnormals are flushed to zero, or read as zero, these are zero.
        "subnormals": (float(tiny * 1.0), float(np.float64(2.3e-308) * 0.5), single.sum().item()),
        "python subnormals": 2.3e-308 * 0.5 + 5e-324,
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "wakeup": signal.set_wakeup_fd(-1),
        "numpy's generator": (state[1].tobytes(), state[2:]),
        "python's generator": random.getstate(),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "numpy's errors": (np.geterr(), np.geterrcall()),
        "numpy's printing": repr(np.get_printoptions()),
        "environment": dict(os.environ),
        "threads": threading.active_count(),
        "hooks": (sys.excepthook, sys.displayhook, sys.getswitchinterval()),
        "recursion": sys.getrecursionlimit(),
        "logging": (logging.root.handlers[:], logging.root.level),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "pools": pools(),
    }

def pools():
    # BLAS and OpenMP, where threadpoolctl can ask them.
    try:
        import threadpoolctl
    except ImportError:
        return None
    return sorted((p["internal_api"], p["num_threads"]) for p in threadpoolctl.threadpool_info())

# What comes with the first look is no part of what is looked for.
(np.ones((64, 64)) @ np.ones((64, 64))).sum()
environment()
before = environment()
import fastnet
imported = environment()
{work}
after = environment()
for when, now in (("importing", imported), ("running", after)):
    for key, value in now.items():
        assert value == before[key], (when, key, before[key], value)
"""

WORK = """
import tempfile
X, y = np.random.default_rng(0).random((200, 5)), np.arange(200) % 3
for dtype in (np.float64, np.float32):
    net = fastnet.Network([5, 4, 3], "log_likelihood", activation="tanh", dtype=dtype, rng=1)
    net.train((X, y), 3, 10, optimizer="adam", dropout=0.2, metrics="training_cost")
    net.SGD((X, y), 2, 7, 0.1, evaluation_data=(X, y), monitor_evaluation_cost=True)
    net.feedforward(X), net.backprop(X, y), net.layer_statistics(X, y)
    fastnet.check_gradient(net, X[:2], y[:2])
    try:
        net.SGD((X, y), 30, 1, 1e30)
    except fastnet.DivergenceError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        net.save(folder + "/net.npz")
        fastnet.load(folder + "/net.npz")
fastnet.datasets.load_mnist()
"""


def run(code):
    """Run in an interpreter of its own, where nothing has been touched."""
    subprocess.run([sys.executable, "-P", "-c", textwrap.dedent(code)], check=True, timeout=600)


def test_importing_and_running_leave_the_process_as_it_was():
    run(WATCH.replace("{work}", WORK))


@pytest.mark.parametrize(
    "harm",
    [
        "ctypes.CDLL(None).fesetround(0x400 if os.uname().machine == 'x86_64' else 0x400000)",
        "np.random.rand()",
        "random.random()",
        "warnings.simplefilter('error')",
        "signal.signal(signal.SIGUSR1, lambda *_: None)",
        "np.seterr(all='raise')",
    ],
)
def test_harm_would_be_noticed(harm):
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(
            [sys.executable, "-P", "-c", WATCH.replace("{work}", harm)],
            check=True, timeout=600, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def test_importing_loads_little_beside_numpy():
    # How long an import takes depends on how many modules there are, and those can be counted.
    code = """
        import sys, numpy, numpy.random
        import inspect, json, numpy.typing  # as NumPy does from 2.1 on
        before = set(sys.modules)
        import fastnet
        new = set(sys.modules) - before
        own = {name for name in new if name.split(".")[0] == "fastnet"}
        heavy = {"matplotlib", "scipy", "sklearn", "pandas", "rich", "torch", "zipfile", "csv",
                 "gzip", "argparse", "subprocess", "multiprocessing", "unittest", "logging",
                 "asyncio", "concurrent", "urllib", "http", "importlib.metadata", "safetensors",
                 "onnx", "jax", "dask", "mpi4py"}
        assert not new & heavy, new & heavy
        assert len(own) <= 10 and len(new - own) <= 10, sorted(new)
        fastnet.Network  # and what makes a network and trains it
        new = set(sys.modules) - before
        own = {name for name in new if name.split(".")[0] == "fastnet"}
        assert not new & heavy, new & heavy
        assert len(own) <= 60, sorted(own)
        assert len(new - own) <= 15, sorted(new - own)
    """
    run(code)


def resident_bytes():
    """Return how much memory of this process is in use, without what malloc keeps for later."""
    import ctypes
    import resource

    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


@pytest.fixture
def memory_folder(tmp_path):
    """A folder on no disk, where there is one: every file that is saved is waited for."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(),
    reason="/proc/self/statm is missing: memory is read from it",
)
def test_ten_thousand_networks_leave_no_memory_behind(memory_folder):
    path = str(memory_folder / "net.npz")
    X, y = np.eye(3), np.array([0, 1, 0])

    def live(times):
        for seed in range(times):
            network = fastnet.Network([3, 4, 2], rng=seed)
            network.SGD((X, y), 1, 2, 0.1)
            network.save(path)
            network = fastnet.load(path)
            network.feedforward(X)
            if seed % 50 == 0:
                with pytest.raises(ValueError):
                    network.feedforward(np.full(3, np.nan))
        gc.collect()

    live(1000)
    before = resident_bytes()
    live(10_000)
    grown = resident_bytes() - before
    # A network is some 5 kB: one in a hundred that stayed would be 500 kB.
    assert grown < 1 << 20, f"{grown} bytes more"
