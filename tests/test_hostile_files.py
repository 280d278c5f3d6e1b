"""Files made to do harm: nothing is executed, nothing hangs, memory stays in proportion.

Longer: `python -m tests.fuzz csv` (see tests/fuzz/README.md).
"""

import ast
import gzip
import io
import json
import os
import resource
import struct
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet
from fastnet.datasets import load_idx, load_npz_arrays
from fastnet.tables import read_tables

from .fuzz.checking import Checker
from .fuzz.formats import CASES, FORMATS

PACKAGE = Path(fastnet.__file__).parent
#: What reading an uncompressed file may take beside the file, as a multiple of its size; and what
#: it may take however small the file is.
MULTIPLE = {
    "model_npz": 32,
    "model_json": 48,
    "model_safetensors": 48,
    "idx": 4,
    "data_npz": 32,
    "csv": 32,
}
FREE = 1 << 20


@pytest.fixture(scope="module", params=FORMATS)
def checker(request, tmp_path_factory):
    """Return what reads files of one format and lets nothing pass but a value or a refusal."""
    return Checker(FORMATS[request.param], tmp_path_factory.mktemp("hostile"))


def test_sound_files_are_taken(checker):
    taken = [checker.check(seed) for seed in checker.form.make_seeds()]
    assert any(taken)


def test_every_case_that_was_found_is_refused_or_taken(checker):
    cases = sorted((CASES / checker.form.name).glob("*"))
    assert len(cases) >= 5
    taken = {case.name for case in cases if checker.check(case.read_bytes())}
    assert len(taken) < len(cases)  # a reader that takes everything checks nothing


@given(data=st.data())
@settings(max_examples=150)
def test_damaged_files_are_refused_or_taken(checker, data):
    seed = bytearray(data.draw(st.sampled_from(checker.form.seeds())))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(seed)))
        stop = data.draw(st.integers(start, min(len(seed), start + 8)))
        seed[start:stop] = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"9" * 9]))
        )
    checker.check(bytes(seed))


def test_what_executes_is_noticed(tmp_path):
    # The check itself could fail to hear: let a reader do what none may do.
    def read(path):
        exec(compile("1", path, "exec"))

    checker = Checker(FORMATS["csv"], tmp_path)
    checker.form = FORMATS["csv"].__class__("csv", read, FORMATS["csv"].make_seeds)
    with pytest.raises(AssertionError, match="compile"):
        checker.check(b"a,b\n1,2\n")


#: What goes to the workers of any executor goes as pickles: how often a module reads one. parcels
#: reads what came from the executor, or was found to have the digest that did; tasks its own.
UNPICKLES = {"sweeps/parcels.py": 3, "sweeps/tasks.py": 1}
PICKLES = {*UNPICKLES, "sweeps/fingerprints.py", "sweeps/functions.py"}


def test_no_module_can_unpickle_or_execute():
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).as_posix()
        unpickled = 0
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call):
                names = [ast.unparse(node.func)]
                assert all(word.arg != "allow_pickle" for word in node.keywords), path
            if module in PICKLES and names == ["pickle"]:
                continue
            unpickled += bool({"pickle.loads", "pickle.load", "pickle.Unpickler"} & set(names))
            forbidden = {"pickle", "marshal", "shelve", "eval", "exec", "np.load", "numpy.load"}
            assert not forbidden & set(names), f"{path}:{node.lineno}"
        assert unpickled == UNPICKLES.get(module, 0), path


def peak(read, path):
    """Return the most memory that Python and NumPy held at once while a file was read."""
    tracemalloc.start()
    try:
        with suppress(ValueError):
            read(str(path))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def stored(**members):
    """Return a zip archive of these members, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array):
    """Return what a .npy file of an array holds."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text):
    """Return a member that holds bytes."""
    return npy(np.frombuffer(text, np.uint8))


def many_members(n):
    """Return an archive of so many empty members: each costs more in memory than in the file."""
    entry = b"PK\1\2" + bytes(24) + struct.pack("<H", 4) + bytes(16)
    directory = b"".join(entry + b"%04x" % (i % 65536) for i in range(n))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n % 65536, n % 65536, len(directory), 0, 0)
    return directory + end


SIZE = 1 << 18
HUNGRY = {
    "model_json": [
        b"[" + b"[]," * (SIZE // 3) + b"[]]",
        b"[" + b'{"":0},' * (SIZE // 7) + b"0]",
        b'{"sizes":[1,' + b"1e5," * (SIZE // 4) + b"1]}",
        b'{"sizes": [2, %d], "weights": [[%s[0,0]]], "biases": [[%s[0]]], "cost": "q"}'
        % (SIZE // 9 + 1, b"[0,0]," * (SIZE // 9), b"[0]," * (SIZE // 9)),
        b"[" * SIZE,
        b'{"sizes": [99999999999999, 99999999999999], "weights": [], "biases": [], "cost": ""}',
    ],
    "model_npz": [
        many_members(SIZE // 50),
        stored(header=header(b"[" + b'{"":0},' * (SIZE // 7) + b"0]")),
        stored(header=header(b"[" + b"[]," * (SIZE // 3) + b"[]]")),
    ],
    "idx": [
        bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 2) + bytes(SIZE),
        bytes([0, 0, 14, 2]) + struct.pack(">2I", 2**28, 2) + bytes(SIZE),
        bytes([0, 0, 8, 1]) + struct.pack(">I", SIZE) + bytes(SIZE),
        bytes([0, 0, 8, 255]) + b"\xff" * 1020,
    ],
    "data_npz": [
        many_members(SIZE // 50),
        stored(X=npy(np.zeros((1, SIZE // 8))), y=npy(np.zeros(1, "u1"))),
        stored(X=npy(np.zeros((1, SIZE), bool)), y=npy(np.zeros(1, "u1"))),
        stored(X=npy(np.zeros((1, 8))).replace(b"(1, 8)", b"(9, 9)"), y=b""),
        stored(X=npy(np.zeros((1, 8))).replace(b"(1, 8), }    ", b"(9999, 99999)}"), y=b""),
    ],
    "csv": [
        b"a,y\n" + b"0,\xc3\xa9\n" * (SIZE // 5),
        b"".join(b"%d," % i for i in range(SIZE // 7)) + b"y\n1,1\n",
        b"," * SIZE + b"\n" + b"," * SIZE,
        "\u0101,".encode() * (SIZE // 3),
        b"a,y\n" + b"\n" * SIZE + b"0,0\n",
        b'a,y\n"' + b"x" * SIZE,
        b"a,y\n" + b"1" * SIZE + b",0\n",
    ],
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, files in HUNGRY.items() for i in range(len(files))]
)
def test_memory_stays_in_proportion(name, number, tmp_path):
    data = HUNGRY[name][number]
    path = tmp_path / "hungry"
    path.write_bytes(data)
    form = FORMATS[name]
    for seed in form.make_seeds()[:1]:  # modules that come with the first file
        (tmp_path / "first").write_bytes(seed)
        with suppress(ValueError):
            form.read(str(tmp_path / "first"))
    assert peak(form.read, path) <= FREE + MULTIPLE[name] * len(data)


@pytest.mark.parametrize("read", [load_idx, load_npz_arrays])
def test_a_bomb_is_refused_before_it_goes_off(read, tmp_path):
    path = tmp_path / "bomb"
    pixels = 100 << 20
    if read is load_idx:
        idx = bytes([0, 0, 8, 1]) + struct.pack(">I", pixels) + bytes(pixels)
        path.write_bytes(gzip.compress(idx))
    else:
        with open(path, "wb") as file:
            np.savez_compressed(file, X_train=np.zeros((1, pixels), np.uint8))
    assert os.path.getsize(path) < 2**20
    with pytest.raises(ValueError, match="more than 100 times as many"):
        read(str(path))
    assert peak(read, path) < FREE


def test_a_header_of_a_hundred_thousand_names_takes_no_time(tmp_path):
    # It took hours: every name was looked for among all that came before it, in a copy of them.
    path = tmp_path / "wide.csv"
    names = ",".join(f"c{i}" for i in range(200_000))
    path.write_text(f"{names}\n{'1,' * 199_999}1\n")
    code = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        from fastnet.tables import read_tables
        columns = [f"c{{i}}" for i in range(0, 199_999, 2)]
        table = read_tables({str(path)!r}, columns=columns).judged
        assert table.X.shape == (1, 100_000) and table.target == "c199999"
    """
    subprocess.run([sys.executable, "-P", "-c", textwrap.dedent(code)], check=True, timeout=600)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\x1b[2J,y\nx,1\n", r"a\x1b[2J"),
        (b"a" * 100_000 + b",y\nx,1\n", "aaa...aaa"),
        (b'a,"b\ny\x07",b\n1,2\n', "3 columns"),
    ],
)
def test_a_refusal_shows_a_file_s_text_in_one_short_line(data, shown, tmp_path):
    path = tmp_path / "loud.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_tables(path)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 600
    assert shown in message


@pytest.mark.parametrize("filename", [0, 10**9, None, 1.5, [], object(), "a\0b"], ids=repr)
def test_a_file_s_name_is_a_path(filename):
    # `open` takes a number for a file that is open, reads it to its end and closes it.
    network = fastnet.Network([2, 1])
    for call in (fastnet.load, network.save):
        with pytest.raises((TypeError, ValueError), match="filename"):
            call(filename)


def test_history_of_lists_in_lists_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        fastnet.History.from_json("[" * 100_000)
    assert json.loads(fastnet.History().to_json()) == {"version": 2, "records": []}


def test_labels_that_change_while_training_are_not_looked_at():
    # The kernels use them as places in memory.
    X, y = np.eye(3), np.array([0, 1, 1], dtype=np.int32)

    class Vandal(fastnet.Callback):
        def on_epoch_end(self, network, record):
            y[:] = 10**6

    disturbed, calm = (fastnet.Network([3, 2], rng=0) for _ in range(2))
    calm.train((X, y.copy()), 5)
    disturbed.train((X, y), 5, callbacks=Vandal())
    assert disturbed.parameters.tobytes() == calm.parameters.tobytes()


@pytest.mark.skipif(
    not hasattr(resource, "RLIMIT_AS"),
    reason="this system cannot limit a process's memory (RLIMIT_AS)",
)
def test_memory_that_is_not_to_be_had_is_a_memory_error():
    code = """
        import resource
        import numpy as np, fastnet
        X = np.ones((20_000, 64))
        network = fastnet.Network([64, 8], rng=0)
        network.SGD((X[:9], np.zeros(9, int)), 1, 3, 0.1, shuffle=False)
        before = network.parameters.tobytes()
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + (64 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        wide = np.broadcast_to(np.float64(0.5), (2**24, 64))
        labels = np.broadcast_to(np.int8(1), (2**24,))
        for name, call in {
            "sizes": lambda: fastnet.Network([20_000, 20_000]),
            "a": lambda: network.feedforward(wide),
            "data": lambda: network.accuracy((wide, labels)),
            "training_data": lambda: network.SGD((wide, labels), 1, 10, 0.1),
        }.items():
            try:
                call()
            except MemoryError as error:
                assert name in str(error), (name, error)
            else:
                raise AssertionError(name)
            assert network.parameters.tobytes() == before
        network.SGD((X[:9], np.zeros(9, int)), 1, 3, 0.1)
    """
    subprocess.run([sys.executable, "-P", "-c", textwrap.dedent(code)], check=True, timeout=600)


@pytest.mark.parametrize(
    "sizes", [[2**62, 2], [2, 2**62], [2**32, 2**32], [2**31, 2**31, 2**31], [10**400, 1]], ids=str
)
def test_sizes_whose_product_overflows_are_refused_before_anything_is_allocated(sizes):
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, MemoryError), match="sizes"):
            fastnet.Network(sizes)
        assert tracemalloc.get_traced_memory()[1] < FREE
    finally:
        tracemalloc.stop()
