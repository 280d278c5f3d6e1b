"""scikit-learn's MLPClassifier and MLPRegressor, through partial_fit."""

from typing import Any

import numpy as np

from peers import Job, hits
from problem import Problem, pack
from workloads import Workload

TWO_CLASSES = "one logistic output instead of a softmax over two, so only the accuracy agrees"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why scikit-learn cannot do this, or None."""
    import sklearn.neural_network  # noqa: F401

    if workload.task == "ensemble":
        return "W8 asks what a second core brings fastnet"
    if workload.task == "gradient":
        return "scikit-learn has no public gradient"
    return None


def _targets(problem: Problem) -> Any:
    """Target rows make a classifier's outputs sigmoid; class numbers make them a softmax."""
    return problem.y if problem.workload.output == "softmax" else problem.Y


def _model(problem: Problem) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    workload = problem.workload
    model = (MLPRegressor if problem.y is None else MLPClassifier)(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation={"sigmoid": "logistic"}.get(workload.activation, workload.activation),
        solver=workload.optimizer,
        # Its penalty is divided by the batch, the book's by the training set.
        alpha=workload.lmbda * workload.mini_batch_size / workload.rows,
        batch_size=workload.mini_batch_size,
        learning_rate_init=workload.eta,
        momentum=0.0,
        shuffle=False,
    )
    # A first call builds the arrays; the start is then written into them.
    rows = slice(0, workload.mini_batch_size)
    first = {"classes": np.arange(workload.sizes[-1])} if problem.y is not None else {}
    model.partial_fit(problem.X[rows], _targets(problem)[rows], **first)
    return model


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job."""
    workload = problem.workload
    model = _model(problem)
    same_shape = model.coefs_[-1].shape[1] == workload.sizes[-1]

    def reset() -> None:
        for coef, w in zip(model.coefs_, problem.weights, strict=True):
            coef[...] = w.T[:, : coef.shape[1]]
        for intercept, b in zip(model.intercepts_, problem.biases, strict=True):
            intercept[...] = b.ravel()[: len(intercept)]
        if hasattr(model, "_optimizer"):
            del model._optimizer  # it holds Adam's moments; partial_fit makes a new one

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
        outcome=lambda: pack(model.intercepts_, [coef.T for coef in model.coefs_]),
    )
