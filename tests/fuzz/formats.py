"""The formats that fastnet reads, how each is read, and files of each that mutation begins with."""

import gzip
import importlib.util
import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastnet
from fastnet import network2
from fastnet.common.generators import get_state
from fastnet.datasets import load_idx, load_npz_arrays
from fastnet.datasets.tables import read_tables
from fastnet.sweeps import sweep
from fastnet.sweeps.stores import read_outcome

__all__ = ["CASES", "FORMATS", "Format"]

#: Files that were found, or made, to break a reader that was less careful: a folder a format.
CASES = Path(__file__).with_name("cases")


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
    read : function of a path
        Reads a file in every way in which fastnet reads this format; returns what it read.
    make_seeds : function
        Returns sound files of the format, as bytes.
    """

    name: str
    read: Callable[[str], Any]
    make_seeds: Callable[[], list[bytes]]

    def seeds(self) -> list[bytes]:
        """Return sound files, and those that made trouble."""
        folder = CASES / self.name
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return self.make_seeds() + [path.read_bytes() for path in found]


def read_each(path: str, *readers: Callable[[str], Any]) -> list[Any]:
    """Return what each reader reads; raise the first refusal only when all have been asked."""
    results, refusals = [], []
    for reader in readers:
        try:
            results.append(reader(path))
        except ValueError as error:
            refusals.append(str(error))  # the error itself holds what the reader had in its hands
    if refusals:
        raise ValueError(refusals[0])
    return results


def read_model(path: str) -> Any:
    """Read a model, in either form, and have it answer."""
    network = fastnet.load(path)
    with np.errstate(all="ignore"):
        answer = network.feedforward(np.zeros(network.sizes[0]))
    assert answer.shape == (network.sizes[-1],)
    return network


def read_ensemble(path: str) -> Any:
    """Read many networks, and have them answer."""
    ensemble = fastnet.Ensemble.load(path)
    with np.errstate(all="ignore"):
        answers = ensemble.feedforward(np.zeros((2, ensemble.sizes[0])))
    assert answers.shape == (len(ensemble), 2, ensemble.sizes[-1])
    return ensemble


def read_idx(path: str) -> Any:
    """Read one IDX file."""
    return load_idx(path)


def read_data(path: str) -> Any:
    """Read an archive of arrays, as four arrays and as tables."""
    return read_each(path, load_npz_arrays, read_tables, read_unlabelled)


def read_unlabelled(path: str) -> Any:
    """Read examples only."""
    return read_tables(path, labelled=False)


def read_text(path: str) -> Any:
    """Read a table of text, with labels and without."""
    return read_each(path, read_tables, read_unlabelled)


class Training:
    """One that checkpoints are of: short, and with everything that a checkpoint can hold."""

    X, y = np.random.default_rng(7).random((7, 3)), np.arange(7) % 2
    CALLS = (
        {"optimizer": "adam", "dropout": 0.2, "metrics": ["running_cost"]},
        {"optimizer": "sgd", "l2": 2.0},
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.network = fastnet.Network([3, 2, 2], rng=np.random.default_rng(1))
        self.options = dict(self.CALLS[number])
        if number == 0:
            self.options["schedule"] = fastnet.schedules.WarmUp(1.5)
            self.options["callbacks"] = [fastnet.EarlyStopping(3, "running_cost")]

    def run(self, **more: Any) -> Any:
        """Train for two epochs of three mini-batches."""
        callbacks = [*self.options.pop("callbacks", []), *more.pop("callbacks", [])]
        data = self.X, self.y
        return self.network.train(data, 2, 3, callbacks=callbacks, **self.options, **more)


def read_checkpoint(path: str) -> Any:
    """Go on from it in each training; it fits one of them at most."""
    refusals = []
    for number in range(len(Training.CALLS)):
        try:
            return go_on(Training(number), path)
        except ValueError as error:
            refusals.append(str(error))
    raise ValueError(" ".join(refusals))


def go_on(training: Training, path: str) -> Any:
    """Go on from a checkpoint; where that is refused, nothing has been changed."""
    network = training.network
    before = network.parameters.tobytes(), get_state(network.rng), list(network.history)
    try:
        training.run(resume=path)
    except ValueError:
        after = network.parameters.tobytes(), get_state(network.rng), list(network.history)
        assert after == before
        raise
    except fastnet.DivergenceError:
        pass  # finite numbers that are far too large have been taken
    assert np.isfinite(network.parameters).all()
    return network


def checkpoint() -> list[bytes]:
    """After each mini-batch of each training."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for number in (0, 1):
            path = os.path.join(folder, f"{number}.npz")
            keeper = fastnet.Checkpoint(path, 1, unit="mini_batches", keep=3)
            Training(number).run(callbacks=[keeper])
            files += [Path(name).read_bytes() for name in keeper.paths if Path(name).exists()]
    return files


def outcome() -> list[bytes]:
    """What a sweep keeps of a training and of plain measures."""
    examples = np.eye(2), [0, 1]
    files = []
    for build in (learn, measure):
        with tempfile.TemporaryDirectory() as folder:
            sweep(build, [{"x": [1, "a"]}], examples, store=folder, threads=1)
            paths = [path for path in Path(folder).glob("*.json") if path.name != "sweep.json"]
            found = [json.loads(path.read_bytes()) for path in paths]
        fixed = {"seconds": 0.5, "worker": "here", "kernel": "avx2"}  # else other bytes each time
        files += [json.dumps({**record, **fixed}, indent=1).encode() for record in found]
    return files


def learn(data: Any, rng: Any, x: Any) -> Any:
    """Return a history."""
    return fastnet.Network([2, 2], rng=rng).train(data, 2, metrics="training_cost")


def measure(data: Any, rng: Any, x: Any) -> Any:
    """Return measures of each kind."""
    return {"number": 0.5, "words": ["a", None], "more": {"nan": float("nan")}}


def read_outcome_file(path: str) -> Any:
    """Read what a sweep kept."""
    return read_outcome(Path(path))


def saved(name: str, *networks: Any) -> list[bytes]:
    """Return the files of some networks."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for network in networks:
            path = os.path.join(folder, name)
            network.save(path)
            files.append(Path(path).read_bytes())
    return files


def networks() -> list[Any]:
    """Models with and without what a model may have beside its parameters."""
    plain = fastnet.Network([3, 2], rng=0)
    deep = fastnet.Network(
        [2, 3, 3, 2], "log_likelihood", activation="tanh", dtype=np.float32, rng=1,
        initializer="he_normal",
    )  # fmt: skip
    deep.train((np.eye(2), [0, 1]), 2, metrics="training_cost")
    deep.preprocessing = fastnet.Preprocessing(
        [0.5, 0.0], [1.0, 2.0], labels=["no", "yes"], columns=["a", "b"]
    )
    return [plain, deep]


def model_npz() -> list[bytes]:
    """The library's own form."""
    return saved("model.npz", *networks())


def model_json() -> list[bytes]:
    """The book's form, by fastnet and by the book's module."""
    written = [
        fastnet.Network([3, 2], rng=0),
        fastnet.Network([2, 3, 1], "quadratic", dtype=np.float32, rng=1),
        fastnet.Network([2, 2], rng=0),
    ]
    written[2].preprocessing = fastnet.Preprocessing(
        [0, 0], [256, 256], labels=[3, 1], columns=["a", "b"], target="kind"
    )
    book = {"sizes": [1, 1], "weights": [[[1e-3]]], "biases": [[[2]]], "cost": "QuadraticCost"}
    return [*saved("model.json", *written), json.dumps(book).encode()]


def model_safetensors() -> list[bytes]:
    """The same networks as `model_npz`."""
    return saved("model.safetensors", *networks())


def ensemble() -> list[bytes]:
    """One network; and three, of which each has something that the others have not."""
    plain = fastnet.Ensemble([3, 2], 1, rng=0)
    several = fastnet.Ensemble(
        [2, 3, 2], 3, activation="tanh", output="sigmoid", dtype=np.float32, rng=1,
        initializer="he_normal",
    )  # fmt: skip
    several.train((np.eye(2), [0, 1]), 2, metrics="training_cost")
    several[0].cost = "quadratic"
    several[1].preprocessing = fastnet.Preprocessing(
        [0.5, 0.0], [1.0, 2.0], labels=["no", "yes"], columns=["a", "b"]
    )
    return saved("ensemble.npz", plain, several)


def idx() -> list[bytes]:
    """Of every element type, plain and gzipped."""
    files = [bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4])]
    for code, size in ((8, 1), (9, 1), (11, 2), (12, 4), (13, 4), (14, 8)):
        files.append(bytes([0, 0, code, 1, 0, 0, 0, 2, *range(2 * size)]))
    return files + [gzip.compress(file, mtime=0) for file in files[:2]]


def data_npz() -> list[bytes]:
    """The names that are known, stored and deflated, of several dtypes and orders."""
    X, y = np.arange(12.0).reshape(2, 3, 2), np.array([0, 1])
    files = []
    for save, arrays in (
        (np.savez, {"X_train": X, "y_train": y, "X_test": X[:1], "y_test": y[:1]}),
        (np.savez_compressed, {"x_train": X, "y_train": y, "x_test": X[:1], "y_test": y[:1]}),
        (np.savez, {"X": np.asfortranarray(X[0], ">f4"), "y": np.array(["up", "down", "up"])}),
        (np.savez_compressed, {"x": np.eye(2, dtype=bool), "y": y.astype("u1")}),
    ):
        file = io.BytesIO()
        save(file, **arrays)
        files.append(file.getvalue())
    return files


def csv() -> list[bytes]:
    """Commas, semicolons and tabs; quotes; a byte order mark; numbers of all kinds."""
    return [
        b"a,b,kind\n1.5,-2e3,x\n0,.5,y\n",
        b'\xef\xbb\xbf"a;1";"b ""c""";y\r\n1;2;"one\ntwo"\r\n\r\n3;4;z\r\n',
        b"a\tb\ty\n1\t 2 \t3\n4\t5\t6",
        "größe,y\n1,ä\n2,ö\n".encode(),
        b"a,b,y\n1_0,nan,?\n",
        b"a,b,y\ninf,1e400,x\n",
        b"5.1,3.5,setosa\n4.9,3.0,setosa\n",
        gzip.compress(b"a,b,kind\n1.5,-2e3,x\n0,.5,y\n", mtime=0),
    ]


#: Files of this form need an extra.
SAFETENSORS = importlib.util.find_spec("safetensors") is not None
FORMATS = {
    form.name: form
    for form in (
        Format("model_npz", read_model, model_npz),
        Format("model_json", lambda path: read_each(path, read_model, network2.load), model_json),
        *([Format("model_safetensors", read_model, model_safetensors)] if SAFETENSORS else []),
        Format("ensemble", read_ensemble, ensemble),
        Format("idx", read_idx, idx),
        Format("data_npz", read_data, data_npz),
        Format("csv", read_text, csv),
        Format("checkpoint", read_checkpoint, checkpoint),
        Format("sweep", read_outcome_file, outcome),
    )
}
