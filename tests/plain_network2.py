"""The book's training run in plain NumPy, one example at a time: the oracle of the drop-in's tests.

Written from the equations and the run that the book's third chapter describes.  It is slow and
checks nothing.  It draws from NumPy's and Python's global generators and prints as the book's
program does under Python 3, so that two runs from the same seeds can be held beside each other.
What holds them there stands at the end.
"""

import json
import random
import re

import numpy as np

from fastnet import network2

#: By the name that the book's files give a cost: its value, from the weighted input z of the
#: output layer, and the output error.  Cross-entropy is -y ln(a) - (1 - y) ln(1 - a), written in z.
COSTS = {
    "CrossEntropyCost": (
        lambda z, y: np.sum(y * np.log1p(np.exp(-z)) + (1 - y) * np.log1p(np.exp(z))),
        lambda z, y: sigma(z) - y,
    ),
    "QuadraticCost": (
        lambda z, y: np.sum((sigma(z) - y) ** 2) / 2,
        lambda z, y: (sigma(z) - y) * sigma_prime(z),
    ),
}


def sigma(z):
    return 1 / (1 + np.exp(-z))


def sigma_prime(z):
    return sigma(z) * (1 - sigma(z))


def unit_column(length, j):
    """A column with 1 in row j and 0 elsewhere."""
    return (np.arange(length) == j).astype(float).reshape(-1, 1)


class PlainNetwork:
    """`cost` is a key of COSTS; weights and biases are lists of arrays, replaced at every step."""

    def __init__(self, sizes, cost="CrossEntropyCost"):
        self.sizes = list(sizes)
        self.cost = cost
        self.start_small()

    def start_large(self):
        self.biases = [np.random.randn(n, 1) for n in self.sizes[1:]]
        pairs = zip(self.sizes[1:], self.sizes, strict=False)
        self.weights = [np.random.randn(n, m) for n, m in pairs]

    def start_small(self):
        self.start_large()
        self.weights = [w / np.sqrt(w.shape[1]) for w in self.weights]

    def forward(self, x):
        """Every layer's weighted input and every layer's activation, x first."""
        zs, activations = [], [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            zs.append(w @ activations[-1] + b)
            activations.append(sigma(zs[-1]))
        return zs, activations

    def output(self, x):
        return self.forward(x)[1][-1]

    def gradient(self, x, y):
        zs, activations = self.forward(x)
        deltas = [COSTS[self.cost][1](zs[-1], y)]
        for w, z in zip(self.weights[:0:-1], zs[-2::-1], strict=True):
            deltas.insert(0, w.T @ deltas[0] * sigma_prime(z))
        return deltas, [d @ a.T for d, a in zip(deltas, activations, strict=False)]

    def step(self, batch, eta, lmbda, n):
        gradients = [self.gradient(x, y) for x, y in batch]
        rate, decay = eta / len(batch), 1 - eta * lmbda / n
        self.biases = [
            b - rate * sum(g[0][layer] for g in gradients) for layer, b in enumerate(self.biases)
        ]
        self.weights = [
            decay * w - rate * sum(g[1][layer] for g in gradients)
            for layer, w in enumerate(self.weights)
        ]

    def hits(self, data, targets_are_columns):
        """How many examples have their largest output at the right class."""
        classes = (np.argmax(y) if targets_are_columns else y for _, y in data)
        guesses = (np.argmax(self.output(x)) for x, _ in data)
        return sum(int(g == c) for g, c in zip(guesses, classes, strict=True))

    def mean_cost(self, data, lmbda, targets_are_columns):
        value = COSTS[self.cost][0]
        total = 0.0
        for x, y in data:
            target = y if targets_are_columns else unit_column(self.sizes[-1], y)
            total += value(self.forward(x)[0][-1], target)
        return (total + lmbda / 2 * sum(np.sum(w**2) for w in self.weights)) / len(data)

    def train(
        self,
        training_data,
        epochs,
        mini_batch_size,
        eta,
        lmbda=0.0,
        evaluation_data=None,
        monitor_evaluation_cost=False,
        monitor_evaluation_accuracy=False,
        monitor_training_cost=False,
        monitor_training_accuracy=False,
        early_stopping_n=0,
    ):
        """Shuffles `training_data`, a list, in place; returns the four lists."""
        n = len(training_data)
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy = [], [], [], []
        best, epochs_without = 0, 0
        for epoch in range(epochs):
            random.shuffle(training_data)
            for start in range(0, n, mini_batch_size):
                self.step(training_data[start : start + mini_batch_size], eta, lmbda, n)
            print(f"Epoch {epoch} training complete")
            if monitor_training_cost:
                training_cost.append(self.mean_cost(training_data, lmbda, True))
                print(f"Cost on training data: {training_cost[-1]}")
            if monitor_training_accuracy:
                training_accuracy.append(hits := self.hits(training_data, True))
                print(f"Accuracy on training data: {hits} / {n}")
            if monitor_evaluation_cost:
                evaluation_cost.append(self.mean_cost(evaluation_data, lmbda, False))
                print(f"Cost on evaluation data: {evaluation_cost[-1]}")
            if monitor_evaluation_accuracy:
                evaluation_accuracy.append(hits := self.hits(evaluation_data, False))
                print(f"Accuracy on evaluation data: {hits} / {len(evaluation_data)}")
            print()
            if early_stopping_n > 0:
                best, epochs_without = (hits, 0) if hits > best else (best, epochs_without + 1)
                if epochs_without == early_stopping_n:
                    break
        return evaluation_cost, evaluation_accuracy, training_cost, training_accuracy

    def save(self, filename):
        with open(filename, "w") as file:
            json.dump(
                {
                    "sizes": self.sizes,
                    "weights": [w.tolist() for w in self.weights],
                    "biases": [b.tolist() for b in self.biases],
                    "cost": self.cost,
                },
                file,
            )


def load(filename):
    """Builds the network first, so it takes the draws of a construction, as the book's does."""
    with open(filename) as file:
        saved = json.load(file)
    net = PlainNetwork(saved["sizes"], saved["cost"])
    net.weights = [np.array(w) for w in saved["weights"]]
    net.biases = [np.array(b) for b in saved["biases"]]
    return net


# ------------------------------------------------------------------ to hold two runs together

SEED = 12345678
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")


def blobs(n_in=5, classes=3, count=47, seed=4):
    """A small learnable problem: training pairs, evaluation pairs."""
    rng = np.random.default_rng(seed)
    centres = rng.random((classes, n_in))
    labels = rng.integers(0, classes, count)
    xs = [centres[j][:, None] + rng.normal(0, 0.3, (n_in, 1)) for j in labels]
    training = [(x, unit_column(classes, j)) for x, j in zip(xs, labels, strict=True)]
    return training, list(zip(xs, labels, strict=True))


def seed_both(seed=SEED):
    random.seed(seed)
    np.random.seed(seed)


def global_states():
    name, keys, *rest = np.random.get_state()
    return random.getstate(), (name, keys.tolist(), *rest)


def twins(sizes, cost="CrossEntropyCost", seed=SEED):
    """The same network twice, plain and fast; the generators stand as after building one."""
    seed_both(seed)
    plain = PlainNetwork(sizes, cost)
    states = global_states()
    seed_both(seed)
    fast = network2.Network(sizes, cost=getattr(network2, cost))
    assert global_states() == states
    return plain, fast


def assert_same_parameters(fast, plain, atol=1e-9):
    for kind in ("weights", "biases"):
        ours, theirs = getattr(fast, kind), getattr(plain, kind)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def assert_same_text(ours, theirs):
    """Equal but for the last digits of decimal numbers."""
    assert DECIMAL.sub("#", ours) == DECIMAL.sub("#", theirs)
    np.testing.assert_allclose(
        [float(x) for x in DECIMAL.findall(ours)],
        [float(x) for x in DECIMAL.findall(theirs)],
        rtol=1e-9,
    )


def assert_same_lists(ours, theirs):
    assert type(ours) is tuple and len(ours) == 4
    for a, b in zip(ours, theirs, strict=True):
        assert type(a) is list
        np.testing.assert_allclose(a, b, rtol=1e-9)


def same_objects(ours, theirs):
    return len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))
