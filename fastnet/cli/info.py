"""``fastnet info``: versions, processor, kernels, and which extras are installed."""

from __future__ import annotations

import argparse
import os
import platform
import re
from typing import Any

from fastnet.common.console import say

#: What the package is called where packages are installed from.
DISTRIBUTION = "fastnet-mlp"


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Describe ``fastnet info``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "info",
        help="show versions, processor, kernels, and which extras are installed",
        description="Print what a report about speed or a fault should say about the machine.",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do ``fastnet info``."""
    import numpy as np

    from fastnet import __version__, kernels

    rows = {
        "fastnet": f"{__version__}, {os.path.dirname(kernels.__path__[0])}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": processor(),
        "threads": f"{usable_processors()} of {os.cpu_count()} processors may be used",
        "kernels": f"{kernels.variant}, out of {', '.join(kernels.variants())}",
    }
    if os.environ.get("FASTNET_KERNEL"):
        rows["kernels"] += f" (FASTNET_KERNEL={os.environ['FASTNET_KERNEL']})"
    rows |= {f"[{extra}]": found for extra, found in extras().items()}
    width = max(map(len, rows))
    say("\n".join(f"{name:<{width}}  {value}" for name, value in rows.items()))
    return 0


def processor() -> str:
    """Return the processor's name, as the system gives it.

    Examples
    --------
    >>> len(processor()) > 0
    True
    """
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("model name", "Model") and value.strip():
                    return value.strip()
    except OSError:  # no Linux
        pass
    return platform.processor() or platform.machine() or "unknown"


def usable_processors() -> int:
    """Return how many processors this process may run on.

    Examples
    --------
    >>> usable_processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def extras() -> dict[str, str]:
    """Return what is installed of each extra, as the package's own metadata lists them.

    Returns
    -------
    dict of str
        By the extra's name: packages with their versions, and those that are missing.

    Examples
    --------
    >>> all(isinstance(found, str) for found in extras().values())
    True
    """
    from importlib import metadata

    found: dict[str, list[str]] = {}
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from a folder that was not installed
        return {}
    for requirement in requirements:
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", requirement)
        package = re.match(r"[A-Za-z0-9._-]+", requirement)
        if extra is None or package is None or package[0] == DISTRIBUTION:
            continue
        found.setdefault(extra[1], []).append(_version(package[0]))
    return {extra: ", ".join(packages) for extra, packages in found.items()}


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} missing"
