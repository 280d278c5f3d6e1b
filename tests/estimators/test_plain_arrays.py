"""Plain arrays, for which some of scikit-learn's checks are left out, beside others."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

from sklearn import neural_network

from fastnet.estimators import MLPClassifier, MLPRegressor

rng = np.random.default_rng(4)
X = rng.standard_normal((40, 3))
TARGETS = {
    "two classes": np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)],
    "bools": X[:, 0] > 0,
    "three classes": np.digitize(X[:, 0], [-0.5, 0.5]) - 7,
    "one class": np.full(40, 5),
    "labels": (X[:, :2] > 0).astype(int),
    "number": X[:, 0],
    "numbers": X[:, :2],
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Checked(np.ndarray):
    """An array that is not plain, so that scikit-learn's checks see it."""


def fitted(module, kind, dtype=np.float64, columns=3):
    name = "MLPRegressor" if "number" in kind else "MLPClassifier"
    estimator = getattr(module, name)(max_iter=5, random_state=0)
    return estimator.fit(X[:, :columns].astype(dtype), TARGETS[kind])


class Ours:
    MLPClassifier, MLPRegressor = MLPClassifier, MLPRegressor


def methods(estimator):
    names = "predict", "predict_proba", "predict_log_proba"
    return [getattr(estimator, name) for name in names if hasattr(estimator, name)]


@pytest.mark.parametrize("fitted_in", [np.float64, np.float32])
@pytest.mark.parametrize("kind", TARGETS)
def test_a_plain_array_is_answered_as_one_that_is_checked(kind, fitted_in):
    estimator = fitted(Ours, kind, fitted_in)
    read_only = X.copy()
    read_only.flags.writeable = False
    shifted = np.frombuffer(b"0" + X.tobytes(), np.float64, offset=1).reshape(X.shape)
    given = [
        X, X[:1], X[3:5], X[::-2], np.asfortranarray(X), np.repeat(X, 2, 1)[:, ::2], read_only,
        shifted, X.astype(">f8"), 100 * X, np.zeros((2, 3)), X.astype(np.int8),
    ]  # fmt: skip
    for rows in [*given, *(rows.astype(np.float32) for rows in given[:6])]:
        for method in methods(estimator):
            plain, checked = method(rows), method(rows.view(Checked))
            assert type(plain) is np.ndarray
            assert (plain.dtype, plain.shape) == (checked.dtype, checked.shape)
            assert plain.tobytes() == checked.tobytes() or plain.tolist() == checked.tolist()


@pytest.mark.parametrize("kind", ["two classes", "bools", "three classes", "one class"])
def test_the_likeliest_class_is_predicted(kind):
    estimator = fitted(Ours, kind)
    likely = estimator.predict_proba(X)
    if len(estimator.classes_) > 1:
        assert likely.sum(axis=1) == pytest.approx(1)
    codes = np.argmax(likely, axis=1) if len(estimator.classes_) > 1 else np.zeros(40, int)
    predicted = estimator.predict(X)
    assert predicted.dtype == TARGETS[kind].dtype
    assert predicted.tolist() == [estimator.classes_[code] for code in codes]


@pytest.mark.parametrize("kind", ["two classes", "three classes", "labels", "number"])
def test_bad_rows_are_refused_in_their_words(kind):
    theirs, ours = fitted(neural_network, kind), fitted(Ours, kind)
    bad = [
        np.zeros((0, 3)), X[:, :2], X[0], X[:1].T, X[:, :, np.newaxis], X[np.newaxis],
        np.float64(2),
        *(
            np.where(np.arange(120).reshape(40, 3) == place, value, X).astype(dtype)
            for place in (0, 61, 119)
            for value in (np.nan, np.inf, -np.inf)
            for dtype in (np.float64, np.float32)
        ),
    ]  # fmt: skip
    for rows in bad:
        for method, their in zip(methods(ours), methods(theirs), strict=True):
            with pytest.raises(ValueError) as expected:
                their(rows)
            with pytest.raises(ValueError) as caught:
                method(rows)
            assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("kind", [*TARGETS, "text", "small", "few"])
def test_plain_arrays_are_learnt_as_those_that_are_checked(kind, options):
    y = {
        "text": TARGETS["two classes"].astype("U9"),
        "small": np.digitize(X[:, 0], [-0.5, 0.5]).astype(np.int8),
        "few": np.digitize(X[:, 0], [-0.5, 0.5]).astype(">u2"),
    }.get(kind, TARGETS.get(kind))
    estimator = MLPRegressor if "number" in kind else MLPClassifier
    sparse = np.where(X > 1, X, 0)  # a network keeps its non-zeros
    for rows in (X, X.astype(np.float32), (30 * abs(X)).astype(np.uint8), X[:, ::-1], sparse):
        plain, checked = (
            estimator(max_iter=4, random_state=0, **options).fit(*data)
            for data in [(rows, y), (rows.view(Checked), y.view(Checked))]
        )
        assert plain.network_.parameters.tobytes() == checked.network_.parameters.tobytes()
        assert (plain.n_features_in_, plain.loss_curve_) == (3, checked.loss_curve_)
        if estimator is MLPClassifier:
            assert plain.classes_.dtype == checked.classes_.dtype
            assert plain.classes_.tolist() == checked.classes_.tolist()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("kind", ["two classes", "small", "labels", "number", "numbers"])
def test_data_are_refused_in_their_words_before_anything_changes(kind, again):
    y = np.digitize(X[:, 0], [-0.5, 0.5]) if kind == "small" else TARGETS[kind]
    name = "MLPRegressor" if "number" in kind else "MLPClassifier"
    theirs, ours = (
        getattr(module, name)(max_iter=2, random_state=0, warm_start=again)
        for module in (neural_network, Ours)
    )
    if again:
        theirs.fit(X, y)
        ours.fit(X, y)
        parameters = ours.network_.parameters.copy()
    holed = np.where(np.arange(120).reshape(40, 3) == 119, np.nan, X)
    bad = [
        (holed, y), (holed.astype(np.float32), y), (np.where(X > 2, np.inf, X), y), (X[:39], y),
        (X[:0], y[:0]), (X[:, :0], y), (X[:, 0], y), (X, y[:39]), (X[:1], y), (X * 1j, y),
    ]  # fmt: skip
    if y.dtype.kind == "f":
        bad.append((X, np.where(y == y.max(), np.nan, y)))
    for rows, targets in bad:
        with pytest.raises(ValueError) as expected:
            theirs.fit(rows, targets)
        with pytest.raises(ValueError) as caught:
            ours.fit(rows, targets)
        assert str(caught.value) == str(expected.value)
        assert hasattr(ours, "network_") == again
        if again:
            assert ours.network_.parameters.tobytes() == parameters.tobytes()


def test_column_names_are_forgotten_and_counted():
    pandas = pytest.importorskip("pandas", reason="pandas is missing")
    estimator = MLPRegressor(max_iter=2).fit(pandas.DataFrame(X, columns=list("abc")), X[:, 0])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.partial_fit(X, X[:, 0])
    estimator.fit(X[:, :2], X[:, 0])
    assert not hasattr(estimator, "feature_names_in_")
    assert estimator.n_features_in_ == 2
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 2"):
        estimator.partial_fit(X, X[:, 0])


def test_a_single_column_is_a_table():
    theirs, ours = (fitted(module, "number", columns=1) for module in (neural_network, Ours))
    assert ours.predict(X[:, :1]).shape == theirs.predict(X[:, :1]).shape == (40,)
    assert ours.predict(X[:1, :1]).shape == (1,)


def test_numbers_too_large_for_float32_are_refused():
    estimator = fitted(Ours, "number", np.float32)
    with pytest.raises(ValueError, match="too large for float32"):
        estimator.predict(X * 1e60)


def test_names_of_columns_are_still_compared():
    pandas = pytest.importorskip("pandas", reason="pandas is missing")
    estimator = MLPRegressor(max_iter=2).fit(pandas.DataFrame(X, columns=list("abc")), X[:, 0])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict(X)
    again = pickle.loads(pickle.dumps(fitted(Ours, "number")))
    with pytest.warns(UserWarning, match="X has feature names"):
        again.predict(pandas.DataFrame(X, columns=list("abc")))
