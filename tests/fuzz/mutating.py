"""Mutations that keep an archive sound, so that what is inside of it is reached.

A random change in an archive is found by its checksum. So most changes are made to what was packed,
which is then packed again.
"""

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable

import atheris

__all__ = ["MUTATORS"]

Mutator = Callable[[bytes, int, int], bytes]
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
#: What to unpack at most; more is for the tests of bombs.
MOST_BYTES = 1 << 16


def mutate_zip(data: bytes, max_size: int, seed: int) -> bytes:
    """Change one member of an archive, or the archive."""
    rng = random.Random(seed)
    if rng.random() < 0.3:
        return atheris.Mutate(data, max_size)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [
                (info, archive.open(info).read(MOST_BYTES)) for info in archive.infolist()[:20]
            ]
        chosen = rng.randrange(len(members))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for number, (info, content) in enumerate(members):
                if number == chosen:
                    content = atheris.Mutate(content, len(content) + 64)
                name = info.filename
                archive.writestr(zipfile.ZipInfo(name), content, info.compress_type)
    except DAMAGE:
        return atheris.Mutate(data, max_size)
    packed = out.getvalue()
    return packed if len(packed) <= max_size else atheris.Mutate(data, max_size)


def mutate_gzip(data: bytes, max_size: int, seed: int) -> bytes:
    """Change what a gzipped file holds, or the file; and an IDX file that is not gzipped."""
    rng = random.Random(seed)
    if data[:2] != b"\x1f\x8b" or rng.random() < 0.3:
        return atheris.Mutate(data, max_size)
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_BYTES)
    except DAMAGE:
        return atheris.Mutate(data, max_size)
    packed = gzip.compress(atheris.Mutate(content, len(content) + 64), 1, mtime=0)
    return packed if len(packed) <= max_size else atheris.Mutate(data, max_size)


MUTATORS: dict[str, Mutator] = {
    "model_npz": mutate_zip,
    "ensemble": mutate_zip,
    "data_npz": mutate_zip,
    "checkpoint": mutate_zip,
    "idx": mutate_gzip,
}
