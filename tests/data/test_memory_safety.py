"""Nothing that is used as an index is read from memory that anyone else can write.

What breaks this rule ends the interpreter, so that each of these scripts has a process of its own.
A script prints what came out; expected is what NumPy says, or a refusal.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import fastnet

FORMATS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]
#: What every script begins with.
HEAD = """
import sys
import numpy as np
import fastnet
from fastnet import kernels
from fastnet.data.rows import as_rows
from fastnet.kernels import rows as kernel_rows, shift_images as kernel

def refused(function, *expected):
    try:
        function()
    except (ValueError, TypeError, IndexError) as error:
        said = f"{type(error).__name__}: {error}"
        assert not expected or any(words in said for words in expected), said
        return True
    return False

def new(sizes=(4, 3, 2), dtype=float):
    return fastnet.Network(list(sizes), "log_likelihood", rng=5, dtype=dtype)

def same(network, other):
    return bool(np.allclose(network.parameters, other.parameters, rtol=1e-4, atol=1e-6))
"""


def run(code):
    """Run a script in a process of its own; return what it prints."""
    home = str(Path(fastnet.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", HEAD + textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout.split()


# ---- sparse matrices


@pytest.fixture
def _scipy():
    pytest.importorskip("scipy.sparse", reason="SciPy is missing")


@pytest.mark.usefixtures("_scipy")
@pytest.mark.parametrize("dtype", ["np.float64", "np.float32"])
def test_what_a_matrix_says_of_itself_is_not_believed(dtype):
    """Entries that stand twice, unsorted, or more of them in a row than columns; and a stale flag.

    The dense twin is added up by NumPy.
    """
    assert run(f"""
    import scipy.sparse as sp
    n, dtype, draw = 50, {dtype}, np.random.default_rng(0)
    y = np.arange(n) % 2
    def made(entries, seed):
        draw = np.random.default_rng(seed)
        cols = draw.integers(0, 4, n * entries).astype(np.int32)
        starts = np.arange(n + 1, dtype=np.int32) * entries
        values = draw.integers(1, 9, n * entries) / 8 / entries
        dense = np.zeros((n, 4))
        np.add.at(dense, (np.repeat(np.arange(n), entries), cols), values)
        X = sp.csr_matrix((values, cols, starts), shape=(n, 4))
        X.has_canonical_format = X.has_sorted_indices = True
        return X, dense
    for entries in (2, 3, 4, 5000):
        X, dense = made(entries, entries)
        thin, plain = new(dtype=dtype), new(dtype=dtype)
        before = X.indices.copy(), X.data.copy()
        for network, rows in ((thin, X), (plain, dense)):
            network.train((rows, y), 2, 10, evaluation_data=(rows, y), metrics="evaluation_cost")
            network.partial_fit((rows, y))
        assert same(thin, plain) and not same(thin, new(dtype=dtype))
        assert np.allclose(thin.feedforward(X), plain.feedforward(dense), rtol=1e-4)
        assert thin.accuracy((X, y)) == thin.accuracy((dense, y))
        assert all(map(np.array_equal, before, (X.indices, X.data)))
    X = sp.csr_matrix(np.eye(4)); X.has_canonical_format
    X.indices[:] = 0  # in place: the flag that SciPy keeps is stale from now on
    X.indptr[:] = [0, 3, 3, 3, 4]
    print(new(dtype=dtype).feedforward(X).shape == (4, 2))
    """) == ["True"]


#: How each format can be spoilt; SciPy itself believes all of it.
SPOILT = {
    "csr": ["X.indices[:] = 2**30", "X.indices[0] = -1", "X.indptr[1] = 2**30",
            "X.indptr = X.indptr[:-1]", "X.indices = X.indices[:3]", "X.data = X.data[:3]",
            "X.indptr[0] = 1", "X.indices = X.indices + 0.5", "X.indices[5] = 65536 + 1",
            "X.indptr = X.indptr[::-1].copy()", "X.indices = X.indices.astype(object)",
            "X.data = X.data.reshape(2, -1)"],
    "csc": ["X.indices[:] = 2**30", "X.indices[0] = -1", "X.indptr[1] = 2**30",
            "X.indptr = X.indptr[:-1]", "X.indices = X.indices[:3]", "X.data = X.data[:3]",
            "X.indptr[-1] = 2**30", "X.indptr = X.indptr[::-1].copy()"],
    "bsr": ["X.indices[:] = 2**28", "X.indices[0] = -1", "X.indptr[1] = 2**28",
            "X.indptr = X.indptr[:-1]", "X.indices = X.indices[:1]", "X.data = X.data[:1]",
            "X.data = np.zeros((500, 7, 3))", "X.data = X.data[:, :0]", "X.data = X.data[0]"],
    "coo": ["X.row[:] = 2**30", "X.col[:] = 2**30", "X.row[0] = -1", "X.col[0] = -1",
            "X.data = X.data[:3]", "X.row = X.row[:3]"],
    "dia": ["X.offsets = X.offsets[:2]", "X.data = X.data[:2]", "X.data = X.data[0]",
            "X.offsets = X.offsets + 0.5"],
    "lil": ["X.rows[0] = [2**30] * len(X.rows[0])", "X.rows[0] = [-1] * len(X.rows[0])",
            "X.rows[0] = X.rows[0] * 2", "X.data[0] = X.data[0] * 2", "X.rows = X.rows[:3]",
            "X.rows[0] = [0.5] * len(X.rows[0])", "X.data[0] = ['a'] * len(X.data[0])"],
    "dok": ["X._dict[0, 2**30] = 1.0", "X._dict[-1, 0] = 1.0", "X._dict[2**62, 2**62] = 1.0",
            "X._dict[0, 0.5] = 1.0", "X._dict[0, 1] = 'a'"],
}  # fmt: skip


@pytest.mark.usefixtures("_scipy")
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_indices_that_lead_outside_are_refused_in_every_format(layout, kind):
    """Before SciPy converts them, since that writes wherever they lead."""
    assert run(f"""
    import scipy.sparse as sp
    y = np.arange(50) % 2
    for spoil in {SPOILT[layout]!r}:
        X = sp.{layout}_{kind}(np.random.default_rng(0).random((50, 20)))
        if {layout == "bsr"}:
            X = X.tobsr((5, 2))
        exec(spoil)
        network = new((20, 3, 2))
        before = network.parameters.copy()
        for verb in (lambda: network.train((X, y), 2, 10), lambda: network.feedforward(X),
                     lambda: network.accuracy((X, y)), lambda: network.layer_statistics(X),
                     lambda: network.prepare((X, y)),
                     lambda: network.train((np.ones((50, 20)), y), 1, evaluation_data=(X, y)),
                     lambda: network.train(fastnet.Batches([(X, y)]), 1, 10)):
            assert refused(verb, "X is a sparse matrix", "a is a sparse matrix"), (spoil, verb)
        assert np.array_equal(network.parameters, before)
    print("done")
    """) == ["done"]


@pytest.mark.usefixtures("_scipy")
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_format_is_read_as_scipy_reads_it(kind):
    """Also where what stands twice is added, and diagonals lie outside as a whole."""
    from fastnet.data import sparse

    sp = sys.modules["scipy.sparse"]
    rng = np.random.default_rng(1)
    dense = rng.random((12, 8)) * (rng.random((12, 8)) < 0.3)
    coo = sp.coo_array(dense)
    twice = np.concatenate([coo.row, coo.row]), np.concatenate([coo.col, coo.col])
    made = {layout: getattr(sp, f"{layout}_{kind}")(dense) for layout in FORMATS}
    made["blocks"] = getattr(sp, f"bsr_{kind}")(dense).tobsr((4, 2))
    made["twice"] = getattr(sp, f"coo_{kind}")((np.tile(coo.data, 2), twice), shape=dense.shape)
    offsets = np.array([-40, -12, -3, 0, 7, 8, 2**31 - 1])
    made["diagonals"] = getattr(sp, f"dia_{kind}")(
        (rng.random((7, 10)), offsets.astype(np.int32)), shape=(12, 8)
    )
    for layout in FORMATS:
        made[f"empty {layout}"] = getattr(sp, f"{layout}_{kind}")((3, 8))
    for name, X in made.items():
        assert np.array_equal(sparse.as_csr(X, "X").toarray(), X.toarray()), name


# ---- what is changed while it is read

#: A change at any one step of the interpreter, as another thread might make it there.
MEDDLER = """
import warnings
import scipy.sparse as sp
from fastnet.data import dataset, order, rows as input_rows, sparse
FILES = {module.__file__ for module in (dataset, input_rows, sparse, order)}

def steps(function, change, at):
    '''Run it; make the change before step `at` in FILES. How many steps there were.'''
    count = 0
    def look(frame, event, argument):
        nonlocal count
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count == at:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # NumPy may deprecate what is done here
                    change()
        return look
    sys.settrace(look)
    try:
        function()
    finally:
        sys.settrace(None)
    return count

def warm_up():
    # Python 3.12 tells of no opcodes when a function is traced for the first time.
    for rows in (np.eye(4), sp.csr_array(np.eye(4)), sp.csc_array(np.eye(4))):
        for options in ({}, {"shuffle": False}, {"shuffle": lambda rows: None}):
            steps(lambda: new().train((rows, np.arange(4) % 2), 1, **options), lambda: None, 0)

def at_every_step(make, change, every=1):
    network, arguments = new(), make()
    total = steps(lambda: network.train(*arguments), lambda: None, 0)
    outcomes = set()
    for at in range(1, total + 1, every):
        network, arguments = new(), make()
        twin = network.parameters.copy()
        try:
            steps(lambda: network.train(*arguments), lambda: change(*arguments[0]), at)
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            outcomes.add("refused")
            assert np.array_equal(network.parameters, twin) or network.history
        else:
            outcomes.add("trained")
            assert np.isfinite(network.parameters).all()
    assert total > 100
    print(*sorted(outcomes))

warm_up()
"""


@pytest.mark.parametrize("element", ["i4", "i8"])
def test_arrays_that_change_at_any_step(element):
    """Labels that are changed between their check and their use are refused, or not seen."""
    changes = ["y[-1] = 2**30", "y[-1] = -2**31", "y[:] = 2", "y.shape = (2, 10)", "y.dtype = 'f4'",
               "X.shape = (4, 20)", "X.dtype = 'u1'"]  # fmt: skip
    assert run(
        MEDDLER
        + f"""
def make():
    return (np.random.default_rng(0).random((20, 4)), np.arange(20, dtype="{element}") % 2), 1, 5

for how in {changes!r}:
    exec(f"def change(X, y): {{how}}")
    at_every_step(make, change, every=5)
"""
    ) == ["refused", "trained"] * len(changes)


def test_arrays_that_change_at_any_step_of_a_single_step():
    """The same, in a step that goes the short way: from the arrays to the kernel in one call."""
    changes = ["y[-1] = 2**30", "y[:] = -1", "y[:] = 2", "y.shape = (2, 10)", "y.dtype = 'f8'",
               "X.shape = (4, 20)", "X.dtype = 'u1'"]  # fmt: skip
    assert run(
        MEDDLER
        + f"""
from fastnet.training import step
FILES.add(step.__file__)

def make():
    return np.random.default_rng(0).random((20, 4)), np.arange(20) % 2

for how in {changes!r}:
    exec(f"def change(X, y): {{how}}")
    outcomes, at, total = set(), 0, 1
    while at <= total:
        network, (X, y) = new(), make()
        network.partial_fit((X, y))
        try:
            total = max(total, steps(lambda: network.partial_fit((X, y)), lambda: change(X, y), at))
        except (ValueError, TypeError):
            outcomes.add("refused")
        else:
            outcomes.add("trained")
        assert np.isfinite(network.parameters).all()
        at += 4
    assert total > 50
    print(*sorted(outcomes))
"""
    ) == ["refused", "trained"] * len(changes)


def test_labels_that_another_thread_writes_during_single_steps():
    """Each class number is one of the network's when it is used, or the step is refused."""
    assert run("""
    import threading, time
    network, labels = new((4, 3, 2)), np.zeros(200, np.int64)
    rows = np.random.default_rng(0).random((200, 4))
    over = threading.Event()
    def write():
        while not over.is_set():
            for label in (2**40, 1, 0, 1):
                labels[100:] = label
    thread = threading.Thread(target=write)
    network.partial_fit((rows, labels))
    sys.setswitchinterval(1e-5)
    thread.start()
    end, outcomes = time.monotonic() + 2, set()
    while time.monotonic() < end:
        try:
            network.partial_fit((rows, labels))
            outcomes.add("taken")
        except ValueError as error:
            assert "class numbers" in str(error), error
            outcomes.add("refused")
    over.set()
    thread.join()
    assert np.isfinite(network.parameters).all()
    print(*sorted(outcomes))
    """) == ["refused", "taken"]


@pytest.mark.usefixtures("_scipy")
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_sparse_matrices_that_change_at_any_step(layout):
    changes = ["X.indices[:] = 2**30", "X.indices[:] = -1", "X.indptr[1:] = 2**30",
               "X.indptr[:] = 0", "X.indices = X.indices[:2]", "X.data = X.data[:2]",
               "X.indptr = X.indptr[:2]", "X.indices.shape = (2, -1)", "X.indices.dtype = 'u1'",
               "X._shape = (20, 1)", "X._shape = (10**6, 10**6)"]  # fmt: skip
    found = run(
        MEDDLER
        + f"""
import scipy.sparse as sp

def make():
    dense = np.random.default_rng(0).random((20, 4))
    dense[::2, ::2] = 0
    return (sp.{layout}_array(dense), np.arange(20) % 2), 1, 5

for how in {changes!r}:
    exec(f"def change(X, y): {{how}}")
    at_every_step(make, change, every=9)
"""
    )
    assert found.count("trained") == len(changes)


def test_an_order_that_changes_at_any_step():
    """A list that `shuffle` keeps, and an array that `permutation` keeps."""
    assert run(
        MEDDLER
        + """
class Keeping(np.random.Generator):
    def permutation(self, n):
        self.kept = super().permutation(n)
        return self.kept

def shuffle(rows):
    kept[:] = [rows]

def spoil():
    for rows in kept:
        rows[:] = [2**40] * 20
    if hasattr(network.rng, "kept"):
        network.rng.kept[:] = 2**40

def train():
    how = True if isinstance(network.rng, Keeping) else shuffle
    network.train((np.ones((20, 4)), np.arange(20) % 2), 2, 5, shuffle=how)

for rng in (Keeping(np.random.PCG64(1)), np.random.default_rng(0)):
    refusals, at, total = 0, 0, 1
    while at < total:
        network, kept = new(), []
        network.rng = rng
        try:
            total = steps(train, spoil, at)
        except ValueError as error:
            assert "did not leave" in str(error) or "did not return" in str(error), error
            refusals += 1
        at += 3
    assert total > 500
    print(bool(refusals))
"""
    ) == ["True", "True"]


# ---- what anybody can write to later


def test_prepared_labels_are_nobodys_to_change():
    assert run("""
    X, y = np.random.default_rng(0).random((20, 4)), np.arange(20, dtype=np.int32) % 2
    network, twin = new(), new()
    held = network.prepare((X, y))
    y[:] = 2**30
    array = held.labels
    while isinstance(array, np.ndarray):
        assert refused(lambda: array.setflags(write=True), "WRITEABLE")
        assert refused(lambda: np.copyto(array, 2**30), "read-only")
        array = array.base
    assert type(array) is bytes
    assert refused(lambda: held.labels.resize(3), "")
    object.__setattr__(held, "labels", y)  # of a frozen class: whoever wants to can
    network.train(held, 2, 5, shuffle=False)
    twin.train((X, np.arange(20) % 2), 2, 5, shuffle=False)
    print(same(network, twin), network.accuracy(held) == twin.accuracy((X, np.arange(20) % 2)))
    """) == ["True", "True"]


def test_prepared_data_fit_no_network_with_fewer_outputs():
    assert run("""
    import dataclasses
    X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 5
    held = new((4, 5)).prepare((X, y))
    for form in (held, dataclasses.replace(held, labels=np.zeros(20, np.int32)),
                 dataclasses.replace(held, X=as_rows(X.astype("f2"), 4, "X"))):
        for verb in (lambda net: net.train(form, 1), lambda net: net.accuracy(form),
                     lambda net: net.total_cost(form, 0.0), lambda net: net.partial_fit(form),
                     lambda net: net.train((X, y % 2), 1, evaluation_data=form)):
            assert refused(lambda: verb(new((4, 3, 2))), "Prepare the data with this network")
    converted, high = as_rows(X.astype("f2"), 4, "X"), np.full(20, 2**30, np.int32)
    wrong = as_rows(X[:, :3], 3, "X"), as_rows(X[[0] * 21], 4, "X")
    for form in (dataclasses.replace(held, X=converted, labels=high),
                 *(dataclasses.replace(held, X=rows) for rows in wrong)):
        assert refused(lambda: new((4, 5)).train(form, 1))
    print("done")
    """) == ["done"]


@pytest.mark.usefixtures("_scipy")
def test_a_matrix_that_is_held_may_be_spoilt():
    """That of prepared data, whose arrays anybody can replace: also beyond 65,536 columns."""
    assert run("""
    import dataclasses, tempfile, os
    import scipy.sparse as sp
    y = np.arange(20) % 2
    folder = tempfile.mkdtemp()
    for n_in in (30, 65546):
        draw = dict(density=0.1 if n_in == 30 else 1e-4, format="csr")
        draw["random_state"] = np.random.default_rng(0)
        for spoil in ("indices[:] = 2**30", "indices[:] = -2**31", "indptr[1:] = 2**30",
                      "indptr[:] = 0", "indptr[::2] = 2**20", "indices = held.X.csr.indices[:1]",
                      "data = held.X.csr.data[:1]", "indptr = held.X.csr.indptr[:2]"):
            network = new((n_in, 2, 2))
            X = sp.random_array((20, n_in), **draw)
            held = network.prepare((X, y))
            right = network.accuracy(held)
            X.indices[:] = 0  # the caller's own
            X.indptr[1:] = 2**20
            assert network.accuracy(held) == right
            exec("held.X.csr." + spoil)
            watch = fastnet.Checkpoint(os.path.join(folder, "a.npz"))
            refused(lambda: network.train(held, 1, 5, callbacks=watch))
            refused(lambda: network.accuracy(held))
    print("done")
    """) == ["done"]


def test_parameters_whose_type_or_shape_is_assigned():
    """`net.parameters` is the very array that kernels read."""
    assert run("""
    import warnings
    for change in ("dtype = np.float32", "shape = (1, -1)", "dtype = np.uint8"):
        network = new((4, 5, 3))
        assert network.feedforward(np.ones(4)).shape == (3,)
        network.backprop(np.ones((2, 4)), np.eye(2, 3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec("network.parameters." + change)
        for element in "df":
            rows = np.ones((2, 4), element)
            for verb in (lambda: network.feedforward(rows[0]), lambda: network.feedforward(rows)):
                assert refused(verb) or "shape" in change, change
            refused(lambda: network.backprop(rows, np.eye(2, 3, dtype=element)))
            refused(lambda: network.train((rows, [0, 1]), 1))
            refused(lambda: network.accuracy((rows, [0, 1])))
    assert refused(lambda: new().parameters.resize(3, refcheck=False), "own")
    X = np.ones((20, 4))
    held = new().prepare((X, np.zeros(20, int)))
    assert refused(lambda: X.resize((1, 1)), "resize")
    print("done")
    """) == ["done"]


# ---- orders


@pytest.mark.parametrize("kind", ["Generator", "RandomState"])
def test_a_generator_of_the_users_gives_a_permutation_or_is_refused(kind):
    assert run(f"""
    answers = [np.full(40, 2**40), np.full(40, -1), np.arange(41), np.arange(39), np.zeros(40, int),
               np.arange(40.0), np.arange(40).astype(object), np.arange(40) + 1, None, "rows", 7,
               list(range(39)) + [2**70], [[1], [2, 3]], np.arange(40).reshape(2, 20),
               np.arange(40).astype("u8") + np.uint64(2**63), np.zeros(40, bool)]

    class Mine(np.random.{kind}):
        def permutation(self, x):
            return self.answer

    rng = Mine(np.random.PCG64(1))
    X, y = np.random.default_rng(0).random((40, 4)), np.arange(40) % 2
    blocks = fastnet.Batches.from_arrays(X, y, rows=40), fastnet.Batches([(X[:20], y[:20])] * 2)
    for answer in answers:
        for given in ((X, y), *blocks):
            network = new()
            before = network.parameters.copy()
            rng.answer, network.rng = answer, rng
            assert refused(lambda: network.train(given, 2, 5), "Mine did not return a permutation")
            assert np.array_equal(network.parameters, before) and not network.history
    network, twin = new(), new()
    for good in (np.arange(40)[::-1], list(range(39, -1, -1)), np.arange(40).astype("u1")[::-1]):
        rng.answer, network.rng = good, rng
        network.train((X, y), 1, 5)
        twin.train((X[::-1], y[::-1]), 1, 5, shuffle=False)
    print(same(network, twin))
    """) == ["True"]


def test_a_shuffle_that_leaves_something_else_is_refused():
    assert run("""
    class Odd(int):
        def __le__(self, other): return True
        def __lt__(self, other): return True
        def __ge__(self, other): return True
    X, y = np.ones((40, 4)), np.arange(40) % 2
    for rows in ([2**40] * 40, [-1] * 40, [2**70] * 40, [0] * 40, [0.0] * 40, ["a"] * 40, [], [0],
                 [None] * 40, list(range(41)), [*range(39), 39.5], [Odd(10**12)] * 40,
                 [Odd(-5), *range(39)], [*range(39), [39]]):
        def shuffle(given):
            given[:] = rows
        network = new()
        before = network.parameters.copy()
        train = lambda: network.train((X, y), 1, 5, shuffle=shuffle)
        assert refused(train, "not leave a permutation of"), rows
        assert np.array_equal(network.parameters, before)
    print("done")
    """) == ["done"]


# ---- what works rows out, and what reaches the kernels by hand


def test_rows_that_are_worked_out_may_be_anything():
    """A Derived of the user's own, in training, evaluation and statistics."""
    assert run("""
    from fastnet.datasets import shift_images
    class Mine:
        def __init__(self, X, answer):
            self.originals, self.answer = X, answer
            self.shape, self.dtype = (120, 4), X.dtype
        def __getitem__(self, rows):
            rows[:] = 2**40  # which must not reach anybody
            return self.answer
        nonzeros = lambda self, originals, chosen: self[chosen]

    few = np.zeros((40, 4))
    few[::7] = 1
    y = np.arange(120) % 2
    short = kernel_rows.from_csr(np.array([0, 1, 2]), np.array([3, 3]), np.ones(2), 4)
    wide = kernel_rows.from_csr(np.arange(11), np.full(10, 60000), np.ones(10), 65536)
    answers = [None, few[:2], few[:10, :3], few[0], "x", few[:10].astype(complex), 3, [[1.0]],
               few[:10].astype(object), kernel_rows.Rows(few[:10, :2]), short, wide]
    for X in (few, np.random.default_rng(0).random((40, 4)), few.astype("f2")):
        for answer in answers:
            mine, network = Mine(X, answer), new()
            before = network.parameters.copy()
            for verb in (lambda: network.train((mine, y), 1, 10),
                         lambda: network.accuracy((mine, y)),
                         lambda: network.layer_statistics(mine),
                         lambda: network.train((few, y[:40]), 1, evaluation_data=(mine, y),
                                               metrics="evaluation_cost")):
                if isinstance(mine.answer, kernel_rows.Rows) or X is few or mine.answer is not None:
                    assert refused(verb, "X"), (answer, X.dtype)
        # The same rows, worked out: ten at a time, and the right ones although `rows` is spoilt.
    moved, labels = shift_images(few, y[:40], (2, 2))
    for change in ("moved._moves = moved._moves * 10**9", "moved._moves = moved._moves - 3",
                   "moved._stays = moved._stays * 0 + 255", "moved._moves = moved._moves[:2]",
                   "moved._stays = moved._stays[:, :1].copy()", "moved.originals = few[:3]",
                   "moved.height = 7", "moved._moves = None", "moved._stays = None"):
        moved, labels = shift_images(few, y[:40], (2, 2))
        held = new().prepare((moved, labels))
        exec(change)
        refused(lambda: new().train(held, 1, 10))
        refused(lambda: new().accuracy(held))
    print("done")
    """) == ["done"]


def test_kernels_refuse_by_hand_what_does_not_fit():
    assert run("""
    engine_of = kernels.training_engine(np.dtype(float)), kernels.prediction_engine(np.dtype(float))
    training, prediction = (kind([4, 3, 2], [0, 0], 0, 10) for kind in engine_of)
    flat = fastnet.Network([4, 3, 2], rng=0).parameters
    X, y = np.random.default_rng(0).random((10, 4)), np.zeros(10, np.int32)
    rows, targets, order = kernel_rows.Rows(X), kernel_rows.Targets(y, None), np.arange(10)
    etas, out = np.ones(10), np.empty((10, 2))
    assert refused(lambda: prediction.predict(rows, order, 0, 10, out), "no parameters")
    prediction.attach(flat)
    training.load(flat)
    S = kernel_rows.from_csr(np.arange(11), np.zeros(10, int), np.ones(10), 4)
    T = kernel_rows.Targets
    bad_rows = [None, kernel_rows.Rows(X[:9]), kernel_rows.Rows(X[:, :3]), X]
    bad_targets = [None, T(y[:9], None), T(y + 2, None), T(None, np.ones((10, 3))),
                   T(None, np.ones((10, 2), "f")), T(y, None, np.ones(10, "f")), y]
    bad_orders = [None, order[:9], order + 1, order - 1, order * 2**40, order.astype(float),
                  order[::-1], order.astype("i4"), np.arange(20).reshape(10, 2)]
    cases = [(r, targets, order) for r in bad_rows] + [(rows, t, order) for t in bad_targets]
    cases += [(r, targets, o) for r in (rows, S) for o in bad_orders]
    for r, t, o in cases:
        assert refused(lambda: training.train(r, t, o, 0, 10, 0, 10, 5, etas)), (r, t, o)
        assert refused(lambda: training.gradient(r, t, o, 0, 10, np.empty(23)))
        assert refused(lambda: prediction.evaluate(r, t, o, 0, 10))
        if t is targets:
            assert refused(lambda: prediction.predict(r, o, 0, 10, out))
            assert refused(lambda: prediction.statistics(r, o, 0, 10, np.zeros((2, 4))))
    for start, stop in ((-1, 10), (0, 11), (5, 5), (7, 3)):
        assert refused(lambda: training.train(rows, targets, order, start, stop, 0, 10, 5, etas))
    for place, total, size, rates in ((-1, 10, 5, etas), (5, 10, 5, etas), (0, 10, 0, etas),
                                      (0, 10, 1, etas[:3]), (0, 10, 5, None), (0, 10, -3, etas)):
        plan = 0, 10, place, total, size, rates
        assert refused(lambda: training.train(rows, targets, order, *plan))
    for shape in ((9, 2), (10, 3)):
        assert refused(lambda: prediction.predict(rows, order, 0, 10, np.empty(shape)))
    for kind in range(1, 9):
        assert refused(lambda: training.set_rule(kind), "state vectors")
    for vector in (flat[:5], None, flat.astype("f")):
        for verb in (training.load, training.store, prediction.attach):
            assert refused(lambda: verb(vector))
    for options in ({"dropout": [0.5]}, {"dropout": [0.5] * 3}):
        assert refused(lambda: engine_of[0]([4, 3, 2], [0, 0], 0, 10, **options), "dropout")
    assert refused(lambda: engine_of[0]([4, 0, 2], [0, 0], 0, 10))
    assert refused(lambda: engine_of[0]([4, 3, 2], [0, 0], 0, 0))

    weights = np.ones(10)
    for given in ((y - 1, None), (y.reshape(2, 5), None), (y.astype("i8"), None), (None, None),
                  (None, np.ones(10)), (None, np.ones((10, 2), int)), (np.array(3, "i"), None),
                  (y, None, weights[:9]), (y, None, np.ones((10, 1))), (None, np.ones((10, 2, 1))),
                  (y, None, np.ones(10, int)), (y, None, np.array(1.0))):
        assert refused(lambda: T(*given)), given
    starts, cols, values = np.array([0, 2, 4]), np.array([0, 2, 1, 2]), np.ones(4)
    for element in ("i4", "i8"):
        s, c = starts.astype(element), cols.astype(element)
        assert kernel_rows.from_csr(s, c, values, 3).n == 2
        for given in (([0, 2, 5], c), ([1, 2, 4], c), ([0, 3, 2], c), ([-2, 2, 4], c), ([], c),
                      (s, [0, 3, 1, 2]), (s, [0, -1, 1, 2]), (s, [2, 0, 1, 2]), (s, [0, 0, 1, 2]),
                      (s, [0, 65536 + 2, 1, 2]), (s, [0, 2**31 - 65535, 1, 2]), (s, [0, 2, 1]),
                      ([0, -2**31, 4], c), ([0, 2**31 - 1, 4], c), (s, [0, -65534, 1, 2])):
            made = (np.array(part, element) for part in given)
            assert refused(lambda: kernel_rows.from_csr(*made, values, 3)), given
    images = kernel_rows.from_csr(starts, cols, values, 4)
    moves, stays = np.array([0, 1]), np.ones((2, 4), np.uint8)
    for chosen, m, st in (([4], moves, stays), ([-1], moves, stays), ([], moves, stays),
                          ([0], moves[:1], stays), ([0], moves, stays[:, :3]), ([0], None, stays)):
        chosen = np.array(chosen, np.intp)
        assert refused(lambda: kernel.shifted(images, chosen, m, np.ascontiguousarray(st)))
    for m in (np.array([0, 2**62]), np.array([0, -2**62]), np.array([-9, 9])):
        found = kernel.shifted(images, np.arange(4), m, stays * 255)
        training.train(found, T(y[:4], None), np.arange(4), 0, 4, 0, 4, 2, etas)
    print("done")
    """) == ["done"]


def test_classes_of_the_users_own_give_what_their_base_gives():
    """Of arrays and matrices, whose methods say something else than what they hold."""
    pytest.importorskip("scipy.sparse", reason="SciPy is missing")
    assert run("""
    import scipy.sparse as sp
    class Rows(np.ndarray):
        shape = property(lambda self: (10**6, 4))
        __len__ = lambda self: 10**6
        def astype(self, *args, **options): return np.zeros(1)
        def max(self, *args, **options): return 0
        def copy(self, *args): return np.full(20, 2**30)
        def view(self, *args): return np.zeros((10**6, 4))
        def __getitem__(self, place): return np.zeros((1, 1))
    class Narrow(np.ndarray):
        dtype = property(lambda self: np.dtype(self.kind))
        ndim = property(lambda self: 1)
    narrow = np.zeros(40, np.int8).view(Narrow)
    for narrow.kind in ("d", "i4", "i8", "u1"):
        for wrap in (kernel_rows.Rows, lambda a: kernel_rows.Targets(a, None),
                     lambda a: kernel_rows.Targets(None, a),
                     lambda a: kernel_rows.from_csr(a, a, np.ones(40), 4)):
            assert refused(lambda: wrap(narrow)) and refused(lambda: wrap(narrow.reshape(8, 5)))
    class Matrix(sp.csr_array):
        tocsr = lambda self, copy=False: self._evil()
        copy = sum_duplicates = astype = lambda self, *args, **options: self._evil()
        has_canonical_format = property(lambda self: True, lambda self, value: None)
        has_sorted_indices = property(lambda self: True, lambda self, value: None)
        def _evil(self):
            X = sp.csr_array(np.eye(4))
            X.indices[:] = 2**30
            return X
    X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 2
    network, odd, thin = new(), new(), new()
    network.train((X, y), 2, 5)
    odd.train((X.view(Rows), y.view(Rows)), 2, 5)
    thin.train((Matrix(X), y), 2, 5)
    print(same(network, odd), same(network, thin))
    """) == ["True", "True"]
