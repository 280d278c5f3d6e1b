"""``fastnet saturation``, run for real: its table, its picture, its refusals."""

import re
import subprocess
import sys

import numpy as np
import pytest

from fastnet.cli import main

FASTNET = [sys.executable, "-W", "error", "-m", "fastnet", "saturation"]
# What the theory of the book's experiment says, to the digits that are printed: variance, standard
# deviation, peak of the density, share beyond 1, share saturated.
THEORY = {
    "large": ["501", "22.383", "0.0178", "96.4 %", "83.7 %"],
    "default": ["1.5", "1.2247", "0.3257", "41.4 %", "0.0176 %"],
}


def rows_of(text):
    """Return the cells of the table's rows: initializer or "", what it is, five numbers."""
    pattern = re.compile(r"^([a-z_]*) +(theory|measured) +(.*)$", re.MULTILINE)
    return [(name, what, re.split(r"\s{2,}", cells)) for name, what, cells in pattern.findall(text)]


def number(cell):
    """Return a cell as a number, per cents as shares."""
    return float(cell.removesuffix(" %")) / (100 if cell.endswith(" %") else 1)


def test_the_table_is_the_book_s_with_measurements_beside_it(tmp_path):
    done = subprocess.run(
        [*FASTNET, "--draws", "20000"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    rows = rows_of(done.stdout)
    assert [row[:2] for row in rows] == [
        ("large", "theory"),
        ("", "measured"),
        ("default", "theory"),
        ("", "measured"),
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80
    for (name, _, theory), (_, _, measured) in zip(rows[::2], rows[1::2], strict=True):
        assert theory == THEORY[name]
        expected, found = list(map(number, theory)), list(map(number, measured))
        # Four standard errors of 20,000 draws each.
        assert found[0] == pytest.approx(expected[0], rel=4 * np.sqrt(2 / 20_000))
        assert found[1] == pytest.approx(expected[1], rel=2 * np.sqrt(2 / 20_000))
        assert found[2] == pytest.approx(expected[2], rel=0.12)
        for share, p in zip(found[3:], expected[3:], strict=True):
            assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / 20_000) + 1e-3
    assert "saturation.png written" in done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["saturation.png"]
    imread = pytest.importorskip("matplotlib.image", reason="matplotlib is missing").imread
    assert imread(tmp_path / "saturation.png").shape[:2] == (1140, 1600)


def test_each_option_reaches_the_experiment(tmp_path, capsys):
    args = ["saturation", "--draws=500", "--inputs=64", "--active=16", "--seed=3", "--table"]
    args += ["--initializers=he_uniform,zeros", f"--out={tmp_path / 'a' / 'b'}"]
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "with 64 inputs, 16 of them 1" in out
    assert "500 draws, seed 3" in out
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len(rows) == 6
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1  # |z| ends no cell
    assert (tmp_path / "a" / "b" / "saturation.png").exists()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert cells[0] == ["he_uniform", "theory", *["-"] * 5]  # 16 uniforms are not yet Gaussian
    assert float(cells[1][2]) == pytest.approx(16 * 2 / 64, rel=0.3)
    assert cells[2] == ["zeros", "theory", *["-"] * 5]
    assert cells[3][2:] == ["0", "0", "-", "0 %", "0 %"]
    assert main([*args, "--seed=4"]) == 0
    assert capsys.readouterr().out != out


def test_an_initializer_may_have_a_gain_or_be_a_number(tmp_path, capsys):
    args = ["saturation", "--draws=4000", "--inputs=64", "--active=16", f"--out={tmp_path}"]
    assert main([*args, "--initializers=he_normal:3, 0.25", "--table"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert [row[0] for row in cells] == ["he_normal:3", "", "0.25", ""]
    assert float(cells[0][2]) == 16 * 3**2 * 2 / 64
    assert float(cells[1][2]) == pytest.approx(4.5, rel=0.15)
    assert cells[3][2:4] == ["0", "0"]  # always 16 times 0.25


def test_active_is_half_of_the_inputs_unless_given(tmp_path, capsys):
    assert main(["saturation", "--draws=10", "--inputs=9", f"--out={tmp_path}"]) == 0
    assert "with 9 inputs, 4 of them 1" in capsys.readouterr().out
    assert main(["saturation", "--draws=10", "--active=0", f"--out={tmp_path}"]) == 0
    assert "with 1000 inputs, 0 of them 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--draws", "0"], "--draws: got 0; expected a whole number, 1 or more"),
        (["--inputs", "x"], "--inputs: got x; expected a whole number, 1 or more"),
        (["--active", "-1"], "--active: got -1; expected a whole number, 0 or more"),
        (["--active", "1001"], "--active: got 1001; expected at most --inputs, 1000"),
        (["--seed", "1.5"], "--seed: got 1.5; expected a whole number, 0 or more"),
        (["--initializers", "nice"], "--initializers: got nice; the initializers are default"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(args, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["saturation", *args]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_refused_first(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["saturation", "--out", str(tmp_path / "file" / "below")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_without_matplotlib_the_table_comes_and_one_line_says_how_to_get_the_picture(tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('matplotlib', 'matplotlib.figure', 'rich')))"
        "\nfrom fastnet.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, "saturation", "--draws", "100"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(rows_of(done.stdout)) == 4
    lines = [line for line in done.stderr.splitlines() if not line.startswith("drawing: ")]
    assert len(lines) == 1
    assert "pip install 'fastnet-mlp[plot]'" in lines[0]
    assert list(tmp_path.iterdir()) == []
