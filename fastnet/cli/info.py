"""``fastnet info``: versions, processor, kernels, and the packages of each extra."""

from __future__ import annotations

import argparse
import os
import platform
import re
from importlib import metadata

import numpy as np

from fastnet import __version__, kernels
from fastnet.cli.parser import add_examples
from fastnet.common.console import write_out
from fastnet.common.threads import usable_cores

#: The distribution's name for pip.
DISTRIBUTION = "fastnet-mlp"
#: Extras for developing fastnet, which its users do not need.
DEVELOPERS = frozenset({"bench", "browser", "docs", "fuzz", "lint", "mutation", "test"})


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet info`` to `parser`."""
    parser.description = (
        "Print the versions, the processor, the kernel in use and the optional packages. Include "
        "this in a report of a bug or of slow training."
    )
    parser.add_argument(
        "--all", action="store_true", help="list also the extras that only developers need"
    )
    add_examples(parser, "fastnet info", "fastnet info --all")


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet info`` and return the exit code."""
    rows = {
        "fastnet": f"{__version__}, {os.path.dirname(kernels.__path__[0])}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": processor(),
        "threads": f"{usable_cores()} of {os.cpu_count()} processors may be used",
        "kernel": f"{kernels.variant} (available: {', '.join(kernels.variants())})",
    }
    if os.environ.get("FASTNET_KERNEL"):
        rows["kernel"] += f"; FASTNET_KERNEL={os.environ['FASTNET_KERNEL']}"
    rows |= {
        f"[{extra}]": ", ".join(packages)
        for extra, packages in extras().items()
        if arguments.all or extra not in DEVELOPERS
    }
    width = max(map(len, rows))
    write_out("\n".join(f"{name:<{width}}  {value}" for name, value in rows.items()))
    return 0


def processor() -> str:
    """Return the processor's name as the operating system reports it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^(?:model name|Model)\s*:[ \t]*(\S.*)$", file.read(), re.MULTILINE)
            if found:
                return found[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine() or "unknown"


def extras() -> dict[str, list[str]]:
    """Return the packages of each extra in the package's metadata, with their versions."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # not installed: imported from the source folder
        return {}
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", requirement)
        package = re.match(r"[A-Za-z0-9._-]+", requirement)
        if extra is None or package is None or package[0] == DISTRIBUTION:
            continue
        try:
            version = metadata.version(package[0])
        except metadata.PackageNotFoundError:
            version = "missing"
        found.setdefault(extra[1], []).append(f"{package[0]} {version}")
    return found
