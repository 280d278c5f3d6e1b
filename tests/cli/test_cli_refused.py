"""What the commands for people's own data refuse: one sentence, and the exit code."""

import os
import sys

import numpy as np
import pytest

import fastnet

from ..own_data import flowers, refused, run, write_csv


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("train", "the following arguments are required: DATA"),
        (
            "train flowers.csv --hidden many",
            "--hidden: got many; expected a whole number, 1 or more",
        ),
        ("train --hidden 8 flowers.csv", "--hidden: got flowers.csv; expected a whole number"),
        (
            "train flowers.csv --hidden 5 5 --activation tanh relu tanh",
            "has 3 names; give one, or 2",
        ),
        ("train flowers.csv --activation swish", "got swish; the activations are sigmoid, tanh"),
        ("train flowers.csv --hidden 5 --activation softmax", "'softmax' in a hidden layer"),
        ("train flowers.csv --cost hinge", "got hinge; the costs are quadratic, cross_entropy"),
        ("train flowers.csv --cost cross_entropy --output softmax", "goes with output='sigmoid'"),
        ("train flowers.csv --regression --output softmax", "--regression needs output identity"),
        (
            "train flowers.csv --regression --cost cross_entropy",
            "needs output identity and cost quadratic or huber",
        ),
        ("train flowers.csv --initializer magic", "got magic; the initializers are default, lecun"),
        (
            "train flowers.csv --initializer he_normal:x",
            "got he_normal:x; expected he_normal:GAIN",
        ),
        ("train flowers.csv --initializer he_normal:", "got he_normal:; expected he_normal:GAIN"),
        ("train flowers.csv --initializer he_normal:0", "got he_normal:0; expected he_normal:GAIN"),
        ("train flowers.csv --initializer zeros:2", "got zeros:2; zeros takes no gain"),
        ("train flowers.csv --initializer lsuv:2", "got lsuv:2; lsuv takes no gain"),
        ("train flowers.csv --initializer magic:2", "got magic; the initializers are default"),
        ("train flowers.csv --initializer nan", "got nan; the initializers are default"),
        ("train flowers.csv --initializer zeros,", "got nothing; the initializers are default"),
        (
            "train flowers.csv --initializer large,large,large",
            "has 3 entries; give one, or 2: for each",
        ),
        ("train flowers.csv --optimizer adamm", "got adamm. Did you mean 'Adam'?"),
        ("train flowers.csv --schedule sometimes", "got sometimes; the schedules are constant"),
        ("train flowers.csv --schedule step:x", "got step:x; expected step:N:X"),
        ("train flowers.csv --schedule step:1.5:0.1", "got step:1.5:0.1; expected step:N:X"),
        ("train flowers.csv --schedule halve:1:2", "got halve:1:2; expected halve:N"),
        ("train flowers.csv --schedule constant:1", "got constant:1; expected constant"),
        ("train flowers.csv --schedule cosine:x", "got cosine:x; expected cosine:N"),
        ("train flowers.csv --validation 1", "got 1; expected a fraction between 0 and 1"),
        ("train flowers.csv --validation 0", "got 0; expected a fraction between 0 and 1"),
        ("train flowers.csv --dropout 1", "got 1; expected a fraction, 0 or more and below 1"),
        ("train flowers.csv --dropout 0.1 0.2 0.3", "has 3 fractions; give one, or 2"),
        ("train flowers.csv --clip-norm 0", "got 0; expected a positive number"),
        ("train flowers.csv --eta -1", "--eta: got -1; expected a finite number, 0 or more"),
        ("train flowers.csv --epochs 0", "--epochs: got 0; expected a whole number, 1 or more"),
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
        (
            "train flowers.csv --validation 0.001",
            "of 120 examples is 0; training and validation need",
        ),
        ("train gap.csv", "line 3, column 'a': the value is missing"),
        ("train numbers.csv", "the labels contain 0.5, which is not a class number"),
        ("train one.csv", "all labels are 'x'; two or more classes are needed"),
        ("train large.csv --standardize", "column 0 contains numbers that are too large"),
        ("train test-only.npz", "test-only.npz has only a test part; add X_train and y_train"),
        ("train nan.npz", "X holds nan in row 0"),
        ("train flowers.csv --out m.json --activation relu", "a name that ends in .npz"),
        ("train flowers.csv --out m.json --standardize", "has preprocessing. Give the file a name"),
        ("train flowers.csv --out folder", "folder is a folder; give a file name"),
        ("train flowers.csv --out gap.csv/m.npz", "gap.csv/m.npz: "),
        ("evaluate no.npz flowers.csv", "no.npz: No such file or directory"),
        (
            "evaluate flowers.csv flowers.csv",
            "flowers.csv is a table, not a network saved by",
        ),
        ("evaluate model.npz gap.csv", "it has no column 'kind'; its columns are a, b"),
        ("evaluate model.npz test-only.npz", "has 2 inputs per example; the network takes 3"),
        ("evaluate model.npz other.csv", "row 2 has the label 'rose'; the classes are 'setosa'"),
        ("predict model.npz gap.csv", "it has no column 'sepal length'"),
        ("predict model.npz flowers.csv -o gap.csv/a.csv", "gap.csv/a.csv: "),
        ("show flowers.csv", "flowers.csv is a table, not a network saved by"),
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


def test_a_message_is_broken_between_words_in_a_terminal_alone(here, capsys, monkeypatch):
    def said(width):
        monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((width, 24)))
        monkeypatch.setattr("sys.stderr.fileno", lambda: 2)
        return run(capsys, "train", "no such file.csv", code=1)[1]

    whole = said(30)
    assert whole == "fastnet: no such file.csv: No such file or directory\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert said(30) == "fastnet: no such file.csv: No\nsuch file or directory\n"
    assert said(80) == said(0) == whole
