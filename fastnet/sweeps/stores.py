"""`Store`: a folder of a sweep's outcomes, with which an interrupted sweep can be continued.

It contains three kinds of files, without pickles:

=====================  ====================================================================
``sweep.json``         identifies the sweep: build function and its code, digest of the data, seed
``<key>.json``         an outcome; written last, so that if it exists, the outcome is complete
``<key>.npz``          its network, if there is one; `fastnet.load` opens it
=====================  ====================================================================

The key is a digest of the sweep, of the values that the build function reads besides its arguments
(closures, defaults, global variables), and of configuration and repetition. So configurations and
seeds can be added later, and no sweep reads the outcomes of another. Failed outcomes are not
written.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from fastnet._version import __version__
from fastnet.files import read_npz, replace_file, write_npz
from fastnet.files.checks import described, parse_json, refuse
from fastnet.history import History
from fastnet.sweeps.digests import digest_function, digest_value
from fastnet.sweeps.results import Outcome
from fastnet.sweeps.trials import Trial

__all__ = ["Store", "read_outcome"]

VERSION = 3
#: The entries of an outcome's file that are read, and their types.
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
        Those of the sweep.

    Raises
    ------
    ValueError
        The folder belongs to another sweep, or its files are damaged.
    TypeError
        The data cannot be identified.
    OSError
        The folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], build: Any, data: Any, seed: int) -> None:
        self._folder = Path(folder)
        code, self._values = digest_function(build)
        about = {
            "format": "fastnet sweep",
            "version": VERSION,
            "build": f"{_name_of(build)} (code {code[:16]})",
            "data": digest_value(data, "data", strict=False),
            "seed": seed,
        }
        self._about = digest_value(about, "sweep")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "sweep.json"
        if not path.exists():
            _write_once(path, about)
        found = _read(path)
        for name, value in about.items():
            if found.get(name) != value:
                raise ValueError(
                    f"{path} belongs to a sweep with {name} {described(found.get(name))}; this one "
                    f"has {value!r}: give store another folder."
                )

    def key(self, trial: Trial) -> str:
        """Return the name of a trial's files, without their suffixes."""
        name = f"configuration {trial.configuration!r}"
        whole = (self._about, self._values, digest_value(trial.configuration, name))
        return f"{digest_value(whole, name)[:32]}-{trial.repetition}"

    def read(self, trial: Trial, key: str) -> Outcome | None:
        """Return the outcome of a trial, or None if the store does not have it."""
        path = self._folder / f"{key}.json"
        if not path.exists():
            return None
        found = read_outcome(path)
        model = None
        if found["network"]:
            model = read_npz(path.with_suffix(".npz"))
            model.history = []
        return Outcome(
            trial.index,
            trial.configuration,
            trial.repetition,
            found["measures"],
            History(found["history"]),
            seconds=found["seconds"],
            worker=found["worker"],
            kernel=found["kernel"],
            restored=True,
            model=model,
        )

    def write(self, outcome: Outcome, key: str) -> None:
        """Write the outcome of a trial, its network first."""
        path = self._folder / f"{key}.json"
        if outcome.model is not None:
            write_npz(path.with_suffix(".npz"), outcome.model)
        record = {
            "configuration": {
                name: _as_json(value) for name, value in outcome.configuration.items()
            },
            "repetition": outcome.repetition,
            "measures": outcome.measures,
            "history": list(outcome.history),
            "network": outcome.model is not None,
            "seconds": outcome.seconds,
            "worker": outcome.worker,
            "kernel": outcome.kernel,
            "written_by": f"fastnet {__version__}",
        }
        _write(path, record)


def _write(path: Path, record: dict[str, Any]) -> None:
    replace_file(path, (json.dumps(record, indent=1) + "\n").encode())


def _write_once(path: Path, record: dict[str, Any]) -> None:
    """Write a file, unless another process has written it meanwhile."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    try:
        _write(temporary, record)
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        _write(path, record)
    finally:
        temporary.unlink(missing_ok=True)


def read_outcome(path: Path) -> dict[str, Any]:
    """Return the entries of an outcome's file, with their types checked.

    Raises
    ------
    ValueError
        The file is damaged.
    """
    found = _read(path)
    for name, kinds in _KINDS.items():
        if name not in found:
            _refuse(path, f"it has no {name!r}")
        if type(found[name]) not in kinds:  # not isinstance(): a bool is an int
            _refuse(path, f"its {name!r} is {described(found[name])}")
    for epoch, record in enumerate(found["history"]):
        if not isinstance(record, dict):
            _refuse(path, f"its history contains {described(record)} for epoch {epoch}")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_bytes(), str(path))
    except ValueError as error:
        _refuse(path, str(error.__cause__ or error))
    if not isinstance(found, dict):
        _refuse(path, f"it contains {described(found)}; expected an object")
    return found


def _refuse(path: Path, cause: str) -> NoReturn:
    advice = "remove it, and the next sweep writes it again."
    refuse(str(path), cause, verdict="is damaged", advice=advice)


def _as_json(value: Any) -> Any:
    """Return a configuration's entry, or its repr; it is only for people to read."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _name_of(build: Any) -> str:
    if isinstance(build, partial):
        arguments = digest_value((build.args, build.keywords), "build")
        return f"{_name_of(build.func)} of {arguments[:16]}"
    kind = build if hasattr(build, "__qualname__") else type(build)
    return f"{kind.__module__}.{kind.__qualname__}"
