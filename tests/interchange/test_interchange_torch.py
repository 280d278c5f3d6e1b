"""Networks as PyTorch modules and back; the oracle is what PyTorch computes.

PyTorch is large, and in no extra that tests need: `pip install torch` to run these.
"""

import sys

import numpy as np
import pytest

import fastnet
from fastnet import Network

from ..formulas import HIDDEN

DTYPES = [np.float64, np.float32]
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


def rows(n_in, dtype, n=17):
    return np.random.default_rng(n_in).normal(0, 2, (n, n_in)).astype(dtype)


def answer(torch, module, X):
    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", [*HIDDEN, "softmax"])
@pytest.mark.parametrize("activation", HIDDEN)
def test_there_and_back(torch, activation, output, dtype):
    hidden = [activation, "tanh"]
    net = Network([3, 7, 1, 4], "quadratic", activation=hidden, output=output, dtype=dtype, rng=2)
    X = rows(3, dtype)
    module = net.to_torch()
    assert type(module) is torch.nn.Sequential and len(module) == 6
    got = answer(torch, module, X)
    assert got.dtype == dtype and np.allclose(got, net.feedforward(X), **CLOSE)
    again = Network.from_torch(module, cost="quadratic")
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again.activations == net.activations and again.dtype == dtype
    assert np.array_equal(again.feedforward(X), net.feedforward(X))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_module_of_pytorchs_own_making(torch, dtype):
    nn = torch.nn
    torch.manual_seed(3)
    shared = nn.ReLU(inplace=True)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(6, 5, bias=False), shared, nn.Dropout(0.5)),
        nn.Sequential(nn.Linear(5, 4), shared),  # an activation that stands twice
        nn.Linear(4, 4),
        nn.Linear(4, 3),  # two linear layers with nothing between
        nn.Softmax(dim=1),
    ).to(getattr(torch, dtype))
    module.eval()
    net = Network.from_torch(module)
    X = rows(6, dtype)
    assert net.sizes == [6, 5, 4, 4, 3]
    assert net.activations == ["relu", "relu", "identity", "softmax"]
    assert net.cost is fastnet.LogLikelihoodCost and not net.biases[0].any()
    assert np.allclose(net.feedforward(X), answer(torch, module, X.reshape(-1, 2, 3)), **CLOSE)
    kept = net.parameters.copy()
    with torch.no_grad():
        module[3].weight.zero_()
    assert (net.parameters == kept).all()


def test_a_sine_is_a_module_of_fastnet(torch):
    """Pickles name the class, which must be found by a process that has made no sine yet."""
    import io
    import pickle
    import subprocess

    net = Network([3, 4, 2], activation="sine", rng=0)
    module = net.to_torch()
    assert "(1): Sine()" in repr(module)
    stream = io.BytesIO()
    torch.save(module, stream)
    code = """
import io, sys, torch
print(torch.load(io.BytesIO(sys.stdin.buffer.read()), weights_only=False))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=stream.getvalue(), capture_output=True, check=False
    )
    assert done.stdout.decode().strip() == repr(module), done.stderr.decode()
    assert Network.from_torch(pickle.loads(pickle.dumps(module))).activations == net.activations
    from fastnet.interchange import torch as ours

    with pytest.raises(AttributeError, match="has no attribute 'Cosine'"):
        _ = ours.Cosine


def test_softplus_has_its_digits_beyond_pytorchs_threshold(torch):
    net = Network([1, 1], "quadratic", output="softplus")
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    X = np.linspace(15, 60, 400)[:, np.newaxis]
    got = answer(torch, net.to_torch(), X)
    np.testing.assert_allclose(got, np.logaddexp(0, X), rtol=1e-15)


def test_a_linear_layer_alone_and_a_named_sequential(torch):
    from collections import OrderedDict

    class Mine(torch.nn.Sequential):
        """A subclass that computes as Sequential does."""

    linear = torch.nn.Linear(3, 2, dtype=torch.float64)
    named = Mine(OrderedDict(first=linear, last=torch.nn.Sigmoid()))
    X = rows(3, np.float64)
    assert np.allclose(Network.from_torch(linear).feedforward(X), answer(torch, linear, X), **CLOSE)
    assert np.allclose(Network.from_torch(named).feedforward(X), answer(torch, named, X), **CLOSE)
    assert Network.from_torch(named).cost is fastnet.CrossEntropyCost


def test_logits_get_their_output(torch):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    X = rows(3, np.float32)
    logits = torch.from_numpy(answer(torch, module, X))
    for output, function, cost in (
        ("softmax", lambda z: torch.softmax(z, -1), fastnet.LogLikelihoodCost),
        ("sigmoid", torch.sigmoid, fastnet.CrossEntropyCost),
        (None, lambda z: z, fastnet.QuadraticCost),
    ):
        net = Network.from_torch(module, output=output)
        assert np.allclose(net.feedforward(X), function(logits).numpy(), **CLOSE)
        assert net.cost is cost
    with pytest.raises(ValueError, match="cost CrossEntropyCost goes with output='sigmoid'"):
        Network.from_torch(module, cost="cross_entropy")
    with pytest.raises(
        ValueError, match="output is 'softmax', but module ends in 'sigmoid'; leave"
    ):
        Network.from_torch(torch.nn.Sequential(module, torch.nn.Sigmoid()), output="softmax")


def test_pytorch_reads_the_safetensors_of_a_network(torch, tmp_path):
    from safetensors.torch import load_file

    net = Network([3, 5, 2], "log_likelihood", activation="relu", rng=1, dtype=np.float32)
    net.save(tmp_path / "net.safetensors")
    module = Network([3, 5, 2], "log_likelihood", activation="relu", dtype=np.float32).to_torch()
    module.load_state_dict(load_file(tmp_path / "net.safetensors"))
    X = rows(3, np.float32)
    assert np.allclose(answer(torch, module, X), net.feedforward(X), **CLOSE)


def test_the_copy_can_be_trained_and_draws_nothing(torch):
    net = Network([3, 2], rng=0)
    kept = net.parameters.copy()
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    module = net.to_torch()
    assert torch.rand(1) == first
    module(torch.ones(4, 3, dtype=torch.float64)).sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad.abs().sum() > 0
            parameter -= parameter.grad
    assert (net.parameters == kept).all()


def modules(nn, torch):
    """Return modules that are no plain perceptrons, and what is said of them."""

    class Residual(nn.Module):
        def forward(self, x):
            return x

    class Twice(nn.Sequential):
        def forward(self, x):
            return 2 * super().forward(x)

    hooked = nn.Linear(3, 2)
    hooked.register_forward_hook(lambda *_: None)
    meta = nn.Linear(3, 2, device="meta")
    nan = nn.Linear(3, 2)
    with torch.no_grad():
        nan.weight[0, 0] = float("nan")
    mixed = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2).double())
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    half, line = nn.Linear(3, 2, dtype=torch.bfloat16), nn.Linear(3, 2)
    return [
        (nn.Conv2d(1, 2, 3), r"module, Conv2d\(1, 2, .*, is not part of a plain multilayer perc"),
        (nn.Sequential(line, nn.Mish()), r"module\[1\], Mish\(.*, is not part of a plain"),
        (nn.Sequential(line, nn.BatchNorm1d(2)), r"module\[1\], BatchNorm1d\("),
        (nn.Sequential(nn.Sequential(line, Residual())), r"module\[0\]\[1\], Residual\(\), is no"),
        (Twice(line), r"module, Twice\( \(0\): Linear\(.*, is not part of a plain"),
        (nn.Sequential(nn.LazyLinear(2)), r"LazyLinear\("),
        (normed, "ParametrizedLinear"),
        (nn.Sequential(line, nn.LogSoftmax(1)), "leave it out and give output='softmax'"),
        (
            nn.Sequential(line, nn.LeakyReLU(0.2)),
            "differs from fastnet's leaky ReLU; expected slope",
        ),
        (nn.Sequential(line, nn.ELU(0.5)), "differs from fastnet's ELU; expected alpha 1.0"),
        (
            nn.Sequential(line, nn.GELU("tanh")),
            "differs from fastnet's GELU; expected approximation",
        ),
        (nn.Sequential(line, nn.Softplus(2)), "differs from fastnet's softplus; expected beta 1"),
        (
            nn.Sequential(line, nn.Softplus(threshold=9)),
            "has threshold 9, above which it returns z",
        ),
        (
            nn.Sequential(line, nn.Softmax(0)),
            "not a softmax over the units of a row; expected dim=-1",
        ),
        (nn.Sequential(line, nn.Softmax(1), nn.Linear(2, 2)), "'softmax' in a hidden layer"),
        (nn.Sequential(nn.ReLU(), line), r"module\[0\], ReLU\(\), stands before the first Linear"),
        (nn.Sequential(line, nn.ReLU(), nn.Tanh()), r"module\[2\], Tanh\(\), follows another"),
        (nn.Sequential(line, nn.Flatten()), r"module\[1\], Flatten\("),
        (nn.Sequential(line, nn.Linear(3, 2)), r"takes 3 inputs, and the layer before it has 2"),
        (nn.Sequential(), "module has no Linear layer"),
        (hooked, "has a forward hook, which may change its output"),
        (meta, "holds a meta tensor without numbers"),
        (nan, "holds numbers that are not finite"),
        (half, "holds torch.bfloat16; expected torch.float32 or torch.float64"),
        (mixed, "module holds torch.float32 and torch.float64; expected one"),
    ]


def test_what_is_no_plain_perceptron_is_refused_by_name(torch):
    for module, words in modules(torch.nn, torch):
        with pytest.raises(ValueError, match=words) as caught:
            Network.from_torch(module)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    for thing in (None, np.eye(3), torch.nn.Linear):
        with pytest.raises(TypeError, match=r"expected a torch\.nn\.Sequential of Linear and"):
            Network.from_torch(thing)


def test_without_pytorch_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for call in (Network([2, 3]).to_torch, lambda: Network.from_torch(None)):
        with pytest.raises(ImportError, match=r"pip install 'fastnet-mlp\[torch\]'"):
            call()


@pytest.mark.parametrize("labels", [[3, 1], [True, False], ["b", "a"], [2.0, 1.0]])
def test_names_of_classes_go_there_and_back(torch, labels):
    import copy
    import io

    net = Network([3, 4, 2], rng=0)
    net.preprocessing = fastnet.Preprocessing(labels=labels, columns=["x", "y", "z"], target="kind")
    module = net.to_torch()
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    for one in (module, copy.deepcopy(module), torch.load(stream, weights_only=False)):
        assert Network.from_torch(one).preprocessing == net.preprocessing
    assert "fastnet" not in str(stream.getvalue())  # who reads it need not have fastnet
    longer = torch.nn.Sequential(*module, torch.nn.Linear(2, 5).double())
    longer.labels = module.labels
    with pytest.raises(ValueError, match="labels has 2 entries; this network has 5 classes"):
        Network.from_torch(longer)
    longer.labels = "something of yours"
    assert Network.from_torch(longer).preprocessing is None


def test_scaling_that_a_module_does_not_do_is_said(torch):
    net = Network([2, 2], rng=0)
    net.preprocessing = fastnet.Preprocessing([1, 1], [2, 2])
    with pytest.warns(UserWarning, match="preprocessing that the module does not do") as said:
        net.to_torch()
    assert said[0].filename == __file__
