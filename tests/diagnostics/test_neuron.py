"""The 1000-input experiment: draws of new networks against the book's theory."""

import math

import numpy as np
import pytest

from fastnet import Network
from fastnet.diagnostics import SATURATED_Z, Gaussian, theory, weighted_input
from fastnet.initializers import INITIALIZERS, Normal, VarianceScaling

stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
#: Half the width of uniform weights of variance 0.3 / 550, and the normal that is cut off at two
#: standard deviations to a variance of 1 / 1000 (its own is 0.7737413 of that of the whole).
R, T = math.sqrt(3 * 0.3 / 550), math.sqrt(1 / 1000 / stats.truncnorm(-2, 2).var())

# Variance, standard deviation, peak of the density, share beyond 1, share saturated, and the digits
# to which the book's numbers are given.
BOOK = {
    "large": (501, 22.383, 0.0178, 0.964, 0.837),
    "default": (1.5, 1.2247, 0.3257, 0.414, 0.000176),
}
HALF_A_DIGIT = (1e-9, 5e-5, 5e-5, 5e-4, 5e-4)


def numbers(z):
    """Return the book's figures of z."""
    return z.std**2, z.std, z.peak, z.share_beyond(1.0), z.saturated


@pytest.mark.parametrize("name", BOOK)
def test_theory_is_the_book_s_to_its_last_digit(name):
    expected = theory(initializer=name)
    assert expected.mean == 0
    places = list(HALF_A_DIGIT)
    places[1] = 5e-4 if name == "large" else 5e-5
    places[4] = 5e-4 if name == "large" else 5e-7
    for found, book, place in zip(numbers(expected), BOOK[name], places, strict=True):
        assert abs(found - book) <= place


@pytest.mark.parametrize("name", BOOK)
def test_measurement_agrees_with_theory_within_its_error(name):
    n = 40_000
    result = weighted_input(initializer=name, draws=n, rng=5)
    expected = result.theory
    assert abs(result.mean) < 4 * expected.std / math.sqrt(n)
    assert abs(result.std / expected.std - 1) < 4 / math.sqrt(2 * n)
    near = math.erf(0.1 / math.sqrt(2))  # of the draws are what the peak is measured by
    assert abs(result.peak / expected.peak - 1) < 4 / math.sqrt(near * n) + 0.002
    for level in (1.0, SATURATED_Z):
        p = expected.share_beyond(level)
        assert abs(result.share_beyond(level) - p) < 4 * math.sqrt(p * (1 - p) / n) + 1 / n
    assert result.saturated == result.share_beyond(SATURATED_Z)


@pytest.mark.parametrize("name", ["large", "default", "he_uniform", "orthogonal", "constant"])
def test_z_is_that_of_new_networks(name):
    x = np.repeat([1.0, 0.0], [20, 30])
    result = weighted_input(50, 20, name, draws=25, rng=9, units=10)
    net = Network([50, 10], rng=9, initializer=name)
    expected = []
    for _ in range(3):
        expected.append(net.weights[0] @ x + net.biases[0][:, 0])
        net.initialize()
    np.testing.assert_allclose(result.z, np.concatenate(expected)[:25], rtol=1e-12, atol=1e-12)
    assert (result.initializer, result.n_inputs, result.active) == (name, 50, 20)


def test_saturated_means_that_the_derivative_is_below_a_hundredth():
    sigma = 1 / (1 + math.exp(-SATURATED_Z))
    assert sigma * (1 - sigma) < 0.01
    assert sigma == pytest.approx(0.99, abs=1e-5)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("units", [5, 300])
def test_theory_holds_for_every_initializer_that_has_one(name, units):
    n = 4000
    result = weighted_input(100, 60, name, draws=n, rng=2, units=units)
    expected = result.theory
    if name == "identity":
        assert expected is None
        return
    if name == "lsuv":  # variance 1 about the mean of the units; Student's t says how that lies
        assert expected is None
        assert result.std == pytest.approx(math.sqrt(1 + 1 / (units - 3)), rel=0.06)
        return
    if name in ("zeros", "constant"):
        assert expected is None
        assert result.std == 0
        assert result.peak == math.inf
        assert result.mean == (60 if name == "constant" else 0)
        return
    # The neurons of an orthogonal layer are not independent, so that a layer counts for less.
    error = 5 / math.sqrt(2 * n) if name != "orthogonal" else 0.12
    assert abs(result.std / expected.std - 1) < error
    assert abs(result.mean - expected.mean) < 2 * error * expected.std
    p = expected.share_beyond(expected.std)
    assert p == pytest.approx(0.3173, abs=1e-4)
    assert abs(result.share_beyond(expected.std) - p) < error


@pytest.mark.parametrize(
    ("initializer", "bias", "mean", "std"),
    [
        (0.5, "zeros", 5.0, None),
        (0.5, "normal", 5.0, 1.0),
        (-0.25, 2.0, -0.5, None),
        ("large", 3.0, 3.0, math.sqrt(10)),
        ("he_normal", "he_normal", 0.0, math.sqrt(10 * 2 / 20 + 2)),
        ("uniform", "normal", 0.0, None),  # ten summands that are not Gaussian: too few
        ("large", "uniform", 0.0, None),
        ("uniform", 1.0, 1.0, None),
        (lambda rng, shape: rng.random(shape), "zeros", None, None),
        ("large", lambda rng, shape: np.zeros(shape), 0.0, math.sqrt(10)),
        ("large", lambda rng, shape: np.full(shape, 0.1), 0.1, math.sqrt(10)),
        ("large", lambda rng, shape: rng.random(shape), 0.5, None),
        (lambda rng, shape: np.full(shape, 0.1), "normal", 1.0, 1.0),
    ],
)
def test_theory_of_constants_and_biases_and_unknown_cases(initializer, bias, mean, std):
    expected = theory(20, 10, initializer, bias_initializer=bias)
    assert (expected is None) == (std is None)
    result = weighted_input(20, 10, initializer, 3000, 1, bias_initializer=bias)
    if std is not None:
        assert (expected.mean, expected.std) == pytest.approx((mean, std))
        assert result.std == pytest.approx(std, rel=0.07)
    if mean is not None:
        assert result.mean == pytest.approx(mean, abs=0.25)


@pytest.mark.parametrize(
    ("initializer", "weight"),
    [
        (VarianceScaling(2.5, "fan_in"), stats.norm(0, math.sqrt(2.5 / 1000))),
        (VarianceScaling(0.3, "fan_avg", "uniform"), stats.uniform(-R, 2 * R)),
        (VarianceScaling(1.0, "fan_in", "truncated_normal"), stats.truncnorm(-2, 2, 0, T)),
        (Normal(0.2), stats.norm(0, 0.2)),
        ("he_uniform", stats.uniform(-math.sqrt(0.006), 2 * math.sqrt(0.006))),
        (lambda rng, shape: 0.3 * rng.standard_normal(shape), stats.norm(0, 0.3)),
        (lambda rng, shape: rng.uniform(-0.1, 0.1, shape), stats.uniform(-0.1, 0.2)),
        (lambda rng, shape: rng.uniform(0, 0.1, shape), stats.uniform(0, 0.1)),
        (lambda rng, shape, layer: rng.laplace(0, 0.5, shape), stats.laplace(0, 0.5)),
        (lambda rng, shape: rng.standard_normal(shape) / shape[1], stats.norm(0, 1e-3)),
    ],
)
def test_theory_has_scipy_s_moments_and_draws_follow_it(initializer, weight):
    """Of functions within five standard errors of a million weights."""
    exact = not callable(initializer)
    found = theory(1000, 500, initializer, bias_initializer="zeros")
    mean, std = 500 * weight.mean(), math.sqrt(500) * weight.std()
    error = 0 if exact else 5 * 500 * weight.std() / 1000
    assert found.mean == pytest.approx(mean, abs=error)
    assert (found.mean == 0) == (weight.mean() == 0)
    kurtosis = float(weight.stats("k")) + 3
    assert found.std == pytest.approx(std, rel=1e-12 if exact else 5 * (kurtosis / 4) ** 0.5 / 1000)
    z = weighted_input(1000, 500, initializer, 4000, 2, bias_initializer="zeros").z
    assert stats.kstest(z, stats.norm(mean, std).cdf).pvalue > 1e-3


@pytest.mark.parametrize("bias", ["normal", 0.5])
@pytest.mark.parametrize(
    ("initializer", "variance"),
    [("uniform", 1 / 3000), ("he_uniform", 2 / 1000), ("orthogonal", 1 / 1000)],
)
def test_thirty_summands_count_as_gaussian_and_29_do_not(initializer, variance, bias):
    """Of weights that are not Gaussian themselves; those that are need no second one."""
    options = {"bias_initializer": bias, "units": 100}
    spread = 1.0 if bias == "normal" else 0.0
    assert theory(1000, 29, initializer, **options) is None
    for active in (30, 31, 1000):
        found = theory(1000, active, initializer, **options)
        assert found.mean == (0.5 if bias == 0.5 else 0.0)
        assert found.std == pytest.approx(math.sqrt(active * variance + spread), rel=1e-12)
    assert theory(1000, 1, "default", **options).std == pytest.approx(
        math.sqrt(1 / 1000 + spread), rel=1e-12
    )


@pytest.mark.parametrize(
    "initializer", ["default", "large", "uniform", "orthogonal", 0.25, "zeros"]
)
def test_where_no_input_is_on_z_is_the_bias(initializer):
    """Whatever the weights are; a bias that never varies leaves no distribution."""
    found = theory(1000, 0, initializer)
    assert (found.mean, found.std) == (0.0, 1.0)
    assert theory(1000, 0, initializer, bias_initializer=2.0) is None
    result = weighted_input(
        1000, 0, initializer, draws=50, rng=3, units=50, bias_initializer="normal"
    )
    net = Network([1000, 50], rng=3, initializer=initializer, bias_initializer="normal")
    np.testing.assert_array_equal(result.z, net.biases[0][:, 0])
    assert result.active == 0 and result.theory == found


def test_density_is_the_gaussian_s_and_its_parts_fit_together():
    z = Gaussian(1.0, 2.0)
    grid = np.linspace(-39, 41, 80_001)
    density = z.density(grid)
    assert density.shape == grid.shape
    assert density.max() == pytest.approx(z.peak)
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1)
    outside = density[np.abs(grid) > 2.5].sum() * (grid[1] - grid[0])
    assert z.share_beyond(2.5) == pytest.approx(outside, abs=1e-3)
    result = weighted_input(draws=10, rng=0)
    assert result.density(0.0) == result.theory.peak


def test_density_without_theory_says_so():
    with pytest.raises(ValueError, match="not known for 'zeros'"):
        weighted_input(10, 5, "zeros", draws=5).density(0.0)


def test_same_seed_same_draws_and_progress_counts_them():
    calls = []
    first = weighted_input(30, 10, draws=250, rng=4, progress=lambda *call: calls.append(call))
    assert calls == [(100, 250), (200, 250), (250, 250)]
    assert first.z.shape == (250,)
    assert first.z.dtype == np.float64
    assert len(np.unique(first.z)) == 250
    np.testing.assert_array_equal(first.z, weighted_input(30, 10, draws=250, rng=4).z)
    assert not np.array_equal(first.z, weighted_input(30, 10, draws=250, rng=5).z)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"n_inputs": 0}, ValueError, "n_inputs is 0; expected at least 1"),
        ({"n_inputs": 10.0}, TypeError, "n_inputs is 10.0"),
        ({"active": -1}, ValueError, "active is -1; expected at least 0"),
        ({"n_inputs": 4, "active": 5}, ValueError, "active is 5; expected at most n_inputs"),
        ({"draws": 0}, ValueError, "draws is 0; expected at least 1"),
        ({"units": True}, TypeError, "units is True"),
        ({"initializer": "nice"}, ValueError, "initializer is 'nice'; the initializers are"),
        ({"bias_initializer": "nice"}, ValueError, "bias_initializer is 'nice'"),
        ({"rng": "seed"}, TypeError, "rng is of type str"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        weighted_input(**arguments)


@pytest.mark.parametrize("name", ["initializer", "bias_initializer"])
def test_theory_names_the_list_that_has_another_length(name):
    with pytest.raises(ValueError, match=rf"^{name} is a list of 2; give 1,"):
        theory(**{name: ["zeros", "normal"]})


@pytest.mark.parametrize(
    ("bias", "words"),
    [
        (len, "^bias_initializer is <built-in function len>"),
        (lambda *_: None, "^bias_initializer's array is of dtype object"),
        ("identity", "'identity', and identity is for weights only"),
    ],
)
def test_theory_refuses_the_biases_that_a_network_refuses(bias, words):
    for call in (theory, weighted_input):
        with pytest.raises((ValueError, TypeError), match=words):
            call(10, 5, bias_initializer=bias)


def test_more_draws_than_fit_are_refused_by_name():
    with pytest.raises(MemoryError, match=r"^draws: Unable to allocate"):
        weighted_input(10, 5, draws=2**53)
