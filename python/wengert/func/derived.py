"""What a transform of a function gives: a function, which pickles as what it was made of and by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any


class Derived:
    """A function that `maker(*arguments, **keywords)` gives, and `call` computes.

    A closure, which it takes the place of, cannot be pickled; this can where the arguments can, so that processes take
    `wg.grad(loss)` as they take `loss`. As an attribute of a class it is a method, as a function is.

    Parameters
    ----------
    call : callable
    maker : callable
        Under its name in its module.
    *arguments, **keywords
        The first is the function that it is made of.
    """

    __slots__ = ("__dict__", "__weakref__", "_arguments", "_call", "_keywords", "_maker")

    def __init__(self, call: Callable[..., Any], maker: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        self._call, self._maker, self._arguments, self._keywords = call, maker, arguments, keywords
        self.__name__ = maker.__name__

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._call(*args, **keywords)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<wengert.func.{self._maker.__name__} of {self._arguments[0]!r}>"

    def __reduce__(self) -> Any:
        return functools.partial(self._maker, **self._keywords), self._arguments
