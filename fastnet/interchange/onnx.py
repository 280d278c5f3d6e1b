"""`to_onnx`: networks as ONNX models, with standard operators that every runtime supports."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnet._version import __version__
from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_flag, as_path
from fastnet.costs import target_units
from fastnet.files import replace_file
from fastnet.interchange.layers import Layer, layers_to_write, required
from fastnet.model.model import Model
from fastnet.preprocessing import Preprocessing

__all__ = ["to_onnx"]

#: Versions of 2021 and 2022, old enough for common runtimes.
OPSET = 17
IR_VERSION = 8
#: The operator of each activation that has one.
OPERATORS = {name: known.onnx for name, known in ACTIVATIONS.items() if known.onnx}
#: Attributes of an activation's operator, if ONNX's defaults differ.
ATTRIBUTES: dict[str, dict[str, Any]] = {"leaky_relu": {"alpha": 0.01}, "softmax": {"axis": -1}}


def to_onnx(network: Model, path: str | os.PathLike[str], *, preprocessing: bool = True) -> None:
    """Write a network as an ONNX model; see `Network.to_onnx`."""
    path, preprocessing = as_path(path, "path"), as_flag(preprocessing, "preprocessing")
    onnx = required("onnx", "to_onnx", "onnx")
    layers, known = layers_to_write(network, path, "ONNX")
    graph = _Graph(onnx, network.dtype)
    applied = known if preprocessing else Preprocessing()
    at = graph.standardized("inputs", applied)
    for number, layer in enumerate(layers):
        at = graph.layer(at, number, layer)
    graph.restored(at, applied, network)
    model = graph.model(network.sizes[0], network.sizes[-1])
    onnx.helper.set_model_props(model, _metadata(network, known, applied))
    onnx.checker.check_model(model, full_check=True)
    replace_file(path, model.SerializeToString(deterministic=True))


def _metadata(network: Model, known: Preprocessing, applied: Preprocessing) -> dict[str, str]:
    """Return the model's metadata: the cost's name, and other entries in JSON."""
    found = {
        "cost": network.cost.name,
        "activations": json.dumps(network.activations),
        "standardizes_inputs": json.dumps(applied.changes_inputs),
        "labels": json.dumps(known.labels),
        "columns": json.dumps(known.columns),
        "target": json.dumps(known.target),
    }
    return {name: value for name, value in found.items() if value != "null"}


class _Graph:
    """Builds an ONNX graph in a network's dtype: nodes in order, and their constants."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self._onnx = onnx
        self._helper = onnx.helper
        self._dtype = dtype
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        self._nodes.append(
            self._helper.make_node(operator, inputs, [output], name=output, **attributes)
        )
        return output

    def constant(self, name: str, values: Any, dtype: Any = None) -> str:
        """Add a constant, by default in the network's dtype; return its name."""
        array = np.ascontiguousarray(values, dtype=dtype or self._dtype)
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def apply(self, operator: str, *inputs: str | float) -> str:
        """Add a node with outputs of other nodes or numbers as inputs; return its output's name."""
        names = [
            value
            if isinstance(value, str)
            else self.constant(f"number_{len(self._constants)}", value)
            for value in inputs
        ]
        return self.add(operator, names, f"{operator.lower()}_{len(self._nodes)}")

    def erf(self, at: str) -> str:
        """Add the error function, in float32: onnxruntime supports no other type."""
        if self._dtype == np.float32:
            return self.apply("Erf", at)
        number = len(self._nodes)
        at = self.add("Cast", [at], f"narrow_{number}", to=self._type(np.dtype(np.float32)))
        return self.add(
            "Cast", [self.apply("Erf", at)], f"wide_{number}", to=self._type(self._dtype)
        )

    def standardized(self, at: str, applied: Preprocessing) -> str:
        """Add ``(X - mean) / scale``, in float64 as in `Preprocessing.inputs`."""
        if not applied.changes_inputs:
            return at
        narrow = self._dtype != np.dtype(np.float64)
        if narrow:
            at = self.add("Cast", [at], "inputs_float64", to=self._type(np.dtype(np.float64)))
        mean = self.constant("input_mean", applied.mean, np.float64)
        scale = self.constant("input_scale", applied.scale, np.float64)
        at = self.add("Sub", [at, mean], "centred")
        at = self.add("Div", [at, scale], "standardized")
        if narrow:
            at = self.add("Cast", [at], "standardized_float32", to=self._type(self._dtype))
        return at

    def layer(self, at: str, number: int, layer: Layer) -> str:
        """Add one layer: a^l = activation(a^(l-1) w^T + b)."""
        name = layer.activation
        if name not in OPERATORS and name not in FORMULAS:
            raise ValueError(
                f"{layer.name} has the activation {name!r}, which has no operator in ONNX; "
                f"expected one of {', '.join(ACTIVATIONS)}."
            )
        w = self.constant(f"weights_{number}", layer.weight)
        b = self.constant(f"biases_{number}", layer.bias)
        # These factors are the defaults, but some readers of models need them.
        at = self.add("Gemm", [at, w, b], f"z_{number}", alpha=1.0, beta=1.0, transB=1)
        if name == "identity":
            return at
        if name in FORMULAS and (name not in OPERATORS or self._dtype == np.float64):
            return FORMULAS[name](self, at)
        return self.add(OPERATORS[name], [at], f"a_{number}", **ATTRIBUTES.get(name, {}))

    def restored(self, at: str, applied: Preprocessing, network: Model) -> None:
        """Add the scaling of predictions to the units of the target, and name the output."""
        if (applied.target_mean, applied.target_scale) != (0.0, 1.0):
            units = target_units(
                network.cost, network.sizes[-1], applied.target_mean, applied.target_scale
            )
            scale = self.constant("target_scale", units[0])
            mean = self.constant("target_mean", units[1])
            at = self.add("Mul", [at, scale], "scaled")
            self.add("Add", [at, mean], "in_units_of_the_target")
        self._nodes[-1].output[0] = "outputs"

    def model(self, n_in: int, n_out: int) -> Any:
        """Return the finished model, for any number of rows."""
        describe, kind = self._helper.make_tensor_value_info, self._type(self._dtype)
        graph = self._helper.make_graph(
            self._nodes,
            "fastnet",
            [describe("inputs", kind, ["batch", n_in])],
            [describe("outputs", kind, ["batch", n_out])],
            self._constants,
        )
        return self._helper.make_model(
            graph,
            opset_imports=[self._helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="fastnet",
            producer_version=__version__,
        )

    def _type(self, dtype: np.dtype[Any]) -> int:
        number: int = self._helper.np_dtype_to_tensor_dtype(dtype)
        return number


def _elu(graph: _Graph, z: str, scale: float = 1.0, low: float = 1.0) -> str:
    grown = graph.apply("Sub", graph.apply("Exp", graph.apply("Min", z, 0.0)), 1.0)
    above = graph.apply("Max", z, 0.0)
    return graph.apply("Add", graph.apply("Mul", above, scale), graph.apply("Mul", grown, low))


def _selu(graph: _Graph, z: str) -> str:
    return _elu(graph, z, 1.0507009873554805, -ACTIVATIONS["selu"].lowest)


def _gelu(graph: _Graph, z: str) -> str:
    erf = graph.erf(graph.apply("Mul", z, math.sqrt(0.5)))
    return graph.apply("Mul", graph.apply("Mul", z, 0.5), graph.apply("Add", erf, 1.0))


def _silu(graph: _Graph, z: str) -> str:
    return graph.apply("Mul", z, graph.apply("Sigmoid", z))


def _softplus(graph: _Graph, z: str) -> str:
    small = graph.apply("Exp", graph.apply("Neg", graph.apply("Abs", z)))
    log = graph.apply("Log", graph.apply("Add", small, 1.0))
    return graph.apply("Add", graph.apply("Max", z, 0.0), log)


def _softsign(graph: _Graph, z: str) -> str:
    return graph.apply("Div", z, graph.apply("Add", graph.apply("Abs", z), 1.0))


#: Formulas of activations that lack an operator in ONNX, or in onnxruntime for float64.
FORMULAS: dict[str, Callable[[_Graph, str], str]] = {
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
}
