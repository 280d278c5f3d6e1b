"""torch.compile over the whole step: forward, gradient and update in one compiled function."""

import math
from typing import Any

import torch

from peers import Job
from peers import torch as eager
from problem import Problem
from workloads import Workload

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why this is not measured, or None."""
    if workload.task != "train":
        return "compiled for training only"
    return None


def _descend(workload: Workload) -> Any:
    decay = 1 - workload.eta * workload.lmbda / workload.rows

    def update(parameters: Any, moments: Any, gradients: Any, t: Any) -> None:
        for name, p in parameters.items():
            if name.endswith("weight"):
                p.mul_(decay)
            p.sub_(gradients[name], alpha=workload.eta)

    return update


def _adam(workload: Workload) -> Any:
    def update(parameters: Any, moments: Any, gradients: Any, t: Any) -> None:
        # 1 - beta^t, which would lose half its digits in float32 for a small t.
        first, second = -torch.expm1(t * math.log(BETA_1)), -torch.expm1(t * math.log(BETA_2))
        for name, p in parameters.items():
            g, (m, v) = gradients[name], moments[name]
            m.lerp_(g, 1 - BETA_1)
            v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            p.sub_(workload.eta * (m / first) / ((v / second).sqrt() + EPSILON))

    return update


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job; the first run compiles."""
    torch.set_num_threads(threads)
    workload = problem.workload
    model, cost = eager.build(problem), eager.cost_function(problem)
    X, Y = torch.from_numpy(problem.X), eager.targets(problem)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in parameters.items()}
    update = {"sgd": _descend, "adam": _adam}[workload.optimizer](workload)
    # A tensor, since every new value of a Python number would be compiled again.
    t = torch.zeros((), dtype=X.dtype)

    def loss(values: Any, x: Any, y: Any) -> Any:
        return cost(torch.func.functional_call(model, values, (x,)), y)

    @torch.compile(dynamic=False)
    def step(x: Any, y: Any) -> None:
        t.add_(1)
        update(parameters, moments, torch.func.grad(loss)(parameters, x, y), t)

    def reset() -> None:
        eager.write_start(model, problem)
        t.zero_()
        for m, v in moments.values():
            m.zero_()
            v.zero_()

    def run() -> None:
        m = workload.mini_batch_size
        for _ in range(workload.epochs):
            for start in range(0, workload.rows, m):
                step(X[start : start + m], Y[start : start + m])

    reset()
    return Job(run=run, reset=reset, outcome=lambda: eager.read(list(model.parameters())))
