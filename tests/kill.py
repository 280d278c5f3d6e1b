"""Kill trainings at random moments and resume them: `python -m tests.kill --times 300`.

Each trial trains in a process of its own, which SIGKILL ends, and resumes in another. Half of the
trials are killed by a clock, wherever they are; the other half in the midst of writing a
checkpoint, at a random call of the system's there. What comes out must be, to the last bit, what
comes out of a training that nobody killed: parameters, optimizer's state, History and generator.
Exits with 1 where one trial does not.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from hashlib import blake2b

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # so that this process may fork

import numpy as np

import fastnet
from fastnet import Callback, Checkpoint, EarlyStopping, RecordStatistics

#: Where a write may be cut: before any of it, half of the data in, unflushed, unnamed, undone.
CUTS = ("open", "write", "fsync", "replace", "flush the folder")


class Clip(Callback):
    """Changes parameters between epochs, and counts."""

    changing = ("count",)

    def __init__(self):
        self.count = 0

    def on_epoch_end(self, network, record):
        self.count += 1
        record["count"] = self.count
        network.parameters[:] = np.clip(network.parameters, -3, 3)


def data(density=0.2, n=400, dtype=np.float64):
    """Return examples that are mostly zeros, or converted, or none of this."""
    rng = np.random.default_rng(1)
    X = rng.random((n, 30)) * (rng.random((n, 30)) < density)
    return X.astype(dtype), rng.integers(0, 4, n)


#: Name, how the generator is made, and what `train` gets.
PLANS = {
    "decay on sparse rows": lambda: (
        np.random.default_rng(1),
        {"l2": 8.0, "optimizer": fastnet.SGD(0.5), "metrics": ["running_cost"]},
    ),
    "adam, dropout, RandomState": lambda: (
        np.random.RandomState(2),
        {"optimizer": "adam", "dropout": 0.3, "schedule": fastnet.schedules.Cosine(12)},
    ),
    "early stopping, Philox": lambda: (
        np.random.Generator(np.random.Philox(3)),
        {
            "optimizer": fastnet.Momentum(0.2), "schedule": "halve", "evaluation_data": data(0.2),
            "callbacks": [EarlyStopping(4), RecordStatistics(data()[0], interval=7)],
        },
    ),
    "a shuffle of one's own, SFC64": lambda: (
        np.random.Generator(np.random.SFC64(4)),
        {"shuffle": random.Random(4).shuffle, "l2": 4.0, "callbacks": [Clip()]},
    ),
    "large mini-batches, MT19937": lambda: (
        np.random.Generator(np.random.MT19937(5)),
        {"mini_batch_size": 270, "optimizer": "rmsprop", "metrics": ["running_accuracy"]},
    ),
    "converted rows, weights, norms": lambda: (
        np.random.Generator(np.random.PCG64DXSM(6)),
        {
            "float16": True, "l1": 0.5, "max_norm": 2.0, "clip_norm": 0.5,
            "sample_weight": np.linspace(0.5, 1.5, 400),
        },
    ),
}  # fmt: skip


def train(name, path, resume, breath=0.0):
    """Train to the end; return a digest of everything that must be equal."""
    rng, options = PLANS[name]()
    options = {"mini_batch_size": 10, "metrics": ["evaluation_accuracy"], **options}
    X, y = data(dtype=np.float16 if options.pop("float16", False) else np.float64)
    options.setdefault("evaluation_data", (X, y))
    callbacks = list(options.pop("callbacks", []))
    if path is not None:
        every, unit = random.Random(name).choice([(1, "epochs"), (13, "mini_batches")])
        callbacks.append(Checkpoint(path, every=every, unit=unit, keep=2))
    if breath:
        callbacks.append(Breathe(breath))
    net = fastnet.Network([30, 12, 4], rng=rng)
    history = net.train((X, y), 12, callbacks=callbacks, resume=resume, **options)
    digest = blake2b(net.parameters.tobytes())
    for vector in net._state.vectors:
        digest.update(vector.tobytes())
    digest.update(repr((net._state.step, history.to_json(), net.rng.random(8).tolist())).encode())
    return digest.hexdigest()


class Breathe(Callback):
    """Spends time between mini-batches, so that a clock has something to hit."""

    def __init__(self, seconds):
        self._pause = seconds  # not by the parameter's name: plans are compared by those
        self.interval = 4

    def on_interval(self, network, epoch, mini_batch):
        time.sleep(self._pause)


def in_a_process(work):
    """Fork; return the child's process number, and where its answer can be read."""
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return process, reader
    try:
        os.close(reader)
        os.write(writer, work().encode())
    except BaseException as error:
        os.write(writer, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def answer_of(process, reader):
    """Return what the process said, and whether a signal has ended it."""
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    return said, os.WIFSIGNALED(os.waitpid(process, 0)[1])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def cut_a_write(draw):
    """Have this process die in the midst of some write of a checkpoint."""
    where, left = draw.choice(CUTS), draw.randrange(1, 14)
    real = {"fsync": os.fsync, "replace": os.replace, "urandom": os.urandom}
    seen = {"writes": 0}

    def begins(size):
        if size == 8:  # the name of the file beside
            seen["writes"] += 1
            if where == "open" and seen["writes"] == left:
                die()
        return real["urandom"](size)

    def fsync(number):
        if seen["writes"] >= left:
            is_folder = os.path.isdir(f"/proc/self/fd/{number}")
            if where == "write" and not is_folder:
                os.ftruncate(number, draw.randrange(os.fstat(number).st_size))
                die()
            if (where == "fsync" and not is_folder) or (where == "flush the folder" and is_folder):
                die()
        real["fsync"](number)

    def replace(source, target):
        if where == "replace" and seen["writes"] >= left:
            die()
        real["replace"](source, target)

    os.urandom, os.fsync, os.replace = begins, fsync, replace


def trial(draw, name, path, by_clock, seconds):
    """Kill one training and resume it; return how it was killed, and what came out."""

    def work():
        if not by_clock:
            cut_a_write(draw)
        return train(name, path, True, breath=seconds / 400)

    process, reader = in_a_process(work)
    if by_clock:
        time.sleep(draw.uniform(0, seconds))
        os.kill(process, signal.SIGKILL)
    killed = answer_of(process, reader)[1]
    folder = os.path.dirname(path)
    state = (
        "after the end" if not killed
        else "in a write" if any(name.endswith(".tmp") for name in os.listdir(folder))
        else "between writes" if os.path.exists(path)
        else "before the first checkpoint"
    )  # fmt: skip
    said, crashed = answer_of(*in_a_process(lambda: train(name, path, True, breath=1e-9)))
    left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
    return state, said + " (killed)" * crashed + " (with leftovers)" * bool(left)


def main(arguments=None):
    """Run the trials; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    draw = random.Random(options.seed)
    names = list(PLANS)
    whole = {}
    for name in names:
        whole[name] = answer_of(*in_a_process(lambda name=name: train(name, None, None, 1e-9)))[0]
    states, wrong = {}, []
    began = time.monotonic()
    for number in range(options.times):
        name = names[number % len(names)]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.npz")
            state, found = trial(draw, name, path, number // len(names) % 2 == 0, 0.4)
        states[state] = states.get(state, 0) + 1
        if found != whole[name]:
            wrong.append(f"trial {number}, {name}, killed {state}: {found}")
    for state, count in sorted(states.items()):
        print(f"killed {state}: {count}")
    right = options.times - len(wrong)
    print(f"{right} of {options.times} ended equal, in {time.monotonic() - began:.0f} s")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
