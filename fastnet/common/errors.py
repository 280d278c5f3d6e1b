"""`DivergenceError`, and the ImportError for a missing optional package."""

from __future__ import annotations

__all__ = ["DivergenceError", "missing_extra"]


class DivergenceError(ArithmeticError):
    """Training has produced numbers that are NaN or infinite.

    The network has the parameters and the optimizer's state from before the epoch that failed,
    unless a callback assigned other parameters when training ended, as `EarlyStopping` does. The
    message says which.

    Attributes
    ----------
    epoch : int
        The epoch that failed.
    layer : int
        The first layer (counted from 1) with a parameter that is not finite; or, if only a cost is
        not finite, the first layer whose output is not finite (or else the last layer).
    cost : str
        The cost that is not finite, if all parameters are finite; otherwise empty.
    network : str
        The state of the network, as in the message: "is back where that epoch began".

    Examples
    --------
    >>> import fastnet
    >>> net = fastnet.Network([1, 1], "quadratic", output="identity", rng=0)
    >>> try:
    ...     net.train(([[1e3]], [[1.0]]), epochs=200, optimizer=fastnet.SGD(eta=10.0))
    ... except fastnet.DivergenceError as error:
    ...     print(error.layer, error.network)
    1 is back where that epoch began
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
        """Set what the message says about the state of the network."""
        self.network = network
        what = (
            f"{self.cost} with finite parameters, first seen in the output of layer {self.layer}"
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
    """Return the error for a package that is not installed, with the command to install it.

    Parameters
    ----------
    what : str
        The function or feature that needs the package.
    extra : str
        The extra of fastnet-mlp, which has the package's name.

    Examples
    --------
    >>> missing_extra("to_onnx", "onnx")
    ImportError("to_onnx needs onnx; install it with `pip install 'fastnet-mlp[onnx]'`.")
    """
    return ImportError(
        f"{what} needs {extra}; install it with `pip install 'fastnet-mlp[{extra}]'`."
    )
