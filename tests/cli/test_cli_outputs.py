"""Outputs of commands never replace what is read; what is printed moves no terminal."""

import csv
import gzip
import os
import re
import struct

import numpy as np
import pytest

import fastnet
from fastnet import Preprocessing

from ..own_data import flowers, refused, run, write_csv

TRAIN = ("train", "flowers.csv", "--epochs", "1")


def other_names(path):
    """Return names of one file: its own, absolute, through a folder and back, and two links."""
    folder = path.parent
    (folder / "inner").mkdir()
    os.symlink(path, folder / "symbolic")
    os.symlink(folder, folder / "folder-link")
    os.link(path, folder / "hard")
    return (
        path.name,
        str(path),
        f"inner/../{path.name}",
        "symbolic",
        f"folder-link/{path.name}",
        "hard",
    )


links = pytest.mark.skipif(
    os.name != "posix", reason="symbolic links are missing: Windows needs a privilege"
)


@links
@pytest.mark.parametrize("option", ["--out", "--json"])
def test_training_never_replaces_its_data(here, capsys, option):
    path = here / "flowers.csv"
    content = path.read_bytes()
    for name in other_names(path):
        for force in ([], ["--force"]):
            said = refused(capsys, *TRAIN, option, name, *force)
            assert f"{option} {name} is the input file flowers.csv" in said
            assert path.read_bytes() == content


@links
@pytest.mark.parametrize("read", ["model.npz", "flowers.csv"])
def test_answers_never_replace_model_or_data(model, here, capsys, read):
    path = here / read
    content = path.read_bytes()
    for name in other_names(path):
        assert "is the input file" in refused(
            capsys, "predict", "model.npz", "flowers.csv", "-o", name
        )
        assert path.read_bytes() == content


def test_a_folder_of_idx_files_is_not_replaced(here, capsys):
    folder = here / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, n in (("train", 20), ("t10k", 8)):
        for kind, shape in (("images-idx3", (n, 2, 2)), ("labels-idx1", (n,))):
            array = (rng.integers(0, 9, shape) if len(shape) > 1 else np.arange(n) % 2).astype("u1")
            head = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + array.tobytes())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in before:
        for option in ("--out", "--json"):
            refused(capsys, "train", "pictures", "--epochs", "1", option, f"pictures/{name}")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    # A model beside them is welcome.
    run(capsys, "train", "pictures", "--epochs", "1", "--out", "pictures/model.npz")


@links
@pytest.mark.parametrize("name", ["compare.json", "compare.png"])
def test_a_comparison_never_replaces_its_data(here, capsys, name):
    X, y = np.eye(4), np.arange(4) % 2
    np.savez("data.npz", X_train=X, y_train=y, X_test=X, y_test=y)
    os.link("data.npz", name)
    content = (here / "data.npz").read_bytes()
    said = refused(capsys, "compare", "--data", "data.npz", "--epochs", "1", "--hidden", "2")
    assert f"{name} is the input file data.npz" in said
    assert (here / name).read_bytes() == (here / "data.npz").read_bytes() == content


def test_two_outputs_are_two_files(here, capsys):
    said = refused(capsys, *TRAIN, "--out", "m.npz", "--json", "./m.npz")
    assert "--json ./m.npz is also the file of --out" in said
    assert not (here / "m.npz").exists()


def test_a_model_replaces_models_and_nothing_else(here, capsys):
    (here / "thesis.txt").write_text("years of work")
    np.savez(here / "arrays.npz", X=np.eye(2))
    (here / "numbers.json").write_text('{"a": 1}')
    for name in ("thesis.txt", "arrays.npz", "numbers.json"):
        content = (here / name).read_bytes()
        said = refused(capsys, *TRAIN, "--out", name)
        assert f"--out {name} exists and is not a saved network" in said and "--force" in said
        assert (here / name).read_bytes() == content
        run(capsys, *TRAIN, "--out", name, "--force")
        assert fastnet.load(name).sizes == [3, 100, 3]
        run(capsys, *TRAIN, "--hidden", "2", "--out", name)  # a model by now
        assert fastnet.load(name).sizes == [3, 2, 3]
    (here / "empty").touch()
    run(capsys, *TRAIN, "--out", "empty")
    if os.path.exists(os.devnull):
        run(capsys, *TRAIN, "--out", os.devnull, "--json", os.devnull)


def test_answers_replace_any_other_file(model, here, capsys):
    (here / "old.csv").write_text("something else")
    run(capsys, "predict", "model.npz", "flowers.csv", "-o", "old.csv")
    assert (here / "old.csv").read_text().startswith("kind,p_setosa")


# --- what reaches a terminal ---------------------------------------------------------------------

#: Clears the screen by C0 and C1, turns text round, rings, goes back over the line.
EVIL = ("\x1b[2J", "\x9b2J", "\u202egnp", "\a", "\r", "\x7f", "\u2066", "\u2028")
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("evil", EVIL)
def test_names_in_files_move_no_terminal(here, capsys, evil):
    labels = [f"a{evil}a", f"b{evil}b"]
    X = flowers(8)[0]
    columns = [f"{i}{evil}{i}x" for i in range(3)]
    target = f"t{evil}t"
    net = fastnet.Network([3, 2], rng=0)
    net.preprocessing = Preprocessing(labels=labels, columns=columns, target=target)
    net.history.append({"epoch": 0, f"cost{evil}x": 1.0})
    net.save("evil.npz")
    write_csv(here / "data.csv", X, np.array(labels)[np.arange(8) % 2], columns, target)
    write_csv(here / "more.csv", X, [f"c{evil}c"] * 8, [*columns[:2], f"other{evil}"], target)
    printed = []
    for args in (
        ("show", "evil.npz"),
        ("evaluate", "evil.npz", "data.csv"),
        ("predict", "evil.npz", "data.csv"),
        ("predict", "evil.npz", "data.csv", "-o", "p.csv"),
        ("train", "data.csv", "--epochs", "2", "--hidden", "2", "--out", "m.npz"),
        ("show", "m.npz"),
    ):
        printed += run(capsys, *args)
    for args in (
        ("evaluate", "evil.npz", "more.csv"),
        ("predict", "evil.npz", "more.csv"),
        ("train", "more.csv", "--label", "no such"),
        ("train", "more.csv"),
        ("train", "data.csv", "--regression"),
        ("show", f"no{evil}.npz"),
        ("train", f"no{evil}.csv"),
    ):
        printed += run(capsys, *args, code=1)
    printed += run(capsys, "train", "data.csv", "--optimizer", f"adam{evil}", code=2)
    for text in printed:
        assert not OBEYED.search(text), text
    # A file gets the names as they are.
    with open("p.csv", newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == [target, *(f"p_{label}" for label in labels)]
    assert {row[0] for row in rows} <= set(labels)


def test_a_name_begins_no_line_of_its_own(here, capsys):
    net = fastnet.Network([1, 2], rng=0)
    net.preprocessing = Preprocessing(
        labels=["a\nfastnet: all is well", "b"], columns=["x\ny"], target="t\nu"
    )
    net.save("lines.npz")
    for args in (("show", "lines.npz"),):
        out, err = run(capsys, *args)
        assert not any(line.startswith(("fastnet: all", "y", "u")) for line in out.splitlines())
        assert err == ""
    _, err = run(capsys, "show", "no\nfastnet: all is well", code=1)
    assert err.count("\n") == 1


def test_without_a_name_the_network_goes_to_model_npz_if_that_is_free(here, capsys):
    out, err = run(capsys, *TRAIN)
    assert err.startswith("model.npz written; ")
    content = (here / "model.npz").read_bytes()
    out, err = run(capsys, *TRAIN, "--seed", "1")
    cause = "saved: model.npz exists; give --out FILE, or --out model.npz to replace it"
    assert f"\nthe network will not be {cause}\n" in out
    assert err.startswith(f"the network was not {cause}; trained for ")
    assert (here / "model.npz").read_bytes() == content
    run(capsys, *TRAIN, "--seed", "1", "--out", "model.npz")
    assert (here / "model.npz").read_bytes() != content


def test_model_and_data_that_are_swapped_are_noticed(here, capsys):
    run(capsys, *TRAIN)
    for command in ("evaluate", "predict"):
        said = refused(capsys, command, "flowers.csv", "model.npz")
        assert said == (
            "fastnet: model.npz is a saved network and flowers.csv is not; give the model first, "
            "then the data"
        )
        assert "is a table, not a network saved" in refused(capsys, command, *["flowers.csv"] * 2)
    assert "model.npz is a saved network; give a table" in refused(capsys, "train", "model.npz")


def test_data_in_place_of_a_saved_network_are_named(here, capsys):
    np.savez("data.npz", X=np.eye(2), y=[0, 1])
    (here / "packed.csv.gz").write_bytes(gzip.compress((here / "flowers.csv").read_bytes()))
    (here / "digit.png").write_bytes(b"\x89PNG\r\n\x1a\n and more")
    for name, kind, command in (
        ("flowers.csv", "a table", "fastnet train DATA"),
        ("packed.csv.gz", "a table", "fastnet train DATA"),
        ("data.npz", "an archive of examples", "fastnet train DATA"),
        ("digit.png", "a picture", "fastnet predict MODEL DATA"),
    ):
        for args in (["show", name], ["export", name, "out.h"], ["evaluate", name, "flowers.csv"]):
            assert refused(capsys, *args) == (
                f"fastnet: {name} is {kind}, not a network saved by fastnet train or Network.save; "
                f"{command} reads {kind}"
            )
    np.savez("other.npz", a=np.eye(2))
    (here / "half.json").write_text('{"sizes": [2, 1], "weights"')
    (here / "note.txt").write_text("hello\n")
    for name in ("other.npz", "half.json", "note.txt"):
        assert "is not a saved network" in refused(capsys, "show", name)
