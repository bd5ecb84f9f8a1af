"""What a thread does with the operations it applies: its mode, and context managers and decorators that set it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound="Setting")


class Observer:
    """Sees what a thread records and what its walks carry: `detect_anomaly` and `trace` are observers."""

    def recorded(self, node: Any, inputs: tuple[Any, ...], out: Any) -> Any:
        """A new node; what is returned is kept as `node.where` until its saved values are freed."""

    def pulled(self, node: Any, argument: int, g: Any) -> None:
        """A cotangent for one argument of a node."""

    def pushed(self, node: Any, argument: int, t: Any) -> None:
        """A tangent of a node's result, by way of one argument."""


class Mode(threading.local):
    """What this thread does with the operations it applies."""

    recording = True
    levels: tuple[Any, ...] = ()  # of the batches that are open, the oldest first
    recorder: Any = None  # of a program, while one is being recorded
    _observer: Observer | None = None

    @property
    def observer(self) -> Observer | None:
        """Who watches this thread; None in a process whose `ever.observers` is false."""
        return self._observer

    @observer.setter
    def observer(self, observer: Observer | None) -> None:
        ever.observers = True
        self._observer = observer


mode = Mode()


class Ever:
    """What this process has done at least once: whoever would look for it on each call need not, until then."""

    def __init__(self) -> None:
        self.batches_or_hooks = False  # opened a batch, or hooked a leaf
        self.observers = False  # let someone watch what a thread records
        self.recordings = 0  # of programs that are under way, in all threads
        self.defaults = 0  # how often the default dtype was set


ever = Ever()


def recorder() -> Any:
    """What records a program in this thread; None if nothing does."""
    return mode.recorder if ever.recordings else None


class recording:
    """A block in which operations are recorded, or are not: what no_grad is made of, without its ways of decorating."""

    __slots__ = ("_before", "_on")

    def __init__(self, on: bool) -> None:
        self._on = on

    def __enter__(self) -> bool:
        self._before = mode.recording
        mode.recording = self._on
        return self._before

    def __exit__(self, *exception: Any) -> None:
        mode.recording = self._before


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

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._stepwise(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapped(*args: Any, **keywords: Any) -> Any:
            before = getattr(mode, self._name)
            setattr(mode, self._name, self._value)
            try:
                return function(*args, **keywords)
            finally:
                setattr(mode, self._name, before)

        return wrapped  # type: ignore[return-value]

    def _stepwise(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A generator acts under the setting, whoever it yields to does not."""

        @functools.wraps(function)
        def wrapped(*args: Any, **keywords: Any) -> Generator[Any, None, Any]:
            step = self.__call__(functools.partial(next, function(*args, **keywords)))
            while True:
                try:
                    item = step()
                except StopIteration as stop:
                    return stop.value
                yield item

        return wrapped


class _Bare(Setting):
    """One that may stand before a function without parentheses, as in `@no_grad`."""

    def __new__(cls: type[S], function: Callable[..., Any] | None = None) -> S:
        self = object.__new__(cls)
        if function is None:
            return self
        Setting.__init__(self)
        return self(function)  # type: ignore[return-value]


class no_grad(_Bare):
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


class enable_grad(_Bare):
    """Record what happens inside, also within `no_grad`; a context manager and a decorator, for this thread.

    Examples
    --------
    >>> x = wg.ones(2, requires_grad=True)
    >>> with wg.no_grad(), wg.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """


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

    def __call__(self, function: F) -> F:
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
