"""`Value`: the base class of small immutable objects, compared by their attributes."""

from __future__ import annotations

from typing import Any

__all__ = ["Value"]


class Value:
    """An immutable object with equality, hash and repr by its attributes."""

    # Not a dataclass: Python compiles the methods of each of those, which slows the import.

    def _keep(self, **values: Any) -> None:
        """Set the attributes, in the constructor."""
        vars(self).update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed; make another one.")

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, vars(self).values()))})"
