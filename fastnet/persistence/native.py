"""The library's own model files: an .npz archive that `numpy.load` opens too.

Members of format version 1, all stored without compression:

==================  =========  ==============================================================
header              uint8      JSON in UTF-8: everything that is no array (see `write_npz`)
biases_0, ...       dtype      (n_out, 1), a member a layer
weights_0, ...      dtype      (n_out, n_in), a member a layer
input_mean          float64    (n_0,), where inputs are standardized
input_scale         float64    (n_0,)
==================  =========  ==============================================================

Nothing is pickled, and a file costs no more memory to read than a small multiple of its size:
compressed members are refused, and declared sizes are held against the bytes that are there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet._version import __version__
from fastnet.persistence.checks import check_keys, described, parse_json, read_names, refuse
from fastnet.persistence.replacing import replace_file
from fastnet.preprocessing import Preprocessing

__all__ = ["FORMAT_VERSION", "SavedModel", "read_npz", "write_npz"]

Array = NDArray[Any]

#: The version that is written; a change of meaning, or a new key, needs another.
FORMAT_VERSION = 1
FORMAT = "fastnet network"
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
    "history",
)
_NAMES = ("labels", "columns", "target", "target_mean", "target_scale")


@dataclass
class SavedModel:
    """Everything that a model file holds.

    Attributes
    ----------
    sizes : sequence of int
        Units per layer, the inputs first.
    activations : sequence of str
        Of each layer but the inputs.
    cost, dtype : str
        Names.
    biases, weights : sequence of ndarray
        Layer by layer, shapes (n_out, 1) and (n_out, n_in).
    initializer, bias_initializer : str, float or None
        How the weights started; None for a function, which no file can hold.
    preprocessing : Preprocessing or None
    history : list of dict
        A record an epoch.
    written_by : str
        Which program wrote the file.
    """

    sizes: Sequence[int]
    activations: Sequence[str]
    cost: str
    dtype: str
    biases: Sequence[Array]
    weights: Sequence[Array]
    initializer: str | float | None = None
    bias_initializer: str | float | None = None
    preprocessing: Preprocessing | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    written_by: str = f"fastnet {__version__}"


def write_npz(path: str | os.PathLike[str], model: SavedModel) -> None:
    """Save a model in the library's own form.

    Parameters
    ----------
    path : str or os.PathLike
        The file; one that is there is replaced, see `replace_file`.
    model : SavedModel

    Raises
    ------
    ValueError
        A parameter is not finite, the preprocessing is not one for such a network, or the history
        holds what JSON cannot. Nothing is written then.
    TypeError
        `model.preprocessing` is no `Preprocessing`.
    OSError
        The file cannot be written. One that was there before is still whole then.

    Examples
    --------
    >>> import os, tempfile
    >>> model = SavedModel([2, 1], ["identity"], "quadratic", "float32",
    ...                    [np.array([[2.0]])], [np.array([[0.5, -1.0]])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.npz")
    ...     write_npz(path, model)
    ...     with np.load(path) as members:
    ...         print(sorted(members), members["weights_0"])
    ['biases_0', 'header', 'weights_0'] [[ 0.5 -1. ]]
    """
    import io
    import json

    members = _members(model, os.fsdecode(path))
    text = json.dumps(_header(model)).encode("ascii")
    members["header"] = np.frombuffer(text, dtype=np.uint8)
    archive = io.BytesIO()
    np.savez(archive, **members)  # type: ignore[arg-type]
    replace_file(path, archive.getbuffer())


def _members(model: SavedModel, path: str) -> dict[str, Array]:
    """Return all arrays but the header, in the byte order of files, once they are good ones."""
    members: dict[str, Array] = {}
    stored = np.dtype(model.dtype).newbyteorder("<")
    for key, arrays in (("biases", model.biases), ("weights", model.weights)):
        for layer, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{key}[{layer}] holds numbers that are not finite; {path!r} was not written, "
                    "has the training diverged?"
                )
            members[f"{key}_{layer}"] = np.asarray(array, dtype=stored)
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


def _header(model: SavedModel) -> dict[str, Any]:
    """Return what is no array, as JSON holds it."""
    preprocessing = model.preprocessing
    names = None
    if preprocessing is not None:
        names = {name: getattr(preprocessing, name) for name in _NAMES}
        names["standardized"] = preprocessing.mean is not None
    return {
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
        "history": _plain(list(model.history), "history"),
    }


def _plain(value: Any, where: str) -> Any:
    """Return what JSON gives back as it is; NumPy's numbers and arrays become Python's."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise ValueError(
        f"{where} is {described(value)}, which a model file cannot hold; make it numbers, strings, "
        "lists and dicts with names for keys, or take it out of the network's history."
    )


def read_npz(path: str | os.PathLike[str]) -> SavedModel:
    """Read a model in the library's own form; check everything but the names in it.

    Parameters
    ----------
    path : str or os.PathLike
        A file that `write_npz` wrote, in this version of the format or an earlier one.

    Returns
    -------
    SavedModel
        Its arrays are of the model's dtype.

    Raises
    ------
    FileNotFoundError
        If there is no such file (and the other errors of `open`).
    ValueError
        If it is not such a file, is damaged, declares what is not there, or is of a later version
        of the format.

    Examples
    --------
    >>> import os, tempfile
    >>> model = SavedModel([2, 1], ["identity"], "quadratic", "float32",
    ...                    [np.array([[2.0]])], [np.array([[0.5, -1.0]])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.npz")
    ...     write_npz(path, model)
    ...     read_npz(path).weights
    [array([[ 0.5, -1. ]], dtype=float32)]
    """
    with _Archive(path) as archive:
        header = _read_header(archive)
        sizes, _, dtype = read_names(header, archive.source)
        _check_sizes(header, sizes, dtype, archive)
        biases, weights = [], []
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            biases.append(archive.read(f"biases_{layer}", (n_out, 1), dtype))
            weights.append(archive.read(f"weights_{layer}", (n_out, n_in), dtype))
        preprocessing = _read_preprocessing(header["preprocessing"], sizes, archive)
        kept = ("cost", "activations", "initializer", "bias_initializer", "history", "written_by")
        return SavedModel(
            sizes=sizes,
            dtype=dtype,
            biases=biases,
            weights=weights,
            preprocessing=preprocessing,
            **{key: header[key] for key in kept},
        )


def _check_sizes(
    header: dict[str, Any], sizes: Sequence[int], dtype: str, archive: _Archive
) -> None:
    """Refuse sizes that don't go with the activations, or with the bytes that are there."""
    if len(header["activations"]) != len(sizes) - 1:
        refuse(
            archive.source,
            f"its activations are {described(header['activations'])}; its sizes ask for "
            f"{len(sizes) - 1}",
        )
    count = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if count * np.dtype(dtype).itemsize > archive.n_bytes:
        refuse(
            archive.source,
            f"its sizes {described(sizes)} mean more parameters than its {archive.n_bytes} bytes "
            "can hold",
        )


class _Archive:
    """An open .npz file, every error of which names it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import zipfile

        from fastnet.datasets.npz import zip_errors_named

        self.source = repr(os.fsdecode(path))
        # Closed by `__exit__`, or here where there is nothing to come back to.
        self._file = open(path, "rb")  # noqa: SIM115
        try:
            self.n_bytes = os.fstat(self._file.fileno()).st_size
            with zip_errors_named(self.source):
                self._archive = zipfile.ZipFile(self._file)
            self._members = {info.filename: info for info in self._archive.infolist()}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    def member(self, key: str) -> Array:
        """Return a member, whatever its shape."""
        from fastnet.datasets.npz import listed, read_member

        info = self._members.get(f"{key}.npy")
        if info is None:
            refuse(self.source, f"it has no member {key}.npy; it holds {listed(self._members)}")
        if info.compress_type != 0:
            # A header of a few bytes could unpack to lists that fill the memory.
            refuse(self.source, f"its {key} is compressed; a model file stores its members")
        return read_member(self._archive, info, self.n_bytes, f"{key} in {self.source}")

    def read(self, key: str, shape: tuple[int, ...], dtype: str) -> Array:
        """Return a member that must be finite and of this shape and dtype."""
        array = self.member(key)
        if array.shape != shape or array.dtype != np.dtype(dtype):
            refuse(
                self.source,
                f"its {key} has shape {array.shape} and dtype {array.dtype}; its header asks for "
                f"{shape} and {dtype}",
            )
        if not np.isfinite(array).all():
            refuse(self.source, f"its {key} holds a number that is not finite")
        return array


def _read_header(archive: _Archive) -> dict[str, Any]:
    """Return the header, once it is one of a version that is known, with all of its keys."""
    array = archive.member("header")
    if array.dtype != np.uint8 or array.ndim != 1:
        refuse(
            archive.source,
            f"its header has shape {array.shape} and dtype {array.dtype}; expected bytes",
        )
    found = parse_json(array.tobytes(), archive.source)
    _check_version(found, archive.source)
    header = check_keys(found, archive.source, _KEYS)
    for key, good, expected in (
        ("written_by", _is_name, "a name"),
        ("activations", _are_names, "a list of names"),
        ("history", _are_records, "a list of records, one an epoch"),
        ("initializer", _is_start, "a name, a number or null"),
        ("bias_initializer", _is_start, "a name, a number or null"),
    ):
        if not good(header[key]):
            refuse(archive.source, f"its {key} is {described(header[key])}; expected {expected}")
    return header


def _is_name(value: Any) -> bool:
    return isinstance(value, str)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(record, dict) for record in value)


def _is_start(value: Any) -> bool:
    # type() and not isinstance(): a bool is an int.
    return type(value) in (str, int, float, type(None))


def _check_version(header: Any, source: str) -> None:
    """Refuse what is no header, and the header of a version to come."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        refuse(source, f"its header is {described(header)}; expected one of {FORMAT!r}")
    version = header.get("version")
    if type(version) is not int or version < 1:
        refuse(source, f"its version is {described(version)}; expected a whole number, 1 or more")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{source} is of format version {described(version)}, written by "
            f"{described(header.get('written_by'))}; fastnet {__version__} reads versions up to "
            f"{FORMAT_VERSION}, install a newer one"
        )


def _read_preprocessing(
    names: Any, sizes: Sequence[int], archive: _Archive
) -> Preprocessing | None:
    """Return what the header and the two members say that was done to the data."""
    if names is None:
        return None
    found = dict(check_keys(names, archive.source, (*_NAMES, "standardized")))
    standardized = found.pop("standardized")
    if type(standardized) is not bool:
        refuse(archive.source, f"its standardized is {described(standardized)}; expected a bool")
    if standardized:
        for key in ("mean", "scale"):
            found[key] = archive.read(f"input_{key}", (sizes[0],), "float64")
    for key in ("labels", "columns"):
        if found[key] is not None and not _are_names(found[key]):
            refuse(archive.source, f"its {key} are {described(found[key])}; expected names")
    try:
        preprocessing = Preprocessing(**found)
        preprocessing.check(sizes)
    except (ValueError, TypeError, OverflowError) as error:
        refuse(archive.source, str(error).rstrip("."), error)
    return preprocessing
