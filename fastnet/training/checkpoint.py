"""`Checkpoint`: saves a training, so that it can be continued later with the same bits."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, ClassVar, NoReturn

from fastnet.callbacks import Callback
from fastnet.common.arguments import (
    as_choice,
    as_count,
    as_path,
    as_rate,
    in_one_line,
    shown,
)
from fastnet.costs import restored
from fastnet.files import (
    SavedModel,
    format_of,
    read_npz,
    read_npz_header,
    remove_leftovers,
    replace_file,
    write_npz,
)
from fastnet.files.checks import check_keys, described
from fastnet.model.architecture import check_change
from fastnet.model.model import Model
from fastnet.training.state import HEADER, Setting, TrainingState

__all__ = ["Checkpoint", "find_checkpoint", "read_checkpoint"]

#: Maximum number of files kept: all are looked up and renamed at every write.
MOST_KEPT = 10_000


class Checkpoint(Callback):
    """Save a training at intervals, to continue it with `train(..., resume=path)`.

    Parameters
    ----------
    path : path
        The file. It is written under another name, flushed to the disk and renamed, so that there
        is always a complete file. `fastnet.load` reads the network in it like any model file.
    every : int or float, default 1
        Interval, in `unit`; a whole number except for seconds.
    unit : {"epochs", "mini_batches", "seconds"}, keyword only
        Mini-batches are counted over epochs. Seconds are checked between mini-batches.
    keep : int, keyword only, default 1
        Number of files to keep: "run.npz" is the newest, "run-1.npz" the one before, and so on.

    Attributes
    ----------
    path : str
    every, unit, keep
    written : int
        How many times the file has been written.
    error : Exception or None
        The error of the last write, if it failed.

    Raises
    ------
    ValueError, TypeError
        `every` or `keep` is not a positive number, or the unit is unknown.

    Notes
    -----
    The file is also written when training ends, by itself or by Ctrl-C, SIGTERM or an exception
    other than `DivergenceError`. Writing changes no bit of the training. If a write fails, a
    RuntimeWarning names the file and the reason, training continues, and the last good file stays.

    While a training with a Checkpoint runs in the main thread, SIGTERM raises SystemExit(143) after
    the file is written, unless the program has its own handler.

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

    units: ClassVar[tuple[str, ...]] = ("epochs", "mini_batches", "seconds")

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: float = 1,
        *,
        unit: str = "epochs",
        keep: int = 1,
    ) -> None:
        self.path = os.path.abspath(as_path(path, "path"))
        self.unit = as_choice(unit, "unit", self.units)
        if self.unit == "seconds":
            self.every = as_rate(every, "every")
            if self.every == 0:
                raise ValueError("every is 0; expected a positive number of seconds.")
        else:
            self.every = as_count(every, "every", at_least=1)
        self.keep = as_count(keep, "keep", at_least=1, at_most=MOST_KEPT)
        self.written = 0
        self.error: Exception | None = None
        self._where: tuple[int, ...] | None = None  # position of the training at the last write
        self._next = 0.0

    @property
    def paths(self) -> list[str]:
        """The paths of the files that are kept, the newest first.

        Examples
        --------
        >>> [os.path.basename(path) for path in Checkpoint("run.npz", keep=3).paths]
        ['run.npz', 'run-1.npz', 'run-2.npz']
        """
        root, extension = os.path.splitext(self.path)
        older = [f"{root}-{age}{extension}" for age in range(1, self.keep)]
        return [self.path, *older]

    # ---- for the training loop

    def begin(self) -> None:
        """Remove temporary files of killed processes, and start the clock, as training begins."""
        for path in self.paths:
            remove_leftovers(path)
        self._where, self._next = None, monotonic() + self.every

    def is_due(self, epochs: int, mini_batches: int, *, epoch_ends: bool) -> bool:
        """Return whether to write after this many epochs and mini-batches of the training."""
        if self.unit == "seconds":
            return monotonic() >= self._next
        if self.unit == "mini_batches":
            return mini_batches % int(self.every) == 0
        return epoch_ends and epochs % int(self.every) == 0

    def _write_once(self, save: Callable[[], SavedModel], where: tuple[int, ...]) -> None:
        """Write what `save` returns for the position `where`, unless that is already written."""
        if self._where != where:
            try:
                self.write(save())
            except MemoryError as error:
                self.note_failure(error)
            self._where = where if self.error is None else None

    def write(self, model: SavedModel) -> None:
        """Write the file, or warn if that fails."""
        try:
            write_npz(self.path, model, before=self._keep_older)
            self.written, self.error, self._next = self.written + 1, None, monotonic() + self.every
        except (OSError, MemoryError, ValueError) as error:
            self.note_failure(error)

    def note_failure(self, error: Exception) -> None:
        """Warn that the file could not be written."""
        self.error, self._next = error, monotonic() + self.every
        reason = error.strerror if isinstance(error, OSError) else str(error)
        warnings.warn(
            f"the checkpoint {self.path!r} was not written ({reason or error!r}); training "
            "continues, and the last good checkpoint is kept.",
            RuntimeWarning,
            stacklevel=3,
        )

    def _keep_older(self) -> None:
        """Give the present file the older name too; it keeps its own until the new one is there."""
        paths = self.paths
        if self.keep == 1 or not os.path.exists(self.path):
            return
        if os.path.exists(paths[1]) and os.path.samefile(self.path, paths[1]):
            return  # a process was killed between the two steps
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


def find_checkpoint(resume: Any, paths: Sequence[str], plan: dict[str, Any]) -> str | None:
    """Return the file that `train`'s `resume` means, or None to start at the beginning.

    True means the file among `paths` with the training described by `plan` that has advanced
    furthest, if any exists. Files that cannot be read are skipped with a RuntimeWarning if another
    can be read.
    """
    if resume is None or resume is False:
        return None
    if resume is not True:
        if not isinstance(resume, (str, bytes, os.PathLike)):
            raise TypeError(f"resume is {shown(resume)}; give a path, True or None.")
        return os.fsdecode(resume)
    if not paths:
        raise ValueError(
            "resume is True, which means the file of the Checkpoint in callbacks, but callbacks "
            "has no Checkpoint; add one, or give resume the path."
        )
    found = [path for path in paths if os.path.exists(path)]
    if len(found) < 2:
        return found[0] if found else None
    ranks, damage = {}, {}
    for path in found:
        try:
            ranks[path] = _rank(path, plan)
        except (OSError, ValueError) as error:
            damage[path] = error
    best = max(ranks, key=ranks.__getitem__, default=found[0])
    for path, cause in damage.items() if ranks else ():
        warnings.warn(
            f"the checkpoint {path!r} cannot be read ({in_one_line(str(cause))}); training "
            f"continues from {best!r}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return best


def _rank(path: str, plan: dict[str, Any]) -> tuple[Any, ...]:
    """Return a sort key: the further a checkpoint, the larger; other trainings rank lowest."""
    told = check_keys(read_npz_header(path).get("training"), repr(path), (*_KEYS, "arrays"))
    done = [told["epochs"], "order" in told["arrays"], told["position"], not told["asking"]]
    if not isinstance(told["arrays"], list) or any(type(n) not in (int, bool) for n in done):
        raise ValueError(f"{path!r} does not say how far its training is")
    return told["plan"] == plan, *done


#: The keys of a training in the header of a checkpoint.
_KEYS = ("plan", *HEADER)


def read_checkpoint(
    path: str, setting: Setting, plan: dict[str, Any]
) -> tuple[TrainingState, SavedModel]:
    """Return the state of a training, and its network, after checking that both fit this training.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not a checkpoint, is damaged, or is of another network, data or plan.
    """
    model = read_npz(path) if format_of(path) == "npz" else None
    if model is None or model.training is None:
        raise ValueError(
            f"{path!r} is not a checkpoint; give a file that fastnet.Checkpoint wrote, or read a "
            "model file with fastnet.load."
        )
    saved = model.training
    check_keys(saved.told, repr(path), _KEYS)
    try:
        _check_plan(model, saved.told["plan"], setting.network, plan)
        return TrainingState.read(saved, setting, len(model.history)), model
    except ValueError as error:
        refuse_checkpoint(path, error)


def refuse_checkpoint(path: str, cause: ValueError) -> NoReturn:
    """Raise the error that says why a training cannot continue from a file."""
    raise ValueError(
        f"{path!r} is not a checkpoint from which this training can continue: "
        f"{in_one_line(str(cause))}; give another file, or start again without resume."
    ) from cause


def _check_plan(model: SavedModel, plan: Any, network: Model, here: dict[str, Any]) -> None:
    """Refuse the checkpoint of another network, or of a training with another plan."""
    if not isinstance(plan, dict) or list(plan) != list(here):
        raise ValueError(f"its plan is {described(plan)}; expected {', '.join(here)}")
    for name, value, expected in (
        ("sizes", list(model.sizes), network.sizes),
        ("activations", list(model.activations), network.activations),
        ("dtype", model.dtype, network.dtype.name),
        *((name, plan[name], here[name]) for name in here),
    ):
        if value != expected:
            raise ValueError(
                f"its training has {name} {described(value)}, and this one {expected!r}"
            )
    try:
        check_change(network._architecture, restored(model.cost, model.cost_numbers))
    except ValueError as error:
        raise ValueError(f"its network's {error}") from error
