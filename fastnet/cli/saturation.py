"""``fastnet saturation``: how the weighted input of a neuron lies before any training."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet.cli.options import (
    count,
    initializers,
    seed,
    with_default,
    writable,
    write_atomically,
)
from fastnet.cli.text_table import render, share_text, titled
from fastnet.common.console import complain, say, sentence
from fastnet.common.progress import ProgressLine

if TYPE_CHECKING:
    from fastnet.diagnostics import Gaussian, WeightedInput

_NAMES = ["large", "default"]
_HEADINGS = ["initializer", "", "variance", "std", "peak", "|z| > 1", "saturated"]


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Describe ``fastnet saturation``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "saturation",
        help="draw a neuron's weighted input from both starts, and set theory beside it",
        description=(
            "Draw the weights of a neuron many times, from N(0, 1), the old start, and from "
            "N(0, 1) / sqrt(n) with n its inputs, the new start, half of the inputs being 1 and "
            "half of them 0. Prints how its weighted input z lies, theory above measurement, and "
            "writes both densities over the histograms into saturation.png."
        ),
    )
    option = parser.add_argument
    draws = with_default("neurons to draw from each start", 100_000)
    option("--draws", type=count, metavar="N", default=100_000, help=draws)
    option("--seed", type=seed, metavar="N", default=0, help=with_default("seed of every draw", 0))
    inputs = with_default("inputs of the neuron", 1000)
    option("--inputs", type=count, metavar="N", default=1000, help=inputs)
    active = "how many of the inputs are 1, the others being 0 (default: half of them)"
    option("--active", type=seed, metavar="N", help=active)
    starts = with_default(
        "the starts, out of the names of fastnet.initializers.INITIALIZERS, with commas between "
        "them",
        ",".join(_NAMES),
    )
    option("--initializers", type=initializers, metavar="A,B,...", default=_NAMES, help=starts)
    out = "folder for saturation.png, made if missing (default: the current folder)"
    option("--out", metavar="DIR", default=".", help=out)
    markdown = "print the table in Markdown (default: off)"
    option("--table", action="store_true", help=markdown)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do ``fastnet saturation``."""
    active = args.inputs // 2 if args.active is None else args.active
    if active > args.inputs:
        args.parser.error(f"--active: got {active}; at most the {args.inputs} inputs are expected")
    out = writable(args.out)
    from fastnet.diagnostics import weighted_input

    results = []
    with ProgressLine("drawing") as line:
        for place, name in enumerate(args.initializers):

            def report(done: int, total: int, place: int = place) -> None:
                line(place * total + done, len(args.initializers) * total)

            results.append(
                weighted_input(args.inputs, active, name, args.draws, args.seed, progress=report)
            )
    written = _write_picture(results, out)
    say(
        titled(
            f"weighted input z of a neuron, {active} of whose {args.inputs} inputs are 1, the "
            f"others 0;\n{args.draws} draws, seed {args.seed}; saturated: |z| > 4.595, where "
            "sigma'(z) < 0.01",
            render(_HEADINGS, _rows(results), markdown=args.table),
            markdown=args.table,
        )
    )
    complain(written)
    return 0


def _write_picture(results: list[WeightedInput], out: Path) -> str:
    """Write the picture, and return what was written, or how to get it."""
    from fastnet import plotting

    try:
        picture = plotting.png(plotting.saturation_figure(results))
    except ImportError as error:
        return sentence(error)
    write_atomically(out / "saturation.png", picture)
    return f"{out / 'saturation.png'} written"


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
