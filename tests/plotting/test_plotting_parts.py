"""The single drawings: curves of a History, saturation, histograms, weights, confusion."""

import itertools

import numpy as np
import pytest

from fastnet import SGD, Batches, Network, RecordStatistics, plotting
from fastnet.diagnostics import SATURATED_Z, weighted_input
from fastnet.history import History
from fastnet.preprocessing import Preprocessing

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

X, Y = np.eye(4), np.arange(4)


def axes():
    """Return new Axes."""
    return Figure().add_subplot()


def ydata(ax):
    """Return the values of each curve."""
    return [list(line.get_ydata()) for line in ax.get_lines()]


def names(ax):
    """Return what the legend says."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def trained(**options):
    """Return a network after 5 epochs of 2 mini-batches, and its history."""
    net = Network([4, 3, 4], rng=1, initializer="large")
    return net, net.train((X, Y), 5, 2, optimizer=SGD(9.0), **options)


# curves


def test_learning_curves_of_a_history_are_its_columns():
    metrics = ["training_cost", "evaluation_cost", "training_accuracy", "evaluation_accuracy"]
    _, history = trained(evaluation_data=(X[:2], Y[:2]), metrics=metrics)
    ax = axes()
    assert plotting.learning_curves(ax, history) is ax
    assert ydata(ax) == [[100 * share for share in history.column("evaluation_accuracy")]]
    assert ax.get_legend() is None  # there is one curve
    assert ax.get_ylabel() == "evaluation accuracy (%)"
    ax = plotting.learning_curves(axes(), history, metrics=metrics[:2])
    assert ydata(ax) == [history.column(name) for name in metrics[:2]]
    assert names(ax) == ["training cost", "evaluation cost"]
    assert ax.get_ylabel() == "cost (mean per example)"
    twice = {"a": history, "b": [0.5, 0.25]}
    ax = plotting.learning_curves(axes(), twice, metrics="training_cost")
    assert ydata(ax) == [history.column("training_cost"), [0.5, 0.25]]
    assert names(ax) == ["a", "b"]
    ax = plotting.learning_curves(axes(), {"a": history, "b": history}, metrics=metrics[2:])
    assert names(ax) == [f"{n}, {m} accuracy" for n in "ab" for m in ("training", "evaluation")]


def test_a_plain_list_is_one_curve_and_margins_are_bands():
    ax = plotting.learning_curves(axes(), [3.0, 2.0], "cost")
    assert ydata(ax) == [[3.0, 2.0]]
    assert ax.get_ylabel() == "cost"
    curves = {"a": [3.0, 2.0], "b": [1.0, 1.0]}
    ax = plotting.learning_curves(axes(), curves, "cost", margins={"b": [0.5, 0.25]})
    (band,) = ax.collections
    assert band.get_paths()[0].get_extents().intervaly.tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    ("curves", "metrics", "sentence"),
    [
        (History(), None, "the curve has no values"),
        ([], None, "the curve has no values"),
        (
            History([{"epoch": 0, "eta": 0.1}]),
            None,
            r"with evaluation_data, or with metrics=\"running_cost\"",
        ),
        (History([{"epoch": 0, "training_cost": 1.0}]), "running_cost", "this history has epoch"),
        (
            History([{"training_cost": 1.0, "training_accuracy": 3}]),
            ["training_cost", "training_accuracy"],
            "draw accuracies and costs in separate Axes",
        ),
    ],
)
def test_a_history_without_the_metric_is_refused(curves, metrics, sentence):
    with pytest.raises(ValueError, match=sentence):
        plotting.learning_curves(axes(), curves, metrics=metrics)


def test_the_argument_that_the_message_names_gives_a_curve():
    net = Network([2, 3, 2], rng=0)
    net.train((np.eye(2), [0, 1]), 3, 10, metrics="running_cost")
    ax = plotting.learning_curves(axes(), net.history)
    assert ydata(ax) == [net.history.column("running_cost")]
    assert ax.get_ylabel() == "running cost (mean per example)"


def test_saturation_over_time_is_what_was_recorded():
    watch, fine = RecordStatistics(9 * X), RecordStatistics(9 * X, interval=1)
    trained(callbacks=[watch, fine])
    ax = axes()
    assert plotting.saturation_over_time(ax, {"old start": watch}) is ax
    shares = [100 * record["layers"][0]["saturated"] for record in watch.records]
    assert len({*shares}) > 1
    assert ydata(ax) == [shares]
    assert list(ax.get_lines()[0].get_xdata()) == [0, 1, 2, 3, 4, 5]
    assert ax.get_ylabel() == "saturated units of layer 1 (%)"
    assert names(ax) == ["old start"]
    ax = plotting.saturation_over_time(axes(), watch, layer=2)
    assert ydata(ax) == [[100 * record["layers"][1]["saturated"] for record in watch.records]]
    ax = plotting.saturation_over_time(axes(), fine, mini_batches=2)
    assert sorted(set(ax.get_lines()[0].get_xdata())) == [k / 2 for k in range(11)]
    ax = plotting.saturation_over_time(axes(), [0.5, 0.25], margins={"": [0.1, 0.1]})
    assert ydata(ax) == [[50.0, 25.0]]
    assert ax.collections[0].get_paths()[0].get_extents().intervaly == pytest.approx([15, 60])


def test_saturation_that_cannot_be_drawn_is_refused():
    watch = RecordStatistics(X, interval=1)
    with pytest.raises(ValueError, match="the curve has no values"):
        plotting.saturation_over_time(axes(), watch)
    with pytest.raises(ValueError, match="curves is empty"):
        plotting.saturation_over_time(axes(), {})
    trained(callbacks=[watch])
    with pytest.raises(ValueError, match="give mini_batches, the number in an epoch"):
        plotting.saturation_over_time(axes(), watch)
    for layer in (0, 3):
        with pytest.raises(ValueError, match=f"layer is {layer}; this network has layers 1 to 2"):
            plotting.saturation_over_time(axes(), watch, layer=layer, mini_batches=2)


def test_eight_curves_have_eight_looks_and_are_dark_enough_on_white():
    curves = {str(k): [k, k + 1.0] for k in range(8)}
    lines = plotting.learning_curves(axes(), curves, "cost").get_lines()
    assert len({(line.get_marker(), str(line.get_linestyle())) for line in lines}) == 8
    assert len({line.get_marker() for line in lines}) == 8
    for line in lines:
        r, g, b = to_rgb(line.get_color())
        assert 0.299 * r + 0.587 * g + 0.114 * b < 0.6


# histograms


def areas(ax):
    """Return the area of each part of a histogram by its label."""
    parts = {}
    for patch in ax.patches:
        values, edges, _ = patch.get_data()
        parts[patch.get_label().split(",")[0]] = float((values * np.diff(edges)).sum())
    return parts


@pytest.mark.parametrize("name", ["large", "default"])
def test_histogram_parts_have_the_areas_that_were_measured(name):
    result = weighted_input(initializer=name, draws=3000, rng=1)
    ax = axes()
    assert plotting.weighted_input_histogram(ax, result, limits=(-120, 120), bins=200) is ax
    found = areas(ax)
    assert found["saturated"] == pytest.approx(result.saturated)
    assert found["measured"] == pytest.approx(1 - result.saturated)
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), result.density(line.get_xdata()))
    assert line.get_ydata().max() == pytest.approx(result.theory.peak, rel=0.01)
    assert ax.get_xlim() == (-120, 120)
    assert f"{SATURATED_Z}" in ax.get_xlabel()
    assert ax.get_ylabel() == "density"
    labels = names(ax)
    assert labels[0] == "measured, 3,000 draws"
    percent = 100 * result.saturated
    assert labels[1].startswith(f"saturated, {percent:.1f} %" if percent > 1 else "saturated, 0")
    assert "theory" in labels[2]


def test_what_lies_beyond_the_limits_still_counts():
    result = weighted_input(initializer="large", draws=3000, rng=1)
    ax = plotting.weighted_input_histogram(axes(), result, limits=(-SATURATED_Z, SATURATED_Z))
    assert areas(ax)["measured"] == pytest.approx(1 - result.saturated)
    assert areas(ax)["saturated"] == 0


def test_histogram_of_a_constant_has_no_theory():
    ax = plotting.weighted_input_histogram(axes(), weighted_input(9, 3, "zeros", 10))
    assert ax.get_lines()[:] == []
    assert areas(ax) == {"measured": pytest.approx(1), "saturated": 0}
    assert len(names(ax)) == 2


@pytest.mark.parametrize("reach", [1e-3, 1.0, 300.0, 1e9])
def test_bars_stay_few_whatever_the_limits(reach):
    result = weighted_input(9, 3, draws=10, rng=0)
    ax = plotting.weighted_input_histogram(axes(), result, limits=(-reach, reach), bins=50)
    edges = ax.patches[0].get_data()[1]
    assert 25 <= len(edges) <= 1100
    assert edges[0] <= -reach
    assert edges[-1] >= reach


def test_histogram_refuses_limits_out_of_order_and_no_bars():
    result = weighted_input(9, 3, draws=10, rng=0)
    with pytest.raises(ValueError, match="expected the smaller number first"):
        plotting.weighted_input_histogram(axes(), result, limits=(1, -1))
    with pytest.raises(ValueError, match="bins is 0; expected at least 1"):
        plotting.weighted_input_histogram(axes(), result, bins=0)


def test_saturation_figure_has_a_panel_per_initializer_on_one_scale():
    results = [weighted_input(initializer=name, draws=500, rng=0) for name in ("large", "default")]
    figure = plotting.saturation_figure(results)
    figure.draw_without_rendering()
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert first.get_xlim()[1] > 22
    assert "large" in first.get_title(loc="left")
    assert "default" in second.get_title(loc="left")
    page = figure.bbox
    for ax in figure.axes:
        legend, frame = ax.get_legend().get_window_extent(), ax.get_window_extent()
        assert legend.y0 >= frame.y1 - 1
        assert page.x0 <= legend.x0
        assert legend.x1 <= page.x1
        title = next(
            t for t in ax.findobj() if getattr(t, "get_text", str)() == ax.get_title("left")
        )
        assert not title.get_window_extent().overlaps(legend)
    with pytest.raises(ValueError, match="results is empty"):
        plotting.saturation_figure([])


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("width", [8, 5])
def test_a_legend_stays_within_its_axes(layout, width):
    """Three columns, which leave less room than the legend would take."""
    figure = Figure(figsize=(width, 3), layout=layout)
    histogram, curves, shares = figure.subplots(1, 3)
    plotting.weighted_input_histogram(histogram, weighted_input(draws=500, rng=0))
    named = {"the old start, from N(0, 1)": [0.5, 0.9], "the new start": [0.8, 0.9]}
    plotting.learning_curves(curves, named, "accuracy (%)")
    plotting.saturation_over_time(shares, named)
    figure.draw_without_rendering()
    for ax in figure.axes:
        legend, frame = ax.get_legend().get_window_extent(), ax.get_window_extent()
        assert frame.x0 <= legend.x0
        assert legend.x1 <= frame.x1
        assert legend.y0 >= frame.y1 - 1
    sizes = [ax.get_legend().get_texts()[0].get_fontsize() for ax in figure.axes]
    assert max(sizes) <= 10.01
    assert width < 8 or min(sizes) > (6 if layout else 4)


def test_a_legend_grows_again_with_its_axes():
    figure = Figure(figsize=(1.6, 2))
    ax = plotting.weighted_input_histogram(
        figure.add_subplot(), weighted_input(draws=500, rng=0), legend_columns=1
    )
    letters = ax.get_legend().get_texts()[0]
    figure.draw_without_rendering()
    small = letters.get_fontsize()
    figure.set_size_inches(9, 4)
    figure.draw_without_rendering()
    assert letters.get_fontsize() > small + 0.5
    ax.get_legend().remove()
    assert ax.get_legend() is None


# images


def test_first_layer_weights_show_each_neuron_s_weights_at_its_place():
    net = Network([6, 5, 2], rng=0)
    ax = axes()
    assert plotting.first_layer_weights(ax, net, (2, 3), columns=2) is ax
    (image,) = ax.get_images()
    shown = np.ma.filled(image.get_array(), np.nan)
    assert shown.shape == (3 * 2 + 2, 2 * 3 + 1)  # three rows of two, a gap between
    for neuron in range(5):
        top, left = neuron // 2 * 3, neuron % 2 * 4
        tile = shown[top : top + 2, left : left + 3]
        np.testing.assert_array_equal(tile, net.weights[0][neuron].reshape(2, 3))
    assert np.isnan(shown).sum() == shown.size - 5 * 6
    low, high = image.get_clim()
    assert high == -low == abs(net.weights[0]).max()  # no weight is grey in the middle
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "2", "4"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "+1"]
    assert ax.figure.axes[-1].get_ylabel() == "weight"


def test_first_layer_weights_may_be_few_or_all_zero():
    net = Network([784, 30, 10], rng=0, initializer="zeros", dtype=np.float32)
    ax = plotting.first_layer_weights(axes(), net, neurons=4)
    assert len(ax.get_yticks()) * len(ax.get_xticks()) >= 4
    assert ax.get_images()[0].get_clim() == (-1, 1)
    ax = plotting.first_layer_weights(axes(), net, neurons=99, columns=99)
    assert len(ax.get_xticks()) == 30


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"shape": (28, 29)}, ValueError, "812 pixels; this network has 784 inputs"),
        ({"shape": (0, 28)}, ValueError, "shape is 0; expected at least 1"),
        ({"shape": (28.0, 28)}, TypeError, "shape is 28.0"),
        ({"columns": 0}, ValueError, "columns is 0; expected at least 1"),
        ({"neurons": 0}, ValueError, "neurons is 0; expected at least 1"),
    ],
)
def test_first_layer_weights_refuse_what_does_not_fit(options, error, sentence):
    with pytest.raises(error, match=sentence):
        plotting.first_layer_weights(axes(), Network([784, 3, 2], rng=0), **options)


def cells(ax):
    """Return the numbers that are written into a confusion matrix."""
    n = len(ax.get_xticks())
    found = np.zeros((n, n), int)
    for text in ax.texts:
        column, row = text.get_position()
        found[row, column] = int(text.get_text())
    return found


def test_confusion_matrix_counts_true_classes_by_row_and_predictions_by_column():
    ax = axes()
    assert plotting.confusion_matrix(ax, [0, 1, 1, 2, 2, 2], [0, 0, 1, 2, 2, 1]) is ax
    assert cells(ax).tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 2]]
    share = ax.get_images()[0].get_array()
    np.testing.assert_allclose(share[:, 2], [0, 50, 100])
    assert ax.get_ylabel() == "true class"
    assert ax.get_xlabel().startswith("predicted class")
    assert ax.figure.axes[-1].get_ylabel() == "share of the true class (%)"


def test_confusion_matrix_of_a_network_agrees_with_its_accuracy():
    rng = np.random.default_rng(3)
    data, y = rng.standard_normal((60, 4)), rng.integers(0, 3, 60)
    net = Network([4, 3], rng=0)
    net.train((data, y), 20, 10)
    found = cells(plotting.confusion_matrix(axes(), net, (data, y)))
    assert found.trace() == net.accuracy((data, y))
    assert found.sum(axis=1).tolist() == np.bincount(y, minlength=3).tolist()
    predicted = net.feedforward(data).argmax(axis=1)
    assert found.sum(axis=0).tolist() == np.bincount(predicted, minlength=3).tolist()
    targets = np.eye(3)[y]
    assert (cells(plotting.confusion_matrix(axes(), net, (data, targets))) == found).all()
    pairs = [(x[:, None], t[:, None]) for x, t in zip(data, targets, strict=True)]
    assert (cells(plotting.confusion_matrix(axes(), net, pairs)) == found).all()
    assert (cells(plotting.confusion_matrix(axes(), predicted, targets)) == found).all()


def test_confusion_matrix_of_one_output_divides_at_a_half():
    net = Network([1, 1], rng=0)
    net.weights, net.biases = [[[4.0]]], [[[0.0]]]
    data = np.array([[-1.0], [-2.0], [3.0]]), np.array([0.0, 1.0, 1.0])
    assert cells(plotting.confusion_matrix(axes(), net, data)).tolist() == [[1, 0], [1, 1]]


def test_confusion_matrix_of_many_classes_has_no_numbers():
    y = np.arange(30)
    ax = plotting.confusion_matrix(axes(), y, y)
    assert len(ax.texts) == 0
    assert ax.get_xlabel() == "predicted class"
    assert len(ax.get_xticks()) <= 11


def ticks(ax):
    return [[text.get_text() for text in a.get_ticklabels()] for a in (ax.xaxis, ax.yaxis)]


def test_confusion_matrix_names_the_classes():
    assert ticks(plotting.confusion_matrix(axes(), [0, 1], [1, 1])) == [["0", "1"]] * 2
    named = plotting.confusion_matrix(axes(), [0, 1], [1, 1], labels=["cat", "dog", "$x_1$"])
    assert ticks(named) == [["cat", "dog", "$x_1$"]] * 2
    assert not any(text.get_parse_math() for text in named.get_xticklabels())
    assert cells(named).tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
    words = plotting.confusion_matrix(axes(), ["b", "a", "c"], ["b", "b", "c"])
    assert ticks(words) == [["a", "b", "c"]] * 2
    assert cells(words).tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    turned = plotting.confusion_matrix(axes(), ["b", "a"], ["b", "b"], labels=["b", "a"])
    assert cells(turned).tolist() == [[1, 1], [0, 0]]
    net = Network([4, 4], rng=1)
    net.preprocessing = Preprocessing(labels=["p", "q", "r", "s"])
    assert ticks(plotting.confusion_matrix(axes(), net, (X, Y))) == [["p", "q", "r", "s"]] * 2
    own = plotting.confusion_matrix(axes(), net, (X, Y), labels=list("wxyz"))
    assert ticks(own)[0] == ["w", "x", "y", "z"]


def test_confusion_matrix_of_a_classifier_has_its_classes():
    pytest.importorskip("sklearn", reason="scikit-learn is missing: pip install scikit-learn")
    from sklearn.metrics import confusion_matrix

    from fastnet.estimators import MLPClassifier

    rng = np.random.default_rng(0)
    data = rng.standard_normal((60, 2))
    y = np.array(["north", "east", "south"])[rng.integers(3, size=60)]
    model = MLPClassifier([3], tol=1.0, random_state=0).fit(data, y)
    ax = plotting.confusion_matrix(axes(), model, (data, y))
    assert ticks(ax) == [["east", "north", "south"]] * 2
    assert cells(ax).tolist() == confusion_matrix(y, model.predict(data)).tolist()
    with pytest.raises(ValueError, match="y contains 'west' in row 0; the classes are"):
        plotting.confusion_matrix(axes(), model, (data[:1], ["west"]))


@pytest.mark.parametrize("size", [(4, 4), (6, 5), (12, 9)])
def test_long_class_names_are_vertical_and_within_the_figure(size):
    long = ["a name of a class that is too long", "another name", "a third name", "the fourth one"]
    figure = Figure(size, layout="constrained")
    ax = plotting.confusion_matrix(figure.add_subplot(), Y, Y, labels=long)
    figure.draw_without_rendering()
    assert max(len(name) for name in ticks(ax)[0]) == 16
    assert all(text.get_rotation() == 90 for text in ax.get_xticklabels()) == (size != (12, 9))
    boxes = [text.get_window_extent() for text in ax.get_xticklabels()]
    assert not any(one.overlaps(two) for one, two in itertools.pairwise(boxes))
    texts = [ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels(), *ax.get_xticklabels()]
    for box in (text.get_window_extent() for text in texts):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    short = plotting.confusion_matrix(axes(), Y, Y, labels=list("abcd"))
    assert {text.get_rotation() for text in short.get_xticklabels()} == {0}


@pytest.mark.parametrize(
    ("labels", "error", "sentence"),
    [
        (["a"], ValueError, "labels has 1 names; there are 2 classes"),
        ([], TypeError, r"labels is \[\]; expected the name of each class"),
        (3, TypeError, "labels is 3; expected the name of each class"),
    ],
)
def test_names_that_are_not_one_for_each_class_are_refused(labels, error, sentence):
    with pytest.raises(error, match=sentence):
        plotting.confusion_matrix(axes(), [0, 1], [0, 1], labels=labels)


@pytest.mark.parametrize(
    ("predicted", "true", "error", "sentence"),
    [
        ([0, 1], [0], ValueError, "2 predictions and 1 true classes"),
        ([], [], ValueError, r"predictions has shape \(0,\)"),
        ([0.5], [0], TypeError, "predictions is of dtype float64; expected integer"),
        (["a"], [0], TypeError, "predictions is of dtype <U1"),
        ([np.nan], [0], TypeError, "predictions is of dtype float64"),
        ([0], [-1], ValueError, "data contains -1; expected class numbers of 0 or more"),
    ],
)
def test_confusion_matrix_refuses_values_that_are_not_classes(predicted, true, error, sentence):
    with pytest.raises(error, match=sentence):
        plotting.confusion_matrix(axes(), predicted, true)


def test_confusion_of_blocks_counts_every_example():
    """scikit-learn's matrix of the predictions is the oracle."""
    confusion = pytest.importorskip(
        "sklearn.metrics", reason="scikit-learn, the oracle, is missing"
    )
    rng = np.random.default_rng(0)
    X, y = rng.random((200, 3)), rng.integers(2, size=200)
    for sizes, output, targets in (
        ([3, 2], "sigmoid", y),
        ([3, 1], "tanh", 2.0 * y[:, np.newaxis] - 1),
    ):
        net = Network(sizes, "quadratic", output=output, rng=1)
        single = net.feedforward(X)[:, 0] >= (0 if output == "tanh" else 0.5)
        predicted = single if sizes[-1] == 1 else net.feedforward(X).argmax(axis=1)
        expected = confusion.confusion_matrix(y, predicted)
        for data in ((X, targets), Batches.from_arrays(X, targets, rows=70)):
            ax = plotting.confusion_matrix(Figure().add_subplot(), net, data)
            counts = [int(text.get_text() or 0) for text in ax.texts]
            assert counts == expected.ravel().tolist()


def test_a_digit_is_drawn_before_and_after():
    pytest.importorskip("PIL", reason="Pillow is missing: pip install 'fastnet-mlp[pillow]'")
    from fastnet.datasets import read_digit

    page = np.ones((120, 160))
    page[30:90, 40:50] = 0.1
    before, after = plotting.digit_figure(page).axes
    assert before.get_images()[0].get_array().shape == (120, 160)
    image = after.get_images()[0].get_array()
    assert np.array_equal(image, read_digit(page).reshape(28, 28))
    with pytest.raises(ValueError) as caught:
        plotting.digit_figure(np.ones((50, 50)))
    assert "empty" in str(caught.value)
