"""`Checkpoint`: a training that is interrupted goes on from its file, to the last bit."""

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

#: Files that a checkpoint keeps: each is looked for, and renamed, whenever one is written.
MOST_KEPT = 10_000


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
        `every` or `keep` is not a positive number, or the unit is unknown.

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
        self._where: tuple[int, ...] | None = None  # how far the training was when last written
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
        self._where, self._next = None, monotonic() + self.every

    def is_due(self, epochs: int, mini_batches: int, *, epoch_ends: bool) -> bool:
        """Return whether to write after so many epochs and mini-batches of the training."""
        if self.unit == "seconds":
            return monotonic() >= self._next
        if self.unit == "mini_batches":
            return mini_batches % int(self.every) == 0
        return epoch_ends and epochs % int(self.every) == 0

    def _write_once(self, save: Callable[[], SavedModel], where: tuple[int, ...]) -> None:
        """Write what `save` returns of a training that is at `where`, unless that is written."""
        if self._where != where:
            try:
                self.write(save())
            except MemoryError as error:
                self.note_failure(error)
            self._where = where if self.error is None else None

    def write(self, model: SavedModel) -> None:
        """Write the file; where that fails, warn."""
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


def find_checkpoint(resume: Any, paths: Sequence[str], plan: dict[str, Any]) -> str | None:
    """Return the file that `train`'s `resume` stands for, or None to begin anew.

    True stands for the one of the files at `paths` that holds the training described by `plan` and
    is furthest, if there is any. A file that cannot be read is passed over, with a RuntimeWarning,
    for one that can.
    """
    if resume is None or resume is False:
        return None
    if resume is not True:
        if not isinstance(resume, (str, bytes, os.PathLike)):
            raise TypeError(f"resume is {shown(resume)}; give a path, True or None.")
        return os.fsdecode(resume)
    if not paths:
        raise ValueError(
            "resume is True, which is the file of the Checkpoint among the callbacks, and "
            "there is none; add one, or give resume the path."
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
            f"the checkpoint {path!r} cannot be read ({in_one_line(str(cause))}); training goes "
            f"on from {best!r}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return best


def _rank(path: str, plan: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is larger the further a checkpoint is; other trainings rank lowest."""
    told = check_keys(read_npz_header(path).get("training"), repr(path), (*_KEYS, "arrays"))
    done = [told["epochs"], "order" in told["arrays"], told["position"], not told["asking"]]
    if not isinstance(told["arrays"], list) or any(type(n) not in (int, bool) for n in done):
        raise ValueError(f"{path!r} does not say how far it is")
    return told["plan"] == plan, *done


#: What the header of a checkpoint says of the training.
_KEYS = ("plan", *HEADER)


def read_checkpoint(
    path: str, setting: Setting, plan: dict[str, Any]
) -> tuple[TrainingState, SavedModel]:
    """Return the state of a training, and its network, once they are found to be of this one.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no checkpoint, it is damaged, or it is one of another network, data or plan.
    """
    model = read_npz(path) if format_of(path) == "npz" else None
    if model is None or model.training is None:
        raise ValueError(
            f"{path!r} is no checkpoint, which fastnet.Checkpoint writes while a network trains; "
            "a model file is read by fastnet.load."
        )
    saved = model.training
    check_keys(saved.told, repr(path), _KEYS)
    try:
        _check_plan(model, saved.told["plan"], setting.network, plan)
        return TrainingState.read(saved, setting, len(model.history)), model
    except ValueError as error:
        refuse_checkpoint(path, error)


def refuse_checkpoint(path: str, cause: ValueError) -> NoReturn:
    """Raise the error that says why a training cannot go on from a file."""
    raise ValueError(
        f"{path!r} is not a checkpoint that this training can go on from: "
        f"{in_one_line(str(cause))}; give another file, or begin anew without resume."
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
