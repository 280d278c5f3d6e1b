"""Every optimizer against its formula, ten steps long, and against the peers' own classes."""

import copy
import dataclasses
import re

import numpy as np
import pytest

import fastnet
from fastnet import LBFGS, SGD, Adam, AdamW, Momentum, Nesterov, RMSprop, Rprop
from fastnet.optimizers import OPTIMIZERS

from ..formulas import Plain, flattened, is_weight, problem, regularized
from ..strategies import DTYPES

STEPS = 10


# --- the formulas --------------------------------------------------------------------------------
# Each is a function of the hyper-parameters and of which parameters are weights, and gives a
# function step(w, g, t) that returns the new w; t counts from 1.


def sgd_formula(options, is_w):
    return lambda w, g, t: w - options["eta"] * g


def momentum_formula(options, is_w):
    v = 0.0

    def step(w, g, t):
        nonlocal v
        v = options["mu"] * v - options["eta"] * g
        return w + v

    return step


def nesterov_formula(options, is_w):
    v = 0.0

    def step(w, g, t):
        nonlocal v
        v = options["mu"] * v - options["eta"] * g
        return w + options["mu"] * v - options["eta"] * g

    return step


def rmsprop_formula(options, is_w):
    s = 0.0

    def step(w, g, t):
        nonlocal s
        s = options["beta"] * s + (1 - options["beta"]) * g**2
        return w - options["eta"] * g / (np.sqrt(s) + options["epsilon"])

    return step


def adam_formula(options, is_w):
    m = s = 0.0
    beta1, beta2 = options["beta1"], options["beta2"]

    def step(w, g, t):
        nonlocal m, s
        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)
        return w - options["eta"] * m_hat / (np.sqrt(s_hat) + options["epsilon"])

    return step


def adamw_formula(options, is_w):
    adam = adam_formula(options, is_w)

    def step(w, g, t):
        decay = np.where(is_w, 1 - options["eta"] * options["weight_decay"], 1.0)
        return adam(decay * w, g, t)

    return step


def rprop_formula(options, is_w):
    before = np.zeros(is_w.shape)
    size = np.full(is_w.shape, options["eta"])

    def step(w, g, t):
        nonlocal before, size
        same = g * before
        size = np.where(same > 0, np.minimum(size * options["up"], options["largest"]), size)
        size = np.where(same < 0, np.maximum(size * options["down"], options["smallest"]), size)
        before = np.where(same < 0, 0.0, g)
        return w - np.sign(before) * size

    return step


#: Hyper-parameters that are not the defaults, lest a swapped or ignored one go unnoticed.
CASES = [
    (SGD, {"eta": 0.7}, sgd_formula),
    (Momentum, {"eta": 0.3, "mu": 0.8}, momentum_formula),
    (Momentum, {"eta": 0.3, "mu": 0.0}, momentum_formula),
    (Nesterov, {"eta": 0.2, "mu": 0.7}, nesterov_formula),
    (RMSprop, {"eta": 0.02, "beta": 0.8, "epsilon": 1e-3}, rmsprop_formula),
    (Adam, {"eta": 0.03, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3}, adam_formula),
    (
        AdamW,
        {"eta": 0.03, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4, "weight_decay": 0.9},
        adamw_formula,
    ),
    (
        Rprop,
        {"eta": 0.05, "up": 1.4, "down": 0.3, "smallest": 0.02, "largest": 0.2},
        rprop_formula,
    ),
]
IDS = [f"{cls.__name__}-{i}" for i, (cls, *_) in enumerate(CASES)]
REGULARIZATIONS = [{}, {"l2": 3.0}, {"l1": 2.0, "l2": 1.0}]


def follow(net, X, Y, formula, options, n_batches, batch, **regularization):
    """The formula's parameters after so many mini-batches in order, and the largest step."""
    plain, sizes = Plain.of(net), net.sizes
    step = formula(options, is_weight(sizes))
    start = plain.flat
    for t in range(1, n_batches + 1):
        at = (t - 1) * batch % len(X)
        nabla = plain.gradient(X[at : at + batch], Y[at : at + batch])
        g = regularized(plain, nabla, len(X), **regularization)
        plain.flat = step(plain.flat, g, t)
    assert np.abs(plain.flat - start).max() > 1e-3, "the formula did not move"
    return plain.flat


@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cls", "options", "formula"), CASES, ids=IDS)
def test_ten_steps_are_the_formula(cls, options, formula, dtype, regularization, density):
    """Two epochs of five mini-batches; dense inputs, and ones of which the zeros are skipped."""
    net, X, labels, Y = problem(dtype, density)
    expected = follow(net, X, Y, formula, options, STEPS, 4, **regularization)
    history = net.train(
        (X, labels), 2, 4, optimizer=cls(**options), shuffle=False, **regularization
    )
    assert [record["eta"] for record in history] == [options["eta"]] * 2
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    if cls is Rprop and dtype == np.float32:
        # A step goes by the sign of g alone: rounding may turn it where g is all but zero.
        wrong = np.abs(net.parameters - expected) > 1e-5
        assert wrong.mean() < 0.05
    else:
        np.testing.assert_allclose(net.parameters, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("cls", "options", "formula"), CASES, ids=IDS)
def test_one_call_an_epoch_is_the_same_steps(cls, options, formula):
    """State and step number go on from call to call, and through copy and pickle."""
    net, X, labels, _ = problem(np.float64)
    whole = copy.deepcopy(net)
    whole.train((X, labels), 4, 6, optimizer=cls(**options), shuffle=False)
    net.train((X, labels), 1, 6, optimizer=cls(**options), shuffle=False)
    net.train((X, labels), 2, 6, shuffle=False)
    net = copy.deepcopy(net)
    net.train((X, labels), 1, 6, optimizer=cls(**options), shuffle=False)
    np.testing.assert_array_equal(net.parameters, whole.parameters)
    assert net.history == whole.history


@pytest.mark.parametrize(("cls", "options", "formula"), CASES, ids=IDS)
def test_mini_batches_larger_than_the_workspace(cls, options, formula):
    """Beyond 256 examples a gradient is summed up in parts."""
    net, X, labels, Y = problem(np.float64, 0.3, rows=700)
    expected = follow(net, X, Y, formula, options, 4, 350, l2=30.0)
    net.train((X, labels), 2, 350, optimizer=cls(**options), shuffle=False, l2=30.0)
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-11, atol=1e-12)


def test_a_short_last_mini_batch_is_a_step_of_its_own():
    net, X, labels, Y = problem(np.float64, rows=10)
    plain, step = Plain.of(net), adam_formula(vars(Adam(0.1)), is_weight(net.sizes))
    for t, rows in enumerate([slice(0, 4), slice(4, 8), slice(8, 10)], 1):
        plain.flat = step(plain.flat, flattened(*plain.gradient(X[rows], Y[rows])), t)
    net.train((X, labels), 1, 4, optimizer=Adam(0.1), shuffle=False)
    np.testing.assert_allclose(net.parameters, plain.flat, rtol=1e-12, atol=1e-13)


def test_a_schedule_changes_eta_and_not_the_velocity():
    """v = mu v - eta g with the eta of the moment: what has been gathered is not rescaled."""
    net, X, labels, Y = problem(np.float64)
    plain, v = Plain.of(net), 0.0
    for epoch in range(3):
        v = 0.9 * v - 0.5 * 0.5**epoch * flattened(*plain.gradient(X, Y))
        plain.flat = plain.flat + v
    schedule = fastnet.schedules.Exponential(0.5)
    net.train((X, labels), 3, None, optimizer=Momentum(0.5), schedule=schedule, shuffle=False)
    np.testing.assert_allclose(net.parameters, plain.flat, rtol=1e-12, atol=1e-13)


def test_another_class_of_optimizer_starts_anew():
    net, X, labels, _ = problem(np.float64)
    net.train((X, labels), 2, 5, optimizer=Adam(0.1), shuffle=False)
    fresh = fastnet.Network(net.sizes, activation="tanh")
    fresh.parameters = net.parameters
    for network in (net, fresh):
        network.train((X, labels), 2, 5, optimizer=RMSprop(), shuffle=False)
    np.testing.assert_array_equal(net.parameters, fresh.parameters)


def test_weights_drawn_anew_forget_the_optimizer():
    net, X, labels, _ = problem(np.float64)
    net.train((X, labels), 2, 5, optimizer=Adam(0.1), shuffle=False)
    net.initialize()
    assert net.history == []
    fresh = fastnet.Network(net.sizes, activation="tanh")
    fresh.parameters = net.parameters
    for network in (net, fresh):
        network.train((X, labels), 2, 5, optimizer=Adam(0.1), shuffle=False)
    np.testing.assert_array_equal(net.parameters, fresh.parameters)


def test_the_default_optimizer_is_sgd_and_then_the_last_one():
    net, X, labels, _ = problem(np.float64)
    assert net.train((X, labels), 1, 5)[0]["eta"] == 0.1
    net.train((X, labels), 1, 5, optimizer=Adam(0.02))
    assert net.train((X, labels), 1, 5)[0]["eta"] == 0.02


def test_sgd_and_train_are_the_same_training():
    """`SGD` is the book's spelling of a special case, to the last bit."""
    net, X, labels, _ = problem(np.float64, 0.2, rows=45)
    twin = copy.deepcopy(net)
    net.SGD((X, labels), 5, 7, 0.5, lmbda=3.0)
    twin.train((X, labels), 5, 7, optimizer=SGD(0.5), l2=3.0)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize("dtype", DTYPES)
def test_l1_does_not_move_a_weight_that_is_zero(dtype):
    """The book's sgn(0) = 0."""
    net, X, labels, _ = problem(dtype)
    X = X.copy()
    X[:, 2] = 0
    net.weights[0][:, 2] = 0
    net.train((X, labels), 3, 5, optimizer=SGD(0.5), l1=2.0)
    assert not net.weights[0][:, 2].any()
    assert np.count_nonzero(net.weights[0]) > 0


def test_adamw_decays_weights_and_not_biases():
    """Where inputs are zero and outputs are right the gradient is zero: the decay is left."""
    net = fastnet.Network([3, 2], rng=0)
    b, w = np.array(net.biases[0]), np.array(net.weights[0])
    X = np.zeros((2, 3))
    optimizer = AdamW(0.1, weight_decay=0.5)
    net.train((X, net.feedforward(X)), 3, None, optimizer=optimizer, shuffle=False)
    np.testing.assert_allclose(net.weights[0], w * 0.95**3, rtol=1e-14)
    np.testing.assert_allclose(net.biases[0], b, rtol=1e-12)


# --- peers ---------------------------------------------------------------------------------------


def torch_optimizers():
    """fastnet's optimizer, and what makes torch's of (weights, biases)."""
    torch = pytest.importorskip("torch", reason="PyTorch (torch) is not installed")
    optim = torch.optim

    def every(cls, **options):
        return lambda weights, biases: cls([*weights, *biases], **options)

    def decayed(weights, biases):
        groups = [
            {"params": weights, "weight_decay": 0.3},
            {"params": biases, "weight_decay": 0.0},
        ]
        return optim.AdamW(groups, lr=0.02)

    return {
        "SGD": (SGD(0.5), every(optim.SGD, lr=0.5)),
        "Momentum": (Momentum(0.2, mu=0.8), every(optim.SGD, lr=0.2, momentum=0.8)),
        "Nesterov": (
            Nesterov(0.2, mu=0.8),
            every(optim.SGD, lr=0.2, momentum=0.8, nesterov=True),
        ),
        "RMSprop": (RMSprop(), every(optim.RMSprop)),
        "Adam": (Adam(), every(optim.Adam)),
        "AdamW": (AdamW(0.02, weight_decay=0.3), decayed),
        "Rprop": (Rprop(), every(optim.Rprop)),
    }


@pytest.mark.parametrize(
    "name", ["SGD", "Momentum", "Nesterov", "RMSprop", "Adam", "AdamW", "Rprop"]
)
def test_pytorch_takes_the_same_steps(name):
    """On the whole of a small network, with PyTorch's own gradients and defaults."""
    torch = pytest.importorskip("torch", reason="PyTorch (torch) is not installed")
    ours, make_theirs = torch_optimizers()[name]
    net, X, labels, Y = problem(np.float64)
    weights = [torch.tensor(np.array(w), requires_grad=True) for w in net.weights]
    biases = [torch.tensor(np.array(b).ravel(), requires_grad=True) for b in net.biases]
    theirs = make_theirs(weights, biases)
    inputs, targets = torch.tensor(X), torch.tensor(Y)
    for step in range(STEPS):
        rows = slice(step % 5 * 4, step % 5 * 4 + 4)
        theirs.zero_grad()
        hidden = torch.tanh(inputs[rows] @ weights[0].T + biases[0])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            hidden @ weights[1].T + biases[1], targets[rows], reduction="sum"
        )
        (loss / 4).backward()
        theirs.step()
    net.train((X, labels), 2, 4, optimizer=ours, shuffle=False)
    expected = flattened(
        [b.detach().numpy() for b in biases], [w.detach().numpy() for w in weights]
    )
    np.testing.assert_allclose(net.parameters, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["Momentum", "Nesterov", "Adam"])
def test_scikit_learn_takes_the_same_steps(name):
    """Its Adam puts epsilon beside another square root, which 1e-30 makes nothing of."""
    peer = pytest.importorskip(
        "sklearn.neural_network._stochastic_optimizers",
        reason="scikit-learn (sklearn) is not installed",
    )
    net, X, labels, Y = problem(np.float64)
    plain = Plain.of(net)
    values = [*plain.weights, *plain.biases]
    if name == "Adam":
        ours = Adam(0.01, 0.8, 0.95, 1e-30)
        theirs = peer.AdamOptimizer(values, 0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-30)
    else:
        ours = {"Momentum": Momentum, "Nesterov": Nesterov}[name](0.1, mu=0.7)
        theirs = peer.SGDOptimizer(values, 0.1, "constant", 0.7, name == "Nesterov", 0.5)
    for step in range(STEPS):
        rows = slice(step % 5 * 4, step % 5 * 4 + 4)
        nabla_b, nabla_w = plain.gradient(X[rows], Y[rows])
        theirs.update_params(values, [*nabla_w, *nabla_b])
    net.train((X, labels), 2, 4, optimizer=ours, shuffle=False)
    np.testing.assert_allclose(net.parameters, plain.flat, rtol=1e-10, atol=1e-12)


# --- names and arguments -------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["{}", "class", "instance", "lower"])
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "LBFGS"])
def test_an_optimizer_by_name_class_or_instance(name, spelling):
    cls = OPTIMIZERS[name]
    given = {"{}": name, "class": cls, "instance": cls(), "lower": name.lower()}[spelling]
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    net.train((X, labels), 1, 5, optimizer=given, shuffle=False)
    twin.train((X, labels), 1, 5, optimizer=cls(), shuffle=False)
    np.testing.assert_array_equal(net.parameters, twin.parameters)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SGD(-0.1), "eta is -0.1"),
        (lambda: SGD(float("nan")), "eta is nan"),
        (lambda: SGD("0.1"), "eta is '0.1'"),
        (lambda: SGD(True), "eta is True"),
        (lambda: Momentum(mu=1.0), "mu is 1.0"),
        (lambda: Nesterov(mu=-0.1), "mu is -0.1"),
        (lambda: RMSprop(beta=1), "beta is 1"),
        (lambda: RMSprop(epsilon=0), "epsilon is 0"),
        (lambda: Adam(beta1=1.5), "beta1 is 1.5"),
        (lambda: Adam(beta2=1.0), "beta2 is 1.0"),
        (lambda: Adam(epsilon=0.0), "epsilon is 0"),
        (lambda: AdamW(weight_decay=-1), "weight_decay is -1"),
        (lambda: AdamW(beta1=None), "beta1 is None"),
        (lambda: Rprop(up=0.9), "up is 0.9"),
        (lambda: Rprop(down=1.0), "down is 1.0"),
        (lambda: Rprop(smallest=2.0, largest=1.0), "smallest is 2.0"),
        (lambda: LBFGS(memory=0), "memory is 0"),
        (lambda: LBFGS(memory=2.5), "memory is 2.5"),
        (lambda: LBFGS(tolerance=-1.0), "tolerance is -1.0"),
    ],
)
def test_bad_hyper_parameters_are_refused(make, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert said in str(caught.value)


@pytest.mark.parametrize("given", ["Adagrad", 3, object(), SGD.__mro__[1]])
def test_what_is_no_optimizer_is_refused(given):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    with pytest.raises((TypeError, ValueError)) as caught:
        net.train((X, labels), 1, 5, optimizer=given)
    assert "optimizer is" in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)


# --- coefficients in float32 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "options", "dtype"),
    [
        ("epsilon", {"optimizer": Adam(1e-3, epsilon=1e-50)}, np.float32),
        ("epsilon", {"optimizer": Adam(1e-3, epsilon=1e-30)}, np.float32),
        ("epsilon", {"optimizer": AdamW(1e-3, epsilon=1e-45)}, np.float32),
        ("epsilon", {"optimizer": RMSprop(epsilon=1e-50)}, np.float32),
        ("epsilon", {"optimizer": RMSprop(epsilon=1e300)}, np.float32),
        ("epsilon", {"optimizer": RMSprop(epsilon=1e-200)}, np.float64),
        *(("eta", {"optimizer": cls(eta=1e-50)}, np.float32) for cls in OPTIMIZERS.values()
          if cls is not LBFGS),
        ("eta", {"optimizer": SGD(1e39)}, np.float32),
        ("eta", {"optimizer": Adam(1e38)}, np.float32),
        ("eta", {"optimizer": Rprop(1e100)}, np.float32),
        ("mu", {"optimizer": Momentum(mu=1 - 1e-9)}, np.float32),
        ("mu", {"optimizer": Nesterov(mu=1e-60)}, np.float32),
        ("beta", {"optimizer": RMSprop(beta=1 - 1e-10)}, np.float32),
        ("beta1", {"optimizer": Adam(beta1=1 - 1e-10)}, np.float32),
        ("beta2", {"optimizer": Adam(beta2=1 - 1e-8)}, np.float32),
        ("weight_decay", {"optimizer": AdamW(weight_decay=1e50)}, np.float32),
        ("weight_decay", {"optimizer": AdamW(weight_decay=1e-50)}, np.float32),
        ("weight_decay", {"optimizer": AdamW(1e10, weight_decay=1e35)}, np.float32),
        ("up", {"optimizer": Rprop(up=1 + 1e-9)}, np.float32),
        ("up", {"optimizer": Rprop(up=1e50)}, np.float32),
        ("down", {"optimizer": Rprop(down=1 - 1e-9)}, np.float32),
        ("smallest", {"optimizer": Rprop(smallest=1e-50)}, np.float32),
        ("largest", {"optimizer": Rprop(largest=1e50)}, np.float32),
        ("l1", {"l1": 1e-50}, np.float32),
        ("l2", {"l2": 1e-50}, np.float32),
        ("l2", {"l2": 1e-37}, np.float32),
        ("l1", {"l1": 1e41}, np.float32),
        ("l1", {"l1": 1e-308}, np.float64),
        ("max_norm", {"max_norm": 1e-50}, np.float32),
        ("clip_norm", {"clip_norm": 1e-50}, np.float32),
        ("dropout", {"dropout": 1e-50}, np.float32),
        ("dropout", {"dropout": 1e-8}, np.float32),
        ("dropout", {"dropout": 1e-11}, np.float64),
        ("dropout", {"dropout": 1 - 1e-11}, np.float64),
        ("sample_weight", {"sample_weight": np.full(20, 1e-50)}, np.float32),
        ("class_weight", {"class_weight": {0: 1e-50}}, np.float32),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["train", "partial_fit"])
def test_a_coefficient_that_is_another_when_rounded_is_refused(argument, options, dtype, way):
    """By name and with the limit; and float64 takes what only float32 cannot hold."""
    net, X, labels, _ = problem(dtype)
    before, state = net.parameters.copy(), repr(net.rng.bit_generator.state)
    first = () if way == "partial_fit" else (1,)
    with pytest.raises(ValueError, match=rf"\b{argument}\b") as caught:
        getattr(net, way)((X, labels), *first, **options)
    assert re.search(r"expected|float64", str(caught.value))
    np.testing.assert_array_equal(net.parameters, before)
    assert repr(net.rng.bit_generator.state) == state
    eta = getattr(options.get("optimizer"), "eta", 0)
    if dtype == np.float32 and 0 < eta < 1:
        wide, X, labels, _ = problem(np.float64)
        wide.train((X, labels), 1, **options)
        assert np.isfinite(wide.parameters).all()


def limits(said):
    """Return the numbers that a message offers after "expected"."""
    return [float(word) for word in re.findall(r"\d[\d.e+-]*\d", said.split("expected")[1])]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (Adam, "epsilon", 1e-300), (RMSprop, "epsilon", 1e-300), (SGD, "eta", 1e-320),
        (Momentum, "mu", 1e-320), (Rprop, "smallest", 1e-320),
        (SGD, "eta", 1e300), (Rprop, "up", 1 + 1e-12), (Adam, "beta2", 1 - 1e-12),
    ],
)  # fmt: skip
def test_the_limit_in_the_message_is_taken(cls, field, value, dtype):
    try:
        cls(**{field: value}).check_held(np.dtype(dtype))
    except ValueError as error:
        assert field in str(error)
        limit = limits(str(error))[-1]
        cls(**{field: limit}).check_held(np.dtype(dtype))
        assert dtype(limit) != 0
        if field == "epsilon":
            assert dtype(limit) ** 2 != 0
    else:
        assert dtype == np.float64 and 1e-308 < value <= 1e300


@pytest.mark.parametrize("optimizer", [Adam(1e-9), AdamW(1e-9, weight_decay=0.0), RMSprop(1e-9)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_gradient_is_no_step(optimizer, dtype):
    """0 / (0 + epsilon), with the smallest epsilon that is taken."""
    least = 1.1e-19 if dtype == np.float32 else 1.5e-154
    optimizer = dataclasses.replace(optimizer, epsilon=least)
    net = fastnet.Network([3, 2], rng=0, dtype=dtype)
    before = net.weights[0].copy()
    net.train((np.zeros((40, 3)), np.arange(40) % 2), 2, optimizer=optimizer)
    np.testing.assert_array_equal(net.weights[0], before)


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, 1e-30), (np.float32, 1e25), (np.float64, 1e-200),
                        (np.float64, 1e200)]
)  # fmt: skip
def test_rprop_goes_by_the_sign_of_any_gradient(dtype, size):
    """The product of two such gradients is 0 or infinite; each step is 1.2 times the last."""
    net = fastnet.Network([1, 1], "quadratic", output="identity", dtype=dtype)
    net.parameters[:] = 0
    net.train(([[0.0]], [[size]]), 3, 1, optimizer=Rprop(size * 1e-3, smallest=0.0,
                                                         largest=size * 1e3))  # fmt: skip
    wanted = (1 + 1.2 + 1.44) * 1e-3 * size
    np.testing.assert_allclose(net.biases[0].item(), wanted, rtol=1e-6)
