"""The command line, run for real: its words, its files, its exit codes."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from fastnet import Network, __version__
from fastnet.cli import main
from fastnet.cli.app import COMMANDS

from ..commands import FAST, FASTNET, arrays, fastnet, in_terminal, one_sentence

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, **arrays())
    return path


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
    assert "hidden units saturated (%), 30 test examples\n" in out
    for start, name in (("old start", "large"), ("new start", "default")):
        first, end = re.search(rf"^{start} +([\d.]+) +([\d.]+)$", out, re.MULTILINE).groups()
        assert first == f"{at_first[name]:.2f}"
        assert end == f"{numbers['means'][name]['saturated_percent'][-1]:.2f}"
    old, new = (100 * correct[name][0] / 30 for name in ("large", "default"))
    assert f"After epoch 1: {new:.1f} % against {old:.1f} %. " in out
    # One seed shows no verdict.
    assert (
        out.splitlines()[-1] == "One seed: differences may be chance; to test them, use --seeds 8."
    )
    assert imread(tmp_path / "compare.png").shape[:2] == (1520, 1600)
    assert "compare.png and compare.json written" in one_sentence(err)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["compare.json", "compare.png", npz.name]


def test_progress_is_a_plain_line_when_it_goes_to_no_terminal(npz, tmp_path):
    _, err = fastnet("compare", "--data", npz, *FAST, cwd=tmp_path)
    lines = [line for line in err.splitlines() if line.startswith("training")]
    assert all(
        re.fullmatch(r"training 2 networks: \d+ of 60 mini-batches, \d+ s", s) for s in lines
    )
    assert lines[-1].startswith("training 2 networks: 60 of 60 mini-batches")


def test_progress_is_a_bar_in_a_terminal(npz, tmp_path):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    args = [*FASTNET, "compare", "--data", str(npz), *FAST]
    shown = in_terminal(args, stdout="terminal", cwd=tmp_path)
    # The lines are taken away at the end, and the cursor is there.
    assert "One seed: differences may be chance" in shown and shown.rfind(
        "\x1b[?25h"
    ) > shown.rfind("\x1b[?25l")
    # How many have ended when the first line is drawn depends on the machine.
    assert re.search(r"all networks .* \d+ %  [012] of 2 networks", shown)


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
    ("args", "sentence"),
    [
        (["cook"], "unknown command cook; the commands are compare, saturation"),
        (["comprae"], "unknown command comprae. Did you mean 'compare'?"),
        (["compare", "--epoch-s", "2"], "arguments: --epoch-s 2. Did you mean '--epochs'?"),
        (["compare", "--optimizer", "Adamm"], "--optimizer: got Adamm. Did you mean 'Adam'?"),
        (["compare", "--initializers", "he_norml"], "got he_norml. Did you mean 'he_normal'?"),
        (["compare", "--hidden", "0"], "--hidden: got 0; expected a whole number, 1 or more"),
        (
            ["compare", "--hidden", "many"],
            "--hidden: got many; expected a whole number, 1 or more",
        ),
        (["compare", "--epochs", "-1"], "--epochs: got -1; expected a whole number, 1 or more"),
        (
            ["compare", "--mini-batch-size", "2.5"],
            "--mini-batch-size: got 2.5; expected a whole number, 1 or more",
        ),
        (["compare", "--eta", "nan"], "--eta: got nan; expected a finite number, 0 or more"),
        (["compare", "--eta", "-0.1"], "--eta: got -0.1; expected a finite number"),
        (["compare", "--lmbda", "inf"], "--lmbda: got inf; expected a finite number"),
        (["compare", "--seed", "-1"], "--seed: got -1; expected a whole number, 0 or more"),
        (["compare", "--dtype", "int8"], "invalid choice: 'int8'"),
        (["compare", "--book", "--hidden", "100"], "a run with --hidden 30, not 100"),
        (["compare", "--book", "--seed", "1"], "a run with --seed 12345678, not 1;"),
        (["compare", "--book", "--mini-batch-size", "1"], "with --mini-batch-size 10, not 1;"),
        (["compare", "--book", "--dtype", "float32"], "a run with --dtype float64, not float32"),
        (["compare", "--book", "--data", "x.npz"], "on the embedded MNIST; leave out --data"),
        (["compare", "--book", "--seeds", "2"], "one after the other; leave out --seeds"),
        (["compare", "--book", "--threads", "1"], "one after the other; leave out --threads"),
        (["compare", "--book", "--initializers", "zeros"], "leave out --initializers"),
        (["compare", "--seeds", "0"], "--seeds: got 0; expected a whole number, 1 or more"),
        (["compare", "--threads", "two"], "--threads: got two; expected a whole number, 1 or more"),
        (["compare", "--initializers", "best"], "got best; the initializers are default, lecun"),
        (["compare", "--initializers", "large,"], "got nothing; the initializers are default"),
        (["compare", "--initializers", "large,large"], "got 'large' twice; give each name once"),
        (["compare", "--hidden", "10,0"], "--hidden: got 0; expected a whole number, 1 or more"),
        (
            ["compare", "--hidden", "10,"],
            "--hidden: got nothing; expected a whole number, 1 or more",
        ),
        (["compare", "--activation", ""], "got nothing; the activations of hidden layers are"),
        (
            ["compare", "--activation", "softmax"],
            "got softmax; the activations of hidden layers are sigmoid, tanh",
        ),
        (
            ["compare", "--hidden", "9,9,9", "--activation", "tanh,relu"],
            "--activation has 2 names; give one, or 3, as many as --hidden",
        ),
        (["compare", "--optimizer", "best"], "the optimizers are SGD, Momentum"),
        (
            ["compare", "--target", "0"],
            "--target: got 0; expected a percentage above 0 and at most 100",
        ),
        (["compare", "--target", "species"], "--label names the column with the labels"),
        (["compare", "--label", "y"], "--label needs --data; the embedded MNIST is used as it is"),
        (["compare", "--book", "--optimizer", "adam"], "a run with --optimizer SGD, not Adam"),
        (["compare", "--book", "--activation", "tanh"], "with --activation sigmoid, not tanh"),
        (["compare", "out"], "unrecognized arguments: out"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_written(
    args, sentence, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(args) == 2
    err = capsys.readouterr().err
    assert err.startswith("fastnet") and len(err.splitlines()) == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_the_command_alone_prints_help(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("columns", [30, 60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_two_examples_and_breaks_no_word(command, columns, capsys, monkeypatch):
    from fastnet.cli.app import _parser

    monkeypatch.setenv("COLUMNS", "1000")
    assert main([command, "--help"]) == 0
    words = capsys.readouterr().out.split()
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.split() == words
    title, *examples = text.splitlines()[-3:]
    assert title == "examples:"
    for example in examples:
        name, *args = example.split(" | ")[0].split()
        assert name == "fastnet" and args[0] == command
        _parser(args).parse_args(args)  # it exits if an option is wrong
        assert len(example) <= 60


def test_options_that_say_what_the_book_says_contradict_nothing(monkeypatch):
    from fastnet.cli.app import _parser
    from fastnet.cli.compare import _settings
    from fastnet.compare import BOOK

    args = ["compare", "--book", "--epochs", "30", "--eta", ".1", "--lmbda", "5"]
    args = _parser(args).parse_args(args)
    assert _settings(args) == BOOK


def bad_inputs():
    """Return, under a name, arrays that differ from the good ones, and what the sentence says."""
    X, y = arrays()["X_train"].astype(float), arrays()["y_train"]
    X[7, 0, 0] = np.nan
    return {
        "NaN": ({"X_train": X}, "data: X holds nan in row 7"),
        "lengths": ({"y_train": y[:-1]}, "has shape (49,), and X_train has 50 rows"),
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
        (lambda path: None, "data.npz: No such file or directory"),
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


def test_without_matplotlib_and_rich_table_and_numbers_still_come(npz, tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('matplotlib', 'matplotlib.figure', 'rich')))"
        "\nfrom fastnet.cli import main; sys.exit(main())"
    )
    start = [sys.executable, "-W", "error", "-c", code]
    out, err = fastnet("compare", "--data", npz, *FAST, cwd=tmp_path, start=start)
    assert "After epoch 1: " in out
    assert json.loads((tmp_path / "compare.json").read_text())["data"] == "shapes"
    assert not (tmp_path / "compare.png").exists()
    lines = [line for line in err.splitlines() if "pip install" in line]
    assert len(lines) == 1
    assert "pip install 'fastnet-mlp[plot]'" in lines[0]


@pytest.mark.skipif(os.name == "nt", reason="SIGINT for one process is missing on Windows")
def test_ctrl_c_ends_with_130_and_one_line(npz, tmp_path):
    args = [*FASTNET, "compare", "--data", str(npz), "--epochs", "100000000"]
    with subprocess.Popen(args, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("training 2 networks: ")
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=600)[1]  # to its end it would take days
    assert process.returncode == 130
    assert one_sentence(err) == (
        "fastnet: interrupted before a training was finished; nothing was written"
    )
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


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="/dev/full is missing: only Linux has it"
)
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
        "--activation": "sigmoid",
        "--optimizer": "SGD",
        "--target": "95",
        "--eta": "the optimizer's own",
        "--lmbda": "5.0",
        "--mini-batch-size": "10",
        "--seed": "0",
        "--dtype": "float64",
        "--initializers": "large",
        "--seeds": "1",
        "--threads": "one per core",
        "--table": "off",
        "--data": "the embedded MNIST",
        "--out": "the current folder",
        "--book": "off",
        "--label": "the last one",
        "--standardize": "off",
        "--validation": "the test part",
    }
    assert "tables in Markdown, after the training instead of row by row" in text
    assert "beside the published ones, after both trainings" in text
    for option, default in options.items():
        part = text.partition(" network and training:")[2].partition(f" {option} ")[2]
        assert re.search(r"\(default: ([^,)]+)", part)[1] == default, option


@pytest.mark.parametrize(("args", "commands"), [(["--help"], set()), (["info"], {"info"})])
def test_only_the_command_that_is_called_is_imported(args, commands, tmp_path):
    code = "import sys; from fastnet.cli import main; main(); print(*sys.modules, file=sys.stderr)"
    _, err = fastnet(*args, cwd=tmp_path, start=[sys.executable, "-c", code])
    modules = set(err.split())
    assert {name for name in COMMANDS if f"fastnet.cli.{name}" in modules} == commands
    assert "fastnet.network" not in modules


def test_version_and_console_script(tmp_path):
    out, _ = fastnet("--version", cwd=tmp_path)
    assert out == f"fastnet {__version__}\n"
    (script,) = entry_points(group="console_scripts", name="fastnet")
    assert script.load() is main


@pytest.mark.skipif(not README.exists(), reason="README.md is missing beside the tests")
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
