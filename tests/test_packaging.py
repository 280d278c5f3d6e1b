"""The package as others get it: sdist, wheel, a checkout with nothing built, extras missing."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import entry_points, requires, version
from pathlib import Path

import pytest
from build.util import project_wheel_metadata

import fastnet

ROOT = Path(__file__).parents[1]
GENERATED = [
    ".git", "build", "dist", "*.egg-info", "*.so", "*.pyd", "*.c", "__pycache__", ".*_cache",
    ".hypothesis", ".venv",
]  # fmt: skip


def python(*arguments, cwd, **environment):
    """Run this Python somewhere else; return what it printed, the error text included."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FASTNET_KERNEL")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=kept | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


def build(kind, source, out):
    """Build an sdist or a wheel; with what is installed here, if that is enough to build with.

    One kernel variant is enough to see that the build works, and takes a third of the time.
    """
    isolation = [] if needs_isolation() else ["--no-isolation"]
    arguments = ["-m", "build", f"--{kind}", *isolation, "--outdir", out, source]
    code, text = python(*arguments, cwd=out, FASTNET_VARIANTS="baseline")
    assert code == 0, text
    (made,) = [path for path in Path(out).iterdir() if path.suffix in (".gz", ".whl")]
    return made


def needs_isolation():
    """Return whether what builds the package has to be installed first."""
    here = [importlib.util.find_spec(name) for name in ("Cython", "setuptools")]
    return not all(here) or int(version("setuptools").split(".")[0]) < 77


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of this checkout with nothing in it that is not in the repository."""
    copy = tmp_path_factory.mktemp("checkout") / "fastnet-mlp"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*GENERATED))
    return copy


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory):
    return build("sdist", checkout, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Return the wheel that is built from the sdist, away from the checkout.

    FASTNET_TEST_WHEELS names the folder where .ci/wheels has left what it built so.
    """
    if folder := os.environ.get("FASTNET_TEST_WHEELS"):
        major, minor = sys.version_info[:2]
        (found,) = Path(folder).glob(f"*-cp{major}{minor}-*.whl")
        return found
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with tarfile.open(sdist) as archive:
        archive.extractall(elsewhere, filter="data")
    (source,) = elsewhere.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a folder to import from that holds the wheel's files and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files_below(folder):
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


# --- the checkout --------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["fastnet", "fastnet.network2", "fastnet.kernels"])
def test_with_nothing_built_one_sentence_says_what_to_do(checkout, module):
    code, text = python("-c", f"import {module}", cwd=checkout)
    assert code == 1
    last = text.splitlines()[-1]
    assert re.fullmatch(r"ImportError: .*not built.*`pip install \.`.*", last), text
    # The sentence alone: no chain of errors that led there.
    assert text.count("Traceback") == 1


def test_the_version_stands_in_one_place(checkout):
    number = fastnet.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", number)
    assert version("fastnet-mlp") == number
    holders = [
        path.name
        for path in [*checkout.glob("*.toml"), checkout / "setup.py", *checkout.rglob("*.py")]
        if re.search(rf"version\w*\s*=\s*[\"']{re.escape(number)}", path.read_text("utf-8"))
    ]
    assert set(holders) == {"_version.py"}


def test_numpy_is_the_only_hard_dependency():
    hard = [text for text in requires("fastnet-mlp") if "extra ==" not in text]
    assert [re.match(r"[\w-]+", text).group() for text in hard] == ["numpy"]


def test_the_command_is_declared():
    (script,) = entry_points(group="console_scripts", name="fastnet")
    assert script.value == "fastnet.cli:main"


def test_no_generated_file_is_tracked():
    if not (ROOT / ".git").exists():
        pytest.skip(".git is missing: the test checks which files git tracks")
    if shutil.which("git") is None:
        pytest.skip("git is missing: the test checks which files it tracks")
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tracked = done.stdout.splitlines()
    assert "setup.py" in tracked
    assert not [p for p in tracked if re.search(r"\.(c|so|pyd|py[co])$|^(build|dist)/|egg-info", p)]


# --- imports -------------------------------------------------------------------------------------


def test_import_is_light(tmp_path):
    """What only some programs need is not loaded by all; by the import alone, next to nothing.

    A first network needs no data class either: Python compiles the methods of each at import, which
    took more than half the time.
    """
    script = "import fastnet, sys; print(*sys.modules)"
    code, text = python("-W", "error", "-c", script, cwd=tmp_path)
    assert code == 0, text
    loaded = set(text.split())
    assert {m.split(".")[1] for m in loaded if m.startswith("fastnet.")} == {"_version", "kernels"}
    assert "dataclasses" not in loaded - _loaded_by_numpy(tmp_path)
    code, text = python(
        "-W", "error", "-c", script.replace(";", "; fastnet.Network([3, 2]);"), cwd=tmp_path
    )
    assert code == 0, text
    loaded = set(text.split())
    assert "fastnet.network" in loaded
    unwanted = {
        "matplotlib", "rich", "scipy", "sklearn", "gzip", "zipfile", "argparse", "random", "json",
        "dataclasses", "inspect", "logging", "fastnet.callbacks", "fastnet.cli", "fastnet.compare",
        "fastnet.data.batches", "fastnet.datasets", "fastnet.files", "fastnet.metrics",
        "fastnet.network2", "fastnet.optimizers", "fastnet.plotting", "fastnet.preprocessing",
        "fastnet.schedules", "fastnet.training.plan",
    }  # fmt: skip
    assert loaded & unwanted - _loaded_by_numpy(tmp_path) == set()


def test_a_first_training_warns_of_nothing(tmp_path):
    script = """
import fastnet
from fastnet.datasets import load_mnist
X, y = (part[:500] for part in load_mnist(raw=True).train)
net = fastnet.Network([784, 10], rng=0)
net.train((X / 256, y), 2, evaluation_data=(X / 256, y))
net.save("net.npz")
print(fastnet.load("net.npz").accuracy((X / 256, y)) > 300)
"""
    assert python("-W", "error", "-c", script, cwd=tmp_path) == (0, "True\n")


def _loaded_by_numpy(folder):
    return set(python("-c", "import numpy.random, sys; print(*sys.modules)", cwd=folder)[1].split())


def test_everything_imports_without_the_extras(tmp_path):
    script = """
import sys
sys.modules.update(dict.fromkeys(["matplotlib", "rich", "scipy", "sklearn", "pandas"]))
import fastnet, fastnet.network2, fastnet.cli, fastnet.compare, fastnet.plotting, fastnet.datasets
network = fastnet.Network([2, 2], rng=1)
network.SGD(([[0.0, 1.0]], [1]), 2, 1, 0.1, progress=True)
print(network.accuracy(([[0.0, 1.0]], [1])))
"""
    code, text = python("-W", "error", "-c", script, cwd=tmp_path)
    assert code == 0, text
    # Without rich progress is a plain line.
    assert re.search("2 of 2", text)
    assert text.splitlines()[-1] in ("0", "1")


def test_unknown_names_of_the_package(tmp_path):
    with pytest.raises(AttributeError, match="has no attribute 'Netwerk'"):
        fastnet.Netwerk  # noqa: B018
    assert not any(hasattr(fastnet, name) for name in ("_netwerk", "netwerk.costs", "", "a b"))
    assert set(fastnet.__all__) <= set(dir(fastnet))
    for name in fastnet.__all__:
        assert getattr(fastnet, name) is not None
    assert fastnet.optimizers.Adam is fastnet.Adam
    code, text = python("-c", "from fastnet import *; Network, load, datasets", cwd=tmp_path)
    assert code == 0, text


# --- sdist and wheel -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sdist_holds_every_source_and_nothing_generated(checkout, sdist):
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert sdist.name == f"fastnet_mlp-{fastnet.__version__}.tar.gz"
    top = {"setup.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in"}
    sources = {name for name in files_below(checkout) if name.split("/")[0] in ("fastnet", "tests")}
    assert (top | sources) - set(names) == set()
    assert {"fastnet/kernels/engine.pyx", "fastnet/kernels/simd.h"} <= sources
    generated = [name for name in names if re.search(r"\.(c|so|pyd|py[co])$|^build/", name)]
    assert generated == []


@pytest.mark.slow
def test_the_wheel_holds_the_data_and_the_compiled_modules(checkout, wheel, installed):
    names = files_below(installed)
    assert not [
        name for name in names if re.search(r"\.(c|py[co])$|^(tests|bench|build|docs)/", name)
    ]
    assert {name.split("/")[0] for name in names} == {
        "fastnet", f"fastnet_mlp-{fastnet.__version__}.dist-info",
    }  # fmt: skip
    for name in ("compare/published-784-30-10.json", "py.typed", "kernels/codes.pyi"):
        assert (installed / "fastnet" / name).read_bytes() == (
            checkout / "fastnet" / name
        ).read_bytes()
    digits = installed / "fastnet" / "datasets" / "mnist"
    sums = [line.split() for line in (digits / "SHA256SUMS").read_text().splitlines()]
    assert len(sums) == 4
    for digest, name in sums:
        assert hashlib.sha256((digits / name.lstrip("*")).read_bytes()).hexdigest() == digest
    assert "CC BY-SA 3.0" in (digits / "README.md").read_text()
    compiled = {Path(name).name.split(".")[0] for name in names if re.search(r"\.(so|pyd)$", name)}
    loops = {"loops_f64_baseline", "loops_f32_baseline"}
    assert compiled >= loops | {"cpu", "engine", "engine_f32", "initializers", "rows"}


@pytest.mark.slow
def test_the_wheels_metadata(installed):
    (info,) = installed.glob("*.dist-info")
    metadata = Parser().parsestr((info / "METADATA").read_text("utf-8"))
    assert (metadata["Name"], metadata["Version"]) == ("fastnet-mlp", fastnet.__version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"].startswith("BSD-3-Clause")
    assert {"plot", "test"} <= set(metadata.get_all("Provides-Extra"))
    licences = [path.name for path in (info / "licenses").rglob("*") if path.is_file()]
    assert "LICENSE" in licences
    assert "fastnet = fastnet.cli:main" in (info / "entry_points.txt").read_text()


@pytest.mark.slow
def test_links_of_a_release_are_absolute(checkout, monkeypatch):
    address = "https://example.org/someone/fastnet"
    texts = []
    for repository in ("", address + "/"):
        monkeypatch.setenv("FASTNET_REPOSITORY", repository)
        texts.append(project_wheel_metadata(checkout, isolated=needs_isolation()))
    plain, release = texts
    readme = (checkout / "README.md").read_text("utf-8")
    assert plain.get_payload() == readme and plain["Project-URL"] is None
    tag = f"v{fastnet.__version__}"
    assert f"Source, {address}" in release.get_all("Project-URL")
    text = release.get_payload()
    targets = re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text)
    assert len(targets) == len(re.findall(r'\]\(|src="', readme)) > 10
    links = [page or picture for page, picture in targets]
    assert all(link.startswith(("https://", "http://", "#")) for link in links)
    assert f"{address}/raw/{tag}/docs/compare.png" in links
    inside = [link.split(f"/{tag}/")[1] for link in links if link.startswith(address)]
    assert all((checkout / path.partition("#")[0]).exists() for path in inside)


@pytest.mark.slow
def test_the_wheel_runs_away_from_its_source(installed, tmp_path):
    script = """
import fastnet, importlib.metadata, sys
from fastnet.datasets import load_mnist
assert fastnet.__file__.startswith(sys.argv[1]), fastnet.__file__
assert fastnet.__version__ == importlib.metadata.version("fastnet-mlp")
train = load_mnist().train
network = fastnet.Network([784, 30, 10], rng=0)
network.SGD((train.X[:2000], train.y[:2000]), 3, 10, 0.5)
print(network.accuracy((train.X[:2000], train.y[:2000])) > 1600)
"""
    code, text = python(
        "-W", "error", "-c", script, str(installed), cwd=tmp_path, PYTHONPATH=str(installed)
    )
    assert (code, text) == (0, "True\n")
