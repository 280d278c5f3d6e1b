"""Training against the plain NumPy twin: whole epochs, their orders, and what is monitored."""

import copy
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import reference

from ..oracles import assert_trained_alike, flat
from ..strategies import COSTS, DTYPES, Problem, draw_numbers, problems


def train_both(problem, orders, *, mini_batch_size, eta, lmbda):
    """Train network and twin through the same orders of the examples; return both."""
    network, twin = problem.network(), problem.plain(np.float64)
    start = flat(*twin[:2])
    drawn = iter(orders)

    def shuffle(rows):
        rows[:] = next(drawn)

    lists = network.SGD(problem.data, len(orders), mini_batch_size, eta, lmbda, shuffle=shuffle)
    assert lists == ([], [], [], [])
    options = {"mini_batch_size": mini_batch_size, "eta": eta, "lmbda": lmbda}
    for order in orders:
        reference.train_epoch(*twin, order, cost=problem.cost, **options)
    assert np.abs(flat(*twin[:2]) - start).max() > 1e-4, "the twin did not learn anything"
    return network, twin


@given(
    problem=problems(),
    mini_batch_size=st.integers(1, 25),
    eta=st.sampled_from([0.05, 0.5, 3.0]),
    lmbda=st.sampled_from([0.0, 0.1, 2.0]),
    random_seed=st.integers(0, 1000),
)
@settings(max_examples=200)
def test_training_is_the_twins(problem, mini_batch_size, eta, lmbda, random_seed):
    """Several epochs, most with a short last mini-batch, some with fewer rows than one."""
    shuffle = random.Random(random_seed).sample
    orders = [shuffle(range(problem.n), problem.n) for _ in range(3)]
    assume(eta * lmbda / problem.n < 1)
    network, twin = train_both(
        problem, orders, mini_batch_size=mini_batch_size, eta=eta, lmbda=lmbda
    )
    assert_trained_alike(network, twin)


@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("decay", [0.75, 0.3, 0.0, -0.5, -1.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_decay_however_large(decay, dtype, density):
    """1 - eta lmbda / n far below 1, 0, and negative: the weights shrink, vanish, change sign."""
    rng = np.random.default_rng(4)
    n, eta = 23, 0.5
    X = draw_numbers(rng, n, 19, density, exact=False)
    problem = Problem([19, 6, 3], "cross_entropy", dtype, X, None, rng.random((n, 3)), 2)
    orders = [rng.permutation(n).tolist() for _ in range(2)]
    lmbda = (1 - decay) * n / eta
    network, twin = train_both(problem, orders, mini_batch_size=5, eta=eta, lmbda=lmbda)
    assert_trained_alike(network, twin, factor=5000)


@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mini_batch_size", [256, 257, 300, 600, 5000])
def test_large_mini_batches(mini_batch_size, dtype, cost, density):
    """Beyond 256 examples a gradient is summed up in parts; the last mini-batch may need none."""
    rng = np.random.default_rng(mini_batch_size)
    n = 700
    X = draw_numbers(rng, n, 21, density, exact=True)
    labels = rng.integers(0, 4, n)
    problem = Problem([21, 9, 4], cost, dtype, X, labels, np.eye(4)[labels], 6)
    orders = [rng.permutation(n).tolist() for _ in range(3)]
    network, twin = train_both(problem, orders, mini_batch_size=mini_batch_size, eta=0.7, lmbda=5.0)
    assert_trained_alike(network, twin)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [40_000, 65_535, 65_536, 65_537])
def test_sparse_rows_to_the_last_column(columns, dtype):
    """Column numbers fit 16 bits up to 65,536 columns; the last of them must be reached."""
    rng = np.random.default_rng(columns)
    X = np.zeros((6, columns))
    X[:, [0, columns // 2, columns - 1]] = rng.random((6, 3)) + 0.5
    problem = Problem([columns, 2], "cross_entropy", dtype, X, None, rng.random((6, 2)), 8)
    network, twin = train_both(
        problem, [[3, 1, 4, 0, 5, 2]] * 2, mini_batch_size=4, eta=1.0, lmbda=0.1
    )
    assert_trained_alike(network, twin)


def test_sparse_and_dense_rows_train_alike():
    """The same numbers with and without their zeros, of which one array has to be hidden."""
    rng = np.random.default_rng(9)
    X = draw_numbers(rng, 50, 30, 0.3, exact=False)
    X[7] = 0.0
    X[8, :3] = -0.0
    y = rng.integers(0, 3, 50)
    # A float16-exact X in a type that kernels do not read is never compressed.
    X = X.astype(np.float16)
    networks = [fastnet.Network([30, 8, 3], rng=1) for _ in range(2)]
    for network, values in zip(networks, [X, X.astype(np.float64)], strict=True):
        network.SGD((values, y), 5, 7, 0.5, 2.0, shuffle=False)
    np.testing.assert_allclose(
        networks[0].parameters, networks[1].parameters, rtol=1e-12, atol=1e-13
    )


@given(problem=problems(), eta=st.sampled_from([0.1, 2.0]), lmbda=st.sampled_from([0.0, 1.5]))
@settings(max_examples=80)
def test_one_step_is_the_twins(problem, eta, lmbda):
    """`n` is the size of the whole training set, not of the mini-batch."""
    network, twin = problem.network(), problem.plain(np.float64)
    n = 7 * problem.n
    assert network.update_mini_batch(problem.data, eta, lmbda, n) is None
    reference.update(*twin, eta=eta, lmbda=lmbda, n=n, cost=problem.cost)
    assert_trained_alike(network, twin, factor=500)


def test_one_step_on_the_books_pairs():
    problem = Problem([4, 3, 2], "quadratic", np.float64, np.eye(4), None, np.eye(4, 2), 5)
    network, twin = problem.network(), problem.plain()
    pairs = [(x[:, np.newaxis], y[:, np.newaxis]) for x, y in zip(*problem.data, strict=True)]
    network.update_mini_batch(pairs, 0.5, 0.1, 40)
    reference.update(*twin, eta=0.5, lmbda=0.1, n=40, cost="quadratic")
    assert_trained_alike(network, twin)


@pytest.mark.parametrize("n", [257, 700])
def test_one_large_step(n):
    rng = np.random.default_rng(n)
    problem = Problem(
        [6, 5, 2], "cross_entropy", np.float64, rng.random((n, 6)), None, rng.random((n, 2)), 5
    )
    network, twin = problem.network(), problem.plain()
    network.update_mini_batch(problem.data, 0.5, 0.1, 1000)
    reference.update(*twin, eta=0.5, lmbda=0.1, n=1000, cost="cross_entropy")
    assert_trained_alike(network, twin)


# --- the order of the examples -------------------------------------------------------------------


@pytest.fixture
def small():
    rng = np.random.default_rng(31)
    return Problem(
        [5, 4, 3], "cross_entropy", np.float64, rng.random((11, 5)), None, rng.random((11, 3)), 3
    )


def twin_after(problem, orders, **options):
    twin = problem.plain()
    for order in orders:
        reference.train_epoch(*twin, order, cost=problem.cost, lmbda=0.5, **options)
    return twin


def test_without_shuffling_the_order_is_the_datas(small):
    network = small.network()
    state = network.rng.bit_generator.state
    network.SGD(small.data, 3, 4, 0.5, 0.5, shuffle=False)
    twin = twin_after(small, [range(11)] * 3, mini_batch_size=4, eta=0.5)
    assert_trained_alike(network, twin)
    assert network.rng.bit_generator.state == state


@pytest.mark.parametrize("make_rng", [np.random.default_rng, np.random.RandomState])
def test_shuffling_draws_a_permutation_an_epoch_from_the_networks_generator(small, make_rng):
    network = small.network()
    network.rng, twin_rng = make_rng(5), make_rng(5)
    network.SGD(small.data, 3, 4, 0.5, 0.5)
    orders = [twin_rng.permutation(11) for _ in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert_trained_alike(network, twin_after(small, orders, mini_batch_size=4, eta=0.5))
    assert network.rng.random() == twin_rng.random()


def test_a_callable_permutes_the_order_of_the_epoch_before(small):
    seen = []

    def rotate(rows):
        seen.append((type(rows), list(rows)))
        rows.append(rows.pop(0))

    network = small.network()
    state = network.rng.bit_generator.state
    network.SGD(small.data, 3, 4, 0.5, 0.5, shuffle=rotate)
    assert seen == [(list, [*range(k, 11), *range(k)]) for k in range(3)]
    orders = [[*range(k, 11), *range(k)] for k in (1, 2, 3)]
    assert_trained_alike(network, twin_after(small, orders, mini_batch_size=4, eta=0.5))
    assert network.rng.bit_generator.state == state


def test_the_standard_librarys_shuffle_fits(small):
    network, rows, orders = small.network(), list(range(11)), []
    network.SGD(small.data, 2, 4, 0.5, 0.5, shuffle=random.Random(8).shuffle)
    shuffle = random.Random(8).shuffle
    for _ in range(2):
        shuffle(rows)
        orders.append(list(rows))
    assert_trained_alike(network, twin_after(small, orders, mini_batch_size=4, eta=0.5))


def test_epochs_in_one_call_or_in_several_are_the_same(small):
    together, apart = small.network(), small.network()
    together.SGD(small.data, 4, 3, 0.5, 0.5)
    for _ in range(4):
        apart.SGD(small.data, 1, 3, 0.5, 0.5)
    assert together.parameters.tobytes() == apart.parameters.tobytes()


def test_the_same_seed_gives_the_same_bits(small):
    first, second = small.network(), small.network()
    for network in (first, second):
        network.SGD(small.data, 5, 3, 0.5, 0.5)
    assert first.parameters.tobytes() == second.parameters.tobytes()


def test_zero_epochs_and_zero_eta_change_no_parameter(small):
    network = small.network()
    before = network.parameters.tobytes()
    assert network.SGD(small.data, 0, 3, 0.5, monitor_training_cost=True) == ([], [], [], [])
    network.SGD(small.data, 2, 3, 0.0, 0.5)
    assert network.parameters.tobytes() == before


# --- monitors ------------------------------------------------------------------------------------


@given(problem=problems(), lmbda=st.sampled_from([0.0, 1.5]))
@settings(max_examples=40)
def test_the_four_lists_are_what_accuracy_and_total_cost_say(problem, lmbda):
    network = problem.network()
    network.kind = "classes"
    evaluation = problem.X[::-2], problem.data[1][::-2]
    lists = network.SGD(
        problem.data, 2, 4, 0.3, lmbda, evaluation, True, True, True, True, shuffle=False
    )
    apart, expected = problem.network(), ([], [], [], [])
    apart.kind = "classes"
    for _ in range(2):
        apart.SGD(problem.data, 1, 4, 0.3, lmbda, shuffle=False)
        for offset, data in ((0, evaluation), (2, problem.data)):
            expected[offset].append(apart.total_cost(data, lmbda))
            expected[offset + 1].append(apart.accuracy(data))
    assert isinstance(lists, tuple)
    for got, want in zip(lists, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=100 * float(np.finfo(problem.dtype).eps))
    assert {type(value) for value in lists[0] + lists[2]} == {float}
    assert {type(value) for value in lists[1] + lists[3]} == {int}


def test_only_what_is_monitored_is_listed(small):
    for wanted in range(4):
        flags = [wanted == place for place in range(4)]
        network = small.network()
        network.kind = "classes"
        lists = network.SGD(small.data, 2, 3, 0.5, 0.0, small.data, *flags)
        assert [len(values) for values in lists] == [2 * flag for flag in flags]


def test_training_one_network_leaves_its_copies_alone(small):
    network = small.network()
    other = copy.deepcopy(network)
    before = other.parameters.tobytes()
    network.SGD(small.data, 2, 3, 0.5)
    assert other.parameters.tobytes() == before
    assert network.parameters.tobytes() != before
