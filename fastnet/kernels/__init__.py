"""Entry point to everything compiled: chooses the kernel variant for this processor.

`FASTNET_KERNEL=baseline|avx2|avx512` in the environment forces a variant.

Kernels check no index in their loops, and run while other threads run Python. So there is one rule:
**nothing that is used as an index is read from memory that others can write.** Class numbers, the
order of the examples, and the row starts and column numbers of sparse matrices are copied first and
then checked in the copy, which is immutable (`bytes`) or out of reach for Python code. Shapes and
strides are read once, when an array is wrapped. Only the numbers to compute with (X, y, sample
weights, parameters) are read in place: changing them meanwhile changes the result, and nothing
else. tests/data/test_memory_safety.py checks this.
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
    """Return the names of the variants that are built and can run here, the best last."""
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
            f"FASTNET_KERNEL={name} is not a kernel variant that this processor can run; "
            f"choose one of {', '.join(usable)}."
        )
    return wanted


#: The variant in use.
variant: str = _choose()
rows.use(variant)


def prediction_engine(dtype: np.dtype[Any]) -> type[PredictionEngine]:
    """Return the engine class for prediction in float64 or float32, in the variant in use."""
    return cast("type[PredictionEngine]", _module(dtype).PredictionEngine)


def input_engine(dtype: np.dtype[Any]) -> type[InputEngine]:
    """Return the engine class for derivatives with respect to inputs, in float64 or float32."""
    return cast("type[InputEngine]", _module(dtype).InputEngine)


def training_engine(dtype: np.dtype[Any]) -> type[TrainingEngine]:
    """Return the engine class for training in float64 or float32, in the variant in use."""
    return cast("type[TrainingEngine]", _module(dtype).TrainingEngine)


def _module(dtype: np.dtype[Any]) -> ModuleType:
    """Return the engine module of a number type, with the loops of the variant in use."""
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
    """Return whether kernels can read X in place: its element type, byte order and alignment.

    Other arrays are converted block by block.
    """
    return X.dtype.char in "dfB" and X.dtype.isnative and X.flags.aligned
