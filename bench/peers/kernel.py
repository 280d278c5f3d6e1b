"""fastnet's compiled code alone; what public methods take beyond it is the cost of Python.

A prediction is the compiled call that `feedforward` makes for a plain array, or the general one if
the array does not qualify. A step is one call on wrapped rows, with the parameters in the kernel's
own layout; the variant "copied" also copies them from the network's arrays and back, as public
methods must, since users may write into these arrays.
"""

from typing import Any

import fastnet
import numpy as np
from fastnet import kernels

from peers import Job
from peers.fastnet import network_of
from problem import Problem, pack
from workloads import Workload


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why this is not measured, or None."""
    if workload.task not in ("predict", "step") or workload.estimator:
        return "measured where one call predicts or takes one step"
    if variant and workload.task != "step":
        return "a prediction does not copy the parameters"
    return None


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    net = network_of(problem.workload)
    net.weights, net.biases = problem.weights, problem.biases
    job = _prediction if problem.workload.task == "predict" else _step
    return job(problem, net, variant)


def _prediction(problem: Problem, net: Any, variant: str) -> Job:
    x, parameters, details = problem.x, net.parameters, {"kernel": kernels.variant}
    net.feedforward(x)
    engine = net._predictors[-1]  # which the network keeps for the next call
    if engine.answer(x, parameters) is not None:
        return Job(
            run=lambda: engine.answer(x, parameters),
            outcome=lambda: np.ravel(engine.answer(x, parameters)),
            details=details,
        )
    n = len(problem.X)
    rows, order = kernels.rows.Rows(problem.X), np.arange(n, dtype=np.intp)
    out = np.empty((n, net.sizes[-1]), net.dtype)
    return Job(
        run=lambda: engine.predict(rows, order, 0, n, out),
        outcome=out.ravel,
        details=details,
    )


def _step(problem: Problem, net: Any, variant: str) -> Job:
    workload, n = problem.workload, problem.workload.rows
    optimizer = (fastnet.Adam if workload.optimizer == "adam" else fastnet.SGD)(workload.eta)
    activations = [kernels.codes.ACTIVATIONS[name] for name in net.activations]
    engine = kernels.training_engine(net.dtype)(
        net.sizes,
        activations,
        kernels.codes.COSTS[net.cost.name],
        n,
        n_states=optimizer.n_states,
    )
    rows, order = kernels.rows.Rows(problem.X), np.arange(n, dtype=np.intp)
    targets, etas = kernels.rows.Targets(None, problem.Y), np.array([workload.eta])
    start = net.parameters.copy()

    def reset() -> None:
        net.parameters[:] = start
        engine.load(start)
        for which in range(optimizer.n_states):
            engine.load_state(which, np.zeros_like(start))
        engine.set_rule(optimizer.kind, **optimizer.coefficients(), t=0)
        engine.begin_epoch(0, False)

    def step() -> None:
        engine.train(rows, targets, order, 0, n, 0, n, n, etas, 1)

    def step_and_copy() -> None:
        engine.load(net.parameters)
        step()
        engine.store(net.parameters)

    def outcome() -> Any:
        engine.store(net.parameters)
        return pack(net.biases, net.weights)

    run = step_and_copy if variant else step
    return Job(run=run, reset=reset, outcome=outcome, details={"kernel": kernels.variant})
