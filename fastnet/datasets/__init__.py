"""Data sets: the embedded MNIST, and readers of IDX and .npz files and of pictures of digits.

Reading a file executes nothing, and memory grows with the bytes that are present, not with the
sizes that a file declares. To keep the import fast, gzip and zipfile are imported when a file needs
them.
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
