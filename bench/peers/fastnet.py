"""fastnet itself, through its public classes."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from inspect import signature
from typing import Any

import fastnet
import numpy as np

from peers import Job, hits
from problem import Problem, pack
from workloads import Workload

NOTES = {
    "arrays": "given plain arrays, which every call checks again",
    "train": "through `train`, with every technique available and unused",
}
SHUFFLED = "in a new random order, drawn within the measured time, so accuracies are compared"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return what this version of fastnet lacks for the workload, or None."""
    if variant in ("shuffled", "train") and workload.key != "W1":
        return "measured in W1"
    if variant == "arrays" and (workload.task != "train" or workload.estimator):
        return "measured where a network is trained"
    needed = []
    if workload.optimizer == "adam":
        needed.append("Adam")
    if workload.output == "softmax":
        needed.append("LogLikelihoodCost")
    if workload.estimator:
        import sklearn  # noqa: F401
    if threads > 1 and workload.task != "ensemble":
        needed.append("set_num_threads")
    lacking = [name for name in needed if not hasattr(fastnet, name)]
    if lacking:
        return f"this version of fastnet has no {', '.join(lacking)}"
    if not _all_sigmoid(workload) and "activation" not in signature(fastnet.Network).parameters:
        return "this version of fastnet has sigmoid layers only"
    return None


def _all_sigmoid(workload: Workload) -> bool:
    return (workload.activation, workload.output) == ("sigmoid", "sigmoid")


def network_of(workload: Workload) -> Any:
    """Return the workload's network, with parameters of its own."""
    dtype = np.dtype(workload.dtype)
    if _all_sigmoid(workload):
        return fastnet.Network(workload.sizes, dtype=dtype, rng=0)
    costs = {"softmax": "LogLikelihoodCost", "linear": "QuadraticCost"}
    return fastnet.Network(
        workload.sizes,
        activation=workload.activation,
        output={"linear": "identity"}.get(workload.output, workload.output),
        cost=getattr(fastnet, costs[workload.output]),
        dtype=dtype,
        rng=0,
    )


def _trainer(problem: Problem, variant: str) -> Any:
    """Return train(net), which trains it for the workload's epochs."""
    workload = problem.workload
    # Prepared beforehand, as are the tensors of the other peers; the variant "arrays" passes plain
    # arrays, which every call checks.
    data: Any = (problem.X, problem.Y if problem.y is None else problem.y)
    if variant != "arrays":
        data = network_of(workload).prepare(data)
    shuffle = variant == "shuffled"
    batches = (workload.epochs, workload.mini_batch_size)
    if variant == "train":
        return lambda net: net.train(
            data, *batches, optimizer=fastnet.SGD(workload.eta), l2=workload.lmbda, shuffle=shuffle
        )
    if workload.optimizer == "sgd":
        return lambda net: net.SGD(data, *batches, workload.eta, workload.lmbda, shuffle=shuffle)
    return lambda net: net.train(
        data, *batches, optimizer=fastnet.Adam(workload.eta), shuffle=shuffle
    )


def _stepper(problem: Problem) -> Any:
    """Return step(net), which takes one step on plain arrays."""
    workload = problem.workload
    data = (problem.X, problem.Y if problem.y is None else problem.y)
    if workload.optimizer == "sgd":
        return lambda net: net.update_mini_batch(data, workload.eta, workload.lmbda, workload.rows)
    adam = fastnet.Adam(workload.eta)
    return lambda net: net.partial_fit(data, optimizer=adam)


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload = problem.workload
    if hasattr(fastnet, "set_num_threads"):
        fastnet.set_num_threads(1 if workload.task == "ensemble" else threads)
    details = {"kernel": getattr(fastnet.kernels, "variant", "unknown")}
    if workload.estimator:
        from fastnet import estimators

        from peers.sklearn import estimator_job

        return estimator_job(estimators, problem, details)
    nets = [network_of(workload) for _ in range(workload.networks)]
    net = nets[0]

    def reset() -> None:
        for each in nets:
            each.default_weight_initializer()  # which forgets the optimizer's moments
            each.weights, each.biases = problem.weights, problem.biases

    reset()
    if workload.task == "predict":
        answer = partial(net.feedforward, problem.x)
        return Job(run=answer, outcome=lambda: np.ravel(answer()), details=details)
    if workload.task == "gradient":
        gradient = partial(net.backprop, problem.X, problem.Y)
        return Job(run=gradient, outcome=lambda: pack(*gradient()), details=details)
    if workload.task == "input gradient":
        y = problem.Y[0] if workload.as_vector else problem.Y
        answer = partial(net.input_gradient, problem.x, y)
        return Job(run=answer, outcome=lambda: np.ravel(answer()), details=details)

    train = _stepper(problem) if workload.task == "step" else _trainer(problem, variant)
    if workload.task == "ensemble":
        pool = ThreadPoolExecutor(threads)

        def run() -> object:
            return list(pool.map(train, nets))

        def outcome() -> Any:
            if any(np.any(each.parameters != net.parameters) for each in nets):
                raise AssertionError("networks trained alike came out different")
            return pack(net.biases, net.weights)

        return Job(run=run, reset=reset, outcome=outcome, details=details)
    run_one = partial(train, net)
    if variant == "shuffled":
        return Job(
            run=run_one,
            reset=reset,
            accuracy=lambda: hits(net.feedforward(problem.X_test), problem.y_test),
            note=SHUFFLED,
            details=details,
        )
    return Job(
        run=run_one,
        reset=reset,
        outcome=lambda: pack(net.biases, net.weights),
        note=NOTES.get(variant, ""),
        details=details,
    )
