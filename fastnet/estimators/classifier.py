"""`MLPClassifier`: binary, multiclass and multilabel classification with scikit-learn's API."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastnet.data.sparse import as_dense
from fastnet.estimators.base import BaseMLP, has_steps

__all__ = ["MLPClassifier"]

Array = NDArray[Any]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's `MLPClassifier`, trained by fastnet's kernels.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
    activation : str, default "relu"
        "identity", "logistic", "tanh", "relu" or another hidden activation of `fastnet.Network`.
    solver : str or Optimizer, default "adam"
        "adam", "sgd" (with `momentum` and `nesterovs_momentum`), "lbfgs"; and "adamw", "momentum",
        "nesterov", "rmsprop", "rprop", or an optimizer of `fastnet.optimizers` with its own
        settings.
    alpha : float, default 0.0001
        L2 penalty, divided by the size of the mini-batch as in scikit-learn.
    batch_size : int or "auto", default "auto"
        "auto" is min(200, n).
    learning_rate : str, Schedule or function of the epoch, default "constant"
        "constant"; "invscaling" or "adaptive", which only gradient descent ("sgd", "momentum",
        "nesterov") follows; or a schedule of `fastnet.schedules`.
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
    max_iter : int, default 200
        Epochs, or iterations of L-BFGS.
    shuffle : bool, default True
    random_state : int, RandomState or None
        Source of the starting weights, the validation split and the order of the examples, drawn as
        scikit-learn draws them.
    tol : float, default 0.0001
    verbose : bool, default False
    warm_start : bool, default False
    momentum : float, default 0.9
        In [0, 1).
    nesterovs_momentum : bool, default True
    early_stopping : bool, default False
    validation_fraction : float, default 0.1
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
    n_iter_no_change : int, default 10
    max_fun : int, default 15000
        All as in scikit-learn.
    dropout : float or sequence of float, default 0
        The share of hidden units to drop; or one share for each layer but the last, inputs first.
    l1 : float, default 0
        L1 penalty, divided like `alpha`.
    class_weight : dict, list of dict, "balanced" or None
        Multiplies the sample weights, as in scikit-learn's other classifiers.
    initializer : str, float, callable or None
        Initializer of the weights, as for `fastnet.Network`, for example a name from
        `fastnet.initializers.INITIALIZERS`. "lsuv" scales weights with the X of the first call,
        including rows set aside for early stopping. None: as in scikit-learn.
    callbacks : list of fastnet.Callback or None
        With several members, each has its own copies.
    n_members : int, default 1
        Number of networks to train, on all cores; their probabilities are averaged. Each has its
        own starting weights, order of the examples and validation split, like an estimator with
        ``n_members=1`` and a ``random_state`` from ``RandomState(random_state).randint(2**31 - 1,
        size=n_members)``.

    Attributes
    ----------
    classes_ : ndarray
    coefs_, intercepts_ : list of ndarray, shapes (n_in, n_out) and (n_out,)
        Views of the network's parameters: writing into them changes the predictions. If you assign
        them before the first call, `partial_fit` or a warm start begins with them.
    loss_, best_loss_, loss_curve_, n_iter_, t_ : as in scikit-learn
    validation_scores_, best_validation_score_ : as in scikit-learn
    validation_loss_curve_ : list of float or None
        The mean loss on the validation data after each epoch, without the penalty.
    converged_ : bool
        Whether training stopped before `max_iter` because nothing improved any more.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_ : as in scikit-learn
    network_ : fastnet.Network
        The trained network, with `history`, `save` and all its other methods.
    ensemble_ : fastnet.Ensemble
        All networks, if `n_members` is 2 or more. Then `network_`, `coefs_` and `intercepts_` are
        those of the first; losses, scores and curves are means, in each epoch over the networks
        still in training; `n_iter_` is the largest; `converged_` means that all have converged.

    Notes
    -----
    Training is in float32 if X is, else in float64. X of type uint8 is not converted, and a sparse
    matrix stays sparse.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> classifier = MLPClassifier(learning_rate_init=0.02, dropout=0.1, random_state=0)
    >>> classifier.fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
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
        class_weight: Any = None,
        initializer: Any = None,
        callbacks: Any = None,
        n_members: int = 1,
    ) -> None:
        self._keep_parameters(locals())

    @available_if(has_steps)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> MLPClassifier:
        """Train for one epoch on these examples.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
        classes : array_like, shape (n_classes,)
            All classes of this and later calls; needed in the first call.
        X_val, y_val : like X and y, optional
            Validation data for `early_stopping`; without them, a share of each batch is set aside.
            After more than `n_iter_no_change` calls without improvement the best weights are
            restored, `converged_` is True, and later calls change nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As for `fit`; or y has a class that is not in `classes`.

        Examples
        --------
        >>> X, y = np.array([[0.0], [1.0]] * 50), np.array([0, 1] * 50)
        >>> classifier = MLPClassifier((5,), learning_rate_init=0.1, random_state=0)
        >>> for _ in range(50):
        ...     _ = classifier.partial_fit(X, y, classes=[0, 1])
        >>> classifier.score(X, y)
        1.0
        """
        if classes is None and "classes_" not in self.__dict__:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        self._fit(X, y, sample_weight, (X_val, y_val), partial=True, classes=classes)
        return self

    def predict(self, X: Any) -> Any:
        """Return the class of each row, or its labels as 0 and 1, sparse if y was.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n,), or ndarray or sparse matrix, shape (n, n_labels)

        Raises
        ------
        NotFittedError, ValueError
            As for `predict_proba`.
        """
        outputs = self._outputs(X)
        if self._multilabel:
            assert self._label_binarizer is not None
            return self._label_binarizer.inverse_transform(outputs)
        return self.classes_.take(self._codes(outputs))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n, n_classes) or (n, n_labels)
            Columns are in the order of `classes_`. The dtype is that of the network.

        Raises
        ------
        NotFittedError
            `fit` has not been called.
        ValueError
            X has another number of columns, or contains NaN or infinity.

        Examples
        --------
        >>> X, y = np.array([[0.0], [1.0]] * 50), np.array(["no", "yes"] * 50)
        >>> classifier = MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
        >>> classifier.predict_proba([[0.0], [1.0]]).round(1)
        array([[1., 0.],
               [0., 1.]])
        """
        outputs = self._outputs(X)
        if self.n_outputs_ == 1 and not self._multilabel:
            both = np.empty((len(outputs), 2), outputs.dtype)
            both[:, 1] = outputs[:, 0]
            np.subtract(1, both[:, 1], out=both[:, 0])
            return both
        return outputs

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n, n_classes) or (n, n_labels)
        """
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    # ---- for the base

    def _cost(self) -> tuple[str, str, str]:
        if self.n_outputs_ == 1 or self._multilabel:
            return "cross_entropy", "sigmoid", "logistic"
        return "log_likelihood", "softmax", "softmax"

    def _class_weights(self, y: Any, partial: bool) -> Array | None:
        if self.class_weight is None:
            return None
        if partial and self.class_weight == "balanced":
            raise ValueError(
                "class_weight is 'balanced', which partial_fit cannot compute from one batch; "
                "give the weights as a dict."
            )
        weights: Array = compute_sample_weight(self.class_weight, y)
        return weights

    def _codes(self, outputs: Array) -> Array:
        """Return the index in `classes_` of each row's predicted class."""
        codes: Array = outputs.argmax(1) if self.n_outputs_ > 1 else outputs[:, 0] > 0.5
        return np.zeros_like(codes) if len(self.classes_) == 1 else codes  # the only class

    def _read_targets(self, y: Any, first: bool, classes: Any = None, again: bool = False) -> Array:
        """Return class numbers, one column of 0 and 1 for two classes, or one for each label."""
        found = _plain_classes(y)
        kind = _kind(y) if found is None else "binary" if len(found) <= 2 else "multiclass"
        multilabel = kind == "multilabel-indicator"
        binarizer = LabelBinarizer().fit(y) if multilabel and first else None
        if found is None:
            y = _indicators(y) if multilabel else column_or_1d(y, warn=True)
            found = np.arange(y.shape[1]) if multilabel else unique_labels(y)
        if first:
            self._multilabel, self._label_binarizer = multilabel, binarizer
            self._set_classes(y, found, classes)
        elif multilabel != self._multilabel:
            raise ValueError(
                f"y is of kind {kind!r}, unlike in the first call; give the same kind."
            )
        elif classes is not None and not np.array_equal(self.classes_, self._sorted(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call "
                f"to partial_fit, was: {self.classes_!r}"
            )
        elif again and not multilabel and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )
        return self._encode(y, found)

    def _set_classes(self, y: Array, found: Array, classes: Any) -> None:
        self.classes_ = found if classes is None else self._sorted(classes)
        n = len(self.classes_)
        if self._multilabel and n != y.shape[1]:
            raise ValueError(f"classes has {n} entries and y has {y.shape[1]} columns.")
        self.n_outputs_ = 1 if n <= 2 and not self._multilabel else n

    def _sorted(self, classes: Any) -> Array:
        """Return the sorted classes; names of labels keep the order of the columns."""
        named: Array = np.asarray(classes) if self._multilabel else unique_labels(classes)
        return named

    def _encode(self, y: Array, found: Array) -> Array:
        """Return y, with the classes `found`, as the network takes it."""
        if self._multilabel:
            if y.shape[1] != self.n_outputs_:
                raise ValueError(f"y has {y.shape[1]} columns; expected {self.n_outputs_}.")
            return y.astype(np.float64)
        if found is not self.classes_ and np.setdiff1d(found, self.classes_).size:
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {found}."
            )
        codes = np.searchsorted(self.classes_, y)
        return codes if self.n_outputs_ > 1 else codes.astype(np.float64)[:, np.newaxis]

    def _score_outputs(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the share of rows for which `predict` is right, in all labels."""
        if self._multilabel:
            right = ((outputs > 0.5) == (targets > 0.5)).all(axis=1)
        else:
            right = self._codes(outputs) == targets.ravel()
        return float(np.average(right, weights=weights))

    def _mean_loss(self, outputs: Array, targets: Array, weights: Array | None) -> float:
        """Return the mean over rows of the negative log-likelihood of the targets."""
        smallest = np.finfo(outputs.dtype).eps
        outputs = np.clip(outputs, smallest, 1 - smallest)
        if targets.ndim == 1:
            losses = -np.log(outputs[np.arange(len(targets)), targets])
        else:
            losses = -np.log(np.where(targets > 0.5, outputs, 1 - outputs)).sum(axis=1)
        return float(np.average(losses, weights=weights))


def _plain_classes(y: Any) -> Array | None:
    """Return the classes in a plain array of integers or bools; None for anything else."""
    plain = type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biu" and y.dtype.isnative
    return np.unique(y) if plain and y.size else None


def _kind(y: Any) -> str:
    """Return "binary", "multiclass" or "multilabel-indicator", scikit-learn's names."""
    kind: str = type_of_target(y, input_name="y")
    if "multioutput" in kind:
        raise ValueError(
            f"y is of kind {kind!r}; give several labels per row as columns of 0 and 1."
        )
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        raise ValueError(
            f"Unknown label type: {kind}. Classes are whole numbers, text or bools; for other "
            "numbers use MLPRegressor."
        )
    return kind


def _indicators(y: Any) -> Array:
    """Return multilabel targets as an array of bools, True where y is not 0."""
    y = as_dense(y)
    values = np.unique(y)
    if len(values[values != 0]) > 1:
        raise ValueError(
            f"y contains {values[0]} and {values[-1]}; give several labels per row as columns of 0 "
            "and 1."
        )
    labels: Array = y != 0
    return labels
