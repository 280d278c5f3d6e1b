"""A network without its training: architecture, parameters, prediction, gradients."""
