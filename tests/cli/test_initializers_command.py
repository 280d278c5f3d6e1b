"""``fastnet initializers``: every name is listed, and the table fits where it is printed."""

import math
import os
import re

import numpy as np
import pytest

from fastnet.cli.text_table import flowed
from fastnet.initializers import INITIALIZERS
from fastnet.initializers.named import ALIASES, TABLE

from ..commands import FASTNET, fastnet, in_terminal


def in_a_terminal(columns, folder, term="dumb"):
    """Return what the command prints into a terminal of so many columns."""
    env = os.environ | {"COLUMNS": str(columns), "TERM": term}
    shown = in_terminal([*FASTNET, "initializers"], stdout="terminal", cwd=folder, env=env)
    return shown.replace("\r\n", "\n")


def test_a_pipe_gets_a_line_an_initializer(tmp_path):
    out, err = fastnet("initializers", cwd=tmp_path)
    assert not err
    head, *lines = out.splitlines()
    starts = [head.index(word) for word in ("name", "a weight", "when to use it", "source")]
    cells = [[line[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None])] for line in lines]  # noqa: B905
    assert cells == [
        [", ".join([name, *ALIASES.get(name, ())]), row.formula, row.use, row.source]
        for name, row in TABLE.items()
    ]
    assert {name for names, *_ in cells for name in names.split(", ")} == {*INITIALIZERS}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", [80, 100, 400])
def test_the_table_fits_the_terminal(columns, tmp_path):
    shown = in_a_terminal(columns, tmp_path)
    assert shown.isascii() and "\x1b" not in shown
    widest = max(map(len, shown.splitlines()))
    assert widest <= columns
    if columns == 400:
        assert shown == fastnet("initializers", cwd=tmp_path)[0]
    else:
        assert widest > columns - 10
    # No formula is torn within brackets.
    assert "r = sqrt(6 / (n_in + n_out))" in shown
    assert {*INITIALIZERS} <= {*re.findall(r"^(\w+)", shown, re.MULTILINE)} | {
        name for line in shown.splitlines() for name in re.findall(r"^\w+, (\w+) ", line)
    }


def test_headings_have_a_colour_in_a_terminal(tmp_path, monkeypatch):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    plain = in_a_terminal(80, tmp_path).splitlines()
    head, *lines = in_a_terminal(80, tmp_path, "xterm").splitlines()
    assert lines == plain[1:]
    assert head == f"\x1b[1;36m{plain[0]}\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert in_a_terminal(80, tmp_path, "xterm").splitlines() == [
        f"\x1b[1m{plain[0]}\x1b[0m",
        *lines,
    ]


def test_where_no_table_fits_each_cell_has_a_line():
    rows = [["large", "to see units saturate"], ["zeros", "biases"]]
    assert flowed(["name", "use"], rows, 13) == "large\nto see units\nsaturate\n\nzeros\nbiases"


@pytest.mark.parametrize("name", [name for name in TABLE if "(" in TABLE[name].formula])
def test_the_formula_is_the_variance_of_what_is_drawn(name):
    """U(-r, r) has the variance r^2 / 3, N(0, 1) has 1; what is cut off is of another test."""
    known, units = TABLE[name], {"n_in": 100, "n_out": 30, "sqrt": math.sqrt}
    kind, _, r = known.formula.partition(", r = ")
    if kind == "U(-r, r)":
        expected = eval(r, units) ** 2 / 3
    else:
        factor = kind.partition(", |")[0].removeprefix("N(0, 1)").strip() or "* 1"
        factor = factor if factor[0] in "*/" else f"* {factor}"
        expected = eval(f"1 {factor}", units) ** 2
        if name == "truncated_normal":
            stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
            expected *= stats.truncnorm(-2, 2).var()
    np.testing.assert_allclose(known.scheme.variance(100, 30), expected, rtol=1e-12)
