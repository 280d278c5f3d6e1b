"""The right answer of every workload, in float64 and plain NumPy, for the check of parity.

Each output layer has the cost for which the output error is a - y, so forward, backward and two
optimizers fit on a page.  Adam is algorithm 1 of Kingma and Ba, 2015.  It is used in two forms,
which add epsilon to the root of the second moment either after the correction of the moment (as in
the algorithm) or before (the faster form in their section 2).  Both are computed here, and a peer
must agree with one of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from fastnet.reference import sigmoid

from problem import Problem, pack

Array = npt.NDArray[Any]
Layers = list[Array]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def softmax(z: Array) -> Array:
    """Return exp(z) over its sum along each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": softmax,
    "linear": lambda z: z,
}
#: The activation's slope, as a function of the activation itself.
SLOPES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: (a > 0).astype(a.dtype),
}


def forward(problem: Problem, biases: Layers, weights: Layers, x_bi: Array) -> Layers:
    """Return the activations of every layer, the input first."""
    names = [problem.workload.activation] * (len(weights) - 1) + [problem.workload.output]
    activations = [x_bi]
    for b, w, name in zip(biases, weights, names, strict=True):
        activations.append(ACTIVATIONS[name](activations[-1] @ w.T + b.T))
    return activations


def gradient(
    problem: Problem, biases: Layers, weights: Layers, x_bi: Array, y_bu: Array
) -> tuple[Layers, Layers]:
    """Return (nabla_b, nabla_w) of the cost, summed over the batch."""
    activations = forward(problem, biases, weights, x_bi)
    slope = SLOPES[problem.workload.activation]
    delta_bu = activations[-1] - y_bu
    nabla_b: Layers = []
    nabla_w: Layers = []
    for layer in reversed(range(len(weights))):
        a_bi = activations[layer]
        nabla_b.insert(0, delta_bu.sum(axis=0)[:, np.newaxis])
        nabla_w.insert(0, delta_bu.T @ a_bi)
        if layer > 0:
            delta_bu = (delta_bu @ weights[layer]) * slope(a_bi)
    return nabla_b, nabla_w


def input_gradient(
    problem: Problem, biases: Layers, weights: Layers, x_bi: Array, y_bu: Array
) -> Array:
    """Return the gradient of each row's cost with respect to the row."""
    activations = forward(problem, biases, weights, x_bi)
    slope = SLOPES[problem.workload.activation]
    delta_bu = activations[-1] - y_bu
    for a_bi, weight in zip(activations[-2:0:-1], weights[:0:-1], strict=True):
        delta_bu = (delta_bu @ weight) * slope(a_bi)
    return delta_bu @ weights[0]


class _Descent:
    """p <- p - eta g."""

    def __init__(self, problem: Problem, parameters: Layers, form: str) -> None:
        self.eta = problem.workload.eta

    def step(self, parameters: Layers, gradients: Layers) -> None:
        for p, g in zip(parameters, gradients, strict=True):
            p -= self.eta * g


class _Adam:
    """p <- p - eta m / (sqrt(v) + epsilon), with m and v corrected for their start at zero."""

    def __init__(self, problem: Problem, parameters: Layers, form: str) -> None:
        self.eta, self.form, self.t = problem.workload.eta, form, 0
        self.m = [np.zeros_like(p) for p in parameters]
        self.v = [np.zeros_like(p) for p in parameters]

    def step(self, parameters: Layers, gradients: Layers) -> None:
        self.t += 1
        root = np.sqrt(1 - BETA_2**self.t)
        epsilon = EPSILON * root if self.form == "after" else EPSILON
        step = self.eta * root / (1 - BETA_1**self.t)
        for p, g, m, v in zip(parameters, gradients, self.m, self.v, strict=True):
            m += (1 - BETA_1) * (g - m)
            v += (1 - BETA_2) * (g * g - v)
            p -= step * m / (np.sqrt(v) + epsilon)


def _forms(problem: Problem) -> tuple[str, ...]:
    """Return where epsilon may be added: "after" or "before" the correction."""
    adam = problem.workload.optimizer == "adam" and problem.workload.task in ("train", "step")
    return ("after", "before") if adam else ("",)


def _train(problem: Problem, form: str, X: Array, Y: Array) -> tuple[Layers, Layers]:
    workload = problem.workload
    biases = [b.astype(np.float64) for b in problem.biases]
    weights = [w.astype(np.float64) for w in problem.weights]
    parameters = biases + weights
    family: dict[str, type[_Descent | _Adam]] = {"sgd": _Descent, "adam": _Adam}
    optimizer = family[workload.optimizer](problem, parameters, form)
    for epoch in range(workload.epochs):
        if problem.orders is not None:
            order = problem.orders[epoch]
            x, y = X[order], Y[order]
        else:
            x, y = X, Y
        for start in range(0, len(x), workload.mini_batch_size):
            rows = slice(start, start + workload.mini_batch_size)
            nabla_b, nabla_w = gradient(problem, biases, weights, x[rows], y[rows])
            m = len(x[rows])
            mean_w = [g / m + workload.decay * w for g, w in zip(nabla_w, weights, strict=True)]
            optimizer.step(parameters, [g / m for g in nabla_b] + mean_w)
    return biases, weights


def solve(problem: Problem) -> dict[str, Array]:
    """Return the start, the outcomes and the held-out accuracy.

    An outcome is the trained parameters, the gradient or the outputs, as one vector; outcomes has
    a row for each form of the optimizer. Distances of outcomes are measured from the start.
    """
    biases = [b.astype(np.float64) for b in problem.biases]
    weights = [w.astype(np.float64) for w in problem.weights]
    X, Y = problem.X.astype(np.float64, copy=False), problem.Y.astype(np.float64, copy=False)
    if problem.workload.task == "predict":
        outcomes = [forward(problem, biases, weights, X)[-1].ravel()]
        start = np.zeros_like(outcomes[0])
    elif problem.workload.task == "gradient":
        outcomes = [pack(*gradient(problem, biases, weights, X, Y))]
        start = np.zeros_like(outcomes[0])
    elif problem.workload.task == "input gradient":
        outcomes = [input_gradient(problem, biases, weights, X, Y).ravel()]
        start = np.zeros_like(outcomes[0])
    else:
        start = pack(biases, weights)
        trained = [_train(problem, form, X, Y) for form in _forms(problem)]
        outcomes = [pack(*parameters) for parameters in trained]
        biases, weights = trained[0]
    right = np.nan
    if problem.y_test is not None:
        a = forward(problem, biases, weights, problem.X_test.astype(np.float64))[-1]
        right = (a.argmax(axis=1) == problem.y_test).mean()
    return {"start": start, "outcomes": np.array(outcomes), "accuracy": np.array(right)}
