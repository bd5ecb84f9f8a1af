"""Errors of calls that do not fit a signature: they say what would have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def tells(function: F) -> F:
    """Mark a public function that takes long enough: where it is exported, it is wrapped by `telling`."""
    function.tells = True  # type: ignore[attr-defined]
    return function


def telling(function: F) -> F:
    """The same function; called with arguments that it does not take, it says which it takes.

    Python's own message names the function and the argument only. A call costs 0.1 us more, so that what takes less
    than twenty times as long goes without.
    """

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from within the function, not of its call
            raise TypeError(f"{error}; it takes {spelled(function)}") from None

    return call  # type: ignore[return-value]


def spelled(function: Callable[..., Any]) -> str:
    """The parameters of a function, without their types."""
    signature = inspect.signature(function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values() if p.name != "self"]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


_OF_ONE = inspect.Signature(
    [inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation="Any")], return_annotation="Tensor"
)


def shown_plainly(functions: Iterable[Any]) -> None:
    """Let `help` show exported functions of one tensor as such: the constructor that made them would have passed
    keywords on to their kernels, which take none."""
    for function in functions:
        code = getattr(function, "__code__", None)
        if code is not None and code.co_varnames[:2] == ("x", "static") and code.co_argcount == 1:
            function.__signature__ = _OF_ONE


def constructor_tells(cls: Any) -> None:
    """Let the constructor of a public class, if it has one of its own, tell what it takes."""
    if "__init__" in vars(cls) and not cls.__name__.startswith("_"):
        cls.__init__ = telling(cls.__init__)
