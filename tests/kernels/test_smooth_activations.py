"""How exact the smooth activations and their derivatives are, against mpmath, in every variant.

Both are taken from networks: values from one whose weighted outputs are its biases, derivatives
from the gradient of hidden biases whose output error is exactly -1.
"""

import functools
import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

import fastnet
from fastnet import activations, kernels

from ..strategies import DTYPES

#: Of f and f', in units of the last place of max(|f|, largest term).
MAX_ULP = 3


def exact_terms():
    """Return each function, and the terms that its derivative is the sum of."""
    mp = mpmath
    # Equation 14 of Klambauer et al. 2017: what N(0, 1) is a fixed point of.
    a, b = mp.erfc(1 / mp.sqrt(2)), mp.erfc(mp.sqrt(2))
    alpha = -mp.sqrt(2 / mp.pi) / (a * mp.sqrt(mp.e) - 1)
    lower = a * mp.sqrt(mp.e) * 2 - b * mp.e**2 - 1
    scale = 1 / mp.sqrt(mp.mpf(1) / 2 - alpha**2 * lower / 2)

    def elu(scale, alpha):
        return (
            lambda z: scale * z if z > 0 else scale * alpha * mp.expm1(z),
            lambda z: [scale if z > 0 else scale * alpha * mp.exp(z)],
        )

    def sigmoid(z):
        return 1 / (1 + mp.exp(-z))

    def cdf(z):
        return mp.erfc(-z / mp.sqrt(2)) / 2 if abs(z) < 1000 else mp.mpf(z > 0)

    def density(z):
        return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)

    return {
        "elu": elu(mp.mpf(1), mp.mpf(1)),
        "selu": elu(scale, alpha),
        "gelu": (lambda z: z * cdf(z), lambda z: [cdf(z), z * density(z)]),
        "silu": (
            lambda z: z * sigmoid(z),
            lambda z: [sigmoid(z), z * sigmoid(z) * sigmoid(-z)],
        ),
        "softplus": (lambda z: mp.log1p(mp.exp(z)), lambda z: [sigmoid(z)]),
        "softsign": (lambda z: z / (1 + abs(z)), lambda z: [1 / (1 + abs(z)) ** 2]),
        "sine": (mp.sin, lambda z: [mp.cos(z)]),
    }


with mpmath.workprec(200):
    EXACT = exact_terms()


@functools.cache
def samples(dtype):
    """Return numbers of both signs over the whole range of the type.

    Even ones, random ones, tiny and huge ones, multiples of ln 2 / 2 and pi / 2 where arguments are
    reduced, and both sides of where one formula takes over from another.
    """
    rng = np.random.default_rng(0)
    digits, tiniest, largest = (24, -45, 38) if dtype is np.float32 else (53, -323, 308)
    k = np.concatenate([np.arange(1, 60), rng.integers(60, 1000, 60), [1018, 1019]])
    z = np.concatenate(
        [
            np.linspace(0, 110 if digits == 24 else 760, 150),
            rng.uniform(0, 6, 250),
            rng.uniform(0, 40, 100),
            10.0 ** rng.uniform(tiniest, 0, 60),
            10.0 ** rng.uniform(0, largest, 60),
            (k + 0.5) * np.log(2),
            k * np.pi / 2,
            (k + 0.5) * np.pi / 2,
            k * 1000 * np.pi / 2,
            [0.0, 15.0, 40.0, 1600.0, 1.6e6, 1e4, 1e30, 1e300 if digits == 53 else 0.0],
        ]
    ).astype(dtype)
    z = np.concatenate([z, np.nextafter(z, dtype(0)), [np.finfo(dtype).max / 2]])
    return np.unique(np.concatenate([z, -z]))


@functools.cache
def exact(name, dtype):
    """Return f and f' of all samples, each beside the unit that errors of it are counted in.

    Where a factor such as the sigmoid of SiLU's z s is subnormal, z times its error is allowed.
    """
    digits = np.finfo(dtype).nmant + 1
    subnormal = mpmath.mpf(float(np.finfo(dtype).smallest_subnormal))
    found = []
    with mpmath.workprec(200):
        for part in (lambda z: [EXACT[name][0](z)], EXACT[name][1]):
            column = []
            for x in samples(dtype).tolist():
                terms = part(mpmath.mpf(x))
                value = mpmath.fsum(terms)
                size = max(abs(term) for term in [value, *terms])
                times = min(max(abs(x), 1), 1000) if name in ("gelu", "silu") else 1
                least = subnormal * times
                unit = mpmath.ldexp(1, mpmath.frexp(size)[1] - digits) if size else least
                column.append((value, max(unit, least)))
            found.append(column)
    return found


def values(name, z):
    """Return f(z), by a network whose weighted outputs are z."""
    net = fastnet.Network([1, len(z)], "quadratic", output=name, dtype=z.dtype)
    net.weights[0][:] = 0
    net.biases[0][:, 0] = z
    return net.feedforward([0.0])


def slopes(name, z):
    """Return f'(z): the output is 0 where 1 is wanted, and its error, -1, goes back by a weight -1.

    No function comes below -2, so no sum of them lifts the output again.
    """
    net = fastnet.Network([1, len(z), 1], activation=name, dtype=z.dtype)
    net.weights[0][:], net.weights[1][:] = 0, -1
    net.biases[0][:, 0], net.biases[1][:] = z, -1e30
    hidden, output = net.backprop([[0.0]], [[1.0]])[0]
    assert output.item() == -1
    return hidden[:, 0]


SCRIPT = """
import sys
import numpy as np
from fastnet import kernels
sys.path.append(sys.argv[2])  # behind where fastnet is installed
from tests.kernels.test_smooth_activations import EXACT, samples, slopes, values
found = {"variant": kernels.variant}
for dtype in (np.float64, np.float32):
    for name in EXACT:
        for part in (values, slopes):
            found[f"{name} {dtype.__name__} {part.__name__}"] = part(name, samples(dtype))
np.savez(sys.argv[1], **found)
"""


@pytest.fixture(scope="module", params=kernels.variants())
def measured(request, tmp_path_factory):
    """Return what one variant's functions give for all samples."""
    path = tmp_path_factory.mktemp("smooth") / "found.npz"
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", SCRIPT, path, root],
        env=os.environ | {"FASTNET_KERNEL": request.param},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(path) as archive:
        assert archive["variant"] == request.param
        return dict(archive)


def test_all_that_keep_their_derivative_are_here():
    older = {"sigmoid", "tanh", "relu", "leaky_relu", "identity", "softmax", "exponential"}
    assert set(EXACT) == set(activations.ACTIVATIONS) - older


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_values_and_derivatives_from_end_to_end(measured, name, dtype):
    z = samples(dtype)
    for part, column in zip(("values", "slopes"), exact(name, dtype), strict=True):
        got = measured[f"{name} {dtype.__name__} {part}"]
        assert got.dtype == dtype and got.shape == z.shape
        off = np.array(
            [
                float(abs(mpmath.mpf(g) - value) / unit)
                for g, (value, unit) in zip(got.tolist(), column, strict=True)
            ]
        )
        worst = off.argmax()
        assert off[worst] <= MAX_ULP, f"{part} {off[worst]} ulp at {z[worst]!r}"
        assert (name, part) == ("elu", "values") or off[worst] > 0.5  # the measure is alive


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [
        ("elu", 0, 1),
        ("selu", 0, 1.7580993408473768599),
        ("gelu", 0, 0.5),
        ("silu", 0, 0.5),
        ("softplus", np.log(2), 0.5),
        ("softsign", 0, 1),
        ("sine", 0, 1),
    ],
)
def test_at_zero(name, at, slope, dtype):
    """Of the two with a kink, the derivative is the one from the left."""
    z = np.array([0.0, -0.0], dtype)
    np.testing.assert_array_equal(values(name, z), dtype(at))
    np.testing.assert_array_equal(slopes(name, z), dtype(slope))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("elu", -1, np.inf),
        ("selu", -1.7580993408473768599, np.inf),
        ("gelu", 0, np.inf),
        ("silu", 0, np.inf),
        ("softplus", 0, np.inf),
        ("softsign", -1, 1),
    ],
)
def test_weighted_inputs_that_overflow_give_the_limits(name, low, high, dtype):
    """Sums of finite products may be infinite. Of the sine, nothing can be said there."""
    far = np.finfo(dtype).max
    net = fastnet.Network([1, 2], "quadratic", output=name, dtype=dtype)
    net.weights, net.biases = [[[2.0], [-2.0]]], [[[0.0], [0.0]]]
    np.testing.assert_array_equal(net.feedforward([far]), dtype([high, low]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_nan_stays_nan(name, dtype):
    z = np.array([np.nan, 1.0], dtype)
    net = fastnet.Network([1, 2], "quadratic", output=name, dtype=dtype)
    net.weights[0][:], net.biases[0][:, 0] = 0, z
    np.testing.assert_array_equal(np.isnan(net.feedforward([0.0])), [True, False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_every_lane_computes_alike(name, dtype):
    """A unit's result and derivative do not depend on its place: no width, no neighbour counts."""
    z = np.linspace(-30, 30, 41).astype(dtype)
    z[7] = 1e9 if dtype is np.float64 else 1e4  # for the sine, from the C library
    wanted, slope = values(name, z), slopes(name, z)
    for width in range(1, len(z) + 1):
        np.testing.assert_array_equal(values(name, z[-width:]), wanted[-width:])
        np.testing.assert_array_equal(slopes(name, z[-width:]), slope[-width:])
