"""A network except its training: architecture, parameters, prediction, gradients."""
