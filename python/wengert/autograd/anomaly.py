"""detect_anomaly: the first value that is not finite, and the first saved value that is written to, raise where it
happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..core import guard
from ..core.doors import leave, line_of_caller, memory
from ..core.modes import Observer, Setting
from ..core.modes import mode as settings
from ..core.tape import Node
from ..core.variable import Variable

F = TypeVar("F", bound=Callable[..., Any])


class AnomalyError(RuntimeError):
    """A value or gradient that is not finite, found by detect_anomaly."""


class Place(str):
    """The line that recorded a node. As long as the node needs its saved values, it keeps them from being written
    to."""

    protection: guard.Protection


class _Watch(Observer):
    """The observer that detect_anomaly sets."""

    def __init__(self, check_nan: bool, also: Observer | None) -> None:
        self._check_nan, self._also = check_nan, also

    def recorded(self, node: Node, inputs: tuple[Any, ...], out: Variable) -> Place:
        if self._also is not None:
            self._also.recorded(node, inputs, out)
        place = Place(line_of_caller() or "a line that cannot be told")
        if self._check_nan:
            already = any(_first_bad(x) is not None for x in inputs if isinstance(x, Variable))
            self._require_finite(
                node, "its result", out, f"{'; an input was so already' if already else ''}; it was recorded at {place}"
            )
        saved = [*(node.saved or ()), node.result]
        place.protection = guard.Protection(
            array for x in saved if isinstance(x, Variable) for array in _arrays(memory(x))
        )
        return place

    def pulled(self, node: Node, argument: int, g: Any) -> None:
        if self._also is not None:
            self._also.pulled(node, argument, g)
        self._carried("gradient for", node, argument, g)

    def pushed(self, node: Node, argument: int, t: Any) -> None:
        if self._also is not None:
            self._also.pushed(node, argument, t)
        self._carried("tangent by way of", node, argument, t)

    def _carried(self, what: str, node: Node, argument: int, direction: Any) -> None:
        if self._check_nan:
            recorded = f"; the operation was recorded at {node.where}" if node.where else ""
            name = node.operation.arguments[argument]
            self._require_finite(node, f"the {what} its argument {name}", direction, recorded)

    @staticmethod
    def _require_finite(node: Node, what: str, x: Any, more: str) -> None:
        bad = _first_bad(x)
        if bad is not None:
            where, item = bad
            at = f" at {where}" if where else ""
            raise AnomalyError(f"{node.operation.name}: {what} is not finite ({item}{at}){more}")


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """The arrays of a value: one, or a tuple of them."""
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, np.ndarray):
            yield part


def _first_bad(x: Variable) -> tuple[tuple[int, ...], Any] | None:
    """The first item that is not finite, and its index."""
    for array in _arrays(leave(x, "text")):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            return where, array[where]
    return None


class detect_anomaly(Setting):
    """Watch what is recorded and walked; a context manager and a decorator, for this thread. For finding errors: it
    is slow.

    - A value or gradient that is not finite raises at once, and the error names the operation and the line of the
      user's code that recorded it.
    - What the graph has saved is read-only until it is no longer needed: a write through a NumPy array that shares its
      memory raises where it happens. (Views that NumPy made before the value was saved are out of reach.)
    - The error of a walk that finds a saved value changed names the line that saved and the line that changed it.

    Parameters
    ----------
    check_nan : bool
        Whether to look for values that are not finite.

    Raises
    ------
    AnomalyError
        A RuntimeError, from inside the block, as said above.

    Examples
    --------
    >>> x = wg.tensor([1., -1.], requires_grad=True)
    >>> with wg.autograd.detect_anomaly():
    ...     y = wg.log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wengert.autograd.anomaly.AnomalyError: log: its result is not finite (nan at (1,)); it was recorded at ...
    """

    _name = "observer"

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self._check_nan = check_nan

    @property
    def _value(self) -> Observer:
        return _Watch(self._check_nan, settings.observer)


class set_detect_anomaly(Setting):
    """Turn `detect_anomaly` on or off, from here on or inside a `with` block, for this thread.

    Parameters
    ----------
    mode : bool
    check_nan : bool
        Whether to look for values that are not finite.

    Examples
    --------
    >>> x = wg.tensor([1., -1.], requires_grad=True)
    >>> with wg.autograd.set_detect_anomaly(True):
    ...     y = wg.log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wengert.autograd.anomaly.AnomalyError: log: its result is not finite (nan at (1,)); it was recorded at ...
    """

    _name = "observer"

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        before = settings.observer
        plain = before._also if isinstance(before, _Watch) else before
        self._before = [before]
        self._wanted = settings.observer = _Watch(check_nan, plain) if mode else plain

    @property
    def _value(self) -> Observer | None:
        return self._wanted

    def __enter__(self) -> set_detect_anomaly:
        settings.observer = self._wanted
        return self

    def __call__(self, function: F) -> F:
        settings.observer = self._before[-1]  # as a decorator it acts on the calls alone
        return super().__call__(function)
