"""Training data: X and y checked and wrapped, data in blocks, sparse rows, the order of examples.

An example is a row of X and its target. `as_rows` turns whatever a user gives for X into
`InputRows`. In names, `chosen` are the numbers of requested rows, a block is the rows in memory (or
converted) at a time, and a piece is the examples of one kernel call.
"""
