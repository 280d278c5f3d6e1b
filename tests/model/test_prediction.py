"""What a network answers without learning: which inputs are one example, and whose workspace."""

import threading

import numpy as np
import pytest

import fastnet
from fastnet.activations import ACTIVATIONS
from fastnet.model.model import KEPT_WORKSPACES

X = np.random.default_rng(1).standard_normal((7, 3))


def same(gradient, other):
    return all(
        np.array_equal(a, b)
        for part, twin in zip(gradient, other, strict=True)
        for a, b in zip(part, twin, strict=True)
    )


@pytest.mark.parametrize("n_out", [1, 2])
def test_one_number_is_one_example_where_there_is_one_input(n_out):
    net = fastnet.Network([1, 3, n_out], rng=0)
    x, y = np.array([[0.5]]), np.linspace(0.2, 0.8, n_out)
    expected = net.backprop(x, y[np.newaxis])  # a batch of one
    assert expected[0][-1].any()
    assert same(net.backprop(x, y[:, np.newaxis]), expected)
    assert same(net.backprop(x, y), expected)
    assert same(net.backprop(x[0], y), expected)


def test_one_number_takes_a_class_number_too():
    net = fastnet.Network([1, 3, 2], rng=0)
    expected = net.backprop([[0.5]], [[0.0, 1.0]])
    assert same(net.backprop([[0.5]], 1), expected)
    assert same(net.backprop([[0.5]], [1]), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ">f8", "int64"])
def test_gradients_of_more_rows_than_one_piece(dtype, monkeypatch):
    net = fastnet.Network([3, 4, 2], rng=0)
    rows, y = np.rint(X).astype(dtype), np.arange(7) % 2
    expected = net.backprop(rows.astype("float64"), y)
    monkeypatch.setattr("fastnet.data.rows.BLOCK_BYTES", 3 * 8 * 2)  # two rows
    for part, twin in zip(net.backprop(rows, y), expected, strict=True):
        for a, b in zip(part, twin, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_out", [1, 2, 3])
@pytest.mark.parametrize("labels", [False, True])
def test_statistics_of_the_layers_need_no_targets(n_out, labels):
    net = fastnet.Network([3, 4, n_out], rng=0)
    y = np.arange(7) % n_out if labels else np.full((7, n_out), 0.5)
    without, with_y = net.layer_statistics(X), net.layer_statistics(X, y)
    nabla = net.backprop(X, y)
    for layer, (plain, more) in enumerate(zip(without, with_y, strict=True)):
        norm = np.sqrt(sum(np.sum(part[layer] ** 2) for part in nabla)) / 7
        assert more.pop("gradient_norm") == pytest.approx(norm)
        assert plain == more
    z = net.weights[0] @ X.T + net.biases[0]
    assert without[0]["mean_z"] == pytest.approx(z.mean())
    assert without[0]["std_z"] == pytest.approx(z.std())


@pytest.mark.parametrize("output", ["tanh", "relu", "softmax", "exponential", "identity"])
@pytest.mark.parametrize("n_out", [1, 2])
def test_statistics_without_targets_suit_every_output(n_out, output):
    net = fastnet.Network([3, n_out], "quadratic", output=output, rng=0)
    (found,) = net.layer_statistics(X)
    assert found["mean_z"] == pytest.approx((X @ net.weights[0].T + net.biases[0].T).mean())


def test_statistics_refuse_what_is_no_batch():
    net = fastnet.Network([3, 2], rng=0)
    with pytest.raises(ValueError, match=r"layer_statistics: X has shape \(3,\)"):
        net.layer_statistics(np.zeros(3))
    with pytest.raises(ValueError, match="empty"):
        net.layer_statistics(np.zeros((0, 3)))


def test_a_workspace_comes_back_after_a_failure(monkeypatch):
    net = fastnet.Network([3, 2], rng=0)
    net.feedforward(X)
    (workspace,) = net._predictors

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastnet.model.prediction.pieces", fail)
    with pytest.raises(KeyboardInterrupt):
        net.accuracy((X, np.zeros(7)))
    assert net._predictors == [workspace]


def test_workspaces_do_not_pile_up():
    net = fastnet.Network([3, 2], rng=0)
    expected = net.feedforward(X)
    count = 2 * KEPT_WORKSPACES
    all_here = threading.Barrier(count)
    outputs = []

    def predict():
        with net._workspace(net.parameters):
            all_here.wait(60)
        outputs.append(net.feedforward(X))

    threads = [threading.Thread(target=predict) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(net._predictors) == KEPT_WORKSPACES
    assert len(outputs) == count
    assert all(np.array_equal(output, expected) for output in outputs)


def test_a_workspace_lent_before_the_cost_changed_does_not_come_back():
    net = fastnet.Network([3, 2], rng=0)
    data = X, np.full((7, 2), 0.5)
    with net._workspace(net.parameters):
        net.cost = "quadratic"
    assert net._predictors == []
    outputs = net.feedforward(X)
    assert net.total_cost(data, 0.0) == pytest.approx(0.5 * np.sum((outputs - 0.5) ** 2) / 7)


def test_where_the_cost_overflows_a_network_is_told_though_it_never_predicted():
    """The layer is looked for in a new workspace, which has read no parameters yet."""
    net = fastnet.Network([3, 2], cost="quadratic", output="identity", rng=0)
    data = X, np.full((7, 2), 1e200)
    with pytest.raises(fastnet.DivergenceError, match="the running cost is inf"):
        net.train(data, 1, optimizer=fastnet.SGD(0.0), metrics="running_cost")


def test_how_many_examples_a_call_takes_changes_no_gradient_and_no_answer(monkeypatch):
    rng = np.random.default_rng(2)
    rows, y = rng.random((3000, 30)), rng.integers(0, 2, 3000)
    net = fastnet.Network([30, 40, 2], rng=0)
    expected, answers = net.backprop(rows, y), net.feedforward(rows)
    monkeypatch.setattr("fastnet.model.blocks.CALL_PRODUCTS", 1)
    assert same(net.backprop(rows, y), expected)
    assert (net.feedforward(rows) == answers).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_an_example_has_the_same_bits_alone_and_among_others(share, dtype):
    """Whichever way it takes: the shortest, that of a first call, sparse or dense."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((40, 300)) * (rng.random((40, 300)) < share)
    net = fastnet.Network([300, 37, 5], dtype=dtype, rng=1)
    first = net.feedforward(X[0])  # no workspace is kept yet
    together = net.feedforward(X)
    np.testing.assert_array_equal(net.feedforward(X[0]), first)
    for x, answer in zip(X, together, strict=True):
        np.testing.assert_array_equal(net.feedforward(x), answer)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_few_outputs_have_the_same_bits_for_any_number_of_examples(output, dtype):
    """Their rows are activated together, whatever vectors that makes."""
    X = np.random.default_rng(6).standard_normal((23, 4))
    for n_out in (1, 2, 3, 5, 9):
        if (output, n_out) == ("softmax", 1):
            continue
        cost = {"softmax": "log_likelihood", "exponential": "poisson"}.get(output, "quadratic")
        net = fastnet.Network([4, n_out], cost, output=output, dtype=dtype, rng=1)
        alone = np.array([net.feedforward(x) for x in X])
        for n in (2, 3, 7, 23):
            np.testing.assert_array_equal(net.feedforward(X[:n]), alone[:n])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_zeros_that_come_and_go_change_no_bit(dtype):
    """Parts of a batch that are mostly zeros go another way than the others, into wide layers."""
    rng = np.random.default_rng(5)
    share = np.repeat([0.05, 1.0, 0.1, 0.0, 0.3], 130)[:, np.newaxis]
    X = (rng.standard_normal((650, 203)) * (rng.random((650, 203)) < share)).astype(dtype)
    net = fastnet.Network([203, 301, 5], dtype=dtype, rng=1)
    together = net.feedforward(X)
    np.testing.assert_array_equal(np.array([net.feedforward(x) for x in X]), together)
    np.testing.assert_array_equal(net.feedforward(np.asfortranarray(X)), together)
    np.testing.assert_array_equal(net.feedforward(X[::-1]), together[::-1])
    doubles = [[part.astype(float) for part in parts] for parts in (net.biases, net.weights)]
    twin = fastnet.reference.feedforward(*doubles, X.astype(float))
    np.testing.assert_allclose(together, twin, rtol=1e-12 if dtype is np.float64 else 2e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("share", [0.05, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_is_seen_wherever_it_stands(dtype, share, bad):
    """Where weights are zero, too: it is the product that tells of it."""
    if bad == 1e300 and dtype is np.float64:
        bad = np.nan  # a number like any other
    rng = np.random.default_rng(6)
    whole = rng.standard_normal((200, 150)) * (rng.random((200, 150)) < share)
    for sizes in ([150, 120, 2], [150, 1]):
        net = fastnet.Network(sizes, dtype=dtype, rng=1)
        net.feedforward(whole)
        for weights in (net.weights[0][...].copy(), 0.0):
            net.weights[0][...] = weights
            for row, col in zip(rng.integers(0, 200, 20), rng.integers(0, 150, 20), strict=True):
                X = whole.copy()
                X[row, col] = bad
                for a in (X, X[row], X[row, :, np.newaxis]):
                    with pytest.raises(ValueError, match=r"^a "):
                        net.feedforward(a)
                assert np.isfinite(net.feedforward(whole)).all()


def test_finite_inputs_whose_sum_overflows_are_answered():
    net = fastnet.Network([40, 3, 2], rng=1)
    net.weights[0][...] = 1e308
    X = np.ones((300, 40))
    net.biases[1][...], net.weights[1][...] = 0, 1
    expected = 1 / (1 + np.exp(-3.0))
    for a in (X, X[0]):
        np.testing.assert_allclose(net.feedforward(a), expected, rtol=1e-15)
