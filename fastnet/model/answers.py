"""Predictions from outputs: class labels, probabilities, and numbers in their own units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import memory_for, shown
from fastnet.common.frames import is_frame
from fastnet.costs import AnyCost, GaussianCost, QuantileCost
from fastnet.data.rows import as_real_array
from fastnet.model import prediction
from fastnet.model.targets import kind_of_output

if TYPE_CHECKING:
    from fastnet.model.model import Model
    from fastnet.preprocessing import Label

__all__ = [
    "class_labels",
    "gives_probabilities",
    "kind_of_model",
    "moments",
    "places",
    "predict",
    "predict_proba",
    "predictions",
    "r_squared",
    "scaled",
    "score",
    "targets_of",
]

Array = NDArray[Any]


# ---- what the outputs mean


def kind_of_model(model: Model) -> str:
    """Return the kind of a model's targets; see `Network.kind`."""
    return model._kind or kind_of_output(model._architecture.activations[-1])


def class_labels(model: Model) -> tuple[Label, ...] | None:
    """Return the names of a model's classes or labels; None if it predicts numbers.

    Without names in its preprocessing they are 0, 1 and so on.
    """
    kept = model.preprocessing
    if kept is not None and kept.labels is not None:
        return kept.labels
    kind, n_out = kind_of_model(model), model._architecture.sizes[-1]
    if kind == "numbers":
        return None
    return tuple(range(n_out if kind == "labels" else max(n_out, 2)))


def predictions(model: Model, outputs: Array) -> Array:
    """Return class numbers (n,); 0 and 1 (n, n_L) for labels; or numbers, as in `moments`.

    Parameters
    ----------
    model : Model
    outputs : ndarray, shape (n, n_L)
    """
    kind = kind_of_model(model)
    if kind == "numbers":
        kept, (found, _) = model.preprocessing, moments(model.cost, outputs)
        return found if kept is None else kept.outputs(found)
    positive = outputs > (1.0 + model._low) / 2
    if kind == "labels":
        return positive.astype(np.intp)
    if outputs.shape[1] > 1:
        largest: Array = outputs.argmax(axis=1)
        return largest
    # An estimator that has seen one class has a network with one output and one label.
    names = class_labels(model) or ()
    return np.minimum(positive[:, 0], len(names) - 1).astype(np.intp)


def moments(cost: AnyCost, outputs: Array) -> tuple[Array, Array | None]:
    """Return predicted numbers, and their variances if the network predicts them.

    Parameters
    ----------
    cost : class or instance
    outputs : ndarray, shape (n, n_L)

    Returns
    -------
    predicted : ndarray, shape (n,) or (n, n_targets)
        Several quantiles are the last axis: (n, n_quantiles) or (n, n_targets, n_quantiles).
    variance : ndarray of that shape, or None

    Examples
    --------
    >>> from fastnet.costs import GaussianCost
    >>> mean, variance = moments(GaussianCost, np.array([[5.0, 0.0], [6.0, np.log(4.0)]]))
    >>> mean.tolist(), variance.round(9).tolist()
    ([5.0, 6.0], [1.0, 4.0])
    """
    if cost is GaussianCost:
        mean, log_variance = np.split(outputs, 2, axis=1)
        with np.errstate(over="ignore"):
            return _without_targets(mean), _without_targets(np.exp(log_variance))
    if isinstance(cost, QuantileCost) and len(cost.quantiles) > 1:
        several = outputs.reshape(len(outputs), len(cost.quantiles), -1)
        return _without_targets(several.transpose(0, 2, 1)), None
    return _without_targets(outputs), None


def _without_targets(values: Array) -> Array:
    """Return the values without the axis of the targets if there is one target."""
    return values[:, 0] if values.shape[1] == 1 else values


def gives_probabilities(model: Model) -> bool:
    """Return whether the outputs lie between the targets of the wrong and the right class."""
    range_of = ACTIVATIONS[model._architecture.activations[-1]]
    return (
        kind_of_model(model) != "numbers" and model._low <= range_of.lowest < range_of.highest <= 1
    )


def scaled(model: Model, outputs: Array) -> Array:
    """Return outputs for classes or labels scaled to targets 0 and 1; a single one gives two.

    Parameters
    ----------
    model : Model
    outputs : ndarray, shape (n, n_L)

    Returns
    -------
    ndarray, shape (n, n_L), or (n, 2) for classes of a single output
    """
    if model._low:
        outputs = (outputs - model._low) / (1 - model._low)
    if outputs.shape[1] == 1 and kind_of_model(model) == "classes":
        return np.hstack([1 - outputs, outputs])
    return outputs


# ---- for raw features


def predict(model: Model, X: ArrayLike) -> Any:
    """Return the prediction for each row; see `Network.predict`."""
    outputs, is_single = _outputs(model, X, "predict's X")
    found = predictions(model, outputs)
    kept = model.preprocessing
    if kept is not None and kept.labels is not None and kind_of_model(model) == "classes":
        found = np.array(kept.labels)[found]
    return found[0] if is_single else found


def predict_proba(model: Model, X: ArrayLike) -> Array:
    """Return the probability of each class or label; see `Network.predict_proba`."""
    if kind_of_model(model) == "numbers":
        raise ValueError(
            "this network predicts numbers, and predict_proba is for classes and labels; use "
            "predict, or set its kind to 'classes' or 'labels'."
        )
    if not gives_probabilities(model):
        raise ValueError(
            f"this network's outputs are {model._architecture.activations[-1]!r}, which are not "
            "probabilities; use a network with sigmoid or softmax outputs, or `predict`."
        )
    outputs, is_single = _outputs(model, X, "predict_proba's X")
    found = scaled(model, outputs)
    if kind_of_model(model) == "classes":
        total = found.sum(axis=1, keepdims=True)
        equal = np.full_like(found, 1 / found.shape[1])  # where every output is 0
        found = np.divide(found, total, out=equal, where=total > 0)
    return found[0] if is_single else found


def score(model: Model, X: ArrayLike, y: Any) -> float:
    """Return accuracy or R squared; see `Network.score`."""
    if isinstance(model.cost, QuantileCost) and model.cost.quantiles != (0.5,):
        raise ValueError(
            "this network predicts quantiles, and score is R squared, which is for means; use "
            "total_cost."
        )
    if kind_of_model(model) == "numbers":
        outputs, _ = _outputs(model, X, "score's X")
        return _r_squared_of(predictions(model, outputs), y)
    with memory_for("score's y"):
        targets = _targets(model, y)
    data = model._read((_inputs(model, X, "score's X"), targets), "score")
    return prediction.accuracy(model, data) / data.n


def targets_of(model: Model, numbers: Array) -> Array:
    """Return class numbers as targets of the model: unchanged, or numbers for a single output."""
    if model._architecture.sizes[-1] > 1:
        return numbers
    return model._low + (1 - model._low) * numbers.astype(np.float64)


def places(values: Array, names: Sequence[Any], name: str) -> Array:
    """Return the index of each value, shape (n,), in the names of the classes.

    Raises
    ------
    ValueError
        A value is not one of the names; the message calls the values `name`.

    Examples
    --------
    >>> places(np.array(["b", "a", "b"]), ["a", "b"], "y")
    array([1, 0, 1])
    """
    place_of = {known: place for place, known in enumerate(names)}
    found = np.empty(len(values), np.intp)
    for row, value in enumerate(values.tolist()):
        try:
            found[row] = place_of[value]
        except (KeyError, TypeError):  # TypeError: it has no hash
            raise ValueError(
                f"{name} contains {shown(value)} in row {row}; the classes are "
                f"{shown(list(names))}."
            ) from None
    return found


def r_squared(predicted: Array, wanted: Array) -> float | None:
    """Return R squared, 1 - sum (y - predicted)^2 / sum (y - mean)^2, averaged over outputs.

    Parameters
    ----------
    predicted, wanted : ndarray, both of shape (n,) or (n, n_L)

    Returns
    -------
    float or None
        None if the y of an output does not vary, so that the variance is 0.

    Examples
    --------
    >>> r_squared(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    0.5
    """
    if not len(wanted) or (wanted == wanted[0]).all(axis=0).any():
        return None
    y, found = wanted.astype(np.float64), predicted.astype(np.float64)
    power = -np.frexp(np.abs(y).max(axis=0))[1]  # 2**power brings squares into range
    with np.errstate(over="ignore"):
        y, found = np.ldexp(y, power), np.ldexp(found, power)
        left, spread = (np.square(a).sum(axis=0) for a in (y - found, y - y.mean(axis=0)))
    return float(np.mean(1 - left / spread))


def _outputs(model: Model, X: ArrayLike, name: str) -> tuple[Array, bool]:
    """Return the outputs as rows, and whether X is a single example without its axis."""
    n_in, n_out = model._architecture.sizes[0], model._architecture.sizes[-1]
    inputs = _inputs(model, X, name)
    outputs = prediction.feedforward(model, inputs, name)
    is_single = outputs.ndim == 1
    if outputs.size == n_out and n_in != 1 and np.shape(inputs) == (n_in, 1):  # a column
        is_single = True
    return outputs.reshape(-1, n_out), is_single


def _inputs(model: Model, X: Any, name: str) -> Any:
    """Return raw features preprocessed for the network."""
    kept = model.preprocessing
    if kept is None:
        return X
    is_table = is_frame(X) and not hasattr(X, "collect")  # a LazyFrame of polars is not read yet
    if is_table and kept.columns is not None:
        X = _in_order(X, kept.columns, name)
    if not kept.changes_inputs:
        return X
    values = as_real_array(X, name)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 1:
        return kept.inputs(values[np.newaxis], model.dtype)[0]
    n_in = model._architecture.sizes[0]
    if n_in != 1 and values.shape == (n_in, 1):
        return kept.inputs(values.T, model.dtype).T
    return kept.inputs(values, model.dtype)


def _in_order(X: Any, columns: tuple[str, ...], name: str) -> Any:
    """Return the columns that the network was trained on, in order; X if its have no names."""
    given = list(getattr(X, "column_names", getattr(X, "columns", ())))
    if not all(isinstance(column, str) for column in given) or not given:
        return X
    missing = [column for column in columns if column not in given]
    if missing:
        raise ValueError(
            f"{name} has no column {shown(missing[0])}; this network was trained on the columns "
            f"{shown(list(columns))}."
        )
    return X.select(list(columns)) if hasattr(X, "column_names") else X[list(columns)]


def _targets(model: Model, y: Any) -> Any:
    """Return names of classes, or 0 and 1, as the model's targets; other targets unchanged."""
    kept, kind = model.preprocessing, kind_of_model(model)
    labels = kept.labels if kept is not None and kind == "classes" else None
    try:
        items = np.asarray(y)
    except ValueError:
        raise ValueError("score's y is ragged; give a label for each row.") from None
    first = items[(0,) * items.ndim] if items.size else None
    if labels is None and isinstance(first, str):
        raise TypeError(
            f"score's y contains {shown(str(first))}, and this network has no names for classes; "
            "give class numbers, or set its preprocessing to fastnet.Preprocessing(labels=[...])."
        )
    is_numeric, n_out = items.dtype.kind in "biuf", model._architecture.sizes[-1]
    is_column = items.ndim == 1 or (items.ndim == 2 and items.shape[1] == 1)
    if labels is not None and is_column and not (is_numeric and isinstance(labels[0], str)):
        return targets_of(model, places(items.ravel(), labels, "score's y"))
    are_class_numbers = is_column and n_out > 1
    if is_numeric and not are_class_numbers and ((items == 0) | (items == 1)).all():
        return model._low + (1 - model._low) * items
    return y


def _r_squared_of(predicted: Array, y: Any) -> float:
    """Return R squared; raise an error if y is wrong."""
    wanted = as_real_array(y, "score's y")
    if wanted.shape == (*predicted.shape, 1):
        wanted = wanted[:, 0]
    if wanted.shape != predicted.shape:
        raise ValueError(f"score's y has shape {wanted.shape}; expected {predicted.shape}.")
    with memory_for("score's y"), np.errstate(over="ignore"):
        wanted = wanted.astype(np.float64)
    if len(wanted) < 2:
        raise ValueError(f"score's y has {len(wanted)} rows; R squared needs two or more.")
    finite = np.isfinite(wanted).reshape(len(wanted), -1).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"score's y: row {row} is NaN or infinite; fix or drop that row.")
    found = r_squared(predicted, wanted)
    if found is None:
        raise ValueError(
            "score's y has the same number in every row, so that R squared is undefined; use "
            "total_cost."
        )
    return found
