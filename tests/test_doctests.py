"""Every example in every docstring of the package, run."""

import doctest
import importlib
import pkgutil

import pytest

import fastnet
from fastnet import kernels


def modules():
    """Names of all modules but the loops of kernel variants that are not in use here."""
    names = ["fastnet"]
    names += [m.name for m in pkgutil.walk_packages(fastnet.__path__, "fastnet.")]
    return [n for n in names if ".loops_" not in n or n.endswith(f"_{kernels.variant}")]


#: Modules whose examples need another package, by the beginning of their names.
NEEDED = {"fastnet.lab.": "bokeh", "fastnet.datasets.digits": "PIL"}


def test_all_modules_are_found():
    found = set(modules())
    assert {
        "fastnet.network",
        "fastnet.costs",
        "fastnet.kernels.initializers",
        "fastnet.datasets",
    } <= found
    assert len(found) > 15


@pytest.mark.parametrize("name", modules())
def test_examples(name, tmp_path, monkeypatch):
    # Examples that write files must not leave them in the checkout.
    monkeypatch.chdir(tmp_path)
    for prefix, package in NEEDED.items():
        if name.startswith(prefix):
            pytest.importorskip(package, reason=f"{package} is missing")
    module = importlib.import_module(name)
    report = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
    assert not list(tmp_path.iterdir()), f"the examples of {name} leave files behind"


@pytest.mark.parametrize(
    "public",
    [fastnet.Network, fastnet.load, fastnet.CrossEntropyCost, fastnet.QuadraticCost],
    ids=lambda public: public.__name__,
)
def test_public_names_have_examples(public):
    """A docstring without one would pass the test above unread."""
    tests = doctest.DocTestFinder().find(public, public.__name__)
    assert sum(len(test.examples) for test in tests) > 0


def test_every_public_method_of_network_has_an_example():
    methods = [
        name
        for name, value in vars(fastnet.Network).items()
        if not name.startswith("_") and callable(value)
    ]
    assert {"SGD", "backprop", "feedforward", "accuracy"} <= set(methods) | set(
        dir(fastnet.Network)
    )
    for name in methods:
        assert ">>>" in (getattr(fastnet.Network, name).__doc__ or ""), name
