"""Tables of pandas, polars and Arrow wherever an array may come; the oracle is the array itself."""

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fastnet
from fastnet import Network, Preprocessing
from fastnet.common.frames import is_frame, unframed
from fastnet.preprocessing import standardization

X = np.random.default_rng(2).normal(size=(20, 3))
Y = np.arange(20) % 2
NAMES = ["length", "width", "wet"]
LIBRARIES = ["pandas", "pandas of arrow", "polars", "arrow", "arrow batch"]


def table(library, columns):
    """Return a table of a dict of columns."""
    if library == "pandas":
        return pd.DataFrame(columns)
    if library == "pandas of arrow":
        return pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)
    if library == "polars":
        return pl.DataFrame(columns)
    return pa.table(columns) if library == "arrow" else pa.RecordBatch.from_pydict(columns)


def column(library, values):
    """Return a column of values."""
    found = table(library, {"y": values})
    return found.column(0) if library.startswith("arrow") else found["y"]


def of_rows(library, rows, names=NAMES):
    return table(library, dict(zip(names, np.asarray(rows).T, strict=True)))


def new(**options):
    return Network([3, 4, 2], "log_likelihood", rng=6, **options)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_table_is_the_array(library, dtype):
    frame, labels = of_rows(library, X), column(library, Y)
    net, twin = new(dtype=dtype), new(dtype=dtype)
    assert np.array_equal(net.feedforward(frame), net.feedforward(X))
    assert net.accuracy((frame, labels)) == net.accuracy((X, Y))
    assert net.accuracy([frame, labels]) == net.accuracy((X, Y))
    assert net.total_cost((frame, labels), 0.1) == net.total_cost((X, Y), 0.1)
    assert net.layer_statistics(frame, labels) == net.layer_statistics(X, Y)
    for got, wanted in zip(net.backprop(frame, labels), net.backprop(X, Y), strict=True):
        assert all(np.array_equal(*pair) for pair in zip(got, wanted, strict=True))
    assert fastnet.check_gradient(net, frame, labels) == fastnet.check_gradient(net, X, Y)
    for each, rows, y in ((net, frame, labels), (twin, X, Y)):
        each.SGD((rows, y), 2, 5, 0.1, evaluation_data=(rows, y), monitor_evaluation_accuracy=True)
        weights = column(library, Y + 1.0) if rows is frame else Y + 1.0
        statistics = fastnet.RecordStatistics(rows)
        each.train(
            (rows, y), 2, 5, sample_weight=weights, evaluation_data=(rows, y), callbacks=statistics
        )
        each.partial_fit((rows, y))
        each.update_mini_batch((rows, y), 0.1, 0.0, 20)
    assert net.parameters.tobytes() == twin.parameters.tobytes()
    assert net.history == twin.history


@pytest.mark.parametrize("library", LIBRARIES)
def test_targets_and_standardization(library):
    targets = of_rows(library, np.eye(2)[Y], ["no", "yes"])
    net = Network([3, 2], rng=1)
    assert net.total_cost((X, targets), 0.0) == net.total_cost((X, np.eye(2)[Y]), 0.0)
    number = Network([3, 1], "quadratic", output="identity", rng=1)
    targets = column(library, X[:, 0])
    assert number.total_cost((X, targets), 0.0) == number.total_cost((X, X[:, 0]), 0.0)
    mean, scale = standardization(of_rows(library, X))
    assert np.array_equal(mean, X.mean(axis=0)) and np.allclose(scale, X.std(axis=0))
    p = Preprocessing(mean, scale)
    assert np.array_equal(p.inputs(of_rows(library, X)), p.inputs(X))


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_several_types_become_rows_of_one(library):
    columns = {
        "small": np.arange(4, dtype=np.uint8),
        "large": np.arange(4) - 2**40,
        "wet": np.array([True, False, True, True]),
        "real": np.array([0.5, 1.0, -2.0, 1e300]),
    }
    wanted = np.column_stack(list(columns.values()))
    got = unframed(table(library, columns), "X")
    assert got.dtype == np.float64 and got.flags.c_contiguous and np.array_equal(got, wanted)
    del columns["real"]
    got = unframed(table(library, columns), "X")
    assert got.dtype == np.int64 and np.array_equal(got, wanted[:, :3])
    got = unframed(table(library, {"a": columns["small"], "b": columns["wet"]}), "X")
    assert got.dtype == np.uint8
    assert unframed(column(library, columns["wet"]), "y").dtype == bool


def test_what_lies_in_rows_already_is_not_copied():
    frame = pd.DataFrame(X, columns=NAMES, copy=False)
    assert np.shares_memory(unframed(frame, "X"), X)
    assert np.shares_memory(unframed(frame["wet"], "y"), X)
    assert unframed(X, "X") is X


def test_pandas_own_types_and_repeated_names():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    for kinds in ({"a": "Int64", "b": "Float32"}, {"a": "Sparse[int]"}, {"a": "uint8[pyarrow]"}):
        assert np.array_equal(unframed(frame.astype(kinds), "X"), [[1, 0.5], [2, 1.5]])
    frame.columns = ["same", "same"]
    assert np.array_equal(unframed(frame, "X"), [[1, 0.5], [2, 1.5]])
    assert np.array_equal(unframed(pd.Index([3, 4]), "y"), [3, 4])
    assert np.array_equal(unframed(pl.DataFrame({"i": [1, 2]}), "X"), [[1], [2]])

    class Subclass(pd.DataFrame):
        pass

    assert is_frame(Subclass(frame)) and unframed(Subclass(frame), "X").shape == (2, 2)


TEXT = {
    "text": ["a"] * 20,
    "dates": [dt.date(2020, 1, 1)] * 20,
    "bytes": [b"a"] * 20,
    "lists": [[1, 2]] * 20,
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("values", TEXT.values(), ids=TEXT.keys())
def test_a_column_that_holds_no_numbers_is_named(library, values):
    columns = {"length": X[:, 0], "odd one": values, "wet": X[:, 2]}
    frame = table(library, columns)
    net, calls = new(), []
    words = r"^{}, column 'odd one', is of type .*; expected numbers: encode it, or leave it out\.$"
    calls += [("a", lambda: net.feedforward(frame))]
    calls += [("training_data: X", lambda: net.SGD((frame, Y), 1, 5, 0.1))]
    calls += [("data: X", lambda: net.train((frame, Y), 1))]
    calls += [("data: X", lambda: net.accuracy((frame, Y)))]
    calls += [("layer_statistics: X", lambda: net.layer_statistics(frame))]
    calls += [("X", lambda: standardization(frame))]
    before = net.parameters.copy()
    for name, call in calls:
        with pytest.raises(TypeError, match=words.format(name)):
            call()
    with pytest.raises(TypeError, match=r"^data: y is of type .*; expected numbers"):
        net.train((X, column(library, values)), 1)
    assert np.array_equal(net.parameters, before) and not net.history


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("values", [[1, 2, None], [True, False, None]], ids=["number", "bool"])
def test_a_missing_value_is_refused(library, values):
    if library == "pandas":
        kind = "boolean" if values[0] is True else "Int64"
        frame = pd.DataFrame({"a": [1, 2, 3], "gap": pd.array(values, dtype=kind)})
    else:
        frame = table(library, {"a": [1, 2, 3], "gap": values})
    net = Network([2, 2], rng=0)
    words = r"X, column 'gap', has no value in row 2; fill it in, or leave the row out\.$"
    with pytest.raises(ValueError, match=f"^data: {words}"):
        net.train((frame, [0, 1, 0]), 1)
    y = frame.column(1) if library.startswith("arrow") else frame["gap"]
    with pytest.raises(ValueError, match=r"^data: y has no value in row 2; fill it in"):
        net.train((np.eye(3)[:, :2], y), 1)
    assert not net.history


@pytest.mark.parametrize("value", [None, np.nan])
def test_nan_is_how_pandas_has_missing_numbers(value):
    frame = pd.DataFrame({"a": [1, 2, 3], "gap": [1.0, value, 2.0]})
    with pytest.raises(ValueError, match="X holds nan in row 1, column 1, which is not finite"):
        Network([2, 2]).train((frame, [0, 1, 0]), 1)


def test_tables_in_the_wrong_place():
    frame = pd.DataFrame(X, columns=NAMES)
    for data in (frame, frame["wet"], pl.DataFrame(X), pa.table({"a": [1]})):
        with pytest.raises(TypeError, match=r"^data is one \w+; give the pair \(X, y\)\.$"):
            new().train(data, 1)
    with pytest.raises(TypeError, match=r"^a is a LazyFrame; call its collect\(\) first\.$"):
        new().feedforward(pl.DataFrame(X).lazy())
    with pytest.raises(ValueError, match="X has 2 columns; this network takes 3"):
        new().train((frame[["wet", "width"]], Y), 1)
    with pytest.raises(TypeError, match="expected real numbers"):
        new().feedforward(pa.scalar(1.0))
    with pytest.raises(ValueError, match="empty"):
        new().train((frame[:0], []), 1)


def test_none_of_the_libraries_is_imported():
    code = (
        "import sys, numpy as np, fastnet\n"
        "fastnet.Network([2, 2]).train((np.eye(2), [0, 1]), 1)\n"
        "print({'pandas', 'polars', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
