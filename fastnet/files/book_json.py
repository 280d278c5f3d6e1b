"""The book's JSON form: sizes, weights, biases, and the cost's name.

Two keys may stand beside them, which the book's program passes over: ``dtype``, for float32, and
``preprocessing``, with what is known of `labels`, `columns`, `target`, and with `input_scale`, by
which all inputs are divided.
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
    """Save a network in the book's JSON form.

    Parameters
    ----------
    path : str or os.PathLike
        The file; one that is there is replaced, see `replace_file`.
    sizes : sequence of int
        The L + 1 layer sizes.
    weights, biases : sequences of L arrays
        Layer by layer, shapes (n_out, n_in) and (n_out, 1).
    cost : str
        Name of the cost.
    dtype : data-type
        float64 or float32. Only the latter is written, so that a float64 file is the book's own.
    kind : str, optional
        What the targets are; classes, which the book's always are, are not written.
    preprocessing : Preprocessing, optional
        One that `fits_json`.

    Raises
    ------
    ValueError
        If a weight or a bias is not finite: JSON has no such numbers. Nothing is written then.
    OSError
        If the file cannot be written. One that was there before is still whole then.

    Notes
    -----
    The form is that of ``network2.py`` in M. Nielsen, *Neural Networks and Deep Learning*, chapter
    3. Every number is written with as many digits as give the same bits when read.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.json")
    ...     weights, biases = [np.array([[0.5, -1.0]])], [np.array([[2.0]])]
    ...     write_json(path, sizes=[2, 1], weights=weights, biases=biases, cost="QuadraticCost",
    ...                dtype=np.float64)
    ...     with open(path) as file:
    ...         print(file.read())
    {"sizes": [2, 1], "weights": [[[0.5, -1.0]]], "biases": [[[2.0]]], "cost": "QuadraticCost"}
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
    """Return whether this form holds it: names, and one scale for all inputs.

    What standardizes each input by itself is refused, since whoever reads the file with the book's
    program would leave it out.

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
    """Read a network in the book's JSON form; check everything about it but the name of its cost.

    Parameters
    ----------
    path : str or os.PathLike
        The file, by `write_json` or by the book's ``network2.py``.
    others : bool, default False
        Pass over keys that are not known, as the book's ``load`` does.

    Returns
    -------
    dict
        ``sizes``, a list of L + 1 positive ints; ``weights`` and ``biases``, lists of L float64
        arrays of shapes (n_out, n_in) and (n_out, 1); ``cost``, a str; ``dtype``, "float64" or
        "float32"; ``kind``, a str; and ``preprocessing``, if there is one.

    Raises
    ------
    FileNotFoundError
        If there is no such file (and the other errors of `open`).
    ValueError
        If the file is not JSON, lacks a key or has one that is not known, if its lists do not have
        the shapes that ``sizes`` asks for, or hold anything but finite numbers.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.json")
    ...     with open(path, "w") as file:
    ...         _ = file.write('{"sizes": [2, 1], "weights": [[[0.5, -1]]], "biases": [[[2]]],'
    ...                        ' "cost": "QuadraticCost"}')
    ...     model = read_json(path)
    >>> model["weights"], model["dtype"]
    ([array([[ 0.5, -1. ]])], 'float64')
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
    """Turn nested lists into arrays, which are made only when the lists have the given shapes."""
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
