"""The library's mathematics in plain NumPy: read this first.

A network is two lists.  ``weights[l]`` has shape (n_out, n_in), ``biases[l]`` has shape
(n_out, 1), and every layer is sigmoid; `ACTIVATIONS` has the formulas of the others.  The
compiled kernels compute the same sums with the same names, so this module explains them, checks
them in tests and is the baseline of the benchmarks.

A mini-batch is a block of rows, one example per row, and the letters after an array's name give
its shape: ``x_bi`` is (batch, inputs), ``delta_bu`` is (batch, units).  All arrays of a call
have the same dtype, float64 or float32, and the arithmetic stays in it.  Nothing is checked here.

The equations are those of chapters 2 and 3 of Michael Nielsen, *Neural Networks and Deep
Learning* (2015): BP1 to BP4 are its four equations of backpropagation.

Examples
--------
A network with two inputs learns "or":

>>> import numpy as np
>>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> Y = one_hot(np.array([0, 1, 1, 1]), 2)
>>> biases, weights = initialize([2, 3, 2], np.random.default_rng(0))
>>> for _ in range(100):
...     train_epoch(biases, weights, X, Y, [0, 1, 2, 3],
...                 mini_batch_size=2, eta=1.0, lmbda=0.0, cost="cross_entropy")
>>> accuracy(biases, weights, X, Y)
4
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Generator = np.random.Generator | np.random.RandomState

__all__ = [
    "ACTIVATIONS",
    "COSTS",
    "Activation",
    "Cost",
    "accuracy",
    "backprop",
    "feedforward",
    "initialize",
    "one_hot",
    "sigmoid",
    "total_cost",
    "train_epoch",
    "update",
]


class Cost(NamedTuple):
    """A cost: its value for each unit, and the output error that starts backpropagation."""

    fn: Callable[[Array, Array, Array], Array]
    delta: Callable[[Array, Array, Array], Array]


def _softplus_minus(z: Array, y: Array | int) -> Array:
    """Return the cross-entropy from z, log(1 + e^z) - y z, written so that it cannot overflow."""
    cost: Array = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return cost


#: Each function takes (z, a, y): the output layer's weighted input, its activation, the target.
#: The cross-entropy uses z because 1 - a is lost once a has rounded to 1.
COSTS = {
    "quadratic": Cost(
        fn=lambda z, a, y: 0.5 * (a - y) ** 2,
        delta=lambda z, a, y: (a - y) * a * (1 - a),
    ),
    "cross_entropy": Cost(
        fn=lambda z, a, y: _softplus_minus(z, y),
        delta=lambda z, a, y: a - y,
    ),
}


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + e^-z), of z's shape and dtype, without overflow for any finite z.

    >>> sigmoid(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(z))
    a: Array = np.where(z >= 0, 1, e) / (1 + e)
    return a


class Activation(NamedTuple):
    """An activation and its derivative, both functions of the weighted input z.

    They keep the shape and dtype of z, an array of floats.  At a kink the derivative is the left
    one, as in the kernels.
    """

    fn: Callable[[Array], Array]
    prime: Callable[[Array], Array]


#: With these selu keeps mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid_prime(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    slope: Array = e / (1 + e) ** 2
    return slope


def _normal_cdf(z: Array) -> Array:
    """Return the standard normal distribution function at z, accurate in the lower tail too."""
    share: Array = (0.5 * _erfc(-z.astype(np.float64) / math.sqrt(2))).astype(z.dtype)
    return share


def _normal_density(z: Array) -> Array:
    near = np.minimum(np.abs(z), 40)  # beyond 40 the density is 0, even in float64
    density: Array = np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi)
    return density


def _two_slopes(z: Array, below: float) -> Array:
    """Return 1 where z > 0, else `below`, in z's dtype."""
    slope: Array = np.where(z > 0, 1.0, below).astype(z.dtype)
    return slope


def _elu(z: Array, alpha: float = 1.0) -> Array:
    a: Array = np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
    return a


def _elu_prime(z: Array, alpha: float = 1.0) -> Array:
    slope: Array = np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))
    return slope


#: All activations that act on each unit separately, so without softmax.
ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, _sigmoid_prime),
    "tanh": Activation(np.tanh, lambda z: 4 * _sigmoid_prime(2 * z)),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: _two_slopes(z, 0.0)),
    "leaky_relu": Activation(
        lambda z: np.where(z > 0, z, 0.01 * z), lambda z: _two_slopes(z, 0.01)
    ),
    "identity": Activation(lambda z: z, np.ones_like),
    "exponential": Activation(np.exp, np.exp),
    "elu": Activation(_elu, _elu_prime),
    "selu": Activation(
        lambda z: _SELU_SCALE * _elu(z, _SELU_ALPHA),
        lambda z: _SELU_SCALE * _elu_prime(z, _SELU_ALPHA),
    ),
    "gelu": Activation(
        lambda z: z * _normal_cdf(z), lambda z: _normal_cdf(z) + z * _normal_density(z)
    ),
    "silu": Activation(lambda z: z * sigmoid(z), lambda z: sigmoid(z) + z * _sigmoid_prime(z)),
    "softplus": Activation(lambda z: _softplus_minus(z, 0), sigmoid),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda z: (1 / (1 + np.abs(z))) ** 2),
    "sine": Activation(np.sin, np.cos),
}


def one_hot(y: Array, units: int, dtype: npt.DTypeLike = np.float64) -> Array:
    """Return class numbers y, shape (n,), as target rows of shape (n, units).

    >>> one_hot(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]])
    """
    return np.eye(units, dtype=dtype)[y]


def initialize(
    sizes: Sequence[int],
    rng: Generator,
    large: bool = False,
    dtype: npt.DTypeLike = np.float64,
) -> tuple[list[Array], list[Array]]:
    """Return starting parameters: biases are drawn first, layer by layer, then weight matrices.

    Both initializers draw biases from N(0, 1).  The default one divides a neuron's weights by the
    square root of their number, so that its weighted input starts near 0, where the sigmoid is
    steep; the large one does not.  (The book's chapter 3, "Weight initialization".)

    Parameters
    ----------
    sizes : sequence of int
        Neurons in each layer, inputs first.
    rng : numpy.random.Generator or numpy.random.RandomState
        Source of the draws, by ``standard_normal``, in float64 for both dtypes.
    large : bool
        Whether to leave the weights at N(0, 1).
    dtype : float64 or float32
        Type to which the draws are rounded at the end.

    Returns
    -------
    biases, weights : list of ndarray
        Shapes (n_out, 1) and (n_out, n_in).

    Examples
    --------
    >>> biases, weights = initialize([784, 30, 10], np.random.default_rng(1))
    >>> [w.shape for w in weights], [b.shape for b in biases]
    ([(30, 784), (10, 30)], [(30, 1), (10, 1)])
    """
    biases = [rng.standard_normal((n, 1)) for n in sizes[1:]]
    weights = [rng.standard_normal((n, m)) for m, n in pairwise(sizes)]
    if not large:
        weights = [w / np.sqrt(w.shape[1]) for w in weights]
    return [b.astype(dtype) for b in biases], [w.astype(dtype) for w in weights]


def _forward(
    biases: Sequence[Array], weights: Sequence[Array], x_bi: Array
) -> tuple[Array, list[Array]]:
    """Return the last layer's weighted input, and every layer's activation, x_bi first."""
    activations = [x_bi]
    for b, w in zip(biases, weights, strict=True):
        z_bu = activations[-1] @ w.T + b.T
        activations.append(sigmoid(z_bu))
    return z_bu, activations


def feedforward(biases: Sequence[Array], weights: Sequence[Array], x_bi: Array) -> Array:
    """Return the network's output, (batch, n_L), for the rows of x_bi, (batch, n_0).

    >>> feedforward([np.zeros((1, 1))], [np.array([[1.0, -1.0]])], np.array([[3.0, 3.0]]))
    array([[0.5]])
    """
    return _forward(biases, weights, x_bi)[1][-1]


def backprop(
    biases: Sequence[Array], weights: Sequence[Array], x_bi: Array, y_bu: Array, cost: str
) -> tuple[list[Array], list[Array]]:
    """Return the gradient of the cost, summed (not averaged) over the batch.

    Parameters
    ----------
    biases, weights : sequence of ndarray
        Shapes (n_out, 1) and (n_out, n_in).
    x_bi, y_bu : ndarray
        Inputs (batch, n_0) and target rows (batch, n_L).
    cost : str
        A name in `COSTS`.

    Returns
    -------
    nabla_b, nabla_w : list of ndarray
        With the shapes of biases and weights.  They do not include the L2 term; `update` adds it.

    Examples
    --------
    One sigmoid neuron at z = 0 with target 1 has the error a - y = -1/2:

    >>> backprop([np.zeros((1, 1))], [np.zeros((1, 1))], np.array([[3.0]]), np.array([[1.0]]),
    ...          "cross_entropy")
    ([array([[-0.5]])], [array([[-1.5]])])
    """
    z_bu, activations = _forward(biases, weights, x_bi)
    delta_bu = COSTS[cost].delta(z_bu, activations[-1], y_bu)  # BP1
    nabla_b, nabla_w = [], []
    for layer in reversed(range(len(weights))):
        a_bi = activations[layer]
        nabla_b.append(delta_bu.sum(axis=0)[:, np.newaxis])  # BP3
        nabla_w.append(delta_bu.T @ a_bi)  # BP4
        if layer > 0:
            delta_bu = (delta_bu @ weights[layer]) * a_bi * (1 - a_bi)  # BP2
    return nabla_b[::-1], nabla_w[::-1]


def update(
    biases: Sequence[Array],
    weights: Sequence[Array],
    x_bi: Array,
    y_bu: Array,
    *,
    eta: float,
    lmbda: float,
    n: int,
    cost: str,
) -> None:
    """Take one step of gradient descent with L2 decay, in place.

    With m rows in the batch, w <- (1 - eta lmbda / n) w - (eta / m) nabla_w and
    b <- b - (eta / m) nabla_b.  Biases do not decay.  n is the size of the whole training set.

    >>> b, w = [np.zeros((1, 1))], [np.ones((1, 1))]
    >>> update(b, w, np.array([[0.0]]), np.array([[1.0]]),
    ...        eta=0.5, lmbda=1.0, n=5, cost="cross_entropy")
    >>> b, w
    ([array([[0.25]])], [array([[0.9]])])
    """
    nabla_b, nabla_w = backprop(biases, weights, x_bi, y_bu, cost)
    # Python floats, so that a NumPy float64 scalar cannot lift a float32 network to float64.
    decay, step = float(1 - eta * lmbda / n), float(eta / len(x_bi))
    for b, nb in zip(biases, nabla_b, strict=True):
        b -= step * nb
    for w, nw in zip(weights, nabla_w, strict=True):
        w *= decay
        w -= step * nw


def train_epoch(
    biases: Sequence[Array],
    weights: Sequence[Array],
    X: Array,
    Y: Array,
    order: Sequence[int] | Array,
    *,
    mini_batch_size: int,
    eta: float,
    lmbda: float,
    cost: str,
) -> None:
    """Train on the rows in this order, one mini-batch at a time, in place.

    X is (n, n_0) and Y is (n, n_L).  A short last mini-batch is divided by its own length, as in
    the book.  For an example see the top of the module.
    """
    order = np.asarray(order, dtype=np.intp)
    n = len(order)
    for start in range(0, n, mini_batch_size):
        rows = order[start : start + mini_batch_size]
        update(biases, weights, X[rows], Y[rows], eta=eta, lmbda=lmbda, n=n, cost=cost)


def total_cost(
    biases: Sequence[Array],
    weights: Sequence[Array],
    X: Array,
    Y: Array,
    *,
    lmbda: float,
    cost: str,
) -> float:
    """Return the mean cost of the rows plus (lmbda / 2n) times the sum of squared weights.

    A neuron that is saturated on the wrong side, with z = 800, costs 800 and not infinity:

    >>> total_cost([np.array([[800.0]])], [np.zeros((1, 1))], np.zeros((1, 1)), np.zeros((1, 1)),
    ...            lmbda=0.0, cost="cross_entropy")
    800.0
    """
    z_bu, activations = _forward(biases, weights, X)
    data_term = COSTS[cost].fn(z_bu, activations[-1], Y).sum() / len(X)
    return float(data_term + lmbda / (2 * len(X)) * sum((w * w).sum() for w in weights))


def accuracy(biases: Sequence[Array], weights: Sequence[Array], X: Array, y: Array) -> int:
    """Return the number of rows whose largest output is that of the right class.

    y is class numbers (n,) or target rows (n, n_L), whose largest entry is the class.
    """
    classes = y.argmax(axis=1) if y.ndim == 2 else y
    return int((feedforward(biases, weights, X).argmax(axis=1) == classes).sum())
