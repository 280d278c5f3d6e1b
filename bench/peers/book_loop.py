"""The book's algorithm: one example at a time, as columns, with lists of small matrices."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from peers import Job
from problem import Problem, pack
from workloads import Workload

Array = npt.NDArray[Any]
Layers = list[Array]


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why the loop is not measured here, or None."""
    if (workload.activation, workload.output) != ("sigmoid", "sigmoid"):
        return "the book's loop has sigmoid layers only"
    if workload.data == "dense" or workload.dtype != "float64":
        return "the loop is bound by its calls, not by dtype or zeros: see W1 and W2"
    return None


def _sigmoid(z: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _sigmoid_prime(z: Array) -> Array:
    return np.asarray(_sigmoid(z) * (1 - _sigmoid(z)))


def _output(biases: Layers, weights: Layers, a: Array) -> Array:
    for b, w in zip(biases, weights, strict=True):
        a = _sigmoid(np.dot(w, a) + b)
    return a


def _gradient(biases: Layers, weights: Layers, x: Array, y: Array) -> tuple[Layers, Layers]:
    """Return the gradient of the cross-entropy for one example; x and y are columns.

    As in the book, every z is kept, and the slope is computed from it.
    """
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    zs, activations = [], [x]
    for b, w in zip(biases, weights, strict=True):
        zs.append(np.dot(w, activations[-1]) + b)
        activations.append(_sigmoid(zs[-1]))
    delta = activations[-1] - y
    for layer in range(len(weights) - 1, -1, -1):
        if layer < len(weights) - 1:
            delta = np.dot(weights[layer + 1].T, delta) * _sigmoid_prime(zs[layer])
        nabla_b[layer] = delta
        nabla_w[layer] = np.dot(delta, activations[layer].T)
    return nabla_b, nabla_w


def _update(
    biases: Layers, weights: Layers, batch: list[tuple[Array, Array]], eta: float, decay: float
) -> tuple[Layers, Layers]:
    """Return the parameters after a step along the examples' summed gradient."""
    sum_b = [np.zeros(b.shape) for b in biases]
    sum_w = [np.zeros(w.shape) for w in weights]
    for x, y in batch:
        nabla_b, nabla_w = _gradient(biases, weights, x, y)
        sum_b = [s + n for s, n in zip(sum_b, nabla_b, strict=True)]
        sum_w = [s + n for s, n in zip(sum_w, nabla_w, strict=True)]
    step = eta / len(batch)
    biases = [b - step * s for b, s in zip(biases, sum_b, strict=True)]
    weights = [decay * w - step * s for w, s in zip(weights, sum_w, strict=True)]
    return biases, weights


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload = problem.workload
    pairs = [(x[:, None], y[:, None]) for x, y in zip(problem.X, problem.Y, strict=True)]
    if workload.task == "predict" and workload.rows == 1:
        answer = partial(_output, problem.biases, problem.weights, pairs[0][0])
        return Job(run=answer, outcome=lambda: answer().ravel())
    if workload.task == "predict":

        def answers() -> list[Array]:
            return [_output(problem.biases, problem.weights, x) for x, _ in pairs]

        return Job(run=answers, outcome=lambda: np.concatenate(answers()).ravel())

    state = {"parameters": (problem.biases, problem.weights)}
    decay = 1 - workload.eta * workload.lmbda / workload.rows

    def reset() -> None:
        state["parameters"] = (problem.biases, problem.weights)

    def run() -> None:
        biases, weights = state["parameters"]
        for start in range(0, workload.rows, workload.mini_batch_size):
            batch = pairs[start : start + workload.mini_batch_size]
            biases, weights = _update(biases, weights, batch, workload.eta, decay)
        state["parameters"] = (biases, weights)

    return Job(run=run, reset=reset, outcome=lambda: pack(*state["parameters"]))
