"""The table that a notebook shows: well-formed, right, and safe whatever things are called."""

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from fastnet import History, Network, sweep
from fastnet.compare import Data, compare
from fastnet.datasets import load_mnist
from fastnet.diagnostics import propagation


class Reader(HTMLParser):
    """Reads tags, which must be closed in order, and the text of cells and of the rest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.rows, self.rest = [], set(), [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert {name for name, _ in attrs} <= {"style"}
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.rest += data


def test_a_row_a_layer():
    net = Network([784, 30, 10], "log_likelihood", activation="leaky_relu", dtype=np.float32)
    table = Reader(net._repr_html_())
    assert table.rows == [
        ["layer", "inputs", "units", "activation", "parameters"],
        ["1", "784", "30", "leaky_relu", "23,550"],
        ["2", "30", "10", "softmax", "310"],
        ["total", "", "", "", "23,860"],
    ]
    assert f"{net.parameters.size:,}" == table.rows[-1][-1]
    facts = "LogLikelihoodCost · float32 · weights from 'default' · biases from 'normal'"
    assert table.rest == f"Network{facts} · not trained"


@pytest.mark.parametrize(("epochs", "words"), [(1, "1 epoch of"), (3, "3 epochs of")])
def test_what_it_has_learned(epochs, words):
    net = Network([2, 2], rng=0)
    net.train((np.eye(2), [0, 1]), epochs)
    assert Reader(net._repr_html_()).rest.endswith(f" · {words} training")


def test_every_name_is_escaped():
    def start(rng, shape):
        return np.zeros(shape)

    start.__name__ = "</div><script>alert('&')</script>"
    kind = type("<b>Mine</b>", (Network,), {})
    table = Reader(kind([1, 1], initializer=start)._repr_html_())
    assert table.tags == {"div", "strong", "table", "thead", "tbody", "tfoot", "tr", "th", "td"}
    assert "<b>Mine</b>" in table.rest and "<script>alert('&')</script>" in table.rest


def test_escaping_is_loaded_when_a_notebook_asks():
    script = "import fastnet, sys; net = fastnet.Network([2, 2]); before = 'html' in sys.modules; "
    script += "net._repr_html_(); print(before, 'html' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["False", "True"]


def test_a_history_has_a_row_an_epoch_and_is_cut_in_the_middle():
    net = Network([2, 2], rng=0)
    data = (np.eye(2), [0, 1])
    net.train(data, 2, evaluation_data=data)
    rows = Reader(net.history._repr_html_()).rows
    assert rows[0] == list(net.history[0])
    assert [row[0] for row in rows[1:]] == ["0", "1"]
    net.train(data, 30)
    read = Reader(net.history._repr_html_())
    assert [row[0] for row in read.rows[1:]] == [
        *map(str, range(10)),
        "…",
        *map(str, range(22, 32)),
    ]
    assert "12 rows in the middle are not shown" in read.rest


def test_layer_statistics_have_a_row_a_layer():
    found = Network([2, 3, 1], rng=0).layer_statistics(np.eye(2))
    rows = Reader(found._repr_html_()).rows
    assert rows[0] == ["layer", *found[0]]
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert float(rows[1][1]) == pytest.approx(found[0]["mean_z"], rel=1e-5)


def test_propagation_has_a_row_a_layer_with_means_over_the_seeds():
    found = propagation([4, 3, 2], initializer="large", activation="tanh", seeds=3, rng=0)
    read = Reader(found._repr_html_())
    assert [row[0] for row in read.rows] == ["layer", "1", "2"]
    place = read.rows[0].index("var_z")
    for row, mean in zip(read.rows[1:], found.records["var_z"].mean(axis=0), strict=True):
        assert float(row[place]) == pytest.approx(mean, rel=1e-5)
    assert "means over 3 seeds" in read.rest


def test_a_sweep_a_comparison_and_mnist():
    def build(data, rng, eta):
        if eta < 0:
            raise ValueError("<negative>")
        return {"cost": eta / 2}

    swept = sweep(build, [{"eta": 0.5}, {"eta": -1.0}], threads=1)
    read = Reader(swept._repr_html_())
    assert read.rest == "SweepResult(2 trainings, 1 failed)"
    assert read.rows[1][:3] == ["0.5", "0", "0.25"]
    assert "<negative>" in read.rows[2][-1]

    X = np.random.default_rng(0).random((60, 6))
    data = Data("blobs", (X[:40], np.arange(40) % 3), (X[40:], np.arange(20) % 3))
    compared = compare(data, seeds=2, hidden=4, epochs=2)
    read = Reader(compared._repr_html_())
    assert [row[0] for row in read.rows] == ["initializer", "large", "default"]
    assert float(read.rows[1][2]) == pytest.approx(compared.accuracy("large")[-1], rel=1e-5)
    assert "2 seeds" in read.rest

    read = Reader(load_mnist(raw=True)._repr_html_())
    assert [row[:2] for row in read.rows[1:]] == [
        ["train", "50,000"],
        ["validation", "10,000"],
        ["test", "10,000"],
    ]


def test_an_empty_history_is_a_table_without_rows():
    assert Reader(History()._repr_html_()).rows == [[]]
