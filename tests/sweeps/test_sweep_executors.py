"""Sweeps on real executors (processes, dask workers that die, MPI) equal those in threads."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import fastnet
from fastnet.sweeps import sweep

from .. import sweep_script

SCRIPT = Path(sweep_script.__file__)


@pytest.fixture(scope="module")
def in_threads(tmp_path_factory):
    """Return the results of a sweep in threads, by index."""
    folder = tmp_path_factory.mktemp("threads")
    result = sweep(
        sweep_script.build,
        sweep_script.CONFIGURATIONS,
        sweep_script.Examples(folder),
        seeds=sweep_script.SEEDS,
    )
    return json.loads(json.dumps([sweep_script.told(outcome) for outcome in result]))


def run_script(folder, kind, *launcher):
    """Run the script and return what it has written."""
    command = [*(launcher or [sys.executable]), str(SCRIPT), str(folder), kind]
    # Where fastnet is installed it is found anyway; in a checkout it is where it was found here.
    home = str(Path(fastnet.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "outcomes.json").read_text())


def journeys(folder):
    """Return how often the data were packed, and how often each process unpacked them."""
    lines = [line.split() for line in (folder / "journeys").read_text().splitlines()]
    packed = sum(word == "packed" for word, _ in lines)
    return packed, Counter(int(pid) for word, pid in lines if word == "unpacked")


def check(found, in_threads, folder):
    """Nothing is lost, nothing differs, and the data have travelled once to each worker."""
    by_index = sorted(found["outcomes"], key=lambda outcome: outcome["index"])
    assert by_index == in_threads
    failed = [outcome for outcome in by_index if outcome["error"]]
    assert [outcome["configuration"]["hidden"] for outcome in failed] == [2] * sweep_script.SEEDS
    assert failed[0]["error"] == "ArithmeticError: no network of 2"
    assert all(not o["measures"]["writeable"] for o in by_index if not o["error"])
    packed, unpacked = journeys(folder)
    assert packed == 1
    assert set(unpacked.values()) == {1}
    pids = {int(worker.rpartition(":")[2]) for worker in found["workers"]}
    assert pids <= set(unpacked)
    assert os.getpid() not in pids


def test_processes_give_what_threads_give(tmp_path, in_threads):
    found = run_script(tmp_path, "processes")
    check(found, in_threads, tmp_path)
    assert len(found["workers"]) == 2


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("dask", marks=pytest.mark.slow),
        "dask-killed",
        pytest.param("dask-lost", marks=pytest.mark.slow),
    ],
)
def test_dask_workers_give_what_threads_give_even_if_they_die(kind, tmp_path, in_threads):
    pytest.importorskip("distributed", reason="dask.distributed is missing")
    found = run_script(tmp_path, kind)
    check(found, in_threads, tmp_path)
    assert found["left_to_kill"] == 0
    # Killed workers come back under new numbers.
    assert len(found["workers"]) >= {"dask": 1, "dask-killed": 2, "dask-lost": 3}[kind]


def test_mpi_workers_give_what_threads_give(tmp_path, in_threads):
    pytest.importorskip("mpi4py", reason="mpi4py is missing")
    beside = Path(sys.executable).with_name("mpiexec")  # of the mpich that pip installs
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("mpiexec is missing: neither mpich from PyPI nor an MPI of the system")
    found = run_script(tmp_path, "mpi", mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures")
    check(found, in_threads, tmp_path)
    assert len(found["workers"]) == 2
