"""Threads that predict with one network, threads that each train their own, threads within one.

For ThreadSanitizer, which sees what goes wrong even where the result happens to be right:
`bash .ci/sanitize thread`. Alone: `python -m tests.threaded --threads 16 --minutes 3`.
"""

import argparse
import threading
import time

import numpy as np

import fastnet

ROUNDS = 20
#: Layers that threads share out at mini-batches of 50: the first alone; all; all but a narrow one.
SHAPES = [(200, 64, 10), (100, 90, 70), (70, 90, 10, 120, 2)]
#: What goes through each of the steps that threads take together.
WAYS = {
    "plain descent": {},
    "decay": {"l2": 2.0},
    "Adam": {"optimizer": "adam"},
    "Adam with a clipped gradient": {"optimizer": "adam", "clip_norm": 0.01, "l1": 0.1},
    "limited norms": {"max_norm": 0.8},
    "dropout": {"dropout": 0.3},
    "a mini-batch larger than the workspace": {"mini_batch_size": 290},
}


def main() -> None:
    """Run all, again and again; raise where an answer is not the one that a single thread gets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=0, help="0: everything once")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    many = one = 0
    while True:
        many += many_networks(options.threads)
        one += one_network()
        if time.monotonic() >= until:
            break
    print(
        f"{many} rounds of predicting and training in {options.threads} threads, and {one} "
        "trainings of 2 and 3 threads on one network: all as with one thread"
    )


def many_networks(n_threads: int) -> int:
    """Predict with one network in half of the threads while the others train one each."""
    rng = np.random.default_rng(0)
    X, y = rng.random((200, 20)), rng.integers(0, 3, 200)
    shared = fastnet.Network([20, 16, 3], rng=1)
    answer, cost = shared.feedforward(X), shared.total_cost((X, y), 0.1)
    trained = train(X, y)
    wrong = []

    def is_right(row: int) -> bool:
        return (
            np.array_equal(shared.feedforward(X), answer)
            and np.allclose(shared.feedforward(X[row]), answer[row])
            and shared.total_cost((X, y), 0.1) == cost
        )

    def predict() -> None:
        wrong.extend("predicting" for row in range(ROUNDS) if not is_right(row))

    def learn() -> None:
        results = [train(X, y) for _ in range(ROUNDS // 5)]
        wrong.extend("training" for found in results if not np.array_equal(found, trained))

    threads = [threading.Thread(target=work) for work in (predict, learn) * (n_threads // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} wrong results, the first while {wrong[0]}")
    return ROUNDS


def one_network() -> int:
    """Train each shape in each way on rows with and without zeros, with 2 and with 3 threads."""
    done = 0
    for sizes in SHAPES:
        for share in (1.0, 0.2):
            for way, options in WAYS.items():
                alone = together(1, sizes, share, options)
                for n_threads in (2, 3):
                    if not np.array_equal(together(n_threads, sizes, share, options), alone):
                        raise SystemExit(f"{n_threads} threads: other numbers by {way}, {sizes}")
                    done += 1
    return done


def together(n_threads: int, sizes: tuple, share: float, options: dict) -> np.ndarray:
    """Return the parameters that so many threads train, and what they then answer to many rows.

    `share` of the inputs are not zero.
    """
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, sizes[0])) * (rng.random((300, sizes[0])) < share)
    y = rng.integers(0, sizes[-1], 300)
    network = fastnet.Network(sizes, rng=1)
    fastnet.set_num_threads(n_threads)
    many = np.tile(X, (4, 1)) if not options else X[:0]
    try:
        options = {"mini_batch_size": 50, "metrics": ["training_cost"], **options}
        network.train((X, y), epochs=2, **options)
        answers = network.feedforward(many)
    finally:
        fastnet.set_num_threads(None)
    return np.concatenate([network.parameters, answers.ravel()])


def train(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the parameters of a network that was trained on the data."""
    network = fastnet.Network([20, 16, 3], rng=1)
    network.train((X, y), 3, 10, optimizer="adam", dropout=0.2)
    return network.parameters


if __name__ == "__main__":
    main()
