"""``fastnet saturation``: measure one neuron's weighted input before any training."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from fastnet import plotting
from fastnet.cli.options import INITIALIZER, count, initializers, seed, writable, write_picture
from fastnet.cli.output import TextTable, show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import terminal_width
from fastnet.common.console import share_text, write_err
from fastnet.common.progress import ProgressLine, part_of
from fastnet.diagnostics import Gaussian, WeightedInput, weighted_input

_NAMES = "large,default"
_HEADINGS = ["initializer", "", "variance", "std", "peak", "|z| > 1", "saturated"]


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet saturation`` to `parser`."""
    parser.description = (
        "Draw the weights of one neuron many times, by default from the book's old start, N(0, 1), "
        "and from its new start, N(0, 1) / sqrt(n) where n is the number of inputs. Half of the "
        "inputs are 1, the others 0. Prints the distribution of the weighted input z, theory above "
        "measurement, and plots the densities over the histograms in saturation.png."
    )
    option = parser.add_argument
    draws = "neurons drawn from each initializer (default: 100000)"
    option("--draws", type=count, metavar="N", default=100_000, help=draws)
    option("--seed", type=seed, metavar="N", default=0, help="random seed (default: 0)")
    inputs = "inputs of the neuron (default: 1000)"
    option("--inputs", type=count, metavar="N", default=1000, help=inputs)
    active = "how many of the inputs are 1; the others are 0 (default: half)"
    option("--active", type=seed, metavar="N", help=active)
    starts = f"the initializers, separated by commas: each {INITIALIZER} (default: {_NAMES})"
    form = "NAME[:GAIN],..."
    option("--initializers", type=initializers, metavar=form, default=_NAMES, help=starts)
    out = "folder for saturation.png, made if missing (default: the current folder)"
    option("--out", metavar="DIR", default=".", help=out)
    option("--table", action="store_true", help="print the table in Markdown (default: off)")
    add_examples(
        parser,
        "fastnet saturation --inputs 100",
        "fastnet saturation --initializers large,glorot_normal",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``fastnet saturation`` and return the exit code."""
    active = args.inputs // 2 if args.active is None else args.active
    if active > args.inputs:
        args.parser.error(f"--active: got {active}; expected at most --inputs, {args.inputs}")
    picture = writable(args.out) / "saturation.png"
    chosen = args.initializers.items()
    results = []
    with ProgressLine("drawing", "neurons") as line:
        for place, (name, initializer) in enumerate(chosen):
            part = part_of(line, place, len(chosen))
            z = weighted_input(
                args.inputs, active, initializer, args.draws, args.seed, progress=part
            )
            results.append(replace(z, initializer=name))
    written = write_picture(picture, plotting.saturation_figure, results)
    title = (
        f"weighted input z of a neuron with {args.inputs} inputs, {active} of them 1, the others "
        f"0;\n{args.draws} draws, seed {args.seed}; saturated: |z| > 4.595, where sigma'(z) < 0.01"
    )
    # Columns of the default width would make the table wider than a terminal.
    show(TextTable(_HEADINGS, _rows(results), title, args.table, 8, terminal_width()))
    if written:
        write_err(f"{picture} written")
    return 0


def _rows(results: list[WeightedInput]) -> list[list[str]]:
    """Return two rows per initializer: theory and measurement."""
    rows = []
    for result in results:
        theory = ["-"] * 5 if result.theory is None else _numbers(result.theory)
        rows.append([result.initializer, "theory", *theory])
        rows.append(["", "measured", *_numbers(result)])
    return rows


def _numbers(z: Gaussian | WeightedInput) -> list[str]:
    """Return the cells of a row: variance, standard deviation, peak and two shares."""
    peak = f"{z.peak:.4f}" if math.isfinite(z.peak) else "-"
    shares = (z.share_beyond(1.0), z.saturated)
    return [f"{z.std**2:.5g}", f"{z.std:.5g}", peak, *map(share_text, shares)]
