"""scikit-learn's own tests of its perceptrons, with fastnet's estimators in their place.

They are run as they are installed with scikit-learn. What fails is listed below, by name and with
the reason; a test that fails beyond the list, or passes in spite of it, is a failure here.
"""

import importlib.util
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is missing")

import sklearn.neural_network

from fastnet.estimators import MLPClassifier, MLPRegressor

PRIVATE = "a private attribute of scikit-learn is missing here"
#: docs/scikit-learn.md has this list too.
EXCEPTIONS = {
    "test_gradient": (AttributeError, f"{PRIVATE}: _loss_grad_lbfgs"),
    "test_learning_rate_warmstart": (AttributeError, f"{PRIVATE}: _optimizer"),
    "test_adaptive_learning_rate": (AttributeError, f"{PRIVATE}: _optimizer"),
    "test_mlp_partial_fit_after_fit": (
        pytest.fail.Exception,
        "the refusal of partial_fit with early_stopping is missing: it works here",
    ),
}

# Their settings for warnings, which do not make errors of them.
pytestmark = pytest.mark.filterwarnings("ignore")


def theirs():
    """Return what their module of tests defines when it imports our estimators."""
    try:
        found = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    except ModuleNotFoundError:
        found = None
    if found is None or found.origin is None:
        pytest.skip(
            "sklearn.neural_network.tests is missing: scikit-learn came without its tests",
            allow_module_level=True,
        )
    names = {"__name__": "theirs"}
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
    with mock.patch.multiple(sklearn.neural_network, **ours):
        exec(compile(Path(found.origin).read_text("utf-8"), found.origin, "exec"), names)
    assert names["MLPClassifier"] is MLPClassifier and names["MLPRegressor"] is MLPRegressor
    return names


@pytest.fixture
def global_random_seed():
    """Their fixture, with their default."""
    return 42


TESTS = {name: test for name, test in theirs().items() if name.startswith("test_")}
for name, (error, reason) in EXCEPTIONS.items():
    if name in TESTS:
        TESTS[name] = pytest.mark.xfail(raises=error, reason=reason, strict=True)(TESTS[name])
globals().update(TESTS)


def test_their_tests_have_been_found():
    assert len(TESTS) > 30
