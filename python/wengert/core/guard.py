"""Protection of arrays from being written to through NumPy, while a graph needs what they hold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import _kernels
from . import locks

_lock = locks.lock()  # a protection may be collected while another is being made
_held: dict[int, int] = {}  # how many protections an array is under, by its id; each of them keeps it alive


class Protection:
    """Keeps arrays, and the arrays that they are views of, read-only for as long as it lives."""

    def __init__(self, arrays: Iterable[np.ndarray]) -> None:
        self._arrays = [part for array in arrays for part in _with_bases(array)]
        with _lock:
            for array in self._arrays:
                count = _held.get(id(array), 0)
                if count or array.flags.writeable:
                    _held[id(array)] = count + 1
                    _kernels.set_writeable(array, False)

    def __del__(self) -> None:
        with _lock:
            for array in self._arrays:
                count = _held.pop(id(array), 0)
                if count > 1:
                    _held[id(array)] = count - 1
                elif count:
                    _kernels.set_writeable(array, True)


def release(array: np.ndarray) -> None:
    """Lift what protection an array is under, for a change that is counted."""
    with _lock:
        for part in _with_bases(array):
            if _held.pop(id(part), 0):
                _kernels.set_writeable(part, True)


def _with_bases(array: np.ndarray) -> list[np.ndarray]:
    found = []
    owner: object = array
    while isinstance(owner, np.ndarray):
        found.append(owner)
        owner = owner.base
    return found
