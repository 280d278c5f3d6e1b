"""Options that commands share, readers of option values, and checks of output files."""

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
from fastnet.common.console import error_text, write_err
from fastnet.common.hints import did_you_mean
from fastnet.datasets.folders import read_names
from fastnet.datasets.sources import STANDARD_INPUT
from fastnet.files import replace_file
from fastnet.initializers import INITIALIZERS, Initializer, Scheme
from fastnet.optimizers import OPTIMIZERS, Optimizer, read_optimizer

__all__ = [
    "DTYPES",
    "HEADER",
    "INITIALIZER",
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
INITIALIZER = (
    "a name that fastnet initializers lists, a name with a gain (orthogonal:1.5), or a number for "
    "all weights"
)
MODEL = "a network saved by fastnet train or Network.save"
HEADER = (
    "whether the first line of a .csv file names the columns; if not, they are named 1, 2, ... "
    "(default: yes, and a first line that looks like data is refused)"
)


def add_model_and_data(parser: argparse.ArgumentParser, data: str, label: str) -> None:
    """Add the options of a command that applies a network.

    `data` is help on further kinds of data; `label` is help on the column with the labels.
    """
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("data", metavar="DATA", help=_DATA.format(more=data))
    parser.add_argument("--label", metavar="COLUMN", help=label)
    parser.add_argument("--header", action=argparse.BooleanOptionalAction, help=HEADER)


_DATA = (
    "a table such as a .csv file, gzipped or not, whose first line names the columns (the inputs "
    "are found by name); an .npz file with X and y, or X_test and y_test; a folder of images like "
    "MNIST's, whose test part is read; {more}or - for standard input"
)


def add_columns(option: Callable[..., Any]) -> None:
    """Add the options `label`, `header` and `ignore`, which describe a .csv file.

    `option` is the `add_argument` of a parser or a group.
    """
    label = (
        "the .csv column with the labels (default: the last one, but required if another is "
        "named label, class, target or y)"
    )
    option("--label", metavar="COLUMN", help=label)
    option("--header", action=argparse.BooleanOptionalAction, help=HEADER)
    ignore = ".csv columns to leave out, such as row numbers"
    option("--ignore", metavar="COLUMN", nargs="+", default=[], help=ignore)


def number_reader(
    kind: Callable[[str], Number], accepts: Callable[[Number], bool], expected: str
) -> Callable[[str], Number]:
    """Return a function that reads a number from an option's text.

    It raises argparse.ArgumentTypeError for any other text; argparse puts the option's name before
    the message and exits with 2.
    """

    def read(text: str) -> Number:
        try:
            if accepts(number := kind(text)):
                return number
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"got {text or 'nothing'}; expected {expected}")

    return read


count = number_reader(int, lambda number: number >= 1, "a whole number, 1 or more")
seed = number_reader(int, lambda number: number >= 0, "a whole number, 0 or more")
amount = number_reader(float, lambda number: 0 <= number < math.inf, "a finite number, 0 or more")
share = number_reader(float, lambda number: 0 < number < 1, "a fraction between 0 and 1")


def one_of(what: str, names: Collection[str]) -> Callable[[str], str]:
    """Return a function that reads one of the names; errors as for `number_reader`."""

    def read(text: str) -> str:
        if text not in names:
            hint = did_you_mean(text, names)
            known = f"; the {what} are {', '.join(names)}"
            raise argparse.ArgumentTypeError(
                f"got {text or 'nothing'}{f'.{hint}' if hint else known}"
            )
        return text

    return read


def optimizer(text: str) -> Optimizer:
    """Return the optimizer of a name in any case; errors as for `number_reader`."""
    known = {name.lower(): name for name in OPTIMIZERS}
    return read_optimizer(one_of("optimizers", OPTIMIZERS)(known.get(text.lower(), text)))


def initializer(text: str) -> Initializer:
    """Return an initializer, or a list of those between commas; errors as for `number_reader`."""
    read = [_one_initializer(part.strip()) for part in text.split(",")]
    return read[0] if len(read) == 1 else read


def _one_initializer(text: str) -> str | float | Scheme:
    """Return the initializer that NAME, NAME:GAIN or a number stands for."""
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
        expected = f"{name}:GAIN, with GAIN a finite number above 0"
        raise argparse.ArgumentTypeError(f"got {text}; expected {expected}") from None
    return scheme


def initializers(text: str) -> dict[str, Initializer]:
    """Return the initializers in a comma-separated list, by name; errors as for `number_reader`."""
    read: dict[str, Initializer] = {}
    for name in (part.strip() for part in text.split(",")):
        if name in read:
            raise argparse.ArgumentTypeError(f"got {name!r} twice; give each name once")
        read[name] = _one_initializer(name)
    return read


def writable(folder: str | Path) -> Path:
    """Return `folder` as a path, made if it is missing; raise OSError if it is not writable."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def check_outputs(
    outputs: Mapping[str, str | Path | None], inputs: Sequence[str | Path | None]
) -> None:
    """Refuse outputs that would replace an input or one another.

    Links and other spellings of a path are followed. The keys of `outputs` are the options' names;
    inputs are files or folders of IDX files.
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
                    f"{name} {path} is the input file {file}; nothing was written, give another "
                    "name"
                )
        for other, before in written.items():
            if _same_file(path, before):
                raise ValueError(f"{name} {path} is also the file of {other}; give another name")
        written[name] = path


def _files(path: str | Path) -> list[str | Path]:
    """Return the files that data at `path` may be read from: in a folder those named "idx"."""
    if os.fspath(path) == STANDARD_INPUT:  # which may be a file (fastnet train - < data.csv)
        return ["/dev/stdin"]
    try:
        read: list[str | Path] = [*read_names(path)]
    except (OSError, ValueError):
        read = []
    if not os.path.isdir(path):
        return [*read, path]
    return read + [os.path.join(path, name) for name in os.listdir(path) if "idx" in name.lower()]


def _same_file(one: str | Path, other: str | Path) -> bool:
    """Return whether two paths lead to the same file, which may not exist yet."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them does not exist
        first, second = (os.path.normcase(os.path.realpath(path)) for path in (one, other))
        return first == second


def write_picture(path: Path, draw: Callable[[Any], Any], subject: Any) -> bool:
    """Draw `subject` and write the picture; return False, with a warning, without matplotlib."""
    try:
        content = plotting.png(draw(subject))
    except ImportError as error:
        write_err(error_text(error))
        return False
    replace_file(path, content)
    return True
