"""The command line ``fastnet``: its commands, and the exit codes.

0: done; 1: bad input, reported in one sentence on standard error; 2: wrong usage; 130: interrupted.

The module of a command offers ``describe(parser)``, which gives its argparse parser a description
and options, and ``run(arguments)``, which returns the exit code. Only the module of the command
that is called is imported, so that ``fastnet --help`` answers at once. ``arguments.parser`` is the
command's own parser, for `error`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from fastnet._version import __version__
from fastnet.common.console import error_text, escaped, write_err, write_out

__all__ = ["COMMANDS", "main"]

#: The modules of the commands, in the order in which help shows them, and what it says of them.
COMMANDS = {
    "compare": "train a network from the old start and from the new, and show both",
    "saturation": "draw a neuron's weighted input from both starts, and set theory beside it",
    "initializers": "list the initializers: name, formula, when to use it, source",
    "propagation": "measure how signals propagate through deep networks as they are initialized",
    "train": "train a network on your own data",
    "evaluate": "say how good a trained network is on labelled data",
    "predict": "write a trained network's answers to a .csv file",
    "export": "write a trained network as a C header or an ONNX model",
    "show": "show what is in a model file",
    "lab": "open a page to play with, in the browser",
    "info": "show versions, processor, kernels, and which extras are installed",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``fastnet``, by default as the process was called; return the exit code.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    fastnet ...
    0
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        try:
            arguments = _parser(argv).parse_args(argv)
            code: int = arguments.run(arguments)
        except SystemExit as stop:  # argparse: help, version, or wrong usage
            code = stop.code if isinstance(stop.code, int) else 1
        write_out("", end="")
        return code
    except KeyboardInterrupt:
        write_err("fastnet: interrupted")
        return 130
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError, ImportError) as error:
        write_err(f"fastnet: {error_text(error)}")
        return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose errors may quote a file's name."""

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser that knows all commands, and the options of those that `argv` names."""
    parser = _Parser(
        prog="fastnet", description="Sigmoid networks, and what their starting weights do to them."
    )
    parser.add_argument("--version", action="version", version=f"fastnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        own = commands.add_parser(name, help=summary)
        if name in argv:
            command = import_module(f"fastnet.cli.{name}")
            command.describe(own)
            own.set_defaults(run=command.run, parser=own)
    return parser
