"""``fastnet compare``: the book's run, other starts, several seeds, and what it says last."""

import json
import os
import re
import subprocess

import numpy as np
import pytest

from fastnet.cli import main

from ..commands import FAST, FASTNET, arrays, fastnet, one_sentence


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, **arrays())
    return path


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ([9000, 9499, 9500], [9500, 9400, 9600], "95 % after epoch 1 instead of 3."),
        ([9000, 9499], [9400, 9500], "95 % after epoch 2, the old start not in 2 epochs."),
        ([9500], [9499], "95 % not in 1 epoch, the old start after epoch 1."),
        ([9000], [9100], "neither start reaches 95 % in 1 epoch."),
    ],
)
def test_the_last_line_says_when_95_percent_are_reached(old, new, sentence):
    from fastnet.cli.compare import _gain
    from fastnet.compare import Comparison, Run, Settings

    runs = Run("large", tuple(old), 1.0), Run("default", tuple(new), 1.0)
    settings = Settings(epochs=len(old))
    line = _gain(Comparison("d", "test", 1, 10_000, (1, 1), settings, runs))
    first = f"Gained: {new[0] / 100:.2f} % instead of {old[0] / 100:.2f} % after epoch 1; "
    assert line == first + sentence


def test_book_replays_all_60_published_numbers(tmp_path):
    out, _ = fastnet("compare", "--book", cwd=tmp_path)
    rows = re.findall(r"^ +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", out, re.MULTILINE)
    assert len(rows) == 30
    assert all(row[1] == row[2] and row[3] == row[4] for row in rows)
    assert rows[0] == ("1", "8643", "8643", "9270", "9270")
    assert out.splitlines()[-1].startswith("60 of 60 equal")
    numbers = json.loads((tmp_path / "compare.json").read_text())
    assert numbers["runs"][0]["correct"][12] == 9500
    assert numbers["epochs_to_95_percent"] == {"large": 13, "default": 4}
    assert (tmp_path / "compare.png").exists()


def test_book_says_so_when_a_number_differs(tmp_path, monkeypatch, capsys):
    from fastnet import compare

    table = compare.published()
    off = (table["large"][0] + 1, *table["large"][1:])
    runs = compare.Run("large", off, 1.0), compare.Run("default", table["default"], 1.0)
    result = compare.Comparison(
        "MNIST", "validation", 50_000, 10_000, (784, 30, 10), compare.BOOK, runs
    )
    monkeypatch.setattr("fastnet.cli.compare.replay_book", lambda *, progress: result)
    assert main(["compare", "--book", "--out", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("59 of 60 equal")
    assert re.search(r"^ +1 +8644 +8643 +9270 +9270 +differs$", out, re.MULTILINE)
    assert "saturated" not in out  # it was not measured
    assert out.count("differs") == 1


def test_several_seeds_give_means_and_margins(npz, tmp_path):
    args = ["compare", "--data", npz, *FAST, "--seeds", 3]
    out, err = fastnet(*args, "--threads", 2, cwd=tmp_path)
    numbers = json.loads((tmp_path / "compare.json").read_text())
    percent = {}
    for name in ("large", "default"):
        runs = [run for run in numbers["runs"] if run["initializer"] == name]
        assert [run["repetition"] for run in runs] == [0, 1, 2]
        percent[name] = np.array([run["correct"] for run in runs]) * 100 / 30
    assert len({tuple(row) for row in percent["large"]}) > 1  # the seeds differ
    columns = [percent["large"], percent["default"], percent["default"] - percent["large"]]
    for epoch in range(3):
        cells = [
            f"{c.mean():{sign}.2f} ± {4.302653 * c.std(ddof=1) / 3**0.5:.2f}"
            for c, sign in zip((column[:, epoch] for column in columns), ("", "", "+"), strict=True)
        ]
        assert re.search(rf"^ +{epoch + 1} +{'  +'.join(map(re.escape, cells))}$", out, re.M)
    assert "means of 3 seeds ± 95 % confidence (Student's t)" in out
    assert "training 6 networks: 180 of 180 steps" in err
    gained = f"Gained: {columns[1][:, 0].mean():.2f} % instead of {columns[0][:, 0].mean():.2f} %"
    assert out.splitlines()[-1].startswith(gained)
    again, _ = fastnet(*args, "--threads", 1, cwd=tmp_path)
    assert again == out


def test_any_initializers_can_be_compared_and_tables_come_in_markdown(npz, tmp_path):
    args = ["compare", "--data", npz, *FAST, "--initializers", "he_normal, zeros,large", "--table"]
    out, _ = fastnet(*args, cwd=tmp_path)
    numbers = json.loads((tmp_path / "compare.json").read_text())
    correct = {run["initializer"]: run["correct"] for run in numbers["runs"]}
    assert list(correct) == ["he_normal", "zeros", "large"]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in out.splitlines()
        if line.startswith("|")
    ]
    assert rows[0] == ["epoch", "he_normal", "zeros", "large"]
    assert all(set(cell) == {"-", ":"} for cell in rows[1])
    for epoch in range(3):
        expected = [f"{100 * correct[name][epoch] / 30:.2f}" for name in correct]
        assert rows[2 + epoch] == [str(epoch + 1), *expected]
    assert rows[5] == ["start", "at first", "after 3 epochs"]
    assert [row[0] for row in rows[7:]] == ["he_normal", "zeros", "large"]
    assert out.splitlines()[-1].startswith("Ahead after epoch 1: ")
    assert "\n\n\n" not in out  # one empty line between the parts


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ((9400, 9000), (9500, 9600), "default, 94.00 %; 95 % after epoch: default 2; zeros 2."),
        (
            (9000, 9400),
            (9499, 9500),
            "zeros, 94.00 %; 95 % after epoch: zeros 2; not in 2 epochs: default.",
        ),
    ],
)
def test_the_last_line_ranks_other_starts(first, last, sentence):
    from fastnet.cli.compare import _last
    from fastnet.compare import Comparison, Run, Settings

    names = ("default", "zeros")
    runs = tuple(Run(*run, 1.0) for run in zip(names, zip(first, last, strict=True), strict=True))
    result = Comparison("d", "test", 1, 10_000, (1, 1), Settings(epochs=2), runs)
    assert _last(result) == f"Ahead after epoch 1: {sentence}"


def test_a_terminal_without_the_sign_gets_two(npz, tmp_path):
    done = subprocess.run(
        [*FASTNET, "compare", "--data", str(npz), *FAST, "--seeds", "2"],
        cwd=tmp_path,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"seeds +- 95 % confidence" in done.stdout
    assert b"xb1" not in done.stdout


def test_a_learning_rate_beyond_reason_ends_with_1_and_one_sentence(npz, tmp_path):
    args = ["compare", "--data", npz, *FAST, "--eta", "1e300", "--lmbda", "1e300"]
    _, err = fastnet(*args, cwd=tmp_path, code=1)
    assert "training diverged in epoch" in one_sentence(err)


@pytest.mark.parametrize("name", ["compare.json", "compare.png"])
def test_no_output_is_ever_half_written(name, npz, tmp_path, monkeypatch):
    """At every call that makes bytes a file, the old one or the new one is whole."""
    old, seen, out = b"old", [], tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(old)
    for call in ("replace", "rename", "link", "fsync"):
        real = getattr(os, call)

        def spy(*args, real=real, **more):
            found = (out / name).read_bytes()
            seen.append((found, os.path.basename(str(args[-1]))))
            return real(*args, **more)

        monkeypatch.setattr(os, call, spy)
    assert main(["compare", "--data", str(npz), *FAST, "--out", str(out)]) == 0
    new = (out / name).read_bytes()
    # It is the old one until the call that gives the new one its name.
    assert new != old and (old, name) in seen and {found for found, _ in seen} <= {old, new}
    assert sorted(os.listdir(out)) == ["compare.json", "compare.png"]


def test_an_output_that_cannot_be_written_leaves_the_old_one(npz, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "compare.json").write_bytes(b"old")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["compare", "--data", str(npz), *FAST, "--out", str(out)]) != 0
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["compare.json"]
    assert (out / "compare.json").read_bytes() == b"old"
