"""Model files in the book's JSON format: sizes, weights, biases, and the cost's name.

The book's program ignores the optional keys: ``dtype``, for float32; ``kind``, what the targets
are; and ``preprocessing``, with `labels`, `columns`, `target`, and `input_scale`, by which all
inputs are divided.
"""

import os
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet.common.arguments import memory_for
from fastnet.files.atomic import replace_file
from fastnet.files.checks import (
    check_keys,
    check_parameters,
    described,
    make_preprocessing,
    parse_json,
    read_names,
    refuse,
)
from fastnet.model.targets import KINDS
from fastnet.preprocessing import Preprocessing

__all__ = ["fits_json", "read_json", "write_json"]

_KEYS = ("sizes", "weights", "biases", "cost")
_NAMES = ("labels", "columns", "target")


def write_json(
    path: str | os.PathLike[str],
    *,
    sizes: Sequence[int],
    weights: Sequence[NDArray[Any]],
    biases: Sequence[NDArray[Any]],
    cost: str,
    dtype: DTypeLike,
    kind: str | None = None,
    preprocessing: Preprocessing | None = None,
) -> None:
    """Save a network in the book's JSON format, every number with all of its bits.

    This is the format of ``network2.py`` in M. Nielsen, *Neural Networks and Deep Learning*,
    chapter 3. The dtype is written only if it is "float32" and the kind only if it is not
    "classes", so that other files have exactly the book's keys. The preprocessing must be one for
    which `fits_json` is true.

    Raises
    ------
    ValueError
        A weight or a bias is not finite, which JSON cannot express. Nothing is written.
    OSError
        The file cannot be written. An older file is unchanged.
    """
    import json

    check_parameters(biases, weights, os.fsdecode(path))
    with memory_for(f"saving {os.fsdecode(path)!r}"):
        model: dict[str, Any] = {
            "sizes": [int(n) for n in sizes],
            "weights": [np.asarray(w).tolist() for w in weights],
            "biases": [np.asarray(b).tolist() for b in biases],
            "cost": cost,
        }
        if np.dtype(dtype) != np.dtype(np.float64):
            model["dtype"] = np.dtype(dtype).name
        if kind not in (None, "classes"):
            model["kind"] = kind
        if preprocessing is not None:
            preprocessing.check(model["sizes"])
            model["preprocessing"] = _described(preprocessing)
        replace_file(path, json.dumps(model).encode("ascii"))


def fits_json(preprocessing: Preprocessing) -> bool:
    """Return whether this format can store a preprocessing: names, and one scale for all inputs.

    Means and scales that differ between inputs are refused, since the book's program would ignore
    them.

    Examples
    --------
    >>> fits_json(Preprocessing(labels=[1, 2])), fits_json(Preprocessing([0.5], [2.0]))
    (True, False)
    """
    mean, scale = preprocessing.mean, preprocessing.scale
    same = mean is None or scale is None or not (mean.any() or np.ptp(scale))
    return same and (preprocessing.target_mean, preprocessing.target_scale) == (0.0, 1.0)


def _described(preprocessing: Preprocessing) -> dict[str, Any]:
    found = {name: getattr(preprocessing, name) for name in _NAMES}
    if preprocessing.scale is not None:
        found["input_scale"] = float(preprocessing.scale[0])
    return {name: value for name, value in found.items() if value is not None}


def _read_preprocessing(found: Any, sizes: Sequence[int], source: str) -> Preprocessing:
    known = dict(check_keys(found, source, (), optional=(*_NAMES, "input_scale")))
    if "input_scale" in known:
        scale = known.pop("input_scale")
        if type(scale) not in (int, float):
            refuse(source, f"its input_scale is {described(scale)}; expected a number")
        try:
            known |= {"mean": np.zeros(sizes[0]), "scale": np.full(sizes[0], scale, np.float64)}
        except OverflowError as error:
            refuse(source, "its input_scale is beyond the range of float64", error)
    return make_preprocessing(known, sizes, source)


def read_json(path: str | os.PathLike[str], *, others: bool = False) -> dict[str, Any]:
    """Return the network that `write_json` or the book's ``network2.py`` wrote.

    Everything is checked except the name of the cost.

    Parameters
    ----------
    path : str or os.PathLike
    others : bool, default False
        Ignore unknown keys, as the book's ``load`` does.

    Returns
    -------
    dict
        ``sizes``, a list of L + 1 positive ints; ``weights`` and ``biases``, lists of L float64
        arrays of shapes (n_out, n_in) and (n_out, 1); ``cost``, a str; ``dtype``, "float64" or
        "float32"; ``kind``, a str; and ``preprocessing``, if there is one.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is not JSON, lacks a key or has an unknown one, or its lists do not have the shapes
        that follow from ``sizes``, or contain anything but finite numbers.
    """
    source = repr(os.fsdecode(path))
    with memory_for(f"loading {source}"):
        return _read(path, source, others)


def _read(path: str | os.PathLike[str], source: str, others: bool) -> dict[str, Any]:
    with open(path, "rb") as file:
        found = parse_json(file.read(), source)
    optional = ("dtype", "kind", "preprocessing")
    if others and isinstance(found, dict):
        found = {key: found[key] for key in (*_KEYS, *optional) if key in found}
    model = check_keys(found, source, _KEYS, optional=optional)
    kind = model.get("kind", "classes")
    if kind not in KINDS:
        refuse(source, f"its kind is {described(kind)}; expected one of {', '.join(KINDS)}")
    sizes, cost, dtype = read_names({"dtype": "float64", **model}, source)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = _matrices(model["weights"], shapes, "weights", source)
    biases = _matrices(model["biases"], [(n, 1) for n in sizes[1:]], "biases", source)
    largest = max(float(np.abs(array).max()) for array in (*weights, *biases))
    if dtype == "float32" and largest > float(np.finfo(np.float32).max):
        refuse(source, f"its dtype is float32, and it holds {largest}, which float32 cannot")
    result = {"sizes": sizes, "weights": weights, "biases": biases, "cost": cost, "dtype": dtype}
    result["kind"] = kind
    if "preprocessing" in model:
        result["preprocessing"] = _read_preprocessing(model["preprocessing"], sizes, source)
    return result


def _matrices(
    layers: Any, shapes: list[tuple[int, int]], key: str, source: str
) -> list[NDArray[np.float64]]:
    """Return nested lists as arrays, after a check that the lists have the given shapes."""
    if not isinstance(layers, list) or len(layers) != len(shapes):
        refuse(
            source,
            f"its {key} are {described(layers)}; its sizes ask for {len(shapes)} matrices",
        )
    return [_matrix(rows, shapes[i], f"{key}[{i}]", source) for i, rows in enumerate(layers)]


def _matrix(rows: Any, shape: tuple[int, int], where: str, source: str) -> NDArray[np.float64]:
    n_out, n_in = shape
    if not isinstance(rows, list) or len(rows) != n_out:
        refuse(
            source, f"its {where} is {described(rows)}; its sizes ask for {described(n_out)} rows"
        )
    wanted = f"{described(n_in)} numbers"
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != n_in:
            refuse(source, f"its {where}[{i}] is {described(row)}; its sizes ask for {wanted}")
        if not set(map(type, row)) <= {int, float}:
            wrong = next(value for value in row if type(value) not in (int, float))
            refuse(source, f"its {where}[{i}] holds {reprlib.repr(wrong)}; expected a number")
    try:
        array = np.array(rows, dtype=np.float64)
    except OverflowError as error:
        refuse(source, f"its {where} holds a whole number beyond the range of float64", error)
    if not np.isfinite(array).all():
        refuse(source, f"its {where} holds a number that is not finite")
    return array
