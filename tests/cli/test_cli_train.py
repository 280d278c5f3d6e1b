"""`fastnet train` on people's own data, run for real: what it prints, writes, and leaves."""

import csv
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest

import fastnet
from fastnet.cli import main

from ..commands import FASTNET
from ..own_data import COLUMNS, KINDS, TRAIN, by_hand, flowers, run, write_csv


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
    assert out.splitlines()[-1] == f"training accuracy: {right / 1.2:.2f} % ({right} of 120)"
    assert out.startswith("3-8-3 on flowers.csv: 120 training examples\n")
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +[\d.]+$", out, re.MULTILINE)
    for epoch, (row, record) in enumerate(zip(rows, got.history, strict=True), start=1):
        cost, share = record["running_cost"], 100 * record["running_accuracy"]
        assert row == (str(epoch), f"{cost:.5g}", f"{share:.2f}")
    assert re.fullmatch(r"model\.npz written; trained for [\d.]+ s\n", err)


def test_the_line_of_an_epoch_fits_a_terminal(here, capsys):
    out, _ = run(capsys, *TRAIN, "--validation", "0.25")
    table = out.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert table[0].startswith("epoch ") and table[0].endswith("  seconds")
    assert len({len(line) for line in table}) == 1 and len(table[0]) <= 80


def test_each_option_reaches_the_network(here, capsys):
    options = (
        "--hidden 6 5 --activation tanh gelu --output softmax --initializer he_normal "
        "--dtype float32 --optimizer adamw --eta 0.01 --l1 0.1 --l2 0.2 --dropout 0 0.25 0.5 "
        "--max-norm 2 --clip-norm 3 --mini-batch-size 16 --seed 5 --epochs 2 --schedule step:1:0.5"
    )
    out, _ = run(capsys, "train", "flowers.csv", *options.split(), "--json", "run.json")
    numbers = json.loads((here / "run.json").read_text())
    X, kinds = flowers()
    net = fastnet.Network(
        [3, 6, 5, 3],
        "log_likelihood",
        activation=["tanh", "gelu"],
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
    assert sorted(p.name for p in here.iterdir()) == ["flowers.csv", "model.npz", "run.json"]


@pytest.mark.parametrize(
    ("given", "initializer"),
    [
        ("0.25", 0.25),
        ("-0.1", -0.1),
        ("he_normal:1.5", fastnet.initializers.he_normal(gain=1.5)),
        ("orthogonal:2,zeros,0", [fastnet.initializers.orthogonal(2.0), "zeros", 0]),
        ("lsuv", "lsuv"),
        ("lecun_uniform, lsuv, zeros", ["lecun_uniform", "lsuv", "zeros"]),
    ],
)  # fmt: skip
def test_initializers_have_gains_and_layers(here, capsys, given, initializer):
    """lsuv is given the training data, standardized as they are trained on."""
    options = "--hidden 6 5 --activation relu --epochs 1 --eta 0 --seed 4 --standardize"
    run(capsys, "train", "flowers.csv", *options.split(), "--initializer", given, "--out", "m.npz")
    model = fastnet.load("m.npz")
    net = fastnet.Network([3, 6, 5, 3], activation="relu", rng=4, initializer=initializer)
    if "lsuv" in given:
        X = flowers()[0]
        net.initialize(data=(X - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(model.parameters, net.parameters, rtol=1e-10)
    assert repr(model).splitlines()[-1] == repr(net).splitlines()[-1].replace("'0'", "'0.0'")


def test_the_books_form_keeps_names(here, capsys):
    _, err = run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "m.json")
    assert err.startswith("m.json written; trained")
    run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "m.npz")
    book, own = fastnet.load("m.json"), fastnet.load("m.npz")
    assert book.preprocessing == own.preprocessing and own.preprocessing.labels == KINDS
    assert np.array_equal(book.parameters, own.parameters)
    for command in ("evaluate", "predict"):
        one, other = (run(capsys, command, f"m.{form}", "flowers.csv") for form in ("npz", "json"))
        assert one[0] == other[0].replace("m.json", "m.npz") and one[1] == other[1] == ""


def test_examples_put_aside_are_chosen_by_the_seed_and_standardized_by_the_others(here, capsys):
    out, _ = run(capsys, *TRAIN, "--validation", "0.25", "--out", "a.npz", "--json", "a.json")
    numbers = json.loads((here / "a.json").read_text())
    assert numbers["examples"] == {"training": 90, "validation": 30}
    assert "90 training, 30 validation examples" in out
    assert re.search(r"training accuracy: .* of 90\)\nvalidation accuracy: .* of 30\)", out)
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
    assert f"parameters of epoch {best} restored, the best; a.npz written" in err
    assert f"({round(12 * max(hits))} of 12)" in out  # a tenth, unless said otherwise


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
    assert "accuracy" not in " ".join(net.history[0]) and "accuracy" not in out
    assert out.count("R^2 0.9") == 2 and "training: RMSE" in out and "validation: RMSE" in out
    run(capsys, "predict", "h.npz", "houses.csv", "-o", "p.csv")
    with open("p.csv", newline="") as file:
        head, *rows = csv.reader(file)
    predicted = np.array(rows, dtype=float)[:, 0]
    assert head == ["price"]
    assert np.sqrt(np.mean((predicted - price) ** 2)) < 0.1 * price.std()
    out, _ = run(capsys, "evaluate", "h.npz", "houses.csv")
    off = np.sqrt(np.mean((predicted - price) ** 2))
    share = 1 - off**2 / price.var()
    assert f"RMSE {off:.4g}, MAE " in out and f"R^2 {share:.4f}" in out
    assert f", MAE {np.mean(np.abs(predicted - price)):.4g}, " in out


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
    assert f"test accuracy: {100 * right / 15:.2f} % ({right} of 15)" in out
    out, _ = run(capsys, "evaluate", "m.npz", data)
    assert f"({right} of 15)" in out
    # The same numbers as text are the same pictures.
    write_csv(here / "t.csv", X[45:].reshape(15, 6), y[45:], list("abcdef"), "digit")
    out, _ = run(capsys, "evaluate", "m.npz", "t.csv")
    assert f"({right} of 15)" in out
    # A network of the book's own, whose file says nothing, is given shares of 256 too.
    net.save("book.json")
    out, _ = run(capsys, "evaluate", "book.json", data)
    assert f"({right} of 15)" in out
    first, _ = run(capsys, "predict", "m.npz", data)
    second, _ = run(capsys, "predict", "book.json", data)
    assert first == second and first.count("\n") == 16


def large_csv(here):
    """Write data that take long to train on."""
    rng = np.random.default_rng(0)
    np.savez(here / "large.npz", X=rng.standard_normal((20_000, 50)), y=np.arange(20_000) % 2)
    return "large.npz"


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals to a process are missing on Windows")
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
    _, err = process.communicate(timeout=600)  # to its end it would take hours
    assert process.returncode == 130
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
    assert "epoch " not in out and "training: 36 of 36 mini-batches" in err
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


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("columns", "numbers"), [(80, 6), (60, 4), (40, 3)])
def test_lines_of_epochs_fit_the_terminal(here, monkeypatch, columns, numbers):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert main([*TRAIN, "--validation", "0.2"]) == 0
    lines = sys.stdout.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    (last,) = [line.split() for line in lines if line.startswith("   12 ")]
    assert len(last) == numbers
    assert float(last[-2]) <= 100  # the accuracy on the validation examples is the last to go


def test_a_bar_within_an_epoch_ends_with_it(monkeypatch, capsys):
    from fastnet.cli.train import _EpochBar

    now = [0.0]
    monkeypatch.setattr("fastnet.common.progress.monotonic", lambda: now[0])
    with _EpochBar(2) as bar:
        for done in (1, 2, 3, 4, 5):
            bar(done, 8)
            now[0] += 0.6
        now[0] += 1
        bar(7, 8)
        bar(8, 8)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 2: 3 of 4 mini-batches, 1 s, 0:00 left",
        "epoch 2 of 2: 3 of 4 mini-batches, 2 s, 0:01 left",
    ]
