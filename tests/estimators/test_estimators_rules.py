"""scikit-learn's rules for learning rates, classes, warm starts and refusals, beside its own."""

import copy
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

import scipy.sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import fastnet
from fastnet.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.4, 0.4])
LABELS = (RNG.random((60, 3)) > 0.5).astype(int)


def both(**parameters):
    """Return scikit-learn's classifier and ours."""
    small = {"hidden_layer_sizes": (5,), "solver": "sgd", "max_iter": 8, "random_state": 3}
    small |= {
        "batch_size": 15,
        "learning_rate_init": 0.02,
        "alpha": 0.0,
        "validation_fraction": 0.25,
    }
    return [kind(**small | parameters) for kind in (neural_network.MLPClassifier, MLPClassifier)]


def ours_and_its_twin(estimator, **parameters):
    return clone(estimator), clone(estimator).set_params(**parameters)


def fit_theirs(model, *data):
    """Fit; before 1.9 early stopping looks for NaN in text and in sparse predictions."""
    try:
        return model.fit(*data)
    except TypeError as error:
        if "isnan" not in str(error):
            raise
        pytest.skip("early stopping on these labels is missing before scikit-learn 1.9")


def assert_same_fit(theirs, ours):
    for name in ("classes_", "n_outputs_", "n_iter_", "t_", "out_activation_", "n_layers_"):
        their, our = getattr(theirs, name), getattr(ours, name)
        assert np.array_equal(their, our), name
        assert np.asarray(their).dtype == np.asarray(our).dtype, name
    for name in ("coefs_", "intercepts_"):
        for their, our in zip(getattr(theirs, name), getattr(ours, name), strict=True):
            np.testing.assert_allclose(our, their, rtol=1e-9, atol=1e-12)
    for name in ("loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_"):
        their, our = getattr(theirs, name), getattr(ours, name)
        assert (their is None) == (our is None), name
        if their is not None:
            np.testing.assert_allclose(our, their, rtol=1e-9)


# ---- learning rates


@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "adamw", "rmsprop", fastnet.RMSprop(0.01)])
def test_a_named_learning_rate_changes_gradient_descent_only(solver, name):
    stopping = {"tol": 0.5, "n_iter_no_change": 2, "max_iter": 20}
    plain = MLPClassifier((5,), solver=solver, random_state=0, **stopping)
    plain, named = ours_and_its_twin(plain, learning_rate=name)
    assert np.array_equal(plain.fit(X, Y).coefs_[0], named.fit(X, Y).coefs_[0])
    assert plain.n_iter_ == named.n_iter_


@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov", fastnet.Momentum(0.5, 0.5)])
def test_a_named_learning_rate_changes_every_gradient_descent(solver):
    stopping = {"tol": 0.5, "n_iter_no_change": 2, "max_iter": 200}
    plain = MLPClassifier((5,), solver=solver, random_state=0, **stopping)
    plain, adaptive = ours_and_its_twin(plain, learning_rate="adaptive")
    plain.fit(X, Y)
    etas = [record["eta"] for record in adaptive.fit(X, Y).network_.history]
    first = 0.001 if isinstance(solver, str) else 0.5
    assert plain.n_iter_ < adaptive.n_iter_ < 200 and etas[0] == first
    # Divided by 5 until it is no more than 1e-6.
    assert etas[-1] <= 1e-6 < etas[-1] * 5
    scaled = clone(plain).set_params(learning_rate="invscaling", max_iter=3, tol=0.0).fit(X, Y)
    etas = [record["eta"] for record in scaled.network_.history]
    assert etas == pytest.approx([first, first / 61**0.5, first / 121**0.5])


# ---- classes

KINDS = {
    "one": np.zeros(60, int),
    "one, named": np.array(["only"] * 60),
    "one, of objects": np.array(["only"] * 60, dtype=object),
    "one, true": np.ones(60, bool),
    "objects": np.array(["a", "b", "c"], dtype=object)[Y],
    "negative": Y - 7,
    "whole floats": Y * 2.0,
    "bools": Y > 0,
    "labels": LABELS,
    "bool labels": LABELS > 0,
    "labels of 0 and 2": LABELS * 2,
    "absent labels": LABELS * 0,
    "a class for each": np.arange(60),
}


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_learnt_as_theirs(kind, stops):
    y = KINDS[kind]
    theirs, ours = both(early_stopping=stops)
    try:
        fit_theirs(theirs, X, y)
    except ValueError as error:  # a class of one example cannot be divided
        with pytest.raises(type(error)):
            ours.fit(X, y)
        return
    assert_same_fit(theirs, ours.fit(X, y))
    for name in ("predict", "predict_proba"):
        their, our = getattr(theirs, name)(X), getattr(ours, name)(X)
        assert their.shape == our.shape and their.dtype == our.dtype
        assert np.array_equal(their, our) or np.allclose(their, our, rtol=1e-9)
    assert theirs.score(X, y) == ours.score(X, y)


def test_a_single_class_is_certain():
    ours = both(early_stopping=True)[1].fit(X, KINDS["one, named"])
    assert set(ours.validation_scores_) == {1.0} == {ours.score(X, KINDS["one, named"])}
    for classes in (["only"], ["only", "other"]):
        theirs, ours = both()
        for _ in range(2):
            assert_same_fit(
                theirs.partial_fit(X, KINDS["one, named"], classes=classes),
                ours.partial_fit(X, KINDS["one, named"], classes=classes),
            )
        assert np.array_equal(theirs.predict(X), ours.predict(X))


@pytest.mark.parametrize("layout", ["csr_matrix", "csr_array", "csc_matrix", "coo_matrix"])
@pytest.mark.parametrize("stops", [False, True])
def test_sparse_labels_are_predicted_as_a_sparse_matrix(layout, stops):
    y = getattr(scipy.sparse, layout)(LABELS)
    theirs, ours = both(early_stopping=stops)
    assert_same_fit(fit_theirs(theirs, X, y), ours.fit(X, y))
    their, our = theirs.predict(X), ours.predict(X)
    assert type(their) is type(our) and their.dtype == our.dtype
    assert np.array_equal(their.toarray(), our.toarray()) and our.sum() > 0
    assert ours.score(X, y) == theirs.score(X, y)
    assert isinstance(ours.fit(X, LABELS).predict(X), np.ndarray)
    streamed = [
        model.partial_fit(X, y, classes=range(3)).predict(X) for model in both(random_state=0)
    ]
    assert type(streamed[0]) is type(streamed[1])


def test_labels_that_are_two_numbers_but_not_0_and_one_other_are_refused():
    for y in (LABELS * 2 - 1, LABELS + 1):
        with pytest.raises(ValueError, match=r"y contains -?1 and \d; give several labels"):
            MLPClassifier().fit(X, y)


def test_many_classes_are_not_warned_of():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        both()[1].fit(X, np.arange(60))
    assert [warning.category for warning in caught] == [ConvergenceWarning]


@pytest.mark.parametrize("bad", [np.array([None] * 60), X[:, 0], np.array([1, "a"] * 30, object)])
def test_what_is_no_class_is_refused(bad):
    with pytest.raises(ValueError, match="Unknown label type"):
        MLPClassifier().fit(X, bad)


# ---- going on


@pytest.mark.parametrize("other", [Y > 0, Y + 1, np.array(["a", "b", "c"])[Y], np.minimum(Y, 1)])
def test_a_warm_start_with_other_classes_raises_what_theirs_does(other):
    said = []
    for model in both(warm_start=True):
        model.fit(X, Y)
        before = [array.copy() for array in model.coefs_]
        with pytest.raises(ValueError, match="warm_start can only be used where") as caught:
            model.fit(X, other)
        said.append(str(caught.value))
        assert all(map(np.array_equal, before, model.coefs_))
        assert model.fit(X[::-1], Y[::-1]).classes_.tolist() == [0, 1, 2]
        with pytest.raises(ValueError, match="warm_start can only be used where"):
            model.partial_fit(X[:1], Y[:1])
    assert said[0] == said[1]


@pytest.mark.parametrize("y", [Y, Y > 0, LABELS])
def test_a_first_partial_fit_needs_classes(y):
    said = []
    for model in both():
        with pytest.raises(ValueError) as caught:
            model.partial_fit(X, y)
        said.append(str(caught.value))
        assert not hasattr(model, "coefs_")
        model.fit(X, y).partial_fit(X, y)  # fit has told which there are
    assert said[0] == said[1] == "classes must be passed on the first call to partial_fit."


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_warm_start_with_early_stopping_goes_on_as_theirs(seed, shuffle):
    """Also where no epoch is better than the best of the fit before."""
    parameters = {"early_stopping": True, "warm_start": True, "tol": 0.5, "n_iter_no_change": 2}
    theirs, ours = both(**parameters, random_state=seed, shuffle=shuffle)
    for rows in (slice(None), slice(None, None, -1), slice(10, None)):
        assert_same_fit(theirs.fit(X[rows], Y[rows]), ours.fit(X[rows], Y[rows]))


def test_early_stopping_may_be_turned_on_for_a_warm_start():
    ours = both(warm_start=True)[1].fit(X, Y).set_params(early_stopping=True).fit(X, Y)
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    assert len(ours.validation_scores_) == 8 and len(ours.loss_curve_) == 16


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_weights_assigned_before_the_first_call_are_gone_on_from(how):
    donor = both()[1].fit(X, Y)
    ours = both(learning_rate_init=1e-300, warm_start=True, max_iter=1)[1]
    ours.coefs_ = [0] * 2
    ours.intercepts_ = copy.deepcopy(donor.intercepts_)
    ours.coefs_[:] = [w * 2 for w in donor.coefs_]
    assert isinstance(ours.coefs_, list) and not hasattr(ours, "network_")
    more = {"classes": [0, 1, 2]} if how == "partial_fit" else {}
    getattr(ours, how)(X, Y, **more)
    assert ours.coefs_ == [w * 2 for w in donor.coefs_] and ours.intercepts_ == donor.intercepts_
    ours.coefs_[0][:] = 0.0
    assert not ours.network_.weights[0].any()
    fresh = both()[1]
    fresh.coefs_, fresh.intercepts_ = donor.coefs_, donor.intercepts_
    assert_same_fit(donor, fresh.fit(X, Y))  # without warm_start, fit begins anew, as theirs
    wrong = both(warm_start=True)[1]
    wrong.coefs_, wrong.intercepts_ = donor.coefs_[::-1], donor.intercepts_
    with pytest.raises(ValueError, match=r"coefs_\[0\] has shape \(5, 3\); expected \(4, 5\)"):
        wrong.fit(X, Y)


def test_what_a_warm_start_cannot_change_is_refused():
    ours = both(warm_start=True)[1].fit(X, Y)
    before = ours.network_.parameters.copy()
    for change in ({"activation": "tanh"}, {"hidden_layer_sizes": (4,)}):
        kept = {name: ours.get_params()[name] for name in change}
        with pytest.raises(ValueError, match="the fitted network has"):
            ours.set_params(**change).fit(X, Y)
        assert np.array_equal(ours.set_params(**kept).network_.parameters, before)


# ---- divergence


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_early_stopping_goes_back_from_a_divergence():
    """scikit-learn goes on with NaN to max_iter, and then back to the same weights."""
    parameters = {"solver": "sgd", "learning_rate_init": 0.5, "early_stopping": True}
    parameters |= {"hidden_layer_sizes": (20,), "activation": "identity", "random_state": 0}
    theirs, ours = (
        kind(**parameters, max_iter=40, batch_size=15)
        for kind in (neural_network.MLPRegressor, MLPRegressor)
    )
    theirs.fit(X * 3, X[:, 0])
    with pytest.warns(
        ConvergenceWarning, match=r"diverged in epoch \d+; the weights with the best"
    ):
        ours.fit(X * 3, X[:, 0])
    n = ours.n_iter_
    assert 1 < n < 40 == theirs.n_iter_
    np.testing.assert_allclose(ours.validation_scores_[:-1], theirs.validation_scores_[: n - 1])
    assert np.isnan(ours.validation_scores_[-1]) and np.isnan(theirs.validation_scores_[-1])
    assert len(ours.loss_curve_) == len(ours.validation_loss_curve_) == n
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        clone(ours).fit(X * 1e200, X[:, 0])  # no epoch was scored: there is nothing to go back to


# ---- refusals


@pytest.mark.parametrize(
    "parameters",
    [
        {"alpha": "much"}, {"alpha": -1}, {"max_iter": 2.5}, {"max_iter": 0}, {"verbose": -1},
        {"verbose": "yes"}, {"shuffle": 1}, {"solver": 3}, {"solver": "no"}, {"tol": np.inf},
        {"random_state": -1}, {"random_state": "a"}, {"batch_size": 0}, {"hidden_layer_sizes": "a"},
        {"learning_rate": "fast"}, {"n_iter_no_change": 0}, {"epsilon": 0.0},
    ],
    ids=str,
)  # fmt: skip
def test_refused_parameters_are_a_value_error_and_a_type_error_as_theirs(parameters):
    for model in both(**parameters):
        for error in (ValueError, TypeError):
            with pytest.raises(error) as caught:
                model.fit(X, Y)
            assert next(iter(parameters)) in str(caught.value)


def test_sparse_numbers_are_refused_by_name():
    with pytest.raises(TypeError, match="y is a sparse matrix"):
        MLPRegressor().fit(X, scipy.sparse.csr_matrix(X[:, :2]))


# ---- L-BFGS with several outputs


@pytest.mark.parametrize("outputs", [1, 5])
def test_lbfgs_reaches_the_minimum_for_several_outputs(outputs):
    """Without hidden layers the minimum is that of ridge regression, which is solved exactly.

    scikit-learn's stops above it with several outputs, since its gradient is that of a loss so many
    times as large: scikit-learn#8349.
    """
    numbers = X @ RNG.normal(size=(4, outputs)) + np.random.default_rng(1).normal(
        size=(60, outputs)
    )
    rows, penalty = np.c_[X, np.ones(60)], np.diag([1.0, 1, 1, 1, 0])
    exact = np.linalg.solve(rows.T @ rows + penalty, rows.T @ numbers)

    def objective(weights):
        return (
            0.5 * np.sum((rows @ weights - numbers) ** 2) / 60
            + 0.5 * np.sum(weights[:-1] ** 2) / 60
        )

    options = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 1.0, "tol": 1e-6}
    ours = MLPRegressor(**options, random_state=0).fit(X, np.squeeze(numbers))
    found = objective(np.vstack([ours.coefs_[0], ours.intercepts_[0]]))
    assert found == pytest.approx(objective(exact), rel=1e-7) and found >= objective(exact)
