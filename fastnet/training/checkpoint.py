"""`Checkpoint`: a training that is cut off goes on from its file, to the last bit."""

from __future__ import annotations

import os
import warnings
from time import monotonic
from typing import ClassVar

from fastnet.callbacks import Callback
from fastnet.common.arguments import as_choice, as_count, as_path, as_rate
from fastnet.files import SavedModel, remove_leftovers, replace_file, write_npz

__all__ = ["Checkpoint"]

#: Files that a checkpoint keeps: each is looked for, and renamed, whenever one is written.
MOST_KEPT = 10_000
UNITS = ("epochs", "mini_batches", "seconds")


class Checkpoint(Callback):
    """Write down, again and again, all that a training needs to go on: `train(..., resume=path)`.

    Parameters
    ----------
    path : path
        The file. It is written beside, flushed to the disk and renamed, so that at every moment
        there is a whole one. `fastnet.load` reads the network in it like any model file.
    every : int or float, default 1
        How often, in `unit`; a whole number but for seconds.
    unit : {"epochs", "mini_batches", "seconds"}, keyword only
        Mini-batches are counted over epochs. Seconds are looked at between two mini-batches.
    keep : int, keyword only, default 1
        How many files to keep: "run.npz" is the newest, "run-1.npz" the one before, and so on.

    Attributes
    ----------
    path : str
    every, unit, keep
    written : int
        How many times the file has been written.
    error : Exception or None
        Why it could not be written the last time, if so.

    Raises
    ------
    ValueError, TypeError
        `every` or `keep` is no positive number, or there is no such unit.

    Notes
    -----
    A last one is written when training ends, and when Ctrl-C, SIGTERM or an exception ends it (but
    for `DivergenceError`). Writing changes no bit of the training. Where it fails, a
    RuntimeWarning names the file and the reason, training goes on, and the last good file stays.

    While a training with a Checkpoint runs in the main thread, SIGTERM, where the program has no
    handler for it, raises SystemExit(143) once the file is written.

    Examples
    --------
    >>> import os, tempfile, numpy as np, fastnet
    >>> data = np.eye(2), [0, 1]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     net = fastnet.Network([2, 2], rng=0)
    ...     _ = net.train(data, 3, callbacks=Checkpoint(path, every=2))
    ...     again = fastnet.Network([2, 2], rng=0)
    ...     history = again.train(data, 5, resume=path)
    >>> history.column("epoch")
    [0, 1, 2, 3, 4]
    """

    units: ClassVar[tuple[str, ...]] = UNITS

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float = 1,
        *,
        unit: str = "epochs",
        keep: int = 1,
    ) -> None:
        self.path = os.path.abspath(as_path(path, "path"))
        self.unit = as_choice(unit, "unit", UNITS)
        if self.unit == "seconds":
            self.every = as_rate(every, "every")
            if self.every == 0:
                raise ValueError("every is 0; expected a positive number of seconds.")
        else:
            self.every = as_count(every, "every", at_least=1)
        self.keep = as_count(keep, "keep", at_least=1, at_most=MOST_KEPT)
        self.written = 0
        self.error: Exception | None = None
        self._next = 0.0

    @property
    def paths(self) -> list[str]:
        """The files that it keeps, the newest first.

        Examples
        --------
        >>> [os.path.basename(path) for path in Checkpoint("run.npz", keep=3).paths]
        ['run.npz', 'run-1.npz', 'run-2.npz']
        """
        root, extension = os.path.splitext(self.path)
        older = [f"{root}-{age}{extension}" for age in range(1, self.keep)]
        return [self.path, *older]

    # ---- for the loop that trains

    def begin(self) -> None:
        """Training begins: remove what killed processes left, and set the clock."""
        for path in self.paths:
            remove_leftovers(path)
        self._next = monotonic() + self.every

    def is_due(self, epochs: int, mini_batches: int, *, epoch_ends: bool) -> bool:
        """Return whether to write after so many epochs and mini-batches of the training."""
        if self.unit == "seconds":
            return monotonic() >= self._next
        if self.unit == "mini_batches":
            return mini_batches % int(self.every) == 0
        return epoch_ends and epochs % int(self.every) == 0

    def write(self, model: SavedModel) -> None:
        """Write the file; where that fails, warn."""
        try:
            write_npz(self.path, model, before=self._keep_older)
        except (OSError, MemoryError, ValueError) as error:
            self.note_failure(error)
        else:
            self.written += 1
            self.error = None
            self._next = monotonic() + self.every

    def note_failure(self, error: Exception) -> None:
        """Warn that the file could not be written."""
        self.error = error
        self._next = monotonic() + self.every
        reason = error.strerror if isinstance(error, OSError) else str(error)
        warnings.warn(
            f"the checkpoint {self.path!r} was not written ({reason or error!r}); training "
            "goes on, and the last one that could be written stays.",
            RuntimeWarning,
            stacklevel=3,
        )

    def _keep_older(self) -> None:
        """Give the file that is there an older one's name too; it keeps its own meanwhile."""
        paths = self.paths
        if self.keep == 1 or not os.path.exists(self.path):
            return
        if os.path.exists(paths[1]) and os.path.samefile(self.path, paths[1]):
            return  # as it is where a process was killed between the two
        for age in range(self.keep - 1, 1, -1):
            if os.path.exists(paths[age - 1]):
                os.replace(paths[age - 1], paths[age])
        beside = f"{paths[1]}.{os.urandom(4).hex()}"
        try:
            os.link(self.path, beside)
            os.replace(beside, paths[1])
        except OSError:  # a file system without hard links
            with open(self.path, "rb") as file:
                replace_file(paths[1], file.read())
