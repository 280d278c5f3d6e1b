"""Ten trainings that a change of the house, and none of the mathematics, leaves as they are.

    python -m tests.training.test_same_trainings

prints a digest of each one's bits, for 1 and 2 threads, to be laid beside another checkout's. The
numbers in tests/fixtures/trainings.json are sums that another compiler gives too, within roundings;
`--write` writes them anew.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnet

KEPT = Path(__file__).parents[1] / "fixtures/trainings.json"


def dense(n=130, n_in=12):
    return np.random.default_rng(5).standard_normal((n, n_in))


def mostly_zeros(n=130, n_in=160):
    rng = np.random.default_rng(6)
    return rng.random((n, n_in)) * (rng.random((n, n_in)) < 0.1)


def sparse():
    return pytest.importorskip(
        "scipy.sparse", reason="SciPy, for sparse rows, is missing"
    ).csr_array(mostly_zeros())


def classes(n=130, n_out=4):
    return np.random.default_rng(7).integers(n_out, size=n)


def numbers(n=130, n_out=2):
    return np.random.default_rng(8).random((n, n_out))


#: name: (rows, targets, arguments of the Network, arguments of train)
TRAININGS = {
    "book": (dense, classes, {"sizes": [12, 9, 4]}, {"optimizer": "sgd", "l2": 0.5}),
    "quadratic": (
        mostly_zeros,
        classes,
        {"sizes": [160, 8, 4], "cost": "quadratic", "initializer": "large"},
        {"optimizer": "momentum"},
    ),
    "sparse": (
        sparse,
        classes,
        {"sizes": [160, 8, 4], "cost": "log_likelihood", "activation": "relu"},
        {"optimizer": "adam"},
    ),
    "float32": (
        mostly_zeros,
        classes,
        {"sizes": [160, 30, 10, 4], "dtype": np.float32, "activation": "tanh"},
        {"optimizer": "nesterov", "l1": 0.1},
    ),
    "dropout": (
        dense,
        classes,
        {"sizes": [12, 16, 16, 4], "activation": "leaky_relu"},
        {"optimizer": "rmsprop", "dropout": 0.4},
    ),
    "numbers": (
        dense,
        numbers,
        {"sizes": [12, 7, 2], "cost": "quadratic", "output": "identity"},
        {"optimizer": "adamw", "clip_norm": 0.5},
    ),
    "poisson": (
        dense,
        numbers,
        {"sizes": [12, 7, 2], "cost": "poisson"},
        {"optimizer": "sgd", "max_norm": 1.5, "schedule": "cosine"},
    ),
    "weighted": (
        mostly_zeros,
        classes,
        {"sizes": [160, 8, 4], "cost": "log_likelihood"},
        {"optimizer": "adam", "class_weight": "balanced"},
    ),
    "full batch": (
        dense,
        classes,
        {"sizes": [12, 300, 4], "activation": "tanh", "initializer": "glorot_uniform"},
        {"optimizer": "rprop", "mini_batch_size": None},
    ),
    "in order": (
        dense,
        classes,
        {"sizes": [12, 5, 4], "initializer": "orthogonal"},
        {"optimizer": "sgd", "shuffle": False, "mini_batch_size": 1, "epochs": 2},
    ),
}


def train(name, n_threads):
    rows, targets, made, asked = TRAININGS[name]
    before = fastnet.get_num_threads()
    fastnet.set_num_threads(n_threads)
    try:
        net = fastnet.Network(rng=3, **made)
        data = rows(), targets()
        asked = {"epochs": 4, "mini_batch_size": 16} | asked
        history = net.train(data, metrics=["training_cost"], **asked)
        return net, history, net.feedforward(data[0])
    finally:
        fastnet.set_num_threads(before)


def summary(name, n_threads=1):
    """Return what two compilers agree on: costs, and the norm of each layer's parameters."""
    net, history, outputs = train(name, n_threads)
    norms = [float(np.linalg.norm(part)) for part in [*net.biases, *net.weights]]
    return [*history.column("training_cost"), *norms, float(np.linalg.norm(outputs))]


def digest(name, n_threads):
    net, history, outputs = train(name, n_threads)
    told = (
        net.parameters.tobytes()
        + outputs.tobytes()
        + repr(history.column("training_cost")).encode()
    )
    return hashlib.sha256(told).hexdigest()[:16]


@pytest.mark.parametrize("name", TRAININGS)
def test_training_gives_what_it_gave(name):
    dtype = TRAININGS[name][2].get("dtype", np.float64)
    kept = json.loads(KEPT.read_text())[name]
    np.testing.assert_allclose(summary(name), kept, rtol=2000 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", TRAININGS)
def test_two_threads_give_the_bits_of_one(name):
    assert digest(name, 2) == digest(name, 1)


if __name__ == "__main__":
    if "--write" in sys.argv:
        KEPT.write_text(json.dumps({name: summary(name) for name in TRAININGS}, indent=1) + "\n")
    for name in TRAININGS:
        print(f"{name:12} {digest(name, 1)} {digest(name, 2)}")
