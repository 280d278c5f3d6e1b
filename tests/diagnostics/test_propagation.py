"""`propagation` against plain NumPy, mean field theory and published figures."""

import math
import sys
import threading

import numpy as np
import pytest

import fastnet
from fastnet import reference
from fastnet.diagnostics import propagation
from fastnet.diagnostics.expected import mean_singular_value
from fastnet.diagnostics.integrals import integrals_of
from fastnet.diagnostics.passes import FEW_UNITS, JACOBIAN_ROWS, MEASURES

from ..formulas import ACTIVATIONS, HIDDEN, STEEPEST, Plain
from ..strategies import DTYPES


def slopes_at(name, z):
    return ACTIVATIONS[name][1](z)


def errors_at_output(net, z, a, y):
    """The derivative of each row's cost by z."""
    if net.cost.name != "quadratic":
        return a - y
    return (a - y) * slopes_at(net.activations[-1], z)


def plain_propagation(net, X, errors):
    """The same measures from whole arrays; `errors` of z and a of the outputs are given back."""
    plain, names = Plain.of(net), net.activations
    zs, activations = plain.forward(X)
    deltas = [errors(zs[-1], activations[-1])]
    for layer in range(len(zs) - 1, 0, -1):
        back = deltas[0] @ plain.weights[layer]
        deltas.insert(0, back * slopes_at(names[layer - 1], zs[layer - 1]))
    found = {name: [] for name in MEASURES}
    for layer, (z, delta, w) in enumerate(zip(zs, deltas, plain.weights, strict=True)):
        a = activations[layer + 1]
        for name, values in (("z", z), ("a", a), ("delta", delta)):
            found[f"mean_{name}"].append(values.mean())
            found[f"var_{name}"].append(values.var())
        nabla = [delta.mean(axis=0), delta.T @ activations[layer] / len(X)]
        found["gradient_norm"].append(math.sqrt(sum((part**2).sum() for part in nabla)))
        slope = a * (1 - a) if names[layer] == "softmax" else slopes_at(names[layer], z)
        saturated = np.abs(slope) < 0.04 * STEEPEST.get(names[layer], 1.0)
        found["saturated"].append(saturated.mean())
        found["dead"].append(saturated.all(axis=0).mean())
        values = []
        for row in range(JACOBIAN_ROWS if min(w.shape) <= FEW_UNITS else 1):
            outer = np.diag(slope[row])
            if names[layer] == "softmax":
                outer = np.diag(a[row]) - np.outer(a[row], a[row])
            values.append(np.linalg.svd(outer @ w, compute_uv=False))
        found["mean_singular"].append(np.mean(values))
        found["max_singular"].append(np.max(values, axis=1).mean())
    return found


def assert_measured(record, expected, tolerance):
    for name, values in expected.items():
        np.testing.assert_allclose(record[name], values, tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_measures_are_the_formulas(hidden, output, dtype):
    costs = {"sigmoid": "cross_entropy", "softmax": "log_likelihood", "identity": "quadratic"}
    net = fastnet.Network(
        [11, 40, 23, 4], costs[output], activation=hidden, output=output, dtype=dtype, rng=2,
        initializer="large",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2500, 11)).astype(dtype)  # two calls of the kernel
    labels = rng.integers(0, 4, 2500)
    expected = plain_propagation(
        net, X.astype(float), lambda z, a: errors_at_output(net, z, a, np.eye(4)[labels])
    )
    tolerance = 1e-10 if dtype == np.float64 else 2e-4
    before = net.parameters.copy(), net.rng.bit_generator.state
    found = propagation(net, X, labels)
    assert_measured(found.records[0], expected, tolerance)
    assert (net.parameters == before[0]).all() and net.rng.bit_generator.state == before[1]
    assert found.sizes == (11, 40, 23, 4) and found.activations == tuple(net.activations)
    assert (found.seeds, found.initializer, found.layers.tolist()) == (1, "large", [1, 2, 3])
    assert np.isnan(found.margin("var_z")).all()


@pytest.mark.parametrize("output", ["relu", "softmax"])
def test_without_y_errors_are_normal_whatever_the_output(output):
    given = {}

    def keep(z, a):
        given["shape"] = a.shape
        return np.zeros(a.shape)

    net = fastnet.Network([30, 20, 50], "quadratic", activation="tanh", output=output, rng=0)
    X = np.random.default_rng(0).standard_normal((4000, 30))
    plain_propagation(net, X, keep)
    record = propagation(net, X, rng=5).records[0]
    assert given["shape"] == (4000, 50)
    # 200,000 numbers: standard errors of mean and variance 0.0022 and 0.0032.
    assert abs(record["mean_delta"][1]) < 0.011 and abs(record["var_delta"][1] - 1) < 0.016
    # Independent of z: E[phi'(z)^2] times the sum of squared weights.
    zs, _ = Plain.of(net).forward(X)
    squares = (slopes_at("tanh", zs[0]) ** 2).mean(axis=0) @ (net.weights[1] ** 2).sum(axis=0) / 20
    assert record["var_delta"][0] == pytest.approx(squares, rel=0.03)


def test_a_wide_jacobian_is_that_of_the_first_row():
    net = fastnet.Network([150, 140, 3], activation="tanh", rng=1)
    X = np.random.default_rng(2).standard_normal((9, 150))
    expected = plain_propagation(net, X, lambda z, a: np.zeros(a.shape))
    record = propagation(net, X).records[0]
    for name in ("mean_singular", "max_singular"):
        np.testing.assert_allclose(record[name], expected[name], 1e-10)


@pytest.mark.parametrize("drawn", [True, False])
def test_without_singular_values_all_else_is_the_same(drawn):
    options = {"initializer": "he_normal", "activation": "relu", "seeds": 2} if drawn else {}
    sizes = [6, 9, 8] if drawn else fastnet.Network([6, 9, 8], rng=0)
    whole, found = (
        propagation(sizes, rng=1, singular_values=given, **options) for given in (True, False)
    )
    for name in MEASURES:
        left_out = name.endswith("singular")
        assert np.isfinite(whole.records[name]).all()
        expected = np.full_like(whole.records[name], np.nan) if left_out else whole.records[name]
        assert np.array_equal(found.records[name], expected, equal_nan=True), name
        assert np.array_equal(found.theory(name), whole.theory(name), equal_nan=True), name


def test_each_seed_is_a_network_of_its_own():
    options = {"initializer": "he_normal", "activation": "relu", "rng": 3}
    X = np.random.default_rng(0).standard_normal((50, 6))
    many = propagation([6, 9, 8], X, seeds=4, **options)
    assert many.seeds == 4 and many.records["seed"][:, 0].tolist() == [0, 1, 2, 3]
    assert len(np.unique(many.records["var_z"][:, 1])) == 4
    few = propagation([6, 9, 8], X, seeds=2, **options)
    assert (few.records == many.records[:2]).all()
    some = propagation([6, 9, 8], X, seeds=[3, 1], **options)
    assert (some.records == many.records[[3, 1]]).all()
    other = propagation([6, 9, 8], X, seeds=4, **options | {"rng": 4})
    assert (other.records["var_z"] != many.records["var_z"]).all()
    again = propagation([6, 9, 8], X, seeds=4, **options | {"rng": np.random.default_rng(3)})
    assert (again.records == many.records).all()
    assert propagation([6, 9], X, **options | {"rng": np.random.RandomState(1)}).seeds == 8


def test_means_margins_and_frame():
    found = propagation([5, 7, 3], initializer="default", activation="tanh", seeds=5, rng=0)
    samples = found.records["var_a"]
    np.testing.assert_allclose(found.mean("var_a"), samples.mean(axis=0), 1e-14)
    # 2.776: Student's t with 4 degrees of freedom, from a table.
    wanted = 2.776 * samples.std(axis=0, ddof=1) / math.sqrt(5)
    np.testing.assert_allclose(found.margin("var_a"), wanted, 3e-4)
    frame = found.to_frame()
    expected = [f"theory_{name}" for name in MEASURES if name != "dead"]
    assert list(frame.columns) == ["seed", "layer", *MEASURES, *expected] and len(frame) == 10
    assert frame["layer"].tolist() == [1, 2] * 5 and frame["seed"].tolist()[:4] == [0, 0, 1, 1]
    assert frame[frame.layer == 2]["var_a"].to_numpy().tolist() == samples[:, 1].tolist()
    assert frame["theory_var_a"].tolist() == found.theory("var_a").tolist() * 5


def test_the_frame_is_a_dict_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = propagation([5, 3], initializer="default", activation="tanh", seeds=2, rng=0)
    frame = found.to_frame()
    assert type(frame) is dict and frame["var_z"].tolist() == found.records["var_z"][:, 0].tolist()


# --- theory --------------------------------------------------------------------------------------


def z_scores(found, name):
    """How many standard errors the means over the seeds are from theory, below the last layer."""
    samples = found.records[name][:, :-1]
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    return (samples.mean(axis=0) - found.theory(name)[:-1]) / error


def test_he_keeps_the_variance_of_relu_layers():
    found = propagation([150] * 16, initializer="he_normal", activation="relu", seeds=20, rng=1)
    # He et al. 2015, equations 10 and 14: both ways.
    np.testing.assert_allclose(found.theory("var_z"), found.theory("var_z")[0], 1e-12)
    np.testing.assert_allclose(found.theory("var_delta"), found.theory("var_delta")[-1], 1e-12)
    assert np.abs(z_scores(found, "var_z")).max() < 4
    assert np.abs(z_scores(found, "var_delta")).max() < 4


@pytest.mark.parametrize("name", ["glorot_normal", "default", "orthogonal", "uniform"])
@pytest.mark.parametrize(
    "activation", ["tanh", "sigmoid", "leaky_relu", "identity", "gelu", "softplus", "sine"]
)
def test_measured_variances_lie_on_the_theory_of_wide_layers(activation, name):
    sizes, X = [100, 400, 300, 400, 300], np.random.default_rng(0).standard_normal((200, 100))
    found = propagation(sizes, X, initializer=name, activation=activation, seeds=12, rng=7)
    for field in ("var_z", "var_a", "var_delta"):
        np.testing.assert_allclose(found.mean(field), found.theory(field), 0.06, err_msg=field)


def test_large_weights_explode_and_sigmoid_errors_vanish():
    large = propagation([100] * 11, initializer="large", activation="identity", seeds=4, rng=0)
    growth = large.mean("var_z")[1:] / large.mean("var_z")[:-1]
    assert ((growth > 80) & (growth < 120)).all()
    assert large.theory("var_delta")[0] / large.theory("var_delta")[-1] == pytest.approx(1e18)
    sigmoid = propagation([100] * 11, initializer="default", activation="sigmoid", seeds=4, rng=0)
    shrink = sigmoid.mean("var_delta")[:-1] / sigmoid.mean("var_delta")[1:]
    assert (shrink < 1 / 16 + 0.01).all()  # sigma' is 1/4 at most


@pytest.mark.parametrize("rows", [1, 50])
def test_each_row_begins_with_its_own_length(rows):
    X = np.ones((rows, 200)) * np.linspace(0.1, 3, rows)[:, np.newaxis]
    found = propagation(
        [200, 500, 500], X, initializer="glorot_normal", bias_initializer="zeros",
        activation="tanh", seeds=6, rng=0,
    )  # fmt: skip
    q = 200 * 2 / 700 * (X**2).mean(axis=1)
    z, w = np.polynomial.hermite_e.hermegauss(100)
    squares = np.tanh(np.sqrt(q)[:, None] * z) ** 2 @ w / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(found.theory("var_z"), [q.mean(), squares.mean()], 3e-3)
    np.testing.assert_allclose(found.mean("var_z"), found.theory("var_z"), 0.15)


def test_variances_of_functions_and_networks_are_measured():
    def wide(rng, shape):
        return rng.uniform(-0.3, 0.3, shape)

    found = propagation([100, 80, 60], initializer=wide, activation="relu", seeds=5, rng=0)
    assert found.initializer == "wide"
    X_square = found.theory("var_z")[0] / (100 * 0.09 / 3)
    assert X_square == pytest.approx(1, rel=0.05)  # the variance of U(-r, r) is r^2 / 3
    assert found.theory("var_z")[1] == pytest.approx(X_square * 3 / 2 * 80 * 0.03, rel=0.05)

    def shifted(rng, shape):
        return rng.uniform(0, 0.1, shape)

    found = propagation([100, 80], initializer=shifted, activation="relu", seeds=2, rng=0)
    assert np.isnan(found.theory("var_z")).all()
    # The last layer's errors are known all the same.
    assert found.theory("var_delta") == pytest.approx(found.mean("var_delta"), rel=1e-4)
    net = fastnet.Network([100, 80, 60], activation="relu", initializer="he_normal", rng=0)
    found = propagation(net, rng=1)
    np.testing.assert_allclose(found.theory("var_z"), [2, 2], 0.05)
    assert found.theory("saturated")[0] == pytest.approx(0.5, rel=1e-12)
    assert np.isnan(found.theory("max_singular")).all()  # whose independence is not known


@pytest.mark.parametrize("name", ["constant", "identity"])
def test_theory_is_nan_above_and_below_weights_that_are_not_random(name):
    options = {"bias_initializer": "zeros", "activation": "relu", "seeds": 2, "rng": 0}
    found = propagation([9, 8, 9, 8], initializer=["he_normal", name, "he_normal"], **options)
    for field in ("mean_z", "var_z", "var_a", "saturated", "max_singular"):
        assert np.isnan(found.theory(field)).tolist() == [False, True, True], field
    for field in ("mean_delta", "var_delta"):
        assert np.isnan(found.theory(field)).tolist() == [True, False, False], field
    assert np.isnan(found.theory("gradient_norm")).tolist() == [True, False, True]
    assert np.isnan(found.theory("dead")).all()


@pytest.mark.parametrize("name", ["lecun_normal", "uniform", "orthogonal", "default"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky_relu", "identity"])
def test_each_measure_lies_on_its_theory(activation, name):
    sizes = [300, 500, 400, 300]
    found = propagation(sizes, initializer=name, activation=activation, seeds=6, rng=3)
    for field in MEASURES:
        theory, mean = found.theory(field), found.mean(field)
        if field == "dead" or (field.endswith("singular") and np.isnan(theory).all()):
            continue
        scale = np.sqrt(found.theory(field.replace("mean", "var"))) if field in (
            "mean_z", "mean_a", "mean_delta") else np.maximum(theory, 0.1)  # fmt: skip
        assert (abs(mean - theory) < 0.1 * scale).all(), (field, mean, theory)


def by_scipy(activation, q):
    """Return E[phi], and the probability that the slope is below 4 % of its largest."""
    stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
    fn, prime = reference.ACTIVATIONS[activation]
    z = stats.norm.ppf((np.arange(400_000) + 0.5) / 400_000) * math.sqrt(q)
    grid = np.linspace(-30, 30, 600_001)
    largest = 1.0 if activation == "exponential" else np.abs(prime(grid)).max()
    return fn(z).mean(), np.mean(np.abs(prime(z)) < 0.04 * largest)


@pytest.mark.parametrize("name", reference.ACTIVATIONS)
@pytest.mark.parametrize("q", [0.01, 1.0, 30.0])
def test_means_and_saturated_shares_are_scipy_s(name, q):
    of = integrals_of(name)
    mean, share = by_scipy(name, q)
    if name != "exponential" or q < 10:
        assert of.mean(q) == pytest.approx(mean, rel=3e-4, abs=1e-6)
    assert of.saturated(q) == pytest.approx(share, abs=2e-5)
    at_zero = abs(reference.ACTIVATIONS[name].prime(np.zeros(1))[0]) < 0.04
    assert of.saturated(0.0) == at_zero
    both = of.saturated(np.array([0.0, q]))
    assert both == pytest.approx(np.array([at_zero, of.saturated(q)]), rel=1e-12)


def test_a_neuron_of_the_book_is_as_saturated_as_it_says():
    """Variances 501 and 1.5: sigma' is below 0.01 where sigma is above (1 + sqrt(0.96)) / 2."""
    a = (1 + math.sqrt(0.96)) / 2
    end = math.log(a / (1 - a))
    for q, book in ((501, 0.837), (1.5, 0.000176)):
        share = integrals_of("sigmoid").saturated(q)
        assert share == pytest.approx(math.erfc(end / math.sqrt(2 * q)), rel=1e-9)
        assert share == pytest.approx(book, rel=0.04)  # beyond ln 99, where it is a bit less


@pytest.mark.parametrize(("n_out", "n_in"), [(300, 300), (200, 600), (600, 200), (450, 500)])
def test_mean_singular_value_is_that_of_drawn_matrices(n_out, n_in):
    w = np.random.default_rng(1).standard_normal((n_out, n_in))
    assert np.linalg.norm(w, "nuc") / min(n_out, n_in) == pytest.approx(
        mean_singular_value(n_out, n_in), rel=6e-3
    )


def test_singular_values_of_square_layers_are_8_in_3_pi():
    found = propagation([50] * 3, initializer="lecun_normal", activation="identity", rng=0)
    np.testing.assert_allclose(found.theory("mean_singular"), 8 / (3 * math.pi), 1e-4)
    np.testing.assert_allclose(found.theory("max_singular"), 2, 1e-12)
    found = propagation([50] * 3, initializer="orthogonal", activation="identity", rng=0)
    for name in ("mean_singular", "max_singular"):
        np.testing.assert_allclose(found.theory(name), 1, 1e-12)
        np.testing.assert_allclose(found.mean(name), 1, 1e-12)


def test_gradients_have_no_theory_if_errors_are_correlated():
    found = propagation(
        [9, 8, 1], np.ones((3, 9)), [0.0, 1.0, 2.0], initializer="he_normal", activation="relu",
        seeds=2, rng=0,
    )  # fmt: skip
    assert np.isnan(found.theory("gradient_norm")).all()
    assert np.isfinite(found.theory("var_delta")).all()
    assert found.theory("mean_delta")[-1] == found.mean("mean_delta")[-1]


def test_layers_without_signals_have_the_slope_at_0():
    options = {"initializer": "lecun_normal", "bias_initializer": "zeros", "seeds": 2, "rng": 0}
    for name, slope in (("relu", 0.0), ("tanh", 1.0), ("leaky_relu", 0.01)):
        found = propagation([200, 200, 200], np.zeros((2, 200)), activation=name, **options)
        for field in ("var_z", "mean_singular", "var_delta", "saturated"):
            assert found.theory(field) == pytest.approx(found.mean(field), rel=0.1), field
        assert found.theory("mean_singular") == pytest.approx(slope * 8 / (3 * math.pi), rel=1e-4)


# --- published figures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initializer", "figure"), [("default", 8 / (3 * math.pi)), ("uniform", 0.49007)]
)
def test_singular_values_of_glorot_and_bengio(initializer, figure):
    """Square layers in the linear regime: weights of variance 1/n and 1/(3n)."""
    found = propagation(
        [200] * 4, np.zeros((1, 200)), initializer=initializer, bias_initializer="zeros",
        activation="tanh", seeds=6, rng=0,
    )  # fmt: skip
    np.testing.assert_allclose(found.mean("mean_singular"), figure, 0.01)
    scale = 1 if initializer == "default" else math.sqrt(1 / 3)
    np.testing.assert_allclose(found.mean("max_singular"), 2 * scale, 0.03)  # Marchenko and Pastur


def test_fluctuations_of_hanin_and_rolnick():
    """E[M^2] / E[M]^2 of the mean square activation: the product of 1 + 5 / n_l.

    One row, ReLU, He normal, no biases: M of layer l is a product of independent factors, one for
    each layer up to l, of mean 1.
    """
    n, depth, seeds = 20, 5, 4000
    found = propagation(
        [n] * (depth + 1), np.ones((1, n)), initializer="he_normal", bias_initializer="zeros",
        activation="relu", seeds=seeds, rng=2,
    )  # fmt: skip
    squares = found.records["var_a"] + found.records["mean_a"] ** 2
    for layer in range(depth):
        samples = squares[:, layer]
        ratio = np.mean(samples**2) / np.mean(samples) ** 2
        # The standard error of a ratio, by its derivatives.
        parts = samples**2 / np.mean(samples**2) - 2 * samples / np.mean(samples)
        error = ratio * parts.std() / math.sqrt(seeds)
        assert abs(ratio - (1 + 5 / n) ** (layer + 1)) < 4 * error


def test_dead_relu_networks_of_lu():
    """20,000 networks of width 2 and 5 hidden layers: 0.622 are born dead, standard error 0.003."""
    found = propagation(
        [1, *[2] * 5], [[1.0], [-1.0]], initializer="he_normal", bias_initializer="zeros",
        activation="relu", seeds=4000, rng=0,
    )  # fmt: skip
    share = np.mean(found.records["dead"][:, -1] == 1)
    assert abs(share - 0.622) < 4 * math.sqrt(0.622 * 0.378 / 4000)


# --- odd input -----------------------------------------------------------------------------------

DRAWN = {"initializer": "default", "activation": "tanh"}


@pytest.mark.parametrize(
    ("sizes", "options", "words"),
    [
        ([3], DRAWN, "two or more positive"),
        ([3, 0], DRAWN, r"sizes\[1\] is 0"),
        (5, DRAWN, "sizes is 5"),
        ([3, 2], DRAWN | {"seeds": 0}, "seeds is 0"),
        ([3, 2], DRAWN | {"seeds": []}, "give one or more distinct integers"),
        ([3, 2], DRAWN | {"seeds": [1, 1]}, "give one or more distinct integers"),
        ([3, 2], DRAWN | {"seeds": [-1]}, r"seeds\[0\] is -1"),
        ([3, 2], DRAWN | {"seeds": 1.5}, "seeds is 1.5"),
        ([3, 2], DRAWN | {"rng": -1}, "rng is -1"),
        ([3, 2], DRAWN | {"singular_values": 1}, "singular_values is 1; expected True or False"),
        ([3, 2], {"initializer": "default"}, "activation is missing"),
        ([3, 2], {"activation": "tanh"}, "initializer is missing"),
        ([3, 2], DRAWN | {"initializer": "hee"}, "initializer is 'hee'"),
        ([3, 2], DRAWN | {"bias_initializer": math.nan}, "bias_initializer is nan"),
        ([3, 2], DRAWN | {"activation": "tan"}, "activation is 'tan'"),
        ([3, 2, 2], DRAWN | {"activation": "softmax"}, "only the last layer can have it"),
        ([3, 2, 2], DRAWN | {"activation": ["tanh"]}, "names 1 layers; give one name, or 2"),
        ([3, 2], DRAWN | {"activation": None}, "activation is missing"),
        ([3, 2], DRAWN | {"activation": 3}, "activation is 3"),
        ([3, 2], DRAWN | {"X": np.ones((4, 2))}, "X has 2 columns"),
        ([3, 2], DRAWN | {"X": np.ones((0, 3))}, "X is empty"),
        ([3, 2], DRAWN | {"X": [[1, 2, math.nan]]}, "X holds nan in row 0, column 2"),
        ([3, 2], DRAWN | {"X": "abc"}, "real numbers"),
        ([3, 2], DRAWN | {"X": np.ones((4, 3)), "y": [0, 1]}, "2"),
        ([3, 2], DRAWN | {"X": np.ones((1, 3)), "y": [7]}, "7"),
        ([3, 2], DRAWN | {"y": [0, 1]}, "y was given without X"),
    ],
)
def test_odd_arguments_are_refused(sizes, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        propagation(sizes, **options)


@pytest.mark.parametrize(
    ("name", "endless"),
    [("activation", np.broadcast_to(0.0, 2**50)), ("y", np.broadcast_to(np.int8(1), 2**50))],
)
def test_a_lack_of_memory_names_the_argument(name, endless):
    X = np.random.default_rng(1).random((5, 3))
    with pytest.raises(MemoryError, match=rf"\b{name}\b"):
        propagation([3, 2], **{"X": X, "initializer": "large", "activation": "tanh", name: endless})


@pytest.mark.parametrize("option", [*DRAWN.items(), ("seeds", 3), ("bias_initializer", "zeros")])
def test_a_network_takes_no_initializer(option):
    with pytest.raises(TypeError, match=f"{option[0]} was given with a network"):
        propagation(fastnet.Network([3, 2]), **dict([option]))


def test_unknown_names_are_refused():
    found = propagation([3, 2], seeds=1, **DRAWN)
    for method in (found.mean, found.margin, found.theory):
        with pytest.raises(ValueError, match="expected one of mean_z, var_z"):
            method("layer")


@pytest.mark.parametrize(("wide", "units"), [(13, 5), (14, 4)])
def test_the_engine_refuses_arrays_of_another_size(wide, units):
    net = fastnet.Network([3, 3, 2])
    data, engine = net.prepare((np.eye(3), [0, 1, 0])), net._training_engine(3)
    engine.load(net.parameters)
    order, flat = np.arange(3, dtype=np.intp), np.empty_like(net.parameters)
    with pytest.raises(ValueError, match="one row of 14 per layer"):
        engine.propagate(
            *data.piece(order, 0, 3), flat, False, np.zeros((2, wide)), np.zeros(units)
        )


def test_sparse_and_unchecked_inputs_give_the_same():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    X = np.random.default_rng(0).integers(0, 9, (300, 30)) // 7
    plain = propagation([30, 20, 4], X, seeds=2, rng=0, **DRAWN)
    for given in (sparse.csr_array(X), X.astype(np.uint8), X.tolist()):
        other = propagation([30, 20, 4], given, seeds=2, rng=0, **DRAWN)
        for name in MEASURES:
            np.testing.assert_allclose(other.records[name], plain.records[name], 1e-10, 1e-12)


def test_numbers_that_overflow_are_nan_without_a_warning():
    net = fastnet.Network([3, 4, 4, 2], activation="identity", dtype="f", initializer=1e30)
    record = propagation(net, np.ones((5, 3), "f")).records[0]
    assert record["var_z"][0] == pytest.approx(0, abs=1e-20) and np.isnan(record["var_z"][2])


def test_a_network_can_be_measured_while_another_thread_trains_it():
    net = fastnet.Network([4, 20, 3], activation="tanh", rng=0)
    X, y = np.random.default_rng(0).standard_normal((300, 4)), np.arange(300) % 3
    thread = threading.Thread(target=net.train, args=((X, y), 200))
    thread.start()
    while thread.is_alive():
        assert np.isfinite(propagation(net, X, y).records["gradient_norm"]).all()
    thread.join()
