"""``fastnet compare``: the old start and the new beside each other, in a table and a picture."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet.commands.options import (
    amount,
    count,
    seed,
    with_default,
    writable,
    write_atomically,
)
from fastnet.console import complain, say, sentence
from fastnet.progress import ProgressLine

if TYPE_CHECKING:
    from fastnet.compare import Comparison, Settings

_TARGET = 95.0
_STARTS = {"large": "old start", "default": "new start"}


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Describe ``fastnet compare``."""
    from fastnet.compare import Settings

    parser: argparse.ArgumentParser = commands.add_parser(
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
    option("--hidden", type=count, metavar="N", help=with_default("hidden neurons", default.hidden))
    option("--epochs", type=count, metavar="N", help=with_default("epochs", default.epochs))
    option("--eta", type=amount, metavar="X", help=with_default("learning rate", default.eta))
    option(
        "--lmbda", type=amount, metavar="X", help=with_default("L2 regularization", default.lmbda)
    )
    batch = with_default("examples per step", default.mini_batch_size)
    option("--mini-batch-size", type=count, metavar="N", help=batch)
    option("--seed", type=seed, metavar="N", help=with_default("seed of every draw", default.seed))
    kinds = ("float64", "float32")
    option("--dtype", choices=kinds, help=with_default("numbers to compute with", default.dtype))
    option("--data", metavar="PATH", help=_DATA)
    option("--out", metavar="DIR", default=".", help=_OUT)
    option("--book", action="store_true", help=_BOOK)
    return parser


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


def run(args: argparse.Namespace) -> int:
    """Do ``fastnet compare``."""
    settings = _settings(args)
    out = writable(args.out)
    from fastnet.compare import compare, mnist, read_data, replay_book

    with ProgressLine() as line:
        progress = partial(_show, line)
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
    say(f"{_headline(result)}\n\n{table}\n")
    complain(written)
    say(last)
    return code


def _show(line: ProgressLine, initializer: str, done: int, total: int) -> None:
    """Tell the progress line which training is running and how far all of them are."""
    line(done, total, f"training, {_STARTS.get(initializer, initializer)}")


def _settings(args: argparse.Namespace) -> Settings:
    """Return the settings asked for; with --book, refuse those that the published run had not."""
    from fastnet.compare import BOOK, Settings

    names = Settings.__dataclass_fields__
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if not args.book:
        return Settings(**given)
    if args.data is not None:
        args.parser.error("--book replays a run on the embedded MNIST; leave --data out")
    for name, value in given.items():
        if value != getattr(BOOK, name):
            option = f"--{name.replace('_', '-')}"
            args.parser.error(
                f"--book replays a run with {option} {getattr(BOOK, name)}; got {value}"
            )
    return BOOK


def _write_files(result: Comparison, out: Path) -> str:
    """Write the numbers and the picture, and return what was written."""
    text = json.dumps(result.as_dict(), indent=2) + "\n"
    write_atomically(out / "compare.json", text.encode())
    from fastnet import plotting

    try:
        picture = plotting.png(plotting.comparison_figure(result))
    except ImportError as error:
        complain(sentence(error))
        return str(out / "compare.json")
    write_atomically(out / "compare.png", picture)
    return f"{out / 'compare.png'} and {out / 'compare.json'}"


def _headline(result: Comparison) -> str:
    """Return what was trained, on what, and how."""
    s = result.settings
    return (
        f"{'-'.join(map(str, result.sizes))} on {result.data}, {result.n_training} examples to "
        f"train on, {s.dtype}\neta {s.eta:g}, lambda {s.lmbda:g}, "
        f"mini-batches of {s.mini_batch_size}, seed {s.seed}"
    )


def _table(result: Comparison) -> str:
    """Return the accuracies epoch by epoch."""
    lines = [
        f"right of {result.n_evaluation} {result.evaluation} examples, in %",
        f"{'epoch':>5}  {'old start':>10}  {'new start':>10}  {'difference':>10}",
    ]
    pairs = zip(result.accuracy("large"), result.accuracy("default"), strict=True)
    for epoch, (old, new) in enumerate(pairs, start=1):
        lines.append(f"{epoch:5d}  {old:10.2f}  {new:10.2f}  {new - old:+10.2f}")
    return "\n".join(lines)


def _gain(result: Comparison) -> str:
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


def _book_table(result: Comparison) -> tuple[str, str, int]:
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
