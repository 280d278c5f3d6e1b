"""What the numbers depend on besides the code: the machine and the versions."""

import math
import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

#: Set for every child, so that no library starts more threads than the measurement is allowed.
THREAD_VARIABLES = (
    "FASTNET_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def processor() -> str:
    """Return the processor's name, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def instruction_set() -> str:
    """Return the best of fastnet's kernel variants that this processor can run."""
    from fastnet.kernels import cpu

    return cpu.supported()[-1]


def cores() -> int:
    """Return how many cores this process may use, by its affinity and its container's quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.ceil(min(count, quota())))


def quota(root: Path = Path("/")) -> float:
    """Return how many processors' time the control groups of this process allow, or infinity.

    Version 2 has "quota period" in one file, version 1 has two files; "max" and -1 mean no limit.
    The limit of a group holds for all groups within it.
    """
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    least = math.inf
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / controllers
        inner = mount / path.lstrip("/")
        # Inside a container the path may be the host's, which is not there: then it is the root.
        for folder in [inner, *inner.parents]:
            least = min(least, _share(folder, version=1 if controllers else 2))
            if folder == mount:
                break
    return least


def _share(folder: Path, version: int) -> float:
    try:
        if version == 2:
            allowed, period = (folder / "cpu.max").read_text().split()
        else:
            allowed = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        share = int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # not there, or "max"
        return math.inf
    return share if share > 0 else math.inf


def load() -> float | None:
    """Return how many processes wanted to run in the last minute, or None where nobody knows."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each installed distribution."""
    found = {}
    for name in sorted(set(packages)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Return the machine, the versions and the date, for the head of a report."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "architecture": platform.machine(),
        "instruction_set": instruction_set(),
        "cores": cores(),
        "system": platform.system(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "load_before": load(),
        "versions": versions(packages),
    }
