"""Starting weights: bit for bit the draws of NumPy, and the book's experiment with 1000 inputs."""

import itertools
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastnet

GENERATORS = {
    name: lambda seed, name=name: np.random.Generator(getattr(np.random, name)(seed))
    for name in ("PCG64", "PCG64DXSM", "Philox", "MT19937", "SFC64")
}
LEGACY = {
    "RandomState": np.random.RandomState,
    "RandomState over PCG64": lambda seed: np.random.RandomState(np.random.PCG64(seed)),
}
ALL = GENERATORS | LEGACY
START = ["default", "large"]
# Odd and even counts of draws, width 1, and more draws than any block that might be filled.
SIZES = [[1, 1], [2, 1], [3, 2], [7, 5, 3], [1, 9, 1, 4], [131, 17, 10]]


def normals(rng, shape):
    """Draw with the expression that the initializers must reproduce."""
    if isinstance(rng, np.random.RandomState):
        return rng.randn(*shape)
    return rng.standard_normal(shape)


def expected_start(rng, sizes, start):
    biases = [normals(rng, (n, 1)) for n in sizes[1:]]
    weights = [normals(rng, (n, m)) for m, n in itertools.pairwise(sizes)]
    if start == "default":
        weights = [w / np.sqrt(w.shape[1]) for w in weights]
    return biases, weights


def state_of(rng):
    if isinstance(rng, np.random.RandomState):
        return rng.get_state(legacy=False)
    return rng.bit_generator.state


def assert_same_state(rng, twin):
    def compare(a, b, where):
        assert type(a) is type(b), where
        if isinstance(a, dict):
            assert a.keys() == b.keys(), where
            for key in a:
                compare(a[key], b[key], f"{where}[{key}]")
        else:
            np.testing.assert_array_equal(a, b, err_msg=where)

    compare(state_of(rng), state_of(twin), "state")


def assert_same_stream(rng, twin):
    """States agree, and so do the next draws of every kind that has a buffer of its own."""
    assert_same_state(rng, twin)
    whole = "integers" if hasattr(rng, "integers") else "randint"
    for _ in range(3):
        assert normals(rng, (1,)) == normals(twin, (1,))
        assert getattr(rng, whole)(100) == getattr(twin, whole)(100)
        assert rng.random() == twin.random()


def run(network, start):
    getattr(network, f"{start}_weight_initializer")()


def assert_bits(network, biases, weights):
    dtype = network.dtype
    for got, expected in zip(network.biases, biases, strict=True):
        np.testing.assert_array_equal(got, expected.astype(dtype), strict=True)
    for got, expected in zip(network.weights, weights, strict=True):
        np.testing.assert_array_equal(got, expected.astype(dtype), strict=True)
        assert got.any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("start", START)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_bits_and_generator_state_are_numpys(name, sizes, start, dtype):
    rng, twin = ALL[name](20), ALL[name](20)
    network = fastnet.Network(sizes, dtype=dtype, rng=rng)
    expected_start(twin, sizes, "default")
    assert_same_state(rng, twin)
    run(network, start)
    assert_bits(network, *expected_start(twin, sizes, start))
    assert_same_stream(rng, twin)


@pytest.mark.parametrize("name", ALL)
def test_construction_draws_the_default_start(name):
    rng, twin = ALL[name](7), ALL[name](7)
    network = fastnet.Network([5, 4, 3], rng=rng)
    assert_bits(network, *expected_start(twin, [5, 4, 3], "default"))
    assert_same_stream(rng, twin)


@pytest.mark.parametrize("start", START)
@pytest.mark.parametrize("name", ALL)
def test_half_used_draws_are_carried_on(name, start):
    """A pending second normal (RandomState) or 32-bit half (Generator) is used, or kept."""
    rng, twin = ALL[name](3), ALL[name](3)
    network = fastnet.Network([4, 3], rng=0)
    for generator in (rng, twin):
        normals(generator, (1,))
        generator.bytes(4)
    network.rng = rng
    run(network, start)
    assert_bits(network, *expected_start(twin, [4, 3], start))
    assert_same_stream(rng, twin)


def test_legacy_spare_normal_is_pending_where_it_should_be():
    """What the test above stands on: an odd count leaves a spare, an even one does not."""
    for sizes, spare in (([4, 3], 1), ([3, 3], 0)):
        rng = np.random.RandomState(3)
        fastnet.Network(sizes, rng=rng)
        assert rng.get_state(legacy=False)["has_gauss"] == spare


@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    name=st.sampled_from(list(ALL)),
    start=st.sampled_from(START),
    seed=st.integers(0, 2**32 - 1),
)
def test_bits_for_drawn_shapes(sizes, name, start, seed):
    rng, twin = ALL[name](seed), ALL[name](seed)
    network = fastnet.Network(sizes, rng=rng)
    run(network, start)
    expected_start(twin, sizes, "default")
    assert_bits(network, *expected_start(twin, sizes, start))
    assert_same_state(rng, twin)


def test_a_million_draws_reach_the_rare_branches():
    """The ziggurat's wedges and tail are entered in a few of a thousand and a few of a million."""
    for name in ("PCG64", "RandomState"):
        rng, twin = ALL[name](11), ALL[name](11)
        network = fastnet.Network([1000, 1000], rng=rng)
        expected = expected_start(twin, [1000, 1000], "default")
        assert np.abs(expected[1][0]).max() * math.sqrt(1000) > 4.5
        assert_bits(network, *expected)
        assert_same_state(rng, twin)


@pytest.mark.parametrize("name", ["PCG64", "RandomState"])
def test_drawing_waits_for_the_generators_lock(name):
    rng = ALL[name](5)
    network = fastnet.Network([30, 20], rng=rng)
    before = network.parameters.copy()
    lock = getattr(rng, "bit_generator", None) or rng._bit_generator
    drawing = threading.Thread(target=network.large_weight_initializer)
    with lock.lock:
        drawing.start()
        drawing.join(0.3)
        waited = drawing.is_alive() and np.array_equal(network.parameters, before)
    drawing.join(10)
    assert waited
    assert not drawing.is_alive()
    assert not np.array_equal(network.parameters, before)


@pytest.mark.parametrize("name", ["PCG64", "RandomState"])
def test_threads_that_share_a_generator_never_draw_the_same_number(name):
    rng = ALL[name](1)
    drawn = [[], []]

    def draw(numbers):
        network = fastnet.Network([3, 5], rng=rng)
        for _ in range(2000):
            network.large_weight_initializer()
            numbers.append(network.parameters.copy())

    threads = [threading.Thread(target=draw, args=(numbers,)) for numbers in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = np.concatenate([*drawn[0], *drawn[1]])
    assert everything.size == 80_000
    assert np.unique(everything).size == everything.size


# --- the generator's lock -------------------------------------------------------------------------


class PlainLock:
    """A bit generator of a user's: its lock is not reentrant, and guards its state too."""

    def __init__(self, seed):
        self._inner = np.random.PCG64(seed)
        # From 2.5 on NumPy holds the lock while a RandomState asks for the state.
        reentrant = np.lib.NumpyVersion(np.__version__) >= "2.5.0"
        self.lock = threading.RLock() if reentrant else threading.Lock()
        self.capsule = self._inner.capsule

    @property
    def state(self):
        with self.lock:
            return self._inner.state

    @state.setter
    def state(self, state):
        with self.lock:
            self._inner.state = state


FOREIGN = {
    "Generator over a user's": lambda seed: np.random.Generator(PlainLock(seed)),
    "RandomState over a user's": lambda seed: np.random.RandomState(PlainLock(seed)),
    "RandomState over a subclass": lambda seed: np.random.RandomState(
        type("Mine", (np.random.PCG64,), {})(seed)
    ),
}


def by_another_thread(rng, shape):
    """Draw as code does that was handed the generator."""
    drawn = []
    thread = threading.Thread(target=lambda: drawn.append(normals(rng, shape)))
    thread.start()
    thread.join()
    return drawn[0]


#: What draws where a user's function does, by what a lock that is held would stop.
WAYS = {
    "NumPy's own numbers": None,
    "a call of NumPy": normals,
    "a normal with parameters": lambda rng, shape: rng.normal(0, 1, shape),
    "an order": lambda rng, shape: rng.permutation(shape[0] * shape[1]).reshape(shape),
    "another thread": by_another_thread,
    "another network": lambda rng, shape: fastnet.Network([shape[1], shape[0]], rng=rng).weights[0],
    "the state": lambda rng, shape: [normals(rng, shape), state_of(rng)][0],
    "the lock itself": lambda rng, shape: [held(rng), normals(rng, shape)][1],
}


def held(rng):
    source = getattr(rng, "bit_generator", None) or rng._bit_generator
    with source.lock:
        pass


def use_every_generator():
    """Make a network from each generator in each way; say which comes next."""
    for (name, make), (way, function) in itertools.product((ALL | FOREIGN).items(), WAYS.items()):
        print(f"{name}, {way}", flush=True)
        chosen = {} if function is None else {"initializer": function}
        network = fastnet.Network([3, 2], rng=make(5), bias_initializer="normal", **chosen)
        twin = make(5)
        np.testing.assert_array_equal(network.biases[0], normals(twin, (2, 1)))
        if function in (None, normals, by_another_thread):
            expected = normals(twin, (2, 3)) / (1 if function else np.sqrt(3))
            np.testing.assert_array_equal(network.weights[0], expected)
            assert_same_stream(network.rng, twin)
        network.train((np.ones((9, 3)), np.arange(9) % 2), 2, 4, dropout=0.5)
    print("done")


def test_no_lock_is_held_that_numpy_takes_again():
    """In a process of its own, as the fault would be to wait for ever."""
    code = f"import runpy; runpy.run_path({__file__!r})['use_every_generator']()"
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-c", code],  # not the fastnet of this folder
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"it hangs: {(error.stdout or b'').decode().splitlines()[-1:]}")
    assert run.stdout.endswith("done\n"), run.stdout[-200:] + run.stderr


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("initializer", ["default", "truncated_normal", "he_uniform"])
def test_bits_from_a_users_bit_generator(name, initializer):
    known = np.random.Generator if "Generator" in name else np.random.RandomState
    rng, twin = FOREIGN[name](6), known(np.random.PCG64(6))
    nets = [
        fastnet.Network([50, 3, 2], rng=g, initializer=initializer, bias_initializer="large")
        for g in (rng, twin)
    ]
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    assert normals(rng, (1,)) == normals(twin, (1,))


@pytest.mark.parametrize("name", [*LEGACY, "RandomState over a user's"])
def test_no_draw_of_another_thread_comes_between_those_of_a_network(name):
    """Nor, so, between the two normals of a pair: a network's numbers are one run of the stream."""
    rng, over = (ALL | FOREIGN)[name](1), threading.Event()
    others, networks = [], []

    def draw():
        while not over.is_set():
            others.append(rng.randn())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=draw)
    thread.start()
    try:
        while len(networks) < 3000 or len(others) < 3000:
            network = fastnet.Network([1, 1, 1], rng=rng)  # four numbers: two pairs, or parts of 3
            networks.append(np.concatenate([*network.biases, *network.weights]).ravel())
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
    stream = (ALL | FOREIGN)[name](1).randn(len(others) + 4 * len(networks))
    at = {number: place for place, number in enumerate(stream)}
    places = np.array([[at[number] for number in network] for network in networks])
    np.testing.assert_array_equal(np.diff(places, axis=1), 1)
    assert len({at[number] for number in others} | set(places.ravel())) == len(stream)
    assert {*places[:, 0] % 2} == {0, 1}, "some began with the second of a pair"


# --- the book's experiment -----------------------------------------------------------------------

#: The table: variance of z, peak of its density, share with |z| > 1, share of saturated neurons.
TABLE = {
    "large": (501.0, 0.0178, 0.964, 0.837),
    "default": (1.5, 0.3257, 0.414, 0.000176),
}
#: A neuron is saturated beyond |z| = 4.595 = ln 99, where a < 0.01 or a > 0.99 and where
#: sigma'(z) = 0.0099. (sigma'(z) = 0.01 itself is reached at 4.585.)
EDGE = math.log(99)
UNITS, NETWORKS = 5000, 8


@pytest.fixture(scope="module", params=START)
def thousand_inputs(request):
    """Return the start's name, and z and a of 40,000 fresh neurons on 500 ones and 500 zeros."""
    network = fastnet.Network([1000, UNITS], rng=2024)
    x = np.repeat([1.0, 0.0], 500)
    z, a = [], []
    for _ in range(NETWORKS):
        run(network, request.param)
        z.append(network.weights[0] @ x + network.biases[0][:, 0])
        a.append(network.feedforward(x))
    return request.param, np.concatenate(z), np.concatenate(a)


def five_sigma(share, n):
    """Five standard errors of an observed share: one false alarm in two million."""
    return 5 * math.sqrt(share * (1 - share) / n)


def test_moments_of_the_weighted_input(thousand_inputs):
    start, z, _ = thousand_inputs
    variance = TABLE[start][0]
    assert abs(z.mean()) < 5 * math.sqrt(variance / z.size)
    # The variance of a Gaussian's sample variance is 2 sigma^4 / n; its fourth moment 3 sigma^4.
    assert abs(z.var() - variance) < 5 * variance * math.sqrt(2 / z.size)
    assert abs(np.mean(z**4) / variance**2 - 3) < 5 * math.sqrt(96 / z.size)


def test_peak_of_the_density(thousand_inputs):
    start, z, _ = thousand_inputs
    variance, peak, _, _ = TABLE[start]
    assert peak == pytest.approx(1 / math.sqrt(2 * math.pi * variance), abs=5e-5)
    # Within a tenth of a standard deviation the density falls by less than a 500th of itself.
    width = 0.2 * math.sqrt(variance)
    share = np.mean(np.abs(z) < width / 2)
    assert abs(share / width - peak) < five_sigma(share, z.size) / width + peak / 500


def test_share_beyond_one(thousand_inputs):
    start, z, _ = thousand_inputs
    share = TABLE[start][2]
    assert share == pytest.approx(math.erfc(1 / math.sqrt(2 * TABLE[start][0])), abs=0.0005)
    assert abs(np.mean(np.abs(z) > 1) - share) < five_sigma(share, z.size) + 0.0005


def test_share_of_saturated_neurons(thousand_inputs):
    start, z, a = thousand_inputs
    variance, _, _, share = TABLE[start]
    assert pytest.approx(4.595, abs=5e-4) == EDGE
    assert share == pytest.approx(math.erfc(EDGE / math.sqrt(2 * variance)), rel=0.005)
    saturated = np.minimum(a, 1 - a) < 0.01
    np.testing.assert_array_equal(saturated, np.abs(z) > EDGE)
    assert (a * (1 - a))[saturated].max() < 0.01
    assert abs(saturated.mean() - share) < five_sigma(share, z.size) + 0.005 * share
