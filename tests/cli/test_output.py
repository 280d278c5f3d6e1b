"""Parts on standard output: which lines of a table are headings, and what a terminal is sent."""

import io
import sys

import pytest

from fastnet.cli.output import TextTable, show

ROWS = [["1", "9.5 ± 0.1", "8"], ["2", "\x1b[2J", "7"]]


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_headings_are_marked_in_every_part_of_a_table(monkeypatch, encoding):
    pytest.importorskip("rich", reason="rich is missing: pip install 'fastnet-mlp[plot]'")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = TextTable(["n", "a", "b"], ROWS, "one title", width=14, least_width=8)
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(shown, encoding=encoding))
    show("above", table)
    text = shown.getvalue().decode(encoding)
    sign = "±" if encoding == "utf-8" else "+-"
    lines = text.replace("\x1b[1;36m", "<").replace("\x1b[0m", ">").splitlines()
    assert lines[:3] == ["above", "", "one title"]
    assert [line for line in lines if "<" in line] == [lines[3], lines[7]]
    assert f"9.5 {sign} 0.1" in text and "\x1b[2J" not in text and r"\x1b[2J" in text


def test_a_pipe_gets_the_same_lines_plain(capsys):
    table = TextTable(["n", "a"], [["1", "2"]], "one title", least_width=1)
    show("above", table, "below")
    assert capsys.readouterr().out == "above\n\none title\nn  a\n1  2\n\nbelow\n"
