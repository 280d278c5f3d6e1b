"""The progress line: a bar where it can move, plain lines where it cannot, one way for all."""

import io
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from fastnet import Network
from fastnet.common import progress
from fastnet.common.progress import ProgressLine, ProgressReport

from ..commands import in_terminal

TRAIN = (
    "import numpy as np, fastnet\n"
    "net = fastnet.Network([2, 3, 2], rng=0)\n"
    "net.train((np.eye(2), [0, 1]), 30, 1, progress=True)\n"
)
PYTHON = [sys.executable, "-P", "-W", "error", "-c"]
LINE = re.compile(r"training: \d+ of 60 mini-batches, \d+ s")


def python(code, **streams):
    """Run code in a fresh interpreter."""
    return subprocess.run([*PYTHON, code], check=True, **streams)


def test_a_log_file_gets_plain_lines(tmp_path):
    with open(tmp_path / "log", "w") as log:
        python(TRAIN, stderr=log)
    text = (tmp_path / "log").read_bytes().decode()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert lines[-1].startswith("training: 60 of 60 mini-batches")
    assert len(lines) <= 2  # the first and the last: it took less than the time between two


@pytest.mark.parametrize("columns", [80, 60, 40, 300, 0])
def test_a_terminal_gets_one_line_that_fits(columns):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    shown = in_terminal([*PYTHON, TRAIN], columns)
    assert shown.count("\n") == 1
    states = [state for state in plain(shown).replace("\r\n", "").split("\r") if state]
    assert max(map(len, states)) < (columns or 80)
    assert states[-1].startswith("training ") and "100 %" in states[-1]
    assert ("60 of 60 mini-batches" in states[-1]) == (columns != 40)
    assert ("\u2501" in states[-1]) == (columns != 40)
    # A process that is killed leaves the cursor, as one that ends does.
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
    assert 0 < shown.find("\x1b[?25h") < shown.find("training")


def plain(shown):
    """Return what a terminal was sent, without its escape sequences."""
    return re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", shown)


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, "import sys; sys.modules['rich'] = None\n"),  # as if it were missing
        ({"TERM": "dumb"}, ""),
    ],
)
def test_a_terminal_where_no_bar_can_move_gets_plain_lines(monkeypatch, variables, code):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shown = in_terminal([*PYTHON, code + TRAIN], 80)
    assert all(LINE.fullmatch(line) for line in shown.split("\r\n")[:-1])
    assert "training: 60 of 60 mini-batches" in shown


def test_colour_and_signs_are_left_out_where_they_are_not_wanted(monkeypatch):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    monkeypatch.setenv("TERM", "xterm-256color")
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3\d|38|9\d)[;\dm]")
    assert colour.search(in_terminal([*PYTHON, TRAIN], 80))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(in_terminal([*PYTHON, TRAIN], 80))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    shown = in_terminal([*PYTHON, TRAIN], 80)
    assert shown.isascii() and "60 of 60 mini-batches" in shown


def test_a_terminal_that_becomes_narrower_is_obeyed(monkeypatch):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    shown = io.StringIO()
    width = [79]
    monkeypatch.setattr("fastnet.common.bars.bar_columns", lambda: width[0])
    monkeypatch.setattr(progress, "bar_columns", lambda: width[0])
    monkeypatch.setattr(progress, "FRAME", 0.0)
    monkeypatch.setattr(sys, "stderr", shown)
    with ProgressLine() as line:
        line(1, 5)
        wide = max(map(len, plain(shown.getvalue()).split("\r")))
        for done in range(2, 6):
            width[0] = 30
            shown.truncate(shown.seek(0))
            line(done, 5)
            assert len(plain(shown.getvalue()).strip()) <= 30
    assert wide == 79


def test_a_notebook_without_widgets_gets_plain_lines(monkeypatch, capsys):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with ProgressLine("drawing", "neurons") as line:
        line(10, 10)
    assert capsys.readouterr().err == "drawing: 10 of 10 neurons, 0 s\n"


def test_what_takes_less_than_the_delay_is_not_shown(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    with ProgressLine("epoch 1", delay=1, leave=False) as line:
        line(1, 4)
    assert capsys.readouterr().err == ""
    with ProgressLine("epoch 2", delay=1, leave=False) as line:
        line(1, 4)
        now[0] += 2
        line(2, 4)
    assert capsys.readouterr().err == "epoch 2: 2 of 4 mini-batches, 2 s, 0:02 left\n"


def test_plain_lines_come_seldom_and_at_the_end(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    with ProgressLine("counting") as line:
        for step in range(1, 201):
            now[0] = step / 10
            line(step, 200)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "counting: 1 of 200 mini-batches, 0 s"
    assert lines[-1] == "counting: 200 of 200 mini-batches, 20 s"
    assert len(lines) == 5
    now[0] = 99.0
    assert line.seconds == 20.0  # it is closed


def test_the_last_line_is_not_said_twice_and_nothing_done_is_not_said(capsys):
    with ProgressLine() as line:
        line(1, 1)
    with ProgressLine():
        pass
    assert len(capsys.readouterr().err.splitlines()) == 1


class BrokenPipe(io.StringIO):
    """A stream that nobody reads any more, and that is no file."""

    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize("stderr", [None, io.StringIO(), BrokenPipe()])
def test_no_standard_error_is_no_error(monkeypatch, stderr):
    if type(stderr) is io.StringIO:
        stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    net = Network([2, 2], rng=0)
    assert len(net.train((np.eye(2), [0, 1]), 2, progress=True)) == 2


def test_report_counts_and_closes():
    calls = []
    with ProgressReport(lambda *call: calls.append(call), 4) as report:
        for step in (1, 0, 3):
            report(step)
    assert calls == [(1, 4), (4, 4)]


@pytest.mark.parametrize("wrong", [1, "yes", 0.5, []])
def test_what_is_no_progress_is_refused(wrong):
    with pytest.raises(TypeError, match="give True, False, None or a callable"):
        ProgressReport(wrong, 4)
