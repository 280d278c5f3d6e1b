"""Arrays in: X and y checked and wrapped, batches, sparse rows, the order of examples."""
