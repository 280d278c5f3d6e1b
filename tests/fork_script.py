"""Forks while a user's code, in another thread, copies and changes networks: `fork_script.py KIND`.

Hooks run from the youngest to the oldest: when `forking` is set, fastnet's own comes next.
"""

import copy
import os
import sys
import threading
import time
import warnings

import numpy as np

import fastnet
from fastnet import network2

warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
inside, forking = threading.Event(), threading.Event()
os.register_at_fork(before=forking.set)
nets = [fastnet.Network([3, 3], rng=k) for k in range(200)]
data = np.ones((9, 3)), np.arange(9) % 3


def users_code(*_):
    if threading.current_thread() is not threading.main_thread() and not forking.is_set():
        inside.set()
        forking.wait()
        time.sleep(0.05)  # to have the fork take what it can get
        for net in nets:
            copy.deepcopy(net).weights = net.weights
            net.weights[0] = np.ones((3, 3))


def initializer(rng, shape):
    users_code()
    return rng.normal(size=shape)


def metric(network):
    users_code()
    return 1.0


class Callback(fastnet.Callback):
    on_epoch_begin = on_epoch_end = on_train_end = users_code


class Generator(np.random.Generator):
    def permutation(self, *arguments):
        users_code()
        return super().permutation(*arguments)

    def integers(self, *arguments, **options):
        users_code()
        return super().integers(*arguments, **options)


class Labels:
    def __array__(self, dtype=None, copy=None):
        users_code()
        return data[1]


def weights(network):
    users_code()
    yield from [w * 0.5 for w in network.weights]


def under_the_lock(context):  # as a signal handler or a finalizer may be
    with context:
        users_code()


def drawing():
    with nets[7].rng.bit_generator.lock:
        users_code()


book, own = network2.Network([3, 3]), fastnet.Network([3, 3], rng=Generator(np.random.PCG64(1)))
WORK = {
    "initializer": lambda: fastnet.Network([3, 3], initializer=initializer),
    "shuffle": lambda: nets[3].train(data, 1, shuffle=users_code),
    "metric": lambda: nets[3].train(data, 1, metrics=metric),
    "callback": lambda: nets[3].train(data, 1, callbacks=Callback()),
    "generator": lambda: own.train(data, 1, dropout=0.5),
    "labels": lambda: nets[3].train((data[0], Labels()), 1),
    "progress": lambda: nets[3].train(data, 1, progress=users_code),
    "weights": lambda: setattr(nets[3], "weights", weights(nets[3])),
    "the book's weights": lambda: setattr(book, "weights", weights(book)),
    "the book's mini-batch": lambda: book.update_mini_batch((data[0], Labels()), 0.1, 0.0, 9),
    "reading": lambda: under_the_lock(nets[150]._guard.still),
    "writing": lambda: under_the_lock(nets[50]._guard),
    "drawing": drawing,
    "forking": lambda: (under_the_lock(nets[50]._guard), answer()),
}


def answer():
    pid = os.fork()
    if pid == 0:
        nets[7].rng.random(), nets[3].partial_fit(data), nets[150].feedforward(data[0])
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


work = WORK[sys.argv[1]]
thread = threading.Thread(target=work)
thread.start()
assert inside.wait(60), "the user's code is not called"
answer()
thread.join()
answer()
print("done")
