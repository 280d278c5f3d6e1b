"""``fastnet compare --dask``: workers of a cluster give the same numbers as threads."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fastnet.cli import main
from fastnet.compare import mnist

from ..commands import FAST, arrays, fastnet, one_sentence

#: A cluster of two processes, whose address is given to the command line.
SCRIPT = """
import sys
from dask.distributed import LocalCluster
from fastnet.cli import main

if __name__ == "__main__":
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        sys.exit(main([*sys.argv[1:], "--dask", cluster.scheduler_address]))
"""


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, **arrays())
    return path


def runs(folder):
    """Return the numbers of compare.json, without durations."""
    found = json.loads((folder / "compare.json").read_text())["runs"]
    return [{key: value for key, value in run.items() if key != "seconds"} for run in found]


def test_dask_workers_give_the_numbers_of_threads(npz, tmp_path):
    pytest.importorskip("distributed", reason="dask.distributed is missing")
    script = tmp_path / "cluster.py"
    script.write_text(SCRIPT)
    args = ["compare", "--data", str(npz), *map(str, FAST), "--seeds", "3"]
    here = tmp_path / "here"
    out, _ = fastnet(*args, "--out", here, cwd=tmp_path)
    done = subprocess.run(
        [sys.executable, script, *args, "--out", tmp_path / "there"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert runs(tmp_path / "there") == runs(here)
    assert len(runs(here)) == 6
    assert done.stdout == out


def test_without_dask_one_sentence_says_what_to_install(npz, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    out = ["--out", str(tmp_path)]
    assert main(["compare", "--data", str(npz), "--dask", "tcp://127.0.0.1:1", *out]) == 1
    assert "pip install 'fastnet-mlp[dask]'" in one_sentence(capsys.readouterr().err)


def test_dask_goes_with_neither_threads_nor_book(tmp_path):
    _, err = fastnet("compare", "--dask", "a", "--threads", 2, cwd=tmp_path, code=2)
    assert "--dask has its own workers; leave out --threads" in err
    _, err = fastnet("compare", "--book", "--dask", "a", cwd=tmp_path, code=2)
    assert "leave out --dask" in err


def test_the_digits_need_not_be_sent():
    data = mnist("float32")
    again = data.loader()
    assert again.training[0].dtype == np.float32
    assert np.array_equal(again.evaluation[0], data.evaluation[0])
