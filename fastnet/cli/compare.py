"""``fastnet compare``: training from several initializers, as tables, JSON and a picture."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from fastnet import plotting
from fastnet.cli.options import (
    DTYPES,
    amount,
    check_outputs,
    count,
    initializers,
    seed,
    writable,
    write_picture,
)
from fastnet.cli.text_table import counted, render
from fastnet.cli.user_data import not_used
from fastnet.common.console import write_err, write_out
from fastnet.common.progress import ProgressLine
from fastnet.compare import (
    BOOK,
    NEW,
    OLD,
    Comparison,
    Settings,
    compare,
    mnist,
    published,
    read_data,
    replay_book,
)
from fastnet.compare.result import STARTS
from fastnet.files import replace_file

_TARGET = 95.0


def describe(parser: argparse.ArgumentParser) -> None:
    """Describe ``fastnet compare``."""
    parser.description = (
        "Train the same network twice, once from weights drawn from N(0, 1), the old start, "
        "and once from N(0, 1) / sqrt(n) with n the weights into a neuron, the new start; or "
        "from other starts, and from several seeds. Prints the accuracy epoch by epoch and "
        "writes compare.png and compare.json."
    )
    # No defaults in the parser: --book has to tell an option that was given from one that was not.
    option, default = parser.add_argument, Settings()
    for name, read, metavar, what in (
        ("hidden", count, "N", "hidden neurons"),
        ("epochs", count, "N", "epochs"),
        ("eta", amount, "X", "learning rate"),
        ("lmbda", amount, "X", "L2 regularization"),
        ("mini_batch_size", count, "N", "examples per step"),
        ("seed", seed, "N", "seed of every draw"),
    ):
        text = f"{what} (default: {getattr(default, name)})"
        option(f"--{name.replace('_', '-')}", type=read, metavar=metavar, help=text)
    option("--dtype", choices=DTYPES, help=f"numbers to compute with (default: {default.dtype})")
    option("--initializers", type=initializers, metavar="A,B,...", help=_INITIALIZERS)
    option("--seeds", type=count, metavar="N", help=_SEEDS)
    option("--threads", type=count, metavar="N", help=_THREADS)
    option("--dask", metavar="ADDRESS", help=_DASK)
    option("--data", metavar="PATH", help=_DATA)
    option("--out", metavar="DIR", default=".", help=_OUT)
    option("--table", action="store_true", help="print tables in Markdown (default: off)")
    option("--book", action="store_true", help=_BOOK)


_INITIALIZERS = (
    "the starts to compare, out of the names of fastnet.initializers.INITIALIZERS, with commas "
    "between them (default: large,default, the old start and the new)"
)
_SEEDS = (
    "train from each start so often, from seeds of their own, and show means, with their 95 %% "
    "confidence intervals by Student's t (default: 1)"
)
_THREADS = "networks trained at a time; no number depends on it (default: one a core)"
_DASK = (
    "train on the workers of the dask scheduler at this address, such as tcp://host:8786; no "
    "number depends on it (default: threads here)"
)
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
    names = args.initializers or [OLD, NEW]
    out = writable(args.out)
    check_outputs({name: out / name for name in ("compare.json", "compare.png")}, [args.data])
    unused: tuple[str, ...] = ()
    if args.book:
        with ProgressLine("training 2 networks") as line:
            result = replay_book(progress=line)
    else:
        seeds, dtype = args.seeds or 1, settings.dtype
        data = mnist(dtype) if args.data is None else read_data(args.data, dtype)
        unused = data.unused
        label = f"training {counted(len(names) * seeds, 'network')}"
        with _executor(args.dask) as executor, ProgressLine(label) as line:
            result = compare(
                data,
                settings,
                initializers=names,
                seeds=seeds,
                threads=args.threads,
                executor=executor,
                progress=line,
            )
    # The files come first: a reader of the table may close the pipe (fastnet compare | head).
    written = f"{_write_files(result, out)} written; trained for {line.seconds:.1f} s"
    if args.book:
        table, last, code = _book_table(result, args.table)
    else:
        table, last, code = _table(result, args.table), _last(result), 0
    parts = [_headline(result), table]
    if result.n_watched:
        parts.append(_saturation(result, args.table))
    write_out("\n\n".join(parts) + "\n")
    for note in (written, *not_used(args.data, unused)):
        write_err(note)
    write_out(last)
    return code


@contextmanager
def _executor(address: str | None) -> Iterator[Any]:
    """Connect to the workers of a dask scheduler; None without an address."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            "--dask needs dask.distributed; install it with `pip install 'fastnet-mlp[dask]'`."
        ) from None
    with Client(address, timeout="10s") as client:
        yield client.get_executor()


def _settings(args: argparse.Namespace) -> Settings:
    """Return the settings asked for; with --book, refuse others than those of the published run."""
    if args.dask is not None and args.threads is not None:
        args.parser.error("--dask has its own workers; leave --threads out")
    options = {field.name: getattr(args, field.name) for field in fields(Settings)}
    given = {name: value for name, value in options.items() if value is not None}
    if not args.book:
        return Settings(**given)
    if args.data is not None:
        args.parser.error("--book replays a run on the embedded MNIST; leave --data out")
    for name in ("initializers", "seeds", "threads", "dask"):
        if getattr(args, name) is not None:
            args.parser.error(
                f"--book replays two trainings one after the other; leave --{name} out"
            )
    for name, value in given.items():
        expected = getattr(BOOK, name)
        if value != expected:
            option = f"--{name.replace('_', '-')}"
            args.parser.error(f"--book replays a run with {option} {expected}; got {value}")
    return BOOK


def _write_files(result: Comparison, out: Path) -> str:
    """Write the numbers and the picture, and return what was written."""
    numbers, picture = out / "compare.json", out / "compare.png"
    replace_file(numbers, (json.dumps(result.as_dict(), indent=2) + "\n").encode())
    if write_picture(picture, plotting.comparison_figure, result):
        return f"{picture} and {numbers}"
    return str(numbers)


def _headline(result: Comparison) -> str:
    """Return the lines above the tables: network, data and settings."""
    s = result.settings
    seeds = f"seed {s.seed}"
    if result.n_seeds > 1:
        seeds = f"{result.n_seeds} seeds out of {s.seed}"
    return (
        f"{'-'.join(map(str, result.sizes))} on {result.data}, {result.n_training} examples to "
        f"train on, {s.dtype}\neta {s.eta:g}, lambda {s.lmbda:g}, "
        f"mini-batches of {s.mini_batch_size}, {seeds}"
    )


def _table(result: Comparison, markdown: bool) -> str:
    """Return a table of accuracies by epoch, and of their difference if there are two."""
    title = f"right of {result.n_evaluation} {result.evaluation} examples, in %"
    if result.n_seeds > 1:
        title += f"; means of {result.n_seeds} seeds ± 95 % confidence (Student's t)"
    headings = ["epoch", *_titles(result).values()]
    columns = [
        _cells(result.accuracy(name), result.accuracy_margin(name)) for name in result.initializers
    ]
    if len(columns) == 2:
        headings.append("difference")
        columns.append(_cells(*result.difference(*result.initializers), sign="+"))
    rows = [[str(epoch), *cells] for epoch, cells in enumerate(zip(*columns, strict=True), 1)]
    return render(headings, rows, title=title, markdown=markdown)


def _saturation(result: Comparison, markdown: bool) -> str:
    """Return a table of the saturated share of the hidden layer before and after training."""
    title = f"hidden layer saturated over {result.n_watched} {result.evaluation} examples, in %"
    rows = []
    for name, heading in _titles(result).items():
        cells = _cells(result.saturation(name), result.saturation_margin(name))
        rows.append([heading, cells[0], cells[-1]])
    end = f"after {counted(result.settings.epochs, 'epoch')}"
    return render(["start", "at first", end], rows, title=title, markdown=markdown)


def _titles(result: Comparison) -> dict[str, str]:
    """Return the heading of each initializer: the book's pair is old and new, others have names."""
    if result.initializers == (OLD, NEW):
        return STARTS
    return {name: name for name in result.initializers}


def _cells(values: list[float], margins: list[float], sign: str = "") -> list[str]:
    """Return numbers with two decimals, each with its margin if there are any."""
    cells = [f"{value:{sign}.2f}" for value in values]
    if not margins:
        return cells
    return [f"{cell} ± {margin:.2f}" for cell, margin in zip(cells, margins, strict=True)]


def _last(result: Comparison) -> str:
    """Return the last line of the output."""
    return _gain(result) if result.initializers == (OLD, NEW) else _ranking(result)


def _gain(result: Comparison) -> str:
    """Return in one line what the new start gained."""
    old, new = result.accuracy(OLD)[0], result.accuracy(NEW)[0]
    slow, fast = (result.epochs_to(name, _TARGET) for name in (OLD, NEW))
    epochs = counted(result.settings.epochs, "epoch")
    if fast is not None and slow is not None:
        reached = f"{_TARGET:g} % after epoch {fast} instead of {slow}"
    elif fast is not None:
        reached = f"{_TARGET:g} % after epoch {fast}, the old start not in {epochs}"
    elif slow is not None:
        reached = f"{_TARGET:g} % not in {epochs}, the old start after epoch {slow}"
    else:
        reached = f"neither start reaches {_TARGET:g} % in {epochs}"
    return f"Gained: {new:.2f} % instead of {old:.2f} % after epoch 1; {reached}."


def _ranking(result: Comparison) -> str:
    """Return in one line the best initializer after epoch 1, and when each reaches 95 %."""
    names = sorted(result.initializers, key=lambda name: -result.accuracy(name)[0])
    found = {name: result.epochs_to(name, _TARGET) for name in names}
    parts = [f"{name} {epoch}" for name, epoch in found.items() if epoch is not None]
    never = [name for name, epoch in found.items() if epoch is None]
    if never:
        epochs = counted(result.settings.epochs, "epoch")
        parts.append(f"not in {epochs}: {', '.join(never)}")
    best = result.accuracy(names[0])[0]
    return (
        f"Ahead after epoch 1: {names[0]}, {best:.2f} %; "
        f"{_TARGET:g} % after epoch: {'; '.join(parts)}."
    )


def _book_table(result: Comparison, markdown: bool) -> tuple[str, str, int]:
    """Return the replayed counts beside the published ones, the verdict, and the exit code."""
    book = published()
    columns: list[tuple[int, ...]] = []
    for name in (OLD, NEW):
        columns += [result.of(name)[0].correct, book[name]]
    rows, n_equal = [], 0
    for epoch, (old, old_book, new, new_book) in enumerate(zip(*columns, strict=True), start=1):
        equal = (old == old_book) + (new == new_book)
        n_equal += equal
        numbers = (epoch, old, old_book, new, new_book)
        rows.append([*map(str, numbers), "" if equal == 2 else "differs"])
    headings = ["epoch", "old start", "published", "new start", "published", ""]
    title = f"right of {result.n_evaluation} {result.evaluation} images"
    n = 2 * len(columns[0])
    last = f"{_gain(result)}\n{n_equal} of {n} equal to the published numbers."
    table = render(headings, rows, title=title, markdown=markdown)
    return table, last, 0 if n_equal == n else 1
