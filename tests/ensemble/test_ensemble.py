"""Many networks in one array: against loops of NumPy, and against single networks, to the bit."""

import copy
import pickle
import threading

import numpy as np
import pytest

import fastnet
from fastnet import Ensemble, Network

RNG = np.random.default_rng(1)
K, N = 7, 11
SIZES = [5, 9, 3]
X = RNG.standard_normal((N, 5))
EACH = RNG.standard_normal((K, N, 5))
BYTES = RNG.integers(0, 256, (N, 5)).astype(np.uint8)


def made(**options):
    return Ensemble(SIZES, K, **({"rng": 3, "activation": "tanh"} | options))


def by_numpy(network, X):
    a = np.asarray(X, dtype=np.float64)
    for layer, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        z = a @ w.T.astype(np.float64) + b[:, 0]
        a = np.tanh(z) if layer == 0 else 1 / (1 + np.exp(-z))
    return a


def test_networks_start_as_single_ones_with_spawned_seeds():
    options = {"initializer": "he_normal", "dtype": "float32", "cost": "quadratic"}
    ensemble = made(**options)
    for network, child in zip(ensemble, np.random.SeedSequence(3).spawn(K), strict=True):
        single = Network(SIZES, rng=child, activation="tanh", **options)
        assert np.array_equal(network.parameters, single.parameters)
        assert network.rng.random() == single.rng.random()
    assert len({row.tobytes() for row in ensemble.parameters}) == K


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 1e-6)])
@pytest.mark.parametrize("inputs", [X, EACH], ids=["the same rows", "rows of its own"])
def test_outputs_are_those_of_a_loop_of_numpy(dtype, error, inputs):
    ensemble = made(dtype=dtype)
    outputs = ensemble.feedforward(inputs)
    wanted = [
        by_numpy(net, inputs if inputs.ndim == 2 else inputs[i]) for i, net in enumerate(ensemble)
    ]
    assert outputs.dtype == dtype
    np.testing.assert_allclose(outputs, wanted, rtol=0, atol=error)


GIVEN = {
    "rows": X,
    "rows of its own": EACH,
    "float32": EACH.astype("float32"),
    "bytes": BYTES,
    "whole numbers": (9 * EACH).astype(int),
    "half precision": X.astype("float16"),
    "bytes the other way round": EACH.astype(">f8"),
    "part of wider rows": RNG.standard_normal((K, N, 9))[:, ::2, 2:7],
    "networks last": np.moveaxis(RNG.standard_normal((N, 5, K)), 2, 0),
    "one row again and again": np.broadcast_to(X[3], (K, N, 5)),
    "mostly zeros": X * (RNG.random((N, 5)) < 0.1),
    "no rows": np.zeros((K, 0, 5)),
    "a list": X.tolist(),
    "more rows than a call takes": RNG.standard_normal((3000, 5)),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_are_those_of_the_single_networks_to_the_bit(given, dtype):
    ensemble = made(dtype=dtype)
    shared = np.ndim(given) == 2
    wanted = [net.feedforward(given if shared else given[i]) for i, net in enumerate(ensemble)]
    assert np.array_equal(ensemble.feedforward(given), wanted)


def test_sparse_rows_go_to_all():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    ensemble, rows = made(), GIVEN["mostly zeros"]
    wanted = [network.feedforward(sparse.csr_array(rows)) for network in ensemble]
    assert np.array_equal(ensemble.feedforward(sparse.csr_array(rows)), wanted)


def test_threads_change_no_bit():
    ensemble = Ensemble([30, 60, 5], 40, rng=2)
    inputs = RNG.standard_normal((40, 130, 30))
    once = ensemble.feedforward(inputs)
    fastnet.set_num_threads(3)
    try:
        assert np.array_equal(ensemble.feedforward(inputs), once)
    finally:
        fastnet.set_num_threads(None)


def spoilt(array, place, value):
    array = array.copy()
    array[place] = value
    return array


REFUSED = {
    "columns": (X[:, :4], r"X has shape \(11, 4\); expected \(n, 5\)"),
    "one row": (X[0], r"X has shape \(5,\)"),
    "other networks": (EACH[:3], r"\(7, n, 5\)"),
    "NaN": (spoilt(X, (4, 2), np.nan), "X holds nan in row 4, column 2"),
    "infinity for one": (spoilt(EACH, (6, 4, 2), np.inf), r"X\[6\] holds inf in row 4, column 2"),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_rows_that_do_not_fit_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        made().feedforward(given)


def test_numbers_that_float32_cannot_hold_are_refused():
    with pytest.raises(ValueError, match=r"1e.200.* too large for float32"):
        made(dtype="float32").feedforward(spoilt(X, (1, 1), 1e200))


def test_networks_and_array_share_their_memory():
    ensemble = made()
    ensemble.parameters[2] = 0.5
    assert all((part == 0.5).all() for part in (*ensemble[2].weights, *ensemble[2].biases))
    ensemble[-1].weights[1] = np.full((3, 9), 0.25)
    assert (ensemble.parameters[K - 1] == 0.25).sum() == 27
    ensemble[0].train((X, np.arange(N) % 3), epochs=1)
    assert np.array_equal(ensemble[0].parameters, ensemble.parameters[0])
    assert np.array_equal(ensemble.feedforward(X)[0], ensemble[0].feedforward(X))


def test_assigned_parameters_are_copied_all_or_none():
    ensemble, given = made(), RNG.standard_normal((K, 84)).astype("float32")
    ensemble.parameters = given
    assert np.array_equal(ensemble.parameters, given)
    for bad in (given[:3], given[:, :83], [["a"]], None):
        with pytest.raises((ValueError, TypeError), match="parameters"):
            ensemble.parameters = bad
    assert np.array_equal(ensemble.parameters, given)


def test_it_is_a_sequence():
    ensemble = made()
    assert len(ensemble) == len(list(ensemble)) == K
    assert ensemble[1] is list(ensemble)[1] is ensemble[np.int64(1)] is ensemble[1 - K]
    assert ensemble[2:4] == [ensemble[2], ensemble[3]]
    with pytest.raises(IndexError, match="index is 7; it has 7 networks, 0 to 6"):
        ensemble[K]
    with pytest.raises(TypeError, match="'a'; give a whole number"):
        ensemble["a"]


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda ensemble: pickle.loads(pickle.dumps(ensemble)),
    "from_networks": Ensemble.from_networks,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_are_independent_and_go_on_alike(copied):
    ensemble, data = made(), (X, np.arange(N) % 3)
    ensemble[1].train(data, epochs=2, optimizer="adam")
    other = copied(ensemble)
    assert other[1].history == ensemble[1].history
    for each in (ensemble, other):
        each[1].train(data, epochs=2, optimizer="adam")
    assert np.array_equal(other.parameters, ensemble.parameters)
    other.parameters[:] = 0.0
    assert not other[1].weights[0].any() and ensemble.parameters.any()


def test_networks_of_other_shapes_are_refused():
    first = Network([3, 2])
    others = [
        Network([3, 4]),
        Network([3, 2], activation="relu", output="softmax", cost="log_likelihood"),
    ]
    for other in (*others, Network([3, 2], dtype="float32")):
        with pytest.raises(ValueError, match=r"networks\[1\] has sizes .* give networks that"):
            Ensemble.from_networks([first, other])
    for bad, words in [([], "is empty"), ([first, 1], "give a list of"), (3, "networks is 3")]:
        with pytest.raises((ValueError, TypeError), match=words):
            Ensemble.from_networks(bad)


def test_a_number_of_networks_and_a_generator_that_spawns_are_needed():
    for k in (0, 2.5, "2", 10**7):
        with pytest.raises((ValueError, TypeError), match="k is"):
            Ensemble([3, 2], k)
    with pytest.raises(TypeError, match="rng is of type RandomState, which cannot spawn"):
        Ensemble([3, 2], 2, rng=np.random.RandomState(0))


def test_networks_whose_weights_need_data_are_refused_until_they_have_them():
    ensemble = made(initializer="lsuv")
    with pytest.raises(ValueError, match="no weights yet"):
        ensemble.feedforward(X)
    for network in ensemble:
        network.initialize(data=X)
    outputs = ensemble.feedforward(X)
    assert np.isfinite(outputs).all()
    other = made(initializer="lsuv")
    other.parameters = ensemble.parameters
    assert np.array_equal(other.feedforward(X), outputs)


def test_no_network_is_read_in_the_middle_of_a_store():
    """Each network is 0 or 1 in all of its parameters: then outputs of a row are equal."""
    ensemble = Ensemble([40, 300, 2], 8, rng=0, output="identity", cost="quadratic")
    count, stop, rows = ensemble.parameters.shape[1], threading.Event(), np.ones((3, 40))
    states = [np.zeros(count), np.ones(count)]
    ensemble.parameters = np.zeros((8, count))
    known = {0.0, float(_ones(rows, ensemble))}

    def write():
        while not stop.is_set():
            for state in states:
                for network in ensemble:
                    network.parameters = state

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = {float(value) for _ in range(60) for value in ensemble.feedforward(rows).flat}
    finally:
        stop.set()
        writer.join()
    assert found <= known


def _ones(rows, ensemble):
    single = copy.deepcopy(ensemble[0])
    single.parameters = np.ones(single.parameters.size)
    outputs = single.feedforward(rows)
    assert len(set(outputs.flat)) == 1
    return outputs[0, 0]
