"""`shift_images`: what moves where, that training sees it, and what it costs."""

import copy
import time
import tracemalloc

import numpy as np
import pytest

import fastnet
from fastnet.data.dataset import read_dataset
from fastnet.datasets import ShiftedImages, shift_images

from ..strategies import DTYPES, draw_numbers

HEIGHT, WIDTH = 4, 6


def by_hand(images):
    """All five, by rolling and then clearing what came round: down, up, right, left."""
    parts = [images]
    for axis, step in [(1, 1), (1, -1), (2, 1), (2, -1)]:
        moved = np.roll(images, step, axis=axis)
        edge = [slice(None)] * 3
        edge[axis] = 0 if step == 1 else -1
        moved[tuple(edge)] = 0
        parts.append(moved)
    return np.concatenate(parts).reshape(5 * len(images), -1)


def draw_images(n=11, density=1.0, dtype=np.float64, seed=0):
    """Images with something in every pixel or in few, and their classes."""
    rng = np.random.default_rng(seed)
    X = draw_numbers(rng, n, HEIGHT * WIDTH, density, exact=True)
    X = (X * 256).astype(dtype) if np.dtype(dtype).kind in "iu" else X.astype(dtype)
    return X, rng.integers(0, 3, n)


def test_one_image_by_hand():
    X = np.arange(1, 10).reshape(1, 9)
    moved, y = shift_images(X, [7], shape=(3, 3))
    assert moved[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert moved[1].tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert moved[2].tolist() == [4, 5, 6, 7, 8, 9, 0, 0, 0]
    assert moved[3].tolist() == [0, 1, 2, 0, 4, 5, 0, 7, 8]
    assert moved[4].tolist() == [2, 3, 0, 5, 6, 0, 8, 9, 0]
    assert y.tolist() == [7] * 5


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.uint8, np.int64, ">f4"])
@pytest.mark.parametrize("flat", [True, False])
def test_all_images_and_any_choice_of_them(dtype, flat):
    X, y = draw_images(dtype=dtype)
    given = X if flat else X.reshape(-1, HEIGHT, WIDTH)
    moved, labels = shift_images(given, y, (HEIGHT, WIDTH))
    expected = by_hand(X.reshape(-1, HEIGHT, WIDTH))
    assert isinstance(moved, ShiftedImages)
    assert (len(moved), moved.shape, moved.ndim) == (55, (55, 24), 2)
    assert moved.dtype == X.dtype
    np.testing.assert_array_equal(np.asarray(moved), expected)
    np.testing.assert_array_equal(np.asarray(moved, dtype=np.float64), expected)
    np.testing.assert_array_equal(labels, np.concatenate([y] * 5))
    numbers = np.random.default_rng(1).integers(-55, 55, 100)
    mask = np.arange(55) % 3 == 0
    for rows in (3, -1, slice(7, 50, 4), slice(None, None, -1), numbers, list(numbers), mask, []):
        np.testing.assert_array_equal(moved[rows], expected[rows])
    assert "55 images of 4 x 6, out of 11" in repr(moved)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_images_of_which_a_move_leaves_little(shape):
    X = np.arange(1.0, 1 + 3 * shape[0] * shape[1]).reshape(3, -1)
    moved, _ = shift_images(X, np.zeros(3, int), shape)
    np.testing.assert_array_equal(np.asarray(moved), by_hand(X.reshape(3, *shape)))


def test_the_originals_are_not_copied_and_not_changed():
    X, y = draw_images()
    kept = X.copy()
    moved, _ = shift_images(X, y, (HEIGHT, WIDTH))
    assert np.shares_memory(moved.originals, X)
    moved[1:][...] = 9
    np.testing.assert_array_equal(X, kept)


@pytest.mark.parametrize("y", ["labels", "targets", "list"])
def test_what_is_wanted_is_repeated(y):
    X, labels = draw_images()
    targets = {"labels": labels, "targets": np.eye(3)[labels], "list": labels.tolist()}[y]
    _, repeated = shift_images(X, targets, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(repeated, np.concatenate([np.asarray(targets)] * 5))


# --- in training ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "sparse", "float32", "float16", "bytes", "targets"])
@pytest.mark.parametrize("network_dtype", DTYPES)
def test_training_sees_the_moved_images(kind, network_dtype):
    """The same as training on all of them in memory, whatever way they take to the kernels."""
    dtype = {"float16": np.float16, "float32": np.float32, "bytes": np.uint8}.get(kind, np.float64)
    X, y = draw_images(300, 0.2 if kind in ("sparse", "bytes") else 1.0, dtype)
    y = np.eye(3)[y] if kind == "targets" else y
    lazy = shift_images(X, y, (HEIGHT, WIDTH))
    whole = np.asarray(lazy[0]), lazy[1]
    net = fastnet.Network([24, 7, 3], dtype=network_dtype, rng=1)
    net.weights[0] *= 0.01 if kind == "bytes" else 1
    twin = copy.deepcopy(net)
    weight = np.random.default_rng(2).random(1500)
    options = {
        "optimizer": fastnet.SGD(0.3), "l2": 1.0, "sample_weight": weight,
        "metrics": ["training_cost", "training_accuracy", "running_cost", "evaluation_cost"],
    }  # fmt: skip
    net.train(lazy, 2, 7, evaluation_data=lazy, **options)
    twin.train(whole, 2, 7, evaluation_data=whole, **options)
    tolerance = 1e-11 if network_dtype == np.float64 else 2e-4
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=tolerance, atol=tolerance)
    for ours, theirs in zip(net.history, twin.history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3 if network_dtype == np.float32 else 1e-10)
    assert net.accuracy(lazy) == net.accuracy(whole)
    assert net.total_cost(lazy, 0.0) == pytest.approx(net.total_cost(whole, 0.0), rel=1e-5)
    ours, theirs = net.layer_statistics(lazy[0]), net.layer_statistics(whole[0])
    assert ours[0] == pytest.approx(theirs[0], rel=1e-4)


def test_the_non_zeros_are_shifted_and_not_the_images():
    """Where most pixels are zero, pieces are made of what is not, and hold nothing else."""
    X, y = draw_images(50, 0.2)
    lazy = shift_images(X, y, (HEIGHT, WIDTH))
    data = read_dataset(lazy, 24, 3, np.dtype(float), repeated=True)
    rows, _, _, start, stop = data.piece(np.arange(250, dtype=np.intp), 60, 100)
    assert rows.is_sparse
    assert (rows.n, rows.n_in, start, stop, data.n) == (40, 24, 0, 40, 250)


def test_all_the_books_forms_take_them():
    X, y = draw_images(40, 0.2)
    net = fastnet.Network([24, 3], rng=0)
    lists = net.SGD(
        shift_images(X, y, (HEIGHT, WIDTH)), 2, 10, 0.5, 0.1,
        monitor_training_accuracy=True, shuffle=False,
    )  # fmt: skip
    assert len(lists[3]) == 2
    net.partial_fit(shift_images(X[:4], y[:4], (HEIGHT, WIDTH)))
    assert net.feedforward(shift_images(X, y, (HEIGHT, WIDTH))[0]).shape == (200, 3)


def test_moved_digits_are_recognised_better(mnist):
    """What it is for: trained on moved images, the network is surer of moved images."""
    X, y = mnist.train.X[:1000], mnist.train.y[:1000]
    unseen = shift_images(mnist.validation.X[:1000], mnist.validation.y[:1000])
    right = []
    for data, epochs in [((X, y), 30), (shift_images(X, y), 6)]:
        net = fastnet.Network([784, 30, 10], rng=0)
        net.train(data, epochs, 10, optimizer=fastnet.SGD(0.5))
        right.append(net.accuracy(unseen))
    assert right[1] > right[0] + 100


# --- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["digits", "full"])
def test_memory_stays_far_below_five_times_the_images(mnist, kind):
    X, y = mnist.train.X[:8000], mnist.train.y[:8000]
    if kind == "full":
        X = X + 0.125
    net = fastnet.Network([784, 10], rng=0)
    tracemalloc.start()
    net.train(shift_images(X, y), 1, 10, metrics=["training_accuracy"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert X.nbytes > 50e6
    # Non-zeros take 6 bytes each, a block of images 4 MB and its copies on the way as much again.
    assert peak < 0.45 * X.nbytes


def test_an_epoch_takes_no_longer_than_five(mnist):
    """In processor time, the best of three: moving non-zeros is cheap beside learning from them."""
    X, y = mnist.train.X[:4000], mnist.train.y[:4000]
    moved = shift_images(X, y)
    seconds = {"moved": [], "unmoved": []}
    for _ in range(3):
        for name, data, epochs in [("moved", moved, 2), ("unmoved", (X, y), 10)]:
            net = fastnet.Network([784, 30, 10], rng=0)
            began = time.process_time()
            net.train(data, epochs, 10)
            seconds[name].append(time.process_time() - began)
    assert min(seconds["moved"]) < 2 * min(seconds["unmoved"])


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "shape", "said"),
    [
        (np.ones((3, 23)), [0] * 3, (4, 6), "X has shape (3, 23); for images of 4 x 6"),
        (np.ones((3, 6, 4)), [0] * 3, (4, 6), "X has shape (3, 6, 4)"),
        (np.ones(24), [0], (4, 6), "X has shape (24,)"),
        (
            np.ones((3, 24)),
            [0] * 4,
            (4, 6),
            "y has shape (4,); expected one row for each of the 3 images",
        ),
        (np.ones((3, 24)), 0, (4, 6), "y has shape ()"),
        (np.ones((3, 24)), [0] * 3, 24, "shape is 24"),
        (np.ones((3, 24)), [0] * 3, (4, 6, 1), "shape is (4, 6, 1)"),
        (np.ones((3, 24)), [0] * 3, (4.0, 6), "shape[0] is 4.0"),
        (np.ones((3, 24)), [0] * 3, (4, 0), "shape[1] is 0"),
        (np.full((3, 24), "a"), [0] * 3, (4, 6), "X is of dtype"),
        (np.full((3, 24), 1j), [0] * 3, (4, 6), "X is of dtype complex128"),
    ],
)
def test_what_are_no_such_images_is_refused(X, y, shape, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        shift_images(X, y, shape)
    assert said in str(caught.value)


@pytest.mark.parametrize("rows", [55, -56, [0, 55], [3, -56]])
def test_rows_that_are_not_there(rows):
    moved, _ = shift_images(*draw_images(), (HEIGHT, WIDTH))
    with pytest.raises(IndexError) as caught:
        moved[rows]
    assert "there are 55" in str(caught.value)


@pytest.mark.parametrize("rows", ["a", 1.5, None, [0.5], (1, 2, 3.0), [[1]]])
def test_rows_that_are_no_numbers(rows):
    moved, _ = shift_images(*draw_images(), (HEIGHT, WIDTH))
    with pytest.raises((IndexError, TypeError)):
        moved[rows]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda X, y: (X, y[:-1]), "X has 55 rows and y has 54"),
        (lambda X, y: (X, y + 1), "holds 3 in row"),
    ],
)
def test_training_checks_them_as_it_checks_an_array(spoil, said):
    X, y = shift_images(*draw_images(), (HEIGHT, WIDTH))
    net = fastnet.Network([24, 3], rng=0)
    with pytest.raises(ValueError) as caught:
        net.train(spoil(X, y), 1, 5)
    assert said in str(caught.value)


def test_training_refuses_what_is_not_finite_or_of_another_size():
    X, y = draw_images()
    net = fastnet.Network([24, 3], rng=0)
    broken = X.copy()
    broken[3, 5] = np.nan
    for images, n_in, said in [(broken, 24, "holds nan in row 3, column 5"), (X, 25, "24 columns")]:
        net = fastnet.Network([n_in, 3], rng=0)
        with pytest.raises(ValueError) as caught:
            net.train(shift_images(images, y, (HEIGHT, WIDTH)), 1, 5)
        assert said in str(caught.value)
    with pytest.raises(ValueError) as caught:
        net.train(shift_images(X[:0], y[:0], (HEIGHT, WIDTH)), 1, 5)
    assert "is empty" in str(caught.value)
