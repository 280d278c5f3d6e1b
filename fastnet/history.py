"""`History`: what happened, epoch by epoch, as plain dicts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["History"]


class History(list[dict[str, Any]]):
    """One dict an epoch: "epoch" (from 0), "eta" (of its last mini-batch), and what was measured.

    Examples
    --------
    >>> costs = {0: 0.5, 1: 0.25}.items()
    >>> history = History({"epoch": epoch, "training_cost": cost} for epoch, cost in costs)
    >>> history.column("training_cost")
    [0.5, 0.25]
    >>> History.from_json(history.to_json()) == history
    True
    """

    def __init__(self, records: Iterable[dict[str, Any]] = ()) -> None:
        super().__init__(records)

    def column(self, name: str) -> list[Any]:
        """Return one entry of every epoch that has it.

        Parameters
        ----------
        name : str

        Returns
        -------
        list
        """
        return [record[name] for record in self if name in record]

    def to_json(self) -> str:
        """Return the history as a JSON list.

        Raises
        ------
        TypeError
            A callback has recorded what JSON cannot hold.
        """
        return json.dumps(list(self))

    @classmethod
    def from_json(cls, text: str) -> History:
        """Return the history that `to_json` wrote.

        Raises
        ------
        ValueError
            The text is not a JSON list of objects.
        """
        try:
            records = json.loads(text)
        except RecursionError:
            raise ValueError("expected a JSON list; this is nested too deeply.") from None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise ValueError("expected a JSON list with an object an epoch.")
        return cls(records)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row an epoch.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError(
                "History.to_frame needs pandas; install it with `pip install pandas`."
            ) from None
        return pd.DataFrame(list(self))
