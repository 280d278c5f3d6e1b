"""NumPy's .npz archives.

NumPy's own loader allocates whatever size a member declares, so it is not used here.
"""

import os
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fastnet.files.limits import (
    FourArrays,
    four_arrays,
)
from fastnet.files.npz import listed, read_member, zip_errors_named

if TYPE_CHECKING:
    import zipfile

__all__ = ["load_npz_arrays"]

_NAMES = ["X_train", "y_train", "X_test", "y_test"]


def load_npz_arrays(path: str | os.PathLike[str]) -> FourArrays:
    """Read ``X_train``, ``y_train``, ``X_test`` and ``y_test`` from an .npz file.

    ``x_train`` and ``x_test`` are taken too, as Keras names them. Nothing is unpickled.

    Parameters
    ----------
    path : str or os.PathLike
        A file as `numpy.savez` or `numpy.savez_compressed` writes it.

    Returns
    -------
    X_train, y_train, X_test, y_test : numpy.ndarray
        ``X`` has one example a row, shape (n, features), images being laid out as rows; ``y`` has
        shape (n,) and whole numbers. Values and types are those of the file, in the machine's byte
        order.

    Raises
    ------
    FileNotFoundError
        If there is no such file (and the other errors of `open`).
    ValueError
        If it is not an .npz file, is truncated or damaged, lacks one of the four arrays, holds
        anything but real numbers, or if the four do not belong together. A member that unpacks to
        more than 64 MiB and to more than a hundred times its size is refused too.

    Notes
    -----
    The format is described in the documentation of `numpy.lib.format`.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "points.npz")
    ...     np.savez(path, X_train=np.eye(3), y_train=[0, 1, 2], X_test=np.ones((1, 3)), y_test=[2])
    ...     X_train, y_train, X_test, y_test = load_npz_arrays(path)
    >>> X_train.shape, y_train.tolist(), X_test.tolist(), y_test.tolist()
    ((3, 3), [0, 1, 2], [[1.0, 1.0, 1.0]], [2])
    """
    import zipfile

    name = os.fsdecode(path)
    source = repr(name)
    with open(name, "rb") as file:
        file_bytes = os.fstat(file.fileno()).st_size
        with zip_errors_named(source):
            archive = zipfile.ZipFile(file)
        with archive:
            arrays = [_read_key(archive, key, file_bytes, source) for key in _NAMES]
    return four_arrays(arrays, _NAMES, source)


def _read_key(archive: "zipfile.ZipFile", key: str, file_bytes: int, source: str) -> NDArray[Any]:
    members = {info.filename: info for info in archive.infolist()}
    info = members.get(f"{key}.npy") or members.get(f"{key.lower()}.npy")
    if info is None:
        raise ValueError(
            f"{source} has no array {key}; expected {', '.join(_NAMES)}, and it holds "
            f"{listed(members)}"
        )
    return read_member(archive, info, file_bytes, f"{key} in {source}")
