"""Every public name and signature, held against a list in tests/fixtures.

    python -m tests.test_public_names > tests/fixtures/public-names.json

writes the list anew, where a change of it is intended.
"""

import enum
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnet

ROOT = Path(__file__).parents[1]
PLAIN = (str, bytes, int, float, tuple, type(None))
KEPT = Path(__file__).parent / "fixtures/public-names.json"


def modules():
    """Read the names of the public modules from the reference's page."""
    return re.findall(r"^   (fastnet[\w.]*)$", (ROOT / "docs/api.rst").read_text(), re.MULTILINE)


def signature_of(value):
    """Write parameters and defaults, without annotations; None for what cannot be called."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    parameters = []
    for parameter in found.parameters.values():
        default = parameter.default
        if default is not parameter.empty and not isinstance(default, PLAIN):
            default = getattr(default, "__name__", type(default).__name__)
        parameters.append(parameter.replace(annotation=parameter.empty, default=default))
    return str(found.replace(parameters=parameters, return_annotation=found.empty))


def members(cls):
    """Map the public attributes of a class that fastnet defines to their signatures."""
    return {
        name: signature_of(value) if callable(value) else type(value).__name__
        for name, value in inspect.getmembers_static(cls)
        if not name.startswith("_")
        and any(name in vars(base) for base in cls.__mro__ if "fastnet" in base.__module__)
        for value in [
            getattr(cls, name) if callable(value) or isinstance(value, classmethod) else value
        ]
    }


def describe():
    found = {}
    for path in modules():
        module = importlib.import_module(path)
        names = found[path] = {}
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if inspect.isclass(value) and not issubclass(value, (enum.Enum, tuple)):
                names[name] = {"()": signature_of(value)} | members(value)
            elif inspect.isroutine(value):
                names[name] = signature_of(value)
            else:
                names[name] = type(value).__name__
    return found


def test_names_and_signatures_are_the_public_ones():
    pytest.importorskip("sklearn", reason="scikit-learn is missing, which fastnet.estimators needs")
    assert describe() == json.loads(KEPT.read_text())


def test_dir_shows_public_names_only():
    public = {path.partition(".")[2] for path in modules()} - {""}
    assert dir(fastnet) == sorted({*fastnet.__all__, *public})
    pytest.importorskip("sklearn", reason="scikit-learn is missing, which fastnet.estimators needs")
    code = "import fastnet; print(all(hasattr(fastnet, name) for name in dir(fastnet)))"
    fresh = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert fresh.stdout == "True\n"


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1, sort_keys=True))
