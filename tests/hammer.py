"""Many threads ask one network while others train it: `python -m tests.hammer --minutes 3`.

Whoever trains writes down, at every store, what the network answers to each of a few questions. An
answer that another thread got and that stands nowhere in that book was read half from the
parameters before a store, half from those after it.
"""

import argparse
import copy
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

import fastnet

#: A small network, of which everything is asked; and a large one, whose parameters take longer to
#: store than an example takes, so that half of a store would be seen at once.
SMALL, LARGE = [40, 32, 5], [40, 2000, 50, 5]
RNG = np.random.default_rng(2)
X = RNG.standard_normal((2100, 40))  # more than one kernel call
Y = np.arange(2100) % 5
FEW = X[:20], Y[:20]


def load_again(network, folder):
    path = Path(folder) / f"{threading.get_ident()}.npz"
    network.save(path)
    return fastnet.load(path)


#: What is asked, each answered by one thread in one call.
QUESTIONS = {
    "one example": lambda net, _: net.feedforward(X[0]).tobytes(),
    "33 rows": lambda net, _: net.feedforward(X[:33]).tobytes(),
    "2100 rows": lambda net, _: net.feedforward(X).tobytes(),
    "accuracy": lambda net, _: repr(net.accuracy(FEW)),
    "cost": lambda net, _: repr(net.total_cost((X, Y), 0.5)),
    "gradient": lambda net, _: repr([part.sum() for part in net.backprop(*FEW)[1]]),
    "input gradient": lambda net, _: net.input_gradient(X[0], 1).tobytes(),
    "input gradients": lambda net, _: net.input_gradient(X, Y).tobytes(),
    "jacobian": lambda net, _: net.jacobian(X[:3]).tobytes(),
    "statistics": lambda net, _: repr(net.layer_statistics(*FEW)),
    "copy": lambda net, _: copy.deepcopy(net).parameters.tobytes(),
    "file": lambda net, folder: load_again(net, folder).parameters.tobytes(),
}


def digest(answer):
    answer = answer.encode() if isinstance(answer, str) else answer
    return hashlib.blake2b(answer, digest_size=8).digest()


class Book(fastnet.Callback):
    """What the network answered after each store."""

    interval = 1

    def __init__(self, questions):
        self.right = {question: set() for question in questions}
        self.stores = 0
        self.is_over = lambda: False

    def on_interval(self, network, epoch, mini_batch):
        parameters = network.parameters.tobytes() if "copy" in self.right else b""
        for question, answers in self.right.items():
            # A file and a copy hold the parameters, and are not asked for on the trainer's time.
            whole = question in ("copy", "file")
            answer = parameters if whole else QUESTIONS[question](network, None)
            answers.add(digest(answer))
        self.stores += 1
        return self.is_over()

    def on_train_begin(self, network):
        self.on_interval(network, 0, 0)

    def on_epoch_end(self, network, record):
        return self.on_interval(network, 0, 0)


class Hammer:
    """The threads, and what they saw.

    Parameters
    ----------
    seconds : float
        After which they end.
    threads : int
    sizes, questions, trainers
        The network, what is asked of it, and how many of the threads train it.
    work : float
        They end before, where so many stores and so many answers have been; then a machine that
        is busy does as much as one that is not.
    """

    def __init__(
        self,
        seconds,
        threads,
        sizes=SMALL,
        questions=tuple(QUESTIONS),
        trainers=2,
        work=float("inf"),
    ):
        self.network = fastnet.Network(sizes, rng=0)
        self.book = Book(questions)
        self.seconds = seconds
        self.work = work
        self.answers = 0
        self.seen = {question: set() for question in questions}
        self.counts = Counter()
        self.failures = []
        self.lock = threading.Lock()
        self.folder = tempfile.TemporaryDirectory()
        self.threads = [
            threading.Thread(
                target=self.guarded, args=(self.train if k < trainers else self.ask, k)
            )
            for k in range(threads)
        ]

    def run(self):
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-4)
        self.until = time.monotonic() + self.seconds
        self.book.is_over = self.is_over
        try:
            for thread in self.threads:
                thread.start()
            for thread in self.threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
            self.folder.cleanup()
        return self

    def is_over(self):
        enough = min(self.book.stores, self.answers) >= self.work or self.failures
        return enough or time.monotonic() > self.until

    def guarded(self, work, k):
        try:
            work(random.Random(k))
        except BaseException as error:
            self.failures.append(error)

    def train(self, choose):
        counts = Counter()
        optimizers = [fastnet.SGD(0.5), fastnet.Adam(0.01), fastnet.Momentum(0.1)]
        while not self.is_over():
            try:
                options = {"optimizer": choose.choice(optimizers), "callbacks": self.book}
                self.network.train(FEW, choose.choice([1, 3]), 5, **options)
                counts["trained"] += 1
            except RuntimeError as error:
                assert "being trained already" in str(error)
                counts["trainings refused"] += 1
                time.sleep(0.001)
        with self.lock:
            self.counts += counts

    def ask(self, choose):
        seen = {question: set() for question in self.seen}
        counts = Counter()
        while not self.is_over():
            question = choose.choice(list(seen))
            seen[question].add(digest(QUESTIONS[question](self.network, self.folder.name)))
            counts[question] += 1
            with self.lock:
                self.answers += 1
        with self.lock:
            self.counts += counts
            for question, answers in seen.items():
                self.seen[question] |= answers

    @property
    def torn(self):
        """How many different answers to each question belong to no store."""
        return {
            question: len(answers - self.book.right[question])
            for question, answers in self.seen.items()
            if answers - self.book.right[question]
        }

    def report(self):
        asked = ", ".join(f"{question} {self.counts[question]}" for question in self.seen)
        different = sum(map(len, self.seen.values()))
        return (
            f"{len(self.threads)} threads; {self.book.stores} stores in {self.counts['trained']} "
            f"trainings, {self.counts['trainings refused']} refused; asked: {asked}; "
            f"{different} different answers; torn: {sum(self.torn.values())}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    seconds = 60 * options.minutes / 2
    hammers = [
        Hammer(seconds, options.threads),
        Hammer(seconds, options.threads, LARGE, ["one example"]),
    ]
    for hammer in hammers:
        print(hammer.run().report(), *hammer.torn.items(), *hammer.failures, sep="\n", flush=True)
    return any(hammer.torn or hammer.failures for hammer in hammers)


if __name__ == "__main__":
    sys.exit(main())
