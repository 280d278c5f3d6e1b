"""`Stack`: networks of the same shape, whose parameters are the rows of one array."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet import kernels
from fastnet.common.arguments import memory_for
from fastnet.common.threads import get_num_threads, run_together
from fastnet.data.rows import InputRows, as_real_array, as_rows, as_stacked
from fastnet.model import starting
from fastnet.model.blocks import CALL_PRODUCTS, call_rows, products, stack_threads
from fastnet.model.model import KEPT_WORKSPACES, AnyModel
from fastnet.model.parameters import allocate
from fastnet.model.prediction import feedforward, outputs_for

if TYPE_CHECKING:
    from fastnet.kernels.engine import PredictionEngine

__all__ = ["Stack"]

Array = NDArray[Any]


class Stack(Generic[AnyModel]):
    """Networks of the same shape, whose parameters are moved into one array.

    Attributes
    ----------
    networks : tuple of Model
        Their parameters become views of `parameters`.
    parameters : ndarray, shape (k, n_parameters)

    Raises
    ------
    MemoryError
        The array does not fit into memory.
    """

    def __init__(self, networks: Sequence[AnyModel]) -> None:
        first = networks[0]._architecture
        together = allocate(first.sizes, first.dtype, times=len(networks))
        self.parameters: Array = together.reshape(len(networks), -1)
        for row, network in zip(self.parameters, networks, strict=True):
            row[:] = network._parameters
            network._lie_in(row)
        self.networks = tuple(networks)
        self._guards = tuple(network._guard for network in networks)
        # Weights are pending only at the start, and asking each network takes as long as some
        # predictions.
        self._was_pending = any(network._is_pending for network in networks)
        self._engines: list[PredictionEngine] = []

    def assign(self, values: ArrayLike) -> None:
        """Copy values, an array of shape (k, n_parameters), into the networks.

        Raises
        ------
        ValueError, TypeError
            The shape is wrong, or the values are not real numbers; nothing has changed.
        RuntimeError
            A network is being trained; nothing has changed.
        """
        array, shape = as_real_array(values, "parameters"), self.parameters.shape
        if array.shape != shape:
            raise ValueError(
                f"parameters has shape {array.shape}; expected {shape}, one row per network."
            )
        rows = np.array(array, dtype=self.parameters.dtype)
        for guard in self._guards:
            guard.check()
        for network, row, new in zip(self.networks, self.parameters, rows, strict=True):
            with network._guard:
                row[:] = new
            network._is_pending = False

    def feedforward(self, X: Any) -> Array:
        """Return the outputs of every network; see `fastnet.Ensemble.feedforward`."""
        first, k = self.networks[0], len(self.networks)
        if self._was_pending:
            for network in self.networks:
                starting.check(network)
        dtype, sizes = first.dtype, first._architecture.sizes
        rows = as_stacked(X, k, sizes[0], "X")
        if isinstance(rows, InputRows):
            return np.stack([outputs_for(network, rows) for network in self.networks])
        n = rows.shape[-2]
        with memory_for("X"):
            out = np.empty((k, n, sizes[-1]), dtype)
        if n > call_rows(sizes):  # enough work for one call per network
            for at, (network, outputs) in enumerate(zip(self.networks, out, strict=True)):
                outputs[:] = feedforward(network, rows if rows.ndim == 2 else rows[at])
        elif n:
            if not kernels.can_read(rows):
                with memory_for("X"), np.errstate(over="ignore"):
                    rows = np.require(rows, dtype, ["ALIGNED"])
            n_threads = stack_threads(sizes, k, n, get_num_threads())
            step = max(1, CALL_PRODUCTS // (n * products(sizes)))
            cuts = pairwise(k * thread // n_threads for thread in range(n_threads + 1))
            tasks = [partial(self._answer, rows, out, step, *cut) for cut in cuts]
            run_together(tasks)
        return out

    def _answer(
        self,
        rows: Array,
        out: Array,
        step: int,
        start: int,
        stop: int,
        errors: Sequence[BaseException],
    ) -> None:
        """Write the outputs of networks start to stop, `step` of them per call."""
        try:
            engine = self._engines.pop()
        except IndexError:
            engine = self.networks[0]._new_predictor()
        try:
            for at in range(start, stop, step):
                if errors:
                    break
                end = min(stop, at + step)
                done = engine.answer_each(rows, self.parameters, self._guards, out, at, end)
                if done < end:
                    self._refuse(rows, done)
        finally:
            if len(self._engines) < KEPT_WORKSPACES:
                self._engines.append(engine)

    def _refuse(self, rows: Array, at: int) -> None:
        """Raise the error that names the number that is not finite in the rows of a network."""
        rows, name = (rows, "X") if rows.ndim == 2 else (rows[at], f"X[{at}]")
        as_rows(rows, rows.shape[1], name).check(self.networks[0].dtype)
        raise ValueError(f"{name} was changed during the prediction; do not change it meanwhile.")
