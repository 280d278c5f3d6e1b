"""What people asked scikit-learn's perceptrons for, and how ours fit in with the rest of it."""

import copy
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

import scipy.sparse
import sklearn
import sklearn.neural_network
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

import fastnet
from fastnet.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def flowers():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), y


def fitted(flowers, estimator=MLPClassifier, **parameters):
    parameters = {"max_iter": 20, "random_state": 0, "hidden_layer_sizes": 20} | parameters
    return estimator(**parameters).fit(*flowers)


# ---- what was asked for


def test_dropout_reaches_the_network(flowers):
    plain, dropped = fitted(flowers), fitted(flowers, dropout=0.5)
    assert not np.allclose(plain.coefs_[0], dropped.coefs_[0])
    per_layer = fitted(flowers, dropout=[0.0, 0.5])
    assert np.array_equal(dropped.coefs_[0], per_layer.coefs_[0])


def test_l1_is_divided_as_alpha_is(flowers):
    """One step of plain SGD on everything: w loses eta * l1 / n * sign(w) more."""
    options = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "max_iter": 1}
    plain = fitted(flowers, **options)
    start = fitted(flowers, **options | {"learning_rate_init": 1e-300})
    lasso = fitted(flowers, l1=3.0, **options)
    for w, shrunk, first in zip(plain.coefs_, lasso.coefs_, start.coefs_, strict=True):
        np.testing.assert_allclose(w - shrunk, 0.1 * 3.0 / 150 * np.sign(first), atol=1e-12)
    assert lasso.loss_ > plain.loss_


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 2: 0.5}])
def test_class_weights_are_sample_weights(flowers, class_weight):
    X, y = flowers[0][:120], flowers[1][:120]
    ours = MLPClassifier(max_iter=5, random_state=0, class_weight=class_weight).fit(X, y)
    same = MLPClassifier(max_iter=5, random_state=0)
    same.fit(X, y, compute_sample_weight(class_weight, y))
    assert np.array_equal(ours.coefs_[0], same.coefs_[0])
    assert not np.array_equal(ours.coefs_[0], clone(same).fit(X, y).coefs_[0])
    with pytest.raises(ValueError, match="partial_fit cannot compute"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_the_validation_loss_is_that_of_the_examples_given(flowers):
    from sklearn.metrics import log_loss

    X, y = flowers
    ours = MLPClassifier(max_iter=7, random_state=0, alpha=10.0)
    ours.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert len(ours.validation_loss_curve_) == len(ours.validation_scores_) == ours.n_iter_ == 7
    wanted = log_loss(y[1::2], ours.predict_proba(X[1::2]))
    assert ours.validation_loss_curve_[-1] == pytest.approx(wanted, rel=1e-12)
    assert ours.validation_scores_[-1] == ours.score(X[1::2], y[1::2])
    assert ours.network_.history[-1]["validation_loss"] == ours.validation_loss_curve_[-1]
    regressor = MLPRegressor(max_iter=7, random_state=0)
    regressor.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    squares = (regressor.predict(X[1::2]) - y[1::2]) ** 2
    assert regressor.validation_loss_curve_[-1] == pytest.approx(0.5 * squares.mean(), rel=1e-12)
    with pytest.raises(ValueError, match="y_val is missing"):
        ours.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="3 features, but MLPClassifier is expecting 4"):
        ours.fit(X, y, X_val=X[:, :3], y_val=y)
    assert ours.n_features_in_ == 4


def test_the_tags_are_those_of_scikit_learn_s_classifier():
    ours = MLPClassifier().__sklearn_tags__().classifier_tags
    theirs = sklearn.neural_network.MLPClassifier().__sklearn_tags__().classifier_tags
    assert ours == theirs and ours.multi_label


@pytest.mark.parametrize("kind", ["classes", "two classes", "labels", "numbers"])
def test_the_validation_loss_and_score_of_what_is_set_aside_are_weighted(flowers, kind):
    """The rows are those that scikit-learn's split, with the same state, sets aside."""
    from sklearn.metrics import accuracy_score, log_loss, r2_score
    from sklearn.model_selection import train_test_split

    X = flowers[0]
    y = {
        "classes": flowers[1],
        "two classes": flowers[1] == 1,
        "labels": np.c_[flowers[1] == 1, X[:, 0] > 0].astype(int),
        "numbers": X @ [1.0, -2.0, 0.5, 1.0],
    }[kind]
    weight = np.random.default_rng(1).uniform(0, 3, len(X))
    estimator = MLPRegressor if kind == "numbers" else MLPClassifier
    split = []

    class Keep(fastnet.Callback):
        def on_epoch_end(self, network, record):
            split.append(network.feedforward(X[held]))

    options = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 4}
    # initializer draws nothing: then the split is the first thing that random_state gives.
    options |= {"initializer": 0.1, "hidden_layer_sizes": 3, "learning_rate_init": 0.05}
    stratify = y if kind == "two classes" else None
    rows = np.arange(len(X))
    _, held = train_test_split(rows, random_state=5, test_size=0.3, stratify=stratify)
    ours = estimator(random_state=np.random.RandomState(5), callbacks=[Keep()], **options)
    ours.fit(X, y, weight)
    assert len(ours.validation_loss_curve_) == len(split) == 4
    for outputs, loss, score in zip(
        split, ours.validation_loss_curve_, ours.validation_scores_, strict=True
    ):
        if kind == "numbers":
            wanted = 0.5 * np.average((outputs[:, 0] - y[held]) ** 2, weights=weight[held])
            right = r2_score(y[held], outputs[:, 0], sample_weight=weight[held])
        elif kind == "labels":
            wanted = sum(
                log_loss(y[held, k], outputs[:, k], sample_weight=weight[held]) for k in (0, 1)
            )
            right = accuracy_score(y[held], outputs > 0.5, sample_weight=weight[held])
        else:
            proba = np.hstack([1 - outputs, outputs]) if kind == "two classes" else outputs
            wanted = log_loss(y[held], proba, sample_weight=weight[held])
            right = accuracy_score(y[held], proba.argmax(1), sample_weight=weight[held])
        assert loss == pytest.approx(wanted, rel=1e-9)
        assert score == pytest.approx(right, rel=1e-9)


def test_balanced_weights_where_a_class_is_absent(flowers):
    """A warm start that meets two of three classes weighs those two by how often they come."""
    X, y = flowers
    few = np.r_[0:50, 100:120]  # 50 of class 0, none of 1, 20 of 2
    weight = np.where(y[few] == 0, 70 / (2 * 50), 70 / (2 * 20))
    ours, same = (
        MLPClassifier(max_iter=4, random_state=0, class_weight=which)
        for which in ("balanced", None)
    )
    ours.fit(X[few], y[few])
    same.fit(X[few], y[few], weight)
    assert ours.classes_.tolist() == [0, 2]
    np.testing.assert_allclose(ours.coefs_[0], same.coefs_[0], rtol=1e-12)
    # All weights of a class that is there are used; one that is not there has none.
    given, plain = (
        MLPClassifier(random_state=0, class_weight=which)
        for which in ({0: 3.0, 1: 7.0, 2: 1.0}, None)
    )
    given.partial_fit(X[few], y[few], classes=[0, 1, 2])
    plain.partial_fit(X[few], y[few], np.where(y[few] == 0, 3.0, 1.0), classes=[0, 1, 2])
    np.testing.assert_allclose(given.coefs_[0], plain.coefs_[0], rtol=1e-12)


def test_what_a_callback_keeps_of_a_network_stays_as_it_was(flowers):
    """A copy that is kept from an epoch does not learn on with the estimator."""
    X, y = flowers
    kept, outputs, curves = [], [], []

    class Keep(fastnet.Callback):
        def on_epoch_end(self, network, record):
            kept.append(copy.deepcopy(ours))
            outputs.append(network.feedforward(X))
            curves.append(len(ours.loss_curve_))

    ours = MLPClassifier(max_iter=5, random_state=0, callbacks=[Keep()], hidden_layer_sizes=4)
    ours.fit(X, y)
    assert len(kept) == 5
    for estimator, wanted, length in zip(kept, outputs, curves, strict=True):
        np.testing.assert_array_equal(estimator.predict_proba(X), wanted)
        assert len(estimator.loss_curve_) == length
    assert not np.array_equal(kept[0].coefs_[0], kept[-1].coefs_[0])


def test_what_a_callback_of_scikit_learn_keeps_stays_as_it_was(flowers):
    pytest.importorskip(
        "sklearn.callback", reason="sklearn.callback is missing: scikit-learn 1.9 has it"
    )
    X, y = flowers
    keep = KeepEach()
    MLPClassifier(max_iter=5, random_state=0, hidden_layer_sizes=4).set_callbacks(keep).fit(X, y)
    assert len(keep.kept) == 5
    for epoch, (estimator, wanted) in enumerate(zip(keep.kept, keep.outputs, strict=True), 1):
        np.testing.assert_array_equal(estimator.predict_proba(X), wanted)
        assert len(estimator.loss_curve_) == epoch
    assert not np.array_equal(keep.outputs[0], keep.outputs[-1])


class KeepEach:
    """A callback in scikit-learn's protocol that keeps the estimator of every epoch."""

    def __init__(self):
        self.kept, self.outputs = [], []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append(fitted_estimator)
            self.outputs.append(fitted_estimator.predict_proba(X))


@pytest.mark.parametrize("given", [True, False])
def test_partial_fit_stops_early_and_goes_back_to_the_best(flowers, given):
    X, y = flowers
    more = {"X_val": X[::3], "y_val": y[::3]} if given else {}
    ours = MLPClassifier(early_stopping=True, n_iter_no_change=3, random_state=0, tol=0.01)
    ours.partial_fit(X, y, classes=[0, 1, 2], **more)
    calls = 1
    while not ours.converged_ and calls < 200:
        ours.partial_fit(X, y, **more)
        calls += 1
    assert 4 < calls < 200 and len(ours.validation_scores_) == calls
    if given:
        assert ours.score(X[::3], y[::3]) == ours.best_validation_score_
        assert ours.best_validation_score_ == max(ours.validation_scores_)
    before = ours.network_.parameters.copy()
    ours.partial_fit(X, y, **more)
    assert np.array_equal(ours.network_.parameters, before)


def test_partial_fit_takes_several_labels():
    X, y = make_multilabel_classification(150, 8, n_classes=3, random_state=0)
    names = np.array(["red", "green", "blue"])
    ours = MLPClassifier(random_state=0, learning_rate_init=0.02)
    for _ in range(150):
        ours.partial_fit(X, y, classes=names)
    assert ours.classes_.tolist() == names.tolist() and ours.score(X, y) > 0.8
    numbered = MLPClassifier(random_state=0).partial_fit(X[:20], y[:20], classes=range(3))
    assert numbered.predict(X).shape == y.shape
    with pytest.raises(ValueError, match="2 entries and y has 3 columns"):
        MLPClassifier().partial_fit(X, y, classes=[0, 1])


BOUNDED = ["alpha", "learning_rate_init", "power_t", "max_iter", "tol", "momentum", "beta_1"]
BOUNDED += ["validation_fraction", "beta_2", "epsilon", "n_iter_no_change", "max_fun", "batch_size"]


@pytest.mark.parametrize("name", BOUNDED)
def test_a_parameter_has_the_bounds_that_it_has_there(name):
    """Both ends of every range, each with what is just outside; but for a momentum of 1."""
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    values = [-1, -0.5, 0, 0.0, 0.5, 1, 1.0, 2, np.nan, *([] if name == "tol" else [np.inf])]
    taken = {}
    for estimator in (sklearn.neural_network.MLPClassifier, MLPClassifier):
        taken[estimator] = []
        for value in values:
            options = {"max_iter": 1, "hidden_layer_sizes": 2, "random_state": 0, name: value}
            try:
                estimator(**options).fit(X, y)
            except (ValueError, TypeError) as error:
                assert name in str(error)
            else:
                taken[estimator].append(repr(value))
    theirs, ours = taken.values()
    if name == "momentum":  # with which nothing would ever slow down
        theirs = [value for value in theirs if float(value) != 1]
    assert ours == theirs and 0 < len(ours) < len(values)


@pytest.mark.parametrize("initializer", ["he_normal", "orthogonal", 0.25])
def test_starting_weights_by_name(flowers, initializer):
    options = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1}
    ours = fitted(flowers, initializer=initializer, **options)
    twin = fastnet.Network(
        [4, 20, 3], "log_likelihood", rng=np.random.RandomState(0), initializer=initializer
    )
    assert np.array_equal(ours.coefs_[0], twin.weights[0].T)
    assert np.abs(ours.intercepts_[0]).max() < 1e-290


@pytest.mark.parametrize(
    "solver",
    ["adamw", "rmsprop", "rprop", "momentum", "nesterov", fastnet.RMSprop(0.01), fastnet.AdamW],
)
def test_more_optimizers_learn(flowers, solver):
    ours = fitted(flowers, solver=solver, max_iter=100, learning_rate_init=0.01, batch_size=50)
    assert ours.score(*flowers) > 0.9
    assert clone(ours).get_params()["solver"] == solver


def test_schedules_of_fastnet(flowers):
    schedule = fastnet.schedules.Step(every=5, drop=0.1)
    ours = fitted(flowers, learning_rate=schedule, learning_rate_init=0.1)
    etas = [0.1, 0.1 * 0.1, 0.1 * 0.1**3]
    assert [ours.network_.history[epoch]["eta"] for epoch in (0, 5, 19)] == pytest.approx(etas)
    halved = fitted(flowers, learning_rate=lambda epoch: 0.5**epoch)
    assert halved.network_.history[3]["eta"] == pytest.approx(1e-3 / 8)


def test_callbacks_of_fastnet(flowers):
    class Seen(fastnet.Callback):
        def on_epoch_end(self, network, record):
            return record["epoch"] == 4

    ours = fitted(flowers, callbacks=[Seen()])
    assert ours.n_iter_ == 5
    stop = fastnet.EarlyStopping(patience=2, monitor="validation_loss", min_delta=1.0)
    again = fitted(flowers, callbacks=[stop], early_stopping=True)
    assert again.n_iter_ == 3


# ---- sparse matrices


def test_a_sparse_matrix_is_never_written_out():
    """As an array X has 480 MB; the network, its copies and the split take a tenth of that."""
    X = scipy.sparse.random_array(
        (20_000, 3_000), density=0.002, random_state=np.random.default_rng(0), format="csr"
    )
    y = np.arange(20_000) % 2
    for options in ({}, {"early_stopping": True}):
        ours = MLPClassifier(hidden_layer_sizes=4, max_iter=1, **options)
        for matrix in (X, X.tocsc()):
            tracemalloc.start()
            try:
                ours.fit(matrix, y).predict(matrix)
                assert tracemalloc.get_traced_memory()[1] < 48e6
            finally:
                tracemalloc.stop()


# ---- at home in scikit-learn


def test_pipelines_searches_and_folds():
    X, y = make_classification(120, 8, random_state=0)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=30, random_state=0))
    assert cross_val_score(pipeline, X, np.where(y, "yes", "no"), cv=3).mean() > 0.7
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__dropout": [0.0, 0.2]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=1).fit(X, y)
    assert search.best_score_ > 0.7 and set(search.best_params_) == set(grid)


def test_tables_have_their_column_names_remembered():
    pd = pytest.importorskip("pandas", reason="pandas is missing")
    X, y = load_iris(return_X_y=True, as_frame=True)
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, MLPClassifier(max_iter=5)).fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == X.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        pipeline[-1].predict(pd.DataFrame(X.to_numpy(), columns=list("abcd")))


def test_sample_weights_are_routed(flowers):
    X, y = flowers
    weight = np.where(y == 2, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = MLPClassifier(max_iter=5, random_state=0).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, inner).fit(X, y, sample_weight=weight)
    plain = make_pipeline(StandardScaler(), MLPClassifier(max_iter=5, random_state=0))
    plain.fit(X, y, mlpclassifier__sample_weight=weight)
    assert np.array_equal(routed[-1].coefs_[0], plain[-1].coefs_[0])
    assert not np.array_equal(routed[-1].coefs_[0], plain.fit(X, y)[-1].coefs_[0])


def test_callbacks_of_scikit_learn(flowers):
    callback = pytest.importorskip(
        "sklearn.callback", reason="sklearn.callback is missing: scikit-learn 1.9 has it"
    )
    for solver in ("adam", "lbfgs"):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        ours = MLPClassifier(max_iter=6, random_state=0, solver=solver).set_callbacks(monitor)
        ours.fit(*flowers)
        scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        assert len(scores) == 6 and scores[-1] == ours.score(*flowers)
        assert ours.callbacks is None


class StopAtThree:
    """A callback in scikit-learn's protocol."""

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        return context.task_name == "epoch" and context.task_id == 2


def test_a_callback_of_scikit_learn_may_stop(flowers):
    pytest.importorskip(
        "sklearn.callback", reason="sklearn.callback is missing: scikit-learn 1.9 has it"
    )
    ours = MLPClassifier(max_iter=50).set_callbacks(StopAtThree()).fit(*flowers)
    assert ours.n_iter_ == 3


def test_without_scikit_learn_one_sentence_says_so():
    program = "import sys; sys.modules['sklearn'] = None; import fastnet; fastnet.estimators"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'fastnet-mlp[sklearn]'" in done.stderr.splitlines()[-1]
