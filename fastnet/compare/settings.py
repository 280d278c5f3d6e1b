"""`Settings`: the network and training settings that all compared initializers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_choice, as_count, as_items, as_number, shown
from fastnet.optimizers import LBFGS, Optimizer, Rprop, read_optimizer

__all__ = ["HIDDEN_ACTIVATIONS", "Settings", "as_percent"]

#: The activations that a hidden layer can have.
HIDDEN_ACTIVATIONS = [name for name, known in ACTIVATIONS.items() if not known.output_only]
#: Optimizers that train on all examples at once.
_FULL_BATCH = (LBFGS, Rprop)


@dataclass(frozen=True)
class Settings:
    """Settings that all compared trainings share; the defaults are those of the published curves.

    Parameters
    ----------
    hidden : int or sequence of int, default 30
        Units of the hidden layer, or of each hidden layer.
    epochs : int, default 30
        Passes over the training data.
    eta : float, optional
        Learning rate; by default the optimizer's own, for SGD 0.1.
    lmbda : float, default 5
        Strength of the L2 regularization.
    mini_batch_size : int, optional
        Examples per step; by default 10, and all at once for LBFGS and Rprop.
    seed : int, default 0
        Seed of all random numbers.
    dtype : str, default "float64"
        "float64" or "float32".
    activation : str or sequence of str, default "sigmoid"
        Activation of the hidden layers, one for all or one for each; see
        `fastnet.activations.ACTIVATIONS`. The outputs are sigmoids.
    optimizer : Optimizer, class or str, default "SGD"
        One of `fastnet.optimizers`.
    target : float, default 95
        An accuracy in per cent; a comparison reports the first epoch that reaches it.

    Attributes
    ----------
    hidden, activation
        An int for a single layer, and a str if all layers have the same; otherwise tuples.
    eta, mini_batch_size
        The values used if they were left out; a mini-batch size of None means all examples at once.
    optimizer : Optimizer
        With the learning rate `eta`.

    Raises
    ------
    ValueError, TypeError
        `hidden`, `activation`, `optimizer`, `eta`, `epochs` or `target` is not as described. The
        network checks the other settings before it is trained.

    Notes
    -----
    ``dataclasses.replace(settings, optimizer="adam")`` keeps the learning rate of `settings`; with
    ``eta=None`` too it takes that of the new optimizer.

    Examples
    --------
    >>> settings = Settings(hidden=(100, 100), activation="tanh", optimizer="adam")
    >>> settings.hidden, settings.eta
    ((100, 100), 0.001)
    >>> Settings().optimizer, Settings().mini_batch_size
    (SGD(eta=0.1), 10)
    """

    hidden: int | Sequence[int] = 30
    epochs: int = 30
    # The types are those of the attributes after __post_init__; None stands for the default.
    eta: float = None  # type: ignore[assignment]
    lmbda: float = 5.0
    mini_batch_size: int | None = None
    seed: int = 0
    dtype: str = "float64"
    activation: str | Sequence[str] = "sigmoid"
    optimizer: Optimizer = "SGD"  # type: ignore[assignment]
    target: float = 95.0

    def __post_init__(self) -> None:
        hidden = _one_or_more(self.hidden, "hidden", _units)
        activation = _one_or_more(self.activation, "activation", _activation)
        if len(activation) not in (1, len(hidden)):
            raise ValueError(
                f"activation names {len(activation)} layers and hidden has {len(hidden)}; give one "
                "activation for all, or one for each."
            )
        optimizer = read_optimizer(self.optimizer)
        if self.eta is not None:
            optimizer = replace(optimizer, eta=self.eta)
        as_count(self.epochs, "epochs", at_least=1)
        target = as_percent(self.target, "target")
        size = self.mini_batch_size
        read = {
            "hidden": hidden[0] if len(hidden) == 1 else hidden,
            "activation": activation[0] if len(set(activation)) == 1 else activation,
            "optimizer": optimizer,
            "eta": optimizer.eta,
            "target": target,
            "mini_batch_size": 10
            if size is None and not isinstance(optimizer, _FULL_BATCH)
            else size,
        }
        for name, value in read.items():
            object.__setattr__(self, name, value)

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """The units of each hidden layer."""
        return (self.hidden,) if isinstance(self.hidden, int) else tuple(self.hidden)

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        if isinstance(self.activation, str):
            return (self.activation,) * len(self.hidden_sizes)
        return tuple(self.activation)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, ready for JSON."""
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}
        return plain | {"optimizer": {"name": self.optimizer.name, **asdict(self.optimizer)}}


def as_percent(value: Any, name: str) -> float:
    """Return an accuracy in per cent, above 0 and at most 100; refuse others."""
    number = as_number(value, name)
    if not 0 < number <= 100:
        raise ValueError(
            f"{name} is {number:g}; expected an accuracy in per cent, above 0 and at most 100."
        )
    return number


def _one_or_more(given: Any, name: str, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return a tuple of `read` of one value, or of each value in a sequence."""
    items = as_items(given, name)
    if items is None:
        items = [given]
    if not items:
        raise ValueError(f"{name} is {shown(given)}; give one hidden layer or more.")
    return tuple(read(item) for item in items)


def _units(value: Any) -> int:
    return as_count(value, "hidden", at_least=1)


def _activation(value: Any) -> str:
    return as_choice(value, "activation", HIDDEN_ACTIVATIONS)
