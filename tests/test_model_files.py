"""The library's own model files: exact, whole, open to numpy.load, and never trusted.

The oracles are numpy.load and the network that was saved.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import Network, Preprocessing, network2, persistence

from . import plain_network2
from .model_files import network

FILES = Path(__file__).parent / "files"


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
    assert header["version"] == persistence.FORMAT_VERSION == 2
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
@pytest.mark.parametrize("version", [1, 2])
def test_files_of_every_version_are_read(version, form):
    net = fastnet.load(FILES / f"model-version-{version}.{form}")
    assert net.kind == "classes"
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
    expected = {"epoch": 0, "eta": 0.1, "training_cost": 1.25}
    if version > 1:  # before, accuracies were numbers of examples
        expected["training_accuracy"] = 0.75
    assert net.history == [expected]
    out = net.feedforward(net.preprocessing.inputs([[5.5, 3.0]]))
    z = np.array([np.tanh(1.0), np.tanh(-0.125) + 0.5, -np.tanh(1.0) - np.tanh(-0.125) - 0.5])
    assert np.allclose(out[0], np.exp(z) / np.exp(z).sum(), rtol=1e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_json_of_every_version_is_read(version):
    net = fastnet.load(FILES / f"model-version-{version}.json")
    assert net.kind == ("classes" if version == 1 else "numbers")
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


@pytest.mark.parametrize(
    "kept",
    [
        None,
        Preprocessing(),
        Preprocessing(labels=["b", "a"], columns=["x", "y"], target="kind"),
        Preprocessing([0, 0], [256, 256], labels=[3, 1]),
        Preprocessing([0, 0], [1, 1], labels=[2.0, 0.5]),
        Preprocessing(labels=[True, False]),
    ],
)
def test_the_books_json_holds_names_and_what_all_inputs_are_divided_by(tmp_path, kept):
    net = Network([2, 2], rng=0)
    net.preprocessing = kept
    net.save(tmp_path / "net.json")
    again = fastnet.load(tmp_path / "net.json")
    assert again.preprocessing == kept
    assert np.array_equal(again.parameters, net.parameters)
    # The book's program reads what it knows, and passes over the rest.
    for load in (plain_network2.load, network2.load):
        book = load(tmp_path / "net.json")
        assert np.array_equal(book.weights[0], net.weights[0])
        assert np.array_equal(book.biases[0], net.biases[0])


@pytest.mark.parametrize(
    "kept",
    [
        Preprocessing([0, 1], [256, 256]),
        Preprocessing([0, 0], [256, 255]),
        Preprocessing(target_mean=1),
        Preprocessing(target_scale=2),
    ],
)
def test_the_books_json_is_refused_where_inputs_are_standardized(tmp_path, kept):
    net = Network([2, 2])
    net.preprocessing = kept
    with pytest.raises(ValueError, match=r"this network has preprocessing; .*\.npz"):
        net.save(tmp_path / "net.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["npz", "safetensors", "json"])
@pytest.mark.parametrize(
    "labels",
    [[3, 1], [-1, 2**62], [2.0, 1.0], [0.5, 1e300], [False, True], ["1", "01"], ["ü\n", ""]],
)
def test_labels_keep_their_type_in_every_form(tmp_path, labels, form):
    for n_out in (1, 2):
        net = Network([3, n_out], rng=0)
        net.preprocessing = Preprocessing(labels=labels)
        net.save(tmp_path / f"net.{form}")
        found = fastnet.load(tmp_path / f"net.{form}").preprocessing.labels
        assert list(found) == labels and [*map(type, found)] == [*map(type, labels)]


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("preprocessing", [], "it holds \\[\\]; expected an object with labels"),
        ("preprocessing", {"mean": [1, 2]}, "it has the key 'mean', which this version does not"),
        ("labels", "ab", "its labels are 'ab'; expected a list of names"),
        ("labels", [None, 1], "its labels are \\[None, 1\\]"),
        ("labels", [1, "a"], "all of one type"),
        ("labels", [1, 10**30], "holds a number that is too large"),
        ("labels", [1.0, float("inf")], "holds a number that is not finite"),
        ("labels", ["a", "b", "c"], "labels has 3 entries; this network has 2 classes"),
        ("columns", [1, 2], "expected a list of names"),
        ("target", 3, "target is 3"),
        ("input_scale", 0, "must be positive"),
        ("input_scale", True, "its input_scale is True; expected a number"),
        ("input_scale", 10**400, "its input_scale is beyond the range of float64"),
        ("input_scale", float("nan"), "holds a number that is not finite"),
    ],
)
def test_bad_preprocessing_in_json_is_refused(tmp_path, key, value, cause):
    path = tmp_path / "net.json"
    Network([2, 2]).save(path)
    model = json.loads(path.read_text())
    model["preprocessing"] = value if key == "preprocessing" else {key: value}
    path.write_text(json.dumps(model))
    with pytest.raises(ValueError, match=cause) as caught:
        fastnet.load(path)
    assert str(path) in str(caught.value)


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
