"""Training with SciPy's L-BFGS: x is the parameter vector; the engine gives cost and gradient."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnet.model.blocks import gradient_rows, parts
from fastnet.model.guard import BY_LBFGS
from fastnet.model.norms import LEAST_SQUARES, MOST_SQUARES, price
from fastnet.optimizers import LBFGS
from fastnet.training.loop import Training

__all__ = ["LBFGSTraining"]

Array = NDArray[Any]


class LBFGSTraining(Training):
    """A training whose epochs are iterations of SciPy's minimizer, on all data."""

    def check_plan(self) -> None:
        """Refuse arguments that L-BFGS cannot use.

        Raises
        ------
        ImportError
            SciPy is missing.
        ValueError
            The plan has mini-batches, or regularization other than L2.
        """
        # Coefficients need no check against the dtype, because SciPy computes in float64.
        try:
            import scipy.optimize  # noqa: F401 - fails now, not after training has begun
        except ImportError:
            raise ImportError(
                "LBFGS needs SciPy; install it with `pip install 'fastnet-mlp[scipy]'`."
            ) from None
        plan = self.plan
        if plan.mini_batch_size < self.data.n:
            raise ValueError(
                f"mini_batch_size is {plan.mini_batch_size}; LBFGS needs all {self.data.n} "
                "examples at once. Give None."
            )
        for name in ("l1", "max_norm", "clip_norm", "dropout"):
            if getattr(plan, name):
                raise ValueError(
                    f"{name} is {getattr(plan, name)}; LBFGS supports only l2. Leave {name} out, "
                    "or use another optimizer."
                )

    def check_resumable(self) -> None:
        """Refuse every checkpoint."""
        raise ValueError(
            "optimizer is LBFGS, whose state is inside SciPy and cannot be saved in a checkpoint; "
            "leave Checkpoint and resume out, or use another optimizer."
        )

    def set_rule(self) -> None:
        """Do nothing: SciPy takes the steps."""

    def run_epochs(self) -> None:
        """Minimize the regularized mean cost over all data; an iteration is an epoch.

        If SciPy ends before the last epoch, its message is in the last epoch's record as "message";
        if it has not converged, there is a RuntimeWarning too.

        Raises
        ------
        DivergenceError
            The cost became NaN or infinite; the network has the last iteration's parameters.
        """
        with self.interrupts.opened():
            if self.plan.epochs and not self.stopped:
                self._minimize()

    def _minimize(self) -> None:
        from scipy.optimize import minimize

        optimizer, epochs = self.plan.optimizer, self.plan.epochs
        assert isinstance(optimizer, LBFGS)
        parameters = self.network.parameters
        self._x, self._gradient = np.empty_like(parameters), np.empty_like(parameters)
        self._order = np.arange(self.data.n, dtype=np.intp)
        self._is_weight = self.network._is_weight()
        self.note_start()
        self.network._guard.fixed = BY_LBFGS
        most = optimizer.max_evaluations
        found = minimize(
            self._cost_and_gradient,
            parameters.astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=self._finish_iteration,
            options={
                "maxiter": epochs,
                "maxcor": optimizer.memory,
                "gtol": optimizer.tolerance,
                "ftol": optimizer.reduction,
                "maxfun": 1000 * epochs if most is None else most,
            },
        )
        if self.stopped or found.nit >= epochs:
            return
        message = str(found.message).rstrip(": ")
        if self.history:
            self.history[-1]["message"] = message
        if not found.success:
            warnings.warn(
                f"L-BFGS ended after {found.nit} of {epochs} epochs and has not converged: SciPy "
                f"says {message!r}. If {self.network.dtype} is not precise enough for a lower "
                "cost, give a larger tolerance.",
                RuntimeWarning,
                stacklevel=8,  # the caller of Network.train
            )

    def _cost_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return the mean cost with L2 regularization, and its gradient, at the parameters x."""
        data, engine, gradient = self.data, self.engine, self._gradient
        self._x[:] = x
        engine.load(self._x)
        engine.begin_epoch(0, True)
        for start, stop in parts(data.n, data.piece_limit, gradient_rows(self.network.sizes)):
            engine.gradient(*data.piece(self._order, start, stop), gradient, start > 0)
        found = engine.measured[0]
        if not np.isfinite(found):
            raise self.diverged_in_engine(f"the cost is {found}")
        l2 = self.plan.l2 / data.n
        decayed = np.where(self._is_weight, x, 0.0)
        with np.errstate(over="ignore", under="ignore"):
            squares = float(decayed @ decayed)
        far = not LEAST_SQUARES < squares < MOST_SQUARES
        decay = price([decayed], l2) if far else 0.5 * l2 * squares
        return found / data.n + decay, gradient.astype(np.float64) / data.n + l2 * decayed

    def _finish_iteration(self, x: Array) -> None:
        self.note_start()
        self.stepped = True
        with self.storing() as parameters:
            parameters[:] = x
            shown = parameters.copy()
        self.report(self.batches)
        self.finish_epoch(self.plan.optimizer.eta, self.engine.measured, self.data.n)
        if not np.array_equal(shown, self.network.parameters, equal_nan=True):
            raise RuntimeError(BY_LBFGS)  # the guard does not see what NumPy writes
        if self.stopped or len(self.history) >= self.plan.epochs:
            raise StopIteration
