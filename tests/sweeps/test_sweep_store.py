"""The store of a sweep: which outcomes are skipped, recognized, refused, and never lost."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import fastnet
from fastnet.sweeps import grid, stream, sweep
from fastnet.sweeps.digests import digest_value

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = X, np.array([0, 1, 1, 0])


def build(data, rng, hidden=3, eta=1.0):
    """Train on the four corners."""
    net = fastnet.Network([2, hidden, 2], rng=rng)
    net.train(data, 2, 2, optimizer=fastnet.SGD(eta), metrics="training_cost")
    return net


def measure(data, rng, **configuration):
    """Return what was given, and a number that depends on the seed."""
    return {"drawn": float(rng.random()), **configuration}


def parameters(result):
    return [outcome.network.parameters.tobytes() for outcome in result]


def test_a_restart_skips_what_is_done_and_gives_the_same(tmp_path):
    folder, built = tmp_path / "store", []

    def counted(data, rng, **configuration):
        built.append(configuration)
        return build(data, rng, **configuration), {"nan": float("nan"), "wide": np.arange(3)}

    fresh = sweep(counted, grid(eta=[0.5, 1.0]), XOR, seeds=2)
    first = stream(counted, grid(eta=[0.5, 1.0]), XOR, seeds=2, store=folder, threads=1)
    next(first), next(first)
    first.close()
    n = len(built)
    result = sweep(counted, grid(eta=[0.5, 1.0]), XOR, seeds=2, store=folder)
    restored = [outcome.restored for outcome in result]
    assert sum(restored) >= 2
    assert len(built) == n + restored.count(False)
    assert parameters(result) == parameters(fresh)
    assert [o.history for o in result] == [o.history for o in fresh]
    assert [str(o.measures) for o in result] == [str(o.measures) for o in fresh]
    n = len(built)
    more = sweep(counted, grid(eta=[1.0, 2.0]), XOR, seeds=3, store=folder)
    assert len(built) == n + 4
    assert [o.restored for o in more] == [True, True, False, False, False, False]
    nets = [fastnet.load(path) for path in folder.glob("*.npz")]
    assert {net.parameters.tobytes() for net in nets} >= set(parameters(fresh))
    assert not [path for path in folder.iterdir() if path.suffix not in (".json", ".npz")]


def test_failures_are_tried_again(tmp_path):
    works = []

    def sometimes(data, rng):
        return {"x": 1} if works else {}["missing"]

    assert sweep(sometimes, [{}], store=tmp_path).failed
    works.append(1)
    assert not sweep(sometimes, [{}], store=tmp_path).failed


def test_a_store_of_another_sweep_is_refused(tmp_path):
    sweep(build, [{}], XOR, store=tmp_path)
    for other in (
        {"data": (X + 1, XOR[1])},
        {"seed": 1},
        {"build": measure},
        {"build": partial(build, hidden=9)},
    ):
        asked = {"build": build, "data": XOR, "seed": 0} | other
        with pytest.raises(ValueError, match="give store another folder"):
            stream(asked["build"], [{}], asked["data"], seed=asked["seed"], store=tmp_path)


def test_a_store_of_an_earlier_version_is_refused(tmp_path):
    sweep(measure, [{}], store=tmp_path)
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(ValueError, match=r"a sweep with version 2; .* 3: give store another"):
        sweep(measure, [{}], store=tmp_path)


SOUND = {
    "measures": {}, "history": [{}], "network": False, "seconds": 1, "worker": "", "kernel": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[1]", r"it contains \[1\]"),
        ("[" * 100_000, "recursion"),
        ('{"measures": {}, "measures": {}}', "an object has the same key twice"),
        (json.dumps({**SOUND, "kernel": None}), "its 'kernel' is None"),
        (json.dumps({**SOUND, "history": 5}), "its 'history' is 5"),
        (json.dumps({**SOUND, "history": [[]]}), r"its history contains \[\].* for epoch 0"),
        (json.dumps({**SOUND, "seconds": True}), "its 'seconds' is True"),
        (json.dumps({**SOUND, "network": "x" * 10**6}), "its 'network' is 'xxx"),
        *((json.dumps({k: SOUND[k] for k in SOUND if k != key}), f"no '{key}'") for key in SOUND),
    ],
)
def test_a_damaged_store_is_named(tmp_path, text, said):
    sweep(measure, [{}], store=tmp_path)
    (path,) = (p for p in tmp_path.iterdir() if p.name != "sweep.json")
    path.write_text(json.dumps(SOUND))
    assert sweep(measure, [{}], store=tmp_path)[0].restored
    path.write_text(text)
    with pytest.raises(
        ValueError, match=f"{path.name} is damaged: .*{said}.*; remove it"
    ) as caught:
        sweep(measure, [{}], store=tmp_path)
    assert len(str(caught.value)) < 1000


def test_a_store_that_is_lost_half_way_loses_no_outcome(tmp_path):
    folder = tmp_path / "store"

    def lose(outcome):
        if outcome.index == 1:
            shutil.rmtree(folder)

    with pytest.warns(
        RuntimeWarning, match=r"outcome [23] was not written to the store .*store"
    ) as told:
        result = sweep(
            measure, [{}], seeds=4, store=folder, threads=1, on_outcome=lose
        )  # fmt: skip
    assert len(result) == 4 and not result.failed and len(told) == 2


def test_a_configuration_that_cannot_be_recognized_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"\['f'\] is <function .* cannot recognize"):
        sweep(measure, [{"f": lambda: 0}], store=tmp_path)


def test_digests_depend_on_values_only():
    def of(value):
        return digest_value(value, "it", strict=False)

    assert of((X, 1)) == of([X.copy(order="F"), np.int64(1)])
    assert of(fastnet.Adam(0.1)) == of(fastnet.Adam(0.1)) != of(fastnet.Adam(0.2))
    assert of(fastnet.SGD(0.1)) != of(fastnet.Adam(0.1))
    different = [1, 1.0, True, "1", b"1", None, [1], {"a": 1}, {"b": 1}, X, X.astype("f4"), X.T]
    assert len({of(value) for value in different}) == len(different)


def mean_of(data, rng, **_):
    """Return what a build can tell of its data."""
    return {"mean": float(np.mean(data[0]))}


def test_a_memory_map_that_was_rewritten_at_equal_size_is_refused(tmp_path):
    """Its bytes are not read for the digest: its time of change tells."""
    path, store = tmp_path / "X.bin", tmp_path / "store"
    X.tofile(path)

    def mapped():
        return np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape), XOR[1]

    (first,) = sweep(mean_of, [{}], mapped(), store=store, threads=1)
    assert first.measures["mean"] == X.mean()
    (again,) = sweep(mean_of, [{}], mapped(), store=store, threads=1)
    assert again.restored and again.measures == first.measures
    before = path.stat()
    (X + 1).tofile(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert path.stat().st_size == before.st_size
    with pytest.raises(ValueError, match="give store another folder"):
        sweep(mean_of, [{}], mapped(), store=store, threads=1)
    (other,) = sweep(mean_of, [{}], mapped(), store=tmp_path / "other", threads=1)
    assert other.measures["mean"] == X.mean() + 1


def start(data, rng, initializer):
    """Train a network that starts from an initializer."""
    net = fastnet.Network([2, 3, 2], rng=rng, initializer=initializer)
    net.initialize(data=data[0])
    net.train(data, 1, 2)
    return net


def test_a_store_recognizes_and_distinguishes_initializers(tmp_path):
    """Objects that are equal are one configuration, in another process too."""
    kinds = fastnet.initializers
    starts = [
        "he_normal",
        kinds.he_normal(),
        kinds.he_normal(gain=2.0),
        kinds.he_uniform(),
        kinds.VarianceScaling(2.0, "fan_out"),
        kinds.Normal(2.0),
        kinds.Constant(2.0),
        kinds.orthogonal(2.0),
        kinds.identity(2.0),
        "lsuv",
        kinds.LSUV(),
        kinds.LSUV(kinds.Normal(1.0)),
        kinds.LSUV(kinds.Orthogonal(2.0)),
        kinds.LSUV(tolerance=0.2),
        ["he_normal", "lsuv"],
        [kinds.he_normal(), "lsuv"],
    ]
    digests = [digest_value(one, "initializer") for one in starts]
    assert len({*digests}) == len(starts)
    names = {name: getattr(kinds, name) for name in kinds.__all__}
    code = (
        "from fastnet.initializers import *; from fastnet.sweeps.digests import digest_value; "
        f"print([digest_value(one, '') for one in {starts!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert eval(done.stdout) == digests
    configurations = [{"initializer": one} for one in starts]
    fresh = sweep(start, configurations, XOR, store=tmp_path)
    assert not any(outcome.restored for outcome in fresh)
    twins = [{"initializer": eval(repr(one), dict(names))} for one in starts]
    again = sweep(start, twins, XOR, store=tmp_path)
    assert all(outcome.restored for outcome in again)
    assert parameters(again) == parameters(fresh)
    # Of one seed: the same weights by name and by object, and others for another scheme.
    assert parameters(fresh)[0] == parameters(fresh)[1] != parameters(fresh)[2]
    assert parameters(fresh)[9] == parameters(fresh)[10]
