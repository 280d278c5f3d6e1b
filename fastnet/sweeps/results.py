"""Results of a sweep: `Outcome`, of one training, and `SweepResult`, of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from fastnet.files import SavedModel, networks
from fastnet.history import History
from fastnet.network import Network
from fastnet.sweeps.cells import as_cell
from fastnet.sweeps.curves import plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Outcome", "SweepResult"]


@dataclass(frozen=True)
class Outcome:
    """The result of one training.

    Attributes
    ----------
    index : int
        Position in the sweep: configuration after configuration, with its seeds in order.
    configuration : dict
        The configuration as it was given.
    repetition : int
        Number of the seed, counted from 0.
    measures : dict
        By name: the last epoch's record, and the measures that the build function returned.
    history : History
        One entry per epoch; empty if the build function returned only measures.
    error, trace : str
        The error in one line, and its traceback; empty for a training without error.
    exception : Exception or None
        The error itself, if it can be pickled.
    seconds : float
        Duration on the worker.
    worker, kernel : str
        The worker's host and process, and its kernel variant.
    restored : bool
        Whether it was read from the store instead of trained.

    Examples
    --------
    >>> outcome = Outcome(0, {"eta": 0.5}, 0, {"cost": 0.25})
    >>> outcome.measures["cost"], outcome.error, outcome.network is None
    (0.25, '', True)
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

        As after `Network.save`, it has neither the generator nor the optimizer's state.
        """
        if self.model is None:
            return None
        network = networks.restore(Network, self.model, f"network {self.index}")
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

    def _repr_html_(self) -> str:
        from fastnet.common.html import records_table

        return records_table(repr(self), self._rows(epochs=False))

    @property
    def failed(self) -> SweepResult:
        """The outcomes of trainings that failed."""
        return SweepResult(outcome for outcome in self if outcome.error)

    def to_frame(self, *, epochs: bool = False) -> Any:
        """Return a pandas DataFrame with one row per training or per epoch.

        Parameters
        ----------
        epochs : bool, keyword only, default False
            Return one row per epoch, from the histories.

        Returns
        -------
        DataFrame
            Columns are the configuration's entries, "repetition", the measures and, for trainings,
            "seconds" and "error". Rows of failed trainings have no measures.

        Notes
        -----
        Every cell is a number, string or bool, or missing: sizes such as (784, 30, 10) become
        "784-30-10", functions and classes their names, other objects their repr. A measure with
        the name of another column, such as the learning rate in a history, is left out if it is
        the same in every row; otherwise it is called ``..._measured``.

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
        return pd.DataFrame(self._rows(epochs))

    def plot(
        self,
        x: str,
        y: str,
        hue: str | None = None,
        *,
        band: str | None = "95 %",
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the means of a measure over the repetitions, with a band, and return the Axes.

        Parameters
        ----------
        x : str
            An entry of the configurations, or "epoch", which is counted from 1. Values that are
            not numbers are placed side by side in their order.
        y : str
            A measure of the trainings, or of the histories if x is "epoch".
        hue : str, optional
            An entry of the configurations; a curve is drawn for each of its values.
        band : {"95 %", "std", "minmax", None}, keyword only, default "95 %"
            The 95 % confidence interval of the mean, from Student's t; the mean plus and minus the
            standard deviation of the repetitions (n - 1 in the denominator); the range from the
            smallest to the largest; or no band.
        ax : matplotlib Axes, keyword only, optional
            Where to draw; by default in a new figure, which is ``ax.figure``.

        Returns
        -------
        Axes

        Raises
        ------
        ValueError
            The entry, measure or band is unknown; no training has a result; or the trainings differ
            in an entry other than x and hue, over which no mean is taken.
        TypeError
            The measure is not a number.
        ImportError
            Matplotlib is not installed.

        Notes
        -----
        Failed trainings are left out. An initializer has the same colour, line and marker as in the
        pictures of `fastnet.plotting`.

        Examples
        --------
        >>> result = SweepResult(
        ...     Outcome(i, {"depth": depth, "initializer": name}, 0, {"cost": depth / 10})
        ...     for i, (depth, name) in enumerate([(1, "large"), (2, "large"), (1, "default")])
        ... )
        >>> ax = result.plot("depth", "cost", "initializer", band=None)
        >>> [line.get_label() for line in ax.get_lines()]
        ['large', 'default']
        """
        return plot(self, x, y, hue, band, ax)

    def _rows(self, epochs: bool) -> list[dict[str, Any]]:
        """Return the rows of the frame."""
        given = list(dict.fromkeys(name for outcome in self for name in outcome.configuration))
        rows: list[dict[str, Any]] = []
        measured: list[dict[str, Any]] = []
        for outcome in self:
            entries = {name: as_cell(outcome.configuration.get(name)) for name in given}
            entries["repetition"] = outcome.repetition
            own = {} if epochs else {"seconds": outcome.seconds, "error": outcome.error}
            for record in outcome.history if epochs else [outcome.measures]:
                rows.append(entries | own)
                measured.append({name: as_cell(value) for name, value in record.items()})
        names = list(dict.fromkeys(name for record in measured for name in record))
        taken = {*given, "repetition", *([] if epochs else ["seconds", "error"])}
        pairs = list(zip(rows, measured, strict=True))
        repeats = {
            name
            for name in taken.intersection(names)
            if all(record.get(name, row[name]) == row[name] for row, record in pairs)
        }
        columns = {n: f"{n}_measured" if n in taken else n for n in names if n not in repeats}
        first = [*given, "repetition"]
        return [
            {name: row[name] for name in first}
            | {column: record.get(name) for name, column in columns.items()}
            | {name: row[name] for name in row if name not in first}
            for row, record in pairs
        ]
