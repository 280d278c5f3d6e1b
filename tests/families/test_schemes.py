"""Schemes: their draws against NumPy's; gains, text, files, and refusals."""

import copy
import functools
import math
import pickle
import threading
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import initializers
from fastnet.initializers import (
    INITIALIZERS,
    Constant,
    Identity,
    Normal,
    Orthogonal,
    VarianceScaling,
    moments,
)
from fastnet.initializers.named import ALIASES, TABLE

SHAPES = [(1, 1), (1, 7), (7, 1), (40, 25), (25, 40)]
FANS = {
    "fan_in": lambda n_out, n_in: n_in,
    "fan_out": lambda n_out, n_in: n_out,
    "fan_avg": lambda n_out, n_in: (n_in + n_out) / 2,
}
SCHEMES = [
    VarianceScaling(),
    VarianceScaling(0.5, "fan_out", "uniform"),
    VarianceScaling(3.0, "fan_avg", "truncated_normal"),
    Normal(0.1),
    Orthogonal(1.5),
    Identity(0.5),
    Constant(-2.0),
]
#: The names whose function takes a gain.
GAINED = [name for name in INITIALIZERS if name not in ("zeros", "constant", "lsuv")]


def weights(scheme, shape, seed=3, dtype=np.float64):
    starts = {"initializer": scheme, "bias_initializer": 0}
    return np.array(fastnet.Network(shape[::-1], rng=seed, dtype=dtype, **starts).weights[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize("scale", [1.0, 1 / 3, 2.0, 12.8])
def test_variance_scaling_is_numpys_draws_times_the_standard_deviation(scale, mode, shape):
    std = math.sqrt(scale / FANS[mode](*shape))
    z = np.random.default_rng(3).standard_normal(shape)
    found = weights(VarianceScaling(scale, mode, "normal"), shape)
    np.testing.assert_allclose(found, z * std, rtol=4e-16)
    u = np.random.default_rng(3).random(shape)
    found = weights(VarianceScaling(scale, mode, "uniform"), shape)
    np.testing.assert_allclose(found, (2 * u - 1) * math.sqrt(3) * std, rtol=0, atol=1e-15 * std)


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("mode", FANS)
def test_variance_scaling_has_the_variance_of_its_scale(mode, distribution):
    """Of a truncated normal too, as in Keras and JAX; within five standard errors."""
    shape = (300, 500)
    scheme = VarianceScaling(2.5, mode, distribution)
    expected = 2.5 / FANS[mode](*shape)
    assert scheme.variance(500, 300) == pytest.approx(expected, rel=1e-15)
    w = weights(scheme, shape)
    assert w.var() == pytest.approx(expected, rel=5 * math.sqrt(2 / w.size))
    if distribution == "truncated_normal":
        # SciPy: truncnorm(-2, 2).std() is 0.87962566103424.
        assert abs(w).max() == pytest.approx(2 * math.sqrt(expected) / 0.87962566103424, rel=1e-3)


def test_the_variance_that_truncation_leaves_is_scipys():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
    scale = INITIALIZERS["truncated_normal"].scale
    assert scale == pytest.approx(stats.truncnorm(-2, 2).var(), rel=1e-12)


@pytest.mark.parametrize("name", GAINED)
def test_a_gain_multiplies_every_weight(name):
    make = getattr(initializers, name)
    plain, gained = weights(make(), (30, 20)), weights(make(gain=1.7), (30, 20))
    np.testing.assert_array_equal(plain, weights(name, (30, 20)))
    np.testing.assert_allclose(gained, 1.7 * plain, rtol=1e-14, atol=1e-15 * abs(plain).max())
    variance = make().variance(20, 30)
    if variance is not None:
        assert make(gain=1.7).variance(20, 30) == pytest.approx(1.7**2 * variance, rel=1e-14)
    # A whole number is a number.
    assert make(2) == make(2.0) != make()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_identity_is_numpys_eye(shape):
    np.testing.assert_array_equal(weights("identity", shape), np.eye(*shape))
    np.testing.assert_array_equal(weights(Identity(0.5), shape), 0.5 * np.eye(*shape))


def test_the_identity_passes_its_inputs_on():
    net = fastnet.Network([4] * 6, "quadratic", activation="relu", output="identity",
                          initializer="identity")  # fmt: skip
    x = np.array([0.0, 1.0, 2.5, 7.0])
    np.testing.assert_array_equal(net.feedforward(x), x)


def test_the_table_and_the_names_are_the_same():
    assert [*INITIALIZERS] == [name for first in TABLE for name in (first, *ALIASES.get(first, ()))]
    for name, scheme in INITIALIZERS.items():
        assert getattr(initializers, name)() == scheme
        assert name in initializers.__all__
    assert all(known.formula and known.use for known in TABLE.values())


# --- as values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_a_scheme_is_a_value(scheme):
    """Its repr can be typed back; copies are equal, others are not; it does not change."""
    names = {name: getattr(initializers, name) for name in initializers.__all__}
    for twin in (eval(repr(scheme), names), copy.deepcopy(scheme), pickle.loads(pickle.dumps(scheme))):  # fmt: skip  # noqa: E501
        assert twin == scheme and hash(twin) == hash(scheme)
    assert [other == scheme for other in SCHEMES].count(True) == 1
    field = next(iter(vars(scheme)))
    with pytest.raises(AttributeError):
        setattr(scheme, field, 1.0)


@pytest.mark.parametrize("form", ["npz", "safetensors"])
@pytest.mark.parametrize("scheme", [*SCHEMES, "he_normal", 0.25], ids=repr)
def test_a_file_keeps_the_scheme(scheme, form, tmp_path):
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors is missing")
    biases = "zeros" if isinstance(scheme, Identity) else [scheme, "normal"]
    starts = {"initializer": [scheme, "he_normal"], "bias_initializer": biases}
    net = fastnet.Network([4, 3, 2], rng=0, **starts)
    net.save(tmp_path / f"net.{form}")
    loaded = fastnet.load(tmp_path / f"net.{form}")
    assert repr(loaded) == repr(net)
    net.rng, loaded.rng = 5, 5
    net.initialize(), loaded.initialize()
    np.testing.assert_array_equal(loaded.parameters, net.parameters)


def test_a_file_remembers_in_which_layer_a_function_was(tmp_path):
    starts = ["zeros", lambda rng, shape: np.ones(shape)]
    fastnet.Network([4, 3, 2], rng=0, initializer=starts).save(tmp_path / "net.npz")
    loaded = fastnet.load(tmp_path / "net.npz")
    assert "weights ['zeros', 'not_in_the_file']" in repr(loaded)
    with pytest.raises(ValueError, match="drawn by a function, which its file does not store"):
        loaded.initialize()


def test_moments():
    assert moments("he_normal", 100, 30) == (0.0, 0.02, True)
    assert moments(Orthogonal(2.0), 100, 30) == (0.0, 0.04, False)
    assert moments(-0.5, 100, 30) == (-0.5, 0.0, True)
    assert moments("identity", 100, 30) is None
    assert moments(lambda rng, shape: rng.random(shape), 100, 30) is None
    with pytest.raises(ValueError, match="initializer is 'he'"):
        moments("he", 100, 30)


# --- one for each layer, and functions that ask for the layer ----------------------------------


def test_each_layer_has_its_own():
    """Biases in order, then weights in order, from one generator; defaults go by layer too."""
    starts = ["default", "he_uniform", 0.5, lambda rng, shape: rng.random(shape)]
    net = fastnet.Network([3, 4, 5, 2, 6], rng=9, initializer=starts)
    rng = np.random.default_rng(9)
    np.testing.assert_array_equal(net.biases[0], rng.standard_normal((4, 1)))
    assert not any(bias.any() for bias in net.biases[1:])
    np.testing.assert_array_equal(net.weights[0], rng.standard_normal((4, 3)) / np.sqrt(3))
    r = math.sqrt(6 / 4)
    np.testing.assert_array_equal(net.weights[1], rng.uniform(-r, r, (5, 4)))
    assert (net.weights[2] == 0.5).all()
    np.testing.assert_array_equal(net.weights[3], rng.random((6, 2)))
    assert "initializers: weights ['default', 'he_uniform', '0.5', '<lambda>']" in repr(net)
    assert "biases ['normal', 'zeros', 'zeros', 'zeros']" in repr(net)
    assert "weights from [" in net._repr_html_()
    twin = fastnet.Network([3, 4, 5, 2, 6], rng=9, initializer=tuple(starts))
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_biases_are_one_name_where_all_layers_agree():
    net = fastnet.Network([3, 4, 2], rng=0, initializer=["he_normal", Orthogonal(2.0)])
    assert "weights ['he_normal', Orthogonal(2.0)], biases 'zeros'" in repr(net)


def test_a_list_that_the_caller_changes_changes_no_network():
    starts = ["zeros", "zeros"]
    net = fastnet.Network([3, 4, 2], initializer=starts)
    starts[0] = "large"
    net.initialize()
    assert not net.parameters.any()


def test_a_function_of_three_is_told_the_layer():
    told = []

    def start(rng, shape, layer):
        told.append((shape, layer.index, layer.n_layers, layer.activation))
        return np.zeros(shape)

    class Start:
        def __call__(self, rng, shape, layer=None):
            return start(rng, shape, layer)

    sizes, names = [3, 4, 2], {"activation": "relu", "output": "sigmoid"}
    layers = [(0, 2, "relu"), (1, 2, "sigmoid")]
    for function in (start, Start(), functools.partial(start)):
        told.clear()
        fastnet.Network(sizes, **names, initializer=function, bias_initializer=function)
        shapes = [(4, 1), (2, 1), (4, 3), (2, 4)]
        assert told == [(s, *layer) for s, layer in zip(shapes, layers * 2, strict=True)]


def test_a_functions_own_options_are_left_alone():
    def scaled(rng, shape, factor=0.1):
        return factor * np.ones(shape)

    net = fastnet.Network([3, 2], initializer=scaled)
    assert (net.weights[0] == 0.1).all()
    net = fastnet.Network([3, 2], initializer=functools.partial(scaled, factor=0.5))
    assert (net.weights[0] == 0.5).all()
    net = fastnet.Network([3, 2], initializer=lambda *both: np.full(both[1], len(both)))
    assert (net.weights[0] == 2).all()


def test_no_lock_is_held_while_a_function_is_told_the_layer():
    def start(rng, shape, layer):
        drawn = []
        thread = threading.Thread(target=lambda: drawn.append(rng.random(shape)), daemon=True)
        thread.start()
        thread.join(60)
        return drawn[0]

    fastnet.Network([3, 4, 2], rng=0, initializer=["large", start])


def test_the_function_of_a_name_is_told_apart_from_a_users():
    with pytest.raises(TypeError) as caught:
        fastnet.Network([3, 4, 2], initializer=["zeros", initializers.he_normal])
    said = "initializer[1] is the function he_normal, which makes an initializer; call it"
    assert str(caught.value).startswith(said)


def test_messages_name_the_layer():
    def wrong(rng, shape):
        return np.full(shape, np.nan)

    with pytest.raises(ValueError) as caught:
        fastnet.Network([3, 4, 2], initializer=["zeros", wrong])
    assert "initializer[1] gave NaN or infinity in float64" in str(caught.value)


def test_estimators_take_schemes_and_lists():
    """Also through clone, which wants parameters that it can compare."""
    base = pytest.importorskip("sklearn.base", reason="scikit-learn is missing")
    from fastnet.estimators import MLPClassifier

    X, y = np.random.default_rng(0).random((30, 3)), np.arange(30) % 3
    for start in (initializers.he_normal(2.0), ["he_normal", Orthogonal(0.5)]):
        estimator = base.clone(MLPClassifier((5,), initializer=start, max_iter=2, tol=0.0))
        assert estimator.get_params()["initializer"] == start
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = estimator.fit(X, y).network_
        assert "biases 'zeros'" in repr(network)
    with pytest.raises(ValueError, match="initializer is a list of 3; give 2"):
        MLPClassifier((5,), initializer=["zeros"] * 3).fit(X, y)


# --- what is refused -----------------------------------------------------------------------------

BAD_NUMBERS = [
    (0, "is 0.0; expected a finite number above 0"),
    (-1.5, "is -1.5; expected a finite number above 0"),
    (math.nan, "is nan; expected a finite number above 0"),
    (math.inf, "is inf; expected a finite number above 0"),
    (10**400, "is too large; expected a finite number"),
    (True, "is True, of type bool; expected a number"),
    ("2", "is '2', of type str; expected a number"),
    (None, "is None, of type NoneType; expected a number"),
]


@pytest.mark.parametrize(("number", "said"), BAD_NUMBERS)
@pytest.mark.parametrize("name", GAINED)
def test_a_gain_is_a_positive_number(name, number, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(initializers, name)(gain=number)
    assert str(caught.value).startswith(f"gain {said}")


@pytest.mark.parametrize(("number", "said"), BAD_NUMBERS)
@pytest.mark.parametrize(("kind", "field"), [(VarianceScaling, "scale"), (Normal, "std"),
                                             (Orthogonal, "gain"), (Identity, "gain")])  # fmt: skip
def test_a_scheme_takes_positive_numbers(kind, field, number, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(number)
    assert str(caught.value).startswith(f"{field} {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1.0, "fan"), "mode is 'fan'; expected one of fan_in, fan_out, fan_avg"),
        ((1.0, None), "mode is None; expected one of"),
        ((1.0, "fan_in", "gaussian"), "distribution is 'gaussian'; expected one of normal"),
    ],
)
def test_modes_and_distributions_have_names(arguments, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        VarianceScaling(*arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize("gain", [1e-200, 1e200])
def test_a_gain_whose_square_is_no_float_is_refused(gain):
    with pytest.raises(ValueError) as caught:
        initializers.he_normal(gain)
    assert f"gain is {gain}; it must be from 1e-150 to 1e150" in str(caught.value)


@pytest.mark.parametrize("argument", ["initializer", "bias_initializer"])
@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        (VarianceScaling(1e-90), "which float32 cannot hold; expected at least"),
        (VarianceScaling(1e90), "which float32 cannot hold; expected at most"),
        (Normal(1e-40), "'s standard deviation is 1e-40, which float32 cannot hold"),
        (Normal(3e38), "NaN or infinity in float32"),
        (Orthogonal(1e-45), "'s standard deviation is"),
        (Identity(1e39), "'s gain is 1e+39, which float32 cannot hold"),
        (Constant(-1e39), " is 1e+39, which float32 cannot hold"),
    ],
    ids=repr,
)
def test_what_float32_cannot_hold_is_refused(argument, scheme, said):
    if isinstance(scheme, Identity) and argument == "bias_initializer":
        said = " is Identity(1e+39), and Identity(1e+39) is for weights only; give 'zeros'"
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ValueError) as caught:
        fastnet.Network([3, 50], dtype=np.float32, rng=rng, **{argument: scheme})
    assert str(caught.value).startswith(argument) and said in str(caught.value)
    if "infinity" not in said:  # seen before anything was drawn
        assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({}, "initializer's scheme is None; expected a scheme's name"),
        ({"scheme": "Scheme"}, "initializer's scheme is 'Scheme'"),
        ({"scheme": ["Normal"]}, "initializer's scheme is ['Normal']"),
        ({"scheme": "Normal", "std": -1.0}, "std is -1.0"),
        ({"scheme": "Normal", "std": "1"}, "std is '1'"),
        ({"scheme": "Normal", "sd": 1.0}, "unexpected keyword argument 'sd'"),
        ({"scheme": "VarianceScaling", "mode": {}}, "mode is {}"),
    ],
)
def test_files_with_other_schemes_are_refused(plain, said, tmp_path, monkeypatch):
    net = fastnet.Network([2, 2], rng=0)
    monkeypatch.setattr("fastnet.files.networks.to_plain", lambda initializer: plain)
    net.save(tmp_path / "net.npz")
    with pytest.raises(ValueError) as caught:
        fastnet.load(tmp_path / "net.npz")
    assert said in str(caught.value) and "net.npz" in str(caught.value)
