"""Compare the scores and times of fastnet's estimators with those of scikit-learn's.

Each seed draws a split (three quarters for training), the starting weights and the orders, the same
for both libraries, which use one thread each. Seconds are CPU time, which other processes affect
less. Prints a Markdown table.

    python bench/parity.py --seeds 20
"""

# ruff: noqa: E402 - libraries read their number of threads when they are imported

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from machine import THREAD_VARIABLES, processor, versions

for variable in THREAD_VARIABLES:
    os.environ.setdefault(variable, "1")

import numpy as np
from fastnet import estimators, kernels
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

Arrays = tuple[Any, Any]


def houses() -> Arrays:
    """Draw data similar to California housing: 8 columns, and a skewed price with noise."""
    rng = np.random.default_rng(1990)
    n = 4000
    place = rng.standard_normal((n, 2))
    income, age = rng.gamma(4.0, 1.0, n), rng.uniform(1, 52, n)
    rooms, beds = rng.lognormal(1.6, 0.3, n), rng.lognormal(0.05, 0.1, n)
    people, crowd = rng.lognormal(7.0, 0.7, n), rng.lognormal(1.0, 0.3, n)
    coast = np.exp(-np.abs(place[:, 0] + place[:, 1]))
    price = 0.4 * income + 1.5 * coast - 0.3 * np.log(crowd) + 0.1 * np.sin(age / 8) * income
    price *= rng.lognormal(0.0, 0.15, n)
    return np.column_stack([income, age, rooms, beds, people, crowd, place]), price


PROBLEMS: dict[str, Callable[[], Arrays]] = {
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "houses (synthetic)": houses,
}


def run(library: Any, data: tuple[Any, ...], seed: int, solver: str) -> tuple[float, float]:
    """Train once, and return the score on the test part and the seconds."""
    X_train, X_test, y_train, y_test = data
    name = "MLPRegressor" if y_train.dtype.kind == "f" else "MLPClassifier"
    estimator = getattr(library, name)(random_state=seed, solver=solver)
    began = time.process_time()
    estimator.fit(X_train, y_train)
    seconds = time.process_time() - began
    return estimator.score(X_test, y_test), seconds


def split(X: Any, y: Any, seed: int) -> tuple[Any, ...]:
    """Return a training and a test part, with inputs and numeric targets standardized."""
    parts = train_test_split(X, y, random_state=seed)
    scaler = StandardScaler().fit(parts[0])
    X_train, X_test = scaler.transform(parts[0]), scaler.transform(parts[1])
    y_train, y_test = parts[2:]
    if y_train.dtype.kind == "f":
        y_test = (y_test - y_train.mean()) / y_train.std()
        y_train = (y_train - y_train.mean()) / y_train.std()
    return X_train, X_test, y_train, y_test


def compare(name: str, seeds: int, solver: str) -> str:
    """Return one row of the table."""
    X, y = PROBLEMS[name]()
    libraries = (neural_network, estimators)
    scores: list[list[float]] = [[], []]
    seconds: list[list[float]] = [[], []]
    for seed in range(seeds):
        data = split(X, y, seed)
        for which in (seed % 2, 1 - seed % 2):  # in alternating order
            score, took = run(libraries[which], data, seed, solver)
            scores[which].append(score)
            seconds[which].append(took)
    theirs, ours = (np.array(found) for found in scores)
    difference = ours - theirs
    error = difference.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else float("nan")
    theirs_s, ours_s = (statistics.median(taken) for taken in seconds)
    return (
        f"| {name} | {solver} | {theirs.mean():.4f} | {ours.mean():.4f} "
        f"| {difference.mean():+.4f} ± {error:.4f} | {theirs_s:.3f} | {ours_s:.3f} "
        f"| {theirs_s / ours_s:.1f} |"
    )


def main() -> None:
    """Print the table, each row as soon as it is finished."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--solvers", default="adam,lbfgs")
    parser.add_argument("--problems", default=",".join(PROBLEMS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = versions(["numpy", "scikit-learn", "scipy"])
    said = ", ".join(f"{name} {version}" for name, version in found.items())
    print(f"{processor()}, kernels: {kernels.variant}; {said}; {arguments.seeds} seeds\n")
    print("| data | solver | scikit-learn | fastnet | difference | s | s | speedup |")
    print("|---|---|---|---|---|---|---|---|")
    for solver in arguments.solvers.split(","):
        for name in arguments.problems.split(","):
            print(compare(name, arguments.seeds, solver), flush=True)


if __name__ == "__main__":
    main()
