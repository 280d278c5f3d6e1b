"""scikit-learn's multilayer perceptrons, trained by fastnet's kernels: change one import line.

`MLPClassifier` and `MLPRegressor` take the same parameters as scikit-learn's, with the same
defaults, and have the same attributes. With the same `random_state` they start from the same
weights and use the examples in the same order. They add dropout, L1 regularization, class weights,
initializers, more optimizers, callbacks, the validation loss, early stopping in `partial_fit`, and
ensembles.

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
    # The newest function that this package needs; checked here once for all its files.
    from sklearn.utils.validation import validate_data as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "fastnet.estimators needs scikit-learn 1.6 or later; install it with "
        "`pip install 'fastnet-mlp[sklearn]'`."
    ) from error

from fastnet.estimators.classifier import MLPClassifier
from fastnet.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
