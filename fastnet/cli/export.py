"""``fastnet export``: write a trained network as a C header or an ONNX model."""

from __future__ import annotations

import argparse
import os
import warnings

from fastnet.cli.options import MODEL, check_outputs
from fastnet.cli.parser import add_examples
from fastnet.cli.user_data import load_model
from fastnet.common.console import escaped, write_err, write_out
from fastnet.network import Network


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet export`` to `parser`."""
    parser.description = (
        "Write a network for use without Python: as a C99 header if FILE ends in .h, as an ONNX "
        "model if it ends in .onnx."
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("out", metavar="FILE", help="a name that ends in .h or .onnx")
    parser.add_argument("--preprocessing", action=argparse.BooleanOptionalAction, help=_SCALES)
    parser.add_argument("--labels", action="store_true", default=None, help=_LABELS)
    parser.add_argument("--name", metavar="NAME", help=_NAME)
    add_examples(
        parser,
        "fastnet export digits.npz digits.h --labels",
        "fastnet export digits.npz digits.onnx",
    )


_SCALES = (
    "include the scaling of inputs and of predicted numbers that fastnet predict applies (default: "
    "yes for .onnx; no for .h, with a warning if the network has any)"
)
_LABELS = "with .h: add NAME_predict and NAME_labels (an .onnx file always has the labels)"
_NAME = "with .h: prefix of the names in the header (default: the file's name without .h)"


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet export`` and return the exit code."""
    form = os.path.splitext(arguments.out)[1].lower()
    if form not in WRITERS:
        arguments.parser.error(f"FILE is {arguments.out}; its name must end in .h or .onnx")
    for option in ("labels", "name"):
        if form != ".h" and getattr(arguments, option) is not None:
            arguments.parser.error(f"--{option} is only for .h; FILE is {arguments.out}")
    check_outputs({"FILE": arguments.out}, [arguments.model])
    network = load_model(arguments.model)
    with warnings.catch_warnings(record=True, action="always") as said:
        WRITERS[form](network, arguments)
    name = escaped(arguments.out, lines=False)
    write_out(f"{name} written: {network.sizes[0]} inputs, {network.sizes[-1]} outputs")
    for warning in said:
        write_err(f"{name}: {warning.message} (--preprocessing includes it)")
    return 0


def _write_header(network: Network, arguments: argparse.Namespace) -> None:
    network.to_c(
        arguments.out,
        name=arguments.name,
        preprocessing=arguments.preprocessing,
        labels=bool(arguments.labels),
    )


def _write_onnx(network: Network, arguments: argparse.Namespace) -> None:
    network.to_onnx(arguments.out, preprocessing=arguments.preprocessing is not False)


#: The functions that write each kind of file, by the ending of its name.
WRITERS = {".h": _write_header, ".onnx": _write_onnx}
