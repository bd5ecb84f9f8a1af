"""Faces of packages whose names are imported when they are first asked for, so that an import takes what is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import locks
from .missing import of_module

_asking = locks.lock()


def later(
    face: str, homes: Mapping[str, str], made: Callable[[str, Any], Any] | None = None, others: str | None = None
) -> None:
    """Let a package import its names on first use; of others it says why they are not there.

    Parameters
    ----------
    face : str
        The package.
    homes : mapping
        By the file, relative to the package, the names in it that the package has; the files themselves are found too.
    made : callable
        What a name and what the file has under it become in the package.
    others : str or None
        A package whose public names this one has too.
    """
    package = sys.modules[face]
    names = {name: home for home, known in homes.items() for name in known.split()}
    files = {home.rpartition(".")[2]: home for home in homes if home.rindex(".") == 0}

    def __getattr__(name: str) -> Any:
        home = names.get(name) or files.get(name)
        if home is None and others is not None and name in sys.modules[others].__all__:
            return getattr(sys.modules[others], name)
        if home is None:
            raise of_module(face, name)
        found = importlib.import_module(home, face)
        if name not in names:
            return found
        with _asking:  # another thread may have asked meanwhile: there is one object of a name
            if name not in vars(package):
                value = getattr(found, name)
                setattr(package, name, value if made is None else made(name, value))
        return vars(package)[name]

    def __dir__() -> list[str]:
        return sorted({*vars(package).get("__all__", ()), *files, *vars(package)})

    package.__getattr__ = __getattr__  # type: ignore[method-assign]
    package.__dir__ = __dir__  # type: ignore[method-assign]
