"""The report of ``fastnet compare``: tables of a comparison, and sentences about it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastnet.activations import ACTIVATIONS
from fastnet.cli.output import TextTable
from fastnet.cli.text_table import counted, line_width, wrapped
from fastnet.compare import NEW, OLD, Comparison, Lead, published
from fastnet.compare.result import STARTS

__all__ = [
    "accuracy_table",
    "advice",
    "headings_of",
    "headline",
    "reached",
    "report",
    "verdict",
]

#: If more hidden units than this, in per cent, start saturated, scale the inputs.
MOST_SATURATED = 100 / 3
#: How many seeds are suggested to a user who gave one.
ENOUGH_SEEDS = 8


def report(
    result: Comparison,
    *,
    markdown: bool = False,
    book: bool = False,
    notes: Sequence[str] = (),
    begun: bool = False,
) -> list[str | TextTable]:
    """Return the headline and the tables, with `notes` below the headline.

    If `begun`, headline and accuracies are left out: they were printed row by row.
    """
    parts: list[str | TextTable] = []
    if not begun:
        parts.append("\n".join([headline(result), *notes]))
        table = book_table(result) if book else accuracy_table(result)
        parts.append(table._replace(markdown=markdown))
    if result.n_watched:
        parts.append(saturation_table(result)._replace(markdown=markdown))
    return parts


def headline(result: Comparison) -> str:
    """Return the lines above the tables: network, data and settings."""
    s = result.settings
    seeds = f"seed {s.seed}"
    if result.n_seeds > 1:
        seeds = f"{result.n_seeds} seeds (first: {s.seed})"
    size = s.mini_batch_size
    batches = "all examples at once" if size is None else f"mini-batches of {size}"
    sizes = "-".join(map(str, result.sizes))
    activations = ", ".join(dict.fromkeys(s.activations))
    step = f"{s.optimizer.name}, eta {s.eta:g}, lambda {s.lmbda:g}, {batches}"
    lines = [
        f"{sizes} on {result.data}, {result.n_training} training examples, {s.dtype}",
        f"{activations}; {step}, {seeds}",
    ]
    if result.partial:
        finished = ", ".join(f"{name} {len(result.of(name))}" for name in result.initializers)
        lines.append(f"partial; finished trainings: {finished}")
    return wrapped("\n".join(lines), line_width())


def accuracy_table(result: Comparison) -> TextTable:
    """Return a table of accuracies by epoch, and of their difference if there are two."""
    title = f"{result.evaluation} accuracy (%), {result.n_evaluation} examples"
    if result.n_seeds > 1:
        seeds = "the finished" if result.partial else str(result.n_seeds)
        title += f"; mean of {seeds} seeds ± 95 % confidence interval (Student's t)"
    headings = ["epoch", *headings_of(result.initializers).values()]
    columns = [
        _cells(result.accuracy(name), result.accuracy_margin(name)) for name in result.initializers
    ]
    if len(columns) == 2:
        difference = _cells(*result.difference(*result.initializers), sign="+")
        if difference:
            headings.append("difference")
            columns.append(difference)
    rows = [[str(epoch), *cells] for epoch, cells in enumerate(zip(*columns, strict=True), 1)]
    # Every row has room for its numbers, so that it can be printed before the others are known.
    least_width = 15 if result.n_seeds > 1 else 10
    return TextTable(headings, rows, title, least_width=least_width, width=line_width())


def book_table(result: Comparison) -> TextTable:
    """Return the replayed counts beside the published ones."""
    book = published()
    headings, columns = ["epoch"], []
    for name in result.initializers:
        headings += [STARTS[name], "published"]
        columns += [result.of(name)[0].correct, book[name]]
    rows = []
    for epoch, counts in enumerate(zip(*columns, strict=True), start=1):
        equal = counts[::2] == counts[1::2]
        rows.append([str(epoch), *map(str, counts), "" if equal else "differs"])
    title = f"{result.evaluation} images classified correctly, of {result.n_evaluation}"
    return TextTable([*headings, ""], rows, title, width=line_width())


def saturation_table(result: Comparison) -> TextTable:
    """Return a table of the saturated share of the hidden units before and after training."""
    title = f"hidden units saturated (%), {result.n_watched} {result.evaluation} examples"
    rows = []
    for name, heading in headings_of(result.initializers).items():
        cells = _cells(result.saturation(name), result.saturation_margin(name))
        rows.append([heading, cells[0], cells[-1]])
    headings = ["initializer", "before training", f"after {_epochs(result)}"]
    return TextTable(headings, rows, title, width=line_width())


def advice(result: Comparison, option: str = "") -> str | None:
    """Return advice to scale the inputs with `option`, or None if they need no scaling.

    They need it if every initializer starts with more than a third of the hidden units saturated.
    Partial results give no advice, nor do activations that are not flat on both sides: half of all
    ReLUs are 0 at any scale of the inputs.
    """
    bounds = [
        bound
        for name in result.settings.activations
        for bound in (ACTIVATIONS[name].lowest, ACTIVATIONS[name].highest)
    ]
    if result.partial or not result.n_watched or not all(map(math.isfinite, bounds)):
        return None
    first = {name: result.saturation(name)[0] for name in result.initializers}
    best = min(first, key=lambda name: first[name])
    if first[best] <= MOST_SATURATED:
        return None
    by = f" ({option})" if option else ""
    start = headings_of(result.initializers)[best]
    return f"Even {start} begins with {first[best]:.1f} % of units saturated; scale the inputs{by}."


def reached(result: Comparison) -> str:
    """Return each initializer's accuracy after epoch 1, and the epoch that reaches the target."""
    names, target = result.initializers, f"{result.settings.target:g} %"
    first = {name: f"{result.accuracy(name)[0]:.1f} %" for name in names}
    epochs = _epochs(result)
    if names == (OLD, NEW):
        slow, fast = (result.epochs_to(name) for name in names)
        if fast is None and slow is None:
            when = f"Neither start reaches {target} in {epochs}"
        elif slow is None:
            when = f"{target} is reached in epoch {fast}; from the old start, not in {epochs}"
        elif fast is None:
            when = f"{target} is not reached in {epochs}; from the old start, in epoch {slow}"
        elif fast == slow:
            when = f"{target} is reached in epoch {fast} from both starts"
        else:
            when = f"{target} is reached in epoch {fast} instead of {slow}"
        return f"After epoch 1: {first[NEW]} against {first[OLD]}. {when}."
    found = {name: result.epochs_to(name) for name in names}
    reach = [f"{name} in epoch {epoch}" for name, epoch in found.items() if epoch is not None]
    never = [name for name, epoch in found.items() if epoch is None]
    if not reach:
        when = f"No initializer reaches {target} in {epochs}"
    else:
        when = f"{target} is reached by {', '.join(reach)}"
        if never:
            when += f"; not in {epochs} by {', '.join(never)}"
    after = ", ".join(f"{name} {percent}" for name, percent in first.items())
    return f"After epoch 1: {after}. {when}."


def verdict(result: Comparison) -> list[str]:
    """Return lines that tell which differences are distinguishable from chance, and the test."""
    if len(result.initializers) < 2:
        return []
    epochs = sorted({1, result.n_epochs})
    found = {epoch: result.leads(epoch) for epoch in epochs}
    if not found[1]:
        seeds = "One seed" if result.n_seeds == 1 else "Fewer than two common seeds"
        return [f"{seeds}: differences may be chance; to test them, use --seeds {ENOUGH_SEEDS}."]
    titles = headings_of(result.initializers)
    lines = [f"After epoch {epoch}: {_leads(titles, leads)}." for epoch, leads in found.items()]
    k = len(result.initializers)
    pairs = f", Bonferroni for {k * (k - 1) // 2} pairs" if k > 2 else ""
    return [*lines, f"(95 % confidence, Student's t, paired by seed{pairs})"]


def _leads(titles: dict[str, str], leads: Sequence[Lead]) -> str:
    """Return a sentence on one epoch: the leads distinguishable from chance, then the others."""
    best = titles[leads[0].best]
    clear = [lead for lead in leads if lead.distinguishable]
    vague = [lead for lead in leads if not lead.distinguishable]
    parts = []
    if clear:
        listed = ", ".join(
            f"of {titles[lead.other]} by {lead.points:.2f} ± {lead.margin:.2f}" for lead in clear
        )
        parts.append(f"{best} is ahead {listed} points")
    if vague:
        listed = ", ".join(
            f"{titles[lead.other]} ({lead.points:.2f} ± {lead.margin:.2f} points)" for lead in vague
        )
        parts.append(f"the lead of {best} over {listed} is not distinguishable from chance")
    return "; ".join(parts)


def headings_of(initializers: Sequence[str]) -> dict[str, str]:
    """Return each initializer's heading: its name, or for the book's pair old and new start."""
    if tuple(initializers) == (OLD, NEW):
        return STARTS
    return {name: name for name in initializers}


def _epochs(result: Comparison) -> str:
    return counted(result.n_epochs, "epoch")


def _cells(values: list[float], margins: list[float], sign: str = "") -> list[str]:
    """Return numbers with two decimals, each with its margin if there are any."""
    cells = [f"{value:{sign}.2f}" for value in values]
    if not margins:
        return cells
    return [f"{cell} ± {margin:.2f}" for cell, margin in zip(cells, margins, strict=True)]
