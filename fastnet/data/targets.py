"""What targets mean: classes, several labels a row, or numbers; and which targets a cost allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnet.common.arguments import shown
from fastnet.kernels import examples

__all__ = [
    "KINDS",
    "Check",
    "TargetFacts",
    "check_targets",
    "facts_of",
    "kind_of",
    "kind_of_output",
    "limits",
    "low_of",
    "read_kind",
]

#: What a network's targets can be.
KINDS = ("classes", "labels", "numbers")
#: By how much a target may miss the closed range of the output: rounding, nothing else.
ROUNDING = 1e-6
#: By how much a row of targets of softmax outputs may miss the sum 1.
SUM_TOLERANCE = 1e-3
#: What each output can come arbitrarily near to; others can be any number.
RANGES = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softmax": (0.0, 1.0),
    "exponential": (0.0, math.inf),
}


@dataclass(frozen=True)
class TargetFacts:
    """What one look at all targets has found; class numbers have none.

    Attributes
    ----------
    n_out : int
        Targets a row.
    lowest, highest : (float, int)
        The number, and the first row that holds it.
    odd_sum : (float, int)
        The sum of a row that is farthest from 1, and that row.
    is_binary, is_one_hot : bool
        Whether all targets are 0 or 1, and whether each row has a single 1.
    are_signs, is_one_hot_of_signs : bool
        The same of -1 and 1.
    """

    n_out: int
    lowest: tuple[float, int]
    highest: tuple[float, int]
    odd_sum: tuple[float, int]
    is_binary: bool
    is_one_hot: bool
    are_signs: bool
    is_one_hot_of_signs: bool

    def joined(self, other: TargetFacts, rows: int) -> TargetFacts:
        """Return the facts of both together, the other's rows counted from `rows` on."""
        low, high, odd = (
            (value, row + rows) for value, row in (other.lowest, other.highest, other.odd_sum)
        )
        return TargetFacts(
            self.n_out,
            min(self.lowest, low, key=lambda found: found[0]),
            max(self.highest, high, key=lambda found: found[0]),
            max(self.odd_sum, odd, key=lambda found: abs(found[0] - 1)),
            self.is_binary and other.is_binary,
            self.is_one_hot and other.is_one_hot,
            self.are_signs and other.are_signs,
            self.is_one_hot_of_signs and other.is_one_hot_of_signs,
        )


#: Raises ValueError where a network cannot be trained on such targets.
Check = Callable[[TargetFacts, str], None]


def facts_of(y: Any) -> tuple[TargetFacts | None, int]:
    """Look once at every target.

    Parameters
    ----------
    y : ndarray of float64 or float32, C-contiguous, shape (n, n_out)

    Returns
    -------
    facts : TargetFacts or None
        None where a target is not finite.
    bad_row : int
        The first row with such a target, or -1.

    Examples
    --------
    >>> import numpy as np
    >>> facts, _ = facts_of(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> facts.is_one_hot, facts.highest
    (True, (1.0, 0))
    """
    bad_row, lowest, highest, odd_sum, flags = examples.survey(y)
    if bad_row >= 0:
        return None, bad_row
    return TargetFacts(y.shape[1], lowest, highest, odd_sum, *flags), -1


def kind_of(facts: TargetFacts | None, output: str) -> str:
    """Return the kind that targets are of, for a network with this output.

    Parameters
    ----------
    facts : TargetFacts or None
        None of class numbers.
    output : str
        The last layer's activation. Units of tanh tell classes apart by the sign, too; what an
        exponential gives are counts.

    Examples
    --------
    >>> import numpy as np
    >>> several, _ = facts_of(np.array([[1.0, 1.0], [1.0, 0.0]]))
    >>> kind_of(None, "softmax"), kind_of(several, "sigmoid"), kind_of(several, "exponential")
    ('classes', 'labels', 'numbers')
    """
    if facts is None:
        return "classes"
    if output == "exponential":
        return "numbers"
    if facts.is_binary:
        return "classes" if facts.n_out == 1 or facts.is_one_hot else "labels"
    if output == "tanh" and facts.are_signs:
        return "classes" if facts.n_out == 1 or facts.is_one_hot_of_signs else "labels"
    return "numbers"


def kind_of_output(output: str) -> str:
    """Return the kind that a network is taken for of which nothing but its output is known."""
    return "classes" if output in ("sigmoid", "softmax") else "numbers"


def low_of(facts: TargetFacts | None, output: str) -> float:
    """Return the target of what is not the case: -1 of units of tanh that learn signs, else 0."""
    return -1.0 if output == "tanh" and facts is not None and facts.lowest[0] < 0 else 0.0


def read_kind(kind: Any, output: str) -> str | None:
    """Return a kind that was set by hand, or None.

    Raises
    ------
    ValueError
        An unknown one, or labels of softmax outputs, of which always one is on.
    TypeError
        It is no string.

    Examples
    --------
    >>> read_kind("numbers", "identity")
    'numbers'
    """
    if kind is None:
        return None
    if not isinstance(kind, str):
        raise TypeError(f"kind is {shown(kind)}; expected one of {', '.join(KINDS)}, or None.")
    if kind not in KINDS:
        raise ValueError(f"kind is {shown(kind)}; expected one of {', '.join(KINDS)}, or None.")
    if kind == "labels" and output == "softmax":
        raise ValueError(
            "kind is 'labels', and softmax outputs name one class a row; use output='sigmoid' "
            "and the cross-entropy for several labels."
        )
    return str(kind)


def limits(output: str) -> tuple[float, float, bool]:
    """Return the lowest and highest target of an output, and whether a row of them sums to 1.

    The costs that have no meaning for other targets go with one output each: the cross-entropy with
    sigmoid, the log-likelihood with softmax, Poisson's with the exponential.

    Parameters
    ----------
    output : str
        Name of the last layer's activation.

    Examples
    --------
    >>> limits("sigmoid"), limits("exponential")
    ((0.0, 1.0, False), (0.0, inf, False))
    """
    low, high = RANGES.get(output, (-math.inf, math.inf))
    return low, high, output == "softmax"


def check_targets(facts: TargetFacts, name: str, output: str) -> None:
    """Refuse targets for which the cost has no meaning, or that the output cannot come near to.

    Parameters
    ----------
    facts : TargetFacts
    name : str
        What messages call the targets.
    output : str

    Raises
    ------
    ValueError
        With the number, its row, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> facts, _ = facts_of(np.array([[1.0], [2.0]]))
    >>> check_targets(facts, "y", "identity")
    >>> check_targets(facts, "y", "sigmoid")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: y holds 2.0 in row 1; a sigmoid output takes targets from 0 to 1. ...
    """
    low, high, sums = limits(output)
    beyond = SUM_TOLERANCE if sums else ROUNDING
    for value, row in (facts.lowest, facts.highest):
        if not low - ROUNDING <= value <= high + beyond:
            allowed = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
            article = "an" if output[0] in "aeiou" else "a"
            raise ValueError(
                f"{name} holds {value} in row {row}; {article} {output} output takes targets "
                f"{allowed}. {_remedy(facts, output)}"
            )
    total, row = facts.odd_sum
    if sums and abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"{name}: row {row} sums to {total:.6g}; the targets of softmax outputs are "
            "probabilities, which sum to 1. For several labels a row make the network with "
            "output='sigmoid' and cost='cross_entropy', for numbers with output='identity' and "
            "cost='quadratic'."
        )


def _remedy(facts: TargetFacts, output: str) -> str:
    numbers = "For other numbers make the network with output='identity' and cost='quadratic'."
    if output in ("relu", "exponential"):
        return numbers
    if facts.n_out == 1:
        coded = "-1 and 1" if output == "tanh" else "0 and 1"
        return f"Give two classes as {coded}. {numbers}"
    return f"Give class numbers, or 0 and 1 for each class. {numbers}"
