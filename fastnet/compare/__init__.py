"""Comparison of initializers: the same network trained on the same data with each of them.

The experiment is chapter 3's on weight initialization (M. Nielsen, *Neural Networks and Deep
Learning*): a sigmoid network learns the digits from weights drawn from N(0, 1), the old start, and
from N(0, 1) / sqrt(n), where n is the number of weights into the same neuron, the new start. Other
initializers can be compared too, each with several seeds. Nothing is printed or drawn here:
`compare` and `replay_book` return a `Comparison`, from which the command line makes its table, JSON
and picture.
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
