"""`Network` as an object: its parts, their views, its orientation and its number type."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings

import fastnet

from ..strategies import DTYPES, problems

DATA = np.random.default_rng(8).random((20, 4)), np.arange(20) % 3


def new(sizes=(4, 5, 3), **options):
    return fastnet.Network(list(sizes), **({"rng": 1} | options))


def trained(network):
    """Return a copy of the parameters after some more training, drawn orders included."""
    network.SGD(DATA, 2, 3, 0.5, 0.1)
    return network.parameters.tobytes()


# --- attributes ----------------------------------------------------------------------------------


def test_attributes():
    network = fastnet.Network((4, 5, 3))
    assert network.sizes == [4, 5, 3]
    assert type(network.sizes) is list
    assert network.num_layers == 3
    assert network.cost is fastnet.CrossEntropyCost
    assert network.dtype == np.float64
    assert [w.shape for w in network.weights] == [(5, 4), (3, 5)]
    assert [b.shape for b in network.biases] == [(5, 1), (3, 1)]
    assert network.parameters.shape == (5 * 4 + 5 + 3 * 5 + 3,)
    assert isinstance(network.rng, np.random.Generator)


def test_sizes_are_a_copy():
    network = new()
    network.sizes.append(7)
    assert network.sizes == [4, 5, 3]


def test_sizes_may_be_numpy_integers_in_any_sequence():
    for sizes in [np.array([4, 5, 3]), (np.int8(4), 5, 3), iter([4, 5, 3])]:
        assert fastnet.Network(sizes).sizes == [4, 5, 3]
        assert {type(n) for n in fastnet.Network([np.int64(4), 3]).sizes} == {int}


@pytest.mark.parametrize(
    ("cost", "found"),
    [
        (fastnet.QuadraticCost, fastnet.QuadraticCost),
        (fastnet.CrossEntropyCost, fastnet.CrossEntropyCost),
        ("quadratic", fastnet.QuadraticCost),
        ("QuadraticCost", fastnet.QuadraticCost),
        ("cross_entropy", fastnet.CrossEntropyCost),
        ("CrossEntropyCost", fastnet.CrossEntropyCost),
    ],
)
def test_cost_by_class_or_name(cost, found):
    assert new(cost=cost).cost is found
    network = new()
    network.cost = cost
    assert network.cost is found


def test_a_new_cost_is_the_one_that_is_used():
    network, twin = new(), new(cost="quadratic")
    assert network.total_cost(DATA, 0.0) != twin.total_cost(DATA, 0.0)
    network.cost = "quadratic"
    assert network.total_cost(DATA, 0.0) == twin.total_cost(DATA, 0.0)
    assert trained(network) == trained(twin)


def test_read_only_attributes_stay():
    network = new()
    for name in ("sizes", "num_layers", "dtype"):
        with pytest.raises(AttributeError):
            setattr(network, name, None)


@pytest.mark.parametrize("name", ["sgd", "wieghts"])
def test_unknown_names_are_no_attributes(name):
    with pytest.raises(AttributeError):
        getattr(new(), name)


# --- the generator -------------------------------------------------------------------------------


def test_every_form_of_rng():
    """Six ways to name one stream give one network; a generator itself is shared, not copied."""
    generator = np.random.default_rng(9)
    forms = [
        9,
        np.int64(9),
        np.random.SeedSequence(9),
        np.random.PCG64(9),
        np.random.Generator(np.random.PCG64(9)),
        generator,
    ]
    expected = fastnet.Network([3, 2], rng=np.random.default_rng(9)).parameters
    for form in forms:
        np.testing.assert_array_equal(fastnet.Network([3, 2], rng=form).parameters, expected)
    assert fastnet.Network([3, 2], rng=generator).rng is generator
    assert not np.array_equal(fastnet.Network([3, 2], rng=generator).parameters, expected)


def test_a_legacy_generator_is_used_as_it_is():
    legacy, twin = np.random.RandomState(4), np.random.RandomState(4)
    network = fastnet.Network([3, 2], rng=legacy)
    assert network.rng is legacy
    np.testing.assert_array_equal(network.biases[0], twin.randn(2, 1))


def test_without_a_seed_networks_differ():
    assert not np.array_equal(
        fastnet.Network([3, 2]).weights[0], fastnet.Network([3, 2]).weights[0]
    )


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()
    trained(fastnet.Network([4, 5, 3]))
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


# --- views ---------------------------------------------------------------------------------------


@given(problem=problems(max_rows=3))
@settings(max_examples=60)
def test_biases_and_weights_are_all_of_the_parameters(problem):
    """Each number of the flat vector shows in exactly one view, and the other way round."""
    network = problem.network()
    network.parameters[:] = np.arange(1, network.parameters.size + 1)
    seen = np.concatenate([np.ravel(view) for view in [*network.biases, *network.weights]])
    np.testing.assert_array_equal(np.sort(seen), network.parameters)
    for view in [*network.biases, *network.weights]:
        assert view.dtype == problem.dtype
        assert np.shares_memory(view, network.parameters)
        view[...] = 0
    assert not network.parameters.any()


def test_the_flat_vector_is_contiguous_and_aligned():
    for dtype in DTYPES:
        parameters = new(dtype=dtype).parameters
        assert parameters.flags.c_contiguous
        assert parameters.flags.writeable
        assert parameters.ctypes.data % 64 == 0


def test_writing_into_a_view_changes_the_output():
    network, x = new(), np.ones(4)
    before = network.feedforward(x)
    network.biases[1][0, 0] += 1.0
    after = network.feedforward(x)
    assert after[0] > before[0]
    np.testing.assert_array_equal(after[1:], before[1:])
    network.weights[0][...] = 0.0
    network.weights[1] *= 0.0
    network.biases[1][...] = 0.0
    np.testing.assert_array_equal(network.feedforward(x), [0.5, 0.5, 0.5])


def test_assigning_one_item_copies_it():
    network = new()
    value = np.arange(20.0).reshape(5, 4)
    network.weights[0] = value
    network.biases[-1] = [[1], [2], [3]]
    value[...] = -1.0
    np.testing.assert_array_equal(network.weights[0], np.arange(20.0).reshape(5, 4))
    np.testing.assert_array_equal(network.biases[1], [[1.0], [2.0], [3.0]])
    assert np.shares_memory(network.weights[0], network.parameters)


def test_assigning_the_whole_list():
    network, other = new(), new(rng=2)
    held = network.weights[0]
    network.weights = other.weights
    network.biases = [b.tolist() for b in other.biases]
    assert network.parameters.tobytes() == other.parameters.tobytes()
    # A view taken before still is the network's.
    np.testing.assert_array_equal(held, other.weights[0])
    held[0, 0] = 99.0
    assert network.weights[0][0, 0] == 99.0
    assert other.weights[0][0, 0] != 99.0


def test_assigning_what_reads_the_network_itself():
    network = fastnet.Network([3, 3, 3], rng=0)
    first, second = (w.copy() for w in network.weights)
    network.weights = [network.weights[1].T, network.weights[0]]
    np.testing.assert_array_equal(network.weights[0], second.T)
    np.testing.assert_array_equal(network.weights[1], first)
    network.weights[0] = network.weights[0].T
    np.testing.assert_array_equal(network.weights[0], second)


def test_assigning_slices():
    network = new((2, 2, 2, 2))
    network.weights[1:] = [np.ones((2, 2)), np.zeros((2, 2))]
    assert [w.mean() for w in network.weights[1:]] == [1.0, 0.0]
    assert all(np.shares_memory(w, network.parameters) for w in network.weights[1:])


def test_assigning_all_parameters():
    network, other = new(), new(rng=2)
    vector = network.parameters
    network.parameters = other.parameters
    assert network.parameters is vector
    assert network.feedforward(np.ones(4)).tobytes() == other.feedforward(np.ones(4)).tobytes()


def test_lists_act_like_lists():
    network = new()
    assert len(network.weights) == len(network.biases) == 2
    assert network.weights[-1].shape == (3, 5)
    assert [w.shape for w in reversed(network.weights)] == [(3, 5), (5, 4)]
    assert repr(network.weights) == repr(list(network.weights))
    with pytest.raises(IndexError):
        network.weights[2]
    with pytest.raises(IndexError):
        network.biases[2] = np.zeros((3, 1))
    kept = copy.deepcopy(list(network.biases))
    network.biases[0][...] = 0
    assert kept[0].all()


# --- orientation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize("n_in", [2, 4])
def test_output_has_the_orientation_of_the_input(n_in, n_out):
    network = fastnet.Network([n_in, 5, n_out], rng=3)
    x = np.random.default_rng(0).random(n_in)
    vector = network.feedforward(x)
    assert vector.shape == (n_out,)
    for got, shape in [
        (network.feedforward(x[:, np.newaxis]), (n_out, 1)),
        (network.feedforward(x[np.newaxis]), (1, n_out)),
        (network.feedforward(x.tolist()), (n_out,)),
    ]:
        assert got.shape == shape
        np.testing.assert_array_equal(got.ravel(), vector)
    batch = network.feedforward(np.stack([x, x, x]))
    assert batch.shape == (3, n_out)
    np.testing.assert_array_equal(batch, [vector] * 3)


def test_a_square_batch_is_rows():
    """Four rows of four inputs are a batch, not columns."""
    network = new()
    X = np.random.default_rng(0).random((4, 4))
    expected = [network.feedforward(x) for x in X]
    np.testing.assert_array_equal(network.feedforward(X), expected)


def test_one_input_makes_a_column_a_batch():
    network = fastnet.Network([1, 2], rng=0)
    assert network.feedforward(np.ones((6, 1))).shape == (6, 2)
    assert network.feedforward(np.ones((1, 1))).shape == (1, 2)
    assert network.feedforward(np.ones(1)).shape == (2,)


def test_an_empty_batch_gives_no_rows():
    assert new().feedforward(np.empty((0, 4))).shape == (0, 3)


def test_a_batch_is_its_rows_whatever_its_length():
    """Rows are taken 32 at a time; none may depend on where it stands."""
    network = new()
    X = np.random.default_rng(0).random((100, 4))
    whole = network.feedforward(X)
    for start, stop in [(0, 1), (31, 33), (5, 70), (99, 100)]:
        np.testing.assert_array_equal(network.feedforward(X[start:stop]), whole[start:stop])


def test_the_output_is_the_callers():
    network = new()
    first = network.feedforward(np.ones(4))
    kept = first.copy()
    network.feedforward(np.zeros(4))
    np.testing.assert_array_equal(first, kept)
    first[...] = 0.0
    np.testing.assert_array_equal(network.feedforward(np.ones(4)), kept)


@pytest.mark.parametrize("n_in", [1, 3])
def test_backprop_takes_one_example_in_every_form(n_in):
    network = fastnet.Network([n_in, 4, 2], rng=1)
    x = np.random.default_rng(2).random(n_in)
    expected = network.backprop(x[np.newaxis], np.array([1]))
    xs = [x, x[:, np.newaxis], x.tolist()]
    ys = [1, np.int64(1), [0, 1], np.array([0.0, 1.0]), np.array([[0.0], [1.0]])]
    for got in [network.backprop(a, b) for a in xs for b in ys]:
        for nablas, wanted in zip(got, expected, strict=True):
            for nabla, want in zip(nablas, wanted, strict=True):
                np.testing.assert_array_equal(nabla, want, strict=True)


def test_gradients_are_the_callers():
    network = new()
    (nabla_b, nabla_w), before = network.backprop(*DATA), network.parameters.tobytes()
    assert type(nabla_b) is list
    assert type(nabla_w) is list
    for nabla in nabla_b + nabla_w:
        nabla -= 1.0
    assert network.parameters.tobytes() == before
    assert any((a != b).any() for a, b in zip(network.backprop(*DATA)[1], nabla_w, strict=True))


# --- the number type -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, "float32", "f4", np.dtype(np.float32)])
def test_float32_by_any_name(dtype):
    assert new(dtype=dtype).dtype == np.float32


def test_float32_is_float32_throughout():
    network = new(dtype=np.float32)
    results = [network.parameters, *network.weights, *network.biases]
    results += [
        network.feedforward(DATA[0]),
        *network.backprop(*DATA)[0],
        *network.backprop(*DATA)[1],
    ]
    assert {array.dtype for array in results} == {np.dtype(np.float32)}


def test_float32_is_computed_in_float32():
    """1 + 2^-30 is 1 in float32: an engine that summed in float64 would see the difference."""
    for dtype, expected in [(np.float32, 0.5), (np.float64, 1 / (1 + np.exp(-(2.0**-30))))]:
        network = fastnet.Network([2, 1], dtype=dtype)
        network.weights, network.biases = [[[1.0, 2.0**-30]]], [[[-1.0]]]
        assert network.feedforward(np.ones(2)).item() == dtype(expected)


def test_float32_training_rounds_where_float64_does_not():
    single, double = new(dtype=np.float32), new()
    double.parameters = single.parameters
    for network in (single, double):
        network.SGD(DATA, 20, 3, 0.5, shuffle=False)
    difference = np.abs(single.parameters - double.parameters)
    assert 1e-8 < difference.max() < 1e-4
