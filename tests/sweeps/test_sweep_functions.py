"""Sweeps with one store never get each other's outcomes, however they differ."""

import importlib
import sys
import threading
import types
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import fastnet
from fastnet.sweeps import stream, sweep
from fastnet.sweeps.digests import digest_function, digest_value


def run(source, tmp_path, name="build", store="store", configurations=({"x": 2},), **names):
    """Sweep with a function whose module has this source; return what came, or the refusal."""
    module = types.ModuleType("user_module")
    module.__dict__.update(names)
    exec(compile(source, "user_module.py", "exec"), module.__dict__)
    try:
        result = sweep(module.__dict__[name], configurations, store=tmp_path / store)
    except ValueError as error:
        assert "give store another folder" in str(error)
        return None
    return [outcome.measures["y"] for outcome in result], [o.restored for o in result]


#: Pairs of sources that do the same and that do not, each with what the second measures alone.
SOURCES = {
    "a constant": ("def build(data, rng, x): return {'y': x + 1}", "x + 1", "x + 2", 4),
    "a default": ("def build(data, rng, x, k=1): return {'y': x + k}", "k=1", "k=2", 4),
    "keyword default": ("def build(data, rng, x, *, k=1): return {'y': x + k}", "k=1", "k=2", 4),
    "operator": ("def build(data, rng, x): return {'y': x + 3}", "+", "*", 6),
    "lambda": ("build = lambda data, rng, x: {'y': x + 1}", "+ 1", "+ 2", 4),
    "a global": ("K = 1\ndef build(data, rng, x): return {'y': x + K}", "K = 1", "K = 2", 4),
    "a list": ("K = [1]\ndef build(data, rng, x): return {'y': x + K[0]}", "[1]", "[2]", 4),
    "a dict": ("K = {'k': 1}\ndef build(data, rng, x): return {'y': x + K['k']}", "1}", "2}", 4),
    "a function used": (
        "def more(x): return x + 1\ndef build(data, rng, x): return {'y': more(x)}",
        "x + 1", "x + 2", 4,
    ),
    "a closure": (
        ("def make(k):\n def build(data, rng, x): return {'y': x + k}\n return build\n"
        "build = make(1)"),
        "make(1)", "make(2)", 4,
    ),
    "a closure of a list": (
        ("def make(k):\n def build(data, rng, x): return {'y': x + k[0]}\n return build\n"
        "build = make([1])"),
        "make([1])", "make([2])", 4,
    ),
    "a closure of a function": (
        ("def make(k):\n def build(data, rng, x): return {'y': k(x)}\n return build\n"
        "build = make(lambda x: x + 1)"),
        "x + 1", "x + 2", 4,
    ),
    "an inner function": (
        "def build(data, rng, x):\n def inner(): return x + 1\n return {'y': inner()}",
        "x + 1", "x + 2", 4,
    ),
    "partial": (
        ("from functools import partial\ndef f(data, rng, x, k): return {'y': x + k}\n"
        "build = partial(f, k=1)"),
        "k=1", "k=2", 4,
    ),
    "partial of a lambda": (
        "from functools import partial\nbuild = partial(lambda data, rng, x, k: {'y': x + k}, k=1)",
        "x + k", "x * k * 2", 4,
    ),
    "an object": (
        ("class Build:\n def __init__(self, k): self.k = k\n"
        " def __call__(self, data, rng, x): return {'y': x + self.k}\nbuild = Build(1)"),
        "Build(1)", "Build(2)", 4,
    ),
    "an object's method": (
        ("class Build:\n def __call__(self, data, rng, x): return {'y': self.f(x)}\n"
        " def f(self, x): return x + 1\nbuild = Build()"),
        "x + 1", "x + 2", 4,
    ),
    "a bound method": (
        ("class B:\n def __init__(self, k): self.k = k\n"
        " def f(self, data, rng, x): return {'y': x + self.k}\nbuild = B(1).f"),
        "B(1)", "B(2)", 4,
    ),
    "a class used": (
        "class C:\n k = 1\ndef build(data, rng, x): return {'y': x + C.k}", "k = 1", "k = 2", 4,
    ),
    "a base class": (
        ("class A:\n def f(self, x): return x + 1\nclass C(A): pass\n"
        "def build(data, rng, x): return {'y': C().f(x)}"),
        "x + 1", "x + 2", 4,
    ),
    "a cached function": (
        ("import functools\n@functools.cache\ndef more(x): return x + 1\n"
        "def build(data, rng, x): return {'y': more(x)}"),
        "x + 1", "x + 2", 4,
    ),
    "a decorated function": (
        ("import functools\ndef same(f):\n @functools.wraps(f)\n"
        " def g(*a, **k): return f(*a, **k)\n return g\n"
        "@same\ndef build(data, rng, x): return {'y': x + 1}"),
        "x + 1", "x + 2", 4,
    ),
    "slots": (
        ("class C:\n __slots__ = ('k',)\n def __init__(self, k): self.k = k\nc = C(1)\n"
        "def build(data, rng, x): return {'y': x + c.k}"),
        "C(1)", "C(2)", 4,
    ),
    "what is raised for": (
        "def build(data, rng, x):\n try: {}['k']\n except KeyError: return {'y': x + 1}",
        "x + 1", "x + 2", 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_another_function_of_the_same_name(name, tmp_path):
    source, old, new, expected = SOURCES[name]
    assert run(source, tmp_path) == ([3] if "x + 3" not in source else [5], [False])
    # With a comment and in another place it is the same, and its outcomes are had back.
    moved = "# a comment\n\n" + source
    assert run(moved, tmp_path) == ([3] if "x + 3" not in source else [5], [True])
    assert source.count(old) >= 1
    changed = run(source.replace(old, new), tmp_path)
    assert changed in (None, ([expected], [False]))  # refused, or trained anew
    assert run(source.replace(old, new), tmp_path, store="new") == ([expected], [False])


def test_docstrings_change_nothing(tmp_path):
    source = 'def build(data, rng, x):\n "One."\n return {"y": x}'
    assert run(source, tmp_path) == ([2], [False])
    assert run(source.replace("One.", "Another."), tmp_path) == ([2], [True])


def test_a_container_that_the_function_changes_is_not_a_setting(tmp_path):
    source = """
calls, counts, n = [], {}, 0
def build(data, rng, x):
    global n
    n += 1
    calls.append(x)
    counts[x] = counts.get(x, 0) + 1
    return {"y": x}
"""
    module = types.ModuleType("user_module")
    exec(source, module.__dict__)
    for times in range(2):
        result = sweep(module.build, [{"x": 2}, {"x": 3}], store=tmp_path)
        assert [outcome.restored for outcome in result] == [times == 1] * 2
    assert len(module.calls) == module.n == sum(module.counts.values()) == 2


def test_a_function_of_another_module_of_the_users(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helping_module.py").write_text("def more(x):\n    return x + 1\n")
    helping = importlib.import_module("helping_module")
    try:
        for source in (
            "import helping_module\ndef build(data, rng, x): return {'y': helping_module.more(x)}",
            "from helping_module import more\ndef build(data, rng, x): return {'y': more(x)}",
        ):
            folder = str(len(source))
            helping.more.__code__ = (lambda x: x + 1).__code__
            assert run(source, tmp_path, store=folder) == ([3], [False])
            helping.more.__code__ = (lambda x: x + 2).__code__
            assert run(source, tmp_path, store=folder) is None
    finally:
        del sys.modules["helping_module"]


def test_functions_in_configurations_and_data(tmp_path):
    def make(text):
        names = {}
        exec(f"def f(x):\n    return {text}", names)
        names["f"].__module__ = "user_module"
        return names["f"]

    def build(data, rng, f=None):
        return {"y": f(2) if f else data}

    for text, expected, restored in (("x + 1", 3, 0), ("x + 2", 4, 0), ("x + 1", 3, 1)):
        (outcome,) = sweep(build, [{"f": make(text)}], store=tmp_path / "f")
        assert (outcome.measures["y"], outcome.restored) == (expected, restored)
    sweep(build, [{}], partial(make("x + 1"), 2), store=tmp_path / "data")
    with pytest.raises(ValueError, match="a sweep with data"):
        stream(build, [{}], partial(make("x + 2"), 2), store=tmp_path / "data")


@dataclass
class Settings:
    eta: float
    layers: tuple


def test_digests_of_values_that_functions_read():
    def of(value):
        def build(data, rng):
            return {"y": value}

        return digest_function(build)[1]

    things = [
        *(Settings(1.0, (2,)), Settings(1.0, (3,)), fastnet.Adam(0.1), fastnet.Adam(0.2)),
        *(np.arange(3), np.arange(3.0), {"a": [1]}, {"a": [2]}, [1, [2]], {1, 2}, {1, 3}),
        *(types.SimpleNamespace(k=1), types.SimpleNamespace(k=2), 1, 1.0, "1", None),
    ]
    assert len({of(thing) for thing in things}) == len(things)
    assert of(Settings(1.0, (2,))) == of(Settings(1.0, (2,)))
    assert of(threading.Lock()) == of(threading.Lock())
    endless = [1]
    endless.append(endless)
    assert of(endless) != of([1])


def test_parts_of_a_map_are_not_one_another(tmp_path):
    whole = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float64, (8, 2))
    whole[:] = np.arange(16).reshape(8, 2)
    whole.flush()
    found = np.load(tmp_path / "x.npy", mmap_mode="r")
    parts = [found, found[:4], found[4:], found[:4, ::-1], found[::2]]
    assert len({digest_value(part, "x") for part in parts}) == len(parts)
    assert digest_value(found[4:], "x") == digest_value(found[2:][2:], "x")
    copied = np.load(tmp_path / "x.npy", mmap_mode="c")
    before = digest_value(copied, "x")
    copied[0, 0] = 7.0  # in memory alone
    assert digest_value(copied, "x") != before
    fields = [np.zeros(2, dtype=[("a", "<f4"), ("b", "<f4")]), np.zeros(2, dtype="<f8")]
    fields.append(np.zeros(2, dtype=[("b", "<f4"), ("a", "<f4")]))
    assert len({digest_value(each, "x") for each in fields}) == 3


def test_two_sweeps_that_begin_at_once(tmp_path):
    """One is refused, or both have outcomes of their own: never those of the other."""

    def build_one(data, rng, x):
        return {"y": x + 1}

    def build_two(data, rng, x):
        return {"y": x + 2}

    for trial in range(20):
        start, found = threading.Barrier(2), {}

        def train(name, build, start=start, found=found, folder=tmp_path / str(trial)):
            start.wait()
            try:
                result = sweep(build, [{"x": x} for x in range(3)], store=folder, threads=1)
                found[name] = [outcome.measures["y"] for outcome in result]
            except ValueError as error:
                found[name] = "give store another folder" in str(error)

        both = [threading.Thread(target=train, args=a) for a in ((1, build_one), (2, build_two))]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert found[1] in (True, [1, 2, 3]) and found[2] in (True, [2, 3, 4])
        assert True not in found.values() or found[1] != found[2]
        assert {path.suffix for path in (tmp_path / str(trial)).iterdir()} == {".json"}


def test_keys_are_of_one_sweep_alone(tmp_path):
    """Whatever happens to the file that says what a folder is over."""

    def build(data, rng, x):
        return {"y": x + data}

    for data in (1, 2):
        (outcome,) = sweep(build, [{"x": 2}], data, store=tmp_path)
        assert (outcome.measures["y"], outcome.restored) == (2 + data, False)
        (tmp_path / "sweep.json").unlink()


# --- what cannot be written ----------------------------------------------------------------------


def diverged(data, rng, x):
    net = fastnet.Network([3, 2], rng=rng)
    if x == 1:
        net.parameters[:] = np.nan
    if x == 2:
        net.preprocessing = "none that there is"
    return net, {"x": x}


@pytest.mark.parametrize("threads", [1, 3])
def test_an_outcome_that_cannot_be_written_loses_no_other(threads, tmp_path):
    """It is given back as without a store, and is not there for the next sweep."""
    asked = [{"x": x} for x in range(4)]
    plain = sweep(diverged, asked)
    for times in range(2):
        with pytest.warns(RuntimeWarning, match="was not written to the store") as told:
            kept = sweep(diverged, asked, store=tmp_path, threads=threads)
        assert {str(each.message).split()[1] for each in told} == {"1", "2"}
        assert [outcome.restored for outcome in kept] == [bool(times), False, False, bool(times)]
        for one, other in zip(kept, plain, strict=True):
            np.testing.assert_array_equal(one.network.parameters, other.network.parameters)
            assert (one.measures, one.history, one.error) == (other.measures, other.history, "")
    assert not list(tmp_path.glob("*.tmp"))


def test_a_store_that_finds_no_memory_loses_no_outcome(tmp_path, monkeypatch):
    def no_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr("fastnet.sweeps.stores.write_npz", no_memory)
    with pytest.warns(RuntimeWarning, match=r"not written to the store \(MemoryError\(\)\)"):
        result = sweep(diverged, [{"x": 0}], store=tmp_path)
    assert len(result) == 1 and not result.failed
