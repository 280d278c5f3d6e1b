"""The limit: the workload's multiply-adds at the rate of one large matrix product."""

import numpy as np

from peers import Job
from problem import Problem
from workloads import Workload

SIDE = 2000


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return None; importing threadpoolctl fails if it is missing."""
    import threadpoolctl  # noqa: F401

    return None


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return a product of two square matrices, scaled to the workload's multiply-adds."""
    import threadpoolctl

    rng = np.random.default_rng(0)
    dtype = np.dtype(problem.workload.dtype)
    a = rng.standard_normal((SIDE, SIDE)).astype(dtype)
    b = rng.standard_normal((SIDE, SIDE)).astype(dtype)
    out = np.empty_like(a)
    threadpoolctl.threadpool_limits(threads)
    blas = [
        {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return Job(
        run=lambda: np.matmul(a, b, out=out),
        scale=problem.workload.multiply_adds / SIDE**3,
        details={"blas": blas, "flop": 2 * problem.workload.multiply_adds},
    )
