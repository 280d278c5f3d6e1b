"""Conversion of networks to and from scikit-learn's MLPClassifier and MLPRegressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_flag
from fastnet.interchange.layers import Layer, assemble, known_preprocessing, layers_of, required
from fastnet.model.model import AnyModel, Model
from fastnet.preprocessing import Preprocessing

__all__ = ["from_sklearn", "kind_of", "preprocessing_of", "to_sklearn"]

Array = NDArray[Any]

#: fastnet's and scikit-learn's names of the activations that both have: for hidden layers, which
#: share one, and for the output (exponential with MLPRegressor(loss="poisson"), since 1.7).
SHARED = {name: known.sklearn for name, known in ACTIVATIONS.items() if known.sklearn}
HIDDEN = {name: SHARED[name] for name in SHARED if not ACTIVATIONS[name].output_only}
OUTPUT = {name: SHARED[name] for name in ("identity", "sigmoid", "softmax", "exponential")}


def from_sklearn(cls: type[AnyModel], estimator: Any, *, cost: Any = None) -> AnyModel:
    """Return the network of a fitted estimator; see `Network.from_sklearn`."""
    peers = required("sklearn.neural_network", "from_sklearn", "sklearn")
    if not isinstance(estimator, (peers.MLPClassifier, peers.MLPRegressor)):
        hint = "; for a Pipeline give its last step" if hasattr(estimator, "steps") else ""
        raise TypeError(
            f"estimator is of type {type(estimator).__name__}; expected scikit-learn's "
            f"MLPClassifier or MLPRegressor, fitted{hint}."
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError(f"this {type(estimator).__name__} is not fitted; call its fit first.")
    depth = len(estimator.coefs_)
    kinds = [_ours(estimator.activation, HIDDEN, "activation")] * (depth - 1)
    kinds.append(_ours(estimator.out_activation_, OUTPUT, "out_activation_"))
    layers = [
        Layer(np.asarray(w).T, np.asarray(b), kind, f"coefs_[{layer}]")
        for layer, (w, b, kind) in enumerate(
            zip(estimator.coefs_, estimator.intercepts_, kinds, strict=True)
        )
    ]
    network = assemble(cls, layers, cost=cost, output=None, name="estimator")
    network.kind = kind_of(estimator)
    network.preprocessing = preprocessing_of(estimator)
    return network


def to_sklearn(network: Model, *, multilabel: bool | None = None) -> Any:
    """Return a network as a fitted estimator; see `Network.to_sklearn`."""
    peers = required("sklearn.neural_network", "to_sklearn", "sklearn")
    hidden, output = set(network.activations[:-1]), network.activations[-1]
    n_out = network.sizes[-1]
    if multilabel is None:
        multilabel = network.kind == "labels" and n_out > 1
    multilabel = as_flag(multilabel, "multilabel")
    if network.kind == "numbers" and output == "sigmoid":
        raise ValueError(
            "this network predicts numbers with sigmoid outputs; scikit-learn's regressors have "
            "identity or exponential outputs. Set kind to 'classes' or 'labels' if that is meant."
        )
    if len(hidden) > 1 or not hidden <= set(HIDDEN):
        raise ValueError(
            f"the hidden layers' activations are {', '.join(network.activations[:-1])}; "
            f"scikit-learn has one activation for all hidden layers, one of {', '.join(HIDDEN)}."
        )
    if output not in OUTPUT or (output == "softmax" and n_out == 1):
        raise ValueError(
            f"the output has {n_out} {output} unit{'s' * (n_out != 1)}; scikit-learn has identity "
            "or exponential (regression), sigmoid, or two or more softmax units."
        )
    if multilabel and (output != "sigmoid" or n_out == 1):
        raise ValueError(
            f"multilabel needs two or more sigmoid outputs; this network has {n_out} {output} "
            f"output{'s' * (n_out != 1)}."
        )
    known = known_preprocessing(network, "the estimator")
    layers = layers_of(network)
    weights = [np.ascontiguousarray(layer.weight.T) for layer in layers]
    biases = [layer.bias for layer in layers]
    options: dict[str, Any] = {"hidden_layer_sizes": tuple(network.sizes[1:-1])}
    if hidden:
        options["activation"] = HIDDEN[hidden.pop()]
    if output == "identity":
        estimator = peers.MLPRegressor(**options)
    elif output == "exponential":
        estimator = _poisson(peers, options)
    else:
        estimator = peers.MLPClassifier(**options)
        output = _add_classes(estimator, network, known, weights, biases, multilabel)
    _add_fit(estimator, weights, biases, network)
    estimator.out_activation_ = OUTPUT[output]
    if known.columns is not None:
        estimator.feature_names_in_ = np.array(known.columns, dtype=object)
    return estimator


def _poisson(peers: Any, options: dict[str, Any]) -> Any:
    try:
        return peers.MLPRegressor(loss="poisson", **options)
    except TypeError:
        raise ValueError(
            "the output's activation is 'exponential', which scikit-learn's MLPRegressor has "
            "only since 1.7; upgrade scikit-learn."
        ) from None


def _ours(name: Any, table: dict[str, str], what: str) -> str:
    for ours, theirs in table.items():
        if name == theirs:
            return ours
    raise ValueError(
        f"the estimator's {what} is {name!r}, which fastnet does not have; expected one of "
        f"{', '.join(table.values())}."
    )


def kind_of(estimator: Any) -> str:
    """Return the kind of targets of an estimator, of scikit-learn or of `fastnet.estimators`."""
    from sklearn.base import is_regressor

    if is_regressor(estimator):
        return "numbers"
    binarizer = estimator._label_binarizer
    return "labels" if getattr(binarizer, "y_type_", "").startswith("multilabel") else "classes"


def preprocessing_of(estimator: Any) -> Preprocessing:
    """Return a preprocessing with a fitted estimator's names of features and classes.

    It does not scale. Classes that are not strings, numbers or bools raise ValueError.
    """
    n = estimator.n_features_in_
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    columns = names if names and len(set(names)) == len(names) else None
    labels = _labels(estimator)
    try:
        return Preprocessing(np.zeros(n), np.ones(n), labels=labels, columns=columns)
    except TypeError:
        raise ValueError(
            f"classes_ are of dtype {estimator.classes_.dtype}, which a network's labels cannot "
            "be; fit on strings, numbers or bools."
        ) from None


def _labels(estimator: Any) -> list[Any] | None:
    """Return the names of the classes; None for labels that are only numbered."""
    found = getattr(estimator, "classes_", None)
    if found is None:
        return None
    several = estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1
    if several and np.array_equal(found, np.arange(len(found))):
        return None
    labels: list[Any] = found.tolist()
    return labels


def _add_classes(
    estimator: Any,
    network: Model,
    known: Preprocessing,
    weights: list[Array],
    biases: list[Array],
    multilabel: bool,
) -> str:
    """Set a classifier's classes, and order the last layer like them; return its activation."""
    from sklearn.preprocessing import LabelBinarizer

    output, n_out = network.activations[-1], network.sizes[-1]
    binarizer = LabelBinarizer()
    if multilabel:
        estimator._label_binarizer = binarizer.fit(np.eye(n_out, dtype=int))
        estimator.classes_ = binarizer.classes_
        return output
    known.check(network.sizes)
    classes = np.arange(max(2, n_out)) if known.labels is None else np.array(known.labels)
    if classes.dtype.kind == "f" and (classes % 1).any():
        raise ValueError(
            f"the labels hold {classes[classes % 1 != 0][0]}, and scikit-learn has no classes that "
            "are not whole numbers; give them names."
        )
    # scikit-learn sorts classes; a network has them in the order of its output units.
    order = np.argsort(classes)
    if n_out == 1 and len(order) == 2 and order[0] == 1:
        weights[-1], biases[-1] = -weights[-1], -biases[-1]
    elif n_out > 1:
        weights[-1], biases[-1] = weights[-1][:, order], biases[-1][order]
    estimator._label_binarizer = binarizer.fit(classes)
    estimator.classes_ = binarizer.classes_
    if n_out == 2 and output == "softmax":
        # scikit-learn has one unit for two classes: softmax(z)_1 = sigmoid(z_1 - z_0).
        weights[-1] = weights[-1][:, 1:] - weights[-1][:, :1]
        biases[-1] = biases[-1][1:] - biases[-1][:1]
        return "sigmoid"
    if n_out > 1:
        binarizer.y_type_ = "multiclass"  # the largest output is the class, also of two units
    return output


def _add_fit(estimator: Any, weights: list[Array], biases: list[Array], network: Model) -> None:
    """Set the attributes that `fit` sets, so that the estimator predicts and can be trained on."""
    estimator.coefs_, estimator.intercepts_ = weights, biases
    estimator.n_layers_ = network.num_layers
    estimator.n_outputs_ = len(biases[-1])
    estimator.n_features_in_ = network.sizes[0]
    estimator.n_iter_ = len(network.history)
    estimator.t_ = 0
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    estimator.best_loss_ = np.inf
    estimator.validation_scores_ = estimator.best_validation_score_ = None
