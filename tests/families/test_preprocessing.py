"""Standardization that a network carries with it, held to NumPy's mean and standard deviation."""

import numpy as np
import pytest

import fastnet
from fastnet import Preprocessing


def test_standardization_agrees_with_numpy():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((9_000, 130)) * 7 + 1000
    mean, scale = fastnet.preprocessing.standardization(X)  # in several blocks
    assert np.allclose(mean, X.mean(axis=0), rtol=1e-13)
    assert np.allclose(scale, X.std(axis=0), rtol=1e-12)
    pictures = rng.integers(0, 256, (5_000, 784)).astype(np.uint8)
    mean, scale = fastnet.preprocessing.standardization(pictures)
    assert np.allclose(mean, pictures.mean(axis=0)) and np.allclose(scale, pictures.std(axis=0))
    inputs = Preprocessing(mean, scale).inputs(pictures, np.float32)
    assert inputs.dtype == np.float32
    assert np.array_equal(inputs, ((pictures - mean) / scale).astype(np.float32))


def test_a_constant_column_becomes_zero():
    X = np.column_stack([np.full(7, 0.1), np.arange(7.0), np.full(7, 1e300)])
    mean, scale = fastnet.preprocessing.standardization(X)
    assert np.array_equal(mean, [0.1, 3.0, 1e300]) and scale.tolist() == [1.0, 2.0, 1.0]
    inputs = Preprocessing(mean, scale).inputs(X)
    assert not inputs[:, [0, 2]].any()
    with pytest.raises(ValueError, match="column 1 contains numbers that are too large"):
        fastnet.preprocessing.standardization([[0.0, 1e300], [0.0, -1e300]])
    with pytest.raises(ValueError, match=r"shape \(0, 2\)"):
        fastnet.preprocessing.standardization(np.empty((0, 2)))


def test_inputs_that_nothing_changes_are_not_copied():
    X = np.arange(6, dtype=np.uint8).reshape(3, 2)
    assert Preprocessing().inputs(X) is X
    assert Preprocessing([0, 0], [1, 1]).inputs(X) is X
    assert Preprocessing([0, 1], [1, 1]).inputs(X).tolist() == [[0, 0], [2, 2], [4, 4]]
    with pytest.raises(ValueError, match=r"shape \(3, 2\); expected \(examples, 1\)"):
        Preprocessing([1], [2]).inputs(X)
    with pytest.raises(TypeError, match="expected real numbers"):
        Preprocessing([1], [2]).inputs([["a"]])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mean": [1]}, ValueError, "mean and scale go together"),
        ({"scale": [1]}, ValueError, "mean and scale go together"),
        ({"mean": [1], "scale": [1, 2]}, ValueError, "mean has 1 numbers and scale has 2"),
        ({"mean": [1], "scale": [0]}, ValueError, "must be positive"),
        ({"mean": [1], "scale": [-1]}, ValueError, "must be positive"),
        ({"mean": [np.inf], "scale": [1]}, ValueError, "mean contains a number that is not finite"),
        ({"mean": [[1]], "scale": [1]}, TypeError, "mean has shape"),
        ({"mean": ["1"], "scale": [1]}, TypeError, "mean is of dtype"),
        ({"labels": "ab"}, TypeError, "labels is 'ab'; expected a list of strings"),
        ({"labels": [1, "2"]}, TypeError, "expected a list of strings"),
        ({"labels": [1, True]}, TypeError, "all of the same type"),
        ({"labels": [None, "a"]}, TypeError, "all of the same type"),
        ({"labels": [1, 1.0]}, ValueError, "labels contains 1.0 twice"),
        ({"labels": [0.5, np.inf]}, ValueError, "labels contains a number that is not finite"),
        ({"labels": [1, 2**70]}, ValueError, "labels contains a number that is too large"),
        ({"labels": [1.0, 10**400]}, ValueError, "labels contains a number that is too large"),
        ({"columns": ["a", "b", "a"]}, ValueError, "columns contains 'a' twice"),
        ({"target": 3}, TypeError, "target is 3"),
        ({"target_scale": 0.0}, ValueError, "must be positive"),
        ({"target_mean": "1"}, TypeError, "target_mean is '1'"),
        ({"target_mean": np.nan}, ValueError, "target_mean is nan"),
    ],
)
def test_bad_preprocessing_is_not_made(options, error, message):
    with pytest.raises(error, match=message):
        Preprocessing(**options)


def test_preprocessing_cannot_be_changed_behind_the_networks_back():
    mean = np.array([1.0, 2.0])
    kept = Preprocessing(mean, [1.0, 1.0], labels=np.array(["a", "b"]))
    mean[0] = 7
    assert kept.mean[0] == 1 and kept.labels == ("a", "b") and type(kept.labels[0]) is str
    with pytest.raises(ValueError, match="read-only"):
        kept.mean[0] = 7
    with pytest.raises(AttributeError):
        kept.labels = None
    assert kept == Preprocessing([1, 2], [1, 1], ["a", "b"])
    assert kept != Preprocessing([1, 2], [1, 2], ["a", "b"])
    one = [Preprocessing(labels=labels) for labels in ([0, 1], [0.0, 1.0], [False, True])]
    assert [p == q for p in one for q in one] == np.eye(3).astype(bool).ravel().tolist()
    assert (kept == 3) is False


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.array([3, 1], np.int8), (3, 1)),
        (np.array([0.5, 2.0], np.float32), (0.5, 2.0)),
        ([1, 2.5], (1.0, 2.5)),
        (np.array([False, True]), (False, True)),
        (np.array(["b", "a"]), ("b", "a")),
        ((-1, 2**62), (-1, 2**62)),
    ],
)
def test_labels_keep_their_type(given, kept):
    labels = Preprocessing(labels=given).labels
    assert labels == kept and [*map(type, labels)] == [*map(type, kept)]


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e-160, 1e-120, 1e120])
def test_columns_of_any_size_are_standardized(size):
    """Where squares vanish, mean and deviation do not."""
    units = np.random.default_rng(0).integers(-9, 10, (5000, 2)) / 9
    X = np.column_stack([units[:, 0] * size, units[:, 1], np.full(5000, size)])
    mean, scale = fastnet.preprocessing.standardization(X)
    rounded = X[:, 0] / size
    np.testing.assert_allclose(mean / [size, 1, 1], [rounded.mean(), units[:, 1].mean(), size],
                               rtol=1e-9)  # fmt: skip
    np.testing.assert_allclose(scale / [size, 1, 1], [rounded.std(), units[:, 1].std(), 1],
                               rtol=1e-9)  # fmt: skip
