"""What tests of commands share: small data, and the command run for real."""

import subprocess
import sys

import numpy as np

FAST = ["--hidden=4", "--epochs=3", "--eta=0.5", "--lmbda=0.1", "--mini-batch-size=5"]
FASTNET = [sys.executable, "-W", "error", "-m", "fastnet"]


def arrays():
    """Return 50 + 30 small byte images of three classes."""
    rng = np.random.default_rng(8)
    y = np.arange(80) % 3
    X = rng.integers(0, 120, (80, 2, 3)) + 60 * np.stack([y, 2 - y, y], axis=1)[:, None, :]
    X = np.minimum(X, 255).astype(np.uint8)
    return {"X_train": X[:50], "y_train": y[:50], "X_test": X[50:], "y_test": y[50:]}


def fastnet(*args, cwd, code=0, start=FASTNET):
    """Run the command, check its exit code, and return (stdout, stderr)."""
    done = subprocess.run(
        [*start, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "\r" not in done.stdout + done.stderr  # neither of them is a terminal
    return done.stdout, done.stderr


def one_sentence(text):
    """Return the last line of stderr, after checking that there is no other but progress."""
    lines = [line for line in text.splitlines() if not line.startswith("training ")]
    assert len(lines) == 1, text
    return lines[0]
