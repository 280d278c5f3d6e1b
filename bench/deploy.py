"""Time one prediction in exported C, in ONNX Runtime, and with `feedforward`.

`python bench/deploy.py` prints a Markdown table in about 15 seconds. It needs a C compiler, `cc` or
the one that CC names.
"""

import os
import statistics
import subprocess
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fastnet import Network, set_num_threads

from machine import processor, versions

#: Sizes, activations of hidden layers and output, dtype.
NETWORKS = [
    ([4, 32, 4], "tanh", "identity", "float32"),
    ([24, 64, 64, 8], "relu", "identity", "float32"),
    ([784, 30, 10], "sigmoid", "sigmoid", "float32"),
    ([784, 30, 10], "sigmoid", "sigmoid", "float64"),
]
ROUNDS, SECONDS = 15, 0.05
OPTIONS = {"C, -O2": ["-O2"], "C, -O3 -march=native": ["-O3", "-march=native"]}
#: A separate translation unit, so that the compiler cannot inline the call into the loop.
CALL = '#include "net.h"\nvoid call(const REAL *x, REAL *a) { net_feedforward(x, a); }\n'
TIMER = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
void call(const REAL *x, REAL *a);
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}
int main(void)
{
    static REAL x[N_IN], a[N_OUT];
    for (int i = 0; i < N_IN; i++)
        x[i] = (REAL)(i * 37 % 101) / 101;
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds(), end = start;
        long calls = 0;
        while (end - start < SECONDS) {
            for (int k = 0; k < 100; k++)
                call(x, a);
            calls += 100;
            end = seconds();
        }
        printf("%.9e\\n", (end - start) / calls);
    }
    return a[0] == 12345;
}
"""


def in_c(net: Network, folder: Path, options: list[str]) -> float:
    """Return the median time of a call in a C program, in seconds."""
    net.to_c(folder / "net.h")
    (folder / "call.c").write_text(CALL)
    (folder / "timer.c").write_text(TIMER)
    known = {
        "REAL": "float" if net.dtype == np.float32 else "double",
        "N_IN": net.sizes[0],
        "N_OUT": net.sizes[-1],
        "ROUNDS": ROUNDS,
        "SECONDS": SECONDS,
    }
    command = [os.environ.get("CC", "cc"), "-std=c99", *options, "call.c", "timer.c", "-o", "timer"]
    command += [*(f"-D{name}={value}" for name, value in known.items()), "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run([folder / "timer"], check=True, capture_output=True, text=True)
    return statistics.median(map(float, done.stdout.split()))


def in_python(call: Callable[[], Any]) -> float:
    """Return the median time of a Python call, in seconds."""
    timer = timeit.Timer(call)
    number = max(1, round(SECONDS / (timer.timeit(20) / 20)))
    return statistics.median(timer.repeat(ROUNDS, number)) / number


def session(net: Network, folder: Path) -> Any:
    """Return an ONNX Runtime session with one thread."""
    net.to_onnx(folder / "net.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        folder / "net.onnx", options, providers=["CPUExecutionProvider"]
    )


def measure(net: Network) -> dict[str, float]:
    """Return the time of a prediction for one row in each way, in seconds."""
    x = np.random.default_rng(0).random(net.sizes[0]).astype(net.dtype)
    names, inputs = ["outputs"], {"inputs": x[np.newaxis]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = {way: in_c(net, folder, options) for way, options in OPTIONS.items()}
        run = session(net, folder).run
        times["`feedforward`"] = in_python(lambda: net.feedforward(x))
        times["ONNX Runtime, `run`"] = in_python(lambda: run(names, inputs))
    return times


def main() -> None:
    """Measure every network and print the table."""
    set_num_threads(1)
    rows = []
    for sizes, activation, output, dtype in NETWORKS:
        net = Network(sizes, "quadratic", activation=activation, output=output, dtype=dtype, rng=0)
        times = measure(net)
        if not rows:
            rows = [["one row, microseconds", *times], ["---"] * (len(times) + 1)]
        shape = "-".join(map(str, sizes))
        figures = (f"{1e6 * seconds:.2f}" for seconds in times.values())
        rows.append([f"{shape} {activation}, {dtype}", *figures])
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    print(f"\n{processor()}; {versions(['fastnet-mlp', 'numpy', 'onnxruntime'])}")


if __name__ == "__main__":
    main()
