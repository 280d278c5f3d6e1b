"""`MLPRegressor`'s losses beside scikit-learn's metrics, its linear quantiles, and known noise."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

from sklearn.base import clone
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_absolute_error, mean_pinball_loss, r2_score

from fastnet import GaussianCost, HuberCost, QuantileCost
from fastnet.estimators import MLPRegressor
from fastnet.schedules import Cosine

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)  # few epochs are not meant to converge

LEVELS = [0.05, 0.5, 0.95]
SLOWING = {"learning_rate": Cosine(100), "n_iter_no_change": 100, "batch_size": 50}


def noisy(n, seed):
    """Return x in [-1, 1], targets around sin 3x, and the standard deviation of each."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 1))
    std = 0.2 + 0.1 * X[:, 0]
    return X, np.sin(3 * X[:, 0]) + rng.normal(0, std), std


def regressor(loss, **options):
    """Return one that learns this within a second."""
    known = {"hidden_layer_sizes": (20,), "activation": "tanh", "learning_rate_init": 0.01}
    return MLPRegressor(loss, **known | {"random_state": 0, "max_iter": 100} | options)


def huber(y, predicted, weights):
    r = np.abs(y - predicted)
    each = np.where(r <= 0.3, r * r / 2, 0.3 * (r - 0.15)).mean(axis=1)
    return np.average(each, weights=weights)


def pinball(y, predicted, weights):
    parts = np.moveaxis(predicted, -1, 0)
    losses = [
        mean_pinball_loss(y, part, alpha=level, sample_weight=weights)
        for level, part in zip(LEVELS, parts, strict=True)
    ]
    return np.mean(losses)


CASES = {
    "absolute_error": ({}, lambda *given: mean_absolute_error(*given[:2], sample_weight=given[2])),
    "huber": ({"delta": 0.3}, huber),
    "quantile": ({"quantile": LEVELS}, pinball),
}


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("loss", CASES)
def test_the_loss_is_the_metric(loss, n_outputs):
    """Of what was put aside, by its weights; and without a penalty, of the data themselves."""
    options, metric = CASES[loss]
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 4)), rng.random((60, n_outputs))
    weights = rng.uniform(0.5, 1.5, 60)
    fitted = regressor(loss, max_iter=3, **options)
    y_given = y[:, 0] if n_outputs == 1 else y
    fitted.fit(X, y_given, X_val=X, y_val=y_given)
    predicted = fitted.predict(X)
    shape = (60,) if n_outputs == 1 else (60, n_outputs)
    assert predicted.shape == (shape if loss != "quantile" else (*shape, 3))
    predicted = predicted.reshape(60, n_outputs, *predicted.shape[len(shape) :])
    wanted = metric(y, predicted, np.ones(60))
    assert fitted.validation_loss_curve_[-1] == pytest.approx(wanted, rel=1e-12)
    outputs = fitted.network_.feedforward(X)
    assert fitted._mean_loss(outputs, y, weights) == pytest.approx(metric(y, predicted, weights))
    kept = regressor(loss, max_iter=1, learning_rate_init=1e-12, alpha=0.0, **options)
    kept.fit(X, y_given)
    predicted = kept.predict(X).reshape(predicted.shape)
    assert kept.loss_ == pytest.approx(metric(y, predicted, np.ones(60)), rel=1e-9)


def test_score():
    X, y, _ = noisy(200, 0)
    for loss in ("huber", "absolute_error", "gaussian"):
        fitted = regressor(loss, max_iter=5).fit(X, y)
        assert fitted.score(X, y) == pytest.approx(r2_score(y, fitted.predict(X)))
    weights = np.arange(200.0)
    fitted = regressor("quantile", quantile=LEVELS, max_iter=5).fit(X, y)
    wanted = [
        d2_pinball_score(y, part, alpha=level, sample_weight=weights)
        for level, part in zip(LEVELS, fitted.predict(X).T, strict=True)
    ]
    assert fitted.score(X, y, weights) == pytest.approx(np.mean(wanted))
    single = regressor("quantile", quantile=0.9, max_iter=5, early_stopping=True).fit(X, y)
    assert single.score(X, y) == pytest.approx(d2_pinball_score(y, single.predict(X), alpha=0.9))
    assert single.predict(X).shape == (200,) and len(single.validation_scores_) == 5


def test_quantiles_cover_what_they_promise_on_new_data():
    X, y, _ = noisy(2000, 0)
    X_new, y_new, _ = noisy(4000, 1)
    fitted = regressor("quantile", quantile=LEVELS, **SLOWING).fit(X, y)
    below = np.mean(y_new[:, np.newaxis] < fitted.predict(X_new), axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.03)
    for part in (X_new[:, 0] < 0, X_new[:, 0] > 0):  # and so where the noise is small or large
        low, _, high = fitted.predict(X_new[part]).T
        assert 0.85 < np.mean((low < y_new[part]) & (y_new[part] < high)) < 0.95


def test_a_gaussian_tells_the_noise():
    X, y, _ = noisy(2000, 0)
    X_new, _, std = noisy(400, 1)
    both = regressor("gaussian", **SLOWING).fit(X, np.column_stack([y, 2 * y + 1]))
    mean, found = both.predict(X_new, return_std=True)
    assert mean.shape == found.shape == (400, 2) and both.network_.sizes == [1, 20, 4]
    assert np.mean(np.abs(mean[:, 0] - np.sin(3 * X_new[:, 0]))) < 0.05
    assert np.mean(np.abs(found[:, 0] - std)) < 0.03
    assert np.mean(np.abs(found[:, 1] - 2 * std)) < 0.06
    np.testing.assert_allclose(both.predict(X_new), mean)
    alone = regressor("gaussian", max_iter=1).fit(X, y)
    assert [part.shape for part in alone.predict(X_new, return_std=True)] == [(400,), (400,)]
    assert alone.n_outputs_ == 1 and both.n_outputs_ == 2


def test_a_line_is_that_of_scikit_learns_quantile_regressor():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2))
    y = X @ [1.0, -2.0] + rng.exponential(1.0, 300)
    ours = regressor("quantile", hidden_layer_sizes=(), quantile=[0.2, 0.8], alpha=0.0)
    ours.set_params(batch_size=300, max_iter=3000, n_iter_no_change=3000, warm_start=True)
    for eta in (0.01, 0.001):
        ours.set_params(learning_rate_init=eta).fit(X, y)
    for column, level in enumerate([0.2, 0.8]):
        theirs = QuantileRegressor(quantile=level, alpha=0.0).fit(X, y)
        wanted = mean_pinball_loss(y, theirs.predict(X), alpha=level)
        found = mean_pinball_loss(y, ours.predict(X)[:, column], alpha=level)
        assert wanted - 1e-12 <= found <= 1.001 * wanted
        np.testing.assert_allclose(ours.coefs_[0][:, column], theirs.coef_, atol=0.05)


def test_rows_that_weigh_nothing_teach_nothing():
    X, y, _ = noisy(100, 0)
    weights = np.ones(100)
    weights[:20] = 0
    spoilt = np.where(weights > 0, y, 1e3)
    options = {"max_iter": 5, "batch_size": 100, "quantile": LEVELS, "early_stopping": False}
    for loss in ("huber", "absolute_error", "quantile", "gaussian"):
        one, two = (regressor(loss, **options).fit(X, part, weights) for part in (y, spoilt))
        np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_parameters_as_scikit_learn_has_them():
    X, y, _ = noisy(60, 0)
    fitted = regressor("quantile", quantile=LEVELS, max_iter=2).fit(X, y)
    again = clone(fitted)
    assert again.get_params() == fitted.get_params() and again.quantile == LEVELS
    assert fitted.network_.cost == QuantileCost(*LEVELS)
    # What is set after fit counts from the next fit on.
    fitted.set_params(loss="gaussian")
    assert fitted.predict(X).shape == (60, 3)
    assert fitted.fit(X, y).network_.cost is GaussianCost
    warm = regressor("huber", delta=0.5, warm_start=True, max_iter=2).fit(X, y)
    warm.set_params(delta=0.1).fit(X, y)
    assert warm.network_.cost == HuberCost(0.1)
    warm.set_params(loss="absolute_error").partial_fit(X, y)
    assert warm.network_.cost.name == "absolute"
    with pytest.raises(ValueError, match="layers of"):
        warm.set_params(loss="quantile", quantile=LEVELS).fit(X, y)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "mse"}, "loss of MLPRegressor is 'mse'; expected one of squared_error"),
        ({"delta": 0.0}, r"delta of MLPRegressor is 0.0; expected a number in \(0, inf\)"),
        ({"delta": "1"}, "delta of"),
        ({"quantile": 1.0}, r"quantile of MLPRegressor is 1.0; expected a number in \(0, 1\)"),
        ({"quantile": []}, "quantile of"),
        ({"quantile": [0.1, 0.1]}, "quantile of"),
        ({"quantile": [[0.1]]}, "quantile of"),
        ({"quantile": "median"}, "quantile of"),
    ],
)
def test_what_is_refused_before_anything_changes(options, words):
    X, y, _ = noisy(60, 0)
    estimator = regressor("squared_error", max_iter=2).set_params(**options)
    with pytest.raises(ValueError, match=words):
        estimator.fit(X, y)
    assert not hasattr(estimator, "network_")


def test_a_standard_deviation_is_refused_where_there_is_no_variance():
    X, y, _ = noisy(60, 0)
    with pytest.raises(ValueError, match="one network with loss='huber' has no standard deviation"):
        regressor("huber", max_iter=2).fit(X, y).predict(X, return_std=True)
    fitted = regressor("gaussian", max_iter=2).fit(X, y)
    fitted.intercepts_[-1][1] = 1e4  # a log variance whose exponential is infinite
    assert np.isinf(fitted.predict(X, return_std=True)[1]).all()
