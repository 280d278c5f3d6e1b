"""``fastnet initializers``: the table of all named initializers."""

from __future__ import annotations

import argparse
import re

from fastnet.cli.output import show_words
from fastnet.cli.parser import add_examples
from fastnet.initializers.named import ALIASES, TABLE

_HEADINGS = ["name", "a weight", "when to use it", "source"]


def describe(parser: argparse.ArgumentParser) -> None:
    """Describe ``fastnet initializers``."""
    parser.description = (
        "Print the initializers by name: what a weight between n_in inputs and n_out units is, "
        "when to use it, and where it was published. In a terminal the table fits its width; "
        "elsewhere each initializer has one line."
    )
    add_examples(parser, "fastnet initializers", "fastnet initializers | grep -i relu")


def run(arguments: argparse.Namespace) -> int:
    """Do ``fastnet initializers``."""
    rows = [
        [", ".join([name, *ALIASES.get(name, ())]), _unbroken(row.formula), row.use, row.source]
        for name, row in TABLE.items()
    ]
    show_words(_HEADINGS, rows)
    return 0


def _unbroken(formula: str) -> str:
    """Return a formula that is wrapped after closing brackets only."""
    return re.sub(r"(?<!\)|,) ", "\u00a0", formula) if "(" in formula else formula
