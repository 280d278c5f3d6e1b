ACTIVATIONS: dict[str, int]
COSTS: dict[str, int]
GIVEN_ERRORS: int
OPTIMIZERS: dict[str, int]
