"""Arrays in: X and y checked and wrapped, batches, sparse rows, the order of examples.

An example is a row of X and its target. `as_rows` is where X comes in, as whatever a user has;
from there on it is an `InputRows`, and row numbers that are asked for are `chosen`. A block is what
is in memory, or converted, at a time; a piece is what a kernel walks in a call.
"""
