"""One reverse rule for all arguments of an operation, where the tape asks for one per argument."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..core.modes import mode

# A reference to the cotangent of the result, whether the walk was recorded, and what is left to hand out.
_State = tuple[Callable[[], Any], bool, dict[int, Any]]
_NOTHING: _State = (lambda: None, False, {})


class Shares:
    """The cotangents of all arguments of one node, computed when the first is asked for, each handed out once.

    Attributes
    ----------
    lock : threading.RLock
        Held while they are asked for: several threads may walk one graph.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._state: _State = _NOTHING

    def take(self, argument: int, g: Any, compute: Callable[[], Sequence[Any]]) -> Any:
        """The cotangent of one argument for the cotangent g of the result; `compute` gives those of all arguments."""
        with self.lock:
            reference, recording, left = self._state
            if reference() is not g or recording != mode.recording or argument not in left:
                left = dict(enumerate(compute()))
                self._state = weakref.ref(g, self._forget), mode.recording, left
            return left.pop(argument)

    def _forget(self, reference: Any) -> None:
        """Of a cotangent that is gone. Called at any moment, so without the lock: at worst something is computed
        again."""
        if reference is self._state[0]:
            self._state = _NOTHING
