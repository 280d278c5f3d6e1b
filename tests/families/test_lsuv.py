"""LSUV against the package lsuv and NumPy; its data; files, copies, estimators, refusals."""

import copy
import json
import math
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import Network, diagnostics, initializers
from fastnet.common.arguments import shown
from fastnet.initializers import LSUV, Identity, Normal, Orthogonal, VarianceScaling
from fastnet.initializers.schemes import Scheme

FIXTURE = Path(__file__).parents[1] / "fixtures" / "lsuv.json"
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}
X = np.random.default_rng(4).normal(0.5, 3.0, (200, 12))
Y = np.arange(200) % 3
SIZES = [12, 20, 9, 3]


@dataclass(frozen=True, repr=False)
class Given(Scheme):
    """Draws nothing: weights of these shapes are known."""

    known: tuple

    def variance(self, n_in, n_out):
        return None

    def _request(self, stream, w):
        (w[...],) = [values for values in self.known if np.shape(values) == w.shape]


def scaled(weights, X, activations, tolerance=0.1, max_iterations=10, biases=None):
    """Return the weights of Mishkin and Matas's algorithm 1, in plain NumPy."""
    a, found = X, []
    for i, (w, activation) in enumerate(zip(weights, activations, strict=True)):
        b, w = 0 if biases is None else biases[i].T, w.copy()
        for _ in range(max_iterations):
            if abs((a @ w.T + b).var() - 1) < tolerance:
                break
            w /= (a @ w.T + b).std()
        found.append(w)
        a = ACTIVATIONS[activation](a @ w.T + b)
    return found


def started(data=X, sizes=SIZES, initializer="lsuv", rng=0, **options):
    net = Network(sizes, rng=rng, initializer=initializer, **options)
    net.initialize(data=data)
    return net


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_it_is_what_the_package_lsuv_computes(activation):
    """Which divides the sum of squares by one less, and adds 1e-8 to the standard deviation."""
    known = json.loads(FIXTURE.read_text())
    data, weights = np.array(known["X"]), [np.array(w) for w in known["weights"]]
    net = started(data, [5, 7, 6, 3], LSUV(Given(tuple(weights))), activation=activation)
    factor = [math.sqrt(1 - 1 / (len(w) * len(data))) for w in weights]
    if activation == "relu":  # homogeneous: what enters a layer has the factor of those below
        factor = np.array(factor) / np.array([1.0, *factor[:-1]])
    tolerance = 1e-7 if activation == "relu" else 5e-3
    for w, theirs, f in zip(net.weights, known["expected"][activation], factor, strict=True):
        np.testing.assert_allclose(np.array(theirs), f * w, rtol=tolerance)
    assert not any(b.any() for b in net.biases)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("scheme", [Orthogonal(), Normal(5.0), VarianceScaling(0.01)], ids=repr)
def test_weights_of_a_scheme_are_scaled_as_in_numpy(scheme, activation, dtype):
    """The generator is drawn from as for the scheme itself."""
    options = {"activation": activation, "dtype": dtype, "cost": "log_likelihood"}
    plain = Network(SIZES, rng=3, initializer=scheme, bias_initializer="zeros", **options)
    net = started(rng=3, initializer=LSUV(scheme), **options)
    expected = scaled([w.astype(float) for w in plain.weights], X, [activation] * 2 + ["identity"])
    for w, wanted in zip(net.weights, expected, strict=True):
        np.testing.assert_allclose(w, wanted, rtol=1e-12 if dtype == np.float64 else 2e-5)
    assert net.rng.bit_generator.state == plain.rng.bit_generator.state
    for layer in net.layer_statistics(X):
        assert layer["std_z"] ** 2 == pytest.approx(1, abs=0.1)


def test_a_name_a_function_and_an_object_are_the_same():
    nets = [started(initializer=one) for one in ("lsuv", initializers.lsuv(), LSUV(Orthogonal()))]
    for net in nets:
        np.testing.assert_array_equal(net.parameters, nets[0].parameters)
    assert initializers.INITIALIZERS["lsuv"] == LSUV() == LSUV(Orthogonal(1.0), 0.1, 10)
    assert initializers.lsuv(0.5, 3) == LSUV(tolerance=0.5, max_iterations=3)
    assert initializers.moments("lsuv", 100, 30) is None


def test_a_variance_within_the_tolerance_stays():
    """Orthonormal rows of white data have variance 1 before."""
    white = np.linalg.qr(np.random.default_rng(1).normal(size=(50, 4)))[0] * math.sqrt(50)
    plain = Network([4, 4], rng=0, initializer="orthogonal").weights[0]
    assert abs((white @ plain.T).var() - 1) > 1e-4
    loose = started(white, [4, 4], LSUV(tolerance=0.5)).weights[0]
    np.testing.assert_array_equal(loose, plain)
    tight = started(white, [4, 4], LSUV(tolerance=1e-6)).weights[0]
    assert (white @ tight.T).var() == pytest.approx(1, abs=1e-6)
    # The tolerance is of the variance: 1.15 is too large, though its root is 1.07.
    white -= white.mean(axis=0)
    white = np.linalg.qr(white)[0] * math.sqrt(50 * 1.15)
    assert (white @ plain.T).var() == pytest.approx(1.15, abs=0.01)
    assert (white @ started(white, [4, 4]).weights[0].T).var() == pytest.approx(1, abs=1e-12)


def test_biases_count_and_take_iterations():
    options = {"initializer": LSUV(tolerance=0.01), "bias_initializer": 0.3}
    net = started(np.abs(X) * 1e-3, [12, 20, 3], **options)
    drawn = Network([12, 20, 3], rng=0, initializer="orthogonal").weights
    assert [b.tolist() for b in net.biases] == [[[0.3]] * 20, [[0.3]] * 3]
    expected = scaled(drawn, np.abs(X) * 1e-3, ["sigmoid", "identity"], 0.01, 10, net.biases)
    for w, wanted in zip(net.weights, expected, strict=True):
        np.testing.assert_allclose(w, wanted, rtol=1e-10)
    biases = [[-1.0], [1.0]] * 2  # which alone have the variance 1
    starts = {"initializer": "lsuv", "bias_initializer": lambda rng, shape: 2.0 * np.array(biases)}
    net = Network([12, 4], rng=0, **starts)
    with pytest.raises(ValueError) as caught:
        net.initialize(data=X)
    said = "the weighted inputs of layer 1 have variance 4"
    assert str(caught.value).startswith(said) and "after 10 divisions" in str(caught.value)


def test_one_layer_of_a_list_is_scaled_and_others_are_left():
    starts = ["he_normal", LSUV(tolerance=1e-6), "default"]
    net = started(initializer=starts, activation="tanh")
    plain = Network(SIZES, rng=0, initializer=["he_normal", "orthogonal", "default"])
    a = np.tanh(X @ plain.weights[0].T)
    second = plain.weights[1] / (a @ plain.weights[1].T).std()
    np.testing.assert_array_equal(net.weights[0], plain.weights[0])
    np.testing.assert_allclose(net.weights[1], second, rtol=1e-12)
    np.testing.assert_array_equal(net.weights[2], plain.weights[2])
    np.testing.assert_array_equal(net.biases[2], plain.biases[2])


def test_data_come_in_every_form_that_feedforward_takes():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    data = np.where(np.abs(X) > 3, X, 0)
    expected = started(data).parameters
    for same in (data.tolist(), data[:, :, np.newaxis], np.asfortranarray(data)):
        np.testing.assert_array_equal(started(same).parameters, expected)
    found = started(sparse.csr_array(data)).parameters
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    column, row = started(data[0][:, np.newaxis]), started(data[0])
    np.testing.assert_array_equal(column.parameters, row.parameters)
    assert (data[0] @ row.weights[0].T).var() == pytest.approx(1, abs=0.1)


def test_the_same_seed_and_data_give_the_same_weights_for_any_number_of_threads():
    before, found = fastnet.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            fastnet.set_num_threads(threads)
            found.append(started(np.tile(X, (20, 1)), [12, 200, 100, 3]).parameters)
    finally:
        fastnet.set_num_threads(before)
    for parameters in found[1:]:
        np.testing.assert_array_equal(parameters, found[0])


# --- before there are data -----------------------------------------------------------------------

USES = {
    "feedforward": lambda net, path: net.feedforward(X),
    "feedforward of one": lambda net, path: net.feedforward(X[0]),
    "backprop": lambda net, path: net.backprop(X[0], 1),
    "accuracy": lambda net, path: net.accuracy((X, Y)),
    "total_cost": lambda net, path: net.total_cost((X, Y), 0.0),
    "layer_statistics": lambda net, path: net.layer_statistics(X),
    "SGD": lambda net, path: net.SGD((X, Y), 1, 10, 0.1),
    "train": lambda net, path: net.train((X, Y), 1),
    "partial_fit": lambda net, path: net.partial_fit((X, Y)),
    "update_mini_batch": lambda net, path: net.update_mini_batch((X, Y), 0.1, 0.0, 200),
    "save": lambda net, path: net.save(path / "net.npz"),
    "json": lambda net, path: net.save(path / "net.json"),
    "check_gradient": lambda net, path: fastnet.check_gradient(net, X[:3], Y[:3]),
    "propagation": lambda net, path: diagnostics.propagation(net, X),
}


@pytest.mark.parametrize("use", USES)
def test_a_network_is_refused_until_it_has_had_data(use, tmp_path):
    net = Network(SIZES, rng=0, initializer="lsuv")
    for same in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        with pytest.raises(ValueError) as caught:
            USES[use](same, tmp_path)
        said = "this network has no weights yet: its initializer, 'lsuv', scales them by data; call"
        assert str(caught.value).startswith(f"{said} net.initialize(data=X) first")
        assert not same.parameters.any() and not same.history and not list(tmp_path.iterdir())
        same.initialize(data=X)
        np.testing.assert_array_equal(same.parameters, started().parameters)
        USES[use](same, tmp_path)
        for path in tmp_path.iterdir():
            path.unlink()


def test_initialize_asks_for_data_again_and_changes_nothing_without():
    net = started()
    before, state = net.parameters.copy(), net.rng.bit_generator.state
    with pytest.raises(ValueError, match=r"scales weights by data; give rows of inputs: net.init"):
        net.initialize()
    np.testing.assert_array_equal(net.parameters, before)
    assert net.rng.bit_generator.state == state
    net.initialize(data=X)
    assert (net.weights[0] != before[20:260].reshape(12, 20).T).all()


def test_the_ways_to_have_weights_without_data():
    net = Network(SIZES, rng=0, initializer="lsuv")
    net.default_weight_initializer()
    np.testing.assert_array_equal(net.parameters, Network(SIZES, rng=0).parameters)
    for name in ("weights", "parameters"):
        net = Network(SIZES, rng=0, initializer="lsuv")
        setattr(net, name, getattr(started(), name))
        assert np.isfinite(net.feedforward(X)).all()


@pytest.mark.parametrize("name", ["default", "he_normal", "orthogonal"])
def test_other_initializers_check_data_and_draw_the_same(name):
    nets = [Network(SIZES, rng=7, initializer=name) for _ in range(2)]
    nets[0].initialize()
    nets[1].initialize(data=X)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    before = nets[1].parameters.copy()
    for wrong in (X[:, :5], np.full_like(X, np.nan), X[:0], "data"):
        with pytest.raises((ValueError, TypeError)):
            nets[1].initialize(data=wrong)
    np.testing.assert_array_equal(nets[1].parameters, before)


def dead(rng, shape):
    return np.full(shape, -1.0)


@pytest.mark.parametrize(
    ("options", "data", "said"),
    [
        ({}, np.zeros((5, 12)), "layer 1 have mean 0 and standard deviation 0 over"),
        ({"sizes": [12, 1]}, np.full((7, 12), 0.1), "layer 1 have mean"),
        ({"initializer": LSUV(initializers.zeros())}, X, "layer 1 have mean 0 and"),
        ({"initializer": [dead, "lsuv", "lsuv"], "activation": "relu"}, np.abs(X),
         "layer 2 have mean 0 and standard deviation 0 over the rows and units"),
        ({"initializer": LSUV(Normal(1e300))}, X * 1e300, "layer 1 have mean"),
        ({}, np.where(X > 7, np.nan, X), "data holds nan in row"),
        ({"dtype": np.float32}, X * 1e300, "is too large for float32"),
        ({}, X[:, :5], "data has 5 columns"),
        ({}, X[:0], "data has no rows"),
        ({}, [["a"] * 12], "data"),
    ],
)  # fmt: skip
def test_data_that_give_no_weights_are_refused(options, data, said):
    net = Network(**{"sizes": SIZES, "rng": 0, "initializer": "lsuv"} | options)
    with pytest.raises((ValueError, TypeError)) as caught:
        net.initialize(data=data)
    assert said in str(caught.value)
    assert not net.parameters.any()
    with pytest.raises(ValueError, match="no weights yet"):
        net.feedforward(X)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"scheme": "orthogonal"}, "scheme is 'orthogonal'; give the scheme that draws"),
        ({"scheme": LSUV()}, "scheme is LSUV(Orthogonal(1.0), 0.1, 10); give the scheme"),
        ({"tolerance": 0}, "tolerance is 0.0; expected a finite number above 0"),
        ({"tolerance": math.nan}, "tolerance is nan; expected a finite number above 0"),
        ({"max_iterations": 0}, "max_iterations is 0; expected at least 1."),
        ({"max_iterations": 2.5}, "max_iterations is 2.5"),
    ],
)
def test_arguments_are_checked(arguments, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        LSUV(**arguments)
    assert str(caught.value).startswith(said)


def test_it_is_for_weights_only():
    with pytest.raises(ValueError, match="bias_initializer is 'lsuv', and lsuv is for weights"):
        Network(SIZES, bias_initializer="lsuv")


# --- where networks go ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["npz", "safetensors"])
def test_a_file_keeps_it(form, tmp_path):
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors is missing")
    for start in ("lsuv", [LSUV(VarianceScaling(3.0), 0.2, 4), LSUV(Identity(2.0)), "zeros"]):
        net = started(initializer=start)
        net.save(tmp_path / f"net.{form}")
        loaded = fastnet.load(tmp_path / f"net.{form}")
        assert repr(loaded) == repr(net)
        np.testing.assert_array_equal(loaded.feedforward(X), net.feedforward(X))
        with pytest.raises(ValueError, match="give rows of inputs"):
            loaded.initialize()
        loaded.rng = net.rng = 5
        net.initialize(data=X), loaded.initialize(data=X)
        np.testing.assert_array_equal(loaded.parameters, net.parameters)


def nested(depth):
    plain = {"scheme": "Orthogonal", "gain": 1.0}
    for _ in range(depth):
        plain = {"scheme": "LSUV", "of": plain, "tolerance": 0.1, "max_iterations": 10}
    return plain


@pytest.mark.parametrize(
    "plain",
    [
        {"scheme": "LSUV", "tolerance": 0.1, "max_iterations": 10},
        {"scheme": "LSUV", "of": None, "tolerance": 0.1, "max_iterations": 10},
        {"scheme": "LSUV", "of": "large", "tolerance": 0.1, "max_iterations": 10},
        {"scheme": "LSUV", "of": {"scheme": "LSUV", "of": {}}, "tolerance": 0.1},
        {"scheme": "LSUV", "of": {"scheme": "Orthogonal", "gain": 1.0}, "tolerance": -1},
        {"scheme": "LSUV", "of": {"scheme": "Orthogonal", "gain": 1.0}, "steps": 3},
        {"scheme": "LSUV", "of": {"scheme": [1]}},
        nested(900),
    ],
    ids=lambda plain: shown(plain)[:60],
)
def test_a_file_that_holds_something_else_is_refused(plain):
    from fastnet.initializers.plain import from_plain

    with pytest.raises(ValueError, match=r"initializer|tolerance"):
        from_plain(plain, "initializer", dead, 1)


def test_estimators_start_from_what_they_are_fitted_to():
    base = pytest.importorskip("sklearn.base", reason="scikit-learn is missing")
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    from fastnet.estimators import MLPClassifier, MLPRegressor

    options = {"initializer": "lsuv", "max_iter": 1, "random_state": 3, "tol": 0.0}
    for kind, data in ((MLPClassifier, X), (MLPRegressor, X), (MLPClassifier, sparse.csr_array(X))):
        estimator = base.clone(kind(hidden_layer_sizes=(20,), learning_rate_init=1e-12, **options))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch is too few
            estimator.fit(data, Y)
        for layer in estimator.network_.layer_statistics(X):
            assert layer["std_z"] ** 2 == pytest.approx(1, abs=0.1)
    estimator = MLPClassifier((20,), learning_rate_init=1e-12, **options)
    estimator.partial_fit(X[:50], Y[:50], classes=[0, 1, 2])
    assert estimator.network_.layer_statistics(X[:50])[1]["std_z"] == pytest.approx(1, abs=0.05)


def test_comparisons_and_diagnostics_give_it_their_data():
    from fastnet.compare import Data, compare

    images = np.abs(X) / 12
    options = {"hidden": 20, "epochs": 1, "eta": 1e-9, "lmbda": 0.0, "mini_batch_size": 10}
    data = Data("made up", (images, Y), (images, Y))
    found = compare(data, initializers=["lsuv", "large"], **options)
    assert found.initializers == ("lsuv", "large")
    sizes, activation = [12] * 5, "relu"
    found = diagnostics.propagation(sizes, X, initializer="lsuv", activation=activation, rng=0)
    assert found.records["var_z"] == pytest.approx(1, abs=0.1)
    he = diagnostics.propagation(sizes, X, initializer="he_normal", activation=activation, rng=0)
    assert found.margin("var_z").max() < he.margin("var_z").min()
    z = diagnostics.weighted_input(initializer="lsuv", rng=0)
    assert z.theory is None and z.std**2 == pytest.approx(1, abs=0.1)
