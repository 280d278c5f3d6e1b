"""Checks of the initializers that users give, and `draw`, which draws biases and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet.common.arguments import as_number, call, is_function, shown
from fastnet.common.generators import RNG
from fastnet.common.hints import did_you_mean, same_name
from fastnet.data.rows import as_real_array
from fastnet.initializers.named import FUNCTIONS, INITIALIZERS
from fastnet.initializers.schemes import LSUV, Constant, Scheme
from fastnet.initializers.stream import Stream

__all__ = [
    "Function",
    "Initializer",
    "LayerInfo",
    "Moments",
    "OneInitializer",
    "default_biases",
    "described",
    "draw",
    "moments",
    "name_of",
    "of_data",
    "per_layer",
    "read_biases",
    "read_initializer",
]

Array = NDArray[Any]
#: f(rng, shape) or f(rng, shape, layer) -> array of that shape.
Function = Callable[..., Any]
#: A name from INITIALIZERS, a scheme, a number (every element), or a function.
OneInitializer = str | float | Scheme | Function
#: One for all layers, or one for each.
Initializer = OneInitializer | Sequence[OneInitializer]
#: The book's two initializers, with which biases are N(0, 1) too.
_BOOKS = (INITIALIZERS["default"], INITIALIZERS["large"])
#: Names of initializers in other libraries, for hints.
_WORDS = {"he": "he_normal", "kaiming": "he_normal", "glorot": "glorot_uniform"}
_WORDS |= {"xavier": "glorot_uniform", "lecun": "lecun_normal", "randomnormal": "normal"}
_WORDS |= {"zero": "zeros", "ones": "constant", "eye": "identity", "gaussian": "normal"}
_WORDS |= {"random": "normal", "randn": "normal", "randomuniform": "uniform"}


class LayerInfo:
    """The layer that a user's function of (rng, shape, layer) draws for.

    Attributes
    ----------
    index : int
        Index of the layer in `Network.weights`, from 0.
    n_layers : int
        Number of layers with weights; the last has the index n_layers - 1.
    activation : str
        Name of the layer's activation.

    Examples
    --------
    >>> import fastnet
    >>> def start(rng, shape, layer):
    ...     return rng.normal(0, 0.1 if layer.index == 0 else 1.0, shape)
    >>> fastnet.Network([3, 4, 2], initializer=start, rng=0).sizes
    [3, 4, 2]
    """

    __slots__ = ("activation", "index", "n_layers")

    def __init__(self, index: int, n_layers: int, activation: str) -> None:
        self.index, self.n_layers, self.activation = index, n_layers, activation

    def __repr__(self) -> str:
        return f"LayerInfo({self.index}, {self.n_layers}, {self.activation!r})"


class Moments(NamedTuple):
    """The distribution of a weight.

    Attributes
    ----------
    mean, variance : float
    is_gaussian : bool
        Whether the distribution is normal; a constant counts as such.

    Examples
    --------
    >>> moments("default", 100, 30).variance, moments("uniform", 100, 30).is_gaussian
    (0.01, False)
    """

    mean: float
    variance: float
    is_gaussian: bool


def read_initializer(initializer: object, name: str, n_layers: int | None = None) -> Initializer:
    """Return `initializer` once it is checked; a list becomes a tuple.

    Parameters
    ----------
    initializer : object
    name : str
        Its name in messages.
    n_layers : int, optional
        Length that a list must have; by default any.

    Raises
    ------
    ValueError
        A name is unknown, a number is not finite, or a list has another length.
    TypeError
        `initializer` is not a name, a scheme, a number, a callable or a list of them.

    Examples
    --------
    >>> read_initializer("he_normal", "initializer")
    'he_normal'
    >>> read_initializer(["he_normal", 0.5], "initializer", 2)
    ('he_normal', 0.5)
    """
    if not isinstance(initializer, (list, tuple)):
        return _read_one(initializer, name)
    each = tuple(initializer)
    n = len(each)
    if n != (n_layers or n) or not each:
        wanted = "one for each layer" if n_layers is None else f"{n_layers}, one for each layer"
        raise ValueError(f"{name} is a list of {n}; give {wanted}, or a single one for all.")
    return tuple(_read_one(one, f"{name}[{i}]") for i, one in enumerate(each))


def _read_one(initializer: object, name: str) -> OneInitializer:
    if isinstance(initializer, str):
        found = same_name(initializer, INITIALIZERS)
        if found is None:
            hint = did_you_mean(initializer, INITIALIZERS, _WORDS)
            raise ValueError(
                f"{name} is {shown(initializer)}; the initializers are {', '.join(INITIALIZERS)}."
                f"{hint}"
            )
        return found
    if isinstance(initializer, Scheme):
        return initializer
    if isinstance(initializer, (int, float)) and not isinstance(initializer, bool):
        as_number(initializer, name)
        return initializer
    if is_function(initializer):
        if any(initializer is known for known in FUNCTIONS):
            known = name_of(initializer)
            raise TypeError(
                f"{name} is the function {known}, which makes an initializer; call it, {known}(), "
                f"or give the name {known!r}."
            )
        return initializer
    raise TypeError(
        f"{name} is {shown(initializer)}; give a name, a number, a scheme such as "
        "VarianceScaling(2.0), a callable of (rng, shape), or a list with one for each layer."
    )


def read_biases(initializer: object, n_layers: int | None = None) -> Initializer:
    """Return an initializer of biases once it is checked; errors as for `read_initializer`.

    Biases are drawn as a matrix with one input; schemes without a meaning for that are refused.
    """
    read = read_initializer(initializer, "bias_initializer", n_layers)
    for one in per_layer(read, n_layers or 1):
        scheme = scheme_of(one)
        if isinstance(scheme, Scheme) and not scheme.for_biases:
            raise ValueError(
                f"bias_initializer is {described(read)}, and {name_of(one)} is for weights only; "
                "give 'zeros', 'normal' or a number."
            )
    return read


def per_layer(initializer: Initializer, n_layers: int) -> tuple[OneInitializer, ...]:
    """Return the initializer of each layer; `initializer` has been checked."""
    if isinstance(initializer, (list, tuple)):
        return tuple(initializer)
    return (initializer,) * n_layers  # type: ignore[return-value]


def scheme_of(initializer: OneInitializer) -> Scheme | Function:
    """Return the scheme of a name or number; a scheme, or a user's function, as it is."""
    if isinstance(initializer, str):
        return INITIALIZERS[initializer]
    if isinstance(initializer, Scheme) or callable(initializer):
        return initializer
    # float(): an int may be too large for NumPy's integers.
    return Constant(float(initializer))


def of_data(initializer: Initializer, n_layers: int) -> dict[int, LSUV]:
    """Return a dict of the schemes that scale weights on data, by the layer's index.

    Examples
    --------
    >>> of_data(["lsuv", "he_normal"], 2)
    {0: LSUV(Orthogonal(1.0), 0.1, 10)}
    """
    schemes = enumerate(map(scheme_of, per_layer(initializer, n_layers)))
    return {i: scheme for i, scheme in schemes if isinstance(scheme, LSUV)}


def default_biases(initializer: Initializer) -> Initializer:
    """Return the default initializer of biases: N(0, 1) with the book's two, else 0."""
    found = []
    for one in per_layer(initializer, 1):
        scheme = scheme_of(one)
        is_books = isinstance(scheme, Scheme) and scheme in _BOOKS
        found.append("normal" if is_books else "zeros")
    return found[0] if len(set(found)) == 1 else tuple(found)


def name_of(initializer: Initializer) -> str:
    """Return the name of an initializer, for tables and legends.

    Examples
    --------
    >>> name_of("large"), name_of(Constant(2.0)), name_of(["large", 0.5])
    ('large', 'Constant(2.0)', 'large, 0.5')
    """
    if isinstance(initializer, (list, tuple)):
        return ", ".join(map(name_of, initializer))
    if isinstance(initializer, Scheme):
        return repr(initializer)
    if callable(initializer):
        return str(getattr(initializer, "__name__", type(initializer).__name__))
    return str(initializer)


def described(initializer: Initializer) -> str:
    """Return an initializer as `repr` of a network shows it.

    Examples
    --------
    >>> print(described("large"), described(["large", Constant(2.0)]))
    'large' ['large', Constant(2.0)]
    """
    if isinstance(initializer, (list, tuple)):
        return f"[{', '.join(map(described, initializer))}]"
    name = name_of(initializer)
    return name if isinstance(initializer, Scheme) else repr(name)


def moments(initializer: Initializer, n_in: int, n_out: int) -> Moments | None:
    """Return the distribution of a weight between `n_in` and `n_out` units.

    Parameters
    ----------
    initializer : str, float, Scheme or callable
        As for a `Network` of one layer.
    n_in, n_out : int

    Returns
    -------
    Moments or None
        None for a function, and if the weights do not come from one distribution.

    Raises
    ------
    ValueError, TypeError
        As for `read_initializer`.

    Examples
    --------
    >>> moments("he_normal", 100, 30)
    Moments(mean=0.0, variance=0.02, is_gaussian=True)
    >>> moments(0.5, 100, 30)
    Moments(mean=0.5, variance=0.0, is_gaussian=True)
    """
    (one,) = per_layer(read_initializer(initializer, "initializer", 1), 1)
    scheme = scheme_of(one)
    if not isinstance(scheme, Scheme):
        return None
    variance = scheme.variance(n_in, n_out)
    return None if variance is None else Moments(scheme.mean, variance, scheme.is_gaussian)


def draw(
    rng: RNG,
    biases: Sequence[Array],
    weights: Sequence[Array],
    bias_initializer: Initializer = "normal",
    initializer: Initializer = "default",
    activations: Sequence[str] | None = None,
) -> list[Array]:
    """Return new values for every bias, then for every weight matrix.

    Users' functions are called with no lock held. The schemes before, between and after these calls
    draw in one call each.

    Parameters
    ----------
    rng : Generator or RandomState
    biases : sequence of ndarray, shapes (n_out, 1)
        Give the shapes and dtypes; they are not changed.
    weights : sequence of ndarray, shapes (n_out, n_in)
    bias_initializer, initializer : str, float, Scheme, callable, or sequence of them
    activations : sequence of str, optional
        The activation of each layer, for users' functions; by default sigmoid.

    Returns
    -------
    list of ndarray
        The biases, then the weights, in the shapes and dtypes of those given.

    Raises
    ------
    ValueError, TypeError
        A function returned another shape or values that are not finite real numbers, or the numbers
        do not fit into the dtype. Only the generator has changed.

    Examples
    --------
    >>> b, w = draw(np.random.default_rng(1), [np.empty((3, 1))], [np.empty((3, 4))])
    >>> rng = np.random.default_rng(1)
    >>> bool(np.all(b == rng.standard_normal((3, 1))))
    True
    >>> bool(np.all(w == rng.standard_normal((3, 4)) / np.sqrt(4)))
    True
    """
    n = len(weights)
    drawn = [np.empty(array.shape, array.dtype) for array in (*biases, *weights)]
    names = _names("bias_initializer", bias_initializer, n) + _names("initializer", initializer, n)
    chosen = [*map(scheme_of, per_layer(bias_initializer, n) + per_layer(initializer, n))]
    layers = [LayerInfo(i, n, name) for i, name in enumerate(activations or ["sigmoid"] * n)] * 2
    parts = list(zip(drawn, names, chosen, layers, strict=True))
    for array, name, scheme, _ in parts:
        if isinstance(scheme, Scheme):
            scheme._check_held(name, array.shape, array.dtype)
    stream = Stream(rng)
    for array, name, scheme, layer in parts:
        if isinstance(scheme, Scheme):
            scheme._request(stream, array)
        else:
            stream.draw()  # the requests before it
            arguments = (layer,) if _takes_layer(scheme) else ()
            _set(array, call(scheme, name, rng, array.shape, *arguments), name)
    stream.draw()
    for array, name, *_ in parts:
        _check_finite(array, name)
    return drawn


def _names(name: str, initializer: Initializer, n_layers: int) -> list[str]:
    """Return what messages call the initializer of each layer."""
    if isinstance(initializer, (list, tuple)):
        return [f"{name}[{i}]" for i in range(n_layers)]
    return [name] * n_layers


def _takes_layer(function: Function) -> bool:
    """Return whether a function's third parameter is the layer, not an option of the user's."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # compiled functions may have no signature
        return False
    names = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(names) > 2 and (names[2].default is names[2].empty or names[2].name == "layer")


def _set(array: Array, given: Any, name: str) -> None:
    """Copy the array that a user's function returned, or refuse it."""
    values = as_real_array(given, f"{name}'s array")
    if values.shape != array.shape:
        raise ValueError(
            f"{name} returned an array of shape {values.shape}; expected {array.shape}."
        )
    with np.errstate(over="ignore"):
        array[...] = values
    _check_finite(array, name)


def _check_finite(array: Array, name: str) -> None:
    if not np.isfinite(array).all():
        what = "biases" if name.startswith("bias") else "weights"
        raise ValueError(
            f"{name} gave NaN or infinity in {array.dtype}; starting {what} must be finite."
        )
