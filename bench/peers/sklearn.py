"""scikit-learn's MLPClassifier and MLPRegressor, through partial_fit."""

import warnings
from typing import Any

import numpy as np

from peers import Job, hits
from problem import SEED, Problem, pack
from workloads import Workload

TWO_CLASSES = "one logistic output instead of a softmax over two, so accuracies are compared"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why scikit-learn cannot do this, or None."""
    import sklearn.neural_network  # noqa: F401

    if workload.task == "gradient":
        return "scikit-learn has no public gradient"
    return None


def _targets(problem: Problem) -> Any:
    """Return class numbers for softmax outputs, and target rows for sigmoid outputs."""
    workload = problem.workload
    if workload.output == "softmax":
        return problem.y
    if workload.sizes[-1] > 1:
        return problem.Y
    y = problem.Y[:, 0]
    return y if workload.output == "linear" else y.astype(np.int64)


def _kind(library: Any, workload: Workload) -> Any:
    return library.MLPRegressor if workload.output == "linear" else library.MLPClassifier


def _model(library: Any, problem: Problem) -> Any:
    workload = problem.workload
    model = _kind(library, workload)(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation={"sigmoid": "logistic"}.get(workload.activation, workload.activation),
        solver=workload.optimizer,
        # Its penalty is divided by the size of the batch, the book's by that of the training set.
        alpha=workload.decay * workload.mini_batch_size,
        batch_size=workload.mini_batch_size,
        learning_rate_init=workload.eta,
        momentum=0.0,
        shuffle=False,
    )
    # A first call builds the arrays; the start is then written into them.
    rows = slice(0, workload.mini_batch_size)
    first = {}
    if workload.output != "linear":
        first["classes"] = np.arange(max(2, workload.sizes[-1]))
    model.partial_fit(problem.X[rows], _targets(problem)[rows], **first)
    return model


def _write_start(model: Any, problem: Problem) -> None:
    for coef, intercept, w, b in zip(
        model.coefs_, model.intercepts_, problem.weights, problem.biases, strict=True
    ):
        if len(intercept) == len(w):
            coef[...], intercept[...] = w.T, b.ravel()
        else:  # a softmax over two is the logistic function of their difference
            coef[:, 0], intercept[0] = w[1] - w[0], b[1, 0] - b[0, 0]


def _read(model: Any) -> np.ndarray:
    return pack(model.intercepts_, [coef.T for coef in model.coefs_])


def estimator_job(library: Any, problem: Problem, details: dict[str, Any]) -> Job:
    """Return the job of an estimator's own method on plain arrays.

    library is scikit-learn's `neural_network` or fastnet's `estimators`.
    """
    from sklearn.exceptions import ConvergenceWarning

    workload, X, y = problem.workload, problem.X, _targets(problem)
    if workload.estimator == "fit":
        # A few epochs are intended here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = _kind(library, workload)(max_iter=workload.epochs, random_state=SEED)
        return Job(run=lambda: model.fit(X, y), outcome=lambda: _read(model), details=details)
    model = _model(library, problem)
    _write_start(model, problem)
    method, n_out = getattr(model, workload.estimator), workload.sizes[-1]
    return Job(
        run=lambda: method(X),
        # With one output, estimators return the probabilities of two classes.
        outcome=lambda: np.ravel(model.predict_proba(X)[:, -n_out:]),
        details=details,
    )


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    from sklearn import neural_network

    workload = problem.workload
    if workload.estimator:
        return estimator_job(neural_network, problem, {})
    model = _model(neural_network, problem)
    same_shape = model.coefs_[-1].shape[1] == workload.sizes[-1]

    def reset() -> None:
        _write_start(model, problem)
        if hasattr(model, "_optimizer"):
            del model._optimizer  # it has Adam's moments; partial_fit makes a new one

    reset()
    if workload.task == "predict":
        return Job(
            run=lambda: model.predict(problem.X),
            outcome=lambda: model.predict_proba(problem.X).ravel(),
        )

    targets = _targets(problem)

    def run() -> None:
        for _ in range(workload.epochs):
            model.partial_fit(problem.X, targets)

    def accuracy() -> float:
        return hits(model.predict_proba(problem.X_test), problem.y_test)

    if not same_shape:
        return Job(run=run, reset=reset, accuracy=accuracy, note=TWO_CLASSES)
    return Job(
        run=run,
        reset=reset,
        outcome=lambda: _read(model),
    )
