"""Every refusal of data, by every method that reads data."""

import numpy as np
import pytest

import fastnet

from ..refusals import GOOD, PAIRS, N, X, Y, assert_refused, new, spoilt

#: Each of these data sets, the kind of error, and words that the message must have.
DATA = {
    "too few columns": ((X[:, :2], Y), ValueError, "2 columns; this network takes 3"),
    "too many columns": ((np.ones((N, 4)), Y), ValueError, "4 columns; this network takes 3"),
    "one dimension": ((np.ones(3), Y), ValueError, r"shape \(3,\).*two dimensions"),
    "three dimensions": ((np.ones((N, 3, 2)), Y), ValueError, r"\(5, 3, 2\).*two dimensions"),
    "no dimension": ((1.0, Y), ValueError, r"shape \(\).*two dimensions"),
    "NaN in X": ((spoilt(X, (3, 1), np.nan), Y), ValueError, "nan in row 3, column 1"),
    "infinity in X": ((spoilt(X, (4, 2), np.inf), Y), ValueError, "inf in row 4, column 2"),
    "minus infinity in X": ((spoilt(X, (0, 0), -np.inf), Y), ValueError, "-inf in row 0, column 0"),
    "two bad rows": ((spoilt(X, ([2, 4], 1), np.nan), Y), ValueError, "row 2, column 1"),
    "no rows": ((np.empty((0, 3)), np.empty(0, int)), ValueError, "is empty"),
    "an empty list": ([], ValueError, "is empty"),
    "an empty tuple": ((), ValueError, "is empty"),
    "an empty iterator": (iter([]), ValueError, "is empty"),
    "too few labels": ((X, Y[:4]), ValueError, "5 rows and y has 4"),
    "too many targets": ((X, np.ones((6, 2))), ValueError, "5 rows and y has 6"),
    "negative label": ((X, spoilt(Y, 2, -1)), ValueError, "-1 in row 2.*from 0 to 1"),
    "label of no class": ((X, spoilt(Y, 4, 2)), ValueError, "2 in row 4.*from 0 to 1"),
    "huge label": ((X, Y.astype("u8") + np.uint64(2**63)), ValueError, "row 0.*from 0 to 1"),
    "fractional label": ((X, spoilt(Y, 1, 0.5)), ValueError, "0.5 in row 1.*whole numbers"),
    "NaN label": ((X, spoilt(Y, 3, np.nan)), ValueError, "nan in row 3.*whole numbers"),
    "infinite label": ((X, spoilt(Y, 3, np.inf)), ValueError, "inf in row 3.*whole numbers"),
    "NaN target": ((X, spoilt(np.eye(N, 2), (2, 1), np.nan)), ValueError, "not finite in row 2"),
    "infinite target": ((X, spoilt(np.eye(N, 2), (1, 0), np.inf)), ValueError, "finite in row 1"),
    "target columns": ((X, np.ones((N, 3))), ValueError, r"\(5, 3\); expected.*\(n, 2\)"),
    "target dimensions": ((X, np.ones((N, 2, 2))), ValueError, r"\(5, 2, 2\); expected"),
    "one label for all": ((X, 1), ValueError, r"shape \(\); expected"),
    "complex X": ((X + 0j, Y), TypeError, "X is of dtype complex128; expected real"),
    "object X": ((X.astype(object), Y), TypeError, "X is of dtype object; expected real"),
    "string X": ((X.astype(str), Y), TypeError, "X is of dtype <U.*expected real"),
    "dates X": ((X.astype("m8[s]"), Y), TypeError, "X is of dtype timedelta64.*expected real"),
    "record X": ((np.zeros(N, "f8,f8"), Y), TypeError, "X is of dtype .*expected real"),
    "no X": ((None, Y), TypeError, "X is of dtype object; expected real"),
    "complex y": ((X, Y + 0j), TypeError, "y is of dtype complex128; expected real"),
    "object y": ((X, Y.astype(object)), TypeError, "y is of dtype object; expected real"),
    "string y": ((X, Y.astype(str)), TypeError, "y is of dtype <U.*expected real"),
    "no y": ((X, None), TypeError, "y is of dtype object; expected real"),
    "ragged X": (([[1.0, 2.0, 3.0], [1.0, 2.0]], Y), ValueError, "X is ragged"),
    "ragged y": ((X, [[1.0, 0.0], [1.0]]), ValueError, "y is ragged"),
    "nothing": (None, TypeError, r"NoneType; give \(X, y\)"),
    "a number": (5, TypeError, r"int; give \(X, y\)"),
    "a string": ("mnist", TypeError, r"str; give \(X, y\)"),
    "a dict": ({"X": X, "y": Y}, TypeError, r"dict; give \(X, y\)"),
    "X alone": (X, TypeError, r"one array of shape \(5, 3\); give the pair \(X, y\)"),
    "X in a tuple": ((X,), TypeError, "item 0 is of type ndarray; expected a pair"),
    "three arrays": ((X, Y, Y), TypeError, "item 0 is of type ndarray; expected a pair"),
    "an item that is no pair": ([*PAIRS, 3], TypeError, "item 5 is of type int; expected a pair"),
    "an item of three": ([*PAIRS, (X[0], 1, 1)], TypeError, "item 5 .*expected a pair"),
    "x of another length": (
        [*PAIRS, (np.ones((2, 1)), 1)], ValueError, r"pair 5 has shape \(2, 1\), .*\(3, 1\)",
    ),
    "x of a wrong length": ([(np.ones((2, 1)), 1)] * 3, ValueError, "2 columns; .*takes 3"),
    "labels and targets": (
        [*PAIRS, (X[0][:, np.newaxis], np.ones((2, 1)))], ValueError, r"pair 5 has shape \(2, 1\)",
    ),
    "NaN in a pair": (
        [*PAIRS, (np.full((3, 1), np.nan), 1)], ValueError, "nan in row 5, column 0",
    ),
    "object in a pair": ([(X[0], None)] * 3, TypeError, "y is of dtype object; expected real"),
}  # fmt: skip
#: Every method that reads data.
READERS = {
    "training_data": lambda network, data: network.SGD(data, 1, 2, 0.1),
    "evaluation_data": lambda network, data: network.SGD(GOOD, 1, 2, 0.1, 0.0, data, True),
    "unused evaluation_data": lambda network, data: network.SGD(GOOD, 1, 2, 0.1, 0.0, data),
    "mini_batch": lambda network, data: network.update_mini_batch(data, 0.1, 0.0, 10),
    "data of accuracy": lambda network, data: network.accuracy(data),
    "data of total_cost": lambda network, data: network.total_cost(data, 0.0),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", [case for case in DATA if case != "nothing"])
def test_data(case, reader):
    data, error, words = DATA[case]
    # The message says which of the arguments is meant.
    words = rf"^{reader.split()[0 if 'unused' not in reader else 1]}.*({words})"
    assert_refused(new(), lambda network: READERS[reader](network, data), error, words)


@pytest.mark.parametrize("reader", [r for r in READERS if "evaluation" not in r])
def test_no_data(reader):
    data, error, words = DATA["nothing"]
    assert_refused(new(), lambda network: READERS[reader](network, data), error, words)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("element", ["e", "f", "d", "g", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_float_type_is_searched(dtype, element, value):
    data = spoilt(X, (3, 1), value).astype(element), Y
    for read in READERS.values():
        assert_refused(
            new(dtype=dtype), lambda network, read=read: read(network, data), ValueError,
            f"{value} in row 3, column 1",
        )  # fmt: skip
    words = f"{value} in row 3, column 1"
    assert_refused(
        new(dtype=dtype), lambda network: network.feedforward(data[0]), ValueError, words
    )


@pytest.mark.parametrize("element", ["d", ">f8", "g"])
def test_what_float32_cannot_hold(element):
    data = spoilt(X, (2, 0), 1e39).astype(element), Y
    for read in READERS.values():
        assert_refused(
            new(dtype=np.float32), lambda network, read=read: read(network, data), ValueError,
            r"1e\+39 in row 2, column 0.*too large for float32",
        )  # fmt: skip
    new().SGD(data, 1, 2, 0.1)


def test_the_bad_row_is_found_wherever_it_is():
    """Rows are searched block by block; the number is that of the whole array."""
    large = np.ones((3000, 500))
    large[2999, 499] = np.nan
    network = fastnet.Network([500, 2], rng=0)
    for element in ("d", ">f8", "g", "e"):
        with pytest.raises(ValueError, match="nan in row 2999, column 499"):
            network.accuracy((large.astype(element), np.zeros(3000)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_target_that_float32_cannot_hold(dtype):
    targets = spoilt(np.eye(N, 2), (1, 1), 1e39)
    network = new(cost="quadratic", output="identity", dtype=dtype)
    if dtype is np.float64:
        network.SGD((X, targets), 1, 2, 0.0)
    else:
        refused = lambda network: network.SGD((X, targets), 1, 2, 0.1)  # noqa: E731
        assert_refused(network, refused, ValueError, "not finite in row 1")


@pytest.mark.parametrize("given", ["X", "sparse"])
def test_rows_that_are_mended_between_check_and_message(given, monkeypatch):
    """Another thread may write: whoever looks for the bad number again may find none."""
    from fastnet.data import rows

    X = np.ones((5, 3))
    X[2, 1] = np.nan
    if given == "sparse":
        X = pytest.importorskip("scipy.sparse", reason="scipy is missing").csr_matrix(X)
    scan = rows.kernel_rows.scan

    def mending(values, limit):
        found = scan(values, limit)
        (X.data if given == "sparse" else X)[:] = 1
        return found

    monkeypatch.setattr(rows, "kernel_rows", Patched(mending))
    net = fastnet.Network([3, 2], rng=0)
    with pytest.raises(ValueError, match="X was changed while"):
        net.accuracy((X, np.zeros(5, int)))


class Patched:
    """The kernels' module, with another `scan`."""

    def __init__(self, scan):
        self.scan = scan

    def __getattr__(self, name):
        from fastnet.kernels import rows as kernel_rows

        return getattr(kernel_rows, name)


def test_masked_elements_are_no_numbers():
    X = np.ma.masked_array(np.ones((5, 3)), mask=False)
    net = fastnet.Network([3, 2], rng=0)
    net.accuracy((X, np.zeros(5, int)))
    X[1, 1] = np.ma.masked
    with pytest.raises(ValueError, match="data: X has masked elements"):
        net.accuracy((X, np.zeros(5, int)))
