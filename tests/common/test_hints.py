"""Words of other libraries are answered with those of this one; names ignore case."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import fastnet
from fastnet.optimizers import OPTIMIZERS

X = np.eye(2)


def network(*args, **options):
    return fastnet.Network([2, 2], *args, rng=0, **options)


@pytest.mark.parametrize(
    ("word", "use"),
    [
        ("lr", r"optimizer=fastnet.SGD\(0.1\)"),
        ("learning_rate", r"optimizer=fastnet.SGD\(0.1\)"),
        ("batch_size", "mini_batch_size"),
        ("validation_data", "evaluation_data"),
        ("seed", r"Network\(sizes, rng=0\)"),
        ("verbose", "progress=True"),
        ("weight_decay", "l2"),
        ("optimiser", "Did you mean 'optimizer'"),
        ("colour", "It takes data, epochs"),
    ],
)
def test_train_answers_to_words_of_others(word, use):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(TypeError, match=f"train has no argument '{word}'.*{use}"):
        net.train((X, [0, 1]), 1, **{word: 1})
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize(
    ("options", "use"),
    [
        ({"lr": 0.1}, "SGD has no argument 'lr': use eta"),
        ({"eta": 0.1, "test_data": 1}, "'test_data': use evaluation_data"),
        ({"eta": 0.1, "optimizer": "adam"}, "'optimizer': use `train`"),
    ],
)
def test_the_books_training_answers_too(options, use):
    with pytest.raises(TypeError, match=use):
        network().SGD((X, [0, 1]), 1, 2, **options)


@pytest.mark.parametrize(
    ("word", "use"),
    [("seed", "use rng"), ("loss", "use cost"), ("lr", "SGD"), ("actvation", "'activation'")],
)
def test_network_answers_to_words_of_others(word, use):
    with pytest.raises(TypeError, match=f"Network has no argument '{word}'.*{use}"):
        network(**{word: 1})


@pytest.mark.parametrize("cls", OPTIMIZERS.values())
def test_optimizers_answer_to_lr(cls):
    with pytest.raises(TypeError, match=f"{cls.__name__} has no argument 'lr': use eta"):
        cls(lr=0.1)
    assert "eta" in inspect.signature(cls).parameters
    assert pickle.loads(pickle.dumps(cls())) == copy.copy(cls()) == cls()


def test_sizes_apart_and_data_apart_are_answered():
    with pytest.raises(TypeError, match=r"as one list, .*: Network\(\[784, 30, 10\]"):
        fastnet.Network(4, 5, 3)
    with pytest.raises(TypeError, match="give one list"):
        fastnet.Network(4, 5)
    with pytest.raises(TypeError, match=r"takes data=\(X, y\), epochs and mini_batch_size"):
        network().train(X, [0, 1], epochs=1)
    with pytest.raises(TypeError, match=r"give the pair \(X, y\)"):
        network().train(X, [0, 1])


def test_errors_from_within_are_left_as_they_are():
    def broken(rng, shape):
        return {}["lr"]() if False else None + 1

    with pytest.raises(TypeError, match="unsupported operand"):
        network(initializer=broken)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("mse", "quadratic"),
        ("Mean-Squared-Error", "quadratic"),
        ("binary_crossentropy", "cross_entropy"),
        ("quadratc", "quadratic"),
    ],
)
def test_costs_of_other_libraries_are_answered(word, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        network(word)


def test_other_names_of_other_libraries_are_answered():
    for options, meant in (
        ({"output": "logistic"}, "sigmoid"),
        ({"activation": "swish"}, "silu"),
        ({"activation": "sin"}, "sine"),
        ({"activation": ["relo"], "output": "linear"}, "relu"),
        ({"initializer": "xavier"}, "glorot_uniform"),
        ({"initializer": "he_norml"}, "he_normal"),
    ):
        with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
            fastnet.Network([2, 2, 2], "quadratic", **options)
    for options, meant in (
        ({"optimizer": "adm"}, "Adam"),
        ({"schedule": "cosine_annealing"}, "cosine"),
        ({"metrics": "val_loss"}, "evaluation_cost"),
    ):
        with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
            network().train((X, [0, 1]), 1, **options)


def test_names_ignore_case_and_are_kept_as_they_are_spelled_here():
    net = fastnet.Network(
        [2, 3, 2], "Log_Likelihood", activation="ReLU", output="SoftMax", initializer="He_Normal"
    )
    assert net.activations == ["relu", "softmax"]
    assert net.cost is fastnet.LogLikelihoodCost
    assert "initializers: weights 'he_normal'" in repr(net)
    net.kind = "Classes"
    assert net.kind == "classes"
    found = net.train((X, [0, 1]), 1, optimizer="ADAM", schedule="Cosine", metrics="Running_Cost")
    assert list(found[0]) == ["epoch", "eta", "running_cost"]


def test_estimators_stay_as_strict_as_scikit_learn():
    pytest.importorskip("sklearn", reason="scikit-learn is missing")
    from fastnet.estimators import MLPClassifier

    for options in (
        {"activation": "ReLU"},
        {"solver": "ADAM"},
        {"initializer": "He_Normal"},
        {"initializer": ["zeros", "He_Normal"]},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            MLPClassifier(**options).fit(X, [0, 1])
