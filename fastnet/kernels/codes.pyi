ACTIVATIONS: dict[str, int]
COSTS: dict[str, int]
OPTIMIZERS: dict[str, int]
