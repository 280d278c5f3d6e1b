"""The only door to everything compiled: picks the kernel variant for this processor.

`FASTNET_KERNEL=baseline|avx2|avx512` in the environment forces one.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    from fastnet.kernels import codes, cpu, examples, guard
except ImportError as error:
    if "fastnet.kernels" not in str(error):
        raise
    raise ImportError(
        "fastnet's compiled kernels are not built here: run `pip install .` in the checkout "
        "(or leave the checkout's folder, if fastnet is already installed)."
    ) from None

if TYPE_CHECKING:
    from fastnet.kernels.engine_f64_baseline import Engine

__all__ = [
    "can_read",
    "codes",
    "cpu",
    "engine",
    "examples",
    "guard",
    "variant",
    "variants",
]


def variants() -> list[str]:
    """Names of the variants that are built in and that this processor can run, the best last."""
    return [name for name in cpu.supported() if _is_built(name)]


def _is_built(name: str) -> bool:
    return importlib.util.find_spec(f"fastnet.kernels.engine_f64_{name}") is not None


def _choose() -> str:
    wanted = os.environ.get("FASTNET_KERNEL", "")
    usable = variants()
    if not wanted:
        return usable[-1]
    if wanted not in usable:
        raise ImportError(
            f"FASTNET_KERNEL={wanted} names no kernel variant that this processor can run; "
            f"it can run {', '.join(usable)}."
        )
    return wanted


#: The variant in use.
variant: str = _choose()

_engines: dict[str, type[Engine]] = {}


def engine(dtype: np.dtype[Any]) -> type[Engine]:
    """The engine for float64 or float32, in the variant in use."""
    name = {"d": "f64", "f": "f32"}[dtype.char]
    if name not in _engines:
        module = importlib.import_module(f"fastnet.kernels.engine_{name}_{variant}")
        _engines[name] = module.Engine
    return _engines[name]


def can_read(X: np.ndarray[Any, Any]) -> bool:
    """Whether X is of an element type that kernels read, and aligned as they load it.

    They read it where it lies then; other rows are converted block by block.
    """
    return X.dtype.char in "dfB" and X.dtype.isnative and X.flags.aligned
