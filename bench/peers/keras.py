"""Keras with the JAX back end, through fit()."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

from peers import Job
from problem import Problem, pack
from workloads import Workload

ROUNDED = "its Adam computes 1 - beta^t in float32, with few correct digits in the first steps"


def why_not(workload: Workload, variant: str, threads: int) -> str | None:
    """Return the reason why Keras is not measured here, or None."""
    if workload.task == "gradient":
        return "Keras has no gradient of its own; JAX's is measured"
    return None


def _cost(output: str) -> Any:
    ops = keras.ops
    if output == "sigmoid":
        return lambda y, z: ops.sum(ops.binary_crossentropy(y, z, from_logits=True), axis=-1)
    if output == "softmax":
        return lambda y, z: ops.categorical_crossentropy(y, z, from_logits=True)
    return lambda y, z: ops.sum(ops.square(z - y), axis=-1) / 2


def _model(workload: Workload) -> Any:
    # A penalty l2 * w**2 has the slope 2 l2 w, and the book's decay is lmbda / n.
    decay = keras.regularizers.L2(workload.lmbda / (2 * workload.rows)) if workload.lmbda else None
    names = [workload.activation] * (len(workload.sizes) - 2)
    # The cost takes the last weighted input, as for the other peers; a prediction needs outputs.
    names.append(workload.output if workload.task == "predict" else "linear")
    layers = [keras.Input(workload.sizes[:1])]
    for n_out, name in zip(workload.sizes[1:], names, strict=True):
        layers.append(keras.layers.Dense(n_out, activation=name, kernel_regularizer=decay))
    model = keras.Sequential(layers)
    optimizers = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}
    options = {"epsilon": 1e-8} if workload.optimizer == "adam" else {}
    model.compile(
        optimizer=optimizers[workload.optimizer](workload.eta, **options),
        loss=_cost(workload.output),
    )
    return model


def prepare(problem: Problem, variant: str, threads: int) -> Job:
    """Return the job; the first run compiles."""
    workload = problem.workload
    import jax

    jax.config.update("jax_enable_x64", workload.dtype == "float64")
    keras.config.set_floatx(workload.dtype)
    model = _model(workload)
    start = [
        p for w, b in zip(problem.weights, problem.biases, strict=True) for p in (w.T, b.ravel())
    ]
    model.set_weights(start)
    if workload.task == "predict":
        return Job(
            run=lambda: model.predict_on_batch(problem.X),
            outcome=lambda: model.predict_on_batch(problem.X).ravel(),
        )
    model.optimizer.build(model.trainable_variables)
    fresh = [np.array(v) for v in model.optimizer.variables]

    def reset() -> None:
        model.set_weights(start)
        for variable, value in zip(model.optimizer.variables, fresh, strict=True):
            variable.assign(value)

    def run() -> None:
        model.fit(
            problem.X,
            problem.Y,
            batch_size=workload.mini_batch_size,
            epochs=workload.epochs,
            shuffle=False,
            verbose=0,
        )

    def outcome() -> np.ndarray:
        parameters = model.get_weights()
        return pack(parameters[1::2], [w.T for w in parameters[0::2]])

    rounded = workload.optimizer == "adam" and workload.dtype == "float32"
    return Job(
        run=run,
        reset=reset,
        outcome=outcome,
        note=ROUNDED if rounded else "",
        tolerance=0.05 if rounded else None,
    )
