"""The command line: a module for each command, and `fastnet.cli.app`, which finds them."""

from fastnet.cli.app import main

__all__ = ["main"]
