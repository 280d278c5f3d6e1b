"""``fastnet propagation``, run for real: its tables, its picture, its numbers, its refusals."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from fastnet import diagnostics
from fastnet.cli import main
from fastnet.initializers import orthogonal

SMALL = ["propagation", "--depth=4", "--width=30", "--seeds=3"]


def tables_of(text):
    """Return the rows of each table under its title: layer, then cells."""
    found = {}
    for part in text.split("\n\n")[1:]:
        title, _, *rows = part.strip().splitlines()
        found[title] = [re.split(r"\s{2,}", row.strip()) for row in rows]
    return found


def test_the_command_of_the_documentation_in_small(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "fastnet", "propagation", "--depth", "20"]
    command += ["--width", "30", "--activation", "relu", "--seeds", "8"]
    command += ["--initializers", "he_normal,glorot_normal,large"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "20 layers of 30 units (relu) on 30 inputs, 1000 rows of N(0, 1)" in done.stdout
    tables = tables_of(done.stdout)
    assert list(tables) == ["he_normal", "glorot_normal", "large"]
    # He et al. 2015: a layer multiplies variances by n var(w) / 2; large has biases of N(0, 1).
    factors = {"he_normal": 1.0, "glorot_normal": 0.5, "large": 15.0}
    kept = json.loads((tmp_path / "propagation.json").read_text())
    for name, rows in tables.items():
        assert [row[0] for row in rows] == ["1", "5", "10", "15", "20"]
        first, last = (float(rows[k][4]) for k in (0, -1))
        assert first / last == pytest.approx(factors[name] ** 19, rel=0.02)
        measured = kept["initializers"][name]
        assert [len(measured[m]["mean"]) for m in ("var_z", "var_delta", "dead")] == [20] * 3
        for row in rows:
            at = int(row[0]) - 1
            for column, field in ((1, "var_z"), (3, "var_delta")):
                mean, margin = map(float, row[column].split(" ± "))
                assert mean == pytest.approx(measured[field]["mean"][at], rel=6e-3)
                assert margin == pytest.approx(measured[field]["margin"][at], rel=0.4, abs=1e-12)
                expected = measured[field]["theory"][at]
                assert float(row[column + 1]) == pytest.approx(expected, rel=6e-3)
    assert not any(kept["initializers"]["he_normal"]["dead"]["theory"])
    assert (kept["sizes"], kept["seeds"], kept["seed"]) == ([30] * 21, 8, 0)
    assert "propagation.json written; measured for" in done.stderr
    imread = pytest.importorskip("matplotlib.image", reason="matplotlib is missing").imread
    assert imread(tmp_path / "propagation.png").shape[:2] == (1440, 1600)


def test_the_numbers_are_those_of_diagnostics(tmp_path):
    args = [
        *SMALL,
        "--activation=tanh",
        "--seed=5",
        "--initializers=orthogonal,orthogonal:1.5",
        f"--out={tmp_path}",
    ]
    assert main(args) == 0
    kept = json.loads((tmp_path / "propagation.json").read_text())
    for name, start in (("orthogonal", "orthogonal"), ("orthogonal:1.5", orthogonal(gain=1.5))):
        found = diagnostics.propagation(
            [30] * 5, initializer=start, activation="tanh", seeds=3, rng=5
        )
        for field in ("var_z", "var_delta", "gradient_norm", "max_singular"):
            measured = kept["initializers"][name][field]
            assert measured["mean"] == found.records[field].mean(axis=0).tolist()


def test_rows_of_data_are_the_inputs(tmp_path, capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(0, 3, (1500, 7))
    np.savez(tmp_path / "mine.npz", X=X, y=np.zeros(1500, int) + (X[:, 0] > 0))
    out = tmp_path / "out"
    args = [*SMALL, "--initializers=he_normal", f"--data={tmp_path / 'mine.npz'}", f"--out={out}"]
    assert main(args) == 0
    text = capsys.readouterr().out
    assert "4 layers of 30 units (relu) on 7 inputs, 1000 rows of" in text
    kept = json.loads((out / "propagation.json").read_text())
    assert kept["sizes"] == [7, 30, 30, 30, 30]
    # Of 7 inputs with variance 9 and weights with variance 2 / 7.
    first = kept["initializers"]["he_normal"]["var_z"]["theory"][0]
    assert first == pytest.approx(2 * 9, rel=0.1)
    pixels = np.full((20, 7), 128, np.uint8)
    np.savez(tmp_path / "bytes.npz", X=pixels, y=np.arange(20) % 2)
    assert main([*args[:-2], f"--data={tmp_path / 'bytes.npz'}", args[-1]]) == 0
    kept = json.loads((out / "propagation.json").read_text())
    assert kept["initializers"]["he_normal"]["var_z"]["theory"][0] == pytest.approx(2 * 0.5**2)
    capsys.readouterr()
    lines = ["a,b,kind", *(f"{k % 5},{k % 3},{'xy'[k % 2]}" for k in range(40))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    args[-2] = f"--data={tmp_path / 'mine.csv'}"
    assert main([*args, "--label=kind", "--ignore", "b"]) == 0
    assert "on 1 input, 40 rows of mine.csv" in capsys.readouterr().out


def test_one_seed_has_no_intervals_and_no_theory_is_a_dash(tmp_path, capsys):
    args = ["propagation", "--depth=2", "--width=8", "--seeds=1", f"--out={tmp_path}", "--table"]
    assert main([*args, "--initializers=constant,zeros"]) == 0
    out = capsys.readouterr().out
    assert "one seed, no intervals" in " ".join(out.split())
    assert "±" not in out
    rows = [line.split("|") for line in out.splitlines() if re.match(r"\| +\d", line)]
    assert len(rows) == 4
    assert {row[3].strip() for row in rows[:2]} == {"-"}
    kept = json.loads((tmp_path / "propagation.json").read_text())
    assert kept["initializers"]["constant"]["var_z"]["margin"] == [None, None]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--depth", "0"], "--depth: got 0; expected a whole number, 1 or more"),
        (["--width", "x"], "--width: got x; expected a whole number, 1 or more"),
        (["--activation", "softmax"], "--activation: got softmax; the activations of hidden"),
        (["--initializers", "nice"], "--initializers: got nice; the initializers are default"),
        (["--seeds", "0"], "--seeds: got 0; expected a whole number, 1 or more"),
        (["--label", "kind"], "--label needs --data; the default inputs are N(0, 1)"),
        (["--ignore", "kind"], "--ignore needs --data"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(args, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["propagation", *args]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_tables_come_and_one_line_says_how_to_get_the_picture(tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('matplotlib', 'matplotlib.figure', 'rich')))"
        "\nfrom fastnet.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, *SMALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(tables_of(done.stdout)) == 3
    assert "pip install 'fastnet-mlp[plot]'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["propagation.json"]
