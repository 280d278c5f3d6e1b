"""L-BFGS against SciPy called by hand, and without SciPy."""

import copy
import sys
import warnings

import numpy as np
import pytest

import fastnet
from fastnet import LBFGS

from ..formulas import Plain, flattened, is_weight, problem, regularized


def minimized_by_hand(net, X, Y, iterations, l2, memory, tolerance):
    """What `scipy.optimize.minimize` finds from the plain cost and gradient, and its path."""
    minimize = pytest.importorskip(
        "scipy.optimize", reason="SciPy (scipy) is not installed"
    ).minimize
    plain, n = Plain.of(net), len(X)
    is_w = is_weight(net.sizes)

    def objective(x):
        plain.flat = x
        cost = plain.costs(X, Y).mean() + l2 / (2 * n) * (x[is_w] ** 2).sum()
        return cost, regularized(plain, plain.gradient(X, Y), n, l2=l2)

    path = []
    options = {"maxiter": iterations, "maxcor": memory, "gtol": tolerance, "ftol": 0.0}
    minimize(
        objective, plain.flat, jac=True, method="L-BFGS-B", options=options,
        callback=lambda x: path.append(objective(x)[0]),
    )  # fmt: skip
    return path


@pytest.mark.parametrize("rows", [20, 700])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_lbfgs_is_scipys(l2, rows):
    net, X, labels, Y = problem(np.float64, 0.3, rows=rows)
    path = minimized_by_hand(net, X, Y, 12, l2, memory=4, tolerance=1e-6)
    history = net.train(
        (X, labels), 12, None, optimizer=LBFGS(memory=4, tolerance=1e-6), l2=l2,
        metrics=["training_cost"],
    )  # fmt: skip
    assert len(path) == 12
    np.testing.assert_allclose(history.column("training_cost"), path, rtol=1e-6)
    assert net.total_cost((X, labels), l2) == history[-1]["training_cost"]
    assert [record["epoch"] for record in history] == list(range(12))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("optimizer", "epochs", "options"),
    [
        (LBFGS(), 7, {"maxcor": 10, "gtol": 1e-5, "ftol": 0.0, "maxfun": 7000}),
        (
            LBFGS(memory=3, tolerance=1e-3, reduction=1e-9, max_evaluations=11),
            5,
            {"maxcor": 3, "gtol": 1e-3, "ftol": 1e-9, "maxfun": 11},
        ),
    ],
)
def test_what_reaches_scipy(optimizer, epochs, options, dtype, monkeypatch):
    """Start, options, and the regularized mean cost with its gradient at any point."""
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy (scipy) is not installed")
    net, X, labels, Y = problem(dtype, 0.3, rows=50)
    start, real, calls = net.parameters.copy(), optimize.minimize, []
    n, l2, is_w = len(X), 0.5, is_weight(net.sizes)

    def minimize(objective, x0, *args, **given):
        calls.append(given)
        assert not args and x0.dtype == np.float64
        np.testing.assert_array_equal(x0, start.astype(np.float64))
        rng = np.random.default_rng(0)
        for x in (x0, rng.standard_normal(x0.size), np.zeros(x0.size)):
            plain = Plain.of(net)
            plain.flat = x.astype(dtype).astype(np.float64)
            cost, gradient = objective(x)
            # The penalty is worked out at x itself.
            wanted = plain.costs(X, Y).mean() + l2 / (2 * n) * (x[is_w] ** 2).sum()
            slope = regularized(plain, plain.gradient(X, Y), n, l2=l2)
            close = (
                {"rtol": 1e-5, "atol": 1e-6}
                if dtype == np.float32
                else {"rtol": 1e-10, "atol": 1e-12}
            )
            np.testing.assert_allclose(cost, wanted, **close)
            np.testing.assert_allclose(gradient, slope, **close)
            assert isinstance(cost, float) and gradient.dtype == np.float64
        return real(objective, x0, **given)

    monkeypatch.setattr(optimize, "minimize", minimize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # not converged, in so few
        net.train((X, labels), epochs, None, optimizer=optimizer, l2=l2)
    (given,) = calls
    assert callable(given.pop("callback"))
    assert given == {
        "jac": True, "method": "L-BFGS-B", "options": {"maxiter": epochs, **options}
    }  # fmt: skip


def test_lbfgs_sums_its_gradient_over_pieces(monkeypatch):
    """Rows that have to be converted come in blocks; here in blocks of a few."""
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float64, rows=50)
    twin = copy.deepcopy(net)
    net.train((X, labels), 5, None, optimizer=LBFGS())
    monkeypatch.setattr("fastnet.data.rows.BLOCK_BYTES", 7 * 9 * 8)
    twin.train((X.astype(np.float16), labels), 5, None, optimizer=LBFGS())
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-7, atol=1e-9)


def test_lbfgs_in_float32():
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float32)
    before = net.total_cost((X, labels), 0.1)
    net.train((X, labels), 30, None, optimizer="L-BFGS", l2=0.1)
    after = net.total_cost((X, labels), 0.1)
    assert after < before / 3
    assert np.linalg.norm(flattened(*net.backprop(X, labels))) / len(X) < 0.1


def test_lbfgs_stops_where_the_gradient_is_small():
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, Y = problem(np.float64)
    history = net.train((X, labels), 500, None, optimizer=LBFGS(tolerance=1e-4), l2=1.0)
    assert 3 < len(history) < 500
    gradient = regularized(Plain.of(net), Plain.of(net).gradient(X, Y), len(X), l2=1.0)
    assert np.abs(gradient).max() < 1e-4


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7])
def test_lbfgs_records_why_it_ended_itself(tolerance):
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float64)
    history = net.train((X, labels), 5000, None, optimizer=LBFGS(tolerance=tolerance), l2=1.0)
    assert 3 < len(history) < 5000
    assert [*history.column("message")] == [history[-1]["message"]]
    assert history[-1]["message"].startswith("CONVERGENCE")
    assert net.history[-1] == history[-1]


def test_lbfgs_says_what_kept_it_from_converging(monkeypatch):
    """When SciPy gives up depends on rounding; here it says that it has, wherever it ends."""
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy (scipy) is not installed")
    minimize = optimize.minimize

    def gives_up(*arguments, **options):
        found = minimize(*arguments, **options)
        found.update(success=False, status=2, message="ABNORMAL: ")
        return found

    monkeypatch.setattr(optimize, "minimize", gives_up)
    net, X, labels, _ = problem(np.float64)
    with pytest.warns(RuntimeWarning, match="has not converged: SciPy says 'ABNORMAL'") as caught:
        history = net.train((X, labels), 5000, None, optimizer=LBFGS(tolerance=1e-4), l2=1.0)
    assert f"ended after {len(history)} of 5000 epochs" in str(caught[0].message)
    assert history[-1]["message"] == "ABNORMAL"
    assert caught[0].filename == __file__


def test_lbfgs_that_we_end_leaves_no_message():
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float32)
    history = net.train((X, labels), 3, None, optimizer=LBFGS(tolerance=0.0))
    for _ in range(3):
        net.partial_fit((X, labels))
    assert len(history) == 3
    assert not any("message" in record for record in net.history)


def test_lbfgs_hears_callbacks():
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float64)

    class StopAtThree(fastnet.Callback):
        def on_epoch_end(self, network, record):
            return record["epoch"] == 2

    done = []
    history = net.train(
        (X, labels), 50, None, optimizer=LBFGS(), callbacks=StopAtThree(), l2=1.0,
        progress=lambda *counts: done.append(counts),
    )  # fmt: skip
    assert len(history) == 3 and "message" not in history[-1]
    assert done == [(1, 50), (2, 50), (3, 50)]
    assert len(net.train((X, labels), 0, None, optimizer=LBFGS())) == 0


def test_lbfgs_weighs_examples():
    pytest.importorskip("scipy", reason="SciPy (scipy) is not installed")
    net, X, labels, _ = problem(np.float64)
    twin = copy.deepcopy(net)
    weights = np.repeat([2.0, 0.0], 10)
    net.train((X, labels), 8, None, optimizer=LBFGS(), sample_weight=weights)
    twin.train((X[:10], labels[:10]), 8, None, optimizer=LBFGS())
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-6, atol=1e-8)


def test_lbfgs_without_scipy_says_what_to_install(monkeypatch):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError) as caught:
        net.train((X, labels), 2, None, optimizer=LBFGS())
    assert "pip install 'fastnet-mlp[scipy]'" in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)
    # And the next training is not asked for SciPy again.
    assert net.train((X, labels), 1, 5)[0]["eta"] == 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mini_batch_size": 5}, "mini_batch_size is 5; LBFGS needs all 20"),
        ({"l1": 1.0}, "l1 is 1.0"),
        ({"max_norm": 2.0}, "max_norm is 2.0"),
        ({"clip_norm": 2.0}, "clip_norm is 2.0"),
        ({"dropout": 0.5}, "dropout is"),
    ],
)
def test_what_does_not_go_with_lbfgs_is_refused(options, said):
    net, X, labels, _ = problem(np.float64)
    before = net.parameters.copy()
    with pytest.raises(ValueError) as caught:
        net.train((X, labels), 2, **{"mini_batch_size": None, **options}, optimizer=LBFGS())
    assert said in str(caught.value)
    np.testing.assert_array_equal(net.parameters, before)
