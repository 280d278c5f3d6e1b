"""``fastnet initializers``: print the table of all named initializers."""

from __future__ import annotations

import argparse
import re

from fastnet.cli.output import show_words
from fastnet.cli.parser import add_examples
from fastnet.initializers.named import ALIASES, TABLE

_HEADINGS = ["name", "a weight", "when to use it", "source"]


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet initializers`` to `parser`."""
    parser.description = (
        "List the initializers: the formula of a weight between n_in inputs and n_out units, when "
        "to use it, and its source. In a terminal the table fits the width; in a pipe each "
        "initializer is one line."
    )
    add_examples(parser, "fastnet initializers", "fastnet initializers | grep -i relu")


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet initializers`` and return the exit code."""
    rows = [
        [", ".join([name, *ALIASES.get(name, ())]), _unbroken(row.formula), row.use, row.source]
        for name, row in TABLE.items()
    ]
    show_words(_HEADINGS, rows)
    return 0


def _unbroken(formula: str) -> str:
    """Return a formula that can be wrapped only after a closing bracket or a comma."""
    return re.sub(r"(?<!\)|,) ", "\u00a0", formula) if "(" in formula else formula
