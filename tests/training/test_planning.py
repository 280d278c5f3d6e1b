"""What a training is asked for: taken as meant, or refused before anything changes."""

import numpy as np
import pytest

import fastnet

X, Y = np.eye(3), np.array([0, 1, 1])


def new(**options):
    return fastnet.Network([3, 4, 2], rng=0, **options)


def trained(**options):
    network = new()
    network.train((X, Y), 2, 2, **options)
    return network.parameters


def test_class_weights_by_any_equal_key():
    expected = trained(sample_weight=[1.0, 5.0, 5.0])
    assert not np.array_equal(expected, trained())
    for key in (1, True, 1.0, np.int64(1)):
        assert np.array_equal(trained(class_weight={key: 5}), expected)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"class_weight": {2: 1.0}}, ValueError, "class_weight names class 2"),
        ({"class_weight": {1: "5"}}, TypeError, r"class_weight\[1\] is '5'"),
        ({"class_weight": {1: -5}}, ValueError, r"class_weight\[1\] is -5"),
        ({"sample_weight": [1, 1, 1e200], "class_weight": [1e200] * 2}, ValueError, "too large"),
        ({"metrics": [min, min]}, ValueError, "function min, a name that is taken"),
        ({"metrics": "loss"}, ValueError, "metrics contains 'loss'; the names are training_cost"),
        ({"metrics": "evaluation_cost"}, ValueError, "evaluation_data is None"),
        ({"optimizer": fastnet.LBFGS(), "l1": 1.0}, ValueError, "LBFGS"),
        ({"dropout": [0.1]}, ValueError, "dropout has 1 shares; expected 2, for the inputs"),
    ],
)
def test_refused_before_anything_changes(options, error, message):
    network = new()
    before = network.parameters.copy()
    with pytest.raises(error, match=message):
        network.train((X, Y), 1, **options)
    assert np.array_equal(network.parameters, before)
    assert not network.history


def test_a_weight_beyond_float32_is_refused():
    with pytest.raises(ValueError, match="too large for float32"):
        new(dtype="float32").train((X, Y), 1, sample_weight=[1, 1e39, 1])


def test_an_optimizer_of_ones_own_is_refused():
    class Mine(fastnet.Adam):
        pass

    for optimizer in (Mine, Mine(0.1)):
        with pytest.raises(TypeError, match="which the compiled loop cannot run"):
            new().train((X, Y), 1, optimizer=optimizer)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fastnet.LBFGS(memory=2.5), TypeError, "memory is 2.5"),
        (lambda: fastnet.Rprop(smallest=2.0, largest=1.0), ValueError, "smallest is 2.0"),
        (lambda: fastnet.check_gradient(new(), X, Y, epsilon=0), ValueError, "epsilon is 0"),
        (lambda: fastnet.check_gradient(new(), X, Y, sample=0), ValueError, "sample is 0"),
    ],
)
def test_hyper_parameters_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("answer", "epochs"), [(True, 1), (np.True_, 1), (False, 3), (np.False_, 3), (None, 3), (1, 3)]
)
def test_true_stops_the_training_in_either_form(answer, epochs):
    class Answer(fastnet.Callback):
        def on_epoch_end(self, network, record):
            return answer

    assert len(new().train((X, Y), 3, callbacks=Answer())) == epochs


def test_metrics_come_in_the_order_chosen_and_functions_last():
    def norm(network):
        return float(np.linalg.norm(network.parameters))

    chosen = [norm, "running_cost", "training_accuracy", "training_cost"]
    (record,) = new().train((X, Y), 1, metrics=chosen)
    assert list(record)[2:] == ["running_cost", "training_accuracy", "training_cost", "norm"]


def test_partial_fit_is_one_step_and_takes_what_has_a_meaning_for_it():
    one, other = new(), new()
    one.partial_fit((X, Y), optimizer="adam", l2=0.5, class_weight=[1, 2])
    other.train((X, Y), 1, None, optimizer="adam", l2=0.5, class_weight=[1, 2], shuffle=False)
    assert np.array_equal(one.parameters, other.parameters)
    assert not one.history
    with pytest.raises(TypeError, match="partial_fit"):
        one.partial_fit((X, Y), epochs=2)


@pytest.mark.parametrize("name", ["shuffle", "progress", "metrics", "schedule"])
@pytest.mark.parametrize("given", [int, fastnet.SGD, lambda: None])
def test_functions_that_cannot_be_called_so_are_named(name, given):
    """A class is no function, though it can be called; nor is one that takes other arguments."""
    net = fastnet.Network([3, 2], rng=0)
    with pytest.raises((TypeError, ValueError), match=name):
        net.train((np.ones((5, 3)), np.arange(5) % 2), epochs=1, **{name: given})


def test_what_a_function_raises_itself_is_passed_on():
    def shuffle(rows):
        raise TypeError("mine")

    data = np.ones((5, 3)), np.arange(5) % 2
    with pytest.raises(TypeError) as caught:
        fastnet.Network([3, 2]).train(data, epochs=1, shuffle=shuffle)
    assert str(caught.value) == "mine"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_balanced_weights_where_a_class_is_absent(dtype):
    """n over the classes that the network has times the examples of the class; nothing of none."""
    labels = np.array([0, 2, 2, 2, 0, 2, 2])
    data = np.random.default_rng(1).random((7, 4)), labels
    weights = np.where(labels == 0, 7 / (3 * 2), 7 / (3 * 5))
    one, other, plain = (fastnet.Network([4, 3], rng=0, dtype=dtype) for _ in range(3))
    one.train(data, 3, 2, class_weight="balanced")
    other.train(data, 3, 2, sample_weight=weights)
    plain.train(data, 3, 2)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert not np.array_equal(one.parameters, plain.parameters)


class Writer(fastnet.Callback):
    """May write anything into the record, as far as anyone knows."""

    def on_epoch_end(self, network, record):
        record["mine"] = 1.0


@pytest.mark.parametrize(
    "beside", [Writer(), fastnet.RecordStatistics(X)], ids=lambda callback: type(callback).__name__
)
@pytest.mark.parametrize("monitor", ["evaluation_cost", "running_accuracy", "training_cost"])
@pytest.mark.parametrize("watcher", ["early stopping", "halve", "warm up, then halve"])
def test_a_metric_that_is_not_measured_is_refused_beside_callbacks_that_write(
    watcher, monitor, beside
):
    """What such a callback adds has a name of its own, so this is found before anything changes."""
    options = {"callbacks": [beside]}
    halve = fastnet.schedules.HalveOnPlateau(2, monitor)
    if watcher == "early stopping":
        options["callbacks"].append(fastnet.EarlyStopping(2, monitor))
    else:
        options["schedule"] = halve if watcher == "halve" else fastnet.schedules.WarmUp(1, halve)
    network = new()
    before = network.parameters.copy(), str(network.rng.bit_generator.state)
    with pytest.raises(ValueError, match=f"'{monitor}' is not recorded"):
        network.train((X, Y), 2, 2, **options)
    np.testing.assert_array_equal(network.parameters, before[0])
    assert str(network.rng.bit_generator.state) == before[1] and network.history == []
    assert not getattr(beside, "records", None)


def test_what_a_callback_writes_can_be_watched():
    network = new()
    stop = fastnet.EarlyStopping(2, "mine", better="high")
    history = network.train((X, Y), 9, 2, callbacks=[Writer(), stop])
    assert len(history) == 3 and stop.best == 1.0  # never better than the first
