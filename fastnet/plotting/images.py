"""Images of the first layer's weights, and of the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.common.arguments import as_count, as_items, in_one_line, shown
from fastnet.model.answers import places
from fastnet.model.prediction import outputs_for
from fastnet.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confusion_matrix", "first_layer_weights", "mosaic"]

Array = NDArray[Any]

#: The most classes with which counts are written into a confusion matrix.
WRITTEN_CLASSES = 20
#: The most letters of a class's name that are shown.
NAME_LETTERS = 16


def first_layer_weights(
    ax: Axes,
    net: Network,
    shape: tuple[int, int] = (28, 28),
    *,
    columns: int | None = None,
    neurons: int | None = None,
) -> Axes:
    """Draw the weights of each neuron of the first layer as an image: black -, white +.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw; a colour bar is added beside it.
    net : Network
    shape : (int, int), default (28, 28)
        Height and width of an input image, whose pixels are the network's inputs row by row.
    columns : int, keyword only, optional
        Images in a row; by default so many that the whole is about 3 wide to 2 high.
    neurons : int, keyword only, optional
        Draw only this many neurons, the first ones; by default all.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        The number of pixels differs from the network's number of inputs, or a count is below 1.
    TypeError
        A count is not an integer.

    Examples
    --------
    >>> import fastnet
    >>> from matplotlib.figure import Figure
    >>> net = fastnet.Network([784, 30, 10], rng=0)
    >>> ax = first_layer_weights(Figure().add_subplot(), net)
    >>> len(ax.get_images())
    1
    """
    sides = as_items(shape, "shape")
    if sides is None or len(sides) != 2:
        raise TypeError(f"shape is {shown(shape)}; expected (height, width).")
    height, width = (as_count(side, "shape", at_least=1) for side in sides)
    if height * width != net.sizes[0]:
        raise ValueError(
            f"shape is {(height, width)}, {height * width} pixels; this network has {net.sizes[0]} "
            "inputs: give the height and width of its images."
        )
    n = net.sizes[1]
    if neurons is not None:
        n = min(n, as_count(neurons, "neurons", at_least=1))
    if columns is None:
        columns = math.ceil(math.sqrt(1.5 * n * height / width))
    columns = min(n, as_count(columns, "columns", at_least=1))
    weights = np.asarray(net.weights[0][:n], dtype=np.float64).reshape(n, height, width)
    gap = max(1, round(max(height, width) / 14))
    tiles = mosaic(weights, columns, gap)
    largest = float(np.abs(weights).max()) or 1.0
    image = ax.imshow(tiles, cmap="gray", vmin=-largest, vmax=largest, interpolation="nearest")
    _number_tiles(ax, n, columns, height + gap, width + gap)
    _add_bar(ax, image, "weight")
    return ax


def confusion_matrix(
    ax: Axes, net_or_predictions: Any, data: Any, *, labels: Sequence[Any] | None = None
) -> Axes:
    """Draw the confusion matrix: how many examples each pair of true and predicted class has.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    net_or_predictions : Network, fitted classifier or array_like, shape (n,)
        A network or a fitted classifier (an estimator with `predict` and `classes_`), which
        predicts the classes of the data; or predicted classes, integers or strings.
    data : (X, y) for a Network or classifier, else y
        As for `Network.accuracy`; or the true classes, shape (n,). If y is targets, shape
        (n, n_L), the class is the index of the largest.
    labels : sequence, keyword only, optional
        The names of the classes, in order. By default those of the network's `preprocessing`, the
        estimator's `classes_`, the strings of the data in alphabetical order, or the numbers.

    Returns
    -------
    Axes
        The same `ax`. Rows are true classes, columns predicted ones; a cell is the darker, the
        larger its share of the row.

    Raises
    ------
    ValueError, TypeError
        Classes are neither strings nor integers from 0, numbers of true and predicted classes
        differ, or `labels` has not one name for each class; or the network or classifier refuses
        the data.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = confusion_matrix(Figure().add_subplot(), [0, 1, 1], [0, 1, 0], labels=["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '1']
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['cat', 'dog']
    """
    names: Sequence[Any] | None = None if labels is None else as_items(labels, "labels")
    if labels is not None and not names:
        raise TypeError(f"labels is {shown(labels)}; expected the name of each class.")
    if isinstance(net_or_predictions, Network):
        predicted, true, n = _classify(net_or_predictions, data)
        kept = net_or_predictions.preprocessing
        names = names or (kept.labels if kept is not None else None)
    else:
        predicted, true, found = _compared(net_or_predictions, data, names)
        if len(predicted) != len(true):
            raise ValueError(
                f"there are {len(predicted)} predictions and {len(true)} true classes; give one "
                "prediction for each true class."
            )
        names = names or found
        n = max(1 + int(max(predicted.max(), true.max())), len(names or ()))
    if names is not None and len(names) != n:
        raise ValueError(f"labels has {len(names)} names; there are {n} classes: give {n} names.")
    counts = np.bincount(n * true + predicted, minlength=n * n).reshape(n, n)
    _draw_counts(ax, counts, range(n) if names is None else names)
    ax.set_ylabel("true class")
    return ax


def mosaic(images: Array, columns: int, gap: int) -> Array:
    """Return images as one array, row by row, with gaps of NaN, which is not drawn."""
    padding = ((0, -len(images) % columns), (0, gap), (0, gap))
    tiles = np.pad(images, padding, constant_values=np.nan)
    rows_of_tiles = tiles.reshape(-1, columns, *tiles.shape[1:]).swapaxes(1, 2)
    return rows_of_tiles.reshape(-1, columns * tiles.shape[2])[:-gap, :-gap]


def _number_tiles(ax: Axes, n: int, columns: int, height: int, width: int) -> None:
    """Number the neurons: a row by its first neuron, a column by the offset from that."""
    rows = -(-n // columns)
    ax.set_yticks(
        np.arange(rows) * height + height / 2 - 1, [str(r * columns) for r in range(rows)]
    )
    ax.set_xticks(
        np.arange(columns) * width + width / 2 - 1, [f"+{c}" if c else "0" for c in range(columns)]
    )
    ax.tick_params(length=0)
    ax.set_xlabel("neuron of layer 1 (number of its row + offset of its column)")
    ax.spines[:].set_visible(False)


def _classify(net: Network, data: Any) -> tuple[Array, Array, int]:
    """Return predicted and true classes, and how many classes there are."""
    examples = net._read(data, "data")
    middle = net._hit_rule(examples.facts)[1]
    predicted: list[Array] = []
    true: list[Any] = []
    for part in examples.parts():
        outputs = outputs_for(net, part.X)
        predicted.append(_class_of(outputs, outputs > middle))
        true.append(part.labels if part.y is None else _class_of(part.y, part.y >= middle))
    return np.concatenate(predicted), np.concatenate(true).astype(np.intp), max(2, net.sizes[-1])


def _compared(
    predictions: Any, data: Any, names: Sequence[Any] | None
) -> tuple[Array, Array, Sequence[Any] | None]:
    """Return predicted and true classes as numbers, and the classes' names, if any."""
    classes = getattr(predictions, "classes_", None)
    if classes is not None and hasattr(predictions, "predict"):
        X, y = data
        known = list(np.asarray(classes).tolist())
        return _places(predictions.predict(X), known, "predictions"), _places(y, known, "y"), known
    if {np.asarray(values).dtype.kind for values in (predictions, data)} <= {"U", "O"}:
        words = [np.asarray(values) for values in (predictions, data)]
        known = list(names or sorted({word for part in words for word in part.ravel().tolist()}))
        return _places(words[0], known, "predictions"), _places(words[1], known, "data"), known
    return _classes(predictions, "predictions"), _classes(data, "data"), None


def _places(values: ArrayLike, known: Sequence[Any], name: str) -> Array:
    """Return the index of each value among the known classes; refuse others."""
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} has shape {array.shape}; expected (n,), a class per example.")
    return places(array, known, name)


def _class_of(rows: Array, positive: Array) -> Array:
    """Return the class of each row; with a single column, 1 where it is positive, else 0."""
    return positive[:, 0].astype(np.intp) if rows.shape[1] == 1 else rows.argmax(axis=1)


def _classes(values: ArrayLike, name: str) -> Array:
    """Return class numbers; refuse other values."""
    classes = np.asarray(values)
    if classes.ndim == 2 and classes.shape[1] > 1:
        classes = classes.argmax(axis=1)
    if classes.ndim != 1 or not len(classes):
        raise ValueError(f"{name} has shape {classes.shape}; expected (n,), a class per example.")
    if classes.dtype.kind not in "biuf" or not np.all(classes == np.floor(classes)):
        raise TypeError(f"{name} is of dtype {classes.dtype}; expected integer class numbers.")
    if classes.min() < 0:
        raise ValueError(f"{name} contains {classes.min()}; expected class numbers of 0 or more.")
    return classes.astype(np.intp)


def _add_bar(ax: Axes, image: Any, label: str) -> None:
    """Draw a colour bar beside the Axes."""
    height, width = image.get_array().shape
    low = min(1.0, 1.25 * height / width)  # no higher than the image
    ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.04, shrink=low).set_label(label)


def _name_classes(ax: Axes, places: Sequence[int], names: Sequence[str]) -> None:
    """Write the names of classes along both axes, vertically if they would overlap."""
    ax.set_xticks(places, names)
    ax.set_yticks(places, names)
    for text in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        text.set_parse_math(False)
    room = ax.get_window_extent().width / len(names)
    if any(text.get_window_extent().width > 0.9 * room for text in ax.get_xticklabels()):
        ax.tick_params(axis="x", labelrotation=90)


def _draw_counts(ax: Axes, counts: Array, names: Sequence[Any]) -> None:
    """Draw the matrix of counts, with its numbers if there is room, and the classes' names."""
    from matplotlib.colors import PowerNorm

    n = len(counts)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # On a linear scale the few errors could not be seen beside the diagonal.
    image = ax.imshow(share, cmap="Greys", norm=PowerNorm(0.5, 0, 100), interpolation="nearest")
    _add_bar(ax, image, "share of the true class (%)")
    places = range(n) if n <= WRITTEN_CLASSES else range(0, n, -(-n // 10))
    _name_classes(ax, places, [in_one_line(str(names[place]), NAME_LETTERS) for place in places])
    ax.tick_params(length=0)
    ax.set_xlabel("predicted class")
    if n > WRITTEN_CLASSES:
        return
    size = 10 if n <= 10 else 6
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > 30 else "black"
        ax.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=size)
