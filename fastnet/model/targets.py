"""Kinds of targets (classes, labels, numbers), and the range of targets for each output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import shown
from fastnet.common.hints import same_name

if TYPE_CHECKING:
    from fastnet.data.targets import TargetFacts

__all__ = ["KINDS", "check_targets", "kind_of", "kind_of_output", "limits", "low_of", "read_kind"]

#: The kinds of a network's targets.
KINDS = ("classes", "labels", "numbers")
#: Tolerance for targets outside the range of the output, for rounding only.
ROUNDING = 1e-6
#: Tolerance for the sum of a row of targets of softmax outputs.
SUM_TOLERANCE = 1e-3


def kind_of(facts: TargetFacts | None, output: str) -> str:
    """Return the kind of the targets, for a network with this output.

    Parameters
    ----------
    facts : TargetFacts or None
        None for class numbers.
    output : str
        The last layer's activation. Units with values from -1 to 1, such as tanh, may encode two
        classes as -1 and 1; an exponential gives counts.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnet.data.targets import facts_of
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
    if ACTIVATIONS[output].has_signs and facts.are_signs:
        return "classes" if facts.n_out == 1 or facts.is_one_hot_of_signs else "labels"
    return "numbers"


def kind_of_output(output: str) -> str:
    """Return the kind of a network if only its output activation is known."""
    return "classes" if output in ("sigmoid", "softmax") else "numbers"


def low_of(facts: TargetFacts | None, output: str) -> float:
    """Return the target of the negative class: -1 if the targets are signs, else 0."""
    signs = ACTIVATIONS[output].has_signs and facts is not None and facts.lowest[0] < 0
    return -1.0 if signs else 0.0


def read_kind(kind: Any, output: str, *, of_numbers: bool = False) -> str | None:
    """Return the kind that a user set, checked; `of_numbers`: the cost is only for numbers.

    Raises
    ------
    ValueError
        The kind is unknown; it is "labels" with softmax outputs, which choose one class; or it is
        not "numbers" with a cost for numbers.
    TypeError
        It is neither a string nor None.
    """
    if kind is None:
        return None
    found = same_name(kind, KINDS) if isinstance(kind, str) else None
    if found is None:
        error = ValueError if isinstance(kind, str) else TypeError
        raise error(f"kind is {shown(kind)}; expected one of {', '.join(KINDS)}, or None.")
    if found == "labels" and output == "softmax":
        raise ValueError(
            "kind is 'labels', but softmax outputs choose one class per row; for several labels "
            "use output='sigmoid' and the cross-entropy."
        )
    if found != "numbers" and of_numbers:
        raise ValueError(
            f"kind is {found!r}, but this network's cost is for numbers; set 'numbers' or None."
        )
    return found


def limits(output: str) -> tuple[float, float, bool]:
    """Return the lowest and highest target of an output, and whether a row of them sums to 1.

    Each cost that is undefined for other targets has its own output: the cross-entropy sigmoid, the
    log-likelihood softmax, the Poisson cost exponential.
    """
    activation = ACTIVATIONS[output]
    return activation.lowest, activation.highest, output == "softmax"


def check_targets(facts: TargetFacts, name: str, output: str) -> None:
    """Refuse targets for which the cost is undefined, or that the output cannot reach.

    Raises
    ------
    ValueError
        A target is out of range, or a row of targets for softmax outputs does not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnet.data.targets import facts_of
    >>> facts, _ = facts_of(np.array([[1.0], [2.0]]))
    >>> check_targets(facts, "y", "sigmoid")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: y contains 2.0 in row 1; a sigmoid output takes targets from 0 to 1. ...
    """
    low, high, sums = limits(output)
    beyond = SUM_TOLERANCE if sums else ROUNDING
    for value, row in (facts.lowest, facts.highest):
        if not low - ROUNDING <= value <= high + beyond:
            allowed = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
            article = "an" if output[0] in "aeiou" else "a"
            raise ValueError(
                f"{name} contains {value} in row {row}; {article} {output} output takes targets "
                f"{allowed}. {_remedy(facts.n_out, low, high)}"
            )
    total, row = facts.odd_sum
    if sums and abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"{name}: row {row} sums to {total:.6g}; the targets of softmax outputs are "
            "probabilities, which sum to 1. For several labels per row, make the network with "
            "output='sigmoid' and cost='cross_entropy'; for numbers, with output='identity' and "
            "cost='quadratic'."
        )


def _remedy(n_out: int, low: float, high: float) -> str:
    numbers = "For other numbers, make the network with output='identity' and cost='quadratic'."
    if high == math.inf:
        return numbers
    if n_out == 1:
        return f"Give two classes as {low:g} and {high:g}. {numbers}"
    return f"Give class numbers, or 0 and 1 for each class. {numbers}"
