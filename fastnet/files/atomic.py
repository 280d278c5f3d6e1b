"""Replacing a file so that no failure leaves half of one."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from types import ModuleType
from typing import BinaryIO

__all__ = ["remove_leftovers", "replace_file"]

#: What systems and file systems answer that cannot flush a folder, or do it by themselves.
_NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EISDIR, errno.EBADF}


def _locks() -> ModuleType | None:
    try:
        import fcntl
    except ImportError:  # not POSIX; there, what is open cannot be removed anyway
        return None
    return fcntl


def replace_file(
    path: str | os.PathLike[str],
    data: bytes | Callable[[BinaryIO], object],
    *,
    before: Callable[[], object] | None = None,
) -> None:
    """Write ``data`` to ``path``; at every moment the old file or the new one is there whole.

    The data go to a new file in the same folder, are flushed to the disk, take the name in one
    step, and the folder is flushed too. A symbolic link stays one, the permissions of a file that
    is there stay as they are (other hard links to it keep the old data), and a file that may not be
    written is refused as `open` would. What is no regular file, such as a pipe, is written to
    directly.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    data : bytes or function of an open file
        All of its new content, or what writes it.
    before : callable, keyword only, optional
        Called when all is on the disk, before it takes the name.

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
            _write(file, data)
        return
    if mode is not None:
        # Renaming needs no leave to write to the file itself, so that has to be asked for.
        os.close(os.open(target, os.O_WRONLY))
    fcntl = _locks()
    temporary = os.path.join(
        os.path.dirname(target), f"{_beginning(target)}{os.urandom(8).hex()}.tmp"
    )
    try:
        with open(temporary, "xb") as file:
            if fcntl is not None:
                with suppress(OSError):  # which file systems without locks have
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(file, data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        if before is not None:
            before()
        os.replace(temporary, target)
        _flush_folder(os.path.dirname(target))
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            # The name that the caller knows, not that of the file beside it.
            raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
        raise


def _write(file: BinaryIO, data: bytes | Callable[[BinaryIO], object]) -> None:
    if callable(data):
        data(file)
    else:
        file.write(data)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what processes left beside a file that were killed while they wrote it.

    What another process is writing is locked, and stays.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     remove_leftovers(os.path.join(folder, "note"))
    """
    target = os.path.realpath(os.fsdecode(path))
    folder, beginning = os.path.dirname(target), _beginning(target)
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(beginning) and name.endswith(".tmp"):
                with suppress(OSError):
                    _remove_unless_locked(os.path.join(folder, name))


def _remove_unless_locked(path: str) -> None:
    fcntl = _locks()
    if fcntl is None:
        os.unlink(path)
        return
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


def _beginning(target: str) -> str:
    """What the names of files begin with that are to become this one."""
    name = os.fsencode(os.path.basename(target))
    return f".fastnet-{blake2b(name, digest_size=6).hexdigest()}-"


def _flush_folder(folder: str) -> None:
    """Have the disk know the new name, where that can be asked for."""
    try:
        number = os.open(folder or ".", os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
    finally:
        os.close(number)
