"""Results of a sweep: an `Outcome` for each training, and all of them in a `SweepResult`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from fastnet.files import SavedModel, networks
from fastnet.history import History
from fastnet.network import Network

__all__ = ["Outcome", "SweepResult"]


@dataclass(frozen=True)
class Outcome:
    """The result of one training.

    Attributes
    ----------
    index : int
        Its place in the sweep: configuration after configuration, the seeds of each in order.
    configuration : dict
        As it was given.
    repetition : int
        Which of the sweep's seeds it drew from, counted from 0.
    measures : dict
        By name: the last epoch's record, and the measures of the build function.
    history : History
        One entry per epoch; empty if the build function returned measures only.
    error, trace : str
        The error in one line and its traceback; empty if there was none.
    exception : Exception or None
        The error itself, if it can be pickled.
    seconds : float
        How long it took on its worker.
    worker, kernel : str
        Host and process, and the kernel variant that trained there.
    restored : bool
        Whether it was read from the store instead of trained.
    """

    index: int
    configuration: dict[str, Any]
    repetition: int
    measures: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    error: str = ""
    trace: str = field(default="", repr=False)
    exception: BaseException | None = field(default=None, repr=False)
    seconds: float = 0.0
    worker: str = ""
    kernel: str = ""
    restored: bool = False
    model: SavedModel | None = field(default=None, repr=False)

    @property
    def network(self) -> Network | None:
        """A new copy of the trained network; None if the build function did not return it.

        As with `Network.save`, it has neither the generator nor the state of the optimizer.
        """
        if self.model is None:
            return None
        network = networks._restore(Network, self.model, f"network {self.index}")
        network.history = History(self.history)
        return network


class SweepResult(Sequence[Outcome]):
    """All outcomes of a sweep, in the order of its configurations and seeds.

    Parameters
    ----------
    outcomes : iterable of Outcome

    Examples
    --------
    >>> result = SweepResult([Outcome(0, {"eta": 0.5}, 0, {"cost": 0.25}, seconds=1.0)])
    >>> result
    SweepResult(1 training, 0 failed)
    >>> result[0].measures
    {'cost': 0.25}
    """

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._outcomes = sorted(outcomes, key=lambda outcome: outcome.index)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...
    @overload
    def __getitem__(self, place: slice) -> SweepResult: ...
    def __getitem__(self, place: int | slice) -> Outcome | SweepResult:
        if isinstance(place, slice):
            return SweepResult(self._outcomes[place])
        return self._outcomes[place]

    def __len__(self) -> int:
        return len(self._outcomes)

    def __repr__(self) -> str:
        s = "s" * (len(self) != 1)
        return f"SweepResult({len(self)} training{s}, {len(self.failed)} failed)"

    @property
    def failed(self) -> SweepResult:
        """The outcomes of trainings that failed."""
        return SweepResult(outcome for outcome in self if outcome.error)

    def to_frame(self, *, epochs: bool = False) -> Any:
        """Return a pandas DataFrame, one row per training or one row per epoch.

        Parameters
        ----------
        epochs : bool, keyword only, default False
            One row per epoch, from the histories.

        Returns
        -------
        DataFrame
            The configuration's entries, "repetition", then the measures (under ``measured_...`` if
            a configuration has an entry of that name), and for trainings "seconds" and "error".
            Rows of failed trainings have no measures.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError(
                "SweepResult.to_frame needs pandas; install it with `pip install pandas`."
            ) from None
        given = list(dict.fromkeys(name for outcome in self for name in outcome.configuration))
        taken = {*given, "repetition", *([] if epochs else ["seconds", "error"])}
        rows = [
            {**dict.fromkeys(given), **outcome.configuration, "repetition": outcome.repetition}
            | {f"measured_{k}" if k in taken else k: value for k, value in record.items()}
            | ({} if epochs else {"seconds": outcome.seconds, "error": outcome.error})
            for outcome in self
            for record in (outcome.history if epochs else [outcome.measures])
        ]
        return pd.DataFrame(rows)
