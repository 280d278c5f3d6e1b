"""`weights`, `biases`, `coefs_` and `intercepts_` beside plain lists of the same arrays."""

import copy
import json
import pickle

import numpy as np
import pytest

import fastnet
from fastnet.model.parameters import Views


def estimators():
    """Return scikit-learn's classifier and ours, trained alike."""
    pytest.importorskip("sklearn", reason="scikit-learn is missing")
    from sklearn import neural_network

    from fastnet.estimators import MLPClassifier

    X = np.random.default_rng(0).normal(size=(60, 4))
    options = {"hidden_layer_sizes": (5,), "max_iter": 3, "tol": 1e9, "n_iter_no_change": 1}
    options |= {"solver": "sgd", "random_state": 0}
    kinds = neural_network.MLPClassifier, MLPClassifier
    return [kind(**options).fit(X, np.arange(60) % 3) for kind in kinds]


@pytest.fixture(params=["weights", "biases", "coefs_", "intercepts_"])
def views(request):
    if request.param.endswith("_"):
        return getattr(estimators()[1], request.param)
    return getattr(fastnet.Network([4, 5, 3, 3], rng=0), request.param)


#: What code does with a list of arrays, and what a list then answers.
USES = {
    "+": lambda v: v + v,
    "[] +": lambda v: [1] + v,  # noqa: RUF005
    "+ []": lambda v: v + [None],  # noqa: RUF005
    "*": lambda v: v * 2,
    "2 *": lambda v: 2 * v,
    "copy": lambda v: v.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda v: pickle.loads(pickle.dumps(v)),
    "pickle, protocol 0": lambda v: pickle.loads(pickle.dumps(v, 0)),
    "[:]": lambda v: v[:],
    "[::-1]": lambda v: v[::-1],
    "[1:]": lambda v: v[1:],
    "reversed": lambda v: list(reversed(v)),
    "enumerate": lambda v: [a for _, a in enumerate(v)],
    "star": lambda v: [*v],
    "[-1]": lambda v: [v[-1]],
    "list": list,
    "sum": lambda v: sum([v, v], []),  # noqa: RUF017
}


@pytest.mark.parametrize("use", USES)
def test_what_a_list_gives_is_given_as_a_plain_list(views, use):
    got, wanted = USES[use](views), USES[use](list(views))
    assert type(got) is list and len(got) == len(wanted)
    for ours, theirs in zip(got, wanted, strict=True):
        assert type(ours) is type(theirs) and np.array_equal(ours, theirs)


#: What a list refuses, with the error that it raises.
REFUSED = {
    "+ tuple": lambda v: v + (1,),  # noqa: RUF005
    "tuple +": lambda v: (1,) + v,  # noqa: RUF005
    "+ array": lambda v: v + None,
    "* float": lambda v: v * 0.5,
    "[9]": lambda v: v[9],
    "[9] =": lambda v: v.__setitem__(9, 0.0),
    "['a']": lambda v: v["a"],
    "sorted": sorted,
    "json": json.dumps,
    "hash": hash,
    "<": lambda v: v < [a + 1 for a in v],
    "extended slice": lambda v: v.__setitem__(slice(None, None, -1), [0.0]),
}


@pytest.mark.parametrize("use", REFUSED)
def test_what_a_list_refuses_is_refused(views, use):
    with pytest.raises((TypeError, ValueError, IndexError)) as theirs:
        REFUSED[use](list(views))
    with pytest.raises(theirs.type):
        REFUSED[use](views)


def test_an_estimators_lists_are_used_as_scikit_learns():
    """Code that joins all parameters into one list, as in federated averaging."""
    both = estimators()
    joined = [model.coefs_ + model.intercepts_ for model in both]
    for theirs, ours in zip(*joined, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    for model in both:
        for array in model.coefs_:
            array *= 0.5
        model.intercepts_ = [array * 2 for array in model.intercepts_]
        model.coefs_[0] = model.coefs_[0] + 1.0
        model.coefs_[1:] = [model.coefs_[1] - 1.0]
    theirs, ours = both
    X = np.random.default_rng(1).normal(size=(30, 4))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-12)
    assert isinstance(ours.coefs_, list) and isinstance(ours.intercepts_, list)


def test_equality_compares_shapes_and_numbers(views):
    same = [array.copy() for array in views]
    other = [*same[:-1], same[-1] + 1e-9]
    assert views == views.copy() and views == same and same == views
    assert (views != same) is False and views != other and other != views
    assert views != same[:-1] and views != tuple(same) and views != None  # noqa: E711
    assert views != [array[np.newaxis] for array in same]
    assert same[-1] in views and other[-1] not in views and "weights" not in views
    last = len(views) - 1
    assert views.index(same[-1]) == views.index(same[-1], -1) == last
    assert views.count(same[-1]) == 1 and views.count(other[-1]) == 0
    for bounds in ((0, last), (last + 1,)):
        with pytest.raises(ValueError, match="is not in"):
            views.index(same[-1], *bounds)


def test_what_changes_length_or_order_is_refused_and_changes_nothing(views):
    before = copy.deepcopy(views)
    changes = {
        "append": (before[0],),
        "extend": (before,),
        "insert": (0, before[0]),
        "pop": (),
        "remove": (before[0],),
        "clear": (),
        "reverse": (),
        "sort": (),
        "__delitem__": (0,),
    }
    for name, arguments in changes.items():
        with pytest.raises(TypeError, match=r"has one array for each of \d layers"):
            getattr(views, name)(*arguments)
    with pytest.raises(ValueError, match=r"expected \d"):
        views[1:] = before
    assert views == before
    harmless = {"copy", "__reversed__", "__sizeof__"}
    mutators = {name for name in vars(list) if name not in vars(tuple)} - harmless
    own = {name for name in mutators if getattr(Views, name) is not getattr(list, name)}
    assert own == mutators


def test_a_name_bound_to_the_list_can_be_extended_without_harm(views):
    before = copy.deepcopy(views)
    parameters = views
    parameters += [1.0]
    doubled = views
    doubled *= 2
    assert type(parameters) is type(doubled) is list
    assert len(parameters) == len(before) + 1 and len(doubled) == 2 * len(before)
    assert views == before
    network = fastnet.Network([2, 2], rng=0)
    with pytest.raises(ValueError, match="has 2 arrays; expected 1"):
        network.weights += [np.zeros((2, 2))]
