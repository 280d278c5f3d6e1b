"""The experiment that compares initializers: the same network and data, a training from each.

The comparison is chapter 3's experiment on weight initialization (M. Nielsen, *Neural Networks and
Deep Learning*): a sigmoid network learns the digits once from weights drawn from N(0, 1), the old
start, and once from N(0, 1) / sqrt(n) with n the weights into the same neuron, the new start.
Other initializers can be compared too, each from several seeds. Nothing is printed or drawn here:
`compare` and `replay_book` return a `Comparison`, from which the command line makes its table, its
JSON and its picture.
"""

from fastnet.compare.book import BOOK, BookShuffle, published, replay_book
from fastnet.compare.data import Data, mnist, read_data
from fastnet.compare.intervals import mean_and_margin, student_t
from fastnet.compare.leads import Lead
from fastnet.compare.result import NEW, OLD, Comparison, Run
from fastnet.compare.runs import Progress, compare
from fastnet.compare.settings import Settings

__all__ = [
    "BOOK",
    "NEW",
    "OLD",
    "BookShuffle",
    "Comparison",
    "Data",
    "Lead",
    "Progress",
    "Run",
    "Settings",
    "compare",
    "mean_and_margin",
    "mnist",
    "published",
    "read_data",
    "replay_book",
    "student_t",
]
