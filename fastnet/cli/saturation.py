"""``fastnet saturation``: the distribution of a neuron's weighted input before any training."""

from __future__ import annotations

import argparse
import math

from fastnet import plotting
from fastnet.cli.options import count, initializers, seed, writable, write_picture
from fastnet.cli.output import TextTable, show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import terminal_width
from fastnet.common.console import share_text, write_err
from fastnet.common.progress import ProgressLine, part_of
from fastnet.diagnostics import Gaussian, WeightedInput, weighted_input

_NAMES = ["large", "default"]
_HEADINGS = ["initializer", "", "variance", "std", "peak", "|z| > 1", "saturated"]


def describe(parser: argparse.ArgumentParser) -> None:
    """Describe ``fastnet saturation``."""
    parser.description = (
        "Draw the weights of a neuron many times, from N(0, 1), the old start, and from "
        "N(0, 1) / sqrt(n) with n its inputs, the new start, half of the inputs being 1 and "
        "half of them 0. Prints how its weighted input z lies, theory above measurement, and "
        "writes both densities over the histograms into saturation.png."
    )
    option = parser.add_argument
    draws = "neurons to draw from each start (default: 100000)"
    option("--draws", type=count, metavar="N", default=100_000, help=draws)
    option("--seed", type=seed, metavar="N", default=0, help="seed of every draw (default: 0)")
    inputs = "inputs of the neuron (default: 1000)"
    option("--inputs", type=count, metavar="N", default=1000, help=inputs)
    active = "how many of the inputs are 1, the others being 0 (default: half of them)"
    option("--active", type=seed, metavar="N", help=active)
    starts = (
        "the starts, out of the names of fastnet.initializers.INITIALIZERS, with commas between "
        f"them (default: {','.join(_NAMES)})"
    )
    option("--initializers", type=initializers, metavar="A,B,...", default=_NAMES, help=starts)
    out = "folder for saturation.png, made if missing (default: the current folder)"
    option("--out", metavar="DIR", default=".", help=out)
    option("--table", action="store_true", help="print the table in Markdown (default: off)")
    add_examples(
        parser,
        "fastnet saturation --inputs 100",
        "fastnet saturation --initializers large,glorot_normal",
    )


def run(args: argparse.Namespace) -> int:
    """Do ``fastnet saturation``."""
    active = args.inputs // 2 if args.active is None else args.active
    if active > args.inputs:
        args.parser.error(f"--active: got {active}; at most the {args.inputs} inputs are expected")
    picture = writable(args.out) / "saturation.png"
    names = args.initializers
    results = []
    with ProgressLine("drawing", "neurons") as line:
        for place, name in enumerate(names):
            part = part_of(line, place, len(names))
            z = weighted_input(args.inputs, active, name, args.draws, args.seed, progress=part)
            results.append(z)
    written = write_picture(picture, plotting.saturation_figure, results)
    title = (
        f"weighted input z of a neuron, {active} of whose {args.inputs} inputs are 1, the others "
        f"0;\n{args.draws} draws, seed {args.seed}; saturated: |z| > 4.595, where sigma'(z) < 0.01"
    )
    # At the usual width of columns the table would be wider than a terminal.
    show(TextTable(_HEADINGS, _rows(results), title, args.table, 8, terminal_width()))
    if written:
        write_err(f"{picture} written")
    return 0


def _rows(results: list[WeightedInput]) -> list[list[str]]:
    """Return two rows an initializer: theory, and what was measured."""
    rows = []
    for result in results:
        theory = ["-"] * 5 if result.theory is None else _numbers(result.theory)
        rows.append([result.initializer, "theory", *theory])
        rows.append(["", "measured", *_numbers(result)])
    return rows


def _numbers(z: Gaussian | WeightedInput) -> list[str]:
    """Return the columns of the table."""
    peak = f"{z.peak:.4f}" if math.isfinite(z.peak) else "-"
    shares = (z.share_beyond(1.0), z.saturated)
    return [f"{z.std**2:.5g}", f"{z.std:.5g}", peak, *map(share_text, shares)]
