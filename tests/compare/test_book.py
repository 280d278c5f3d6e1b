"""The published run of the book, number for number."""

import random

import numpy as np
import pytest

import fastnet

NEW, OLD = "default_weight_initializer", "large_weight_initializer"


def python2_shuffle(items, uniform):
    """Shuffle in place as random.shuffle of Python 2, with which the numbers were computed."""
    for i in range(len(items) - 1, 0, -1):
        j = int(uniform() * (i + 1))
        items[i], items[j] = items[j], items[i]


class PublishedRun:
    """The network and the two random streams of the run; epochs follow on one another."""

    def __init__(self, mnist, **options):
        uniform = random.Random(12345678).random
        order = list(range(50_000))

        def shuffle(rows):
            # Each call of SGD starts again from 0 .. n-1; the published run went on shuffling
            # one list through both trainings.
            python2_shuffle(order, uniform)
            rows[:] = order

        self.shuffle = shuffle
        self.mnist = mnist
        rng = np.random.RandomState(12345678)
        self.network = fastnet.Network([784, 30, 10], rng=rng, **options)

    def train(self, epochs):
        """Return the number of correct validation images after each epoch."""
        _, accuracy, _, _ = self.network.SGD(
            self.mnist.train, epochs, 10, 0.1, lmbda=5.0, evaluation_data=self.mnist.validation,
            monitor_evaluation_accuracy=True, shuffle=self.shuffle,
        )  # fmt: skip
        return accuracy


def test_the_published_numbers_are_the_published_numbers(published):
    """Check the file's shape and ends; with an empty file the next test would pass."""
    new_start, old_start = published[NEW], published[OLD]
    assert [len(new_start), len(old_start)] == [30, 30]
    assert [new_start[0], new_start[-1], old_start[0], old_start[-1]] == [9270, 9650, 8643, 9637]
    assert [sum(new_start), sum(old_start)] == [287_868, 283_959]


@pytest.mark.slow
def test_all_sixty_published_numbers(mnist, published):
    run = PublishedRun(mnist)
    new_start = run.train(30)
    run.network.large_weight_initializer()
    old_start = run.train(30)
    assert new_start == published[NEW]
    assert old_start == published[OLD]
    assert all(type(count) is int for count in new_start + old_start)


def test_float32_follows_the_published_curve(mnist, published):
    """Rounding moves single images, not the curve: a few in 10,000."""
    counts = PublishedRun(mnist, dtype=np.float32).train(2)
    np.testing.assert_allclose(counts, published[NEW][:2], atol=10)
