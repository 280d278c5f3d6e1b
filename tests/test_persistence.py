"""Model files: what is written is the book's form, what is read is checked, nothing is lost.

The oracle is Python's json module, used as the book's own ``save`` and ``load`` use it.
"""

import errno
import itertools
import json
import os
import stat
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastnet.persistence import read_json, replace_file, write_json


@st.composite
def networks(draw, dtype=np.float64):
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    width = np.dtype(dtype).itemsize * 8
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=width)
    weights = [
        draw(hnp.arrays(dtype, (n, m), elements=numbers)) for m, n in itertools.pairwise(sizes)
    ]
    biases = [draw(hnp.arrays(dtype, (n, 1), elements=numbers)) for n in sizes[1:]]
    return sizes, weights, biases


def book_form(sizes, weights, biases, cost="CrossEntropyCost"):
    """Build the dict that the book's network2 hands to json.dump."""
    return {
        "sizes": sizes,
        "weights": [w.tolist() for w in weights],
        "biases": [b.tolist() for b in biases],
        "cost": cost,
    }


def small():
    """Return a sound file's content, for tests to spoil."""
    return {
        "sizes": [3, 2, 1],
        "weights": [[[0.5, -1.0, 2.0], [1e-300, 3, -0.0]], [[4.0, 5.0]]],
        "biases": [[[0.25], [1.0]], [[-7.0]]],
        "cost": "CrossEntropyCost",
    }


def save_small(path, **changes):
    model = small() | changes
    arrays = {key: [np.array(a) for a in model[key]] for key in ("weights", "biases")}
    write_json(path, sizes=model["sizes"], cost=model["cost"], dtype=np.float64, **arrays)


# --- round trips ---------------------------------------------------------------------------------


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks())
def test_float64_comes_back_bit_for_bit(tmp_path, network):
    sizes, weights, biases = network
    path = tmp_path / "model.json"
    write_json(
        path, sizes=sizes, weights=weights, biases=biases, cost="QuadraticCost", dtype=np.float64
    )
    assert json.loads(path.read_text()) == book_form(sizes, weights, biases, "QuadraticCost")
    model = read_json(path)
    assert list(model) == ["sizes", "weights", "biases", "cost", "dtype", "kind"]
    assert model["kind"] == "classes"  # as the book's always are
    assert (model["sizes"], model["cost"], model["dtype"]) == (sizes, "QuadraticCost", "float64")
    for key, arrays in (("weights", weights), ("biases", biases)):
        for got, saved in zip(model[key], arrays, strict=True):
            assert got.dtype == np.float64 and got.shape == saved.shape
            assert got.tobytes() == saved.tobytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks(np.float32))
def test_float32_comes_back_bit_for_bit(tmp_path, network):
    sizes, weights, biases = network
    path = tmp_path / "model.json"
    write_json(path, sizes=sizes, weights=weights, biases=biases, cost="c", dtype="float32")
    assert json.loads(path.read_text())["dtype"] == "float32"
    model = read_json(path)
    assert model["dtype"] == "float32"
    for got, saved in zip(model["weights"] + model["biases"], weights + biases, strict=True):
        assert got.dtype == np.float64
        assert got.astype(np.float32).tobytes() == saved.tobytes()


def test_a_file_of_the_book_is_read(tmp_path):
    rng = np.random.default_rng(3)
    sizes = [784, 30, 10]
    weights = [rng.standard_normal((30, 784)), rng.standard_normal((10, 30))]
    biases = [rng.standard_normal((30, 1)), rng.standard_normal((10, 1))]
    path = str(tmp_path / "book.json")
    with open(path, "w") as file:
        json.dump(book_form(sizes, weights, biases), file)
    model = read_json(path)
    assert all(np.array_equal(a, b) for a, b in zip(model["weights"], weights, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(model["biases"], biases, strict=True))
    assert model["dtype"] == "float64" and model["cost"] == "CrossEntropyCost"


def test_numbers_without_a_point_and_numpy_sizes_are_taken(tmp_path):
    path = tmp_path / "model.json"
    path.write_text('{"sizes":[1,1],"weights":[[[2]]],"biases":[[[-3]]],"cost":""}')
    model = read_json(path)
    assert model["weights"][0].dtype == np.float64 and model["weights"][0].item() == 2.0
    sizes = np.array(model["sizes"])
    write_json(path, **(model | {"sizes": sizes, "dtype": np.dtype("f8")}))
    assert path.read_text() == (
        '{"sizes": [1, 1], "weights": [[[2.0]]], "biases": [[[-3.0]]], "cost": ""}'
    )


def test_views_of_any_layout_are_written(tmp_path):
    flat = np.arange(12.0)
    weights = [flat[:6].reshape(3, 2).T, flat[6:12:3].reshape(1, 2)]
    biases = [np.array([[1.0], [2.0]])[::-1], np.array([[3.0]])]
    write_json(
        tmp_path / "m", sizes=[3, 2, 1], weights=weights, biases=biases, cost="c", dtype="f8"
    )
    model = read_json(tmp_path / "m")
    assert model["weights"][0].tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    assert model["weights"][1].tolist() == [[6.0, 9.0]]
    assert model["biases"][0].tolist() == [[2.0], [1.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", ["weights", "biases"])
def test_a_diverged_network_is_refused_and_the_old_file_kept(tmp_path, bad, key):
    path = tmp_path / "model.json"
    save_small(path)
    before = path.read_bytes()
    spoiled = small()[key]
    spoiled[1][0][0] = bad
    with pytest.raises(ValueError, match=rf"{key}\[1\] holds numbers that are not finite.*model"):
        save_small(path, **{key: spoiled})
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.json"]


# --- what is refused -----------------------------------------------------------------------------

WHOLE = json.dumps(small())


def changed(*keys, to):
    """Return the sound content with the entry at the given keys replaced."""
    model = small()
    inner = model
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return json.dumps(model)


def without(key):
    return json.dumps({k: v for k, v in small().items() if k != key})


REFUSED = {
    "empty": ("", "not whole JSON (Expecting value at character 0 of 0)"),
    "truncated": (WHOLE[:-30], "not whole JSON"),
    "cut in a number": (WHOLE[:40], "not whole JSON"),
    "two objects": (WHOLE + WHOLE, "not whole JSON (Extra data"),
    "python": (WHOLE.replace('"', "'"), "not whole JSON"),
    "not text": (b"\x89PNG\r\n\xff", "not text in UTF-8 (byte 0 of 7)"),
    "utf-16": (WHOLE.encode("utf-16"), "not text in UTF-8"),
    "deep": ("[" * 200_000, "nested too deeply"),
    "deep within": (WHOLE.replace("[[[", "[" * 200_000), "nested too deeply"),
    "a list": ("[1, 2]", "it holds [1, 2]; expected an object with sizes, weights, biases, cost"),
    "a number": ("3", "it holds 3; expected an object"),
    "null": ("null", "it holds None; expected an object"),
    "no sizes": (without("sizes"), "it has no sizes"),
    "no weights": (without("weights"), "it has no weights"),
    "no biases": (without("biases"), "it has no biases"),
    "no cost": (without("cost"), "it has no cost"),
    "a key of the future": (changed("activation", to="tanh"), "the key 'activation', which this"),
    "a key twice": (WHOLE[:-1] + ', "cost": "QuadraticCost"}', "a key stands twice"),
    "sizes no list": (changed("sizes", to=3), "its sizes are 3; expected a list of two or more"),
    "sizes an object": (changed("sizes", to={"a": 1}), "its sizes are {'a': 1}"),
    "sizes a word": (changed("sizes", to="321"), "its sizes are '321'"),
    "no layer": (changed("sizes", to=[]), "its sizes are []"),
    "one layer": (changed("sizes", to=[3]), "its sizes are [3]"),
    "a layer of none": (changed("sizes", 1, to=0), "its sizes are [3, 0, 1]"),
    "a negative layer": (changed("sizes", 0, to=-3), "its sizes are [-3, 2, 1]"),
    "a float layer": (changed("sizes", 0, to=3.0), "its sizes are [3.0, 2, 1]"),
    "a bool layer": (changed("sizes", 2, to=True), "its sizes are [3, 2, True]"),
    "a list for a layer": (changed("sizes", 2, to=[1]), "its sizes are [3, 2, [1]]"),
    "larger sizes": (changed("sizes", to=[10**9] * 3), "sizes ask for 1000000000 rows"),
    "enormous sizes": (changed("sizes", to=[10**400] * 3), "its sizes ask for 10000"),
    "more sizes": (changed("sizes", to=[3, 2, 1, 1]), "its sizes ask for 3 matrices"),
    "fewer sizes": (changed("sizes", to=[3, 2]), "(a list of 2); its sizes ask for 1 matrices"),
    "other inputs": (changed("sizes", 0, to=4), "(a list of 3); its sizes ask for 4 numbers"),
    "weights an object": (changed("weights", to={}), "its weights are {}"),
    "weights null": (changed("weights", to=None), "its weights are None"),
    "one weight matrix": (changed("weights", to=small()["weights"][:1]), "ask for 2 matrices"),
    "a matrix that is a number": (changed("weights", 0, to=5), "its weights[0] is 5; its sizes"),
    "a row less": (
        changed("weights", 0, to=[[1, 2, 3]]),
        "(a list of 1); its sizes ask for 2 rows",
    ),
    "a flat matrix": (changed("weights", 1, to=[4.0, 5.0]), "its weights[1] is [4.0, 5.0]"),
    "a row that is a number": (changed("weights", 0, 1, to=5), "its weights[0][1] is 5; its sizes"),
    "ragged": (changed("weights", 0, 1, to=[1.0, 2.0]), "its weights[0][1] is [1.0, 2.0] (a list"),
    "a row that is a word": (changed("weights", 0, 1, to="abc"), "its weights[0][1] is 'abc'"),
    "flat biases": (changed("biases", 0, to=[0.25, 1.0]), "its biases[0][0] is 0.25"),
    "a bias row": (changed("biases", 0, to=[[0.25, 1.0]]), "its biases[0] is [[0.25, 1.0]]"),
    "wide biases": (changed("biases", 1, to=[[1.0, 2.0]]), "its biases[1][0] is [1.0, 2.0]"),
    "a word": (changed("weights", 0, 0, 0, to="0.5"), "its weights[0][0] holds '0.5'; expected a"),
    "a bool": (changed("weights", 0, 0, 0, to=True), "its weights[0][0] holds True"),
    "null within": (changed("biases", 0, 1, 0, to=None), "its biases[0][1] holds None"),
    "a list within": (changed("biases", 0, 1, 0, to=[1.0]), "its biases[0][1] holds [1.0]"),
    "NaN": (
        changed("weights", 1, 0, 0, to=np.nan),
        "its weights[1] holds a number that is not fin",
    ),
    "Infinity": (
        changed("biases", 1, 0, 0, to=-np.inf),
        "its biases[1] holds a number that is not",
    ),
    "beyond float64": (WHOLE.replace("-7.0", "1e999"), "its biases[1] holds a number that is not"),
    "a huge integer": (changed("biases", 1, 0, 0, to=10**400), "holds a whole number beyond the"),
    "a huger integer": (WHOLE.replace("-7.0", "9" * 10_000), "cannot be read as JSON (Exceeds the"),
    "cost null": (changed("cost", to=None), "its cost is None; expected a name"),
    "cost a list": (changed("cost", to=["CrossEntropyCost"]), "its cost is ['CrossEntropyCost']"),
    "another dtype": (
        changed("dtype", to="float16"),
        "its dtype is 'float16'; expected float64 or",
    ),
    "dtype null": (changed("dtype", to=None), "its dtype is None"),
    "dtype a list": (changed("dtype", to=[]), "its dtype is [] (a list of 0)"),
    "beyond float32": (
        json.dumps(small() | {"dtype": "float32", "biases": [[[0.25], [1.0]], [[-1e39]]]}),
        "its dtype is float32, and it holds 1e+39",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_files_are_refused_with_their_name_and_the_cause(tmp_path, case):
    content, reason = REFUSED[case]
    path = tmp_path / "the-model.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError) as caught:
        read_json(path)
    message = str(caught.value)
    assert type(caught.value) is ValueError
    assert "the-model.json' is not a saved network: " in message and reason in message
    assert len(message) < 400 + len(str(path))


def test_the_file_that_the_cases_spoil_is_itself_sound(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(WHOLE)
    assert read_json(path)["sizes"] == [3, 2, 1]
    path.write_text(changed("dtype", to="float32"))
    assert read_json(path)["dtype"] == "float32"


def test_missing_file_and_wrong_path_raise_as_open_does(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        read_json(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_json(tmp_path)
    with pytest.raises(TypeError):
        read_json(0)
    with pytest.raises(TypeError):
        save_small(1)
    with pytest.raises(IsADirectoryError):
        save_small(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no-folder/model"):
        save_small(tmp_path / "no-folder" / "model")


def test_nothing_is_allocated_for_declared_sizes(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(changed("sizes", to=[10**6, 10**6, 10**6]))
    tracemalloc.start()
    with pytest.raises(ValueError, match="ask for 1000000 rows"):
        read_json(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@settings(
    deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_spoiled_files_never_fail_in_another_way(tmp_path, data):
    content = WHOLE
    pieces = ["[", "]", "{", "}", ",", ":", '"', "-", "1e999", "NaN", "true", "null", "7", "[]"]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        end = at + data.draw(st.integers(0, 5))
        piece = data.draw(st.sampled_from(pieces) | st.characters())
        content = content[:at] + piece + content[end:]
    path = tmp_path / "model.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    try:
        model = read_json(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        plain = json.loads(content)
        assert [w.tolist() for w in model["weights"]] == plain["weights"]
        assert [b.tolist() for b in model["biases"]] == plain["biases"]
        assert all(np.isfinite(a).all() for a in model["weights"] + model["biases"])


# --- writing -------------------------------------------------------------------------------------


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX matter")
def test_permissions_are_those_that_open_gives(tmp_path, umask):
    (tmp_path / "by-open").write_text("")
    save_small(tmp_path / "new")
    assert mode_of(tmp_path / "new") == mode_of(tmp_path / "by-open") == 0o640
    (tmp_path / "new").chmod(0o604)
    save_small(tmp_path / "new")
    assert mode_of(tmp_path / "new") == 0o604


@pytest.mark.parametrize("broken", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken, error):
    path = tmp_path / "model.json"
    save_small(path)
    before = path.read_bytes()

    def fail(*args):
        # The new file is there, and whole or not, it is beside the old one.
        assert len(os.listdir(tmp_path)) == 2
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, fail)
        with pytest.raises(type(error)) as caught:
            save_small(path, cost="Other")
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.json"]
    if isinstance(error, OSError):
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))


def test_the_file_is_whole_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    path.write_text("old")
    seen = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(number):
        state = os.fstat(number)
        size = None if stat.S_ISDIR(state.st_mode) else state.st_size
        seen.append(("fsync", size, path.read_text()))
        fsync(number)

    def watched_replace(source, target):
        assert os.path.dirname(source) == os.path.dirname(target)
        seen.append(("replace", os.stat(source).st_size, path.read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    replace_file(path, b"new content")
    # The folder comes last: a new name that the disk does not know is lost with the current.
    assert seen == [
        ("fsync", 11, "old"), ("replace", 11, "old"), ("fsync", None, "new content"),
    ]  # fmt: skip
    assert path.read_text() == "new content"


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and devices are POSIX matters")
def test_links_stay_links_and_devices_stay_devices(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    link.symlink_to(real)
    for content in (b"first", b"second"):
        replace_file(link, content)
        assert link.is_symlink() and real.read_bytes() == content
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    replace_file(tmp_path / "pipe", b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "link", "pipe"]


def test_a_file_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    # The system's answer is played, since the tests may run as root, who may write everywhere.
    path = tmp_path / "model.json"
    path.write_text("kept")
    path.chmod(0o444)

    def refuse(name, flags):
        assert os.fspath(name) == os.path.realpath(path) and flags & os.O_WRONLY
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=r"model\.json"):
        save_small(path)
    assert path.read_text() == "kept" and os.listdir(tmp_path) == ["model.json"]


def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path):
    path = tmp_path / "model.json"
    code = (
        "import sys, numpy as np\n"
        "from fastnet.persistence import write_json\n"
        "i = 0\n"
        "while True:\n"
        "    i += 1\n"
        "    w, b = [np.full((50, 50), float(i))], [np.full((50, 1), float(i))]\n"
        "    model = {'sizes': [50, 50], 'weights': w, 'biases': b, 'cost': 'c'}\n"
        "    write_json(sys.argv[1], **model, dtype=float)\n"
        "    print(i, flush=True)\n"
    )
    for turn in range(5):
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, str(path)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            for _ in range(3 + turn):
                process.stdout.readline()
            process.kill()
        model = read_json(path)
        assert model["weights"][0].shape == (50, 50)
        assert np.ptp(model["weights"][0]) == 0
        assert model["weights"][0][0, 0] == model["biases"][0][0, 0]


def test_extreme_numbers_are_written_with_all_their_digits(tmp_path):
    tiny = struct.unpack("<d", b"\1" + b"\0" * 7)[0]
    numbers = [tiny, np.finfo(float).max, -0.0, 0.1, 1 / 3, np.nextafter(1, 2), 2.0**53 + 2]
    w = np.array([numbers])
    write_json(
        tmp_path / "m", sizes=[7, 1], weights=[w], biases=[w[:, :1]], cost="c", dtype=np.float64
    )
    assert read_json(tmp_path / "m")["weights"][0].tobytes() == w.tobytes()
