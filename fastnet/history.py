"""`History`: the records of a training, one dict per epoch, with conversion to JSON and pandas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnet.common.arguments import as_count, shown
from fastnet.common.html import Records

__all__ = ["History", "without_counts"]

#: Version of the JSON. Version 1 was only a list, and its accuracies were numbers of examples.
VERSION = 2


class History(Records):
    """One dict per epoch: "epoch" (from 0), "eta" (of its last mini-batch), and its metrics.

    Costs are means over the examples; accuracies are shares of the examples, from 0 to 1.

    Parameters
    ----------
    records : iterable of dict, optional

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
        """Return the values of one entry, from every epoch that has it.

        Parameters
        ----------
        name : str

        Returns
        -------
        list

        Examples
        --------
        >>> History([{"epoch": 0}, {"epoch": 1, "training_cost": 0.5}]).column("training_cost")
        [0.5]
        """
        return [record[name] for record in self if name in record]

    def to_json(self) -> str:
        """Return the history as JSON: an object with its "version" and its "records".

        Raises
        ------
        TypeError
            A callback has recorded a value that JSON cannot represent.

        Examples
        --------
        >>> History([{"epoch": 0, "training_cost": 0.5}]).to_json()
        '{"version": 2, "records": [{"epoch": 0, "training_cost": 0.5}]}'
        """
        import json

        return json.dumps({"version": VERSION, "records": list(self)})

    @classmethod
    def from_json(
        cls, text: str, *, n_training: int | None = None, n_evaluation: int | None = None
    ) -> History:
        """Return the history that `to_json` wrote.

        Parameters
        ----------
        text : str
        n_training, n_evaluation : int, keyword only, optional
            Numbers of examples, for histories of version 1, whose accuracies are numbers of correct
            examples: these become shares if the number of examples is given, and are renamed from
            "..._accuracy" to "..._correct" if not.

        Raises
        ------
        TypeError
            `text` is not a str.
        ValueError
            It is not a history in JSON, or is one of a later version.

        Examples
        --------
        >>> History.from_json('[{"epoch": 0, "evaluation_accuracy": 45}]', n_evaluation=50)
        [{'epoch': 0, 'evaluation_accuracy': 0.9}]
        """
        import json

        if not isinstance(text, (str, bytes, bytearray)):
            raise TypeError(f"text is {shown(text)}; expected a str.")
        n_training, n_evaluation = (
            n if n is None else as_count(n, name, at_least=1)
            for n, name in ((n_training, "n_training"), (n_evaluation, "n_evaluation"))
        )
        try:
            found = json.loads(text)
        except RecursionError:
            raise ValueError("text is nested too deeply; expected a history in JSON.") from None
        except ValueError as error:
            raise ValueError(f"text is not JSON ({error}); expected a history.") from None
        version: Any = 1
        records = found
        if isinstance(found, dict):
            version, records = found.get("version"), found.get("records")
            if type(version) is not int or not 1 <= version <= VERSION:
                raise ValueError(
                    f"text is a history of version {shown(version)}; expected 1 to {VERSION}."
                )
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise ValueError("text is not a history in JSON, with an object for each epoch.")
        return cls(records if version > 1 else without_counts(records, n_training, n_evaluation))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row per epoch.

        Raises
        ------
        ImportError
            pandas is not installed.

        Examples
        --------
        >>> History([{"epoch": 0, "training_cost": 0.5}]).to_frame()
           epoch  training_cost
        0      0            0.5
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError(
                "History.to_frame needs pandas; install it with `pip install pandas`."
            ) from None
        return pd.DataFrame(list(self))


def without_counts(
    records: Iterable[dict[str, Any]],
    n_training: int | None = None,
    n_evaluation: int | None = None,
) -> list[dict[str, Any]]:
    """Return records of version 1 with numbers of correct examples made shares, or renamed.

    Examples
    --------
    >>> without_counts([{"epoch": 0, "running_accuracy": 9}])
    [{'epoch': 0, 'running_correct': 9}]
    """
    counts = {"training": n_training, "running": n_training, "evaluation": n_evaluation}
    converted = []
    for record in records:
        new: dict[str, Any] = {}
        for name, value in record.items():
            part = name.removesuffix("_accuracy")
            n = counts.get(part)
            if part == name or part not in counts or type(value) is not int:
                new[name] = value
            elif n is not None:
                new[name] = value / n
            else:
                new[f"{part}_correct"] = value
        converted.append(new)
    return converted
