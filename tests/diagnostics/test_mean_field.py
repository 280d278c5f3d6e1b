"""Mean-field theory: published figures, quadrature with SciPy, closed forms, random networks."""

import math
from itertools import pairwise

import numpy as np
import pytest

from fastnet import Network
from fastnet.diagnostics import critical_sigma_w, mean_field
from fastnet.diagnostics.integrals import integrals_of
from fastnet.diagnostics.mean_field import (
    correlation_map,
    length_map,
    slope,
    squared_activation,
)
from fastnet.initializers import Normal, VarianceScaling
from fastnet.reference import ACTIVATIONS

NAMES = list(ACTIVATIONS)


@pytest.mark.parametrize(
    ("variance", "critical", "q_star"),
    [(0.05, 1.760955, 0.570048), (0.09, 1.947655, 0.763475), (2.01e-5, 1.049996, 0.025919)],
)
def test_tanh_is_critical_where_schoenholz_has_it(variance, critical, q_star):
    sigma_b = math.sqrt(variance)
    sigma_w = critical_sigma_w("tanh", sigma_b)
    assert sigma_w**2 == pytest.approx(critical, abs=1e-6)
    found = mean_field("tanh", sigma_w, sigma_b)
    assert found.q_star == pytest.approx(q_star, abs=1e-6)
    assert found.chi_1 == pytest.approx(1, abs=1e-12)
    assert found.c_star == 1 and found.xi_c == math.inf


@pytest.mark.parametrize(
    ("sigma_w", "q_star", "chi_1", "c_star"),
    [(1.3, 0.607047, 0.939807, 1.0), (2.5, 4.079124, 1.585225, 0.122104),
     (4.0, 12.604149, 2.367261, 0.029696)],
)  # fmt: skip
def test_tanh_has_the_fixed_points_of_poole(sigma_w, q_star, chi_1, c_star):
    """Digits of mpmath: 201 Gauss-Hermite nodes give 1.585227 and 12.603360, 2.374917 and 0.029718.

    They are too few for tanh(sqrt(q) z) where q is 4 or more.
    """
    found = mean_field("tanh", sigma_w, 0.3)
    assert found[:3] == pytest.approx((q_star, c_star, chi_1), abs=1e-6)


@pytest.mark.parametrize(
    ("variance", "xi_c"),
    [(1, 3.6270), (1.25, 6.7998), (1.5, 15.7910), (1.7, 74.918), (2, 25.2134), (2.5, 11.7956),
     (3, 9.0515), (4, 6.9803)],
)  # fmt: skip
def test_depth_scales_of_tanh(variance, xi_c):
    found = mean_field("tanh", math.sqrt(variance), math.sqrt(0.05)).xi_c
    assert found == pytest.approx(xi_c, abs=1e-3 if variance == 1.7 else 1e-4)


@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("variance", [0.5, 1.0, 1.9, 2.5, 100.0])
def test_slope_of_relu_is_half_the_variance_at_any_q(variance, sigma_b):
    found = mean_field("relu", math.sqrt(variance), sigma_b)
    assert found.chi_1 == pytest.approx(variance / 2, rel=1e-12)
    wanted = sigma_b**2 / (1 - variance / 2) if variance < 2 else math.inf
    assert found.q_star == pytest.approx(wanted, rel=1e-12)
    if variance > 2:
        assert np.isnan([found.c_star, found.xi_q, found.xi_c]).all()
    else:
        assert found.xi_c == pytest.approx(-1 / math.log(variance / 2), rel=1e-10)
    for q in (1e-9, 1.0, 1e9):
        assert slope("relu", q, math.sqrt(variance)) == pytest.approx(variance / 2, rel=1e-12)
    assert critical_sigma_w("relu", sigma_b) ** 2 == pytest.approx(2, rel=1e-12)


def test_he_s_start_is_critical():
    found = mean_field("relu", math.sqrt(2), 0.0)
    assert found == pytest.approx((1, 1, 1, math.inf, math.inf), rel=1e-12)


def test_correlation_map_of_relu_is_the_arc_cosine_kernel():
    """Cho and Saul 2009, degree 1."""
    for c in (-1.0, -0.6, 0.0, 0.3, 0.9, 0.999999, 1.0):
        angle = math.acos(c)
        wanted = (math.sin(angle) + (math.pi - angle) * c) / math.pi
        assert correlation_map("relu", c, 3.0, 1.3, 0.0) == pytest.approx(wanted, abs=1e-12)


def test_selu_keeps_mean_0_and_variance_1():
    found = mean_field("selu", 1.0, 0.0)
    assert found.q_star == pytest.approx(1, abs=1e-12)
    assert found.c_star == pytest.approx(0, abs=1e-12)
    assert length_map("selu", 1.0, 1.0, 0.0) == pytest.approx(1, abs=1e-13)
    assert found.chi_1 > 1  # 1.0716 in Klambauer et al. 2017, appendix


@pytest.mark.parametrize(
    ("name", "weights", "biases", "q"),
    [
        ("silu", 1.98800468, 0.55514317, 14.32017362),
        ("gelu", 1.98305826, 0.17292239, (3 + math.sqrt(17)) / 2),
    ],
)
def test_gelu_and_silu_have_their_half_stable_fixed_points(name, weights, biases, q):
    """Roberts, Yaida and Hanin 2022, section 5.3.4: both slopes are 1 there."""
    sigma_w, sigma_b = math.sqrt(weights), math.sqrt(biases)
    h = 1e-3 * q
    moved = length_map(name, np.array([q - h, q, q + h]), sigma_w, sigma_b)
    assert moved[1] == pytest.approx(q, rel=1e-6)
    assert (moved[2] - moved[0]) / (2 * h) == pytest.approx(1, abs=1e-6)
    assert slope(name, q, sigma_w) == pytest.approx(1, abs=1e-6)


def scipy_means(name, q, c):
    """Return E phi(z)^2, E phi'(z)^2, E phi(z1) phi(z2), by SciPy, split at 0."""
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is missing")
    fn, prime = ACTIVATIONS[name]
    root, rest = math.sqrt(q), math.sqrt(1 - c * c)

    def mean(f, splits):
        def weighted(z):
            return f(z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        ends = sorted({-11.0, *np.clip(splits, -11, 11).tolist(), 11.0})
        return sum(
            integrate.quad(weighted, a, b, epsabs=1e-11, epsrel=1e-10, limit=200)[0]
            for a, b in pairwise(ends)
        )

    def value(f, z):
        return float(f(np.array([z]))[0])

    def both(z1):
        second = mean(lambda z2: value(fn, root * (c * z1 + rest * z2)), [-c * z1 / rest])
        return value(fn, root * z1) * second

    return (
        mean(lambda z: value(fn, root * z) ** 2, [-0.3, 0, 0.3]),
        mean(lambda z: value(prime, root * z) ** 2, [-0.3, 0, 0.3]),
        mean(both, [0]),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("q", "c"), [(0.3, 0.8), (3.0, -0.5)])
def test_integrals_are_scipy_s(name, q, c):
    square, squared_slope, product = scipy_means(name, q, c)
    assert squared_activation(name, q) == pytest.approx(square, rel=1e-8)
    assert slope(name, q, 1.5) == pytest.approx(2.25 * squared_slope, rel=1e-8)
    assert length_map(name, q, 1.5, 0.5) == pytest.approx(2.25 * square + 0.25, rel=1e-8)
    wanted = (2.25 * product + 0.25) / (2.25 * square + 0.25)
    assert correlation_map(name, c, q, 1.5, 0.5) == pytest.approx(wanted, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", ["tanh", "gelu", "softsign", "elu"])
def test_integrals_resolve_steps_that_are_narrow(name):
    """Of tanh(100 z): integrals over z of the units where it bends, of which SciPy is told."""
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is missing")
    prime, q = ACTIVATIONS[name].prime, 1e4

    def weighted(u):
        density = math.exp(-u * u / (2 * q)) / math.sqrt(2 * math.pi * q)
        return float(prime(np.array([u]))[0]) ** 2 * density

    ends = [-1000.0, -100.0, -10.0, 0.0, 10.0, 100.0, 1000.0]
    wanted = sum(integrate.quad(weighted, *pair, epsabs=1e-13)[0] for pair in pairwise(ends))
    assert slope(name, q, 1.0) == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.7, 0.2), (1.2, 0.0), (1.3, 0.4), (3.0, 0.5)])
def test_fixed_points_are_what_the_maps_reach(name, sigma_w, sigma_b):
    found = mean_field(name, sigma_w, sigma_b)
    q, before = 1.0, math.nan
    for _ in range(3000):
        if q > 1e30 or q == before:
            break
        before, q = q, float(length_map(name, q, sigma_w, sigma_b))
    if found.q_star == math.inf:
        assert q > 1e30 and math.isnan(found.c_star)
        return
    assert q == pytest.approx(found.q_star, rel=1e-9, abs=1e-9)
    assert slope(name, found.q_star, sigma_w) == pytest.approx(found.chi_1, rel=1e-12)
    if found.q_star == 0:
        return
    c = 0.9
    for _ in range(200):
        before, c = c, correlation_map(name, c, found.q_star, sigma_w, sigma_b)
    if found.xi_c < 8:
        assert c == pytest.approx(found.c_star, abs=1e-9)
    steps = [correlation_map(name, found.c_star - h, found.q_star, sigma_w, sigma_b) for h in
             (0.0, 1e-5)]  # fmt: skip
    rate = (steps[0] - steps[1]) / 1e-5
    assert math.exp(-1 / found.xi_c) == pytest.approx(rate, abs=2e-3)
    h = 1e-4 * found.q_star
    low, high = (length_map(name, found.q_star + d, sigma_w, sigma_b) for d in (-h, h))
    assert math.exp(-1 / found.xi_q) == pytest.approx((high - low) / (2 * h), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma_b", [0.0, 1e-3, 0.3, 1.0, 5.0])
def test_slope_is_1_on_the_critical_line_and_on_no_other(name, sigma_b):
    sigma_w = critical_sigma_w(name, sigma_b)
    if math.isnan(sigma_w):  # chi_1 jumps
        assert name in ("exponential", "gelu", "silu")
        chi = [mean_field(name, s, sigma_b).chi_1 for s in np.linspace(0.01, 3, 300)]
        crossing = int(np.argmax(np.array(chi) > 1))
        assert chi[crossing] == math.inf or chi[crossing] - chi[crossing - 1] > 0.02
        return
    assert mean_field(name, sigma_w, sigma_b).chi_1 == pytest.approx(1, abs=1e-7)
    assert mean_field(name, 0.97 * sigma_w, sigma_b).chi_1 < 1
    assert mean_field(name, 1.03 * sigma_w, sigma_b).chi_1 > (1 if sigma_b < 5 else 0.999)


def test_exponential_has_two_fixed_points_or_none():
    """q = w e^(2q) + 1, by Lambert's W; they meet at 1.5, between two points of the search."""
    special = pytest.importorskip("scipy.special", reason="SciPy is missing")
    edge = math.exp(-3) / 2
    for w in (0.001, 0.01, edge * (1 - 1e-4), edge * (1 - 1e-8)):
        wanted = 1 - special.lambertw(-2 * w * math.e**2).real / 2
        found = mean_field("exponential", math.sqrt(w), 1.0)
        assert found.q_star == pytest.approx(wanted, rel=1e-7)
        assert found.chi_1 == pytest.approx(wanted - 1, rel=1e-6)
    assert mean_field("exponential", math.sqrt(edge * (1 + 1e-8)), 1.0).q_star == math.inf
    # From 1 the map falls to the lower of two fixed points, if the upper one is above 1.
    assert mean_field("exponential", math.sqrt(0.135), 0.0).q_star == pytest.approx(
        -special.lambertw(-0.27).real / 2
    )
    assert mean_field("exponential", math.sqrt(0.136), 0.0).q_star == math.inf


def test_extremes():
    assert mean_field("tanh", 0.0, 0.0) == (0, 1, 0, 0, 0)
    assert mean_field("tanh", 0.0, 2.0)[:3] == pytest.approx((4, 1, 0))
    vanishing = mean_field("tanh", 0.9, 0.0)
    assert vanishing[:3] == pytest.approx((0, 1, 0.81))
    assert vanishing.xi_c == pytest.approx(-1 / math.log(0.81))
    # A step function: q = sigma_w^2, and C(c) = 2 / pi arcsin(c).
    steep = mean_field("tanh", 1e3, 0.0)
    assert steep.q_star == pytest.approx(1e6, rel=1e-2)
    assert steep.c_star == pytest.approx(0, abs=1e-9)
    assert steep.xi_c == pytest.approx(-1 / math.log(2 / math.pi), rel=1e-2)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("softmax", 1.0, 0.0), ValueError, "activation is 'softmax'; expected one of sigmoid"),
        ((3, 1.0, 0.0), TypeError, "activation is 3"),
        (("tanh", -1.0, 0.0), ValueError, "sigma_w is -1.0"),
        (("tanh", 1.0, math.nan), ValueError, "sigma_b is nan"),
        (("tanh", "1", 0.0), TypeError, "sigma_w is '1'"),
        (("tanh", 1.0, 1e7), ValueError, "sigma_b is 10000000.0; expected at most 1e"),
    ],
)
def test_arguments_without_meaning_are_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        mean_field(*arguments)
    if arguments[1] == 1.0:
        with pytest.raises(error, match=sentence):
            critical_sigma_w(arguments[0], arguments[2])


@pytest.mark.parametrize("sigma_w", [1.3, 2.5, 4.0])
def test_networks_of_1000_units_lie_on_poole_s_curves(sigma_w):
    """Figure 1: sigma_b = 0.3, q from 0.5, c from 0.6; within 4 standard errors of 12 networks."""
    n, networks, layers, sigma_b = 1000, 12, 5, 0.3
    net = Network(
        [n] * (layers + 1), "quadratic", activation="tanh", output="tanh", rng=5,
        initializer=VarianceScaling(sigma_w**2), bias_initializer=Normal(sigma_b),
    )  # fmt: skip
    ends, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((n, 2)))
    q, c = (0.5 - sigma_b**2) / sigma_w**2, 0.6 - 0.4 * sigma_b**2 / (0.5 - sigma_b**2)
    X = math.sqrt(q * n) * np.linalg.cholesky(np.array([[1, c], [c, 1]])) @ ends.T
    measured = np.empty((networks, layers, 2))
    for each in measured:
        net.initialize()
        a = X
        for of_layer, weights, biases in zip(each, net.weights, net.biases, strict=True):
            z = a @ weights.T + biases.T
            products = z @ z.T / n
            of_layer[:] = np.diag(products).mean(), products[0, 1]
            a = np.tanh(z)
        np.testing.assert_allclose(net.feedforward(X), a, 1e-9)
    means, errors = measured.mean(axis=0), measured.std(axis=0, ddof=1) / math.sqrt(networks)
    q, c = 0.5, 0.6
    for (mean_q, mean_product), (error_q, error_product) in zip(means, errors, strict=True):
        assert abs(mean_q - q) < 4 * error_q < 0.1 * q
        assert abs(mean_product - c * q) < 4 * error_product < 0.1 * q
        c = correlation_map("tanh", c, q, sigma_w, sigma_b)
        q = length_map("tanh", q, sigma_w, sigma_b)


def test_selu_s_map_of_mean_and_variance_has_klambauer_s_fixed_point():
    """Mean 0 and variance 1 stay, and the Jacobian's norm is 0.7877; weights of sum 0, norm 1."""
    of = integrals_of("selu")
    z, weights = np.polynomial.legendre.leggauss(400)
    z, weights = np.append(6 * z - 6, 6 * z + 6), np.tile(6 * weights, 2)  # split at the kink
    fn, prime = ACTIVATIONS["selu"]
    weights = weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    assert weights @ fn(z) == pytest.approx(0, abs=1e-12)
    assert of.mean(1.0) == pytest.approx(0, abs=1e-12)
    assert of.square(1.0) == pytest.approx(1, rel=1e-12)
    # The mean of z is 0 whatever that of the inputs is; the derivative by its variance is Stein's.
    by_nu = np.array([weights @ (fn(z) * z * z - fn(z)) / 2, of.growth(1.0)])
    assert by_nu[1] == pytest.approx(weights @ (fn(z) * prime(z) * z), rel=1e-9)
    assert np.linalg.norm(by_nu) == pytest.approx(0.7877, abs=5e-5)
