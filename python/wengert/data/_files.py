"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PARTIAL = re.compile(r"\..+\.\d+\.[0-9a-f]+\.part")  # the names of files that are not finished
_OPEN_FILES = re.compile(r"/proc/(\d+)(/task/\d+)?/fd|/dev/fd")  # directories of what a process has open
_MOST_LINKS = 40  # in a chain; what Linux follows


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file, to write and read, that becomes `path` when the block ends well and vanishes when not.

    The bytes go to a file of a name of its own in the same directory, which is flushed to the disk and renamed at the
    end. A reader sees the old file or the new one, also after a power failure, and any number of writers may work at
    once: the last to finish wins.

    The file keeps the mode, and where the system allows it the owner, of the one it replaces; one that may not be
    written is not replaced. A link is followed. What is no ordinary file (a device, a pipe, what ``/dev/stdout`` or
    ``/dev/fd/3`` stands for) cannot be replaced: it is written to while the block runs, and cannot be read.

    Raises
    ------
    OSError
        If the file cannot be made or written. It names `path`.
    """
    try:
        target = _followed(Path(path))
        present = _state(target)
        if present is not None and (not stat.S_ISREG(present.st_mode) or _is_open_file(target)):
            with open(target, "wb", opener=_opened) as file:
                yield file
            return
        with _replaced(target, present) as file:
            yield file
    except OSError as error:
        if error.errno is not None and (error.filename is None or PARTIAL.fullmatch(Path(error.filename).name)):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error  # the name that the caller knows
        raise


@contextlib.contextmanager
def _replaced(target: Path, present: os.stat_result | None) -> Iterator[BinaryIO]:
    """An ordinary file, and its state where there is one, replaced when the block ends well."""
    if present is not None and not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    partial = new_partial(target)
    with partial.open("x+b") as file:
        try:
            if present is not None:
                _take_over(partial, present)
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # a full disk may show only here, and on Windows an open file cannot be renamed
            os.replace(partial, target)
        except BaseException:
            with contextlib.suppress(OSError):  # closing flushes once more; what made us give up is the error to tell
                file.close()
            partial.unlink(missing_ok=True)
            raise


def new_partial(path: Path) -> Path:
    """A name beside `path` that nobody else has, and that says whose it is; of 255 bytes at most, as systems want."""
    return path.with_name(f".{path.name[:50]}.{os.getpid()}.{os.urandom(4).hex()}.part")


def _followed(path: Path) -> Path:
    """The name that a chain of links ends with, or that of an open file: there the links are only for show."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink() or _is_open_file(path):
            return path
        path = path.parent / os.readlink(path)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _is_open_file(path: Path) -> re.Match[str] | None:
    """Whether a name stands for a file that a process has open, which may have another name by now, or none."""
    return _OPEN_FILES.fullmatch(os.path.realpath(path.parent))


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _opened(path: str, flags: int) -> int:
    """A descriptor of what is there: of this process's own files one more, which goes on where the first one stands."""
    open_file = _is_open_file(Path(path))
    if open_file and open_file[1] in (None, str(os.getpid())):
        return os.dup(int(Path(path).name))
    return os.open(path, flags & ~os.O_CREAT)  # Linux forbids to make a pipe again that belongs to another user


def _take_over(path: Path, present: os.stat_result) -> None:
    """Give a file the mode and the owner of another, before anything is in it that not everybody may read."""
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.chown(path, present.st_uid, present.st_gid)
    with contextlib.suppress(PermissionError):  # of a file that has been given away
        path.chmod(stat.S_IMODE(present.st_mode))
