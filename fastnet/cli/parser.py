"""The command line's parser: one-line errors that suggest the nearest name, help with examples."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from fastnet.common.console import write_err

__all__ = ["Parser", "add_examples"]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors take one line and whose help never breaks a word."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help} | options)

    def error(self, message: str) -> NoReturn:
        """Write the message and how to get help; exit with 2."""
        message = message.removeprefix("argument ")
        write_err(f"{self.prog}: {message} (see {self.prog} --help)")
        self.exit(2)

    def unknown(self, arguments: Sequence[str]) -> NoReturn:
        """Exit with an error that names the arguments and the nearest known option."""
        from fastnet.common.hints import did_you_mean

        options = [name for action in self._actions for name in action.option_strings]
        first = arguments[0].partition("=")[0]
        hint = did_you_mean(first, options) if first.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(arguments)}{'.' * bool(hint)}{hint}")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Wraps descriptions, leaves examples as they are, and never breaks a word or an option."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **options)
        self._action_max_length = 16  # for the names of commands: argparse forgets their indent

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line if line.startswith("  ") else "\n".join(self._split_lines(line, width))
            for line in text.split("\n")
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        from textwrap import wrap

        text = " ".join(text.split())
        return wrap(text, width, break_long_words=False, break_on_hyphens=False)


def add_examples(parser: argparse.ArgumentParser, first: str, second: str) -> None:
    """End the help of a command with two examples."""
    parser.epilog = f"examples:\n  {first}\n  {second}"
