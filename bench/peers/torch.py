"""PyTorch, eager: nn.Sequential and its own optimizers, in their three CPU implementations."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from peers import Job
from problem import Problem, pack
from workloads import Workload

ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
OUTPUTS = {
    "sigmoid": torch.sigmoid,
    "softmax": lambda z: torch.softmax(z, dim=-1),
    "linear": lambda z: z,
}


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why PyTorch is not measured here, or None."""
    if variant and workload.task not in ("train", "step"):
        return "the variants differ only in the optimizer, which is not used here"
    return None


def build(problem: Problem) -> torch.nn.Sequential:
    """Return the network up to its last weighted input, not yet set to the start."""
    sizes = problem.workload.sizes
    layers: list[torch.nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers.append(torch.nn.Linear(n_in, n_out))
        layers.append(ACTIVATIONS[problem.workload.activation]())
    return torch.nn.Sequential(*layers[:-1]).to(getattr(torch, problem.workload.dtype))


def cost_function(problem: Problem) -> Callable[[Any, Any], Any]:
    """Return the cost of a batch, averaged over its rows, as a function of z and targets."""
    functional = torch.nn.functional
    if problem.workload.output == "softmax":
        return functional.cross_entropy
    if problem.workload.output == "sigmoid":
        binary = functional.binary_cross_entropy_with_logits
        return lambda z, y: binary(z, y, reduction="sum") / len(z)
    return lambda z, y: functional.mse_loss(z, y, reduction="sum") / (2 * len(z))


def targets(problem: Problem) -> torch.Tensor:
    """Return class numbers for a softmax, else target rows."""
    return torch.from_numpy(problem.y if problem.workload.output == "softmax" else problem.Y)


def write_start(model: torch.nn.Sequential, problem: Problem) -> None:
    """Set the parameters to the start."""
    linears = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for linear, b, w in zip(linears, problem.biases, problem.weights, strict=True):
            linear.weight.copy_(torch.from_numpy(w))
            linear.bias.copy_(torch.from_numpy(b.ravel()))


def read(tensors: list[torch.Tensor]) -> np.ndarray:
    """Return [w, b, w, b, ...] as the oracle's vector."""
    arrays = [t.detach().numpy() for t in tensors]
    return pack(arrays[1::2], arrays[0::2])


def _optimizer(model: torch.nn.Sequential, workload: Workload, variant: str) -> Any:
    flags: dict[str, Any] = {"foreach": variant == "foreach", "fused": variant == "fused" or None}
    if workload.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=workload.eta, **flags)
    decay = workload.lmbda / workload.rows
    named = dict(model.named_parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in named.items() if n.endswith("weight")], "weight_decay": decay},
        {"params": [p for n, p in named.items() if n.endswith("bias")]},
    ]
    return torch.optim.SGD(groups, lr=workload.eta, **flags)


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    torch.set_num_threads(threads)
    workload = problem.workload
    model, cost = build(problem), cost_function(problem)
    write_start(model, problem)
    X, Y = torch.from_numpy(problem.X), targets(problem)
    if workload.task == "predict":
        last, x = OUTPUTS[workload.output], torch.from_numpy(problem.x)

        def answer() -> torch.Tensor:
            with torch.inference_mode():
                return last(model(x))

        return Job(run=answer, outcome=lambda: answer().numpy().ravel())
    if workload.task == "gradient":
        parameters = list(model.parameters())

        def gradient() -> tuple[torch.Tensor, ...]:
            return torch.autograd.grad(len(X) * cost(model(X), Y), parameters)

        return Job(run=gradient, outcome=lambda: read(list(gradient())))

    if workload.task == "input gradient":
        rows = torch.from_numpy(problem.X).requires_grad_()

        def by_rows() -> torch.Tensor:
            return torch.autograd.grad(len(X) * cost(model(rows), Y), rows)[0]

        return Job(run=by_rows, outcome=lambda: by_rows().numpy().ravel())

    state = {"optimizer": _optimizer(model, workload, variant)}

    def reset() -> None:
        write_start(model, problem)
        state["optimizer"] = _optimizer(model, workload, variant)

    def run() -> None:
        optimizer, m = state["optimizer"], workload.mini_batch_size
        for _ in range(workload.epochs):
            for start in range(0, workload.rows, m):
                optimizer.zero_grad()
                cost(model(X[start : start + m]), Y[start : start + m]).backward()
                optimizer.step()

    return Job(run=run, reset=reset, outcome=lambda: read(list(model.parameters())))
