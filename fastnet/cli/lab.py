"""``fastnet lab``: serve the interactive page and open it in the browser."""

from __future__ import annotations

import argparse
import webbrowser

from fastnet.cli.options import number_reader
from fastnet.cli.parser import add_examples
from fastnet.common.console import write_err, write_out
from fastnet.lab.server import serve

_port = number_reader(int, lambda port: 0 <= port <= 65535, "a port, 0 to 65535")


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet lab`` to `parser`."""
    parser.description = (
        "Open an interactive page in the browser: the weighted input of one neuron, the variance "
        "in each layer of a deep network, and networks that learn MNIST side by side. Only this "
        "machine can reach the page. Ctrl-C closes it."
    )
    option = parser.add_argument
    option("--port", type=_port, metavar="N", default=0, help="port (default: a free one)")
    browser = "open the page in the browser (default: yes)"
    option("--browser", action=argparse.BooleanOptionalAction, default=True, help=browser)
    add_examples(parser, "fastnet lab", "fastnet lab --port 5006 --no-browser")


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet lab`` and return the exit code."""

    def opened(url: str) -> None:
        write_out(f"{url} (Ctrl-C closes it)")
        if arguments.browser:
            webbrowser.open(url)

    serve(arguments.port, opened)
    write_err("closed")
    return 0
