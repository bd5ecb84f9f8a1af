"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file, to write and read, that becomes `path` when the block ends well and vanishes when not.

    The bytes go to a file of a name of its own in the same directory, which is flushed to the disk and renamed at the
    end. A reader sees the old file or the new one, also after a power failure, and any number of writers may work at
    once: the last to finish wins.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    with partial.open("x+b") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # a full disk may show only here, and on Windows an open file cannot be renamed
            os.replace(partial, path)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno is not None and error.filename is None:
                error.filename = os.fspath(path)  # a write does not know it, and the message should
            with contextlib.suppress(OSError):  # closing flushes once more; what made us give up is the error to tell
                file.close()
            partial.unlink(missing_ok=True)
            raise
