"""The same source compiled for several instruction sets: each gives the same answers."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastnet import kernels

#: Train networks of several shapes and print nothing; what they became goes into a file.
TRAIN = """
import sys
import numpy as np
import fastnet
from fastnet import kernels

rng = np.random.default_rng(5)
found = {"variant": kernels.variant}
for dtype in ("float64", "float32"):
    for cost in ("quadratic", "cross_entropy"):
        for density in (1.0, 0.2):
            X = rng.standard_normal((300, 37)) * (rng.random((300, 37)) < density)
            y = rng.integers(0, 5, 300)
            for sizes in ([37, 5], [37, 19, 1, 8, 5], [37, 33, 65, 5]):
                for size in (1, 7, 300):
                    network = fastnet.Network(sizes, cost, dtype=dtype, rng=3)
                    network.SGD((X, y), 3, size, 0.2, 2.0)
                    key = f"{dtype} {cost} {density} {sizes} {size}"
                    found[key] = network.parameters
                    found[key + " outputs"] = network.feedforward(X)
np.savez(sys.argv[1], **found)
"""
#: One epoch of the published run.
BOOK = """
import random
import numpy as np
import fastnet
from fastnet import kernels
from fastnet.datasets import load_mnist

def shuffle(rows, uniform=random.Random(12345678).random):
    for i in range(len(rows) - 1, 0, -1):
        j = int(uniform() * (i + 1))
        rows[i], rows[j] = rows[j], rows[i]

train, validation, _ = load_mnist()
network = fastnet.Network([784, 30, 10], rng=np.random.RandomState(12345678))
lists = network.SGD(train, 2, 10, 0.1, 5.0, validation, False, True, shuffle=shuffle)
print(kernels.variant, *lists[1])
"""


def run(script, variant, folder, *arguments):
    """Run a script under one variant, away from any checkout; return what became of it."""
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", script, *arguments],
        env=os.environ | {"FASTNET_KERNEL": variant},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return what each variant's networks became."""
    folder = tmp_path_factory.mktemp("variants")
    results = {}
    for variant in kernels.variants():
        done = run(TRAIN, variant, folder, f"{variant}.npz")
        assert done.returncode == 0, done.stderr
        with np.load(folder / f"{variant}.npz") as archive:
            results[variant] = dict(archive)
    return results


def test_the_baseline_is_always_there():
    assert kernels.variants()[0] == "baseline"
    assert len(set(kernels.variants())) == len(kernels.variants())


def test_the_best_variant_is_the_default():
    wanted = os.environ.get("FASTNET_KERNEL") or kernels.variants()[-1]
    assert kernels.variant == wanted


@pytest.mark.parametrize("variant", kernels.variants())
def test_the_variant_asked_for_is_the_one_that_runs(variant, trained):
    assert trained[variant]["variant"] == variant


@pytest.mark.parametrize("variant", kernels.variants())
def test_variants_train_alike(variant, trained):
    """They add in the same order; only fused multiply-adds round differently."""
    got, expected = trained[variant], trained["baseline"]
    assert got.keys() == expected.keys()
    for key in got.keys() - {"variant"}:
        tolerance = 1e-12 if key.startswith("float64") else 1e-3
        scale = np.abs(expected[key]).max()
        assert got[key].dtype == key.split()[0]
        np.testing.assert_allclose(
            got[key], expected[key], rtol=tolerance, atol=tolerance * scale, err_msg=key
        )


@pytest.mark.parametrize("variant", kernels.variants()[1:])
def test_variants_are_really_compiled_differently(variant, trained):
    """Fused multiply-adds, which the baseline lacks, move last bits somewhere."""
    got, expected = trained[variant], trained["baseline"]
    assert any(got[key].tobytes() != expected[key].tobytes() for key in got.keys() - {"variant"})


@pytest.mark.parametrize("variant", kernels.variants())
def test_variants_begin_as_the_book_does(variant, tmp_path, published):
    done = run(BOOK, variant, tmp_path)
    assert done.returncode == 0, done.stderr
    expected = published["default_weight_initializer"][:2]
    assert done.stdout.split() == [variant, *map(str, expected)]


@pytest.mark.parametrize("name", ["avx1024", "AVX2", " ", "f64_baseline"])
def test_an_unknown_variant_is_refused(name, tmp_path):
    done = run("import fastnet", name, tmp_path)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert f"FASTNET_KERNEL={name}" in message
    assert ", ".join(kernels.variants()) in message


def test_an_empty_variable_is_no_wish(tmp_path):
    done = run("from fastnet import kernels; print(kernels.variant)", "", tmp_path)
    assert done.stdout.split() == [kernels.variants()[-1]], done.stderr


@pytest.mark.parametrize("order", [["float32", "float64"], ["float64", "float32"]])
def test_each_number_type_has_classes_of_its_own_whichever_comes_first(order, tmp_path):
    """They come from one source; a module's first act is to enter its name in `sys.modules`."""
    script = """
import sys
import numpy as np
from fastnet import kernels
for dtype in sys.argv[1:]:
    module = sys.modules[kernels.training_engine(np.dtype(dtype)).__module__]
    engine = kernels.training_engine(np.dtype(dtype))([2, 1], [0], 0, 1)
    engine.load(np.arange(3, dtype=dtype))
    print(module.__name__)
"""
    done = run(script, kernels.variant, tmp_path, *order)
    assert done.returncode == 0, done.stderr
    modules = {"float64": "fastnet.kernels.engine", "float32": "fastnet.kernels.engine_f32"}
    assert done.stdout.split() == [modules[dtype] for dtype in order]
