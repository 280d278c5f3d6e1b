"""`predict`, `predict_proba` and `score`, beside NumPy, scikit-learn and the command."""

import numpy as np
import pytest

import fastnet
from fastnet.cli.app import main
from fastnet.preprocessing import Preprocessing, standardization


def with_outputs(output, n_out, cost="quadratic", **options):
    """Return a network whose weighted inputs are its inputs."""
    net = fastnet.Network([n_out, n_out], cost, output=output, rng=0, **options)
    net.weights, net.biases = [np.eye(n_out)], [np.zeros((n_out, 1))]
    return net


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


Z = np.array([[2.0, 0.5, -1.0], [-3.0, -0.1, -0.2], [0.0, 0.0, 4.0]])


def test_classes_are_the_largest_outputs():
    found = with_outputs("sigmoid", 3).predict(Z)
    assert found.tolist() == [0, 1, 2]
    assert found.dtype.kind == "i"


@pytest.mark.parametrize(
    "labels", [("a", "b", "c"), (10, 20, 30), (0.5, 1.5, 2.5)], ids=["str", "int", "float"]
)
def test_classes_have_the_names_of_the_preprocessing(labels):
    net = with_outputs("softmax", 3, "log_likelihood")
    net.preprocessing = Preprocessing(labels=labels)
    assert net.predict(Z).tolist() == list(labels)
    assert net.score(Z, list(labels)) == 1.0
    assert net.score(Z, np.array(labels)[[0, 1, 1]]) == pytest.approx(2 / 3)


def test_class_numbers_are_taken_beside_names_that_are_words():
    net = with_outputs("softmax", 3, "log_likelihood")
    net.preprocessing = Preprocessing(labels=["a", "b", "c"])
    assert net.score(Z, [0, 1, 1]) == pytest.approx(2 / 3)
    assert net.score(Z, np.eye(3)[[0, 1, 1]]) == pytest.approx(2 / 3)
    net.preprocessing = Preprocessing(labels=[1, 2, 0])  # then a number is a name
    assert net.score(Z, [1, 2, 0]) == 1.0


def test_two_classes_of_one_sigmoid_unit():
    net = with_outputs("sigmoid", 1, "cross_entropy")
    z = np.array([[-2.0], [0.5]])
    assert net.predict(z).tolist() == [0, 1]
    p = sigmoid(z)
    np.testing.assert_allclose(net.predict_proba(z), np.hstack([1 - p, p]), rtol=1e-15)
    net.preprocessing = Preprocessing(labels=[False, True])
    assert net.predict(z).tolist() == [False, True]
    assert net.score(z, [False, False]) == 0.5


def test_two_classes_of_one_tanh_unit_are_told_apart_by_the_sign():
    net = fastnet.Network([1, 1], "quadratic", output="tanh", rng=0)
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    y = np.array([-1.0, -1.0, 1.0, 1.0])
    net.train((X, y), epochs=50, mini_batch_size=4, optimizer=fastnet.SGD(1.0))
    z = X * net.weights[0].item() + net.biases[0].item()
    assert net.predict(X).tolist() == [0, 0, 1, 1]
    p = (np.tanh(z) + 1) / 2
    np.testing.assert_allclose(net.predict_proba(X), np.hstack([1 - p, p]), rtol=1e-12)
    assert net.score(X, [-1.0, 1.0, 1.0, 1.0]) == 0.75


@pytest.mark.parametrize(
    ("n_out", "output", "Y"),
    [
        (1, "tanh", np.array([-1.0, -1.0, 1.0, 1.0])),
        (2, "softsign", np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])),
        (3, "tanh", 2 * np.eye(3)[[0, 1, 2, 0]] - 1),
        (1, "sigmoid", np.array([0.0, 0.0, 1.0, 1.0])),
        (3, "softmax", np.array([0, 1, 2, 0])),
    ],
)
def test_what_predict_returns_scores_1(n_out, output, Y):
    cost = "log_likelihood" if output == "softmax" else "quadratic"
    net = fastnet.Network([2, n_out], cost, output=output, rng=0)
    X = np.random.default_rng(0).normal(size=(4, 2))
    net.train((X, Y), 2)
    predicted = net.predict(X)
    assert net.score(X, predicted) == 1.0
    wrong = (predicted + 1) % max(n_out, 2) if predicted.ndim == 1 else 1 - predicted
    assert net.score(X, wrong) == 0.0


def test_several_sigmoids_are_divided_by_their_sum_and_softmax_is_not():
    p = sigmoid(Z)
    np.testing.assert_allclose(
        with_outputs("sigmoid", 3).predict_proba(Z), p / p.sum(axis=1, keepdims=True), rtol=1e-14
    )
    soft = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    found = with_outputs("softmax", 3, "log_likelihood").predict_proba(Z)
    np.testing.assert_allclose(found, soft, rtol=1e-14)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-15)


def test_sigmoids_that_are_all_zero_are_equally_probable():
    found = with_outputs("sigmoid", 2).predict_proba([[-2000.0, -3000.0]])
    assert found.tolist() == [[0.5, 0.5]]


def test_labels_are_rows_of_0_and_1_with_a_probability_each():
    net = with_outputs("sigmoid", 3)
    net.kind = "labels"
    assert net.predict(Z).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(net.predict_proba(Z), sigmoid(Z), rtol=1e-15)
    right = [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert net.score(Z, right) == pytest.approx(2 / 3)  # as scikit-learn: whole rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_output_in_the_middle_is_off_as_in_scikit_learn(dtype):
    net = with_outputs("sigmoid", 1, "cross_entropy", dtype=dtype)
    assert net.predict([[0.0]]).tolist() == [0]
    assert net.score([[0.0]], [0]) == 1.0
    assert net.accuracy(([[0.0]], [1.0])) == 0


def test_numbers_are_in_the_units_of_the_targets():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is missing")
    net = with_outputs("identity", 1)
    net.preprocessing = Preprocessing([1.0], [2.0], target_mean=100.0, target_scale=10.0)
    X = np.array([[1.0], [3.0], [9.0]])
    wanted = 100 + 10 * (X[:, 0] - 1) / 2
    np.testing.assert_allclose(net.predict(X), wanted, rtol=1e-15)
    y = wanted + np.array([3.0, -2.0, 1.0])
    assert net.score(X, y) == pytest.approx(metrics.r2_score(y, wanted), rel=1e-13)
    assert net.score(X, y[:, np.newaxis]) == net.score(X, y)


def test_costs_with_several_outputs_a_target_answer_with_numbers_of_the_target():
    """A Gaussian answers with its mean; several quantiles are the last axis."""
    X = np.random.default_rng(0).standard_normal((5, 3))
    units = Preprocessing(target_mean=100.0, target_scale=10.0)
    gaussian = fastnet.Network([3, 4], "gaussian", rng=0)
    gaussian.preprocessing = units
    outputs = gaussian.feedforward(X)
    np.testing.assert_allclose(gaussian.predict(X), 100 + 10 * outputs[:, :2], rtol=1e-14)
    assert gaussian.score(X, gaussian.predict(X)) == 1
    net = fastnet.Network([3, 6], fastnet.costs.QuantileCost(0.05, 0.5, 0.95), rng=0)
    net.preprocessing = units
    outputs, found = net.feedforward(X), net.predict(X)
    for target in range(2):
        wanted = 100 + 10 * outputs[:, target::2]
        np.testing.assert_allclose(found[:, target], wanted, rtol=1e-14)
    with pytest.raises(ValueError, match=r"this network predicts quantiles.*use total_cost"):
        net.score(X, found[:, :, 1])
    median = fastnet.Network([3, 1], "quantile", rng=0)
    assert median.score(X, median.predict(X)) == 1


def test_r_squared_of_several_numbers_is_their_mean():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is missing")
    net = with_outputs("identity", 3)
    y = Z + np.array([[1, 0.5, -1], [0, 0.1, 0.2], [0.3, 0, 2]])
    assert net.predict(Z).tolist() == Z.tolist()
    assert net.score(Z, y) == pytest.approx(metrics.r2_score(y, Z), rel=1e-13)


def test_r_squared_of_numbers_whose_squares_leave_the_range():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is missing")
    net, y = with_outputs("identity", 1), np.array([1.0, 2.0, 4.0])
    X = np.array([[1.0], [2.5], [3.5]])
    for factor in (1e200, 1e-200):
        found = net.score(X * factor, y * factor)
        assert found == pytest.approx(metrics.r2_score(y, X[:, 0]), rel=1e-13)
    with pytest.raises(ValueError, match="same number in every row"):
        net.score(X, [0.1, 0.1, 0.1])  # whose mean is not 0.1, by rounding
    assert net.score(X, np.array([-128, 0, 0], np.int8)) == pytest.approx(
        metrics.r2_score([-128, 0, 0], X[:, 0]), rel=1e-13
    )


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_example_has_an_answer_without_the_axis(shape):
    net = with_outputs("sigmoid", 3)
    one = Z[0].reshape(shape)
    assert net.predict(one) == 0
    assert np.ndim(net.predict(one)) == 0
    np.testing.assert_array_equal(net.predict_proba(one), net.predict_proba(Z)[0])
    net.preprocessing = Preprocessing(*standardization(Z))
    np.testing.assert_array_equal(net.predict_proba(one), net.predict_proba(Z)[0])


def test_raw_features_are_preprocessed_and_feedforward_stays_bare():
    raw = Z * [10.0, 0.1, 3.0] + [100.0, -5.0, 0.0]
    mean, scale = standardization(raw)
    net = with_outputs("sigmoid", 3)
    net.preprocessing = Preprocessing(mean, scale)
    p = sigmoid((raw - mean) / scale)
    np.testing.assert_allclose(net.predict_proba(raw), p / p.sum(1, keepdims=True), rtol=1e-13)
    np.testing.assert_array_equal(net(Z), net.feedforward(Z))
    np.testing.assert_array_equal(net(Z[0]), net.feedforward(Z[0]))
    np.testing.assert_allclose(net(Z), sigmoid(Z), rtol=1e-15)


def test_columns_of_a_table_are_read_by_name():
    pd = pytest.importorskip("pandas", reason="pandas is missing")
    net = with_outputs("sigmoid", 3)
    net.preprocessing = Preprocessing(columns=["u", "v", "w"])
    table = pd.DataFrame(Z, columns=["u", "v", "w"])
    mixed = table.assign(more=1.0)[["w", "more", "v", "u"]]
    net.preprocessing = Preprocessing(columns=["u", "v", "w"], labels=["a", "b", "c"])
    assert net.score(mixed, pd.Series(["a", "b", "b"])) == pytest.approx(2 / 3)
    net.preprocessing = Preprocessing(columns=["u", "v", "w"])
    assert net.predict(mixed).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="has no column 'v'"):
        net.predict(table[["u", "w"]])


def test_sparse_rows_are_taken_where_preprocessing_leaves_zeros():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    net = with_outputs("sigmoid", 3)
    assert net.predict(sparse.csr_array(Z)).tolist() == [0, 1, 2]
    net.preprocessing = Preprocessing(*standardization(Z))
    with pytest.raises(TypeError, match="predict's X is a sparse matrix"):
        net.predict(sparse.csr_array(Z))


def test_the_command_gives_the_same_answers(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(5, 3, (40, 2)).round(3)
    names = np.where(X[:, 0] > X[:, 1], "left", "right")
    path, model, out = (str(tmp_path / name) for name in ("d.csv", "m.npz", "p.csv"))
    lines = ["a,b,side", *(f"{a},{b},{n}" for (a, b), n in zip(X, names, strict=True))]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    assert main(["train", path, "--standardize", "--epochs", "30", "--out", model]) == 0
    assert main(["predict", model, path, "--out", out]) == 0
    written = [line.split(",")[0] for line in (tmp_path / "p.csv").read_text().split()[1:]]
    net = fastnet.load(model)
    assert net.predict(X).tolist() == written
    assert net.score(X, names) == np.mean(np.array(written) == names)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], "score's y has"),
        ([1.0, 1.0, 1.0], "same number in every row"),
        ([1.0, np.nan, 2.0], "row 1 is NaN or infinite"),
        (["a", "b", "c"], "score's y"),
    ],
)
def test_targets_of_numbers_that_have_no_score_are_refused(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        with_outputs("identity", 1).score([[1.0], [2.0], [3.0]], y)


def test_what_has_no_answer_is_refused():
    net = with_outputs("sigmoid", 3)
    net.preprocessing = Preprocessing(labels=["a", "b", "c"])
    with pytest.raises(
        ValueError, match=r"score's y contains 'd' in row 2; the classes are \['a', 'b', 'c'\]"
    ):
        net.score(Z, ["a", "b", "d"])
    with pytest.raises(ValueError, match="score's y is ragged"):
        net.score(Z, [["a"], ["b", "c"], "a"])
    with pytest.raises(ValueError, match=r"score's y contains \{\} in row 1"):
        net.score(Z, ["a", {}, "c"])
    with pytest.raises(ValueError, match="X has 3 rows and y has 2"):
        net.score(Z, ["a", "b"])
    with pytest.raises(ValueError, match="empty"):
        net.score(Z[:0], [])
    assert net.predict(Z[:0]).shape == (0,)
    assert net.predict_proba(Z[:0]).shape == (0, 3)
    with pytest.raises(TypeError, match="contains 'a', and this network has no names for classes"):
        with_outputs("sigmoid", 3).score(Z, ["a", "b", "c"])
    with pytest.raises(ValueError, match="numbers"):
        with_outputs("identity", 1).predict_proba([[1.0]])
    classes = with_outputs("relu", 3)
    classes.kind = "classes"
    assert classes.predict(Z + 5).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="outputs are 'relu', which are not"):
        classes.predict_proba(Z)
    with pytest.raises(ValueError, match=r"predict's X has 2 columns; this network takes 3"):
        net.predict(Z[:, :2])
    with pytest.raises(ValueError, match="nan"):
        net.predict(np.full((2, 3), np.nan))
