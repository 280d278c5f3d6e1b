"""Many networks: seeds, grids, folds; in threads here, or on the engines that a cluster has.

`sweep` trains them and returns one result; `stream` yields each as it comes. What a worker is given
lies in `parcels` (the data, once a worker) and `tasks` (what differs from network to network),
`engines` knows how each kind of executor is given them, and `stores` keeps what is done.
"""

from fastnet.sweeps.driver import stream, sweep
from fastnet.sweeps.results import Outcome, SweepResult
from fastnet.sweeps.trials import grid, report

__all__ = ["Outcome", "SweepResult", "grid", "report", "stream", "sweep"]
