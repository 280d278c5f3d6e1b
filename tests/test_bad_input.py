"""Every refusal of an argument or an assignment; and junk, which must not do anything else."""

import reprlib
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastnet

from .refusals import GOOD, PAIRS, N, X, Y, assert_refused, fingerprint, new, spoilt

COUNT = [
    (-1, ValueError, "is -1; expected at least"),
    (-(10**40), ValueError, "expected at least"),
    (2.0, TypeError, "is 2.0, of type float; expected an integer"),
    (np.float64(2), TypeError, "float64; expected an integer"),
    (np.nan, TypeError, "is nan, of type float; expected an integer"),
    (True, TypeError, "is True, of type bool; expected an integer"),
    ("3", TypeError, "is '3', of type str; expected an integer"),
    (None, TypeError, "is None.*expected an integer"),
    ([3], TypeError, "list; expected an integer"),
    (3 + 0j, TypeError, "complex; expected an integer"),
]
RATE = [
    (-0.1, ValueError, r"is -0.1; expected a finite number that is not negative"),
    (-1, ValueError, r"is -1.0; expected a finite number that is not negative"),
    (np.nan, ValueError, "is nan; expected a finite number"),
    (np.inf, ValueError, "is inf; expected a finite number"),
    (10**400, ValueError, "is too large; expected a finite number"),
    ("0.1", TypeError, "is '0.1', of type str; expected a number"),
    (None, TypeError, "is None, of type NoneType; expected a number"),
    (0.1 + 0j, TypeError, "complex; expected a number"),
    (np.complex64(1), TypeError, "complex64; expected a number"),
    (True, TypeError, "bool; expected a number"),
    ([0.1], TypeError, "list; expected a number"),
    (np.ones(2), TypeError, "ndarray; expected a number"),
    (np.datetime64(0, "ns"), TypeError, "datetime64; expected a number"),
    (np.array(0, "M8[ns]"), TypeError, "ndarray; expected a number"),
]
SGD = {"training_data": GOOD, "epochs": 1, "mini_batch_size": 2, "eta": 0.1}
STEP = {"mini_batch": GOOD, "eta": 0.1, "lmbda": 0.0, "n": 10}


def cases(names, values):
    return [
        pytest.param(name, value, *expected, id=f"{name}={reprlib.repr(value)}")
        for name in names
        for value, *expected in values
    ]


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        *cases(["epochs", "mini_batch_size"], COUNT),
        ("mini_batch_size", 0, ValueError, "is 0; expected at least 1"),
        *cases(["eta", "lmbda"], RATE),
        ("shuffle", "yes", TypeError, "is 'yes'; give True, False or a callable"),
        ("shuffle", 1, TypeError, "is 1; give True, False or a callable"),
        ("shuffle", None, TypeError, "is None; give True, False or a callable"),
        ("progress", "bar", TypeError, "is 'bar'; give True, False, None or a callable"),
        ("progress", 3, TypeError, "is 3; give True, False, None or a callable"),
        ("monitor_evaluation_cost", True, ValueError, "evaluation_data is None"),
        ("monitor_evaluation_accuracy", True, ValueError, "evaluation_data is None"),
    ],
)
def test_arguments_of_sgd(name, value, error, words):
    words = words if name.startswith("monitor") else f"{name}.*{words}"
    assert_refused(new(), lambda network: network.SGD(**(SGD | {name: value})), error, words)


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        *cases(["n"], COUNT),
        *cases(["n"], [(0, ValueError, "is 0; expected at least 1")]),
        *cases(["n"], [(10**400, ValueError, "is")]),
        *cases(["eta", "lmbda"], RATE),
    ],
)
def test_arguments_of_update_mini_batch(name, value, error, words):
    words = f"{name}.*{words}"
    call = lambda network: network.update_mini_batch(**(STEP | {name: value}))  # noqa: E731
    assert_refused(new(), call, error, words)


@pytest.mark.parametrize(("name", "value", "error", "words"), cases(["lmbda"], RATE))
def test_lmbda_of_total_cost(name, value, error, words):
    call = lambda network: network.total_cost(GOOD, value)  # noqa: E731
    assert_refused(new(), call, error, f"{name}.*{words}")


def test_a_mini_batch_larger_than_the_data_is_one_batch():
    larger, equal = new(), new()
    for network, size in ((larger, 10**30), (equal, N)):
        network.SGD(GOOD, 2, size, 0.1, shuffle=False)
    assert larger.parameters.tobytes() == equal.parameters.tobytes()


@pytest.mark.parametrize(
    "left",
    [
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4, 4],
        [0, 1, 2, 3, 3],
        [0, 1, 2, 3, 5],
        [-1, 0, 1, 2, 3],
        [0.5, 1.5, 2.5, 3.5, 4.5],
        [0, 1, 2, 3, 2**70],
        [0, 1, 2, 3, None],
        ["a", "b", "c", "d", "e"],
        [[0], [1], [2], [3], [4]],
        [],
    ],
    ids=str,
)
def test_a_shuffle_that_leaves_no_permutation(left):
    def shuffle(rows):
        rows[:] = left

    call = lambda network: network.SGD(GOOD, 1, 2, 0.1, shuffle=shuffle)  # noqa: E731
    assert_refused(new(), call, ValueError, "not leave a permutation of the 5 row numbers")


def test_a_shuffle_that_fails_fails_the_training():
    def shuffle(rows):
        raise OSError("the dice fell off the table")

    call = lambda network: network.SGD(GOOD, 1, 2, 0.1, shuffle=shuffle)  # noqa: E731
    assert_refused(new(), call, OSError, "dice")


# --- feedforward and backprop --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "error", "words"),
    [
        (np.ones(4), ValueError, "4 columns; this network takes 3"),
        (np.ones((4, 1)), ValueError, "1 columns; this network takes 3"),
        (np.ones((5, 2)), ValueError, r"2 columns; this network takes 3\.$"),
        (np.ones((5, 3, 1, 1)), ValueError, r"to flatten each example, use reshape\(-1, 3\)"),
        (np.ones(()), ValueError, r"shape \(\)"),
        (np.ones((2, 3, 3)), ValueError, r"shape \(2, 3, 3\)"),
        ([1.0, np.nan, 0.0], ValueError, "nan in row 0, column 1"),
        ([[1.0], [np.inf], [0.0]], ValueError, "inf in row 0, column 1"),
        (spoilt(X, (4, 2), -np.inf), ValueError, "-inf in row 4, column 2"),
        (X + 0j, TypeError, "dtype complex128; expected real"),
        ([1, 2, None], TypeError, "dtype object; expected real"),
        (["1", "2", "3"], TypeError, "dtype <U1; expected real"),
        ([[1, 2, 3], [1, 2]], ValueError, "ragged"),
        (None, TypeError, "dtype object; expected real"),
    ],
)
def test_feedforward(a, error, words):
    assert_refused(new(), lambda network: network.feedforward(a), error, words)


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        (np.ones(4), 1, ValueError, "4 columns; this network takes 3"),
        (np.ones((4, 1)), 1, ValueError, "columns; this network takes 3"),
        (np.ones(3), 2, ValueError, "2 in row 0.*from 0 to 1"),
        (np.ones(3), -1, ValueError, "-1 in row 0.*from 0 to 1"),
        (np.ones(3), 0.5, ValueError, "0.5 in row 0.*whole numbers"),
        (np.ones(3), np.ones(3), ValueError, r"expected .*\(n, 2\)"),
        (np.ones((3, 1)), np.ones((3, 1)), ValueError, r"expected .*\(n, 2\)"),
        (X, Y[:3], ValueError, "5 rows and y has 3"),
        (X, spoilt(Y, 4, 7), ValueError, "7 in row 4.*from 0 to 1"),
        (np.full(3, np.nan), 1, ValueError, "nan in row 0, column 0"),
        (np.ones(3), [0.0, np.nan], ValueError, "not finite in row 0"),
        (np.ones(3) + 0j, 1, TypeError, "dtype complex128; expected real"),
        (np.ones(3), None, TypeError, "dtype object; expected real"),
        (np.empty((0, 3)), np.empty(0), ValueError, "empty"),
        ([[1, 2, 3], [1]], [0, 1], ValueError, "ragged"),
    ],
)
def test_backprop(x, y, error, words):
    assert_refused(new(), lambda network: network.backprop(x, y), error, words)


# --- construction and attributes -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"sizes": []}, ValueError, r"sizes is \[\]; give two or more"),
        ({"sizes": [3]}, ValueError, r"sizes is \[3\]; give two or more"),
        ({"sizes": [3, 0]}, ValueError, r"sizes\[1\] is 0; expected at least 1"),
        ({"sizes": [-3, 2]}, ValueError, r"sizes\[0\] is -3; expected at least 1"),
        ({"sizes": [3, 2.0]}, TypeError, r"sizes\[1\] is 2.0, of type float; expected an integer"),
        ({"sizes": [3, True]}, TypeError, r"sizes\[1\] is True, of type bool; expected an integer"),
        ({"sizes": [3, None]}, TypeError, r"sizes\[1\] is None"),
        ({"sizes": 5}, TypeError, "sizes is 5; give one list"),
        ({"sizes": None}, TypeError, "sizes is None; give one list"),
        ({"sizes": "32"}, TypeError, "sizes is '32'; give one list"),
        ({"cost": "hinge"}, ValueError, "cost is 'hinge'; the costs are QuadraticCost"),
        ({"cost": None}, TypeError, "cost is None; give one of"),
        ({"cost": 3}, TypeError, "cost is 3; give one of"),
        ({"cost": dict}, TypeError, "cost is <class 'dict'>; give one of"),
        ({"dtype": np.float16}, ValueError, "dtype is float16; .*float64 or float32"),
        ({"dtype": np.longdouble}, ValueError, "float64 or float32"),
        ({"dtype": int}, ValueError, "dtype is int.*float64 or float32"),
        ({"dtype": complex}, ValueError, "dtype is complex128; .*float64 or float32"),
        ({"dtype": "real"}, (TypeError, ValueError), "real"),
        ({"rng": -1}, ValueError, "rng is -1; expected a seed of 0 or more"),
        ({"rng": 1.5}, TypeError, "rng is of type float; give None, an int"),
        ({"rng": "seed"}, TypeError, "rng is of type str; give None, an int"),
        ({"rng": True}, TypeError, "rng is of type bool; give None, an int"),
        ({"rng": np.random}, TypeError, "rng is of type module; give None, an int"),
        ({"rng": np.random.PCG64}, TypeError, "rng is of type .*; give None, an int"),
    ],
    ids=str,
)
def test_construction(options, error, words):
    with pytest.raises(error, match=words):
        fastnet.Network(**({"sizes": [3, 2]} | options))


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        ("weights", [np.ones((4, 3))], ValueError, "weights has 1 arrays; expected 2"),
        ("weights", [], ValueError, "weights has 0 arrays; expected 2"),
        ("weights", [np.ones((4, 3)), np.ones((4, 2))], ValueError,
         r"weights\[1\] has shape \(4, 2\); expected \(2, 4\)"),
        ("weights", [np.ones((4, 3)), np.ones((2, 4)) + 0j], TypeError,
         r"weights\[1\] is of dtype complex128; expected real"),
        ("weights", [np.ones((4, 3)), [[1, 2, 3, 4], [1]]], ValueError, r"weights\[1\] is ragged"),
        ("weights", [np.ones((4, 3)), None], TypeError, r"weights\[1\] is of dtype object"),
        ("weights", None, TypeError, "weights.*NoneType"),
        ("weights", 3, TypeError, "weights.*int"),
        ("biases", [np.ones((4, 1)), np.ones(2)], ValueError,
         r"biases\[1\] has shape \(2,\); expected \(2, 1\)"),
        ("biases", [np.ones((4, 1)), np.ones((2, 1)), 1], ValueError,
         "biases has 3 arrays; expected 2"),
        ("biases", [[["a"]] * 4, np.ones((2, 1))], TypeError, r"biases\[0\] is of dtype <U1"),
        ("biases", None, TypeError, "biases.*NoneType"),
        ("parameters", np.ones(25), ValueError, r"parameters.* has shape \(25,\)"),
        ("parameters", np.ones((26, 1)), ValueError, r"has shape \(26, 1\); expected \(26,\)"),
        ("parameters", None, TypeError, "parameters.*dtype object"),
        ("cost", "hinge", ValueError, "cost is 'hinge'; the costs are"),
        ("cost", None, TypeError, "cost is None; give one of"),
        ("rng", "seed", TypeError, "rng is of type str; give"),
        ("rng", -1, ValueError, "rng is -1; expected a seed of 0 or more"),
    ],
)  # fmt: skip
def test_assignments(name, value, error, words):
    assert_refused(new(), lambda network: setattr(network, name, value), error, words)


@pytest.mark.parametrize(
    ("layer", "value", "error", "words"),
    [
        (0, np.ones((3, 4)), ValueError, r"weights\[0\] has shape \(3, 4\); expected \(4, 3\)"),
        (-1, np.ones(8), ValueError, r"weights\[1\] has shape \(8,\); expected \(2, 4\)"),
        (0, 1.0, ValueError, r"weights\[0\] has shape \(\); expected \(4, 3\)"),
        (1, np.ones((2, 4), object), TypeError, r"weights\[1\] is of dtype object; expected real"),
        (slice(0, 2), [np.ones((4, 3)), 1], ValueError, r"weights\[1\] has shape \(\)"),
        (2, np.ones((2, 4)), IndexError, "range"),
    ],
)
def test_item_assignment(layer, value, error, words):
    def assign(network):
        network.weights[layer] = value

    assert_refused(new(), assign, error, words)


# --- anything at all -----------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.complex_numbers(),
    st.text(max_size=3), st.binary(max_size=3), st.just(10**400), st.just(Decimal("NaN")),
    st.just(object()), st.just(np.float16(2)), st.just(np.datetime64("2000-01-01")),
)  # fmt: skip
ARRAYS = hnp.arrays(
    hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
)
JUNK = st.one_of(
    SCALARS, ARRAYS,
    st.recursive(
        SCALARS | ARRAYS,
        lambda inner: st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2),
        max_leaves=6,
    ),
)  # fmt: skip
CALLS = {
    "data": lambda network, junk: network.accuracy(junk),
    "X": lambda network, junk: network.accuracy((junk, Y)),
    "y": lambda network, junk: network.SGD((X, junk), 1, 2, 0.1),
    "pair": lambda network, junk: network.total_cost([*PAIRS, junk], 0.0),
    "a": lambda network, junk: network.feedforward(junk),
    "x": lambda network, junk: network.backprop(junk, 1),
    "target": lambda network, junk: network.backprop(X[0], junk),
    "eta": lambda network, junk: network.SGD(GOOD, 1, 2, junk),
    "lmbda": lambda network, junk: network.update_mini_batch(GOOD, 0.1, junk, 10),
    "n": lambda network, junk: network.update_mini_batch(GOOD, 0.1, 0.1, junk),
    "mini_batch_size": lambda network, junk: network.SGD(GOOD, 1, junk, 0.1),
    "shuffle": lambda network, junk: network.SGD(GOOD, 1, 2, 0.1, shuffle=junk),
    "weights": lambda network, junk: setattr(network, "weights", junk),
    "weights[0]": lambda network, junk: network.weights.__setitem__(0, junk),
    "cost": lambda network, junk: setattr(network, "cost", junk),
    "rng": lambda network, junk: setattr(network, "rng", junk),
}


@pytest.mark.parametrize("argument", CALLS)
@given(junk=JUNK)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_junk_is_taken_or_refused_but_never_anything_else(argument, junk):
    network = new()
    before = fingerprint(network)
    try:
        CALLS[argument](network, junk)
    except (TypeError, ValueError) as error:
        assert str(error)
        assert fingerprint(network) == before


@pytest.mark.parametrize("y", [["a", "b"], np.array(["a", "b"], object)], ids=["list", "objects"])
@pytest.mark.parametrize("way", ["train", "accuracy", "backprop", "input_gradient"])
def test_class_names_as_targets_are_answered_with_how_to_number_them(way, y):
    net, X = fastnet.Network([2, 3, 2], rng=0), np.eye(2)
    given = ((X, y),) if way in ("train", "accuracy") else (X, y)
    with pytest.raises(TypeError, match=r"y is of dtype .*names, y = numpy.unique\(y, return_inv"):
        getattr(net, way)(*given, **({"epochs": 1} if way == "train" else {}))
    names, numbers = np.unique(y, return_inverse=True)  # as the message says
    net.train((X, numbers), 1)
    assert list(names) == ["a", "b"]
