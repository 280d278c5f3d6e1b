"""The comparison itself: fair, exact, and the same as what the public API gives step by step."""

import json

import numpy as np
import pytest

from fastnet import Network
from fastnet.compare import (
    BOOK,
    BookShuffle,
    Comparison,
    Data,
    Run,
    Settings,
    compare,
    published,
    read_data,
)


def blobs(n_train=60, n_test=40, n_inputs=6, n_classes=3, seed=5):
    """Return noisy bytes around one random centre a class."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (n_classes, n_inputs))
    y = rng.integers(0, n_classes, n_train + n_test)
    y[:n_classes] = y[-n_classes:] = np.arange(n_classes)
    X = np.clip(centres[y] + rng.normal(0, 40, (len(y), n_inputs)), 0, 255).astype(np.uint8)
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def blob_data():
    """Return the blobs as `compare` takes them."""
    X_train, y_train, X_test, y_test = blobs()
    return Data("blobs", (X_train / 256, y_train), (X_test / 256, y_test))


SMALL = Settings(hidden=5, epochs=4, eta=0.5, lmbda=0.1, mini_batch_size=7, seed=3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_counts_are_those_of_the_public_api(dtype):
    data = blob_data()
    settings = Settings(**{**vars(SMALL), "dtype": dtype})
    result = compare(data, settings)
    for name in ("large", "default"):
        net = Network([6, 5, 3], dtype=dtype, rng=3)
        getattr(net, f"{name}_weight_initializer")()
        _, correct, _, _ = net.SGD(
            data.training, 4, 7, 0.5, 0.1, data.evaluation, monitor_evaluation_accuracy=True
        )
        assert result.run(name).correct == tuple(correct)
    assert result.sizes == (6, 5, 3)
    assert (result.n_training, result.n_evaluation) == (60, 40)


def test_both_starts_draw_the_same_numbers_and_differ_in_scale_alone():
    data = blob_data()
    still = compare(data, Settings(hidden=5, epochs=1, eta=0.0, lmbda=0.0, seed=11))
    rng = np.random.default_rng(11)
    shapes = [(5, 1), (3, 1), (5, 6), (3, 5)]
    for shape in shapes:  # what the construction of the network draws
        rng.standard_normal(shape)
    b1, b2, w1, w2 = (rng.standard_normal(shape) for shape in shapes)
    X, y = data.evaluation
    for name, scales in (("large", (1, 1)), ("default", (np.sqrt(6), np.sqrt(5)))):
        a = 1 / (1 + np.exp(-(X @ (w1 / scales[0]).T + b1.T)))
        z = a @ (w2 / scales[1]).T + b2.T
        assert still.run(name).correct == (int((z.argmax(axis=1) == y).sum()),)


def test_learning_shows_and_the_same_seed_gives_the_same_counts():
    settings = Settings(hidden=5, epochs=20, eta=0.5, lmbda=0.0, mini_batch_size=5)
    first, second = compare(blob_data(), settings), compare(blob_data(), settings)
    assert first.accuracy("default")[-1] > 80  # three classes: chance is about 33 %
    assert [run.correct for run in first.runs] == [run.correct for run in second.runs]
    other = compare(blob_data(), Settings(**{**vars(settings), "seed": 1}))
    assert [run.correct for run in first.runs] != [run.correct for run in other.runs]


def test_progress_counts_the_steps_of_both_trainings():
    calls = []
    compare(blob_data(), SMALL, progress=lambda *call: calls.append(call))
    total = 2 * 4 * 9  # two trainings, four epochs, 60 examples in sevens
    done = [call[1] for call in calls]
    assert done == sorted(done)
    assert done[-1] == total
    assert {call[2] for call in calls} == {total}
    names = [call[0] for call in calls]
    assert names == sorted(names, reverse=True)  # first "large", then "default"
    assert set(names) == {"large", "default"}


def test_the_default_settings_are_the_published_ones():
    s = Settings()
    assert (s.hidden, s.epochs, s.eta, s.lmbda, s.mini_batch_size) == (30, 30, 0.1, 5.0, 10)
    assert s.dtype == "float64"
    assert Settings(seed=12345678) == BOOK


def counts(old, new, n=10_000):
    """Return a comparison with these counts."""
    runs = (Run("large", tuple(old), 1.0), Run("default", tuple(new), 1.0))
    return Comparison("d", "test", 50, n, (2, 3, 2), Settings(epochs=len(old)), runs)


def test_epochs_to_95_percent_are_counted_from_one_and_95_exactly_is_enough():
    result = counts([9400, 9499, 9500], [9499, 9499, 9499])
    assert result.epochs_to("large") == 3
    assert result.epochs_to("default") is None
    assert result.epochs_to("default", 94.99) == 1


def test_accuracy_is_in_percent_and_an_unknown_run_is_refused():
    result = counts([1, 2], [3, 4], n=8)
    assert result.accuracy("large") == [12.5, 25.0]
    with pytest.raises(KeyError, match="zeros"):
        result.run("zeros")


def test_as_dict_survives_json():
    result = compare(blob_data(), SMALL)
    d = result.as_dict()
    assert json.loads(json.dumps(d)) == d
    assert d["settings"] == vars(SMALL)
    assert d["sizes"] == [6, 5, 3]
    assert [run["initializer"] for run in d["runs"]] == ["large", "default"]
    assert d["runs"][1]["correct"] == list(result.run("default").correct)
    assert all(run["seconds"] > 0 for run in d["runs"])
    assert d["versions"]["numpy"] == np.__version__


def test_published_table():
    table = published()
    assert {name: len(numbers) for name, numbers in table.items()} == {"large": 30, "default": 30}
    assert (table["large"][0], table["large"][12], table["large"][-1]) == (8643, 9500, 9637)
    assert (table["default"][0], table["default"][3], table["default"][-1]) == (9270, 9504, 9650)


def test_book_shuffle_goes_on_where_the_last_shuffle_ended():
    whole, parts = BookShuffle(7), BookShuffle(7)
    rows = list(range(20))
    whole(rows)
    whole(rows)
    first, second = list(range(20)), list(range(20))
    parts(first)
    parts(second)  # a new training begins with its rows in order
    assert second == rows != first
    assert sorted(rows) == list(range(20))


def write_npz(path, **changes):
    """Write the blobs with some arrays changed; None leaves one out."""
    arrays = dict(zip(("X_train", "y_train", "X_test", "y_test"), blobs(), strict=True)) | changes
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})
    return path


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_read_data_divides_bytes_by_256(tmp_path, dtype):
    data = read_data(write_npz(tmp_path / "blobs.npz"), dtype)
    X_train, y_train, X_test, y_test = blobs()
    assert data.training[0].dtype == dtype
    np.testing.assert_array_equal(data.training[0], X_train / 256)
    np.testing.assert_array_equal(data.evaluation[0], X_test / 256)
    np.testing.assert_array_equal(data.training[1], y_train)
    np.testing.assert_array_equal(data.evaluation[1], y_test)
    assert (data.name, data.evaluation_name) == ("blobs", "test")


def test_read_data_leaves_other_numbers_alone_and_makes_rows_of_images(tmp_path):
    X = np.arange(60 * 6, dtype=np.float32).reshape(60, 2, 3)
    data = read_data(write_npz(tmp_path / "a.npz", X_train=X))
    assert data.training[0].dtype == np.float32
    np.testing.assert_array_equal(data.training[0], X.reshape(60, 6))


def labels(value):
    """Return the training labels with one of them changed."""
    y = blobs()[1].copy()
    y[7] = value
    return y


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"X_train": np.zeros((60, 0)), "X_test": np.zeros((40, 0))},
            r"X_train has shape \(60, 0\)",
        ),
        ({"X_test": np.zeros((0, 6)), "y_test": labels(0)[:0]}, r"X_test has shape \(0, 6\)"),
        ({"X_test": np.zeros((40, 5))}, ".* 6 .* 5"),
        ({"y_train": np.zeros(59, int)}, ".* 60 rows .* 59 labels"),
        ({"y_train": labels(0) + 0.5}, ".* one whole number an example"),
        ({"y_train": labels(-1)}, "y_train holds -1; class numbers 0, 1, 2"),
        ({"y_train": labels(10**6)}, "the highest label is 1000000, with 60 training examples"),
        ({"y_train": labels(0) * 0, "y_test": np.zeros(40, int)}, "all labels are 0; two or more"),
    ],
)
def test_read_data_says_what_does_not_fit_and_where(tmp_path, changes, sentence):
    path = write_npz(tmp_path / "odd.npz", **changes)
    with pytest.raises(ValueError, match=rf"odd\.npz'?: {sentence}"):
        read_data(path)


def test_read_data_refuses_what_is_not_there_or_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz does not exist; give a folder"):
        read_data(tmp_path / "none.npz")
    text = tmp_path / "data.txt"
    text.write_text("1 2 3")
    with pytest.raises(ValueError, match="neither a folder of IDX files nor an .npz file"):
        read_data(text)


def test_a_long_or_unprintable_name_is_made_fit_for_a_title(tmp_path):
    data = read_data(write_npz(tmp_path / ("n" * 60 + ".npz")))
    assert data.name == "n" * 39 + "…"
    assert read_data(write_npz(tmp_path / "a\nb.npz")).name == "a?b"
