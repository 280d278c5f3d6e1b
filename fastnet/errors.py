"""Errors that are fastnet's own, and the words of those that many rooms raise."""

from __future__ import annotations

__all__ = ["DivergenceError", "missing_extra"]


class DivergenceError(ArithmeticError):
    """Training has produced numbers that are not finite.

    The network holds its last finite parameters: those from before the epoch that failed.

    Attributes
    ----------
    epoch : int
        The epoch that failed.
    layer : int
        The first layer (counted from 1) with a parameter that is not finite.
    """

    def __init__(self, epoch: int, layer: int) -> None:
        super().__init__(
            f"training diverged in epoch {epoch}: layer {layer} has parameters that are not "
            "finite; the network is back where that epoch began. Try a smaller eta, "
            "clip_norm=1.0, or standardized inputs."
        )
        self.epoch = epoch
        self.layer = layer

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[int, int]]:
        return type(self), (self.epoch, self.layer)


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
