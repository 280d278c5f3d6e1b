"""`save` and `load`: networks in model files of every format."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from numpy.typing import NDArray

from fastnet import files
from fastnet.common.arguments import as_path, in_one_line, memory_for
from fastnet.common.generators import RNG
from fastnet.costs import described, restored
from fastnet.history import History
from fastnet.initializers.plain import from_plain, to_plain
from fastnet.model.architecture import read_architecture
from fastnet.model.model import AnyModel, Model
from fastnet.model.parameters import layer_views
from fastnet.preprocessing import Preprocessing

__all__ = ["check_form", "describe", "form_of_name", "load", "not_in_the_file", "restore", "save"]

#: The formats that store any network; their names are also the endings of files.
WHOLE_FORMS = ("npz", "safetensors")
#: The costs of the book's JSON.
BOOK_COSTS = ("cross_entropy", "quadratic")


def save(network: Model, path: str | os.PathLike[str]) -> None:
    """Write a network in the format that the file's ending names; see `Network.save`."""
    path = as_path(path, "filename")
    check_form(network, path)
    with memory_for(f"saving {os.fsdecode(path)!r}"):
        # A copy, since another thread may train the network meanwhile.
        biases, weights = layer_views(network._copied_parameters(), network.sizes)
    write = {"npz": files.write_npz, "safetensors": files.write_safetensors}.get(form_of_name(path))
    if write is not None:
        write(path, describe(network, biases, weights))
        return
    files.write_json(
        path,
        sizes=network.sizes,
        weights=weights,
        biases=biases,
        cost=described(network.cost),
        dtype=network.dtype.name,
        preprocessing=network.preprocessing,
        kind=network.kind,
    )


def check_form(network: Model, path: str | os.PathLike[str]) -> None:
    """Raise ValueError if `path` names the book's JSON and that cannot store the network."""
    if form_of_name(path) != "json":
        return
    what = ""
    if set(network.activations) != {"sigmoid"}:
        what = f"activations {', '.join(network.activations)}"
    elif network.cost.name not in BOOK_COSTS:
        what = f"the cost {described(network.cost)}"
    elif not _fits_json(network.preprocessing):
        what = "preprocessing"
    if what:
        raise ValueError(
            f"{os.fsdecode(path)!r} means the book's JSON, which stores only sigmoid networks with "
            f"the book's costs; this network has {what}. Give the file a name that ends in .npz or "
            ".safetensors"
        )


def _fits_json(known: Any) -> bool:
    return known is None or (isinstance(known, Preprocessing) and files.fits_json(known))


def load(cls: type[AnyModel], path: str | os.PathLike[str], *, others: bool = False) -> AnyModel:
    """Return the network in a model file of any format; see `fastnet.load` and `read_json`."""
    path = as_path(path, "filename")
    readers = {"npz": files.read_npz, "safetensors": files.read_safetensors}
    read = readers.get(files.format_of(path), partial(_read_book, others=others))
    model = read(path)
    with memory_for(f"loading {os.fsdecode(path)!r}"):
        return restore(cls, model, path)


def not_in_the_file(rng: RNG, shape: tuple[int, int]) -> NDArray[Any]:
    """Stand in for a function that drew initial weights, which a file cannot store."""
    raise ValueError(
        "this network's initial weights were drawn by a function, which its file does not store; "
        "assign weights and biases, or make a new Network."
    )


def form_of_name(path: str | os.PathLike[str]) -> str:
    """Return the format that a file's ending names: "npz", "safetensors" or else "json".

    Examples
    --------
    >>> form_of_name("net.npz"), form_of_name("net.json")
    ('npz', 'json')
    """
    name = os.fsdecode(path).lower()
    return next((form for form in WHOLE_FORMS if name.endswith(f".{form}")), "json")


def describe(
    network: Model, biases: list[NDArray[Any]], weights: list[NDArray[Any]]
) -> files.SavedModel:
    """Return the content of a model file for a network with these parameters."""
    return files.SavedModel(
        sizes=network.sizes,
        activations=network.activations,
        cost=network.cost.name,
        cost_numbers=network.cost._numbers,
        dtype=network.dtype.name,
        biases=biases,
        weights=weights,
        initializer=to_plain(network._initializer),
        bias_initializer=to_plain(network._bias_initializer),
        preprocessing=network.preprocessing,
        kind=network.kind,
        low=network._low,
        history=network.history,
    )


def _read_book(path: str | os.PathLike[str], *, others: bool) -> files.SavedModel:
    found = files.read_json(path, others=others)
    depth = len(found["sizes"]) - 1
    return files.SavedModel(
        **found, activations=["sigmoid"] * depth, initializer="default", bias_initializer="normal"
    )


def restore(cls: type[AnyModel], model: files.SavedModel, path: str | os.PathLike[str]) -> AnyModel:
    """Return the network of a model file's content.

    Raises
    ------
    ValueError
        It names an activation, cost or initializer that fastnet does not have.
    """
    try:
        architecture = read_architecture(
            model.sizes,
            model.activations,
            None,
            restored(model.cost, model.cost_numbers),
            model.dtype,
        )
        starts = [
            from_plain(start, name, not_in_the_file, len(model.activations))
            for start, name in (
                (model.initializer, "initializer"),
                (model.bias_initializer, "bias_initializer"),
            )
        ]
    except ValueError as error:
        raise ValueError(f"{os.fsdecode(path)!r}: {in_one_line(str(error))}") from None
    network = cls._from_parameters(architecture, model.biases, model.weights)
    network._initializer, network._bias_initializer = starts
    network.preprocessing = model.preprocessing
    network._kind, network._low = model.kind, float(model.low)
    network.history = History(model.history)
    return network
