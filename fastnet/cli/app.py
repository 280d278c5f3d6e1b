"""The command line ``fastnet``: the table of its commands, and `main`, which runs one of them.

Exit codes: 0, done; 1, bad input, reported in one line on standard error; 2, wrong usage; 130,
interrupted.

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

from fastnet._version import __version__
from fastnet.cli.parser import Parser, add_examples
from fastnet.common.console import error_text, write_err, write_out

__all__ = ["COMMANDS", "main"]

#: The module of each command and its summary, in the order in which help shows them.
COMMANDS = {
    "compare": "train from several initializers, compare accuracy by epoch",
    "saturation": "measure one neuron's weighted input before training",
    "initializers": "list the initializers: name, formula, when to use it, source",
    "propagation": "measure signals in deep networks before training",
    "train": "train a network on your own data",
    "evaluate": "evaluate a trained network on labelled data",
    "predict": "write a trained network's predictions as a .csv file",
    "export": "write a trained network as a C header or an ONNX model",
    "show": "show the contents of a model file",
    "lab": "open an interactive page in the browser",
    "info": "show versions, processor, kernel and optional packages",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process, and return the exit code.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    fastnet ...
    0
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        try:
            arguments = _parse(argv)
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


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; print help if it is empty, and exit with an error if it is wrong."""
    parser = _parser(argv)
    if not argv:
        parser.print_help()
        parser.exit()
    first = argv[0]
    if first not in COMMANDS and not first.startswith("-"):
        from fastnet.common.hints import did_you_mean

        hint = did_you_mean(first, COMMANDS)
        known = f"; the commands are {', '.join(COMMANDS)}"
        parser.error(f"unknown command {first}{f'.{hint}' if hint else known}")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown or "run" not in arguments:
        getattr(arguments, "parser", parser).unknown(unknown or argv)
    return arguments


def _parser(argv: Sequence[str]) -> Parser:
    """Return a parser of all commands, with the options of those that `argv` names."""
    parser = Parser(
        prog="fastnet",
        description="Train small neural networks, and study how initial weights affect them.",
    )
    parser.add_argument("--version", action="version", version=f"fastnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        own = commands.add_parser(name, help=summary)
        if name in argv:
            command = import_module(f"fastnet.cli.{name}")
            command.describe(own)
            own.set_defaults(run=command.run, parser=own)
    add_examples(parser, "fastnet compare --seeds 4", "fastnet train points.csv --out model.npz")
    return parser
