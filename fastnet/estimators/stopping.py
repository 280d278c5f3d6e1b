"""scikit-learn's rules for stopping an estimator's training, and its callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.callbacks import Callback
from fastnet.estimators.draws import Rate
from fastnet.optimizers import LBFGS, SGD, Momentum, Optimizer

__all__ = ["HeldOut", "StoppingRules", "TaskCallbacks"]

Array = NDArray[Any]
#: "adaptive" stops the training at this learning rate.
SMALLEST_RATE = 1e-6


class HeldOut(NamedTuple):
    """Validation data, scored after every epoch, with targets as the network takes them."""

    X: Any
    targets: Array
    sample_weight: Array | None


class StoppingRules(Callback):
    """Records an estimator's curves after each epoch, and stops training as scikit-learn does.

    An epoch has `n` examples; `penalty` returns the penalty of the current parameters. L-BFGS
    stops by its own rules; a named `learning_rate` changes only the rate of gradient descent.
    """

    def __init__(
        self,
        estimator: Any,
        n: int,
        held_out: HeldOut | None,
        penalty: Callable[[], float],
        optimizer: Optimizer,
    ) -> None:
        self.estimator = estimator
        self.eta = optimizer.eta
        descends = isinstance(optimizer, (SGD, Momentum))
        named = isinstance(estimator.learning_rate, str)
        self.rate: Rate | None = estimator._rate if named and descends else None
        self.stops = not isinstance(optimizer, LBFGS)
        self.n = n
        self.held_out = held_out
        self.penalty = penalty
        self.adds = ("validation_score", "validation_loss") if held_out is not None else ()

    def on_epoch_end(self, network: Any, record: dict[str, Any]) -> bool:
        """Record the losses and the score; return True to stop the training."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        if self.stops:  # scikit-learn does not count the examples of L-BFGS
            estimator.t_ += self.n
        estimator.loss_ = estimator._loss(record["running_cost"], self.penalty)
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self.held_out is not None:
            self._score(network, record)
        if estimator.early_stopping and self.held_out is not None:
            self._compare_scores(network)
        else:
            self._compare_losses()
        if self.rate is not None and estimator.learning_rate == "invscaling":
            self.rate.current = (estimator.t_ + 1) ** -float(estimator.power_t)
        return self._stops()

    def note_divergence(self) -> None:
        """Record NaN for an epoch in which the training diverged."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += self.n
        estimator.loss_ = math.nan
        curves = (estimator.validation_scores_, estimator.validation_loss_curve_)
        for curve in (estimator.loss_curve_, *curves):
            curve.append(math.nan)

    def _score(self, network: Any, record: dict[str, Any]) -> None:
        assert self.held_out is not None
        X, *wanted = self.held_out
        outputs = network.feedforward(X)
        score = loss = math.nan
        if np.isfinite(outputs).all():
            score = self.estimator._score_outputs(outputs, *wanted)
            loss = self.estimator._mean_loss(outputs, *wanted)
        record["validation_score"], record["validation_loss"] = score, loss
        self.estimator.validation_scores_.append(score)
        self.estimator.validation_loss_curve_.append(loss)
        if self.estimator.verbose:
            print(f"Validation score: {score:f}")

    def _compare_scores(self, network: Any) -> None:
        estimator = self.estimator
        score = estimator.validation_scores_[-1]
        self._count(score, estimator.best_validation_score_)
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            estimator._best_parameters = network.parameters.copy()

    def _compare_losses(self) -> None:
        estimator = self.estimator
        best = math.inf if estimator.best_loss_ is None else estimator.best_loss_
        self._count(-estimator.loss_, -best)
        estimator.best_loss_ = min(best, estimator.loss_)

    def _count(self, score: float, best: float) -> None:
        """Count epochs that improve by less than tol, by scikit-learn's rule: NaN resets to 0."""
        estimator = self.estimator
        worse = score < best + estimator.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0

    def _stops(self) -> bool:
        estimator = self.estimator
        if not self.stops or estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        watched = "Validation score" if estimator.early_stopping else "Training loss"
        said = (
            f"{watched} did not improve more than tol={estimator.tol:f} "
            f"for {estimator.n_iter_no_change} consecutive epochs."
        )
        if self.rate is not None and estimator.learning_rate == "adaptive":
            eta = self.rate.current * self.eta
            if eta > SMALLEST_RATE:
                self.rate.current /= 5
                estimator._no_improvement_count = 0
                if estimator.verbose:
                    print(f"{said} Setting learning rate to {eta / 5:f}")
                return False
            said += " Learning rate too small."
        if estimator.verbose:
            print(f"{said} Stopping.")
        estimator.converged_ = True
        return True


class TaskCallbacks(Callback):
    """Reports every epoch to scikit-learn's own callbacks (1.9 and later) as a task of `fit`."""

    def __init__(self, estimator: Any, context: Any, given: dict[str, Any]) -> None:
        self.estimator = estimator
        self.context = context
        self.given = given

    def on_epoch_begin(self, network: Any, epoch: int) -> None:
        """Open the epoch's task."""
        self.task = self.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.given)

    def on_epoch_end(self, network: Any, record: dict[str, Any]) -> bool:
        """Close the epoch's task; return True if a callback ends the training."""
        if not hasattr(self, "task"):  # L-BFGS reports only the ends of its iterations
            self.on_epoch_begin(network, record["epoch"])
        stops = self.task.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.estimator._fitted_attributes,
            **self.given,
        )
        del self.task
        return bool(stops)
