"""The options of ``fastnet train``, and what they mean together."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import Any

from fastnet.cli.evaluate import HEADER
from fastnet.cli.options import amount, count, seed, with_default
from fastnet.model.architecture import OUTPUTS

__all__ = ["add_options", "check"]

#: What is put aside to validate with where early stopping needs it and nothing was said.
DEFAULT_VALIDATION = 0.1
MINI_BATCH_SIZE = 10
#: Optimizers that take all of the data at once.
FULL_BATCH = ("LBFGS", "Rprop")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    _add_data(parser.add_argument_group("data"))
    _add_network(parser.add_argument_group("network"))
    _add_training(parser.add_argument_group("training"))
    results = parser.add_argument_group("results")
    results.add_argument("--out", metavar="FILE", help=_OUT)
    results.add_argument("--force", action="store_true", help=_FORCE)
    results.add_argument("--json", metavar="FILE", help="write the History and the settings there")
    results.add_argument("--quiet", action="store_true", help="no line an epoch")


def _add_data(group: Any) -> None:
    group.add_argument("data", metavar="DATA", help=_DATA)
    group.add_argument("--label", metavar="COLUMN", help=_LABEL)
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help=HEADER)
    group.add_argument("--ignore", metavar="COLUMN", nargs="+", default=[], help=_IGNORE)
    group.add_argument("--standardize", action="store_true", help=_STANDARDIZE)
    group.add_argument("--validation", metavar="FRACTION", type=_share, help=_VALIDATION)
    group.add_argument("--regression", action="store_true", help=_REGRESSION)


def _add_network(group: Any) -> None:
    from fastnet.activations import ACTIVATIONS
    from fastnet.costs import COSTS
    from fastnet.initializers import INITIALIZERS

    activation = partial(_one_of, "activations", ACTIVATIONS)
    inner = ", ".join(name for name, known in ACTIVATIONS.items() if not known.output_only)
    hidden = with_default("units of each hidden layer; no number for no such layer", 100)
    group.add_argument("--hidden", metavar="N", type=count, nargs="*", default=[100], help=hidden)
    group.add_argument(
        "--activation",
        metavar="NAME",
        type=activation,
        nargs="+",
        default=["sigmoid"],
        help=with_default(f"of the hidden layers, one or one a layer: {inner}", "sigmoid"),
    )
    group.add_argument("--output", metavar="NAME", type=activation, help=_OUTPUT)
    group.add_argument(
        "--cost",
        metavar="NAME",
        type=partial(_one_of, "costs", COSTS),
        help=f"{', '.join(COSTS)} (default: what goes with the outputs)",
    )
    group.add_argument(
        "--initializer",
        metavar="NAME",
        default="default",
        type=partial(_one_of, "initializers", INITIALIZERS),
        help=with_default("how weights start, he_normal for instance", "default"),
    )
    group.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        help=with_default("numbers to compute with", "float64"),
    )


def _add_training(group: Any) -> None:
    from fastnet.optimizers import OPTIMIZERS

    group.add_argument(
        "--epochs", metavar="N", type=count, default=20, help=with_default("epochs", 20)
    )
    group.add_argument("--mini-batch-size", metavar="N", type=count, help=_BATCH)
    group.add_argument(
        "--optimizer",
        metavar="NAME",
        type=_optimizer,
        default="SGD",
        help=with_default(", ".join(OPTIMIZERS), "SGD"),
    )
    group.add_argument("--eta", metavar="X", type=amount, help=_ETA)
    group.add_argument("--schedule", metavar="NAME[:X...]", type=_schedule, help=_SCHEDULE)
    group.add_argument(
        "--l1", metavar="X", type=amount, default=0.0, help=with_default("L1 regularization", 0)
    )
    group.add_argument(
        "--l2",
        "--lmbda",
        metavar="X",
        type=amount,
        default=0.0,
        help=with_default("L2 regularization, the book's lambda", 0),
    )
    group.add_argument("--dropout", metavar="X", type=_dropped, nargs="+", help=_DROPOUT)
    group.add_argument("--max-norm", metavar="X", type=_positive, help=_MAX_NORM)
    group.add_argument("--clip-norm", metavar="X", type=_positive, help=_CLIP_NORM)
    group.add_argument("--early-stopping", metavar="N", type=count, help=_EARLY)
    group.add_argument(
        "--seed", metavar="N", type=seed, default=0, help=with_default("seed of every draw", 0)
    )


_DATA = (
    "a .csv file, gzipped or not, whose first line names the columns, an .npz file with X and y "
    "(or X_train, y_train, X_test, y_test), or a folder of IDX files; bytes are divided by 256"
)
_LABEL = (
    "the .csv column with the labels (default: the last one, unless another is called label, "
    "class, target or y)"
)
_IGNORE = ".csv columns to leave out, such as a number of the row"
_STANDARDIZE = (
    "bring every input to mean 0 and standard deviation 1 (and with --regression what is "
    "predicted); kept with the model, and done by evaluate and predict too"
)
_VALIDATION = (
    "share of the examples put aside to judge every epoch by, chosen by the seed (default: 0, or "
    f"{DEFAULT_VALIDATION} with --early-stopping)"
)
_REGRESSION = "the labels are numbers to be predicted (identity output, quadratic cost)"
_OUTPUT = (
    "activation of the last layer (default: what goes with the cost, sigmoid if that was not given "
    "either; identity with --regression)"
)
_BATCH = (
    f"examples a step (default: {MINI_BATCH_SIZE}, and all at once for {' and '.join(FULL_BATCH)})"
)
_ETA = "learning rate (default: the optimizer's own, for SGD 0.1)"
_SCHEDULE = (
    "what happens to the learning rate: constant, halve (when nothing improves in 10 epochs), "
    "halve:N, step:N:X (times X every N epochs), exponential:X, inverse_scaling, cosine, warm_up:N"
)
_DROPOUT = "share of units dropped: of every hidden layer, or one a layer, the inputs first"
_MAX_NORM = "the most that the norm of the weights into a unit may be (default: no limit)"
_CLIP_NORM = "the most that the norm of a mini-batch's mean gradient may be (default: no limit)"
_EARLY = "stop when nothing has improved in N epochs, and go back to the best one"
_OUT = (
    "where the network goes: .npz and .safetensors keep everything, .json is the book's form "
    "(default: it is not kept)"
)
_FORCE = (
    "let --out replace a file that is no saved network; what is read is never replaced (default: "
    "only a saved network is replaced)"
)


def check(arguments: argparse.Namespace) -> None:
    """Complete the options, or end with how the command is used where they contradict each other.

    Parameters
    ----------
    arguments : argparse.Namespace
        Gets the attribute `make_schedule`, a function of the problem.
    """
    error = arguments.parser.error
    hidden, names, dropout = arguments.hidden, arguments.activation, arguments.dropout
    if len(names) not in (1, len(hidden)):
        error(f"--activation names {len(names)} layers; --hidden makes {len(hidden)}")
    if dropout is not None and len(dropout) not in (1, len(hidden) + 1):
        error(
            f"--dropout has {len(dropout)} shares; give one, or {len(hidden) + 1}: the inputs and "
            "every hidden layer"
        )
    arguments.dropout = (dropout[0] if len(dropout) == 1 else dropout) if dropout else 0.0
    _complete_cost(arguments)
    if arguments.validation is None and arguments.early_stopping is not None:
        arguments.validation = DEFAULT_VALIDATION
    optimizer = arguments.optimizer
    if arguments.eta is not None:
        arguments.optimizer = dataclasses.replace(optimizer, eta=arguments.eta)
    if arguments.mini_batch_size is None and optimizer.name not in FULL_BATCH:
        arguments.mini_batch_size = MINI_BATCH_SIZE
    arguments.make_schedule = partial(_make_schedule, arguments)


def _complete_cost(arguments: argparse.Namespace) -> None:
    """Choose the cost that goes with the outputs, unless it was given."""
    if arguments.regression:
        if arguments.output not in (None, "identity") or arguments.cost not in (None, "quadratic"):
            arguments.parser.error("--regression has identity outputs and the quadratic cost")
        arguments.output, arguments.cost = "identity", "quadratic"
    if arguments.cost is None:
        output = arguments.output or "sigmoid"
        arguments.cost = next((c for c, goes in OUTPUTS.items() if goes == output), "quadratic")


def _one_of(what: str, names: Iterable[str], text: str) -> str:
    if text not in names:
        raise argparse.ArgumentTypeError(f"got {text}; the {what} are {', '.join(names)}")
    return text


def _optimizer(text: str) -> Any:
    from fastnet.optimizers import read_optimizer

    try:
        return read_optimizer(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _positive(text: str) -> float:
    """Read a finite number above 0."""
    number = amount(text)
    if number == 0:
        raise argparse.ArgumentTypeError("got 0; a positive number is expected")
    return number


def _share(text: str) -> float:
    """Read a share between 0 and 1, both left out."""
    return _below_one(text, "a share between 0 and 1", zero=False)


def _dropped(text: str) -> float:
    """Read a share from 0 to below 1."""
    return _below_one(text, "a share, 0 or more and less than 1,", zero=True)


def _below_one(text: str, expected: str, *, zero: bool) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not (0 <= share < 1 and (zero or share > 0)):
        raise argparse.ArgumentTypeError(f"got {text}; {expected} is expected")
    return share


def _schedule(text: str) -> tuple[str, list[float]]:
    """Read the name of a schedule, and the numbers behind its colons."""
    from fastnet.schedules import SCHEDULES

    name, *numbers = text.split(":")
    _one_of("schedules", SCHEDULES, name)
    try:
        values = [float(number) for number in numbers]
        _build(name, values, 1, "evaluation_accuracy")
    except (ValueError, TypeError):
        form = ":".join([name, *_FORMS[name]])
        raise argparse.ArgumentTypeError(f"got {text}; {form} is expected") from None
    return name, values


def _make_schedule(arguments: argparse.Namespace, problem: Any) -> Any:
    """Return the schedule; what it watches depends on the data."""
    if arguments.schedule is None:
        return None
    kind = "running" if problem.evaluation is None else "evaluation"
    what = "cost" if problem.regression else "accuracy"
    name, values = arguments.schedule
    return _build(name, values, arguments.epochs, f"{kind}_{what}")


def _build(name: str, values: list[float], epochs: int, monitor: str) -> Any:
    """Build a schedule from numbers in the order of its class."""
    from fastnet.schedules import SCHEDULES

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
