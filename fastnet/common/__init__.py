"""What every other room may use: arguments, errors, progress, threads, generators, console."""
