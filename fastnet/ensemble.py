"""`Ensemble`: many networks of the same shape, whose parameters are rows of one array."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnet.common.arguments import as_count, as_items, shown
from fastnet.common.generators import Seed, as_rng
from fastnet.costs import AnyCost, CrossEntropyCost, described
from fastnet.initializers import Initializer
from fastnet.model.stack import Stack
from fastnet.network import Network

if TYPE_CHECKING:  # imported at run time only by `train`
    from fastnet.common.progress import Progress
    from fastnet.history import History

__all__ = ["Ensemble"]

Array = NDArray[Any]
#: Networks are made one by one; more would take minutes.
MOST_NETWORKS = 10**6


class Ensemble:
    """Many networks of the same shape, whose parameters are rows of one array.

    ``ensemble[i]`` is an ordinary `Network` whose parameters are row i of the array: a change of
    either changes both. `len`, loops, pickles and copies work as for a list of networks.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, as for `Network`.
    k : int
        Number of networks, 1 to 1,000,000.
    cost : class, instance or str, default CrossEntropyCost
    rng : None, int, SeedSequence, BitGenerator or Generator, keyword only
        Network i draws starting weights, shuffles and dropout from the i-th generator that is
        spawned from it: with a seed, the i-th network is ``Network(sizes,
        rng=numpy.random.SeedSequence(seed).spawn(k)[i])``, to the last bit.
    dtype, activation, output, initializer, bias_initializer
        As for `Network`, keyword only.

    Attributes
    ----------
    parameters : ndarray, shape (k, n_parameters)
        One row per network. Writing into it, or assigning to it, changes the networks.
    sizes : list of int
    activations : list of str
    cost : class, or an instance of a cost with parameters
    dtype : numpy.dtype

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong value or type.
    MemoryError
        The parameters do not fit into memory.

    See Also
    --------
    fastnet.sweep : trains networks that differ in their shape or in how they are trained.

    Notes
    -----
    An ensemble's mean predicts better than its members, and their spread says how sure it is: L. K.
    Hansen and P. Salamon, "Neural network ensembles", IEEE TPAMI 12, 1990; B. Lakshminarayanan, A.
    Pritzel and C. Blundell, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np, fastnet
    >>> ensemble = fastnet.Ensemble([4, 32, 2], 100, rng=0)
    >>> ensemble.feedforward(np.zeros((10, 4))).shape
    (100, 10, 2)
    >>> ensemble.parameters.shape
    (100, 226)
    >>> ensemble.parameters[3] = 0.0
    >>> bool(ensemble[3].weights[0].any())
    False
    """

    def __init__(
        self,
        sizes: Sequence[int],
        k: int,
        cost: AnyCost | str = CrossEntropyCost,
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float64,
        activation: str | Sequence[str] = "sigmoid",
        output: str | None = None,
        initializer: Initializer = "default",
        bias_initializer: Initializer | None = None,
    ) -> None:
        k = as_count(k, "k", at_least=1, at_most=MOST_NETWORKS)
        self._stack = Stack(
            [
                Network(
                    sizes,
                    cost,
                    dtype=dtype,
                    rng=child,
                    activation=activation,
                    output=output,
                    initializer=initializer,
                    bias_initializer=bias_initializer,
                )
                for child in _spawned(rng, k)
            ]
        )

    @classmethod
    def from_networks(cls, networks: Iterable[Network]) -> Self:
        """Return an ensemble of copies of networks that have the same shape.

        Parameters
        ----------
        networks : iterable of Network
            One or more, with the same sizes, activations and dtype. They do not change: the
            ensemble has copies of their parameters, generators, histories, preprocessing and
            optimizer states.

        Returns
        -------
        Ensemble

        Raises
        ------
        TypeError
            `networks` is not an iterable of networks.
        ValueError
            It is empty, or the networks have different shapes.

        Examples
        --------
        >>> import fastnet
        >>> networks = [fastnet.Network([3, 2], rng=seed) for seed in (5, 6)]
        >>> ensemble = fastnet.Ensemble.from_networks(networks)
        >>> bool((ensemble.parameters[1] == networks[1].parameters).all())
        True
        """
        return cls._joined([copy.deepcopy(network) for network in _checked(networks)])

    @classmethod
    def _joined(cls, networks: Sequence[Network]) -> Self:
        """Return an ensemble of the networks themselves, which nothing else may refer to."""
        ensemble = cls.__new__(cls)
        ensemble._stack = Stack(networks)
        return ensemble

    # ---- the networks

    def __len__(self) -> int:
        return len(self._stack.networks)

    def __iter__(self) -> Iterator[Network]:
        return iter(self._stack.networks)

    @overload
    def __getitem__(self, index: int) -> Network: ...
    @overload
    def __getitem__(self, index: slice) -> list[Network]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(self._stack.networks[index])
        try:
            return self._stack.networks[operator.index(index)]
        except TypeError:
            raise TypeError(
                f"an ensemble's index is {shown(index)}; give a whole number or a slice."
            ) from None
        except IndexError:
            raise IndexError(
                f"an ensemble's index is {shown(index)}; it has {len(self)} networks, 0 to "
                f"{len(self) - 1}."
            ) from None

    @property
    def parameters(self) -> Array:
        """All parameters, shape (k, n_parameters); writing into it changes the networks."""
        return self._stack.parameters

    @parameters.setter
    def parameters(self, values: ArrayLike) -> None:
        self._stack.assign(values)

    @property
    def sizes(self) -> list[int]:
        """Units per layer, inputs first; a copy."""
        return self[0].sizes

    @property
    def activations(self) -> list[str]:
        """Activation of each layer but the inputs; a copy."""
        return self[0].activations

    @property
    def cost(self) -> AnyCost:
        """Cost of the first network, and of all unless you have assigned another to one of them."""
        return self[0].cost

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32."""
        return self[0].dtype

    def __repr__(self) -> str:
        head = f"{type(self).__name__}({self.sizes}, {len(self)}, cost={described(self.cost)}, "
        return "\n".join([f"{head}dtype={self.dtype})", *self[0]._architecture.describe()])

    # ---- prediction

    def feedforward(self, X: ArrayLike) -> Array:
        """Return the outputs of every network, for the same rows or for different ones.

        Parameters
        ----------
        X : array_like, shape (n, n_0) or (k, n, n_0)
            The same rows for all networks, or n rows for each. A SciPy sparse matrix is the same
            rows for all.

        Returns
        -------
        ndarray of the networks' dtype, shape (k, n, n_L)
            ``[i]`` is ``ensemble[i].feedforward(X)`` or ``ensemble[i].feedforward(X[i])``, to the
            last bit. One kernel call predicts with all networks, on as many threads as
            `fastnet.set_num_threads` allows.

        Raises
        ------
        ValueError, TypeError
            The shape is wrong, or an element is NaN, infinite or not a real number.

        Examples
        --------
        >>> import numpy as np, fastnet
        >>> ensemble = fastnet.Ensemble([3, 2], 5, rng=0)
        >>> outputs = ensemble.feedforward(np.zeros((5, 7, 3)))
        >>> mean, spread = outputs.mean(axis=0), outputs.std(axis=0)
        >>> outputs.shape, mean.shape
        ((5, 7, 2), (7, 2))
        """
        return self._stack.feedforward(X)

    # ---- training

    def train(
        self,
        data: Any,
        epochs: int,
        mini_batch_size: int | None = 32,
        *,
        optimizer: Any = None,
        schedule: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: Any = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        evaluation_data: Any = None,
        metrics: Any = None,
        callbacks: Any = (),
        shuffle: bool = True,
        progress: Progress = None,
        resume: Any = None,
        bootstrap: bool = False,
        threads: int | None = None,
    ) -> list[History]:
        """Train all networks on the same data, several at a time, each in its own order.

        Network i ends with the same bits as after ``ensemble[i].train(...)``, for any number of
        threads, because each network draws from its own generator.

        Parameters
        ----------
        data, epochs, mini_batch_size, optimizer, schedule, l1, l2, dropout, max_norm, clip_norm
        sample_weight, class_weight, evaluation_data, metrics
            As for `Network.train`; the data are arrays, not `Batches`. Functions given as metrics
            are called from several threads.
        callbacks : Callback or list of Callback
            Each network gets its own copies (`copy.deepcopy`). `Checkpoint` is rejected.
        shuffle : bool, default True
            A function is rejected.
        progress : None, bool or callable
            As for `Network.train`, in mini-batches of all networks.
        resume : None or False
            Anything else is rejected: a checkpoint is of one network.
        bootstrap : bool, keyword only, default False
            Whether each network trains on its own sample of the rows, with replacement: rows
            ``rng.integers(n, size=n)`` of its generator, drawn before anything else, with their
            weights. (Breiman, "Bagging predictors", *Machine Learning* 24, 1996.)
        threads : int, keyword only, optional
            Number of networks to train at a time; by default one for each core that this process
            may use, or 1 if epochs are so short that threads would wait for each other.

        Returns
        -------
        list of History
            For each network, the records of this call.

        Raises
        ------
        ValueError, TypeError
            An argument is wrong; no network has changed.
        RuntimeError
            A network is being trained already; no network has changed.
        DivergenceError
            One network's training failed, with this or any other error: that network is where its
            own `train` leaves it, the others are trained to the end, and a note on the error names
            the network.
        ImportError
            `LBFGS` needs SciPy.

        Notes
        -----
        After Ctrl-C each network is at the end of a mini-batch; those that had not begun are
        unchanged. Between kernel calls, as at the end of an epoch, Python works on one network at a
        time.

        Examples
        --------
        A single network, made and trained like the third of an ensemble, has the same parameters:

        >>> import numpy as np, fastnet
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> ensemble = fastnet.Ensemble([2, 8, 2], 3, rng=7)
        >>> histories = ensemble.train((X, y), epochs=100, optimizer="adam", bootstrap=True)
        >>> seed = np.random.SeedSequence(7).spawn(3)[2]
        >>> single = fastnet.Network([2, 8, 2], rng=seed)
        >>> rows = single.rng.integers(4, size=4)
        >>> _ = single.train((X[rows], y[rows]), epochs=100, optimizer="adam")
        >>> bool((single.parameters == ensemble[2].parameters).all()), len(histories[2])
        (True, 100)
        """
        from fastnet.training.members import train_members

        return train_members(
            self._stack.networks,
            data,
            epochs,
            mini_batch_size,
            optimizer=optimizer,
            schedule=schedule,
            l1=l1,
            l2=l2,
            dropout=dropout,
            max_norm=max_norm,
            clip_norm=clip_norm,
            sample_weight=sample_weight,
            class_weight=class_weight,
            evaluation_data=evaluation_data,
            metrics=metrics,
            callbacks=callbacks,
            shuffle=shuffle,
            progress=progress,
            resume=resume,
            bootstrap=bootstrap,
            threads=threads,
        )

    # ---- files and copies

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write all networks to one file.

        Parameters
        ----------
        filename : path
            It must end in ``.npz``. The file contains for each network what `Network.save` writes.
            It is written under another name and then renamed, so that an old file stays intact
            until the new one is complete.

        Raises
        ------
        OSError
            The file cannot be written.
        ValueError
            The name does not end in ``.npz``, or a parameter is not finite; an existing file is
            unchanged.

        Examples
        --------
        >>> import tempfile, pathlib, fastnet
        >>> ensemble = fastnet.Ensemble([3, 2], 5, rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ensemble.save(pathlib.Path(folder) / "five.npz")
        ...     again = fastnet.Ensemble.load(pathlib.Path(folder) / "five.npz")
        >>> bool((again.parameters == ensemble.parameters).all())
        True
        """
        from fastnet.files import ensembles

        ensembles.save(list(self), filename)

    @classmethod
    def load(cls, filename: str | os.PathLike[str]) -> Self:
        """Return the ensemble that `save` wrote.

        Parameters
        ----------
        filename : path
            A file that `save` wrote. Nothing in it is executed.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It does not contain an ensemble, or is damaged or of a later version, or names an
            activation, cost or initializer that fastnet does not have.

        Examples
        --------
        >>> import tempfile, pathlib, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fastnet.Ensemble([3, 2], 5, rng=0).save(pathlib.Path(folder) / "five.npz")
        ...     len(fastnet.Ensemble.load(pathlib.Path(folder) / "five.npz"))
        5
        """
        from fastnet.files import ensembles

        return cls._joined(ensembles.load(Network, filename))

    def __reduce__(self) -> Any:
        return _joined, (type(self), list(self))

    def __copy__(self) -> Self:
        return self.from_networks(self)


def _joined(cls: type[Ensemble], networks: list[Network]) -> Ensemble:
    """Return the ensemble of networks that were unpickled or deep-copied."""
    return cls._joined(networks)


def _spawned(rng: Seed, k: int) -> list[np.random.Generator]:
    generator = as_rng(rng)
    if isinstance(generator, np.random.Generator):
        try:
            return generator.spawn(k)
        except TypeError:  # a bit generator without a seed sequence
            pass
    raise TypeError(
        f"rng is of type {type(rng).__name__}, which cannot spawn generators; give None, an int, a "
        "SeedSequence, or a Generator made from one."
    )


def _checked(networks: Any) -> list[Network]:
    """Return the networks as a list; refuse any that cannot be in the same ensemble."""
    items = as_items(networks, "networks")
    if items is None or not all(isinstance(item, Network) for item in items):
        raise TypeError(f"networks is {shown(networks)}; give a list of fastnet.Network.")
    if not items:
        raise ValueError("networks is empty; give one network or more.")
    first = items[0]._architecture
    for at, network in enumerate(items):
        found = network._architecture
        if (found.sizes, found.activations, found.dtype) != (
            first.sizes,
            first.activations,
            first.dtype,
        ):
            raise ValueError(
                f"networks[{at}] has sizes {list(found.sizes)}, activations "
                f"{', '.join(found.activations)} and dtype {found.dtype}; networks[0] has "
                f"{list(first.sizes)}, {', '.join(first.activations)} and {first.dtype}; give "
                "networks that agree in these."
            )
    return items
