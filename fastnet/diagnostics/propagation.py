"""Signal propagation: statistics of each layer's activations and errors at initialization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_choice, as_count, as_items, shown
from fastnet.common.generators import Seed, as_rng
from fastnet.common.intervals import intervals
from fastnet.data.dataset import Dataset
from fastnet.data.rows import as_rows
from fastnet.diagnostics.expected import Errors, Spread, Start, expected_measures
from fastnet.diagnostics.passes import MEASURES, Passes, mean_squares
from fastnet.initializers import Initializer, name_of
from fastnet.kernels.rows import Targets
from fastnet.model.architecture import OUTPUTS, read_sizes
from fastnet.model.model import Model
from fastnet.network import Network

__all__ = ["Propagation", "propagation"]

Array = NDArray[Any]

#: Rows of inputs that are drawn if X is not given.
ROWS = 1000
SEEDS = 8
MOST_SEEDS = 2**63 - 1
_RECORD = np.dtype([("seed", np.int64), ("layer", np.int64), *((name, "f8") for name in MEASURES)])


@dataclass(frozen=True, eq=False)
class Propagation:
    """The results of `propagation`: statistics of each layer, and mean field theory of them.

    Means and variances are over a layer's units and all rows. The mean square of z, the q of the
    mean field literature, is ``var_z + mean_z**2``.

    Attributes
    ----------
    sizes : tuple of int
        Units per layer, inputs first.
    activations : tuple of str
        The activation of each layer after the inputs.
    initializer : str
        Name of the initializer of the weights.
    seeds : int
        Number of networks that were drawn; 1 if an existing network was measured.
    records : ndarray of shape (seeds, layers)
        A structured array with these fields, float64 except the first two, int64:

        - ``seed``, ``layer``: the seed, and the layer from 1;
        - ``mean_z``, ``var_z``: mean and variance of the weighted inputs;
        - ``mean_a``, ``var_a``: mean and variance of the activations;
        - ``mean_delta``, ``var_delta``: mean and variance of the backpropagated error, the
          derivative of a row's cost with respect to z;
        - ``gradient_norm``: norm of the gradient of the mean cost with respect to the layer's
          weights and biases;
        - ``saturated``: share of units and rows where the absolute slope of the activation is
          below 4 % of its maximum, as for `Network.layer_statistics`;
        - ``dead``: share of units that are saturated in every row; with ReLU, units that are 0 in
          every row (Lu et al. 2019);
        - ``mean_singular``, ``max_singular``: mean and largest singular value of the Jacobian of
          the layer's activations with respect to those of the layer below, diag(phi'(z)) W,
          averaged over the first 4 rows. A layer with more than 128 units and more than 128 inputs
          is measured at the first row only. NaN if singular values were not measured.

        Values are NaN or infinite where numbers overflowed.

    Examples
    --------
    >>> from fastnet.diagnostics import propagation
    >>> found = propagation([9, 5, 2], initializer="default", activation="tanh", seeds=3, rng=0)
    >>> found.records.shape, found.layers.tolist(), found.mean("var_z").shape
    ((3, 2), [1, 2], (2,))
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    initializer: str
    seeds: int
    records: Array
    _expected: dict[str, Array] | None = field(default=None, repr=False)

    def _repr_html_(self) -> str:
        from fastnet.common.html import records_table

        fields = [name for name in self.records.dtype.names or () if name not in ("seed", "layer")]
        columns = {"layer": self.layers, **{name: self.mean(name) for name in fields}}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        activations = ", ".join(dict.fromkeys(self.activations))
        notes = [activations, f"weights from {self.initializer}"]
        notes += [f"means over {self.seeds} seeds"] * (self.seeds > 1)
        return records_table(f"Propagation: {'-'.join(map(str, self.sizes))}", rows, notes)

    @property
    def layers(self) -> Array:
        """The numbers of the layers, from 1; shape (layers,)."""
        return np.arange(1, len(self.sizes))

    def mean(self, name: str) -> Array:
        """Return the mean over the seeds of a field of `records`, shape (layers,)."""
        return intervals(self._samples(name))[0]

    def margin(self, name: str) -> Array:
        """Return half the width of the 95 % confidence interval of `mean`, shape (layers,).

        From Student's t, for each layer separately; NaN with a single seed.
        """
        return intervals(self._samples(name))[1]

    def theory(self, name: str) -> Array:
        """Return a field of `records` as mean field theory predicts it for infinite width.

        Parameters
        ----------
        name : str
            A field of `records`, from "mean_z" on.

        Returns
        -------
        ndarray of shape (layers,)
            NaN where the theory does not apply:

            - above and below a layer whose weights or biases have a mean other than 0, or come from
              `identity`;
            - "dead", and everything that depends on the activations or slopes of softmax;
            - "gradient_norm" if y was given: errors of different rows are then correlated;
            - "mean_singular" and "max_singular", unless the weights are independent draws from an
              initializer (not from a function) and the activation is identity or relu, or inputs
              and biases are 0. With orthogonal weights they are known for identity, and for inputs
              and biases of 0. For a square layer of identity units and weights of variance 1 / n
              they are 8 / (3 pi) and 2.

        Notes
        -----
        The theory uses only the variances of weights and biases: those of the initializer or, for
        a user's function and for an existing network, those measured in each layer. Each row of
        inputs starts with its own mean square (rows of similar length are grouped), and the errors
        with the variance measured in the last layer.

        In a layer of n units the mean over units is 0 only as n goes to infinity. A measured
        variance is therefore smaller by a share of up to 1 / n, which is larger the more similar
        the rows are.

        References
        ----------
        Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232; V. Marchenko
        and L. Pastur, 1967; X. Glorot and Y. Bengio, AISTATS 2010 (singular values).
        """
        samples = self._samples(name)
        if self._expected is None:
            return np.full(samples.shape[1], np.nan)
        return self._expected[name].copy()

    def to_frame(self) -> Any:
        """Return the records as a table, one row per seed and layer.

        Returns
        -------
        pandas.DataFrame, or dict of ndarray if pandas is not installed
            The columns are the fields of `records` and, for each field from "mean_z" on except
            "dead", its `theory`, the same for every seed: "theory_mean_z" and so on.
        """
        flat = self.records.ravel()
        columns = {name: flat[name].copy() for name in _RECORD.names or ()}
        for name in MEASURES:
            if name != "dead":
                columns[f"theory_{name}"] = np.tile(self.theory(name), len(self.records))
        try:
            import pandas as pd
        except ImportError:
            return columns
        return pd.DataFrame(columns)

    def _samples(self, name: str) -> Array:
        samples: Array = self.records[as_choice(name, "name", MEASURES)]
        return samples


def propagation(
    sizes: Sequence[int] | Model,
    X: ArrayLike | None = None,
    y: Any = None,
    *,
    initializer: Initializer | None = None,
    bias_initializer: Initializer | None = None,
    activation: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] = SEEDS,
    rng: Seed = None,
    singular_values: bool = True,
) -> Propagation:
    """Measure how activations and errors propagate through a network at initialization.

    Parameters
    ----------
    sizes : sequence of int, or Network
        Units per layer, inputs first, of the networks to draw. Or a network, which is measured as
        it is and not changed; then leave out `initializer`, `bias_initializer`, `activation` and
        `seeds`.
    X : array_like, shape (n, n_0), optional
        Inputs, as for `Network.train`; by default 1000 rows of standard normal numbers.
    y : array_like, optional
        Class numbers or targets. The error of the last layer is then the derivative of the cost:
        the network's own cost or, for drawn networks, the one that fits the last activation
        (log-likelihood with softmax, cross-entropy with sigmoid, Poisson with exponential, else
        quadratic). Without y that error is N(0, 1), independent for each output and row, whatever
        the last activation; the variances below are then relative to 1.
    initializer : str, float or callable, keyword only
        Initializer of the weights, as for `Network`; "lsuv" scales them on X.
    bias_initializer : str, float or callable, keyword only, optional
        As for `Network`: by default N(0, 1) with the book's initializers, else 0.
    activation : str or sequence of str, keyword only
        One activation for all layers, the last one included, or a list with one for each.
    seeds : int or sequence of int, keyword only, default 8
        Number of networks to draw, with the seeds 0, 1, ...; or the seeds themselves, distinct
        integers of 0 or more. A seed's network depends only on the seed and `rng`.
    rng : None, int, SeedSequence, BitGenerator, Generator or RandomState, keyword only
        Randomness for inputs, errors and networks. A generator is drawn from once.
    singular_values : bool, keyword only, default True
        Whether to measure "mean_singular" and "max_singular", which take most of the time;
        otherwise they are NaN.

    Returns
    -------
    Propagation

    Raises
    ------
    ValueError, TypeError
        As for `Network` and `Network.layer_statistics`; or `seeds` is empty, or a seed is negative
        or repeated.

    Notes
    -----
    Inputs, and errors that are drawn, are the same for all seeds. Drawn networks are float64.
    Activations of at most 256 rows are in memory at a time.

    References
    ----------
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010; K. He et al., arXiv:1502.01852.

    Examples
    --------
    With ReLU layers He's initializer keeps the variance, and Glorot's halves it in each layer,
    forward and backward.

    >>> from fastnet.diagnostics import propagation
    >>> he = propagation([100] * 5, initializer="he_normal", activation="relu", rng=0)
    >>> (he.theory("var_z") / he.theory("var_z")[0]).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> bool((abs(he.mean("var_z") - he.theory("var_z")) < 2 * he.margin("var_z")).all())
    True
    >>> glorot = propagation([100] * 5, initializer="glorot_normal", activation="relu", rng=0)
    >>> (glorot.theory("var_delta") / glorot.theory("var_delta")[-1]).round(6).tolist()
    [0.125, 0.25, 0.5, 1.0]
    """
    if not isinstance(singular_values, (bool, np.bool_)):
        raise TypeError(f"singular_values is {shown(singular_values)}; expected True or False.")
    entropy = int.from_bytes(as_rng(rng).bytes(16), "little")
    drawn = {
        "initializer": initializer,
        "bias_initializer": bias_initializer,
        "activation": activation,
    }
    if isinstance(sizes, Model):
        given = [name for name, value in drawn.items() if value is not None]
        given += ["seeds"] if seeds != SEEDS else []
        if given:
            raise TypeError(
                f"{given[0]} was given with a network, which has its own weights; leave it out, or "
                "give sizes instead of the network."
            )
        return _of_network(sizes, X, y, entropy, bool(singular_values))
    for name in ("initializer", "activation"):
        if drawn[name] is None:
            raise TypeError(f"{name} is missing; give one, unless sizes is a network.")
    numbers, net = _read_seeds(seeds), _network_to_draw(sizes, drawn)
    return _of_draws(net, X, y, numbers, entropy, bool(singular_values))


def _of_network(net: Model, X: Any, y: Any, entropy: int, singular_values: bool) -> Propagation:
    """Measure an existing network; another thread may be training it."""
    data, squares = _read_rows(net, X, y, entropy)
    parameters = net._copied_parameters()
    passes = Passes(net._architecture, data, y is None, singular_values)
    measured = passes.measure(parameters)
    spread = Spread(net.sizes)
    spread.add(parameters)
    return _result(net, [0], [measured], squares, spread.start(), y is None)


def _of_draws(
    net: Network, X: Any, y: Any, numbers: Sequence[int], entropy: int, singular_values: bool
) -> Propagation:
    """Draw the network for each seed, and measure it."""
    data, squares = _read_rows(net, X, y, entropy)
    rows: Any = data.X
    passes = Passes(net._architecture, data, y is None, singular_values)
    spread, measured = Spread(net.sizes), []
    for number in numbers:
        net.rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
        net.initialize(rows)
        measured.append(passes.measure(net.parameters))
        spread.add(net.parameters)
    start = spread.start(net._initializer, net._bias_initializer)
    return _result(net, numbers, measured, squares, start, y is None)


def _network_to_draw(sizes: Any, drawn: dict[str, Any]) -> Network:
    """Return a network of these sizes whose cost fits its last activation."""
    sizes = read_sizes(sizes)
    depth, activation = len(sizes) - 1, drawn["activation"]
    single = isinstance(activation, str)
    names = [activation] * depth if single else as_items(activation, "activation")
    if names is None:
        raise TypeError(
            f"activation is {shown(activation)}; give a name, or a list with one for each layer."
        )
    if len(names) != depth:
        raise ValueError(
            f"activation names {len(names)} layers; give one name, or {depth}: the last layer has "
            "one too."
        )
    for name in names[:-1]:
        if isinstance(name, str) and name in ACTIVATIONS and ACTIVATIONS[name].output_only:
            raise ValueError(
                f"activation is {name!r} in a hidden layer; only the last layer can have it: give "
                "a list with one for each layer."
            )
    costs = {output: cost for cost, output in OUTPUTS.items()}
    last = names[-1] if isinstance(names[-1], str) else ""
    return Network(sizes, costs.get(last, "quadratic"), rng=0, **drawn | {"activation": names})


def _read_seeds(seeds: Any) -> Sequence[int]:
    items = as_items(seeds, "seeds")
    if items is None:
        return range(as_count(seeds, "seeds", at_least=1, at_most=MOST_SEEDS))
    read = [
        as_count(seed, f"seeds[{k}]", at_least=0, at_most=MOST_SEEDS)
        for k, seed in enumerate(items)
    ]
    if not read or len(set(read)) < len(read):
        raise ValueError(f"seeds is {shown(read)}; give one or more distinct integers.")
    return read


def _read_rows(net: Model, X: Any, y: Any, entropy: int) -> tuple[Dataset, Array]:
    """Return rows with targets, or without y with errors, and the mean square of each row."""
    rng, sizes = np.random.default_rng(entropy), net.sizes
    if X is None and y is not None:
        raise ValueError("y was given without X; give X too, the rows that y belongs to.")
    if X is None:
        X = rng.standard_normal((ROWS, sizes[0])).astype(net.dtype, copy=False)
    rows = as_rows(X, sizes[0], "X", data="X")
    if y is not None:
        data = net._read((rows, y), "propagation")
    else:
        rows.check(net.dtype)
        errors = rng.standard_normal((rows.n, sizes[-1])).astype(net.dtype, copy=False)
        data = Dataset(rows, None, errors, Targets(None, errors), net.dtype)
    return data, mean_squares(rows)


def _result(
    net: Model,
    numbers: Sequence[int],
    measured: Sequence[dict[str, Array]],
    squares: Array,
    start: Start,
    independent: bool,
) -> Propagation:
    records = np.empty((len(numbers), net.num_layers - 1), _RECORD)
    for record, number, found in zip(records, numbers, measured, strict=True):
        record["seed"], record["layer"] = number, np.arange(1, net.num_layers)
        for name, values in found.items():
            record[name] = values
    last = records[:, -1]
    with np.errstate(over="ignore", invalid="ignore"):
        errors = Errors(last["mean_delta"].mean(), last["var_delta"].mean(), independent)
    expected = expected_measures(net.sizes, net.activations, squares, start, errors)
    return Propagation(
        tuple(net.sizes),
        tuple(net.activations),
        name_of(net._initializer),
        len(numbers),
        records,
        expected,
    )
