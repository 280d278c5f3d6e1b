"""A training, from its checked arguments to its last epoch."""
