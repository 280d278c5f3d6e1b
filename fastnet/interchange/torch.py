"""Conversion of networks to and from PyTorch's nn.Sequential of Linear and activations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import in_one_line
from fastnet.interchange.layers import Layer, assemble, known_preprocessing, layers_of, required
from fastnet.model.model import AnyModel, Model
from fastnet.preprocessing import Preprocessing

__all__ = ["from_torch", "to_torch"]


#: The class in `torch.nn` of each activation that has one.
MODULES = {name: known.torch for name, known in ACTIVATIONS.items() if known.torch}
#: Arguments of those modules, if PyTorch's defaults differ. Above its threshold a Softplus returns
#: z, which is right to the last bit of float64 at 40, but not at 20.
OPTIONS: dict[str, dict[str, Any]] = {"softmax": {"dim": -1}, "softplus": {"threshold": 40}}
#: For each activation the attribute that must have fastnet's value, and words for messages.
SETTINGS: dict[str, tuple[str, Any, str, str]] = {
    "leaky_relu": ("negative_slope", 0.01, "leaky ReLU", "slope"),
    "elu": ("alpha", 1.0, "ELU", "alpha"),
    "gelu": ("approximate", "none", "GELU", "approximation"),
    "softplus": ("beta", 1, "softplus", "beta"),
}
#: The smallest accepted threshold of a Softplus: there z differs from softplus by 2.1e-9.
LEAST_THRESHOLD = 20
#: Attributes of `preprocessing` that become attributes of the module.
NAMES = ("labels", "columns", "target")
#: Modules that change nothing in prediction.
PASSED_OVER = ("Dropout", "AlphaDropout", "Identity")


def to_torch(network: Model) -> Any:
    """Return a network as an ``nn.Sequential``; see `Network.to_torch`."""
    torch = required("torch", "to_torch", "torch")
    nn = torch.nn
    known = known_preprocessing(network, "the module")
    modules = []
    for layer in layers_of(network):
        name, (n_out, n_in) = str(layer.activation), layer.weight.shape
        dtype = torch.float64 if network.dtype == np.float64 else torch.float32
        # skip_init: drawing weights that are overwritten would move torch's global generator.
        linear = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(layer.weight))
            linear.bias.copy_(torch.from_numpy(layer.bias))
        if (kind := _class_of(name, torch)) is None:
            raise ValueError(f"activation {name!r} has no module in PyTorch.")
        modules += [linear, kind(**OPTIONS.get(name, {}))]
    module = nn.Sequential(*modules)
    # Plain attributes: they travel with copies and pickles of the module, not with its state_dict.
    for name in NAMES:
        if (value := getattr(known, name)) is not None:
            setattr(module, name, value)
    return module


def from_torch(
    cls: type[AnyModel], module: Any, *, cost: Any = None, output: str | None = None
) -> AnyModel:
    """Return the network of a PyTorch module; see `Network.from_torch`."""
    torch = required("torch", "from_torch", "torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"module is of type {type(module).__name__}; expected a torch.nn.Sequential of Linear "
            "and activations."
        )
    layers: list[Layer] = []
    dtypes: set[Any] = set()
    for where, part in _flat(module, "module", torch):
        shown, kind = in_one_line(" ".join(repr(part).split()), 80), type(part).__name__
        name = f"{where}, {shown},"
        _refuse_hooks(part, name)
        if type(part) is torch.nn.Linear:
            layers.append(Layer(*_linear(part, name, dtypes), None, name))
        elif type(part) is torch.nn.Flatten and not layers and part.start_dim == 1:
            continue  # rows are flat in fastnet
        elif kind in PASSED_OVER and type(part) is getattr(torch.nn, kind):
            continue
        else:
            activation = _activation(part, name, torch)
            if not layers:
                raise ValueError(
                    f"{name} stands before the first Linear; expected activations after a Linear."
                )
            if layers[-1].activation is not None:
                raise ValueError(f"{name} follows another activation; expected one per layer.")
            layers[-1].activation = activation
    if len(dtypes) > 1:
        raise ValueError(f"module holds {' and '.join(sorted(map(str, dtypes)))}; expected one.")
    network = assemble(cls, layers, cost=cost, output=output, name="module")
    names: dict[str, Any] = {name: getattr(module, name, None) for name in NAMES}
    if any(isinstance(found, tuple) for found in names.values()):
        known = Preprocessing(**names)
        known.check(network.sizes)
        network.preprocessing = known
    return network


def __getattr__(name: str) -> Any:
    """Define the class `Sine` on first use, since it needs PyTorch."""
    if name != "Sine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    torch = required("torch", "Sine", "torch")

    class Sine(torch.nn.Module):  # type: ignore[misc, name-defined]
        """sin(z), elementwise: PyTorch has the function, but no module."""

        def forward(self, z: Any) -> Any:
            return torch.sin(z)

    Sine.__qualname__ = name
    globals()[name] = Sine
    return Sine


def _class_of(activation: str, torch: Any) -> Any:
    """Return the class of an activation's module, or None."""
    if activation == "sine":
        return globals().get("Sine") or __getattr__("Sine")
    return getattr(torch.nn, MODULES[activation]) if activation in MODULES else None


def _flat(module: Any, where: str, torch: Any) -> list[tuple[str, Any]]:
    """Return the parts of nested Sequentials in order, each with its position."""
    sequential = torch.nn.Sequential
    if not isinstance(module, sequential) or type(module).forward is not sequential.forward:
        return [(where, module)]
    _refuse_hooks(module, where)
    found = []
    # Not named_children(), which lists a module that occurs twice only once.
    for name, part in module._modules.items():
        found += _flat(part, f"{where}[{name}]", torch)
    return found


def _refuse_hooks(part: Any, name: str) -> None:
    # Old weight normalization and pruning, for instance, are hooks.
    if part._forward_hooks or part._forward_pre_hooks:
        raise ValueError(
            f"{name} has a forward hook, which may change its output; remove it first."
        )


def _linear(part: Any, name: str, dtypes: set[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    weight, bias = part.weight, part.bias
    dtypes.update(tensor.dtype for tensor in (weight, bias) if tensor is not None)
    if str(weight.dtype) not in ("torch.float32", "torch.float64") or weight.is_meta:
        found = "a meta tensor without numbers" if weight.is_meta else str(weight.dtype)
        raise ValueError(f"{name} holds {found}; expected torch.float32 or torch.float64.")
    w: NDArray[Any] = weight.detach().cpu().numpy()
    b = np.zeros(len(w), w.dtype) if bias is None else bias.detach().cpu().numpy()
    return w, b


def _activation(part: Any, name: str, torch: Any) -> str:
    """Return fastnet's name of an activation module, or raise ValueError."""
    for activation in ACTIVATIONS:
        if type(part) is not _class_of(activation, torch):
            continue
        if activation in SETTINGS:
            attribute, wanted, kind, what = SETTINGS[activation]
            if getattr(part, attribute) != wanted:
                raise ValueError(
                    f"{name} differs from fastnet's {kind}; expected {what} {wanted!r}."
                )
        if activation == "softplus" and not part.threshold >= LEAST_THRESHOLD:
            raise ValueError(
                f"{name} has threshold {part.threshold}, above which it returns z; expected "
                f"{LEAST_THRESHOLD} or more."
            )
        if activation == "softmax" and part.dim not in (-1, 1, None):
            raise ValueError(f"{name} is not a softmax over the units of a row; expected dim=-1.")
        return activation
    hint = (
        "; leave it out and give output='softmax'"
        if type(part) is torch.nn.LogSoftmax
        else f"; expected a Sequential of Linear and {', '.join(MODULES.values())}"
    )
    raise ValueError(f"{name} is not part of a plain multilayer perceptron{hint}.")
