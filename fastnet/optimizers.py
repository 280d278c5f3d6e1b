"""Optimizers: their hyper-parameters, and the state that they carry from step to step.

The steps themselves are compiled (`kernels/optimizers.pxd`). Each class is frozen; its running
values for a network (momenta, squares, step sizes) are a `State` that the network keeps, so that
training can continue later. In the formulas g is the gradient of the mean cost over the mini-batch,
regularization included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_count, as_rate, check_held, shown
from fastnet.common.hints import answers_to, did_you_mean
from fastnet.kernels import codes

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "State",
    "read_optimizer",
]

#: Hyper-parameters that must be below 1.
SHARES = ("mu", "beta", "beta1", "beta2", "down")


@dataclass
class State:
    """An optimizer's state between steps: vectors with the layout of the parameters.

    Attributes
    ----------
    vectors : list of ndarray, shapes (n_parameters,)
    step : int
        Number of steps taken.
    """

    vectors: list[NDArray[Any]]
    step: int = 0

    def copy(self) -> State:
        """Return an independent copy."""
        return State([vector.copy() for vector in self.vectors], self.step)


@dataclass(frozen=True)
class Optimizer:
    """Base class of all optimizers.

    Parameters
    ----------
    eta : float
        Learning rate; a schedule multiplies it.

    Raises
    ------
    ValueError, TypeError
        A hyper-parameter is not a finite number, or is out of range.
    """

    eta: float = 0.1
    n_states: ClassVar[int] = 0
    #: The kernels' names for the coefficients of a step, and the fields that set them.
    _coefficients: ClassVar[dict[str, str]] = {}

    def __post_init__(self) -> None:
        for field, given in vars(self).items():
            value = as_rate(given, field)
            object.__setattr__(self, field, value)
            if field in SHARES and value >= 1:
                raise ValueError(f"{field} is {value}; expected 0 or more, and less than 1.")
            if field == "epsilon" and value == 0:
                raise ValueError(f"epsilon is {value}; expected a positive number.")

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    @property
    def kind(self) -> int:
        """Number of the optimizer in the kernels."""
        return int(codes.OPTIMIZERS[self.name])

    def coefficients(self) -> dict[str, float]:
        """Return the coefficients of a step by the kernels' names."""
        return {name: getattr(self, field) for name, field in self._coefficients.items()}

    def check_held(self, dtype: np.dtype[Any]) -> None:
        """Refuse hyper-parameters whose meaning changes when they are rounded to `dtype`.

        Raises
        ------
        ValueError
            A hyper-parameter would become 0, infinite, or 1.

        Examples
        --------
        >>> Momentum(0.1, mu=1 - 1e-12).check_held(np.dtype(np.float32))
        Traceback (most recent call last):
            ...
        ValueError: mu is 0.999999999999, which is 1 in float32; expected at most 0.9999999.
        """
        for field, value in vars(self).items():
            # Squares of gradients below this root underflow to 0, and a smaller epsilon would then
            # make steps too long.
            least = math.sqrt(np.finfo(dtype).tiny) if field == "epsilon" else None
            check_held(value, field, dtype, least=least)
            if value != 1 and dtype.type(value) == 1:
                raise ValueError(
                    f"{field} is {value!r}, which is 1 in {dtype}; expected "
                    + ("at most 0.9999999." if value < 1 else "1, or at least 1.0000002.")
                )

    def start(self, n: int, dtype: np.dtype[Any]) -> State:
        """Return the state before the first step."""
        return State([np.zeros(n, dtype) for _ in range(self.n_states)])


@dataclass(frozen=True)
class SGD(Optimizer):
    """Plain gradient descent: w <- w - eta g.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> SGD(0.5)
    SGD(eta=0.5)
    """


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Momentum: v <- mu v - eta g; w <- w + v, equations (107) and (108) of the book.

    Parameters
    ----------
    eta : float
        Learning rate.
    mu : float
        The share of its velocity that a parameter keeps in each step, from 0 to below 1.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> Momentum(0.1, mu=0.5)
    Momentum(eta=0.1, mu=0.5)
    """

    mu: float = 0.9
    n_states: ClassVar[int] = 1
    _coefficients: ClassVar[dict[str, str]] = {"beta1": "mu"}


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Nesterov momentum: v <- mu v - eta g; w <- w + mu v - eta g.

    Sutskever et al. 2013.

    Parameters
    ----------
    eta, mu : float
        As for `Momentum`.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> Nesterov(0.1)
    Nesterov(eta=0.1, mu=0.9)
    """


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: s <- beta s + (1 - beta) g^2; w <- w - eta g / (sqrt(s) + epsilon).

    Tieleman and Hinton 2012.

    Parameters
    ----------
    eta : float
        Learning rate.
    beta : float
        Decay of the mean square, from 0 to below 1.
    epsilon : float
        Positive; avoids division by 0.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> RMSprop()
    RMSprop(eta=0.01, beta=0.99, epsilon=1e-08)
    """

    eta: float = 0.01
    beta: float = 0.99
    epsilon: float = 1e-8
    n_states: ClassVar[int] = 1
    _coefficients: ClassVar[dict[str, str]] = {"beta2": "beta", "epsilon": "epsilon"}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: Kingma and Ba 2015, algorithm 1.

    m <- beta1 m + (1 - beta1) g; s <- beta2 s + (1 - beta2) g^2;
    w <- w - eta (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon), where t counts the steps
    from 1.

    Parameters
    ----------
    eta : float
        Learning rate.
    beta1, beta2 : float
        Decay of the mean gradient and of the mean square, from 0 to below 1.
    epsilon : float
        Positive; avoids division by 0.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> Adam(3e-4)
    Adam(eta=0.0003, beta1=0.9, beta2=0.999, epsilon=1e-08)
    """

    eta: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    n_states: ClassVar[int] = 2
    _coefficients: ClassVar[dict[str, str]] = {name: name for name in ("beta1", "beta2", "epsilon")}

    def check_held(self, dtype: np.dtype[Any]) -> None:
        """Refuse hyper-parameters whose meaning changes when they are rounded to `dtype`."""
        super().check_held(dtype)
        # The first step divides eta by 1 - beta1.
        check_held(self.eta, "eta", dtype, per=1 - self.beta1)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weights, not biases, multiplied by 1 - eta * weight_decay before each step.

    Loshchilov and Hutter 2019.

    Parameters
    ----------
    eta, beta1, beta2, epsilon : float
        As for `Adam`.
    weight_decay : float

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`.

    Examples
    --------
    >>> AdamW().weight_decay
    0.01
    """

    weight_decay: float = 0.01
    _coefficients: ClassVar[dict[str, str]] = Adam._coefficients | {"weight_decay": "weight_decay"}

    def check_held(self, dtype: np.dtype[Any]) -> None:
        """Refuse hyper-parameters whose meaning changes when they are rounded to `dtype`."""
        super().check_held(dtype)
        if self.eta:
            check_held(self.weight_decay, "weight_decay", dtype, per=1 / max(self.eta, 1.0))


@dataclass(frozen=True)
class Rprop(Optimizer):
    """iRprop-: a step size for each parameter, adapted by the sign of g alone.

    Igel and Huesken 2000.

    For full batches. Where g keeps its sign, the step size is multiplied by `up`; where g changes
    sign, it is multiplied by `down`, and the parameter skips one step.

    Parameters
    ----------
    eta : float
        The first step size; a schedule does not change it.
    up, down : float
        Factors of the step size: `up` at least 1, `down` below 1.
    smallest, largest : float
        Limits of the step size.

    Raises
    ------
    ValueError, TypeError
        As for `Optimizer`; or `up` is below 1, or `smallest` is above `largest`.

    Examples
    --------
    >>> Rprop()
    Rprop(eta=0.01, up=1.2, down=0.5, smallest=1e-06, largest=50.0)
    """

    eta: float = 0.01
    up: float = 1.2
    down: float = 0.5
    smallest: float = 1e-6
    largest: float = 50.0
    n_states: ClassVar[int] = 2
    _coefficients: ClassVar[dict[str, str]] = {
        "beta1": "up",
        "beta2": "down",
        "epsilon": "smallest",
        "largest": "largest",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.up < 1:
            raise ValueError(f"up is {self.up}; expected at least 1.")
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest is {self.smallest}; expected at most largest, {self.largest}."
            )

    def start(self, n: int, dtype: np.dtype[Any]) -> State:
        """Return the state before the first step: zero gradients, and `eta` as every step size."""
        return State([np.zeros(n, dtype), np.full(n, self.eta, dtype)])


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS from SciPy, on all data at once; an epoch is one iteration.

    Byrd et al. 1995, with `scipy.optimize.minimize(method="L-BFGS-B")`. Needs SciPy
    (`pip install 'fastnet-mlp[scipy]'`); cannot be combined with dropout, L1 regularization or
    limits for norms.

    Parameters
    ----------
    memory : int
        Number of corrections kept.
    tolerance : float
        Stop when no component of the gradient is larger.
    reduction : float
        Stop when an iteration reduces the cost by less than this share of it.
    max_evaluations : int or None
        Maximum number of evaluations of cost and gradient; None: 1000 per epoch.

    Raises
    ------
    ValueError, TypeError
        A parameter is not a finite number, or is out of range.

    Notes
    -----
    If SciPy stops before the last epoch, the last record of the History has its message as
    "message". If it stopped without having converged, there is a RuntimeWarning too.

    Examples
    --------
    >>> LBFGS(memory=20).memory
    20
    """

    eta: float = 1.0
    memory: int = 10
    tolerance: float = 1e-5
    reduction: float = 0.0
    max_evaluations: int | None = None

    def __post_init__(self) -> None:
        for field in ("eta", "tolerance", "reduction"):
            object.__setattr__(self, field, as_rate(getattr(self, field), field))
        if self.reduction > 1:
            raise ValueError(f"reduction is {self.reduction}; expected a share, at most 1.")
        as_count(self.memory, "memory", at_least=1)
        if self.max_evaluations is not None:
            as_count(self.max_evaluations, "max_evaluations", at_least=1)

    def check_held(self, dtype: np.dtype[Any]) -> None:
        """Do nothing: SciPy computes in float64."""


OPTIMIZERS: dict[str, type[Optimizer]] = {
    cls.__name__: cls for cls in (SGD, Momentum, Nesterov, RMSprop, Adam, AdamW, Rprop, LBFGS)
}


#: Names of optimizers in other libraries.
_WORDS = {"gd": "SGD", "gradientdescent": "SGD", "stochasticgradientdescent": "SGD"}
_WORDS |= {"nag": "Nesterov", "bfgs": "LBFGS"}

for _name, _class in OPTIMIZERS.items():
    _words = dict.fromkeys(("lr", "learning_rate", "alpha"), "use eta, the learning rate")
    _words |= {"momentum": "Momentum and Nesterov have it, as mu"}
    _words |= {"weight_decay": "`train` takes l2; AdamW has it", "eps": "use epsilon"}
    _words |= {"betas": "use beta1 and beta2", "beta_1": "use beta1", "beta_2": "use beta2"}
    _class.__init__ = answers_to(_name, _words)(_class.__init__)  # type: ignore[method-assign]


def read_optimizer(optimizer: object) -> Optimizer:
    """Return an optimizer for an instance, a class or a name in upper or lower case.

    Raises
    ------
    ValueError
        No optimizer has that name.
    TypeError
        `optimizer` is of another type.

    Examples
    --------
    >>> read_optimizer("adam").eta
    0.001
    """
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        optimizer = optimizer()
    if isinstance(optimizer, Optimizer):
        if type(optimizer) not in OPTIMIZERS.values():
            raise TypeError(
                f"optimizer is {shown(optimizer)}, which the compiled loop cannot run; "
                f"give one of {', '.join(OPTIMIZERS)}."
            )
        return optimizer
    if isinstance(optimizer, str):
        for name, cls in OPTIMIZERS.items():
            if name.lower() == optimizer.lower().replace("-", ""):
                return cls()
        raise ValueError(
            f"optimizer is {shown(optimizer)}; the optimizers are {', '.join(OPTIMIZERS)}."
            f"{did_you_mean(optimizer, OPTIMIZERS, _WORDS)}"
        )
    raise TypeError(f"optimizer is {shown(optimizer)}; give one of {', '.join(OPTIMIZERS)}.")
