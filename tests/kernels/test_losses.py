"""Huber, absolute, quantile and Gaussian costs: values, errors and kinks, and what they learn.

The oracles are PyTorch's formulas in NumPy, PyTorch itself where it is installed, and the
statistics that each cost has its least value at.
"""

import numpy as np
import pytest

import fastnet
from fastnet import AbsoluteCost, GaussianCost, HuberCost, QuantileCost, check_gradient, kernels
from fastnet.common.threads import set_num_threads
from fastnet.kernels import codes
from fastnet.sweeps.digests import digest_value

from ..strategies import DTYPES

QUANTILES = (0.1, 0.5, 0.75)


def blocks(a, count):
    """Split outputs into `count` parts, each with a column for every target."""
    return np.split(a, count, axis=1)


def huber(a, y, delta):
    """Return value and derivative of torch.nn.HuberLoss."""
    r = a - y
    inside = np.abs(r) <= delta
    value = np.where(inside, r * r / 2, delta * (np.abs(r) - delta / 2)).sum()
    return value, np.where(inside, r, delta * np.sign(r))


def absolute(a, y):
    """Return those of torch.nn.L1Loss, whose derivative at the kink is 0."""
    return np.abs(a - y).sum(), np.sign(a - y)


def pinball(a, y):
    """Return those of max(q (y - a), (q - 1) (y - a)), with 0 at the kink."""
    value, slopes = 0.0, []
    for q, part in zip(QUANTILES, blocks(a, len(QUANTILES)), strict=True):
        value += np.maximum(q * (y - part), (q - 1) * (y - part)).sum()
        slopes.append(np.where(part < y, -q, np.where(part > y, 1 - q, 0.0)))
    return value, np.hstack(slopes)


def gaussian(a, y):
    """Return those of torch.nn.GaussianNLLLoss, by mean and log variance."""
    mean, s = blocks(a, 2)
    value = 0.5 * (s + (mean - y) ** 2 / np.exp(s)).sum()
    slopes = (mean - y) / np.exp(s), 0.5 - 0.5 * (mean - y) ** 2 / np.exp(s)
    return value, np.hstack(slopes)


#: A cost, outputs a target, and its formula.
CASES = [
    (HuberCost(1.5), 1, lambda a, y: huber(a, y, 1.5)),
    (HuberCost(0.25), 1, lambda a, y: huber(a, y, 0.25)),
    (AbsoluteCost, 1, absolute),
    (QuantileCost(*QUANTILES), 3, pinball),
    (GaussianCost, 2, gaussian),
]
NAMES = ["huber 1.5", "huber 0.25", "absolute", "quantile", "gaussian"]


def straight(cost, n, dtype=np.float64):
    """Return a network whose outputs are its inputs."""
    net = fastnet.Network([n, n], cost, dtype=dtype, rng=0)
    net.weights, net.biases = [np.eye(n)], [np.zeros((n, 1))]
    return net


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_targets", [1, 2, 9])
@pytest.mark.parametrize(("cost", "count", "formula"), CASES, ids=NAMES)
def test_values_and_errors_are_the_formulas(cost, count, formula, n_targets, dtype):
    """In Python and in the kernels, residuals of 0 and of exactly delta among them."""
    rng = np.random.default_rng(2)
    a = rng.normal(0, 2, (12, count * n_targets)).astype(dtype)
    y = rng.normal(0, 2, (12, n_targets)).astype(dtype)
    a[0] = np.tile(y[0], count)
    a[1, :n_targets], a[2, :n_targets] = y[1] + dtype(1.5), y[2] - dtype(0.25)
    value, slopes = formula(a.astype(np.float64), y.astype(np.float64))
    tolerance = {"rtol": 50 * float(np.finfo(dtype).eps), "atol": 200 * float(np.finfo(dtype).eps)}
    net = straight(cost, a.shape[1], dtype)
    assert net.activations == ["identity"] and net.cost == cost
    assert cost.fn(a, y) == pytest.approx(value, rel=1e-6 if dtype == np.float32 else 1e-13)
    np.testing.assert_allclose(cost.delta(a, a, y), slopes, **tolerance)
    assert net.total_cost((a, y), 0.0) * 12 == pytest.approx(value, rel=tolerance["rtol"])
    for x, target, wanted in zip(a, y, slopes, strict=True):
        got = net.backprop(x[:, np.newaxis], target[:, np.newaxis])[0][0].ravel()
        np.testing.assert_allclose(got, wanted, **tolerance)
    if cost is not GaussianCost:  # a kink is met, and means 0
        assert not net.backprop(a[:1], y[:1])[0][0].any()


@pytest.mark.parametrize(("cost", "count", "formula"), CASES, ids=NAMES)
def test_values_and_errors_are_pytorchs(cost, count, formula):
    torch = pytest.importorskip("torch", reason="PyTorch (torch) is not installed")
    rng = np.random.default_rng(3)
    a, y = rng.normal(0, 2, (20, 2 * count)), rng.normal(0, 2, (20, 2))
    z, wanted = torch.tensor(a, requires_grad=True), torch.tensor(y)
    parts = torch.split(z, 2, dim=1)
    if isinstance(cost, HuberCost):
        loss = torch.nn.HuberLoss(reduction="sum", delta=cost.threshold)(z, wanted)
    elif cost is AbsoluteCost:
        loss = torch.nn.L1Loss(reduction="sum")(z, wanted)
    elif cost is GaussianCost:
        loss = torch.nn.GaussianNLLLoss(reduction="sum")(parts[0], wanted, parts[1].exp())
    else:
        loss = sum(
            torch.maximum(q * (wanted - part), (q - 1) * (wanted - part)).sum()
            for q, part in zip(QUANTILES, parts, strict=True)
        )
    loss.backward()
    net = straight(cost, a.shape[1])
    assert net.total_cost((a, y), 0.0) * 20 == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(net.backprop(a, y)[0][0].ravel(), z.grad.numpy().sum(axis=0))


@pytest.mark.parametrize(
    ("cost", "output"),
    [
        (HuberCost(0.7), "softplus"),
        (HuberCost(0.7), "softmax"),
        (AbsoluteCost, "sigmoid"),
        (QuantileCost(0.2, 0.9), "identity"),
        (QuantileCost(0.2, 0.9), "exponential"),
        (GaussianCost, "identity"),
    ],
)
def test_gradients_through_layers_and_outputs(cost, output):
    net = fastnet.Network([3, 7, 4], cost, activation="tanh", output=output, rng=1)
    rng = np.random.default_rng(0)
    y = rng.dirichlet(np.ones(4), 6)[:, : net.sizes[-1] // cost._outputs_per_target()]
    assert check_gradient(net, rng.standard_normal((6, 3)), y) < 1e-7
    assert max(np.abs(part).max() for part in net.backprop(rng.random((6, 3)), y)[1]) > 1e-3


def minimized(cost, y, n_out, sample_weight=None):
    """Return the outputs of a network that can only learn constants."""
    net = fastnet.Network([1, n_out], cost, rng=0, bias_initializer="zeros")
    X = np.zeros((len(y), 1))
    for eta in (0.3, 0.03, 0.003, 0.0005):
        net.train((X, y), 400, optimizer=fastnet.SGD(eta), sample_weight=sample_weight)
    return net.feedforward(np.zeros(1))


def test_what_each_cost_has_its_least_value_at():
    """Quantiles and the median by NumPy; Huber's M-estimate by its equation; mean and variance."""
    y = np.random.default_rng(1).gamma(2.0, 1.0, 401)
    levels = (0.05, 0.5, 0.9)
    nearby = [np.quantile(y, np.clip([q - 1 / 401, q + 1 / 401], 0, 1)) for q in levels]
    for found, (low, high) in zip(minimized(QuantileCost(*levels), y, 3), nearby, strict=True):
        assert low - 1e-3 <= found <= high + 1e-3
    assert minimized("absolute", y, 1)[0] == pytest.approx(np.median(y), abs=1e-3)
    center = minimized(HuberCost(0.3), y, 1)[0]
    assert np.clip(y - center, -0.3, 0.3).sum() == pytest.approx(0, abs=1e-2)
    assert abs(center - y.mean()) > 0.05
    mean, log_variance = minimized("gaussian", y, 2)
    assert (mean, log_variance) == pytest.approx((y.mean(), np.log(y.var())), abs=1e-3)


def test_sample_weights_count_examples():
    y = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    weights = np.array([1.0, 1.0, 1.0, 4.0, 1.0])
    found = minimized("quantile", y, 1, weights)[0]  # the median of 0, 1, 2, 3, 3, 3, 3, 10
    assert found == pytest.approx(3.0, abs=1e-3)
    weighted = np.average(y, weights=weights)
    variance = np.average((y - weighted) ** 2, weights=weights)
    found = minimized("gaussian", y, 2, weights)
    assert found == pytest.approx([weighted, np.log(variance)], abs=1e-4)


def test_each_target_has_an_output_in_every_block():
    """Of targets 0 and 100 the first two outputs are one quantile, the last two the other."""
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.uniform(0, 1, 300), rng.uniform(100, 102, 300)])
    net = fastnet.Network([1, 4], QuantileCost(0.25, 0.75), rng=0)
    net.biases = [[[0.5], [101], [0.5], [101]]]
    for eta in (0.1, 0.01):
        net.train((np.zeros((300, 1)), y), 300, optimizer=fastnet.SGD(eta))
    outputs = net.feedforward(np.zeros(1))
    wanted = np.quantile(y, [0.25, 0.75], axis=0).ravel()
    np.testing.assert_allclose(outputs, wanted, atol=0.02)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_target_that_is_met_exactly_costs_its_log_variance(dtype):
    """exp(1000) is infinite, and the residual 0."""
    net = straight(GaussianCost, 2, dtype)
    X, y = np.array([[2.0, -1000.0]], dtype), np.array([[2.0]], dtype)
    assert net.total_cost((X, y), 0.0) == -500
    np.testing.assert_array_equal(net.backprop(X, y)[0][0], [[0.0], [0.5]])


@pytest.mark.parametrize("cost", ["huber", "absolute", "quantile", "gaussian"])
def test_outputs_that_overflow_are_noticed(cost):
    """What is not finite must not become an error of 1, which would train on."""
    net = straight(cost, 2)
    net.weights = [np.full((2, 2), 1e308)]
    X = np.array([[1e3, -1e3]] * 2)
    before = net.parameters.copy()
    with pytest.raises(fastnet.DivergenceError), np.errstate(all="ignore"):
        net.train((X, np.zeros((2, 1 if cost == "gaussian" else 2))), 3, 2)
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("cost", [HuberCost(0.5), QuantileCost(0.1, 0.9), GaussianCost])
def test_any_number_of_threads_gives_the_same_bits(cost):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 90)), rng.standard_normal(60)
    found = []
    for n_threads in (1, 3):
        count = cost._outputs_per_target()
        net = fastnet.Network([90, 64, count], cost, activation="relu", rng=0)
        set_num_threads(n_threads)
        try:
            net.train((X, y), 3, 20, optimizer="adam", metrics=["running_cost"])
        finally:
            set_num_threads(None)
        found.append((net.parameters.tobytes(), net.history.column("running_cost")))
    assert found[0] == found[1]


# --- what fits, and what is refused ---------------------------------------------------------------


def test_binary_targets_of_these_costs_are_numbers():
    """Outputs and targets do not stand side by side, so that none can be a hit."""
    net = fastnet.Network([2, 2], "gaussian", rng=0)
    data = np.eye(2), np.array([0.0, 1.0])
    net.train(data, 1, evaluation_data=data)
    assert net.kind == "numbers" and list(net.history[0]) == ["epoch", "eta", "evaluation_cost"]
    with pytest.raises(ValueError, match="predicts numbers"):
        net.accuracy(data)
    for kind in ("classes", "labels"):
        with pytest.raises(ValueError, match="for numbers"):
            net.kind = kind
    assert len(net.layer_statistics(np.eye(2))) == 1


def test_an_engine_counts_no_hits_and_refuses_numbers_that_do_not_fit():
    """Hits would be looked for behind the end of a row of targets."""
    make, identity = kernels.prediction_engine(np.dtype(float)), codes.ACTIVATIONS["identity"]
    engine = make([2, 4], [identity], codes.COSTS["gaussian"], 5)
    engine.attach(np.zeros(12))
    given = kernels.rows.Rows(np.zeros((3, 2))), kernels.rows.Targets(None, np.zeros((3, 2)))
    for rule in (1, 2):
        engine.count_hits(rule, 0.0)
        assert engine.evaluate(*given, np.arange(3), 0, 3) == (0.0, 0)
    for cost, numbers in (
        ("quadratic", [1.0]), ("gaussian", [1.0]), ("huber", []), ("huber", [1.0, 2.0]),
        ("quantile", []), ("quantile", [0.1, 0.2, 0.3]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"numbers|outputs"):
            make([2, 4], [identity], codes.COSTS[cost], 5, cost_numbers=numbers)
    with pytest.raises(ValueError, match="outputs"):
        make([2, 3], [identity], codes.COSTS["gaussian"], 5)


def test_a_sweep_s_store_tells_costs_apart():
    digests = {digest_value(HuberCost(delta), "cost") for delta in (1.0, 1, 0.5)}
    assert len(digests | {digest_value(AbsoluteCost, "cost")}) == 3


def test_class_numbers_are_refused_by_the_fast_path_too():
    net = fastnet.Network([2, 4], "gaussian", rng=0)
    X, y = np.eye(2), np.array([[0.5, 1.0], [2.0, 3.0]])
    for _ in range(2):
        net.partial_fit((X, y), optimizer=fastnet.SGD(0.1))
    before = net.parameters.copy()
    for call in (
        lambda: net.partial_fit((X, np.array([0, 1]))),
        lambda: net.train((X, np.array([0, 1])), 1),
        lambda: net.backprop(X, np.array([0, 1])),
    ):
        with pytest.raises(ValueError, match=r"class numbers.*\(n, 2\)"):
            call()
    np.testing.assert_array_equal(net.parameters, before)


def test_a_step_by_itself_is_that_of_training():
    X, y = np.random.default_rng(0).random((2, 6, 3))
    nets = [fastnet.Network([3, 6], QuantileCost(0.1, 0.9), rng=0) for _ in range(2)]
    nets[0].train((X, y), 3, optimizer=fastnet.SGD(0.1), shuffle=False)
    for _ in range(3):  # of which the last two take the shortest way
        nets[1].partial_fit((X, y), optimizer=fastnet.SGD(0.1))
    assert nets[0].parameters.tobytes() == nets[1].parameters.tobytes()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: HuberCost(0), "delta is 0.0; expected a finite number above 0"),
        (lambda: QuantileCost(0.5, 1.0), "quantile is 1.0; expected a number between 0 and 1"),
        (lambda: QuantileCost(0.5, 0.5), "once"),
        (lambda: fastnet.Network([2, 3], "gaussian"), "2 outputs for each target.*3 units"),
        (lambda: fastnet.Network([2, 4], QuantileCost(0.1, 0.5, 0.9)), "3 outputs for each"),
        (lambda: fastnet.Network([2, 2], "gaussian", output="exponential"), "goes with output="),
        (lambda: fastnet.Network([2, 2], "quantile", output="softmax"), "gives probabilities"),
        (lambda: fastnet.Network([2, 1], HuberCost(1e-50), dtype=np.float32), "delta is 1e-50"),
        (lambda: fastnet.Network([2, 1], QuantileCost(1 - 1e-9), dtype="f4"), "is 1 in float32"),
        (lambda: setattr(fastnet.Network([2, 2], "huber"), "cost", "gaussian"), "new network"),
        (lambda: QuantileCost(0.1, 0.9).fn([0.0, 1.0, 2.0], [1.0]), r"a has shape \(3,\)"),
        (lambda: GaussianCost.fn([[0.0, 1.0]], [1.0, 2.0]), r"give y the shape \(1, 1\)"),
        (lambda: setattr(HuberCost(), "threshold", 2), "cannot be changed"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises((ValueError, AttributeError), match=words):
        make()


def test_costs_with_parameters_are_values():
    assert HuberCost(2) == HuberCost(delta=2.0) != HuberCost(1) and HuberCost() != QuantileCost()
    assert len({HuberCost(1), HuberCost(1), QuantileCost(0.5), QuantileCost()}) == 2
    assert HuberCost.fn([3.0], [0.0]) == HuberCost(1.0).fn([3.0], [0.0]) == 2.5
    assert HuberCost(2.0).fn([3.0], [0.0]) == 4.0
    net = fastnet.Network([2, 1], HuberCost, rng=0)
    assert net.cost == HuberCost(1.0) and "HuberCost(delta=1.0)" in repr(net)
    net.cost = HuberCost(0.5)
    assert net.backprop(np.zeros((1, 2)), np.array([[9.0]]))[0][0].item() == -0.5
