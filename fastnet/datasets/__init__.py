"""Data sets: the embedded MNIST, and readers of IDX, .npz and .csv files and pictures of digits.

Nothing that is read is executed, and no declared size is trusted: memory grows with the bytes that
are there. Importing this package is cheap; gzip and zipfile are imported with the first file.
"""

from fastnet.datasets.digits import read_digit
from fastnet.datasets.embedded import MNIST, Split, load_mnist
from fastnet.datasets.folders import load_idx_folder
from fastnet.datasets.idx import load_idx
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
    "read_digit",
    "shift_images",
]
