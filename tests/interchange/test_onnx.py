"""Networks as ONNX models: accepted by ONNX's checker, and run by onnxruntime to the same answers.

The oracle is onnxruntime.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

import fastnet
from fastnet import Network, Preprocessing

from ..formulas import HIDDEN

DTYPES = [np.float64, np.float32]


def run(path, X):
    """Return what onnxruntime makes of X."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"inputs": X})
    return answer


def describe(network, path):
    """Return the model's metadata."""
    return {item.key: item.value for item in onnx.load(path).metadata_props}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", [*HIDDEN, "softmax", "exponential"])
@pytest.mark.parametrize("activation", HIDDEN)
def test_onnxruntime_gives_the_same(tmp_path, activation, output, dtype):
    sizes, hidden = [3, 7, 1, 4], [activation, "tanh"]
    net = Network(sizes, "quadratic", activation=hidden, output=output, dtype=dtype, rng=2)
    net.to_onnx(tmp_path / "net.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)
    for n in (1, 2, 65):
        X = np.random.default_rng(n).normal(0, 3, (n, 3)).astype(dtype)
        got, wanted = run(tmp_path / "net.onnx", X), net.feedforward(X)
        assert got.dtype == dtype and got.shape == (n, 4) and np.ptp(wanted) > 0
        # Outputs are sums, whose terms have the size of the largest: beside float64, both libraries
        # are off by up to 8e-7 where silu layers of float32 give 2.3.
        assert np.allclose(got, wanted, rtol=1e-6, atol=1e-6 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_digits_are_read_alike(tmp_path, mnist, dtype):
    net = Network([784, 30, 10], rng=0, dtype=dtype)
    net.SGD((mnist.train[0][:2000], mnist.train[1][:2000]), 1, 10, 0.5)
    net.to_onnx(tmp_path / "net.onnx")
    X = mnist.test[0][:500].astype(dtype)
    assert np.allclose(run(tmp_path / "net.onnx", X), net.feedforward(X), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_model_takes_data_as_they_came(tmp_path, dtype):
    # Far from 0, so that float32 alone would lose the digits that matter.
    X = np.random.default_rng(1).normal([1000, 1, -70], 0.01, (50, 3)).astype(dtype)
    net = Network([3, 5, 1], "quadratic", output="identity", dtype=dtype, rng=3)
    net.preprocessing = Preprocessing(
        X.mean(axis=0, dtype=np.float64),
        X.std(axis=0, dtype=np.float64),
        target_mean=-100.0,
        target_scale=25.0,
    )
    p = net.preprocessing
    net.to_onnx(tmp_path / "net.onnx")
    wanted = p.outputs(net.feedforward(p.inputs(X)))
    assert np.allclose(run(tmp_path / "net.onnx", X), wanted, rtol=1e-6, atol=1e-6)
    assert describe(net, tmp_path / "net.onnx")["standardizes_inputs"] == "true"
    net.to_onnx(tmp_path / "bare.onnx", preprocessing=False)
    X = p.inputs(X).astype(dtype)
    assert np.allclose(run(tmp_path / "bare.onnx", X), net.feedforward(X), rtol=1e-6, atol=1e-6)
    assert describe(net, tmp_path / "bare.onnx")["standardizes_inputs"] == "false"


def test_names_stand_in_the_metadata(tmp_path):
    net = Network([2, 3], "log_likelihood")
    net.preprocessing = Preprocessing(
        labels=["cat", "Hündchen", "<b>"], columns=["length", ""], target="kind"
    )
    net.to_onnx(tmp_path / "net.onnx")
    found = describe(net, tmp_path / "net.onnx")
    assert {name: json.loads(found[name]) for name in ("labels", "columns", "target")} == {
        "labels": ["cat", "Hündchen", "<b>"],
        "columns": ["length", ""],
        "target": "kind",
    }
    assert found["cost"] == "log_likelihood" and json.loads(found["activations"]) == ["softmax"]
    assert onnx.load(tmp_path / "net.onnx").producer_version == fastnet.__version__
    Network([2, 3]).to_onnx(tmp_path / "net.onnx")  # a file that is there is replaced
    assert "labels" not in describe(net, tmp_path / "net.onnx")


def test_a_log_variance_is_that_of_the_target_s_units(tmp_path):
    """Of targets that were divided by 10, the standard deviation is 10 times as large."""
    net = Network([2, 4], "gaussian", rng=0)
    X = np.random.default_rng(0).standard_normal((5, 2))
    mean, log_variance = np.split(net.feedforward(X), 2, axis=1)
    net.preprocessing = Preprocessing(target_mean=5.0, target_scale=10.0)
    net.to_onnx(tmp_path / "net.onnx")
    found = run(tmp_path / "net.onnx", X)
    np.testing.assert_allclose(found[:, :2], 10 * mean + 5)
    np.testing.assert_allclose(np.exp(found[:, 2:] / 2), 10 * np.exp(log_variance / 2))


def refuse(net, path, error, words):
    """Check that nothing is written, and that one sentence says why."""
    with pytest.raises(error, match=words) as caught:
        net.to_onnx(path)
    assert "\n" not in str(caught.value) and not list(path.parent.iterdir())


def test_a_function_is_refused(tmp_path):
    net = Network([2, 3, 2])
    net.preprocessing = np.log1p
    refuse(net, tmp_path / "a.onnx", TypeError, "preprocessing is <ufunc 'log1p'>, which ONNX")
    net = Network([2, 3, 2])
    net._architecture = net._architecture._replace(activations=(np.sin, "sigmoid"))
    refuse(net, tmp_path / "a.onnx", ValueError, "layer 1 has the activation <ufunc 'sin'>, which")


def test_what_cannot_be_right_is_refused(tmp_path):
    net = Network([2, 3])
    net.weights[0][1, 1] = np.inf
    refuse(net, tmp_path / "a.onnx", ValueError, r"not finite; '.*a\.onnx' was not written")
    net = Network([2, 3])
    net.preprocessing = Preprocessing([0.0], [2.0])
    refuse(net, tmp_path / "a.onnx", ValueError, r"preprocessing\.mean has 1 entries")


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("to_onnx", {"path": 3}, "^path is of type int"),
        ("to_onnx", {"path": "a.onnx", "preprocessing": "no"}, "^preprocessing is 'no'"),
        ("to_sklearn", {"multilabel": "no"}, "^multilabel is 'no'"),
    ],
)
def test_arguments_of_another_type_are_named(method, arguments, words, here):
    with pytest.raises(TypeError, match=words):
        getattr(Network([2, 3]), method)(**arguments)
    assert not list(here.glob("*.onnx"))


def test_without_onnx_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refuse(Network([2, 3]), tmp_path / "a.onnx", ImportError, r"pip install 'fastnet-mlp\[onnx\]'")


def test_a_layer_is_a_product_and_an_activation(tmp_path):
    """Readers such as OMLT's follow this chain, and take the factors from the attributes."""
    net = Network([2, 3, 4, 1], "quadratic", activation=["relu", "identity"], output="identity")
    net.to_onnx(tmp_path / "net.onnx")
    nodes = onnx.load(tmp_path / "net.onnx").graph.node
    assert [node.op_type for node in nodes] == ["Gemm", "Relu", "Gemm", "Gemm"]
    for node in nodes:
        if node.op_type == "Gemm":
            factors = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
            assert factors == {"alpha": 1.0, "beta": 1.0, "transB": 1}
