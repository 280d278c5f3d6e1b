"""The command line, run for real: its words, its files, its exit codes."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from fastnet import Network, __version__
from fastnet.cli import main

README = Path(__file__).parents[1] / "README.md"
FAST = ["--hidden=4", "--epochs=3", "--eta=0.5", "--lmbda=0.1", "--mini-batch-size=5"]
FASTNET = [sys.executable, "-W", "error", "-m", "fastnet"]


def arrays():
    """Return 50 + 30 small byte images of three classes."""
    rng = np.random.default_rng(8)
    y = np.arange(80) % 3
    X = rng.integers(0, 120, (80, 2, 3)) + 60 * np.stack([y, 2 - y, y], axis=1)[:, None, :]
    X = np.minimum(X, 255).astype(np.uint8)
    return {"X_train": X[:50], "y_train": y[:50], "X_test": X[50:], "y_test": y[50:]}


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, **arrays())
    return path


def fastnet(*args, cwd, code=0, start=FASTNET):
    """Run the command, check its exit code, and return (stdout, stderr)."""
    done = subprocess.run(
        [*start, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "\r" not in done.stdout + done.stderr  # neither of them is a terminal
    return done.stdout, done.stderr


def one_sentence(text):
    """Return the last line of stderr, after checking that there is no other but progress."""
    lines = [line for line in text.splitlines() if not line.startswith("training ")]
    assert len(lines) == 1, text
    return lines[0]


def test_compare_writes_table_numbers_and_picture(npz, tmp_path):
    imread = pytest.importorskip("matplotlib.image", reason="matplotlib is missing").imread
    out, err = fastnet("compare", "--data", npz, *FAST, "--seed", 114, cwd=tmp_path)
    numbers = json.loads((tmp_path / "compare.json").read_text())

    a = arrays()
    training = a["X_train"].reshape(50, 6) / 256, a["y_train"]
    test = a["X_test"].reshape(30, 6) / 256, a["y_test"]
    correct, at_first = {}, {}
    for name in ("large", "default"):
        halves = np.random.SeedSequence(114).spawn(1)[0].spawn(2)
        weights, order = (np.random.default_rng(half) for half in halves)
        net = Network([6, 4, 3], rng=weights, initializer=name)
        net.rng = order
        at_first[name] = 100 * net.layer_statistics(test[0])[0]["saturated"]
        correct[name] = net.SGD(
            training, 3, 5, 0.5, 0.1, evaluation_data=test, monitor_evaluation_accuracy=True
        )[1]
    assert {run["initializer"]: run["correct"] for run in numbers["runs"]} == correct
    assert len({*correct["large"], *correct["default"]}) > 3  # there is something to mix up
    assert at_first["large"] > 1
    assert numbers["data"] == "shapes"
    assert numbers["sizes"] == [6, 4, 3]
    assert (numbers["training_examples"], numbers["evaluation_examples"]) == (50, 30)

    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +([+-][\d.]+)$", out, re.MULTILINE)
    for epoch, row in enumerate(rows, start=1):
        old, new = (100 * correct[name][epoch - 1] / 30 for name in ("large", "default"))
        assert row == (str(epoch), f"{old:.2f}", f"{new:.2f}", f"{new - old:+.2f}")
    assert len(rows) == 3
    assert "hidden layer saturated over 30 test examples, in %\n" in out
    for start, name in (("old start", "large"), ("new start", "default")):
        first, end = re.search(rf"^{start} +([\d.]+) +([\d.]+)$", out, re.MULTILINE).groups()
        assert first == f"{at_first[name]:.2f}"
        assert end == f"{numbers['means'][name]['saturated_percent'][-1]:.2f}"
    last = out.splitlines()[-1]
    assert last.startswith(f"Gained: {rows[0][2]} % instead of {rows[0][1]} % after epoch 1; ")
    assert imread(tmp_path / "compare.png").shape[:2] == (1520, 1600)
    assert "compare.png and compare.json written" in one_sentence(err)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["compare.json", "compare.png", npz.name]


def test_progress_is_a_plain_line_when_it_goes_to_no_terminal(npz, tmp_path):
    _, err = fastnet("compare", "--data", npz, *FAST, cwd=tmp_path)
    lines = [line for line in err.splitlines() if line.startswith("training")]
    assert all(re.fullmatch(r"training 2 networks: \d+ of 60 steps, \d+ s", s) for s in lines)
    assert lines[-1].startswith("training 2 networks: 60 of 60 steps")


def test_progress_is_a_bar_in_a_terminal(npz, tmp_path):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'fastnet-mlp[plot]'")
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    here, there = pty.openpty()
    args = [*FASTNET, "compare", "--data", str(npz), *FAST]
    done = subprocess.run(args, cwd=tmp_path, stdout=subprocess.PIPE, stderr=there, check=False)
    os.close(there)
    shown = os.read(here, 100_000).decode()
    os.close(here)
    assert done.returncode == 0
    assert "\r" in shown
    assert re.search(r"training 2 networks 100 % \|.*\| 60 of 60 steps", shown)


@pytest.mark.parametrize(
    ("option", "given", "key", "value"),
    [
        ("--hidden", "7", "hidden", 7),
        ("--epochs", "2", "epochs", 2),
        ("--eta", "0.25", "eta", 0.25),
        ("--lmbda", "0", "lmbda", 0.0),
        ("--mini-batch-size", "8", "mini_batch_size", 8),
        ("--seed", "99", "seed", 99),
        ("--dtype", "float32", "dtype", "float32"),
    ],
)
def test_each_option_reaches_the_training(npz, tmp_path, capsys, option, given, key, value):
    args = ["compare", "--data", str(npz), "--out", str(tmp_path), *FAST, option, given]
    assert main(args) == 0
    numbers = json.loads((tmp_path / "compare.json").read_text())
    assert numbers["settings"][key] == value
    table = capsys.readouterr().out
    assert len(re.findall(r"^ +\d+ +[\d.]+ ", table, re.MULTILINE)) == numbers["settings"]["epochs"]
    if key == "hidden":
        assert numbers["sizes"] == [6, 7, 3]


def test_a_folder_of_idx_files_gives_what_the_npz_gives(npz, tmp_path):
    folder = tmp_path / "idx"
    folder.mkdir()
    names = {
        "X_train": "train-images-idx3-ubyte",
        "y_train": "train-labels-idx1-ubyte",
        "X_test": "t10k-images-idx3-ubyte",
        "y_test": "t10k-labels-idx1-ubyte",
    }
    for key, name in names.items():
        a = arrays()[key].astype(np.uint8)
        head = struct.pack(f">HBB{a.ndim}i", 0, 8, a.ndim, *a.shape)
        (folder / name).write_bytes(head + a.tobytes())
    runs = []
    for data, out in ((npz, "a"), (folder, "b/c")):  # --out makes what is missing
        fastnet("compare", "--data", data, "--out", out, *FAST, cwd=tmp_path)
        numbers = json.loads((tmp_path / out / "compare.json").read_text())
        runs.append([run["correct"] for run in numbers["runs"]])
    assert runs[0] == runs[1]


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
    from fastnet.commands.compare import _gain
    from fastnet.compare import Comparison, Run, Settings

    runs = Run("large", tuple(old), 1.0), Run("default", tuple(new), 1.0)
    settings = Settings(epochs=len(old))
    line = _gain(Comparison("d", "test", 1, 10_000, (1, 1), settings, runs))
    first = f"Gained: {new[0] / 100:.2f} % instead of {old[0] / 100:.2f} % after epoch 1; "
    assert line == first + sentence


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
    from fastnet.commands.compare import _last
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
    monkeypatch.setattr(compare, "replay_book", lambda *, progress: result)
    assert main(["compare", "--book", "--out", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("59 of 60 equal")
    assert re.search(r"^ +1 +8644 +8643 +9270 +9270 +differs$", out, re.MULTILINE)
    assert "saturated" not in out  # it was not measured
    assert out.count("differs") == 1


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([], "required: COMMAND"),
        (["cook"], "invalid choice: 'cook'"),
        (["compare", "--hidden", "0"], "--hidden: got 0; a whole number, 1 or more, is expected"),
        (
            ["compare", "--hidden", "many"],
            "--hidden: got many; a whole number, 1 or more, is expected",
        ),
        (["compare", "--epochs", "-1"], "--epochs: got -1; a whole number, 1 or more"),
        (
            ["compare", "--mini-batch-size", "2.5"],
            "--mini-batch-size: got 2.5; a whole number, 1 or more",
        ),
        (["compare", "--eta", "nan"], "--eta: got nan; a finite number, 0 or more"),
        (["compare", "--eta", "-0.1"], "--eta: got -0.1; a finite number"),
        (["compare", "--lmbda", "inf"], "--lmbda: got inf; a finite number"),
        (["compare", "--seed", "-1"], "--seed: got -1; a whole number, 0 or more"),
        (["compare", "--dtype", "int8"], "invalid choice: 'int8'"),
        (["compare", "--book", "--hidden", "100"], "a run with --hidden 30; got 100"),
        (["compare", "--book", "--seed", "1"], "a run with --seed 12345678; got 1"),
        (["compare", "--book", "--mini-batch-size", "1"], "with --mini-batch-size 10; got 1"),
        (["compare", "--book", "--dtype", "float32"], "a run with --dtype float64; got float32"),
        (["compare", "--book", "--data", "x.npz"], "on the embedded MNIST; leave --data out"),
        (["compare", "--book", "--seeds", "2"], "one after the other; leave --seeds out"),
        (["compare", "--book", "--threads", "1"], "one after the other; leave --threads out"),
        (["compare", "--book", "--initializers", "zeros"], "leave --initializers out"),
        (["compare", "--seeds", "0"], "--seeds: got 0; a whole number, 1 or more, is expected"),
        (["compare", "--threads", "two"], "--threads: got two; a whole number, 1 or more"),
        (["compare", "--initializers", "best"], "got 'best'; the initializers are default, lecun"),
        (["compare", "--initializers", "large,"], "got ''; the initializers are default"),
        (["compare", "--initializers", "large,large"], "got 'large' twice; once is enough"),
        (["compare", "out"], "unrecognized arguments: out"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_written(
    args, sentence, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(args) == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: fastnet")
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_options_that_say_what_the_book_says_contradict_nothing(monkeypatch):
    from fastnet.cli import _parser
    from fastnet.commands.compare import _settings
    from fastnet.compare import BOOK

    args = ["compare", "--book", "--epochs", "30", "--eta", ".1", "--lmbda", "5"]
    args = _parser().parse_args(args)
    assert _settings(args) == BOOK


def bad_inputs():
    """Return, under a name, arrays that differ from the good ones, and what the sentence says."""
    X, y = arrays()["X_train"].astype(float), arrays()["y_train"]
    X[7, 0, 0] = np.nan
    return {
        "NaN": ({"X_train": X}, "data: X holds nan in row 7"),
        "lengths": ({"y_train": y[:-1]}, "y_train has 49"),
        "labels": ({"y_test": np.full(30, -1)}, "y_test"),
        "columns": ({"X_test": np.zeros((30, 4))}, "X_test has 4"),
        "complex": ({"X_train": X * 1j}, "real numbers"),
        "text": ({"X_train": np.full((50, 2, 3), "a")}, "real numbers"),
    }


def refused(args, capsys):
    """Run the command here, check that it refuses with 1, and return its sentence."""
    assert main([*map(str, args), *FAST]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    line = one_sentence(err)
    assert line.startswith("fastnet: ")
    return line


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_arrays_end_with_1_and_one_sentence(case, tmp_path, capsys):
    changes, sentence = bad_inputs()[case]
    path = tmp_path / "bad.npz"
    np.savez(path, **(arrays() | changes))
    assert sentence in refused(["compare", "--data", path, "--out", tmp_path], capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.npz"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_bytes(b"no zip"), "data.npz"),
        (lambda path: path.write_bytes(b""), "data.npz"),
        (lambda path: np.savez(path, X_train=np.eye(3)), "y_train"),
        (lambda path: path.mkdir(), "train-images"),
        (lambda path: np.savez(path, **(arrays() | {"y_test": np.array([{}] * 30)})), "data.npz"),
    ],
    ids=["missing", "no zip", "empty", "array missing", "empty folder", "objects"],
)
def test_bad_files_end_with_1_and_one_sentence(make, sentence, tmp_path, capsys):
    path = tmp_path / "data.npz"
    make(path)
    assert sentence in refused(["compare", "--data", path, "--out", tmp_path], capsys)


def test_an_out_that_is_a_file_is_refused_before_the_training(npz, tmp_path):
    _, err = fastnet("compare", "--data", npz, "--out", npz, *FAST, cwd=tmp_path, code=1)
    assert str(npz) in one_sentence(err)


@pytest.mark.parametrize("hidden", [10**13, 10**30])
def test_a_network_beyond_all_memory_ends_with_1(npz, tmp_path, capsys, hidden):
    args = ["compare", "--data", str(npz), "--out", str(tmp_path), *FAST, "--hidden", str(hidden)]
    assert main(args) == 1
    assert one_sentence(capsys.readouterr().err).startswith("fastnet: ")


def test_old_files_are_replaced_whole(npz, tmp_path):
    (tmp_path / "compare.json").write_text("old " * 10_000)
    fastnet("compare", "--data", npz, *FAST, cwd=tmp_path)
    assert json.loads((tmp_path / "compare.json").read_text())["data"] == "shapes"


def test_without_matplotlib_and_tqdm_table_and_numbers_still_come(npz, tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('matplotlib', 'matplotlib.figure', 'tqdm')))"
        "\nfrom fastnet.cli import main; sys.exit(main())"
    )
    start = [sys.executable, "-W", "error", "-c", code]
    out, err = fastnet("compare", "--data", npz, *FAST, cwd=tmp_path, start=start)
    assert out.splitlines()[-1].startswith("Gained: ")
    assert json.loads((tmp_path / "compare.json").read_text())["data"] == "shapes"
    assert not (tmp_path / "compare.png").exists()
    lines = [line for line in err.splitlines() if "pip install" in line]
    assert len(lines) == 1
    assert "pip install 'fastnet-mlp[plot]'" in lines[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_with_130_and_one_line(npz, tmp_path):
    args = [*FASTNET, "compare", "--data", str(npz), "--epochs", "100000000"]
    with subprocess.Popen(args, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("training 2 networks: ")
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        err = process.communicate(timeout=30)[1]
        assert time.monotonic() - begin < 5
    assert process.returncode == 130
    assert one_sentence(err) == "fastnet: interrupted"
    assert [p.name for p in tmp_path.iterdir()] == [npz.name]


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
@pytest.mark.parametrize("args", [["compare"], ["compare", "--help"]], ids=["compare", "help"])
def test_a_reader_who_leaves_is_no_error(closed, args, npz, tmp_path):
    if args == ["compare"]:
        args = ["compare", "--data", str(npz), *FAST]
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {closed: writing}
    done = subprocess.run([*FASTNET, *args], cwd=tmp_path, text=True, check=False, **streams)
    os.close(writing)
    assert done.returncode == 0
    for word in ("Traceback", "Broken", "Exception"):
        assert word not in f"{done.stdout} {done.stderr}"
    assert (tmp_path / "compare.json").exists() == ("--help" not in args)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_the_table_ends_with_1(npz, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*FASTNET, "compare", "--data", str(npz), *FAST],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert one_sentence(done.stderr).startswith("fastnet: ")


def test_help_explains_each_option_with_its_default(capsys):
    assert main(["compare", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    options = {
        "--hidden": "30",
        "--epochs": "30",
        "--eta": "0.1",
        "--lmbda": "5.0",
        "--mini-batch-size": "10",
        "--seed": "0",
        "--dtype": "float64",
        "--initializers": "large",
        "--seeds": "1",
        "--threads": "one a core",
        "--table": "off",
        "--data": "the embedded MNIST",
        "--out": "the current folder",
        "--book": "off",
    }
    for option, default in options.items():
        part = text.rpartition(f" {option} ")[2]
        assert re.search(r"\(default: ([^,)]+)", part)[1] == default, option


def test_version_and_console_script(tmp_path):
    out, _ = fastnet("--version", cwd=tmp_path)
    assert out == f"fastnet {__version__}\n"
    (script,) = entry_points(group="console_scripts", name="fastnet")
    assert script.load() is main


@pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")
def test_the_readme_s_examples_run_and_print_what_it_says(tmp_path):
    text = README.read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        expected = re.findall(r"^print\(.*#\s([^:\n]*)", block, re.MULTILINE)
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == expected
    assert "pip install '.[plot]' && fastnet compare" in text
    assert "pip install '.[test]' && pytest" in text
    for picture in re.findall(r'src="([^"]+)"', text):
        assert (README.parent / picture).exists()
