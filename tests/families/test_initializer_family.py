"""Every named initializer against a plain NumPy expression and its moments."""

import copy
import math
import os
import pickle
import signal
import threading

import numpy as np
import pytest

import fastnet
from fastnet.initializers import INITIALIZERS

from ..strategies import DTYPES

GENERATORS = [np.random.default_rng, np.random.RandomState]
SIZES = [40, 25, 60, 3]


def normals(rng, shape):
    """Standard normals, as either generator spells them."""
    return (
        rng.randn(*shape) if isinstance(rng, np.random.RandomState) else rng.standard_normal(shape)
    )


def truncated(rng, shape):
    """Each drawn until it lies within two standard deviations, and only then the next."""
    out = np.empty(shape)
    for place in np.ndindex(shape):
        out[place] = 3.0
        while abs(out[place]) > 2:
            out[place] = normals(rng, (1,))[0]
    return out * (1 / math.sqrt(shape[1]))


def orthogonal(rng, shape):
    """The Q of normals whose R has a positive diagonal; wide shapes are made tall ones."""
    tall = shape if shape[0] >= shape[1] else shape[::-1]
    q, r = np.linalg.qr(normals(rng, tall))
    q = q * np.sign(np.diag(r))
    return q if shape == tall else q.T


#: f(rng, (n_out, n_in)) -> array, in the words of NumPy alone.
EXPRESSIONS = {
    "default": lambda rng, s: normals(rng, s) / np.sqrt(s[1]),
    "large": normals,
    "lecun_uniform": lambda rng, s: rng.uniform(-math.sqrt(3 / s[1]), math.sqrt(3 / s[1]), s),
    "glorot_normal": lambda rng, s: normals(rng, s) * math.sqrt(2 / (s[0] + s[1])),
    "glorot_uniform": lambda rng, s: rng.uniform(-math.sqrt(6 / sum(s)), math.sqrt(6 / sum(s)), s),
    "he_normal": lambda rng, s: normals(rng, s) * math.sqrt(2 / s[1]),
    "he_uniform": lambda rng, s: rng.uniform(-math.sqrt(6 / s[1]), math.sqrt(6 / s[1]), s),
    "orthogonal": orthogonal,
    "identity": lambda rng, s: np.eye(*s),
    "truncated_normal": truncated,
    "uniform": lambda rng, s: rng.uniform(-1 / math.sqrt(s[1]), 1 / math.sqrt(s[1]), s),
    "zeros": lambda rng, s: np.zeros(s),
    "constant": lambda rng, s: np.ones(s),
}
ALIASES = {
    "lecun_normal": "default",
    "normal": "large",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
}
#: Where sums run, or roots are taken, in another order than in the expression above.
NOT_EXACT = {"orthogonal"}


def test_every_name_is_covered():
    # "lsuv", which needs data, has a file of its own.
    assert set(INITIALIZERS) - {"lsuv"} == {*EXPRESSIONS, *ALIASES}


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*INITIALIZERS} - {"lsuv"}))
def test_weights_are_the_numpy_expression(name, dtype, make):
    """Every bias first, layer by layer, then every weight; the generator is left alike."""
    rng, twin = make(5), make(5)
    normals(rng, (3,)), normals(twin, (3,))  # a RandomState holds one normal back
    net = fastnet.Network(SIZES, rng=rng, dtype=dtype, initializer=name, bias_initializer="normal")
    for bias in net.biases:
        np.testing.assert_array_equal(bias, normals(twin, bias.shape).astype(dtype))
    for weights in net.weights:
        expected = EXPRESSIONS[ALIASES.get(name, name)](twin, weights.shape).astype(dtype)
        if ALIASES.get(name, name) in NOT_EXACT:
            atol = 1e-12 if dtype == np.float64 else 1e-7
            np.testing.assert_allclose(weights, expected, rtol=0, atol=atol)
        else:
            np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(normals(rng, (4,)), normals(twin, (4,)))


@pytest.mark.parametrize("name", sorted({*EXPRESSIONS} - {"identity"}))
def test_biases_have_initializers_of_their_own(name):
    """A bias column is a matrix with one input."""
    net = fastnet.Network([4, 6, 5], rng=2, initializer="zeros", bias_initializer=name)
    rng = np.random.default_rng(2)
    for bias in net.biases:
        np.testing.assert_allclose(bias, EXPRESSIONS[name](rng, bias.shape), rtol=1e-12)
    assert not any(weights.any() for weights in net.weights)


# --- what is promised ----------------------------------------------------------------------------

#: Variance of a weight times n_in and n_out respectively, and its bound in standard deviations.
MOMENTS = {
    "default": (lambda n_in, n_out: 1 / n_in, None),
    "large": (lambda n_in, n_out: 1, None),
    "lecun_uniform": (lambda n_in, n_out: 1 / n_in, math.sqrt(3)),
    "glorot_normal": (lambda n_in, n_out: 2 / (n_in + n_out), None),
    "glorot_uniform": (lambda n_in, n_out: 2 / (n_in + n_out), math.sqrt(3)),
    "he_normal": (lambda n_in, n_out: 2 / n_in, None),
    "he_uniform": (lambda n_in, n_out: 2 / n_in, math.sqrt(3)),
    "uniform": (lambda n_in, n_out: 1 / (3 * n_in), math.sqrt(3)),
    # The variance of a standard normal that is cut at +-2 is 1 - 4 phi(2) / (2 Phi(2) - 1).
    "truncated_normal": (lambda n_in, n_out: 0.7737413 / n_in, 2 / math.sqrt(0.7737413)),
    "orthogonal": (lambda n_in, n_out: 1 / max(n_in, n_out), None),
}


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("shape", [(150, 400), (400, 150)])
@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_moments(name, shape, make):
    """Mean, variance, fourth moment and bound, within five standard errors."""
    n_out, n_in = shape
    w = np.array(fastnet.Network([n_in, n_out], rng=make(11), initializer=name).weights[0])
    variance, bound = MOMENTS[name]
    sigma = math.sqrt(variance(n_in, n_out))
    z = w.ravel() / sigma
    assert abs(z.mean()) < 5 / math.sqrt(z.size)
    # Orthonormal columns have their length, so that the variance hardly scatters at all.
    assert z.var() == pytest.approx(1, abs=5 * math.sqrt(2 / z.size))
    fourth = {None: 3.0, math.sqrt(3): 1.8}.get(bound)
    if fourth is not None:
        assert (z**4).mean() == pytest.approx(fourth, abs=0.12)
    if bound is not None:
        assert 0.995 * bound < np.abs(z).max() <= bound * (1 + 1e-12)
    # Neighbours in a row and in a column know nothing of one another.
    z = z.reshape(shape)
    for a, b in [(z[1:], z[:-1]), (z[:, 1:], z[:, :-1])]:
        assert abs((a * b).mean()) < 5 / math.sqrt(a.size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 5), (64, 30), (30, 64)])
def test_orthogonal_rows_or_columns(shape, dtype):
    n_out, n_in = shape
    net = fastnet.Network([n_in, n_out], rng=1, dtype=dtype, initializer="orthogonal")
    w = np.array(net.weights[0], np.float64)
    gram = w @ w.T if n_out <= n_in else w.T @ w
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=200 * np.finfo(dtype).eps)


def test_orthogonal_is_uniform_over_all():
    """With the signs left to the QR routine, the first element would lean to one side."""
    rng = np.random.default_rng(0)
    corners = [
        fastnet.Network([2, 2], rng=rng, initializer="orthogonal").weights[0].copy()
        for _ in range(2000)
    ]
    angles = np.arctan2([w[1, 0] for w in corners], [w[0, 0] for w in corners])
    counts = np.histogram(angles, bins=8, range=(-math.pi, math.pi))[0]
    assert ((counts - 250) ** 2 / 250).sum() < 24.3, "chi-squared with 7 degrees, 0.1 %"
    assert abs(np.mean([np.linalg.det(w) for w in corners])) < 5 / math.sqrt(2000)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (40, 25), (25, 40), (300, 300)])
def test_orthogonal_is_the_q_of_the_normals_that_were_drawn(shape):
    """Q R = A, R upper triangular with a positive diagonal, which makes Q and R unique."""
    rng = np.random.default_rng(4)
    w = fastnet.Network(shape[::-1], rng=4, initializer="orthogonal").weights[0]
    a = rng.standard_normal((max(shape), min(shape)))
    q = w if shape[0] >= shape[1] else w.T
    r = q.T @ a
    np.testing.assert_allclose(q @ r, a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.tril(r, -1), 0, atol=1e-12)
    assert (np.diagonal(r) > 0).all()


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (3, 8), (8, 3)])
def test_an_orthogonal_matrix_has_the_elements_of_scipys(rows, columns):
    """The square of an element of a Haar matrix of size n is Beta(1/2, (n - 1)/2)."""
    stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
    rng, n = np.random.default_rng(1), max(rows, columns)
    drawn = np.array(
        [
            fastnet.Network([columns, rows], rng=rng, initializer="orthogonal").weights[0]
            for _ in range(2000)
        ]
    )
    theirs = stats.ortho_group.rvs(n, size=2000, random_state=2)
    for row, column in [(0, 0), (rows - 1, columns - 1), (0, columns - 1)]:
        element = drawn[:, row, column]
        assert stats.kstest(element**2, stats.beta(0.5, (n - 1) / 2).cdf).pvalue > 1e-3
        assert stats.ks_2samp(element, theirs[:, row, column]).pvalue > 1e-3


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals to a process are missing on Windows")
def test_no_lock_is_held_while_matrices_are_made_orthogonal(monkeypatch):
    """Other threads draw, copy and change; Ctrl-C comes out, and the network is as it was."""
    net = fastnet.Network([6, 4], rng=3, initializer="orthogonal")
    qr, went_on = np.linalg.qr, []

    def another(a):
        def work():
            net.rng.normal()
            net.parameters = copy.deepcopy(net).parameters
            went_on.append(True)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(60)
        return qr(a)

    monkeypatch.setattr(np.linalg, "qr", another)
    net.initialize()
    assert went_on

    def interrupted(a):
        os.kill(os.getpid(), signal.SIGINT)
        return qr(a)

    monkeypatch.setattr(np.linalg, "qr", interrupted)
    before = net.parameters.copy()
    with pytest.raises(KeyboardInterrupt):
        net.initialize()
    np.testing.assert_array_equal(net.parameters, before)


def test_the_default_keeps_weighted_inputs_near_one():
    """The book's experiment: 500 of 1000 inputs on, z of variance 3/2 or 501."""
    X = np.repeat([[1.0, 0.0]], 500, axis=1).reshape(1, 1000)
    for name, variance in [("default", 1.5), ("large", 501.0)]:
        net = fastnet.Network([1000, 4000], rng=3, initializer=name)
        std = net.layer_statistics(X)[0]["std_z"]
        assert std == pytest.approx(math.sqrt(variance), rel=0.05)


# --- numbers, callables, defaults ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_is_for_every_element(dtype):
    net = fastnet.Network([3, 4, 2], dtype=dtype, initializer=0.1, bias_initializer=-2)
    assert all((w == dtype(0.1)).all() for w in net.weights)
    assert all((b == -2).all() for b in net.biases)


@pytest.mark.parametrize("make", GENERATORS)
def test_a_callable_is_given_generator_and_shape(make):
    shapes = []

    def cauchy(rng, shape):
        shapes.append(shape)
        return rng.standard_cauchy(shape)

    net = fastnet.Network([3, 4, 2], rng=make(4), initializer=cauchy, bias_initializer=cauchy)
    assert shapes == [(4, 1), (2, 1), (4, 3), (2, 4)]
    rng = make(4)
    for array in (*net.biases, *net.weights):
        np.testing.assert_array_equal(array, rng.standard_cauchy(array.shape))


@pytest.mark.parametrize(
    ("options", "biases"),
    [
        ({}, "normal"),
        ({"initializer": "default"}, "normal"),
        ({"initializer": "lecun_normal"}, "normal"),
        ({"initializer": "large"}, "normal"),
        ({"initializer": "normal"}, "normal"),
        ({"initializer": "he_normal"}, "zeros"),
        ({"initializer": "orthogonal"}, "zeros"),
        ({"initializer": 0.5}, "zeros"),
        ({"initializer": "he_normal", "bias_initializer": "uniform"}, "uniform"),
        ({"bias_initializer": "zeros"}, "zeros"),
        ({"bias_initializer": 0.25}, "0.25"),
    ],
)
def test_how_biases_start_and_what_repr_says(options, biases):
    """The book's two draw biases from N(0, 1); the others leave them at zero, as peers do."""
    net = fastnet.Network([3, 50, 2], rng=0, **options)
    name = str(options.get("initializer", "default"))
    assert f"initializers: weights '{name}', biases '{biases}'" in repr(net)
    column = net.biases[0].ravel()
    checks = {
        "normal": 0.8 < column.std() < 1.2,
        "zeros": not column.any(),
        "uniform": 0 < np.abs(column).max() <= 1 and column.std() > 0.4,
        "0.25": bool((column == 0.25).all()),
    }
    assert checks[biases]


def test_repr_names_a_callable():
    def mine(rng, shape):
        return rng.random(shape)

    class Drawn:
        def __call__(self, rng, shape):
            return rng.random(shape)

    net = fastnet.Network([2, 2], initializer=mine, bias_initializer=Drawn())
    assert "initializers: weights 'mine', biases 'Drawn'" in repr(net)


def test_the_books_methods_say_so():
    net = fastnet.Network([20, 3], initializer="he_uniform", rng=0)
    net.large_weight_initializer()
    assert "initializers: weights 'large', biases 'normal'" in repr(net)
    net.default_weight_initializer()
    assert "initializers: weights 'default', biases 'normal'" in repr(net)


@pytest.mark.parametrize("name", ["he_normal", "large", 0.5])
def test_initialize_draws_by_the_same_initializer(name):
    net = fastnet.Network([6, 5, 2], rng=8, initializer=name)
    twin = np.random.default_rng(8)
    fastnet.Network([6, 5, 2], rng=twin, initializer=name)
    again = fastnet.Network([6, 5, 2], rng=twin, initializer=name)
    copies = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    net.initialize()
    np.testing.assert_array_equal(net.parameters, again.parameters)
    for other in copies:
        other.initialize()
        np.testing.assert_array_equal(net.parameters, other.parameters)
        assert repr(other) == repr(net)


@pytest.mark.parametrize("argument", ["initializer", "bias_initializer"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("he", "is 'he'; the initializers are default"),
        ("", "is ''"),
        (math.nan, "is nan"),
        (math.inf, "is inf"),
        (True, "is True"),
        ([1.0], "is a list of 1; give 2, one for each layer"),
        (["zeros", [0.0]], "[1] is [0.0]; give a name"),
        ([], "is a list of 0; give 2"),
        ({0.5}, "is {0.5}; give a name"),
        (int, "is <class 'int'>; give a name"),
        (len, "is <built-in function len>, which cannot be called with the required arguments"),
        (lambda rng, shape: rng.random((2, 2)), "returned an array of shape (2, 2); expected"),
        (lambda rng, shape: rng.random(shape[::-1]), "returned an array of shape"),
        (lambda rng, shape: np.full(shape, np.nan), "gave NaN or infinity"),
        (lambda rng, shape: np.full(shape, "a"), "array is of dtype <U1"),
        (lambda rng, shape: None, "array is of dtype object"),
        (lambda rng, shape: 1.0, "returned an array of shape (); expected"),
    ],
)
def test_bad_initializers_are_refused(argument, given, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        fastnet.Network([3, 4, 3], **{argument: given})
    assert str(caught.value).startswith(argument) and said in str(caught.value)


def test_what_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError) as caught:
        fastnet.Network([3, 2], dtype=np.float32, initializer=1e300)
    assert "float32" in str(caught.value)


def test_a_callable_that_fails_later_changes_nothing():
    calls = []

    def flaky(rng, shape):
        calls.append(shape)
        return np.ones(shape) if len(calls) < 4 else np.full(shape, np.inf)

    net = fastnet.Network([3, 2, 2], initializer=flaky, bias_initializer="zeros")
    before = net.parameters.copy()
    with pytest.raises(ValueError):
        net.initialize()
    np.testing.assert_array_equal(net.parameters, before)
