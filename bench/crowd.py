"""Measure how much several trainings at once, each on all cores, slow each other down.

Run it as: python bench/crowd.py

Twice as many processes as cores train 784-100-10 on MNIST at the same time (W2 of the bench).
Without losses each takes twice as long as a single process on one thread.  Threads that wait for
each other at a barrier lose more if one of them is not running: this loss is measured here.
"""

import argparse
import multiprocessing
import statistics
import time
from typing import Any

import machine

EPOCHS = 8


def train(threads: int, start: Any, seconds: Any) -> None:
    """Train for EPOCHS epochs once all processes are ready, and report the seconds."""
    import fastnet
    from fastnet.datasets import load_mnist

    fastnet.set_num_threads(threads)
    net = fastnet.Network([784, 100, 10], rng=0)
    data = net.prepare(load_mnist().train)
    net.SGD(data, 1, 10, 0.1, 5.0)
    start.wait()
    began = time.perf_counter()
    net.SGD(data, EPOCHS, 10, 0.1, 5.0)
    seconds.put(time.perf_counter() - began)


def crowd(processes: int, threads: int) -> list[float]:
    """Return the seconds that each of several simultaneous processes took."""
    context = multiprocessing.get_context("spawn")
    start, seconds = context.Barrier(processes), context.Queue()
    members = [
        context.Process(target=train, args=(threads, start, seconds)) for _ in range(processes)
    ]
    for member in members:
        member.start()
    taken = [seconds.get() for _ in members]
    for member in members:
        member.join()
    return taken


def main() -> None:
    """Measure each kind in turn, and print medians over the rounds."""
    parser = argparse.ArgumentParser(prog="bench/crowd.py", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    cores = machine.usable_cores()
    share = 2  # processes per core
    kinds = {
        "one process, one thread": (1, 1),
        f"one process, {cores} threads": (1, cores),
        f"{share * cores} processes, one thread each": (share * cores, 1),
        f"{share * cores} processes, {cores} threads each": (share * cores, cores),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, kind in kinds.items():
            taken[name].append(statistics.mean(crowd(*kind)))
    alone = statistics.median(next(iter(taken.values())))
    for name, (processes, _) in kinds.items():
        seconds = statistics.median(taken[name])
        due = share if processes > 1 else 1
        print(
            f"{name:32} {seconds / EPOCHS * 1e3:7.0f} ms per epoch, {seconds / alone / due:5.2f} "
            f"times {'its fair share' if processes > 1 else 'one thread alone'}"
        )


if __name__ == "__main__":
    main()
