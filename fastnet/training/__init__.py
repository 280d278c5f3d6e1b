"""Training a network, from checked arguments to the last epoch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnet.data.dataset import Dataset
    from fastnet.history import History
    from fastnet.model.model import Model
    from fastnet.training.loop import Training
    from fastnet.training.plan import Plan

__all__ = ["train", "training_for"]


def train(network: "Model", data: "Dataset", plan: "Plan") -> "History":
    """Train a network as the plan describes; return its History."""
    return training_for(network, data, plan).run()


def training_for(network: "Model", data: "Dataset", plan: "Plan") -> "Training":
    """Return the training that a plan describes, after checking what it needs."""
    from fastnet.optimizers import LBFGS
    from fastnet.training.lbfgs import LBFGSTraining
    from fastnet.training.loop import Training

    kind = LBFGSTraining if isinstance(plan.optimizer, LBFGS) else Training
    return kind(network, data, plan)
