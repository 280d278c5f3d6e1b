"""Checks of the estimators' parameters, and fastnet's names for scikit-learn's."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError

from fastnet import activations
from fastnet.callbacks import read_callbacks
from fastnet.common.arguments import as_items, shown
from fastnet.costs import HuberCost, QuantileCost
from fastnet.initializers import read_initializer
from fastnet.optimizers import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    Rprop,
    read_optimizer,
)
from fastnet.schedules import Schedule

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "check_parameters",
    "hidden_sizes",
    "make_optimizer",
    "quantiles_of",
]

#: Activations of hidden layers, by scikit-learn's names and by fastnet's.
ACTIVATIONS = {
    alias: name
    for name, known in activations.ACTIVATIONS.items()
    if not known.output_only
    for alias in (known.sklearn or name, name)
}
#: fastnet's costs by the names of the regressor's losses.
LOSSES = {
    "squared_error": "quadratic",
    "poisson": "poisson",
    "huber": "huber",
    "absolute_error": "absolute",
    "quantile": "quantile",
    "gaussian": "gaussian",
}
SOLVERS = ("adam", "sgd", "lbfgs", "adamw", "momentum", "nesterov", "rmsprop", "rprop")
LEARNING_RATES = ("constant", "invscaling", "adaptive")

#: The allowed intervals of numbers: as messages write them, and as a test.
REALS: dict[str, tuple[str, Callable[[float], bool]]] = {
    **dict.fromkeys(("alpha", "l1", "power_t", "tol"), ("[0, inf)", lambda x: 0 <= x < math.inf)),
    **dict.fromkeys(("learning_rate_init", "epsilon"), ("(0, inf)", lambda x: 0 < x < math.inf)),
    **dict.fromkeys(
        ("momentum", "validation_fraction", "beta_1", "beta_2"), ("[0, 1)", lambda x: 0 <= x < 1)
    ),
}
BOOLEANS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")


def check_parameters(estimator: Any) -> np.random.RandomState:
    """Refuse parameters with wrong values or types; return the generator for `random_state`.

    `fit` calls this before it changes anything.
    """
    for name in REALS:
        _check_real(estimator, name)
    for name in BOOLEANS:
        if not isinstance(getattr(estimator, name), (bool, np.bool_)):
            _refuse(estimator, name, "True or False")
    for name in ("max_iter", "max_fun", "n_members"):
        _check_count(estimator, name)
    patience = estimator.n_iter_no_change
    if not isinstance(patience, (float, np.floating)) or patience != math.inf:
        _check_count(estimator, "n_iter_no_change")
    if not isinstance(estimator.batch_size, str) or estimator.batch_size != "auto":
        _check_count(estimator, "batch_size", " or 'auto'")
    _check_name(estimator, "activation", tuple(ACTIVATIONS))
    if hasattr(estimator, "quantile"):
        _check_loss(estimator)
    if not isinstance(estimator.solver, Optimizer) and not isinstance(estimator.solver, type):
        _check_name(estimator, "solver", SOLVERS)
    if not isinstance(estimator.learning_rate, Schedule) and not callable(estimator.learning_rate):
        _check_name(estimator, "learning_rate", LEARNING_RATES)
    if not isinstance(estimator.verbose, (bool, np.bool_, Integral)) or estimator.verbose < 0:
        _refuse(estimator, "verbose", "True, False or a whole number of 0 or more")
    if estimator.initializer is not None:
        _check_initializer(estimator)
    read_callbacks(estimator.callbacks)
    try:
        rng: np.random.RandomState = check_random_state(estimator.random_state)
    except ValueError:
        _refuse(estimator, "random_state", "None, a whole number below 2**32 or a RandomState")
    return rng


def _check_loss(estimator: Any) -> None:
    _check_name(estimator, "loss", tuple(LOSSES))
    try:
        HuberCost(estimator.delta)
    except (TypeError, ValueError):
        _refuse(estimator, "delta", "a number in (0, inf)")
    try:
        levels = quantiles_of(estimator)
        QuantileCost(*levels)
    except (TypeError, ValueError):
        levels = ()
    if not levels:
        _refuse(estimator, "quantile", "a number in (0, 1), or several that differ")


def quantiles_of(estimator: Any) -> tuple[Any, ...]:
    """Return the quantiles of a regressor, for `quantile` as a number or several."""
    items = as_items(estimator.quantile, "quantile")
    return (estimator.quantile,) if items is None else tuple(items)


def _refuse(estimator: Any, name: str, wanted: str) -> NoReturn:
    """Raise scikit-learn's own error, both a ValueError and a TypeError."""
    kind, came = type(estimator).__name__, getattr(estimator, name)
    raise InvalidParameterError(f"{name} of {kind} is {shown(came)}; expected {wanted}.")


def _check_real(estimator: Any, name: str) -> None:
    value: Any = getattr(estimator, name)
    interval, holds = REALS[name]
    wanted = f"a number in {interval}"
    if isinstance(value, (bool, np.bool_, np.timedelta64)) or not isinstance(value, Real):
        _refuse(estimator, name, wanted)
    try:
        value = float(value)
    except OverflowError:
        _refuse(estimator, name, f"{wanted} that fits into a float")
    if not holds(value):
        _refuse(estimator, name, wanted)


def _check_count(estimator: Any, name: str, alternative: str = "") -> None:
    value, wanted = getattr(estimator, name), f"a whole number of 1 or more{alternative}"
    whole = isinstance(value, Integral) and not isinstance(value, (bool, np.timedelta64))
    if not whole or not 1 <= value <= sys.maxsize:
        _refuse(estimator, name, wanted)


def _check_name(estimator: Any, name: str, names: tuple[str, ...]) -> None:
    value, wanted = getattr(estimator, name), f"one of {', '.join(names)}"
    if not isinstance(value, str) or value not in names:
        _refuse(estimator, name, wanted)


def _check_initializer(estimator: Any) -> None:
    """Refuse a wrong initializer, and a name in another case, which `Network` would accept."""
    given = estimator.initializer
    read = read_initializer(given, "initializer")
    pairs = zip(given, read, strict=True) if isinstance(read, tuple) else [(given, read)]
    for name, known in pairs:
        if isinstance(name, str) and name != known:
            _refuse(estimator, "initializer", repr(known))


def hidden_sizes(estimator: Any) -> list[int]:
    """Return the units of the hidden layers, for `hidden_layer_sizes` as a number or several."""
    sizes = estimator.hidden_layer_sizes
    if isinstance(sizes, (str, bytes)):
        _refuse(estimator, "hidden_layer_sizes", "whole numbers")
    sizes = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral):
            _refuse(estimator, "hidden_layer_sizes", "whole numbers")
        if size < 1:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def make_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer for `solver` and the parameters that belong to it."""
    solver = estimator.solver
    if not isinstance(solver, str):
        return read_optimizer(solver)
    eta, mu = float(estimator.learning_rate_init), float(estimator.momentum)
    if solver == "lbfgs":
        # SciPy's default for the reduction of the cost, which scikit-learn uses too.
        return LBFGS(
            tolerance=float(estimator.tol), reduction=2.2e-9, max_evaluations=estimator.max_fun
        )
    if solver in ("adam", "adamw"):
        kind = Adam if solver == "adam" else AdamW
        return kind(eta, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if solver == "sgd" and mu == 0:
        return SGD(eta)
    if solver == "momentum" or (solver == "sgd" and not estimator.nesterovs_momentum):
        return Momentum(eta, mu)
    if solver in ("sgd", "nesterov"):
        return Nesterov(eta, mu)
    return RMSprop(eta) if solver == "rmsprop" else Rprop(eta)
