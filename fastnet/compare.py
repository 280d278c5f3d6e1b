"""The old and the new start beside each other: the same network, the same data, two trainings.

The comparison is chapter 3's experiment on weight initialization (M. Nielsen, *Neural Networks and
Deep Learning*): a sigmoid network learns the digits once from weights drawn from N(0, 1), the old
start, and once from N(0, 1) / sqrt(n) with n the weights into the same neuron, the new start.
Nothing is printed or drawn here: `compare` and `replay_book` return a `Comparison`, from which the
command line makes its table, its JSON and its picture.
"""

import json
import platform
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastnet._version import __version__
from fastnet.network import Network

OLD, NEW = "large", "default"

Progress = Callable[[str, int, int], object]
"""Called with the initializer in training, and the mini-batches done and to do in all trainings."""

Shuffle = bool | Callable[[list[int]], object]


@dataclass(frozen=True)
class Settings:
    """What the compared trainings have in common; the defaults are those of the published curves.

    Attributes
    ----------
    hidden : int
        Neurons in the hidden layer.
    epochs : int
        Passes over the training data.
    eta, lmbda : float
        Learning rate and L2 regularization.
    mini_batch_size : int
        Examples per step.
    seed : int
        Where the random numbers start.
    dtype : str
        "float64" or "float32".
    """

    hidden: int = 30
    epochs: int = 30
    eta: float = 0.1
    lmbda: float = 5.0
    mini_batch_size: int = 10
    seed: int = 0
    dtype: str = "float64"


BOOK = Settings(seed=12345678)


class Data(NamedTuple):
    """What a comparison trains on and is judged by.

    Attributes
    ----------
    name : str
        The data's name, for titles.
    training, evaluation : tuple of ndarray
        Each a pair (X, y): one example a row, and class numbers.
    evaluation_name : str
        "validation" or "test".
    """

    name: str
    training: tuple[NDArray[Any], NDArray[Any]]
    evaluation: tuple[NDArray[Any], NDArray[Any]]
    evaluation_name: str = "test"


@dataclass(frozen=True)
class Run:
    """One training: how many evaluation examples were right after each epoch, and its duration."""

    initializer: str
    correct: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Trainings that differ in nothing but the initializer.

    Attributes
    ----------
    data, evaluation : str
        Name of the data, and of the part of it that judges ("validation" or "test").
    n_training, n_evaluation : int
        Number of examples in each part.
    sizes : tuple of int
        Width of each layer.
    settings : Settings
        What the trainings have in common.
    runs : tuple of Run
        The trainings, one for each initializer.
    """

    data: str
    evaluation: str
    n_training: int
    n_evaluation: int
    sizes: tuple[int, ...]
    settings: Settings
    runs: tuple[Run, ...]

    def run(self, initializer: str) -> Run:
        """Return the training that began with `initializer`.

        Raises
        ------
        KeyError
            There is no such training in this comparison.
        """
        for run in self.runs:
            if run.initializer == initializer:
                return run
        raise KeyError(initializer)

    def accuracy(self, initializer: str) -> list[float]:
        """Return the share of evaluation examples right after each epoch, in per cent."""
        return [100 * correct / self.n_evaluation for correct in self.run(initializer).correct]

    def epochs_to(self, initializer: str, percent: float = 95.0) -> int | None:
        """Return the first epoch after which `percent` were right; None if there was none."""
        for epoch, correct in enumerate(self.run(initializer).correct, start=1):
            # Counts, not rounded percentages: 9,500 of 10,000 are 95 % exactly.
            if 100 * correct >= percent * self.n_evaluation:
                return epoch
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists, strings and numbers, ready for JSON."""
        return {
            "data": self.data,
            "training_examples": self.n_training,
            "evaluation": self.evaluation,
            "evaluation_examples": self.n_evaluation,
            "sizes": list(self.sizes),
            "cost": "cross_entropy",
            "settings": asdict(self.settings),
            "runs": [asdict(run) | {"correct": list(run.correct)} for run in self.runs],
            "epochs_to_95_percent": {
                run.initializer: self.epochs_to(run.initializer) for run in self.runs
            },
            "versions": {
                "fastnet": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "machine": f"{platform.system()} {platform.machine()}",
        }


def compare(
    data: Data, settings: Settings | None = None, *, progress: Progress | None = None
) -> Comparison:
    """Train the same network twice, from the old start and from the new.

    Both trainings draw the same random numbers: the two starts differ in the scale of the weights
    alone, and every epoch visits the examples in the same order.

    Parameters
    ----------
    data : Data
        Training and evaluation examples.
    settings : Settings, optional
        Network and training; by default those of the published curves.
    progress : callable, optional
        Called as ``progress(initializer, done, total)`` several times a second, counting the
        mini-batches of all trainings together.

    Returns
    -------
    Comparison
        With the runs "large" (old) and "default" (new).

    Raises
    ------
    ValueError, TypeError
        The network refuses the data or a setting; the message says which and why.

    References
    ----------
    M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Weight initialization".

    Examples
    --------
    >>> import numpy as np
    >>> from fastnet.compare import Data, Settings, compare
    >>> X = np.eye(4)
    >>> data = Data("four corners", (X, np.arange(4)), (X, np.arange(4)))
    >>> settings = Settings(hidden=8, epochs=200, eta=2.0, lmbda=0.0, mini_batch_size=1)
    >>> result = compare(data, settings)
    >>> result.sizes, [run.initializer for run in result.runs]
    ((4, 8, 4), ['large', 'default'])
    >>> result.accuracy("default")[-1]
    100.0
    """
    settings = settings or Settings()
    sizes = (data.training[0].shape[1], settings.hidden, _n_classes(data))
    runs = []
    for position, initializer in enumerate((OLD, NEW)):
        net = Network(list(sizes), dtype=settings.dtype, rng=settings.seed)
        # A new network has drawn once. Both draw once more, from the same place in the stream.
        _INITIALIZE[initializer](net)
        report = _counted(progress, initializer, position, 2)
        runs.append(_train(net, initializer, data, settings, shuffle=True, progress=report))
    return _comparison(data, sizes, settings, tuple(runs))


def replay_book(*, progress: Progress | None = None) -> Comparison:
    """Repeat the run behind the published curves: its draws, its order, its numbers.

    NumPy's legacy generator draws the weights and Python's shuffles as Python 2 did. The network
    trains from the default start first; then, without reseeding, the same network trains from the
    large start, over the list in the order in which the first training left it.

    Parameters
    ----------
    progress : callable, optional
        As in `compare`.

    Returns
    -------
    Comparison
        Its counts can be held against `published`.
    """
    data = mnist(np.float64)
    sizes = (data.training[0].shape[1], BOOK.hidden, _n_classes(data))
    shuffle = BookShuffle(BOOK.seed)
    net = Network(list(sizes), dtype=BOOK.dtype, rng=np.random.RandomState(BOOK.seed))
    report = _counted(progress, NEW, 0, 2)
    new = _train(net, NEW, data, BOOK, shuffle=shuffle, progress=report)
    net.large_weight_initializer()
    report = _counted(progress, OLD, 1, 2)
    old = _train(net, OLD, data, BOOK, shuffle=shuffle, progress=report)
    return _comparison(data, sizes, BOOK, (old, new))


class BookShuffle:
    """Shuffle a list as Python 2's ``random.shuffle`` did, and go on where the last shuffle ended.

    Handed to several trainings in turn, it makes each begin with the order that the one before
    left, as if all of them had shuffled one list in place.

    Parameters
    ----------
    seed : int
        Seed of Python's generator.

    Examples
    --------
    >>> shuffle = BookShuffle(1)
    >>> rows = [0, 1, 2, 3]
    >>> shuffle(rows)
    >>> rows
    [3, 1, 2, 0]
    """

    def __init__(self, seed: int) -> None:
        self._uniform = random.Random(seed).random
        self._order: list[int] | None = None

    def __call__(self, rows: list[int]) -> None:
        """Permute `rows` in place."""
        if self._order is not None:
            rows[:] = self._order
        for i in reversed(range(1, len(rows))):
            j = int(self._uniform() * (i + 1))
            rows[i], rows[j] = rows[j], rows[i]
        self._order = list(rows)


def published() -> dict[str, tuple[int, ...]]:
    """Return the published counts: validation images right, of 10,000, after each of 30 epochs.

    Returns
    -------
    dict
        The 30 counts of the initializers "large" and "default".

    Examples
    --------
    >>> published()["default"][0], published()["large"][0]
    (9270, 8643)
    """
    text = resources.files("fastnet").joinpath("published-784-30-10.json").read_text("utf-8")
    table = json.loads(text)
    return {name: tuple(table[f"{name}_weight_initializer"]) for name in (OLD, NEW)}


def mnist(dtype: DTypeLike = np.float64) -> Data:
    """Return the embedded digits: 50,000 to train on, 10,000 to validate with."""
    from fastnet.datasets import load_mnist

    digits = load_mnist(dtype=dtype)
    return Data(
        "MNIST",
        (digits.train.X, digits.train.y),
        (digits.validation.X, digits.validation.y),
        "validation",
    )


def read_data(path: str | Path, dtype: DTypeLike = np.float64) -> Data:
    """Read a user's own training and test examples.

    Parameters
    ----------
    path : str or Path
        A folder with the four IDX files under their usual names, or an .npz file with the arrays
        X_train, y_train, X_test and y_test. An example may have any shape; it becomes a row. A
        label is a class number. Bytes (uint8) are divided by 256, other numbers taken as they are.
    dtype : dtype, optional
        float64 or float32, for the divided bytes.

    Returns
    -------
    Data
        Judged by the test part.

    Raises
    ------
    OSError
        Nothing can be read there.
    ValueError
        The files or arrays are not what is described above; the message says where.
    """
    from fastnet.datasets import load_idx_folder, load_npz_arrays

    path = Path(path)
    if path.is_dir():
        arrays = load_idx_folder(path)
    elif not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; give a folder of IDX files or an .npz file"
        )
    elif path.suffix == ".npz":
        arrays = load_npz_arrays(path)
    else:
        raise ValueError(f"{path} is neither a folder of IDX files nor an .npz file")
    try:
        return _checked(_name(path), arrays, dtype)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


_INITIALIZE: dict[str, Callable[[Network], object]] = {
    OLD: Network.large_weight_initializer,
    NEW: Network.default_weight_initializer,
}


def _n_classes(data: Data) -> int:
    """Return the number of output neurons that the labels call for."""
    return 1 + max(int(data.training[1].max()), int(data.evaluation[1].max()))


def _train(
    net: Network,
    initializer: str,
    data: Data,
    settings: Settings,
    *,
    shuffle: Shuffle,
    progress: Callable[[int, int], object] | None,
) -> Run:
    """Train `net` from its present weights and return its counts."""
    begin = perf_counter()
    _, correct, _, _ = net.SGD(
        data.training,
        settings.epochs,
        settings.mini_batch_size,
        settings.eta,
        lmbda=settings.lmbda,
        evaluation_data=data.evaluation,
        monitor_evaluation_accuracy=True,
        shuffle=shuffle,
        progress=progress,
    )
    return Run(initializer, tuple(int(c) for c in correct), perf_counter() - begin)


def _counted(
    progress: Progress | None, initializer: str, position: int, n_runs: int
) -> Callable[[int, int], object] | None:
    """Return a report for one training that counts the mini-batches of all `n_runs` of them."""
    if progress is None:
        return None
    return lambda done, total: progress(initializer, position * total + done, n_runs * total)


def _comparison(
    data: Data, sizes: tuple[int, ...], settings: Settings, runs: tuple[Run, ...]
) -> Comparison:
    """Put the runs and what they were made from together."""
    return Comparison(
        data.name,
        data.evaluation_name,
        len(data.training[1]),
        len(data.evaluation[1]),
        sizes,
        settings,
        runs,
    )


def _name(path: Path) -> str:
    """Return what to call a user's data: the file's or folder's own name, fit to be printed."""
    path = path.resolve()
    name = path.name if path.is_dir() else path.stem
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    return name if len(name) <= 40 else f"{name[:39]}…"


def _checked(name: str, arrays: tuple[NDArray[Any], ...], dtype: DTypeLike) -> Data:
    """Make data of four arrays, bytes divided by 256, or say which does not fit."""
    X_train, y_train, X_test, y_test = arrays
    for part, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
        if X.size == 0:
            raise ValueError(f"X_{part} has shape {X.shape}; it must hold one example or more")
        if y.min() < 0:
            raise ValueError(f"y_{part} holds {y.min()}; class numbers 0, 1, 2, ... are expected")
    highest = max(int(y_train.max()), int(y_test.max()))
    if highest == 0:
        raise ValueError("all labels are 0; two or more classes are needed")
    if highest >= max(1000, len(y_train)):
        # One output neuron a class: numbers that are no class numbers would ask for all memory.
        raise ValueError(
            f"the highest label is {highest}, with {len(y_train)} training examples; class numbers "
            "0, 1, 2, ... are expected"
        )
    return Data(name, (_scaled(X_train, dtype), y_train), (_scaled(X_test, dtype), y_test))


def _scaled(X: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return bytes divided by 256, and other numbers as they are."""
    return np.true_divide(X, 256, dtype=dtype) if X.dtype == np.uint8 else X
