"""Metrics: costs, accuracies and users' functions, measured after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnet.common.arguments import as_items, call, is_function, shown
from fastnet.common.hints import did_you_mean, same_name
from fastnet.data.dataset import Dataset
from fastnet.model.model import Model
from fastnet.model.norms import regularized
from fastnet.model.prediction import evaluate

__all__ = ["METRICS", "Metrics"]

#: Every metric by name: over the training data, over the evaluation data, or ("running") over the
#: examples of the epoch, each with the parameters at the time it was trained on. The last is the
#: cheapest: it adds an eighth to a fifth to the time of an epoch of 784-30-10. Costs are those of
#: `Network.total_cost`; accuracies are shares of the examples.
METRICS = (
    "training_cost",
    "training_accuracy",
    "evaluation_cost",
    "evaluation_accuracy",
    "running_cost",
    "running_accuracy",
)
#: Names of metrics in other libraries.
_WORDS = {"loss": "running_cost", "trainloss": "training_cost", "valloss": "evaluation_cost"}
_WORDS |= {"accuracy": "evaluation_accuracy", "valaccuracy": "evaluation_accuracy"}


class Metrics:
    """The chosen metrics, with the data to measure them on.

    Parameters
    ----------
    chosen : None or iterable of str or callable
        Names from METRICS, or functions of the network. None: with evaluation data, the cost and,
        for classes and labels, the accuracy on them; without, no metrics.
    training : Dataset
    evaluation : Dataset or None
    l1, l2 : float
        The regularization that costs include.
    kind : str
        Kind of the targets; see `Network.kind`.

    Raises
    ------
    ValueError
        A name is unknown, evaluation data are missing, an accuracy is chosen for numbers, or two
        functions have the same name.
    TypeError
        A metric is neither a name nor a callable.
    """

    def __init__(
        self,
        chosen: Any,
        training: Dataset,
        evaluation: Dataset | None,
        l1: float,
        l2: float,
        kind: str = "classes",
    ) -> None:
        self._kind = kind
        if chosen is None:
            usual = ["evaluation_cost", "evaluation_accuracy"][: 1 if kind == "numbers" else 2]
            chosen = [] if evaluation is None else usual
        if isinstance(chosen, str) or callable(chosen):
            chosen = [chosen]
        items = as_items(chosen, "metrics")
        if items is None:
            raise TypeError(f"metrics is {shown(chosen)}; give a list of names or functions.")
        self.names: list[str] = []
        self.functions: dict[str, Callable[[Any], Any]] = {}
        for metric in items:
            self._add(metric, evaluation)
        self.l1, self.l2 = l1, l2
        self.data = {"training": training, "evaluation": evaluation}

    def _add(self, metric: Any, evaluation: Dataset | None) -> None:
        if is_function(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
            if name in (*self.functions, *METRICS, "epoch", "eta"):
                raise ValueError(
                    f"metrics contains a function {name}, a name that is taken; rename it."
                )
            self.functions[name] = metric
        elif isinstance(metric, str):
            self._add_name(metric, evaluation)
        else:
            raise TypeError(
                f"metrics contains {shown(metric)}; expected a name or a function of the network."
            )

    def _add_name(self, given: str, evaluation: Dataset | None) -> None:
        metric = same_name(given, METRICS)
        if metric is None:
            raise ValueError(
                f"metrics contains {shown(given)}; the names are {', '.join(METRICS)}."
                f"{did_you_mean(given, METRICS, _WORDS)}"
            )
        if metric.startswith("evaluation") and evaluation is None:
            raise ValueError(
                f"metrics contains {metric}, but evaluation_data is None; give evaluation_data."
            )
        if metric.endswith("accuracy") and self._kind == "numbers":
            raise ValueError(
                f"metrics contains {metric}, but the targets are numbers, which have no accuracy; "
                "choose a cost, or set the network's kind to 'classes' or 'labels'."
            )
        self.names.append(metric)

    @property
    def running(self) -> bool:
        """Whether cost and hits must be summed during training."""
        return any(name.startswith("running") for name in self.names)

    def measure(self, network: Model, measured: tuple[float, int], n: int) -> dict[str, Any]:
        """Return every chosen metric by name, then the functions' values.

        `measured` are the sum of the costs and the number of hits of `n` examples, summed during
        training. Accuracies are shares from 0 to 1.
        """
        sums = {"running": (*measured, n)}
        found: dict[str, Any] = {}
        for name in self.names:
            source, _, quantity = name.partition("_")
            if source not in sums:
                data: Any = self.data[source]
                sums[source] = (*evaluate(network, data), data.n)
            cost, hits, count = sums[source]
            if quantity == "cost":
                found[name] = regularized(cost, count, network.weights, self.l2, self.l1)
            else:
                found[name] = hits / count
        for name, function in self.functions.items():
            found[name] = call(function, f"metrics: {name}", network)
        return found
