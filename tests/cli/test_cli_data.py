"""What the commands take data to be: which numbers are bytes, which column has the labels."""

import gzip
import io
import os
import threading
import types
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet.preprocessing import byte_scale

from ..own_data import flowers, refused, run, write_csv

TRAIN = ("--hidden", "4", "--epochs", "3", "--eta", "1", "--out", "m.npz")


def pictures(n=60):
    rng = np.random.default_rng(8)
    y = np.arange(n) % 3
    X = rng.integers(0, 100, (n, 2, 3)) + 70 * np.stack([y, 2 - y, y], axis=1)[:, None, :]
    X[0, 0, 0] = 255
    return X, y


INTEGERS = ("u1", "i2", "u2", "i4", "u4", "i8", "u8")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_bytes_are_scaled_alike_in_every_integer_type(here, capsys, dtype):
    X, y = pictures()
    np.savez("d.npz", X=X.astype(dtype), y=y)
    out, _ = run(capsys, "train", "d.npz", *TRAIN)
    assert "inputs: bytes, divided by 256\n" in out
    net = fastnet.Network([6, 4, 3], rng=0)
    rows = X.reshape(60, 6) / 256
    net.train((rows, y), 3, 10, optimizer=fastnet.SGD(1.0))
    assert np.array_equal(fastnet.load("m.npz").parameters, net.parameters)
    right = int(np.sum(net.feedforward(rows).argmax(axis=1) == y))
    # Answers do not depend on the type in which the pictures come, nor on how bright these are.
    dark = rows[:, 0].argsort()[:30]
    right_dark = int(np.sum(net.feedforward(rows[dark]).argmax(axis=1) == y[dark]))
    for other in (*INTEGERS, "f4", "f8"):
        np.savez("e.npz", X=X.astype(other), y=y)
        assert f"({right} of 60)" in run(capsys, "evaluate", "m.npz", "e.npz")[0]
        np.savez("e.npz", X=X[dark].astype(other), y=y[dark])
        assert f"({right_dark} of 30)" in run(capsys, "evaluate", "m.npz", "e.npz")[0]


def test_what_are_bytes():
    zeros = np.zeros((3, 2))
    assert byte_scale(zeros.astype("u1")) == 256
    for top, scale in ((255, 256), (128, 256), (127, 1), (256, 1), (1, 1)):
        numbers = zeros.copy()
        numbers[1, 1] = top
        for dtype in ("i2", "u2", "i4", "u4", "i8", "u8"):
            assert byte_scale(numbers.astype(dtype)) == scale
        assert byte_scale(numbers) == 1 == byte_scale(numbers, ["age", "weight"])
        assert byte_scale(numbers, ["pixel0", "pixel1"]) == scale
        assert byte_scale(numbers, ["1x1", "28x28"]) == scale
        assert byte_scale(numbers, ["pixel0", "age"]) == 1
    numbers = np.array([[-1, 255]])
    assert byte_scale(numbers) == 1 == byte_scale(numbers * 1.0, ["pixel0", "pixel1"])
    assert byte_scale(np.array([[0.5, 255]]), ["pixel0", "pixel1"]) == 1


def test_pixels_of_a_table_are_scaled_and_other_large_numbers_named(here, capsys):
    X, y = pictures()
    rows = X.reshape(60, 6)
    write_csv(here / "d.csv", rows, y, [f"pixel{i}" for i in range(6)], "digit")
    out, _ = run(capsys, "train", "d.csv", *TRAIN)
    assert "inputs: bytes, divided by 256\n" in out
    as_table = fastnet.load("m.npz").parameters
    np.savez("d.npz", X=X.astype("u1"), y=y)
    run(capsys, "train", "d.npz", *TRAIN)
    assert np.array_equal(as_table, fastnet.load("m.npz").parameters)
    write_csv(here / "d.csv", rows, y, list("abcdef"), "digit")
    out, _ = run(capsys, "train", "d.csv", *TRAIN)
    assert "not scaled: a (up to 255), " in out and " and 3 more; try --standardize\n" in out
    assert not fastnet.load("m.npz").preprocessing.changes_inputs
    assert "inputs: standardized\n" in run(capsys, "train", "d.csv", "--standardize", *TRAIN)[0]
    write_csv(here / "d.csv", rows / 256, y, list("abcdef"), "digit")
    assert "inputs" not in run(capsys, "train", "d.csv", *TRAIN)[0]


def test_a_model_that_does_not_say_how_inputs_are_scaled_is_not_trusted_silently(here, capsys):
    X, y = pictures()
    net = fastnet.Network([6, 3], rng=0)
    net.save("m.npz")
    for dtype in ("u1", "i8"):
        np.savez("d.npz", X=X.astype(dtype), y=y)
        for command in ("evaluate", "predict"):
            _, err = run(capsys, command, "m.npz", "d.npz")
            assert "m.npz does not say how to scale inputs; bytes were divided by 256" in err
            assert "m.npz does not name classes; they are called 0 to 2" in err


def test_comparisons_scale_bytes_alike(here):
    from fastnet.compare import read_data

    X, y = pictures()
    for dtype in INTEGERS:
        X_test = np.minimum(X[40:], 99)  # darker than what is trained on
        np.savez(
            "d.npz", X_train=X[:40].astype(dtype), y_train=y[:40],
            X_test=X_test.astype(dtype), y_test=y[40:],
        )  # fmt: skip
        data = read_data("d.npz")
        assert np.array_equal(data.training[0], X[:40].reshape(40, 6) / 256)
        assert np.array_equal(data.evaluation[0], X_test.reshape(20, 6) / 256)


def test_the_column_with_the_labels_is_always_named(here, capsys):
    for options, column in (
        ([], "kind"),
        (["--label", "kind"], "kind"),
        (["--label", "sepal length", "--ignore", "kind", "--regression"], "sepal length"),
    ):
        out, _ = run(capsys, "train", "flowers.csv", "--epochs", "1", *options)
        assert f"labels: column '{column}'\n" in out
    (here / "flat.csv").write_text("label,pixel0,pixel1\n1,0,0\n2,9,0\n")
    said = refused(capsys, "train", "flat.csv")
    assert "the labels may be in the last column, 'pixel1', or in 'label'" in said
    assert "--label label or --label pixel1" in said
    said = refused(capsys, "train", "flat.csv", "--label", "pixel1")
    assert "all labels are" in said and "(labels were read from column 'pixel1'" in said
    net = fastnet.Network([2, 3], rng=0)
    net.save("m.npz")
    for command in ("evaluate", "predict"):
        assert "flat.csv" in (said := refused(capsys, command, "m.npz", "flat.csv"))
        assert "or in 'label'" in said
    out, _ = run(capsys, "evaluate", "m.npz", "flat.csv", "--label", "label")
    assert out.startswith("m.npz on flat.csv, 2 examples, labels in column 'label'\n")
    (here / "other.csv").write_text("a,b,kind\n1,0,x\n2,9,0\n")
    assert "other.csv, column 'kind': row 1 has" in refused(
        capsys, "evaluate", "m.npz", "other.csv"
    )
    _, err = run(capsys, "predict", "m.npz", "other.csv")
    assert "other.csv: not used: kind" in err


def test_unused_parts_are_named_by_every_command(here, capsys):
    X, y = pictures()
    parts = {"X_train": X[:40], "y_train": y[:40], "X_val": X[40:], "y_val": y[40:]}
    np.savez("d.npz", **parts)
    out, _ = run(capsys, "train", "d.npz", *TRAIN)
    assert "d.npz: not used: X_val, y_val\n" in out
    for command in ("evaluate", "predict"):
        assert "d.npz: not used: X_val, y_val\n" in run(capsys, command, "m.npz", "d.npz")[1]
    np.savez("d.npz", **parts, X_test=X, y_test=y)
    for command in ("evaluate", "predict"):
        _, err = run(capsys, command, "m.npz", "d.npz")
        assert "d.npz: not used: the training part, X_val, y_val\n" in err


def test_a_comparison_names_what_it_does_not_use(here, capsys):
    X, y = pictures()
    parts = {"x_train": X[:40], "y_train": y[:40], "x_test": X[40:], "y_test": y[40:]}
    options = ("--data", "d.npz", "--epochs", "1", "--hidden", "2")
    np.savez("d.npz", **parts)
    assert "not used" not in run(capsys, "compare", *options)[1]
    np.savez("d.npz", **parts, val_images=X, **{"odd\x1b[2J": y})
    assert "d.npz: not used: val_images, odd?[2J\n" in run(capsys, "compare", *options)[1]


def test_a_table_without_a_header_from_training_to_answers(here, capsys):
    X, kinds = flowers()
    with open("plain.data", "w") as file:
        file.writelines(
            f"{','.join(map(str, row))},{kind}\n"
            for row, kind in zip(X.tolist(), kinds, strict=True)
        )
    said = refused(capsys, "train", "plain.data")
    assert "its first line looks like data" in said and "--no-header" in said
    options = ("--standardize", "--epochs", "12", "--hidden", "8", "--eta", "1")
    out, _ = run(capsys, "train", "plain.data", "--no-header", *options, "--out", "m.npz")
    assert "120 training examples" in out and "labels: column '4'" in out
    run(capsys, "train", "flowers.csv", *options, "--out", "n.npz")
    assert np.array_equal(fastnet.load("m.npz").parameters, fastnet.load("n.npz").parameters)
    assert fastnet.load("m.npz").preprocessing.columns == ("1", "2", "3")
    right = run(capsys, "evaluate", "n.npz", "flowers.csv")[0].splitlines()[1]
    assert run(capsys, "evaluate", "m.npz", "plain.data", "--no-header")[0].splitlines()[1] == right
    refused(capsys, "evaluate", "m.npz", "plain.data")
    refused(capsys, "predict", "m.npz", "plain.data")
    answers = run(capsys, "predict", "m.npz", "plain.data", "--no-header")[0].splitlines()
    assert len(answers) == 121
    assert answers[1:] == run(capsys, "predict", "n.npz", "flowers.csv")[0].splitlines()[1:]


def test_gzipped_tables_are_read_by_every_command(here, capsys):
    (here / "flowers.csv.gz").write_bytes(gzip.compress((here / "flowers.csv").read_bytes()))
    run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "a.npz")
    run(capsys, "train", "flowers.csv.gz", "--epochs", "2", "--out", "b.npz")
    assert (here / "a.npz").read_bytes() == (here / "b.npz").read_bytes()
    one, other = (run(capsys, "predict", "a.npz", f"flowers.csv{end}")[0] for end in ("", ".gz"))
    assert one == other


def pipe(monkeypatch, content):
    """Make bytes what comes through standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input_is_read_by_every_command(here, capsys, monkeypatch):
    table = (here / "flowers.csv").read_bytes()
    run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "a.npz")
    pipe(monkeypatch, gzip.compress(table))
    out, _ = run(capsys, "train", "-", "--epochs", "2", "--out", "b.npz")
    assert out.startswith("3-100-3 on standard input: 120 training examples\n")
    assert (here / "a.npz").read_bytes() == (here / "b.npz").read_bytes()
    for command in ("evaluate", "predict"):
        pipe(monkeypatch, table)
        piped, _ = run(capsys, command, "a.npz", "-")
        wanted = run(capsys, command, "a.npz", "flowers.csv")[0]
        assert piped == wanted.replace("on flowers.csv", "on standard input")
    archive = io.BytesIO()
    np.savez(archive, **dict(zip("Xy", pictures(), strict=True)))
    pipe(monkeypatch, archive.getvalue())
    assert "6-100-3 on standard input" in run(capsys, "train", "-", *TRAIN[2:])[0]


def test_what_is_wrong_with_standard_input_is_said(here, capsys, monkeypatch):
    pipe(monkeypatch, b"")
    assert refused(capsys, "train", "-").startswith("fastnet: standard input: it is empty")
    pipe(monkeypatch, b"a,b,k\nw,1,x\n")
    assert "standard input: line 2, column 'a' has 'w'" in refused(capsys, "train", "-")
    monkeypatch.setattr("fastnet.datasets.sources.MOST_BYTES", 5 << 20)
    pipe(monkeypatch, b"a,k\n" + b"1,x\n2,y\n" * (5 << 17))
    said = refused(capsys, "train", "-")
    assert said.startswith("fastnet: standard input has more than ")
    assert said.endswith("; write the data to a file and give its name")
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input is closed" in refused(capsys, "train", "-")
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(closed=False, isatty=lambda: True))
    assert "standard input (-) is a terminal" in refused(capsys, "train", "-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="os.mkfifo is missing: Windows has none")
def test_a_named_pipe_is_read_once(here, capsys):
    run(capsys, "train", "flowers.csv", "--epochs", "2", "--out", "a.npz")
    os.mkfifo("pipe")
    table = (here / "flowers.csv").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(table))
    writer.start()
    out, _ = run(capsys, "evaluate", "a.npz", "pipe")
    writer.join()
    assert out == run(capsys, "evaluate", "a.npz", "flowers.csv")[0].replace("flowers.csv", "pipe")


def test_columns_and_targets_that_are_not_scaled_get_one_line(here, capsys):
    rows = "".join(f"{40 + i},0.5,{i % 4},{2000 + i},{-25 * i}.5\n" for i in range(20))
    (here / "houses.csv").write_text(f"area,share,rooms,year,price\n{rows}")
    args = ("train", "houses.csv", "--regression", "--epochs", "1", "--quiet", *TRAIN[-2:])
    out, _ = run(capsys, *args)
    advice = (
        "not scaled: price (up to 475.5), area (up to 59), year (up to 2019); try --standardize"
    )
    assert [line for line in out.splitlines() if "scale" in line] == [advice]
    assert "not scaled" not in run(capsys, *args, "--standardize")[0]
    np.savez("d.npz", X=np.array([[-300, 4], [2, 3]] * 9, np.int16), y=[0, 1] * 9)
    out, _ = run(capsys, "train", "d.npz", *TRAIN)
    assert "not scaled: inputs (up to 300); try --standardize\n" in out
