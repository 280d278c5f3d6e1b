"""One measurement in a process of its own, which prints one line of JSON.

run.py starts it with the measurement as JSON in its only argument: workload, quick, peer, variant,
threads, budget (seconds of timing) and oracle (the file of right answers; with the peer "oracle",
the file to write).
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from peers import Job
from problem import Problem, make_problem
from workloads import WORKLOADS, Workload

#: The largest distance of an outcome from the oracle's, relative to the oracle's distance from the
#: start (or to the length of the gradient or output).
TOLERANCES = {
    ("float64", "predict"): 1e-9,
    ("float32", "predict"): 1e-5,
    ("float64", "sgd"): 1e-9,
    ("float64", "adam"): 1e-6,
    ("float32", "sgd"): 1e-3,
    ("float32", "adam"): 1e-3,
}
#: How much lower the accuracy of a peer that trains differently may be.
ACCURACY_MARGIN = 0.03
SHORTEST_SAMPLE = 0.02
MOST_SAMPLES = 200


def _stay_on_one_core() -> None:
    """Keep every library's threads on the last allowed core, if the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _timed(run: Callable[[], object], number: int) -> float:
    begin = time.perf_counter()
    for _ in range(number):
        run()
    return (time.perf_counter() - begin) / number


def _samples(job: Job, workload: Workload, budget: float) -> tuple[list[float], int]:
    """Return the seconds of each sample, and how many runs a sample averages."""
    # Each training begins with the same parameters, so that every sample is the same work.
    number = 1
    if workload.repeats:
        number = max(1, int(SHORTEST_SAMPLE / max(_timed(job.run, 10), 1e-9)))
    times: list[float] = []
    deadline = time.perf_counter() + budget
    gc.collect()
    gc.disable()
    while not times or (time.perf_counter() < deadline and len(times) < MOST_SAMPLES):
        job.reset()
        times.append(_timed(job.run, number))
    gc.enable()
    return times, number


def _checked_job(job: Job, problem: Problem, peer: Any, spec: dict[str, Any]) -> Job:
    """Return a job that has run once on the rows of the check; the timed one if it uses them."""
    checked = problem.workload.checked()
    if checked.rows == problem.workload.rows:
        return job
    smaller: Job = peer.prepare(make_problem(checked), spec["variant"], spec["threads"])
    smaller.reset()
    smaller.run()
    return smaller


def _parity(job: Job, workload: Workload, path: str) -> dict[str, Any]:
    """Compare the outcome of the last run with the right answer in the file at path."""
    with np.load(path) as file:
        oracle = dict(file)
    rows = workload.checked().rows
    if job.outcome is not None:
        start, right = oracle["start"], oracle["outcomes"]
        got = np.asarray(job.outcome(), np.float64)
        if got.shape != start.shape:
            return {"kind": "outcome", "ok": False, "error": f"{got.shape}, not {start.shape}"}
        # Each row is the answer of one form of the optimizer; the nearest is the peer's form.
        errors = np.linalg.norm(got - right, axis=1) / np.linalg.norm(right - start, axis=1)
        error = float(errors.min())
        kind = "predict" if workload.task == "predict" else workload.optimizer
        tolerance = job.tolerance or TOLERANCES[workload.dtype, kind]
        # Written so that NaN is refused.
        ok = bool(error <= tolerance)
        return {"kind": "outcome", "ok": ok, "error": error, "tolerance": tolerance, "rows": rows}
    if job.accuracy is not None:
        accuracy, expected = job.accuracy(), float(oracle["accuracy"])
        ok = bool(accuracy >= expected - ACCURACY_MARGIN)
        return {"kind": "accuracy", "ok": ok, "accuracy": accuracy, "expected": expected}
    return {"kind": "none", "ok": True}


def measure(spec: dict[str, Any], workload: Workload) -> dict[str, Any]:
    """Return the record of one measurement."""
    if spec["threads"] == 1:
        _stay_on_one_core()
    begin = time.perf_counter()
    try:
        peer = importlib.import_module(f"peers.{spec['peer']}")
        reason = peer.why_not(workload, spec["variant"], spec["threads"])
    except ImportError as error:
        reason = f"not installed ({error})"
    imported = time.perf_counter() - begin
    if reason is not None:
        return {"status": "unavailable", "reason": reason}
    problem = make_problem(workload)
    begin = time.perf_counter()
    job = peer.prepare(problem, spec["variant"], spec["threads"])
    prepared = time.perf_counter() - begin
    job.reset()
    first = _timed(job.run, 1)
    times, number = _samples(job, workload, spec["budget"])
    if workload.repeats:  # many steps were timed; the check is of one
        job.reset()
        job.run()
    parity = _parity(_checked_job(job, problem, peer, spec), workload, spec["oracle"])
    return {
        "status": "ok",
        "import_s": imported,
        "prepare_s": prepared,
        "first_s": first * job.scale,
        "times_s": [t * job.scale for t in times],
        "runs_per_sample": number,
        "parity": parity,
        "note": job.note,
        "details": job.details,
    }


def main() -> None:
    """Run the measurement that the argument describes."""
    # Some peers print, but only the record may reach the parent's pipe.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    spec = json.loads(sys.argv[1])
    workload = WORKLOADS[spec["workload"]]
    if spec["quick"]:
        workload = workload.quick()
    if spec["peer"] == "oracle":
        from oracle import solve

        answers = solve(make_problem(workload.checked()))
        np.savez(spec["oracle"], allow_pickle=False, **answers)
        record: dict[str, Any] = {"status": "ok"}
    else:
        record = measure(spec, workload)
    answer.write(json.dumps(record) + "\n")
    answer.flush()


if __name__ == "__main__":
    main()
