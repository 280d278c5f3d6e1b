"""ONNX Runtime: the network as a model, through plain `run` and through io-binding.

With io-binding, input and output are bound once, and calls allocate no arrays.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from peers import Job
from peers.fastnet import network_of
from problem import Problem
from workloads import Workload


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why ONNX Runtime cannot do this, or None."""
    import onnx  # noqa: F401

    if workload.task != "predict" or workload.estimator:
        return "ONNX Runtime only predicts"
    return None


def _session(problem: Problem, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    net = network_of(problem.workload)
    net.weights, net.biases = problem.weights, problem.biases
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        net.to_onnx(path)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    session, X = _session(problem, threads), problem.X
    if variant == "io-binding":
        out = np.empty((len(X), problem.workload.sizes[-1]), X.dtype)
        binding = session.io_binding()
        for bind, name, array in (
            (binding.bind_input, "inputs", X),
            (binding.bind_output, "outputs", out),
        ):
            bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return Job(
            run=lambda: session.run_with_iobinding(binding),
            outcome=out.ravel,
        )
    names, inputs = ["outputs"], {"inputs": X}
    return Job(
        run=lambda: session.run(names, inputs),
        outcome=lambda: np.ravel(session.run(names, inputs)[0]),
    )
