"""One reverse rule for all arguments of an operation, where the tape asks for one per argument."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..tape import mode


class Shares:
    """The cotangents of all arguments of one node, computed when the first is asked for, each handed out once."""

    def __init__(self) -> None:
        self._left: dict[int, Any] = {}
        self._recording = False
        self._g: Callable[[], Any] = lambda: None

    def take(self, argument: int, g: Any, compute: Callable[[], Sequence[Any]]) -> Any:
        """The cotangent of one argument for the cotangent g of the result; `compute` gives those of all arguments."""
        if self._g() is not g or self._recording != mode.recording or argument not in self._left:
            self._left = dict(enumerate(compute()))
            self._recording = mode.recording
            self._g = weakref.ref(g, self._forget)
        return self._left.pop(argument)

    def _forget(self, reference: Any) -> None:
        if reference is self._g:
            self._left = {}
