"""Coverage-guided fuzzing of what fastnet reads: `python -m tests.fuzz csv --runs 1000000`.

Needs the `fuzz` extra (atheris, which is libFuzzer for Python). Stops at the first input that does
anything but be read or be refused well, and writes it to a file that it names; put that file into
`tests/fuzz/cases/`, where the normal tests run it too.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fastnet", "json", "zipfile", "gzip", "csv"]):
    from .checking import Checker, load_modules
    from .formats import FORMATS

    load_modules()

from .mutating import MUTATORS

#: An input may cost this much memory beyond what the process has, deflated data being allowed
#: 64 MiB an array whatever their size; and this much time.
MOST_BYTES = 1 << 30
MOST_SECONDS = 10
LONGEST_INPUT = 4096


def main() -> None:
    """Fuzz one format."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs; 1,000,000 if not said")
    parser.add_argument("--seconds", type=int, default=0, help="stop after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was interesting")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=_memory_folder()) as scratch:
        corpus = arguments.corpus or Path(scratch) / "corpus"
        corpus.mkdir(exist_ok=True)
        form = FORMATS[arguments.format]
        seeds = form.seeds()
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number:03}").write_bytes(seed)
        checker = Checker(form, Path(scratch))
        _limit_memory()
        options = [
            f"-runs={arguments.runs}",
            f"-max_total_time={arguments.seconds}",
            f"-seed={arguments.seed}",
            "-timeout=600",  # by the clock, which goes on while a process is stopped
            f"-max_len={max(LONGEST_INPUT, 2 * max(map(len, seeds)))}",
            "-rss_limit_mb=0",
            f"-artifact_prefix={Path.cwd()}/found-{form.name}-",
            "-print_final_stats=1",
        ]
        mutator = MUTATORS.get(form.name)
        atheris.Setup(
            [sys.argv[0], *options, str(corpus)],
            lambda data: _check_in_time(checker, data),
            **({"custom_mutator": mutator} if mutator else {}),
        )
        atheris.Fuzz()


def _check_in_time(checker: Checker, data: bytes) -> None:
    began = time.process_time()
    checker.check(data)
    seconds = time.process_time() - began
    assert seconds < MOST_SECONDS, f"{seconds} s"


def _memory_folder() -> str | None:
    """A file system in memory, where there is one: a million files are written."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _limit_memory() -> None:
    """Let an allocation that is out of proportion fail: it is a MemoryError, and so is found."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


main()
