"""Several threads on one network: the same bits as one, whatever the shapes."""

import math
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet
from fastnet.common import threads

from ..container import contain


def trained(n_threads, sizes, *, dtype=np.float64, share=1.0, n=60, size=13, **options):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n, sizes[0])) * (rng.random((n, sizes[0])) < share)
    y = rng.integers(0, sizes[-1], n) if sizes[-1] > 1 else rng.random(n)
    network = {k: options.pop(k) for k in ("activation", "output", "cost") if k in options}
    net = fastnet.Network(sizes, dtype=dtype, rng=3, **network)
    fastnet.set_num_threads(n_threads)
    net.train((X, y), epochs=2, mini_batch_size=size, metrics=["training_cost"], **options)
    return net


def assert_same(sizes, **options):
    alone = trained(1, sizes, **options)
    for n_threads in (2, 3, 5):
        together = trained(n_threads, sizes, **options)
        np.testing.assert_array_equal(together.parameters, alone.parameters)
        assert together.history == alone.history


# Wide enough, at batches of 13 to 300 examples, for the threads to share layers out.
SHAPES = [
    (200, 64, 10),  # the first layer alone
    (100, 90, 70, 3),  # all but the last
    (40, 200, 150),  # all
    (300, 80),  # no hidden layer
    (70, 10, 120, 90, 2),  # a narrow one between
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("share", [1.0, 0.2])
@pytest.mark.parametrize("sizes", SHAPES)
def test_plain_descent(sizes, share, dtype):
    assert_same(sizes, share=share, dtype=dtype, size=25, l2=2.0)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fastnet.Adam(0.01)},
        {"optimizer": fastnet.AdamW(0.01, weight_decay=0.1), "l1": 0.1},
        {"optimizer": fastnet.Momentum(0.1), "l2": 1.0},
        {"optimizer": fastnet.Rprop()},
        {"max_norm": 0.8},
        {"clip_norm": 0.01, "l2": 0.5},
        {"dropout": 0.4},
        {"dropout": [0.2, 0.5, 0.5]},
        {"activation": "relu", "output": "softmax", "cost": "log_likelihood"},
        {"activation": "tanh", "output": "identity", "cost": "quadratic"},
        {"activation": ["gelu", "sine"], "output": "softplus", "cost": "quadratic"},
        {"activation": "selu", "dropout": 0.4},
        {"size": 290, "n": 600},  # larger than the workspace
        {"size": 290, "n": 600, "optimizer": fastnet.RMSprop(0.01)},
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_every_technique(options, share):
    assert_same((100, 90, 70, 3), share=share, **options)


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 130), min_size=2, max_size=5),
    size=st.integers(1, 80),
    share=st.sampled_from([0.1, 1.0]),
    n_threads=st.integers(2, 7),
)
def test_any_shape(sizes, size, share, n_threads):
    alone = trained(1, sizes, size=size, share=share)
    together = trained(n_threads, sizes, size=size, share=share)
    np.testing.assert_array_equal(together.parameters, alone.parameters)


def test_the_number_of_threads_is_what_was_asked_for(monkeypatch):
    fastnet.set_num_threads(3)
    assert fastnet.get_num_threads() == 3
    fastnet.set_num_threads(None)
    monkeypatch.delenv("FASTNET_NUM_THREADS", raising=False)
    assert fastnet.get_num_threads() == 1
    monkeypatch.setenv("FASTNET_NUM_THREADS", "all")
    assert fastnet.get_num_threads() == threads.usable_cores()
    monkeypatch.setenv("FASTNET_NUM_THREADS", "5")
    assert fastnet.get_num_threads() == 5
    with threads.single_threaded():
        assert fastnet.get_num_threads() == 1
        other = []
        thread = threading.Thread(target=lambda: other.append(fastnet.get_num_threads()))
        thread.start()
        thread.join()
        assert other == [5]
    assert fastnet.get_num_threads() == 5


@pytest.mark.parametrize(
    "text", ["0", "-1", "many", "2.5", "1025", "99999999999", "9" * 5000, "٣x", "1 2", "1\n"]
)
def test_a_variable_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("FASTNET_NUM_THREADS", text)
    with pytest.raises(ValueError, match=f"FASTNET_NUM_THREADS is '{text[:20].strip()}") as caught:
        fastnet.get_num_threads()
    assert "from 1 to 1024" in str(caught.value)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("n", "error"),
    [
        (0, ValueError),
        (-2, ValueError),
        (1.5, TypeError),
        (True, TypeError),
        (1025, ValueError),
        (2**31, ValueError),
        (2**63, ValueError),
        (10**400, ValueError),
        (np.bool_(True), TypeError),
        ("2", TypeError),
        (2 + 0j, TypeError),
    ],
)
def test_a_number_that_is_none(n, error):
    before = fastnet.get_num_threads()
    with pytest.raises(error, match="set_num_threads: n is"):
        fastnet.set_num_threads(n)
    assert fastnet.get_num_threads() == before


def test_as_many_threads_as_may_be():
    """The same bits, and memory for all of them."""
    X, y = np.random.default_rng(0).random((40, 90)), np.arange(40) % 3
    nets = [fastnet.Network([90, 64, 3], rng=0) for _ in range(2)]
    for net, n in zip(nets, [1, np.int64(1024)], strict=True):
        fastnet.set_num_threads(n)
        assert fastnet.get_num_threads() == n
        net.train((X, y), epochs=2, mini_batch_size=20)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, math.inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/of/the/host\n", {"cpu.max": "50000 100000\n"}, 0.5),
        (
            "4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
            {"cpu,cpuacct/c/cpu.cfs_quota_us": "300000", "cpu,cpuacct/c/cpu.cfs_period_us": "1e5"},
            math.inf,
        ),
        (
            "4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
            {
                "cpu,cpuacct/c/cpu.cfs_quota_us": "300000\n",
                "cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            math.inf,
        ),
        # The name of a version 1 group may have colons in it.
        ("1:cpu:/a:b\n", {"cpu/a:b/cpu.cfs_quota_us": "5", "cpu/a:b/cpu.cfs_period_us": "2"}, 2.5),
    ],
)
def test_a_container_s_share_of_the_processors_is_read(tmp_path, groups, files, expected):
    contain(tmp_path, files, groups)
    assert threads.quota(tmp_path) == expected


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("", 8)]
)
def test_the_quota_of_a_container(monkeypatch, tmp_path, quota, cores):
    contain(tmp_path, {"cpu.max": quota})
    monkeypatch.setattr(threads, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads.usable_cores() == cores


def test_no_thread_outlives_a_training():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("/proc/self/task is missing: threads are counted there")
    code = (
        "import os, numpy as np, fastnet\n"
        "fastnet.set_num_threads(4)\n"
        "net = fastnet.Network([200, 64, 10], rng=0)\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "net.SGD((np.ones((500, 200)), np.zeros(500, int)), 2, 50, 0.1)\n"
        "assert len(os.listdir('/proc/self/task')) == before\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env=environment, timeout=600)


# ---- prediction


@pytest.fixture
def eager(monkeypatch):
    """Let threads share out any number of rows; returns how many tasks there were in each call."""
    counts, run_together = [], threads.run_together

    def count(tasks):
        counts.append(len(tasks))
        run_together(tasks)

    monkeypatch.setattr("fastnet.model.blocks.PRODUCTS_PER_THREAD", 1)
    monkeypatch.setattr("fastnet.model.prediction.run_together", count)
    return counts


def csr(X):
    reason = "SciPy (scipy) is missing: sparse rows come from it"
    return pytest.importorskip("scipy.sparse", reason=reason).csr_matrix(X)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize("laid", [np.ascontiguousarray, np.asfortranarray, csr])
def test_any_number_of_threads_gives_the_same_answers(laid, share, dtype, eager):
    rng = np.random.default_rng(8)
    X = laid(rng.standard_normal((5003, 40)) * (rng.random((5003, 40)) < share))
    net = fastnet.Network([40, 70, 3], dtype=dtype, rng=1)
    alone = net.feedforward(X)
    for n_threads in (2, 3, 7):
        fastnet.set_num_threads(n_threads)
        np.testing.assert_array_equal(net.feedforward(X), alone)
    assert eager == [1, 2, 3, 7]


@pytest.mark.parametrize("row", [0, 2, 699])
def test_what_is_refused_in_one_part_is_refused(row, eager):
    X = np.ones((700, 4))
    X[row, 1] = np.nan
    net = fastnet.Network([4, 2], rng=1)
    before = set(threading.enumerate())
    fastnet.set_num_threads(3)
    for _ in range(3):
        with pytest.raises(ValueError, match=f"^a holds nan in row {row}, "):
            net.feedforward(X)
        assert set(threading.enumerate()) <= before
    assert np.isfinite(net.feedforward(X[3:600])).all()
    assert len(net._predictors) <= 3


def test_small_predictions_stay_on_one_thread(monkeypatch):
    monkeypatch.setattr("threading.Thread.start", None)  # would be called in vain
    fastnet.set_num_threads(8)
    assert fastnet.Network([40, 30, 3], rng=1).feedforward(np.ones((2000, 40))).shape == (2000, 3)


def test_where_no_thread_can_be_had_one_does_all(monkeypatch, eager):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    X = np.random.default_rng(9).random((900, 40))
    net = fastnet.Network([40, 3], rng=1)
    alone = net.feedforward(X)
    fastnet.set_num_threads(3)
    monkeypatch.setattr("threading.Thread.start", none_left)
    np.testing.assert_array_equal(net.feedforward(X), alone)
    assert eager == [1, 3]


@pytest.mark.parametrize("who", [0, 1, 2])
def test_whoever_fails_is_heard_and_the_others_end(who):
    ended = []

    def task(number, errors):
        if number == who:
            raise KeyboardInterrupt
        while not errors:
            pass
        ended.append(number)

    with pytest.raises(KeyboardInterrupt):
        threads.run_together([lambda errors, n=n: task(n, errors) for n in range(3)])
    assert sorted([*ended, who]) == [0, 1, 2]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals to a process are missing on Windows")
def test_ctrl_c_ends_a_long_prediction():
    """In the part of the thread that hears it, and with it in all the others."""
    code = """
        import signal, threading, time
        import numpy as np
        import fastnet
        net = fastnet.Network([500, 500, 500, 2], rng=0)
        X = np.ones((40_000, 500))
        fastnet.set_num_threads(3)
        # In processor time, of which a busy machine takes no more.
        began = time.process_time()
        net.feedforward(X)
        whole = time.process_time() - began
        signal.signal(signal.SIGPROF, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_PROF, whole / 10)
        began = time.process_time()
        try:
            net.feedforward(X)
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(time.process_time() - began < whole / 2, threading.active_count())
        print(net.feedforward(X[:5]).shape)
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "True 1\n(5, 2)\n"
