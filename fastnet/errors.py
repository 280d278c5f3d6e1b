"""Errors that are fastnet's own, and the words of those that many rooms raise."""

from __future__ import annotations

__all__ = ["DivergenceError", "missing_extra"]


class DivergenceError(ArithmeticError):
    """Training has produced numbers that are not finite.

    The network holds its last finite parameters: those from before the epoch that failed. The
    optimizer's state is from there too.

    Attributes
    ----------
    epoch : int
        The epoch that failed.
    layer : int
        The first layer (counted from 1) with a parameter that is not finite; or, where all of them
        are and a cost is not, the first that computes what is not finite (else the last).
    cost : str
        Which cost is not finite, where parameters are; else empty.
    """

    def __init__(self, epoch: int, layer: int, cost: str = "") -> None:
        what = (
            f"{cost} with finite parameters, of which those of layer {layer} are the first to "
            "lead to it"
            if cost
            else f"layer {layer} has parameters that are not finite"
        )
        super().__init__(
            f"training diverged in epoch {epoch}: {what}; the network is back where that epoch "
            "began. Try a smaller eta, clip_norm=1.0, or standardized inputs."
        )
        self.epoch = epoch
        self.layer = layer
        self.cost = cost

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[int, int, str]]:
        return type(self), (self.epoch, self.layer, self.cost)


def missing_extra(what: str, extra: str) -> ImportError:
    """Return the error for a package that is not installed: what needs it, and what to type.

    Parameters
    ----------
    what : str
        What needs it.
    extra : str
        Of fastnet-mlp, named as the package.

    Examples
    --------
    >>> missing_extra("to_onnx", "onnx")
    ImportError("to_onnx needs onnx; install it with `pip install 'fastnet-mlp[onnx]'`.")
    """
    return ImportError(
        f"{what} needs {extra}; install it with `pip install 'fastnet-mlp[{extra}]'`."
    )
