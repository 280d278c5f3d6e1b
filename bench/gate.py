"""Check whether one fastnet is slower than another: `python bench/gate.py OLD NEW`.

OLD and NEW are environments with fastnet installed (a folder, or its Python), or two files that
`bench/run.py --json` wrote on one machine. Environments take turns, old, new, old, ..., each
measurement in a process of its own, so that other load on the machine affects both. The noise is
how much repeated measurements of the same environment differ. Prints a line for each workload, and
exits with 1 if any is slower by more than 2 % beyond its noise.
"""

import argparse
import json
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from run import Measurement, plan, run_worker
from workloads import select

#: How much slower a workload may be, in addition to the noise.
ALLOWED = 0.02


class Row(NamedTuple):
    """One workload's comparison."""

    name: str
    old_s: float
    new_s: float
    ratio: float
    noise: float

    @property
    def is_slower(self) -> bool:
        """Whether the new one is slower than allowed."""
        return self.ratio > 1 + ALLOWED + self.noise

    def __str__(self) -> str:
        verdict = "SLOWER" if self.is_slower else "ok"
        times = f"{_milliseconds(self.old_s)} {_milliseconds(self.new_s)}"
        return f"{self.name:<18}{times}  {self.ratio:6.3f}  {self.noise:5.3f}  {verdict}"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:11.4f}"


def label(workload: str, variant: str, threads: int) -> str:
    """Return the name of a row."""
    return f"{workload}{f' {variant}' if variant else ''}, {threads}"


def compare(name: str, old: list[float], new: list[float]) -> Row:
    """Return the row of medians measured in the order old, new, old, ..., new, old."""
    ratios = [n / (0.5 * (a + b)) for n, a, b in zip(new, old, old[1:], strict=False)]
    # How much successive rounds of the same code differ. Medians differ less, but a process may be
    # slower than another all its life, depending on where its memory is.
    apart = [a / b - 1 for rounds in (old, new) for a, b in pairwise(rounds)]
    noise = statistics.fmean(d * d for d in apart) ** 0.5 if apart else 0.0
    return Row(
        name, statistics.median(old), statistics.median(new), statistics.median(ratios), noise
    )


def python_of(environment: str) -> str:
    """Return the Python of an environment, given as its folder or as the Python itself."""
    path = Path(environment)
    for candidate in (path, path / "bin/python", path / "Scripts/python.exe"):
        if candidate.is_file():
            return str(candidate.absolute())
    sys.exit(f"{environment} is neither a Python, nor an environment's folder, nor a .json file")


def measure_one(python: str, m: Measurement, budget: float, oracle: str) -> float | None:
    """Return the median of one process; None if fastnet lacks this variant of the workload."""
    spec = {
        "workload": m.workload.key, "quick": False, "oracle": oracle, "budget": budget,
        "peer": m.peer, "variant": m.variant, "threads": m.threads,
    }  # fmt: skip
    record = run_worker(spec, m.threads, python)
    if record["status"] == "unavailable":
        return None
    if record["status"] != "ok" or not record["parity"]["ok"]:
        sys.exit(f"{label(m.workload.key, m.variant, m.threads)} with {python}: {record}")
    return statistics.median(record["times_s"])


def measure_environments(old: str, new: str, options: argparse.Namespace) -> bool:
    """Measure, printing each row as it is finished; return whether any is slower."""
    pythons = python_of(old), python_of(new)
    slower = False
    with tempfile.TemporaryDirectory() as folder:
        for workload in options.workloads:
            oracle = str(Path(folder) / f"{workload.key}.npz")
            spec = {"workload": workload.key, "quick": False, "oracle": oracle, "peer": "oracle"}
            answer = run_worker(spec, 1, pythons[0])
            if answer["status"] != "ok":
                sys.exit(f"{workload.key}: {answer['reason']}")
            for m in plan(workload, ["fastnet"], quick=False):
                if m.variant not in options.variants:
                    continue
                took: tuple[list[float], list[float]] = [], []
                for turn in range(2 * options.rounds + 1):
                    which = turn % 2
                    seconds = measure_one(pythons[which], m, options.budget, oracle)
                    if seconds is None:
                        break
                    took[which].append(seconds)
                else:
                    row = compare(label(workload.key, m.variant, m.threads), *took)
                    slower |= row.is_slower
                    print(row, flush=True)
    return slower


def compare_files(old: Path, new: Path) -> bool:
    """Print a row for each measurement that both files have; return whether any is slower."""
    rounds = [
        {
            label(entry["key"], result["variant"], result["threads"]): result["rounds_s"]
            for entry in json.loads(path.read_text())["workloads"]
            for result in entry["results"]
            if result["peer"] == "fastnet" and result["status"] == "ok"
        }
        for path in (old, new)
    ]
    rows = [
        # The rounds of two runs were not interleaved: the noise is that of the old medians.
        compare(name, times, [statistics.median(rounds[1][name])] * (len(times) - 1))
        for name, times in rounds[0].items()
        if name in rounds[1] and len(times) > 1
    ]
    if not rows:
        sys.exit("no workload has several rounds in both files")
    for row in rows:
        print(row)
    return any(row.is_slower for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Compare; return 1 if any workload is slower."""
    parser = argparse.ArgumentParser(prog="bench/gate.py", description=__doc__.split("\n")[0])
    parser.add_argument("old", help="an environment, its Python, or a file of results")
    parser.add_argument("new", help="the same, to be compared with the old one")
    parser.add_argument("--workloads", help="keys, or beginnings of keys: W,S1a (default: all)")
    parser.add_argument("--variants", default="", help="plain, arrays, ... (default: plain)")
    parser.add_argument("--rounds", type=int, default=5, help="processes of the new one (5)")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds in each process (0.5)")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.budget <= 0:
        parser.error("--rounds must be 1 or more, and --budget more than 0")
    try:
        options.workloads = select(options.workloads)
    except ValueError as error:
        parser.error(str(error))
    options.variants = ["" if v == "plain" else v for v in options.variants.split(",")]
    print(f"{'workload, threads':<18}{'old ms':>11} {'new ms':>11}  {'ratio':>6}  noise")
    if options.old.endswith(".json") and options.new.endswith(".json"):
        slower = compare_files(Path(options.old), Path(options.new))
    else:
        slower = measure_environments(options.old, options.new, options)
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
