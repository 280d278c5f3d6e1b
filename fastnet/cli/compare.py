"""``fastnet compare``: training from several initializers, as tables, JSON and a picture."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fastnet import plotting
from fastnet.cli.compare_live import Live, Rows
from fastnet.cli.compare_text import advice, reached, report, verdict
from fastnet.cli.options import (
    DTYPES,
    add_columns,
    amount,
    check_outputs,
    count,
    initializers,
    number_reader,
    one_of,
    optimizer,
    seed,
    share,
    writable,
    write_picture,
)
from fastnet.cli.output import show
from fastnet.cli.parser import add_examples
from fastnet.cli.text_table import counted, line_width, wrapped
from fastnet.cli.user_data import not_used
from fastnet.common.console import write_err, write_out
from fastnet.compare import (
    BOOK,
    NEW,
    OLD,
    Comparison,
    Data,
    Run,
    Settings,
    compare,
    mnist,
    published,
    read_data,
    replay_book,
)
from fastnet.compare.data import VALIDATION
from fastnet.compare.runs import comparison
from fastnet.compare.settings import HIDDEN_ACTIVATIONS
from fastnet.files import replace_file
from fastnet.optimizers import OPTIMIZERS
from fastnet.training.interrupts import Interrupts


def describe(parser: argparse.ArgumentParser) -> None:
    """Describe ``fastnet compare``."""
    parser.description = (
        "Train the same network from several initializers, by default from weights drawn from "
        "N(0, 1), the book's old start, and from N(0, 1) / sqrt(n) with n the weights into a "
        "neuron, its new start. Prints the accuracy epoch by epoch and writes compare.png and "
        "compare.json. With several seeds it says which differences, after the first epoch and "
        "the last, are not distinguishable from chance: by Student's t over the differences seed "
        "by seed, at 95 % confidence, adjusted for the number of pairs (Bonferroni). Ctrl-C "
        "writes what is finished."
    )
    # No defaults in the parser: --book has to tell an option that was given from one that was not.
    default = Settings()
    option = parser.add_argument_group("network and training").add_argument
    for name, read, metavar, what in (
        ("hidden", _hidden, "N,N,...", f"units of each hidden layer (default: {default.hidden})"),
        ("activation", _activations, "NAME,...", _ACTIVATION),
        ("epochs", count, "N", f"epochs (default: {default.epochs})"),
        ("optimizer", optimizer, "NAME", f"{', '.join(OPTIMIZERS)} (default: SGD)"),
        ("eta", amount, "X", "learning rate (default: the optimizer's own, for SGD 0.1)"),
        ("lmbda", amount, "X", f"L2 regularization (default: {default.lmbda})"),
        ("mini_batch_size", count, "N", _BATCH),
        ("seed", seed, "N", f"seed of every draw (default: {default.seed})"),
        ("target", _percent, "PERCENT", _TARGET),
    ):
        option(f"--{name.replace('_', '-')}", type=read, metavar=metavar, help=what)
    option("--dtype", choices=DTYPES, help=f"numbers to compute with (default: {default.dtype})")

    option = parser.add_argument_group("comparison").add_argument
    option("--initializers", type=initializers, metavar="A,B,...", help=_INITIALIZERS)
    option("--seeds", type=count, metavar="N", help=_SEEDS)
    option("--threads", type=count, metavar="N", help=_THREADS)
    option("--dask", metavar="ADDRESS", help=_DASK)
    option("--book", action="store_true", help=_BOOK)

    option = parser.add_argument_group("data").add_argument
    option("--data", metavar="PATH", help=_DATA)
    add_columns(option)
    option("--standardize", action="store_true", help=_STANDARDIZE)
    option("--validation", metavar="FRACTION", type=share, help=_VALIDATION)

    option = parser.add_argument_group("results").add_argument
    option("--out", metavar="DIR", default=".", help=_OUT)
    option("--table", action="store_true", help="print tables in Markdown (default: off)")
    add_examples(
        parser,
        "fastnet compare --initializers large,he_normal --seeds 8",
        "fastnet compare --hidden 100,100 --optimizer adam",
    )


def _hidden(text: str) -> int | tuple[int, ...]:
    """Read the units of one hidden layer or more, with commas between them."""
    numbers = tuple(count(part) for part in text.split(","))
    return numbers[0] if len(numbers) == 1 else numbers


def _activations(text: str) -> str | tuple[str, ...]:
    """Read one activation or more, with commas between them."""
    read = one_of("activations of hidden layers", HIDDEN_ACTIVATIONS)
    names = tuple(read(part.strip()) for part in text.split(","))
    return names[0] if len(names) == 1 else names


_percent = number_reader(
    float,
    lambda number: 0 < number <= 100,
    "a percentage above 0 and at most 100 (the column with the labels is --label's)",
)
_ACTIVATION = (
    f"of the hidden layers, one or one a layer: {', '.join(HIDDEN_ACTIVATIONS)} (default: sigmoid)"
)
_BATCH = "examples per step (default: 10, and all at once for LBFGS and Rprop)"
_TARGET = "accuracy to reach; the first epoch that does is reported (default: 95)"
_INITIALIZERS = (
    "the initializers to compare, out of the names of fastnet.initializers.INITIALIZERS, with "
    "commas between them (default: large,default, the book's old start and its new one)"
)
_SEEDS = (
    "repetitions per initializer, each with its own seed; the results are means with their 95 %% "
    "confidence intervals by Student's t (default: 1)"
)
_THREADS = "networks trained at a time; no number depends on it (default: one a core)"
_DASK = (
    "train on the workers of the dask scheduler at this address, such as tcp://host:8786; no "
    "number depends on it (default: threads here)"
)
_DATA = (
    "a table such as a .csv file, whose first line names the columns, a folder of images as "
    "MNIST's, or an .npz with X_train, y_train, X_test, y_test; - is standard input; bytes are "
    "divided by 256 (default: the embedded MNIST, 50,000 images to train on and 10,000 to validate "
    "with)"
)
_STANDARDIZE = "bring every input of --data to mean 0 and standard deviation 1 (default: off)"
_VALIDATION = (
    "share of the examples of --data to validate with, chosen by the seed (default: the test part, "
    f"or {VALIDATION} of a .csv file)"
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
    check_outputs({name: out / name for name in ("compare.json", "compare.png")}, [args.data])
    job = _Job(args, settings, out)
    interrupted = False
    try:
        # Whatever is written is written as a whole: there a second Ctrl-C waits.
        with Interrupts() as interrupts:
            try:
                with interrupts.opened():
                    job.train()
            except KeyboardInterrupt:
                interrupted = True
            job.write()
    except KeyboardInterrupt:
        interrupted = True
    try:
        code = job.print(interrupted)
    except KeyboardInterrupt:
        interrupted, code = True, 130
    if interrupted:
        write_err(job.interruption())
        return 130
    return code


class _Job:
    """A comparison on its way from the options to the files."""

    def __init__(self, args: argparse.Namespace, settings: Settings, out: Path) -> None:
        self._args = args
        self._settings = settings
        self._out = out
        self._names = args.initializers or [OLD, NEW]
        self._total = len(self._names) * (args.seeds or 1)
        self._finished: list[Run] = []
        self._data: Data | None = None
        self._written = ""
        self._rows: Rows | None = None
        self._seconds = 0.0
        self.result: Comparison | None = None

    def train(self) -> None:
        """Read the data and train; what is finished is kept, whatever happens."""
        args, settings = self._args, self._settings
        self._data = mnist(settings.dtype) if args.book else _data(args, settings)
        if not args.book and not args.table:
            self._rows = Rows(self._data, settings, self._names, args.seeds or 1, self._notes())
        counts = args.seeds or 1, settings.epochs, len(self._data.evaluation[1])
        if args.book:
            with Live(self._names, *counts) as live:
                self.result = replay_book(
                    progress=live, on_run=self._finished.append, on_epoch=live.note
                )
        else:
            with _executor(args.dask) as executor, Live(self._names, *counts, self._rows) as live:
                self.result = compare(
                    self._data,
                    settings,
                    initializers=self._names,
                    seeds=args.seeds or 1,
                    threads=args.threads,
                    executor=executor,
                    progress=live,
                    on_run=self._finished.append,
                    on_epoch=live.note,
                )
        self._seconds = live.seconds

    def write(self) -> None:
        """Write the numbers and the picture of what is finished."""
        if self.result is None:
            if self._data is None or not self._finished:
                return
            missing = self._total - len(self._finished)
            self.result = comparison(
                self._data, self._settings, self._finished, self._names, missing=missing
            )
        numbers, picture = self._out / "compare.json", self._out / "compare.png"
        text = json.dumps(self.result.as_dict(), indent=2) + "\n"
        replace_file(numbers, text.encode())
        self._written = str(numbers)
        if write_picture(picture, plotting.comparison_figure, self.result):
            self._written = f"{picture} and {numbers}"

    def print(self, interrupted: bool) -> int:
        """Print tables, what was written, and the last lines; return the exit code."""
        if self.result is None or self._data is None:
            return 0
        args, result = self._args, self.result
        width = line_width()
        n_rows = self._rows.written if self._rows is not None else 0
        begun = n_rows == result.n_epochs and not result.partial
        if n_rows and not begun:
            write_out("")  # under the rows before an interrupt
        # The files were first: a reader of the table may close the pipe (fastnet compare | head).
        parts = report(
            result, markdown=args.table, book=args.book, notes=self._notes(), begun=begun
        )
        if begun:
            write_out("")
        show(*parts)
        write_out("")
        if not interrupted:
            write_err(f"{self._written} written; trained for {self._seconds:.1f} s")
            for note in not_used(args.data, self._data.unused):
                write_err(note)
        scale = "--standardize" if args.data is not None and not args.standardize else ""
        lines = [advice(result, scale), reached(result)]
        code = 0
        if args.book:
            n_equal = sum(map(_equal, result.runs))
            n = sum(len(run.correct) for run in result.runs)
            lines.append(f"{n_equal} of {n} equal to the published numbers.")
            code = 0 if n_equal == n else 1
        else:
            lines += verdict(result)
        write_out("\n".join(wrapped(line, width) for line in lines if line))
        return code

    def _notes(self) -> list[str]:
        """Return the lines on the data, below the headline."""
        notes = () if self._data is None else self._data.notes
        return [wrapped(note, line_width()) for note in notes]

    def interruption(self) -> str:
        """Return the line that says what an interrupt has left."""
        if not self._written:
            return "fastnet: interrupted before a training was finished; nothing was written"
        done = f"{len(self._finished)} of {counted(self._total, 'training')}"
        partial = " (partial)" if self.result is not None and self.result.partial else ""
        return f"fastnet: interrupted after {done}; {self._written} written{partial}"


def _equal(run: Run) -> int:
    """Return how many counts of a replayed training are the published ones."""
    return sum(a == b for a, b in zip(run.correct, published()[run.initializer], strict=True))


def _data(args: argparse.Namespace, settings: Settings) -> Data:
    """Return the data that the options name."""
    if args.data is None:
        return mnist(settings.dtype)
    return read_data(
        args.data,
        settings.dtype,
        label=args.label,
        header=args.header,
        ignore=args.ignore,
        standardize=args.standardize,
        validation=args.validation,
        seed=settings.seed,
    )


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
    error = args.parser.error
    if args.dask is not None and args.threads is not None:
        error("--dask has its own workers; leave --threads out")
    options = {field.name: getattr(args, field.name) for field in fields(Settings)}
    given = {name: value for name, value in options.items() if value is not None}
    if args.book:
        return _book_settings(args, given)
    if args.data is None:
        for name in ("label", "header", "ignore", "standardize", "validation"):
            if getattr(args, name) not in (None, [], False):
                error(f"--{name} is for --data; MNIST is embedded as it is")
    hidden, names = given.get("hidden", 1), given.get("activation", "")
    layers = len(hidden) if isinstance(hidden, tuple) else 1
    if isinstance(names, tuple) and len(names) != layers:
        error(f"--activation names {len(names)} layers; --hidden makes {layers}")
    return Settings(**given)


def _book_settings(args: argparse.Namespace, given: dict[str, Any]) -> Settings:
    """Return the settings of the published run; exit with usage if other options contradict it."""
    error = args.parser.error
    for name in ("data", "label", "header", "ignore", "standardize", "validation"):
        if getattr(args, name) not in (None, [], False):
            error(f"--book replays a run on the embedded MNIST; leave --{name} out")
    for name in ("initializers", "seeds", "threads", "dask"):
        if getattr(args, name) is not None:
            error(f"--book replays two trainings one after the other; leave --{name} out")
    for name, value in given.items():
        expected = getattr(BOOK, name)
        if name == "optimizer":
            expected, value = expected.name, value.name
        if value != expected and name != "target":
            option = f"--{name.replace('_', '-')}"
            error(f"--book replays a run with {option} {expected}; got {value}")
    return BOOK if args.target is None else replace(BOOK, target=args.target)
