"""Checkpoints: a training that was cut off ends as if it had not been, or is refused."""

import errno
import os
import random
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import Callback, Checkpoint, DivergenceError, EarlyStopping, RecordStatistics
from fastnet.schedules import Cosine, WarmUp

ROOT = Path(__file__).parents[2]
EPOCHS, BATCH, N = 4, 6, 44  # the last mini-batch is short


def examples(dtype=np.float64, density=0.3):
    rng = np.random.default_rng(7)
    X = rng.random((N, 10)) * (rng.random((N, 10)) < density)
    return X.astype(dtype), rng.integers(0, 3, N)


def make(rng=1, dtype=np.float64):
    return fastnet.Network([10, 5, 3], rng=rng, dtype=dtype)


class CutOff(Callback):
    """Cuts a training off after so many mini-batches, in whichever epoch."""

    def __init__(self, after):
        self._left = after
        self.interval = 1

    def on_interval(self, network, epoch, mini_batch):
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def outcome(net, history):
    """Everything that must be equal."""
    state = [vector.tobytes() for vector in net._state.vectors], net._state.step
    return net.parameters.tobytes(), history.to_json(), state, net.rng.random(5).tolist()


def test_a_cost_with_parameters_is_resumed_and_another_refused(tmp_path):
    rng = np.random.default_rng(0)
    data, path = (rng.random((N, 3)), rng.random(N)), tmp_path / "run.npz"

    def new(cost):
        return fastnet.Network([3, 5, 1], cost, activation="tanh", rng=1)

    whole, cut = new(fastnet.HuberCost(0.1)), new(fastnet.HuberCost(0.1))
    whole.train(data, EPOCHS, BATCH)
    with pytest.raises(KeyboardInterrupt):
        cut.train(
            data, EPOCHS, BATCH,
            callbacks=[CutOff(11), Checkpoint(path, every=1, unit="mini_batches")],
        )  # fmt: skip
    resumed = new(fastnet.HuberCost(0.1))
    resumed.train(data, EPOCHS, BATCH, callbacks=[CutOff(999)], resume=path)
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()
    assert fastnet.load(path).cost == resumed.cost == fastnet.HuberCost(0.1)
    for other in ("huber", "quadratic"):
        with pytest.raises(ValueError, match=r"HuberCost\(delta=0.1\)"):
            fastnet.Network([3, 5, 1], other, activation="tanh", output="identity").train(
                data, EPOCHS, BATCH, callbacks=[CutOff(999)], resume=path
            )


CASES = {
    "decay on sparse rows": {"l2": 9.0, "metrics": ["running_cost", "running_accuracy"]},
    "momentum": {"optimizer": fastnet.Momentum(0.2)},
    "adam and dropout": {"optimizer": "adam", "dropout": [0.2, 0.4], "clip_norm": 0.3},
    "rprop": {"optimizer": "rprop", "mini_batch_size": None},
    "plateau": {"schedule": "halve"},
    "cosine": {"schedule": WarmUp(1.5, Cosine(3)), "l1": 0.1, "max_norm": 1.0},
    "no shuffle": {"shuffle": False, "sample_weight": np.linspace(0, 2, N)},
    "early stopping": {"callbacks": lambda: [EarlyStopping(3, "evaluation_cost")]},
    "statistics": {"callbacks": lambda: [RecordStatistics(examples()[0], interval=2)]},
    "random.shuffle": {"shuffle": lambda: random.Random(4).shuffle},
    "numpy's shuffle": {"shuffle": lambda: np.random.RandomState(4).shuffle},
    "float16 rows": {"X": np.float16},
    "bytes": {"X": np.uint8},
}


def run(case, path=None, cut=None, resume=None, every=1, unit="mini_batches", **more):
    """Train as the case says; return the outcome, or None where it was cut off."""
    options = {"mini_batch_size": BATCH, "optimizer": fastnet.SGD(0.4), **CASES[case]}
    for name in ("callbacks", "shuffle"):
        if callable(options.get(name)):
            options[name] = options[name]()
    X, y = examples(options.pop("X", np.float64))
    options.setdefault("callbacks", [])
    if path is not None:
        options["callbacks"].append(Checkpoint(path, every, unit=unit))
    if cut is not None:
        options["callbacks"].append(CutOff(cut))
    net = make(**more)
    try:
        history = net.train((X, y), EPOCHS, evaluation_data=(X, y), resume=resume, **options)
    except KeyboardInterrupt:
        return None
    return outcome(net, history)


@pytest.mark.parametrize("case", CASES)
def test_resumed_anywhere_it_ends_equal(case, tmp_path):
    """In the middle of an epoch, at its ends; the checkpoint itself changes no bit either."""
    path = tmp_path / "run.npz"
    whole = run(case, cut=10**6)
    assert run(case, tmp_path / "other.npz", cut=10**6) == whole
    batches = 1 if case == "rprop" else 8
    for cut in {1, batches // 2, batches, batches + 3, 3 * batches - 1} - {0}:
        path.unlink(missing_ok=True)
        assert run(case, path, cut, every=3) is None
        assert run(case, path, cut=10**6, resume=path, every=100, unit="epochs") == whole, cut


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "bits",
    [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64],
)
@pytest.mark.parametrize("face", [np.random.Generator, np.random.RandomState])
def test_every_generator_goes_on(dtype, bits, face, tmp_path):
    def more():
        return {"dtype": dtype, "rng": face(bits(3))}

    path = tmp_path / "run.npz"
    whole = run("adam and dropout", cut=10**6, **more())
    assert run("adam and dropout", path, 11, every=5, **more()) is None
    assert run("adam and dropout", path, 10**6, path, **more()) == whole


def test_cut_off_again_and_again(tmp_path):
    """Each process gets three mini-batches further, and one network may have trained before."""
    path, whole = tmp_path / "run.npz", run("decay on sparse rows", cut=10**6)
    for _ in range(100):
        found = run("decay on sparse rows", path, 3, True, every=2)
        if found is not None:
            break
    assert found == whole


def test_a_large_mini_batch_and_an_earlier_training(tmp_path):
    """In the midst of a mini-batch the file has the end of the one before."""
    rng = np.random.default_rng(0)
    X, y = rng.random((1500, 10)), rng.integers(0, 3, 1500)
    found = []
    for cut in (None, 3, 4):
        net, path = make(), tmp_path / f"{cut}.npz"
        net.train((X, y), 1, 100)
        for again in (cut, None) if cut else (None,):
            watch = CutOff(again or 10**6)
            again_net = net if again else make()
            if cut is None:
                again_net = net
            try:
                history = again_net.train(
                    (X, y), 3, 700, optimizer="adam", metrics="running_cost", resume=True,
                    callbacks=[watch, Checkpoint(path, 2, unit="mini_batches")],
                )  # fmt: skip
            except KeyboardInterrupt:
                continue
        assert history.column("epoch") == [1, 2, 3]
        found.append((again_net.history.to_json(), outcome(again_net, history)))
    assert found[0] == found[1] == found[2]


def test_more_epochs_fewer_epochs_and_a_finished_training(tmp_path):
    data, path = examples(), tmp_path / "run.npz"
    whole = outcome(net := make(), net.train(data, 5, BATCH))
    net = make()
    net.train(data, 3, BATCH, callbacks=Checkpoint(path, every=2))
    assert fastnet.load(path).parameters.tobytes() == net.parameters.tobytes()
    net = make()
    assert outcome(net, net.train(data, 5, BATCH, resume=path)) == whole
    net = make()
    history = net.train(data, 3, BATCH, resume=path)
    assert history.column("epoch") == [0, 1, 2]
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="has done 3 epochs, and epochs is 2"):
        net.train(data, 2, BATCH, resume=path)
    np.testing.assert_array_equal(net.parameters, before)


def test_a_training_that_stopped_early_stays_stopped(tmp_path):
    data, path = examples(), tmp_path / "run.npz"

    def train(resume=None):
        net, stop = make(), EarlyStopping(2, "evaluation_accuracy")
        callbacks = [stop, Checkpoint(path)]
        history = net.train(
            data, 50, BATCH, optimizer=fastnet.SGD(0.0), evaluation_data=data, callbacks=callbacks,
            resume=resume,
        )  # fmt: skip
        return outcome(net, history), stop.best_epoch

    whole = train()
    assert train(path) == whole


def test_seconds_and_the_files_that_are_kept(tmp_path):
    data, path = examples(), tmp_path / "run.npz"
    keeper = Checkpoint(path, every=1e-9, unit="seconds", keep=3)
    net = make()
    net.train(data, 5, BATCH, callbacks=keeper)
    assert keeper.written >= 5 and keeper.error is None
    assert sorted(os.listdir(tmp_path)) == ["run-1.npz", "run-2.npz", "run.npz"]
    lengths = [len(fastnet.load(path).history) for path in keeper.paths]
    assert lengths[0] == 5 and lengths == sorted(lengths, reverse=True)
    again = make()
    again.train(data, 5, BATCH, resume=keeper.paths[2])
    np.testing.assert_array_equal(again.parameters, net.parameters)


def test_without_a_file_it_begins_anew_only_if_told(tmp_path):
    data, path = examples(), tmp_path / "run.npz"
    with pytest.raises(FileNotFoundError, match=r"run\.npz"):
        make().train(data, 2, BATCH, resume=path)
    with pytest.raises(ValueError, match="resume is True"):
        make().train(data, 2, BATCH, resume=True)
    with pytest.raises(TypeError, match="resume is 3"):
        make().train(data, 2, BATCH, resume=3)
    for _ in range(2):
        history = make().train(data, 2, BATCH, resume=True, callbacks=Checkpoint(path))
        assert len(history) == 2


# --- what belongs to another training ------------------------------------------------------------


def other_data(change):
    X, y = examples()
    change(X, y)
    return X, y


OTHERS = {
    "sizes": (lambda: fastnet.Network([10, 6, 3], rng=1), {}, "sizes [10, 5, 3]"),
    "cost": (lambda: fastnet.Network([10, 5, 3], "quadratic", rng=1), {}, "cost 'cross_entropy'"),
    "dtype": (lambda: make(dtype=np.float32), {}, "dtype 'float64'"),
    "rng": (
        lambda: make(np.random.RandomState(1)),
        {},
        "the state is for PCG64; this generator is MT",
    ),
    "batch": (make, {"mini_batch_size": 7}, "mini_batch_size 6, and this one 7"),
    "optimizer": (make, {"optimizer": "adam"}, "optimizer 'SGD(eta=0.1)'"),
    "eta": (make, {"optimizer": fastnet.SGD(0.2)}, "and this one 'SGD(eta=0.2)'"),
    "schedule": (make, {"schedule": Cosine(3)}, "schedule 'Constant()'"),
    "l2": (make, {"l2": 1.0}, "l2 0.0, and this one 1.0"),
    "dropout": (make, {"dropout": 0.5}, "dropout [] (a list of 0), and this one [0.0, 0.5]"),
    "shuffle": (make, {"shuffle": False}, "shuffle True"),
    "metrics": (make, {"metrics": "running_cost"}, "metrics [] (a list of 0)"),
    "callbacks": (make, {"callbacks": [RecordStatistics(np.eye(10))]}, "callbacks []"),
    "a row less": (make, {"data": (examples()[0][:-1], examples()[1][:-1])}, "data's shape"),
    "data": (make, {"data": other_data(lambda X, y: X.__imul__(2))}, "data's digest"),
    "labels": (make, {"data": other_data(lambda X, y: y.sort())}, "data's digest"),
    "weights": (make, {"sample_weight": np.ones(N)}, "data's digest"),
    "number type": (make, {"data": examples(np.float32)}, "data's dtype '<f8'"),
    "evaluation": (make, {"evaluation_data": examples(), "metrics": []}, "evaluation_data's shape"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_trainings_checkpoint_is_refused_by_name(name, tmp_path):
    make_other, options, said = OTHERS[name]
    path = tmp_path / "run.npz"
    make().train(examples(), 2, BATCH, callbacks=Checkpoint(path))
    net = make_other()
    before = net.parameters.tobytes(), repr(net._state)
    state = net.rng.get_state() if name == "rng" else net.rng.bit_generator.state
    options = {"data": examples(), "mini_batch_size": BATCH, **options}
    with pytest.raises(ValueError) as caught:
        net.train(epochs=3, resume=path, **options)
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert (net.parameters.tobytes(), repr(net._state)) == before and net.history == []
    after = net.rng.get_state() if name == "rng" else net.rng.bit_generator.state
    assert str(after) == str(state)


def test_a_model_file_is_no_checkpoint(tmp_path):
    for name in ("net.npz", "net.json"):
        make().save(tmp_path / name)
        with pytest.raises(ValueError, match="is not a checkpoint"):
            make().train(examples(), 2, BATCH, resume=tmp_path / name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "lbfgs", "mini_batch_size": None}, "LBFGS"),
        ({"shuffle": lambda rows: rows.reverse()}, "shuffle is a function"),
    ],
)
def test_a_training_that_cannot_be_saved_is_refused_before_it_begins(options, said, tmp_path):
    pytest.importorskip("scipy", reason="scipy is missing")
    path = tmp_path / "run.npz"
    with pytest.raises(ValueError, match=said):
        make().train(examples(), 2, callbacks=Checkpoint(path), **options)
    assert not path.exists()
    make().train(examples(), 1, BATCH, callbacks=Checkpoint(path))
    with pytest.raises(ValueError, match=f"{said}.*checkpoint"):
        make().train(examples(), 2, resume=path, **options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"every": 0}, "every is 0"),
        ({"every": 1.5}, "every is 1.5"),
        ({"every": 0, "unit": "seconds"}, "every is 0"),
        ({"unit": "hours"}, "unit is 'hours'"),
        ({"keep": 0}, "keep is 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, said):
    with pytest.raises((ValueError, TypeError)) as caught:
        Checkpoint("run.npz", **arguments)
    assert said in str(caught.value)


# --- when it cannot be written -------------------------------------------------------------------


def train_through(path, breaks, every=1):
    """Train five epochs, and call `breaks` after the second; return the net and the warnings."""

    class Break(Callback):
        def on_epoch_end(self, network, record):
            if record["epoch"] == 2:
                breaks()

    net, keeper = make(), Checkpoint(path, every)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = net.train(examples(), 5, BATCH, callbacks=[keeper, Break()])
    twin = make()
    assert twin.train(examples(), 5, BATCH, callbacks=Break()) == history
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert caught and keeper.error is not None
    for warning in caught:
        assert warning.category is RuntimeWarning
        assert str(path) in str(warning.message) and "training continues" in str(warning.message)
    return {str(warning.message) for warning in caught}, keeper


def test_a_folder_removed_half_way(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def remove():
        shutil.rmtree(folder, ignore_errors=True)

    said, keeper = train_through(folder / "run.npz", remove)
    assert any("No such file" in line for line in said)
    assert keeper.written == 2


def test_a_folder_that_was_never_there_or_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in ("never", "file"):
        _, keeper = train_through(tmp_path / folder / "run.npz", lambda: None)
        assert keeper.written == 0


def test_a_read_only_folder(tmp_path, monkeypatch):
    """The system's answer is played, since the tests may run as root, who may write everywhere."""
    path, real = tmp_path / "run.npz", open
    failing = []

    def refuse(name, mode="r", *args, **kwargs):
        if failing and "x" in mode:
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return real(name, mode, *args, **kwargs)

    monkeypatch.setattr("builtins.open", refuse)
    said, keeper = train_through(path, lambda: failing.append(1))
    assert any("Permission denied" in line for line in said) and keeper.written == 2
    failing.clear()
    assert len(fastnet.load(path).history) == 2


FULL = """
import resource, sys, warnings
import numpy as np, fastnet
from fastnet import Callback, Checkpoint

class Full(Callback):
    def on_epoch_end(self, network, record):
        if record["epoch"] == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

X, y = np.eye(10), np.arange(10) % 3
warnings.simplefilter("always")
net = fastnet.Network([10, 50, 3], rng=0)
keeper = Checkpoint(sys.argv[1], keep=2)
net.train((X, y), 6, 5, callbacks=[keeper, Full()])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
twin = fastnet.Network([10, 50, 3], rng=0)
twin.train((X, y), 6, 5)
print(len(net.history), keeper.written, (net.parameters == twin.parameters).all())
again = fastnet.Network([10, 50, 3], rng=0)
again.train((X, y), 6, 5, resume=sys.argv[1], callbacks=[Full()])
print((again.parameters == twin.parameters).all())
print([len(fastnet.load(path).history) for path in keeper.paths])
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX limits of file sizes are missing on Windows")
def test_a_full_disk(tmp_path):
    """Half of the data are in when no more go in: the last good ones stay, and nothing beside."""
    path = tmp_path / "run.npz"
    done = subprocess.run(
        [sys.executable, "-P", "-c", FULL, path],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout == "6 2 True\nTrue\n[2, 1]\n", done.stderr
    assert done.stderr.count("File too large") >= 3 and str(path) in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["run-1.npz", "run.npz"]


def test_what_json_cannot_hold_is_a_warning_too(tmp_path):
    class Odd(Callback):
        def on_epoch_end(self, network, record):
            record["odd"] = object()

    keeper = Checkpoint(tmp_path / "run.npz")
    with pytest.warns(RuntimeWarning, match="history"):
        make().train(examples(), 2, BATCH, callbacks=[Odd(), keeper])
    assert keeper.written == 0 and isinstance(keeper.error, ValueError)


def test_a_diverging_training_leaves_the_last_good_one(tmp_path):
    path = tmp_path / "run.npz"
    X, y = examples()
    options = {"optimizer": fastnet.SGD(1.0), "schedule": lambda epoch: 1 if epoch < 2 else 1e300}
    net = make()
    with pytest.raises(DivergenceError) as caught:
        net.train((X, np.eye(3)[y]), 9, BATCH, callbacks=Checkpoint(path), l2=5.0, **options)
    assert caught.value.epoch == 2
    kept = fastnet.load(path)
    assert len(kept.history) == 2
    np.testing.assert_array_equal(kept.parameters, net.parameters)


# --- kill -9 -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is missing: Windows has none")
def test_killed_at_random_moments_and_resumed(tmp_path):
    """All 300: `python -m tests.kill --times 300`."""
    # The package that is installed, not the checkout's, which may not be compiled.
    code = f"import sys; sys.path.append({str(ROOT)!r}); from tests.kill import main"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{code}; sys.exit(main(['--times', '15']))"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 of 15 ended equal" in done.stdout
    assert "killed in a write" in done.stdout


# --- which of several files resume=True takes ----------------------------------------------------


class Seen(Callback):
    def __init__(self):
        self._epochs = []

    def on_epoch_begin(self, network, epoch):
        self._epochs.append(epoch)


def epochs_after(paths, epochs=6, **options):
    """Return the epochs that a training does which goes on from one of its files."""
    seen = Seen()
    net = make()
    callbacks = [seen, *(Checkpoint(path, keep=keep, every=99) for path, keep in paths)]
    net.train(examples(), epochs, BATCH, callbacks=callbacks, resume=True, **options)
    return seen._epochs


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_furthest_is_taken_whatever_the_clock_says(order, tmp_path):
    path = tmp_path / "k.npz"
    make().train(examples(), 4, BATCH, callbacks=[Seen(), Checkpoint(path, keep=3)])
    names = [path, tmp_path / "k-1.npz", tmp_path / "k-2.npz"]
    for age, which in enumerate(order):
        os.utime(names[which], (10**9 - age, 10**9 - age))
    assert epochs_after([(path, 3)]) == [4, 5]


def test_the_furthest_of_two_checkpoints_within_an_epoch(tmp_path):
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    callbacks = [Seen(), Checkpoint(one, every=1), Checkpoint(two, every=3, unit="mini_batches")]
    with pytest.raises(KeyboardInterrupt):
        make().train(examples(), 4, BATCH, callbacks=[*callbacks, CutOff(8 + 5)])
    assert fastnet.load(one).parameters.tobytes() == fastnet.load(two).parameters.tobytes()
    kept = tmp_path / "kept.npz"
    make().train(examples(), 1, BATCH, callbacks=[Seen(), Checkpoint(kept)])
    for first, second in ((one, kept), (kept, one)):
        os.utime(second, (2 * 10**9, 2 * 10**9))
        seen, net = Seen(), make()
        free = CutOff(10**6)
        twin = make()
        twin.train(examples(), 3, BATCH)
        net.train(
            examples(), 3, BATCH, resume=True,
            callbacks=[seen, Checkpoint(first, 99), Checkpoint(second, 99), free],
        )  # fmt: skip
        assert seen._epochs == [2]  # that in which it was cut off is not begun again
        np.testing.assert_array_equal(net.parameters, twin.parameters)
        make().train(examples(), 1, BATCH, callbacks=[Seen(), Checkpoint(kept)])
        shutil.copy(two, one)


def test_of_files_of_several_trainings_its_own_is_taken(tmp_path):
    path, older = tmp_path / "k.npz", tmp_path / "k-1.npz"
    make().train(examples(), 2, BATCH, callbacks=[Seen(), Checkpoint(older)])
    make().train(examples(), 5, BATCH, l2=1.0, callbacks=[Seen(), Checkpoint(path)])
    assert epochs_after([(path, 2)], 3) == [2]
    with pytest.raises(ValueError, match="its training has l2"):
        epochs_after([(path, 2)], l2=2.0)


def test_a_damaged_file_is_passed_over_with_a_warning(tmp_path):
    path, older = tmp_path / "k.npz", tmp_path / "k-1.npz"
    make().train(examples(), 4, BATCH, callbacks=[Seen(), Checkpoint(path, keep=2)])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.warns(RuntimeWarning, match=r"k\.npz' cannot be read .* continues from .*k-1"):
        assert epochs_after([(path, 2)]) == [3, 4, 5]
    path.write_bytes(b"PK")
    older.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"k\.npz"):
        epochs_after([(path, 2)])


def test_the_furthest_within_one_epoch_is_taken(tmp_path):
    """One file is three mini-batches into the second epoch, the other five."""
    data, names = examples(), []
    for cut in (8 + 3, 8 + 5):
        names.append(tmp_path / f"{cut}.npz")
        with pytest.raises(KeyboardInterrupt):
            make().train(data, 3, BATCH, callbacks=[Checkpoint(names[-1], 99), CutOff(cut)])
    for order in (names, names[::-1]):
        net, left = make(), CutOff(10**6)
        net.train(
            data, 2, BATCH, resume=True, callbacks=[*(Checkpoint(p, 99) for p in order), left]
        )
        assert 10**6 - left._left == 7 - 5  # no interval ends with the short mini-batch
        for path, cut in zip(names, (8 + 3, 8 + 5), strict=True):
            again = [Checkpoint(path, 99), CutOff(cut)]
            with pytest.raises(KeyboardInterrupt):
                make().train(data, 3, BATCH, callbacks=again)
