"""Which number of threads a training settles on: what was the faster, tried again now and then."""

import pickle
from collections import Counter

import numpy as np

import fastnet
from fastnet.training.calls import CALLS_PER_TRIAL, MOST_CALLS_PER_TRIAL, TRIALS, ThreadChoice


def sizes_taken(crew, seconds_of, calls):
    """Let a crew work, where a row takes seconds_of[size]; return how often it had each size."""
    taken = Counter()
    for _ in range(calls):
        size = crew.size
        taken[size] += 1
        crew.note(size, rows=10, seconds=10 * seconds_of[size])
    return taken


def test_the_faster_of_the_two_is_preferred():
    for slower, faster in ((4, 1), (1, 4)):
        crew = ThreadChoice(4)
        seconds = {slower: 2e-6, faster: 1e-6}
        assert sizes_taken(crew, seconds, 2 * TRIALS) == {1: TRIALS, 4: TRIALS}
        # Once after 25 calls, once after 50 more, and once after another 100.
        settled = sizes_taken(crew, seconds, 7 * CALLS_PER_TRIAL + 3)
        assert settled == {slower: 3, faster: 7 * CALLS_PER_TRIAL}
        settled = sizes_taken(crew, seconds, 10 * MOST_CALLS_PER_TRIAL)
        assert 9 <= settled[slower] <= 12


def test_a_machine_that_changes_is_noticed():
    crew = ThreadChoice(2)
    sizes_taken(crew, {2: 1e-6, 1: 2e-6}, 101)
    assert crew.size == 2
    sizes_taken(crew, {2: 9e-6, 1: 2e-6}, TRIALS)  # somebody else has the other processor now
    assert crew.size == 1
    sizes_taken(crew, {2: 1e-6, 1: 2e-6}, CALLS_PER_TRIAL)  # and has gone
    assert crew.size == 2


def test_one_thread_is_one_thread():
    assert sizes_taken(ThreadChoice(1), {1: 1e-6}, 100) == {1: 100}


def test_what_was_found_out_serves_the_next_training_of_the_kind():
    X, y = np.random.default_rng(0).random((40, 90)), np.arange(40) % 3
    net = fastnet.Network([90, 40, 3], rng=0)
    fastnet.set_num_threads(2)
    net.train((X, y), epochs=2, mini_batch_size=20)
    crew = net._thread_choice[1]
    assert crew.most == 2
    net.train((X, y), epochs=2, mini_batch_size=20)
    assert net._thread_choice[1] is crew
    net.train((X, y), epochs=2, mini_batch_size=10)
    assert net._thread_choice[1] is not crew
    assert pickle.loads(pickle.dumps(net))._thread_choice is None
