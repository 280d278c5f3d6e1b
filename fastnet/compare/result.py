"""The settings and results of a comparison: `Settings`, `Run`, `Comparison`."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastnet._version import __version__
from fastnet.compare.intervals import mean_and_margin

__all__ = ["NEW", "OLD", "Comparison", "Run", "Settings"]

OLD, NEW = "large", "default"
#: What the book's two initializers are called in tables and legends.
STARTS = {OLD: "old start", NEW: "new start"}


@dataclass(frozen=True)
class Settings:
    """What the compared trainings have in common; the defaults are those of the published curves.

    Attributes
    ----------
    hidden : int
        Neurons in the hidden layer.
    epochs : int
        Passes over the training data.
    eta, lmbda : float
        Learning rate and L2 regularization.
    mini_batch_size : int
        Examples per step.
    seed : int
        Where the random numbers start.
    dtype : str
        "float64" or "float32".
    """

    hidden: int = 30
    epochs: int = 30
    eta: float = 0.1
    lmbda: float = 5.0
    mini_batch_size: int = 10
    seed: int = 0
    dtype: str = "float64"


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    initializer : str
        What drew its weights.
    correct : tuple of int
        Correctly classified evaluation examples after each epoch.
    seconds : float
        Its duration.
    saturated : tuple of float
        Share of the hidden layer's outputs that are saturated, at the start and after each epoch;
        empty if it was not measured.
    repetition : int
        Number of its seed in the comparison, counted from 0.
    """

    initializer: str
    correct: tuple[int, ...]
    seconds: float
    saturated: tuple[float, ...] = ()
    repetition: int = 0


@dataclass(frozen=True)
class Comparison:
    """Trainings that differ in nothing but the initializer and, where repeated, the seed.

    The numbers of an initializer are means over its seeds. A margin is half the width of the
    mean's 95 % confidence interval after Student's t, epoch by epoch; with a single seed it is
    empty.

    Attributes
    ----------
    data, evaluation : str
        Name of the data, and of the part to evaluate on ("validation" or "test").
    n_training, n_evaluation : int
        Number of examples in each part.
    sizes : tuple of int
        Width of each layer.
    settings : Settings
        What the trainings have in common.
    runs : tuple of Run
        The trainings, one initializer after the other, each with the same seeds.
    n_watched : int
        Number of evaluation examples on which saturation was measured.
    """

    data: str
    evaluation: str
    n_training: int
    n_evaluation: int
    sizes: tuple[int, ...]
    settings: Settings
    runs: tuple[Run, ...]
    n_watched: int = 0

    @property
    def initializers(self) -> tuple[str, ...]:
        """The initializers, in the order in which they were asked for."""
        return tuple(dict.fromkeys(run.initializer for run in self.runs))

    @property
    def n_seeds(self) -> int:
        """Number of trainings from each initializer."""
        return len(self.runs) // len(self.initializers)

    def of(self, initializer: str) -> tuple[Run, ...]:
        """Return the trainings from `initializer`, one a seed.

        Raises
        ------
        KeyError
            There is no such training in this comparison.
        """
        runs = tuple(run for run in self.runs if run.initializer == initializer)
        if not runs:
            raise KeyError(initializer)
        return runs

    def accuracy(self, initializer: str) -> list[float]:
        """Return the accuracy on the evaluation examples after each epoch, in per cent."""
        return self._interval([self._percent(run) for run in self.of(initializer)])[0]

    def accuracy_margin(self, initializer: str) -> list[float]:
        """Return the margins of `accuracy`."""
        return self._interval([self._percent(run) for run in self.of(initializer)])[1]

    def difference(self, first: str, second: str) -> tuple[list[float], list[float]]:
        """Return by how much `second` is ahead after each epoch, in points, and the margins.

        The margins are those of the differences seed by seed, which have much chance in common.
        """
        pairs = [
            [b - a for a, b in zip(self._percent(old), self._percent(new), strict=True)]
            for old, new in zip(self.of(first), self.of(second), strict=True)
        ]
        return self._interval(pairs)

    def saturation(self, initializer: str) -> list[float]:
        """Return the saturated share of the hidden layer at the start and after each epoch, in %.

        Empty if it was not measured.
        """
        return self._interval([[100 * s for s in run.saturated] for run in self.of(initializer)])[0]

    def saturation_margin(self, initializer: str) -> list[float]:
        """Return the margins of `saturation`."""
        return self._interval([[100 * s for s in run.saturated] for run in self.of(initializer)])[1]

    def epochs_to(self, initializer: str, percent: float = 95.0) -> int | None:
        """Return the first epoch with an accuracy of at least `percent`, or None."""
        runs = self.of(initializer)
        for epoch, correct in enumerate(zip(*(run.correct for run in runs), strict=True), start=1):
            # Counts, not rounded percentages: 9,500 of 10,000 are 95 % exactly.
            if 100 * sum(correct) >= percent * self.n_evaluation * len(runs):
                return epoch
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists, strings and numbers, ready for JSON."""
        return {
            "data": self.data,
            "training_examples": self.n_training,
            "evaluation": self.evaluation,
            "evaluation_examples": self.n_evaluation,
            "saturation_examples": self.n_watched,
            "sizes": list(self.sizes),
            "cost": "cross_entropy",
            "settings": asdict(self.settings),
            "seeds": self.n_seeds,
            "runs": [
                asdict(run) | {"correct": list(run.correct), "saturated": list(run.saturated)}
                for run in self.runs
            ],
            "means": {
                name: {
                    "accuracy_percent": self.accuracy(name),
                    "accuracy_margin": self.accuracy_margin(name),
                    "saturated_percent": self.saturation(name),
                    "saturated_margin": self.saturation_margin(name),
                }
                for name in self.initializers
            },
            "epochs_to_95_percent": {name: self.epochs_to(name) for name in self.initializers},
            "versions": {
                "fastnet": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "machine": f"{platform.system()} {platform.machine()}",
        }

    def _percent(self, run: Run) -> list[float]:
        return [100 * correct / self.n_evaluation for correct in run.correct]

    def _interval(self, samples: list[list[float]]) -> tuple[list[float], list[float]]:
        """Return means and margins over the seeds; of one seed its own numbers, and no margins."""
        if len(samples) == 1:
            return samples[0], []
        mean, margin = mean_and_margin(samples)
        return mean.tolist(), margin.tolist()
