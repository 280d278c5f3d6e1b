"""The estimators beside scikit-learn's own: one `random_state`, one network."""

import inspect
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

import scipy.sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.metrics import mean_poisson_deviance

from fastnet.estimators import MLPClassifier, MLPRegressor

NAMES = ["MLPClassifier", "MLPRegressor"]
OURS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
#: Since scikit-learn 1.7, which also stops early where classes are strings.
LEARNS_WEIGHTED = "sample_weight" in inspect.signature(neural_network.MLPClassifier.fit).parameters
#: What a fitted estimator of scikit-learn's has, and ours must have too.
ATTRIBUTES = [
    *("coefs_", "intercepts_", "loss_", "loss_curve_", "best_loss_", "n_iter_", "t_"),
    *("validation_scores_", "best_validation_score_", "n_layers_", "n_outputs_"),
    *("out_activation_", "n_features_in_"),
]

LOSSES = {"loss_", "loss_curve_", "best_loss_"}
SCORES = {"validation_scores_", "best_validation_score_"}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)  # 10 epochs are not meant to converge


def pair(name, **parameters):
    """Return scikit-learn's estimator and ours, with one random state."""
    parameters = {"max_iter": 10, "random_state": 3, "batch_size": 50} | parameters
    return getattr(neural_network, name)(**parameters), OURS[name](**parameters)


def problem(name, n=200, targets=1, seed=0):
    """Return X and y: three classes, or a smooth function of X."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 6))
    values = np.tanh(X @ rng.standard_normal((6, targets))) + 0.1 * X[:, :1] ** 2
    if name == "MLPRegressor":
        return X, values[:, 0] if targets == 1 else values
    return X, np.array(["x", "yy", "z"])[np.digitize(values[:, 0], [-0.4, 0.5])]


def assert_same(theirs, ours, rtol=1e-10):
    for their, our in zip(
        [*theirs.coefs_, *theirs.intercepts_], [*ours.coefs_, *ours.intercepts_], strict=True
    ):
        assert their.shape == our.shape
        np.testing.assert_allclose(our, their, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_theirs_and_goes_on(name):
    theirs = inspect.signature(getattr(neural_network, name)).parameters
    ours = inspect.signature(OURS[name]).parameters
    given = [p for p in ours if p in theirs or p != "loss"]  # which scikit-learn 1.7 has brought
    assert given[: len(theirs)] == list(theirs)
    for parameter, wanted in theirs.items():
        assert (ours[parameter].default, ours[parameter].kind) == (wanted.default, wanted.kind)
    assert all(p.kind is p.KEYWORD_ONLY for p in map(ours.get, given[len(theirs) :]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "sgd"},
        {"solver": "sgd", "momentum": 0.0, "alpha": 0.1},
        {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"},
        {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 2},
        {"solver": "sgd", "early_stopping": True, "validation_fraction": 0.25},
        {"solver": "sgd", "shuffle": False, "hidden_layer_sizes": (7, 5), "activation": "tanh"},
        {"solver": "sgd", "hidden_layer_sizes": ()},
        {"solver": "sgd", "alpha": 0.0, "early_stopping": True},
        {"solver": "sgd", "alpha": 0.0, "learning_rate": "adaptive"},
        {"solver": "lbfgs", "alpha": 0.5},
        {"solver": "lbfgs", "max_fun": 4, "activation": "identity"},
    ],
    ids=str,
)
def test_sgd_and_lbfgs_give_their_network_to_the_last_digits(name, parameters):
    X, y = problem(name)
    if "early_stopping" in parameters and name == "MLPClassifier":
        y = np.unique(y, return_inverse=True)[1]  # text with it is new in scikit-learn 1.9
    theirs, ours = pair(name, learning_rate_init=0.05, **parameters)
    theirs.fit(X, y)
    ours.fit(X, y)
    assert_same(theirs, ours)
    for attribute in set(ATTRIBUTES) - {"coefs_", "intercepts_"}:
        if not hasattr(theirs, attribute):  # L-BFGS has no curves there
            continue
        wanted = getattr(theirs, attribute)
        found = getattr(ours, attribute)
        if attribute in LOSSES and wanted is not None:
            # The penalty of an epoch's loss is that of its end here, and its mean there.
            exact = not theirs.alpha or theirs.solver == "lbfgs"
            np.testing.assert_allclose(found, wanted, rtol=1e-9 if exact else 2e-2)
        elif attribute in SCORES and wanted is not None:
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        else:
            assert np.array_equal(found, wanted), attribute
    assert np.array_equal(ours.predict(X), theirs.predict(X)) or name == "MLPRegressor"
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_adam_differs_by_where_epsilon_stands(name):
    X, y = problem(name)
    theirs, ours = pair(name, learning_rate_init=0.01, epsilon=1e-14)
    assert_same(theirs.fit(X, y), ours.fit(X, y), rtol=1e-7)
    theirs, ours = pair(name, learning_rate_init=0.01)
    assert ours.fit(X, y).loss_ == pytest.approx(theirs.fit(X, y).loss_, rel=1e-3)


@pytest.mark.skipif(
    not LEARNS_WEIGHTED,
    reason="sample_weight of MLPClassifier.fit is missing: it came with scikit-learn 1.7",
)
@pytest.mark.parametrize("name", NAMES)
def test_sample_weights_are_theirs_where_a_mini_batch_is_all(name):
    X, y = problem(name)
    weight = np.random.default_rng(1).uniform(0, 3, len(y))
    for solver in ("lbfgs", "sgd"):
        theirs, ours = pair(name, solver=solver, batch_size=200, alpha=0.5)
        assert_same(theirs.fit(X, y, weight), ours.fit(X, y, sample_weight=weight))


def test_several_targets_and_their_loss():
    X, y = problem("MLPRegressor", targets=3)
    theirs, ours = pair("MLPRegressor", solver="lbfgs", alpha=1.0)
    assert_same(theirs.fit(X, y), ours.fit(X, y))
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    assert ours.predict(X).shape == y.shape


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "lbfgs", "alpha": 1.0},
        {"solver": "sgd", "learning_rate_init": 0.01},
        {
            "solver": "sgd",
            "learning_rate_init": 0.01,
            "early_stopping": True,
            "validation_fraction": 0.25,
        },
    ],
    ids=str,
)
def test_counts_are_learnt_by_the_poisson_loss(parameters, targets):
    if "loss" not in inspect.signature(neural_network.MLPRegressor).parameters:
        pytest.skip("MLPRegressor(loss='poisson') is missing: it came with scikit-learn 1.7")
    X, values = problem("MLPRegressor", targets=targets)
    y = np.random.default_rng(2).poisson(np.exp(values)).astype(float)
    theirs, ours = pair("MLPRegressor", loss="poisson", **parameters)
    assert_same(theirs.fit(X, y), ours.fit(X, y))
    assert ours.out_activation_ == theirs.out_activation_ == "exp"
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=2e-2)
    assert ours.predict(X).shape == y.shape and ours.predict(X).min() > 0
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-9)


def test_the_poisson_loss_of_what_is_held_out():
    X, values = problem("MLPRegressor", targets=2)
    y = np.random.default_rng(2).poisson(np.exp(values)).astype(float)
    ours = MLPRegressor("poisson", max_iter=2, random_state=0).fit(X, y, X_val=X, y_val=y)
    wanted = [
        mean_poisson_deviance(counts, expected) / 2
        for counts, expected in zip(y.T, ours.predict(X).T, strict=True)
    ]
    assert ours.validation_loss_curve_[-1] == pytest.approx(sum(wanted), rel=1e-12)


def test_what_the_poisson_loss_refuses():
    X, y = problem("MLPRegressor")
    with pytest.raises(ValueError, match="y has negative numbers; loss='poisson' is for counts"):
        MLPRegressor("poisson").fit(X, y)
    with pytest.raises(
        ValueError, match="loss of MLPRegressor is 'gamma'; expected one of squared"
    ):
        MLPRegressor("gamma").fit(X, y)
    ours = MLPRegressor(max_iter=2).fit(X, np.abs(y))
    with pytest.raises(ValueError, match="has identity outputs, but the parameters ask"):
        ours.set_params(loss="poisson", warm_start=True).fit(X, np.abs(y))


def test_several_labels_at_once():
    X, y = make_multilabel_classification(200, 8, n_classes=4, random_state=0)
    theirs, ours = pair("MLPClassifier", solver="sgd", early_stopping=True, batch_size=60)
    assert_same(theirs.fit(X, y), ours.fit(X, y))
    assert np.array_equal(theirs.predict(X), ours.predict(X))
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-9)
    assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_)
    again = clone(ours).fit(X, scipy.sparse.csr_array(y))
    assert_same(ours, again, rtol=0)


def test_two_classes_and_their_probabilities():
    X, y = problem("MLPClassifier")
    theirs, ours = pair("MLPClassifier", solver="sgd")
    theirs.fit(X, y == "x")
    ours.fit(X, y == "x")
    assert_same(theirs, ours)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-9)
    assert ours.classes_.tolist() == theirs.classes_.tolist() == [False, True]


@pytest.mark.parametrize("name", NAMES)
def test_warm_start_and_partial_fit_go_on_as_theirs_do(name):
    X, y = problem(name)
    theirs, ours = pair(name, solver="sgd", warm_start=True)
    for _ in range(3):
        assert_same(theirs.fit(X, y), ours.fit(X, y))
    assert len(ours.loss_curve_) == 30 and ours.n_iter_ == 10 and ours.t_ == theirs.t_
    theirs, ours = pair(name, solver="sgd", learning_rate="invscaling")
    more = {"classes": np.unique(y)} if name == "MLPClassifier" else {}
    for start in (0, 100, 0):
        batch = slice(start, start + 100)
        assert_same(
            theirs.partial_fit(X[batch], y[batch], **more),
            ours.partial_fit(X[batch], y[batch], **more),
        )
    assert ours.n_iter_ == theirs.n_iter_ == 1 and ours.t_ == theirs.t_ == 300


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_input_gives_what_dense_input_gives(name, layout):
    X, y = problem(name)
    X[np.abs(X) < 0.8] = 0
    for parameters in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        _, ours = pair(name, **parameters)
        dense, thin = ours.fit(X, y), clone(ours).fit(layout(X), y)
        assert_same(dense, thin)
        np.testing.assert_allclose(
            dense.network_.feedforward(X), thin.network_.feedforward(layout(X)), rtol=1e-9
        )
        assert np.array_equal(thin.predict(layout(X)), thin.predict(X)) or name == "MLPRegressor"


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32_and_bytes_are_not_converted(name):
    X, y = problem(name)
    ours = OURS[name](max_iter=3).fit(X.astype(np.float32), y)
    assert ours.coefs_[0].dtype == ours.intercepts_[1].dtype == np.float32
    if name == "MLPClassifier":
        assert ours.predict_proba(X.astype(np.float32)).dtype == np.float32
    else:
        assert ours.predict(X.astype(np.float32)).dtype == np.float32
    pixels = (np.abs(X) * 50).astype(np.uint8)
    theirs, ours = pair(name, solver="sgd", learning_rate_init=1e-5)
    assert_same(theirs.fit(pixels, y), ours.fit(pixels, y))


@pytest.mark.parametrize("name", NAMES)
def test_coefs_are_the_network_and_survive_a_pickle(name):
    X, y = problem(name)
    ours = OURS[name](max_iter=3, random_state=0).fit(X, y)
    before = ours.network_.feedforward(X)
    ours.coefs_[0][:] *= 2
    assert not np.allclose(ours.network_.feedforward(X), before)
    ours.coefs_ = [np.zeros_like(w) for w in ours.coefs_]
    ours.intercepts_[-1] = np.full(ours.n_outputs_, 0.0)
    assert not np.ptp(ours.network_.feedforward(X))
    again = pickle.loads(pickle.dumps(ours))
    assert np.array_equal(again.predict(X), ours.predict(X))
    assert again.fit(X, y).loss_ == clone(ours).fit(X, y).loss_


def test_the_same_warnings():
    X, y = problem("MLPClassifier")
    for parameters, category in [
        ({"max_iter": 2}, ConvergenceWarning),
        ({"solver": "lbfgs", "max_iter": 2}, ConvergenceWarning),
        ({"solver": "lbfgs", "max_fun": 2}, ConvergenceWarning),
        ({"batch_size": 500, "tol": 10.0, "max_iter": 30}, UserWarning),
    ]:
        for estimator in pair("MLPClassifier", **parameters):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                estimator.fit(X, y)
            assert [warning.category for warning in caught] == [category]
    with pytest.warns(DataConversionWarning):
        MLPClassifier(max_iter=1).fit(X, y[:, np.newaxis])


def test_verbose_says_what_theirs_says(capsys):
    X, y = problem("MLPClassifier")
    y = np.unique(y, return_inverse=True)[1]  # text is new in scikit-learn 1.9
    said = []
    for estimator in pair(
        "MLPClassifier", solver="sgd", alpha=0.0, verbose=True, early_stopping=True, tol=1.0,
        n_iter_no_change=2,
    ):  # fmt: skip
        estimator.fit(X, y)
        said.append(capsys.readouterr().out)
    assert "Iteration 3, loss" in said[0]
    assert said[1] == said[0]


def test_a_training_that_diverges_is_said_as_theirs():
    X, y = problem("MLPRegressor")
    with pytest.raises(ValueError) as caught:
        MLPRegressor(solver="sgd", learning_rate_init=1e6, max_iter=50, random_state=0).fit(
            X * 1e3, y
        )
    assert "Solver produced non-finite parameter weights" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_before_fit(name):
    ours = OURS[name]()
    with pytest.raises(NotFittedError):
        ours.predict([[1.0]])
    assert not hasattr(ours, "coefs_")
    assert not hasattr(OURS[name](solver="lbfgs"), "partial_fit")
    assert hasattr(ours, "partial_fit")


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"alpha": -1}, ValueError, "alpha of MLPClassifier is -1; expected a number in [0, inf)"),
        ({"alpha": "much"}, TypeError, "alpha of MLPClassifier is 'much'"),
        ({"momentum": 1}, ValueError, "expected a number in [0, 1)"),
        ({"solver": "adagrad"}, ValueError, "solver of MLPClassifier is 'adagrad'"),
        ({"solver": 3}, TypeError, "solver of MLPClassifier is 3"),
        ({"activation": "mish"}, ValueError, "expected one of logistic, sigmoid"),
        ({"batch_size": "all"}, ValueError, "a whole number of 1 or more or 'auto'"),
        ({"batch_size": 0}, ValueError, "batch_size of MLPClassifier is 0"),
        ({"max_iter": 2.5}, TypeError, "max_iter of MLPClassifier is 2.5"),
        ({"hidden_layer_sizes": (3, 0)}, ValueError, "hidden_layer_sizes must be > 0, got [3, 0]"),
        ({"hidden_layer_sizes": "10"}, TypeError, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": 2.5}, TypeError, "hidden_layer_sizes"),
        ({"learning_rate": "cosine"}, ValueError, "expected one of constant, invscaling, adaptive"),
        ({"early_stopping": "yes"}, TypeError, "early_stopping of MLPClassifier is 'yes'"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change"),
        ({"initializer": "he"}, ValueError, "initializer is 'he'"),
        ({"dropout": 1.5}, ValueError, "dropout is 1.5"),
        ({"callbacks": [print]}, TypeError, "callbacks contains"),
        ({"solver": "lbfgs", "dropout": 0.5}, ValueError, "LBFGS supports only l2"),
        ({"class_weight": "equal"}, ValueError, "class_weight"),
    ],
)
def test_parameters_that_are_refused(parameters, error, said):
    X, y = problem("MLPClassifier")
    with pytest.raises(error) as caught:
        MLPClassifier(**parameters).fit(X, y)
    assert said in str(caught.value)


def test_targets_that_are_refused():
    X, y = problem("MLPClassifier")
    with pytest.raises(ValueError, match="several labels per row"):
        MLPClassifier().fit(X, np.c_[np.arange(200) % 3, np.arange(200) % 4])
    with pytest.raises(ValueError, match="weigh"):
        MLPClassifier().fit(X, y, np.zeros(len(y)))
    ours = MLPClassifier(warm_start=True, max_iter=1, tol=9.0).fit(X, y)
    with pytest.raises(ValueError, match="layers of"):
        ours.set_params(hidden_layer_sizes=(3,)).fit(X, y)
    ours = MLPClassifier(max_iter=1, tol=9.0).fit(X, y)
    with pytest.raises(ValueError, match="classes not in"):
        ours.partial_fit(X, np.repeat("w", len(y)))


def test_real_data():
    for load, floor in ((load_iris, 0.95), (load_digits, 0.99)):
        X, y = load(return_X_y=True)
        assert MLPClassifier(max_iter=300, random_state=0).fit(X, y).score(X, y) > floor
