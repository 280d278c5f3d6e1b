"""Random number generators: made from seeds, and their states as plain values for files."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np

from fastnet.common.arguments import shown
from fastnet.common.plain import as_plain

__all__ = ["RNG", "Seed", "as_rng", "get_state", "read_state", "set_state"]

RNG = np.random.Generator | np.random.RandomState
Seed = int | np.random.SeedSequence | np.random.BitGenerator | RNG | None

Source = np.random.Generator | np.random.RandomState | random.Random


def as_rng(seed: Seed) -> RNG:
    """Return a random number generator for `seed`.

    Parameters
    ----------
    seed : None, int, SeedSequence, BitGenerator, Generator or RandomState
        A generator is returned itself, not copied.

    Raises
    ------
    TypeError
        `seed` is of another type.
    ValueError
        `seed` is a negative number.

    Examples
    --------
    >>> as_rng(7).random() == np.random.default_rng(7).random()
    True
    """
    if isinstance(seed, (np.random.Generator, np.random.RandomState)):
        return seed
    # NumPy counts its time differences among the integers.
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, (bool, np.timedelta64)):
        if seed < 0:
            raise ValueError(f"rng is {shown(seed)}; expected a seed of 0 or more.")
        return np.random.default_rng(int(seed))
    if seed is None or isinstance(seed, (np.random.SeedSequence, np.random.BitGenerator)):
        return np.random.default_rng(seed)
    raise TypeError(
        f"rng is of type {type(seed).__name__}; give None, an int, a SeedSequence, "
        "a BitGenerator, a Generator or a RandomState."
    )


def get_state(generator: Source) -> Any:
    """Return the state of a generator as dicts, lists, numbers and strings.

    Examples
    --------
    >>> rng = random.Random(3)
    >>> state = get_state(rng)
    >>> first = rng.random()
    >>> set_state(rng, read_state(state, rng))
    >>> rng.random() == first
    True
    """
    return as_plain(_native_state(generator), "state")


def set_state(generator: Source, state: Any) -> None:
    """Set the state of a generator to one that `read_state` returned."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)


def read_state(plain: Any, generator: Source) -> Any:
    """Return a state for `set_state` from the plain values that `get_state` returned.

    Raises
    ------
    ValueError
        The values are the state of another kind of generator, or not a state.

    Examples
    --------
    >>> read_state(get_state(np.random.default_rng(0)), np.random.RandomState(0))
    Traceback (most recent call last):
    ...
    ValueError: the state is for PCG64; this generator is MT19937
    """
    template = _native_state(generator)
    if isinstance(template, dict) and isinstance(plain, dict):
        found, here = plain.get("bit_generator"), template["bit_generator"]
        if found != here:
            raise ValueError(f"the state is for {str(found)[:40]}; this generator is {here}")
    try:
        state = _fitted(plain, template)
        _check_limits(state)
        # Try it on a copy, so that a refused state changes nothing.
        set_state(copy.deepcopy(generator), state)
    except (TypeError, KeyError, IndexError, OverflowError, ValueError) as error:
        raise ValueError(f"not a state of a generator ({str(error)[:80]})") from error
    return state


def _native_state(generator: Source) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.getstate()


def _fitted(plain: Any, template: Any) -> Any:
    """Return a plain value in the types of the template."""
    if isinstance(template, dict):
        if not isinstance(plain, dict) or set(plain) != set(template):
            raise ValueError("other keys")
        return {key: _fitted(plain[key], item) for key, item in template.items()}
    if isinstance(template, np.ndarray):
        if not isinstance(plain, list) or not all(type(item) is int for item in plain):
            raise ValueError("not a list of whole numbers")
        array = np.array(plain, dtype=template.dtype)
        if array.shape != template.shape:
            raise ValueError(f"shape {array.shape}; expected {template.shape}")
        return array
    if isinstance(template, tuple):
        if not isinstance(plain, list) or len(plain) != len(template):
            raise ValueError(f"not a list of {len(template)}")
        return tuple(_fitted(item, now) for item, now in zip(plain, template, strict=True))
    # The second of a pair of normal numbers, kept for the next draw, or None.
    if template is None or isinstance(template, float):
        if plain is None or type(plain) in (int, float):
            return None if plain is None else float(plain)
        raise ValueError("not a number")
    if type(plain) is not type(template):
        raise ValueError(f"{type(plain).__name__}; expected {type(template).__name__}")
    return plain


def _check_limits(state: Any) -> None:
    """Refuse states that NumPy accepts, but that make it read out of bounds or loop forever."""
    if not isinstance(state, dict):
        return
    name, inner = state["bit_generator"], state["state"]
    if name == "MT19937" and not 0 <= inner["pos"] <= 624:
        raise ValueError(f"pos is {inner['pos']}")
    if name == "Philox" and not 0 <= state["buffer_pos"] <= 4:
        raise ValueError(f"buffer_pos is {state['buffer_pos']}")
    if name in ("PCG64", "PCG64DXSM") and inner["inc"] % 2 == 0:
        raise ValueError(f"inc is {inner['inc']}, which is even")
