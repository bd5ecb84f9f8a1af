"""PyTorch's questions about Apple's GPUs, answered as `wengert.cuda` answers those about others.

Examples
--------
>>> wg.mps.device_count(), wg.backends.mps.is_available()
(0, False)
"""

from __future__ import annotations

from .core.missing import explain
from .cuda import device_count, empty_cache, is_available, manual_seed, synchronize
from .cuda import memory_allocated as current_allocated_memory
from .cuda import memory_allocated as driver_allocated_memory

__all__ = [
    "current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "is_available", "manual_seed",
    "synchronize",
]  # fmt: skip

explain(__name__)
