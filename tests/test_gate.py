"""The gate of the bench: which differences count as slower, computed by hand."""

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def gate():
    """Return the program as a module; the programs of bench/ import one another by plain names."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module("gate")
    finally:
        sys.path.remove(str(BENCH))


@pytest.mark.parametrize(
    ("old", "new", "slower"),
    [
        ([1.0, 1.0, 1.0], [1.0, 1.0], False),
        ([1.0, 1.0, 1.0], [1.019, 1.019], False),
        ([1.0, 1.0, 1.0], [1.021, 1.021], True),
        ([1.0, 1.0, 1.0], [0.5, 0.5], False),
        # The old one differs from itself by a tenth: nothing can be said of a twentieth.
        ([1.0, 1.1, 1.0], [1.1, 1.1], False),
        ([1.0, 1.1, 1.0], [1.3, 1.3], True),
        ([1.0, 1.0, 1.0], [1.0, 1.1], False),
        # One round that something else disturbed is no verdict.
        ([1.0, 1.0, 1.0, 1.0], [1.0, 9.0, 1.0], False),
    ],
)
def test_slower_is_beyond_two_percent_and_the_noise(gate, old, new, slower):
    assert gate.compare("W", old, new).is_slower == slower


def results(path, rounds):
    entry = {"peer": "fastnet", "variant": "", "threads": 1, "status": "ok", "rounds_s": rounds}
    path.write_text(json.dumps({"workloads": [{"key": "W1", "results": [entry]}]}))
    return str(path)


def test_files_are_compared_and_the_exit_status_says_it(gate, tmp_path, capsys):
    old = results(tmp_path / "old.json", [0.050, 0.050, 0.050])
    assert gate.main([old, results(tmp_path / "same.json", [0.050, 0.049, 0.051])]) == 0
    assert gate.main([old, results(tmp_path / "slow.json", [0.060, 0.060, 0.060])]) == 1
    assert "W1, 1" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no workload has several rounds"):
        gate.main([results(tmp_path / "short.json", [0.05]), old])
