"""The library's own model files: exact, whole, open to numpy.load, and never trusted.

The oracles are numpy.load and the network that was saved.
"""

import gc
import io
import json
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import Network, Preprocessing, persistence
from fastnet.persistence import read_npz

FILES = Path(__file__).parent / "files"


def network(dtype=np.float64, **options):
    """Return a small network with everything a file can hold."""
    net = Network(
        [3, 4, 2],
        "log_likelihood",
        activation="relu",
        initializer="he_normal",
        bias_initializer=0.25,
        dtype=dtype,
        rng=5,
        **options,
    )
    X = np.arange(18.0).reshape(6, 3) % 7
    net.preprocessing = Preprocessing(
        X.mean(axis=0),
        X.std(axis=0),
        labels=["cat", "Hündchen"],
        columns=["length", "width", ""],
        target="kind",
    )
    data = net.preprocessing.inputs(X), np.arange(6) % 2
    net.train(data, 3, 2, evaluation_data=data)
    return net


def saved(tmp_path, **changes):
    """Return the path of a small sound file, with some of its members or header keys replaced."""
    path = tmp_path / "model.npz"
    network().save(path)
    with np.load(path) as archive:
        members = dict(archive)
    header = json.loads(members["header"].tobytes())
    for key, value in changes.items():
        if key in members:
            members[key] = value
        else:
            header[key] = value
    if "header" not in changes:
        members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **{key: value for key, value in members.items() if value is not None})
    return path


def refuse(path, *words):
    """Check that a file is refused in one sentence that names it and says why."""
    with pytest.raises(ValueError) as caught:
        fastnet.load(path)
    text = str(caught.value)
    assert repr(str(path)) in text and "\n" not in text
    for word in words:
        assert word in text, text


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_everything_comes_back_as_it_was(tmp_path, dtype):
    net = network(dtype)
    net.save(tmp_path / "model.npz")
    again = fastnet.load(tmp_path / "model.npz")
    assert repr(again) == repr(net) and "start: weights 'he_normal', biases '0.25'" in repr(net)
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again.parameters.dtype == dtype
    assert again.history == net.history and len(net.history) == 3
    assert isinstance(again.history, fastnet.History)
    assert again.preprocessing == net.preprocessing
    X = np.random.default_rng(0).standard_normal((5, 3))
    assert np.array_equal(again.feedforward(X), net.feedforward(X))


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    inner = st.sampled_from(["sigmoid", "tanh", "relu", "leaky_relu", "identity"])
    names = draw(st.lists(inner, min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    cost = draw(st.sampled_from(["cross_entropy", "log_likelihood", "quadratic"]))
    net = Network(
        sizes,
        cost,
        activation=names,
        dtype=draw(st.sampled_from(["float64", "float32"])),
        rng=draw(st.integers(0, 99)),
        initializer=draw(st.sampled_from(["default", "large", "orthogonal", "zeros", 3, -0.5])),
    )
    name = st.text(max_size=5)
    if draw(st.booleans()):
        n_classes = max(2, sizes[-1])
        net.preprocessing = Preprocessing(
            labels=draw(st.lists(name, min_size=n_classes, max_size=n_classes, unique=True)),
            columns=draw(
                st.none() | st.lists(name, min_size=sizes[0], max_size=sizes[0], unique=True)
            ),
            target=draw(st.none() | name),
            target_mean=draw(st.floats(allow_nan=False, allow_infinity=False)),
            target_scale=draw(st.floats(1e-300, 1e300)),
        )
    net.history.extend(draw(st.lists(st.dictionaries(name, st.floats() | st.integers() | name))))
    return net


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks())
def test_any_network_comes_back(tmp_path, net):
    net.save(tmp_path / "a.npz")
    again = fastnet.load(tmp_path / "a.npz")
    assert repr(again) == repr(net)
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again.preprocessing == net.preprocessing
    assert json.dumps(again.history) == json.dumps(net.history)  # NaN is not equal to itself
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_opens_the_file_without_pickle(tmp_path):
    net = network()
    net.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as members:
        for layer in range(2):
            assert np.array_equal(members[f"weights_{layer}"], net.weights[layer])
            assert np.array_equal(members[f"biases_{layer}"], net.biases[layer])
        assert np.array_equal(members["input_mean"], net.preprocessing.mean)
        header = json.loads(members["header"].tobytes())
    with zipfile.ZipFile(tmp_path / "model.npz") as members:
        assert b"'<f8'" in members.read("weights_0.npy")[:80]  # on any machine
    assert header["version"] == persistence.FORMAT_VERSION == 1
    assert header["written_by"] == f"fastnet {fastnet.__version__}"
    assert header["sizes"] == [3, 4, 2] and header["activations"] == ["relu", "softmax"]


def test_a_loaded_network_can_be_drawn_anew_and_trained_on(tmp_path):
    net = network()
    net.save(tmp_path / "model.npz")
    again = fastnet.load(tmp_path / "model.npz")
    again.rng, net.rng = 9, 9
    again.initialize()
    net.initialize()
    assert np.array_equal(again.parameters, net.parameters)
    again.train((np.eye(3), [0, 1, 1]), 2)
    assert [record["epoch"] for record in again.history] == [0, 1]


def test_a_function_that_drew_the_weights_is_not_replaced_by_another(tmp_path):
    net = Network([2, 2], rng=0, initializer=lambda rng, shape: np.ones(shape))
    net.save(tmp_path / "a.npz")
    again = fastnet.load(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    again = fastnet.load(tmp_path / "b.npz")
    assert np.array_equal(again.weights[0], np.ones((2, 2)))
    assert "start: weights 'not_in_the_file', biases 'zeros'" in repr(again)
    with pytest.raises(ValueError, match="a function, which its file does not hold"):
        again.initialize()
    assert np.array_equal(again.weights[0], np.ones((2, 2)))


def test_what_numpy_counted_is_kept_as_plain_numbers(tmp_path):
    net = Network([2, 2])
    net.history.append(
        {"best": np.float64(0.5), "hits": np.int32(3), "z": np.array([[1, 2]]), "t": (1,)}
    )
    net.save(tmp_path / "a.npz")
    record = fastnet.load(tmp_path / "a.npz").history[0]
    assert record == {"best": 0.5, "hits": 3, "z": [[1, 2]], "t": [1]}
    assert [type(record[key]) for key in ("best", "hits")] == [float, int]


def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path):
    native, book = Network([2, 3], "log_likelihood", rng=1), Network([2, 3], rng=1)
    native.save(tmp_path / "a.npz")
    book.save(tmp_path / "b.json")
    (tmp_path / "a.npz").rename(tmp_path / "c.json")
    (tmp_path / "b.json").rename(tmp_path / "d.NPZ")
    assert fastnet.load(tmp_path / "c.json").activations == ["softmax"]
    assert fastnet.load(str(tmp_path / "d.NPZ")).activations == ["sigmoid"]
    book.save(tmp_path / "e.NPZ")
    assert zipfile.is_zipfile(tmp_path / "e.NPZ")
    book.save(tmp_path / "model")
    assert json.loads((tmp_path / "model").read_text())["sizes"] == [2, 3]


def test_network2_takes_sigmoid_networks_only(tmp_path):
    from fastnet import network2

    Network([2, 3, 2], activation="tanh").save(tmp_path / "tanh.npz")
    with pytest.raises(ValueError, match=r"tanh\.npz' holds a network of tanh, sigmoid; network2"):
        network2.load(tmp_path / "tanh.npz")
    net = Network([2, 3, 2], rng=1)
    net.save(tmp_path / "sigmoid.npz")
    assert np.array_equal(network2.load(tmp_path / "sigmoid.npz").parameters, net.parameters)


@pytest.mark.parametrize("form", ["npz", "safetensors"])
def test_the_file_of_version_1_is_read(form):
    net = fastnet.load(FILES / f"model-version-1.{form}")
    assert net.sizes == [2, 2, 3] and net.activations == ["tanh", "softmax"]
    assert net.cost is fastnet.LogLikelihoodCost and net.dtype == np.float32
    assert net.weights[0].tolist() == [[0.5, -1.0], [2.0, 0.25]]
    assert net.biases[0].tolist() == [[1.0], [-0.125]]
    assert net.weights[1].tolist() == [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
    assert net.biases[1].tolist() == [[0.0], [0.5], [-0.5]]
    assert net.preprocessing == Preprocessing(
        [5.5, 3.0],
        [0.75, 0.5],
        ["setosa", "versicolor", "virginica"],
        ["petal", "sepal"],
        "species",
    )
    assert net.history == [{"epoch": 0, "eta": 0.1, "training_cost": 1.25}]
    out = net.feedforward(net.preprocessing.inputs([[5.5, 3.0]]))
    z = np.array([np.tanh(1.0), np.tanh(-0.125) + 0.5, -np.tanh(1.0) - np.tanh(-0.125) - 0.5])
    assert np.allclose(out[0], np.exp(z) / np.exp(z).sum(), rtol=1e-6)


def test_the_json_of_version_1_is_read():
    net = fastnet.load(FILES / "model-version-1.json")
    assert net.sizes == [2, 2, 1] and net.activations == ["sigmoid", "sigmoid"]
    assert net.cost is fastnet.QuadraticCost and net.dtype == np.float32
    assert net.weights[0].tolist() == [[0.5, -1.0], [2.0, 0.25]]
    assert net.biases[0].tolist() == [[1.0], [-0.125]]
    assert net.weights[1].tolist() == [[1.0, -0.125]]
    assert net.biases[1].tolist() == [[float(np.float32(0.1))]]


def test_every_version_that_is_written_has_a_file_here():
    names = {path.name for path in FILES.glob("model-version-*")}
    versions = range(1, persistence.FORMAT_VERSION + 1)
    forms = ["npz", "safetensors", "json"]
    assert {f"model-version-{n}.{form}" for n in versions for form in forms} <= names


# --- what is not written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "what"),
    [
        (Network([2, 2, 2], activation=["tanh"]), "activations tanh, sigmoid"),
        (Network([2, 2], "log_likelihood"), "activations softmax"),
        (Network([2, 2], "quadratic", output="identity"), "activations identity"),
    ],
)
def test_the_books_json_is_refused_where_it_cannot_hold_the_network(tmp_path, net, what):
    path = tmp_path / "net.json"
    path.write_text("kept")
    with pytest.raises(ValueError, match=r"a name that ends in \.npz") as caught:
        net.save(path)
    assert what in str(caught.value) and str(path) in str(caught.value)
    assert path.read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


def test_preprocessing_is_not_lost_in_the_books_json(tmp_path):
    net = Network([2, 2])
    net.preprocessing = Preprocessing([0, 0], [256, 256])
    with pytest.raises(ValueError, match=r"this network has preprocessing; .*\.npz"):
        net.save(tmp_path / "net.json")
    net.preprocessing = None
    net.save(tmp_path / "net.json")
    assert fastnet.load(tmp_path / "net.json").preprocessing is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_network_is_not_saved(tmp_path, bad):
    net = network()
    net.save(tmp_path / "net.npz")
    before = (tmp_path / "net.npz").read_bytes()
    net.weights[1][0, 0] = bad
    with pytest.raises(
        ValueError, match=r"weights\[1\] holds numbers that are not finite.*net\.npz"
    ):
        net.save(tmp_path / "net.npz")
    assert (tmp_path / "net.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("record", "where"),
    [
        ({"best": {"net": object()}}, "history[0]['best']['net'] is <object"),
        ({"z": [1, {2: 3}]}, "history[0]['z'][1] is {2: 3}"),
        ({"z": 1j}, "history[0]['z'] is 1j"),
        ({"z": {1, 2}}, "history[0]['z'] is {1, 2}"),
    ],
)
def test_a_history_that_a_file_cannot_hold_is_refused(tmp_path, record, where):
    net = Network([2, 2])
    net.history.append(record)
    with pytest.raises(ValueError) as caught:
        net.save(tmp_path / "net.npz")
    assert where in str(caught.value) and not list(tmp_path.iterdir())


def test_preprocessing_of_another_network_is_refused(tmp_path):
    for wrong, message in (
        (
            Preprocessing([0.0], [1.0]),
            r"preprocessing\.mean has 1 entries; this network has 2 inputs",
        ),
        (Preprocessing(columns=["a"]), r"columns has 1 entries; this network has 2 inputs"),
        (Preprocessing(labels=["a", "b"]), r"labels has 2 entries; this network has 3 classes"),
    ):
        net = Network([2, 3])
        net.preprocessing = wrong
        with pytest.raises(ValueError, match=message):
            net.save(tmp_path / "net.npz")
    net.preprocessing = {"mean": [0, 0]}
    with pytest.raises(TypeError, match=r"expected a fastnet\.Preprocessing"):
        net.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


# --- what is refused -----------------------------------------------------------------------------


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
        ({"target_mean": "0"}, "target_mean is '0'; expected a number"),
        ({"target_mean": None}, "target_mean is None; expected a number"),
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
    header = {"format": "fastnet network", "version": 2, "written_by": "fastnet 3.1", "new": []}
    path = tmp_path / "model.npz"
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    refuse(path, "is of format version 2, written by 'fastnet 3.1'", "install a newer one")
    header = {"format": "fastnet network", "version": 10**3000}
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    refuse(path, "is of format version 10000", "reads versions up to 1")


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
