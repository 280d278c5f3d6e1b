"""The content of a model file in any format: named arrays, and a header in JSON for the rest.

The arrays of L layers:

==================  =========  ==============================================================
biases_0, ...       dtype      (n_out, 1), one per layer
weights_0, ...      dtype      (n_out, n_in), one per layer
input_mean          float64    (n_0,), if inputs are standardized
input_scale         float64    (n_0,)
training_...        any        in checkpoints: the state of the training
==================  =========  ==============================================================
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastnet._version import __version__
from fastnet.common.plain import as_plain
from fastnet.files.checks import (
    check_depth,
    check_keys,
    check_parameters,
    described,
    make_preprocessing,
    parse_json,
    read_names,
    refuse,
)
from fastnet.history import without_counts
from fastnet.model.targets import KINDS, kind_of_output
from fastnet.preprocessing import Preprocessing

__all__ = [
    "ENSEMBLE",
    "FORMAT_VERSION",
    "Members",
    "SavedModel",
    "SavedTraining",
    "arrays_of",
    "check_header",
    "check_sizes",
    "header_of",
    "read_header",
    "read_model",
]

Array = NDArray[Any]

#: The version that is written; a change of meaning, or a new key, needs another.
FORMAT_VERSION = 2
FORMAT = "fastnet network"
#: A model file that also stores the state of a training.
CHECKPOINT = "fastnet checkpoint"
#: A file of many networks; see `fastnet.files.ensembles`.
ENSEMBLE = "fastnet ensemble"
_KEYS = (
    "format",
    "version",
    "written_by",
    "sizes",
    "activations",
    "cost",
    "dtype",
    "initializer",
    "bias_initializer",
    "preprocessing",
    "kind",
    "low",
    "history",
)
#: The keys that version 1 lacks; its histories have counts of correct examples, not shares.
_SINCE_2 = ("kind", "low")
_ARRAY_NAME = re.compile(r"[a-z0-9_]{1,60}")
_NAMES = ("labels", "columns", "target", "target_mean", "target_scale")


@dataclass
class SavedTraining:
    """The state from which a training resumes; see `fastnet.training.state`.

    Attributes
    ----------
    told : dict
        Everything that is not an array: numbers, strings, None, lists and dicts of them.
    arrays : dict
        The arrays by name; names have lower-case letters, digits and underscores.
    """

    told: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)


@dataclass
class SavedModel:
    """The content of a model file.

    Attributes
    ----------
    sizes : sequence of int
        Units per layer, the inputs first.
    activations : sequence of str
        One for each layer except the inputs.
    cost, dtype : str
        Names.
    cost_numbers : sequence of float
        The cost's parameters.
    biases, weights : sequence of ndarray
        Layer by layer, shapes (n_out, 1) and (n_out, n_in).
    initializer, bias_initializer : str, float, dict, list or None
        How weights and biases were initialized, as `initializers.plain` writes it; None for a
        function, which a file cannot store.
    preprocessing : Preprocessing or None
    kind : str or None
        What the targets are: "classes", "labels" or "numbers"; None if unknown.
    low : float
        The target for a class or label that does not apply: 0 or -1.
    history : list of dict
        One record per epoch.
    written_by : str
        The program that wrote the file.
    training : SavedTraining or None
        The state of a training, if the file is a checkpoint.
    """

    sizes: Sequence[int]
    activations: Sequence[str]
    cost: str
    dtype: str
    biases: Sequence[Array]
    weights: Sequence[Array]
    initializer: Any = None
    bias_initializer: Any = None
    preprocessing: Preprocessing | None = None
    kind: str | None = None
    low: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    written_by: str = f"fastnet {__version__}"
    cost_numbers: Sequence[float] = ()
    training: SavedTraining | None = None


class Members(Protocol):
    """An open model file, as `read_model` reads it.

    Attributes
    ----------
    source : str
        What messages call the file.
    n_bytes : int
        The size of the file.
    """

    source: str
    n_bytes: int

    def checked(self, key: str, shape: tuple[int, ...], dtype: str) -> Array:
        """Return an array, which must be present, finite, and of this shape and dtype."""
        ...

    def member(self, key: str) -> Array:
        """Return an array, which must be present."""
        ...


def arrays_of(model: SavedModel, path: str) -> dict[str, Array]:
    """Return all arrays of a model, checked and little-endian.

    Raises
    ------
    ValueError
        A parameter is not finite, or the preprocessing does not fit the network.
    TypeError
        `model.preprocessing` is not a `Preprocessing`.
    """
    members: dict[str, Array] = {}
    stored = np.dtype(model.dtype).newbyteorder("<")
    check_parameters(model.biases, model.weights, path)
    for key, arrays in (("biases", model.biases), ("weights", model.weights)):
        for layer, array in enumerate(arrays):
            members[f"{key}_{layer}"] = np.asarray(array, dtype=stored)
    if model.training is not None:
        for name, array in model.training.arrays.items():
            stored = array.dtype.newbyteorder("<")
            members[f"training_{name}"] = np.asarray(array, dtype=stored)
    preprocessing = model.preprocessing
    if preprocessing is None:
        return members
    if not isinstance(preprocessing, Preprocessing):
        raise TypeError(
            f"preprocessing is {described(preprocessing)}; expected a fastnet.Preprocessing."
        )
    preprocessing.check(model.sizes)
    if preprocessing.mean is not None and preprocessing.scale is not None:
        members["input_mean"] = preprocessing.mean.astype("<f8")
        members["input_scale"] = preprocessing.scale.astype("<f8")
    return members


def header_of(model: SavedModel) -> bytes:
    """Return everything but the arrays, as JSON.

    Raises
    ------
    ValueError
        The history contains values that JSON cannot express.
    """
    import json

    preprocessing = model.preprocessing
    names = None
    if preprocessing is not None:
        names = {name: getattr(preprocessing, name) for name in _NAMES}
        names["standardized"] = preprocessing.mean is not None
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "written_by": model.written_by,
        "sizes": [int(n) for n in model.sizes],
        "activations": list(model.activations),
        "cost": model.cost,
        "dtype": model.dtype,
        "initializer": model.initializer,
        "bias_initializer": model.bias_initializer,
        "preprocessing": names,
        "kind": model.kind,
        "low": model.low,
        "history": as_plain(list(model.history), "history"),
    }
    if model.cost_numbers:
        header["cost_numbers"] = list(model.cost_numbers)
    if model.training is not None:
        header["format"] = CHECKPOINT
        header["training"] = as_plain(model.training.told, "training")
        header["training"]["arrays"] = sorted(model.training.arrays)
    return json.dumps(header).encode("ascii")


def read_model(header: dict[str, Any], members: Members) -> SavedModel:
    """Return the model of a header and its arrays; check everything except the names in it.

    Parameters
    ----------
    header : dict
        As `check_header` returns it.
    members : Members

    Raises
    ------
    ValueError
        Something is damaged, missing or unknown, or the format has a later version.
    """
    sizes, _, dtype = read_names(header, members.source)
    check_sizes(header, sizes, dtype, members)
    biases, weights = [], []
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        biases.append(members.checked(f"biases_{layer}", (n_out, 1), dtype))
        weights.append(members.checked(f"weights_{layer}", (n_out, n_in), dtype))
    preprocessing = _read_preprocessing(header["preprocessing"], sizes, members)
    training = _read_training(header["training"], members) if "training" in header else None
    kept = [key for key in _KEYS if key not in ("format", "version", "sizes", "dtype")]
    kept.remove("preprocessing")
    return SavedModel(
        sizes=sizes,
        dtype=dtype,
        biases=biases,
        weights=weights,
        preprocessing=preprocessing,
        training=training,
        cost_numbers=header["cost_numbers"],
        **{key: header[key] for key in kept},
    )


def _read_training(told: Any, members: Members) -> SavedTraining:
    """Return the state of a training from the header and the arrays that it lists."""
    if not isinstance(told, dict):
        refuse(members.source, f"its training is {described(told)}; expected an object")
    told = dict(told)
    names = told.pop("arrays", None)
    good = _are_names(names) and all(_ARRAY_NAME.fullmatch(name) for name in names)
    if not good or len(set(names)) < len(names):
        refuse(members.source, f"its training's arrays are {described(names)}; expected names")
    arrays: dict[str, Array] = {}
    taken = 0
    for name in names:
        arrays[name] = members.member(f"training_{name}")
        # In a malicious file several members may share their bytes, to fill the memory.
        taken += arrays[name].nbytes
        if taken > members.n_bytes:
            refuse(members.source, f"its arrays have more than its {members.n_bytes} bytes")
    return SavedTraining(told, arrays)


def check_sizes(header: dict[str, Any], sizes: Sequence[int], dtype: str, members: Members) -> int:
    """Return how many parameters a network has; refuse more than the bytes that are there.

    Raises
    ------
    ValueError
        The sizes mean too many parameters, or another number of activations.
    """
    if len(header["activations"]) != len(sizes) - 1:
        refuse(
            members.source,
            f"its activations are {described(header['activations'])}; its sizes ask for "
            f"{len(sizes) - 1}",
        )
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if count * np.dtype(dtype).itemsize > members.n_bytes:
        refuse(
            members.source,
            f"its sizes {described(sizes)} mean more parameters than its {members.n_bytes} bytes "
            "can hold",
        )
    return count


def read_header(data: bytes, source: str) -> dict[str, Any]:
    """Return the header of one network, parsed and checked."""
    found = parse_json(data, source)
    check_depth(found, source)
    return check_header(found, source)


def check_header(found: Any, source: str) -> dict[str, Any]:
    """Return a parsed header, after a check of its version and all of its keys.

    Raises
    ------
    ValueError
        Something is missing or unknown, or the format has a later version.
    """
    _check_version(found, source)
    beside = ("training",) if found["format"] == CHECKPOINT else ()
    if found["version"] == 1:
        header = check_keys(found, source, (*(k for k in _KEYS if k not in _SINCE_2), *beside))
        header = {**header, "kind": _kind_of_version_1(header), "low": 0.0}
    else:
        header = check_keys(found, source, (*_KEYS, *beside), optional=("cost_numbers",))
    header = {"cost_numbers": [], **header}
    history, kind, low = header["history"], header["kind"], header["low"]
    records = isinstance(history, list) and all(isinstance(record, dict) for record in history)
    # type() and not isinstance(): a bool is an int.
    starts = (str, int, float, dict, list, type(None))
    for key, good, expected in (
        ("written_by", isinstance(header["written_by"], str), "a name"),
        ("activations", _are_names(header["activations"]), "a list of names"),
        ("history", records, "a list of records, one per epoch"),
        *(
            (key, type(header[key]) in starts, "a name, a number, an object, a list or null")
            for key in ("initializer", "bias_initializer")
        ),
        ("kind", kind is None or kind in KINDS, f"one of {', '.join(KINDS)}, or null"),
        ("low", type(low) in (int, float) and low in (0, -1), "0 or -1"),
        ("cost_numbers", _are_numbers(header["cost_numbers"]), "a list of finite numbers"),
    ):
        if not good:
            refuse(source, f"its {key} is {described(header[key])}; expected {expected}")
    if found["version"] == 1:
        header["history"] = without_counts(header["history"])
    return header


def _are_numbers(value: Any) -> bool:
    """Return whether a value is a list of finite numbers."""
    plain = isinstance(value, list) and all(type(item) in (int, float) for item in value)
    return plain and all(abs(item) <= sys.float_info.max for item in value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _kind_of_version_1(header: dict[str, Any]) -> str | None:
    """Return the likely kind of targets for a file of version 1, which does not store it."""
    preprocessing, activations = header["preprocessing"], header["activations"]
    if isinstance(preprocessing, dict) and preprocessing.get("labels") is not None:
        return "classes"
    return kind_of_output(activations[-1]) if _are_names(activations) and activations else None


def _check_version(header: Any, source: str) -> None:
    """Refuse a header of another format, or of a later version of this format."""
    if isinstance(header, dict) and header.get("format") == ENSEMBLE:
        refuse(source, "it is a file of many networks", advice="open it with fastnet.Ensemble.load")
    if not isinstance(header, dict) or header.get("format") not in (FORMAT, CHECKPOINT):
        refuse(source, f"its header is {described(header)}; expected one of {FORMAT!r}")
    version = header.get("version")
    if type(version) is not int or version < 1:
        refuse(source, f"its version is {described(version)}; expected a whole number, 1 or more")
    if version < FORMAT_VERSION and header["format"] == CHECKPOINT:
        refuse(
            source,
            f"it is a checkpoint of format version {version}, which fastnet cannot resume any more",
        )
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{source} has format version {described(version)}, written by "
            f"{described(header.get('written_by'))}; fastnet {__version__} reads versions up to "
            f"{FORMAT_VERSION}, install a newer one"
        )


def _read_preprocessing(names: Any, sizes: Sequence[int], members: Members) -> Preprocessing | None:
    """Return the preprocessing from the header and the members of mean and scale."""
    if names is None:
        return None
    found = dict(check_keys(names, members.source, (*_NAMES, "standardized")))
    standardized = found.pop("standardized")
    if type(standardized) is not bool:
        refuse(members.source, f"its standardized is {described(standardized)}; expected a bool")
    if standardized:
        for key in ("mean", "scale"):
            found[key] = members.checked(f"input_{key}", (sizes[0],), "float64")
    return make_preprocessing(found, sizes, members.source)
