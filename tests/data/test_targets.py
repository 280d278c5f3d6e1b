"""What targets mean: which are refused, what kind they are, and what is counted as right."""

import contextlib
import io
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import fastnet
from fastnet import Network, network2
from fastnet.data.targets import facts_of

#: cost, output, targets of two units that have no meaning for it, and what the message says.
BAD = {
    "cross-entropy, 2": ("cross_entropy", "sigmoid", [[0, 1], [0, 2]], "contains 2.0 in row 1"),
    "cross-entropy, -1": ("cross_entropy", "sigmoid", [[0, 1], [-1, 1]], "contains -1.0 in row 1"),
    "quadratic, sigmoid": ("quadratic", "sigmoid", [[0, 1], [0, 1.5]], "output='identity'"),
    "quadratic, tanh": ("quadratic", "tanh", [[0, 1], [0, -3]], "from -1 to 1"),
    "quadratic, relu": ("quadratic", "relu", [[0, 1], [0, -3]], "of 0 or more"),
    "quadratic, softmax": ("quadratic", "softmax", [[0, 1], [0.3, 0.3]], "row 1 sums to 0.6"),
    "several ones": ("log_likelihood", "softmax", [[0, 1], [1, 1]], "row 1 sums to 2"),
    "a bit too much": ("log_likelihood", "softmax", [[0, 1], [0.5, 0.502]], "row 1 sums to 1.002"),
    "below 0": ("log_likelihood", "softmax", [[0, 1], [1.5, -0.5]], "contains -0.5 in row 1"),
    "negative counts": ("poisson", "exponential", [[0, 1], [3, -1]], "contains -1.0 in row 1"),
}


def statistics(net, X, y):
    net.train((X, np.full((2, 2), 0.5)), 1, callbacks=fastnet.RecordStatistics(X, y))


#: Every way that targets come in.
ENTRANCES = {
    "train": lambda net, X, y: net.train((X, y), 1),
    "train, pairs": lambda net, X, y: net.train(
        [(x.reshape(-1, 1), t.reshape(-1, 1)) for x, t in zip(X, y, strict=True)], 1
    ),
    "SGD": lambda net, X, y: net.SGD((X, y), 1, 2, 0.1),
    "evaluation_data": lambda net, X, y: net.train(
        (X, np.full((2, 2), 0.5)), 1, evaluation_data=(X, y)
    ),
    "update_mini_batch": lambda net, X, y: net.update_mini_batch((X, y), 0.1, 0.0, 2),
    "partial_fit": lambda net, X, y: net.partial_fit((X, y)),
    "backprop": lambda net, X, y: net.backprop(X, y),
    "backprop again": lambda net, X, y: (
        net.backprop(X, np.full((2, 2), 0.5, net.dtype)),
        net.backprop(X.astype(net.dtype), y.astype(net.dtype)),
    ),
    "check_gradient": fastnet.check_gradient,
    "Batches": lambda net, X, y: net.train(fastnet.Batches(lambda: iter([(X, y)])), 1),
    "Batches of arrays": lambda net, X, y: net.train(
        fastnet.Batches.from_arrays(X, y, rows=1), 1, shuffle=False
    ),
    "total_cost": lambda net, X, y: net.total_cost((X, y), 0.0),
    "accuracy": lambda net, X, y: net.accuracy((X, y)),
    "prepare": lambda net, X, y: net.prepare((X, y)),
    "layer_statistics": lambda net, X, y: net.layer_statistics(X, y),
    "RecordStatistics": statistics,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_targets_without_a_meaning_are_refused_at_every_entrance(entrance, bad, dtype):
    cost, output, y, said = BAD[bad]
    net = Network([3, 4, 2], cost, output=output, rng=0, dtype=dtype)
    before, kind = net.parameters.tobytes(), net.kind
    X = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
    with pytest.raises(ValueError) as error:
        ENTRANCES[entrance](net, X, np.array(y, dtype=float))
    if entrance == "Batches of arrays":  # rows are counted from the block's first
        said = said.replace("row 1", "row 0")
    assert said in str(error.value)
    if entrance != "Batches of arrays":  # whose second block is seen in the middle of an epoch
        assert (net.kind, net.history) == (kind, [])
    assert net.parameters.tobytes() == before


def test_a_bad_target_in_the_last_row_of_many_is_found():
    y = np.zeros((5000, 3))
    y[-1, 2] = 1.01
    with pytest.raises(ValueError, match=r"contains 1\.01 in row 4999"):
        Network([2, 3], rng=0).train((np.zeros((5000, 2)), y), 1)


@pytest.mark.parametrize("labels", [(1, 2), (-1, 1), (0, 2)])
def test_two_classes_of_one_unit_are_0_and_1(labels):
    y = np.array(labels)[np.arange(6) % 2]
    with pytest.raises(ValueError, match="Give two classes as 0 and 1"):
        Network([2, 1], rng=0).train((np.zeros((6, 2)), y), 1)


@pytest.mark.parametrize(
    ("cost", "output", "y"),
    [
        ("cross_entropy", "sigmoid", [[0.0, 1.0], [0.3, 1 + 2e-16]]),
        ("log_likelihood", "softmax", [[0.0, 1.0], [0.3, 0.7005]]),
        ("poisson", "exponential", [[0.0, 1e6], [3.0, 0.0]]),
        ("quadratic", "tanh", [[-1.0, 1.0], [0.3, 0.0]]),
        ("quadratic", "relu", [[0.0, 1e6], [0.3, 0.0]]),
        ("quadratic", "leaky_relu", [[-1e6, 1e6], [0.3, 0.0]]),
        ("quadratic", "identity", [[-1e6, 1e6], [0.3, 0.0]]),
    ],
)
def test_targets_with_a_meaning_are_taken(cost, output, y):
    net = Network([3, 2], cost, output=output, rng=0)
    net.train((np.ones((2, 3)), np.array(y)), 1, optimizer=fastnet.SGD(1e-9))
    assert math.isfinite(net.total_cost((np.ones((2, 3)), np.array(y)), 0.0))


def test_prepared_data_are_checked_against_the_network_that_takes_them():
    free = Network([3, 2], "quadratic", output="identity", rng=0)
    data = free.prepare((np.ones((2, 3)), np.array([[5.0, 0.0], [0.0, 1.0]])))
    free.train(data, 1, optimizer=fastnet.SGD(1e-3))
    with pytest.raises(ValueError, match=r"contains 5\.0 in row 0"):
        Network([3, 2], rng=0).train(data, 1)


def test_a_bad_block_puts_the_network_back():
    X, y = np.ones((6, 3)), np.eye(2)[[0, 1, 0, 1, 0, 1]]
    y[4, 0] = 7
    net = Network([3, 2], rng=0)
    before = net.parameters.tobytes()
    with pytest.raises(ValueError, match=r"block 2: y contains 7\.0 in row 0"):
        net.train(fastnet.Batches.from_arrays(X, y, rows=2), 1, shuffle=False)
    assert net.parameters.tobytes() == before


def test_network2_takes_any_targets_with_the_quadratic_cost_alone():
    pairs = [(np.ones((3, 1)), np.array([[2.0], [-5.0]]))] * 4
    net = network2.Network([3, 2], cost=network2.QuadraticCost)
    with contextlib.redirect_stdout(io.StringIO()):
        net.SGD(pairs, 1, 2, 0.1, evaluation_data=[(np.ones((3, 1)), 1)] * 3)
    assert net.total_cost(pairs, 0.0) > 0
    net.backprop(*pairs[0])
    net.update_mini_batch(pairs, 0.1, 0.0, 4)
    with pytest.raises(ValueError, match=r"contains -5\.0"):
        network2.Network([3, 2]).SGD(pairs, 1, 2, 0.1)


# ---- the kind


@pytest.mark.parametrize(
    ("output", "y", "kind"),
    [
        ("sigmoid", [0, 1, 1], "classes"),  # class numbers
        ("sigmoid", [[0, 1], [1, 0], [0, 1]], "classes"),
        ("sigmoid", [[0, 1], [1, 1], [0, 1]], "labels"),
        ("sigmoid", [[0, 1], [0, 0], [0, 1]], "labels"),
        ("sigmoid", [[0, 1], [1, 0], [0.5, 0.5]], "numbers"),
        ("softmax", [[0, 1], [1, 0], [0, 1]], "classes"),
        ("softmax", [[0, 1], [1, 0], [0.5, 0.5]], "numbers"),
        ("tanh", [[-1, 1], [1, -1], [-1, 1]], "classes"),
        ("tanh", [[-1, 1], [1, 1], [-1, 1]], "labels"),
        ("tanh", [[-1, 0.5], [1, 1], [-1, 1]], "numbers"),
        ("identity", [[-1, 1], [1, -1], [-1, 1]], "numbers"),
        ("identity", [[3, 1], [1, -1], [-1, 1]], "numbers"),
        ("exponential", [[0, 1], [1, 0], [0, 1]], "numbers"),
    ],
)
@pytest.mark.parametrize("step", [False, True])
def test_the_first_training_sets_the_kind(output, y, kind, step):
    cost = {"softmax": "log_likelihood", "exponential": "poisson"}.get(output, "quadratic")
    net = Network([2, 2], cost, output=output, rng=0)
    assert net.kind is None
    data = np.ones((3, 2)), np.array(y)
    if step:
        net.partial_fit(data, optimizer=fastnet.SGD(1e-3))
    else:
        net.train(data, 1, optimizer=fastnet.SGD(1e-3))
    assert net.kind == kind
    net.initialize()
    assert net.kind is None  # all training is forgotten


def test_a_kind_set_by_hand_stays():
    net = Network([2, 2], "quadratic", output="identity", rng=0)
    net.kind = "classes"
    net.train((np.ones((2, 2)), np.array([[0.2, 0.8], [3.0, 1.0]])), 1)
    net.initialize()
    assert net.kind == "classes"
    net.kind = None
    net.train((np.ones((2, 2)), np.array([[0.2, 0.8], [3.0, 1.0]])), 1)
    assert net.kind == "numbers"


def test_a_step_that_shows_more_widens_the_kind():
    net = Network([2, 3], rng=0)
    net.partial_fit((np.ones((1, 2)), np.array([[0, 1, 0]])))
    assert net.kind == "classes"
    net.partial_fit((np.ones((1, 2)), np.array([[0, 1, 1]])))
    assert net.kind == "labels"
    net.partial_fit((np.ones((1, 2)), np.array([[0, 1, 0]])))
    assert net.kind == "labels"


@pytest.mark.parametrize("kind", ["class", "", 3, b"classes", ["classes"]])
def test_other_kinds_are_refused(kind):
    net = Network([2, 2], rng=0)
    with pytest.raises((ValueError, TypeError), match=r"kind is .*classes, labels, numbers"):
        net.kind = kind
    assert net.kind is None


def test_softmax_outputs_have_no_labels():
    with pytest.raises(ValueError, match="softmax outputs choose one class"):
        Network([2, 2], "log_likelihood").kind = "labels"


@pytest.mark.parametrize("name", ["net.npz", "net.safetensors", "net.json"])
@pytest.mark.parametrize("kind", ["classes", "labels", "numbers"])
def test_the_kind_is_saved(tmp_path, name, kind):
    net = Network([2, 3], rng=0)
    net.kind = kind
    net.save(tmp_path / name)
    assert fastnet.load(tmp_path / name).kind == kind


def test_the_sign_of_a_tanh_unit_survives_a_file(tmp_path):
    net = Network([1, 1], "quadratic", output="tanh", rng=0)
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    X = np.array([[-1.0], [0.2], [0.3]])
    net.train((X, np.array([-1.0, 1.0, 1.0])), 1, optimizer=fastnet.SGD(0.0))
    net.save(tmp_path / "net.npz")
    again = fastnet.load(tmp_path / "net.npz")
    # Only with the sign is 0.2 right; both targets are above 0.5.
    assert again.accuracy((X[1:], np.ones(2))) == net.accuracy((X[1:], np.ones(2))) == 2


def test_files_without_a_kind_follow_the_output(tmp_path):
    from tests.model_files import without_kind

    for cost, output, kind in (
        ("cross_entropy", "sigmoid", "classes"),
        ("log_likelihood", "softmax", "classes"),
        ("quadratic", "tanh", "numbers"),
        ("quadratic", "identity", "numbers"),
        ("poisson", "exponential", "numbers"),
    ):
        net = Network([2, 2], cost, output=output, rng=0)
        net.save(tmp_path / "net.npz")
        without_kind(tmp_path / "net.npz")
        assert fastnet.load(tmp_path / "net.npz").kind == kind


# ---- what is right


def test_several_labels_are_right_together():
    rng = np.random.default_rng(0)
    net = Network([4, 3], rng=1)
    X, y = rng.normal(size=(200, 4)), rng.integers(0, 2, (200, 3)).astype(float)
    wanted = accuracy_score(y.astype(int), (net.feedforward(X) > 0.5).astype(int)) * 200
    assert 5 < wanted < 100
    assert net.accuracy((X, y)) == round(wanted)
    history = net.train(
        (X, y),
        1,
        optimizer=fastnet.SGD(0.0),
        evaluation_data=(X[:50], y[:50]),
        metrics=["running_accuracy", "training_accuracy", "evaluation_accuracy"],
    )
    assert net.kind == "labels"
    assert history[0]["running_accuracy"] == history[0]["training_accuracy"] == wanted / 200
    part = accuracy_score(y[:50].astype(int), (net.feedforward(X[:50]) > 0.5).astype(int))
    assert history[0]["evaluation_accuracy"] == part


def test_class_numbers_of_a_network_of_labels_are_sets_of_one():
    net = Network([2, 2], rng=0)
    net.kind = "labels"
    net.weights, net.biases = [[[9.0, 0.0], [9.0, 9.0]]], [[[-4.0], [-4.0]]]
    X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # both labels, the second, none
    assert net.accuracy((X, np.array([1, 1, 1]))) == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_tanh_unit_is_right_by_its_sign(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 3)), rng.choice([-1.0, 1.0], 100)
    net = Network([3, 1], "quadratic", output="tanh", rng=2, dtype=dtype)
    wanted = int(((net.feedforward(X)[:, 0] >= 0) == (y > 0)).sum())
    assert net.accuracy((X, y)) == wanted
    history = net.train((X, y), 1, metrics="running_accuracy", optimizer=fastnet.SGD(0.0))
    assert history[0]["running_accuracy"] == wanted / 100
    # On 0 and 1 the border is 0.5, as for a sigmoid.
    anew = Network([3, 1], "quadratic", output="tanh", rng=2, dtype=dtype)
    wanted = int(((anew.feedforward(X)[:, 0] >= 0.5) == (y > 0)).sum())
    assert anew.accuracy((X, (y + 1) / 2)) == wanted


def numbers():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = 3 * X[:, 0] + 10 * np.sin(X[:, 1]) + 100
    net = Network([4, 16, 1], "quadratic", output="identity", activation="tanh", rng=0)
    return net, (X[:150], y[:150]), (X[150:], y[150:])


def r2(net, data):
    X, y = data
    return 1 - ((net.feedforward(X)[:, 0] - y) ** 2).mean() / y.var()


def test_numbers_have_no_accuracy():
    net, training, evaluation = numbers()
    history = net.train(training, 1, evaluation_data=evaluation)
    assert [*history[0]] == ["epoch", "eta", "evaluation_cost"]
    with pytest.raises(ValueError, match="this network predicts numbers"):
        net.accuracy(evaluation)
    for metric in ("training_accuracy", "evaluation_accuracy", "running_accuracy"):
        with pytest.raises(ValueError, match=f"{metric}, but the targets are num"):
            net.train(training, 1, evaluation_data=evaluation, metrics=metric)
    with pytest.raises(ValueError, match="contains training_accuracy"):
        net.SGD(training, 1, 10, 0.1, monitor_training_accuracy=True)
    stop = fastnet.EarlyStopping(monitor="evaluation_accuracy")
    with pytest.raises(ValueError, match="'evaluation_accuracy' is not recorded"):
        net.train(training, 1, evaluation_data=evaluation, callbacks=stop)
    assert len(net.history) == 1


@pytest.mark.parametrize("how", ["stop", "halve"])
def test_numbers_are_watched_by_their_cost(how):
    net, training, evaluation = numbers()
    stop = fastnet.EarlyStopping(patience=30)
    options = {"callbacks": stop} if how == "stop" else {"schedule": "halve"}
    adam = fastnet.Adam(0.05)
    net.train(training, 400, 10, optimizer=adam, evaluation_data=evaluation, **options)
    assert r2(net, evaluation) > 0.9
    if how == "stop":
        costs = net.history.column("evaluation_cost")
        assert stop.best == min(costs) == pytest.approx(net.total_cost(evaluation, 0.0), rel=1e-12)
        assert stop.best_epoch == int(np.argmin(costs))


# ---- shares and numbers of examples


def test_records_are_shares_and_lists_of_counts_stay():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 3)), np.arange(70) % 3
    net = Network([3, 3], rng=0)
    _, evaluated, _, trained = net.SGD(
        (X, y),
        3,
        10,
        0.5,
        evaluation_data=(X[:21], y[:21]),
        monitor_evaluation_accuracy=True,
        monitor_training_accuracy=True,
    )
    assert trained[-1] == (net.feedforward(X).argmax(1) == y).sum()
    assert evaluated[-1] == (net.feedforward(X[:21]).argmax(1) == y[:21]).sum()
    assert all(type(count) is int for count in evaluated + trained)
    assert net.history.column("training_accuracy") == [count / 70 for count in trained]
    assert net.history.column("evaluation_accuracy") == [count / 21 for count in evaluated]


def test_min_delta_of_an_accuracy_is_a_share():
    stop = fastnet.EarlyStopping(patience=2, min_delta=0.05, restore_best=False)
    net = Network([2, 2], rng=0)
    for epoch, share in enumerate([0.5, 0.54, 0.56, 0.58, 0.6]):
        if stop.on_epoch_end(net, {"epoch": epoch, "evaluation_accuracy": share}):
            break
    assert (epoch, stop.best_epoch) == (4, 2)


def test_histories_of_version_1_are_converted_where_the_numbers_are_known():
    old = '[{"epoch": 0, "eta": 0.5, "running_accuracy": 9, "evaluation_accuracy": 3}]'
    known = fastnet.History.from_json(old, n_training=12, n_evaluation=4)
    assert known == [
        {"epoch": 0, "eta": 0.5, "running_accuracy": 0.75, "evaluation_accuracy": 0.75}
    ]
    unknown = fastnet.History.from_json(old)
    assert unknown == [{"epoch": 0, "eta": 0.5, "running_correct": 9, "evaluation_correct": 3}]
    assert fastnet.History.from_json(known.to_json()) == known
    with pytest.raises(ValueError, match="version 3"):
        fastnet.History.from_json('{"version": 3, "records": []}')


# ---- what is watched


@pytest.mark.parametrize(
    ("name", "high"),
    [("my_rmse", False), ("validation_loss", False), ("top_5_error", False), ("f1", True),
     ("roc_auc", True), ("my_score", True), ("running_cost", False)],
)  # fmt: skip
def test_names_tell_whether_high_is_better(name, high):
    stop = fastnet.EarlyStopping(patience=9, monitor=name, restore_best=False)
    net = Network([2, 2], rng=0)
    for epoch, value in enumerate([2.0, 3.0, 1.0]):
        stop.on_epoch_end(net, {"epoch": epoch, name: value})
    assert (stop.best_epoch, stop.best) == ((1, 3.0) if high else (2, 1.0))


def beauty(net):
    return 1.0


def test_a_name_that_does_not_tell_must_be_told():
    net = Network([2, 2], rng=0)
    data = np.eye(2), [0, 1]
    for watcher in (
        {"callbacks": fastnet.EarlyStopping(monitor="beauty")},
        {"schedule": fastnet.schedules.HalveOnPlateau(monitor="beauty")},
        {"schedule": fastnet.schedules.WarmUp(1, fastnet.schedules.HalveOnPlateau(2, "beauty"))},
    ):
        with pytest.raises(ValueError, match="'beauty' does not show whether"):
            net.train(data, 1, metrics=[beauty], **watcher)
    assert net.history == []
    stop = fastnet.EarlyStopping(2, "beauty", better="low")
    assert len(net.train(data, 9, metrics=[beauty], callbacks=stop)) == 3


@pytest.mark.parametrize(
    "watcher",
    [
        {"callbacks": fastnet.EarlyStopping(monitor="nothing", better="high")},
        {"schedule": fastnet.schedules.HalveOnPlateau(monitor="nothing", better="high")},
    ],
)
@pytest.mark.parametrize("value", [None, "0.5", [0.5], 1j, np.zeros(2)])
def test_what_is_watched_must_be_a_number(watcher, value):
    def nothing(net):
        return value

    with pytest.raises(TypeError, match=r"the monitored nothing is .*expected a number"):
        Network([2, 2], rng=0).train((np.eye(2), [0, 1]), 1, metrics=[nothing], **watcher)


@pytest.mark.parametrize("option", [{"monitor": 3}, {"better": "up"}, {"better": 1}])
def test_watchers_refuse_what_they_cannot_watch_by(option):
    for kind in (fastnet.EarlyStopping, fastnet.schedules.HalveOnPlateau):
        with pytest.raises((TypeError, ValueError), match=f"{next(iter(option))} is "):
            kind(**option)


@pytest.mark.parametrize("name", fastnet.schedules.SCHEDULES)
def test_every_schedule_has_a_name(name):
    net = Network([2, 2], rng=0)
    data = np.eye(2), [0, 1]
    etas = net.train(data, 4, 1, evaluation_data=data, schedule=name).column("eta")
    wanted = {
        "cosine": [0.5 * (1 + math.cos(math.pi * (e + 0.5) / 4)) * 0.1 for e in range(4)],
        "exponential": [0.1 * 0.95**e for e in range(4)],
        "inverse_scaling": [0.1 / (e + 1) ** 0.5 for e in range(4)],
        "warm_up": [0.1 * (e + 0.5) / 5 for e in range(4)],
    }.get(name, [0.1] * 4)
    assert etas == pytest.approx(wanted, rel=1e-12)


def test_facts_are_those_of_numpy():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (7, 1), (5, 3), (40, 2)):
        y = rng.normal(size=shape)
        facts, bad = facts_of(y)
        assert bad == -1
        assert facts.lowest == (y.min(), y.argmin() // shape[1])
        assert facts.highest == (y.max(), y.argmax() // shape[1])
        odd = np.abs(y.sum(1) - 1).argmax()
        assert facts.odd_sum[1] == odd
        assert facts.odd_sum[0] == pytest.approx(y.sum(1)[odd], rel=1e-14)
        y[shape[0] // 2, -1] = np.nan
        assert facts_of(y) == (None, shape[0] // 2)


def test_a_resumed_training_knows_its_kind(tmp_path):
    X, y = np.eye(3), np.eye(3)
    file = tmp_path / "run.npz"
    several = Network([3, 3], rng=0)
    several.partial_fit((X, np.ones((3, 3))))
    saved = fastnet.Checkpoint(file)
    several.train((X, y), 2, metrics="training_accuracy", callbacks=saved)
    again = Network([3, 3], rng=1)
    history = again.train((X, y), 3, metrics="training_accuracy", callbacks=saved, resume=file)
    assert again.kind == several.kind == "labels"
    wanted = accuracy_score(y.astype(int), (again.feedforward(X) > 0.5).astype(int))
    assert history[-1]["training_accuracy"] == wanted


@pytest.mark.parametrize("value", [None, "yes", 1, np.zeros(2)])
def test_restoring_the_best_is_a_yes_or_a_no(value):
    with pytest.raises(TypeError, match="restore_best is"):
        fastnet.EarlyStopping(restore_best=value)
