"""`BaseMLP`, the base class of classifier and regressor: from `fit` to `Network.train`."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnet import kernels
from fastnet.callbacks import read_callbacks
from fastnet.common.errors import DivergenceError
from fastnet.costs import AnyCost, find_cost
from fastnet.data.rows import InputRows, as_rows
from fastnet.data.sparse import with_checked_indices
from fastnet.ensemble import Ensemble
from fastnet.estimators.draws import Rate, SklearnRandomState, draw_weights
from fastnet.estimators.members import Cancellation, check_number, fit_members, mean_output
from fastnet.estimators.settings import ACTIVATIONS, check_parameters, hidden_sizes, make_optimizer
from fastnet.estimators.stopping import HeldOut, StoppingRules, TaskCallbacks
from fastnet.interchange.sklearn import kind_of, preprocessing_of
from fastnet.model.norms import regularized
from fastnet.model.parameters import Views
from fastnet.network import Network
from fastnet.optimizers import LBFGS, Optimizer
from fastnet.training.plan import check_monitors

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Empty base, because this scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """Return the method unchanged."""
        return method


__all__ = ["BaseMLP", "has_steps"]

Array = NDArray[Any]
LAYERS = ("coefs_", "intercepts_")
#: Types of X that kernels read in place; others are converted to the first.
KEPT_TYPES = (np.float64, np.float32, np.uint8)


def has_steps(estimator: Any) -> bool:
    """Return True, or raise AttributeError if the solver does not take steps on batches."""
    solver = estimator.solver
    if solver == "lbfgs" or isinstance(solver, LBFGS) or solver is LBFGS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True


def _is_table(X: Any) -> bool:
    """Return whether scikit-learn's checks would not convert X, if all its numbers are finite."""
    return type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and kernels.can_read(X)


def _are_plain_targets(y: Any) -> bool:
    """Return whether scikit-learn's checks would return y unchanged."""
    if type(y) is not np.ndarray or y.ndim not in (1, 2) or not y.size or not y.dtype.isnative:
        return False
    return y.dtype.kind in "biu" or (y.dtype.kind == "f" and bool(np.isfinite(y).all()))


def _dtype_for(X: Any) -> np.dtype[Any]:
    """Return the type of a network that is trained on X."""
    return np.dtype(np.float32 if X.dtype == np.float32 else np.float64)


@contextmanager
def _said_by_finish(optimizer: Optimizer) -> Iterator[None]:
    """Suppress the warning of `Network.train` that `_finish` gives in scikit-learn's words.

    Only around L-BFGS: filters affect the whole process, and other solvers run in several threads.
    """
    if not isinstance(optimizer, LBFGS):
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "L-BFGS ended", RuntimeWarning)
        yield


def _views(network: Network, name: str) -> Views:
    if name == "coefs_":
        return Views(name, [w.T for w in network.weights], network._guard)
    return Views(name, [b[:, 0] for b in network.biases], network._guard)


class BaseMLP(CallbackSupportMixin, BaseEstimator):
    """Training and parameters; subclasses define what targets and outputs mean."""

    # Set while this estimator is fitted as one of several members.
    _cancellation: Cancellation | None = None

    # ---- parameters

    def _keep_parameters(self, given: dict[str, Any]) -> None:
        """Store the arguments of `__init__`, its locals, unchanged, as scikit-learn asks."""
        self.__dict__.update({name: value for name, value in given.items() if name != "self"})

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices, shapes (n_in, n_out): views of `network_`'s parameters."""
        return self._layers("coefs_")

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        self._assign("coefs_", values)

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors, shapes (n_out,): views of `network_`'s parameters."""
        return self._layers("intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        self._assign("intercepts_", values)

    def _layers(self, name: str) -> list[Array]:
        """Return views of the network's parameters or, before `fit`, the list assigned here."""
        network = self.__dict__.get("network_")
        if network is not None:
            return _views(network, name)
        if name in self.__dict__:
            given: list[Array] = self.__dict__[name]
            return given
        raise AttributeError(f"this {type(self).__name__} has no {name} yet; call fit first.")

    def _assign(self, name: str, values: Any) -> None:
        if "network_" in self.__dict__:
            _views(self.network_, name).assign(values)
        else:
            self.__dict__[name] = list(values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- for subclasses to define

    def _read_targets(self, y: Any, first: bool, classes: Any = None, again: bool = False) -> Array:
        """Return y as the network takes it; if `again`, the classes must be those of last time."""
        raise NotImplementedError

    def _cost(self) -> tuple[AnyCost | str, str, str]:
        """Return the cost, the output activation, and scikit-learn's name for the latter."""
        raise NotImplementedError

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the accuracy or R^2."""
        raise NotImplementedError

    def _mean_loss(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the mean cost without the penalty."""
        raise NotImplementedError

    def _loss(self, cost: float, penalty: Callable[[], float]) -> float:
        """Return the loss as scikit-learn defines it."""
        return cost

    def _class_weights(self, y: Any, partial: bool) -> Array | None:
        return None

    # ---- fit

    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train from new starting weights or, with `warm_start`, from the present ones.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)
        y : array_like, shape (n,), or (n, n_outputs)
            For a classifier, classes, or a column of 0 and 1 for each label; for a regressor,
            numbers.
        sample_weight : array_like, shape (n,), optional
        X_val, y_val : like X and y, optional
            Validation data, scored after every epoch; with them, `early_stopping` sets no examples
            aside.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            A parameter has a wrong value or type, the data do not match, or training diverged.
        ImportError
            The solver is L-BFGS, and SciPy is missing.
        """
        self._fit(X, y, sample_weight, (X_val, y_val))
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any],
        partial: bool = False,
        classes: Any = None,
    ) -> None:
        rng = check_parameters(self)
        hidden, optimizer = hidden_sizes(self), make_optimizer(self)
        anew = "network_" not in self.__dict__ or not (partial or self.warm_start)
        check_number(self, anew)
        if self.n_members > 1:
            arguments = {"validation": validation, "partial": partial, "classes": classes}
            arguments |= {"X": X, "y": y, "sample_weight": sample_weight}
            fit_members(self, rng, optimizer, anew, arguments)
            return
        given = {"X": X, "y": y}
        rows = self._plain_rows(X, y, anew)
        if rows is None:
            X, y = self._validated(X, y, "X", "y", reset=anew)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        targets = self._read_targets(y, anew, classes, self.warm_start and not anew)
        class_weight = self._class_weights(y, partial)
        if class_weight is not None:
            sample_weight = class_weight * (1 if sample_weight is None else sample_weight)
        self._prepare(X, hidden, rng, anew, partial)
        if partial and self.converged_ and self.early_stopping:
            return
        held_out = self._validation(*validation)
        if self.early_stopping and held_out is None and not isinstance(optimizer, LBFGS):
            X, targets, sample_weight, held_out = self._split(X, targets, sample_weight, rng)
            rows = None
        tasks = [] if partial else self._begin_tasks(given, metadata)
        self._train(rows or X, targets, sample_weight, held_out, optimizer, partial, tasks)
        for task in tasks:
            task.context.call_on_fit_task_end(
                estimator=self, reconstruction_attributes=self._fitted_attributes, **task.given
            )

    def _plain_rows(self, X: Any, y: Any, reset: bool) -> InputRows | None:
        """Fast path for plain arrays: return the rows of X, checked; None if it does not apply.

        It does not apply to wrong data either: scikit-learn's checks then raise its own errors.
        """
        own = self.__dict__
        if not (_is_table(X) and _are_plain_targets(y) and len(X) == len(y)):
            return None
        if not reset and (X.shape[1] != own["n_features_in_"] or "feature_names_in_" in own):
            return None
        dtype = _dtype_for(X) if reset else self.network_.dtype
        rows = as_rows(X, X.shape[1], "X")
        try:
            rows.check(dtype, repeated=not self.early_stopping)
        except ValueError:
            return None
        rows.checked = None if self.early_stopping else dtype
        if reset:
            self.n_features_in_ = X.shape[1]
            own.pop("feature_names_in_", None)
        return rows

    def _validated(self, X: Any, y: Any, X_name: str, y_name: str, *, reset: bool) -> Any:
        """Return X and y checked by scikit-learn, which does not check sparse indices by itself."""
        return validate_data(
            self,
            with_checked_indices(X, X_name),
            with_checked_indices(y, y_name),
            accept_sparse="csr",
            multi_output=True,
            dtype=KEPT_TYPES,
            reset=reset,
            y_numeric=is_regressor(self),
        )

    def _begin_tasks(self, given: dict[str, Any], metadata: Any) -> list[TaskCallbacks]:
        if not hasattr(self, "_init_callback_context"):
            return []
        context = self._init_callback_context(max_subtasks=self.max_iter)
        if not getattr(self, "_skl_callbacks", []):
            return []
        context.call_on_fit_task_begin(estimator=self, metadata=metadata, **given)
        return [TaskCallbacks(self, context, {**given, "metadata": metadata})]

    def _fitted_attributes(self) -> dict[str, Any]:
        """Return the attributes with which a copy predicts as if training had ended now."""
        curves = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
        kept = {name: copy.copy(getattr(self, name)) for name in curves}
        return {"network_": copy.deepcopy(self.network_), **kept}

    def _prepare(self, X: Any, hidden: list[int], rng: Any, anew: bool, partial: bool) -> None:
        """Make the network, or check that the present one can continue."""
        named, output, self.out_activation_ = self._cost()
        cost = find_cost(named)
        sizes = [X.shape[1], *hidden, self.n_outputs_ * cost._outputs_per_target()]
        if anew:
            dtype = _dtype_for(X)
            # A warm start or partial_fit begins with layers assigned before the first call.
            given = {name: self.__dict__[name] for name in LAYERS if name in self.__dict__}
            keeps = (partial or self.warm_start) and len(given) == len(LAYERS)
            network = self._start(sizes, cost, output, dtype, None if keeps else rng)
            network._initialize_pending(X)
            for name in given if keeps else ():
                _views(network, name).assign(given[name])
            for name in given:
                del self.__dict__[name]
            network.kind = kind_of(self)
            with suppress(ValueError):  # some classes, such as dates, cannot be labels
                network.preprocessing = preprocessing_of(self)
            self.network_, self.n_layers_ = network, len(sizes)
            self.loss_curve_: list[float] = []
            self.t_ = self._no_improvement_count = 0
            self.validation_scores_: list[float] | None = None
            self.validation_loss_curve_: list[float] | None = None
            self.best_loss_ = None if self.early_stopping else math.inf
            self.best_validation_score_ = -math.inf if self.early_stopping else None
        else:
            *below, last = self.network_.activations
            for what, there, asked in (
                ("layers of {} units", self.network_.sizes, sizes),
                ("{} outputs", last, output),
                ("{} hidden layers", below, [ACTIVATIONS[self.activation]] * len(hidden)),
            ):
                if there != asked:
                    raise ValueError(
                        f"the fitted network has {what.format(there)}, but the parameters ask for "
                        f"{asked}; set warm_start=False, or do not change them."
                    )
            if self.network_.cost != cost:
                self.network_.cost = cost
            if not partial:  # a warm start keeps the weights and resets everything else
                self.network_ = copy.deepcopy(self.network_)
                self.network_._begin_anew()
        if anew or not partial:
            self._best_parameters: Array | None = None
        self.network_.rng = SklearnRandomState(rng)
        self.n_iter_ = 0
        if not partial or "converged_" not in self.__dict__:
            self.converged_ = False
        if not partial or not isinstance(getattr(self, "_rate", None), Rate):
            rate = self.learning_rate
            self._rate: Any = Rate() if isinstance(rate, str) else copy.deepcopy(rate)

    def _start(self, sizes: list[int], cost: AnyCost, output: str, dtype: Any, rng: Any) -> Network:
        """Return the network, with weights drawn from `rng` unless it is None."""
        named = self.initializer is not None and rng is not None
        network = Network(
            sizes,
            cost,
            dtype=dtype,
            rng=0 if rng is None else rng,
            activation=ACTIVATIONS[self.activation],
            output=output,
            initializer=self.initializer if named else 0.0,
        )
        if not named and rng is not None:
            drawn = draw_weights(sizes, self.activation, rng)
            network.weights = [weights.T for weights, _ in drawn]
            network.biases = [biases[:, np.newaxis] for _, biases in drawn]
        return network

    def _validation(self, X: Any, y: Any) -> HeldOut | None:
        """Return the validation data that the caller gave, if any."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise ValueError(
                f"{'X_val' if X is None else 'y_val'} is missing; give both X_val and y_val, or "
                "neither."
            )
        X, y = self._validated(X, y, "X_val", "y_val", reset=False)
        return HeldOut(X, self._read_targets(y, False), None)

    def _split(self, X: Any, targets: Array, sample_weight: Any, rng: Any) -> Any:
        """Return training and validation data, split as scikit-learn does."""
        binary = hasattr(self, "classes_") and targets.ndim == 2 and targets.shape[1] == 1
        train, test = train_test_split(
            np.arange(X.shape[0]),
            random_state=rng,
            test_size=self.validation_fraction,
            stratify=targets.astype(bool) if binary else None,
        )
        if len(test) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' "
                "or the size of your dataset."
            )
        weights = [None if sample_weight is None else sample_weight[part] for part in (train, test)]
        return X[train], targets[train], weights[0], HeldOut(X[test], targets[test], weights[1])

    def _batch_size(self, n: int, optimizer: Optimizer) -> int:
        if isinstance(optimizer, LBFGS):
            return n
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. "
                "It is going to be clipped",
                stacklevel=5,
            )
        return int(min(self.batch_size, n))

    def _train(
        self,
        X: Any,
        targets: Array,
        sample_weight: Array | None,
        held_out: HeldOut | None,
        optimizer: Optimizer,
        partial: bool,
        tasks: list[TaskCallbacks],
    ) -> None:
        n = len(targets)
        size = self._batch_size(n, optimizer)
        # scikit-learn divides by the weight of a mini-batch, fastnet by its number of examples:
        # with weights of mean 1 both are the same over all data. scikit-learn's penalty is divided
        # by the mini-batch's weight, the book's by the number of all examples.
        mean = 1.0 if sample_weight is None else float(np.mean(sample_weight))
        if mean == 0:  # scikit-learn 1.9 and later refuse this earlier
            raise ValueError("every sample weight is 0; give some class a positive weight.")
        weights = None if sample_weight is None else sample_weight / mean
        l1, l2 = (float(strength) * n / (size * mean) for strength in (self.l1, self.alpha))
        if held_out is not None and self.validation_scores_ is None:
            self.validation_scores_, self.validation_loss_curve_ = [], []
        if self.early_stopping and self.best_validation_score_ is None:  # off in the first call
            self.best_validation_score_ = -math.inf

        def penalty() -> float:
            return regularized(0.0, n, self.network_.weights, l2, l1)

        rules = StoppingRules(self, n, held_out, penalty, optimizer)
        callbacks = [rules, *tasks, *read_callbacks(self.callbacks)]
        remedy = "give X_val and y_val to fit, or set early_stopping=True, for a validation_score"
        check_monitors([self._rate, *callbacks], ["running_cost"], callbacks, remedy)
        try:
            with _said_by_finish(optimizer):
                self.network_.train(
                    (X, targets),
                    1 if partial else self.max_iter,
                    size,
                    optimizer=optimizer,
                    schedule=self._rate,
                    l1=l1,
                    l2=l2,
                    dropout=self.dropout,
                    sample_weight=weights,
                    metrics="running_cost",
                    callbacks=callbacks,
                    shuffle=bool(self.shuffle),
                    progress=self._cancellation,
                )
        except DivergenceError as error:
            # As in scikit-learn, early stopping restores the best weights if an epoch was scored.
            if partial or self._best_parameters is None:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain "
                    "large values and need to be preprocessed."
                ) from error
            rules.note_divergence()
            warnings.warn(
                f"Stochastic Optimizer: training diverged in epoch {self.n_iter_}; the weights "
                "with the best validation score are kept.",
                ConvergenceWarning,
                stacklevel=5,
            )
        except KeyboardInterrupt:
            if self._cancellation is not None:
                self._cancellation.interrupt()
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._finish(optimizer, partial)

    def _finish(self, optimizer: Optimizer, partial: bool) -> None:
        """Warn if training did not converge; restore the parameters with the best score."""
        if isinstance(optimizer, LBFGS):
            self._warn_of_lbfgs()
        elif not partial and self.n_iter_ == self.max_iter and not self.converged_:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )
        ended = self.early_stopping and (self.converged_ or not partial)
        if ended and self._best_parameters is not None:  # None if a warm start improved nothing
            self.network_.parameters = self._best_parameters

    def _warn_of_lbfgs(self) -> None:
        history = self.network_.history
        said = history[-1].get("message", "") if history else "CONVERGENCE"
        self.converged_ = said.startswith("CONVERGENCE")
        at_limit = self.n_iter_ == self.max_iter
        if not at_limit and (self.converged_ or not said):  # no message: a callback ended it
            return
        advice = ""
        if at_limit:
            said = "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"
            advice = (
                "\nIncrease the number of iterations to improve the convergence "
                f"(max_iter={self.max_iter}).\nYou might also want to scale the data."
            )
        warnings.warn(
            f"lbfgs failed to converge after {self.n_iter_} iteration(s):\n{said}\n{advice}",
            ConvergenceWarning,
            stacklevel=6,
        )

    def _outputs(self, X: Any) -> Array:
        """Return the outputs for X; with several networks, their mean."""
        outputs = self._every_output(X)
        return mean_output(outputs) if outputs.ndim == 3 else outputs

    def _every_output(self, X: Any) -> Array:
        """Return the outputs for X, which scikit-learn checks: (n, n_outputs).

        With several networks the shape is (n_members, n, n_outputs).
        """
        own = self.__dict__
        # Fast path: in a plain array of the right width, the network itself finds NaN and infinity.
        if (
            _is_table(X)
            and X.shape[1] == own.get("n_features_in_")
            and "feature_names_in_" not in own
            and "network_" in own
        ):
            with suppress(ValueError):  # scikit-learn raises its own error below
                return self._predictor().feedforward(X)
        check_is_fitted(self, "network_")
        X = with_checked_indices(X, "X")
        X = validate_data(self, X, accept_sparse="csr", dtype=KEPT_TYPES, reset=False)
        return self._predictor().feedforward(X)

    def _predictor(self) -> Network | Ensemble:
        own = self.__dict__
        predictor: Network | Ensemble = own.get("ensemble_", self.network_)
        return predictor
