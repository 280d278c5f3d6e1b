"""The table that a notebook shows: well-formed, right, and safe whatever things are called."""

import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from fastnet import Network


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
        ["in all", "", "", "", "23,860"],
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


def test_the_module_is_loaded_when_a_notebook_asks(monkeypatch):
    monkeypatch.delitem(sys.modules, "fastnet.model.html", raising=False)
    repr(Network([2, 2]))
    assert "fastnet.model.html" not in sys.modules
    Network([2, 2])._repr_html_()
    assert "fastnet.model.html" in sys.modules
