"""Atomic writing: a file is replaced as a whole or not at all."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from types import ModuleType
from typing import BinaryIO

__all__ = ["remove_leftovers", "replace_file"]

#: Errors of systems that cannot flush a folder, or that flush it without being asked.
_NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EISDIR, errno.EBADF}


def _locks() -> ModuleType | None:
    try:
        import fcntl
    except ImportError:  # not POSIX; an open file cannot be removed there anyway
        return None
    return fcntl


def replace_file(
    path: str | os.PathLike[str],
    data: bytes | Callable[[BinaryIO], object],
    *,
    before: Callable[[], object] | None = None,
) -> None:
    """Write a file so that at any moment it has all of the old or all of the new content.

    The data go to a new file in the same folder and are flushed to the disk; then that file is
    renamed, and the folder is flushed too. A symbolic link stays one, the permissions of an
    existing file stay as they are (other hard links to it keep the old data), and a file that may
    not be written is refused as `open` would. A pipe or a device is written to directly.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    data : bytes or function of an open file
        The new content, or a function that writes it.
    before : callable, keyword only, optional
        Called when the new content is on the disk, before the file is renamed.

    Raises
    ------
    OSError
        The file cannot be written; it is unchanged, and no temporary file is left.
    """
    target = os.path.realpath(os.fsdecode(path))
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as file:
            _write(file, data)
        return
    if mode is not None:
        # Renaming needs no permission to write to the file itself, so check that here.
        os.close(os.open(target, os.O_WRONLY))
    fcntl = _locks()
    temporary = os.path.join(
        os.path.dirname(target), f"{_temporary_prefix(target)}{os.urandom(8).hex()}.tmp"
    )
    try:
        with open(temporary, "xb") as file:
            if fcntl is not None:
                with suppress(OSError):  # a file system without locks
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
            # Name the file that the caller knows, not the temporary one.
            raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error
        raise


def _write(file: BinaryIO, data: bytes | Callable[[BinaryIO], object]) -> None:
    if callable(data):
        data(file)
    else:
        file.write(data)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove temporary files beside a file, left by processes that were killed while writing it.

    A temporary file that another process is writing is locked, and stays.
    """
    target = os.path.realpath(os.fsdecode(path))
    folder, prefix = os.path.dirname(target), _temporary_prefix(target)
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(prefix) and name.endswith(".tmp"):
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


def _temporary_prefix(target: str) -> str:
    """Return the prefix of the names of a file's temporary files."""
    name = os.fsencode(os.path.basename(target))
    return f".fastnet-{blake2b(name, digest_size=6).hexdigest()}-"


def _flush_folder(folder: str) -> None:
    """Flush a folder's entries to the disk, if the system supports it."""
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
