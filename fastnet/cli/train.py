"""``fastnet train``: train a network on the user's data."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np

from fastnet import __version__
from fastnet.callbacks import Callback, EarlyStopping
from fastnet.cli.options import check_outputs, writable
from fastnet.cli.parser import add_examples
from fastnet.cli.problem import Problem
from fastnet.cli.text_table import counted, fitted, terminal_width
from fastnet.cli.train_options import DEFAULT_OUT, REGULARIZATION, add_options, complete
from fastnet.common.console import error_text, is_terminal, write_err, write_out
from fastnet.common.errors import DivergenceError
from fastnet.common.progress import ProgressLine
from fastnet.files import replace_file
from fastnet.files.networks import check_form
from fastnet.network import Network, load


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the description and options of ``fastnet train`` to `parser`."""
    parser.usage = "fastnet train DATA [--hidden N [N ...]] [--epochs N] [--out FILE] [options]"
    parser.description = (
        "Train a network on labelled examples, print its results after every epoch, and save it "
        "with the names of its columns and classes."
    )
    add_options(parser)
    add_examples(
        parser,
        "fastnet train points.csv --standardize --out model.npz",
        "fastnet train digits.npz --hidden 30 --validation 0.1",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run ``fastnet train`` and return the exit code."""
    complete(arguments)
    not_kept = _choose_out(arguments)
    check_outputs({"--out": arguments.out, "--json": arguments.json}, [arguments.data])
    _check_replaced(arguments)
    problem = Problem(arguments)
    network = _network(arguments, problem)
    _check_out(arguments, network)
    problem.prepare(network)
    network._initialize_pending(problem.data["training"][0])
    note = f"the network will not be saved: {not_kept}\n" if not_kept else ""
    write_out(fitted(problem.describe(network, arguments) + note))
    began = time.perf_counter()
    code, notes = _train(network, problem, arguments)
    seconds = time.perf_counter() - began
    try:
        written = _write(network, problem, arguments, seconds)
    except KeyboardInterrupt:  # write the files all the same
        code, written = 130, _write(network, problem, arguments, seconds)
    kept = [f"the network was not saved: {not_kept}"] if not_kept else []
    summary = "; ".join([*notes, *written, *kept, f"trained for {seconds:.1f} s"])
    write_err(f"fastnet: {summary}" if code else summary)
    if code == 0:
        write_out("\n" + problem.describe_results(network))
    return code


def _choose_out(arguments: argparse.Namespace) -> str:
    """Choose a file for the network if --out is missing; return why it cannot be saved, or ""."""
    if arguments.out is not None:
        return ""
    if os.path.lexists(DEFAULT_OUT):
        return f"{DEFAULT_OUT} exists; give --out FILE, or --out {DEFAULT_OUT} to replace it"
    if not os.access(os.curdir, os.W_OK):
        return "this folder is not writable; give --out FILE"
    arguments.out = DEFAULT_OUT
    return ""


def _network(arguments: argparse.Namespace, problem: Problem) -> Network:
    """Return the network that the options describe, for the data's inputs and classes."""
    sizes = [problem.training.X.shape[1], *arguments.hidden, problem.n_outputs]
    names = arguments.activation
    try:
        network = Network(
            sizes,
            arguments.cost,
            activation=names[0] if len(names) == 1 else names,
            output=arguments.output,
            dtype=arguments.dtype,
            initializer=arguments.initializer,
            rng=arguments.seed,
        )
    except ValueError as error:
        arguments.parser.error(error_text(error))
    network.preprocessing = problem.preprocessing
    network.kind = "numbers" if problem.regression else "classes"
    return network


def _check_replaced(arguments: argparse.Namespace) -> None:
    """Refuse to replace a file that is not a model, unless forced."""
    path = arguments.out
    if path is None or arguments.force or not os.path.isfile(path) or not os.path.getsize(path):
        return
    try:
        load(path)
    except (ValueError, MemoryError):
        raise ValueError(
            f"--out {path} exists and is not a saved network; give another name, or --force to "
            "replace it"
        ) from None


def _check_out(arguments: argparse.Namespace, network: Network) -> None:
    """Refuse an output that cannot be written, before the training."""
    for path in (arguments.out, arguments.json):
        if path is None:
            continue
        if Path(path).is_dir():
            raise ValueError(f"{path} is a folder; give a file name")
        try:
            writable(Path(path).parent)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
    if arguments.out is not None:
        check_form(network, arguments.out)


def _train(
    network: Network, problem: Problem, arguments: argparse.Namespace
) -> tuple[int, list[str]]:
    """Train; return the exit code, and notes on how it ended."""
    callbacks: list[Callback] = [] if arguments.quiet else [_EpochLines(problem)]
    stopping = None
    if arguments.early_stopping is not None:
        monitor = f"evaluation_{problem.measure}"
        callbacks.append(stopping := EarlyStopping(arguments.early_stopping, monitor))
    kinds = ["running"] if problem.evaluation is None else ["running", "evaluation"]
    schedule = None
    if arguments.schedule is not None:
        schedule = arguments.schedule(arguments.epochs, f"{kinds[-1]}_{problem.measure}")
    measures = ["cost"] if problem.regression else ["cost", "accuracy"]
    try:
        with _progress(arguments) as progress:
            network.train(
                problem.data["training"],
                arguments.epochs,
                arguments.mini_batch_size,
                optimizer=arguments.optimizer,
                schedule=schedule,
                evaluation_data=problem.data.get(problem.evaluation_name),
                metrics=[f"{kind}_{measure}" for kind in kinds for measure in measures],
                callbacks=callbacks,
                progress=progress,
                **_regularization(arguments),
            )
    except KeyboardInterrupt:
        done = len(network.history)
        return 130, [f"interrupted after {counted(done, 'epoch')} of {arguments.epochs}"]
    except DivergenceError as error:
        what = error.cost or f"layer {error.layer} has parameters that are not finite"
        there = error.network
        if stopping is not None and stopping.best_epoch >= 0:
            there = f"has the parameters of epoch {stopping.best_epoch + 1}, its best"
        cause = (
            f"training diverged in epoch {error.epoch + 1}: {what}; the network {there}; try a "
            "smaller --eta, --clip-norm 1 or --standardize"
        )
        return 1, [cause]
    if stopping is not None and stopping.best_epoch + 1 < len(network.history):
        return 0, [f"parameters of epoch {stopping.best_epoch + 1} restored, the best"]
    return 0, []


def _regularization(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `Network.train` that regularize."""
    return {name: getattr(arguments, name) for name in REGULARIZATION}


def _progress(arguments: argparse.Namespace) -> Any:
    """Return a bar over all epochs if their lines are not visible, else a bar within each."""
    if arguments.quiet or (is_terminal(sys.stderr) and not is_terminal(sys.stdout)):
        return ProgressLine()
    return _EpochBar(arguments.epochs) if is_terminal(sys.stderr) else nullcontext()


class _EpochBar:
    """A bar within each epoch that takes more than a second; it vanishes at the epoch's end."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._line: ProgressLine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.close()

    def __call__(self, done: int, total: int) -> None:
        """Show the mini-batches of the epoch, out of those of all epochs."""
        batches = total // self._epochs
        epoch, within = divmod(done, batches)
        if self._line is None:
            label = f"epoch {min(epoch + 1, self._epochs)} of {self._epochs}"
            self._line = ProgressLine(label, delay=1, leave=False)
        if within:
            self._line(within, batches)
        else:  # its end
            self._line.close()
            self._line = None


class _EpochLines(Callback):
    """Writes a line of metrics after every epoch."""

    def __init__(self, problem: Problem) -> None:
        self._began = time.perf_counter()
        titles = {"running": "training"}
        if problem.evaluation is not None:
            titles["evaluation"] = problem.evaluation_name
        # These widths keep a line within 80 columns.
        self._columns: list[tuple[str, str, int, Callable[[float], str]]] = []
        for key, title in titles.items():
            self._columns.append((f"{key}_cost", f"{title} cost", 15, "{:.5g}".format))
            if not problem.regression:
                percent = (f"{key}_accuracy", "accuracy (%)", 12, lambda x: f"{100 * x:.2f}")
                self._columns.append(percent)
        # A narrower terminal leaves out training accuracy first, then training cost, and so on.
        width = terminal_width()
        spare = sorted(self._columns[:-1], key=lambda column: column[1].endswith("cost"))
        for column in spare:
            if width is not None and len(self._titles()) > width:
                self._columns.remove(column)

    def _titles(self) -> str:
        titles = "  ".join(f"{title:>{width}}" for _, title, width, _ in self._columns)
        return f"epoch  {titles}  seconds"

    def on_train_begin(self, network: Network) -> None:
        """Write the headings of the columns."""
        write_out(self._titles())

    def on_epoch_end(self, network: Network, record: dict[str, Any]) -> None:
        """Write the epoch's line."""
        cells = "  ".join(f"{text(record[key]):>{width}}" for key, _, width, text in self._columns)
        seconds = time.perf_counter() - self._began
        write_out(f"{record['epoch'] + 1:5d}  {cells}  {seconds:7.1f}")


def _write(
    network: Network, problem: Problem, arguments: argparse.Namespace, seconds: float
) -> list[str]:
    """Write the network and the history; return a note on each file."""
    written = []
    if arguments.out is not None:
        network.save(arguments.out)
        written.append(f"{arguments.out} written")
    if arguments.json is not None:
        text = json.dumps(_numbers(network, problem, arguments, seconds), indent=2) + "\n"
        replace_file(arguments.json, text.encode())
        written.append(f"{arguments.json} written")
    return written


def _numbers(
    network: Network, problem: Problem, arguments: argparse.Namespace, seconds: float
) -> dict[str, Any]:
    """Return the settings, the data and the history for JSON."""
    optimizer = arguments.optimizer
    return {
        "data": problem.training.name,
        "examples": {name: part.n for name, part in problem.parts()},
        "sizes": network.sizes,
        "activations": network.activations,
        "cost": network.cost.name,
        "dtype": network.dtype.name,
        "optimizer": {"name": optimizer.name, **dataclasses.asdict(optimizer)},
        "mini_batch_size": arguments.mini_batch_size or problem.training.n,
        **_regularization(arguments),
        "seed": arguments.seed,
        "seconds": seconds,
        "history": list(network.history),
        "versions": {"fastnet": __version__, "numpy": np.__version__},
    }
