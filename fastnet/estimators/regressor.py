"""`MLPRegressor`: one or several numbers a row, behind scikit-learn's face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from fastnet.common.arguments import shown
from fastnet.costs import PoissonCost
from fastnet.data.rows import as_real_array
from fastnet.estimators.base import BaseMLP, has_steps

__all__ = ["MLPRegressor"]

Array = NDArray[Any]


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's `MLPRegressor`, trained by fastnet's kernels.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default "squared_error"
        "poisson", half the Poisson deviance, is for counts: y must not be negative, and outputs
        are exponentials. (In scikit-learn since 1.7.)
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init
    power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum
    nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon
    n_iter_no_change, max_fun
        As for `MLPClassifier`, with the same defaults.
    dropout, l1, initializer, callbacks
        As for `MLPClassifier`: what scikit-learn does not have.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray, shapes (n_in, n_out) and (n_out,)
        Views of the network's parameters.
    loss_, best_loss_, loss_curve_, n_iter_, t_ : as in scikit-learn
    validation_scores_, best_validation_score_ : as in scikit-learn
        R^2.
    validation_loss_curve_, converged_, network_ : as for `MLPClassifier`
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 100)[:, np.newaxis]
    >>> y = X[:, 0] ** 2
    >>> MLPRegressor(solver="lbfgs", random_state=0).fit(X, y).score(X, y) > 0.99
    True
    """

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
    ) -> None:
        self._keep_parameters(locals())

    @available_if(has_steps)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> MLPRegressor:
        """Go once through these examples; early stopping as for `MLPClassifier.partial_fit`.

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

    def predict(self, X: Any) -> Array:
        """Return the numbers for each row.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n,) or (n, n_outputs)
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    # ---- for the base

    def _cost(self) -> tuple[str, str, str]:
        if self.loss == "poisson":
            return "poisson", "exponential", "exp"
        return "quadratic", "identity", "identity"

    def _loss(self, cost: float, penalty: Callable[[], float]) -> float:
        if self.n_outputs_ == 1 or self.loss == "poisson":  # there, a sum over the outputs
            return cost
        part = penalty()
        return float((cost - part) / self.n_outputs_ + part)

    def _read_targets(self, y: Any, first: bool, classes: Any = None, again: bool = False) -> Array:
        y = as_real_array(y, "y")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets: Array = y.reshape(len(y), -1)
        if self.loss not in ("squared_error", "poisson"):
            raise ValueError(
                f"loss of MLPRegressor is {shown(self.loss)}; "
                "expected 'squared_error' or 'poisson'."
            )
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("y has negative numbers; loss='poisson' is for counts, 0 or more.")
        if first:
            self.n_outputs_ = targets.shape[1]
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {targets.shape[1]} columns; expected {self.n_outputs_}.")
        return targets

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        return float(r2_score(targets, outputs, sample_weight=weights))

    def _mean_loss(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        if self.loss == "poisson":
            each = list(map(PoissonCost.fn, outputs, targets))
            return float(np.average(each, weights=weights))
        squares = np.average((outputs - targets) ** 2, axis=0, weights=weights)
        return 0.5 * float(squares.mean())
