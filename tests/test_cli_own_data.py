"""The commands for people's own data, run for real: what they print, write, and refuse."""

import csv
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

import fastnet
from fastnet import Preprocessing
from fastnet.cli import main
from fastnet.commands import find

FASTNET = [sys.executable, "-W", "error", "-m", "fastnet"]
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


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with flowers.csv."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "flowers.csv", *flowers())
    return tmp_path


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
        assert lines[0].startswith("usage: fastnet ") and "right" not in out
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


# --- train ---------------------------------------------------------------------------------------


def test_train_is_the_librarys_training_on_the_files_numbers(here, capsys):
    out, err = run(capsys, *TRAIN, "--out", "model.npz")
    net, X, y, (mean, scale) = by_hand()
    got = fastnet.load("model.npz")
    assert np.allclose(got.parameters, net.parameters, rtol=1e-9, atol=1e-12)
    kept = got.preprocessing
    assert np.allclose(kept.mean, mean) and np.allclose(kept.scale, scale)
    assert (kept.labels, kept.columns, kept.target) == (KINDS, COLUMNS, "kind")
    assert len(got.history) == 12
    assert got.history[0].keys() == {"epoch", "eta", "running_cost", "running_accuracy"}

    right = net.accuracy(((X - mean) / scale, y))
    assert right > 100
    assert out.splitlines()[-1] == f"right: {right} of 120 training examples ({right / 1.2:.2f} %)"
    assert out.startswith("3-8-3 on flowers.csv: 120 training examples\n")
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +[\d.]+$", out, re.MULTILINE)
    for epoch, (row, record) in enumerate(zip(rows, got.history, strict=True), start=1):
        cost, share = record["running_cost"], record["running_accuracy"] / 1.2
        assert row == (str(epoch), f"{cost:.5g}", f"{share:.2f}")
    assert re.fullmatch(r"model\.npz written; trained for [\d.]+ s\n", err)


def test_each_option_reaches_the_network(here, capsys):
    options = (
        "--hidden 6 5 --activation tanh relu --output softmax --initializer he_normal "
        "--dtype float32 --optimizer adamw --eta 0.01 --l1 0.1 --l2 0.2 --dropout 0 0.25 0.5 "
        "--max-norm 2 --clip-norm 3 --mini-batch-size 16 --seed 5 --epochs 2 --schedule step:1:0.5"
    )
    out, _ = run(capsys, "train", "flowers.csv", *options.split(), "--json", "run.json")
    numbers = json.loads((here / "run.json").read_text())
    X, kinds = flowers()
    net = fastnet.Network(
        [3, 6, 5, 3],
        "log_likelihood",
        activation=["tanh", "relu"],
        initializer="he_normal",
        dtype="float32",
        rng=5,
    )
    history = net.train(
        (X, np.searchsorted(KINDS, kinds)),
        2,
        16,
        optimizer=fastnet.AdamW(0.01),
        schedule=fastnet.schedules.Step(1, 0.5),
        l1=0.1,
        l2=0.2,
        dropout=[0, 0.25, 0.5],
        max_norm=2,
        clip_norm=3,
        metrics=["running_cost", "running_accuracy"],
    )
    assert numbers["history"] == list(history)
    assert numbers["sizes"] == net.sizes and numbers["activations"] == net.activations
    assert numbers["optimizer"]["name"] == "AdamW" and numbers["optimizer"]["eta"] == 0.01
    assert numbers["dropout"] == [0, 0.25, 0.5] and numbers["dtype"] == "float32"
    assert "AdamW(eta=0.01" in out and "mini-batches of 16, seed 5" in out
    assert sorted(p.name for p in here.iterdir()) == ["flowers.csv", "run.json"]


def test_the_books_form_is_written_where_it_loses_names_only(here, capsys):
    _, err = run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "m.json")
    assert err.startswith("m.json written without the names of columns and classes; trained")
    run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "m.npz")
    book, own = fastnet.load("m.json"), fastnet.load("m.npz")
    assert book.preprocessing is None and own.preprocessing.labels == KINDS
    assert np.array_equal(book.parameters, own.parameters)


def test_examples_put_aside_are_chosen_by_the_seed_and_standardized_by_the_others(here, capsys):
    out, _ = run(capsys, *TRAIN, "--validation", "0.25", "--out", "a.npz", "--json", "a.json")
    numbers = json.loads((here / "a.json").read_text())
    assert numbers["examples"] == {"training": 90, "validation": 30}
    assert "90 training, 30 validation examples" in out
    assert re.search(r"right: \d+ of 90 training .*\nright: \d+ of 30 validation examples", out)
    assert "evaluation_accuracy" in numbers["history"][0]
    X, _ = flowers()
    kept = fastnet.load("a.npz").preprocessing
    assert not np.allclose(kept.mean, X.mean(axis=0))
    run(capsys, *TRAIN, "--validation", "0.25", "--out", "b.npz")
    assert (here / "a.npz").read_bytes() == (here / "b.npz").read_bytes()
    run(capsys, *TRAIN, "--validation", "0.25", "--out", "b.npz", "--seed", "1")
    assert not np.allclose(fastnet.load("b.npz").preprocessing.mean, kept.mean)


def test_early_stopping_goes_back_to_the_best_epoch(here, capsys):
    args = [*TRAIN, "--epochs", "200", "--early-stopping", "4", "--out", "a.npz"]
    out, err = run(capsys, *args)
    net = fastnet.load("a.npz")
    hits = net.history.column("evaluation_accuracy")
    best = int(np.argmax(hits)) + 1
    assert len(hits) == best + 4 < 200
    assert f"back to epoch {best}, the best; a.npz written" in err
    assert f"right: {max(hits)} of 12 validation examples" in out  # a tenth, unless said otherwise


@pytest.mark.parametrize(
    ("word", "rates"),
    [
        ("constant", [1, 1, 1]),
        ("exponential:0.5", [1, 0.5, 0.25]),
        ("inverse_scaling", [1, 2**-0.5, 3**-0.5]),
        ("halve:1", [1, 1, 0.5]),
        ("cosine", [0.75, 0.25, 0]),
    ],
)
def test_schedules(here, capsys, word, rates):
    # All rows alike, so that accuracy never improves after the first epoch.
    (here / "flat.csv").write_text("a,b,c\n" + "0,0,x\n0,0,y\n" * 10)
    args = ["--eta", "1", "--epochs", "3", "--mini-batch-size", "20", "--json", "j"]
    run(capsys, "train", "flat.csv", *args, "--schedule", word)
    got = [record["eta"] for record in json.loads((here / "j").read_text())["history"]]
    if word == "cosine":  # the last mini-batch's rate, an epoch being one
        rates = [(1 + np.cos(np.pi * k / 3)) / 2 for k in range(3)]
    assert np.allclose(got, rates)


def test_regression_predicts_in_the_units_of_the_file(here, capsys):
    rng = np.random.default_rng(4)
    X = np.round(rng.uniform(0, 100, (200, 2)), 1)
    price = np.round(50_000 + 300 * X[:, 0] - 100 * X[:, 1], 1)
    write_csv(here / "houses.csv", X, price, ["area", "age"], "price")
    out, _ = run(
        capsys, "train", "houses.csv", "--regression", "--standardize", "--hidden", "10",
        "--activation", "tanh", "--epochs", "60", "--validation", "0.2", "--out", "h.npz",
    )  # fmt: skip
    net = fastnet.load("h.npz")
    assert net.activations == ["tanh", "identity"] and net.cost is fastnet.QuadraticCost
    assert "accuracy" not in " ".join(net.history[0]) and "right" not in out
    assert out.count("R^2 0.9") == 2 and "training: off by" in out and "validation: off by" in out
    run(capsys, "predict", "h.npz", "houses.csv", "-o", "p.csv")
    with open("p.csv", newline="") as file:
        head, *rows = csv.reader(file)
    predicted = np.array(rows, dtype=float)[:, 0]
    assert head == ["price"]
    assert np.sqrt(np.mean((predicted - price) ** 2)) < 0.1 * price.std()
    out, _ = run(capsys, "evaluate", "h.npz", "houses.csv")
    off = np.sqrt(np.mean((predicted - price) ** 2))
    share = 1 - off**2 / price.var()
    assert f"off by {off:.4g} (root mean square)" in out and f"R^2 {share:.4f}" in out
    assert f"{np.mean(np.abs(predicted - price)):.4g} (mean absolute)" in out


def digits(n=60):
    """Return little pictures of three digits, as bytes."""
    rng = np.random.default_rng(8)
    y = np.arange(n) % 3
    X = rng.integers(0, 100, (n, 2, 3)) + 70 * np.stack([y, 2 - y, y], axis=1)[:, None, :]
    return X.astype(np.uint8), y.astype(np.uint8)


@pytest.mark.parametrize("kind", ["npz", "idx"])
def test_bytes_of_archives_and_idx_files_are_divided_by_256(here, capsys, kind):
    X, y = digits()
    arrays = {"X_train": X[:45], "y_train": y[:45], "X_test": X[45:], "y_test": y[45:]}
    data = here / "pictures"
    if kind == "npz":
        data = here / "pictures.npz"
        np.savez(data, **arrays)
    else:
        data.mkdir()
        files = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        for name, array in zip(files, arrays.values(), strict=True):
            head = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
            (data / f"{name}-ubyte").write_bytes(head + array.tobytes())
    args = ["--hidden", "7", "--epochs", "9", "--eta", "2", "--out", "m.npz"]
    out, _ = run(capsys, "train", data, *args)
    assert "45 training, 15 test examples" in out
    net = fastnet.Network([6, 7, 3], rng=0)
    rows = X.reshape(60, 6) / 256
    net.train((rows[:45], y[:45]), 9, 10, optimizer=fastnet.SGD(2.0))
    assert np.array_equal(fastnet.load("m.npz").parameters, net.parameters)
    right = net.accuracy((rows[45:], y[45:]))
    assert right > 5
    assert f"right: {right} of 15 test examples" in out
    out, _ = run(capsys, "evaluate", "m.npz", data)
    assert f"right: {right} of 15 " in out
    # The same numbers as text are the same pictures.
    write_csv(here / "t.csv", X[45:].reshape(15, 6), y[45:], list("abcdef"), "digit")
    out, _ = run(capsys, "evaluate", "m.npz", "t.csv")
    assert f"right: {right} of 15 " in out
    # A network of the book's own, whose file says nothing, is given shares of 256 too.
    net.save("book.json")
    out, _ = run(capsys, "evaluate", "book.json", data)
    assert f"right: {right} of 15 " in out
    first, _ = run(capsys, "predict", "m.npz", data)
    second, _ = run(capsys, "predict", "book.json", data)
    assert first == second and first.count("\n") == 16


# --- evaluate and predict ------------------------------------------------------------------------


@pytest.fixture
def model(here, capsys):
    run(capsys, *TRAIN, "--out", "model.npz")
    return fastnet.load("model.npz")


def test_evaluate_prints_accuracy_cost_and_what_was_taken_for_what(model, capsys):
    out, err = run(capsys, "evaluate", "model.npz", "flowers.csv")
    X, kinds = flowers()
    inputs = model.preprocessing.inputs(X)
    y = np.searchsorted(KINDS, kinds)
    right = model.accuracy((inputs, y))
    cost = model.total_cost((inputs, y), 0.0)
    taken = model.feedforward(inputs).argmax(axis=1)
    lines = out.splitlines()
    assert lines[0] == "model.npz on flowers.csv, 120 examples"
    assert lines[1] == f"right: {right} of 120 ({right / 1.2:.2f} %)"
    assert lines[2] == f"cost: {cost:.6g} an example (CrossEntropyCost)"
    assert lines[5].split() == [*KINDS, "right"]
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
    assert err == ""
    head, *rows = csv.reader(io.StringIO(out))
    assert head == ["kind", "p_setosa", "p_versicolor", "p_virginica"]
    outputs = model.feedforward(model.preprocessing.inputs(X))
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=float), outputs)
    assert [row[0] for row in rows] == [KINDS[i] for i in outputs.argmax(axis=1)]
    _, err = run(capsys, "predict", "model.npz", "new.csv", "-o", "answers.csv")
    assert (here / "answers.csv").read_text() == out
    assert err == "answers.csv written: 120 answers\n"


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
    assert "wide.csv has 5 inputs an example, and the network takes 3" in said
    said = refused(capsys, "evaluate", "net.json", "without.csv")
    assert "without.csv has 2 inputs an example, and the network takes 3" in said


def test_a_single_sigmoid_tells_two_classes_apart(here, capsys):
    net = fastnet.Network([1, 1])
    net.weights, net.biases = [[[10.0]]], [[[0.0]]]
    net.preprocessing = Preprocessing(labels=["low", "high"], columns=["x"], target="level")
    net.save("net.npz")
    (here / "d.csv").write_text("x,level\n-1,low\n1,high\n2,low\n")
    out, _ = run(capsys, "evaluate", "net.npz", "d.csv")
    assert "right: 2 of 3" in out and re.search(r"low +1 +1 +50.0 %\nhigh +0 +1 +100.0 %", out)
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
    assert out.splitlines()[-2:] == ["     2 x  1 taken for 7", "     1 x  4 taken for 3"]


# --- show and info -------------------------------------------------------------------------------


def test_show(model, here, capsys):
    out, _ = run(capsys, "show", "model.npz")
    size = (here / "model.npz").stat().st_size
    assert out.startswith(f"model.npz: fastnet's own form, {size:,} bytes\n{model!r}\n")
    w = model.weights[0]
    figures = " +".join(f"{v:.4f}" for v in (w.mean(), w.std(), w.min(), w.max()))
    assert re.search(rf"^layer 1 weights +{figures} +0.0 %$", out, re.MULTILINE)
    assert "inputs: sepal length, sepal width, petal length\n" in out
    assert "what is done to them: each standardized\npredicts: kind\n" in out
    assert "classes: setosa, versicolor, virginica\ntrained for 12 epochs; after the last: " in out
    cost = model.history[-1]["running_cost"]
    right = model.history[-1]["running_accuracy"]
    assert f"running cost {cost:g}, running accuracy {right} right" in out
    fastnet.Network([2, 1], initializer="zeros").save("bare.json")
    out, _ = run(capsys, "show", "bare.json")
    assert "bare.json: the book's JSON" in out and "100.0 %" in out
    assert "inputs:" not in out and "trained" not in out


def test_info(capsys, monkeypatch):
    out, _ = run(capsys, "info")
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in out.splitlines())
    assert rows["fastnet"].startswith(fastnet.__version__) and rows["NumPy"] == np.__version__
    assert rows["kernels"].startswith(f"{fastnet.kernels.variant}, out of ")
    assert re.match(r"\d+ of \d+ processors", rows["threads"]) and rows["processor"]
    assert f"pytest {pytest.__version__}" in rows["[test]"]
    info = find("info")
    monkeypatch.setattr(info, "DISTRIBUTION", "no-such-distribution")
    assert info.extras() == {}
    assert info._version("no-such-package") == "no-such-package missing"


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("train", "the following arguments are required: DATA"),
        ("train flowers.csv --hidden many", "--hidden: got many; a whole number, 1 or more"),
        ("train --hidden 8 flowers.csv", "--hidden: got flowers.csv; a whole number"),
        ("train flowers.csv --hidden 5 5 --activation tanh relu tanh", "names 3 layers; --hidden"),
        ("train flowers.csv --activation swish", "got swish; the activations are sigmoid, tanh"),
        ("train flowers.csv --hidden 5 --activation softmax", "'softmax' in a hidden layer"),
        ("train flowers.csv --cost hinge", "got hinge; the costs are quadratic, cross_entropy"),
        ("train flowers.csv --cost cross_entropy --output softmax", "goes with output='sigmoid'"),
        ("train flowers.csv --regression --output softmax", "--regression has identity outputs"),
        ("train flowers.csv --regression --cost cross_entropy", "and the quadratic cost"),
        ("train flowers.csv --initializer magic", "got magic; the initializers are default, lecun"),
        ("train flowers.csv --optimizer adamm", "optimizer is 'adamm'; the optimizers are SGD"),
        ("train flowers.csv --schedule sometimes", "got sometimes; the schedules are constant"),
        ("train flowers.csv --schedule step", "got step; step:N:X is expected"),
        ("train flowers.csv --schedule step:1.5:0.1", "got step:1.5:0.1; step:N:X is expected"),
        ("train flowers.csv --schedule halve:1:2", "got halve:1:2; halve:N is expected"),
        ("train flowers.csv --schedule constant:1", "got constant:1; constant is expected"),
        ("train flowers.csv --schedule cosine:x", "got cosine:x; cosine:N is expected"),
        ("train flowers.csv --validation 1", "got 1; a share between 0 and 1 is expected"),
        ("train flowers.csv --validation 0", "got 0; a share between 0 and 1 is expected"),
        ("train flowers.csv --dropout 1", "got 1; a share, 0 or more and less than 1,"),
        ("train flowers.csv --dropout 0.1 0.2 0.3", "has 3 shares; give one, or 2"),
        ("train flowers.csv --clip-norm 0", "got 0; a positive number is expected"),
        ("train flowers.csv --eta -1", "--eta: got -1; a finite number, 0 or more"),
        ("train flowers.csv --epochs 0", "--epochs: got 0; a whole number, 1 or more"),
        ("evaluate model.npz", "the following arguments are required: DATA"),
        ("predict model.npz", "the following arguments are required: DATA"),
        ("show", "the following arguments are required: MODEL"),
        ("info everything", "unrecognized arguments: everything"),
    ],
)
def test_wrong_usage_ends_with_2(here, capsys, args, sentence):
    assert sentence in refused(capsys, *args.split(), code=2)
    assert [p.name for p in here.iterdir()] == ["flowers.csv"]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("train no.csv", "no.csv: No such file or directory"),
        (
            "train flowers.csv --label colour",
            "has no column 'colour'; its columns are sepal length",
        ),
        ("train flowers.csv --ignore colour", "has no column 'colour'"),
        (
            "train flowers.csv --regression",
            "row 1 has the label 'setosa'; expected a finite number",
        ),
        ("train flowers.csv --validation 0.001", "of 120 examples is 0; at least one must be on"),
        ("train gap.csv", "line 3, column 'a': the value is missing"),
        ("train numbers.csv", "the labels hold 0.5, which is no class number"),
        ("train one.csv", "all labels are 'x'; two or more classes are needed"),
        ("train large.csv --standardize", "column 0 holds numbers that are too large"),
        ("train test-only.npz", "test-only.npz holds a test part only; give X_train and y_train"),
        ("train nan.npz", "X holds nan in row 0"),
        ("train flowers.csv --out m.json --activation relu", "a name that ends in .npz"),
        ("train flowers.csv --out m.json --standardize", "has preprocessing; give the file a name"),
        ("train flowers.csv --out folder", "folder is a folder; give the name of a file"),
        ("train flowers.csv --out gap.csv/m.npz", "gap.csv/m.npz: "),
        ("evaluate no.npz flowers.csv", "no.npz: No such file or directory"),
        (
            "evaluate flowers.csv flowers.csv",
            "'flowers.csv' is not a saved network: it is not whole",
        ),
        ("evaluate model.npz gap.csv", "it has no column 'kind'; its columns are a, b"),
        ("evaluate model.npz test-only.npz", "has 2 inputs an example, and the network takes 3"),
        ("evaluate model.npz other.csv", "row 2 has the label 'rose'; the classes are 'setosa'"),
        ("predict model.npz gap.csv", "it has no column 'sepal length'"),
        ("predict model.npz flowers.csv -o gap.csv/a.csv", "gap.csv/a.csv: "),
        ("show flowers.csv", "'flowers.csv' is not a saved network"),
    ],
)
def test_bad_input_ends_with_1_and_one_sentence(model, here, capsys, args, sentence):
    (here / "folder").mkdir()
    (here / "gap.csv").write_text("a,b\n1,x\n,y\n")
    (here / "numbers.csv").write_text("a,b\n1,0.5\n2,1\n")
    (here / "one.csv").write_text("a,b\n1,x\n2,x\n")
    (here / "large.csv").write_text("a,b\n1e300,x\n-1e300,y\n")
    write_csv(here / "other.csv", flowers(2)[0], ["setosa", "rose"])
    np.savez("test-only.npz", X_test=np.eye(2), y_test=[0, 1])
    np.savez("nan.npz", X=[[np.nan], [1.0]], y=[0, 1])
    before = sorted(p.name for p in here.iterdir())
    assert sentence in refused(capsys, *args.split())
    assert sorted(p.name for p in here.iterdir()) == before


def test_divergence_ends_with_1_and_leaves_the_last_finite_network(here, capsys):
    rng = np.random.default_rng(1)
    write_csv(here / "d.csv", rng.standard_normal((50, 3)) * 100, rng.standard_normal(50))
    args = ["d.csv", "--regression", "--activation", "identity", "--eta", "0.5", "--out", "m.npz"]
    said = refused(capsys, "train", *args)
    assert "training diverged in epoch 1: layer 1 has parameters that are not finite" in said
    assert "try a smaller --eta" in said and "m.npz written" in said
    start = fastnet.Network(
        [3, 100, 1], "quadratic", activation="identity", output="identity", rng=0
    )
    assert np.array_equal(fastnet.load("m.npz").parameters, start.parameters)


def test_a_missing_extra_is_named(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    said = refused(capsys, "train", "flowers.csv", "--optimizer", "LBFGS")
    assert "LBFGS needs SciPy; install it with `pip install 'fastnet-mlp[scipy]'`" in said


# --- processes -----------------------------------------------------------------------------------


def large_csv(here):
    """Write data that take long to train on."""
    rng = np.random.default_rng(0)
    np.savez(here / "large.npz", X=rng.standard_normal((20_000, 50)), y=np.arange(20_000) % 2)
    return "large.npz"


@pytest.mark.skipif(os.name != "posix", reason="signals to a process are POSIX matters")
def test_ctrl_c_leaves_the_network_as_trained_until_then(here):
    args = [large_csv(here), "--epochs", "100000", "--out", "m.npz", "--json", "m.json"]
    process = subprocess.Popen(
        [*FASTNET, "train", *args],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not process.stdout.readline().startswith("    2 "):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - began < 10
    found = re.fullmatch(
        r"fastnet: interrupted after (\d+) epochs? of 100000; m\.npz written; m\.json written; "
        r"trained for [\d.]+ s\n",
        err,
    )
    assert found, err
    net = fastnet.load(here / "m.npz")
    assert len(net.history) == int(found[1]) >= 1 and net.sizes == [50, 100, 2]
    assert np.isfinite(net.parameters).all()
    start = fastnet.Network([50, 100, 2], rng=0)
    assert not np.array_equal(net.parameters, start.parameters)
    assert json.loads((here / "m.json").read_text())["history"] == list(net.history)


def test_commands_join_in_a_pipe(here):
    def shell(*args, **options):
        done = subprocess.run(
            [*FASTNET, *args], cwd=here, capture_output=True, text=True, check=False, **options
        )
        assert done.returncode == 0, done.stderr
        assert "\r" not in done.stdout + done.stderr
        return done.stdout, done.stderr

    out, err = shell("train", "flowers.csv", "--epochs", "3", "--out", "deep/er/m.npz", "--quiet")
    assert "epoch " not in out and "training: 36 of 36 steps" in err
    answers, _ = shell("predict", "deep/er/m.npz", "flowers.csv")
    assert answers.count("\n") == 121
    # A reader who goes away early costs neither the network nor an error.
    command = " ".join([*FASTNET, "train", "flowers.csv", "--epochs", "30", "--out", "n.npz"])
    done = subprocess.run(
        f"{command} | head -1", shell=True, cwd=here, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("3-100-3 on flowers.csv")
    assert "Traceback" not in done.stderr and "n.npz written" in done.stderr
    assert len(fastnet.load(here / "n.npz").history) == 30
