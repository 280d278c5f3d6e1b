"""L1, L2, max-norm, clipping and weighted examples, each beside plain NumPy."""

import copy

import numpy as np
import pytest

import fastnet
from fastnet import SGD, Adam
from fastnet.model import norms

from ..formulas import Plain, flattened, problem, regularized
from ..strategies import DTYPES


def relative(dtype):
    """A tolerance for a few steps in that precision."""
    return {"rtol": 1e-11, "atol": 1e-12} if dtype == np.float64 else {"rtol": 1e-4, "atol": 2e-5}


def limited(plain, max_norm):
    """Shorten the weights into each unit, in place."""
    for w in plain.weights:
        norms = np.linalg.norm(w, axis=1, keepdims=True)
        w *= np.minimum(1, max_norm / norms)


def descend(plain, X, Y, epochs, batch, eta, *, max_norm=None, sample_weight=None, **options):
    """Plain gradient descent over the examples in order."""
    for _ in range(epochs):
        for at in range(0, len(X), batch):
            rows = slice(at, at + batch)
            weight = None if sample_weight is None else sample_weight[rows]
            nabla = plain.gradient(X[rows], Y[rows], weight)
            plain.flat = plain.flat - eta * regularized(plain, nabla, len(X), **options)
            if max_norm is not None:
                limited(plain, max_norm)


# --- L1 and L2 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [6, 23, 1000])
@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", [{"l1": 1.5}, {"l2": 2.5}, {"l1": 0.5, "l2": 4.0}], ids=str)
def test_l1_and_l2_are_the_books(options, dtype, density, batch):
    """w <- w - eta (dC/dw + l2/n w + l1/n sgn(w)), and biases without either."""
    net, X, labels, Y = problem(dtype, density, rows=23)
    plain = Plain.of(net)
    descend(plain, X, Y, 4, batch, 0.3, **options)
    net.train((X, labels), 4, batch, optimizer=SGD(0.3), shuffle=False, **options)
    np.testing.assert_allclose(net.parameters, plain.flat, **relative(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_costs_include_what_is_regularized(dtype):
    net, X, labels, Y = problem(dtype)
    history = net.train(
        (X, labels), 2, 5, optimizer=SGD(0.1), l1=3.0, l2=7.0,
        evaluation_data=(X[:8], labels[:8]), metrics=["training_cost", "evaluation_cost"],
    )  # fmt: skip
    plain = Plain.of(net)
    absolute = sum(np.abs(w).sum() for w in plain.weights)
    squares = sum((w**2).sum() for w in plain.weights)
    for name, n in [("training_cost", 20), ("evaluation_cost", 8)]:
        cost = plain.costs(X[:n], Y[:n]).mean() + 3.0 / n * absolute + 7.0 / (2 * n) * squares
        assert history[-1][name] == pytest.approx(cost, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert net.total_cost((X, labels), 0.0) == pytest.approx(plain.costs(X, Y).mean(), rel=1e-5)


def test_l1_drives_weights_towards_zero_one_by_one():
    """The book's point about L1: few weights stay, the others end near zero."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((200, 20))
    y = (X[:, 0] - X[:, 1] > 0).astype(int)
    nets = [fastnet.Network([20, 2], rng=0) for _ in range(2)]
    for net, options in zip(nets, [{"l1": 5.0}, {"l2": 5.0}], strict=True):
        net.train((X, y), 100, 20, optimizer=SGD(0.1), shuffle=False, **options)
        assert net.accuracy((X, y)) > 180
    small = [np.count_nonzero(np.abs(net.weights[0][:, 2:]) < 0.01) for net in nets]
    assert small[0] > 20 > 10 > small[1]


# --- max-norm ------------------------------------------------------------------------------------


@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("max_norm", [0.3, 1.0, 100.0])
def test_max_norm_shortens_the_weights_into_each_unit(max_norm, dtype, density):
    net, X, labels, Y = problem(dtype, density, sizes=(9, 19, 3))
    start, plain = net.parameters.copy(), Plain.of(net)
    descend(plain, X, Y, 3, 4, 0.5, max_norm=max_norm, l2=0.5)
    net.train((X, labels), 3, 4, optimizer=SGD(0.5), l2=0.5, max_norm=max_norm, shuffle=False)
    np.testing.assert_allclose(net.parameters, plain.flat, **relative(dtype))
    norms = np.concatenate([np.linalg.norm(w, axis=1) for w in net.weights])
    assert norms.max() <= max_norm * (1 + 4 * np.finfo(dtype).eps)
    assert np.abs(net.parameters - start).max() > 0.01
    if max_norm < 1:
        assert np.isclose(norms, max_norm).sum() > 1, "the limit should bind"


def test_max_norm_follows_any_optimizer():
    net, X, labels, _ = problem(np.float64)
    for _ in range(5):
        net.partial_fit((X, labels), optimizer=Adam(0.5), max_norm=0.7)
        assert max(np.linalg.norm(w, axis=1).max() for w in net.weights) <= 0.7 * (1 + 1e-12)
    assert max(np.abs(b).max() for b in net.biases) > 0.7, "biases have no limit"


# --- clipping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [4, 20])
@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("clip_norm", [1e-3, 0.2, 1e4])
def test_clipping_shortens_the_mean_gradient(clip_norm, dtype, density, batch):
    """Regularization is left out of the norm, and is not shortened."""
    net, X, labels, Y = problem(dtype, density)
    plain = Plain.of(net)
    descend(plain, X, Y, 3, batch, 0.5, clip_norm=clip_norm, l2=3.0, l1=0.5)
    net.train(
        (X, labels), 3, batch, optimizer=SGD(0.5), l2=3.0, l1=0.5, clip_norm=clip_norm,
        shuffle=False,
    )  # fmt: skip
    np.testing.assert_allclose(net.parameters, plain.flat, **relative(dtype))


def test_a_clipped_step_has_the_length_that_was_asked_for():
    net, X, labels, _ = problem(np.float64, rows=600)
    before = net.parameters.copy()
    net.train((X * 100, labels), 1, None, optimizer=SGD(2.0), clip_norm=0.125, shuffle=False)
    assert np.linalg.norm(net.parameters - before) == pytest.approx(2.0 * 0.125, rel=1e-12)


def test_what_is_not_clipped_is_not_touched():
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    net.train((X, labels), 3, 4, optimizer=Adam(0.1), shuffle=False)
    twin.train((X, labels), 3, 4, optimizer=Adam(0.1), shuffle=False, clip_norm=1e6)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-14)


# --- norms of any size ---------------------------------------------------------------------------

#: Scales whose squares, in that type, are infinite or zero; and what a norm is shortened to.
FAR = [
    (np.float64, 1e155, 1.0), (np.float64, 1e200, 1e-200), (np.float64, 1e300, 1e250),
    (np.float64, 1e-160, 1e-170), (np.float64, 1e-200, 1e-201), (np.float64, 1e-290, 1e-295),
    (np.float64, 1.0, 1e-160), (np.float64, 1e160, 1e-160), (np.float64, 1e200, 1e155),
    (np.float32, 1e25, 1.0), (np.float32, 1e30, 1e-20), (np.float32, 1e-25, 1e-26),
    (np.float32, 1e-30, 1e-36), (np.float32, 1e20, 1e-30), (np.float32, 1e37, 1e35),
]  # fmt: skip


def linear(dtype):
    """Two inputs and two outputs, all parameters 0."""
    net = fastnet.Network([2, 2], "quadratic", output="identity", dtype=dtype)
    net.parameters[:] = 0
    return net


@pytest.mark.parametrize(("dtype", "scale", "length"), FAR)
def test_a_gradient_of_any_size_is_clipped(dtype, scale, length):
    """Biases have the gradient -y, the first input's weights -2 y, the second's 0."""
    net = linear(dtype)
    y = np.array([[3.0, -4.0]]) * scale
    net.train((np.array([[2.0, 0.0]]), y), 1, 1, optimizer=SGD(1.0), clip_norm=length)
    direction = np.array([3.0, -4.0, 6.0, -8.0, 0.0, 0.0]) / np.sqrt(125)
    np.testing.assert_allclose(net.parameters / length, direction, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("dtype", "scale", "length"), FAR)
def test_a_gradient_that_is_not_too_long_is_not_clipped(dtype, scale, length):
    net = linear(dtype)
    y = np.array([[3.0, -4.0]]) * length
    net.train((np.array([[2.0, 0.0]]), y), 1, 1, optimizer=SGD(1.0), clip_norm=12 * length)
    wanted = np.array([3.0, -4.0, 6.0, -8.0, 0.0, 0.0]) * length
    np.testing.assert_allclose(net.parameters, wanted.astype(dtype), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("dtype", "scale", "length"), FAR)
def test_weights_of_any_size_are_shortened(dtype, scale, length):
    net = linear(dtype)
    net.weights = [np.array([[3 * scale, -4 * scale], [0.3 * length, 0.4 * length]])]
    data = np.zeros((1, 2)), np.zeros((1, 2))
    net.train(data, 1, 1, optimizer=SGD(0.0), max_norm=length)
    wanted = np.array([[0.6, -0.8], [0.3, 0.4]])
    np.testing.assert_allclose(net.weights[0] / length, wanted, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("size", [1e154, 1e155, 1e200, 1e-160, 1e-170])
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_the_price_of_weights_of_any_size(size, layers):
    """Where n w^2 is no float, its product with lambda still is; else the cost is infinite."""
    net = fastnet.Network([1] * (layers + 1), "quadratic", activation="tanh", output="identity")
    for w, b in zip(net.weights, net.biases, strict=True):
        w[:], b[:] = size, 0
    data = np.zeros((2, 1)), np.zeros((2, 1))
    lmbda = 1e300 if size < 1 else 1e-100 / size
    wanted = lmbda / 4 * size * layers * size
    assert net.total_cost(data, lmbda) == pytest.approx(wanted, rel=1e-12)
    history = net.train(
        data, 1, optimizer=SGD(0.0), l1=1e-3, l2=lmbda, evaluation_data=data,
        metrics=["training_cost", "evaluation_cost", "running_cost"],
    )  # fmt: skip
    for name in ("training_cost", "evaluation_cost", "running_cost"):
        expected = wanted + 1e-3 / 2 * layers * size
        assert history[-1][name] == pytest.approx(expected, rel=1e-12)
    if size > 1e154:
        assert net.total_cost(data, 1e10) == np.inf
        with pytest.raises(fastnet.DivergenceError, match="training_cost is inf"):
            net.train(data, 1, optimizer=SGD(0.0), l2=1e10, metrics=["training_cost"])


def test_weights_whose_sum_is_no_float_have_a_price_too():
    net = fastnet.Network([4, 4, 4], "quadratic", activation="tanh", output="identity")
    for w, b in zip(net.weights, net.biases, strict=True):
        w[:], b[:] = 1e308, 0
    data = np.zeros((1, 4)), np.zeros((1, 4))
    assert norms.regularized(0.0, 1, net.weights, 0.0, 1e-10) == pytest.approx(32e298, rel=1e-12)
    history = net.train(data, 1, optimizer=SGD(0.0), l1=1e-10, metrics=["training_cost"])
    assert history[-1]["training_cost"] == pytest.approx(32e298, rel=1e-12)


def test_the_mean_of_costs_whose_sum_is_no_float():
    net = linear(np.float64)
    y = np.full((5000, 2), 1e154) * np.array([1.0, 0.5])
    mean = 0.5 * 1.25e308
    assert net.total_cost((np.zeros((5000, 2)), y), 0.0) == pytest.approx(mean, rel=1e-12)
    assert net.total_cost((np.zeros((5000, 2)), 10 * y), 0.0) == np.inf


# --- weighted examples ---------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["dense", "sparse", "float16", "targets"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sample_weights_are_the_formula(dtype, storage):
    """Mini-batch by mini-batch, which divides by the number of its examples."""
    net, X, labels, Y = problem(dtype, 0.2 if storage == "sparse" else 1.0, rows=23)
    weight = np.random.default_rng(8).random(23) * 3
    if storage == "float16":
        X = X.astype(np.float16)
    plain = Plain.of(net)
    descend(plain, X, Y, 3, 5, 0.5, sample_weight=weight.astype(dtype), l2=1.0)
    target = Y.astype(dtype) if storage == "targets" else labels
    net.train((X, target), 3, 5, optimizer=SGD(0.5), sample_weight=weight, l2=1.0, shuffle=False)
    np.testing.assert_allclose(net.parameters, plain.flat, **relative(dtype))


@pytest.mark.parametrize("how", ["sample_weight", "class_weight"])
def test_a_weight_of_three_is_three_examples(how):
    """In a full batch; the mean is then over more of them, which eta makes up for."""
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    times = np.array([3, 1, 2])[labels] if how == "class_weight" else np.arange(20) % 4
    given = [3, 1, 2] if how == "class_weight" else times
    repeated = np.repeat(np.arange(20), times)
    net.train((X, labels), 5, None, optimizer=SGD(0.5), shuffle=False, **{how: given})
    twin.train(
        (X[repeated], labels[repeated]), 5, None, optimizer=SGD(0.5 * times.sum() / 20),
        shuffle=False,
    )  # fmt: skip
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("density", [1.0, 0.2])
def test_weights_of_one_change_no_bit(density):
    net, X, labels, _ = problem(np.float64, density)
    twins = [copy.deepcopy(net) for _ in range(3)]
    net.train((X, labels), 3, 4, shuffle=False)
    options = [
        {"sample_weight": np.ones(20)},
        {"class_weight": {0: 1}},
        {"class_weight": [1, 1, 1]},
    ]
    for twin, option in zip(twins, options, strict=True):
        twin.train((X, labels), 3, 4, shuffle=False, **option)
        np.testing.assert_array_equal(net.parameters, twin.parameters)


def test_class_weights_and_sample_weights_are_multiplied():
    net, X, labels, _ = problem(np.float64)
    weight = np.random.default_rng(1).random(20)
    balanced = 20 / (3 * np.bincount(labels, minlength=3))
    pairs = [
        ({"class_weight": {1: 4.0}}, np.where(labels == 1, 4.0, 1.0)),
        ({"class_weight": [0.5, 2, 0]}, np.array([0.5, 2, 0])[labels]),
        ({"class_weight": "balanced"}, balanced[labels]),
        ({"class_weight": {1: 4.0}, "sample_weight": weight}, np.where(labels == 1, 4, 1) * weight),
    ]
    for options, equivalent in pairs:
        one, other = copy.deepcopy(net), copy.deepcopy(net)
        one.train((X, labels), 2, 6, shuffle=False, **options)
        other.train((X, labels), 2, 6, shuffle=False, sample_weight=equivalent)
        np.testing.assert_array_equal(one.parameters, other.parameters)
        assert np.abs(one.parameters - net.parameters).max() > 1e-3


def test_balanced_is_scikit_learns():
    peer = pytest.importorskip(
        "sklearn.utils.class_weight", reason="scikit-learn (sklearn) is not installed"
    )
    net, X, labels, _ = problem(np.float64, rows=50)
    theirs = peer.compute_sample_weight("balanced", labels)
    one, other = copy.deepcopy(net), copy.deepcopy(net)
    one.train((X, labels), 2, 6, shuffle=False, class_weight="balanced")
    other.train((X, labels), 2, 6, shuffle=False, sample_weight=theirs)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", [int, float, bool])
@pytest.mark.parametrize(
    "class_weight", [{0: 0.5, 1: 4.0}, {1: 4.0}, {True: 4.0}, [0.5, 4.0], "balanced"], ids=str
)
def test_a_single_output_has_the_classes_0_and_1(class_weight, kind):
    _, X, labels, _ = problem(np.float64)
    y = labels > 0
    of_class = {"{1: 4.0}": [1, 4], "{True: 4.0}": [1, 4]}.get(str(class_weight), [0.5, 4.0])
    if class_weight == "balanced":
        of_class = [20 / (2 * np.sum(~y)), 20 / (2 * np.sum(y))]
    net = fastnet.Network([X.shape[1], 1], rng=0)
    for targets in (y.astype(kind), y.astype(kind)[:, np.newaxis]):
        one, other = copy.deepcopy(net), copy.deepcopy(net)
        one.train((X, targets), 2, 6, shuffle=False, class_weight=class_weight)
        weights = np.where(y, of_class[1], of_class[0])
        other.train((X, targets), 2, 6, shuffle=False, sample_weight=weights)
        np.testing.assert_array_equal(one.parameters, other.parameters)


def test_balanced_weights_find_a_rare_class():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((400, 2))
    y = (X[:, 0] + 0.8 * rng.standard_normal(400) > 1.6).astype(int)
    assert 20 < y.sum() < 60
    recall = []
    for class_weight in (None, "balanced"):
        net = fastnet.Network([2, 2], rng=0)
        net.train((X, y), 100, 20, shuffle=False, class_weight=class_weight)
        found = net.feedforward(X).argmax(axis=1)
        recall.append(np.mean(found[y == 1] == 1))
    assert recall[1] > recall[0] + 0.2


def test_the_training_cost_is_the_weighted_one():
    net, X, labels, Y = problem(np.float64)
    weight = np.random.default_rng(1).random(20)
    net.train((X, labels), 1, 4, sample_weight=weight, metrics=["training_cost"])
    expected = (weight * Plain.of(net).costs(X, Y)).mean()
    assert net.history[-1]["training_cost"] == pytest.approx(expected, rel=1e-12)


def test_partial_fit_weighs_too():
    net, X, labels, Y = problem(np.float64)
    weight = np.random.default_rng(1).random(20)
    plain = Plain.of(net)
    step = 0.5 * flattened(*plain.gradient(X, Y, weight))
    expected = net.parameters - step
    net.partial_fit((X, labels), optimizer=SGD(0.5), sample_weight=weight)
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-12, atol=1e-14)


# --- what is refused -----------------------------------------------------------------------------

REFUSED = [
    ({"l1": -1.0}, "l1 is -1.0"),
    ({"l1": "1"}, "l1 is '1'"),
    ({"l2": np.nan}, "l2 is nan"),
    ({"l2": None}, "l2 is None"),
    ({"max_norm": 0}, "max_norm is 0"),
    ({"max_norm": -2}, "max_norm is -2"),
    ({"max_norm": "1"}, "max_norm is '1'"),
    ({"clip_norm": 0.0}, "clip_norm is 0"),
    ({"clip_norm": np.inf}, "clip_norm is inf"),
    ({"clip_norm": True}, "clip_norm is True"),
    ({"sample_weight": np.ones(19)}, "sample_weight has shape (19,); expected (20,)"),
    ({"sample_weight": np.ones((20, 1))}, "sample_weight has shape (20, 1)"),
    ({"sample_weight": 1.0}, "sample_weight has shape ()"),
    ({"sample_weight": -np.ones(20)}, "sample_weight holds a number that is negative"),
    ({"sample_weight": np.full(20, np.nan)}, "sample_weight holds"),
    ({"sample_weight": ["a"] * 20}, "sample_weight is of dtype"),
    ({"class_weight": [1, 2]}, "class_weight has shape (2,); expected (3,)"),
    ({"class_weight": {3: 1.0}}, "class_weight names class 3"),
    ({"class_weight": {-1: 1.0}}, "class_weight names class -1"),
    ({"class_weight": {"a": 1.0}}, "class_weight names class 'a'"),
    ({"class_weight": {1: -1.0}}, "class_weight"),
    ({"class_weight": {1: "heavy"}}, "class_weight"),
    ({"class_weight": "balance"}, "class_weight is 'balance'"),
    ({"class_weight": 2.0}, "class_weight has shape ()"),
]


@pytest.mark.parametrize("verb", ["train", "partial_fit"])
@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_bad_arguments_are_refused(options, said, verb):
    net, X, labels, _ = problem(np.float64)
    before, rng = net.parameters.copy(), copy.deepcopy(net.rng)
    positional = {"train": (1, 5), "partial_fit": ()}[verb]
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(net, verb)((X, labels), *positional, **options)
    assert said in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)
    assert net.rng.random() == rng.random(), "the generator must not have been used"
    assert net.history == []


def test_class_weights_need_class_numbers():
    net, X, _, Y = problem(np.float64)
    with pytest.raises(ValueError) as caught:
        net.train((X, Y), 1, 5, class_weight=[1, 2, 3])
    assert "class_weight needs class numbers" in str(caught.value)
    single = fastnet.Network([1, 1])
    for y, weight, said in [
        ([0.0, 1.0, 0.5], {0: 2}, r"needs class numbers for y; here y holds 0\.5 in row 2"),
        ([0, 1, 1], {2: 2}, "names class 2; classes are 0 to 1"),
        ([0, 1, 1], [2.0], r"class_weight has shape \(1,\); expected \(2,\)"),
    ]:
        with pytest.raises(ValueError, match=said):
            single.train(([[1], [2], [3]], y), 1, 1, class_weight=weight)
