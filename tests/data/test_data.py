"""Whatever holds the numbers, training sees the same numbers, and X is never copied whole."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import fastnet
from fastnet import kernels

from ..strategies import DTYPES

SIZES = [6, 5, 3]
N = 40

#: Every real element type; the numbers that fit all of them are whole and small.
ELEMENTS = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "g"]
#: The same in the other byte order, where there is one.
SWAPPED = [np.dtype(code).newbyteorder("S") for code in "hHiIqQefdg"]


def values(n=N, columns=SIZES[0], zeros=0.0, seed=3):
    """Return X (n, columns) of 0s and 1s: numbers that every type holds."""
    rng = np.random.default_rng(seed)
    return (rng.random((n, columns)) >= max(zeros, 0.4)).astype(float)


def dense_values(seed=3):
    """Return X (N, 6) without zeros, in float64 with all its bits."""
    return np.random.default_rng(seed).random((N, SIZES[0])) + 0.5


LABELS = np.random.default_rng(5).integers(0, 3, N)


def everything(X, y, dtype=np.float64, sizes=SIZES):
    """Return all that a network makes of the data: parameters after training, lists, outputs."""
    network = fastnet.Network(sizes, dtype=dtype, rng=1)
    lists = network.SGD((X, y), 3, 7, 0.5, 0.3, (X, y), True, True, True, True, shuffle=True)
    network.update_mini_batch((X, y), 0.5, 0.3, 100)
    results = [network.parameters, *map(np.array, lists)]
    results += [network.feedforward(X), np.array(network.total_cost((X, y), 0.5))]
    results += [np.array(network.accuracy((X, y))), *network.backprop(X, y)[1]]
    return results


def assert_identical(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def assert_alike(got, expected, dtype):
    """Equal but for the order of roundings, as sparse rows have another than dense ones."""
    eps = float(np.finfo(dtype).eps)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2000 * eps, atol=200 * eps)


# --- element types -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", [*ELEMENTS, *SWAPPED], ids=str)
def test_any_real_element_type(element, dtype):
    """Few zeros, so that every type goes the same way: then every bit agrees."""
    X = values()
    assert np.array_equal(X.astype(element), X)
    assert_identical(everything(X.astype(element), LABELS, dtype), everything(X, LABELS, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", [*ELEMENTS, *SWAPPED], ids=str)
def test_any_real_element_type_mostly_zeros(element, dtype):
    X = values(zeros=0.8)
    assert X.any()
    assert_alike(everything(X.astype(element), LABELS, dtype), everything(X, LABELS, dtype), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", ["f", ">f4", "d", ">f8", "g", "e", ">f2"])
def test_fractions_of_any_float_type(element, dtype):
    """What the type holds is what is computed with, rounded once to the network's type."""
    X = dense_values().astype(element)
    assert_identical(everything(X, LABELS, dtype), everything(X.astype(dtype), LABELS, dtype))


def test_whole_numbers_beyond_bytes():
    X = np.random.default_rng(0).integers(-9, 9, (N, SIZES[0]))
    X[X == 0] = 1
    assert_identical(everything(X, LABELS), everything(X.astype(float), LABELS))
    assert_identical(everything(X.tolist(), LABELS), everything(X.astype(float), LABELS))


# --- layouts -------------------------------------------------------------------------------------


def unaligned(X):
    """Lay rows out in records of an odd number of bytes."""
    records = np.zeros(len(X), dtype=[("tag", "u1"), ("x", X.dtype, (X.shape[1],))])
    records["x"] = X
    assert X.itemsize == 1 or not records["x"].flags.aligned
    return records["x"]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def wide(X, step):
    """Every step-th element of an array whose other elements would spoil the result."""
    full = np.full([abs(step) * n for n in X.shape], 77, dtype=X.dtype)
    view = full[::step, ::step]
    view[...] = X
    return view


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every third element": lambda X: wide(X, 3),
    "both axes backwards": lambda X: wide(X, -1),
    "backwards in steps": lambda X: wide(X, -2),
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "transpose of a transpose": lambda X: X.T.copy().T,
    "read-only": read_only,
    "unaligned": unaligned,
}


@pytest.mark.parametrize("element", ["d", "f", "B", "h", ">f8"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout, element):
    X = dense_values().astype(element) if element in ("d", "f", ">f8") else values().astype(element)
    laid_out = LAYOUTS[layout](X)
    np.testing.assert_array_equal(laid_out, X, strict=True)
    before = laid_out.tobytes()
    assert_identical(everything(laid_out, LABELS), everything(X.astype(float), LABELS))
    assert laid_out.tobytes() == before


@pytest.mark.parametrize("element", ["d", "f"])
def test_unaligned_targets_predictions_and_sparse_values(element):
    """A processor may refuse to load such a number, and C says that it need not work."""
    X = dense_values().astype(element)
    y = np.eye(3)[np.random.default_rng(4).integers(0, 3, len(X))].astype(element)
    assert not unaligned(y).flags.aligned
    assert_identical(everything(unaligned(X), unaligned(y)), everything(X, y))

    net = fastnet.Network([X.shape[1], 5, 3], rng=1)
    np.testing.assert_array_equal(net.feedforward(unaligned(X)), net.feedforward(X))
    one, same = net.feedforward(unaligned(X)[0]), net.feedforward(X[0])
    np.testing.assert_allclose(one, same, rtol=1e-14)  # for one row there is a way of its own

    def learned(rows):
        net = fastnet.Network(SIZES, rng=1)
        net.train((rows, LABELS), epochs=2, mini_batch_size=7)
        return net.parameters, net.feedforward(rows)

    rows = scipy.sparse.csr_array(X)
    expected = learned(rows)
    shifted = np.zeros(rows.data.nbytes + 1, np.uint8)[1:].view(element)
    shifted[:] = rows.data
    rows.data = shifted
    assert not rows.data.flags.aligned
    assert_identical(learned(rows), expected)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda odd: kernels.rows.Rows(odd.view("d").reshape(2, 3)),
        lambda odd: kernels.rows.Targets(None, odd.view("d").reshape(2, 3)),
        lambda odd: kernels.rows.Targets(odd.view("i"), None),
        lambda odd: kernels.rows.Targets(np.zeros(6, "i"), None, odd.view("d")),
        lambda odd: kernels.rows.from_csr(
            np.array([0, 6]), np.arange(6, dtype=np.uint16), odd.view("d"), 6
        ),
    ],
    ids=["rows", "targets", "labels", "weights", "non-zeros"],
)
def test_kernels_refuse_what_is_not_aligned(wrap):
    with pytest.raises(TypeError, match="aligned"):
        wrap(np.zeros(8 * 6 + 1, np.uint8)[1:])


def test_a_stack_of_columns_is_rows():
    """Shape (n, n_0, 1), which np.array makes of the book's list of columns."""
    X = dense_values()
    networks = [fastnet.Network(SIZES, rng=1) for _ in range(2)]
    for network, form in zip(networks, [X, X[:, :, np.newaxis]], strict=True):
        network.SGD((form, LABELS), 3, 7, 0.5)
    assert_identical([networks[0].parameters], [networks[1].parameters])


def test_one_row_for_all_examples():
    """A stride of zero is a stride too."""
    X = np.broadcast_to(dense_values()[0], (N, SIZES[0]))
    assert X.strides[0] == 0
    assert_identical(everything(X, LABELS), everything(X.copy(), LABELS))


@pytest.mark.parametrize("element", ["d", "f", "B", ">i2"])
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_maps(tmp_path, mode, element):
    X = values().astype(element)
    X.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", dtype=element, mode=mode, shape=X.shape)
    assert_identical(everything(mapped, LABELS), everything(X.astype(float), LABELS))
    np.testing.assert_array_equal(np.fromfile(tmp_path / "X", element).reshape(X.shape), X)


@given(
    rows=st.integers(1, 30),
    columns=st.integers(1, 9),
    row_step=st.sampled_from([1, 2, -1, -3]),
    column_step=st.sampled_from([1, 2, -1, -2]),
    order=st.sampled_from("CF"),
    element=st.sampled_from(["d", "f", "B", "e", ">f4", "q"]),
    zeros=st.sampled_from([0.0, 0.9]),
)
def test_drawn_layouts(rows, columns, row_step, column_step, order, element, zeros):
    shape = rows * abs(row_step), columns * abs(column_step)
    full = np.array(values(*shape, zeros=zeros), dtype=element, order=order)
    X = full[::row_step, ::column_step]
    y = np.arange(rows) % 2
    dense = np.ascontiguousarray(X, dtype=float)
    sizes = [columns, 3, 2]
    assert_alike(everything(X, y, sizes=sizes), everything(dense, y, sizes=sizes), float)


# --- targets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", [*ELEMENTS, *SWAPPED], ids=str)
def test_class_numbers_of_any_real_type(element, dtype):
    y = LABELS % 2
    X = dense_values()
    assert_identical(everything(X, y.astype(element), dtype), everything(X, y, dtype))


@pytest.mark.parametrize("element", [*ELEMENTS, *SWAPPED], ids=str)
def test_targets_of_any_real_type(element):
    Y = np.eye(3)[LABELS]
    X = dense_values()
    expected = everything(X, Y)
    assert_identical(everything(X, Y.astype(element)), expected)
    assert_identical(everything(X, np.asfortranarray(Y.astype(element))), expected)
    assert_identical(everything(X, wide(Y.astype(element), -2)), expected)


def test_class_numbers_are_rows_of_a_one():
    X = dense_values()
    for got, expected in zip(everything(X, LABELS), everything(X, np.eye(3)[LABELS]), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_layouts_of_class_numbers():
    X, y = dense_values(), LABELS
    expected = everything(X, y)
    spread = np.full(3 * N, 99)
    spread[::3] = y
    backwards = y[::-1].copy()[::-1]
    for form in (y.tolist(), tuple(y), spread[::3], backwards, read_only(y), y.astype(float)):
        assert_identical(everything(X, form), expected)


def test_one_output_takes_targets_in_a_row_or_a_column():
    X, y = dense_values(), np.random.default_rng(2).random(N)
    networks = [fastnet.Network([6, 4, 1], rng=1) for _ in range(3)]
    for network, form in zip(networks, (y, y[:, np.newaxis], y.tolist()), strict=True):
        network.SGD((X, form), 2, 5, 0.5)
    assert len({network.parameters.tobytes() for network in networks}) == 1


def test_accuracy_of_one_output_is_the_side_of_one_half():
    network = fastnet.Network([1, 1])
    network.weights, network.biases = [[[1.0]]], [[[0.0]]]
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    assert network.accuracy((X, [0, 0, 1, 1])) == 4
    network.kind = "classes"  # which targets between are not, by themselves
    assert network.accuracy((X, [1, 0.2, 0.9, 0])) == 2


def test_accuracy_takes_the_first_of_equal_outputs():
    network = fastnet.Network([2, 3])
    network.weights, network.biases = [np.zeros((3, 2))], [np.zeros((3, 1))]
    assert network.accuracy((np.ones((4, 2)), [0, 0, 1, 2])) == 2
    network.kind = "classes"
    assert network.accuracy((np.ones((2, 2)), [[0.5, 0.5, 0.1], [0.1, 0.5, 0.5]])) == 1


# --- the book's pairs ----------------------------------------------------------------------------


def pair_forms(X, y, column):
    """Return the book's containers of pairs over the same examples."""
    xs = [x[:, np.newaxis] for x in X] if column else list(X)
    return {
        "list": list(zip(xs, y, strict=True)),
        "tuple": tuple(zip(xs, y, strict=True)),
        "zip": zip(xs, y, strict=True),
        "generator": (pair for pair in zip(xs, y, strict=True)),
        "lists": [[x, t] for x, t in zip(xs, y, strict=True)],
        "plain numbers": [(x.tolist(), t) for x, t in zip(xs, y, strict=True)],
    }


@pytest.mark.parametrize("n", [1, 2, 3, N])
@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("form", pair_forms(np.ones((1, 1)), [0], True))
def test_pairs_are_the_same_data(form, column, n):
    X, y = dense_values()[:n], LABELS[:n]
    expected = fastnet.Network(SIZES, rng=1)
    expected.SGD((X, y), 2, 7, 0.5, 0.3)
    network = fastnet.Network(SIZES, rng=1)
    network.SGD(pair_forms(X, y, column)[form], 2, 7, 0.5, 0.3)
    assert_identical([network.parameters], [expected.parameters])
    for method in ("accuracy", "total_cost"):
        extra = () if method == "accuracy" else (0.5,)
        got = getattr(network, method)(pair_forms(X, y, column)[form], *extra)
        assert got == getattr(network, method)((X, y), *extra)


@pytest.mark.parametrize("n", [1, 2, N])
def test_pairs_with_target_columns(n):
    X, Y = dense_values()[:n], np.random.default_rng(1).random((n, 3))
    pairs = [(x[:, np.newaxis], y[:, np.newaxis]) for x, y in zip(X, Y, strict=True)]
    networks = [fastnet.Network(SIZES, rng=1) for _ in range(2)]
    for network, data in zip(networks, [pairs, (X, Y)], strict=True):
        network.SGD(data, 2, 7, 0.5, 0.3)
    assert_identical([networks[0].parameters], [networks[1].parameters])
    assert networks[0].total_cost(pairs, 0.1) == networks[1].total_cost((X, Y), 0.1)


def test_the_books_convert_changes_nothing():
    """The book's evaluation pairs hold class numbers and its training pairs columns: y tells."""
    X, y = dense_values(), LABELS
    network = fastnet.Network(SIZES, rng=1)
    classes = list(zip(X[:, :, np.newaxis], y, strict=True))
    columns = list(zip(X[:, :, np.newaxis], np.eye(3)[y][:, :, np.newaxis], strict=True))
    assert network.accuracy(columns, convert=True) == network.accuracy(classes, convert=False)
    cost = network.total_cost(columns, 0.5)
    assert network.total_cost(classes, 0.5, convert=True) == pytest.approx(cost, rel=1e-14)


def test_two_examples_as_two_lists_are_a_pair_of_arrays():
    """([[..], [..]], [0, 1]) could be read as two pairs; a tuple of two is (X, y)."""
    network = fastnet.Network([2, 2], rng=1)
    X, y = [[0.5, 1.0], [2.0, 3.0]], [0, 1]
    expected = network.total_cost((np.array(X), np.array(y)), 0.0)
    assert network.total_cost((X, y), 0.0) == expected
    assert network.total_cost((np.array(X), y), 0.0) == expected
    assert network.total_cost([np.array(X), np.array(y)], 0.0) == expected


def test_the_callers_list_keeps_its_order():
    pairs = list(zip(dense_values(), LABELS.tolist(), strict=True))
    kept = list(pairs)
    fastnet.Network(SIZES, rng=1).SGD(pairs, 2, 7, 0.5)
    assert all(a is b for a, b in zip(pairs, kept, strict=True))


# --- memory --------------------------------------------------------------------------------------

ROWS, COLUMNS = 40_000, 400


def big(element, strided=False):
    """Return X (40,000, 400), every element different from 0; 128 MB as float64."""
    X = np.ones((2 * ROWS if strided else ROWS, COLUMNS), dtype=element)
    return X[::-2] if strided else X


@pytest.mark.parametrize(
    ("element", "strided"),
    [("d", False), ("d", True), ("f", False), ("f", True), ("B", False), (">f8", False),
     ("h", False), ("e", False), ("g", False)],
)  # fmt: skip
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_does_not_copy_the_whole_of_x(element, strided, dtype):
    X, y = big(element, strided), np.zeros(ROWS, dtype=np.int32)
    network = fastnet.Network([COLUMNS, 2, 2], dtype=dtype, rng=0)
    tracemalloc.start()
    try:
        network.SGD((X, y), 1, 1000, 0.1, evaluation_data=(X, y), monitor_evaluation_cost=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # What is there besides: an order, and blocks of a few MB where a type has to be converted.
    assert peak < 30e6
    assert peak < ROWS * COLUMNS * np.dtype(dtype).itemsize / 2


def test_non_zeros_are_all_that_is_kept_beside_sparse_rows():
    X = np.zeros((ROWS, COLUMNS))
    X[:, ::50] = 1.0
    network = fastnet.Network([COLUMNS, 2, 2], rng=0)
    tracemalloc.start()
    try:
        network.SGD((X, np.zeros(ROWS, dtype=np.int32)), 1, 1000, 0.1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 10


def test_a_full_batch_does_not_copy_x_either():
    X, y = big("d"), np.zeros(ROWS, dtype=np.int32)
    network = fastnet.Network([COLUMNS, 2, 2], rng=0)
    tracemalloc.start()
    try:
        network.SGD((X, y), 1, ROWS, 0.1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10e6


@pytest.mark.parametrize("element", ["h", "e", ">f8", "g"])
def test_types_that_are_converted_block_by_block(element):
    """More rows than one block holds: where blocks meet, no example is lost or taken twice."""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 9, (3000, 500)).astype(element)
    y = rng.integers(0, 2, 3000)
    networks = [fastnet.Network([500, 3, 2], rng=1) for _ in range(2)]
    for network, data in zip(networks, [X, X.astype(float)], strict=True):
        network.SGD((data, y), 2, 37, 0.1)
    assert_identical([networks[0].parameters], [networks[1].parameters])
    assert networks[0].accuracy((X, y)) == networks[1].accuracy((X.astype(float), y))
    cost = networks[1].total_cost((X.astype(float), y), 0.1)
    assert networks[0].total_cost((X, y), 0.1) == pytest.approx(cost, rel=1e-13)


@pytest.mark.parametrize("element", ["h", ">f8"])
def test_mini_batches_larger_than_a_block_of_converted_rows(element):
    """Rows so wide that a block holds eight of them, and a mini-batch takes 25."""
    rng = np.random.default_rng(0)
    X = rng.integers(1, 9, (60, 60_000)).astype(element)
    y = rng.integers(0, 2, 60)
    networks = [fastnet.Network([60_000, 2], rng=1) for _ in range(2)]
    for network, data in zip(networks, [X, X.astype(float)], strict=True):
        network.SGD((data, y), 2, 25, 1e-6, lmbda=0.1, shuffle=False)
    start = fastnet.Network([60_000, 2], rng=1).parameters
    moved = np.abs(networks[1].parameters - start).max()
    assert moved > 1e-7
    np.testing.assert_allclose(
        networks[0].parameters, networks[1].parameters, rtol=0, atol=1e-9 * moved
    )
