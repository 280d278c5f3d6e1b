"""Resuming, in its corners: what several checkpoints, callbacks and damaged folders leave."""

import io
import json
import os
import random
import struct
from zlib import crc32

import numpy as np
import pytest

import fastnet
from fastnet import Callback, Checkpoint, EarlyStopping, RecordStatistics
from fastnet.schedules import HalveOnPlateau

N, BATCH = 44, 6  # eight mini-batches, the last of two examples
BATCHES = 8
X = np.random.default_rng(7).random((N, 10))
Y = X[:, :3].argmax(axis=1)


def make(**options):
    return fastnet.Network([10, 5, 3], **({"rng": 1} | options))


class Stop(Callback):
    """Interrupts a training after a mini-batch of an epoch."""

    interval = 1

    def __init__(self, epoch=10**6, mini_batch=0):
        self._at = epoch, mini_batch

    def on_interval(self, network, epoch, mini_batch):
        if (epoch, mini_batch) == self._at:
            raise KeyboardInterrupt


class Count(Callback):
    """Counts what it has seen, and remembers the last cost."""

    changing = ("seen", "costs", "phase", "halves")
    interval = 3

    def __init__(self):
        self.seen, self.costs, self.phase, self.halves = 0, [], "new", np.ones(2)

    def on_interval(self, network, epoch, mini_batch):
        self.seen += 1

    def on_epoch_end(self, network, record):
        self.costs = [*self.costs, record["running_cost"]]
        self.phase = f"after epoch {record['epoch']}"
        self.halves = self.halves / 2


def progress(path):
    """Return how many mini-batches a checkpoint has done, as its header says."""
    with np.load(path) as members:
        told = json.loads(members["header"].tobytes())["training"]
    return told["epochs"] * BATCHES + -(-told["position"] // BATCH)


def plain(value):
    """The value with bytes in place of arrays, so that == compares every bit."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


# --- what callbacks know -------------------------------------------------------------------------


@pytest.mark.parametrize("at", [(0, 1), (0, 7), (1, 3), (1, 6), (3, 5)])
def test_callbacks_schedule_and_generators_are_where_they_would_be(at, tmp_path):
    def train(path=None, cut=(10**6, 0), resume=None):
        watch = RecordStatistics(X[:9], Y[:9], interval=2)
        stop = EarlyStopping(9, "evaluation_cost", restore_best=False)
        schedule = HalveOnPlateau(1, "evaluation_cost")
        source, net = random.Random(3), make(initializer="glorot_normal", bias_initializer=-0.7)
        kept = [watch, Count(), stop]
        callbacks = [*kept, Stop(*cut), *([Checkpoint(path)] if path else [])]
        try:
            history = net.train(
                (X, Y), 4, BATCH, optimizer=fastnet.Adam(0.1), schedule=schedule, dropout=0.2,
                evaluation_data=(X, (Y + 1) % 3), callbacks=callbacks, shuffle=source.shuffle,
                metrics=["running_cost", "evaluation_cost"], resume=resume,
            )  # fmt: skip
        except KeyboardInterrupt:
            return None
        state = net._state
        # What it has halved is what it must know after the cut: learning worsens this evaluation.
        assert history.column("eta")[2] < 0.1
        return (
            watch.records,
            [plain(callback.get_state()) for callback in kept],
            plain(schedule.get_state()),
            source.getstate(),
            net.rng.bit_generator.state,
            history.to_json(),
            net.history.to_json(),
            [plain(vector) for vector in [net.parameters, *state.vectors]],
            state.step,
        )

    path = tmp_path / "run.npz"
    whole = train()
    # One when training begins, and in each epoch after 2, 4 and 6 mini-batches and at its end.
    assert len(whole[0]) == 1 + 4 * 4 and whole[-1] == 4 * BATCHES
    assert whole[1][1]["seen"] == 4 * 2
    assert train(path, at) is None
    assert train(resume=path) == whole


# --- several files -------------------------------------------------------------------------------


class Look(Callback):
    """Notes what is in the files after each mini-batch, before anything is written there."""

    interval = 1

    def __init__(self, *paths):
        self.paths, self.found = paths, []

    def on_interval(self, network, epoch, mini_batch):
        done = [progress(path) if path.exists() else 0 for path in self.paths]
        self.found.append((epoch * BATCHES + mini_batch, *done))


@pytest.mark.parametrize("turned", [False, True])
def test_two_checkpoints_keep_their_own_time(turned, tmp_path):
    often, rarely = tmp_path / "often.npz", tmp_path / "rarely.npz"
    look = Look(often, rarely)

    def train(*callbacks, resume=None):
        net = make()
        history = net.train((X, Y), 5, BATCH, callbacks=callbacks, metrics="running_cost",
                            resume=resume)  # fmt: skip
        return net.parameters.tobytes(), history.to_json()

    keepers = [Checkpoint(often, 3, unit="mini_batches"), Checkpoint(rarely, 2)]
    whole = train()
    # The last mini-batch that is seen in the files is the one before the cut, in epoch 3.
    with pytest.raises(KeyboardInterrupt):
        train(look, *keepers[:: -1 if turned else 1], Stop(3, 5))
    last = 3 * BATCHES + 5
    assert [done for done, *_ in look.found] == [k for k in range(last + 1) if k % BATCHES]
    for done, some, few in look.found:
        assert some == (done - 1) // 3 * 3, done
        assert few == (done - 1) // (2 * BATCHES) * 2 * BATCHES, done
    # What is cut off is written to both.
    assert progress(often) == progress(rarely) == last
    for path in (often, rarely):
        assert train(Look(), Stop(), resume=path) == whole


def test_two_intervals_in_mini_batches(tmp_path):
    paths = [tmp_path / "4.npz", tmp_path / "7.npz"]
    look = Look(*paths)
    keepers = [Checkpoint(p, n, unit="mini_batches") for p, n in zip(paths, (4, 7), strict=True)]
    make().train((X, Y), 4, BATCH, callbacks=[*keepers, look])
    for done, fours, sevens in look.found:
        assert (fours, sevens) == ((done - 1) // 4 * 4, (done - 1) // 7 * 7), done
    assert [progress(path) for path in paths] == [4 * BATCHES] * 2


def test_where_nothing_else_cuts_the_epoch_the_checkpoints_do(tmp_path):
    """No callback has an interval; counts go on over epochs, and older files move on in order."""
    due = {4: [32, 28, 24, 20, 16], 7: [32, 28, 21, 14, 7]}
    alone, both = (
        {
            every: Checkpoint(tmp_path / f"{name}-{every}.npz", every, unit="mini_batches", keep=6)
            for every in due
        }
        for name in ("alone", "both")
    )
    for keeper in alone.values():
        make().train((X, Y), 4, BATCH, callbacks=keeper)
    make().train((X, Y), 4, BATCH, callbacks=list(both.values()))
    for every, wanted in due.items():
        for keeper in (alone[every], both[every]):
            assert [progress(path) for path in keeper.paths if os.path.exists(path)][:5] == wanted


def test_seconds_are_counted_from_the_last_write(tmp_path, monkeypatch):
    """By a clock that moves on by a second a mini-batch: writes come every third, over epochs."""
    path, now, found = tmp_path / "run.npz", [100.0], []

    class Tick(Callback):
        interval = 1

        def on_interval(self, network, epoch, mini_batch):
            now[0] += 1
            found.append(keeper.written)

    monkeypatch.setattr("fastnet.training.checkpoint.monotonic", lambda: now[0])
    keeper = Checkpoint(path, every=2.5, unit="seconds")
    make().train((X[:42], Y[:42]), 3, BATCH, callbacks=[Tick(), keeper])  # no short mini-batch
    assert found == [(k - 1) // 3 for k in range(1, 22)]
    assert keeper.written == 7


def test_the_files_that_are_kept_are_moved_on_once(tmp_path):
    """Where one training ends nothing is written twice: the older files are as old as they say."""
    path = tmp_path / "run.npz"
    keeper = Checkpoint(path, keep=3)
    make().train((X, Y), 5, BATCH, callbacks=keeper)
    assert [progress(name) // BATCHES for name in keeper.paths] == [5, 4, 3]
    assert keeper.written == 5
    make().train((X, Y), 5, BATCH, callbacks=Checkpoint(path, keep=3), resume=True)
    assert progress(path) == 5 * BATCHES


def test_two_names_of_one_file(tmp_path):
    """A process was killed between the two renamings: no file that is kept is lost by the next."""
    path = tmp_path / "run.npz"
    keeper = Checkpoint(path, keep=3)
    make().train((X, Y), 3, BATCH, callbacks=keeper)
    newest, older, oldest = keeper.paths
    assert [progress(name) // BATCHES for name in keeper.paths] == [3, 2, 1]
    os.replace(older, oldest)
    try:
        os.link(newest, older)
    except OSError:
        pytest.skip("os.link failed: this file system refuses hard links")
    again, twin = make(), make()
    again.train((X, Y), 4, BATCH, callbacks=Checkpoint(path, keep=3), resume=newest)
    assert [progress(name) // BATCHES for name in keeper.paths] == [4, 3, 2]
    assert sorted(os.listdir(tmp_path)) == ["run-1.npz", "run-2.npz", "run.npz"]
    twin.train((X, Y), 4, BATCH)
    np.testing.assert_array_equal(again.parameters, twin.parameters)


def test_where_hard_links_are_refused_the_older_file_is_a_copy(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    keeper = Checkpoint(tmp_path / "run.npz", keep=2)
    make().train((X, Y), 3, BATCH, callbacks=keeper)
    assert [progress(name) // BATCHES for name in keeper.paths] == [3, 2]
    assert sorted(os.listdir(tmp_path)) == ["run-1.npz", "run.npz"] and keeper.error is None


# --- what stops, and what fails ------------------------------------------------------------------


class StopAtOnce(Callback):
    """Asks for a stop when training begins."""

    def __init__(self, answer=True):
        self._answer, self._calls = answer, []

    def on_train_begin(self, network):
        self._calls.append("begin")
        return self._answer

    def on_train_end(self, network):
        self._calls.append("end")


@pytest.mark.parametrize("mini_batch", [0, 3])
def test_a_stop_asked_for_when_training_begins(mini_batch, tmp_path):
    """Nothing is trained: neither from the start, nor from a checkpoint, in an epoch or between."""
    path, net, data = tmp_path / "run.npz", make(), (X, Y)
    before = net.parameters.copy()
    stop = StopAtOnce()
    assert len(net.train(data, 3, BATCH, callbacks=stop)) == 0
    np.testing.assert_array_equal(net.parameters, before)
    assert stop._calls == ["begin", "end"] and net.history == []

    keeper = Checkpoint(path, 1, unit="mini_batches" if mini_batch else "epochs")
    if mini_batch:
        with pytest.raises(KeyboardInterrupt):
            make().train(data, 3, BATCH, callbacks=[StopAtOnce(None), keeper, Stop(1, mini_batch)])
    else:
        make().train(data, 1, BATCH, callbacks=[StopAtOnce(None), Stop(), keeper])
    kept = fastnet.load(path)
    again = make()
    stopping = StopAtOnce()
    history = again.train(data, 3, BATCH, callbacks=[stopping, Stop()], resume=path)
    np.testing.assert_array_equal(again.parameters, kept.parameters)
    assert history[:1] == kept.history == again.history[:1]
    assert len(history) == (2 if mini_batch else 1)  # an epoch that is stopped within is recorded


def test_a_cut_within_an_epoch_beyond_those_asked_for(tmp_path):
    path = tmp_path / "run.npz"
    keeper = Checkpoint(path, 1, unit="mini_batches")
    with pytest.raises(KeyboardInterrupt):
        make().train((X, Y), 5, BATCH, callbacks=[Stop(2, 3), keeper])
    for epochs in (0, 1, 2):
        net = make()
        before = net.parameters.copy(), str(net.rng.bit_generator.state)
        with pytest.raises(
            ValueError, match=f"2 epochs and part of another, and epochs is {epochs}"
        ):
            net.train((X, Y), epochs, BATCH, callbacks=Stop(), resume=path)
        np.testing.assert_array_equal(net.parameters, before[0])
        assert str(net.rng.bit_generator.state) == before[1] and net.history == []
    net, twin = make(), make()
    assert len(net.train((X, Y), 3, BATCH, callbacks=Stop(), resume=path)) == 3
    twin.train((X, Y), 3, BATCH)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def test_what_failed_once_and_then_succeeds_is_no_error(tmp_path, monkeypatch):
    path, real = tmp_path / "run.npz", os.replace
    failing, seen = [True], []

    def replace(source, target):
        if failing and target == str(path):
            failing.clear()
            raise OSError(5, "Input/output error")
        real(source, target)

    class See(Callback):
        def on_epoch_begin(self, network, epoch):
            seen.append((keeper.written, keeper.error and keeper.error.errno))

    monkeypatch.setattr(os, "replace", replace)
    keeper = Checkpoint(path)
    with pytest.warns(RuntimeWarning, match=r"run\.npz.*Input/output error"):
        make().train((X, Y), 3, BATCH, callbacks=[keeper, See()])
    assert seen == [(0, None), (0, 5), (1, None)]
    assert keeper.written == 2 and keeper.error is None
    assert progress(path) == 3 * BATCHES


def test_a_last_write_that_failed_is_tried_again_when_training_ends(tmp_path, monkeypatch):
    """The file of the last epoch is what a night was spent on."""
    path, real = tmp_path / "run.npz", os.replace
    calls = []

    def replace(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    keeper = Checkpoint(path)
    with pytest.warns(RuntimeWarning, match="No space left"):
        make().train((X, Y), 2, BATCH, callbacks=keeper)
    assert progress(path) == 2 * BATCHES and keeper.error is None


def nested(names, payload):
    """Local entries of a zip archive, each of which holds those that follow, as an array of bytes.

    Returns the bytes, and the directory's entries with the places counted from their start.
    """
    data, found = payload, []
    for name in reversed(names):
        file = io.BytesIO()
        np.save(file, np.frombuffer(data, np.uint8))
        content, encoded = file.getvalue(), f"{name}.npy".encode()
        sizes = struct.pack("<IIIHH", crc32(content), len(content), len(content), len(encoded), 0)
        before = b"\x14\0" + bytes(8)  # version 2.0; no flags, stored, no time
        data = b"PK\3\4" + before + sizes + encoded + content
        found.append((len(data), before, sizes, encoded))
    return data, [
        (len(data) - length, b"PK\1\2\x14\0" + before + sizes + bytes(10), encoded)
        for length, before, sizes, encoded in found
    ]


def with_nested(archive, names, payload):
    """The archive with members that share their bytes put in front of its own."""
    inner, entries = nested(names, payload)
    end = archive.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HII", archive, end + 10)
    directory = bytearray(archive[start : start + size])
    at = 0
    while at < size:  # its own members have moved on
        (place,) = struct.unpack_from("<I", directory, at + 42)
        struct.pack_into("<I", directory, at + 42, place + len(inner))
        at += 46 + sum(struct.unpack_from("<HHH", directory, at + 28))
    for place, fields, name in entries:
        directory += fields + struct.pack("<I", place) + name
    count += len(names)
    where = len(directory), len(inner) + start
    tail = struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, count, count, *where, 0)
    return inner + archive[:start] + bytes(directory) + tail


def test_members_that_share_their_bytes_are_refused(tmp_path):
    """A small file must not fill the memory: its arrays have no more bytes than it has."""
    path = tmp_path / "run.npz"
    make().train((X, Y), 1, BATCH, callbacks=Checkpoint(path))
    with np.load(path) as members:
        pieces = dict(members)
    header = json.loads(pieces["header"].tobytes())
    extra = [f"x{number}" for number in range(100)]
    header["training"]["arrays"] += extra
    pieces["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, **pieces)
    names = [f"training_{name}" for name in extra]
    spoilt = with_nested(file.getvalue(), names, bytes(20_000))
    assert len(spoilt) < 60_000 < 20_000 * len(extra)
    path.write_bytes(spoilt)
    # A zipfile as new as Python 3.13's sees it, too.
    with pytest.raises(ValueError, match=r"more than its \d+ bytes|[Oo]verlap") as caught:
        fastnet.load(path)
    assert str(path) in str(caught.value)
    # What shares nothing is read: the file is otherwise a sound one, with an array too much.
    pieces.update({f"training_{name}": np.zeros(2) for name in extra})
    np.savez(path, **pieces)
    with pytest.raises(ValueError, match="which this training does not have"):
        make().train((X, Y), 2, BATCH, resume=path)
