"""`plot`: a measure of a sweep over a configuration entry or the epochs, with a band."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import shown
from fastnet.common.intervals import intervals
from fastnet.drawing.looks import looks
from fastnet.drawing.style import draw_band, new_figure, style_axes, style_epochs
from fastnet.sweeps.cells import as_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fastnet.sweeps.results import Outcome

__all__ = ["BANDS", "plot"]

Array = NDArray[Any]
#: By hue and place on the x-axis, the values of the repetitions.
Groups = dict[Any, dict[Any, list[float]]]


def _confidence(samples: Array) -> tuple[Array, Array]:
    mean, margin = intervals(samples)
    return mean - margin, mean + margin


def _deviation(samples: Array) -> tuple[Array, Array]:
    if len(samples) == 1:
        return samples[0] + np.nan, samples[0] + np.nan
    mean, std = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    return mean - std, mean + std


#: By name, a function that returns the ends of a band for samples of shape (repetitions, 1).
BANDS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "95 %": _confidence,
    "std": _deviation,
    "minmax": lambda samples: (samples.min(axis=0), samples.max(axis=0)),
}


def plot(
    outcomes: Iterable[Outcome],
    x: str,
    y: str,
    hue: str | None,
    band: str | None,
    ax: Axes | None,
) -> Axes:
    """Draw the picture of `SweepResult.plot`."""
    if band is not None and band not in BANDS:
        raise ValueError(f"band is {shown(band)}; the bands are {', '.join(BANDS)}, or None.")
    done = [outcome for outcome in outcomes if not outcome.error]
    _check_entries(done, x, hue)
    groups = _groups(done, x, y, hue)
    ax = new_figure(6.4, 4.8).add_subplot() if ax is None else ax
    _draw(ax, groups, band, numbers=x == "epoch" or _are_numbers(groups))
    if x == "epoch":
        style_epochs(ax, max(max(group) for group in groups.values()))
    else:
        style_axes(ax)
        ax.set_xlabel(x.replace("_", " "))
    ax.set_ylabel(y.replace("_", " "))
    if hue is not None:
        from fastnet.drawing.legend import write_legend

        write_legend(ax)
    return ax


def _check_entries(outcomes: list[Outcome], x: str, hue: str | None) -> None:
    """Refuse entries that no configuration has, and other entries that differ."""
    if not outcomes:
        raise ValueError("no training has a result; see the error of each outcome.")
    entries = dict.fromkeys(name for outcome in outcomes for name in outcome.configuration)
    for argument, name in (("x", x), ("hue", hue)):
        if name is not None and name not in entries and (argument, name) != ("x", "epoch"):
            also = ["epoch"] if argument == "x" else []
            raise ValueError(
                f"{argument} is {shown(name)}; expected one of {', '.join([*entries, *also])}."
            )
    for name in entries:
        values = dict.fromkeys(as_cell(o.configuration.get(name)) for o in outcomes)
        if name not in (x, hue) and len(values) > 1:
            raise ValueError(
                f"the trainings also differ in {name} ({', '.join(map(str, values))}), over which "
                "no mean is taken; make it x or hue, or draw one of them: SweepResult(o for o in "
                f"result if o.configuration[{name!r}] == {next(iter(values))!r})."
            )


def _groups(outcomes: list[Outcome], x: str, y: str, hue: str | None) -> Groups:
    """Return the values of y by hue and x."""
    groups: Groups = {}
    known: dict[str, None] = {}
    for outcome in outcomes:
        label = "" if hue is None else as_cell(outcome.configuration.get(hue))
        records: list[Mapping[str, Any]] = (
            list(outcome.history) if x == "epoch" else [outcome.measures]
        )
        for epoch, record in enumerate(records, start=1):
            known |= dict.fromkeys(record)
            if y in record:
                place = epoch if x == "epoch" else as_cell(outcome.configuration.get(x))
                group = groups.setdefault(label, {}).setdefault(place, [])
                group.append(_number(record[y], y))
    if not groups:
        raise ValueError(
            f"y is {shown(y)}; "
            + (f"expected one of {', '.join(known)}." if known else "no training has a history.")
        )
    return groups


def _number(value: Any, y: str) -> float:
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise TypeError(f"y is {shown(y)}, which is {shown(value)} in a training; expected a number.")


def _are_numbers(groups: Groups) -> bool:
    places = [place for group in groups.values() for place in group]
    return all(isinstance(place, (int, float)) and not isinstance(place, bool) for place in places)


def _draw(ax: Axes, groups: Groups, band: str | None, numbers: bool) -> None:
    """Draw a curve with its band for each group, over numbers or over names in their order."""
    places = list(dict.fromkeys(place for group in groups.values() for place in group))
    places = sorted(places) if numbers else places
    spots = {place: place if numbers else i for i, place in enumerate(places)}
    if not numbers:
        ax.set_xticks(range(len(places)), [str(place) for place in places])
    found = looks(map(str, groups), len(places))
    for label, group in groups.items():
        here = [place for place in places if place in group]
        samples = [np.array(group[place])[:, np.newaxis] for place in here]
        spot, look = [spots[place] for place in here], found[str(label)]
        ax.plot(spot, [s.mean() for s in samples], label=str(label), **look)
        if band is not None and max(map(len, samples)) > 1:
            low, high = np.hstack([BANDS[band](s) for s in samples])
            draw_band(ax, spot, low, high, look, len(groups))
