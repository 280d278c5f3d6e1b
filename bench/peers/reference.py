"""fastnet.reference: whole mini-batches in plain NumPy."""

from functools import partial

from fastnet import reference

from peers import Job
from problem import Problem, pack
from workloads import Workload


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why the reference cannot do this, or None."""
    if (workload.activation, workload.output) != ("sigmoid", "sigmoid"):
        return "fastnet.reference has sigmoid layers only"
    return None


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload = problem.workload
    biases = [b.copy() for b in problem.biases]
    weights = [w.copy() for w in problem.weights]
    if workload.task == "predict":
        run = partial(reference.feedforward, biases, weights, problem.X)
        return Job(run=run, outcome=lambda: run().ravel())

    def reset() -> None:
        for ours, start in zip(biases + weights, problem.biases + problem.weights, strict=True):
            ours[...] = start

    def run_epochs() -> None:
        for _ in range(workload.epochs):
            reference.train_epoch(
                biases,
                weights,
                problem.X,
                problem.Y,
                range(workload.rows),
                mini_batch_size=workload.mini_batch_size,
                eta=workload.eta,
                lmbda=workload.lmbda,
                cost="cross_entropy",
            )

    return Job(run=run_epochs, reset=reset, outcome=lambda: pack(biases, weights))
