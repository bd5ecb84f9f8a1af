"""What is said of a name that is not there: why, if it is one of PyTorch's that this library does without, or which
name of ours was meant.

Python's own guess, "Did you mean", knows our names alone, and takes `refine` for `define` as readily as `zeroes` for
`zeros`. It looks at what the error's `obj` has, so that ours have None there.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from typing import Any

# Under what name a module of ours stands among PyTorch's namespaces, if not under its own.
NAMESPACES = {"wengert": "torch", "wengert.data": "utils.data"}


@functools.cache
def _topics() -> list[tuple[str, dict[str, list[str]]]]:
    """The reasons, and the patterns that each explains by namespace: missing.ini, which tells more of itself."""
    import configparser  # as in `_near`

    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read(os.path.join(os.path.dirname(__file__), "missing.ini"), encoding="utf-8")
    found = []
    for title in parser.sections():
        patterns = {space: names.split() for space, names in parser[title].items()}
        why = " ".join(patterns.pop("reason")).replace("`", "")
        del patterns["in scope"]
        found.append((why, patterns))
    return found


@functools.lru_cache(256)  # who tells classes apart by names asks for the same again and again
def reason(name: str, *spaces: str) -> str | None:
    """Why a name of PyTorch's is not here, by the first of these namespaces that tells, of all if there are none; None
    if no one does."""
    from fnmatch import fnmatchcase  # as in `_near`

    for space in spaces or {space for _, patterns in _topics() for space in patterns}:
        for why, patterns in _topics():
            if any(fnmatchcase(name, pattern) for pattern in patterns.get(space, ())):
                return why
    return None


def error(owner: str, name: str, known: Iterable[str] = (), space: str = "") -> AttributeError:
    """What to raise of a name that `owner` does not have; `known` are those that it has, `space` is what PyTorch calls
    it."""
    text = f"{owner} has no attribute {name!r}"
    if name.startswith("_"):  # asked for by Python and by tools
        return AttributeError(text, name=name, obj=None)
    why = reason(name, space, "elsewhere")
    near = _near(name, known) if why is None else None
    if near is not None:
        text += f"; there is {near!r}"
    elif why is not None or (why := reason(name, "torch", "Tensor", "nn")) is not None:
        text += f": {why}"
    return AttributeError(text, name=name, obj=None)


def of_module(module: str, name: str) -> AttributeError:
    """What to raise of a name that a module does not have."""
    space = NAMESPACES.get(module, module.removeprefix("wengert."))
    names = vars(sys.modules[module])
    return error(f"module {module!r}", name, names.get("__all__", names), space)


def explain(module: str) -> None:
    """Let a module say so of names that it does not have.

    Checkers of types are not to see it, since a module with a `__getattr__` has any name to them.
    """

    def __getattr__(name: str) -> Any:
        raise of_module(module, name)

    sys.modules[module].__getattr__ = __getattr__  # type: ignore[method-assign]


def _near(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a name, if one is."""
    import difflib  # a hundredth of a second, which only who errs need wait for

    public = [k for k in known if not k.startswith("_")]
    alike = [k for k in public if k.lower() == name.lower()] or difflib.get_close_matches(name, public, 1, 0.85)
    if not alike and len(name) > 3:  # in short names one letter is much; the first is seldom wrong
        same = [k for k in public if k[0] == name[0]]
        alike = difflib.get_close_matches(name, same, 1, min(0.85, 1 - 1 / len(name)))
    return alike[0] if alike else None


class Absent:
    """In a class: a name of PyTorch's that objects of it do not have. Asking for it raises an AttributeError that says
    why, so that `hasattr` says no; it costs what is there nothing, which a `__getattr__` would."""

    __slots__ = ("_name", "_owner")

    def __init__(self, owner: str, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: Any, owner: Any = None) -> Absent:
        raise error(f"{self._owner!r} object", self._name, space=self._owner)


def present(cls: type, names: Iterable[str]) -> list[str]:
    """Those of a class's names that are there: what `dir` is to show."""
    absent = {name for base in cls.__mro__ for name, value in vars(base).items() if type(value) is Absent}
    return [name for name in names if name not in absent]
