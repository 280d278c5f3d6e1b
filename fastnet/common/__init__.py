"""Helpers for all other packages: arguments, errors, progress, threads, generators, console."""
