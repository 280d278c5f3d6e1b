"""`fastnet predict MODEL digit.png`: pictures of digits on the command line."""

import numpy as np
import pytest

import fastnet
from fastnet.datasets import load_mnist
from fastnet.preprocessing import Preprocessing, standardization

from ..own_data import refused, run

Image = pytest.importorskip(
    "PIL.Image", reason="Pillow is missing: pip install 'fastnet-mlp[pillow]'"
)


@pytest.fixture(scope="module")
def network():
    """Return a network that knows MNIST a little: 94 % of its test images."""
    train = load_mnist().train
    net = fastnet.Network([784, 30, 10], "log_likelihood", output="softmax", rng=0)
    net.train((train.X[:20000], train.y[:20000]), 4, 10, optimizer="Adam")
    return net


@pytest.fixture
def pages(here):
    """Write a photograph of each digit into the folder; return their paths."""
    raw = load_mnist(raw=True).test
    paths = []
    for digit in range(10):
        image = raw.X[np.flatnonzero(raw.y == digit)[0]].reshape(28, 28)
        ink = Image.fromarray(image).resize((200, 200), Image.Resampling.BICUBIC)
        page = np.full((480, 640), 210.0) - np.linspace(0, 60, 640)
        page[140:340, 40:240] -= 0.5 * np.asarray(ink)
        Image.fromarray(page.astype(np.uint8)).save(here / f"{digit}.png")
        paths.append(here / f"{digit}.png")
    return paths


def answers(capsys, model, pages):
    lines = [run(capsys, "predict", model, page)[0].splitlines() for page in pages]
    assert {line[0] for line in lines} == {"label," + ",".join(f"p_{k}" for k in range(10))}
    return [int(line[1].partition(",")[0]) for line in lines]


def test_photographed_digits_are_recognized(here, capsys, network, pages):
    network.preprocessing = None
    network.save("m.npz")
    found = answers(capsys, "m.npz", pages)
    assert sum(k == got for k, got in enumerate(found)) >= 9
    assert "bytes were divided by 256" in run(capsys, "predict", "m.npz", pages[3])[1]


def test_the_scale_of_the_training_data_does_not_matter(here, capsys, network, pages):
    network.preprocessing = None
    network.save("m.npz")
    expected = run(capsys, "predict", "m.npz", pages[3])[0]
    nothing, ones = np.zeros(784), np.ones(784)
    for kept in (Preprocessing(nothing, 256 * ones), Preprocessing(nothing, ones)):
        network.preprocessing = kept
        network.save("n.npz")
        assert run(capsys, "predict", "n.npz", pages[3])[0] == expected
    # Standardized shares, and standardized bytes: the same network behind either.
    shares = load_mnist().test.X[:1000]
    outputs = []
    for scale in (1, 256):
        network.preprocessing = Preprocessing(*standardization(scale * shares))
        network.save("n.npz")
        line = run(capsys, "predict", "n.npz", pages[3])[0].splitlines()[1]
        outputs.append(np.array(line.split(","), float))
    np.testing.assert_allclose(*outputs, rtol=1e-9)


def test_what_pictures_are_not_for_is_refused(here, capsys, network, model, pages):
    network.save("m.npz")
    assert "without a label" in refused(capsys, "evaluate", "m.npz", pages[0])
    assert "without a label" in refused(capsys, "train", pages[0])
    assert "784 inputs" in refused(capsys, "predict", "model.npz", pages[0])
    Image.new("L", (90, 90), 255).save(here / "empty.png")
    assert "empty" in refused(capsys, "predict", "m.npz", "empty.png")
    assert "has no named columns" in refused(capsys, "predict", "m.npz", pages[0], "--label", "x")


def test_text_that_begins_like_a_picture_is_text(here, capsys, model):
    for first in ("BM", "P5", "P6", "II", "MM"):
        lines = (here / "flowers.csv").read_text().splitlines()
        lines[0] = f"{first},width,petal,kind"
        (here / "odd.csv").write_text("\n".join(lines))
        assert "trained" in run(capsys, "train", "odd.csv", "--epochs", "1")[1]
