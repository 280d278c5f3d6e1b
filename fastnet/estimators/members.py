"""Estimators with several networks, each fitted as a separate estimator, on all cores.

The members are estimators, so that early stopping, warm starts and `partial_fit` need no code here.
The user's estimator has the means of their attributes.
"""

from __future__ import annotations

import math
import sys
import threading
import warnings
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from fastnet.common.threads import free_cores, run_together, single_threaded
from fastnet.ensemble import Ensemble
from fastnet.estimators.settings import hidden_sizes
from fastnet.model.blocks import trainings_at_once
from fastnet.optimizers import LBFGS

__all__ = ["Cancellation", "check_number", "fit_members", "mean_output"]

Array = NDArray[Any]
#: Parameters that members do not share.
OWN = ("n_members", "random_state")
#: Attributes that are means over the members.
MEANS = ("loss_", "best_loss_", "best_validation_score_")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


class Cancellation:
    """Ends all members' trainings, as their `progress`, after Ctrl-C or an error in one of them."""

    def __init__(self, errors: list[BaseException], interrupted: threading.Event) -> None:
        self._errors, self._interrupted = errors, interrupted

    def __call__(self, done: int, total: int) -> None:
        """Raise KeyboardInterrupt if another member was interrupted, or has failed."""
        if self._errors or self._interrupted.is_set():
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """Note that a member's training has been interrupted."""
        self._interrupted.set()


def check_number(estimator: Any, anew: bool) -> None:
    """Refuse to continue with another number of networks; drop the old ones if there is one now.

    Raises
    ------
    ValueError
        `n_members` differs from the number of fitted networks.
    """
    own = vars(estimator)
    there = len(own["_members"]) if "_members" in own else 1
    if not anew and there != estimator.n_members:
        raise ValueError(
            f"n_members is {estimator.n_members} and the fitted estimator has {there}; set "
            "warm_start=False, or leave n_members as it is."
        )
    if anew and estimator.n_members == 1:
        own.pop("ensemble_", None)
        own.pop("_members", None)


def fit_members(
    estimator: Any, rng: np.random.RandomState, optimizer: Any, anew: bool, given: dict[str, Any]
) -> None:
    """Fit every member and set the means of their attributes; `given` goes to `BaseMLP._fit`."""
    own = vars(estimator)
    assigned = [name for name in ("coefs_", "intercepts_") if name in own]
    if assigned and (given["partial"] or estimator.warm_start):
        raise ValueError(
            f"{assigned[0]} was assigned before the first call, but n_members is "
            f"{estimator.n_members}, and all members would start alike; call fit first, then "
            "assign to the networks of ensemble_."
        )
    if getattr(estimator, "_skl_callbacks", []):
        raise ValueError(
            f"n_members is {estimator.n_members}, and scikit-learn's own callbacks follow one "
            "training; use n_members=1, or fastnet's callbacks=."
        )
    members = _new(estimator, rng) if anew else own["_members"]
    if not anew:
        for member in members:
            member.set_params(**_shared(estimator))
    threads = 1 if isinstance(optimizer, LBFGS) else _threads(estimator, given["X"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _fit_all(members, given, threads)
    for name in assigned:
        del own[name]
    _show(estimator, members)
    for category, message in dict.fromkeys((w.category, str(w.message)) for w in caught):
        _warn_caller(message, category)


def _threads(estimator: Any, X: Any) -> int:
    """Return how many members to fit at a time; the outputs, usually few, are not counted."""
    shape: Any = getattr(X, "shape", None)
    n, n_in = shape if isinstance(shape, tuple) and len(shape) == 2 else (sys.maxsize, 1)
    sizes = [n_in, *hidden_sizes(estimator), 1]
    return min(trainings_at_once(sizes, n, free_cores()), int(estimator.n_members))


def _shared(estimator: Any) -> dict[str, Any]:
    """Return copies of the parameters that all members have."""
    given = clone(estimator).get_params(deep=False)
    return {name: value for name, value in given.items() if name not in OWN}


def _new(estimator: Any, rng: np.random.RandomState) -> list[Any]:
    """Return estimators with one network each, with seeds drawn from `rng`."""
    seeds = rng.randint(np.iinfo(np.int32).max, size=estimator.n_members).tolist()
    goes_on = not isinstance(estimator.random_state, (int, np.integer))
    return [
        type(estimator)(
            **_shared(estimator), random_state=np.random.RandomState(seed) if goes_on else seed
        )
        for seed in seeds
    ]


def _warn_caller(message: Warning | str, category: type[Warning]) -> None:
    """Warn at the line that called the estimator.

    The number of scikit-learn's calls between depends on its version.
    """
    frame, level = sys._getframe(), 1
    while frame.f_globals.get("__name__", "").partition(".")[0] in ("fastnet", "sklearn"):
        if frame.f_back is None:
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _fit_all(members: list[Any], given: dict[str, Any], threads: int) -> None:
    """Fit the members; after Ctrl-C, those that begin later stop after their first mini-batches."""
    left, interrupted = deque(members), threading.Event()
    fitted: list[Any] = []

    def work(errors: list[BaseException]) -> None:
        cancellation = Cancellation(errors, interrupted)
        with single_threaded():  # the members already use all cores
            while True:  # `while condition` may let Ctrl-C past `with` (python/cpython#130279)
                if any(isinstance(error, Exception) for error in errors):
                    return
                try:
                    member = left.popleft()
                except IndexError:
                    return
                member._cancellation = cancellation
                try:
                    member._fit(**given)
                    fitted.append(member)
                except KeyboardInterrupt:  # outside the training, which handles it itself
                    if interrupted.is_set():
                        raise
                    interrupted.set()
                    left.append(member)
                finally:
                    del member._cancellation

    try:
        run_together([work] * threads)
    except KeyboardInterrupt:
        if len(fitted) < len(members):
            raise
        _warn_caller("Training interrupted by user.", UserWarning)


def _show(estimator: Any, members: list[Any]) -> None:
    """Set the estimator's attributes: the first member's, the ensemble, and the means."""
    networks = [member.network_ for member in members]
    own = vars(estimator)
    if [*own.get("ensemble_", [])] != networks:  # equal if the same objects were trained in place
        own["ensemble_"] = Ensemble._joined(networks)
    parameters = estimator.get_params(deep=False)
    own |= {name: value for name, value in vars(members[0]).items() if name not in parameters}
    own["_members"] = members
    for name in MEANS:
        values = [vars(member).get(name) for member in members]
        if None not in values:
            own[name] = float(np.mean(values))
    for name in CURVES:
        own[name] = _mean_curve([getattr(member, name) for member in members])
    own["n_iter_"] = max(member.n_iter_ for member in members)
    own["converged_"] = all(member.converged_ for member in members)


def _mean_curve(curves: list[list[float] | None]) -> list[float] | None:
    """Return the mean curve, in each epoch over the curves that reach it.

    Examples
    --------
    >>> _mean_curve([[3.0, 2.0], [1.0]])
    [2.0, 2.0]
    """
    present = [curve for curve in curves if curve is not None]
    if len(present) < len(curves):
        return None
    longest = max(map(len, present), default=0)
    return [
        math.fsum(reaching) / len(reaching)
        for epoch in range(longest)
        for reaching in [[curve[epoch] for curve in present if epoch < len(curve)]]
    ]


def mean_output(outputs: Array) -> Array:
    """Return the mean over k networks of outputs of shape (k, n, n_out), in their dtype."""
    mean: Array = outputs.mean(axis=0, dtype=np.float64).astype(outputs.dtype, copy=False)
    return mean
