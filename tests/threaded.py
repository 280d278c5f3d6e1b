"""Threads that predict with one network, and threads that each train their own.

For ThreadSanitizer, which sees what goes wrong even where the result happens to be right:
`bash .ci/sanitize thread`. Alone: `python -m tests.threaded`.
"""

import threading

import numpy as np

import fastnet

THREADS = 8
ROUNDS = 20


def main() -> None:
    """Run both; raise where an answer is not the one that a single thread gets."""
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

    threads = [threading.Thread(target=work) for work in (predict, learn) * (THREADS // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} wrong results, the first while {wrong[0]}")


def train(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the parameters of a network that was trained on the data."""
    network = fastnet.Network([20, 16, 3], rng=1)
    network.train((X, y), 3, 10, optimizer="adam", dropout=0.2)
    return network.parameters


if __name__ == "__main__":
    main()
