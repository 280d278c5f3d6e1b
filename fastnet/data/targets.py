"""`TargetFacts`: range, row sums and kind of all targets, found in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastnet.kernels import rows as kernel_rows

__all__ = ["Check", "TargetFacts", "facts_of"]


class TargetFacts(NamedTuple):
    """Facts about all targets, found in one pass; not for class numbers.

    Attributes
    ----------
    n_out : int
        Targets per row.
    lowest, highest : (float, int)
        The smallest and largest target, each with the first row that contains it.
    odd_sum : (float, int)
        The row sum that is farthest from 1, and the row.
    is_binary, is_one_hot : bool
        Whether all targets are 0 or 1, and whether each row has a single 1.
    are_signs, is_one_hot_of_signs : bool
        Whether all targets are -1 or 1, and whether each row has a single 1.
    """

    n_out: int
    lowest: tuple[float, int]
    highest: tuple[float, int]
    odd_sum: tuple[float, int]
    is_binary: bool
    is_one_hot: bool
    are_signs: bool
    is_one_hot_of_signs: bool

    def joined(self, other: TargetFacts, rows: int) -> TargetFacts:
        """Return the facts about both sets of targets; `other` begins at row number `rows`."""
        low, high, odd = (
            (value, row + rows) for value, row in (other.lowest, other.highest, other.odd_sum)
        )
        return TargetFacts(
            self.n_out,
            min(self.lowest, low, key=lambda found: found[0]),
            max(self.highest, high, key=lambda found: found[0]),
            max(self.odd_sum, odd, key=lambda found: abs(found[0] - 1)),
            self.is_binary and other.is_binary,
            self.is_one_hot and other.is_one_hot,
            self.are_signs and other.are_signs,
            self.is_one_hot_of_signs and other.is_one_hot_of_signs,
        )


#: A function that raises ValueError if a network cannot be trained on the targets.
Check = Callable[[TargetFacts, str], None]


def facts_of(y: Any) -> tuple[TargetFacts | None, int]:
    """Return the facts about an array of targets.

    Parameters
    ----------
    y : ndarray of float64 or float32, C-contiguous, shape (n, n_out)

    Returns
    -------
    facts : TargetFacts or None
        None if a target is not finite.
    bad_row : int
        The first row with such a target, or -1.
    """
    bad_row, lowest, highest, odd_sum, flags = kernel_rows.survey(y)
    if bad_row >= 0:
        return None, bad_row
    return TargetFacts(y.shape[1], lowest, highest, odd_sum, *flags), -1
