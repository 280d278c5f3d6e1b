"""fastnet's compiled code by itself: what its public methods cost above this is Python.

A prediction is one call.  A step is one call too, with the parameters in the kernel's own layout;
the variant "copied" also takes them from the network's arrays and puts them back, as a public
method must, since users write into those arrays.
"""

from typing import Any

import fastnet
import numpy as np
from fastnet import kernels
from fastnet.model.blocks import prediction_rows

from peers import Job
from peers.fastnet import network_of
from problem import Problem, pack
from workloads import Workload


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why this is not measured, or None."""
    if workload.task not in ("predict", "step") or workload.estimator:
        return "measured where one call predicts or takes one step"
    if variant and workload.task != "step":
        return "a prediction reads the parameters where they lie"
    return None


def _engine(kind: Any, problem: Problem, net: Any, capacity: int, **options: Any) -> Any:
    hidden = problem.workload.activation
    names = [hidden] * (len(net.sizes) - 2) + [net.activations[-1]]
    codes = [kernels.codes.ACTIVATIONS[name] for name in names]
    return kind(net.sizes, codes, kernels.codes.COSTS[net.cost.name], capacity, **options)


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload = problem.workload
    net = network_of(workload)
    net.weights, net.biases = problem.weights, problem.biases
    details = {"kernel": kernels.variant}
    n, dtype = workload.rows, np.dtype(workload.dtype)
    rows, order = kernels.rows.Rows(problem.X), np.arange(n, dtype=np.intp)
    if workload.task == "predict":
        capacity = prediction_rows(workload.sizes, dtype.itemsize)
        engine = _engine(kernels.prediction_engine(dtype), problem, net, capacity)
        engine.attach(net.parameters)
        out = np.empty((n, workload.sizes[-1]), dtype)
        return Job(
            run=lambda: engine.predict(rows, order, 0, n, out),
            outcome=out.ravel,
            details=details,
        )
    optimizer = (fastnet.Adam if workload.optimizer == "adam" else fastnet.SGD)(workload.eta)
    kind = kernels.training_engine(dtype)
    engine = _engine(kind, problem, net, n, n_states=optimizer.n_states)
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
    return Job(run=run, reset=reset, outcome=outcome, details=details)
