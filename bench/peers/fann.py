"""FANN, a C library, through cynn."""

from typing import Any

import numpy as np

from peers import Job, hits
from problem import Problem
from workloads import Workload

NOTE = "a step after every example, with its own cost and start, so accuracies are compared"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why FANN cannot do this, or None."""
    import cynn.fann  # noqa: F401

    if workload.task != "train" or workload.output != "sigmoid":
        return "measured where a sigmoid network is trained"
    if workload.dtype != "float32":
        return "cynn's FANN computes in float32"
    return None


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    from cynn import fann

    workload = problem.workload
    X, Y = list(problem.X), list(problem.Y)
    state: dict[str, Any] = {}

    def reset() -> None:
        fann.seed(1)
        state["net"] = fann.FannNetwork(list(workload.sizes))
        state["net"].learning_rate = workload.eta

    def run() -> None:
        for _ in range(workload.epochs):
            state["net"].train_batch(X, Y, shuffle=False)

    def accuracy() -> float:
        outputs = np.array([state["net"].predict(x) for x in problem.X_test])
        return hits(outputs, problem.y_test)

    reset()
    return Job(run=run, reset=reset, accuracy=accuracy, note=NOTE)
