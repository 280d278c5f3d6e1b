"""Measure fastnet and its peers side by side.

Run it as: pip install '.[bench]' && python bench/run.py

Every measurement is a process of its own.  Within a workload they take turns, A B C A B C, so
that other load on the machine affects all of them alike.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import machine
import report
from peers import PEERS
from workloads import ALL, Workload, select

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 900
#: What --quick measures by default: the plain variants of the peers that start quickly.
QUICK_PEERS = ("limit", "fastnet", "reference", "book_loop", "sklearn", "torch", "jax")
QUICK_WORKLOADS = "W1,W1f,W6"


class Measurement(NamedTuple):
    """What one process measures."""

    workload: Workload
    peer: str
    variant: str
    threads: int


def plan(workload: Workload, peers: list[str], quick: bool) -> list[Measurement]:
    """Return the workload's measurements, in the order of the report's rows."""
    cores = 1 if quick else machine.usable_cores()
    counts = sorted({cores if name == ALL else 1 for name in workload.threads})
    return [
        Measurement(workload, name, variant, threads)
        for name in peers
        if name in (workload.peers or PEERS)
        for variant in PEERS[name].variants[: 1 if quick else None]
        for threads in (counts if PEERS[name].threaded else [1])
    ]


def run_worker(spec: dict[str, Any], threads: int, python: str = sys.executable) -> dict[str, Any]:
    """Run worker.py on spec in a process of its own, and return its record.

    A worker that crashes or hangs gives a record with status "failed" and the reason.
    """
    environment = dict(os.environ)
    environment.update({name: str(threads) for name in machine.THREAD_VARIABLES})
    # A variable set in the shell must not change a peer's back end.
    environment["JAX_PLATFORMS"] = "cpu"
    command = [python, str(HERE / "worker.py"), json.dumps(spec)]
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"status": "failed", "reason": f"took longer than {TIMEOUT_S} s"}
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"status": "failed", "reason": said[-1]}
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def measure_workload(
    workload: Workload, measurements: list[Measurement], options: argparse.Namespace, folder: Path
) -> list[dict[str, Any]]:
    """Measure a workload's peers in turn, options.rounds times, and return a result for each."""
    oracle = str(folder / f"{workload.key}.npz")
    common = {"workload": workload.key, "quick": options.quick, "oracle": oracle}
    answer = run_worker({**common, "peer": "oracle"}, machine.usable_cores())
    if answer["status"] != "ok":
        return [report.result(m, [answer]) for m in measurements]
    records: dict[Measurement, list[dict[str, Any]]] = {m: [] for m in measurements}
    for turn in range(options.rounds):
        for m in measurements:
            if records[m] and records[m][-1]["status"] != "ok":
                continue
            name = report.label(m.peer, m.variant, m.threads)
            say(f"{workload.key}, round {turn + 1} of {options.rounds}: {name}")
            spec = {**common, "peer": m.peer, "variant": m.variant, "threads": m.threads}
            records[m].append(run_worker({**spec, "budget": options.budget}, m.threads))
    return [report.result(m, records[m]) for m in measurements]


def say(line: str) -> None:
    """Print a line of progress, apart from the report."""
    print(f"  {line}", file=sys.stderr, flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__.split("\n")[0])
    parser.add_argument("--workloads", help="keys, or beginnings of keys: W1,W1d,S1a")
    parser.add_argument("--peers", help=f"names from {','.join(PEERS)}")
    parser.add_argument("--rounds", type=int, help="processes per measurement (5)")
    parser.add_argument("--budget", type=float, help="seconds of timing in each process (2)")
    parser.add_argument("--quick", action="store_true", help="a minute's run, to see that it works")
    parser.add_argument(
        "--json", type=Path, nargs="?", const=Path(), metavar="FILE",
        help="write the results (results-INSTRUCTION_SET.json beside this program)",
    )  # fmt: skip
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the results")
    parser.add_argument("--bars", type=Path, metavar="FILE", help="draw the README's bars")
    parser.add_argument(
        "--from", type=Path, nargs="+", metavar="FILE", dest="sources",
        help="report earlier results of --json; several files side by side in one table",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    quick = options.quick
    if options.rounds is None:
        options.rounds = 1 if quick else 5
    if options.budget is None:
        options.budget = 0.2 if quick else 2.0
    if options.rounds < 1 or options.budget <= 0:
        parser.error("--rounds must be 1 or more, and --budget more than 0")
    options.peers = (
        options.peers.split(",") if options.peers else list(QUICK_PEERS if quick else PEERS)
    )
    unknown = [name for name in options.peers if name not in PEERS]
    if unknown:
        parser.error(f"peer {unknown[0]!r} is unknown; the peers are {', '.join(PEERS)}")
    named = options.workloads is not None
    if not named and quick and not options.sources:
        options.workloads = QUICK_WORKLOADS
    try:
        options.workloads = select(options.workloads)
    except ValueError as error:
        parser.error(str(error))
    options.keys = [workload.key for workload in options.workloads] if named else None
    if options.json == Path():
        if os.environ.get("FASTNET_KERNEL"):
            parser.error("FASTNET_KERNEL is set, which changes the results; give --json a FILE")
        options.json = HERE / f"results-{machine.instruction_set()}.json"
    return options


def read(path: Path, keys: list[str] | None) -> dict[str, Any]:
    """Return the results in a file, of all workloads or of those with these keys."""
    everything: dict[str, Any] = json.loads(path.read_text())
    parts = everything["workloads"]
    everything["workloads"] = [part for part in parts if keys is None or part["key"] in keys]
    return everything


def show(files: list[dict[str, Any]]) -> None:
    """Print the tables of a file, or one table of several files side by side."""
    for everything in files:
        print(report.heading(everything))
    if len(files) > 1:
        print(f"\n{report.side_by_side(files)}")
        return
    for entry in files[0]["workloads"]:
        print(report.table(entry))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the chosen workloads, printing the table of each as it is finished."""
    head = machine.describe(p for name in options.peers for p in PEERS[name].packages)
    print(report.heading(head))
    everything: dict[str, Any] = {
        **head,
        "rounds": options.rounds,
        "budget_s": options.budget,
        "quick": options.quick,
        "workloads": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        for workload in options.workloads:
            measurements = plan(workload, options.peers, options.quick)
            shown = workload.quick() if options.quick else workload
            results = measure_workload(workload, measurements, options, Path(folder))
            entry = report.entry(shown, results)
            everything["workloads"].append(entry)
            print(report.table(entry), flush=True)
            if options.json:  # after each workload, so that an interrupted run is not lost
                options.json.write_text(json.dumps(everything, indent=1) + "\n")
    return everything


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; return 1 if a peer failed or computed something else."""
    options = parse(arguments)
    if find_spec("fastnet") is None:
        # Its data and its reference are needed whichever peers are measured.
        sys.exit("fastnet is not installed here: run pip install '.[bench]' in the checkout")
    if options.sources:
        files = [read(path, options.keys) for path in options.sources]
        show(files)
    else:
        files = [measure(options)]
    if options.chart or options.bars:
        import chart

        if options.chart:
            chart.draw(files, options.chart)
        if options.bars:
            chart.draw_bars(files[0], options.bars)
    for everything in files:
        print(report.closing(everything))
    return 1 if any(report.troubles(everything) for everything in files) else 0


if __name__ == "__main__":
    sys.exit(main())
