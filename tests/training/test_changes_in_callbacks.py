"""What callbacks change in a training: it counts from the next epoch on, or is refused."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import fastnet
from fastnet import Callback, Checkpoint, DivergenceError, EarlyStopping, RecordStatistics

from ..formulas import problem

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), np.arange(40) % 2
MORE = RNG.normal(size=(4, 3)), np.array([0, 1, 1, 0])


def make(seed=1, **options):
    return fastnet.Network([3, 4, 2], rng=seed, **options)


class Do(Callback):
    """Calls a function of the network in one hook, once."""

    def __init__(self, hook, action, epoch=1, interval=0):
        self._hook, self._action, self._epoch, self.interval = hook, action, epoch, interval

    def _act(self, hook, network, epoch):
        if hook == self._hook and epoch == self._epoch:
            self._action(network)

    def on_train_begin(self, network):
        if self._hook == "train begins":
            self._action(network)

    def on_epoch_begin(self, network, epoch):
        self._act("epoch begins", network, epoch)

    def on_interval(self, network, epoch, mini_batch):
        self._act("interval", network, epoch)

    def on_epoch_end(self, network, record):
        self._act("epoch ends", network, record["epoch"])

    def on_train_end(self, network):
        if self._hook == "train ends":
            self._action(network)


def quadratic(network):
    network.cost = "quadratic"


def other_parameters(network):
    network.parameters = np.linspace(-1, 1, network.parameters.size)


def other_rng(network):
    network.rng = 99


def in_place(network):
    network.weights[0][0, 0] += 1.0


CHANGES = {"cost": quadratic, "parameters": other_parameters, "rng": other_rng}


def in_parts(change, before, **options):
    """Train so many epochs, change by hand, and train the rest: three in all."""
    net = make()
    net.train((X, Y), before, 7, **options)
    change(net)
    history = net.train((X, Y), 3 - before, 7, **options)
    return net, history


# --- what counts from the next epoch on ----------------------------------------------------------


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    ("hook", "before"), [("train begins", 0), ("epoch begins", 1), ("epoch ends", 2)]
)
@pytest.mark.parametrize("options", [{"optimizer": "adam", "dropout": 0.3}, {"l2": 3.0}])
def test_it_counts_as_if_it_were_done_between_two_trainings(name, hook, before, options):
    """Gradients, order, dropout and metrics are those that the twin has, to the last bit."""
    options = {**options, "metrics": ["training_cost", "running_cost"]}
    twin, history = in_parts(CHANGES[name], before, **options)
    net = make()
    found = net.train((X, Y), 3, 7, callbacks=Do(hook, CHANGES[name]), **options)
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert found[before:] == history
    assert net.rng.random(3).tolist() == twin.rng.random(3).tolist()
    undisturbed = make()
    undisturbed.train((X, Y), 3, 7, **options)
    assert (net.parameters != undisturbed.parameters).any()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("where", ["metric", "schedule"])
def test_functions_may_change_it_too(name, where):
    times = []

    def act(network):
        times.append(0)
        if len(times) == 2:
            CHANGES[name](network)
        return 1.0

    net = make()
    options = {"metrics": act} if where == "metric" else {"schedule": lambda epoch: act(net)}
    net.train((X, Y), 3, 7, **options)
    twin, _ = in_parts(CHANGES[name], 2 if where == "metric" else 1)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize("mini_batch_size", [7, 40])
def test_the_gradient_is_that_of_the_new_cost(mini_batch_size):
    """An epoch in one mini-batch is a step of NumPy's, along the gradient of (a - y)^2 / 2."""
    net = make()
    net.train((X, Y), 1, 40, shuffle=False, optimizer=fastnet.SGD(0.5))
    weights, biases = [w.copy() for w in net.weights], [b.copy() for b in net.biases]
    a = [X.T]
    for w, b in zip(weights, biases, strict=True):
        a.append(1 / (1 + np.exp(-(w @ a[-1] + b))))
    delta = (a[-1] - np.eye(2)[Y].T) * a[-1] * (1 - a[-1])
    for layer in (1, 0):
        step_w, step_b = delta @ a[layer].T / 40, delta.mean(axis=1, keepdims=True)
        delta = (weights[layer].T @ delta) * a[layer] * (1 - a[layer])
        weights[layer] -= 0.5 * step_w
        biases[layer] -= 0.5 * step_b
    net = make()
    options = {"shuffle": False, "optimizer": fastnet.SGD(0.5)}
    change = Do("epoch ends", quadratic, epoch=0)
    if mini_batch_size == 40:
        net.train((X, Y), 2, 40, callbacks=change, **options)
        for layer in (0, 1):
            np.testing.assert_allclose(net.weights[layer], weights[layer], rtol=1e-12)
            np.testing.assert_allclose(net.biases[layer], biases[layer], rtol=1e-12)
    else:
        history = net.train((X, Y), 2, 7, metrics="training_cost", callbacks=change, **options)
        answers = net.feedforward(X)
        cost = 0.5 * ((answers - np.eye(2)[Y]) ** 2).sum(axis=1).mean()
        assert history[1]["training_cost"] == pytest.approx(cost, rel=1e-12)


class Cut(Callback):
    """Ends the training in the middle of an epoch."""

    interval = 2

    def __init__(self, epoch):
        self._epoch = epoch

    def on_interval(self, network, epoch, mini_batch):
        if epoch == self._epoch and mini_batch == 4:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("hook", ["train begins", "epoch begins", "epoch ends"])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_checkpoint_goes_on_with_what_was_changed(name, hook, cut, tmp_path):
    def train(epoch, resume=None, **more):
        net, path = make(), tmp_path / "run.npz"
        callbacks = [Do(hook, CHANGES[name]), Cut(epoch), Checkpoint(path, every=100, **more)]
        try:
            history = net.train(
                (X, Y), 4, 7, optimizer="adam", dropout=0.3, callbacks=callbacks, resume=resume,
                metrics=["running_cost", "training_cost"],
            )  # fmt: skip
        except KeyboardInterrupt:
            return None
        assert net.history == history
        return net.parameters.tobytes(), history, net.cost, net.rng.random(3).tolist()

    whole = train(99)
    (tmp_path / "run.npz").unlink()
    assert train(cut) is None
    assert train(99, resume=True) == whole


def test_a_generator_of_another_kind_goes_on_where_training_begins_with_it(tmp_path):
    def train(epochs, kind=np.random.RandomState, **options):
        net = make()
        begin = Do("train begins", lambda net: setattr(net, "rng", kind(5)))
        net.train((X, Y), epochs, 7, dropout=0.3, callbacks=[begin, *options.pop("more", [])],
                  **options)  # fmt: skip
        return net.parameters

    whole = train(4)
    train(2, more=[Checkpoint(tmp_path / "run.npz")])
    np.testing.assert_array_equal(train(4, resume=tmp_path / "run.npz"), whole)
    with pytest.raises(
        ValueError, match="its rng: the state is for MT19937; this generator is PCG64"
    ):
        train(4, kind=np.random.default_rng, resume=tmp_path / "run.npz")


@pytest.mark.parametrize("spoilt", ["poisson", "no such cost"])
def test_a_checkpoints_cost_must_be_one_for_such_a_network(spoilt, tmp_path):
    path = tmp_path / "run.npz"
    make().train((X, Y), 1, 7, callbacks=Checkpoint(path))
    model = fastnet.files.read_npz(path)
    model.cost = spoilt
    fastnet.files.write_npz(path, model)
    with pytest.raises(ValueError, match="is not a checkpoint from which this training"):
        make().train((X, Y), 2, 7, resume=path)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("hook", ["train begins", "epoch begins", "interval", "epoch ends"])
def test_a_copy_made_in_a_hook_is_free(twin_of, hook):
    """It can be assigned to, drawn anew and trained; and one of an epoch's end goes on equally."""
    copies = []
    net = make()
    do = Do(hook, lambda net: copies.append((twin_of(net), net.parameters.copy())), 0, interval=3)
    net.train((X, Y), 2, 7, optimizer="adam", callbacks=do)
    twin, parameters = copies[0]
    np.testing.assert_array_equal(twin.parameters, parameters)
    if hook == "epoch ends":
        twin.train((X, Y), 1, 7, optimizer="adam")
        np.testing.assert_array_equal(twin.parameters, net.parameters)
    twin.initialize()
    twin.cost = "quadratic"
    twin.train((X, Y), 1, 7)
    assert (twin.parameters != net.parameters).any() and len(net.history) == 2


# --- within an epoch, and what is refused --------------------------------------------------------


@pytest.mark.parametrize("change", [other_parameters, in_place])
def test_parameters_assigned_within_an_epoch_count_from_the_next_mini_batch(change, tmp_path):
    """As if the epoch had been cut there into two trainings; a checkpoint knows of it."""
    options = {"mini_batch_size": 10, "shuffle": False, "optimizer": "adam"}
    net, twin, path = make(), make(), tmp_path / "run.npz"
    do = Do("interval", change, epoch=0, interval=2)
    do.on_interval = lambda network, epoch, mini_batch: mini_batch == 2 and change(network)
    net.train((X, Y), 1, callbacks=do, **options)
    twin.train((X[:20], Y[:20]), 1, **options)
    change(twin)
    twin.train((X[20:], Y[20:]), 1, **options)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12)
    with pytest.raises(ZeroDivisionError):
        make().train((X, Y), 2, callbacks=[do, Stop(3), Checkpoint(path)], **options)
    again, whole = make(), make()
    again.train((X, Y), 2, callbacks=[do, Stop(99)], resume=path, **options)
    whole.train((X, Y), 2, callbacks=[do, Stop(99)], **options)
    np.testing.assert_array_equal(again.parameters, whole.parameters)


class Stop(Callback):
    interval = 1

    def __init__(self, at):
        self._at = at

    def on_interval(self, network, epoch, mini_batch):
        if mini_batch == self._at:
            raise ZeroDivisionError


REFUSED_WITHIN = {
    "cost": quadratic,
    "initialize": lambda net: net.initialize(),
    "default": lambda net: net.default_weight_initializer(),
    "large": lambda net: net.large_weight_initializer(),
}


@pytest.mark.parametrize("name", REFUSED_WITHIN)
def test_within_an_epoch_it_is_refused(name):
    """The network then stands at the end of the last mini-batch, and can train on."""
    net, twin = make(), make()
    options = {"mini_batch_size": 10, "shuffle": False, "optimizer": "adam"}
    do = Do("interval", REFUSED_WITHIN[name], interval=2)
    with pytest.raises(RuntimeError, match=r"cost in on_epoch_begin|drawing its weights again"):
        net.train((X, Y), 3, callbacks=do, **options)
    stop = Do("interval", lambda net: 1 / 0, interval=2)
    with pytest.raises(ZeroDivisionError):
        twin.train((X, Y), 3, callbacks=stop, **options)
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert net.history == twin.history and len(net.history) == 1 and net.cost is twin.cost
    assert net._initializer == twin._initializer
    for network in (net, twin):
        network.train((X, Y), 1, **options)
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    other_parameters(net)
    quadratic(net)
    net.initialize()


@pytest.mark.parametrize("change", [other_parameters, quadratic])
def test_from_progress_too(change):
    net, twin = make(), make()

    def progress(done, total):
        if done:
            change(net)

    with pytest.raises(RuntimeError, match="on_epoch_begin"):
        net.train((X, Y), 1, None, progress=progress)
    twin.train((X, Y), 1, None)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def new_history(network):
    network.history = fastnet.History()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda net: net.initialize(), "drawing its weights again"),
        (lambda net: net.default_weight_initializer(), "drawing its weights again"),
        (lambda net: net.large_weight_initializer(), "drawing its weights again"),
        (new_history, "changed network.history"),
        (lambda net: net.history.clear(), "changed network.history"),
        (lambda net: net.history.pop(0), "changed network.history"),
        (lambda net: net.train((X, Y), 1), "trained already"),
        (lambda net: net.partial_fit((X, Y)), "trained already"),
    ],
)
@pytest.mark.parametrize("hook", ["epoch begins", "epoch ends"])
def test_between_epochs_what_belongs_to_the_training_is_refused(change, said, hook, tmp_path):
    """History is whole, and a checkpoint written then goes on to the bits of a twin."""
    net, twin, path = make(), make(), tmp_path / "run.npz"
    twin_history = twin.train((X, Y), 4, 7)
    with pytest.raises(RuntimeError, match=said):
        net.train((X, Y), 4, 7, callbacks=[Do(hook, change, epoch=2), Checkpoint(path)])
    n = len(net.history)
    assert n in (2, 3) and net.history == twin_history[:n]
    again = make()
    change_nothing = Do(hook, lambda net: None)
    assert again.train((X, Y), 4, 7, callbacks=change_nothing, resume=path) == twin_history
    np.testing.assert_array_equal(again.parameters, twin.parameters)


def test_before_and_after_the_training_it_is_not():
    net, twin = make(), make()
    twin.initialize()
    twin.train((X, Y), 1, 7)
    net.train((X, Y), 1, 7, callbacks=Do("train begins", lambda net: net.initialize()))
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert net.history == twin.history
    history = net.train((X, Y), 1, 7, callbacks=Do("train ends", lambda net: net.initialize()))
    assert len(history) == 1 and net.history == []


@pytest.mark.parametrize("change", [other_parameters, quadratic, in_place])
def test_under_lbfgs_it_is_refused(change):
    pytest.importorskip("scipy", reason="scipy is missing")
    net, twin = make(), make()
    with pytest.raises(RuntimeError, match="L-BFGS"):
        net.train((X, Y), 5, None, optimizer="lbfgs", callbacks=Do("epoch ends", change))
    twin.train((X, Y), 2, None, optimizer="lbfgs")
    assert net.cost is twin.cost and len(net.history) == (2 if change is in_place else 1)
    if change is not in_place:
        np.testing.assert_array_equal(net.parameters, twin.parameters)
    for hook in ("train begins", "train ends"):
        net.train((X, Y), 1, None, optimizer="lbfgs", callbacks=Do(hook, change))


def test_optimizers_are_frozen():
    for optimizer in (fastnet.SGD(0.1), fastnet.Adam(), fastnet.optimizers.LBFGS()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            optimizer.eta = 0.5


# --- a training that is refused ------------------------------------------------------------------


class Refuses(Callback):
    """Is told of no end, since its beginning failed."""

    ended = False

    def on_train_begin(self, network):
        raise ValueError("not with me")

    def on_train_end(self, network):
        self.ended = True


class Counts(Callback):
    changing = ("n", "ends")
    n = ends = 0

    def on_train_begin(self, network):
        self.n += 1

    def on_train_end(self, network):
        self.ends += 1


def everything(net, *owners):
    state = net._state and ([v.tobytes() for v in net._state.vectors], net._state.step)
    return (
        net.parameters.tobytes(), state, net._optimizer, list(net.history), id(net.history),
        net.cost, id(net.rng), str(net.rng.bit_generator.state), sorted(vars(net)),
        net._initializer, [pickle.dumps(owner.get_state()) for owner in owners],
    )  # fmt: skip


def raising(*_):
    raise ValueError("not with me")


def change_all(network):
    quadratic(network)
    network.large_weight_initializer()
    network.history = fastnet.History()
    network.rng = 3
    network.mark = 1


REFUSALS = {
    "a callback": {"callbacks": [Refuses()]},
    "statistics of other inputs": {"callbacks": [RecordStatistics(np.zeros((3, 7)))]},
    "the schedule": {"schedule": raising},
    "a rate": {"schedule": lambda epoch: -1.0},
    "the order": {"shuffle": lambda rows: rows.clear()},
    "the first epoch": {"callbacks": [Do("epoch begins", raising, epoch=0)]},
    "a file of another training": {"resume": True, "l2": 1.0},
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_training_leaves_nothing_behind(name, tmp_path):
    path = tmp_path / "run.npz"
    net, stop = make(), EarlyStopping(2, "training_cost")
    plateau = fastnet.schedules.HalveOnPlateau(1, "training_cost")
    watch, count = RecordStatistics(X), Counts()
    keeper = Checkpoint(path)
    net.train(
        (X, Y), 4, 7, optimizer=fastnet.Adam(3.0), schedule=plateau, metrics="training_cost",
        callbacks=[stop, watch, count, keeper],
    )  # fmt: skip
    assert stop.best_epoch >= 0 and watch.records and plateau.best > -np.inf
    rng = net.rng  # which the callback draws from, and replaces
    before, content = everything(net, stop, watch, count, plateau), path.read_bytes()
    drawn = copy.deepcopy(rng.bit_generator.state)
    options = {"schedule": plateau, "metrics": "training_cost", **REFUSALS[name]}
    others = options.pop("callbacks", [])
    with pytest.raises(ValueError):
        net.train(
            (X, Y), 8, 7, optimizer="rprop", **options,
            callbacks=[stop, watch, count, Do("train begins", change_all), keeper, *others],
        )  # fmt: skip
    rng.bit_generator.state = drawn
    assert everything(net, stop, watch, count, plateau) == before
    assert path.read_bytes() == content and os_listdir(tmp_path) == ["run.npz"]
    twin = make()
    twin.train((X, Y), 4, 7, optimizer=fastnet.Adam(3.0), metrics="training_cost",
               schedule=fastnet.schedules.HalveOnPlateau(1, "training_cost"))  # fmt: skip
    for network in (net, twin):
        network.train((X, Y), 1, 7, optimizer=fastnet.Adam(0.1))
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def os_listdir(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_refused_training_leaves_the_cost_that_predictions_know():
    net = make()
    cost = net.total_cost((X, Y), 0.0)

    def look(network):
        network.cost = "quadratic"
        network.total_cost((X, Y), 0.0)
        network.history.append({"epoch": 0})

    with pytest.raises(ValueError, match="not with me"):
        net.train((X, Y), 1, 7, callbacks=[Do("train begins", look), Refuses()])
    assert net.total_cost((X, Y), 0.0) == cost and net.history == []


def test_a_refused_training_draws_nothing():
    for options in ({"schedule": raising}, {"callbacks": Do("epoch begins", raising, epoch=0)}):
        net, twin = make(), make()
        with pytest.raises(ValueError, match="not with me"):
            net.train((X, Y), 2, 7, dropout=0.5, **options)
        assert net.rng.random(3).tolist() == twin.rng.random(3).tolist()


def test_no_memory_for_a_workspace_loses_no_state(monkeypatch):
    net, twin = make(), make()
    for network in (net, twin):
        network.train((X, Y), 2, 7, optimizer="adam")
    with monkeypatch.context() as patch:
        patch.setattr(type(net), "_training_engine", lambda *_, **__: raising_memory())
        with pytest.raises(MemoryError):
            net.train((X, Y), 1, 7, optimizer="rprop")
    for network in (net, twin):
        network.train((X, Y), 1, 7)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


def raising_memory():
    raise MemoryError("no memory for a workspace")


def test_the_end_is_told_to_those_that_were_told_of_the_beginning():
    first, refuses, last = Counts(), Refuses(), Counts()
    first.changing = last.changing = ()
    with pytest.raises(ValueError, match="not with me"):
        make().train((X, Y), 2, 7, callbacks=[first, refuses, last])
    assert (first.n, first.ends, refuses.ended, last.n, last.ends) == (1, 1, False, 0, 0)
    never = Counts()
    net = make()
    for options in ({"schedule": 3}, {"mini_batch_size": 0}, {"resume": "no such file"}):
        with pytest.raises((ValueError, TypeError, OSError)):
            net.train((X, Y), 2, callbacks=never, **options)
    again = Do("epoch begins", lambda net: net.train((X, Y), 1, callbacks=never))
    with pytest.raises(RuntimeError):
        net.train((X, Y), 2, 7, callbacks=again)
    assert (never.n, never.ends) == (0, 0)


def test_early_stopping_of_another_training_gives_nothing_to_this_one():
    stop = EarlyStopping(3, "training_cost")
    make().train((X, Y), 3, 7, metrics="training_cost", callbacks=stop)
    net = make(2)
    before = net.parameters.copy()
    with pytest.raises(ValueError):
        net.train((X, Y), 3, 7, metrics="training_cost",
                  callbacks=[RecordStatistics(np.zeros((3, 7))), stop])  # fmt: skip
    np.testing.assert_array_equal(net.parameters, before)


# --- a training that diverges --------------------------------------------------------------------


class Blow(fastnet.schedules.Schedule):
    """A rate that blows the network up in an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def factor(self, epoch):
        return 1.0 if epoch < self.epoch else 1e300


def diverge(callbacks=(), **options):
    net, X, labels, _ = problem(np.float64, rows=20)
    seen = []
    watch = Do("epoch ends", lambda net: seen.append(net.parameters.copy()))
    watch._act = lambda hook, net, epoch: hook == "epoch ends" and watch._action(net)
    with pytest.raises(DivergenceError) as caught:
        net.train((X, labels), 6, 4, optimizer=fastnet.SGD(1.0), l2=1.0, schedule=Blow(3),
                  metrics="training_cost", callbacks=[watch, *callbacks], **options)  # fmt: skip
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return net, seen, str(caught.value)


def test_the_message_says_whose_parameters_the_network_has():
    net, seen, said = diverge()
    assert "the network is back where that epoch began." in said
    np.testing.assert_array_equal(net.parameters, seen[2])
    stop = EarlyStopping(5, "training_cost", min_delta=1e9)  # the first is the best
    net, seen, said = diverge([stop])
    assert "the network has the parameters of its best epoch, 0, restored by EarlyStopping." in said
    np.testing.assert_array_equal(net.parameters, seen[0])
    net, seen, said = diverge([EarlyStopping(5, "training_cost", restore_best=False)])
    assert "is back where that epoch began." in said
    np.testing.assert_array_equal(net.parameters, seen[2])
    net, _, said = diverge([Do("train ends", other_parameters)])
    assert "the network has the parameters that Do.on_train_end assigned." in said


def test_the_message_of_a_resumed_epoch(tmp_path):
    """Where the epoch began is not known any more; where it was resumed is."""
    data, path = (X, Y), tmp_path / "run.npz"
    options = {"optimizer": fastnet.SGD(1e300), "l2": 1e20, "shuffle": False}

    class Late(fastnet.schedules.Schedule):
        every_mini_batch = True

        def factor(self, epoch):
            return 0.0 if epoch < 0.6 else 1.0

    cut = Do("interval", lambda net: setattr(cut, "found", net.parameters.copy()) or 1 / 0, 0, 2)
    with pytest.raises(ZeroDivisionError):
        make().train(data, 2, 10, schedule=Late(), callbacks=[cut, Checkpoint(path)], **options)
    net, free = make(7), Do("interval", lambda net: None, 0, 2)
    with pytest.raises(DivergenceError, match="is back where it was resumed within that epoch"):
        net.train(data, 2, 10, schedule=Late(), callbacks=[free], resume=path, **options)
    np.testing.assert_array_equal(net.parameters, cut.found)


@pytest.mark.parametrize("epoch", [0, 2])
def test_lbfgs_goes_back_to_its_last_iteration(epoch, monkeypatch):
    pytest.importorskip("scipy", reason="scipy is missing")
    net, twin = make(), make()
    costs = iter([1.0] * epoch + [np.inf])
    monkeypatch.setattr("fastnet.metrics.evaluate", lambda network, data: (next(costs), 0))
    with pytest.raises(DivergenceError, match=f"in epoch {epoch}: training_cost is inf"):
        net.train((X, Y), 5, None, optimizer="lbfgs", metrics="training_cost")
    twin.train((X, Y), epoch, None, optimizer="lbfgs")
    np.testing.assert_array_equal(net.parameters, twin.parameters)
