"""Many networks of one shape in one .npz file: `save` and `load`.

Its members are ``parameters``, in the networks' dtype, shape (k, n_parameters); if any network
standardizes its inputs, ``input_mean`` and ``input_scale``, float64, shape (k, n_0), with zeros for
networks that do not; and ``header``, JSON with the header of each network as in a model file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet._version import __version__
from fastnet.common.arguments import as_path, memory_for
from fastnet.files.atomic import replace_file
from fastnet.files.checks import check_depth, check_keys, described, parse_json, read_names, refuse
from fastnet.files.networks import describe, form_of_name, restore
from fastnet.files.npz import write_arrays
from fastnet.files.npz_model import Archive
from fastnet.files.saved_model import (
    ENSEMBLE,
    arrays_of,
    check_header,
    check_sizes,
    header_of,
    read_model,
)
from fastnet.model.model import AnyModel, Model
from fastnet.model.parameters import layer_views

__all__ = ["load", "save"]

Array = NDArray[Any]
#: The version that is written; a change of meaning, or a new key, needs another.
VERSION = 1
SHARED = ("input_mean", "input_scale")


def save(networks: Sequence[Model], path: str | os.PathLike[str]) -> None:
    """Write networks of one shape; see `fastnet.Ensemble.save`."""
    path = as_path(path, "filename")
    if form_of_name(path) != "npz":
        raise ValueError(
            f"filename is {path!r}; an ensemble is saved as .npz, so give a name that ends in .npz."
        )
    with memory_for(f"saving {path!r}"):
        first = networks[0]
        count = first._parameters.size
        members = {
            "parameters": np.empty((len(networks), count), first.dtype.newbyteorder("<")),
        }
        headers = []
        for at, network in enumerate(networks):
            flat = network._copied_parameters()  # another thread may train it
            model = describe(network, *layer_views(flat, network.sizes))
            try:
                arrays = arrays_of(model, path)
            except (ValueError, TypeError) as error:
                raise type(error)(f"network {at}: {error}") from None
            headers.append(header_of(model))
            members["parameters"][at] = flat
            for key in SHARED:
                if key in arrays:
                    empty = np.zeros((len(networks), len(arrays[key])), "<f8")
                    members.setdefault(key, empty)[at] = arrays[key]
        start = f'{{"format": "{ENSEMBLE}", "version": {VERSION}, "networks": ['.encode("ascii")
        header = start + b", ".join(headers) + b"]}"
        members["header"] = np.frombuffer(header, dtype=np.uint8)
        replace_file(path, partial(write_arrays, arrays=members))


def load(cls: type[AnyModel], path: str | os.PathLike[str]) -> list[AnyModel]:
    """Return the networks that `save` wrote, each with its own memory."""
    path = as_path(path, "filename")
    with memory_for(f"loading {path!r}"), Archive(path) as archive:
        headers = _read_headers(archive)
        sizes, _, dtype = read_names(headers[0], archive.source)
        shape = len(headers), check_sizes(headers[0], sizes, dtype, archive)
        arrays = {"parameters": archive.checked("parameters", shape, dtype)}
        networks = []
        for at, header in enumerate(headers):
            row = _Row(archive, arrays, at, sizes, len(headers))
            network = restore(cls, read_model(header, row), path)
            networks.append(network)
            if network.activations != networks[0].activations:
                refuse(
                    row.source,
                    f"its activations are {described(header['activations'])}; those of network 0 "
                    f"are {described(headers[0]['activations'])}",
                )
        return networks


def _read_headers(archive: Archive) -> list[dict[str, Any]]:
    """Return the header of each network; all have the same sizes and dtype."""
    source = archive.source
    found = parse_json(archive.header(), source)
    if not isinstance(found, dict) or found.get("format") != ENSEMBLE:
        refuse(
            source,
            f"it is one of {described(found.get('format') if isinstance(found, dict) else found)}",
            verdict="is not an ensemble",
            advice="open a network with fastnet.load",
        )
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(
            f"{source} is an ensemble of format version {described(version)}; fastnet "
            f"{__version__} reads versions up to {VERSION}, install a newer one"
        )
    check_keys(found, source, ("format", "version", "networks"))
    networks = found["networks"]
    if type(version) is not int or version != VERSION:
        refuse(source, f"its version is {described(version)}; expected {VERSION}")
    if not isinstance(networks, list) or not networks:
        refuse(source, f"its networks are {described(networks)}; expected a list of at least 1")
    headers = []
    for at, network in enumerate(networks):
        named = f"network {at} of {source}"
        check_depth(network, named)
        header = check_header(network, named)
        if "training" in header:
            refuse(named, "it is a checkpoint")
        for key in ("sizes", "dtype"):
            if header[key] != networks[0][key]:
                refuse(
                    named,
                    f"its {key} is {described(header[key])}; that of network 0 is "
                    f"{described(networks[0][key])}",
                )
        headers.append(header)
    return headers


class _Row:
    """One network's arrays in an open file, as `read_model` reads them."""

    def __init__(
        self, archive: Archive, arrays: dict[str, Array], at: int, sizes: list[int], k: int
    ) -> None:
        self.source, self.n_bytes = f"network {at} of {archive.source}", archive.n_bytes
        self._archive, self._arrays, self._at, self._k = archive, arrays, at, k
        biases, weights = layer_views(arrays["parameters"][at], sizes)
        self._own = {f"biases_{layer}": array for layer, array in enumerate(biases)}
        self._own |= {f"weights_{layer}": array for layer, array in enumerate(weights)}

    def checked(self, key: str, shape: tuple[int, ...], dtype: str) -> Array:
        """Return an array, which must be present, finite, and of this shape and dtype."""
        if key in self._own:
            return self._own[key]
        if key not in self._arrays:
            self._arrays[key] = self._archive.checked(key, (self._k, *shape), dtype)
        row: Array = self._arrays[key][self._at]
        return row

    def member(self, key: str) -> Array:
        """Refuse the key: only checkpoints have further members."""
        refuse(self.source, f"it asks for {described(key)}")
