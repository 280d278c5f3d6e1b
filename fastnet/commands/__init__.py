"""The commands, a module each; `fastnet.cli` is the door.

A module of a command offers ``add_parser(commands)``, which describes its options to argparse and
returns the parser, and ``run(arguments)``, which does it and returns the exit code. What a command
needs beyond that it imports when it runs, so that ``fastnet --help`` answers at once.
``arguments.parser`` is the command's own parser, for `error`.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any, Protocol, cast

__all__ = ["COMMANDS", "Command", "find"]

#: Module names in this package, in the order in which help shows them.
COMMANDS = ("compare", "saturation", "train", "evaluate", "predict", "show", "info")


class Command(Protocol):
    """What a module of a command offers."""

    def add_parser(self, commands: Any) -> argparse.ArgumentParser:
        """Add this command's parser to `commands` (from argparse's add_subparsers), return it."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code; bad input raises ValueError, TypeError or OSError."""


def find(name: str) -> Command:
    """Return the module of the command `name`.

    Examples
    --------
    >>> find("compare").run.__name__
    'run'
    """
    return cast(Command, import_module(f"{__name__}.{name}"))
