"""The looks of curves: each initializer keeps its colour, line and marker in every picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

from fastnet.initializers import INITIALIZERS

__all__ = ["looks"]

Look = dict[str, Any]

# Line, marker and lightness differ, so that curves differ in grey too. Where the book's two curves
# coincide, the large hollow squares of one show around the small circles of the other. The normal
# and the uniform form of an initializer have related colours.
_INITIALIZERS: dict[str, Look] = {
    "large": {"color": "#c2571a", "linestyle": "--", "marker": "s", "mfc": "white"},
    "default": {"color": "#0b3c6f", "linestyle": "-", "marker": "o", "markersize": 4.5},
    "lecun_uniform": {"color": "#4682b4", "linestyle": (0, (5, 1)), "marker": "o", "mfc": "white"},
    "he_normal": {"color": "#2e7d32", "linestyle": "-.", "marker": "^", "mfc": "white"},
    "he_uniform": {"color": "#7a9a1f", "linestyle": (0, (6, 1, 1, 1)), "marker": "^"},
    "glorot_normal": {"color": "#8e2f8e", "linestyle": (0, (7, 2)), "marker": "v"},
    "glorot_uniform": {
        "color": "#c070b8",
        "linestyle": (0, (7, 2, 2, 2)),
        "marker": "v",
        "mfc": "white",
    },
    "orthogonal": {"color": "#137d7d", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "X"},
    "lsuv": {"color": "#d02a5b", "linestyle": (0, (3, 1, 1, 1)), "marker": "p"},
    "identity": {"color": "#6b1f2a", "linestyle": (0, (9, 2, 2, 2)), "marker": "*"},
    "truncated_normal": {"color": "#222222", "linestyle": ":", "marker": "D", "markersize": 4},
    "uniform": {"color": "#a3790a", "linestyle": (0, (1, 1)), "marker": "P", "mfc": "white"},
    "zeros": {"color": "#6e6e6e", "linestyle": (0, (2, 2)), "marker": "h"},
    "constant": {"color": "#4d4d6b", "linestyle": (0, (4, 1, 4, 3)), "marker": "d"},
}
#: The looks of every other name.
_OTHERS: tuple[Look, ...] = (
    {"color": "#b3123f", "linestyle": "-", "marker": "<"},
    {"color": "#37698f", "linestyle": "--", "marker": ">", "mfc": "white"},
    {"color": "#7a4a21", "linestyle": "-.", "marker": "H"},
    {"color": "#5b3fa0", "linestyle": (0, (8, 2)), "marker": "8", "mfc": "white"},
    {"color": "#5b6b1e", "linestyle": ":", "marker": "s"},
    {"color": "#b8860b", "linestyle": (0, (5, 1, 1, 1)), "marker": "D", "mfc": "white"},
    {"color": "#1c1c5e", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": "#c74f8e", "linestyle": (0, (1, 1)), "marker": "p", "mfc": "white"},
)
#: The chapter's names for the book's two initializers, and the empty name of a single curve.
_ALSO = {"old start": "large", "new start": "default", "": "default"}
#: Curves with more points are drawn without markers, which would hide the line.
MANY = 60


def looks(names: Iterable[str], n_points: int = 0) -> dict[str, Look]:
    """Return the look of each name's curve: keyword arguments of `Axes.plot`.

    An initializer and its aliases have one look, whatever else is drawn. The look of another name
    depends only on that name, unless two names in a picture would look the same: then the one
    later in the alphabet gets the next free look.

    Parameters
    ----------
    names : iterable of str
        The names of all curves of the picture.
    n_points : int
        The largest number of points in a curve; above 60, curves have no markers.

    Examples
    --------
    >>> found = looks(["mine", "kaiming_normal"])
    >>> found["kaiming_normal"]["color"] == looks(["he_normal"])["he_normal"]["color"]
    True
    >>> found["mine"] == looks(["he_normal", "mine", "large"])["mine"]
    True
    """
    names = list(names)
    known = {name: _look_of_initializer(name) for name in names}
    others = _looks_of_others([name for name, look in known.items() if look is None])
    size = {"markersize": 0} if n_points > MANY else {}
    return {name: {"markersize": 6} | (known[name] or others[name]) | size for name in names}


def _look_of_initializer(name: str) -> Look | None:
    """Return the look of an initializer or one of its aliases; None for another name."""
    name = name.partition(": ")[0]  # without a note after it
    name = _ALSO.get(name, name)
    if name in _INITIALIZERS:
        return _INITIALIZERS[name]
    draw = INITIALIZERS.get(name)
    same = (look for key, look in _INITIALIZERS.items() if draw and INITIALIZERS.get(key) is draw)
    return next(same, None)


def _looks_of_others(names: Iterable[str]) -> dict[str, Look]:
    """Return different looks for names other than initializers."""
    found, n, free = {}, len(_OTHERS), set[int]()
    for position, name in enumerate(sorted(names)):
        free = free or set(range(n))
        wanted = crc32(name.encode("utf-8", "surrogatepass")) % n
        place = min(free, key=lambda place, wanted=wanted: (place - wanted) % n)  # type: ignore[misc]
        free.remove(place)
        # A colour that is used again gets another line.
        line = _OTHERS[(place + position // n) % n]["linestyle"]
        found[name] = _OTHERS[place] | {"linestyle": line}
    return found
