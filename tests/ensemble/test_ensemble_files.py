"""Ensembles in files: everything comes back, and files that were spoilt are refused."""

import json

import numpy as np
import pytest

import fastnet
from fastnet import Ensemble, Preprocessing

from ..model_files import network


def made(dtype=np.float64):
    """Return two trained networks, one of which standardizes, and one that is new."""
    networks = [network(dtype), network(dtype), network(dtype)]
    networks[1].preprocessing = Preprocessing(labels=["a", "b"])
    networks[2].initialize()
    return Ensemble.from_networks(networks)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_everything_comes_back(tmp_path, dtype):
    ensemble = made(dtype)
    ensemble.save(tmp_path / "three.npz")
    again = Ensemble.load(tmp_path / "three.npz")
    assert np.array_equal(again.parameters, ensemble.parameters)
    assert again.dtype == dtype and repr(again) == repr(ensemble)
    for found, wanted in zip(again, ensemble, strict=True):
        assert repr(found) == repr(wanted)
        assert found.history == wanted.history and found.kind == wanted.kind
        assert found.preprocessing == wanted.preprocessing
        assert np.shares_memory(found.parameters, again.parameters)
    with np.load(tmp_path / "three.npz") as members:
        assert np.array_equal(members["parameters"], ensemble.parameters)


def spoil(path, change):
    with np.load(path) as archive:
        members = dict(archive)
    header = json.loads(members["header"].tobytes())
    change(header, members)
    if "header" in members:
        members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **members)


def first(header, **changes):
    for name in header["networks"]:
        name.update(changes)


SPOILT = {
    "a parameter missing": (lambda h, m: m.update(parameters=m["parameters"][:, 1:]), "shape"),
    "a network missing": (lambda h, m: m.update(parameters=m["parameters"][1:]), "shape"),
    "NaN": (lambda h, m: m["parameters"].__setitem__((1, 3), np.nan), "not finite"),
    "another type": (lambda h, m: m.update(parameters=m["parameters"].astype("f4")), "float32"),
    "no parameters": (lambda h, m: m.pop("parameters"), "no member parameters"),
    "no header": (lambda h, m: m.pop("header"), "no member header"),
    "means of another shape": (lambda h, m: m.update(input_mean=np.ones((3, 2))), "input_mean"),
    "no networks": (lambda h, m: h.update(networks=[]), "networks"),
    "networks that are numbers": (lambda h, m: h.update(networks=[1, 2, 3]), "network 0 of"),
    "a checkpoint": (lambda h, m: first(h, format="fastnet checkpoint", training={}), "checkpoint"),
    "an ensemble in it": (lambda h, m: first(h, format="fastnet ensemble"), "of many networks"),
    "sizes that differ": (lambda h, m: h["networks"][1].update(sizes=[3, 2, 2]), "network 1 of"),
    "huge sizes": (lambda h, m: first(h, sizes=[10**15, 10**15, 2]), "more parameters"),
    "sizes of 2200 digits": (lambda h, m: first(h, sizes=[10**2200] * 3), "more parameters"),
    "activations that differ": (
        lambda h, m: h["networks"][2].update(activations=["tanh", "softmax"]), "of network 0"
    ),
    "an unknown activation": (lambda h, m: first(h, activations=["magic", "softmax"]), "magic"),
    "an unknown key": (lambda h, m: h.update(more=1), "more"),
    "a version that is text": (lambda h, m: h.update(version="1"), "version"),
    "a version that is true": (lambda h, m: h.update(version=True), "its version is True"),
    "a later version": (lambda h, m: h.update(version=2), "reads versions up to 1"),
    "deep lists": (lambda h, m: first(h, history=[{"a": eval("[" * 90 + "]" * 90)}]), "deep"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), SPOILT.values(), ids=SPOILT)
def test_spoilt_files_are_refused(tmp_path, change, words):
    path = tmp_path / "three.npz"
    made().save(path)
    spoil(path, change)
    with pytest.raises(ValueError) as caught:
        Ensemble.load(path)
    message = str(caught.value)
    assert repr(str(path)) in message and words in message and "\n" not in message, message


def test_files_of_one_and_of_many_are_told_apart(tmp_path):
    made().save(tmp_path / "three.npz")
    network().save(tmp_path / "one.npz")
    with pytest.raises(ValueError, match=r"many networks; open it with fastnet\.Ensemble\.load"):
        fastnet.load(tmp_path / "three.npz")
    with pytest.raises(ValueError, match=r"open a network with fastnet\.load"):
        Ensemble.load(tmp_path / "one.npz")
    (tmp_path / "text.npz").write_text("{}")
    with pytest.raises(ValueError, match=r"not a valid \.npz file"):
        Ensemble.load(tmp_path / "text.npz")


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path):
    path, ensemble = tmp_path / "three.npz", made()
    ensemble.save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        ensemble.save(tmp_path / "three.json")
    ensemble.parameters[2, 5] = np.inf
    with pytest.raises(ValueError, match=r"network 2: .*not finite"):
        ensemble.save(path)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_costs_with_parameters_are_kept(tmp_path):
    ensemble = fastnet.Ensemble([3, 4], 2, fastnet.QuantileCost(0.1, 0.9), rng=0)
    assert "cost=QuantileCost(0.1, 0.9)" in repr(ensemble)
    ensemble.save(tmp_path / "two.npz")
    loaded = fastnet.Ensemble.load(tmp_path / "two.npz")
    assert loaded.cost == ensemble.cost == loaded[1].cost
    X, Y = np.ones((5, 3)), np.arange(10.0).reshape(5, 2)
    single = loaded[1]
    for each in (ensemble, loaded):
        each.train((X, Y), 2, shuffle=False)
    assert (loaded.parameters == ensemble.parameters).all()
    assert single.total_cost((X, Y), 0.0) == ensemble[1].total_cost((X, Y), 0.0)
