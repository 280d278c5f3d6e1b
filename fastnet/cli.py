"""The command line: words and files in, tables and pictures out.

Every command is a pair: ``_add_NAME`` describes its options, ``_NAME`` does it and returns the exit
code. 0: done; 1: bad input, said in one sentence on standard error; 2: not how the command is used;
130: interrupted.
"""

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar

from fastnet._version import __version__

if TYPE_CHECKING:
    from fastnet.compare import Comparison, Settings

_STARTS = {"large": "old start", "default": "new start"}
_TARGET = 95.0
Number = TypeVar("Number", int, float)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``fastnet`` and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0 done, 1 bad input, 2 wrong usage, 130 interrupted.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    fastnet ...
    0
    """
    try:
        try:
            args = _parser().parse_args(argv)
            code: int = args.run(args)
        except SystemExit as stop:  # argparse: help, version, or wrong usage
            code = stop.code if isinstance(stop.code, int) else 1
        _say("", end="")
        return code
    except KeyboardInterrupt:
        _complain("fastnet: interrupted")
        return 130
    except (ValueError, TypeError, OSError, OverflowError, MemoryError, ImportError) as error:
        _complain(f"fastnet: {_sentence(error)}")
        return 1


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="fastnet", description="Sigmoid networks, and what their starting weights do to them."
    )
    parser.add_argument("--version", action="version", version=f"fastnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compare(commands)
    return parser


# fastnet compare


def _add_compare(commands: Any) -> None:
    """Describe ``fastnet compare``."""
    from fastnet.compare import Settings

    parser = commands.add_parser(
        "compare",
        help="train a network from the old start and from the new, and show both",
        description=(
            "Train the same network twice, once from weights drawn from N(0, 1), the old start, "
            "and once from N(0, 1) / sqrt(n) with n the weights into a neuron, the new start. "
            "Prints the accuracy epoch by epoch and writes compare.png and compare.json."
        ),
    )
    # No defaults in the parser: --book has to tell an option that was given from one that was not.
    option, default = parser.add_argument, Settings()
    option("--hidden", type=_count, metavar="N", help=_help("hidden neurons", default.hidden))
    option("--epochs", type=_count, metavar="N", help=_help("epochs", default.epochs))
    option("--eta", type=_amount, metavar="X", help=_help("learning rate", default.eta))
    option("--lmbda", type=_amount, metavar="X", help=_help("L2 regularization", default.lmbda))
    batch = _help("examples per step", default.mini_batch_size)
    option("--mini-batch-size", type=_count, metavar="N", help=batch)
    option("--seed", type=_seed, metavar="N", help=_help("seed of every draw", default.seed))
    kinds = ("float64", "float32")
    option("--dtype", choices=kinds, help=_help("numbers to compute with", default.dtype))
    option("--data", metavar="PATH", help=_DATA)
    option("--out", metavar="DIR", default=".", help=_OUT)
    option("--book", action="store_true", help=_BOOK)
    parser.set_defaults(run=lambda args: _compare(args, parser))


_DATA = (
    "a folder of IDX files, or an .npz with X_train, y_train, X_test, y_test; bytes are divided by "
    "256, and the test part judges (default: the embedded MNIST, 50,000 images to train on and "
    "10,000 to validate with)"
)
_OUT = "folder for compare.png and compare.json, made if missing (default: the current folder)"
_BOOK = (
    "replay the run that the book's repository publishes, draw by draw, and print its 60 numbers "
    "beside the published ones; exit code 1 unless all are equal (default: off)"
)


def _compare(args: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Do ``fastnet compare``."""
    settings = _settings(args, parser)
    out = _writable(Path(args.out))
    from fastnet.compare import compare, mnist, read_data, replay_book

    with _Progress(sys.stderr) as progress:
        if args.book:
            result = replay_book(progress=progress)
        else:
            dtype = settings.dtype
            data = mnist(dtype) if args.data is None else read_data(args.data, dtype)
            result = compare(data, settings, progress=progress)
    # The files come first: whoever reads the table may stop reading (fastnet compare | head).
    seconds = sum(run.seconds for run in result.runs)
    written = f"{_write_files(result, out)} written; trained for {seconds:.1f} s"
    if args.book:
        table, last, code = _book_table(result)
    else:
        table, last, code = _table(result), _gain(result), 0
    _say(f"{_headline(result)}\n\n{table}\n")
    _complain(written)
    _say(last)
    return code


def _settings(args: argparse.Namespace, parser: argparse.ArgumentParser) -> "Settings":
    """Return the settings asked for; with --book, refuse those that the published run had not."""
    from fastnet.compare import BOOK, Settings

    names = Settings.__dataclass_fields__
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if not args.book:
        return Settings(**given)
    if args.data is not None:
        parser.error("--book replays a run on the embedded MNIST; leave --data out")
    for name, value in given.items():
        if value != getattr(BOOK, name):
            option = f"--{name.replace('_', '-')}"
            parser.error(f"--book replays a run with {option} {getattr(BOOK, name)}; got {value}")
    return BOOK


def _write_files(result: "Comparison", out: Path) -> str:
    """Write the numbers and the picture, and return what was written."""
    text = json.dumps(result.as_dict(), indent=2) + "\n"
    _write_atomically(out / "compare.json", text.encode())
    from fastnet import plotting

    try:
        picture = plotting.png(plotting.comparison_figure(result))
    except ImportError as error:
        _complain(_sentence(error))
        return str(out / "compare.json")
    _write_atomically(out / "compare.png", picture)
    return f"{out / 'compare.png'} and {out / 'compare.json'}"


def _headline(result: "Comparison") -> str:
    """Return what was trained, on what, and how."""
    s = result.settings
    return (
        f"{'-'.join(map(str, result.sizes))} on {result.data}, {result.n_training} examples to "
        f"train on, {s.dtype}\neta {s.eta:g}, lambda {s.lmbda:g}, "
        f"mini-batches of {s.mini_batch_size}, seed {s.seed}"
    )


def _table(result: "Comparison") -> str:
    """Return the accuracies epoch by epoch."""
    lines = [
        f"right of {result.n_evaluation} {result.evaluation} examples, in %",
        f"{'epoch':>5}  {'old start':>10}  {'new start':>10}  {'difference':>10}",
    ]
    pairs = zip(result.accuracy("large"), result.accuracy("default"), strict=True)
    for epoch, (old, new) in enumerate(pairs, start=1):
        lines.append(f"{epoch:5d}  {old:10.2f}  {new:10.2f}  {new - old:+10.2f}")
    return "\n".join(lines)


def _gain(result: "Comparison") -> str:
    """Return in one line what the new start gained."""
    old, new = result.accuracy("large")[0], result.accuracy("default")[0]
    slow, fast = (result.epochs_to(name, _TARGET) for name in ("large", "default"))
    n = result.settings.epochs
    if fast is not None and slow is not None:
        reached = f"{_TARGET:g} % after epoch {fast} instead of {slow}"
    elif fast is not None:
        reached = f"{_TARGET:g} % after epoch {fast}, the old start not in {_epochs(n)}"
    elif slow is not None:
        reached = f"{_TARGET:g} % not in {_epochs(n)}, the old start after epoch {slow}"
    else:
        reached = f"neither start reaches {_TARGET:g} % in {_epochs(n)}"
    return f"Gained: {new:.2f} % instead of {old:.2f} % after epoch 1; {reached}."


def _epochs(number: int) -> str:
    """Return a number of epochs in words."""
    return f"{number} epoch{'s' * (number != 1)}"


def _book_table(result: "Comparison") -> tuple[str, str, int]:
    """Return the replayed counts beside the published ones, the verdict, and the exit code."""
    from fastnet.compare import published

    lines = [
        f"right of {result.n_evaluation} {result.evaluation} images",
        f"{'epoch':>5}  {'old start':>10} {'published':>10}   {'new start':>10} {'published':>10}",
    ]
    book = published()
    columns = [result.run("large").correct, book["large"]]
    columns += [result.run("default").correct, book["default"]]
    n_equal = 0
    for epoch, (old, old_book, new, new_book) in enumerate(zip(*columns, strict=True), start=1):
        equal = (old == old_book) + (new == new_book)
        n_equal += equal
        mark = "" if equal == 2 else "   differs"
        lines.append(f"{epoch:5d}  {old:10d} {old_book:10d}   {new:10d} {new_book:10d}{mark}")
    n = 2 * len(columns[0])
    last = f"{_gain(result)}\n{n_equal} of {n} equal to the published numbers."
    return "\n".join(lines), last, 0 if n_equal == n else 1


# What every command needs


class _Progress:
    """How far the trainings are: a bar in a terminal, a plain line every few seconds elsewhere."""

    interval = 5.0

    def __init__(self, stream: TextIO | None) -> None:
        self._begin = monotonic()
        self._next = self._begin
        self._bar: Any = None
        self._show: Callable[[str, int, int], None] = self._line
        if stream is not None and stream.isatty():
            with contextlib.suppress(ImportError):
                from tqdm import tqdm

                form = "{desc} {percentage:3.0f} % |{bar}| {n_fmt} of {total_fmt} steps, {elapsed}"
                # tqdm shows nothing where a terminal gives its size as 0 x 0.
                width, height = os.get_terminal_size(stream.fileno())
                self._new_bar = partial(
                    tqdm,
                    file=stream,
                    bar_format=form,
                    ncols=min(width or 80, 100),
                    nrows=height or 24,
                    miniters=1,
                )
                self._show = self._draw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, initializer: str, done: int, total: int) -> None:
        self._show(_STARTS.get(initializer, initializer), done, total)

    def _draw(self, label: str, done: int, total: int) -> None:
        if self._bar is None:  # made now, when it is known how much there is to do
            self._bar = self._new_bar(total=total, desc=label)
        self._bar.set_description_str(label, refresh=False)
        self._bar.update(done - self._bar.n)

    def _line(self, label: str, done: int, total: int) -> None:
        now = monotonic()
        if now >= self._next:
            self._next = now + self.interval
            seconds = now - self._begin
            _complain(f"training, {label}: {done} of {total} steps, {seconds:.0f} s")


def _help(what: str, default: object) -> str:
    """Return an option's explanation with its default."""
    return f"{what} (default: {default})"


def _count(text: str) -> int:
    """Read a whole number of at least 1."""
    return _number(text, int, 1, "a whole number, 1 or more,")


def _seed(text: str) -> int:
    """Read a whole number of at least 0."""
    return _number(text, int, 0, "a whole number, 0 or more,")


def _amount(text: str) -> float:
    """Read a finite number of at least 0."""
    return _number(text, float, 0.0, "a finite number, 0 or more,")


def _number(text: str, kind: Callable[[str], Number], least: Number, expected: str) -> Number:
    """Read a finite number of at least `least`."""
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number < math.inf:
        raise argparse.ArgumentTypeError(f"got {text}; {expected} is expected")
    return number


def _writable(folder: Path) -> Path:
    """Make `folder` if it is missing; find out before the training whether it can be written."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there: nobody ever finds half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _say(text: str, end: str = "\n") -> None:
    """Write to standard output, at once; a reader who has gone away is no error."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        # A file's name may hold letters that the terminal does not know.
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        print(text, end=end, flush=True)
    except OSError as error:
        # Python would try once more at its end, and complain.
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def _complain(text: str) -> None:
    """Write a line to standard error, if there is one and somebody reads it."""
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Send what else is written to `stream` nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _sentence(error: BaseException) -> str:
    """Return an error as one line."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
