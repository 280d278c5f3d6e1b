"""What type checkers make of the public API: run by mypy (`.ci/lint`), never by Python.

Right uses must pass with the types that stand here; each wrong one is an error, or else its
`type: ignore` is unused, which is an error too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Adam, Callback, EarlyStopping, History, Network, Preprocessing

Array = NDArray[Any]

X = np.eye(3)
y = np.array([0, 1, 0])


class Watch(Callback):
    """A user's own callback."""

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> bool | None:
        return record["epoch"] == 3 or None


def ones(rng: np.random.Generator | np.random.RandomState, shape: tuple[int, int]) -> Array:
    return np.ones(shape)


# --- making networks
net = Network([3, 4, 2], fastnet.LogLikelihoodCost, activation=["tanh"], rng=0, dtype="float32")
Network((3, 2), "quadratic", output="identity", initializer=ones, bias_initializer=0.5)
Network([3, 2], rng=np.random.default_rng(1))
Network([3, 2], fastnet.QuantileCost(0.1, 0.9)).cost = fastnet.QuantileCost(0.2, 0.8)
Network([3, 2], cost=fastnet.HuberCost).cost = "absolute"
Network([3, 2], initializer=[fastnet.initializers.LSUV(tolerance=0.2)]).initialize(data=[[1.0] * 3])
fastnet.initializers.LSUV("orthogonal")  # type: ignore[arg-type]
Network("3, 2", cost=3)  # type: ignore[arg-type]
Network(sizes=[3, 2], activations="tanh")  # type: ignore[call-arg]
Network([3, 2], activation=7)  # type: ignore[arg-type]

# --- what they are
assert_type(net.sizes, list[int])
assert_type(net.activations, list[str])
assert_type(net.weights[0], Array)
assert_type(net.parameters, Array)
assert_type(net.dtype, np.dtype[Any])
assert_type(net.history, History)
assert_type(net.preprocessing, Preprocessing | None)
net.weights = [np.ones((4, 3)), np.ones((2, 4))]
net.weights[0] = [[1.0, 2.0, 3.0]]
net.cost = "log_likelihood"
net.rng = 3
net.sizes = [3, 3]  # type: ignore[misc]
net.rng = "three"  # type: ignore[assignment]

# --- answers
assert_type(net.feedforward(X), Array)
assert_type(net.feedforward([[1.0, 0.0, 0.0]]), Array)
assert_type(net.accuracy((X, y)), int)
assert_type(net.total_cost((X, y), lmbda=0.1), float)
assert_type(net.backprop(X, y), tuple[list[Array], list[Array]])
assert_type(net.input_gradient(X, y), Array)
assert_type(net.input_gradient([1.0, 0.0, 0.0], 1), Array)
assert_type(net.jacobian(X), Array)
assert_type(net.vjp(X, [[1.0, 0.0]]), Array)
net.jacobian(X, y)  # type: ignore[call-arg]
assert_type(net.layer_statistics(X), list[dict[str, float]])
net.total_cost((X, y))  # type: ignore[call-arg]

# --- training
history = net.train((X, y), 3, optimizer=Adam(0.01), callbacks=[Watch(), EarlyStopping(3)])
assert_type(history, History)
assert_type(history.column("training_cost"), list[Any])
assert_type(history.to_json(), str)
lists = net.SGD((X, y), 1, 2, 0.1, evaluation_data=(X, y), monitor_evaluation_accuracy=True)
assert_type(lists, tuple[list[float], list[int], list[float], list[int]])
net.train((X, y), "3")  # type: ignore[arg-type]
net.train((X, y), 3, l2="much")  # type: ignore[arg-type]
net.SGD((X, y), 1, 2)  # type: ignore[call-arg]

# --- files and other libraries
net.preprocessing = Preprocessing([0, 0, 0], np.ones(3), labels=["no", "yes"], target="kind")
net.save("net.npz")
net.save(Path("net.safetensors"))
net.to_onnx("net.onnx", preprocessing=False)
net.to_c(Path("net.h"), name="digits", preprocessing=True, labels=True)
net.to_c("net.h", labels="yes")  # type: ignore[arg-type]
assert_type(fastnet.load("net.npz"), Network)
assert_type(Network.from_torch(object(), output="softmax"), Network)
assert_type(Network.from_sklearn(object()), Network)
assert_type(net.preprocessing.inputs(X), Array)
fastnet.load(3)  # type: ignore[arg-type]
Preprocessing(labels=[1, 2])
Preprocessing(labels=[None])  # type: ignore[list-item]


class Mine(Network):
    """A user's own kind of network, which imports keep."""


assert_type(Mine.from_torch(object()), Mine)
