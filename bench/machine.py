"""The machine and the versions, on which the numbers depend besides the code."""

import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from fastnet.common.threads import usable_cores

#: Set for every child, so that no library starts more threads than the measurement allows.
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


def load() -> float | None:
    """Return the system's load over the last minute, or None if the system does not tell."""
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
        "cores": usable_cores(),
        "system": platform.system(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "load_before": load(),
        "versions": versions(packages),
    }
