"""What tests of commands share: small data, and the command run for real."""

import os
import subprocess
import sys

import numpy as np
import pytest

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


def in_terminal(args, columns=0, stdout=None, **options):
    """Run a command with a terminal of so many columns as standard error, and return what it shows.

    Parameters
    ----------
    columns : int
        0: a terminal that does not know its size.
    stdout : None or "terminal"
    """
    pty = pytest.importorskip("pty", reason="pty is missing: Windows has none")
    import fcntl
    import struct
    import termios

    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24 * bool(columns), columns, 0, 0))
    out = there if stdout == "terminal" else None
    with subprocess.Popen(args, stdout=out, stderr=there, **options) as process:
        os.close(there)
        parts = []
        while not parts or parts[-1]:  # read meanwhile: a terminal holds a few KB
            try:
                parts.append(os.read(here, 100_000))
            except OSError:  # Linux: the other end is closed
                parts.append(b"")
    os.close(here)
    shown = b"".join(parts).decode()
    assert process.returncode == 0, shown
    return shown


def one_sentence(text):
    """Return the last line of stderr, after checking that there is no other but progress."""
    lines = [line for line in text.splitlines() if not line.startswith("training ")]
    assert len(lines) == 1, text
    return lines[0]
