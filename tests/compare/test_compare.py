"""Comparisons: fair, exact, and equal to the same steps through the public API."""

import json
import re
import threading

import numpy as np
import pytest

import fastnet
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
from fastnet.compare.runs import comparison
from fastnet.initializers import INITIALIZERS, he_normal


def blobs(n_train=60, n_test=40, n_inputs=6, n_classes=3, seed=5):
    """Return noisy bytes around one random centre per class."""
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


def start_like(name, settings, sizes, repetition=0):
    """Return a network as the documentation of `compare` says that it starts."""
    seeds = np.random.SeedSequence(settings.seed).spawn(repetition + 1)
    weights, order = (np.random.default_rng(half) for half in seeds[repetition].spawn(2))
    net = Network(sizes, dtype=settings.dtype, rng=weights, initializer=name)
    net.rng = order
    return net


def with_(settings, **changes):
    """Return settings with some of them changed."""
    return Settings(**(vars(settings) | changes))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_counts_and_saturation_are_those_of_the_public_api(dtype):
    data = blob_data()
    settings = with_(SMALL, dtype=dtype)
    names = ("large", "default", "he_uniform")
    result = compare(data, settings, initializers=names, seeds=2)
    for name in names:
        for repetition, run in enumerate(result.of(name)):
            net = start_like(name, settings, [6, 5, 3], repetition)
            saturated = [net.layer_statistics(data.evaluation[0])[0]["saturated"]]
            correct = []
            for _ in range(4):
                lists = net.SGD(
                    data.training, 1, 7, 0.5, 0.1, data.evaluation, monitor_evaluation_accuracy=True
                )
                correct += lists[1]
                saturated.append(net.layer_statistics(data.evaluation[0])[0]["saturated"])
            assert run.correct == tuple(correct)
            assert run.saturated == tuple(saturated)
            assert run.repetition == repetition
    assert result.initializers == names
    assert result.n_seeds == 2
    assert result.sizes == (6, 5, 3)
    assert (result.n_training, result.n_evaluation, result.n_watched) == (60, 40, 40)


def test_saturation_is_the_share_of_answers_with_a_small_derivative():
    X, y = blob_data().evaluation
    data = Data("wide", (X * 40, y), (X * 40, y))  # so large that some neurons saturate
    still = with_(SMALL, eta=0.0, epochs=1)
    (run,) = compare(data, still, initializers=["large"]).runs
    net = start_like("large", still, [6, 5, 3])
    a = 1 / (1 + np.exp(-(data.evaluation[0] @ net.weights[0].T + net.biases[0].T)))
    share = float((a * (1 - a) < 0.01).mean())
    assert 0.1 < share < 0.99
    assert run.saturated == pytest.approx((share, share))


def test_both_starts_draw_the_same_numbers_and_differ_in_scale_alone():
    data = blob_data()
    still = compare(data, with_(SMALL, epochs=1, eta=0.0, seed=11))
    rng = np.random.default_rng(np.random.SeedSequence(11).spawn(1)[0].spawn(2)[0])
    b1, b2, w1, w2 = (rng.standard_normal(shape) for shape in [(5, 1), (3, 1), (5, 6), (3, 5)])
    X, y = data.evaluation
    for name, scales in (("large", (1, 1)), ("default", (np.sqrt(6), np.sqrt(5)))):
        a = 1 / (1 + np.exp(-(X @ (w1 / scales[0]).T + b1.T)))
        z = a @ (w2 / scales[1]).T + b2.T
        assert still.of(name)[0].correct == (int((z.argmax(axis=1) == y).sum()),)


def test_a_mapping_names_the_initializers():
    schemes = {"twice": he_normal(gain=2), "narrow": "default"}
    named = compare(blob_data(), SMALL, initializers=schemes)
    plain = compare(blob_data(), SMALL, initializers=list(schemes.values()))
    assert named.initializers == ("twice", "narrow")
    assert plain.initializers == ("VarianceScaling(8.0, 'fan_in', 'normal')", "default")
    assert correct_of(named) == correct_of(plain)


def correct_of(result):
    """Return all counts of a comparison."""
    return [run.correct for run in result.runs]


def test_learning_shows_and_the_same_seed_gives_the_same_counts():
    settings = Settings(hidden=5, epochs=20, eta=0.5, lmbda=0.0, mini_batch_size=5)
    first, second = compare(blob_data(), settings), compare(blob_data(), settings)
    assert first.accuracy("default")[-1] > 80  # three classes: chance is about 33 %
    assert correct_of(first) == correct_of(second)
    other = compare(blob_data(), with_(settings, seed=1))
    assert correct_of(first) != correct_of(other)


def test_no_number_depends_on_the_threads_or_on_how_many_seeds_follow():
    results = [
        compare(blob_data(), SMALL, seeds=5, threads=threads) for threads in (1, 2, 3, 16, None)
    ]
    first = [
        (run.initializer, run.repetition, run.correct, run.saturated) for run in results[0].runs
    ]
    assert len({entry[2:] for entry in first}) > 5  # seeds differ, and starts
    for result in results[1:]:
        runs = result.runs
        assert [(r.initializer, r.repetition, r.correct, r.saturated) for r in runs] == first
    fewer = compare(blob_data(), SMALL, seeds=2)
    assert [run.correct for run in fewer.of("default")] == [
        run.correct for run in results[0].of("default")[:2]
    ]


def test_several_networks_are_trained_at_the_same_time():
    barrier = threading.Barrier(3)

    def meet(rng, shape):
        barrier.wait(timeout=300)  # breaks unless three networks are made at once
        return np.zeros(shape)

    INITIALIZERS["meeting"] = meet
    try:
        result = compare(
            blob_data(), with_(SMALL, epochs=1), initializers=["meeting"], seeds=3, threads=3
        )
    finally:
        del INITIALIZERS["meeting"]
    assert len(result.runs) == 3


def test_progress_counts_the_steps_of_all_trainings():
    calls = []
    compare(blob_data(), SMALL, seeds=3, progress=lambda *call: calls.append(call))
    total = 6 * 4 * 9  # six trainings, four epochs, 60 examples in sevens
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert done[-1] == total
    assert {call[1] for call in calls} == {total}


@pytest.mark.usefixtures("_nothing_hangs")
def test_an_error_in_progress_stops_all_trainings():
    class EnoughError(Exception):
        pass

    def stop(done, total):
        if done:
            raise EnoughError

    before = threading.active_count()
    with pytest.raises(EnoughError):
        compare(blob_data(), with_(SMALL, epochs=10**8), seeds=4, threads=2, progress=stop)
    assert threading.active_count() == before


@pytest.mark.usefixtures("_nothing_hangs")
def test_one_training_that_fails_ends_the_others_with_its_own_error():
    def fail(stream, w):
        raise MemoryError("this one is too large")

    INITIALIZERS["failing"] = fail
    try:
        with pytest.raises(MemoryError, match="this one is too large"):
            compare(
                blob_data(),
                with_(SMALL, epochs=10**8),
                initializers=["large", "failing"],
                threads=2,
            )
    finally:
        del INITIALIZERS["failing"]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"initializers": ["large", "best"]}, ValueError, "initializers is 'best'; the init"),
        ({"initializers": ["large", "large"]}, ValueError, "contains 'large' twice"),
        ({"initializers": []}, ValueError, "initializers is empty"),
        ({"initializers": "large"}, TypeError, "give a list of names"),
        ({"initializers": [0.5, "0.5"]}, ValueError, "initializers is '0.5'; the init"),
        ({"initializers": [0.5, 0.5]}, ValueError, "contains '0.5' twice"),
        ({"initializers": {}}, ValueError, "initializers is empty"),
        ({"initializers": {0.5: 0.5}}, TypeError, "initializers has the key 0.5; give names"),
        ({"initializers": {"mine": "best"}}, ValueError, "initializers is 'best'; the init"),
        ({"initializers": [None]}, TypeError, "initializers is None; give a name, a number"),
        ({"hidden": 5}, ValueError, "settings and hidden are both given"),
        ({"depth": 5}, TypeError, "'depth' is not a setting; the settings are hidden, epochs"),
        ({"seeds": 0}, ValueError, "seeds is 0; expected at least 1"),
        ({"threads": 0}, ValueError, "threads is 0; expected at least 1"),
        ({"threads": 1.5}, TypeError, "threads is 1.5"),
    ],
)
def test_what_cannot_be_compared_is_refused(options, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        compare(blob_data(), SMALL, **options)


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
    assert result.accuracy_margin("large") == []
    assert result.difference("large", "default") == ([25.0, 25.0], [])
    with pytest.raises(KeyError, match="zeros"):
        result.of("zeros")


def test_several_seeds_give_means_and_margins_of_student_s_t():
    correct = {"large": [(80, 90), (84, 96), (88, 93)], "default": [(90, 95), (95, 95), (97, 98)]}
    runs = tuple(
        Run(name, counted, 1.0, (0.5, 0.25 + 0.25 * k), k)
        for name, lists in correct.items()
        for k, counted in enumerate(lists)
    )
    result = Comparison("d", "test", 50, 100, (2, 3, 2), Settings(epochs=2), runs, 10)
    assert result.n_seeds == 3
    assert result.accuracy("large") == pytest.approx([84, 93])
    # t of 2 degrees of freedom, from the tables, times the standard error.
    assert result.accuracy_margin("large") == pytest.approx(
        [4.302653 * 4 / np.sqrt(3), 4.302653 * 3 / np.sqrt(3)]
    )
    mean, margin = result.difference("large", "default")
    assert mean == pytest.approx([10, 3])
    pairs = np.array([[10, 5], [11, -1], [9, 5]])
    assert margin == pytest.approx(4.302653 * pairs.std(axis=0, ddof=1) / np.sqrt(3))
    assert result.saturation("default") == pytest.approx([50, 50])
    assert result.saturation_margin("default") == pytest.approx([0, 4.302653 * 25 / np.sqrt(3)])
    # 95 % are judged by the mean: (95 + 95 + 98) / 300, not (90 + 95 + 97) / 300.
    assert result.epochs_to("default") == 2
    assert result.epochs_to("large") is None


def test_as_dict_survives_json():
    result = compare(blob_data(), SMALL, seeds=2)
    d = result.as_dict()
    assert json.loads(json.dumps(d)) == d
    optimizer = {"name": "SGD", "eta": 0.5}
    assert d["settings"] == vars(SMALL) | {"optimizer": optimizer}
    assert d["partial"] is False
    assert d["sizes"] == [6, 5, 3]
    assert d["seeds"] == 2
    assert [run["initializer"] for run in d["runs"]] == ["large"] * 2 + ["default"] * 2
    assert [run["repetition"] for run in d["runs"]] == [0, 1, 0, 1]
    assert d["runs"][3]["correct"] == list(result.of("default")[1].correct)
    assert d["runs"][3]["saturated"] == list(result.of("default")[1].saturated)
    assert d["means"]["large"]["accuracy_percent"] == result.accuracy("large")
    assert len(d["means"]["large"]["saturated_percent"]) == 5
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
        ({"X_train": np.zeros((60, 0)), "X_test": np.zeros((40, 0))}, r"shape \(60, 0\)"),
        ({"X_test": np.zeros((0, 6)), "y_test": labels(0)[:0]}, r"shape \(0, 6\)"),
        ({"X_test": np.zeros((40, 5))}, "X_train has 6 .* X_test has 5"),
        ({"y_train": np.zeros(59, int)}, r"shape \(59,\), and X_train has 60 rows"),
        ({"X_test": None}, "has no test examples; give X_train"),
        ({"y_train": labels(0) + 0.5}, "y_train is of type float64; class numbers 0, 1, 2"),
        ({"y_test": np.full(40, "b")}, "y_test is of type <U1; class numbers 0, 1, 2"),
        ({"y_train": labels(-1)}, "y_train contains -1; class numbers 0, 1, 2"),
        ({"y_train": labels(10**6)}, "the highest label is 1000000, with 60 training examples"),
        ({"y_train": labels(0) * 0, "y_test": np.zeros(40, int)}, "all labels are 0; two or more"),
    ],
)
def test_read_data_says_what_does_not_fit_and_where(tmp_path, changes, sentence):
    path = write_npz(tmp_path / "odd.npz", **changes)
    with pytest.raises(ValueError, match=rf"odd\.npz.* {sentence}"):
        read_data(path)


def test_read_data_lists_what_it_does_not_use(tmp_path):
    data = read_data(write_npz(tmp_path / "more.npz", X_val=np.zeros((3, 6))))
    assert data.unused == ("X_val",)


def test_read_data_refuses_missing_and_unknown_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        read_data(tmp_path / "none.npz")
    text = tmp_path / "data.txt"
    text.write_text("1 2 3")
    with pytest.raises(ValueError, match=r"data\.txt"):
        read_data(text)


def test_a_long_or_unprintable_name_is_shortened_for_a_title(tmp_path):
    data = read_data(write_npz(tmp_path / ("n" * 60 + ".npz")))
    assert data.name == "n" * 39 + "…"
    assert read_data(write_npz(tmp_path / "a\nb.npz")).name == "a?b"


@pytest.mark.parametrize(
    ("optimizer", "make"), [("adam", fastnet.Adam), (fastnet.Momentum(0.2), fastnet.Momentum)]
)
def test_deep_networks_are_those_of_the_public_api(optimizer, make):
    data = blob_data()
    names = ("tanh", "sigmoid", "relu")
    options = {"epochs": 2, "lmbda": 0.1, "mini_batch_size": 7, "seed": 3}
    result = compare(
        data, hidden=[5, 4, 3], activation=names, optimizer=optimizer, initializers=["he_normal"],
        seeds=2, **options,
    )  # fmt: skip
    for repetition, run in enumerate(result.runs):
        seeds = np.random.SeedSequence(3).spawn(2)[repetition].spawn(2)
        weights, order = (np.random.default_rng(half) for half in seeds)
        net = Network([6, 5, 4, 3, 3], activation=names, rng=weights, initializer="he_normal")
        net.rng = order
        shares = [[layer["saturated"] for layer in net.layer_statistics(data.evaluation[0])]]
        chosen = make() if isinstance(optimizer, str) else optimizer
        for _ in range(2):
            net.train(data.training, 1, 7, optimizer=chosen, l2=0.1)
            shares.append([s["saturated"] for s in net.layer_statistics(data.evaluation[0])])
        assert run.correct[-1] == net.accuracy(data.evaluation)
        hidden = np.array(shares)[:, :3]
        assert run.saturated == pytest.approx(hidden @ np.array([5, 4, 3]) / 12)
    assert result.sizes == (6, 5, 4, 3, 3)
    settings = result.as_dict()["settings"]
    assert settings["hidden"] == [5, 4, 3] and settings["activation"] == list(names)
    assert settings["optimizer"]["name"] == make.__name__
    assert settings["eta"] == settings["optimizer"]["eta"] == result.settings.eta


def test_a_user_s_function_is_an_initializer_with_its_own_name():
    def tiny(rng, shape):
        return 0.01 * rng.standard_normal(shape)

    result = compare(blob_data(), SMALL, initializers=[tiny, 0.5, "zeros"])
    assert result.initializers == ("tiny", "0.5", "zeros")
    with pytest.raises(ValueError, match="functions with different names"):
        compare(blob_data(), SMALL, initializers=[lambda rng, shape: 0, lambda rng, shape: 1])


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"hidden": 0}, ValueError, "hidden is 0; expected at least 1"),
        ({"hidden": []}, ValueError, "hidden is []; give one hidden layer or more"),
        ({"hidden": [5, 2.5]}, TypeError, "hidden is 2.5"),
        ({"activation": "softmax"}, ValueError, "expected one of sigmoid, tanh"),
        ({"activation": ["tanh"] * 2}, ValueError, "activation names 2 layers and hidden has 1"),
        ({"optimizer": "best"}, ValueError, "the optimizers are SGD"),
        ({"eta": -1}, ValueError, "eta is -1"),
        ({"target": 0}, ValueError, "target is 0; expected an accuracy in per cent"),
        ({"target": 101}, ValueError, "target is 101; expected an accuracy"),
    ],
)
def test_settings_without_a_meaning_are_refused(options, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        Settings(**options)


def test_settings_fill_in_what_goes_with_the_optimizer():
    assert Settings(hidden=[30], activation=("sigmoid",)) == Settings()
    assert Settings(optimizer="adam").eta == 0.001
    assert Settings(optimizer="adam", eta=0.5).optimizer == fastnet.Adam(0.5)
    assert Settings(optimizer="rprop").mini_batch_size is None
    assert Settings(optimizer="rprop", mini_batch_size=5).mini_batch_size == 5


def test_finished_runs_are_handed_out_before_an_interrupt():
    finished = []

    def stop_after_three(run):
        finished.append(run)
        if len(finished) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(blob_data(), SMALL, seeds=4, threads=1, on_run=stop_after_three)
    whole = compare(blob_data(), SMALL, seeds=4)
    # Seed by seed: large and default from the first, large from the second.
    for run, expected in zip(finished, (whole.runs[0], whole.runs[4], whole.runs[1]), strict=True):
        assert (run.initializer, run.repetition) == (expected.initializer, expected.repetition)
        assert run.correct == expected.correct


def test_epochs_are_handed_out_as_they_end_and_change_nothing():
    seen = []
    whole = compare(blob_data(), SMALL, seeds=2, on_epoch=lambda *news: seen.append(news))
    plain = compare(blob_data(), SMALL, seeds=2)
    assert [run.correct for run in whole.runs] == [run.correct for run in plain.runs]
    expected = [
        (run.initializer, run.repetition, epoch, correct)
        for run in whole.runs
        for epoch, correct in enumerate(run.correct, 1)
    ]
    assert sorted(seen) == sorted(expected)
    with pytest.raises(TypeError, match=r"on_epoch is .* cannot be called"):
        compare(blob_data(), SMALL, on_epoch=lambda: None)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 3, 1)])
def test_a_partial_result_compares_the_seeds_that_both_have(order):
    runs = [Run("large", (80,), 1.0, (), k) for k in (0, 1, 3)]
    runs += [Run("default", (percent,), 1.0, (), k) for percent, k in ((90, 3), (94, 1))]
    settings = Settings(epochs=1)
    result = comparison(
        blob_data(), settings, [runs[i] for i in order], ("large", "zeros", "default"), missing=4
    )
    assert result.partial and result.as_dict()["partial"] and result.n_seeds == 3
    assert result.initializers == ("large", "default")
    assert result.accuracy_margin("large") == [0.0]
    percent = 100 / 40
    mean, margin = result.difference("large", "default")
    assert mean == pytest.approx([12 * percent])
    assert margin == pytest.approx([12.7062047 * 2 * percent])
    (lead,) = result.leads(1)
    assert (lead.best, lead.points) == ("default", pytest.approx(12 * percent))


def write_csv(path):
    """Write the blobs as a table with words for labels, and return all rows."""
    X_train, y_train, X_test, y_test = blobs()
    X, y = np.vstack([X_train, X_test]), np.concatenate([y_train, y_test])
    rows = [f"{','.join(map(str, x))},{'cab'[k]}" for x, k in zip(X, y, strict=True)]
    path.write_text("\n".join(["p,q,r,s,t,u,kind", *rows]))
    return X, y


def test_a_table_of_text_is_split_and_its_words_are_classes(tmp_path):
    X, y = write_csv(tmp_path / "blobs.csv")
    data = read_data(tmp_path / "blobs.csv", seed=4)
    assert (len(data.training[1]), len(data.evaluation[1])) == (80, 20)
    assert (data.name, data.evaluation_name, data.n_classes) == ("blobs", "validation", 3)
    chosen = np.random.default_rng([4, 1]).permutation(100)
    rows = np.sort(chosen[:20])
    np.testing.assert_array_equal(data.evaluation[0], X[rows])
    np.testing.assert_array_equal(data.evaluation[1], np.array([2, 0, 1])[y[rows]])
    assert data.notes == ("labels: column 'kind'",)
    data = read_data(tmp_path / "blobs.csv", "float32", standardize=True, validation=0.5, seed=4)
    rows = np.sort(chosen[50:])
    standard = (X[rows] - X[rows].mean(axis=0)) / X[rows].std(axis=0)
    np.testing.assert_allclose(data.training[0], standard, rtol=1e-5, atol=1e-6)
    assert data.training[0].dtype == np.float32
    with pytest.raises(ValueError, match="labels were read from column 'u'"):
        read_data(tmp_path / "blobs.csv", label="u", ignore=["kind"])


def test_a_share_to_validate_with_replaces_the_test_part(tmp_path):
    path = write_npz(tmp_path / "blobs.npz")
    data = read_data(path, validation=0.25)
    assert (len(data.training[1]), len(data.evaluation[1])) == (45, 15)
    assert data.unused == ("the test part",)


def test_unreachable_targets_and_zero_epochs_are_refused():
    runs = (Run("large", (5, 9), 1.0),)
    result = Comparison("d", "test", 1, 10, (1, 1), Settings(epochs=2), runs)
    assert result.epochs_to("large", 90) == 2
    for percent in (0, -1, 100.1, np.nan):
        with pytest.raises(ValueError, match=r"^percent is "):
            result.epochs_to("large", percent)
    with pytest.raises(TypeError, match="percent is 'most'"):
        result.epochs_to("large", "most")
    with pytest.raises(ValueError, match="epochs is 0; expected at least 1"):
        Settings(epochs=0)
