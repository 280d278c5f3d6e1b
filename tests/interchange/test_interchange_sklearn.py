"""Networks as scikit-learn's estimators and back; the oracle is what scikit-learn predicts."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnet
from fastnet import Network, Preprocessing, estimators
from fastnet.cli import main

pd = pytest.importorskip("pandas", reason="pandas is missing")

X = np.random.default_rng(4).normal(size=(60, 3))
NUMBERS = (X.sum(axis=1) > 0) + (X[:, 0] > 0).astype(int)
KINDS = {
    "binary": NUMBERS > 0,
    "binary strings": np.array(["no", "yes", "yes"])[NUMBERS],
    "multiclass": NUMBERS,
    "multiclass strings": np.array(["setosa", "versicolor", "virginica"])[NUMBERS],
    "multiclass numbers": np.array([3, 10, 7])[NUMBERS],
    "multilabel": np.column_stack([X > 0.2, X[:, 0] > X[:, 1]]).astype(int),
    "regression": X @ [1.0, -2.0, 0.5],
    "several numbers": X @ np.array([[1.0, 3.0], [-2.0, 0.0], [0.5, 1.0]]),
}
#: A start from which every class is met.
SPREAD = {"initializer": "large", "bias_initializer": "zeros", "activation": "tanh"}
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def fit(kind, dtype=np.float64, **options):
    """Return an estimator of scikit-learn's, hardly trained."""
    y = KINDS[kind]
    maker = MLPRegressor if y.dtype == float else MLPClassifier
    options = {"hidden_layer_sizes": (5, 4), "max_iter": 9, "learning_rate_init": 0.05} | options
    options["random_state"] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return maker(**options).fit(X.astype(dtype), y)


def answers(estimator, rows=X):
    """Return what a network is to give, a row a row."""
    if isinstance(estimator, MLPRegressor):
        return estimator.predict(rows).reshape(len(rows), -1)
    found = estimator.predict_proba(rows)
    return found[:, 1:] if estimator.n_outputs_ == 1 else found


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, activation, dtype):
    fitted = fit(kind, dtype, activation=activation)
    net = Network.from_sklearn(fitted)
    rows = X.astype(dtype)
    assert type(net) is Network and net.dtype == dtype
    assert np.ptp(answers(fitted), axis=0).min() > 0.01
    assert np.allclose(net.feedforward(rows), answers(fitted, rows), **CLOSE)
    again = net.to_sklearn()  # whether there are several labels, the network knows
    assert type(again) is type(fitted) and again.coefs_[0].dtype == dtype
    assert again.out_activation_ == fitted.out_activation_
    assert again.get_params()["activation"] == activation
    if isinstance(fitted, MLPClassifier):
        assert (again.classes_ == fitted.classes_).all()
        assert again.classes_.dtype.kind == fitted.classes_.dtype.kind
        assert (again.predict(X) == fitted.predict(X)).all()
        assert again.score(X, KINDS[kind]) == fitted.score(X, KINDS[kind])
    assert np.allclose(answers(again, rows), answers(fitted, rows), **CLOSE)


LABELS = {
    "ints": [3, 10, 7],
    "from 1": [1, 2, 3],
    "negative": [-1, 1],
    "small ints": np.array([200, 3], np.uint8),
    "floats": [2.0, 1.0, 10.0],
    "0.0 and 1.0": [0.0, 1.0],
    "bools": [False, True],
    "strings": ["no", "yes"],
    "strings of numbers": ["10", "9", "1"],
    "class numbers": [0, 1, 2],
    "one class": [5],
    "class 0 alone": [0],
}


@pytest.mark.parametrize("form", ["memory", "npz", "safetensors", "json"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_are_the_same_through_every_form(labels, form, tmp_path):
    y = np.array(labels)[NUMBERS % len(labels)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = MLPClassifier(5, activation="logistic", max_iter=9, random_state=1).fit(X, y)
    net = Network.from_sklearn(fitted)
    if form == "json" and net.activations[-1] == "softmax":
        with pytest.raises(ValueError, match="the book's JSON"):
            net.save(tmp_path / "net.json")
        return
    if form != "memory":
        net.save(tmp_path / f"net.{form}")
        net = fastnet.load(tmp_path / f"net.{form}")
    again = net.to_sklearn()
    wanted, found = fitted.predict(X), again.predict(X)
    assert (found == wanted).all()
    assert found.dtype.kind == wanted.dtype.kind.replace("u", "i")  # Python has one kind of int
    assert np.allclose(again.predict_proba(X), fitted.predict_proba(X), **CLOSE)


@pytest.mark.parametrize("form", ["memory", "npz", "safetensors"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_the_network_of_an_estimator_answers_as_the_estimator(labels, form, tmp_path):
    y = np.array(labels)[NUMBERS % len(labels)]
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    estimator = estimators.MLPClassifier(5, random_state=1, learning_rate_init=0.01, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(frame, y)
        estimator.partial_fit(frame, y)
    net = estimator.network_
    if form != "memory":
        net.save(tmp_path / f"net.{form}")
        net = fastnet.load(tmp_path / f"net.{form}")
    assert net.preprocessing.labels == tuple(sorted(set(labels)))
    assert net.preprocessing.columns == ("a", "b", "c")
    again, wanted = net.to_sklearn(), estimator.predict(frame)
    assert (again.predict(frame) == wanted).all()
    assert np.allclose(again.predict_proba(frame), estimator.predict_proba(frame), **CLOSE)
    # And through files: what the command says.
    frame.to_csv(tmp_path / "data.csv", index=False)
    net.save(tmp_path / "net.npz")
    assert main(["predict", *(str(tmp_path / n) for n in ("net.npz", "data.csv")), "-o",
                 str(tmp_path / "p.csv")]) == 0  # fmt: skip
    said = pd.read_csv(tmp_path / "p.csv", dtype=str)["label"]
    assert said.tolist() == [str(name) for name in wanted.tolist()]


def test_bytes_stay_bytes_for_the_network_of_an_estimator(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (80, 4)).astype(np.uint8)
    y = (pictures[:, 0] > pictures[:, 1]).astype(int)
    np.savez(tmp_path / "data.npz", X=pictures, y=y)
    for kind in (MLPClassifier, estimators.MLPClassifier):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = kind(20, random_state=0).fit(pictures.astype(float), y)
        net = fitted.network_ if hasattr(fitted, "network_") else Network.from_sklearn(fitted)
        net.save(tmp_path / "net.npz")
        assert main(["predict", *(str(tmp_path / n) for n in ("net.npz", "data.npz")), "-o",
                     str(tmp_path / "p.csv")]) == 0  # fmt: skip
        said = pd.read_csv(tmp_path / "p.csv")["label"]
        assert (said == fitted.predict(pictures.astype(float))).all()
        assert said.nunique() == 2


@pytest.mark.parametrize("labels", [[7, 3], ["yes", "no"], [True, False], [2.0, -1.0], [1, 0]])
def test_one_output_with_labels_in_any_order(labels):
    # The bias is not zero: a sign that is lost moves the border, and shows.
    net = Network([3, 9, 1], rng=3, **SPREAD)
    net.biases[-1][:] = 0.8
    net.preprocessing = Preprocessing(labels=labels)
    high = net.feedforward(X)[:, 0] > 0.5
    assert 0.1 < high.mean() < 0.9
    estimator = net.to_sklearn()
    wanted = np.array(labels)[high.astype(int)]
    assert (estimator.predict(X) == wanted).all() and list(estimator.classes_) == sorted(labels)
    column = list(estimator.classes_).index(labels[1])
    assert np.allclose(estimator.predict_proba(X)[:, column], net.feedforward(X)[:, 0], **CLOSE)
    back = Network.from_sklearn(estimator)
    answers = np.array(back.preprocessing.labels)[(back.feedforward(X)[:, 0] > 0.5).astype(int)]
    assert (answers == wanted).all()


def test_labels_that_scikit_learn_cannot_hold_are_refused():
    net = Network([3, 2], rng=0)
    net.preprocessing = Preprocessing(labels=[0.5, 1.5])
    with pytest.raises(ValueError, match=r"the labels hold 0\.5, and scikit-learn has no classes"):
        net.to_sklearn()
    fitted = fit("binary")
    fitted.classes_ = np.array(["2020-01-01", "2021-01-01"], "M8[D]")
    with pytest.raises(ValueError, match="classes_ are of dtype datetime64"):
        Network.from_sklearn(fitted)
    net.preprocessing = Preprocessing(labels=["a", "b", "c"])
    with pytest.raises(ValueError, match="labels has 3 entries; this network has 2 classes"):
        net.to_sklearn()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mean": [1, 2, 3], "scale": [1, 1, 1]}, r"takes net.preprocessing.inputs\(X\), not X"),
        ({"mean": [0, 0, 0], "scale": [256] * 3}, r"takes net.preprocessing.inputs\(X\), not X"),
        ({"target_mean": 5.0}, "in units of the target"),
        ({"target_scale": 2.0}, "in units of the target"),
    ],
)
def test_scaling_that_is_left_behind_is_said(options, words):
    net = Network([3, 1], "quadratic", output="identity", rng=0)
    net.preprocessing = Preprocessing(**options)
    with pytest.warns(UserWarning, match=words) as said:
        net.to_sklearn()
    assert len(said) == 1 and said[0].filename == __file__
    net.preprocessing = Preprocessing([0, 0, 0], [1, 1, 1], columns=["a", "b", "c"], target="price")
    net.to_sklearn()  # nothing is left behind, and nothing said


def test_counts_go_there_and_back():
    if "loss" not in MLPRegressor().get_params():
        pytest.skip("MLPRegressor(loss='poisson') is missing: it came with scikit-learn 1.7")
    counts = np.random.default_rng(0).poisson(np.exp(KINDS["regression"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = MLPRegressor("poisson", max_iter=9, random_state=1).fit(X, counts)
    net = Network.from_sklearn(fitted)
    assert net.activations[-1] == "exponential" and net.cost is fastnet.PoissonCost
    assert np.allclose(net.feedforward(X)[:, 0], fitted.predict(X), **CLOSE)
    again = net.to_sklearn()
    assert again.loss == "poisson" and np.allclose(again.predict(X), fitted.predict(X), **CLOSE)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("output", "n_out"),
    [("sigmoid", 1), ("sigmoid", 2), ("sigmoid", 4), ("softmax", 2), ("softmax", 4)],
)
def test_the_class_is_the_same(output, n_out, dtype):
    net = Network([3, 9, n_out], "quadratic", output=output, rng=8, dtype=dtype, **SPREAD)
    rows = X.astype(dtype)
    out = net.feedforward(rows)
    wanted = out.argmax(axis=1) if n_out > 1 else (out[:, 0] > 0.5).astype(int)
    assert len(set(wanted)) == max(n_out, 2)
    estimator = net.to_sklearn()
    assert (estimator.predict(rows) == wanted).all()
    assert net.accuracy((rows, wanted)) == len(X)
    found = estimator.predict_proba(rows)
    if n_out > 1:
        assert np.allclose(found, out, **CLOSE)
    else:
        assert np.allclose(found, np.hstack([1 - out, out]), **CLOSE)


@pytest.mark.parametrize(("output", "n_out"), [("sigmoid", 1), ("softmax", 2), ("softmax", 3)])
def test_names_of_classes_are_sorted_with_their_units(output, n_out):
    names = ["yes", "no", "maybe"][: max(2, n_out)]
    net = Network([3, 9, n_out], "quadratic", output=output, rng=8, **SPREAD)
    net.preprocessing = Preprocessing(labels=names, columns=["a", "b", "c"])
    estimator = net.to_sklearn()
    out = net.feedforward(X)
    wanted = out.argmax(axis=1) if n_out > 1 else (out[:, 0] > 0.5).astype(int)
    assert len(set(wanted)) > 1 and list(estimator.classes_) == sorted(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # rows without the names of features
        assert (estimator.predict(X) == np.array(names)[wanted]).all()
    again = Network.from_sklearn(estimator)
    assert again.preprocessing.labels == tuple(sorted(names))
    assert again.preprocessing.columns == ("a", "b", "c")


@pytest.mark.parametrize("labels", [["yes", "no"], ["no", "yes"]])
@pytest.mark.parametrize("bias", [-0.4, 0.2])
@pytest.mark.parametrize("hidden", [[], [9]])
def test_one_output_with_a_bias_keeps_its_classes_and_their_probabilities(hidden, bias, labels):
    """Sorting two labels turns the unit's weights and its bias, too: -z is the other class's."""
    net = Network([3, *hidden, 1], rng=8, activation="tanh", initializer="large")
    net.biases[-1][...] = bias
    net.preprocessing = Preprocessing(labels=labels)
    z = 1 / (1 + np.exp(-(np.tanh(X @ net.weights[0].T + net.biases[0].T) if hidden else X)
                        @ net.weights[-1].T - net.biases[-1].T))  # fmt: skip
    named = np.array(labels)[(z[:, 0] > 0.5).astype(int)]
    estimator = net.to_sklearn()
    assert len(set(named)) == 2 and list(estimator.classes_) == ["no", "yes"]
    assert (estimator.predict(X) == named).all()
    columns = [list(estimator.classes_).index(label) for label in labels]
    np.testing.assert_allclose(
        estimator.predict_proba(X)[:, columns], np.hstack([1 - z, z]), rtol=1e-9
    )


@pytest.mark.parametrize("kind", ["binary strings", "multiclass strings", "regression"])
def test_scikit_learn_goes_on_from_here(kind):
    estimator = Network.from_sklearn(fit(kind)).to_sklearn()
    before = [w.copy() for w in estimator.coefs_]
    estimator.partial_fit(X, KINDS[kind])
    assert any((old != new).any() for old, new in zip(before, estimator.coefs_, strict=True))
    assert np.isfinite(estimator.loss_)


def test_fastnet_goes_on_from_there():
    net = Network.from_sklearn(fit("multiclass"))
    assert net.cost is fastnet.LogLikelihoodCost and net.preprocessing.labels == (0, 1, 2)
    before = net.total_cost((X, NUMBERS), 0.0)
    net.train((X, NUMBERS), 5, 10)
    assert net.total_cost((X, NUMBERS), 0.0) < before
    assert Network.from_sklearn(fit("multiclass"), cost="quadratic").cost is fastnet.QuadraticCost


def test_the_copies_are_copies():
    fitted = fit("multiclass")
    kept = fitted.coefs_[0].copy()
    net = Network.from_sklearn(fitted)
    net.parameters[:] = 0
    assert (fitted.coefs_[0] == kept).all()
    estimator = net.to_sklearn()
    estimator.coefs_[0][:] = 1
    assert not net.parameters.any()


def test_no_hidden_layer():
    net = Network([3, 1], rng=0)
    assert np.allclose(net.to_sklearn().predict_proba(X)[:, 1:], net.feedforward(X), **CLOSE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"activation": ["tanh", "relu"]},
            "activations are tanh, relu; scikit-learn has one activation",
        ),
        ({"activation": "leaky_relu"}, "activations are leaky_relu, leaky_relu; scikit-learn"),
        ({"cost": "quadratic", "output": "tanh"}, "the output has 2 tanh units; scikit-learn"),
    ],
)
def test_a_network_that_scikit_learn_cannot_hold_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Network([3, 4, 4, 2], **options).to_sklearn()


def test_other_refusals():
    with pytest.raises(ValueError, match="the output has 1 softmax unit;"):
        Network([3, 1], "log_likelihood").to_sklearn()
    for net in (Network([3, 1]), Network([3, 2], "log_likelihood")):
        with pytest.raises(ValueError, match="multilabel needs two or more sigmoid outputs"):
            net.to_sklearn(multilabel=True)
    with pytest.raises(ValueError, match="this MLPClassifier is not fitted; call its fit first"):
        Network.from_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match="of type StandardScaler; expected scikit-learn's"):
        Network.from_sklearn(StandardScaler())
    pipeline = make_pipeline(StandardScaler(), MLPClassifier())
    with pytest.raises(TypeError, match=r"of type Pipeline; .* for a Pipeline give its last step"):
        Network.from_sklearn(pipeline)
    newer = fit("regression")
    newer.out_activation_ = "cauchy"
    with pytest.raises(
        ValueError, match="out_activation_ is 'cauchy', which fastnet does not have"
    ):
        Network.from_sklearn(newer)
    spoilt = fit("regression")
    spoilt.coefs_[1][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"coefs_\[1\] holds numbers that are not finite"):
        Network.from_sklearn(spoilt)


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    for call in (Network([2, 3]).to_sklearn, lambda: Network.from_sklearn(None)):
        with pytest.raises(ImportError, match=r"pip install 'fastnet-mlp\[sklearn\]'"):
            call()


def test_numbers_of_sigmoid_outputs_are_no_classes():
    net = Network([3, 2], "quadratic", rng=0)
    net.train((X, np.full((60, 2), 0.25)), 1)
    with pytest.raises(ValueError, match="predicts numbers with sigmoid outputs"):
        net.to_sklearn()
    net.kind = "classes"
    assert type(net.to_sklearn()) is MLPClassifier
