"""Numbers of activations, costs and optimizers in the kernels, by their names."""
from fastnet.kernels.activations cimport (
    ABSOLUTE, CROSS_ENTROPY, ELU, EXPONENTIAL, GAUSSIAN, GELU, GIVEN, HUBER, IDENTITY, LEAKY_RELU,
    LOG_LIKELIHOOD, POISSON, QUADRATIC, QUANTILE, RELU, SELU, SIGMOID, SILU, SINE, SOFTMAX,
    SOFTPLUS, SOFTSIGN, TANH,
)
from fastnet.kernels.optimizers cimport ADAM, ADAMW, MOMENTUM, NESTEROV, RMSPROP, RPROP, SGD

ACTIVATIONS = {
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "identity": IDENTITY,
    "softmax": SOFTMAX,
    "exponential": EXPONENTIAL,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SILU,
    "softplus": SOFTPLUS,
    "softsign": SOFTSIGN,
    "sine": SINE,
}

COSTS = {
    "quadratic": QUADRATIC,
    "cross_entropy": CROSS_ENTROPY,
    "log_likelihood": LOG_LIKELIHOOD,
    "poisson": POISSON,
    "huber": HUBER,
    "absolute": ABSOLUTE,
    "quantile": QUANTILE,
    "gaussian": GAUSSIAN,
}
#: Only for diagnostics: the targets are the errors of the last layer.
GIVEN_ERRORS = GIVEN

OPTIMIZERS = {
    "SGD": SGD,
    "Momentum": MOMENTUM,
    "Nesterov": NESTEROV,
    "RMSprop": RMSPROP,
    "Adam": ADAM,
    "AdamW": ADAMW,
    "Rprop": RPROP,
}
