"""Results of a comparison: `Run` and `Comparison`."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastnet._version import __version__
from fastnet.common.arguments import as_count
from fastnet.compare.intervals import mean_and_margin
from fastnet.compare.leads import Lead, leads
from fastnet.compare.settings import Settings, as_percent

__all__ = ["NEW", "OLD", "Comparison", "Run"]

OLD, NEW = "large", "default"
#: Names of the book's two initializers in tables and legends.
STARTS = {OLD: "old start", NEW: "new start"}


@dataclass(frozen=True)
class Run:
    """One training of a comparison.

    Attributes
    ----------
    initializer : str
        Name of the initializer of the weights.
    correct : tuple of int
        Number of correctly classified evaluation examples after each epoch.
    seconds : float
        Duration of the training.
    saturated : tuple of float
        Share of the outputs of all hidden units that are saturated (see
        `Network.layer_statistics`), at the start and after each epoch; empty if it was not
        measured.
    repetition : int
        Number of the training's seed, counted from 0.

    Examples
    --------
    >>> run = Run("default", (80, 90), 1.5)
    >>> run.correct, run.saturated
    ((80, 90), ())
    """

    initializer: str
    correct: tuple[int, ...]
    seconds: float
    saturated: tuple[float, ...] = ()
    repetition: int = 0


@dataclass(frozen=True)
class Comparison:
    """Trainings that differ only in the initializer and the seed.

    The numbers of an initializer are means over its seeds. A margin is half the width of the
    mean's 95 % confidence interval (Student's t) in each epoch; with a single seed it is empty.

    Attributes
    ----------
    data, evaluation : str
        Name of the data, and of the evaluation part ("validation" or "test").
    n_training, n_evaluation : int
        Number of examples in each part.
    sizes : tuple of int
        Width of each layer.
    settings : Settings
        Settings that all trainings share.
    runs : tuple of Run
        The trainings, one initializer after the other, each with the same seeds.
    n_watched : int
        Number of evaluation examples on which saturation was measured.
    partial : bool
        Whether trainings are missing because the comparison was interrupted. Initializers may then
        have different numbers of seeds, and means are over the finished ones.

    Examples
    --------
    >>> runs = Run("large", (50, 75), 1.0), Run("default", (80, 95), 1.0)
    >>> result = Comparison("digits", "test", 500, 100, (784, 30, 10), Settings(), runs)
    >>> result.accuracy("large"), result.epochs_to("default")
    ([50.0, 75.0], 2)
    """

    data: str
    evaluation: str
    n_training: int
    n_evaluation: int
    sizes: tuple[int, ...]
    settings: Settings
    runs: tuple[Run, ...]
    n_watched: int = 0
    partial: bool = False

    def _repr_html_(self) -> str:
        from fastnet.common.html import records_table

        last = self.n_epochs
        rows = [
            {
                "initializer": name,
                "epoch 1 (%)": self.accuracy(name)[0],
                f"epoch {last} (%)": self.accuracy(name)[-1],
                "saturated at the start (%)": next(iter(self.saturation(name)), None),
                f"epochs to {self.settings.target:g} %": self.epochs_to(name),
            }
            for name in self.initializers
        ]
        sizes, s = "-".join(map(str, self.sizes)), "s" * (self.n_seeds != 1)
        part = f"{self.n_evaluation:,} {self.evaluation} examples"
        notes = [f"{self.n_seeds} seed{s}", f"accuracy on {part}"]
        notes += ["interrupted: some trainings are missing"] * self.partial
        return records_table(f"Comparison: {self.data}, {sizes}", rows, notes)

    @property
    def initializers(self) -> tuple[str, ...]:
        """The names of the initializers, in the order in which they were given."""
        return tuple(dict.fromkeys(run.initializer for run in self.runs))

    @property
    def n_seeds(self) -> int:
        """Number of trainings per initializer; if partial, the largest of these numbers."""
        return max(len(self.of(name)) for name in self.initializers)

    @property
    def n_epochs(self) -> int:
        """Number of epochs of each training."""
        return len(self.runs[0].correct)

    def of(self, initializer: str) -> tuple[Run, ...]:
        """Return the trainings with `initializer`, one per seed.

        Raises
        ------
        KeyError
            `initializer` is not in this comparison.
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
        """Return how many percentage points `second` is ahead in each epoch, and the margins.

        The margins are of the paired differences, seed by seed. Both lists are empty if no seed was
        trained with both initializers.
        """
        old, new = ({run.repetition: run for run in self.of(name)} for name in (first, second))
        pairs = [
            [b - a for a, b in zip(self._percent(old[k]), self._percent(new[k]), strict=True)]
            for k in old
            if k in new
        ]
        return self._interval(pairs) if pairs else ([], [])

    def leads(self, epoch: int) -> tuple[Lead, ...]:
        """Return the leads of the best initializer over each of the others, after an epoch.

        Only seeds that were trained with every initializer count. Empty if there are fewer than two
        of them, or a single initializer.

        Parameters
        ----------
        epoch : int
            From 1 to the number of epochs.

        Raises
        ------
        ValueError, TypeError
            `epoch` is not an integer in this range.

        Notes
        -----
        Paired t-tests over the seeds, with Bonferroni's correction for the number of pairs; see
        `Lead`.
        """
        epoch = as_count(epoch, "epoch", at_least=1, at_most=self.n_epochs)
        by_seed = {
            name: {run.repetition: self._percent(run)[epoch - 1] for run in self.of(name)}
            for name in self.initializers
        }
        common = sorted(set.intersection(*map(set, by_seed.values())))
        samples = {name: [seeds[k] for k in common] for name, seeds in by_seed.items()}
        return leads(samples, 100 / self.n_evaluation)

    def saturation(self, initializer: str) -> list[float]:
        """Return the share of saturated hidden units at the start and after each epoch, in %.

        Empty if it was not measured.
        """
        return self._interval([[100 * s for s in run.saturated] for run in self.of(initializer)])[0]

    def saturation_margin(self, initializer: str) -> list[float]:
        """Return the margins of `saturation`."""
        return self._interval([[100 * s for s in run.saturated] for run in self.of(initializer)])[1]

    def epochs_to(self, initializer: str, percent: float | None = None) -> int | None:
        """Return the first epoch with an accuracy of at least `percent`, or None.

        By default `percent` is the target of the settings.

        Raises
        ------
        ValueError, TypeError
            `percent` is not a number above 0 and at most 100.
        """
        runs = self.of(initializer)
        percent = self.settings.target if percent is None else as_percent(percent, "percent")
        for epoch, correct in enumerate(zip(*(run.correct for run in runs), strict=True), start=1):
            # Counts are exact, percentages rounded: 9,500 of 10,000 is 95 %.
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
            "settings": self.settings.as_dict(),
            "seeds": self.n_seeds,
            "partial": self.partial,
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
            "epochs_to_target": {name: self.epochs_to(name) for name in self.initializers},
            "epochs_to_95_percent": {name: self.epochs_to(name, 95) for name in self.initializers},
            "leads": [
                {"epoch": epoch, **lead._asdict(), "distinguishable": lead.distinguishable}
                for epoch in sorted({1, self.n_epochs})
                for lead in self.leads(epoch)
            ],
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
        """Return means and margins over the seeds; with one seed its numbers, and no margins."""
        if len(samples) == 1:
            return samples[0], []
        mean, margin = mean_and_margin(samples)
        return mean.tolist(), margin.tolist()
