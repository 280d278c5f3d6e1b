"""`n_members`: several networks behind one estimator, each as an estimator of its own has it."""

import copy
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

import fastnet
from fastnet.estimators import MLPClassifier, MLPRegressor

K, SEED = 3, 5
pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)
DATA = {
    "two classes": make_classification(120, 6, n_classes=2, random_state=0),
    "four classes": make_classification(
        120, 6, n_informative=4, n_redundant=0, n_classes=4, random_state=0
    ),
    "labels": make_multilabel_classification(120, 6, n_classes=3, random_state=0),
    "a number": make_regression(120, 6, noise=3.0, random_state=0),
    "numbers": make_regression(120, 6, n_targets=2, noise=3.0, random_state=0),
}


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """Fit three members at a time, which so few rows are not enough for."""
    monkeypatch.setattr("fastnet.estimators.members._threads", lambda estimator, X: 3)


def made(kind, **options):
    cls = MLPRegressor if "number" in kind else MLPClassifier
    given = {"hidden_layer_sizes": 8, "max_iter": 12, "random_state": SEED}
    return cls(**(given | options))


def singles(kind, **options):
    """Return estimators of one network with the seeds that the docstring says."""
    seeds = np.random.RandomState(SEED).randint(2**31 - 1, size=K)
    return [made(kind, **(options | {"random_state": int(seed)})) for seed in seeds]


def probabilities(estimator, X):
    return estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else None


WAYS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "dropout": 0.2},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {
        "early_stopping": True,
        "n_iter_no_change": 2,
        "max_iter": 90,
        "learning_rate_init": 0.1,
    },
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", ["four classes", "numbers"])
def test_members_are_estimators_of_one_network(kind, options):
    (X, y), weight = DATA[kind], np.linspace(0.5, 1.5, 120)
    several = made(kind, n_members=K, **options).fit(X, y, weight)
    one_by_one = [single.fit(X, y, weight) for single in singles(kind, **options)]
    for network, single in zip(several.ensemble_, one_by_one, strict=True):
        assert np.array_equal(network.parameters, single.network_.parameters)
        assert network.history == single.network_.history
    if "early_stopping" in options:
        assert len({single.n_iter_ for single in one_by_one}) > 1
    assert several.network_ is several.ensemble_[0]
    assert all(map(np.array_equal, several.coefs_, one_by_one[0].coefs_))
    assert several.n_iter_ == max(single.n_iter_ for single in one_by_one)
    assert several.converged_ == all(single.converged_ for single in one_by_one)
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
        curves = [getattr(single, name) for single in one_by_one]
        if curves[0] is None:
            assert getattr(several, name) is None
            continue
        table = np.full((K, max(map(len, curves))), np.nan)
        for row, curve in zip(table, curves, strict=True):
            row[: len(curve)] = curve
        np.testing.assert_allclose(getattr(several, name), np.nanmean(table, axis=0), rtol=1e-12)
    assert several.loss_ == pytest.approx(np.mean([single.loss_ for single in one_by_one]))


@pytest.mark.parametrize("kind", DATA)
def test_predictions_are_means_over_members(kind):
    X, y = DATA[kind]
    several = made(kind, n_members=K).fit(X, y)
    one_by_one = [single.fit(X, y) for single in singles(kind)]
    if "number" in kind:
        each = [single.predict(X) for single in one_by_one]
        found, std = several.predict(X, return_std=True)
        np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-12)
        np.testing.assert_allclose(std, np.std(each, axis=0), rtol=1e-9)
        assert found.shape == std.shape == y.shape
        assert np.array_equal(several.predict(X), found)
    else:
        mean = np.mean([single.predict_proba(X) for single in one_by_one], axis=0)
        np.testing.assert_allclose(several.predict_proba(X), mean, rtol=1e-12)
        wanted = mean > 0.5 if kind == "labels" else mean.argmax(axis=1)
        assert np.array_equal(several.predict(X), wanted)


def test_one_network_has_no_spread():
    X, y = DATA["a number"]
    with pytest.raises(ValueError, match="one network with loss='squared_error' has no"):
        made("a number").fit(X, y).predict(X, return_std=True)


def test_the_variance_of_gaussian_members_is_the_total_one():
    """Law of total variance: the mean of the variances and the variance of the means."""
    X, y = DATA["a number"]
    several = made("a number", loss="gaussian", n_members=K).fit(X / 10, y / 100)
    found, std = several.predict(X / 10, return_std=True)
    outputs = several.ensemble_.feedforward(X / 10)
    mean, variance = outputs[:, :, 0], np.exp(outputs[:, :, 1])
    np.testing.assert_allclose(found, mean.sum(axis=0) / K, rtol=1e-12)
    spread = ((mean - mean.sum(axis=0) / K) ** 2).sum(axis=0) / K
    np.testing.assert_allclose(std**2, variance.sum(axis=0) / K + spread, rtol=1e-12)


@pytest.mark.parametrize("kind", ["two classes", "a number"])
def test_later_calls_go_on_from_every_member(kind):
    X, y = DATA[kind]
    several, one_by_one = made(kind, n_members=K), singles(kind)
    classes = {} if kind == "a number" else {"classes": [0, 1]}
    for estimator in (several, *one_by_one):
        for part in (slice(0, 60), slice(60, 120)):
            estimator.partial_fit(X[part], y[part], **classes)
        estimator.set_params(warm_start=True, max_iter=3, alpha=0.1).fit(X, y)
    for network, single in zip(several.ensemble_, one_by_one, strict=True):
        assert np.array_equal(network.parameters, single.network_.parameters)
    ensemble = several.ensemble_
    several.partial_fit(X, y)
    assert several.ensemble_ is ensemble  # in place


def test_another_number_of_members_is_refused_where_it_goes_on():
    X, y = DATA["two classes"]
    several = made("two classes", n_members=K, warm_start=True).fit(X, y)
    before = several.ensemble_.parameters.copy()
    for n in (1, 2):
        with pytest.raises(ValueError, match=f"n_members is {n} and the fitted estimator has 3"):
            several.set_params(n_members=n).fit(X, y)
    assert np.array_equal(several.ensemble_.parameters, before)
    several.set_params(warm_start=False, n_members=1).fit(X, y)
    assert not hasattr(several, "ensemble_")
    assert np.array_equal(several.coefs_[0], made("two classes").fit(X, y).coefs_[0])


def test_what_members_cannot_have_is_refused():
    X, y = DATA["two classes"]
    for n in (0, 1.5, "2", True, None):
        with pytest.raises(ValueError, match="n_members of MLPClassifier is"):
            made("two classes", n_members=n).fit(X, y)
    several = made("two classes", n_members=2)
    several.coefs_ = [np.ones((6, 8)), np.ones((8, 1))]
    with pytest.raises(ValueError, match=r"coefs_ was assigned before the first call.*ensemble_"):
        several.partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_share_nothing_and_keep_their_members_together(copied):
    X, y = DATA["four classes"]
    several = made("four classes", n_members=K).fit(X, y)
    outputs = several.predict_proba(X)
    other = copied(several)
    assert other.network_ is other.ensemble_[0]
    assert np.shares_memory(other.coefs_[0], other.ensemble_.parameters)
    other.partial_fit(X, y)
    other.ensemble_.parameters[:] = 0.0
    assert np.array_equal(several.predict_proba(X), outputs)
    assert not hasattr(clone(several), "ensemble_")


def test_what_members_say_is_said_once():
    X, y = DATA["two classes"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made("two classes", n_members=K).fit(X, y)
    assert [warning.category for warning in caught] == [ConvergenceWarning]
    assert caught[0].filename == __file__


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    X, y = DATA["a number"]
    several = made("a number", n_members=K).fit(X, y)
    before = several.predict(X)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        several.set_params(solver="sgd", learning_rate_init=1e30).fit(X, y)
    assert np.array_equal(several.predict(X), before)


class Strike(fastnet.Callback):
    """Sends Ctrl-C once, from whichever network comes to its fourth epoch first."""

    def __init__(self, left):
        self.left = left

    def __deepcopy__(self, memo):
        return Strike(self.left)  # which all networks share

    def on_epoch_begin(self, network, epoch):
        if epoch == 3 and self.left:
            self.left.clear()
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals to a process are missing on Windows")
def test_ctrl_c_ends_all_members_with_a_warning():
    X, y = DATA["two classes"]
    several = made("two classes", n_members=8).fit(X, y)
    before = threading.active_count()
    # Only now: what Ctrl-C raises in the callbacks of an import is lost.
    several.set_params(max_iter=10**6, tol=0.0, n_iter_no_change=10**6, callbacks=[Strike([1])])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        several.fit(X, y)
    assert len(several.ensemble_) == 8
    until = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)  # for a thread that Ctrl-C has met as it began
    assert threading.active_count() == before
    assert np.isfinite(several.predict_proba(X)).all()


def test_a_search_chooses_the_number():
    X, y = DATA["two classes"]
    search = GridSearchCV(made("two classes"), {"n_members": [1, 2]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
