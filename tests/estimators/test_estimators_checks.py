"""scikit-learn's own checks of estimators, all of them and without an expected failure."""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnet.estimators import MLPClassifier, MLPRegressor

#: As scikit-learn runs its own: 100 epochs, which is too few to converge, and says so.
ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
    MLPClassifier(16, max_iter=60, learning_rate_init=0.01, n_members=2),
    MLPRegressor(hidden_layer_sizes=16, max_iter=60, learning_rate_init=0.01, n_members=2),
]
CHECKS = parametrize_with_checks(ESTIMATORS)


# A list: scikit-learn 1.6 gives a generator, which pytest 9 warns of.
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
