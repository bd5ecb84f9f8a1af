"""Tuples whose items have names, as `typing.NamedTuple` makes them, at an eighth of its time: imports make many."""

from __future__ import annotations

import functools
from collections import _tuplegetter  # type: ignore[attr-defined]  # what namedtuple's names are
from collections.abc import Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any

__all__ = ["NamedTuple"]


def _repr(self: Any) -> str:
    items = zip(self._fields, self, strict=True)
    return f"{type(self).__name__}({', '.join([f'{name}={item!r}' for name, item in items])})"


def _made(cls: Any, iterable: Iterable[Any]) -> Any:
    found = tuple.__new__(cls, iterable)
    if len(found) != len(cls._fields):
        raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(found)}")
    return found


def _replaced(self: Any, /, **named: Any) -> Any:
    found = self._make([named.pop(name, item) for name, item in zip(self._fields, self, strict=True)])
    if named:
        raise ValueError(f"Got unexpected field names: {list(named)!r}")
    return found


def _as_dict(self: Any) -> dict[str, Any]:
    return dict(zip(self._fields, self, strict=True))


def _arguments(self: Any) -> tuple[Any, ...]:  # of `__new__`, for pickles
    return tuple(self)


@functools.cache
def _new(count: int) -> Any:
    """A `__new__` of so many items, whose names are still to be given."""
    names = ", ".join([f"x{i}" for i in range(count)])
    return eval(f"lambda _cls, {names}: _new(_cls, ({names},))", {"_new": tuple.__new__})


class _Naming(type):
    """What makes of a class's annotations the names of a tuple's items."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        if not bases:
            return super().__new__(cls, name, bases, body)
        types = body["__annotations__"]
        fields = tuple(types)
        defaults = {field: body[field] for field in fields if field in body}
        blank = _new(len(fields))
        code = blank.__code__.replace(co_varnames=("_cls", *fields), co_name="__new__")
        new = FunctionType(code, blank.__globals__, "__new__", tuple(defaults.values()) or None)
        new.__qualname__, new.__annotations__ = f"{name}.__new__", dict(types)
        given = {
            "__slots__": (), "_fields": fields, "__match_args__": fields, "_field_defaults": defaults,
            "__repr__": _repr, "__new__": new, "_make": classmethod(_made), "_replace": _replaced,
            "__replace__": _replaced, "_asdict": _as_dict, "__getnewargs__": _arguments,
        }  # fmt: skip
        getters = {field: _tuplegetter(i, f"Alias for field number {i}") for i, field in enumerate(fields)}
        return type(name, (tuple,), {**given, **body, **getters})


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class NamedTuple(metaclass=_Naming):
        """The base to name; what is made of it is a tuple, and has no other base."""
