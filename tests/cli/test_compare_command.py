"""``fastnet compare``: the book's run, other starts, several seeds, and what it says last."""

import json
import os
import re
import signal
import subprocess

import numpy as np
import pytest

from fastnet.cli import compare_live, main
from fastnet.cli.compare_live import Live, Rows
from fastnet.cli.compare_text import advice, reached, verdict
from fastnet.compare import Comparison, Data, Run, Settings

from ..commands import FAST, FASTNET, arrays, fastnet, one_sentence


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, **arrays())
    return path


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ([9000, 9499, 9500], [9500, 9400, 9600], "95 % is reached in epoch 1 instead of 3."),
        ([9000, 9500], [9400, 9500], "95 % is reached in epoch 2 from both starts."),
        (
            [9000, 9499],
            [9400, 9500],
            "95 % is reached in epoch 2; from the old start, not in 2 epochs.",
        ),
        ([9500], [9499], "95 % is not reached in 1 epoch; from the old start, in epoch 1."),
        ([9000], [9100], "Neither start reaches 95 % in 1 epoch."),
    ],
)
def test_a_line_says_when_the_target_is_reached(old, new, sentence):
    runs = (Run("large", tuple(old), 1.0), Run("default", tuple(new), 1.0))
    settings = Settings(epochs=len(old))
    line = reached(Comparison("d", "test", 1, 10_000, (1, 1), settings, runs))
    first = f"After epoch 1: {new[0] / 100:.1f} % against {old[0] / 100:.1f} %. "
    assert line == first + sentence


def test_the_target_is_the_user_s():
    runs = (Run("large", (9000, 9100), 1.0), Run("default", (9050, 9300), 1.0))
    result = Comparison("d", "test", 1, 10_000, (1, 1), Settings(epochs=2, target=91), runs)
    assert reached(result).endswith(" 91 % is reached in epoch 2 from both starts.")
    assert result.as_dict()["epochs_to_target"] == {"large": 2, "default": 2}
    assert result.as_dict()["epochs_to_95_percent"] == {"large": None, "default": None}


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
    monkeypatch.setattr("fastnet.cli.compare.replay_book", lambda **_: result)
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
    words = " ".join(out.split())
    assert "mean of 3 seeds ± 95 % confidence interval (Student's t)" in words
    assert "3 seeds (first: 0)" in words
    assert "training 6 networks: 180 of 180 mini-batches" in err
    old, new = (column[:, 0].mean() for column in columns[:2])
    assert f"After epoch 1: {new:.1f} % against {old:.1f} %. " in words
    assert max(map(len, out.splitlines())) <= 80
    again, _ = fastnet(*args, "--threads", 1, cwd=tmp_path)
    assert again == out


def test_rows_come_as_all_networks_end_an_epoch(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    X = np.eye(4)
    data = Data("corners", (X, np.arange(4)), (X, np.arange(4)))
    rows = Rows(data, Settings(epochs=2), ("large", "default"), 1, ["a note"])
    shown = []

    class Bars:
        def __init__(self, transient):
            assert transient

        def show(self, key, label, share, text, short):
            shown.append((label, share, text))

        def remove(self, key):
            shown.append(key)

        refresh = close = lambda self: None

    monkeypatch.setattr(compare_live, "find_bars", lambda: Bars)
    monkeypatch.setattr(compare_live, "is_terminal", lambda stream: True)
    with Live(["large", "default"], 1, 2, 4, rows) as live:
        live.note("large", 0, 1, 2)
        live(5, 20)
        assert capsys.readouterr().out == ""
        live.note("default", 0, 1, 3)
        live(10, 20)
        first = capsys.readouterr().out.splitlines()
        assert first[1:3] == [
            "sigmoid; SGD, eta 0.1, lambda 5, mini-batches of 10, seed 0",
            "a note",
        ]
        assert [line.split() for line in first[-2:]] == [
            ["epoch", "old", "start", "new", "start", "difference"],
            ["1", "50.00", "75.00", "+25.00"],
        ]
        live.note("default", 0, 2, 4)
        live.note("large", 0, 2, 2)
    assert capsys.readouterr().out.split() == ["2", "50.00", "100.00", "+50.00"]
    assert rows.written == 2
    assert shown[0] == ("old start", 0.5, "epoch 1 of 2, accuracy 50.00 %")
    assert shown[1] == ("all networks", 0.25, " 25 %  0 of 2 networks")
    assert ("default", 0) in shown and ("large", 0) in shown


def test_a_table_too_wide_for_its_rows_comes_at_the_end(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    X = np.eye(4)
    data = Data("corners", (X, np.arange(4)), (X, np.arange(4)))
    rows = Rows(data, Settings(epochs=1), ("large", "default"), 1, [])
    for name in ("large", "default"):
        rows.add(Run(name, (3,), 0.0), 1)
    assert (rows.written, capsys.readouterr().out) == (0, "")


def test_any_initializers_can_be_compared_and_tables_come_in_markdown(npz, tmp_path):
    args = ["compare", "--data", npz, *FAST, "--initializers", "he_normal:2, 0.1,large", "--table"]
    out, _ = fastnet(*args, cwd=tmp_path)
    numbers = json.loads((tmp_path / "compare.json").read_text())
    correct = {run["initializer"]: run["correct"] for run in numbers["runs"]}
    assert list(correct) == ["he_normal:2", "0.1", "large"]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in out.splitlines()
        if line.startswith("|")
    ]
    assert rows[0] == ["epoch", "he_normal:2", "0.1", "large"]
    assert all(set(cell) == {"-", ":"} for cell in rows[1])
    for epoch in range(3):
        expected = [f"{100 * correct[name][epoch] / 30:.2f}" for name in correct]
        assert rows[2 + epoch] == [str(epoch + 1), *expected]
    assert rows[5] == ["initializer", "before training", "after 3 epochs"]
    assert [row[0] for row in rows[7:]] == ["he_normal:2", "0.1", "large"]
    assert "After epoch 1: he_normal:2 " in out
    assert "\n\n\n" not in out  # one empty line between the parts


@pytest.mark.parametrize(
    ("default", "zeros", "sentence"),
    [
        (
            (9400, 9500),
            (9500, 9600),
            "94.0 %, zeros 95.0 %. 95 % is reached by default in epoch 2, zeros in epoch 1",
        ),
        (
            (9000, 9400),
            (9400, 9499),
            "90.0 %, zeros 94.0 %. No initializer reaches 95 % in 2 epochs",
        ),
        (
            (9000, 9499),
            (9400, 9500),
            "90.0 %, zeros 94.0 %. 95 % is reached by zeros in epoch 2; not in 2 epochs by default",
        ),
    ],
)
def test_a_line_says_which_initializers_reach_the_target(default, zeros, sentence):
    runs = Run("default", default, 1.0), Run("zeros", zeros, 1.0)
    result = Comparison("d", "test", 1, 10_000, (1, 1), Settings(epochs=2), runs)
    assert reached(result) == f"After epoch 1: default {sentence}."


def compared(samples, epochs=1):
    """Return a comparison of 1000 examples with these counts of each initializer's seeds."""
    runs = tuple(
        Run(name, (count,) * epochs, 1.0, (), k)
        for name, counts in samples.items()
        for k, count in enumerate(counts)
    )
    return Comparison("d", "test", 1, 1000, (1, 1), Settings(epochs=epochs), runs)


def test_the_verdict_names_what_may_be_chance():
    clear = verdict(compared({"a": [800, 805, 810], "b": [900, 906, 908]}))
    assert clear == [
        "After epoch 1: b is ahead of a by 9.97 ± 0.38 points.",
        "(95 % confidence, Student's t, paired by seed)",
    ]
    vague = verdict(compared({"a": [800, 850, 810], "b": [810, 840, 830]}))
    assert vague[0] == (
        "After epoch 1: the lead of b over a (0.67 ± 3.79 points) is not distinguishable from "
        "chance."
    )
    assert verdict(compared({"a": [800], "b": [900]})) == [
        "One seed: differences may be chance; to test them, use --seeds 8."
    ]
    assert verdict(compared({"a": [800, 810]})) == []


@pytest.mark.parametrize(
    ("shares", "activation", "sentence"),
    [
        (
            (0.5, 0.34),
            "sigmoid",
            "Even new start begins with 34.0 % of units saturated; scale the inputs.",
        ),
        ((0.5, 1 / 3), "sigmoid", None),
        ((0.5, 0.5), "relu", None),  # half of all ReLUs are 0, whatever the inputs
    ],
)
def test_saturated_inputs_are_to_be_scaled(shares, activation, sentence):
    names = ("large", "default")
    runs = tuple(Run(n, (5,), 1.0, (s, 0.9)) for n, s in zip(names, shares, strict=True))
    settings = Settings(epochs=1, activation=activation)
    assert advice(Comparison("d", "test", 1, 10, (1, 1), settings, runs, 10)) == sentence


def test_a_terminal_without_the_sign_gets_two(npz, tmp_path):
    done = subprocess.run(
        [*FASTNET, "compare", "--data", str(npz), *FAST, "--seeds", "2"],
        cwd=tmp_path,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"seeds +- 95 % confidence" in b" ".join(done.stdout.split())
    assert b"xb1" not in done.stdout


def test_a_learning_rate_beyond_reason_ends_with_1_and_one_sentence(npz, tmp_path):
    args = ["compare", "--data", npz, *FAST, "--eta", "1e300", "--lmbda", "1e300"]
    _, err = fastnet(*args, cwd=tmp_path, code=1)
    assert "training diverged in epoch" in one_sentence(err)
    assert re.search(
        "the network was drawn by (large|default), seed 1 of 1. Try a smaller eta", err
    )


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


def interrupted_at(count, monkeypatch):
    """Have Ctrl-C come when `count` trainings are finished."""
    from fastnet.cli import compare as command

    real = command.compare

    def interrupt(*args, on_run, **options):
        finished = []

        def note(run):
            on_run(run)
            finished.append(run)
            if len(finished) == count:
                signal.raise_signal(signal.SIGINT)

        return real(*args, on_run=note, **options)

    monkeypatch.setattr(command, "compare", interrupt)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_ctrl_c_writes_what_is_finished(count, threads, npz, tmp_path, monkeypatch, capsys):
    args = ["compare", "--data", str(npz), *FAST, "--initializers", "large,default,zeros"]
    args += ["--seeds", "3"]
    assert main([*args, "--out", str(tmp_path / "whole")]) == 0
    capsys.readouterr()
    interrupted_at(count, monkeypatch)
    out = tmp_path / "out"
    assert main([*args, "--threads", str(threads), "--out", str(out)]) == 130
    text, err = capsys.readouterr()
    picture, numbers = out / "compare.png", out / "compare.json"
    assert one_sentence(err) == (
        f"fastnet: interrupted after {count} of 9 trainings; {picture} and {numbers} written "
        "(partial)"
    )
    assert "partial; finished trainings: " in text and "epoch" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    found, whole = (
        json.loads((tmp_path / d / "compare.json").read_text()) for d in ("out", "whole")
    )
    assert (found["partial"], whole["partial"]) == (True, False)

    def key(run):
        return run["initializer"], run["repetition"], run["correct"]

    assert len(found["runs"]) == count
    kept = [key(run) for run in found["runs"]]
    assert kept == [key(run) for run in whole["runs"] if key(run) in kept]


@pytest.mark.parametrize("step", ["replace_file", "write_picture"])
def test_ctrl_c_while_files_are_written_waits(step, npz, tmp_path, monkeypatch, capsys):
    from fastnet.cli import compare as command

    real = getattr(command, step)

    def interrupt(*args):
        signal.raise_signal(signal.SIGINT)
        return real(*args)

    monkeypatch.setattr(command, step, interrupt)
    assert main(["compare", "--data", str(npz), *FAST, "--out", str(tmp_path / "out")]) == 130
    assert one_sentence(capsys.readouterr().err).startswith(
        "fastnet: interrupted after 2 of 2 trainings; "
    )
    assert sorted(os.listdir(tmp_path / "out")) == ["compare.json", "compare.png"]
    assert json.loads((tmp_path / "out/compare.json").read_text())["partial"] is False


def test_deep_networks_and_other_optimizers(npz, tmp_path):
    out, _ = fastnet(
        "compare", "--data", npz, "--hidden", "4,5,6", "--activation", "tanh,sine,selu",
        "--optimizer", "adam", "--epochs", 2, "--target", 40, cwd=tmp_path,
    )  # fmt: skip
    title = "6-4-5-6-3 on shapes, 50 training examples, float64\ntanh, sine, selu; Adam, "
    assert out.startswith(title)
    assert "eta 0.001, lambda 5, mini-batches of 10, seed 0" in " ".join(out.split())
    assert " 40 % " in out
    settings = json.loads((tmp_path / "compare.json").read_text())["settings"]
    assert settings["hidden"] == [4, 5, 6] and settings["target"] == 40
    assert settings["activation"] == ["tanh", "sine", "selu"]


def test_a_table_of_the_user_s(tmp_path):
    rng = np.random.default_rng(1)
    rows = [f"{rng.normal(k)},{'no' if k else 'yes'},{rng.normal(-k)}" for k in [0, 3] * 30]
    (tmp_path / "t.csv").write_text("\n".join(["a,answer,b", *rows]))
    args = ["compare", "--data", "t.csv", "--label", "answer", *FAST]
    out, _ = fastnet(*args, "--standardize", cwd=tmp_path)
    assert out.startswith("2-4-2 on t, 48 training examples")
    assert "labels: column 'answer'\ninputs: standardized\n" in out
    assert "validation accuracy (%), 12 examples" in out


@pytest.mark.parametrize("columns", [30, 50, 80, 200])
def test_lines_fit_the_width_of_the_terminal(columns, npz, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    names = ["large", "default", "he_normal", "truncated_normal", "orthogonal"]
    args = ["compare", "--data", str(npz), *FAST, "--seeds", "2", "--out", str(tmp_path)]
    assert main([*args, "--initializers", ",".join(names)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= max(columns, 34)  # a name, and a column beside it
    numbers = json.loads((tmp_path / "compare.json").read_text())["means"]
    for name in names:
        assert f"{numbers[name]['accuracy_percent'][2]:.2f} ± " in out
    assert len(re.findall("^epoch ", out, re.M)) == {30: 5, 50: 3, 80: 2, 200: 1}[columns]
