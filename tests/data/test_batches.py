"""Data in blocks: the bits of the same data in one array, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import Batches

SIZES = [40, 1, 13, 64, 7]
N = sum(SIZES)


def make_data(share=1.0, targets=False):
    """Return examples with this share of elements that are not zero."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(N, 9)) * (rng.random((N, 9)) < share)
    y = rng.integers(0, 3, N)
    return X, (np.eye(3)[y] if targets else y)


def cut(X, y, sizes=SIZES):
    ends = np.cumsum(sizes)
    return [(X[end - k : end], y[end - k : end]) for end, k in zip(ends, sizes, strict=True)]


def train(data, dtype=np.float64, size=16, shuffle=False, **options):
    net = fastnet.Network([9, 6, 3], rng=3, dtype=dtype)
    metrics = ["training_cost", "training_accuracy", "evaluation_cost"]
    options = {"optimizer": fastnet.Adam(0.02), "l2": 0.5} | options
    net.train(data, 3, size, shuffle=shuffle, metrics=metrics, evaluation_data=data, **options)
    return net


def same(net, other):
    return np.array_equal(net.parameters, other.parameters) and net.history == other.history


@pytest.mark.parametrize("size", [1, 16, 33, 50, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("share", "targets"), [(1.0, False), (0.25, False), (1.0, True)])
def test_blocks_give_the_bits_of_one_array(size, dtype, share, targets):
    X, y = make_data(share, targets)
    blocks = Batches(lambda: iter(cut(X, y)))
    assert same(train(blocks, dtype, size), train((X, y), dtype, size))
    assert len(blocks) == N


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("element", ["u1", ">f8", "f2", "f4", "i8"])
def test_elements_of_every_kind_may_come(element, share):
    X, y = make_data(share)
    X = np.abs(np.round(X * 8)).clip(0, 50).astype(element)
    assert same(train(Batches(cut(X, y))), train((X, y)))


def test_sparse_blocks_and_mini_batches_larger_than_the_workspace():
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is missing")
    X, y = make_data(share=0.3)
    X, y = np.tile(X, (8, 1)), np.tile(y, 8)
    sizes = [300, 450, X.shape[0] - 750]
    blocks = [(sparse.csr_array(X), y) for X, y in cut(X, y, sizes)]
    assert same(train(Batches(blocks), size=600), train((X, y), size=600))


def test_lbfgs_sees_the_same_cost():
    pytest.importorskip("scipy", reason="scipy is missing")
    X, y = make_data()
    lbfgs = {"optimizer": "lbfgs", "size": None}
    assert same(train(Batches(cut(X, y)), **lbfgs), train((X, y), **lbfgs))


def test_every_question_is_answered_alike():
    X, y = make_data()
    net, blocks = train((X, y)), Batches(cut(X, y))
    assert net.accuracy(blocks) == net.accuracy((X, y))
    assert net.total_cost(blocks, 0.1) == net.total_cost((X, y), 0.1)


def drawn(data, epochs=3):
    """Return the orders that the epochs of a training take."""
    net = fastnet.Network([9, 3], rng=0)
    blocks = net._read(data, "data")
    return [blocks.sampler(True).draw(net.rng) for _ in range(epochs)]


def test_a_stream_is_shuffled_within_its_blocks():
    X, y = make_data()
    first, second, _ = drawn(Batches(cut(X, y)))
    assert not np.array_equal(first, second)
    end = 0
    for size in SIZES:
        part = first[end : end + size]
        assert set(part) == set(range(end, end + size))
        end += size
    assert not np.array_equal(first, np.arange(N))


def test_blocks_of_arrays_come_in_any_order():
    X, y = make_data()
    for order in drawn(Batches.from_arrays(X, y, rows=25)):
        blocks = order // 25
        assert set(order) == set(range(N))
        assert len(np.flatnonzero(np.diff(blocks))) == len(set(blocks)) - 1
    firsts = {order[0] // 25 for order in drawn(Batches.from_arrays(X, y, rows=25), 30)}
    assert len(firsts) > 2


def test_shuffled_blocks_train_as_their_order_says():
    """An epoch in blocks is one in memory whose rows are put in that order."""
    X, y = make_data()
    order = drawn(Batches.from_arrays(X, y, rows=25), 1)[0]
    net, other = (fastnet.Network([9, 3], rng=0) for _ in range(2))
    net.train(Batches.from_arrays(X, y, rows=25), 1, 16)
    other.train((X[order], y[order]), 1, 16, shuffle=False)
    assert np.array_equal(net.parameters, other.parameters)


def test_one_seed_one_result():
    X, y = make_data()
    first, second = (train(Batches(cut(X, y)), shuffle=True) for _ in range(2))
    assert same(first, second)
    assert not same(first, train(Batches(cut(X, y))))


def test_a_checkpoint_goes_on_in_the_middle_of_an_epoch(tmp_path):
    X, y = make_data()
    path = tmp_path / "run.npz"

    class Crash(fastnet.Callback):
        interval = 3
        asked = 0

        def on_interval(self, network, epoch, done):
            Crash.asked += 1
            if Crash.asked == 5:
                raise RuntimeError("the lights go out")

    def begin(**options):
        data = Batches.from_arrays(X, y, rows=25)
        watch = [Crash(), fastnet.Checkpoint(path, every=2, unit="mini_batches")]
        return train(data, shuffle=True, callbacks=watch, **options)

    with pytest.raises(RuntimeError, match="lights"):
        begin()
    assert path.exists()
    gone_on = begin(resume=path)
    assert same(gone_on, train(Batches.from_arrays(X, y, rows=25), shuffle=True))


@pytest.mark.parametrize("chunks", [(50, 9), (17, 4), (N, 3)])
def test_dask_arrays_block_by_block(chunks):
    array = pytest.importorskip("dask.array", reason="dask is missing")
    X, y = make_data()
    data = Batches.from_arrays(array.from_array(X, chunks=chunks), array.from_array(y, chunks=29))
    assert len(data) == N
    assert same(train(data), train((X, y)))
    assert same(train(data, shuffle=True), train(data, shuffle=True))


def test_dask_arrays_of_unknown_length_are_refused_until_counted():
    array = pytest.importorskip("dask.array", reason="dask is missing")
    X, y = (array.from_array(a, chunks=50) for a in make_data())
    chosen = y > 0
    with pytest.raises(ValueError, match=r"unknown length; call its compute_chunk_sizes"):
        Batches.from_arrays(X[chosen], y[chosen])
    X, y = X[chosen].compute_chunk_sizes(), y[chosen].compute_chunk_sizes()
    assert same(train(Batches.from_arrays(X, y)), train((X.compute(), y.compute())))


def test_a_mapped_file_keeps_what_is_written_to_it(tmp_path):
    X, y = make_data()
    mapped = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    assert same(train(Batches.from_arrays(mapped, y, rows=30)), train((X, y)))
    private = np.memmap(tmp_path / "X", X.dtype, "c", shape=X.shape)
    private[3] = 2.0
    train(Batches.from_arrays(private, y, rows=30))
    assert (private[3] == 2.0).all()
    assert np.array_equal(mapped, X)


LARGE = """
import numpy as np, fastnet
X = np.lib.format.open_memmap("X.npy", "w+", np.float32, (200_000, 784))  # 627 MB, all a hole
y = np.zeros(len(X), np.int8)
net = fastnet.Network([784, 2], rng=0, dtype=np.float32)
X = np.load("X.npy", mmap_mode="r")
net.train(fastnet.Batches.from_arrays(X, y), 1, 500)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(),
    reason="/proc/self/status is missing: memory is read from it",
)
def test_a_file_of_600_mb_is_trained_on_in_less_than_half_of_that(tmp_path):
    home = str(Path(fastnet.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", LARGE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300


# ---- what is refused


class Failing:
    """Gives blocks that are good in the first passes, and later what `change` makes of them."""

    def __init__(self, change, good_passes):
        self.change, self.left = change, good_passes

    def __call__(self):
        self.left -= 1
        blocks = cut(*make_data())
        return iter(blocks if self.left >= 0 else self.change(blocks))


def put(block):
    """Return what puts another block in the place of block 3."""
    return lambda blocks: [*blocks[:3], block, *blocks[4:]]


def broken(blocks):
    yield from blocks[:3]
    raise OSError("the disk is gone")


X64, Y64 = np.ones((64, 9)), np.zeros(64, int)
NAN = np.where(np.arange(9) == 4, np.nan, X64)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (put((NAN, Y64)), ValueError, "block 3: X holds nan in row 0, column 4"),
        (put((X64, Y64 + 3)), ValueError, "block 3: y holds 3 in row 0"),
        (put((X64[:, :5], Y64)), ValueError, "block 3: X has 5 columns"),
        (put((X64, np.zeros((64, 3)))), ValueError, "block 3 has targets for y, and the first"),
        (put((X64[:9], Y64[:9])), ValueError, "block 3 has 9 examples, and had 64 when"),
        (put((X64[:0], Y64[:0])), ValueError, "block 3 is empty"),
        (put(X64), TypeError, "block 3 is of type ndarray; expected a pair"),
        (lambda blocks: blocks[:3], ValueError, "block 3 is missing, and 5 blocks were counted"),
        (lambda blocks: [*blocks, (X64, Y64)], ValueError, "there are more than the 5 blocks"),
        (lambda blocks: [*blocks, None], ValueError, "there are more than the 5 blocks"),
        (broken, OSError, "the disk is gone"),
    ],
)
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_bad_block_is_named_and_the_epoch_is_taken_back(change, kind, message, epoch):
    # A pass counts the blocks; another looks at the first of them, and goes on into epoch 0.
    source = Failing(change, good_passes=1 + epoch)
    net, other = (fastnet.Network([9, 6, 3], rng=3) for _ in range(2))
    adam = {"optimizer": fastnet.Adam(0.02), "shuffle": False}
    with pytest.raises(kind, match=message):
        net.train(Batches(source), 5, 16, **adam)
    if net.history:
        other.train(make_data(), len(net.history), 16, **adam)
    assert len(net.history) == epoch
    assert np.array_equal(net.parameters, other.parameters)
    # And the optimizer's moments are as they were: both go on alike.
    for network in (net, other):
        network.train(make_data(), 1, 16, **adam)
    assert np.array_equal(net.parameters, other.parameters)


@pytest.mark.parametrize("n_blocks", [1, 5])
def test_a_source_that_grows_is_noticed_by_whatever_walks_it(n_blocks):
    passes = []

    def source():
        passes.append(0)
        return iter(cut(*make_data())[:n_blocks] + [(X64, Y64)] * grows)

    net, grows = fastnet.Network([9, 6, 3], rng=3), False
    data = Batches(source)
    right = net.accuracy(data)
    before, grows = net.parameters.copy(), True
    verbs = {
        "accuracy": lambda: net.accuracy(data),
        "total_cost": lambda: net.total_cost(data, 0.1),
        "train": lambda: net.train(data, 1, 16),
        "partial_fit": lambda: net.partial_fit(data),
        "evaluation": lambda: net.train(
            make_data(), 1, 16, evaluation_data=data, metrics="evaluation_cost"
        ),
    }
    for verb in verbs.values():
        with pytest.raises(ValueError, match=rf"there are more than the {n_blocks} blocks"):
            verb()
    assert len(data) == sum(SIZES[:n_blocks])
    net.parameters, grows = before, False
    assert net.accuracy(data) == right


def test_a_source_that_grows_in_the_last_epoch_is_noticed_there():
    """An epoch is taken back whole; those before it stay."""
    passes = []

    def source():
        passes.append(0)
        blocks = cut(*make_data())
        return iter([*blocks, (X64, Y64)] if len(passes) == 4 else blocks)

    net, other = (fastnet.Network([9, 6, 3], rng=3) for _ in range(2))
    with pytest.raises(ValueError, match="there are more than the 5 blocks"):
        net.train(Batches(source), 3, 16, shuffle=False)
    assert len(passes) == 4 and len(net.history) == 2
    other.train(make_data(), 2, 16, shuffle=False)
    assert np.array_equal(net.parameters, other.parameters)


def test_a_block_that_is_bad_from_the_start_changes_nothing():
    X, y = make_data()
    X[60, 2] = np.inf
    net, other = (fastnet.Network([9, 3], rng=3) for _ in range(2))
    with pytest.raises(ValueError, match=r"data: block 3: X holds inf in row 6, column 2"):
        net.train(Batches(cut(X, y)), 1)
    assert np.array_equal(net.parameters, other.parameters)
    assert not net.history


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (iter([]), "list_iterator, which can be iterated only once; give a function"),
        ((block for block in []), "generator, which can be iterated only once"),
        (3, "of type int; give a function"),
        (np.eye(3), "of type ndarray; give a function"),
        ((np.eye(3), [0, 1, 2]), r"call Batches.from_arrays\(X, y\)"),
    ],
)
def test_what_cannot_be_walked_again_is_refused(source, message):
    with pytest.raises(TypeError, match=message):
        Batches(source)


def test_a_function_that_gives_no_blocks_is_refused():
    net = fastnet.Network([9, 3], rng=0)
    with pytest.raises(TypeError, match="the function returned an object of type NoneType"):
        net.train(Batches(lambda: None), 1)
    with pytest.raises(ValueError, match="data has no blocks"):
        net.train(Batches([]), 1)
    once = iter(cut(*make_data()))
    with pytest.raises(ValueError, match="block 0 is missing, and 5 blocks were counted"):
        net.train(Batches(lambda: once), 1)


def test_what_does_not_go_with_blocks_is_refused():
    net, data = fastnet.Network([9, 3], rng=0), Batches(cut(*make_data()))
    with pytest.raises(ValueError, match="sample_weight is not supported with Batches"):
        net.train(data, 1, sample_weight=np.ones(N))
    with pytest.raises(ValueError, match="class_weight is not supported with Batches"):
        net.train(data, 1, class_weight="balanced")
    with pytest.raises(TypeError, match="with Batches give True or False"):
        net.train(data, 1, shuffle=np.random.default_rng(0).shuffle)
    with pytest.raises(TypeError, match="data is Batches"):
        net.prepare(data)


def test_arrays_that_are_none_are_refused():
    X, y = make_data()
    with pytest.raises(TypeError, match="y is of type list; give an array"):
        Batches.from_arrays(X, [0] * N)
    with pytest.raises(ValueError, match="X has 125 rows and y has 124"):
        Batches.from_arrays(X, y[1:])
    with pytest.raises(ValueError, match="X is empty"):
        Batches.from_arrays(X[:0], y[:0])
    with pytest.raises(ValueError, match="rows is 0"):
        Batches.from_arrays(X, y, rows=0)
    with pytest.raises(TypeError, match="not been counted"):
        len(Batches([]))
    assert repr(Batches([])) == "Batches(not counted yet)"
    assert repr(Batches.from_arrays(X, y)) == "Batches(125 examples in 1 blocks)"
