"""Everything at once, for minutes: `python -m tests.soak --minutes 10`.

Processes train and save after every epoch, and are killed in the middle of it, again and again;
each goes on from the file that it finds. Threads ask a network that other threads train; others
save and load at one and the same path; children are forked while all that runs. Whatever is found
is held against what an undisturbed run gives, to the bit. Prints what was done, and what was lost.
"""

import argparse
import copy
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

import fastnet

from .forking import Forked, in_child
from .hammer import FEW, LARGE, QUESTIONS, SMALL, Hammer, X

EPOCHS = 300
DATA = X[:200, :20], np.arange(200) % 5
ROOT = Path(__file__).parents[1]


# --- a night's training: saved after each epoch, gone on with from the file ----------------------


def begin(seed):
    return fastnet.Network([20, 30, 5], rng=seed)


def one_epoch(network, seed):
    """Train the epoch that is next; what it draws depends on its number alone."""
    network.rng = np.random.SeedSequence([seed, len(network.history)])
    network.train(DATA, 1, 10, optimizer=fastnet.SGD(0.1), l2=0.1)


@cache
def undisturbed(seed):
    """Return the digest of the parameters after each number of epochs."""
    network = begin(seed)
    digests = [digest(network)]
    for _ in range(EPOCHS):
        one_epoch(network, seed)
        digests.append(digest(network))
    return digests


def digest(network):
    return hashlib.blake2b(network.parameters.tobytes(), digest_size=8).hexdigest()


def work(folder, seed):
    """Train to the end, in a process that may be killed at any moment."""
    path = Path(folder) / "night.npz"
    network = fastnet.load(path) if path.exists() else begin(seed)
    with open(Path(folder) / "saved", "a", buffering=1) as log:
        log.write("started\n")
        while len(network.history) < EPOCHS:
            one_epoch(network, seed)
            network.save(path)
            log.write(f"{len(network.history)}\n")  # from now on this must not be lost


def starts(folder):
    """Return how often a process has begun to work in a folder."""
    log = Path(folder) / "saved"
    return log.read_text().count("started") if log.exists() else 0


def start(folder, seed, forked):
    """Start a process that works: a forked child, or a Python of its own."""
    if forked and hasattr(os, "fork"):
        return Forked(lambda: work(folder, seed))
    # The checkout comes last: fastnet is the one that is in use here.
    code = f"import sys; sys.path.append({str(ROOT)!r}); from tests.soak import work; work"
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}({str(folder)!r}, {seed})"],
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )


class Soak:
    """The threads and processes, what they did and what was lost.

    Parameters
    ----------
    seconds : float
    nights : int
        How many trainings are killed at the same time.
    least : dict
        It ends before, where so much of each of these has been done, or anything is lost.
    """

    def __init__(self, seconds, nights=2, seed=0, least=None):
        self.until = time.monotonic() + seconds
        self.nights = nights
        self.least = least
        self.seed = seed
        self.did = Counter()
        self.lost = []
        self.lock = threading.Lock()
        self.hammer = None

    @property
    def goes_on(self):
        done = self.least and all(self.did[what] >= count for what, count in self.least.items())
        done = done or (self.least and self.lost)
        return not done and time.monotonic() < self.until

    def count(self, **counts):
        with self.lock:
            self.did.update(counts)

    def lose(self, what):
        with self.lock:
            self.lost.append(what)

    def run(self):
        jobs = [(self.hammers,), (self.forks,), *((self.night, k) for k in range(self.nights))]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self.folder = Path(folder)
            jobs += [(self.files, k) for k in range(2)]
            threads = [threading.Thread(target=self.guarded, args=job) for job in jobs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            left = sum(1 for _ in self.folder.rglob(".fastnet-*.tmp"))
            self.count(**{"half-written files left beside by the killed": left})
        return self

    def guarded(self, job, *args):
        try:
            job(*args)
        except BaseException as error:
            self.lose(f"{job.__name__}: {error!r}")

    # ---- threads

    def hammers(self):
        for k in range(10**9):
            if not self.goes_on:
                return
            seconds = min(2.0 if self.least else 5.0, max(0.5, self.until - time.monotonic()))
            large = k % 2 == 1
            self.hammer = hammer = Hammer(
                seconds, 6, LARGE if large else SMALL, ("one example",) if large else QUESTIONS
            )
            hammer.run()
            asked = sum(hammer.counts[question] for question in QUESTIONS)
            self.count(
                **{"answers in threads": asked, "stores meanwhile": hammer.book.stores},
                **{"trainings in threads": hammer.counts["trained"]},
                **{"trainings refused": hammer.counts["trainings refused"]},
            )
            for what in (*hammer.torn.items(), *hammer.failures):
                self.lose(f"in threads: {what!r}")

    def files(self, k):
        """Save at the path at which others save and load too; what is loaded must be whole."""
        networks = [begin(seed) for seed in range(5)]
        whole = {digest(network) for network in networks}
        choose = random.Random(k)
        path = self.folder / "shared.npz"
        while self.goes_on:
            choose.choice(networks).save(path)
            if digest(fastnet.load(path)) not in whole:
                self.lose("a file that others save too was not whole")
            self.count(**{"saved by threads": 1, "loaded by threads": 1})
            time.sleep(0.01)

    # ---- processes

    def forks(self):
        """Fork while the hammer's threads train and predict; the child does so too."""
        if not hasattr(os, "fork"):
            return
        while self.goes_on:
            if self.hammer is not None:
                network = self.hammer.network

                def child(network=network):
                    network.feedforward(X[:50])
                    network.train(FEW, 1, 5)
                    return digest(copy.deepcopy(network)) == digest(network)

                # Among so many, children that ran all the time took most of a minute to get one
                # second of the processor.
                if not in_child(child, seconds=300):
                    self.lose("a forked child's copy differed")
                self.count(**{"children forked": 1})
            time.sleep(0.2)

    def night(self, k):
        """Have networks trained by processes that are killed, until each has come to its end."""
        choose = random.Random(1000 * self.seed + k)
        number = 0
        while self.goes_on:
            folder = self.folder / f"night-{k}-{number}"
            folder.mkdir()
            self.finish(folder, 100 * k + number, choose)
            number += 1

    def finish(self, folder, seed, choose):
        expected = undisturbed(seed)
        while self.goes_on:
            before = starts(folder)
            process = start(folder, seed, forked=choose.random() < 0.8)
            while process.poll() is None and starts(folder) == before:
                time.sleep(0.005)
            end = time.monotonic() + choose.uniform(0.0, 0.5)
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            killed = process.poll() is None
            if killed:
                process.send_signal(choose.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
                while process.poll() is None:
                    time.sleep(0.005)
                self.count(**{f"{type(process).__name__} processes killed": 1})
            elif process.returncode:
                self.lose(f"a process failed in {folder.name}, with code {process.returncode}")
                return
            if self.check(folder, expected) == EPOCHS:
                self.count(**{"trainings in processes, killed and finished": 1})
                return

    def check(self, folder, expected):
        """Hold what is on the disk against what was reported, and against the undisturbed run."""
        reported = [int(line) for line in (folder / "saved").read_text().split() if line.isdigit()]
        path = folder / "night.npz"
        if not path.exists():
            if reported:
                self.lose(f"{len(reported)} epochs had been saved, and there is no file")
            return 0
        network = fastnet.load(path)
        done = len(network.history)
        if done < max(reported, default=0):
            self.lose(f"epoch {max(reported)} had been saved, and the file has {done}")
        if digest(network) != expected[done]:
            self.lose(f"after {done} epochs the parameters were not those of an undisturbed run")
        self.count(**{"files checked": 1})
        return done

    def report(self):
        lines = [f"{count:>10,}  {what}" for what, count in sorted(self.did.items())]
        return "\n".join([*lines, "lost: " + ("; ".join(self.lost) or "nothing")])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which is killed")
    options = parser.parse_args()
    began = time.monotonic()
    soak = Soak(60 * options.minutes, seed=options.seed).run()
    print(f"{(time.monotonic() - began) / 60:.1f} minutes:\n{soak.report()}")
    return bool(soak.lost)


if __name__ == "__main__":
    sys.exit(main())
