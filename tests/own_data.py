"""What tests of the commands for people's own data share: flowers, and the commands run here."""

import csv

import numpy as np

import fastnet
from fastnet.cli import main

KINDS = ("setosa", "versicolor", "virginica")
COLUMNS = ("sepal length", "sepal width", "petal length")


def flowers(n=120, seed=3):
    """Return (X, kinds): three kinds that lie apart, as irises do."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    centres = np.array([[5.0, 3.4, 1.5], [5.9, 2.8, 4.3], [6.6, 3.0, 5.6]])
    X = np.round(centres[y] + 0.25 * rng.standard_normal((n, 3)), 2)
    return X, np.array(KINDS)[y]


def write_csv(path, X, labels=None, columns=COLUMNS, label="kind"):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, *([] if labels is None else [label])])
        for i, row in enumerate(X.tolist()):
            writer.writerow([*row, *([] if labels is None else [labels[i]])])
    return path


def run(capsys, *args, code=0):
    """Run a command in this process; return (stdout, stderr)."""
    assert main([str(arg) for arg in args]) == code, capsys.readouterr()
    done = capsys.readouterr()
    assert "Traceback" not in done.err
    return done.out, done.err


def refused(capsys, *args, code=1):
    """Run a command that must fail; return the one sentence that it says."""
    out, err = run(capsys, *args, code=code)
    lines = [line for line in err.splitlines() if not line.startswith("training: ")]
    if code == 1:
        assert len(lines) == 1 and lines[0].startswith("fastnet: "), err
    else:
        assert len(lines) == 1 and lines[0].startswith("fastnet") and "accuracy" not in out
    return lines[-1]


TRAIN = ["train", "flowers.csv", "--standardize", "--hidden", "8", "--eta", "1", "--epochs", "12"]


def by_hand(epochs=12):
    """Return the network that TRAIN should give, trained through the library."""
    X, kinds = flowers()
    y = np.searchsorted(KINDS, kinds)
    net = fastnet.Network([3, 8, 3], rng=0)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    net.train(((X - mean) / scale, y), epochs, 10, optimizer=fastnet.SGD(1.0))
    return net, X, y, (mean, scale)
