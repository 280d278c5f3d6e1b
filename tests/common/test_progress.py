"""The progress line: a bar where it can move, plain lines where it cannot, one way for all."""

import io
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from fastnet import Network
from fastnet.common import progress
from fastnet.common.progress import ProgressLine, ProgressReport

TRAIN = (
    "import numpy as np, fastnet\n"
    "net = fastnet.Network([2, 3, 2], rng=0)\n"
    "net.train((np.eye(2), [0, 1]), 30, 1, progress=True)\n"
)
LINE = re.compile(r"training: \d+ of 60 steps, \d+ s")


def python(code, **streams):
    """Run code in a fresh interpreter."""
    return subprocess.run([sys.executable, "-P", "-W", "error", "-c", code], check=True, **streams)


def in_terminal(code, columns=80):
    """Run code with a pseudo-terminal as standard error, and return what it shows."""
    pty = pytest.importorskip("pty", reason="pty is missing: Windows has none")
    import fcntl
    import struct
    import termios

    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24 * bool(columns), columns, 0, 0))
    python(code, stderr=there)
    os.close(there)
    shown = os.read(here, 100_000).decode()
    os.close(here)
    return shown


def test_a_log_file_gets_plain_lines(tmp_path):
    with open(tmp_path / "log", "w") as log:
        python(TRAIN, stderr=log)
    text = (tmp_path / "log").read_bytes().decode()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert lines[-1].startswith("training: 60 of 60 steps")
    assert len(lines) <= 2  # the first and the last: it took less than the time between two


@pytest.mark.parametrize("columns", [80, 40, 300, 0])
def test_a_terminal_gets_one_line_that_fits(columns):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'fastnet-mlp[plot]'")
    shown = in_terminal(TRAIN, columns)
    assert shown.count("\n") == 1
    states = shown.replace("\r\n", "").split("\r")
    assert max(map(len, states)) < (columns or 80)
    assert "60 of 60 steps" in states[-1]
    assert "training" in states[-1]


def test_without_tqdm_a_terminal_gets_plain_lines():
    shown = in_terminal(
        f"import sys; sys.modules['tqdm'] = sys.modules['tqdm.auto'] = None\n{TRAIN}"
    )
    assert all(LINE.fullmatch(line) for line in shown.split("\r\n")[:-1])
    assert "training: 60 of 60 steps" in shown


def test_a_terminal_that_becomes_narrower_is_obeyed(monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm is missing: pip install 'fastnet-mlp[plot]'")
    shown = io.StringIO()
    widths = iter([70, 70, 70, 30, 30, 30, 30])
    monkeypatch.setattr(progress, "_columns", lambda: next(widths))
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("tqdm.std.tqdm.mininterval", 0.0, raising=False)
    with ProgressLine() as line:
        line._new_bar = lambda total, label: bar(total, label, shown)
        for done in range(1, 6):
            line(done, 5)
    lengths = [len(state.rstrip()) for state in shown.getvalue().split("\r") if state.strip()]
    assert max(lengths[:2]) > 40
    assert max(lengths[-2:]) <= 30


def bar(total, label, file):
    """Return a bar that is drawn at each step."""
    from tqdm import tqdm

    return tqdm(
        total=total, desc=label, file=file, ncols=70, mininterval=0, bar_format=progress.FORMAT
    )


def test_a_notebook_gets_the_bar_of_notebooks(monkeypatch):
    made = []

    class Bar:
        def __init__(self, **options):
            self.n, self.options, self.closed = 0, options, False
            made.append(self)

        def update(self, steps):
            self.n += steps

        def close(self):
            self.closed = True

    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    with ProgressLine("drawing") as line:
        line(3, 10)
        line(10, 10)
    (bar,) = made
    assert (bar.n, bar.options["total"], bar.options["desc"]) == (10, 10, "drawing")
    assert "ncols" not in bar.options
    assert bar.closed
    shell.config = {}  # the prompt of IPython in a terminal is no notebook
    with ProgressLine() as line:
        line(1, 1)
    assert len(made) == 1


def test_plain_lines_come_seldom_and_at_the_end(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    with ProgressLine("counting") as line:
        for step in range(1, 201):
            now[0] = step / 10
            line(step, 200)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "counting: 1 of 200 steps, 0 s"
    assert lines[-1] == "counting: 200 of 200 steps, 20 s"
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
