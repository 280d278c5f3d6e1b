"""The panels without a browser: they show the library's results, and refuse invalid inputs."""

import gc
import re
import threading
import time
import weakref

import numpy as np
import pytest

pytest.importorskip("bokeh", reason="Bokeh is missing: pip install 'fastnet-mlp[lab]'")
from bokeh.document import Document

from fastnet import SGD, Network, RecordStatistics
from fastnet.datasets import load_mnist
from fastnet.diagnostics import propagation, theory, weighted_input
from fastnet.initializers import he_normal
from fastnet.initializers.named import TABLE
from fastnet.lab.layers import LayersPanel
from fastnet.lab.learning import LearningPanel
from fastnet.lab.neuron import NeuronPanel
from fastnet.lab.page import Page
from fastnet.lab.panel import ACTIVATION_NAMES, value_of
from fastnet.lab.training import Settings, Training


@pytest.fixture
def neuron():
    return NeuronPanel(Document())


@pytest.fixture
def layers():
    panel = LayersPanel(Document())
    panel.layout()
    return panel


@pytest.fixture
def learning():
    panel = LearningPanel(Document())
    yield panel
    panel.close()


def ran(code):
    """Run Python code, and return its variables."""
    namespace = {"print": lambda *values: None}
    exec(code, namespace)
    return namespace


def finish(panel, seconds=300):
    """Update the plots of a training until it has ended."""
    for _ in range(10 * seconds):
        if panel._callback is None:
            return
        panel._update_plots()
        time.sleep(0.1)
    raise AssertionError("the training does not end")


def set_(panel, **values):
    for name, value in values.items():
        getattr(panel, name).value = value
    panel.redraw()


def test_a_neuron_shows_what_diagnostics_gives(neuron):
    set_(neuron, n_inputs=500, share=0.2, initializer="he_normal", scale=2.5)
    found = weighted_input(500, 100, he_normal(2.5), 4000, 0)
    assert f"{found.std:.3g}" in neuron.saturated.text
    expected = theory(500, 100, he_normal(2.5), bias_initializer="zeros")
    z, density = neuron.curve.data["z"], neuron.curve.data["density"]
    np.testing.assert_allclose(density, expected.density(z), rtol=1e-12)
    bars = neuron.bars.data
    area = np.sum((bars["right"] - bars["left"]) * bars["top"])
    assert area == pytest.approx(1)
    again = ran(neuron.code())["z"]
    assert np.array_equal(again.z, found.z)


@pytest.mark.parametrize("name", TABLE)
def test_every_initializer_can_be_shown(neuron, layers, name):
    for scale in (1, 0.5):
        set_(neuron, initializer=name, scale=scale, n_inputs=100)
        assert neuron.message.text == ""
        share = re.search(r">([\d.e-]+) %<", neuron.saturated.text)[1]
        assert float(share) == pytest.approx(100 * ran(neuron.code())["z"].saturated, abs=0.05)
    set_(layers, initializer=name, depth=3)
    vanishing = name == "zeros"
    assert ("variances are 0" in layers.message.text) == vanishing


def test_layers_show_what_diagnostics_gives(layers):
    set_(layers, depth=7, width=40, activation="tanh", initializer="default")
    X = np.random.default_rng(0).standard_normal((100, 40))
    want = propagation([40] * 8, X, initializer="default", activation="tanh", seeds=1, rng=0)
    for name in ("var_z", "var_delta"):
        shown = layers.curves[name].data
        assert np.array_equal(shown["measured"], want.mean(name))
        assert np.array_equal(shown["theory"], want.theory(name))
        assert np.array_equal(shown["layer"], np.arange(1, 8))
        ends = layers._ranges[name]
        assert ends.end / ends.start >= 99.9 and ends.start < np.min(shown["measured"]) < ends.end
    again = ran(layers.code())["found"]
    assert np.array_equal(again.records, want.records)


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_every_activation_can_be_shown(layers, activation):
    set_(layers, depth=3, activation=activation)
    assert layers.message.text == ""


def test_values_outside_the_limits_of_the_inputs_are_refused(neuron, layers, learning):
    before = neuron.saturated.text
    for name, value in (("n_inputs", 10**9), ("n_inputs", 10.5), ("share", -1), ("scale", 1e300)):
        old = getattr(neuron, name).value
        set_(neuron, **{name: value})
        assert "expected" in neuron.message.text and neuron.saturated.text == before
        set_(neuron, **{name: old})
        assert neuron.message.text == ""
    layers.depth.value = 10**6
    layers.redraw()
    assert "Layers is 1e+06; expected 2 to 50." in layers.message.text
    learning.inputs["hidden"].value = 10**8
    learning.attempt(learning._start)
    assert "expected 10 to 200" in learning.message.text and learning.training is None
    learning.inputs["hidden"].value = 30
    learning.inputs["eta"].value = "<b>1e9"
    learning.attempt(learning._start)
    assert "&lt;b&gt;" in learning.message.text and learning.training is None


def test_values_are_what_the_sliders_say(neuron):
    neuron.share.value = 0.1 + 0.2  # 0.30000000000000004
    assert value_of(neuron.share) == 0.3
    assert value_of(neuron.n_inputs) == 1000 and isinstance(value_of(neuron.n_inputs), int)


def test_a_training_equals_that_of_its_python_code(learning):
    learning.initializers[2].value = "he_normal"
    learning.inputs["epochs"].value, learning.inputs["hidden"].value = 1, 10
    learning._start()
    finish(learning)
    mnist = load_mnist(dtype="float32")
    for k, name in enumerate(("large", "default", "he_normal")):
        net = Network([784, 10, 10], initializer=name, dtype="float32", rng=0)
        watch = RecordStatistics(mnist.validation.X[:1000], interval=500)
        history = net.train(
            mnist.train, 1, 10, optimizer=SGD(0.1), evaluation_data=mnist.validation,
            callbacks=watch,
        )  # fmt: skip
        assert np.array_equal(net.parameters, learning.training.networks[name].parameters)
        shown = learning.shown[k].curves.data
        assert shown["epoch"] == pytest.approx([tenth / 10 for tenth in range(11)])
        assert shown["accuracy"][-1] == 100 * history[0]["evaluation_accuracy"]
        saturated = [100 * record["layers"][0]["saturated"] for record in watch.records]
        assert shown["saturated"] == pytest.approx(saturated[: len(shown["saturated"])])
        assert learning.shown[k].weights.data["image"][0].shape == (58, 238)
    again = ran(learning.code())
    assert np.array_equal(again["net"].parameters, net.parameters)


def test_pause_continue_and_restart(learning):
    learning._start()
    first = learning.training
    learning._pause_or_continue()
    assert learning.hold.label == "Continue" and first.running
    n, until = -1, time.monotonic() + 120
    while len(first.points) != n and time.monotonic() < until:  # what was begun may still come
        n = len(first.points)
        time.sleep(2)
    assert len(first.points) == n and first.running
    learning._pause_or_continue()
    assert learning.hold.label == "Pause"
    while len(first.points) == n and time.monotonic() < until:
        time.sleep(0.05)
    assert len(first.points) > n
    learning.inputs["epochs"].value, learning.inputs["hidden"].value = 1, 10
    learning._start()
    assert not first.running and learning.training is not first
    finish(learning)
    assert learning.hold.disabled and learning.shown[0].curves.data["epoch"][-1] == 1


def test_a_training_that_diverges_says_so(learning):
    settings = Settings(("default",), 10, 1, "relu", 1e30, 1, 0)
    learning.training = Training(settings)
    learning._callback = learning.document.add_periodic_callback(learning._update_plots, 250)
    finish(learning)
    assert "default: training diverged" in learning.message.text


def test_each_network_predicts_the_drawn_digit(learning):
    learning.strokes.data = {"xs": [[0.35, 0.7, 0.5]], "ys": [[0.7, 0.72, 0.2]]}
    assert learning.answer.text == "Start a training to see answers."
    assert learning.seen.data["image"][0].shape == (28, 28)
    learning.inputs["epochs"].value = 1
    learning._start()
    finish(learning)
    net = learning.training.networks["default"]
    want = net.feedforward((learning.digit / 256).astype(np.float32))
    assert np.array_equal(learning.shown[1].outputs.data["output"], want)
    assert f"default: <b>{want.argmax()}</b>" in learning.answer.text
    assert want.argmax() == 7
    again = ran(learning.code())  # default is the last network
    assert np.array_equal(again["net"].feedforward(again["digit"].astype(np.float32)), want)
    learning.strokes.data = {"xs": [], "ys": []}
    assert learning.answer.text == "" and len(learning.shown[1].outputs.data["x"]) == 0


def test_drawings_out_of_bounds_are_refused(learning):
    learning.strokes.data = {"xs": [[0.5] * 30_000], "ys": [[0.5] * 30_000]}
    assert "too many points" in learning.message.text
    learning.strokes.data = {"xs": [["a", "b"]], "ys": [[0.5, 0.5]]}
    assert learning.message.text and learning.digit is None
    learning.strokes.data = {"xs": [[1e300, 0.5]], "ys": [[0.5, 0.5]]}
    assert learning.message.text == "" and learning.digit is not None


def test_a_page_that_is_closed_leaves_no_thread_and_no_memory():
    document = Document()
    page = Page(document)
    learning = page.panels[2]
    learning._start()
    networks = [weakref.ref(net) for net in learning.training.networks.values()]
    page.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "lab training"]
    gone = weakref.ref(page)
    document.clear()
    del page, learning, document
    gc.collect()
    assert gone() is None and [net() for net in networks] == [None, None]
