"""scikit-learn's multilayer perceptrons, trained by fastnet's kernels: change one import line.

`MLPClassifier` and `MLPRegressor` take the parameters that scikit-learn's own take, with the same
defaults, and have the same attributes; from the same `random_state` they start at the same weights
and walk the examples in the same order. Beyond that they have dropout, L1, class weights, starting
weights by name, more optimizers, callbacks, the validation loss, and early stopping in
`partial_fit`.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from fastnet.estimators import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> classifier = MLPClassifier(solver="lbfgs", max_iter=1000, random_state=0)
>>> classifier.fit(X, y).score(X, y) > 0.95
True
"""

try:
    # The newest thing that is needed; said here once, for every file of this room.
    from sklearn.utils.validation import validate_data as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastnet.estimators needs scikit-learn 1.6 or later; install it with "
        "`pip install 'fastnet-mlp[sklearn]'`."
    ) from error

from fastnet.estimators.classifier import MLPClassifier
from fastnet.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
