"""Model files in the safetensors form: nothing lost, read by others, never trusted.

The oracles are the safetensors library by itself, and the network that was saved.
"""

import json
import struct
import sys
import tracemalloc

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import fastnet
from fastnet import Network, persistence

from . import model_files

KEY = "fastnet"


def network(dtype=np.float64):
    """Return a network with everything, and with what only some activations have: a slope."""
    return model_files.network(dtype, "leaky_relu")


def raw(header, data=b""):
    """Return a file by the format's own rules: length, JSON, tensors."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def spoiled(path, tensors=None, header=None, metadata=None):
    """Return the path of a sound file with some tensors or header keys replaced."""
    network().save(path)
    kept = load_file(path)
    with safe_open(path, framework="numpy") as file:
        found = json.loads(file.metadata()[KEY])
    kept.update(tensors or {})
    found.update(header or {})
    kept = {name: array for name, array in kept.items() if array is not None}
    save_file(kept, path, {KEY: json.dumps(found)} if metadata is None else metadata)
    return path


def refuse(path, *words):
    """Check that a file is refused in one sentence that names it and says why."""
    with pytest.raises(ValueError) as caught:
        fastnet.load(path)
    text = str(caught.value)
    assert repr(str(path)) in text and "\n" not in text and len(text) < 600
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_everything_comes_back_as_it_was(tmp_path, dtype):
    net = network(dtype)
    net.save(tmp_path / "model.safetensors")
    again = fastnet.load(tmp_path / "model.safetensors")
    assert repr(again) == repr(net)
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again.history == net.history and len(again.history) == 3
    assert again.preprocessing == net.preprocessing
    net.save(tmp_path / "again.safetensors")
    first, second = (tmp_path / f"{name}.safetensors" for name in ("model", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_the_library_by_itself_reads_the_tensors_under_pytorchs_names(tmp_path):
    net = network(np.float32)
    net.save(tmp_path / "model.safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    names = {"0.weight", "0.bias", "2.weight", "2.bias", "input_mean", "input_scale"}
    assert set(tensors) == names
    for layer in range(2):
        weight, bias = tensors[f"{2 * layer}.weight"], tensors[f"{2 * layer}.bias"]
        assert weight.dtype == bias.dtype == np.float32 and bias.ndim == 1
        assert np.array_equal(weight, net.weights[layer])
        assert np.array_equal(bias[:, np.newaxis], net.biases[layer])
    assert np.array_equal(tensors["input_mean"], net.preprocessing.mean)


def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path):
    names = ["a.npz", "b.json", "c.safetensors"]
    for name in names:
        Network([2, 3], rng=1).save(tmp_path / name)
        assert persistence.format_of(tmp_path / name) == name.partition(".")[2]
    wanted = fastnet.load(tmp_path / "a.npz").parameters
    for turn, (name, other) in enumerate(zip(names, [*names[1:], names[0]], strict=True)):
        (tmp_path / name).rename(tmp_path / f"{turn}.{other.partition('.')[2]}")
    for path in tmp_path.iterdir():
        assert np.array_equal(fastnet.load(path).parameters, wanted)


@pytest.mark.parametrize("length", [0x4B50, 0x4B50 + 2**16])
def test_a_header_whose_length_reads_pk_is_no_zip(tmp_path, length):
    net = Network([2, 3], rng=1)
    path = tmp_path / "model.safetensors"
    net.save(path)
    whole = path.read_bytes()
    data = 8 + int.from_bytes(whole[:8], "little")
    path.write_bytes(raw(whole[8:data].ljust(length), whole[data:]))
    assert path.read_bytes()[:2] == b"PK"
    assert np.array_equal(fastnet.load(path).parameters, net.parameters)


BAD = {
    "no metadata": ({"metadata": {}}, "its metadata have no 'fastnet', so that its architecture"),
    "another's": ({"metadata": {"format": "pt"}}, "its metadata have no 'fastnet'"),
    "no JSON": ({"metadata": {KEY: "{"}}, "it is not whole JSON"),
    "not ours": (
        {"metadata": {KEY: "[]"}},
        "its header is [] (a list of 0); expected one of 'fastnet network'",
    ),
    "deep": ({"metadata": {KEY: "[" * 100_000}}, "nested too deeply"),
    "weights turned": ({"tensors": {"0.weight": np.zeros((3, 4))}}, "0.weight has shape (3, 4)"),
    "weights gone": ({"tensors": {"2.weight": None}}, "it has no tensor 2.weight"),
    "mean gone": ({"tensors": {"input_mean": None}}, "it has no tensor input_mean"),
    "another dtype": (
        {"tensors": {"0.bias": np.zeros(4, np.float32)}},
        "its 0.bias has shape (4,) and dtype F32; its header asks for (4,) and float64",
    ),
    "whole numbers": ({"tensors": {"0.bias": np.zeros(4, np.int64)}}, "dtype I64; its header"),
    "nan": ({"tensors": {"0.bias": np.full(4, np.nan)}}, "its 0.bias holds a number that is not"),
    "sizes enormous": ({"header": {"sizes": [10**9, 10**9, 2]}}, "more parameters than its"),
    "scale zero": ({"tensors": {"input_scale": np.zeros(3)}}, "must be positive"),
    "activation": ({"header": {"activations": ["swish", "softmax"]}}, "'swish' is unknown"),
    "another key": ({"header": {"momentum": 1}}, "it has the key 'momentum', which this version"),
    "too new": (
        {"header": {"version": 3, "written_by": "fastnet 3.1"}},
        "is of format version 3, written by 'fastnet 3.1'; fastnet",
    ),
}


@pytest.mark.parametrize(("changes", "cause"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused(tmp_path, changes, cause):
    refuse(spoiled(tmp_path / "model.safetensors", **changes), cause)


ONE = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
HOSTILE = {
    "an enormous tensor": raw({"a": ONE | {"shape": [10**9, 10**9]}}, bytes(8)),
    "a tensor that overflows": raw({"a": ONE | {"shape": [2**40, 2**40]}}, bytes(8)),
    "offsets outside": raw({"a": ONE | {"data_offsets": [8, 16]}}, bytes(8)),
    "offsets that end early": raw({"a": ONE | {"data_offsets": [8, 0]}}, bytes(8)),
    "two tensors in one place": raw({"a": ONE, "b": ONE}, bytes(8)),
    "bytes that belong to nothing": raw({"a": ONE}, bytes(16)),
    "too few bytes": raw({"a": ONE}, bytes(4)),
    "an enormous header": struct.pack("<Q", 2**55) + b"{}",
    "a header longer than the file": struct.pack("<Q", 9_000_000) + b"{}",
    "a header that is no JSON": raw(b"{nothing"),
    "a header that nests": raw(b'{"a":' + b"[" * 100_000),
    "an unknown dtype": raw({"a": ONE | {"dtype": "OBJECT"}}, bytes(8)),
    "a negative shape": raw({"a": ONE | {"shape": [-1]}}, bytes(8)),
    "no header": struct.pack("<Q", 1) + b"{",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_and_costs_no_memory(tmp_path, data):
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    tracemalloc.start()
    refuse(path, "it is no sound safetensors file")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("part", ["cut", "flip"])
def test_a_damaged_file_is_refused_or_is_another_sound_one(tmp_path, part):
    path = tmp_path / "model.safetensors"
    network().save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for at in rng.permutation(len(whole))[:300]:
        damaged = bytearray(whole)
        if part == "cut":
            del damaged[at:]
        else:
            damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            net = fastnet.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:  # no checksum guards the numbers, but what is let in is a network
            assert net.sizes == [3, 4, 2] and np.isfinite(net.parameters).all()
    assert refused == 300 if part == "cut" else refused > 100


def test_a_diverged_network_is_not_saved(tmp_path):
    net = network()
    net.weights[1][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"weights\[1\] holds numbers that are not finite"):
        net.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def test_without_the_library_it_is_said_what_to_install(tmp_path, monkeypatch):
    net = network()
    net.save(tmp_path / "a.safetensors")
    for name in list(sys.modules):
        if name.partition(".")[0] == "safetensors":
            monkeypatch.setitem(sys.modules, name, None)
    pip = r"needs safetensors; install it with `pip install 'fastnet-mlp\[safetensors\]'`"
    with pytest.raises(ImportError, match=pip):
        net.save(tmp_path / "b.safetensors")
    with pytest.raises(ImportError, match=pip):
        fastnet.load(tmp_path / "a.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
