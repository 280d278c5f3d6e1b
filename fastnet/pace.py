"""How much a kernel is given at a time: as much as lets Python answer in time."""

from __future__ import annotations

__all__ = ["Pace"]

#: Python is entered about this often, for Ctrl-C and progress.
SECONDS_PER_CALL = 0.02


class Pace:
    """The number of examples that a kernel gets through in about 20 ms, found while it works.

    Parameters
    ----------
    rows : int
        To begin with.
    most : int
        Never more than this.

    Examples
    --------
    >>> pace = Pace(rows=100, most=1000)
    >>> pace.note(rows=100, seconds=0.01)
    >>> pace.rows
    200
    >>> pace.note(rows=200, seconds=0.2)
    >>> pace.rows
    20
    """

    def __init__(self, rows: int, most: int) -> None:
        self._most = most
        self.rows = max(1, min(rows, most))

    def note(self, rows: int, seconds: float) -> None:
        """Take note of how long a call took."""
        wanted = int(rows * SECONDS_PER_CALL / max(seconds, 1e-9))
        self.rows = max(1, min(wanted, 4 * self.rows, self._most))
