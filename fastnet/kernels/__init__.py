"""The only door to everything compiled: picks the kernel variant for this processor.

`FASTNET_KERNEL=baseline|avx2|avx512` in the environment forces one.

Kernels check no index in their loops, and run while other threads run Python. So there is one rule:
**nothing that is used as an index is read from memory that anyone else can write.** Class numbers,
the order of the examples, and the row starts and column numbers of sparse matrices are copied first
and then checked in the copy, which no Python code can reach or which is immutable (`bytes`). Shapes
and strides are read once, where an array is wrapped. Only numbers that are computed with (X, y,
sample weights, parameters) are read where they lie: changing them meanwhile changes the result,
and nothing else. tests/data/test_memory_safety.py holds this.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

try:
    from fastnet.kernels import codes, cpu, rows, rwlock
except ImportError as error:
    if "fastnet.kernels" not in str(error):
        raise
    raise ImportError(
        "fastnet's compiled kernels are not built here: run `pip install .` in the checkout "
        "(or leave the checkout's folder, if fastnet is already installed)."
    ) from None

if TYPE_CHECKING:
    from fastnet.kernels.engine import InputEngine, PredictionEngine, TrainingEngine

__all__ = [
    "can_read",
    "codes",
    "cpu",
    "input_engine",
    "prediction_engine",
    "rows",
    "rwlock",
    "training_engine",
    "variant",
    "variants",
]


def variants() -> list[str]:
    """Names of the variants that are built in and that this processor can run, the best last."""
    return [name for name in cpu.supported() if _is_built(name)]


def _is_built(name: str) -> bool:
    return importlib.util.find_spec(f"fastnet.kernels.loops_f64_{name}") is not None


def _choose() -> str:
    wanted = os.environ.get("FASTNET_KERNEL", "")
    usable = variants()
    if not wanted:
        return usable[-1]
    if wanted not in usable:
        name = "".join(letter if letter.isprintable() else "?" for letter in wanted[:40])
        raise ImportError(
            f"FASTNET_KERNEL={name} names no kernel variant that this processor can run; it can "
            f"run {', '.join(usable)}."
        )
    return wanted


#: The variant in use.
variant: str = _choose()
rows.use(variant)


def prediction_engine(dtype: np.dtype[Any]) -> type[PredictionEngine]:
    """The engine that predicts in float64 or float32, in the variant in use."""
    return cast("type[PredictionEngine]", _module(dtype).PredictionEngine)


def input_engine(dtype: np.dtype[Any]) -> type[InputEngine]:
    """The engine that differentiates by the inputs, in float64 or float32."""
    return cast("type[InputEngine]", _module(dtype).InputEngine)


def training_engine(dtype: np.dtype[Any]) -> type[TrainingEngine]:
    """The engine that trains in float64 or float32, in the variant in use."""
    return cast("type[TrainingEngine]", _module(dtype).TrainingEngine)


def _module(dtype: np.dtype[Any]) -> ModuleType:
    """The engine of a number type, once it has been given the loops of the variant in use."""
    number = {"d": "f64", "f": "f32"}[dtype.char]
    if number not in _engines:
        name = "engine" if number == "f64" else f"engine_{number}"
        engine = importlib.import_module(f"fastnet.kernels.{name}")
        loops = importlib.import_module(f"fastnet.kernels.loops_{number}_{variant}")
        engine.use(loops.table)
        _engines[number] = engine
    return _engines[number]


_engines: dict[str, ModuleType] = {}


def can_read(X: np.ndarray[Any, Any]) -> bool:
    """Whether X is of an element type that kernels read, and aligned as they load it.

    They read it where it lies then; other rows are converted block by block.
    """
    return X.dtype.char in "dfB" and X.dtype.isnative and X.flags.aligned
