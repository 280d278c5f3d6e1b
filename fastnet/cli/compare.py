"""``fastnet compare``: train from several initializers; write tables, JSON and a picture."""

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
    INITIALIZER,
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
    """Add the description and options of ``fastnet compare`` to `parser`."""
    parser.description = (
        "Train the same network from several initializers, by default from the book's old start, "
        "weights from N(0, 1), and from its new start, N(0, 1) / sqrt(n) where n is the number of "
        "weights into a neuron. Prints the accuracy of each epoch and writes compare.png and "
        "compare.json. With several seeds it tells which differences, after the first and the last "
        "epoch, are distinguishable from chance: at 95 % confidence, by Student's t, paired by "
        "seed, with the Bonferroni correction for several pairs. Ctrl-C writes the results of the "
        "networks that are finished."
    )
    # No defaults in the parser: --book must know which options were given.
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
        ("seed", seed, "N", f"random seed (default: {default.seed})"),
        ("target", _percent, "PERCENT", _TARGET),
    ):
        option(f"--{name.replace('_', '-')}", type=read, metavar=metavar, help=what)
    option("--dtype", choices=DTYPES, help=f"number type (default: {default.dtype})")

    option = parser.add_argument_group("comparison").add_argument
    option("--initializers", type=initializers, metavar="NAME[:GAIN],...", help=_INITIALIZERS)
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
    option("--table", action="store_true", help=_TABLE)
    add_examples(
        parser,
        "fastnet compare --initializers large,he_normal --seeds 8",
        "fastnet compare --hidden 100,100 --optimizer adam",
    )


def _hidden(text: str) -> int | tuple[int, ...]:
    """Return the units of one hidden layer, or a tuple if commas separate several."""
    numbers = tuple(count(part) for part in text.split(","))
    return numbers[0] if len(numbers) == 1 else numbers


def _activations(text: str) -> str | tuple[str, ...]:
    """Return the name of an activation, or a tuple if commas separate several."""
    read = one_of("activations of hidden layers", HIDDEN_ACTIVATIONS)
    names = tuple(read(part.strip()) for part in text.split(","))
    return names[0] if len(names) == 1 else names


_percent = number_reader(
    float,
    lambda number: 0 < number <= 100,
    "a percentage above 0 and at most 100 (--label names the column with the labels)",
)
_ACTIVATION = (
    "activation of the hidden layers, or one for each: "
    f"{', '.join(HIDDEN_ACTIVATIONS)} (default: sigmoid)"
)
_BATCH = "examples per step (default: 10, or all for LBFGS and Rprop)"
_TARGET = "report the first epoch that reaches this accuracy (default: 95)"
_INITIALIZERS = (
    f"the initializers to compare, separated by commas: each {INITIALIZER} (default: "
    "large,default, the book's old start and its new start)"
)
_SEEDS = (
    "repetitions per initializer, each with its own seed; the results are means with 95 %% "
    "confidence intervals (Student's t) (default: 1)"
)
_THREADS = "networks trained at the same time; changes no result (default: one per core)"
_DASK = (
    "train on the workers of the dask scheduler at this address, such as tcp://host:8786; changes "
    "no result (default: threads of this process)"
)
_DATA = (
    "a table such as a .csv file, whose first line names the columns; a folder of images like "
    "MNIST's; an .npz file with X_train, y_train, X_test, y_test; or - for standard input. Bytes "
    "are divided by 256 (default: the embedded MNIST, 50,000 training and 10,000 validation images)"
)
_STANDARDIZE = "scale every input of --data to mean 0 and standard deviation 1 (default: off)"
_VALIDATION = (
    "fraction of the examples of --data held out for validation, drawn by the seed (default: the "
    f"test part, or {VALIDATION} of a .csv file)"
)
_OUT = "folder for compare.png and compare.json, made if missing (default: the current folder)"
_TABLE = "print tables in Markdown, after the training instead of row by row (default: off)"
_BOOK = (
    "repeat the run published in the book's repository, random number by random number, and print "
    "its 60 results beside the published ones, after both trainings; exit code 1 unless all are "
    "equal (default: off)"
)


def run(args: argparse.Namespace) -> int:
    """Run ``fastnet compare`` and return the exit code."""
    settings = _settings(args)
    out = writable(args.out)
    check_outputs({name: out / name for name in ("compare.json", "compare.png")}, [args.data])
    job = _Job(args, settings, out)
    interrupted = False
    try:
        # A second Ctrl-C waits until the files are complete.
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
    """Runs a comparison: reads the data, trains, writes the files, prints the report."""

    def __init__(self, args: argparse.Namespace, settings: Settings, out: Path) -> None:
        self._args = args
        self._settings = settings
        self._out = out
        self._initializers = args.initializers or {OLD: OLD, NEW: NEW}
        self._names = list(self._initializers)
        self._total = len(self._names) * (args.seeds or 1)
        self._finished: list[Run] = []
        self._data: Data | None = None
        self._written = ""
        self._rows: Rows | None = None
        self._seconds = 0.0
        self.result: Comparison | None = None

    def train(self) -> None:
        """Read the data and train; finished trainings are kept if an error or Ctrl-C stops it."""
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
                    initializers=self._initializers,
                    seeds=args.seeds or 1,
                    threads=args.threads,
                    executor=executor,
                    progress=live,
                    on_run=self._finished.append,
                    on_epoch=live.note,
                )
        self._seconds = live.seconds

    def write(self) -> None:
        """Write compare.json and compare.png, of the finished trainings only if interrupted."""
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
        """Print the tables, the files written and the conclusions; return the exit code."""
        if self.result is None or self._data is None:
            return 0
        args, result = self._args, self.result
        width = line_width()
        n_rows = self._rows.written if self._rows is not None else 0
        begun = n_rows == result.n_epochs and not result.partial
        if n_rows and not begun:
            write_out("")  # below the rows printed before the interrupt
        # The files are already written: a reader may close the pipe (fastnet compare | head).
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
        """Return the notes on the data, which follow the headline."""
        notes = () if self._data is None else self._data.notes
        return [wrapped(note, line_width()) for note in notes]

    def interruption(self) -> str:
        """Return the line that says how far the comparison came before the interrupt."""
        if not self._written:
            return "fastnet: interrupted before a training was finished; nothing was written"
        done = f"{len(self._finished)} of {counted(self._total, 'training')}"
        partial = " (partial)" if self.result is not None and self.result.partial else ""
        return f"fastnet: interrupted after {done}; {self._written} written{partial}"


def _equal(run: Run) -> int:
    """Return how many counts of a replayed training equal the published ones."""
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
    """Yield an executor on the workers of a dask scheduler; None without an address."""
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
    """Return the settings that the options ask for; exit with usage if they contradict."""
    error = args.parser.error
    if args.dask is not None and args.threads is not None:
        error("--dask has its own workers; leave out --threads")
    options = {field.name: getattr(args, field.name) for field in fields(Settings)}
    given = {name: value for name, value in options.items() if value is not None}
    if args.book:
        return _book_settings(args, given)
    if args.data is None:
        for name in ("label", "header", "ignore", "standardize", "validation"):
            if getattr(args, name) not in (None, [], False):
                error(f"--{name} needs --data; the embedded MNIST is used as it is")
    hidden, names = given.get("hidden", 1), given.get("activation", "")
    layers = len(hidden) if isinstance(hidden, tuple) else 1
    if isinstance(names, tuple) and len(names) != layers:
        error(f"--activation has {len(names)} names; give one, or {layers}, as many as --hidden")
    return Settings(**given)


def _book_settings(args: argparse.Namespace, given: dict[str, Any]) -> Settings:
    """Return the settings of the published run; exit with usage if other options contradict it."""
    error = args.parser.error
    for name in ("data", "label", "header", "ignore", "standardize", "validation"):
        if getattr(args, name) not in (None, [], False):
            error(f"--book repeats a run on the embedded MNIST; leave out --{name}")
    for name in ("initializers", "seeds", "threads", "dask"):
        if getattr(args, name) is not None:
            error(f"--book repeats two trainings, one after the other; leave out --{name}")
    for name, value in given.items():
        expected = getattr(BOOK, name)
        if name == "optimizer":
            expected, value = expected.name, value.name
        if value != expected and name != "target":
            option = f"--{name.replace('_', '-')}"
            error(f"--book repeats a run with {option} {expected}, not {value}; leave out {option}")
    return BOOK if args.target is None else replace(BOOK, target=args.target)
