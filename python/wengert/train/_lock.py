"""A lock on a file, held by one process at a time; the system takes it back when that process ends, however it ends."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import BinaryIO

from .._terminal import printable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # the errors of file systems that know no locks
_HELD = (errno.EWOULDBLOCK, errno.EACCES)  # those that say that somebody has the lock, on Unix and on Windows
_FAR = 1 << 30  # Windows forbids others to read the byte that is locked, so it is one that the file does not have


class HeldError(OSError):
    """Somebody holds the lock: `holder` says who, as far as is known."""

    def __init__(self, holder: str) -> None:
        super().__init__(errno.EWOULDBLOCK, f"{holder} holds the lock")
        self.holder = holder


def acquire(path: Path) -> BinaryIO:
    """Lock a file, which is made if need be and says who holds it; `release` gives the lock back.

    Raises
    ------
    HeldError
        If it is held: by another process or by this one, which gets no second lock on it either.
    OSError
        If the file cannot be made, or its file system knows no locks: `errno` is one of `UNSUPPORTED` then.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    try:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _HELD:
                file.seek(0)
                holder = printable(file.read(200).decode(errors="replace").strip(), keep="")  # anybody may write there
                raise HeldError(holder or "another process") from error
            raise
        _write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    except BaseException:
        file.close()
        raise
    return file


def release(file: BinaryIO) -> None:
    """Give back what `acquire` gave. The file stays: to remove it would leave others with a lock on nothing."""
    with file:
        _write(file, b"")


def _write(file: BinaryIO, text: bytes) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
