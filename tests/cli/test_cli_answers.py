"""`fastnet evaluate`, `predict`, `show` and `info` on people's own data, run for real."""

import csv
import io
import re

import numpy as np
import pytest

import fastnet
from fastnet import Preprocessing
from fastnet.cli import info
from fastnet.common import threads

from ..container import contain
from ..own_data import COLUMNS, KINDS, flowers, refused, run, write_csv


def test_evaluate_prints_accuracy_cost_and_what_was_taken_for_what(model, capsys):
    out, err = run(capsys, "evaluate", "model.npz", "flowers.csv")
    X, kinds = flowers()
    inputs = model.preprocessing.inputs(X)
    y = np.searchsorted(KINDS, kinds)
    right = model.accuracy((inputs, y))
    cost = model.total_cost((inputs, y), 0.0)
    taken = model.feedforward(inputs).argmax(axis=1)
    lines = out.splitlines()
    assert lines[0] == "model.npz on flowers.csv, 120 examples, labels in column 'kind'"
    assert lines[1] == f"accuracy: {right / 1.2:.2f} % ({right} of 120)"
    assert lines[2] == f"cost: {cost:.6g} per example (CrossEntropyCost)"
    assert lines[5].split() == [*KINDS, "recall"]
    for i, kind in enumerate(KINDS):
        counts = [int(np.sum((y == i) & (taken == j))) for j in range(3)]
        share = 100 * counts[i] / 40
        assert lines[6 + i].split() == [kind, *map(str, counts), f"{share:.1f}", "%"]
    assert len(lines) == 9 and err == ""


def test_evaluate_finds_the_labels_by_the_name_they_had(model, here, capsys):
    X, kinds = flowers()
    with open("turned.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", *COLUMNS[::-1], "site"])
        writer.writerows(
            [kind, *row[::-1], "A"] for kind, row in zip(kinds, X.tolist(), strict=True)
        )
    out, _ = run(capsys, "evaluate", "model.npz", "turned.csv")
    plain, _ = run(capsys, "evaluate", "model.npz", "flowers.csv")
    assert out == plain.replace("flowers.csv", "turned.csv")
    run(capsys, "evaluate", "model.npz", "turned.csv", "--label", "site", code=1)


def test_predict_writes_labels_and_probabilities(model, here, capsys):
    X, _ = flowers()
    # Other order, one column more, no labels: columns are found by name.
    extra = np.column_stack([X[:, 2], np.arange(120), X[:, 0], X[:, 1]])
    write_csv(here / "new.csv", extra, None, [COLUMNS[2], "row", COLUMNS[0], COLUMNS[1]])
    out, err = run(capsys, "predict", "model.npz", "new.csv")
    assert err == "new.csv: not used: row\n"
    head, *rows = csv.reader(io.StringIO(out))
    assert head == ["kind", "p_setosa", "p_versicolor", "p_virginica"]
    outputs = model.feedforward(model.preprocessing.inputs(X))
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=float), outputs)
    assert [row[0] for row in rows] == [KINDS[i] for i in outputs.argmax(axis=1)]
    _, err = run(capsys, "predict", "model.npz", "new.csv", "-o", "answers.csv")
    assert (here / "answers.csv").read_text() == out
    assert err == "answers.csv written: 120 predictions\nnew.csv: not used: row\n"


def test_predict_leaves_the_labels_out_where_columns_have_no_names(here, capsys):
    net = fastnet.Network([3, 2], "quadratic", dtype="float32", rng=1)
    net.save("net.json")
    X, kinds = flowers(9)
    write_csv(here / "with.csv", X, kinds)
    write_csv(here / "without.csv", X)
    out, _ = run(capsys, "predict", "net.json", "with.csv")
    assert run(capsys, "predict", "net.json", "without.csv")[0] == out
    write_csv(here / "first.csv", X, columns=("id", *COLUMNS[1:]), labels=kinds)
    assert run(capsys, "predict", "net.json", "first.csv", "--label", "kind")[0] == out
    head, *rows = csv.reader(io.StringIO(out))
    assert head == ["label", "p_0", "p_1"] and {row[0] for row in rows} <= {"0", "1"}
    outputs = net.feedforward(X)
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=np.float32), outputs)
    assert max(len(row[1]) for row in rows) < 13  # digits of float32, not of float64
    write_csv(here / "wide.csv", np.ones((2, 5)), None, list("abcde"))
    said = refused(capsys, "predict", "net.json", "wide.csv")
    assert "wide.csv has 5 inputs per example; the network takes 3" in said
    said = refused(capsys, "evaluate", "net.json", "without.csv")
    assert "without.csv has 2 inputs per example; the network takes 3" in said


def test_a_single_sigmoid_tells_two_classes_apart(here, capsys):
    net = fastnet.Network([1, 1])
    net.weights, net.biases = [[[10.0]]], [[[0.0]]]
    net.preprocessing = Preprocessing(labels=["low", "high"], columns=["x"], target="level")
    net.save("net.npz")
    (here / "d.csv").write_text("x,level\n-1,low\n1,high\n2,low\n")
    out, _ = run(capsys, "evaluate", "net.npz", "d.csv")
    assert "(2 of 3)" in out and re.search(r"low +1 +1 +50.0 %\nhigh +0 +1 +100.0 %", out)
    out, _ = run(capsys, "predict", "net.npz", "d.csv")
    head, first, *_ = csv.reader(io.StringIO(out))
    assert head == ["level", "p_low", "p_high"] and first[0] == "low"
    assert np.isclose(float(first[1]), 1 / (1 + np.exp(-10.0)))


def test_many_classes_are_told_by_their_commonest_mistakes(here, capsys):
    n = 25
    net = fastnet.Network([n, n], "log_likelihood")
    net.weights, net.biases = [np.eye(n)], [np.zeros((n, 1))]
    net.save("net.npz")
    X = np.eye(n)
    y = np.arange(n)
    np.savez("d.npz", X=X, y=y)
    assert "no mistakes among 25 classes" in run(capsys, "evaluate", "net.npz", "d.npz")[0]
    np.savez("d.npz", X=X[[7, 7, 7, 3]], y=[1, 1, 7, 4])
    out, _ = run(capsys, "evaluate", "net.npz", "d.npz")
    assert out.splitlines()[-2:] == ["     2 x  1 predicted as 7", "     1 x  4 predicted as 3"]


def test_show(model, here, capsys):
    out, _ = run(capsys, "show", "model.npz")
    size = (here / "model.npz").stat().st_size
    assert out.startswith(f"model.npz: fastnet's own format, {size:,} bytes\n{model!r}\n")
    w = model.weights[0]
    figures = " +".join(f"{v:.4f}" for v in (w.mean(), w.std(), w.min(), w.max()))
    assert re.search(rf"^layer 1 weights +{figures} +0.0 %$", out, re.MULTILINE)
    assert "inputs: sepal length, sepal width, petal length\n" in out
    assert "scaling: each standardized\npredicts: kind\n" in out
    assert "classes: setosa, versicolor, virginica\ntrained for 12 epochs; after the last: " in out
    cost = model.history[-1]["running_cost"]
    right = model.history[-1]["running_accuracy"]
    assert f"running cost {cost:g}, running accuracy {100 * right:.2f} %" in out
    fastnet.Network([2, 1], initializer="zeros").save("bare.json")
    out, _ = run(capsys, "show", "bare.json")
    assert "bare.json: the book's JSON" in out and "100.0 %" in out
    assert "inputs:" not in out and "trained" not in out


def test_info(here, capsys, monkeypatch):
    out, _ = run(capsys, "info")
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in out.splitlines())
    assert rows["fastnet"].startswith(fastnet.__version__) and rows["NumPy"] == np.__version__
    assert rows["kernel"].startswith(f"{fastnet.kernels.variant} (available: ")
    assert rows["threads"].startswith(f"{threads.usable_cores()} of ") and rows["processor"]
    assert "numpy" not in out and "[plot]" in rows and not info.DEVELOPERS & {*rows}
    assert not [name for name in info.DEVELOPERS if f"[{name}]" in rows]
    everything, _ = run(capsys, "info", "--all")
    assert everything.startswith(out) and f"pytest {pytest.__version__}" in everything
    contain(here, {"cpu.max": "50000 100000\n"})  # half a processor
    monkeypatch.setattr(threads, "ROOT", here)
    assert "\nthreads        1 of " in run(capsys, "info")[0]
    monkeypatch.setattr(info, "DISTRIBUTION", "no-such-distribution")
    assert info.extras() == {}


def test_predict_follows_what_the_targets_are(here, capsys):
    """One network by hand, whose outputs are its inputs, read in every way."""
    (here / "d.csv").write_text("a,b\n0.2,0.9\n0.7,0.6\n-0.5,0.1\n")
    rows = np.loadtxt(here / "d.csv", delimiter=",", skiprows=1)
    net = fastnet.Network([2, 2], "quadratic", output="identity", rng=0)
    net.weights, net.biases = [np.eye(2)], [np.zeros((2, 1))]

    def predicted(kind, **meaning):
        net.kind = kind
        net.preprocessing = fastnet.Preprocessing(**meaning) if meaning else None
        net.save("m.npz")
        text = run(capsys, "predict", "m.npz", "d.csv")[0]
        return [line.split(",") for line in text.splitlines()]

    head, *lines = predicted("numbers")
    assert head == ["prediction_0", "prediction_1"]
    assert np.array_equal(np.array(lines, float), rows)
    head, *lines = predicted("labels", labels=["wet", "cold"])
    assert head == ["label_wet", "label_cold", "p_wet", "p_cold"]
    assert [line[:2] for line in lines] == [["0", "1"], ["1", "1"], ["0", "0"]]
    head, *lines = predicted("classes", labels=["wet", "cold"])
    assert head == ["label", "p_wet", "p_cold"]
    assert [line[0] for line in lines] == ["cold", "wet", "cold"]
    net.kind = "labels"
    net.save("m.npz")
    (here / "l.csv").write_text("a,b,c\n1,0,wet\n")
    _, err = run(capsys, "evaluate", "m.npz", "l.csv", code=1)
    assert "predicts 2 labels per example" in err


def test_a_tanh_unit_predicts_by_its_sign(here, capsys):
    (here / "d.csv").write_text("a\n0.2\n-0.2\n0.6\n")
    net = fastnet.Network([1, 1], "quadratic", output="tanh", rng=0)
    net.weights, net.biases = [[[1.0]]], [[[0.0]]]
    net.train(([[0.2], [-0.2]], [1.0, -1.0]), 1, optimizer=fastnet.SGD(0.0))
    net.save("m.npz")
    lines = run(capsys, "predict", "m.npz", "d.csv")[0].splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == ["1", "0", "1"]
    shares = np.array([line.split(",")[2] for line in lines], float)
    assert np.allclose(shares, (1 + np.tanh([0.2, -0.2, 0.6])) / 2, rtol=1e-15)
    (here / "l.csv").write_text("a,c\n0.2,1\n-0.2,0\n0.3,0\n")
    assert "(2 of 3)" in run(capsys, "evaluate", "m.npz", "l.csv")[0]
