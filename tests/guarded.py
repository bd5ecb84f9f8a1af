"""The kernels between guards: `from guarded import K` gives `wengert._kernels`, but so that a stray access is a fault.

Every array given to a function of K is moved, with its strides, to memory that ends where a page begins that may not be
touched; on every other call to memory that begins where such a page ends. Every result has sentinels on both sides and
such a page behind it (`wg_buffer_guard` in csrc/buffer.c). Arrays that a function changes are copied back.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from wengert import _kernels

MOST = 1 << 18  # bytes; larger arrays stay where they are: smaller ones take the same paths
UNTOUCHED = 0xA5
_pages: dict[int, list[np.ndarray]] = {}  # mappings that nobody uses, by length


def _mapping(length: int) -> np.ndarray:
    """`length` bytes, a multiple of the page, with an inaccessible page on either side."""
    whole = np.frombuffer(mmap.mmap(-1, length + 2 * mmap.PAGESIZE), np.uint8)
    mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    for page in (whole.ctypes.data, whole.ctypes.data + mmap.PAGESIZE + length):
        if mprotect(ctypes.c_void_p(page), ctypes.c_size_t(mmap.PAGESIZE), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    return whole[mmap.PAGESIZE : mmap.PAGESIZE + length]


class _Guard:
    """A copy of an array, whose bytes lie from `low` to `high`, next to an inaccessible page; and the way back."""

    def __init__(self, array: np.ndarray, low: int, high: int, at_end: bool) -> None:
        length = -(-(high - low) // mmap.PAGESIZE) * mmap.PAGESIZE
        free = _pages.setdefault(length, [])
        self.original, self.memory = array, free.pop() if free else _mapping(length)
        self.memory.fill(UNTOUCHED)
        self.start = (length - (high - low) if at_end else 0) + array.__array_interface__["data"][0] - low
        self.copy = self._view(self.memory)
        self.copy[...] = array
        self.before = self.memory.tobytes()
        if not array.flags.writeable:
            self.copy.flags.writeable = False

    def _view(self, memory: np.ndarray) -> np.ndarray:
        return np.ndarray(self.original.shape, self.original.dtype, memory, self.start, self.original.strides)

    def finish(self) -> None:
        """Copy changes back; a read-only array, and what lies around any, must not have changed."""
        if self.memory.tobytes() != self.before:
            around = np.frombuffer(bytearray(self.before), np.uint8)
            if self.original.flags.writeable:
                self.original[...] = self.copy
                self._view(around)[...] = self.copy
            assert (self.memory == around).all(), "a kernel wrote outside of its operands"
        _pages[self.memory.size].append(self.memory)


def _bounds(x: Any) -> tuple[int, int] | None:
    """Where the bytes of an array lie that is to be guarded."""
    if type(x) is not np.ndarray or not x.size or x.dtype.hasobject:
        return None
    low, high = np.lib.array_utils.byte_bounds(x)
    return (low, high) if high - low <= MOST else None


class _Guarded:
    """A function of the kernels, called between guards."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.at_end = function, False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.at_end = not self.at_end
        guards: dict[int, _Guard] = {}

        def move(x: Any) -> Any:
            if isinstance(x, list):
                return [move(item) for item in x]
            if id(x) not in guards:
                bounds = _bounds(x)
                if bounds is None:
                    return x
                guards[id(x)] = _Guard(x, *bounds, self.at_end)
            return guards[id(x)].copy

        try:
            moved = [move(x) for x in args], {name: move(x) for name, x in kwargs.items()}
            _kernels.guard_memory(True)
            result = self.function(*moved[0], **moved[1])
        finally:
            _kernels.guard_memory(False)
            for guard in guards.values():
                guard.finish()
        return result


class _Kernels(ModuleType):
    """wengert._kernels with every function that takes arrays wrapped."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(_kernels, name)
        if sys.platform != "linux" or not callable(value) or name in _AS_IT_IS:
            return value
        made = name in ("Elementwise", "Fold", "Loops")  # whose objects are called with arrays
        wrapped: Any = (lambda *of: _Guarded(value(*of))) if made else _Guarded(value)
        setattr(self, name, wrapped)
        return wrapped


# What takes no arrays, or asks about an array's own memory. A new function is guarded.
_AS_IT_IS = {
    "Reduction", "allowance", "available_isas", "broadcast_view", "elementwise_info", "empty", "get_num_threads",
    "guard_memory", "held_alone", "isa", "memory_usage", "overlap", "owned_alone", "peak_flops", "select_isa",
    "set_memory_limit", "set_num_threads", "set_writeable", "share_processors", "trim_memory", "vector_bytes",
}  # fmt: skip

K = _Kernels("guarded kernels")
