"""KANN, a small C library, through cynn."""

from typing import Any

import numpy as np

from peers import Job, hits
from problem import Problem
from workloads import Workload

NOTE = "RMSprop, its only optimizer, with its own start and order, so accuracies are compared"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why KANN cannot do this, or None."""
    import cynn.kann  # noqa: F401

    if workload.task != "train" or workload.output != "sigmoid":
        return "measured where a sigmoid network is trained"
    if workload.dtype != "float32":
        return "KANN computes in float32"
    return None


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    from cynn import kann

    workload = problem.workload
    kann.set_verbose(0)
    state: dict[str, Any] = {}

    def reset() -> None:
        kann.seed(1)
        graph = kann.GraphBuilder()
        node = graph.input(workload.sizes[0])
        for n in workload.sizes[1:-1]:
            node = graph.sigmoid(graph.dense(node, n))
        state["net"] = graph.build(graph.sigmoid_cross_entropy(node, workload.sizes[-1]))

    def run() -> None:
        state["net"].train(
            problem.X,
            problem.Y,
            learning_rate=3e-3,
            mini_batch_size=workload.mini_batch_size,
            max_epochs=workload.epochs,
            validation_fraction=0.0,
        )

    def accuracy() -> float:
        outputs = np.array([state["net"].apply(x) for x in problem.X_test])
        return hits(outputs, problem.y_test)

    reset()
    return Job(run=run, reset=reset, accuracy=accuracy, note=NOTE)
