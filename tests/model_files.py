"""What tests of model files share: a network with everything, and a file of it to spoil."""

import json

import numpy as np
import pytest

import fastnet
from fastnet import Network, Preprocessing


def network(dtype=np.float64, activation="relu"):
    """Return a small network with everything a file can hold."""
    net = Network(
        [3, 4, 2],
        "log_likelihood",
        activation=activation,
        initializer="he_normal",
        bias_initializer=0.25,
        dtype=dtype,
        rng=5,
    )
    X = np.arange(18.0).reshape(6, 3) % 7
    net.preprocessing = Preprocessing(
        X.mean(axis=0),
        X.std(axis=0),
        labels=["cat", "Hündchen"],
        columns=["length", "width", ""],
        target="kind",
    )
    data = net.preprocessing.inputs(X), np.arange(6) % 2
    net.train(data, 3, 2, evaluation_data=data)
    return net


def saved(tmp_path, **changes):
    """Return the path of a small sound file, with some of its members or header keys replaced."""
    path = tmp_path / "model.npz"
    network().save(path)
    with np.load(path) as archive:
        members = dict(archive)
    header = json.loads(members["header"].tobytes())
    for key, value in changes.items():
        if key in members:
            members[key] = value
        else:
            header[key] = value
    if "header" not in changes:
        members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **{key: value for key, value in members.items() if value is not None})
    return path


def refuse(path, *words):
    """Check that a file is refused in one sentence that names it and says why."""
    with pytest.raises(ValueError) as caught:
        fastnet.load(path)
    text = str(caught.value)
    assert repr(str(path)) in text and "\n" not in text
    for word in words:
        assert word in text, text


def without_kind(path):
    """Make a file of version 1 of one of version 2: it says nothing of the targets."""
    with np.load(path) as members:
        found = dict(members)
    header = json.loads(found["header"].tobytes())
    del header["kind"], header["low"]
    header["version"] = 1
    found["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **found)
