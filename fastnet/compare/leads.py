"""`Lead`: how far the best initializer is ahead of another, and whether that may be chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastnet.compare.intervals import student_t

__all__ = ["Lead", "leads"]


class Lead(NamedTuple):
    """The difference between the best initializer's mean accuracy and another's.

    Attributes
    ----------
    best, other : str
        The initializers.
    points : float
        How many percentage points `best` is ahead.
    margin : float
        Half the width of the confidence interval of `points`.

    Examples
    --------
    >>> Lead("he_normal", "default", 1.2, 1.5).distinguishable
    False
    """

    best: str
    other: str
    points: float
    margin: float

    @property
    def distinguishable(self) -> bool:
        """Whether the difference is distinguishable from chance: its interval excludes 0."""
        return self.points > self.margin


def leads(samples: Mapping[str, Sequence[float]], step: float) -> tuple[Lead, ...]:
    """Return the lead of the name with the highest mean over each of the others.

    Parameters
    ----------
    samples : mapping from str to sequence of float
        For each name its numbers, one for each seed, with the seeds in the same order.
    step : float
        The numbers are integer multiples of it.

    Returns
    -------
    tuple of Lead
        In the order of the names. Empty with a single seed or name.

    Notes
    -----
    These are paired t-tests: Student's t over the differences seed by seed, as each seed has one
    order of the examples. As the best is chosen after the fact, the confidence of 95 % is for all
    pairs of k names together (Bonferroni: each interval has 1 - 0.05 / (k (k - 1) / 2)).

    Counts may give the same difference for every seed. The standard deviation of the differences is
    therefore taken as at least step / sqrt(6), that of the difference of two rounded numbers.

    Examples
    --------
    >>> (lead,) = leads({"a": [80, 83, 81], "b": [90, 92, 94]}, step=1.0)
    >>> lead.best, lead.other, round(lead.points, 2), round(lead.margin, 2), lead.distinguishable
    ('b', 'a', 10.67, 5.17, True)
    """
    if len(samples) < 2:
        return ()
    n = len(next(iter(samples.values())))
    if n < 2:
        return ()
    best = max(samples, key=lambda name: math.fsum(samples[name]))
    n_pairs = len(samples) * (len(samples) - 1) // 2
    t = student_t(n - 1, 1 - 0.05 / n_pairs)
    found = []
    for other, numbers in samples.items():
        if other == best:
            continue
        pairs = [a - b for a, b in zip(samples[best], numbers, strict=True)]
        mean = math.fsum(pairs) / n
        variance = math.fsum((pair - mean) ** 2 for pair in pairs) / (n - 1)
        deviation = max(math.sqrt(variance), step / math.sqrt(6))
        found.append(Lead(best, other, mean, t * deviation / math.sqrt(n)))
    return tuple(found)
