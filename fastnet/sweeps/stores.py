"""A folder that keeps what is done, so that a sweep that was stopped goes on where it was.

Three kinds of files, none of them a pickle:

=====================  ====================================================================
``sweep.json``         what the sweep is over: build function and its code, digest of the data, seed
``<key>.json``         an outcome; written last, so that where it is, all of the outcome is
``<key>.npz``          its network, where there is one; `fastnet.load` opens it
=====================  ====================================================================

The key is a digest of the sweep, of the values that the build function reads beside its arguments
(closures, defaults, global variables), of configuration and repetition: more configurations or more
seeds may be asked for later, and no sweep gets the outcomes of another. Outcomes that failed are
not kept.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from fastnet._version import __version__
from fastnet.common.arguments import in_one_line
from fastnet.files import SavedModel, read_npz, replace_file, write_npz
from fastnet.files.checks import described, parse_json
from fastnet.history import History
from fastnet.sweeps.digests import fingerprint, fingerprint_function
from fastnet.sweeps.results import Outcome
from fastnet.sweeps.trials import Task

__all__ = ["Store", "read_outcome"]

VERSION = 2
#: What an outcome's file holds that is read again, and of which kind it is.
_KINDS: dict[str, tuple[type, ...]] = {
    "measures": (dict,),
    "history": (list,),
    "network": (bool,),
    "seconds": (int, float),
    "worker": (str,),
    "kernel": (str,),
}


class Store:
    """The folder of one sweep.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    build, data, seed
        The sweep's.

    Raises
    ------
    ValueError
        The folder is another sweep's, or its files are damaged.
    TypeError
        The data, or later a configuration, have nothing to be known again by.
    OSError
        It cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], build: Any, data: Any, seed: int) -> None:
        self._folder = Path(folder)
        code, self._values = fingerprint_function(build)
        about = {
            "format": "fastnet sweep",
            "version": VERSION,
            "build": f"{_name_of(build)} (code {code[:16]})",
            "data": fingerprint(data, "data", strict=False),
            "seed": seed,
        }
        self._about = fingerprint(about, "sweep")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "sweep.json"
        if not path.exists():
            self._claim(path, about)
        found = _read(path)
        for name, value in about.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{path} tells of a sweep with {name} {described(found.get(name))}, and this "
                    f"one has {value!r}; give store another folder."
                )

    def key(self, task: Task) -> str:
        """Return what a task's files are called."""
        name = f"configuration {task.configuration!r}"
        whole = (self._about, self._values, fingerprint(task.configuration, name))
        return f"{fingerprint(whole, name)[:32]}-{task.repetition}"

    def find(self, task: Task, key: str) -> Outcome | None:
        """Return the outcome of a task that was done before, or None."""
        path = self._folder / f"{key}.json"
        if not path.exists():
            return None
        found = read_outcome(path)
        model = self._read_model(path.with_suffix(".npz")) if found["network"] else None
        return Outcome(
            task.index,
            task.configuration,
            task.repetition,
            found["measures"],
            History(found["history"]),
            seconds=found["seconds"],
            worker=found["worker"],
            kernel=found["kernel"],
            restored=True,
            model=model,
        )

    def _read_model(self, path: Path) -> SavedModel:
        model = read_npz(path)
        model.history = []
        return model

    def keep(self, outcome: Outcome, key: str) -> None:
        """Write what came of a training."""
        path = self._folder / f"{key}.json"
        if outcome.model is not None:
            write_npz(path.with_suffix(".npz"), outcome.model)
        record = {
            "configuration": {name: _told(value) for name, value in outcome.configuration.items()},
            "repetition": outcome.repetition,
            "measures": outcome.measures,
            "history": list(outcome.history),
            "network": outcome.model is not None,
            "seconds": outcome.seconds,
            "worker": outcome.worker,
            "kernel": outcome.kernel,
            "written_by": f"fastnet {__version__}",
        }
        self._write(path, record)

    def _claim(self, path: Path, about: dict[str, Any]) -> None:
        """Write what the sweep is over, unless another sweep has been quicker."""
        beside = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
        try:
            self._write(beside, about)
            os.link(beside, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            self._write(path, about)
        finally:
            beside.unlink(missing_ok=True)

    @staticmethod
    def _write(path: Path, record: dict[str, Any]) -> None:
        replace_file(path, (json.dumps(record, indent=1) + "\n").encode())


def read_outcome(path: Path) -> dict[str, Any]:
    """Return what the file of an outcome holds, each entry of its kind.

    Raises
    ------
    ValueError
        It is damaged.
    """
    found = _read(path)
    for name, kinds in _KINDS.items():
        if name not in found:
            _refuse(path, f"it has no {name!r}")
        if type(found[name]) not in kinds:  # not isinstance(): a bool is an int
            _refuse(path, f"its {name!r} is {described(found[name])}")
    for epoch, record in enumerate(found["history"]):
        if not isinstance(record, dict):
            _refuse(path, f"its history holds {described(record)} for epoch {epoch}")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_bytes(), str(path))
    except ValueError as error:
        _refuse(path, str(error.__cause__ or error))
    if not isinstance(found, dict):
        _refuse(path, f"it holds {described(found)}; expected an object")
    return found


def _refuse(path: Path, cause: str) -> NoReturn:
    raise ValueError(
        f"{path} is damaged: {in_one_line(cause)}; remove it, and what it stands for is done again."
    )


def _told(value: Any) -> Any:
    """Return what JSON can say of a configuration's entry; the key is what it is known by."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _name_of(build: Any) -> str:
    if isinstance(build, partial):
        return (
            f"{_name_of(build.func)} of {fingerprint((build.args, build.keywords), 'build')[:16]}"
        )
    kind = build if hasattr(build, "__qualname__") else type(build)
    return f"{kind.__module__}.{kind.__qualname__}"
