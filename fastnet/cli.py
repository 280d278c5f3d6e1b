"""The command line ``fastnet``: the door to `fastnet.commands`, and the exit codes.

0: done; 1: bad input, said in one sentence on standard error; 2: not how the command is used; 130:
interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from fastnet._version import __version__
from fastnet.commands import COMMANDS, find
from fastnet.console import complain, say, sentence, visible


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
