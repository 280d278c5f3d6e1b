"""Plain NumPy, as written by hand: whole mini-batches, one matrix product per layer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from peers import Job
from problem import Problem, pack
from workloads import Workload

Array = npt.NDArray[Any]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": _softmax,
    "linear": lambda z: z,
}
#: The activation's derivative, as a function of the activation.
DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: a > 0,
}


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return None: NumPy does everything."""
    return None


class _Network:
    """Weights of shape (inputs, units), biases of shape (units,), and the moments of Adam."""

    def __init__(self, problem: Problem) -> None:
        workload = problem.workload
        self.weights = [w.T.copy() for w in problem.weights]
        self.biases = [b.ravel().copy() for b in problem.biases]
        hidden = ACTIVATIONS[workload.activation]
        self.activations = [hidden] * (len(self.weights) - 1) + [ACTIVATIONS[workload.output]]
        self.derivative = DERIVATIVES[workload.activation]
        self.eta, self.decay = workload.eta, workload.decay
        self.step = self.adam if workload.optimizer == "adam" else self.descend
        self.t = 0
        self.m = [np.zeros_like(p) for p in self.weights + self.biases]
        self.v = [np.zeros_like(p) for p in self.weights + self.biases]

    def feedforward(self, x: Array) -> Array:
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            x = activation(x @ w + b)
        return x

    def gradient(self, x: Array, y: Array) -> tuple[list[Array], list[Array]]:
        """Return the gradient summed over the rows; with every cost the output's delta is a - y."""
        inputs = [x]
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            inputs.append(activation(inputs[-1] @ w + b))
        delta = inputs.pop() - y
        nabla_w, nabla_b = [], []
        for layer in range(len(self.weights) - 1, -1, -1):
            nabla_w.append(inputs[layer].T @ delta)
            nabla_b.append(delta.sum(axis=0))
            if layer:
                delta = (delta @ self.weights[layer].T) * self.derivative(inputs[layer])
        return nabla_w[::-1], nabla_b[::-1]

    def input_gradient(self, x: Array, y: Array) -> Array:
        """Return the gradient of each row's cost with respect to the row."""
        inputs = [x]
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            inputs.append(activation(inputs[-1] @ w + b))
        delta = inputs.pop() - y
        for layer in range(len(self.weights) - 1, 0, -1):
            delta = (delta @ self.weights[layer].T) * self.derivative(inputs[layer])
        return np.asarray(delta @ self.weights[0].T)

    def descend(self, x: Array, y: Array) -> None:
        nabla_w, nabla_b = self.gradient(x, y)
        rate = self.eta / len(x)
        for w, g in zip(self.weights, nabla_w, strict=True):
            if self.decay:
                w *= 1 - self.eta * self.decay
            w -= rate * g
        for b, g in zip(self.biases, nabla_b, strict=True):
            b -= rate * g

    def adam(self, x: Array, y: Array) -> None:
        nabla_w, nabla_b = self.gradient(x, y)
        self.t += 1
        root = (1 - BETA_2**self.t) ** 0.5
        rate, epsilon = self.eta * root / (1 - BETA_1**self.t), EPSILON * root
        parameters = self.weights + self.biases
        for p, g, m, v in zip(parameters, nabla_w + nabla_b, self.m, self.v, strict=True):
            g /= len(x)
            m *= BETA_1
            m += (1 - BETA_1) * g
            v *= BETA_2
            v += (1 - BETA_2) * g * g
            p -= rate * m / (np.sqrt(v) + epsilon)


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload, X, Y = problem.workload, problem.X, problem.Y
    state = {"network": _Network(problem)}
    if workload.task == "predict":
        feedforward, x = state["network"].feedforward, problem.x
        return Job(run=lambda: feedforward(x), outcome=lambda: feedforward(x).ravel())
    if workload.task == "gradient":
        gradient = state["network"].gradient

        def found() -> Array:
            nabla_w, nabla_b = gradient(X, Y)
            return pack(nabla_b, [g.T for g in nabla_w])

        return Job(run=lambda: gradient(X, Y), outcome=found)

    if workload.task == "input gradient":
        each = partial(state["network"].input_gradient, problem.x, Y[0] if len(Y) == 1 else Y)
        return Job(run=each, outcome=lambda: each().ravel())

    def reset() -> None:
        state["network"] = _Network(problem)

    def run() -> None:
        step, m = state["network"].step, workload.mini_batch_size
        for _ in range(workload.epochs):
            for start in range(0, workload.rows, m):
                step(X[start : start + m], Y[start : start + m])

    def outcome() -> Array:
        network = state["network"]
        return pack(network.biases, [w.T for w in network.weights])

    return Job(run=run, reset=reset, outcome=outcome)
