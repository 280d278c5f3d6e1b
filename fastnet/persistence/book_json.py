"""Model files in and out: the book's JSON form, written so that no failure leaves half a file.

Knows nothing of `Network`: what goes in and comes out is sizes, arrays and names.
"""

import os
import reprlib
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

_KEYS = ("sizes", "weights", "biases", "cost")
_DTYPES = ("float64", "float32")


def write_json(
    path: str | os.PathLike[str],
    *,
    sizes: Sequence[int],
    weights: Sequence[NDArray[Any]],
    biases: Sequence[NDArray[Any]],
    cost: str,
    dtype: DTypeLike,
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

    for key, arrays in (("weights", weights), ("biases", biases)):
        for i, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{key}[{i}] holds numbers that are not finite, which JSON has no form for; "
                    f"{os.fsdecode(path)!r} was not written, has the training diverged?"
                )
    model: dict[str, Any] = {
        "sizes": [int(n) for n in sizes],
        "weights": [np.asarray(w).tolist() for w in weights],
        "biases": [np.asarray(b).tolist() for b in biases],
        "cost": cost,
    }
    if np.dtype(dtype) != np.dtype(np.float64):
        model["dtype"] = np.dtype(dtype).name
    replace_file(path, json.dumps(model).encode("ascii"))


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a network in the book's JSON form; check everything about it but the name of its cost.

    Parameters
    ----------
    path : str or os.PathLike
        The file, by `write_json` or by the book's ``network2.py``.

    Returns
    -------
    dict
        ``sizes``, a list of L + 1 positive ints; ``weights`` and ``biases``, lists of L float64
        arrays of shapes (n_out, n_in) and (n_out, 1); ``cost``, a str; ``dtype``, "float64" or
        "float32".

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
    with open(path, "rb") as file:
        model = _parse(file.read(), source)
    sizes, cost, dtype = _checked_names(model, source)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = _matrices(model["weights"], shapes, "weights", source)
    biases = _matrices(model["biases"], [(n, 1) for n in sizes[1:]], "biases", source)
    largest = max(float(np.abs(array).max()) for array in (*weights, *biases))
    if dtype == "float32" and largest > float(np.finfo(np.float32).max):
        _refuse(source, f"its dtype is float32, and it holds {largest}, which float32 cannot")
    return {"sizes": sizes, "weights": weights, "biases": biases, "cost": cost, "dtype": dtype}


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``; at every moment the old file or the new one is there whole.

    The data go to a new file in the same folder, are flushed to the disk, and take the name in one
    step. A symbolic link stays one, the permissions of a file that is there stay as they are (other
    hard links to it keep the old data), and a file that may not be written is refused as `open`
    would. What is no regular file, such as a pipe, is written to directly.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    data : bytes
        All of its new content.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(os.path.join(folder, "note"), b"kept")
    ...     os.listdir(folder)
    ['note']
    """
    target = os.path.realpath(os.fsdecode(path))
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as file:
            file.write(data)
        return
    if mode is not None:
        # Renaming needs no leave to write to the file itself, so that has to be asked for.
        os.close(os.open(target, os.O_WRONLY))
    temporary = os.path.join(os.path.dirname(target), f".fastnet-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            # The name that the caller knows, not that of the file beside it.
            raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
        raise


def _parse(data: bytes, source: str) -> dict[str, Any]:
    """Return the file's dict, with every key that it must have and no other."""
    import json

    try:
        model = json.loads(data.decode("utf-8"), object_pairs_hook=_unambiguous)
    except json.JSONDecodeError as error:
        _refuse(
            source,
            f"it is not whole JSON ({error.msg} at character {error.pos} of {len(error.doc)})",
            error,
        )
    except UnicodeDecodeError as error:
        _refuse(source, f"it is not text in UTF-8 (byte {error.start} of {len(data)})", error)
    except RecursionError as error:
        _refuse(source, "its lists are nested too deeply; expected at most three levels", error)
    except ValueError as error:
        _refuse(source, f"it cannot be read as JSON ({error})", error)
    if not isinstance(model, dict):
        _refuse(
            source, f"it holds {reprlib.repr(model)}; expected an object with {', '.join(_KEYS)}"
        )
    missing = [key for key in _KEYS if key not in model]
    if missing:
        _refuse(source, f"it has no {missing[0]}; expected an object with {', '.join(_KEYS)}")
    # A key that this version does not know may change what the network computes, so it must not be
    # passed over.
    unknown = [key for key in model if key not in (*_KEYS, "dtype")]
    if unknown:
        _refuse(
            source, f"it has the key {reprlib.repr(unknown[0])}, which this version does not know"
        )
    return {"dtype": "float64", **model}


def _checked_names(model: dict[str, Any], source: str) -> tuple[list[int], str, str]:
    """Return what a file says beside its numbers: sizes, the cost's name, the dtype's."""
    sizes, cost, dtype = model["sizes"], model["cost"], model["dtype"]
    # type() and not isinstance(): a bool is an int.
    whole = isinstance(sizes, list) and all(type(n) is int and n > 0 for n in sizes)
    if not whole or len(sizes) < 2:
        expected = "a list of two or more positive whole numbers"
        _refuse(source, f"its sizes are {_described(sizes)}; expected {expected}")
    if not isinstance(cost, str):
        _refuse(source, f"its cost is {_described(cost)}; expected a name")
    if dtype not in _DTYPES:
        _refuse(source, f"its dtype is {_described(dtype)}; expected {' or '.join(_DTYPES)}")
    return sizes, cost, dtype


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _matrices(
    layers: Any, shapes: list[tuple[int, int]], key: str, source: str
) -> list[NDArray[np.float64]]:
    """Turn nested lists into arrays, which are made only when the lists have the given shapes."""
    if not isinstance(layers, list) or len(layers) != len(shapes):
        _refuse(
            source,
            f"its {key} are {_described(layers)}; its sizes ask for {len(shapes)} matrices",
        )
    return [_matrix(rows, shapes[i], f"{key}[{i}]", source) for i, rows in enumerate(layers)]


def _matrix(rows: Any, shape: tuple[int, int], where: str, source: str) -> NDArray[np.float64]:
    n_out, n_in = shape
    if not isinstance(rows, list) or len(rows) != n_out:
        _refuse(
            source, f"its {where} is {_described(rows)}; its sizes ask for {_described(n_out)} rows"
        )
    wanted = f"{_described(n_in)} numbers"
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != n_in:
            _refuse(source, f"its {where}[{i}] is {_described(row)}; its sizes ask for {wanted}")
        if not set(map(type, row)) <= {int, float}:
            wrong = next(value for value in row if type(value) not in (int, float))
            _refuse(source, f"its {where}[{i}] holds {reprlib.repr(wrong)}; expected a number")
    try:
        array = np.array(rows, dtype=np.float64)
    except OverflowError as error:
        _refuse(source, f"its {where} holds a whole number beyond the range of float64", error)
    if not np.isfinite(array).all():
        _refuse(source, f"its {where} holds a number that is not finite")
    return array


def _described(value: Any) -> str:
    short = reprlib.repr(value)
    return f"{short} (a list of {len(value)})" if isinstance(value, list) else short


def _refuse(source: str, cause: str, error: Exception | None = None) -> NoReturn:
    raise ValueError(
        f"{source} is not a saved network: {cause}; save it again or choose another file"
    ) from error
