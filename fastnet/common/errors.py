"""DivergenceError, and the error for a missing optional package."""

from __future__ import annotations

__all__ = ["DivergenceError", "missing_extra"]


class DivergenceError(ArithmeticError):
    """Training has produced numbers that are NaN or infinite.

    The network holds its last finite parameters, those from before the epoch that failed, with the
    optimizer's state of that time; unless a callback has assigned others when training ended, as
    `EarlyStopping` does. The message says which.

    Attributes
    ----------
    epoch : int
        The epoch that failed.
    layer : int
        The first layer (counted from 1) with a parameter that is not finite; or, if only a cost is
        not, the first layer whose output is not finite (else the last).
    cost : str
        The cost that is not finite, if all parameters are; else empty.
    network : str
        The state of the network, as in the message: "is back where that epoch began".
    """

    def __init__(
        self,
        epoch: int,
        layer: int,
        cost: str = "",
        network: str = "is back where that epoch began",
    ) -> None:
        self.epoch = epoch
        self.layer = layer
        self.cost = cost
        super().__init__()
        self.tell(network)

    def tell(self, network: str) -> None:
        """Change what the message says about the network."""
        self.network = network
        what = (
            f"{self.cost} with finite parameters, of which those of layer {self.layer} are the "
            "first to lead to it"
            if self.cost
            else f"layer {self.layer} has parameters that are not finite"
        )
        message = (
            f"training diverged in epoch {self.epoch}: {what}; the network {network}. "
            "Try a smaller eta, clip_norm=1.0, or standardized inputs."
        )
        self.args = (message,)

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[int, int, str, str]]:
        return type(self), (self.epoch, self.layer, self.cost, self.network)


def missing_extra(what: str, extra: str) -> ImportError:
    """Return the error for a package that is not installed, with the command that installs it.

    Parameters
    ----------
    what : str
        What needs it.
    extra : str
        The extra of fastnet-mlp, named as the package.

    Examples
    --------
    >>> missing_extra("to_onnx", "onnx")
    ImportError("to_onnx needs onnx; install it with `pip install 'fastnet-mlp[onnx]'`.")
    """
    return ImportError(
        f"{what} needs {extra}; install it with `pip install 'fastnet-mlp[{extra}]'`."
    )
