"""The options of ``fastnet train``, and the defaults that depend on other options."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from fastnet.activations import ACTIVATIONS
from fastnet.cli.options import (
    DTYPES,
    INITIALIZER,
    add_columns,
    amount,
    count,
    initializer,
    number_reader,
    one_of,
    optimizer,
    seed,
    share,
)
from fastnet.costs import COSTS
from fastnet.model.architecture import OUTPUTS
from fastnet.optimizers import OPTIMIZERS
from fastnet.schedules import SCHEDULES, Schedule

__all__ = ["DEFAULT_OUT", "REGULARIZATION", "add_options", "complete"]

#: The fraction held out if --early-stopping is given without --validation.
DEFAULT_VALIDATION = 0.1
MINI_BATCH_SIZE = 10
#: The file for the network if --out is missing and this name is free.
DEFAULT_OUT = "model.npz"
#: Optimizers that train on all examples at once.
FULL_BATCH = ("LBFGS", "Rprop")

_positive = number_reader(float, lambda number: 0 < number < math.inf, "a positive number")
_dropped = number_reader(float, lambda share: 0 <= share < 1, "a fraction, 0 or more and below 1")

#: The regularization arguments of `Network.train`, each with the settings of its option.
REGULARIZATION: dict[str, dict[str, Any]] = {
    "l1": {"type": amount, "default": 0.0, "help": "L1 regularization (default: 0)"},
    "l2": {
        "type": amount,
        "default": 0.0,
        "help": "L2 regularization, the book's lambda (default: 0)",
    },
    "dropout": {
        "type": _dropped,
        "nargs": "+",
        "help": "fraction of units dropped: for all hidden layers, or one per layer, inputs first",
    },
    "max_norm": {
        "type": _positive,
        "help": "largest norm of the weights into a unit (default: no limit)",
    },
    "clip_norm": {
        "type": _positive,
        "help": "largest norm of a mini-batch's mean gradient (default: no limit)",
    },
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to the command's parser."""
    option = parser.add_argument_group("data").add_argument
    option("data", metavar="DATA", help=_DATA)
    add_columns(option)
    option("--standardize", action="store_true", help=_STANDARDIZE)
    option("--validation", metavar="FRACTION", type=share, help=_VALIDATION)
    regression = (
        "the labels are numbers to predict (identity output; cost quadratic, huber with delta 1, "
        "or absolute)"
    )
    option("--regression", action="store_true", help=regression)

    option = parser.add_argument_group("network").add_argument
    hidden = "units of each hidden layer; no number means no hidden layer (default: 100)"
    option("--hidden", metavar="N", type=count, nargs="*", default=[100], help=hidden)
    activation = one_of("activations", ACTIVATIONS)
    names = ", ".join(name for name, known in ACTIVATIONS.items() if not known.output_only)
    text = f"activation of the hidden layers, or one for each: {names} (default: sigmoid)"
    option(
        "--activation", metavar="NAME", type=activation, nargs="+", default=["sigmoid"], help=text
    )
    option("--output", metavar="NAME", type=activation, help=_OUTPUT)
    costs = f"{', '.join(_COSTS)} (default: the one that goes with --output)"
    option("--cost", metavar="NAME", type=one_of("costs", _COSTS), help=costs)
    form = "NAME[:GAIN],..."
    option("--initializer", metavar=form, type=initializer, default="default", help=_START)
    dtype = "number type (default: float64)"
    option("--dtype", choices=DTYPES, default="float64", help=dtype)

    option = parser.add_argument_group("training").add_argument
    option("--epochs", metavar="N", type=count, default=20, help="epochs (default: 20)")
    option("--mini-batch-size", metavar="N", type=count, help=_BATCH)
    optimizers = f"{', '.join(OPTIMIZERS)} (default: SGD)"
    option("--optimizer", metavar="NAME", type=optimizer, default="SGD", help=optimizers)
    eta = "learning rate (default: the optimizer's own, for SGD 0.1)"
    option("--eta", metavar="X", type=amount, help=eta)
    option("--schedule", metavar="NAME[:X...]", type=_schedule, help=_SCHEDULE)
    for name, reading in REGULARIZATION.items():
        flags = ["--l2", "--lmbda"] if name == "l2" else [f"--{name.replace('_', '-')}"]
        option(*flags, metavar="X", **reading)
    early = "stop after N epochs without improvement, and restore the best epoch's parameters"
    option("--early-stopping", metavar="N", type=count, help=early)
    option("--seed", metavar="N", type=seed, default=0, help="random seed (default: 0)")

    option = parser.add_argument_group("results").add_argument
    option("--out", metavar="FILE", help=_OUT)
    option("--force", action="store_true", help=_FORCE)
    option("--json", metavar="FILE", help="file for the settings and the history, as JSON")
    option("--quiet", action="store_true", help="do not print a line for each epoch")


#: Costs with one output per target: a data file has one target per example.
_COSTS = [name for name, cost in COSTS.items() if not cost._of_numbers]
_OF_REGRESSION = ("quadratic", "huber", "absolute")
_DATA = (
    "a table such as a .csv file, gzipped or not, whose first line names the columns (separated by "
    "commas, semicolons, tabs, bars or blanks; lines that begin with # are skipped); an .npz file "
    "with X and y, or X_train, y_train, X_test, y_test; a folder of images as published for MNIST, "
    "EMNIST, QMNIST, KMNIST or Fashion-MNIST; or - for standard input. Bytes are divided by 256"
)
_STANDARDIZE = (
    "scale every input to mean 0 and standard deviation 1, with --regression the target too; saved "
    "with the network, and applied by evaluate and predict"
)
_VALIDATION = (
    "fraction of the examples held out to evaluate every epoch, drawn by the seed (default: 0, or "
    f"{DEFAULT_VALIDATION} with --early-stopping)"
)
_OUTPUT = (
    "activation of the last layer (default: the one that goes with --cost; sigmoid without --cost; "
    "identity with --regression)"
)
_START = (
    f"initial weights: {INITIALIZER}; or one for each layer, the last included, separated by "
    "commas; lsuv scales by the training data (default: default)"
)
_BATCH = f"examples per step (default: {MINI_BATCH_SIZE}, or all for {' and '.join(FULL_BATCH)})"
_SCHEDULE = (
    "learning rate schedule: constant, halve (after 10 epochs without improvement), halve:N, "
    "step:N:X (times X every N epochs), exponential:X, inverse_scaling, cosine, warm_up:N"
)
_OUT = (
    "file for the network: .npz and .safetensors keep everything, .json is the book's format "
    f"(default: {DEFAULT_OUT}, if that name is free)"
)
_FORCE = "let --out replace a file that is not a saved network (input files are never replaced)"


def complete(arguments: argparse.Namespace) -> None:
    """Set the defaults that depend on other options; exit with usage if options contradict."""
    error = arguments.parser.error
    hidden, names, dropout = arguments.hidden, arguments.activation, arguments.dropout
    if len(names) not in (1, len(hidden)):
        k = len(hidden)
        error(f"--activation has {len(names)} names; give one, or {k}, as many as --hidden")
    starts = arguments.initializer
    if isinstance(starts, list) and len(starts) != len(hidden) + 1:
        error(
            f"--initializer has {len(starts)} entries; give one, or {len(hidden) + 1}: for each "
            "hidden layer and the last"
        )
    if dropout is not None and len(dropout) not in (1, len(hidden) + 1):
        error(
            f"--dropout has {len(dropout)} fractions; give one, or {len(hidden) + 1}: for the "
            "inputs and each hidden layer"
        )
    arguments.dropout = (dropout[0] if len(dropout) == 1 else dropout) if dropout else 0.0
    if arguments.regression:
        cost = arguments.cost or "quadratic"
        if arguments.output not in (None, "identity") or cost not in _OF_REGRESSION:
            error(f"--regression needs output identity and cost {' or '.join(_OF_REGRESSION)}")
        arguments.output, arguments.cost = "identity", cost
    if arguments.cost is None:
        output = arguments.output or "sigmoid"
        arguments.cost = next((c for c, goes in OUTPUTS.items() if goes == output), "quadratic")
    if arguments.validation is None and arguments.early_stopping is not None:
        arguments.validation = DEFAULT_VALIDATION
    if arguments.mini_batch_size is None and arguments.optimizer.name not in FULL_BATCH:
        arguments.mini_batch_size = MINI_BATCH_SIZE
    if arguments.eta is not None:
        arguments.optimizer = dataclasses.replace(arguments.optimizer, eta=arguments.eta)


def _schedule(text: str) -> Callable[[int, str], Schedule]:
    """Read NAME:NUMBERS; return a function of epochs and monitor that builds the schedule."""
    name, *numbers = text.split(":")
    one_of("schedules", SCHEDULES)(name)
    try:
        schedule = partial(_build, name, [float(number) for number in numbers])
        schedule(1, "evaluation_accuracy")
    except (ValueError, TypeError):
        form = ":".join([name, *_FORMS[name]])
        raise argparse.ArgumentTypeError(f"got {text}; expected {form}") from None
    return schedule


def _build(name: str, values: list[float], epochs: int, monitor: str) -> Schedule:
    """Return a schedule built from numbers in the order of its class's arguments."""
    forms = _FORMS[name]
    if len(values) > len(forms):
        raise ValueError("too many numbers")
    read = [
        int(value) if form == "N" and value.is_integer() else value
        for form, value in zip(forms, values, strict=False)
    ]
    if name == "cosine" and not read:
        read = [epochs]
    options = {"monitor": monitor} if name == "halve" else {}
    return SCHEDULES[name](*read, **options)


#: The numbers that may follow a schedule's name: N is a whole one.
_FORMS = {
    "constant": "",
    "halve": "N",
    "step": "NX",
    "exponential": "X",
    "inverse_scaling": "X",
    "cosine": "N",
    "warm_up": "N",
}
