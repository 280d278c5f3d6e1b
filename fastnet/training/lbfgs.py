"""L-BFGS through SciPy: the flat parameter vector is its x, the engine gives cost and gradient."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.model.blocks import gradient_rows, parts
from fastnet.model.guard import BY_LBFGS
from fastnet.model.norms import LEAST_SQUARES, MOST_SQUARES, price
from fastnet.optimizers import LBFGS

if TYPE_CHECKING:
    from fastnet.training.loop import Training

__all__ = ["run_lbfgs"]


def run_lbfgs(training: Training) -> None:
    """Minimize the regularized mean cost over all of the data; an iteration is an epoch.

    Where SciPy ends before the last epoch, its reason stands in the last epoch's record, under
    "message"; unless that reason is convergence, there is a RuntimeWarning too.

    Raises
    ------
    DivergenceError
        The cost stopped being finite; the network holds the last iteration's parameters.
    """
    from scipy.optimize import minimize

    optimizer, network = training.plan.optimizer, training.network
    assert isinstance(optimizer, LBFGS)
    objective = _Objective(training)

    def after_iteration(x: NDArray[Any]) -> None:
        training.note_before()
        training.stepped = True
        with training.storing() as parameters:
            parameters[:] = x
            shown = parameters.copy()
        training.report(training.batches)
        training.finish_epoch(training.epoch, optimizer.eta)
        if not np.array_equal(shown, network.parameters, equal_nan=True):
            raise RuntimeError(BY_LBFGS)  # what NumPy writes passes the guard by
        if training.stopped or len(training.history) >= training.plan.epochs:
            raise StopIteration

    if training.plan.epochs == 0 or training.stopped:
        return
    training.note_before()
    network._guard.fixed = BY_LBFGS
    most = optimizer.max_evaluations
    options = {
        "maxiter": training.plan.epochs,
        "maxcor": optimizer.memory,
        "gtol": optimizer.tolerance,
        "ftol": optimizer.reduction,
        "maxfun": 1000 * training.plan.epochs if most is None else most,
    }
    _note_end(
        training,
        minimize(
            objective,
            network.parameters.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=after_iteration,
            options=options,
        ),
    )


def _note_end(training: Training, found: Any) -> None:
    """Record why SciPy has ended the training, if it was not we who did."""
    if training.stopped or found.nit >= training.plan.epochs:
        return
    message = str(found.message).rstrip(": ")
    if training.history:
        training.history[-1]["message"] = message
    if not found.success:
        warnings.warn(
            f"L-BFGS ended after {found.nit} of {training.plan.epochs} epochs and has not "
            f"converged: SciPy says {message!r}. If the cost has no lower value among the numbers "
            f"of {training.network.dtype}, a larger tolerance says that this is near enough.",
            RuntimeWarning,
            stacklevel=7,  # whoever called Network.train
        )


class _Objective:
    """Mean cost and its gradient, as functions of the flat vector."""

    def __init__(self, training: Training) -> None:
        self._training = training
        parameters = training.network.parameters
        self._x = np.empty_like(parameters)
        self._gradient = np.empty_like(parameters)
        self._order = np.arange(training.data.n, dtype=np.intp)
        self._decayed = training.network._is_weight()
        self._rows = gradient_rows(training.network.sizes)

    def __call__(self, x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        training, data = self._training, self._training.data
        self._x[:] = x
        training.engine.load(self._x)
        training.engine.begin_epoch(0, True)
        for start, stop in parts(data.n, data.piece_limit, self._rows):
            piece = data.piece(self._order, start, stop)
            training.engine.gradient(*piece, self._gradient, start > 0)
        l2 = training.plan.l2 / data.n
        found = training.engine.measured[0]
        if not np.isfinite(found):
            raise training.watch.cost_error(training.epoch, f"the cost is {found}")
        decayed = np.where(self._decayed, x, 0.0)
        with np.errstate(over="ignore", under="ignore"):
            squares = float(decayed @ decayed)
        far = not LEAST_SQUARES < squares < MOST_SQUARES
        decay = price([decayed], l2) if far else 0.5 * l2 * squares
        cost = training.engine.measured[0] / data.n + decay
        return cost, self._gradient.astype(np.float64) / data.n + l2 * decayed
