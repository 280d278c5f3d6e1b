"""`MLPRegressor`: regression with one or several targets, with scikit-learn's API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if

from fastnet.common.arguments import shown
from fastnet.costs import (
    AnyCost,
    HuberCost,
    PoissonCost,
    QuadraticCost,
    QuantileCost,
)
from fastnet.data.rows import as_real_array
from fastnet.estimators.base import BaseMLP, has_steps
from fastnet.estimators.members import mean_output
from fastnet.estimators.settings import LOSSES, quantiles_of
from fastnet.model.answers import moments

__all__ = ["MLPRegressor"]

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's `MLPRegressor`, trained by fastnet's kernels.

    Parameters
    ----------
    loss : str, default "squared_error"
        "squared_error", "poisson" (in scikit-learn since 1.7), or one of four that scikit-learn
        does not have: "huber", "absolute_error", "quantile" and "gaussian". "poisson", half the
        Poisson deviance, is for counts: y must not be negative, and outputs are exponential.
        "quantile" learns the quantiles in `quantile`, "gaussian" the mean and the variance of each
        target.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init
    power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum
    nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
    n_iter_no_change, max_fun
        As for `MLPClassifier`, with the same defaults.
    dropout, l1, initializer, callbacks, n_members
        As for `MLPClassifier`; scikit-learn does not have these.
    delta : float, default 1.0
        Absolute error above which loss="huber" is linear, in the units of y.
    quantile : float or sequence of float, default 0.5
        Between 0 and 1, for loss="quantile". One network learns several.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray, shapes (n_in, n_out) and (n_out,)
        Views of the network's parameters. The last layer has `n_outputs_` units for each quantile;
        with loss="gaussian", `n_outputs_` for the means and as many for the log variances.
    loss_, best_loss_, loss_curve_, n_iter_, t_ : as in scikit-learn
    validation_scores_, best_validation_score_ : as in scikit-learn
        Values of `score` on the validation data.
    validation_loss_curve_, converged_, network_, ensemble_ : as for `MLPClassifier`
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        `n_outputs_` is the number of columns of y.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 100)[:, np.newaxis]
    >>> y = X[:, 0] ** 2
    >>> MLPRegressor(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.99
    True
    >>> three = MLPRegressor("quantile", (10,), quantile=[0.05, 0.5, 0.95], random_state=0)
    >>> three.set_params(learning_rate_init=0.01, tol=0.001).fit(X, y).predict(X).shape
    (100, 3)
    """

    # A Pipeline would route it as if it were metadata of the examples.
    __metadata_request__predict: ClassVar[dict[str, str]] = {"return_std": UNUSED}

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        l1: float = 0.0,
        initializer: Any = None,
        callbacks: Any = None,
        delta: float = 1.0,
        quantile: Any = 0.5,
        n_members: int = 1,
    ) -> None:
        self._keep_parameters(locals())

    @available_if(has_steps)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> MLPRegressor:
        """Train for one epoch on these examples, as `MLPClassifier.partial_fit` does.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val : as for `fit`

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As for `fit`.
        """
        self._fit(X, y, sample_weight, (X_val, y_val), partial=True)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the predictions for each row; with several networks, the mean of theirs.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)
        return_std : bool, default False
            Whether to return standard deviations too: with `n_members` of 2 or more, of the
            networks' predictions; with loss="gaussian", of the noise, as learned; with both, the
            root of the sum of both variances (the law of total variance).

        Returns
        -------
        y : ndarray, shape (n,) or (n, n_outputs)
            Several quantiles are the last axis: (n, n_quantiles) or, with several targets,
            (n, n_outputs, n_quantiles). They may cross; ``np.sort(y, axis=-1)`` puts them in order.
        std : ndarray of that shape
            Only if `return_std`.

        Raises
        ------
        ValueError
            `return_std` is true for one network with a loss other than "gaussian", which has no
            standard deviation.

        Examples
        --------
        >>> X = np.random.default_rng(0).uniform(-1, 1, (500, 1))
        >>> y = X[:, 0] + np.random.default_rng(1).normal(0, 0.1, 500)
        >>> gaussian = MLPRegressor("gaussian", (10,), learning_rate_init=0.01, tol=0.01)
        >>> fitted = gaussian.set_params(random_state=0).fit(X, y)
        >>> mean, std = fitted.predict([[0.0], [0.5]], return_std=True)
        >>> bool(np.all(abs(std - 0.1) < 0.03))
        True
        """
        outputs = self._every_output(X)
        cost, several = self.network_.cost, outputs.ndim == 3
        if not several and not return_std:
            return moments(cost, outputs)[0]
        found = [moments(cost, each) for each in (outputs if several else [outputs])]
        means = np.stack([mean for mean, _ in found])
        if not return_std:
            return mean_output(means)
        learned = [variance for _, variance in found if variance is not None]
        if not several and not learned:
            raise ValueError(
                f"return_std is {shown(return_std)}, and one network with loss={self.loss!r} has "
                "no standard deviation; use loss='gaussian', or n_members of 2 or more."
            )
        variance = means.var(axis=0) + (np.mean(learned, axis=0) if learned else 0.0)
        return mean_output(means), np.sqrt(variance)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions or, with loss="quantile", D^2 of the pinball loss.

        D^2 is 1 minus the pinball loss divided by that of the quantile of y, averaged over targets
        and quantiles. For both, 1 is the best value, and the best constant prediction has 0.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)
        y : array_like, shape (n,) or (n, n_outputs)
        sample_weight : array_like, shape (n,), optional

        Returns
        -------
        float

        Examples
        --------
        >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
        >>> two = MLPRegressor("quantile", (10,), quantile=[0.1, 0.9], tol=0.001)
        >>> _ = two.set_params(learning_rate_init=0.01, random_state=0).fit(X, X[:, 0])
        >>> two.score(X, X[:, 0]) > 0.5
        True
        """
        outputs = self._outputs(X)
        if not isinstance(self.network_.cost, QuantileCost):
            return float(super().score(X, y, sample_weight))
        targets = as_real_array(y, "y")
        return self._score_outputs(outputs, targets.reshape(len(targets), -1), sample_weight)

    # ---- for the base

    def _cost(self) -> tuple[AnyCost | str, str, str]:
        if self.loss == "poisson":
            return "poisson", "exponential", "exp"
        if self.loss == "huber":
            return HuberCost(self.delta), "identity", "identity"
        if self.loss == "quantile":
            return QuantileCost(*quantiles_of(self)), "identity", "identity"
        return LOSSES[self.loss], "identity", "identity"

    def _loss(self, cost: float, penalty: Callable[[], float]) -> float:
        known, count = self.network_.cost, self.n_outputs_
        if isinstance(known, QuantileCost):
            count *= len(known.quantiles)
        if count == 1 or known is PoissonCost:  # there, a sum over the outputs
            return cost
        part = penalty()
        return float((cost - part) / count + part)

    def _read_targets(self, y: Any, first: bool, classes: Any = None, again: bool = False) -> Array:
        y = as_real_array(y, "y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets: Array = y.reshape(len(y), -1)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("y has negative numbers; loss='poisson' is for counts, 0 or more.")
        if first:
            self.n_outputs_ = targets.shape[1]
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {targets.shape[1]} columns; expected {self.n_outputs_}.")
        return targets

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        cost = self.network_.cost
        if not isinstance(cost, QuantileCost):
            predicted = outputs[:, : targets.shape[1]]  # the means, of a Gaussian loss
            return float(r2_score(targets, predicted, sample_weight=weights))
        parts = np.split(outputs, len(cost.quantiles), axis=1)
        scores = [
            d2_pinball_score(targets, part, sample_weight=weights, alpha=level)
            for level, part in zip(cost.quantiles, parts, strict=True)
        ]
        return float(np.mean(scores))

    def _mean_loss(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        cost = self.network_.cost
        if cost is not QuadraticCost:
            each = list(map(cost.fn, outputs, targets))
            return self._loss(float(np.average(each, weights=weights)), lambda: 0.0)
        squares = np.average((outputs - targets) ** 2, axis=0, weights=weights)
        return 0.5 * float(squares.mean())
