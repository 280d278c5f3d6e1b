"""Model files that are refused, in one sentence that names the file, without a read too much."""

import gc
import io
import json
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import fastnet
from fastnet.persistence import read_npz

from .model_files import network, refuse, saved

NAN = np.array([[0.5, np.nan, 0.5]] * 4)
BAD = {
    "no header": ({"header": None}, "it has no member header.npy; it holds biases_0.npy, biases_1"),
    "header no bytes": ({"header": np.zeros(3)}, "its header has shape (3,) and dtype float64"),
    "header a table": ({"header": np.zeros((3, 2), np.uint8)}, "its header has shape (3, 2)"),
    "header empty": ({"header": np.zeros(0, np.uint8)}, "it is not whole JSON"),
    "header no text": ({"header": np.full(3, 255, np.uint8)}, "it is not text in UTF-8"),
    "header deep": ({"header": np.full(200_000, ord("["), np.uint8)}, "nested too deeply"),
    "header a list": ({"header": np.frombuffer(b"[1]", np.uint8)}, "its header is [1]"),
    "other format": ({"format": "other network"}, "expected one of 'fastnet network'"),
    "version 0": ({"version": 0}, "its version is 0"),
    "version true": ({"version": True}, "its version is True"),
    "version text": ({"version": "1"}, "its version is '1'"),
    "another key": ({"momentum": 0.5}, "it has the key 'momentum', which this version does not"),
    "sizes one": ({"sizes": [3]}, "its sizes are [3] (a list of 1); expected a list of two"),
    "sizes zero": ({"sizes": [3, 0, 2]}, "its sizes are [3, 0, 2]"),
    "sizes larger": ({"sizes": [3, 5, 2]}, "its biases_0 has shape (4, 1) and dtype float64; its"),
    "sizes enormous": ({"sizes": [10**9, 10**9, 2]}, "more parameters than its"),
    "sizes beyond": ({"sizes": [3, 10**4000, 2]}, "more parameters than its"),
    "sizes deeper": (
        {"sizes": [3, 4, 2, 2], "activations": ["relu"] * 3},
        "it has no member biases_2.npy; it holds",
    ),
    "activations few": ({"activations": ["relu"]}, "its sizes ask for 2"),
    "activations text": ({"activations": "relu"}, "its activations is 'relu'; expected a list"),
    "activations numbers": ({"activations": [1, 2]}, "its activations is [1, 2] (a list of 2)"),
    "activations unknown": ({"activations": ["swish", "softmax"]}, "activation 'swish' is unknown"),
    "softmax inside": ({"activations": ["softmax", "softmax"]}, "'softmax' in a hidden layer"),
    "cost unknown": ({"cost": "hinge"}, "cost is 'hinge'; the costs are"),
    "cost no name": ({"cost": 3}, "its cost is 3; expected a name"),
    "cost of another output": ({"cost": "cross_entropy"}, "goes with output='sigmoid'"),
    "dtype": ({"dtype": "float16"}, "its dtype is 'float16'; expected float64 or float32"),
    "dtype not as said": ({"dtype": "float32"}, "dtype float64; its header asks for (4, 1) and"),
    "initializer unknown": ({"initializer": "magic"}, "initializer is 'magic'; the initializers"),
    "initializer a list": ({"initializer": ["zeros"]}, "its initializer is ['zeros']"),
    "initializer nan": (
        {"bias_initializer": float("nan")},
        "initializer is nan; expected a finite",
    ),
    "initializer true": ({"bias_initializer": True}, "its bias_initializer is True"),
    "history a dict": ({"history": {}}, "its history is {}; expected a list of records"),
    "history numbers": ({"history": [1]}, "its history is [1]"),
    "writer": ({"written_by": None}, "its written_by is None; expected a name"),
    "biases shape": ({"biases_0": np.zeros(4)}, "its biases_0 has shape (4,) and dtype float64"),
    "weights turned": ({"weights_0": np.zeros((3, 4))}, "has shape (3, 4) and dtype float64; its"),
    "weights of bytes": ({"weights_0": np.zeros((4, 3), np.uint8)}, "dtype uint8; its header asks"),
    "weights gone": ({"weights_1": None}, "it has no member weights_1.npy; it holds"),
    "weights nan": ({"weights_0": NAN}, "its weights_0 holds a number that is not finite"),
    "mean gone": ({"input_mean": None}, "it has no member input_mean.npy"),
    "mean short": ({"input_mean": np.zeros(2)}, "its input_mean has shape (2,)"),
    "scale zero": ({"input_scale": np.zeros(3)}, "scale and target_scale must be positive"),
    "preprocessing text": ({"preprocessing": "none"}, "it holds 'none'; expected an object with"),
}


@pytest.mark.parametrize(("changes", "cause"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused(tmp_path, changes, cause):
    refuse(saved(tmp_path, **changes), cause)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"labels": ["cat", "cat"]}, "labels holds 'cat' twice"),
        ({"labels": ["cat"]}, "labels has 1 entries; this network has 2 classes"),
        ({"labels": "ab"}, "its labels are 'ab'; expected names"),
        ({"columns": ["a", 1, "c"]}, "its columns are ['a', 1, 'c'] (a list of 3); expected names"),
        ({"target": 5}, "target is 5; expected a name"),
        ({"target_mean": "0"}, "target_mean is '0', of type str; expected a number"),
        ({"target_mean": None}, "target_mean is None, of type NoneType; expected a number"),
        ({"target_scale": float("inf")}, "target_scale is inf; expected a finite number"),
        ({"target_scale": 10**400}, "target_scale is too large"),
        ({"target_scale": 0}, "must be positive"),
        ({"standardized": 1}, "its standardized is 1; expected a bool"),
        ({"whitened": True}, "it has the key 'whitened', which this version does not know"),
    ],
)
def test_bad_preprocessing_is_refused(tmp_path, changes, cause):
    with np.load(saved(tmp_path)) as archive:
        found = json.loads(archive["header"].tobytes())["preprocessing"]
    refuse(saved(tmp_path, preprocessing=found | changes), cause)


def test_a_version_to_come_is_named_whatever_else_it_holds(tmp_path):
    header = {"format": "fastnet network", "version": 3, "written_by": "fastnet 3.1", "new": []}
    path = tmp_path / "model.npz"
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    refuse(path, "is of format version 3, written by 'fastnet 3.1'", "install a newer one")
    header = {"format": "fastnet network", "version": 10**3000}
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    refuse(path, "is of format version 10000", "reads versions up to 2")


def test_data_are_no_model(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.eye(3), y=[0, 1, 2])
    refuse(tmp_path / "data.npz", "it has no member header.npy; it holds X.npy, y.npy")
    (tmp_path / "empty.npz").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    refuse(tmp_path / "empty.npz", "it holds nothing")
    (tmp_path / "text.npz").write_bytes(b"PK or not PK")
    refuse(tmp_path / "text.npz", "is not a sound .npz file")
    with pytest.raises(FileNotFoundError):
        fastnet.load(tmp_path / "missing.npz")
    with pytest.raises(IsADirectoryError):
        fastnet.load(tmp_path)


def test_objects_are_refused_unread(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = tmp_path / "model.npz"
    header = io.BytesIO()
    np.lib.format.write_array(header, np.array([Trap()]), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", header.getvalue())
    refuse(path, "header in", "no objects")


def test_a_compressed_file_is_refused(tmp_path):
    path = saved(tmp_path)
    with np.load(path) as archive:
        np.savez_compressed(path, **dict(archive))
    refuse(path, "its header is compressed; a model file stores its members")


def test_a_header_that_lies_costs_no_memory(tmp_path):
    # 1,000,000 x 1,000,000 numbers declared by a member, which has a hundred.
    declared = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    lie = b"\x93NUMPY\1\0" + struct.pack("<H", len(declared)) + declared + bytes(800)
    path = saved(tmp_path)
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, lie if name == "weights_0.npy" else old.read(name))
    tracemalloc.start()
    refuse(path, "weights_0 in", "declares 8000000000000 bytes")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("part", ["cut", "flip"])
def test_a_damaged_file_is_refused_or_read_as_it_was(tmp_path, part):
    path = saved(tmp_path)
    whole = path.read_bytes()
    sound = fastnet.load(path)
    rng = np.random.default_rng(7)
    refused = 0
    for at in rng.permutation(len(whole))[:400]:
        spoiled = bytearray(whole)
        if part == "cut":
            del spoiled[at:]
        else:
            spoiled[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoiled)
        try:
            net = fastnet.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            # A flipped bit of a timestamp, say, changes nothing.
            assert net.parameters.tobytes() == sound.parameters.tobytes()
            assert repr(net) == repr(sound) and net.preprocessing == sound.preprocessing
    assert refused == 400 if part == "cut" else refused > 300


def test_read_npz_closes_the_file(tmp_path, monkeypatch):
    import builtins

    opened = []

    def watched(*args, **options):
        opened.append(builtins_open(*args, **options))
        return opened[-1]

    builtins_open = builtins.open
    path = saved(tmp_path)
    monkeypatch.setattr(builtins, "open", watched)
    read_npz(path)
    for content in (b"PK", path.read_bytes()[:-1]):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            read_npz(path)
    assert len(opened) >= 3 and all(file.closed for file in opened)


def test_what_a_failed_save_leaves_in_its_error_can_be_collected(tmp_path, monkeypatch):
    # Python 3.13 complains of an archive that the collector closes while a view of it is there.
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with pytest.raises(FileNotFoundError) as caught:
        network().save(tmp_path / "missing" / "model.npz")
    caught.value.itself = caught.value
    del caught
    gc.collect()
    assert complaints == []
