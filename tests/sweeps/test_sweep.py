"""`fastnet.sweep`: seeds, failures, progress, data sent to workers, results, refusals."""

import concurrent.futures as cf
import json
import os
import pickle
import sys
import threading
import time

import numpy as np
import pytest

import fastnet
from fastnet.common import threads
from fastnet.sweeps import Outcome, SweepResult, grid, report, stream, sweep
from fastnet.sweeps.payload import pack, write_payload

from ..container import contain

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = X, np.array([0, 1, 1, 0])


def build(data, rng, hidden=3, eta=1.0, epochs=2):
    """Train on the four corners."""
    net = fastnet.Network([2, hidden, 2], rng=rng)
    net.train(data, epochs, 2, optimizer=fastnet.SGD(eta), metrics="training_cost", progress=report)
    return net


def measure(data, rng, **configuration):
    """Return what was given, and a number that depends on the seed."""
    return {"drawn": float(rng.random()), **configuration}


def name_thread(data, rng):
    """Return the name of the thread that this runs in, slowly enough for all to have one."""
    time.sleep(0.05)
    return {"thread": threading.current_thread().name}


def corners():
    return XOR


class Posting(cf.ThreadPoolExecutor):
    """An executor that pickles arguments and results, as if its workers were on other machines."""

    def __init__(self, workers=2):
        super().__init__(workers)
        self.sent = []

    def submit(self, function, /, *args):
        self.sent.append(pickle.dumps((function, args)))
        return super().submit(self._work, self.sent[-1])

    @staticmethod
    def _work(sent):
        function, args = pickle.loads(sent)
        return pickle.loads(pickle.dumps(function(*args)))


class Elsewhere(cf.Executor):
    """`Posting`, without being a ThreadPoolExecutor."""

    def __init__(self):
        self.pool = Posting()

    def submit(self, function, /, *args):
        return self.pool.submit(function, *args)


@pytest.fixture
def elsewhere():
    executor = Elsewhere()
    yield executor
    executor.pool.shutdown()


def parameters(result):
    return [outcome.network.parameters.tobytes() for outcome in result]


def test_each_network_is_what_the_public_api_gives_from_the_same_seed():
    result = sweep(build, grid(hidden=[1, 4], eta=[0.5, 2.0]), XOR, seeds=3, seed=7)
    assert len(result) == 12
    assert [o.repetition for o in result] == [0, 1, 2] * 4
    for outcome in result:
        child = np.random.SeedSequence(7).spawn(3)[outcome.repetition]
        net = build(XOR, np.random.default_rng(child), **outcome.configuration)
        assert outcome.network.parameters.tobytes() == net.parameters.tobytes()
        assert outcome.history == net.history
        assert outcome.network.history == net.history
        assert outcome.measures == net.history[-1]
        assert outcome.network.activations == net.activations
    assert len(set(parameters(result))) == 12


def test_what_is_drawn_first_does_not_depend_on_how_many_follow():
    few, many = (sweep(measure, [{}], seeds=n).to_frame()["drawn"].tolist() for n in (2, 5))
    assert few == many[:2]
    assert len(set(many)) == 5
    assert sweep(measure, [{}], seeds=2, seed=1).to_frame()["drawn"].tolist() != few


def test_the_number_of_threads_changes_nothing(elsewhere):
    results = [sweep(build, grid(eta=[0.5, 1.0]), XOR, seeds=4, threads=n) for n in (1, 3)]
    results.append(sweep(build, grid(eta=[0.5, 1.0]), XOR, seeds=4, executor=elsewhere))
    with cf.ThreadPoolExecutor(2) as pool:
        results.append(sweep(build, grid(eta=[0.5, 1.0]), XOR, seeds=4, executor=pool))
    assert len({tuple(parameters(result)) for result in results}) == 1
    assert len({json.dumps([o.history for o in result]) for result in results}) == 1


def count_threads(data, rng):
    return {"threads": fastnet.get_num_threads()}


def test_a_training_has_one_thread_whatever_the_process_allows(monkeypatch, elsewhere):
    monkeypatch.setenv("FASTNET_NUM_THREADS", "3")
    assert fastnet.get_num_threads() == 3
    for executor in (None, elsewhere):
        found = sweep(count_threads, [{}], XOR, seeds=2, executor=executor)
        assert [outcome.measures["threads"] for outcome in found] == [1, 1]
    assert fastnet.get_num_threads() == 3


def test_trainings_run_at_the_same_time():
    barrier = threading.Barrier(3)

    def meet(data, rng):
        barrier.wait(timeout=300)
        return {}

    assert not sweep(meet, [{}], seeds=3, threads=3).failed


def test_as_many_trainings_run_at_a_time_as_the_quota_of_the_container_has_cores(
    monkeypatch, tmp_path
):
    contain(tmp_path, {"cpu.max": "200000 100000"})
    monkeypatch.setattr(threads, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    names = {outcome.measures["thread"] for outcome in sweep(name_thread, [{}], seeds=8)}
    assert names == {"fastnet-sweep_0", "fastnet-sweep_1"}


def test_a_failure_is_reported_with_its_configuration_while_the_others_finish():
    def fail(data, rng, x):
        if x == 1:
            raise KeyError("x")
        if x == 2:
            sys.exit("enough")
        if x == 3:
            return "a string"
        if x == 4:
            return {"what": {1, 2}}
        return {"x": x}

    result = sweep(fail, grid(x=range(6)))
    assert [o.measures.get("x") for o in result] == [0, None, None, None, None, 5]
    assert [o.error for o in result.failed[:2]] == ["KeyError: 'x'", "SystemExit: enough"]
    assert isinstance(result[1].exception, KeyError)
    assert "in fail" in result[1].trace
    assert "expected a Network, its History, a dict" in result[3].error
    assert "measures['what'] is {1, 2}, which JSON cannot express" in result[4].error
    frame = result.to_frame()
    assert frame["x"].tolist() == list(range(6))
    assert frame["error"].iloc[0] == ""
    assert repr(result) == "SweepResult(6 trainings, 4 failed)"


class UnsendableError(Exception):
    def __init__(self, one, two):
        super().__init__(one)
        self.lock = threading.Lock()  # which no pickle holds, whoever has taught it exceptions


def test_an_error_that_cannot_be_pickled_is_reported_as_text():
    def fail(data, rng):
        raise UnsendableError("lost", 2)

    (outcome,) = sweep(fail, [{}])
    assert (outcome.error, outcome.exception) == ("UnsendableError: lost", None)


def test_the_frame_is_tidy():
    result = sweep(build, grid(hidden=[1, 2], eta=[0.5]), XOR, seeds=2)
    frame = result.to_frame()
    columns = ["hidden", "eta", "repetition", "epoch", "training_cost"]
    assert list(frame) == [*columns, "seconds", "error"]
    assert frame["hidden"].tolist() == [1, 1, 2, 2]
    assert frame["training_cost"].tolist() == [o.history[-1]["training_cost"] for o in result]
    epochs = result.to_frame(epochs=True)
    assert list(epochs) == columns
    assert epochs["epoch"].tolist() == [0, 1] * 4
    assert epochs["training_cost"].tolist()[2:4] == result[1].history.column("training_cost")


def test_cells_of_the_frame_are_plain():
    configurations = [
        {"sizes": (784, 30, 10), "initializer": len, "eta": np.float64(0.5), "more": {1}},
        {"sizes": [784, 10], "initializer": "large", "eta": 1, "more": fastnet.SGD},
    ]
    records = [{"eta": 0.5, "error": 0.1, "repetition": 0}, {"eta": 0.25, "error": 0.2}]
    frame = SweepResult(
        Outcome(i, configurations[i], 0, records[i], error="boom" * i) for i in (0, 1)
    ).to_frame()
    assert frame.to_dict("list") == {
        "sizes": ["784-30-10", "784-10"],
        "initializer": ["len", "large"],
        "eta": [0.5, 1],
        "more": ["{1}", "SGD"],
        "repetition": [0, 0],
        "eta_measured": [0.5, 0.25],
        "error_measured": [0.1, 0.2],
        "seconds": [0, 0],
        "error": ["", "boom"],
    }


def test_without_pandas_the_frame_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        SweepResult([Outcome(0, {}, 0)]).to_frame()


def test_results_arrive_as_they_finish():
    go = threading.Event()

    def wait(data, rng, slow):
        if slow:
            assert go.wait(30)
        return {}

    outcomes = stream(wait, [{"slow": True}, {"slow": False}], threads=2)
    assert next(outcomes).index == 1
    go.set()
    assert next(outcomes).index == 0
    seen = []
    result = sweep(measure, [{}], seeds=3, on_outcome=seen.append)
    assert sorted(outcome.index for outcome in seen) == [0, 1, 2]
    assert all(outcome in seen for outcome in result)


@pytest.mark.usefixtures("_nothing_hangs")
def test_leaving_a_stream_stops_what_runs_and_drops_the_rest():
    begun = []

    def endless(data, rng, epochs):
        begun.append(epochs)
        return build(data, rng, epochs=epochs)

    before = threading.active_count()
    outcomes = stream(endless, [{"epochs": 1}, *[{"epochs": 10**9}] * 20], XOR, threads=1)
    assert next(outcomes).index == 0
    outcomes.close()
    assert len(begun) <= 2
    assert threading.active_count() == before


def test_progress_counts_networks_and_the_parts_of_those_that_run():
    calls, seen = [], threading.Event()

    def half(data, rng):
        report(1, 2)
        assert seen.wait(30)
        return {}

    def progress(*call):
        calls.append(call)
        if call == (1.0, 2):  # both are half done
            seen.set()

    assert not sweep(half, [{}], seeds=2, threads=2, progress=progress).failed
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert done[-1] == 2
    report(1, 2)  # outside of a sweep: nothing


def test_data_come_once_and_read_only_and_tasks_are_small(elsewhere):
    data = {"X": np.ones((1000, 500)), "y": np.arange(1000)}  # 4 MB

    def told(data, rng):
        return {"writeable": data["X"].flags.writeable, "sum": data["X"].sum()}

    for executor in (None, elsewhere):
        result = sweep(told, [{}], data, seeds=20, executor=executor)
        assert [o.measures for o in result] == [{"writeable": False, "sum": 500_000.0}] * 20
    assert len(elsewhere.pool.sent) == 20
    assert max(map(len, elsewhere.pool.sent)) < 600
    assert data["X"].flags.writeable


def test_a_function_for_data_is_called_once_a_worker(elsewhere):
    calls = []

    def load():
        calls.append(1)
        return XOR

    assert not sweep(build, [{}], load, seeds=3).failed
    assert calls == [1]
    assert not sweep(build, [{}], corners, seeds=3, executor=elsewhere).failed


class Telltale:
    """Executes something when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.write_text, ("executed",)


@pytest.mark.parametrize("place", ["head", "index", "end"])
def test_a_file_that_somebody_changed_is_not_unpickled(tmp_path, place):
    """The folder may be one that others write to."""
    mapped = write_payload(pack(measure, np.arange(1000.0)), tmp_path / "payload")
    told = tmp_path / "told"
    bad = pickle.dumps(Telltale(told))
    whole = bytearray((tmp_path / "payload").read_bytes())
    if place == "head":
        whole[: len(bad)] = bad
    elif place == "index":  # the evil is where the index says that the head is
        whole[mapped.index :] = json.dumps([[0], [len(bad)]]).encode()
        whole[: len(bad)] = bad
    else:
        del whole[mapped.index :]
    (tmp_path / "payload").write_bytes(whole)
    with pytest.raises(ValueError, match="payload was changed after the sweep wrote it"):
        mapped.load()
    assert not told.exists()


def test_an_array_in_a_file_goes_by_its_name(tmp_path):
    whole = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(5000, 100))
    whole[:] = np.arange(500_000).reshape(5000, 100)
    whole.flush()
    part = np.memmap(tmp_path / "rows", np.float32, "r", 400, (4000, 100))
    views = [whole, part, part[10:20], whole[::7, 3:], np.asarray(whole)[5], whole.T, whole[::-1]]
    payload = pack(measure, views)
    assert payload.nbytes == 0
    assert len(payload.pickled) < whole.nbytes + 8000  # that which runs backward, and no other
    _, arrived = write_payload(payload, tmp_path / "payload").load()
    for view, array in zip(views, arrived, strict=True):
        assert np.array_equal(view, array)
    assert not arrived[0].flags.writeable
    assert len(pack(measure, views[:-1]).pickled) < 8000


def total(data, rng):
    """Return the sum of the data."""
    return {"total": float(data.sum())}


def test_what_was_written_into_a_copy_on_write_map_is_sent(elsewhere, tmp_path):
    np.ones(1000).tofile(tmp_path / "rows")
    rows = np.memmap(tmp_path / "rows", np.float64, "c")
    rows[0] = 7
    for data in (rows, np.asarray(rows)):
        for executor in (None, elsewhere):
            (outcome,) = sweep(total, [{}], data, executor=executor)
            assert outcome.measures == {"total": 1006.0}


def test_a_folder_that_workers_do_not_see_ends_the_sweep(elsewhere, tmp_path, monkeypatch):
    from fastnet.sweeps import executors

    def lost(payload, path):
        mapped = write_payload(payload, path)
        path.unlink()
        return mapped

    monkeypatch.setattr(executors, "write_payload", lost)
    with pytest.raises(FileNotFoundError, match="give sweep a scratch= folder that all workers"):
        sweep(build, [{}], XOR, seeds=3, executor=elsewhere, scratch=tmp_path)
    assert not list(tmp_path.iterdir())


def crash(data, rng, x):
    """End the worker itself, once."""
    import os

    if x == 1:
        os._exit(3)
    return {"x": x}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork among threads
def test_a_broken_pool_is_reported_and_a_restart_continues(tmp_path):
    with cf.ProcessPoolExecutor(1) as pool:
        result = sweep(crash, grid(x=[0, 1, 2]), executor=pool, store=tmp_path)
    assert result[0].measures == {"x": 0}
    assert all(outcome.error.startswith("BrokenProcessPool") for outcome in result[1:])
    again = sweep(crash, grid(x=[0, 2]), store=tmp_path)
    assert [(o.restored, o.measures["x"]) for o in again] == [(True, 0), (False, 2)]


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"build": 3}, TypeError, "build is 3; give a function"),
        ({"configurations": {"a": 1}}, TypeError, "configurations is of type dict"),
        ({"configurations": 3}, TypeError, "configurations is of type int"),
        ({"configurations": []}, ValueError, "configurations is empty"),
        ({"configurations": [3]}, TypeError, "configuration 0 is 3; expected a dict"),
        ({"configurations": [{}, {1: 2}]}, TypeError, "configuration 1 is {1: 2}"),
        ({"executor": 3}, TypeError, "executor is int"),
        ({"executor": cf.ThreadPoolExecutor}, TypeError, "executor is ThreadPoolExecutor"),
        ({"executor": cf.ThreadPoolExecutor(1), "threads": 1}, ValueError, "the executor has"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"seeds": 0}, ValueError, "seeds is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 0.5}, TypeError, "seed is 0.5"),
        ({"progress": 3}, TypeError, "progress is 3"),
    ],
)
def test_what_cannot_be_swept_is_refused_at_once(options, error, sentence):
    asked = {"build": build, "configurations": [{}], "data": XOR} | options
    with pytest.raises(error) as caught:
        stream(asked.pop("build"), asked.pop("configurations"), asked.pop("data"), **asked)
    assert sentence in str(caught.value)


def test_what_cannot_be_sent_is_refused(elsewhere, monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(TypeError, match="with def at the top of a module, or install cloudpickle"):
        sweep(lambda data, rng: {}, [{}], XOR, executor=elsewhere)
    with pytest.raises(TypeError, match="data cannot be sent to workers"):
        sweep(measure, [{}], [threading.Lock()], executor=elsewhere)
    assert not sweep(lambda data, rng: {}, [{}], [threading.Lock()]).failed


def test_grid():
    assert grid() == [{}]
    with pytest.raises(TypeError, match="eta is 3; give a list"):
        grid(eta=3)
