"""Replacing a file so that no failure leaves half of one."""

import os
import stat
from contextlib import suppress

__all__ = ["replace_file"]


def replace_file(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write ``data`` to ``path``; at every moment the old file or the new one is there whole.

    The data go to a new file in the same folder, are flushed to the disk, and take the name in one
    step. A symbolic link stays one, the permissions of a file that is there stay as they are (other
    hard links to it keep the old data), and a file that may not be written is refused as `open`
    would. What is no regular file, such as a pipe, is written to directly.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    data : bytes or memoryview
        All of its new content.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(os.path.join(folder, "note"), b"kept")
    ...     os.listdir(folder)
    ['note']
    """
    target = os.path.realpath(os.fsdecode(path))
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as file:
            file.write(data)
        return
    if mode is not None:
        # Renaming needs no leave to write to the file itself, so that has to be asked for.
        os.close(os.open(target, os.O_WRONLY))
    temporary = os.path.join(os.path.dirname(target), f".fastnet-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            # The name that the caller knows, not that of the file beside it.
            raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
        raise
