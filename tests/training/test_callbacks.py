"""Callbacks: which hooks are called when, what stops a training, and what History keeps of it."""

import copy
import json
import sys

import numpy as np
import pytest

import fastnet
from fastnet import Callback, EarlyStopping, History, RecordStatistics

from ..formulas import problem


class Diary(Callback):
    """Writes down every call, and answers what it is told to."""

    def __init__(self, name="", interval=0, answers=None):
        self.name = name
        self.interval = interval
        self.answers = answers or {}
        self.lines = []

    def note(self, *line):
        self.lines.append((self.name, *line) if self.name else line)
        return self.answers.get(line)

    def on_train_begin(self, network):
        return self.note("train begins")

    def on_epoch_begin(self, network, epoch):
        return self.note("epoch begins", epoch)

    def on_interval(self, network, epoch, mini_batch):
        return self.note("interval", epoch, mini_batch)

    def on_epoch_end(self, network, record):
        return self.note("epoch ends", record["epoch"])

    def on_train_end(self, network):
        self.note("train ends")


def train(callbacks, epochs=2, rows=20, batch=4, **options):
    """Train a small network; return it with what `train` returned."""
    net, X, labels, _ = problem(np.float64, rows=rows)
    options = {"shuffle": False, **options}
    return net, net.train((X, labels), epochs, batch, callbacks=callbacks, **options)


# --- hooks ---------------------------------------------------------------------------------------


def test_hooks_in_their_order():
    diary = Diary(interval=2)
    train(diary)
    assert diary.lines == [
        ("train begins",),
        ("epoch begins", 0),
        ("interval", 0, 2),
        ("interval", 0, 4),
        ("epoch ends", 0),
        ("epoch begins", 1),
        ("interval", 1, 2),
        ("interval", 1, 4),
        ("epoch ends", 1),
        ("train ends",),
    ]


def test_several_callbacks_are_called_in_turn():
    lines = []
    diaries = [Diary("one"), Diary("two")]
    for diary in diaries:
        diary.lines = lines
    train(diaries, epochs=1)
    hooks = [("train begins",), ("epoch begins", 0), ("epoch ends", 0), ("train ends",)]
    assert lines == [(name, *hook) for hook in hooks for name in ("one", "two")]


class Fails(Diary):
    """Raises where training ends, once it has noted that."""

    def on_train_end(self, network):
        super().on_train_end(network)
        raise ValueError(self.name)


def test_an_end_that_fails_keeps_no_other_from_its_end():
    diaries = [Diary("one"), Fails("two"), Diary("three"), Fails("four")]
    with pytest.raises(ValueError, match="two") as caught:
        train(diaries, epochs=1)
    assert [diary.lines[-1] for diary in diaries] == [(d.name, "train ends") for d in diaries]
    assert caught.value.__notes__ == [
        "and another callback's on_train_end raised ValueError('four')"
    ]


def test_an_end_that_fails_after_a_failure_says_both():
    with pytest.raises(ValueError, match="two") as caught:
        train([Fails("two")], shuffle=lambda rows: rows.clear())
    assert "not leave a permutation" in str(caught.value.__context__)


def test_the_empty_hooks_do_nothing():
    net, _ = train(Callback())
    twin, _ = train(())
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert net.history == twin.history


def test_epochs_are_counted_over_all_trainings():
    net, X, labels, _ = problem(np.float64)
    diary = Diary()
    for _ in range(2):
        net.train((X, labels), 2, 5, callbacks=[diary])
    assert [line[1] for line in diary.lines if line[0] == "epoch ends"] == [0, 1, 2, 3]
    assert net.history.column("epoch") == [0, 1, 2, 3]


@pytest.mark.parametrize("batch", [4, 7, 300, 1000])
@pytest.mark.parametrize("interval", [1, 2, 3, 5, 100])
def test_intervals_come_after_every_so_many_mini_batches(interval, batch):
    """Also where mini-batches are larger than the workspace; the short last one has no interval."""
    rows = 2000 if batch >= 300 else 60
    diary = Diary(interval=interval)
    train(diary, epochs=1, rows=rows, batch=batch)
    expected = list(range(interval, rows // batch + 1, interval))
    assert [line[2] for line in diary.lines if line[0] == "interval"] == expected


def test_two_intervals_side_by_side():
    two, three = Diary(interval=2), Diary(interval=3)
    train([two, three], epochs=1, rows=26, batch=2)
    assert [line[2] for line in two.lines if line[0] == "interval"] == [2, 4, 6, 8, 10, 12]
    assert [line[2] for line in three.lines if line[0] == "interval"] == [3, 6, 9, 12]


@pytest.mark.parametrize("batch", [5, 350])
def test_in_an_interval_the_parameters_are_those_of_the_moment(batch):
    rows = 1400 if batch == 350 else 20
    seen = []

    class Look(Callback):
        interval = 1

        def on_interval(self, network, epoch, mini_batch):
            seen.append(network.parameters.copy())

    train(Look(), epochs=1, rows=rows, batch=batch)
    net, X, labels, _ = problem(np.float64, rows=rows)
    for parameters, at in zip(seen, range(0, rows, batch), strict=True):
        net.partial_fit((X[at : at + batch], labels[at : at + batch]))
        np.testing.assert_allclose(parameters, net.parameters, rtol=1e-12, atol=1e-14)


# --- stopping ------------------------------------------------------------------------------------


def test_true_stops_where_it_is_said():
    """Before the first epoch, before an epoch's mini-batches, within an epoch, after one."""
    answers = {
        ("train begins",): 0,
        ("epoch begins", 1): 2,
        ("interval", 1, 2): 2,
        ("epoch ends", 1): 2,
    }
    for line, epochs in answers.items():
        diary = Diary(interval=2, answers={line: True})
        history = train(diary, epochs=5)[1]
        assert diary.lines[-1] == ("train ends",)
        stopped_at = diary.lines.index(line)
        later = [other[0] for other in diary.lines[stopped_at + 1 :]]
        assert "interval" not in later and "epoch begins" not in later
        assert len(history) <= epochs


def test_a_stop_within_an_epoch_keeps_what_was_trained():
    net, _ = train(Diary(interval=2, answers={("interval", 0, 2): True}))
    twin, X, labels, _ = problem(np.float64)
    for at in (0, 4):
        twin.partial_fit((X[at : at + 4], labels[at : at + 4]))
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-13, atol=1e-15)


def test_an_epoch_that_was_cut_short_is_measured_over_what_was_trained():
    """The running metrics are means over the examples that were seen, not over all."""
    stop = Diary(interval=2, answers={("interval", 0, 2): True})
    history = train(stop, metrics=["running_cost"])[1]
    whole = train((), epochs=1, metrics=["running_cost"])[1]
    net, X, labels, _ = problem(np.float64)
    costs = []
    for at in (0, 4):
        costs.append(net.total_cost((X[at : at + 4], labels[at : at + 4]), 0.0))
        net.partial_fit((X[at : at + 4], labels[at : at + 4]))
    assert history[0]["running_cost"] == pytest.approx(np.mean(costs))
    assert whole[0]["running_cost"] != pytest.approx(np.mean(costs))


@pytest.mark.parametrize("answer", [None, False, 0, "", "yes", 1, [1]])
def test_nothing_but_true_stops(answer):
    """A hook may return whatever it has at hand; only True is a word to stop."""
    diary = Diary(answers={("epoch ends", 0): answer})
    assert len(train(diary, epochs=3)[1]) == 3


@pytest.mark.parametrize("answer", [True, np.True_, np.array([3])[0] > 2])
def test_numpys_true_stops_as_well(answer):
    diary = Diary(answers={("epoch ends", 0): answer})
    assert len(train(diary, epochs=3)[1]) == 1


def test_one_of_several_is_enough_and_all_are_heard():
    stop, other = Diary(answers={("epoch ends", 0): True}), Diary()
    train([stop, other], epochs=3)
    assert other.lines[-2:] == [("epoch ends", 0), ("train ends",)]


class Breakdown(Callback):
    """Raises in the middle of an epoch."""

    interval = 2

    def __init__(self, error, at):
        self.error = error
        self.at = at

    def on_interval(self, network, epoch, mini_batch):
        if (epoch, mini_batch) == self.at:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("mine")])
def test_an_exception_leaves_everything_usable(error):
    """The parameters of the last mini-batch, the history of the epochs before, the lock free."""
    net, X, labels, _ = problem(np.float64)
    diary = Diary()
    with pytest.raises(type(error)):
        net.train(
            (X, labels), 5, 4, optimizer="adam", shuffle=False, metrics="training_cost",
            callbacks=[Breakdown(error, (2, 4)), diary],
        )  # fmt: skip
    assert diary.lines[-1] == ("train ends",)
    assert net.history.column("epoch") == [0, 1]
    assert net.history == History.from_json(net.history.to_json())
    twin, *_ = problem(np.float64)
    twin.train((X, labels), 2, 4, optimizer="adam", shuffle=False, metrics="training_cost")
    assert net.history == twin.history
    for at in range(0, 16, 4):
        twin.partial_fit((X[at : at + 4], labels[at : at + 4]))
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-14)
    # The optimizer's state is that of the moment too, so that one can go on.
    for network in (net, twin):
        network.train((X, labels), 1, 4, shuffle=False)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-14)


def test_an_interrupt_from_progress_leaves_everything_usable():
    net, X, labels, _ = problem(np.float64)
    calls = []

    def progress(done, total):
        calls.append((done, total))
        if done >= 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.train((X, labels), 5, 4, shuffle=False, progress=progress)
    assert calls[-1][1] == 25
    assert net.history.column("epoch") == [0]
    assert net.train((X, labels), 1, 4)[0]["epoch"] == 1


# --- early stopping ------------------------------------------------------------------------------


def train_on_scores(scores, stop, name="score"):
    """Train with a metric of given values; return the network and its parameters by epoch."""
    values, parameters = iter(scores), []

    def score(network):
        parameters.append(network.parameters.copy())
        return next(values)

    score.__name__ = name
    net, X, labels, _ = problem(np.float64)
    net.train((X, labels), len(scores), 5, metrics=[score], callbacks=stop, shuffle=False)
    return net, parameters


@pytest.mark.parametrize(
    ("scores", "patience", "min_delta", "epochs", "best"),
    [
        ([1, 2, 3, 4, 5], 1, 0, 5, 4),
        ([5, 4, 6, 5, 6, 6, 9], 3, 0, 6, 2),
        ([5, 5, 5, 5, 5, 5], 3, 0, 4, 0),
        ([5, 4, 3, 6], 2, 0, 3, 0),
        ([1, 1.5, 2, 2.5, 3, 3.5], 2, 0.6, 6, 4),
        ([1, 1.5, 1.9, 2.2, 9], 2, 1.5, 3, 0),
        ([-3, -1, -2, -2], 2, 0, 4, 1),
        ([-3], 1, 5, 1, 0),
    ],
)
def test_early_stopping_by_hand(scores, patience, min_delta, epochs, best):
    stop = EarlyStopping(patience, "score", min_delta)
    net, parameters = train_on_scores(scores, stop)
    assert len(net.history) == epochs
    assert stop.best_epoch == best
    assert stop.best == scores[best]
    np.testing.assert_array_equal(net.parameters, parameters[best])


def test_early_stopping_on_a_cost():
    """Where the name ends in "cost", less is better; min_delta is a difference all the same."""
    stop = EarlyStopping(2, "my_cost", min_delta=0.25)
    net, parameters = train_on_scores([5, 4, 3.9, 3.7, 3.6, 3.6, 1], stop, "my_cost")
    assert (len(net.history), stop.best_epoch, stop.best) == (6, 3, 3.7)
    np.testing.assert_array_equal(net.parameters, parameters[3])


def test_early_stopping_can_leave_the_last_parameters():
    stop = EarlyStopping(2, "score", restore_best=False)
    net, parameters = train_on_scores([5, 4, 3, 6], stop)
    np.testing.assert_array_equal(net.parameters, parameters[2])
    assert stop.best_epoch == 0


def test_the_best_parameters_come_back_without_a_stop_and_after_an_exception():
    net, parameters = train_on_scores([5, 9, 3, 4], EarlyStopping(10, "score"))
    np.testing.assert_array_equal(net.parameters, parameters[1])
    stop = EarlyStopping(10, "training_cost")
    net, X, labels, _ = problem(np.float64)
    with pytest.raises(KeyboardInterrupt):
        net.train(
            (X, labels), 5, 4, shuffle=False, metrics="training_cost",
            callbacks=[stop, Breakdown(KeyboardInterrupt(), (3, 4))],
        )  # fmt: skip
    twin, *_ = problem(np.float64)
    twin.train((X, labels), stop.best_epoch + 1, 4, shuffle=False)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize("monitor", ["evaluation_accuracy", "evaluation_cost"])
def test_early_stopping_on_evaluation_data(monitor):
    """The epoch that it goes back to is the best of the whole history."""
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 8)), rng.integers(0, 3, 60)
    net = fastnet.Network([8, 30, 3], rng=1)
    stop = EarlyStopping(patience=10, monitor=monitor)
    net.train(
        (X[:30], y[:30]), 2000, 5, optimizer=fastnet.Adam(0.01), callbacks=stop,
        evaluation_data=(X[30:], y[30:]),
    )  # fmt: skip
    column = net.history.column(monitor)
    assert 11 < len(column) < 2000
    best = int(np.argmin(column) if monitor.endswith("cost") else np.argmax(column))
    assert (stop.best_epoch, stop.best) == (best, column[best])
    assert len(column) == best + 11
    evaluation = (X[30:], y[30:])
    again = (
        net.total_cost(evaluation, 0.0)
        if monitor.endswith("cost")
        else net.accuracy(evaluation) / 30
    )
    assert again == column[best]


def test_early_stopping_forgets_the_training_before():
    stop = EarlyStopping(2, "score")
    train_on_scores([9, 8, 7], stop)
    net, parameters = train_on_scores([1, 2, 1, 1], stop)
    assert (stop.best_epoch, stop.best) == (1, 2)
    np.testing.assert_array_equal(net.parameters, parameters[1])


def test_state_is_taken_along():
    stop = EarlyStopping(5, "score")
    train_on_scores([5, 6, 4], stop)
    twin = EarlyStopping(5, "score")
    twin.set_state(copy.deepcopy(stop.get_state()))
    assert (twin.best_epoch, twin.best, twin.waited) == (1, 6, 1)
    np.testing.assert_array_equal(twin.best_parameters, stop.best_parameters)


@pytest.mark.parametrize(
    "best", [np.float64(3.0), np.array(3.0), np.eye(2), np.array([1.0, np.nan]), [1.0, 2.0], "x"]
)
def test_best_parameters_that_are_no_vector_of_finite_numbers_are_refused(best):
    stop = EarlyStopping(5, "score")
    train_on_scores([5, 6, 4], stop)
    before = stop.get_state()
    with pytest.raises(ValueError, match="not a vector of finite numbers"):
        stop.set_state({**before, "best_epoch": 0, "best_parameters": best})
    assert stop.best_epoch == 1
    np.testing.assert_array_equal(stop.best_parameters, before["best_parameters"])


@pytest.mark.parametrize("callback", [EarlyStopping(), EarlyStopping(monitor="score")])
def test_what_is_not_measured_cannot_be_watched(callback):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    with pytest.raises(ValueError) as caught:
        net.train((X, labels), 3, 5, callbacks=callback, metrics="training_cost")
    said = str(caught.value)
    assert "EarlyStopping" in said and "is recorded" in said.replace("not recorded", "is recorded")
    assert "only training_cost" in said and (callback.monitor or "nothing to monitor") in said
    np.testing.assert_array_equal(net.parameters, before)
    assert net.history == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EarlyStopping(patience=0), "patience is 0"),
        (lambda: EarlyStopping(patience=2.0), "patience is 2.0"),
        (lambda: EarlyStopping(min_delta=-0.1), "min_delta is -0.1"),
        (lambda: RecordStatistics(np.eye(2), interval=-1), "interval is -1"),
    ],
)
def test_bad_arguments_are_refused(make, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert said in str(caught.value)


@pytest.mark.parametrize("given", [3, [Callback], [None], "EarlyStopping", lambda record: True])
def test_what_is_no_callback_is_refused(given):
    net, X, labels, _ = problem(np.float64)
    with pytest.raises(TypeError) as caught:
        net.train((X, labels), 1, 5, callbacks=given)
    assert "callbacks" in str(caught.value)
    assert net.history == []


@pytest.mark.parametrize("interval", [-1, 2.5, "often"])
def test_an_interval_that_is_no_count_is_refused(interval):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    with pytest.raises((TypeError, ValueError)) as caught:
        net.train((X, labels), 1, 5, callbacks=Diary(interval=interval))
    assert "interval" in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)


# --- History -------------------------------------------------------------------------------------


def test_what_a_callback_adds_stands_in_the_history():
    class Add(Callback):
        def on_epoch_end(self, network, record):
            record["norm"] = float(np.linalg.norm(network.weights[0]))

    net, history = train(Add(), metrics=["training_cost", "training_accuracy"])
    assert list(history[0]) == ["epoch", "eta", "training_cost", "training_accuracy", "norm"]
    assert history[-1]["norm"] == float(np.linalg.norm(net.weights[0]))
    assert all(type(value) in (int, float) for record in history for value in record.values())


def test_history_is_json_and_back():
    history = train((), epochs=3, metrics=["training_cost", "running_accuracy"])[1]
    text = history.to_json()
    assert json.loads(text) == {"version": 2, "records": list(history)}
    again = History.from_json(text)
    assert type(again) is History and again == history
    assert again.column("training_cost") == [record["training_cost"] for record in history]
    assert again.column("nothing") == []


@pytest.mark.parametrize("text", ["{}", "[1]", "nonsense", '{"epoch": 0}', ""])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError):
        History.from_json(text)


def test_history_is_a_frame():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    history = train((), epochs=3, metrics=["training_cost", "training_accuracy"])[1]
    frame = history.to_frame()
    expected = pandas.DataFrame(
        {
            name: history.column(name)
            for name in ("epoch", "eta", "training_cost", "training_accuracy")
        }
    )
    pandas.testing.assert_frame_equal(frame, expected)
    assert len(History().to_frame()) == 0


def test_without_pandas_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError) as caught:
        History([{"epoch": 0}]).to_frame()
    assert "pip install pandas" in str(caught.value)


def test_train_returns_its_own_epochs_and_the_network_keeps_all():
    net, X, labels, _ = problem(np.float64)
    first, second = (net.train((X, labels), n, 5) for n in (2, 3))
    assert (first.column("epoch"), second.column("epoch")) == ([0, 1], [2, 3, 4])
    assert net.history == [*first, *second]


# --- RecordStatistics ----------------------------------------------------------------------------


def test_statistics_are_those_of_the_moment():
    net, X, labels, _ = problem(np.float64)
    start = net.layer_statistics(X, labels)
    watch = RecordStatistics(X, labels, interval=2)
    history = net.train((X, labels), 2, 5, callbacks=watch)
    places = [(record["epoch"], record["mini_batch"]) for record in watch.records]
    assert places == [(0, 0), (0, 2), (0, 4), (1, 0), (1, 2), (1, 4), (2, 0)]
    assert watch.records[0]["layers"] == start
    assert watch.records[-1]["layers"] == net.layer_statistics(X, labels) == history[-1]["layers"]
    assert History.from_json(history.to_json()) == history


@pytest.mark.parametrize(
    "value", [None, "text", np.ones(3), 1j, [1], 10**400], ids=lambda v: type(v).__name__
)
@pytest.mark.parametrize("watcher", ["EarlyStopping", "HalveOnPlateau"])
def test_a_metric_that_is_watched_must_be_a_number(watcher, value):
    """The message names the metric, or who watches it."""

    def mine(network):
        return value

    net = fastnet.Network([3, 2], rng=0)
    watch = {"callbacks": fastnet.EarlyStopping(monitor="mine")}
    if watcher == "HalveOnPlateau":
        watch = {"schedule": fastnet.schedules.HalveOnPlateau(monitor="mine")}
    with pytest.raises((TypeError, ValueError), match=r"\bmine\b|\bmonitor\b"):
        net.train((np.zeros((9, 3)), np.arange(9) % 2), 2, metrics=[mine], **watch)
