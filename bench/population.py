"""Time the outputs of every network in a population, as evolution strategies need them.

Run it as: python bench/population.py

1,000 networks of 4-32-4 on 10 rows, either the same rows for all or different rows for each.
fastnet does it in one call of `Ensemble.feedforward`, NumPy network by network or in stacked
products, and JAX, if installed, with `jax.vmap` under `jax.jit`.  Every peer is a process of its
own, and they take turns; each answer is compared with NumPy's before it is timed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import fastnet
import numpy as np

import machine

SIZES, NETWORKS, ROWS = (4, 32, 4), 1000, 10
SECONDS = 0.02  # length of a sample, of many calls
SAMPLES = 25
CORES = machine.usable_cores()
PEERS = ("fastnet, one thread", f"fastnet, {CORES} threads", "NumPy, network by network",
         "NumPy, stacked products", "jax.vmap")  # fmt: skip

Parameters = list[tuple[np.ndarray, np.ndarray]]
Answer = Callable[[], Any]
Function = Callable[[Any], Any]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return the logistic function in plain NumPy."""
    return 1 / (1 + np.exp(-z))


def itself(z: Any) -> Any:
    """Return z."""
    return z


#: Activations of the hidden layer and of the output.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, sigmoid),  # what a network has by default
    "tanh": (np.tanh, itself),
    "relu": (lambda z: np.maximum(z, 0), itself),
}


def forward(parameters: Parameters, a: Any, hidden: Function, output: Function) -> Any:
    """Return the outputs of one network, or of all in stacked products.

    Weights are (n_in, n_out) or (k, n_in, n_out), biases (n_out,) or (k, 1, n_out).
    """
    (w, b), (w_last, b_last) = parameters
    return output(hidden(a @ w + b) @ w_last + b_last)


def population(activation: str, dtype: str) -> fastnet.Ensemble:
    """Return the networks."""
    output = "sigmoid" if activation == "sigmoid" else "identity"
    options: dict[str, Any] = {"activation": activation, "output": output, "dtype": dtype}
    return fastnet.Ensemble(SIZES, NETWORKS, "quadratic", rng=0, **options)


def read(ensemble: fastnet.Ensemble) -> tuple[list[Parameters], Parameters]:
    """Return the parameters network by network, and stacked."""
    nets: list[Parameters] = [
        [(np.ascontiguousarray(w.T), b[:, 0]) for w, b in zip(net.weights, net.biases, strict=True)]
        for net in ensemble
    ]
    layers = range(len(SIZES) - 1)
    stacked = [
        (np.stack([net[at][0] for net in nets]), np.stack([net[at][1] for net in nets])[:, None])
        for at in layers
    ]
    return nets, stacked


def jax_peer(stacked: Parameters, X: np.ndarray, activation: str, each: bool) -> Answer:
    """Return JAX's compiled call; parameters and rows are already on its device."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", X.dtype == np.float64)
    hidden = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[activation]
    output = jax.nn.sigmoid if activation == "sigmoid" else itself

    def one(parameters: Any, x: Any) -> Any:
        return forward(parameters, x, hidden, output)

    answer = jax.jit(jax.vmap(one, in_axes=(0, 0 if each else None)))
    parameters = [(jnp.asarray(w), jnp.asarray(b)) for w, b in stacked]
    x = jnp.asarray(X)
    return lambda: answer(parameters, x).block_until_ready()


def measure(peer: str, activation: str, each: bool, dtype: str) -> float:
    """Return the median seconds that one peer's call takes."""
    ensemble = population(activation, dtype)
    nets, stacked = read(ensemble)
    shape = (NETWORKS, ROWS, SIZES[0]) if each else (ROWS, SIZES[0])
    X = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    rows = X if each else [X] * NETWORKS
    functions = ACTIVATIONS[activation]

    def one_by_one() -> list[Any]:
        return [forward(net, row, *functions) for net, row in zip(nets, rows, strict=True)]

    answer: Answer = one_by_one
    if peer.startswith("fastnet"):
        fastnet.set_num_threads(1 if "one" in peer else CORES)
        answer = lambda: ensemble.feedforward(X)  # noqa: E731
    elif peer == "NumPy, stacked products":
        answer = lambda: forward(stacked, X, *functions)  # noqa: E731
    elif peer == "jax.vmap":
        answer = jax_peer(stacked, X, activation, each)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(np.asarray(answer()), one_by_one(), rtol=0, atol=tolerance)
    number = max(1, int(SECONDS / _seconds(answer, 3)))
    return statistics.median(_seconds(answer, number) for _ in range(SAMPLES))


def _seconds(answer: Answer, number: int) -> float:
    began = time.perf_counter()
    for _ in range(number):
        answer()
    return (time.perf_counter() - began) / number


def main() -> None:
    """Measure every case, and print a line for each peer."""
    parser = argparse.ArgumentParser(prog="bench/population.py", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--activation", choices=[*ACTIVATIONS], nargs="*", default=["sigmoid"])
    parser.add_argument("--dtype", choices=["float64", "float32"], nargs="*", default=["float64"])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(measure(*json.loads(given.measure)))
        return
    print(f"{machine.processor()}, {fastnet.kernels.variant}, {CORES} cores")
    peers = [peer for peer in PEERS if peer != "jax.vmap" or find_spec("jax")]
    for dtype in given.dtype:
        for activation in given.activation:
            for each in (False, True):
                whose = "different rows" if each else "the same rows"
                print(f"\n{NETWORKS} x {'-'.join(map(str, SIZES))}, {activation}, {dtype}, {whose}")
                taken: dict[str, list[float]] = {peer: [] for peer in peers}
                for _ in range(given.rounds):
                    for peer in peers:
                        spec = json.dumps([peer, activation, each, dtype])
                        command = [sys.executable, __file__, "--measure", spec]
                        done = subprocess.run(command, capture_output=True, text=True, check=True)
                        taken[peer].append(float(done.stdout))
                medians = {peer: statistics.median(times) for peer, times in taken.items()}
                for peer, seconds in medians.items():
                    times = seconds / medians[PEERS[0]]
                    print(f"  {peer:28} {seconds * 1e3:8.3f} ms  {times:6.1f}")


if __name__ == "__main__":
    main()
