"""``fastnet propagation``: measure signals in deep networks as they are initialized."""

from __future__ import annotations

import argparse
import json
import math
import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet import plotting
from fastnet._version import __version__
from fastnet.activations import ACTIVATIONS
from fastnet.cli.options import (
    INITIALIZER,
    add_columns,
    check_outputs,
    count,
    initializers,
    one_of,
    seed,
    writable,
    write_picture,
)
from fastnet.cli.output import TextTable, show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import counted, line_width, wrapped
from fastnet.cli.user_data import not_used, scaled_bytes
from fastnet.common.console import share_text, write_err
from fastnet.common.progress import ProgressLine
from fastnet.datasets.tables import Table, read_tables
from fastnet.diagnostics import Propagation
from fastnet.diagnostics import propagation as measure
from fastnet.files import replace_file
from fastnet.preprocessing import Preprocessing

_NAMES = "he_normal,glorot_normal,large"
_HIDDEN = [name for name, kind in ACTIVATIONS.items() if not kind.output_only]
_HEADINGS = ["layer", "var(z)", "theory", "var(delta)", "theory", "saturated"]
#: The most rows of data that are measured, and how many layers the tables show.
ROWS, LAYERS = 1000, 5
#: Fields of the records that are not measurements.
_KEYS = ("seed", "layer")


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet propagation`` to `parser`."""
    parser.description = (
        "Draw deep networks from several initializers and measure how signals propagate through "
        "them before any training: the variance of the weighted inputs z in each layer, and of the "
        "backpropagated errors delta, which are N(0, 1) at the last layer. Prints means over the "
        "seeds with 95 % confidence intervals (Student's t) beside mean field theory, and writes "
        "propagation.png and propagation.json, which has all layers and measures."
    )
    option = parser.add_argument_group("network").add_argument
    option("--depth", type=count, metavar="N", default=20, help="number of layers (default: 20)")
    option("--width", type=count, metavar="N", default=300, help="units per layer (default: 300)")
    option(
        "--activation",
        type=one_of("activations of hidden layers", _HIDDEN),
        metavar="NAME",
        default="relu",
        help=f"activation of all layers: {', '.join(_HIDDEN)} (default: relu)",
    )
    names = f"initializers to compare, separated by commas: each {INITIALIZER} (default: {_NAMES})"
    form = "NAME[:GAIN],..."
    option("--initializers", type=initializers, metavar=form, default=_NAMES, help=names)
    seeds = "networks drawn from each initializer (default: 8)"
    option("--seeds", type=count, metavar="N", default=8, help=seeds)
    option("--seed", type=seed, metavar="N", default=0, help="random seed (default: 0)")

    option = parser.add_argument_group("data").add_argument
    data = (
        "inputs: a table such as a .csv file, an .npz file, a folder of images, or - for standard "
        f"input. At most {ROWS} rows of the training part are used, drawn at random; labels are "
        f"not used; bytes are divided by 256 (default: {ROWS} rows of --width numbers from N(0, 1))"
    )
    option("--data", metavar="PATH", help=data)
    add_columns(option)

    option = parser.add_argument_group("results").add_argument
    out = (
        "folder for propagation.png and propagation.json, made if missing (default: the current "
        "folder)"
    )
    option("--out", metavar="DIR", default=".", help=out)
    option("--table", action="store_true", help="print tables in Markdown (default: off)")
    add_examples(
        parser,
        "fastnet propagation --depth 50 --activation tanh",
        "fastnet propagation --initializers orthogonal,he_normal",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``fastnet propagation`` and return the exit code."""
    for name in ("label", "header", "ignore"):
        if args.data is None and getattr(args, name) not in (None, []):
            args.parser.error(f"--{name} needs --data; the default inputs are N(0, 1)")
    out = writable(args.out)
    numbers, picture = out / "propagation.json", out / "propagation.png"
    check_outputs({path.name: path for path in (numbers, picture)}, [args.data])
    table = None if args.data is None else _read(args)
    X = None if table is None else Preprocessing(*scaled_bytes(table)).inputs(table.X, "float64")
    sizes = [args.width if X is None else X.shape[1], *[args.width] * args.depth]
    draw = {"activation": args.activation, "seeds": args.seeds, "rng": args.seed}
    results = {}
    with ProgressLine("measuring", "initializers") as line:
        for name, initializer in args.initializers.items():
            results[name] = measure(sizes, X, initializer=initializer, **draw)
            line(len(results), len(args.initializers))
    rows = f"{ROWS} rows of N(0, 1)"
    inputs = rows if table is None else f"{counted(table.n, 'row')} of {table.name}"
    replace_file(numbers, (json.dumps(_as_dict(args, inputs, results), indent=2) + "\n").encode())
    written = str(numbers)
    if write_picture(picture, plotting.propagation_figure, results):
        written = f"{picture} and {written}"
    show(*_report(args, sizes, inputs, results))
    write_err(f"{written} written; measured for {line.seconds:.1f} s")
    for note in [] if table is None else not_used(table.name, table.unused):
        write_err(note)
    return 0


def _read(args: argparse.Namespace) -> Table:
    """Return the training part of the data, reduced to at most `ROWS` random rows."""
    tables = read_tables(args.data, label=args.label, ignore=args.ignore, header=args.header)
    table = tables.training or tables.to_evaluate
    if table.n <= ROWS:
        return table
    return table.rows(np.sort(np.random.default_rng(args.seed).permutation(table.n)[:ROWS]))


def _report(
    args: argparse.Namespace, sizes: list[int], inputs: str, results: dict[str, Propagation]
) -> list[str | TextTable]:
    """Return the headline and a table for each initializer."""
    head = (
        f"{counted(args.depth, 'layer')} of {counted(args.width, 'unit')} ({args.activation}) on "
        f"{counted(sizes[0], 'input')}, {inputs}\nvariances of weighted inputs z, "
        "forward, and of errors delta, backward; "
    )
    head += (
        "one seed, no intervals"
        if args.seeds == 1
        else f"means of {args.seeds} seeds ± 95 % confidence intervals (Student's t)"
    )
    width = line_width()
    tables = [
        TextTable(_HEADINGS, _rows(result), name, args.table, least_width=8, width=width)
        for name, result in results.items()
    ]
    return [wrapped(head, width), *tables]


def _rows(result: Propagation) -> list[list[str]]:
    """Return the table's rows: `LAYERS` layers, evenly spread from the first to the last."""
    depth = len(result.layers)
    places = sorted({max(-(-depth * k // (LAYERS - 1)), 1) - 1 for k in range(LAYERS)})
    saturated = result.mean("saturated")
    columns = [_cells(result, name, places) for name in ("var_z", "var_delta")]
    return [
        [
            str(place + 1),
            *(cell for column in columns for cell in column[i]),
            share_text(float(saturated[place])),
        ]
        for i, place in enumerate(places)
    ]


def _cells(result: Propagation, name: str, places: list[int]) -> list[tuple[str, str]]:
    """Return a measured variance with its margin, and the theory, for some layers."""
    mean, margin, theory = result.mean(name), result.margin(name), result.theory(name)
    cells = []
    for place in places:
        cell = f"{mean[place]:.3g}"
        if math.isfinite(margin[place]):
            # The last layer's errors are equal for all seeds: their margin is rounding error.
            rounding = margin[place] < 1e-12 * mean[place]
            cell += f" ± {0 if rounding else float(f'{margin[place]:.1g}'):.3g}"
        known = not math.isnan(theory[place])
        cells.append((cell, f"{theory[place]:.3g}" if known else "-"))
    return cells


def _as_dict(
    args: argparse.Namespace, inputs: str, results: dict[str, Propagation]
) -> dict[str, Any]:
    """Return all measurements for JSON, with None for NaN and infinity."""
    first = next(iter(results.values()))
    measures = [name for name in first.records.dtype.names or () if name not in _KEYS]
    return {
        "sizes": list(first.sizes),
        "activation": args.activation,
        "inputs": inputs,
        "seed": args.seed,
        "seeds": args.seeds,
        "layers": first.layers.tolist(),
        "initializers": {
            initializer: {
                name: {
                    "mean": _numbers(result.mean(name)),
                    "margin": _numbers(result.margin(name)),
                    "theory": _numbers(result.theory(name)),
                }
                for name in measures
            }
            for initializer, result in results.items()
        },
        "versions": {
            "fastnet": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _numbers(values: NDArray[Any]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
