"""JAX: every epoch of the workload inside one jitted lax.scan; an ensemble under vmap."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from peers import Job
from problem import Problem, pack
from workloads import Workload

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}
OUTPUTS = {"sigmoid": jax.nn.sigmoid, "softmax": jax.nn.softmax, "linear": lambda z: z}
#: The cost, summed over units and rows, as a function of the last weighted input.
COSTS = {
    "sigmoid": lambda z, y: jnp.sum(jax.nn.softplus(z) - y * z),
    "softmax": lambda z, y: -jnp.sum(y * jax.nn.log_softmax(z)),
    "linear": lambda z, y: jnp.sum((z - y) ** 2) / 2,
}


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return None: JAX does everything, networks of an ensemble side by side under vmap."""
    return None


def _start(problem: Problem) -> list[tuple[Any, Any]]:
    pairs = zip(problem.weights, problem.biases, strict=True)
    return [(jnp.asarray(w), jnp.asarray(b.ravel())) for w, b in pairs]


def _read(parameters: list[tuple[Any, Any]]) -> np.ndarray:
    return pack([b for _, b in parameters], [w for w, _ in parameters])


def _last_z(workload: Workload) -> Callable[[Any, Any], Any]:
    activation = ACTIVATIONS[workload.activation]

    def last_z(parameters: Any, x: Any) -> Any:
        for w, b in parameters[:-1]:
            x = activation(x @ w.T + b)
        w, b = parameters[-1]
        return x @ w.T + b

    return last_z


def _updater(workload: Workload) -> Callable[[Any, Any, Any], Any]:
    """Return update(parameters, moments, gradient) -> (parameters, moments)."""
    eta, decay = workload.eta, 1 - workload.eta * workload.lmbda / workload.rows

    def descend(parameters: Any, moments: Any, gradient: Any) -> Any:
        pairs = zip(parameters, gradient, strict=True)
        return [(decay * w - eta * gw, b - eta * gb) for (w, b), (gw, gb) in pairs], moments

    def adam(parameters: Any, moments: Any, gradient: Any) -> Any:
        t, m, v = moments
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, gradient)
        # 1 - beta^t, which would lose half its digits in float32 for a small t.
        first, second = -jnp.expm1(t * math.log(BETA_1)), -jnp.expm1(t * math.log(BETA_2))
        parameters = jax.tree.map(
            lambda p, m, v: p - eta * (m / first) / (jnp.sqrt(v / second) + EPSILON),
            parameters, m, v,
        )  # fmt: skip
        return parameters, (t, m, v)

    return {"sgd": descend, "adam": adam}[workload.optimizer]


def _trainer(workload: Workload) -> Callable[..., Any]:
    last_z, cost, update = _last_z(workload), COSTS[workload.output], _updater(workload)

    def step(carry: Any, batch: Any) -> Any:
        x, y = batch
        gradient = jax.grad(lambda p: cost(last_z(p, x), y) / len(x))(carry[0])
        return update(*carry, gradient), None

    def epoch(carry: Any, whole: Any, rest: Any) -> Any:
        carry, _ = jax.lax.scan(step, carry, whole)
        return step(carry, rest)[0] if len(rest[0]) else carry

    def train(carry: Any, whole: Any, rest: Any) -> Any:
        if workload.epochs == 1:
            return epoch(carry, whole, rest)
        return jax.lax.fori_loop(0, workload.epochs, lambda _, c: epoch(c, whole, rest), carry)

    if workload.task == "ensemble":  # all networks share the data
        return jax.jit(jax.vmap(train, in_axes=(0, None, None)))
    return jax.jit(train)


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job; the first run compiles."""
    workload = problem.workload
    jax.config.update("jax_enable_x64", workload.dtype == "float64")
    start = _start(problem)
    last_z, cost = _last_z(workload), COSTS[workload.output]
    if workload.task == "predict":
        answer = jax.jit(lambda p, x: OUTPUTS[workload.output](last_z(p, x)))
        x = jnp.asarray(problem.x)
        return Job(
            run=lambda: answer(start, x).block_until_ready(),
            outcome=lambda: np.asarray(answer(start, x)).ravel(),
        )
    if workload.task == "gradient":
        gradient = jax.jit(jax.grad(lambda p, x, y: cost(last_z(p, x), y)))
        X, Y = jnp.asarray(problem.X), jnp.asarray(problem.Y)
        return Job(
            run=lambda: jax.block_until_ready(gradient(start, X, Y)),
            outcome=lambda: _read(gradient(start, X, Y)),
        )

    m = workload.mini_batch_size
    cut = workload.rows - workload.rows % m
    whole = tuple(jnp.asarray(A[:cut].reshape(-1, m, A.shape[1])) for A in (problem.X, problem.Y))
    rest = tuple(jnp.asarray(A[cut:]) for A in (problem.X, problem.Y))
    if workload.task == "ensemble":
        start = jax.tree.map(lambda p: jnp.stack([p] * workload.networks), start)
    zeros = jax.tree.map(jnp.zeros_like, start)
    train = _trainer(workload)
    moments = (jnp.zeros((), workload.dtype), zeros, zeros) if workload.optimizer == "adam" else ()
    state = {}

    def reset() -> None:
        state["carry"] = (start, moments)

    def run() -> None:
        state["carry"] = jax.block_until_ready(train(state["carry"], whole, rest))

    def outcome() -> np.ndarray:
        parameters = state["carry"][0]
        if workload.task != "ensemble":
            return _read(parameters)
        networks = [
            _read(jax.tree.map(lambda p, i=i: p[i], parameters)) for i in range(workload.networks)
        ]
        if any(np.any(each != networks[0]) for each in networks):
            raise AssertionError("networks trained alike came out different")
        return networks[0]

    reset()
    return Job(run=run, reset=reset, outcome=outcome)
