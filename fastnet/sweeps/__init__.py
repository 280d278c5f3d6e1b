"""Sweeps: many networks over seeds, grids or folds, in threads or on the workers of any executor.

`sweep` trains them and returns one result; `stream` yields each outcome as it arrives. A worker
gets the `payload` (build function and data) once, and then `trials`. `executors` has an adapter for
each kind of executor, and `stores` reads and writes outcomes.
"""

from fastnet.sweeps.driver import stream, sweep
from fastnet.sweeps.results import Outcome, SweepResult
from fastnet.sweeps.trials import grid, report

__all__ = ["Outcome", "SweepResult", "grid", "report", "stream", "sweep"]
