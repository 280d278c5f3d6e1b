"""What the commands have in common: options, the readers of their values, and where files go."""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fastnet import initializers as initializer_functions
from fastnet import plotting
from fastnet.cli.parser import nearest
from fastnet.common.console import error_text, write_err
from fastnet.datasets.folders import read_names
from fastnet.datasets.sources import STANDARD_INPUT
from fastnet.files import replace_file
from fastnet.initializers import INITIALIZERS, Initializer, Scheme
from fastnet.optimizers import OPTIMIZERS, Optimizer, read_optimizer

__all__ = [
    "DTYPES",
    "HEADER",
    "MODEL",
    "add_columns",
    "add_model_and_data",
    "amount",
    "check_outputs",
    "count",
    "initializer",
    "initializers",
    "number_reader",
    "one_of",
    "optimizer",
    "seed",
    "share",
    "writable",
    "write_picture",
]

Number = TypeVar("Number", int, float)

DTYPES = ("float64", "float32")
MODEL = "a file that fastnet train or save wrote"
HEADER = (
    "whether the first line of a .csv file names the columns; without a header they are called 1, "
    "2, ... (default: it does, and a first line that looks like data is refused)"
)


def add_model_and_data(parser: argparse.ArgumentParser, data: str, label: str) -> None:
    """Add the options of a command that applies a network, with help on the data and labels."""
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("data", metavar="DATA", help=_DATA + data)
    parser.add_argument("--label", metavar="COLUMN", help=label)
    parser.add_argument("--header", action=argparse.BooleanOptionalAction, help=HEADER)


_DATA = (
    "a table such as a .csv file, gzipped or not, whose first line names the columns (those that "
    "the network was trained with are found by name), an .npz file with X and y or X_test and "
    "y_test, or a folder of images as MNIST's, whose test part is read; - is standard input"
)


def add_columns(option: Callable[..., Any]) -> None:
    """Add, by a parser's `add_argument`, the options that say what the columns of a .csv file are.

    They are `label`, `header` and `ignore`.
    """
    label = (
        "the .csv column with the labels (default: the last one, unless another is called label, "
        "class, target or y)"
    )
    option("--label", metavar="COLUMN", help=label)
    option("--header", action=argparse.BooleanOptionalAction, help=HEADER)
    ignore = ".csv columns to leave out, such as a number of the row"
    option("--ignore", metavar="COLUMN", nargs="+", default=[], help=ignore)


def number_reader(
    kind: Callable[[str], Number], accepts: Callable[[Number], bool], expected: str
) -> Callable[[str], Number]:
    """Return a function that reads an option's number.

    Anything else raises argparse.ArgumentTypeError; argparse puts the option's name before the
    sentence and exits with 2.
    """

    def read(text: str) -> Number:
        try:
            if accepts(number := kind(text)):
                return number
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"got {text or 'nothing'}; {expected} is expected")

    return read


count = number_reader(int, lambda number: number >= 1, "a whole number, 1 or more,")
seed = number_reader(int, lambda number: number >= 0, "a whole number, 0 or more,")
amount = number_reader(float, lambda number: 0 <= number < math.inf, "a finite number, 0 or more,")
share = number_reader(float, lambda number: 0 < number < 1, "a share between 0 and 1")


def one_of(what: str, names: Collection[str]) -> Callable[[str], str]:
    """Return a function that reads one of several names; errors as `number_reader`."""

    def read(text: str) -> str:
        if text not in names:
            known = f"the {what} are {', '.join(names)}"
            raise argparse.ArgumentTypeError(
                f"got {text or 'nothing'}{nearest(text, names) or f'; {known}'}"
            )
        return text

    return read


def optimizer(text: str) -> Optimizer:
    """Read the name of an optimizer; errors as `number_reader`."""
    known = {name.lower(): name for name in OPTIMIZERS}
    return read_optimizer(one_of("optimizers", OPTIMIZERS)(known.get(text.lower(), text)))


def initializer(text: str) -> Initializer:
    """Read an initializer, or one a layer with commas between them; errors as `number_reader`."""
    read = [_one_initializer(part.strip()) for part in text.split(",")]
    return read[0] if len(read) == 1 else read


def _one_initializer(text: str) -> str | float | Scheme:
    """Read NAME, NAME:GAIN or a number."""
    name, colon, gain = text.partition(":")
    try:
        if not colon and math.isfinite(number := float(text)):
            return number
    except ValueError:
        pass
    one_of("initializers", INITIALIZERS)(name)
    if not colon:
        return name
    try:
        scheme: Scheme = getattr(initializer_functions, name)(gain=float(gain))
    except TypeError:
        raise argparse.ArgumentTypeError(f"got {text}; {name} takes no gain") from None
    except ValueError:
        expected = "a gain, a finite number above 0, is expected after the colon"
        raise argparse.ArgumentTypeError(f"got {text}; {expected}") from None
    return scheme


def initializers(text: str) -> list[str]:
    """Read names of initializers with commas between them; errors as `number_reader`."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        one_of("initializers", INITIALIZERS)(name)
        if names.count(name) > 1:
            raise argparse.ArgumentTypeError(f"got {name!r} twice; once is enough")
    return names


def writable(folder: str | Path) -> Path:
    """Make `folder` if it is missing, and return it if files can be written there, else raise."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def check_outputs(
    outputs: Mapping[str, str | Path | None], inputs: Sequence[str | Path | None]
) -> None:
    """Refuse outputs, by the names of their options, that would replace an input or one another.

    Also through a symbolic or hard link, or another spelling. Inputs are files, or folders of IDX
    files.
    """
    read = [file for path in inputs if path is not None for file in _files(path)]
    written: dict[str, str | Path] = {}
    for name, path in outputs.items():
        # Writing to a device or a pipe replaces nothing.
        if path is None or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        for file in read:
            if _same_file(path, file):
                raise ValueError(
                    f"{name} {path} is the file {file} that is read; give another name, nothing "
                    "was written"
                )
        for other, before in written.items():
            if _same_file(path, before):
                raise ValueError(f"{name} {path} is the file of {other}; give each its own name")
        written[name] = path


def _files(path: str | Path) -> list[str | Path]:
    """Return a file, or the files of a folder that may be data: those with "idx" in their names."""
    if os.fspath(path) == STANDARD_INPUT:  # a file may be redirected to it
        return ["/dev/stdin"]
    try:
        read: list[str | Path] = [*read_names(path)]
    except (OSError, ValueError):
        read = []
    if not os.path.isdir(path):
        return [*read, path]
    return read + [os.path.join(path, name) for name in os.listdir(path) if "idx" in name.lower()]


def _same_file(one: str | Path, other: str | Path) -> bool:
    """Return whether two paths lead to one file, or would if it were there."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one is not there yet
        first, second = (os.path.normcase(os.path.realpath(path)) for path in (one, other))
        return first == second


def write_picture(path: Path, draw: Callable[[Any], Any], subject: Any) -> bool:
    """Write the figure that `draw` makes of `subject`; return False, and say so, if it cannot."""
    try:
        content = plotting.png(draw(subject))
    except ImportError as error:
        write_err(error_text(error))
        return False
    replace_file(path, content)
    return True
