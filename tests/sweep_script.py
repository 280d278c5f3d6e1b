"""A sweep as a user's script has it, for the tests that run it on an executor of its own.

    python sweep_script.py FOLDER processes|dask|dask-killed|dask-lost
    mpiexec -n 3 python -m mpi4py.futures sweep_script.py FOLDER mpi

It writes FOLDER/outcomes.json, and FOLDER/journeys has a line for each packing and unpacking of the
data. `sweep_script` itself, imported, is what a sweep in threads is made from.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import fastnet
from fastnet.sweeps import grid, stream

SEEDS = 4
CONFIGURATIONS = [*grid(hidden=[3, 5], eta=[0.1, 1.0]), {"hidden": 2, "eta": 0.5, "fails": True}]
N = len(CONFIGURATIONS) * SEEDS


class Examples:
    """Data that note in a file when they are packed and unpacked, and by whom."""

    def __init__(self, folder, workers=0):
        self.workers = workers
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(20_000, 25))  # 4 MB
        self.y = rng.integers(0, 3, len(self.X))
        self.journeys = Path(folder) / "journeys"

    def note(self, word):
        """Append a line, which no other process can break up."""
        with self.journeys.open("a") as file:
            file.write(f"{word} {os.getpid()}\n")

    def wait_for_workers(self):
        """Let no task be done before there are as many processes to do them as there should be."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            lines = self.journeys.read_text().splitlines() if self.journeys.exists() else []
            if len({line for line in lines if line.startswith("unpacked")}) >= self.workers:
                return
            time.sleep(0.01)

    def __getstate__(self):
        self.note("packed")
        return vars(self)

    def __setstate__(self, state):
        vars(self).update(state)
        self.note("unpacked")


def build(data, rng, *, hidden, eta, fails=False):
    """Train a little network, or fail."""
    data.wait_for_workers()
    if fails:
        raise ArithmeticError(f"no network of {hidden}")
    net = fastnet.Network([25, hidden, 3], rng=rng)
    rows = slice(0, 500)
    sgd = fastnet.SGD(eta)
    net.train((data.X[rows], data.y[rows]), 2, optimizer=sgd, dropout=0.2, metrics="training_cost")
    return net, {"writeable": data.X.flags.writeable}


def told(outcome):
    """Return all of an outcome that must not depend on where it was trained."""
    parameters = b"" if outcome.network is None else outcome.network.parameters.tobytes()
    return {
        "index": outcome.index,
        "configuration": outcome.configuration,
        "repetition": outcome.repetition,
        "measures": outcome.measures,
        "history": list(outcome.history),
        "parameters": hashlib.sha256(parameters).hexdigest(),
        "error": outcome.error,
        "exception": repr(outcome.exception),
    }


def kill(workers):
    """Kill processes by the names that outcomes have of them."""
    for worker in workers:
        os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)


def run(folder, executor, killed=0):
    """Run the sweep; when workers have done a third of it, kill some."""
    told_of, workers, met = [], set(), set()
    data = Examples(folder, workers=2)
    for outcome in stream(build, CONFIGURATIONS, data, executor=executor, seeds=SEEDS):
        told_of.append(told(outcome))
        workers.add(outcome.worker)
        met.add(outcome.worker)
        if killed and len(told_of) >= N // 3 and len(met) >= killed:
            kill(sorted(met)[:killed])
            killed = 0
    text = json.dumps({"outcomes": told_of, "workers": sorted(workers), "left_to_kill": killed})
    (Path(folder) / "outcomes.json").write_text(text)


def main(folder, kind):
    """Make an executor of this kind and run."""
    if kind == "processes":
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(2) as executor:
            run(folder, executor)
    elif kind == "mpi":
        from mpi4py.futures import MPIPoolExecutor

        with MPIPoolExecutor() as executor:
            run(folder, executor)
    else:
        import dask
        from dask.distributed import Client, LocalCluster

        # Dask's memory manager takes copies from workers that have nothing to do for two seconds,
        # and these fetch and unpack the data again: the journeys would count pauses of the machine.
        dask.config.set({"distributed.scheduler.active-memory-manager.start": False})
        killed = {"dask": 0, "dask-killed": 1, "dask-lost": 2}[kind]
        with (
            LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            run(folder, client.get_executor(), killed)


if __name__ == "__main__":
    main(*sys.argv[1:])
