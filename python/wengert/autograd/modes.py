"""Whether operations are recorded: context managers and decorators that set this thread's mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ..tape import mode


class Setting:
    """A context manager and decorator that sets an attribute of this thread's mode."""

    _name = "recording"
    _value: Any = True

    def __init__(self) -> None:
        self._before: list[Any] = []

    def __enter__(self) -> Setting:
        self._before.append(getattr(mode, self._name))
        setattr(mode, self._name, self._value)
        return self

    def __exit__(self, *exception: Any) -> None:
        setattr(mode, self._name, self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):
            return self._stepwise(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **keywords: Any) -> Any:
            before = getattr(mode, self._name)
            setattr(mode, self._name, self._value)
            try:
                return function(*args, **keywords)
            finally:
                setattr(mode, self._name, before)

        return wrapped

    def _stepwise(self, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """A generator acts under the setting, whoever it yields to does not."""

        @functools.wraps(function)
        def wrapped(*args: Any, **keywords: Any) -> Iterator[Any]:
            step = self.__call__(functools.partial(next, function(*args, **keywords)))
            while True:
                try:
                    item = step()
                except StopIteration as stop:
                    return stop.value
                yield item

        return wrapped


def _with_function(cls: type) -> Callable[[type, Any], Any]:
    """Let `@no_grad` stand without parentheses."""

    def __new__(klass: type, function: Any = None) -> Any:
        self = object.__new__(klass)
        if function is not None:
            cls.__init__(self)
            return self(function)
        return self

    return __new__


class no_grad(Setting):
    """Do not record what happens inside; a context manager and a decorator, for this thread.

    Examples
    --------
    >>> x = wg.ones(2, requires_grad=True)
    >>> with wg.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _value = False
    __new__ = _with_function(Setting)


class enable_grad(Setting):
    """Record what happens inside, also within `no_grad`; a context manager and a decorator, for this thread.

    Examples
    --------
    >>> x = wg.ones(2, requires_grad=True)
    >>> with wg.no_grad(), wg.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    __new__ = _with_function(Setting)


class set_grad_enabled(Setting):
    """Record or do not record, from here on or inside a `with` block, for this thread.

    Parameters
    ----------
    enabled : bool

    Examples
    --------
    >>> with wg.set_grad_enabled(False):
    ...     wg.is_grad_enabled()
    False
    """

    def __init__(self, enabled: bool) -> None:
        self._before = [mode.recording]
        self._value = bool(enabled)
        mode.recording = self._value

    def __enter__(self) -> set_grad_enabled:
        mode.recording = self._value
        return self

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        mode.recording = self._before[-1]  # as a decorator it acts on the calls alone
        return super().__call__(function)


class inference_mode(Setting):
    """Do not record what happens inside; the name that PyTorch has for code that never needs gradients.

    Parameters
    ----------
    mode : bool
        False: record.

    Examples
    --------
    >>> with wg.inference_mode():
    ...     wg.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._value = not mode


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_grad_enabled()
    True
    """
    return mode.recording
