"""Progress of ``fastnet compare``: a live line for each network, and rows of its table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Self

from fastnet.cli.compare_text import accuracy_table, headings_of, headline
from fastnet.cli.output import show
from fastnet.cli.text_table import counted, line_width
from fastnet.common.console import is_terminal, write_out
from fastnet.common.progress import FRAME, ProgressLine, find_bars, time_left
from fastnet.compare import Comparison, Data, Run, Settings
from fastnet.compare.runs import comparison

if TYPE_CHECKING:
    from fastnet.common.bars import Bars

__all__ = ["Live", "Rows"]


class Rows:
    """Writes the table of accuracies row by row, as soon as all networks have ended an epoch.

    Parameters
    ----------
    data : Data
    settings : Settings
    names : sequence of str
        The initializers.
    n_seeds : int
    notes : sequence of str
        Lines under the headline.

    Attributes
    ----------
    written : int
        Rows so far; 0 if the table is too wide for the terminal.
    """

    def __init__(
        self,
        data: Data,
        settings: Settings,
        names: Sequence[str],
        n_seeds: int,
        notes: Sequence[str],
    ) -> None:
        self._data = data
        self._settings = settings
        self._names = tuple(names)
        self._n = len(self._names) * n_seeds
        self._notes = notes
        self._epochs: dict[int, list[Run]] = {}
        self.written = 0

    def add(self, run: Run, epoch: int) -> None:
        """Add one epoch of one network, given as a run of one epoch."""
        runs = self._epochs.setdefault(epoch, [])
        runs.append(run)
        if len(runs) == self._n:
            one = replace(self._settings, epochs=1)
            self._write(comparison(self._data, one, runs, self._names), epoch)
            del self._epochs[epoch]

    def _write(self, result: Comparison, epoch: int) -> None:
        table = accuracy_table(result)
        ((_, *cells),) = table.rows
        table = table._replace(rows=[[str(epoch), *cells]])
        head, row = str(table._replace(title="", width=None)).split("\n")
        if len(head) > line_width():
            return
        if epoch == 1:
            show("\n".join([headline(result), *self._notes]), table)
        else:
            write_out(row)
        self.written += 1


class Live:
    """Shows the progress of a comparison: a line for each network in training, and one for all.

    If standard output or standard error is not a terminal, it writes a plain line every few
    seconds. `note` may be called from any thread; only a call of the object writes.

    Parameters
    ----------
    names : sequence of str
        The initializers.
    n_seeds, n_epochs, n_evaluation : int
    rows : Rows, optional
        Writes the table as the epochs end.
    """

    def __init__(
        self,
        names: Sequence[str],
        n_seeds: int,
        n_epochs: int,
        n_evaluation: int,
        rows: Rows | None = None,
    ) -> None:
        self._titles = headings_of(names)
        self._n_seeds = n_seeds
        self._n_epochs = n_epochs
        self._n_evaluation = n_evaluation
        self._rows = rows
        self._n = len(names) * n_seeds
        label = f"training {counted(self._n, 'network')}"
        self._finished = 0
        self._news: SimpleQueue[tuple[str, int, int, int]] = SimpleQueue()
        # Rows in a pipe may reach the same terminal, where they would disrupt moving lines.
        found = find_bars() if is_terminal(sys.stdout) else None
        self._bars: Bars | None = None if found is None else found(True)
        self._line = ProgressLine(label, moving=False) if found is None else None
        self._begin = self._next = monotonic()
        self.seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.seconds = monotonic() - self._begin
        try:
            if kind is None:
                self._read()
        finally:
            for shown in (self._bars, self._line):
                if shown is not None:
                    shown.close()

    def note(self, name: str, repetition: int, epoch: int, correct: int) -> None:
        """Record that a network has ended an epoch."""
        self._news.put((name, repetition, epoch, correct))

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` mini-batches are done, and the epochs recorded so far."""
        self._read()
        if self._line is not None:
            self._line(done, total)
        now = monotonic()
        if self._bars is not None and now >= self._next:
            self._next = now + FRAME
            share = done / total if total else 1.0
            left = time_left(done, total, now - self._begin)
            percent = f"{100 * share:3.0f} %"
            text = f"{percent}  {self._finished} of {counted(self._n, 'network')}{left}"
            self._bars.show(None, "all networks", share, text, percent)
            self._bars.refresh()

    def _read(self) -> None:
        while not self._news.empty():
            name, repetition, epoch, correct = self._news.get()
            if self._rows is not None:
                self._rows.add(Run(name, (correct,), 0.0, (), repetition), epoch)
            self._finished += epoch == self._n_epochs
            if self._bars is not None:
                self._show(name, repetition, epoch, 100 * correct / self._n_evaluation)

    def _show(self, name: str, repetition: int, epoch: int, percent: float) -> None:
        assert self._bars is not None
        if epoch == self._n_epochs:
            self._bars.remove((name, repetition))
            return
        label = self._titles[name]
        if self._n_seeds > 1:
            label += f", seed {repetition + 1} of {self._n_seeds}"
        short = f"{percent:.2f} %"
        text = f"epoch {epoch} of {self._n_epochs}, accuracy {short}"
        self._bars.show((name, repetition), label, epoch / self._n_epochs, text, short)
