"""Chapter 3 in plain NumPy, from its formulas: activations, costs, gradients, regularization.

An oracle that knows nothing of the kernels. Everything is worked out in float64 on arrays with an
example a row, and gradients are those of the mean cost of the examples.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

import fastnet

from .strategies import draw_numbers


def sigmoid(z):
    """Return the logistic function, without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1 + small)


def softmax(z):
    """Return exp(z) over its sum, a row at a time."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def phi(z):
    """Return the standard normal density."""
    return np.exp(-(np.minimum(np.abs(z), 50.0) ** 2) / 2) / np.sqrt(2 * np.pi)


def normal_cdf(z):
    """Return the standard normal distribution function, to all digits in both tails."""
    return np.vectorize(math.erfc, otypes=[float])(-np.asarray(z, float) / np.sqrt(2)) / 2


def elu(scale=1.0, alpha=1.0):
    """Return the function and its derivative."""
    return (
        lambda z: np.where(z > 0, scale * z, scale * alpha * np.expm1(np.minimum(z, 0))),
        lambda z: np.where(z > 0, scale, scale * alpha * np.exp(np.minimum(z, 0))),
    )


#: Each activation and its derivative, both as functions of the weighted input.
ACTIVATIONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -350, 350)) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
    "identity": (lambda z: z, np.ones_like),
    "softmax": (softmax, None),
    "exponential": (np.exp, np.exp),
    "elu": elu(),
    "selu": elu(1.0507009873554804934, 1.6732632423543772848),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: normal_cdf(z) + z * phi(z)),
    "silu": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
    ),
    "softplus": (lambda z: np.logaddexp(0, z), sigmoid),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "sine": (np.sin, np.cos),
}
#: The most that a derivative can be, where that is not 1.
STEEPEST = {
    "sigmoid": 0.25,
    "softmax": 0.25,
    "selu": 1.0507009873554804934 * 1.6732632423543772848,
    "gelu": normal_cdf(np.sqrt(2.0)) + np.sqrt(2.0) * phi(np.sqrt(2.0)),
    "silu": (lambda z: sigmoid(z) * (1 + z * sigmoid(-z)))(np.linspace(2.3, 2.5, 20001)).max(),
}
HIDDEN = [name for name in ACTIVATIONS if name not in ("softmax", "exponential")]
#: Every cost of one output a target, with outputs that it goes with: quadratic with all.
OUTPUTS = [
    *(("quadratic", output) for output in ACTIVATIONS),
    ("cross_entropy", "sigmoid"),
    ("log_likelihood", "softmax"),
    ("poisson", "exponential"),
    ("huber", "identity"),
    ("absolute", "identity"),
]


def cost_of(cost, z, a, y):
    """Return the cost of each row, from weighted outputs and activations."""
    if cost == "quadratic":
        return 0.5 * ((a - y) ** 2).sum(axis=1)
    if cost == "huber":  # with delta 1
        size = np.abs(a - y)
        return np.where(size <= 1, size**2 / 2, size - 0.5).sum(axis=1)
    if cost == "absolute":
        return np.abs(a - y).sum(axis=1)
    if cost == "cross_entropy":
        # ln sigma(z) = -ln(1 + exp(-z)), and ln(1 - sigma(z)) = ln sigma(-z).
        return (y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)).sum(axis=1)
    if cost == "poisson":
        with np.errstate(divide="ignore", invalid="ignore"):
            return (np.where(y > 0, y * (np.log(y) - z), -y * z) - y + a).sum(axis=1)
    return (y * (np.logaddexp.reduce(z, axis=1, keepdims=True) - z)).sum(axis=1)


@dataclass
class Plain:
    """A network's parameters as plain arrays, and what can be worked out from them."""

    biases: list  # (n_out,)
    weights: list  # (n_out, n_in)
    activations: list
    cost: str
    #: What each layer's activations are multiplied by, the inputs first: dropout.
    masks: list = field(default_factory=list)

    @classmethod
    def of(cls, network):
        """Copy a `fastnet.Network`, in float64."""
        return cls(
            [np.array(b, np.float64).ravel() for b in network.biases],
            [np.array(w, np.float64) for w in network.weights],
            network.activations,
            network.cost.name,
        )

    def forward(self, X):
        """Return the weighted inputs of each layer, and the activations, the inputs first."""
        zs, activations = [], [self._masked(0, np.asarray(X, np.float64))]
        for layer, (b, w) in enumerate(zip(self.biases, self.weights, strict=True), 1):
            zs.append(activations[-1] @ w.T + b)
            activate = ACTIVATIONS[self.activations[layer - 1]][0]
            activations.append(self._masked(layer, activate(zs[-1])))
        return zs, activations

    def _masked(self, layer, a):
        mask = self.masks[layer] if layer < len(self.masks) else None
        return a if mask is None else a * mask

    def costs(self, X, Y):
        """Return the cost of each example."""
        zs, activations = self.forward(X)
        return cost_of(self.cost, zs[-1], activations[-1], Y)

    def gradient(self, X, Y, sample_weight=None):
        """Return the gradient of the mean cost, (nabla_b, nabla_w)."""
        zs, activations = self.forward(X)
        delta = self._output_error(zs[-1], activations[-1], Y)
        if sample_weight is not None:
            delta = delta * sample_weight[:, np.newaxis]
        n = len(X)
        nabla_b, nabla_w = [], []
        for layer in range(len(self.weights) - 1, -1, -1):
            nabla_b.insert(0, delta.sum(axis=0) / n)
            nabla_w.insert(0, delta.T @ activations[layer] / n)
            if layer:
                derivative = ACTIVATIONS[self.activations[layer - 1]][1]
                delta = self._masked(layer, delta @ self.weights[layer]) * derivative(zs[layer - 1])
        return nabla_b, nabla_w

    def _output_error(self, z, a, y):
        """Return dC/dz of the last layer, by the chain rule."""
        if self.cost in ("cross_entropy", "poisson"):
            return a - y
        if self.cost == "log_likelihood":
            return a * y.sum(axis=1, keepdims=True) - y
        if self.cost == "huber":
            return np.clip(a - y, -1, 1)
        if self.cost == "absolute":
            return np.sign(a - y)
        return self._through_output(z, a, a - y)

    def _through_output(self, z, a, v):
        """Return dC/dz of the last layer from v = dC/da."""
        if self.activations[-1] == "softmax":
            jacobian = a[:, :, np.newaxis] * (np.eye(a.shape[1]) - a[:, np.newaxis, :])
            return np.einsum("bjk,bj->bk", jacobian, v)
        return v * ACTIVATIONS[self.activations[-1]][1](z)

    def _to_inputs(self, zs, delta):
        """Return dC/dx from dC/dz of the last layer."""
        for layer in range(len(self.weights) - 1, 0, -1):
            derivative = ACTIVATIONS[self.activations[layer - 1]][1]
            delta = (delta @ self.weights[layer]) * derivative(zs[layer - 1])
        return delta @ self.weights[0]

    def input_gradient(self, X, Y):
        """Return the gradient of each row's cost by the row."""
        zs, activations = self.forward(X)
        return self._to_inputs(zs, self._output_error(zs[-1], activations[-1], Y))

    def vjp(self, X, v):
        """Return each row of v times the Jacobian of the row of X."""
        zs, activations = self.forward(X)
        return self._to_inputs(zs, self._through_output(zs[-1], activations[-1], v))

    def jacobian(self, X):
        """Return the derivatives of each row's outputs, (n, n_out, n_in)."""
        ones = np.eye(len(self.biases[-1]))
        return np.stack([self.vjp(X, np.tile(one, (len(X), 1))) for one in ones], axis=1)

    @property
    def flat(self):
        """All parameters, as `Network.parameters` has them."""
        return flattened(self.biases, self.weights)

    @flat.setter
    def flat(self, values):
        at = 0
        for b, w in zip(self.biases, self.weights, strict=True):
            b[:] = values[at : at + b.size]
            at += b.size
            w[:] = values[at : at + w.size].reshape(w.shape[::-1]).T
            at += w.size
        assert at == values.size


def flattened(biases, weights):
    """Return biases and weights in the order of `Network.parameters`: the inputs as rows."""
    parts = [(np.ravel(b), np.ravel(w.T)) for b, w in zip(biases, weights, strict=True)]
    return np.concatenate([part for pair in parts for part in pair])


def is_weight(sizes):
    """Return which of the flat parameters are weights."""
    return np.concatenate([np.repeat([False, True], [n, m * n]) for m, n in pairwise(sizes)])


def regularized(plain, nabla, n, l1=0.0, l2=0.0, clip_norm=None):
    """Return the flat gradient that an optimizer sees; n is the number of training examples."""
    g = flattened(*nabla)
    if clip_norm is not None:
        g = g * min(1.0, clip_norm / np.linalg.norm(g))
    w = np.where(is_weight([plain.weights[0].shape[1], *map(len, plain.biases)]), plain.flat, 0.0)
    return g + l2 / n * w + l1 / n * np.sign(w)


def problem(dtype, density=1.0, rows=20, seed=1, sizes=(9, 7, 3), rng=4):
    """Return a small network with its data: X, class numbers, and those as rows."""
    draw = np.random.default_rng(seed)
    X = draw_numbers(draw, rows, sizes[0], density, exact=True)
    labels = draw.integers(0, sizes[-1], rows)
    net = fastnet.Network(list(sizes), dtype=dtype, rng=rng, activation="tanh")
    return net, X, labels, np.eye(sizes[-1])[labels]
