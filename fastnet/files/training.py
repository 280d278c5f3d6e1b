"""What a checkpoint holds beside the network: a training, as plain values and arrays.

The header's `training` is an object of plain values, in which `arrays` lists the names of the
arrays; each is a member `training_NAME`. What they mean is `fastnet.training.state`'s affair, which
compares them with the training that is to go on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastnet.files.checks import described, refuse

__all__ = ["SavedTraining", "read_training", "training_members"]

Array = NDArray[Any]

_NAME = re.compile(r"[a-z0-9_]{1,60}")


@dataclass
class SavedTraining:
    """What a training goes on from.

    Attributes
    ----------
    told : dict
        Everything that is no array: numbers, strings, None, lists and dicts of them.
    arrays : dict
        The arrays by name, of small letters, digits and underscores.
    """

    told: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)


class _Members(Protocol):
    """What is asked of an open archive."""

    source: str
    n_bytes: int

    def member(self, key: str) -> Array: ...


def training_members(training: SavedTraining) -> dict[str, Array]:
    """Return the arrays by the names of their members, in the byte order of files.

    Examples
    --------
    >>> training_members(SavedTraining({}, {"order": np.arange(2, dtype=np.uint32)}))
    {'training_order': array([0, 1], dtype=uint32)}
    """
    return {
        f"training_{name}": np.asarray(array, dtype=array.dtype.newbyteorder("<"))
        for name, array in training.arrays.items()
    }


def read_training(told: Any, archive: _Members) -> SavedTraining:
    """Return what the header says and the members hold.

    Parameters
    ----------
    told : object
        The header's `training`.
    archive : open archive
        With `source`, `n_bytes`, and `member(key)`.

    Raises
    ------
    ValueError
        It is no object, or an array that it lists is not there, or damaged.
    """
    if not isinstance(told, dict):
        refuse(archive.source, f"its training is {described(told)}; expected an object")
    told = dict(told)
    names = told.pop("arrays", None)
    good = isinstance(names, list) and all(
        isinstance(name, str) and _NAME.fullmatch(name) for name in names
    )
    if not good or len(set(names)) < len(names):
        refuse(archive.source, f"its training's arrays are {described(names)}; expected names")
    arrays: dict[str, Array] = {}
    taken = 0
    for name in names:
        arrays[name] = archive.member(f"training_{name}")
        # Several members may share their bytes in a file that was made to fill the memory.
        taken += arrays[name].nbytes
        if taken > archive.n_bytes:
            refuse(archive.source, f"its arrays have more than its {archive.n_bytes} bytes")
    return SavedTraining(told, arrays)
