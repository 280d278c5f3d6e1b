"""A training, from its checked arguments to its last epoch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset
    from fastnet.history import History
    from fastnet.model.model import Model
    from fastnet.training.plan import Plan

__all__ = ["train"]


def train(network: "Model", data: "Dataset", plan: "Plan") -> "History":
    """Train a network as the plan says; return what was recorded."""
    from fastnet.optimizers import LBFGS
    from fastnet.training.lbfgs import LBFGSTraining
    from fastnet.training.loop import Training

    kind = LBFGSTraining if isinstance(plan.optimizer, LBFGS) else Training
    return kind(network, data, plan).run()
