"""The command line ``fastnet``: its commands, and the exit codes.

0: done; 1: bad input, said in one sentence on standard error; 2: not how the command is used; 130:
interrupted.

A module of a command offers ``add_parser(commands)``, which describes its options to argparse and
returns the parser, and ``run(arguments)``, which does it and returns the exit code. What a command
needs beyond that it imports when it runs, so that ``fastnet --help`` answers at once.
``arguments.parser`` is the command's own parser, for `error`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn, Protocol, cast

from fastnet._version import __version__
from fastnet.common.console import complain, say, sentence, visible

__all__ = ["COMMANDS", "Command", "find", "main"]

#: Module names in `fastnet.cli`, in the order in which help shows them.
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
    return cast(Command, import_module(f"fastnet.cli.{name}"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``fastnet`` and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0 done, 1 bad input, 2 wrong usage, 130 interrupted.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    fastnet ...
    0
    """
    try:
        try:
            arguments = _parser().parse_args(argv)
            code: int = arguments.run(arguments)
        except SystemExit as stop:  # argparse: help, version, or wrong usage
            code = stop.code if isinstance(stop.code, int) else 1
        say("", end="")
        return code
    except KeyboardInterrupt:
        complain("fastnet: interrupted")
        return 130
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError, ImportError) as error:
        complain(f"fastnet: {sentence(error)}")
        return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose errors may quote a file's name."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="fastnet", description="Sigmoid networks, and what their starting weights do to them."
    )
    parser.add_argument("--version", action="version", version=f"fastnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = find(name)
        described = command.add_parser(commands)
        described.set_defaults(run=command.run, parser=described)
    return parser
