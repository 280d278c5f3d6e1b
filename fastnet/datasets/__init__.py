"""Data sets: the embedded MNIST, and readers for the files that others come in.

Nothing here executes what it reads, and nothing trusts a size that a file declares: memory grows
with the bytes that are really there. Importing this package is cheap; gzip and zip support are
loaded with the first file.
"""

from fastnet.datasets.embedded import MNIST, Split, load_mnist
from fastnet.datasets.idx import load_idx, load_idx_folder
from fastnet.datasets.npz import load_npz_arrays
from fastnet.datasets.shift import ShiftedImages, shift_images

__all__ = [
    "MNIST",
    "ShiftedImages",
    "Split",
    "load_idx",
    "load_idx_folder",
    "load_mnist",
    "load_npz_arrays",
    "shift_images",
]
